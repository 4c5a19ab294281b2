// The page: whom to ask, when, and what to say of how that went.

import {intervals, readAddress, writeAddress} from "./address.js";
import {showDetails} from "./details.js";
import {$, setText} from "./dom.js";
import {ask, faultOf, list} from "./feed.js";
import {Figures, sum} from "./figures.js";
import {fold, visible} from "./fold.js";
import {columns} from "./row.js";
import {Service} from "./service.js";
import {Site, sitesTable} from "./sites.js";
import {printedRows, Table} from "./table.js";
import {applicationName, chooseLanguage, collator, direction, language, languages, setLanguage, text} from "./texts.js";
import {clock, span, zone} from "./times.js";
import {Tokens} from "./tokens.js";

/**
 * @typedef {import("./address.js").State} State
 * @typedef {import("./feed.js").Fault} Fault
 * @typedef {import("./service.js").News} News
 * @typedef {import("./row.js").SessionRow} SessionRow
 * @typedef {import("./row.js").ColumnName} ColumnName
 */

const tokens = new Tokens(sessionStorage, location.pathname);
const selects = /** @type {Record<"site" | "interval" | "language" | "group" | "application", HTMLSelectElement>} */ (
  Object.fromEntries(["site", "interval", "language", "group", "application"].map((id) => [id, $(id)])));
const filter = /** @type {HTMLInputElement} */ ($("filter"));
const keep = /** @type {HTMLInputElement} */ ($("keep"));
const tokenField = /** @type {HTMLInputElement} */ ($("token"));

takeToken();
let state = readAddress(location.search);
/** @type {Site[] | null} */
let sites = null; // those that the service shows, once it did
let asked = 0; // how often was asked; answers to older questions do not count
let timer = 0;
let running = false;
let began = 0; // when the feeds were asked for
let took = 0; // how long that took the last time, in milliseconds
/** @type {Date | null} */
let read = null; // when what is shown was read
let time = {now: 0, at: 0}; // of the service, by which ages are counted, and of this browser
/** @type {Fault | null} */
let fault = null; // why nothing is new
let firstFigures = true;
/** @type {number | null} */
let pending = null; // a query that waits for the one before
let querying = false;
/** @type {Set<number>} */
let clients = new Set([-2, -1, 0, 1, 2, 3, 4]); // the applications that are searched by their names
/** @type {string[]} */
let groups = [];
/** @type {import("./worker.js").AnyRow[]} */
let printed = []; // the first rows, for paper
let printing = 0; // the timer by which they come
let said = "loading"; // what was spoken last

const service = new Service((news) => hear(news), () => fail({kind: "gone", name: "unreachable", values: {}}));
const table = new Table({table: $("table"), head: $("head"), scroller: $("scroller"), spacer: $("spacer")}, {
  ask: (first, count) => service.slice(first, count),
  sort: (column, down) => change({column, down}),
  open(row) {
    showDetails(row, {
      administrator: (site) => sites?.find(({name}) => name === site)?.administrator ?? null,
      email, now, named: several(),
    });
    $("details").addEventListener("close", () => table.focus(row), {once: true});
  },
  toggleTimes: () => change({exact: !state.exact}),
});
const figures = new Figures({tiles: $("tiles"), sum: $("sum"), applications: $("applications"), activity: $("activity")}, change);

filter.addEventListener("input", () => change({find: filter.value}, true));
selects.group.addEventListener("change", () => {
  const {value} = selects.group;
  change({superUsers: value === "super", group: value.startsWith("group ") ? value.slice(6) : ""});
});
selects.application.addEventListener("change", () =>
  change({application: selects.application.value === "" ? null : Number(selects.application.value)}));
