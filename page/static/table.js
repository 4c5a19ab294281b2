// The table of sessions, of which only the rows on the screen are there, however many there are.

import {ago, applicationName, date, number, text} from "./texts.js";

// columns are those of the table. What begins with the highest value first is marked.
const columns = [
  {name: "user"}, {name: "application"}, {name: "last", down: true}, {name: "started", down: true},
  {name: "requests", down: true}, {name: "browser"}, {name: "session", unsorted: true},
];

const tallest = 8_000_000; // pixels: browsers draw no element of any height
const spare = 12; // rows above and below the screen
export const printedRows = 1000;

// A Table shows the rows of a view. It gets them from ask(first, count), which promises them, and calls sorted when
// another order is chosen.
export class Table {
  column = "last";
  down = true;
  rows = 0; // of the view
  top = 0; // how much of them is above the screen, in pixels
  now = 0;

  constructor(elements, ask, sorted) {
    Object.assign(this, {elements, ask, sorted});
    this.cache = {first: 0, rows: []};
    this.drawn = [];
    const {head, scroller} = elements;
    for (const {name, unsorted} of columns) {
      const header = element("div", name);
      header.setAttribute("role", "columnheader");
      header.dataset.column = name;
      if (unsorted) {
        header.textContent = text(name);
      } else {
        const button = element("button", "", text(name));
        button.type = "button";
        button.addEventListener("click", () => this.sortBy(name));
        header.append(button);
      }
      head.firstElementChild.append(header);
    }
    this.showOrder();
    scroller.addEventListener("scroll", () => this.scrolled(), {passive: true});
    new ResizeObserver(() => this.resize()).observe(scroller);
    this.resize();
  }

  sortBy(name) {
    this.down = this.column === name ? !this.down : Boolean(columns.find((column) => column.name === name).down);
    this.column = name;
    this.showOrder();
    this.toTop();
    this.sorted();
  }

  showOrder() {
    for (const header of this.elements.head.firstElementChild.children) {
      if (header.firstElementChild) {
        header.setAttribute("aria-sort", header.dataset.column !== this.column ? "none" : this.down ? "descending" : "ascending");
      }
    }
  }

  toTop() {
    this.elements.scroller.scrollTop = this.last = this.top = 0;
  }

  // resize finds out how high rows are, which is the style sheet's to say.
  resize() {
    const probe = element("div", "row probe");
    this.elements.scroller.append(probe);
    const height = probe.getBoundingClientRect().height || 44;
    probe.remove();
    if (height !== this.height) {
      this.top = this.top / (this.height ?? height) * height;
      this.height = height;
      this.measure();
    }
    this.show();
  }

  measure() {
    this.all = this.rows * this.height;
    this.elements.spacer.style.height = Math.min(this.all, tallest) + "px";
  }

  get most() {
    return Math.max(this.all - this.elements.scroller.clientHeight, 0);
  }

  // scrolled finds out what is to be seen. Where rows are higher than an element may be, what is scrolled by hand counts
  // as it is, and a jump goes to the part of the list that it goes to on the scroll bar.
  scrolled() {
    const {scroller} = this.elements, at = scroller.scrollTop, moved = at - (this.last ?? 0);
    const end = scroller.scrollHeight - scroller.clientHeight;
    this.last = at;
    if (this.all <= tallest) {
      this.top = at;
    } else if (at <= 0) {
      this.top = 0;
    } else if (at >= end - 1) {
      this.top = this.most;
    } else if (Math.abs(moved) <= 2 * scroller.clientHeight) {
      this.top = Math.min(Math.max(this.top + moved, 0), this.most);
    } else {
      this.top = at / end * this.most;
    }
    this.show();
  }

  // update shows another view, of which it may get some rows, and where the old one was scrolled to. Rows of another
  // version are not its.
  update(rows, version, now, some = {first: 0, rows: []}) {
    Object.assign(this, {rows, version, now});
    this.cache = some;
    this.measure();
    this.top = Math.min(this.top, this.most);
    this.elements.table.setAttribute("aria-rowcount", String(rows + 1));
    return this.show();
  }

  // show draws the rows on the screen, for which it asks if it has not got them. It resolves when they are there.
  show() {
    if (this.showing) {
      this.again = true;
    } else {
      this.showing = this.run().finally(() => this.showing = null);
    }
    return this.showing;
  }

  // near returns the rows on the screen and more before and after them.
  near(more) {
    const first = Math.max(Math.floor(this.top / this.height) - more, 0);
    return {first, count: Math.ceil(this.elements.scroller.clientHeight / this.height) + 2 * more};
  }

  // ahead are the rows to ask for.
  get ahead() {
    return this.near(3 * spare);
  }

  async run() {
    do {
      this.again = false;
      let {first, count} = this.near(spare);
      count = Math.max(Math.min(count, this.rows - first), 0);
      if (first < this.cache.first || first + count > this.cache.first + this.cache.rows.length) {
        const {version, ahead} = this, answer = await this.ask(ahead.first, ahead.count);
        if (answer.version === this.version) {
          this.cache = answer;
        }
        // Another view may have come meanwhile, or be about to.
        this.again ||= version !== this.version;
        if (answer.version !== this.version) {
          continue;
        }
      }
      this.draw(first, count);
    } while (this.again);
  }

