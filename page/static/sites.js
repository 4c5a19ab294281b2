// The sites: what each has answered, and what it asks for.

import {button, element, setText, table} from "./dom.js";
import {number, text} from "./texts.js";
import {exact} from "./times.js";

/**
 * @typedef {import("./feed.js").FiguresOf} FiguresOf
 * @typedef {import("./feed.js").Fault} Fault
 * @typedef {{name: string, administrator: string, page: string}} SiteShown as the service shows it
 */

/**
 * httpURL returns an address that may be a link, or null.
 * @param {string} address
 */
export function httpURL(address) {
  const url = address && URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : null;
  return url && (url.protocol === "https:" || url.protocol === "http:") ? url : null;
}

/** A Site is one of the fleet, with its row of the table. */
export class Site {
  /** @type {FiguresOf | null} */
  figures = null;
  /** @type {Fault | null} */
  fault = null;
  /** @type {Date | null} */
  since = null; // when it failed first

  /**
   * @param {SiteShown} shown
   * @param {{open: (site: Site) => void, useToken: (site: Site, token: string) => void}} does
   */
  constructor(shown, does) {
    this.name = shown.name;
    this.administrator = httpURL(shown.administrator);
    this.page = httpURL(shown.page);
    this.row = element("tr");
    const head = this.row.appendChild(Object.assign(element("th"), {scope: "row"}));
    this.state = element("p", "state");
    this.link = element("a");
    this.form = element("form", "token");
    this.label = element("label");
    this.input = Object.assign(element("input"), {type: "password", autocomplete: "off", required: true, id: "token-of-" + shown.name});
    this.label.htmlFor = this.input.id;
    this.use = element("button");
    this.form.append(this.label, this.input, this.use, this.link);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.input.value.trim();
      this.input.value = "";
      does.useToken(this, token);
    });
    head.append(button("choice", shown.name, () => does.open(this)), this.state, this.form);
    this.cells = ["", "", "", ""].map(() => this.row.insertCell());
  }

  /**
   * answered notes how the last question went.
   * @param {Fault | null} fault
   */
  answered(fault) {
    this.since = fault && (this.since ?? new Date());
    this.fault = fault;
    if (fault) {
      this.figures = null;
    }
  }

  /** render shows what has become of it. */
  render() {
    const {fault, figures} = this;
    this.row.classList.toggle("missing", fault !== null);
    setText(this.state, fault && this.since ? text("since", {reason: text(fault.name, fault.values), time: exact(this.since)}) :
      text(figures ? "answers" : "loading"));
    this.form.hidden = fault === null || fault.kind === "gone";
    setText(this.label, text("tokenOf", {site: this.name}));
    setText(this.use, text("useToken"));
    this.link.hidden = this.page === null;
    if (this.page) {
      this.link.href = this.page.href;
      setText(this.link, text("ownPage"));
    }
    const counts = [figures?.persons, figures?.waiting, figures?.guests, figures?.ended];
    this.cells.forEach((cell, i) => setText(cell, fault ? text("unknown") : count(counts[i])));
  }
}

/** @param {number | null | undefined} n */
const count = (n) => n === null || n === undefined ? text("notKnownYet") : number(n);

/**
 * sitesTable returns the table of sites, whose rows stay the same.
 * @param {Site[]} sites
 */
export function sitesTable(sites) {
  const made = table("sites-heading", [text("site"), text("loggedIn"), text("ofWaiting"), text("ofGuests"), text("ofEnded")], [], number);
  made.tBodies[0].append(...sites.map(({row}) => row));
  return made;
}
