// What the page shows, as its address says it: it can be sent, and the browser goes back to it. A token never is in it.

/**
 * @typedef {import("./dataset.js").SortColumn} SortColumn
 * @typedef {import("./dataset.js").Section} Section
 * @typedef {{site: string, find: string, section: Section, application: number | null, group: string, superUsers: boolean,
 *   column: SortColumn, down: boolean, every: number, exact: boolean, language: string}} State
 */

/** @type {readonly SortColumn[]} */
export const sortable = ["user", "application", "last", "started", "requests", "browser"];
/** @type {readonly Section[]} */
const sections = ["all", "loggedIn", "waiting", "ended"];

/** The intervals of refreshing, in seconds; 0 is never. */
export const intervals = [0, 15, 60, 300];

/** @type {Readonly<State>} */
export const initial = {site: "", find: "", section: "all", application: null, group: "", superUsers: false, column: "last", down: true,
  every: 60, exact: false, language: ""};

/**
 * readAddress returns what the query of an address says. What is unknown counts as not said.
 * @param {string} search
 * @returns {State}
 */
export function readAddress(search) {
  const query = new URLSearchParams(search), state = {...initial};
  const application = query.get("application") ?? "", sort = query.get("sort") ?? "", every = query.get("every") ?? "";
  state.site = query.get("site") ?? "";
  state.find = query.get("find") ?? "";
  state.section = sections.find((section) => section === query.get("show")) ?? state.section;
  state.application = /^-?\d{1,9}$/.test(application) ? Number(application) : null;
  state.group = query.get("group") ?? "";
  state.superUsers = query.get("super") === "1";
  const column = sortable.find((column) => column === sort.replace(/^-/, ""));
  if (column) {
    state.column = column;
    state.down = sort.startsWith("-");
  }
  state.every = intervals.find((interval) => String(interval) === every) ?? state.every;
  state.exact = query.get("times") === "exact";
  state.language = query.get("language") ?? "";
  return state;
}

/**
 * writeAddress returns the query of an address that says what is shown. What else was in it stays, except a token.
 * @param {State} state
 * @param {string} search
 */
export function writeAddress(state, search) {
  const query = new URLSearchParams(search);
  query.delete("token");
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    query.delete(name);
    if (value) {
      query.append(name, value);
    }
  };
  set("site", state.site);
  set("find", state.find);
  set("show", state.section === initial.section ? "" : state.section);
  set("application", state.application === null ? "" : String(state.application));
  set("group", state.group);
  set("super", state.superUsers ? "1" : "");
  set("sort", state.column === initial.column && state.down === initial.down ? "" : (state.down ? "-" : "") + state.column);
  set("every", state.every === initial.every ? "" : String(state.every));
  set("times", state.exact ? "exact" : "");
  set("language", state.language);
  const text = query.toString();
  return text && "?" + text;
}
