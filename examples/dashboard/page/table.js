// The table of sessions: filtered, sorted, and in pages, so that it stays quick however many there are.

import {ago} from "./durations.js";
import {kinds} from "./sessions.js";

const pageSize = 50;
const names = {guest: "Guest", user: "User", administrator: "Administrator"};

// What each column is sorted by, and whether its first click sorts downwards.
const columns = {
  username: {key: ({sortUsername}) => sortUsername},
  kind: {key: ({kind}) => kinds.indexOf(kind), down: true},
  application: {key: ({application}) => application},
  userID: {key: ({userID}) => userID},
  started: {key: ({started}) => started, down: true},
  requests: {key: ({requests}) => requests, down: true},
  time: {key: ({time}) => time, down: true},
  browser: {key: ({sortBrowser}) => sortBrowser},
};

// A Table shows sessions in a table element, a page at a time.
export class Table {
  sessions = [];
  shown = []; // what the filter leaves, in order
  now = 0;
  page = 0;
  column = "time";
  down = true;

  // filter returns what the user wants to see: a text, a kind and an application.
  constructor(elements, filter) {
    this.elements = elements;
    this.filter = filter;
    this.rows = [];
    for (const header of elements.table.tHead.querySelectorAll("[data-column]")) {
      header.firstElementChild.addEventListener("click", () => this.sortBy(header.dataset.column));
    }
    elements.previous.addEventListener("click", () => this.turn(-1));
    elements.next.addEventListener("click", () => this.turn(1));
  }

  sortBy(column) {
    this.down = this.column === column ? !this.down : Boolean(columns[column].down);
    this.column = column;
    this.page = 0;
    this.sort();
    this.draw();
  }

  turn(pages) {
    const page = this.page + pages;
    if (page >= 0 && page * pageSize < this.shown.length) {
      this.page = page;
      this.draw();
      this.elements.table.scrollIntoView({block: "nearest"});
    }
  }

  render(sessions, now) {
    this.sessions = sessions;
    this.now = now;
    // Which of these there are depends on Joomla's version and on where the site keeps its session data.
    for (const column of ["started", "requests", "browser"]) {
      this.elements.table.classList.toggle("without-" + column, !sessions.some((session) => session[column]));
    }
    this.narrow();
  }

  // narrow applies the filter anew. The page stays as long as there is one.
  narrow() {
    const {text, kind, application} = this.filter();
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = this.sessions.filter((session) =>
      (kind === "all" || session.kind === kind) &&
      (application === "all" || session.application === application) &&
      words.every((word) => session.text.includes(word)));
    this.sort();
    this.page = Math.min(this.page, Math.max(Math.ceil(this.shown.length / pageSize) - 1, 0));
    this.draw();
  }

  sort() {
    const {key} = columns[this.column], sign = this.down ? -1 : 1;
    this.shown.sort((a, b) => {
      const x = key(a), y = key(b);
      return x < y ? -sign : x > y ? sign : b.time - a.time;
    });
    for (const header of this.elements.table.tHead.querySelectorAll("[data-column]")) {
      const sorted = header.dataset.column === this.column;
      header.setAttribute("aria-sort", sorted ? this.down ? "descending" : "ascending" : "none");
    }
  }

  draw() {
    const first = this.page * pageSize;
    const visible = this.shown.slice(first, first + pageSize);
    while (this.rows.length < visible.length) {
      this.rows.push(new Row());
    }
    visible.forEach((session, i) => this.rows[i].show(session, this.now));
    this.elements.table.tBodies[0].replaceChildren(...this.rows.slice(0, visible.length).map(({element}) => element));

    const {none, range, previous, next} = this.elements;
    none.hidden = visible.length > 0;
    none.textContent = this.sessions.length ? "No session matches." : "There are no sessions.";
    const number = (n) => n.toLocaleString("en");
    range.textContent = visible.length ?
      `${number(first + 1)}–${number(first + visible.length)} of ${number(this.shown.length)}` : "0 of 0";
    // Not disabled, since that would take the focus away from whoever pages with the keyboard.
    previous.setAttribute("aria-disabled", String(first === 0));
    next.setAttribute("aria-disabled", String(first + pageSize >= this.shown.length));
  }
}

// A Row is a row of the table, used again for whatever session stands there. Values are only ever set as text.
class Row {
  constructor() {
    this.element = document.createElement("tr");
    this.element.setAttribute("role", "row");
    for (const name of ["username", "kind", "application", "user-id", "started", "time", "requests", "browser", "id"]) {
      const cell = document.createElement("td");
      cell.setAttribute("role", "cell");
      cell.className = name;
      this.element.append(cell);
    }
    const [username, kind, , , started, time, , browser] = this.element.cells;
    // What a user chose may run from right to left, or try to make its neighbours do so.
    this.username = username.appendChild(document.createElement("bdi"));
    this.kind = kind.appendChild(document.createElement("span"));
    this.started = started.appendChild(document.createElement("time"));
    this.time = time.appendChild(document.createElement("time"));
    this.browser = browser.appendChild(document.createElement("bdi"));
  }

  show(session, now) {
    const [, , application, userID, , , requests, , id] = this.element.cells;
    this.element.className = session.kind;
    this.username.textContent = session.username || "–";
    this.kind.textContent = names[session.kind];
    application.textContent = session.application;
    userID.textContent = session.userID || "–";
    this.browser.textContent = session.browser || "–";
    this.browser.title = session.agent;
    id.textContent = session.id || "–";
    requests.textContent = session.requests ? session.requests.toLocaleString("en") : "–";
    showTime(this.started, session.started, now);
    showTime(this.time, session.time, now);
  }
}

// showTime shows how long ago a time is, and keeps the time itself for those who point at it.
function showTime(element, time, now) {
  const date = new Date(time * 1000);
  const known = time > 0 && !Number.isNaN(date.getTime());
  element.textContent = known ? ago(now - time) : "–";
  element.title = known ? date.toLocaleString() : "";
  element.dateTime = known ? date.toISOString() : "";
}