selects.site.addEventListener("change", () => change({site: selects.site.value}));
selects.interval.addEventListener("change", () => change({every: Number(selects.interval.value)}));
selects.language.addEventListener("change", () => change({language: selects.language.value}));
$("clear").addEventListener("click", () => {
  change({find: "", group: "", superUsers: false, application: null, section: "all"});
  filter.focus();
});
$("exact").addEventListener("click", () => change({exact: !state.exact}));
$("refresh").addEventListener("click", refresh);
$("look-again").addEventListener("click", refresh);
$("save").addEventListener("click", save);
$("forget").addEventListener("click", () => {
  tokens.forget();
  keep.checked = false;
  sites = null;
  forget();
  refresh();
});
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  tokens.set(several() ? state.site : "", tokenField.value.trim());
  tokenField.value = "";
  tokens.keep(keep.checked);
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer === 0 && !running) {
    schedule();
  }
});
// A link with another token, followed while the page is open, changes nothing but what stands after the #.
addEventListener("hashchange", () => {
  if (takeToken()) {
    refresh();
  }
});
addEventListener("popstate", () => apply(readAddress(location.search)));
$("print").addEventListener("click", () => print());
addEventListener("beforeprint", () => {
  const part = document.createElement("p");
  part.textContent = table.rows > printed.length ? text("printedPart", {n: printed.length, total: table.rows}) : "";
  $("printed").replaceChildren(table.printed(printed), part);
});
addEventListener("afterprint", () => $("printed").replaceChildren());
setInterval(() => document.hidden || table.tick({now: now(), exact: state.exact}), 10_000);

await translate();
refresh();

/** now returns the time of the service. */
function now() {
  return time.now + (performance.now() - time.at) / 1000;
}

function takeToken() {
  const address = tokens.take(location);
  if (address !== null) {
    history.replaceState(null, "", address);
  }
  return address !== null;
}

/** several reports whether there are several sites. */
function several() {
  return sites !== null && sites.length > 1;
}

/** chosen returns the sites that are shown. */
function chosen() {
  return sites?.filter(({name}) => !several() || state.site === "" || state.site === name) ?? [];
}

/**
 * change changes what is shown, and the address with it. Each letter of the filter is no step to go back to.
 * @param {Partial<State>} what
 * @param {boolean} [typed]
 */
function change(what, typed = false) {
  const next = {...state, ...what}, address = location.pathname + writeAddress(next, location.search);
  if (typed) {
    history.replaceState(null, "", address);
  } else {
    history.pushState(null, "", address);
  }
  apply(next);
}

/**
 * apply shows what a state says.
 * @param {State} next
 */
async function apply(next) {
  const before = state;
  state = next;
  const differs = (/** @type {(keyof State)[]} */ ...names) => names.some((name) => before[name] !== next[name]);
  if (differs("language")) {
    await translate();
  }
  if (differs("site")) {
    forget();
    refresh();
  } else if (differs("find", "section", "application", "group", "superUsers", "column", "down")) {
    table.toTop();
    narrow();
  }
  if (differs("every")) {
    schedule();
  }
  if (differs("exact")) {
    table.tick({now: now(), exact: next.exact});
  }
  showState();
}

/** showState shows what is chosen, wherever it can be. */
function showState() {
  figures.press(state);
  table.setOrder(state.column, state.down);
  if (filter.value !== state.find) {
    filter.value = state.find;
  }
  $("exact").setAttribute("aria-pressed", String(state.exact));
  selects.site.value = state.site;
  if (Number(selects.interval.value) !== state.every) {
    selects.interval.value = String(state.every);
  }
  showChoices();
  $("clear").hidden = !(state.find || state.group || state.superUsers || state.application !== null || state.section !== "all");
}

/**
 * fill sets the options of a select, unless they are there already.
 * @param {HTMLSelectElement} select
 * @param {[value: string, name: string][]} options
 * @param {string} value
 */
function fill(select, options, value) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([value, name]) => new Option(name, value)));
  }
  select.value = value;
}

