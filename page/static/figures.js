// The figures: tiles and applications, which narrow the table down to what they count, and the plot of last activity.

import {button, element, replace, setText, table} from "./dom.js";
import {applicationName, number, text} from "./texts.js";
import {step} from "./times.js";

/**
 * @typedef {import("./feed.js").FiguresOf} FiguresOf
 * @typedef {import("./feed.js").Counts} Counts
 * @typedef {"loggedIn" | "waiting" | "guests" | "ended"} TileName
 * @typedef {{tile: HTMLElement, name: HTMLElement, count: HTMLElement, of: HTMLElement, detail: HTMLElement, action: HTMLElement}} Tile
 */

/** @type {readonly TileName[]} */
const tiles = ["loggedIn", "waiting", "guests", "ended"];

/**
 * sum adds up figures of several sites.
 * @param {FiguresOf[]} list
 * @returns {FiguresOf}
 */
export function sum(list) {
  /** @type {FiguresOf} */
  const total = {persons: 0, waiting: 0, endedGuests: 0, people: 0, guests: 0, ended: 0, applications: [], activity: []};
  const add = (/** @type {Counts} */ to, /** @type {Counts} */ from) => {
    to.people += from.people;
    to.guests += from.guests;
    to.ended += from.ended;
  };
  for (const figures of list) {
    total.persons += figures.persons;
    total.waiting = total.waiting === null || figures.waiting === null ? null : total.waiting + figures.waiting;
    total.endedGuests += figures.endedGuests;
    add(total, figures);
    for (const one of figures.applications) {
      const found = total.applications.find(({client}) => client === one.client);
      if (found) {
        add(found, one);
      } else {
        total.applications.push({...one});
      }
    }
    figures.activity.forEach((one, i) => {
      if (total.activity[i]) {
        add(total.activity[i], one);
      } else {
        total.activity.push({...one});
      }
    });
  }
  return total;
}

/** A Figures shows figures, and tells what is chosen. */
export class Figures {
  /** @type {import("./dataset.js").Section} */
  section = "all";
  /** @type {number | null} */
  application = null;

  /**
   * @param {{tiles: HTMLElement, sum: HTMLElement, applications: HTMLElement, activity: HTMLElement}} elements
   * @param {(chosen: Partial<import("./address.js").State>) => void} choose
   */
  constructor(elements, choose) {
    this.elements = elements;
    this.choose = choose;
    this.tiles = /** @type {Record<TileName, Tile>} */ (Object.fromEntries(tiles.map((name) => [name, this.tile(name)])));
  }

  /**
   * @param {TileName} name
   * @returns {Tile}
   */
  tile(name) {
    const parts = {name: element("span", "name"), count: element("span", "count"), of: element("span", "of"),
      detail: element("span", "detail"), action: element("span", "action")};
    // Guests are only counted: there is nothing to narrow down to.
    const tile = name === "guests" ? element("div", "tile card " + name) :
      button("tile card " + name, "", () => this.choose({section: this.section === name ? "all" : name}));
    tile.append(...Object.values(parts));
    this.elements.tiles.append(tile);
    return {tile, ...parts};
  }

  /**
   * press shows what is chosen.
   * @param {import("./address.js").State} state
   */
  press({section, application}) {
    Object.assign(this, {section, application});
    for (const name of tiles) {
      const {tile, action, name: label} = this.tiles[name];
      setText(label, text(name));
      if (name !== "guests") {
        tile.setAttribute("aria-pressed", String(section === name));
        setText(action, text(section === name ? "showAll" : "showOnly"));
      }
    }
    for (const one of this.elements.applications.querySelectorAll("button")) {
      one.setAttribute("aria-pressed", String(application === Number(one.dataset.key)));
    }
  }

  /** clear takes the figures away. */
  clear() {
    for (const {count, of, detail} of Object.values(this.tiles)) {
      [count, of, detail].forEach((part) => setText(part, ""));
    }
    this.elements.sum.textContent = "";
    this.elements.applications.replaceChildren();
    this.elements.activity.replaceChildren();
  }

