// A row of the table: a session, or the line above those that have ended.

import {element, setName, setText} from "./dom.js";
import {visible} from "./fold.js";
import {applicationName, number, text} from "./texts.js";
import {age, exact, known} from "./times.js";

/**
 * @typedef {import("./dataset.js").HeadingRow} HeadingRow
 * @typedef {import("./dataset.js").SessionRow} SessionRow
 * @typedef {"user" | "application" | "last" | "started" | "requests" | "browser" | "session"} ColumnName
 * @typedef {{now: number, exact: boolean}} Clock how times are told, and the time that ages are counted from
 */

/** The columns of the table. What begins with the highest value first is marked.
 * @type {readonly {name: ColumnName, down?: true, unsorted?: true}[]} */
export const columns = [
  {name: "user"}, {name: "application"}, {name: "last", down: true}, {name: "started", down: true},
  {name: "requests", down: true}, {name: "browser"}, {name: "session", unsorted: true},
];

/** @param {HeadingRow} row */
export const endedHeading = ({sessions, people}) =>
  text("endedHeading", {sessions: text("sessions", {n: sessions}), persons: text("persons", {n: people})});

/** nameOf returns what a person is called.
 * @param {SessionRow} row */
export const nameOf = ({name, username, user}) => name || username || (user ? text("userNumber", {number: String(user)}) : text("nobody"));

/** badges returns what is to be said of a session and its user, the most important first.
 * @param {SessionRow} row
 * @returns {[kind: string, label: string][]} */
export function badges({own, you, waiting, ended, deleted, blocked, mixed, like, renamed, super: superUser}) {
  /** @type {[unknown, string, string][]} */
  const all = [
    [own, "you", text("badgeOwn")], [you && !own, "you", text("badgeYou")], [waiting, "waits", text("badgeWaiting")],
    [ended, "over", text("badgeEnded")], [deleted, "warn", text("badgeDeleted")], [blocked, "warn", text("badgeBlocked")],
    [like, "warn", text("badgeLike")], [mixed, "warn", text("badgeMixed")], [superUser, "super", text("badgeSuper")],
    [renamed, "", renamed && text("badgeRenamed", {name: visible(renamed)})],
  ];
  return all.filter(([there]) => there).map(([, kind, label]) => [kind, label]);
}

/** browserName returns the name of a browser.
 * @param {SessionRow} row */
export const browserName = ({browser, system}) => system ? text("on", {browser, system}) : visible(browser);

/** time returns how a time is told.
 * @param {number} seconds
 * @param {Clock} clock */
export const time = (seconds, clock) =>
  !known(seconds) ? text("unknown") : clock.exact ? exact(seconds * 1000) : age(clock.now - seconds);

/** valuesOf returns the texts of a row.
 * @param {SessionRow} row
 * @param {Clock} clock
 * @returns {Record<ColumnName, string>} */
export const valuesOf = (row, clock) => ({
  user: [visible(nameOf(row)), row.username !== nameOf(row) ? visible(row.username) : "", ...badges(row).map(([, label]) => label)]
    .filter(Boolean).join(", "),
  application: applicationName(row.client),
  last: time(row.last, clock),
  started: time(row.started, clock),
  requests: row.requests ? number(row.requests) : text("unknown"),
  browser: browserName(row) || text("unknown"),
  session: row.pseudonym || text("unknown"),
});

/** A Row is a row on the screen, used again for whatever stands there. */
export class Row {
  place = -1; // in the view
  /** @type {SessionRow | null} */
  row = null; // null is the heading

  constructor() {
    this.element = element("div", "row");
    this.element.setAttribute("role", "row");
    this.button = element("button", "name");
    this.button.type = "button";
    this.button.setAttribute("aria-haspopup", "dialog");
    this.name = this.button.appendChild(element("bdi"));
    this.username = element("bdi", "username");
    this.notes = element("span", "notes");
    this.values = columns.map(({name}) => element(name === "last" || name === "started" ? "time" : name === "user" ? "span" : "bdi", "value"));
    this.labels = columns.map(() => element("span", "label"));
    this.cells = columns.map(({name}, i) => {
      const cell = element("div", name);
      cell.setAttribute("role", i === 0 ? "rowheader" : "gridcell");
      cell.setAttribute("aria-colindex", String(i + 1));
      this.labels[i].setAttribute("aria-hidden", "true"); // Those who listen hear the heading.
      cell.append(...i === 0 ? [element("div", "line", this.button, this.username), this.notes] : [this.labels[i], this.values[i]]);
      return cell;
    });
    this.heading = element("div", "heading-cell");
    this.heading.setAttribute("role", "gridcell");
    this.heading.setAttribute("aria-colspan", String(columns.length));
  }

  get key() {
    return this.row?.key;
  }

  /**
   * show shows a row in a place of the view. The one at the top edge counts as the first of its person, whose first session
   * is above it.
   * @param {HeadingRow | SessionRow} row
   * @param {Clock} clock
   * @param {number} place
   * @param {boolean} edge
   * @param {Set<ColumnName>} there the columns that are there
   * @param {boolean} named whether sites are named
   */
  show(row, clock, place, edge, there, named) {
    const {element: line} = this;
    this.place = place;
    line.setAttribute("aria-rowindex", String(place + 2));
    if (row.heading) {
      this.row = null;
      line.className = "row ended-heading";
      setText(this.heading, endedHeading(row));
      line.replaceChildren(this.heading);
      return;
    }
    this.row = row;
    line.className = ["row", row.first && "first", row.ended && "ended", row.waiting && "waiting", !row.first && !edge && "again"]
      .filter(Boolean).join(" ");
    const cells = this.cells.filter((_, i) => there.has(columns[i].name));
    if (line.childElementCount !== cells.length || cells.some((cell, i) => line.children[i] !== cell)) {
      line.replaceChildren(...cells);
    }
    const values = valuesOf(row, clock);
    columns.forEach(({name}, i) => {
      if (i > 0) {
        setText(this.values[i], values[name]);
        setText(this.labels[i], text(name));
      }
    });
    for (const [i, seconds] of [[2, row.last], [3, row.started]]) {
      /** @type {HTMLTimeElement} */ (this.values[i]).dateTime = known(seconds) ? new Date(seconds * 1000).toISOString() : "";
    }
    setName(this.name, nameOf(row));
    setName(this.username, row.username !== nameOf(row) ? row.username : "");
    const groups = row.first && row.sessions > 1 ? [text("sessions", {n: row.sessions})] : [];
    groups.push(...named ? [row.site] : [], ...row.groups.filter((title) => !(row.super && title === text("superUsers"))));
    this.notes.replaceChildren(...badges(row).map(([kind, label]) => element("span", "badge " + kind, label)),
      ...groups.map((title) => element("bdi", "note", visible(title))));
  }

  /** overflows reports whether a value does not fit into its line, unless it is one that would fit into none. */
  overflows() {
    return this.values.some((value, i) => i > 0 && value.scrollWidth > value.clientWidth + 1 && (value.textContent?.length ?? 0) < 40 &&
      value.clientWidth > 0);
  }
}