/** showChoices offers the groups and applications that there are, besides those that are chosen. */
function showChoices() {
  const titles = [...new Set([...groups, state.group])].filter(Boolean).sort(collator.compare);
  fill(selects.group, [["", text("allGroups")], ["super", text("superUsers")], ...titles.map((title) =>
    /** @type {[string, string]} */ (["group " + title, visible(title)]))], state.superUsers ? "super" : state.group && "group " + state.group);
  const label = /** @type {HTMLElement} */ (selects.group.parentElement);
  label.hidden = groups.length === 0 && !state.group && !state.superUsers;
  const numbers = [...clients].filter((client) => client !== -2);
  if (state.application !== null && !clients.has(state.application)) {
    numbers.push(state.application);
  }
  fill(selects.application, [["", text("allApplications")], ...numbers.map((client) =>
    /** @type {[string, string]} */ ([String(client), applicationName(client)])).sort(([, a], [, b]) => collator.compare(a, b))],
  String(state.application ?? ""));
}

/** translate sets all texts in the language that was chosen by hand or, else, by the browser. */
async function translate() {
  await setLanguage(chooseLanguage([state.language, ...navigator.languages ?? []]));
  document.documentElement.lang = language;
  document.documentElement.dir = direction();
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) {
    setText(element, text(/** @type {import("./texts.js").TextName} */ (/** @type {HTMLElement} */ (element).dataset.text)));
  }
  filter.placeholder = text("filterHint");
  setText($("zone"), zone());
  fill(selects.interval, intervals.map((seconds) => [String(seconds), seconds === 0 ? text("never") : span(seconds)]), String(state.every));
  fill(selects.language, Object.entries(languages), language);
  for (const option of selects.language.options) {
    option.lang = option.value;
  }
  table.translate();
  showSites();
  if (read) {
    showFigures(true);
  }
  narrow();
  if (!running) {
    explain();
  }
  showState();
}

/** refresh asks which sites there are, if that is not known, and reads what is shown. */
async function refresh() {
  const id = ++asked;
  clearTimeout(timer);
  timer = 0;
  running = true;
  began = performance.now();
  $("refresh").setAttribute("aria-busy", "true");
  if (sites === null) {
    try {
      const shown = await list("sites", tokens.of(""));
      if (id !== asked) {
        return;
      }
      setSites(shown);
    } catch (error) {
      if (id === asked) {
        fail(faultOf(error));
      }
      return;
    }
  }
  service.send({type: "read", id, sources: chosen().map(({name}) =>
    ({name, address: new URL("feed?" + new URLSearchParams({site: name}), document.baseURI).href, token: tokens.of(name)}))});
}

/** @param {import("./sites.js").SiteShown[]} shown */
function setSites(shown) {
  sites = shown.map((site) => new Site(site, {
    open: ({name}) => change({site: name}),
    useToken({name}, token) {
      tokens.set(name, token);
      refresh();
    },
  }));
  if (!sites.some(({name}) => name === state.site)) {
    state = {...state, site: ""};
  }
  showSites();
}

/** showSites shows the sites, and links to where Joomla logs users out: nothing here writes. */
function showSites() {
  $("site-label").hidden = !several();
  fill(selects.site, [["", text("allSites")], ...(sites ?? []).map(({name}) => /** @type {[string, string]} */ ([name, name]))], state.site);
  const list = several() ? sites ?? [] : [];
  list.forEach((site) => site.render());
  $("sites").replaceChildren(sitesTable(list));
  showLink();
}

function showLink() {
  const link = /** @type {HTMLAnchorElement} */ ($("administrator")), [one, ...more] = chosen();
  link.hidden = !one?.administrator || more.length > 0;
  if (one?.administrator) {
    link.href = one.administrator.href;
  }
  table.named = more.length > 0;
}

/** ofSites returns of how many sites figures are, unless they are of all. */
function ofSites() {
  const shown = chosen(), counted = shown.filter(({figures}) => figures).length;
  return counted < shown.length ? text("ofSites", {n: shown.length, counted}) : "";
}

/**
 * showFigures shows the figures of the sites that have answered. Those on their way do not replace whole ones of before.
 * @param {boolean} whole
 * @param {boolean} [counting]
 */
