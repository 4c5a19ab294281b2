// The table of sessions, of which only the rows on the screen are there, however many there are.

import {button, element, setText, table} from "./dom.js";
import {columns, endedHeading, Row, valuesOf} from "./row.js";
import {number, text} from "./texts.js";

/**
 * @typedef {import("./worker.js").Slice} Slice
 * @typedef {import("./worker.js").Range} Range
 * @typedef {import("./worker.js").AnyRow} AnyRow
 * @typedef {import("./row.js").ColumnName} ColumnName
 * @typedef {import("./row.js").Clock} Clock
 * @typedef {import("./dataset.js").SortColumn} SortColumn
 * @typedef {{table: HTMLElement, head: HTMLElement, scroller: HTMLElement, spacer: HTMLElement}} Elements
 * @typedef {{ask: (first: number, count: number) => Promise<Slice>, sort: (column: SortColumn, down: boolean) => void,
 *   open: (row: import("./row.js").SessionRow) => void, toggleTimes: () => void}} Does
 */

const tallest = 8_000_000; // pixels: browsers draw no element of any height
const spare = 12; // rows above and below the screen
export const printedRows = 1000;

/** A Table shows the rows of a view. It gets them from ask, which promises them. */
export class Table {
  /** @type {SortColumn} */
  column = "last";
  down = true;
  rows = 0; // of the view
  version = 0; // of it
  top = 0; // how much of them is above the screen, in pixels
  all = 0; // how high all of them are
  height = 44; // of one
  width = 0; // of all
  last = 0; // where the scroller was
  /** @type {Clock} */
  clock = {now: 0, exact: false};
  /** @type {Set<ColumnName>} */
  there = new Set(columns.map(({name}) => name));
  named = false; // whether rows name their site
  current = 0; // the place that the Tab key leads to
  /** @type {{first: number, rows: AnyRow[]}} */
  cache = {first: 0, rows: []};
  /** @type {Row[]} */
  drawn = []; // in their order
  /** @type {Row[]} */
  unused = [];
  /** @type {Promise<void> | null} */
  showing = null;
  again = false;

  /**
   * @param {Elements} elements
   * @param {Does} does
   */
  constructor(elements, does) {
    this.elements = elements;
    this.does = does;
    const {scroller, spacer} = elements;
    this.probe = element("div", "row probe");
    this.probe.setAttribute("aria-hidden", "true");
    scroller.append(this.probe);
    scroller.addEventListener("scroll", () => this.scrolled(), {passive: true});
    scroller.addEventListener("keydown", (event) => this.pressed(event));
    spacer.addEventListener("click", ({target}) => this.clicked(/** @type {Element} */ (target)));
    spacer.addEventListener("focusin", ({target}) => {
      const row = this.drawn.find(({button}) => button === target);
      if (row) {
        this.current = row.place;
        this.point();
      }
    });
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(scroller);
    resized.observe(this.probe); // Text may get larger, or its lines.
    this.resize();
  }