  draw(first, count) {
    const {scroller, spacer} = this.elements;
    const rows = this.cache.rows.slice(first - this.cache.first, first - this.cache.first + Math.max(count, 0));
    while (this.drawn.length < rows.length) {
      this.drawn.push(new Row());
    }
    rows.forEach((row, i) => {
      const drawn = this.drawn[i];
      drawn.show(row, this.now, first + i, (first + i) * this.height < this.top && (first + i + 1) * this.height > this.top);
      drawn.element.style.transform = `translateY(${(first + i) * this.height - this.top + scroller.scrollTop}px)`;
      if (!drawn.element.parentNode) {
        spacer.append(drawn.element);
      }
    });
    for (const {element} of this.drawn.slice(rows.length)) {
      element.remove();
    }
  }

  // printed returns rows as a table of the usual kind, for paper.
  static printed(rows, now) {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const {name} of columns) {
      const header = head.appendChild(element("th", "", text(name)));
      header.scope = "col";
    }
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      if (row.heading) {
        line.append(element("th", "", endedHeading(row)));
        line.firstChild.colSpan = columns.length;
        continue;
      }
      const cells = cellsOf(row, now);
      for (const {name} of columns) {
        line.insertCell().textContent = cells[name];
      }
    }
    return table;
  }
}

const endedHeading = ({sessions, people}) =>
  text("endedHeading", {sessions: text("sessions", {n: sessions}), persons: text("persons", {n: people})});

// nameOf returns what a person is called.
const nameOf = ({name, username, user}) => name || username || (user ? text("userNumber", {n: String(user)}) : text("nobody"));

// cellsOf returns the texts of a row.
function cellsOf(row, now) {
  const unknown = text("unknown");
  const known = (time) => time > 0 && time < 253402300800;
  const badges = [row.waiting && text("badgeWaiting"), row.ended && text("badgeEnded")].filter(Boolean);
  return {
    user: [nameOf(row), row.name && row.username ? row.username : "", ...badges].filter(Boolean).join(", "),
    application: applicationName(row.client),
    last: known(row.last) ? ago(now - row.last) : unknown,
    started: known(row.started) ? ago(now - row.started) : unknown,
    requests: row.requests ? number(row.requests) : unknown,
    browser: row.browser || unknown,
    session: row.pseudonym || unknown,
  };
}

// A Row is a row on the screen, used again for whatever stands there. Values are only ever set as text.
class Row {
  constructor() {
    this.element = element("div", "row");
    this.element.setAttribute("role", "row");
    this.cells = {};
    for (const {name} of columns) {
      const cell = this.element.appendChild(element("div", name));
      cell.setAttribute("role", "cell");
      // What a user chose may run from right to left, or try to make its neighbours do so.
      this.cells[name] = cell.appendChild(document.createElement(name === "last" || name === "started" ? "time" : "bdi"));
    }
    this.name = this.cells.user;
    this.name.className = "name";
    const user = this.name.parentNode;
    this.username = user.appendChild(element("bdi", "username"));
    this.more = user.appendChild(element("span", "more"));
    this.badge = user.appendChild(element("span", "badge"));
    this.heading = element("div", "heading-cell");
    this.heading.setAttribute("role", "cell");
    this.heading.setAttribute("aria-colspan", String(columns.length));
  }

  // show shows a row in a place of the view. The one at the top edge has the name, also of somebody whose first session
  // is above it.
  show(row, now, place, edge) {
    this.element.setAttribute("aria-rowindex", String(place + 2));
    if (row.heading) {
      this.element.className = "row ended-heading";
      this.heading.textContent = endedHeading(row);
      this.element.replaceChildren(this.heading);
      return;
    }
    if (this.heading.parentNode) {
      this.element.replaceChildren(...Object.values(this.cells).map(({parentNode}) => parentNode ?? null).filter(Boolean));
    }
    const cells = cellsOf(row, now);
    const {element, name, username, more, badge} = this;
    element.className = "row" + (row.first ? " first" : "") + (row.ended ? " ended" : "") + (row.waiting ? " waiting" : "") +
      (row.first || edge ? "" : " again");
    for (const {name} of columns.slice(1)) {
      this.cells[name].textContent = cells[name];
    }
    name.textContent = nameOf(row);
    username.textContent = row.name && row.username ? row.username : "";
    name.parentNode.title = [nameOf(row), row.name && row.username, row.user && "#" + row.user].filter(Boolean).join(" ");
    more.textContent = row.first && row.sessions > 1 ? text("several", {n: row.sessions}) : "";
    badge.textContent = row.waiting ? text("badgeWaiting") : row.ended ? text("badgeEnded") : "";
    this.cells.browser.parentNode.title = row.agent;
    for (const name of ["last", "started"]) {
      const time = new Date(row[name] * 1000), known = row[name] > 0 && !Number.isNaN(time.getTime());
      this.cells[name].dateTime = known ? time.toISOString() : "";
      this.cells[name].title = known ? date(time) : "";
    }
  }
}

function element(name, className, content) {
  const element = document.createElement(name);
  if (className) {
    element.className = className;
  }
  if (content !== undefined) {
    element.textContent = content;
  }
  return element;
}