function showFigures(whole, counting = false) {
  const shown = chosen(), counted = shown.flatMap(({figures}) => figures ?? []);
  if (counted.length === 0 || !whole && read !== null) {
    return;
  }
  $("content").hidden = false;
  $("sites-card").hidden = shown.length < 2;
  shown.forEach((site) => site.render());
  figures.render(sum(counted), whole, ofSites());
  measure("figures-any", 0); // The first one counts.
  if (firstFigures && !counting) {
    firstFigures = false;
    measure("figures", 0);
  }
  if (whole) {
    measure("figures-whole", began);
  }
}

/**
 * hear hears what the worker tells. What it tells of an older question does not count.
 * @param {News} news
 */
function hear(news) {
  if (news.type === "view") {
    showView(news);
    return;
  }
  if (news.id !== asked) {
    return;
  }
  const site = "site" in news ? sites?.find(({name}) => name === news.site) : undefined;
  switch (news.type) {
    case "head":
      time = {now: news.now, at: performance.now()};
      break;
    case "figures":
      if (site) {
        site.figures = news.figures;
      }
      showFigures(news.whole && chosen().length === 1, news.counting);
      break;
    case "progress":
      setText($("state"), text("reading", {sessions: text("sessions", {n: news.rows})}));
      break;
    case "site":
      site?.answered(news.fault);
      showFigures(false);
      break;
    case "done":
      done();
  }
}

/** @param {Extract<News, {type: "view"}>} view */
async function showView(view) {
  querying = false;
  if (pending !== null) {
    const start = pending;
    pending = null;
    narrow(start);
  } else if (view.clients.some((client) => !clients.has(client))) {
    clients = new Set([...clients, ...view.clients]);
    narrow();
  }
  groups = view.groups;
  showChoices();
  const shown = text("shown", {persons: text("persons", {n: view.people[0]}), sessions: text("sessions", {n: view.sessions[0]})}) +
    (view.sessions[1] ? text("shownEnded", {sessions: text("sessions", {n: view.sessions[1]})}) : "");
  setText($("shown"), shown);
  setText($("none"), text(view.held > 0 ? "noneMatch" : "noneAtAll"));
  const lost = view.rows === 0 && $("scroller").contains(document.activeElement);
  $("none").hidden = view.rows > 0;
  $("table").hidden = view.rows === 0;
  if (lost) {
    $("none").focus();
  }
  table.setColumns(new Set(columns.map(({name}) => name).filter((name) => !(name in view.holds) || view.holds[/** @type {"browser"} */ (name)])));
  if (view.rows > 0 || table.cache.rows.length > 0) {
    await table.update(view, {now: now(), exact: state.exact});
  }
  if (view.start !== undefined) {
    measure("filter", view.start);
  }
  // When nothing else is to be done: who prints has stopped typing.
  clearTimeout(printing);
  printing = setTimeout(async () => {
    printed = (await service.slice(0, printedRows)).rows;
    if (document.activeElement === filter) {
      setText($("said"), shown);
    }
  }, 500);
}

/** narrow asks for the view that is chosen. While one is on its way, the last of the next ones waits. */
function narrow(start = performance.now()) {
  if (querying) {
    pending = start;
    return;
  }
  querying = true;
  const {section, application, group, superUsers, column, down} = state;
  service.send({type: "query", start, ahead: table.ahead,
    query: {words: state.find.split(/\s+/).filter(Boolean), section, application, group, superUsers, column, down},
    words: {language, applications: new Map([...clients].map((client) => [client, applicationName(client)])),
      waiting: fold(text("badgeWaiting")), ended: fold(text("badgeEnded")), superUser: fold(text("badgeSuper"))}});
}

/**
 * email promises the e-mail address of a user, or why there is none.
 * @param {SessionRow} row
 */
async function email({site, user}) {
  try {
    const answer = await ask("user?" + new URLSearchParams({site, id: String(user)}), tokens.of(site));
    return String((await answer.json()).msg.email);
  } catch (error) {
    const {name, values} = faultOf(error);
    return text(name, values);
  }
}