  /** translate makes the head. */
  translate() {
    const head = /** @type {HTMLElement} */ (this.elements.head.firstElementChild);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("#head [data-column]"))?.dataset.column;
    head.replaceChildren(...columns.flatMap(({name, unsorted}, i) => {
      if (!this.there.has(name)) {
        return [];
      }
      const header = element("div", name);
      header.setAttribute("role", "columnheader");
      header.setAttribute("aria-colindex", String(i + 1));
      header.dataset.column = name;
      header.append(unsorted ? text(name) : button("", text(name), () => this.sortBy(/** @type {SortColumn} */ (name))));
      return [header];
    }));
    if (focused) {
      /** @type {HTMLElement | null} */ (head.querySelector(`[data-column="${focused}"] button`))?.focus();
    }
    this.elements.table.setAttribute("aria-colcount", String(columns.length));
    this.showOrder();
  }

  /** setColumns says which columns are there.
   * @param {Set<ColumnName>} there */
  setColumns(there) {
    if (there.size === this.there.size && [...there].every((name) => this.there.has(name))) {
      return;
    }
    this.there = there;
    this.translate();
  }

  /** @param {SortColumn} name */
  sortBy(name) {
    this.does.sort(name, this.column === name ? !this.down : Boolean(columns.find((column) => column.name === name)?.down));
  }

  /** setOrder says in what order the rows are.
   * @param {SortColumn} column
   * @param {boolean} down */
  setOrder(column, down) {
    this.column = column;
    this.down = down;
    this.showOrder();
  }

  showOrder() {
    for (const header of this.elements.head.querySelectorAll("[data-column]")) {
      if (header.firstElementChild) {
        header.setAttribute("aria-sort", /** @type {HTMLElement} */ (header).dataset.column !== this.column ? "none" :
          this.down ? "descending" : "ascending");
      }
    }
  }

  toTop() {
    this.elements.scroller.scrollTop = this.last = this.top = this.current = 0;
  }

  resize() {
    const {table, scroller} = this.elements, {clientWidth: width} = scroller;
    if (width !== this.width) {
      this.width = width;
      delete table.dataset.tall;
    }
    this.fit();
    this.show();
  }

  // fit finds out how high rows are, which is the style sheet's to say.
  fit() {
    const height = this.probe.getBoundingClientRect().height || this.height;
    if (height !== this.height) {
      this.top = this.top / this.height * height;
      this.height = height;
      this.measure();
      this.scrollTo(Math.min(this.top, this.most));
    }
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
    const {scroller} = this.elements, at = scroller.scrollTop, moved = at - this.last;
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

  /** scrollTo moves the scroll bar to where scrolled would find top.
   * @param {number} top */
  scrollTo(top) {
    const {scroller} = this.elements, end = scroller.scrollHeight - scroller.clientHeight;
    scroller.scrollTop = this.all <= tallest || top <= 0 ? top : top >= this.most ? end :
      Math.min(Math.max(Math.abs(top - this.top) <= scroller.clientHeight ? scroller.scrollTop + top - this.top : top / this.most * end, 1), end - 2);
    this.last = scroller.scrollTop;
    this.top = top;
  }

  /** @param {Element} target */
  clicked(target) {
    const row = this.drawn.find(({element}) => element.contains(target))?.row;
    if (row && target.closest("button.name")) {
      this.does.open(row);
    } else if (target.closest("time")) {
      this.does.toggleTimes();
    }
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const page = Math.max(Math.floor(this.elements.scroller.clientHeight / this.height) - 1, 1);
    const to = new Map([["ArrowDown", this.current + 1], ["ArrowUp", this.current - 1], ["PageDown", this.current + page],
      ["PageUp", this.current - page], ["Home", 0], ["End", this.rows - 1]]).get(event.key);
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    this.goTo(Math.min(Math.max(to, 0), this.rows - 1));
  }

  /** goTo brings a row to the screen and the focus to it.
   * @param {number} place */
  async goTo(place) {
    const {scroller} = this.elements, step = place < this.current ? -1 : 1, edge = place * this.height;
    const top = Math.min(Math.max(this.top, edge + this.height - scroller.clientHeight), edge, this.most);
    if (top !== this.top) {
      this.scrollTo(top);
    }
    this.current = place;
    await this.show();
    const row = this.drawn.find((row) => row.place === place);
    if (row && !row.row && place + step >= 0 && place + step < this.rows) {
      await this.goTo(place + step); // The heading is no place to be.
      return;
    }
    row?.button.focus({preventScroll: true});
  }

  // point makes one row the one that the Tab key leads to: the current one, or the first that is to be seen.
  point() {
    const seen = this.drawn.filter(({row}) => row);
    const one = seen.find(({place}) => place === this.current) ?? seen.find(({place}) => place * this.height >= this.top) ?? seen[0];
    for (const row of this.drawn) {
      row.button.tabIndex = row === one ? 0 : -1;
    }
  }

  /**
   * update shows another view, of which it may get some rows, and where the old one was scrolled to. Rows of another
   * version are not its.
   * @param {{rows: number, version: number, some?: Slice}} view
   * @param {Clock} clock
   */
  update({rows, version, some}, clock) {
    Object.assign(this, {rows, version, clock});
    this.cache = some ?? {first: 0, rows: []};
    this.measure();
    this.top = Math.min(this.top, this.most);
    this.elements.table.setAttribute("aria-rowcount", String(rows + 1));
    return this.show();
  }

  /** tick tells times anew.
   * @param {Clock} clock */
  tick(clock) {
    this.clock = clock;
    this.show();
  }

  /** show draws the rows on the screen, for which it asks if it has not got them. It resolves when they are there. */
  async show() {
    if (this.showing) {
      this.again = true;
    } else {
      this.showing = this.run().finally(() => this.showing = null);
    }
    await this.showing;
  }

  /** near returns the rows on the screen and more before and after them.
   * @param {number} more
   * @returns {Range} */
  near(more) {
    const first = Math.max(Math.floor(this.top / this.height) - more, 0);
    return {first, count: Math.ceil(this.elements.scroller.clientHeight / this.height) + 2 * more};
  }

  /** ahead are the rows to ask for. */
  get ahead() {
    return this.near(3 * spare);
  }

  async run() {
    do {
      this.again = false;
      const near = this.near(spare), {first} = near;
      const count = Math.max(Math.min(near.count, this.rows - first), 0);
      if (first < this.cache.first || first + count > this.cache.first + this.cache.rows.length) {
        const {version, ahead} = this, answer = await this.does.ask(ahead.first, ahead.count);
        if (answer.version === this.version) {
          this.cache = answer;
        }
        if (version !== this.version || answer.version !== version) {
          this.again ||= version !== this.version; // Else another view is about to come.
          continue;
        }
      }
      this.draw(first, count);
    } while (this.again);
  }

  /**
   * @param {number} first
   * @param {number} count
   */
  draw(first, count) {
    const {scroller, spacer} = this.elements;
    const focused = this.drawn.find(({button}) => button === document.activeElement), key = focused?.key;
    const kept = new Map(this.drawn.filter(({place}) => place >= first && place < first + count).map((row) => [row.place, row]));
    /** @type {Row[]} */
    const list = [];
    // The row that has the focus stays, also where it is out of sight.
    const outside = focused && !kept.has(focused.place) && focused.place < this.rows ? focused : null;
    for (const row of this.drawn) {
      if (kept.get(row.place) !== row && row !== outside) {
        row.element.remove();
        this.unused.push(row);
      }
    }
    let before = spacer.firstChild;
    for (let place = first; place < first + count; place++) {
      const row = kept.get(place) ?? this.unused.pop() ?? new Row();
      row.show(this.cache.rows[place - this.cache.first], this.clock, place,
        place * this.height < this.top && (place + 1) * this.height > this.top, this.there, this.named);
      if (before === outside?.element) {
        before = before?.nextSibling ?? null;
      }
      if (row.element === before) {
        before = before.nextSibling;
      } else {
        spacer.insertBefore(row.element, before);
      }
      list.push(row);
    }
    if (outside) {
      list.push(outside);
    }
    for (const {element, place} of list) {
      element.style.transform = `translateY(${place * this.height - this.top + scroller.scrollTop}px)`;
    }
    this.drawn = list;
    // Where the lines of a narrow window are too short, all rows get more of them.
    const {dataset} = this.elements.table;
    if (dataset.tall === undefined && list.some((row) => row.overflows())) {
      dataset.tall = "";
      this.fit(); // The observer is silent if the probe is as high as when it last looked.
      this.again = true;
    }
    if (focused && focused.key !== key) { // The view is another one: the focus goes with its session.
      const row = list.find((row) => row.row && row.key === key) ?? list.find(({row, place}) => row && place >= this.current) ?? list.find(({row}) => row);
      row?.button.focus({preventScroll: true});
    }
    this.point();
  }

  /** printed returns rows as a table of the usual kind, for paper.
   * @param {AnyRow[]} rows */
  printed(rows) {
    const shown = columns.filter(({name}) => this.there.has(name));
    const made = table("sessions-heading", shown.map(({name}) => text(name)), [], number), body = made.tBodies[0];
    for (const row of rows) {
      const line = body.insertRow();
      if (row.heading) {
        const header = element("th", "", endedHeading(row));
        header.colSpan = shown.length;
        line.append(header);
        continue;
      }
      const values = valuesOf(row, this.clock);
      for (const {name} of shown) {
        setText(line.insertCell(), values[name]);
      }
    }
    return made;
  }
}