  /**
   * render shows figures of which there are more to come unless they are whole. Of says of how many sites they are, where
   * that are not all.
   * @param {FiguresOf} figures
   * @param {boolean} whole
   * @param {string} of
   */
  render(figures, whole, of) {
    const {people, guests, ended, endedGuests, persons, waiting} = figures;
    const loggedIn = people - (waiting ?? 0);
    this.fill("loggedIn", number(persons), of, text("loggedInDetail", {n: persons, sessions: text("sessions", {n: loggedIn})}));
    this.fill("waiting", waiting === null ? text("notKnownYet") : number(waiting), of, text("waitingDetail"));
    this.fill("guests", number(guests), of, text("guestsDetail"));
    this.fill("ended", number(ended), of, text("endedDetail", {people: ended - endedGuests, guests: endedGuests}));
    const total = text("sessions", {n: people + guests + ended});
    const added = whole ? text("sum", {loggedIn, waiting: waiting ?? 0, guests, ended, total}) : text("sumCounting", {total});
    setText(this.elements.sum, [added, of].filter(Boolean).join(" · "));
    this.elements.sum.dataset.whole = String(whole);
    this.showApplications(figures, of);
    this.showActivity(figures);
  }

  /**
   * @param {TileName} name
   * @param {string} count
   * @param {string} of
   * @param {string} detail
   */
  fill(name, count, of, detail) {
    const tile = this.tiles[name];
    setText(tile.count, count);
    setText(tile.of, of);
    setText(tile.detail, detail);
  }

  /**
   * @param {FiguresOf} figures
   * @param {string} of
   */
  showApplications({applications, people, guests, ended}, of) {
    const heads = [text("application"), text("ofPeople"), text("ofGuests"), text("ofEnded")];
    const rows = applications.toSorted((a, b) => b.people - a.people || a.client - b.client).map(({client, people, guests, ended}) => {
      const choice = button("choice", applicationName(client), () => this.choose({application: this.application === client ? null : client}));
      choice.dataset.key = String(client);
      choice.disabled = client === -2; // Several, which the table has by their numbers.
      choice.setAttribute("aria-pressed", String(this.application === client));
      return [choice, people, guests, ended];
    });
    const total = [text("total"), of].filter(Boolean).join(" · ");
    replace(this.elements.applications, [table("applications-heading", heads, [...rows, [total, people, guests, ended]], number)]);
  }

  /** showActivity draws a bar for each step of time, beside its numbers.
   * @param {FiguresOf} figures */
  showActivity({activity}) {
    const heads = [text("lastActive"), text("ofPeople"), text("ofGuests"), text("ofEnded")];
    const most = Math.max(...activity.map(({people, guests, ended}) => people + guests + ended), 1);
    const rows = activity.map(({within, people, guests, ended}, i) => {
      const from = activity[i - 1]?.within ?? 0;
      const name = i === activity.length - 1 ? text("noTime") : step(from, within);
      const bar = element("span", "bar");
      bar.setAttribute("aria-hidden", "true");
      for (const [kind, count] of /** @type {[string, number][]} */ ([["of-people", people], ["of-guests", guests], ["of-ended", ended]])) {
        bar.append(element("span", kind));
        /** @type {HTMLElement} */ (bar.lastChild).style.width = `${100 * count / most}%`;
      }
      return [name, people, guests, ended, bar];
    });
    const plot = table("activity-heading", heads, rows.filter(([, ...counts], i) => i < rows.length - 1 || counts.some((count) => Number(count) > 0)), number);
    const head = /** @type {HTMLTableSectionElement} */ (plot.tHead).rows[0];
    ["of-people", "of-guests", "of-ended"].forEach((kind, i) => head.cells[i + 1].classList.add("legend", kind));
    head.cells[3].colSpan = 2;
    this.elements.activity.replaceChildren(plot);
  }
}
