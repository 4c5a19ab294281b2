// The figures: tiles and applications, which narrow the table down to what they count, and the plot of last activity.

import {applicationName, duration, number, text} from "./texts.js";

const tiles = ["loggedIn", "waiting", "guests", "ended"];

// A Figures shows figures, and calls changed when some are chosen.
export class Figures {
  section = "all"; // of the table: all, loggedIn, waiting or ended
  application = null; // the number of one, or null for all

  constructor(elements, changed) {
    Object.assign(this, {elements, changed});
    this.tiles = Object.fromEntries(tiles.map((name) => {
      // Guests are only counted: there is nothing to narrow down to.
      const tile = document.createElement(name === "guests" ? "div" : "button");
      tile.className = "tile card " + name;
      for (const part of ["name", "count", "detail", "action"]) {
        tile.append(span(part));
      }
      tile.querySelector(".name").textContent = text(name);
      if (name !== "guests") {
        tile.type = "button";
        tile.addEventListener("click", () => this.choose("section", this.section === name ? "all" : name));
      }
      elements.tiles.append(tile);
      return [name, tile];
    }));
    this.press();
  }

  choose(what, value) {
    this[what] = value;
    this.press();
    this.changed();
  }

  reset() {
    this.section = "all";
    this.application = null;
    this.press();
  }

  // press shows which are chosen.
  press() {
    for (const [name, tile] of Object.entries(this.tiles)) {
      if (name !== "guests") {
        tile.setAttribute("aria-pressed", String(this.section === name));
        tile.querySelector(".action").textContent = text(this.section === name ? "showAll" : "showOnly");
      }
    }
    for (const button of this.elements.applications.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(this.application === Number(button.dataset.client)));
    }
  }

  // narrowable says whether there is a table to narrow down.
  narrowable(there) {
    for (const [name, tile] of Object.entries(this.tiles)) {
      tile.querySelector(".action").hidden = !there;
      if (name !== "guests") {
        tile.disabled = !there;
      }
    }
  }

  // render shows figures of which there are more to come unless they are whole.
  render(figures, whole) {
    const {people, guests, ended, endedGuests, persons, waiting} = figures;
    const loggedIn = people - (waiting ?? 0);
    this.fill("loggedIn", number(persons), text("loggedInDetail", {n: persons, sessions: text("sessions", {n: loggedIn})}));
    this.fill("waiting", waiting === null ? text("waitingUnknown") : number(waiting), text("waitingDetail"));
    this.fill("guests", number(guests), text("guestsDetail"));
    this.fill("ended", number(ended), text("endedDetail", {people: ended - endedGuests, guests: endedGuests}));
    const total = text("sessions", {n: people + guests + ended});
    this.elements.sum.textContent = whole ? text("sum", {loggedIn, waiting: waiting ?? 0, guests, ended, total}) : text("sumCounting", {total});
    this.elements.sum.dataset.whole = String(whole);
    this.showApplications(figures);
    this.showActivity(figures);
    this.press();
  }

  fill(name, count, detail) {
    const tile = this.tiles[name];
    tile.querySelector(".count").textContent = count;
    tile.querySelector(".detail").textContent = detail;
  }

  showApplications({applications, people, guests, ended}) {
    const heads = [text("application"), text("ofPeople"), text("ofGuests"), text("ofEnded")];
    const focused = document.activeElement?.dataset?.client;
    const rows = applications.toSorted((a, b) => b.people - a.people || a.client - b.client).map(({client, people, guests, ended}) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "choice";
      button.dataset.client = client;
      button.textContent = applicationName(client);
      button.disabled = client === -2; // Several, which the table has by their numbers.
      button.addEventListener("click", () => this.choose("application", this.application === client ? null : client));
      return [button, people, guests, ended];
    });
    this.elements.applications.replaceChildren(table(heads, [...rows, [text("total"), people, guests, ended]]));
    if (focused !== undefined) {
      this.elements.applications.querySelector(`[data-client="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  // showActivity draws a bar for each step of time, beside its numbers.
  showActivity({activity}) {
    const heads = [text("lastActive"), text("ofPeople"), text("ofGuests"), text("ofEnded"), ""];
    const most = Math.max(...activity.map(({people, guests, ended}) => people + guests + ended), 1);
    const rows = activity.map(({within, people, guests, ended}, i) => {
      const name = within !== undefined ? text("within", {duration: duration(within)}) : text(i === activity.length - 1 ? "noTime" : "older");
      const bar = span("bar");
      bar.setAttribute("aria-hidden", "true");
      for (const [kind, count] of [["of-people", people], ["of-guests", guests], ["of-ended", ended]]) {
        const part = bar.appendChild(span(kind));
        part.style.width = `${100 * count / most}%`;
      }
      return [name, people, guests, ended, bar];
    });
    const plot = table(heads, rows.filter(([, ...counts], i) => i < rows.length - 1 || counts.some((count) => count > 0)));
    ["of-people", "of-guests", "of-ended"].forEach((kind, i) => plot.tHead.rows[0].cells[i + 1].classList.add("legend", kind));
    plot.tHead.rows[0].cells[4].remove();
    plot.tHead.rows[0].cells[3].colSpan = 2;
    this.elements.activity.replaceChildren(plot);
  }
}

// table returns a table of numbers, whose rows begin with a header.
export function table(heads, rows) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of heads) {
    const header = head.appendChild(document.createElement("th"));
    header.scope = "col";
    header.textContent = name;
  }
  const body = table.createTBody();
  for (const [first, ...values] of rows) {
    const row = body.insertRow();
    const header = row.appendChild(document.createElement("th"));
    header.scope = "row";
    header.append(first);
    for (const value of values) {
      row.insertCell().append(typeof value === "number" ? number(value) : value);
    }
  }
  return table;
}

function span(className) {
  const span = document.createElement("span");
  span.className = className;
  return span;
}