/** save saves what is shown as a file. */
async function save() {
  const {parts} = await service.save(
    [text("site"), text("userID"), text("username"), text("user"), text("badgeSuper"), text("groups"), text("state"), text("application"),
      text("last"), text("started"), text("requests"), text("userAgent"), text("session")],
    {waiting: text("badgeWaiting"), ended: text("badgeEnded"), deleted: text("badgeDeleted"), blocked: text("badgeBlocked"),
      superUser: text("badgeSuper")});
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, {type: "text/csv;charset=utf-8"}));
  link.download = `sessions-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** done ends a question: it has failed if no site has answered. */
function done() {
  const shown = chosen(), failed = shown.filter(({fault}) => fault);
  if (failed.length > 0 && failed.length === shown.length) {
    fail(/** @type {Fault} */ ((failed.find(({fault}) => fault?.kind === "gone") ?? failed[0]).fault));
    return;
  }
  fault = null;
  read = new Date();
  took = performance.now() - began;
  showFigures(true);
  measure("refresh", began);
  ended();
}

/**
 * fail says why there is nothing new. What was readable a moment ago is not for whoever sits here now, if access is
 * refused.
 * @param {Fault} why
 */
function fail(why) {
  fault = why;
  if (refused()) {
    if (chosen().length !== 1 || !several()) {
      sites = null;
    }
    forget();
  } else {
    sites?.forEach((site) => site.render());
  }
  ended();
}

function ended() {
  running = false;
  $("refresh").setAttribute("aria-busy", "false");
  explain();
  schedule();
}

/** forget takes away what is shown. */
function forget() {
  read = null;
  printed = [];
  groups = [];
  firstFigures = true;
  $("content").hidden = true;
  sites?.forEach((site) => site.figures = null);
  figures.clear();
  table.toTop();
  const details = /** @type {HTMLDialogElement} */ ($("details"));
  details.close();
  details.replaceChildren();
  service.send({type: "clear"});
  narrow();
  showLink();
  showChoices();
}

function refused() {
  return fault !== null && fault.kind !== "gone";
}

/** explain says what has become of the last question. Who comes for the first time is greeted, and not alarmed. */
function explain() {
  const greeted = fault?.kind === "unauthenticated" && !tokens.any;
  const at = read ? clock(read) : "";
  $("sign-in").hidden = !refused() && (fault === null || sites !== null); // A site that is down bars nobody from the others.
  $("forget").hidden = !tokens.any;
  $("content").classList.toggle("stale", fault !== null);
  $("notice").hidden = fault === null || greeted;
  const sentences = [];
  if (fault && !greeted) {
    sentences.push(text(fault.name, fault.values));
    if (read) {
      sentences.push(text("stillShown", {time: at}));
    }
    if (!refused() && state.every > 0) {
      sentences.push(text("tryingAgain"));
    }
  }
  // Said once, not with each attempt.
  setText($("notice"), sentences.join(" "));
  const of = fault ? "" : ofSites();
  setText($("state"), greeted ? text("greeted") : refused() ? text("refused") : fault ? text("noAnswer") : !read ? text("loading") :
    [text("updated", {time: at}), of].filter(Boolean).join(" · "));
  const kind = fault?.kind ?? (!read ? "loading" : of ? "partial" : "live");
  // What is spoken is that something has changed, not each refresh.
  if (said !== kind + of) {
    said = kind + of;
    setText($("said"), $("state").textContent ?? "");
  }
  $("state").dataset.state = kind;
}

/** schedule plans the next question, unless one is on its way. Asking again does not help who is refused, but a service
 * that is gone may come back. A service that takes long is given as long again and again. */
function schedule() {
  clearTimeout(timer);
  timer = 0;
  if (running || refused() || state.every === 0) {
    return;
  }
  timer = setTimeout(() => {
    timer = 0;
    if (!document.hidden) { // Otherwise, when the page comes to the front.
      refresh();
    }
  }, Math.max(state.every * 1000, 10 * took));
}

/**
 * measure notes how long something took until it stood on the screen, for the browser's own tools and for tests.
 * @param {string} name
 * @param {number} start
 */
function measure(name, start) {
  requestAnimationFrame(() => setTimeout(() => performance.measure(name, {start, end: performance.now()})));
}
