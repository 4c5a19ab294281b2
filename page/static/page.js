// The page: whom to ask, when, and what to say of how that went.

import {ask, Failure, readFeed} from "./feed.js";
import {Figures, table as numbersTable} from "./figures.js";
import {printedRows, Table} from "./table.js";
import {has, language, text} from "./texts.js";

const $ = (id) => document.getElementById(id);
const allSites = "*"; // No site has this name.

document.documentElement.lang = language;
document.title = text("title");
for (const element of document.querySelectorAll("[data-text]")) {
  element.textContent = text(element.dataset.text);
}
$("filter").placeholder = text("filterHint");

// The token is kept here and nowhere else. A program that prints the page's address may put it after the #, which browsers
// do not send; it is taken out of the address, and so of the history, at once.
let token = takeToken();
let sites = null; // those that the service shows, once it did
let site = ""; // the one that is shown, or allSites
let asked = 0; // how often was asked; answers to older questions do not count
let timer = 0;
let running = false;
let began = 0; // when the feed was asked for
let took = 0; // how long the last one took, in milliseconds
let read = null; // the Date of what is shown
let now = 0; // the time of the service, by which ages are counted
let failure = null;
let firstFigures = true;
let pending = null; // a query that waits for the one before
let querying = false;
const slices = new Map(); // what to do with rows that were asked for

const policy = globalThis.trustedTypes?.createPolicy("worker", {createScriptURL: () => new URL("worker.js", import.meta.url).href});
const worker = new Worker(policy ? policy.createScriptURL("") : new URL("worker.js", import.meta.url), {type: "module"});
worker.addEventListener("message", ({data}) => handle[data.type](data));
worker.addEventListener("error", () => fail(new Failure("gone", "unreachable")));

const table = new Table(
  {table: $("table"), head: $("head"), scroller: $("scroller"), spacer: $("spacer")},
  slice, () => narrow());
const figures = new Figures({tiles: $("tiles"), sum: $("sum"), applications: $("applications"), activity: $("activity")}, () => {
  table.toTop();
  narrow();
});
let printed = []; // the first rows, for paper
let printing = 0; // the timer by which they come

$("filter").addEventListener("input", () => {
  table.toTop();
  narrow();
});
$("refresh").addEventListener("click", refresh);
$("interval").addEventListener("change", schedule);
$("site").addEventListener("change", () => {
  site = $("site").value;
  forget();
  refresh();
});
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer === 0 && !running) {
    schedule();
  }
});
// A link with another token, followed while the page is open, changes nothing but what stands after the #.
addEventListener("hashchange", () => {
  const taken = takeToken();
  if (taken) {
    token = taken;
    refresh();
  }
});
$("print").addEventListener("click", () => print());
addEventListener("beforeprint", () => {
  const part = document.createElement("p");
  part.textContent = table.rows > printed.length ? text("printedPart", {n: printed.length, total: table.rows}) : "";
  $("printed").replaceChildren(Table.printed(printed, now), part);
});
addEventListener("afterprint", () => $("printed").replaceChildren());
refresh();

function takeToken() {
  const taken = new URLSearchParams(location.hash.slice(1)).get("token");
  if (taken !== null) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return taken ?? "";
}

// refresh asks which sites there are, if that is not known, and reads what is shown.
async function refresh() {
  const id = ++asked;
  clearTimeout(timer);
  timer = 0;
  running = true;
  began = performance.now();
  $("refresh").setAttribute("aria-busy", "true");
  if (sites === null) {
    try {
      const {msg} = await (await ask("sites", token)).json();
      if (!Array.isArray(msg)) {
        throw new Failure("gone", "notAFeed");
      }
      if (id !== asked) {
        return;
      }
      setSites(msg);
    } catch (error) {
      if (id === asked) {
        fail(error instanceof Failure ? error : new Failure("gone", "notAFeed"));
      }
      return;
    }
  }
  if (site === allSites) {
    readAll(id);
  } else {
    worker.postMessage({type: "read", id, address: new URL("feed?" + new URLSearchParams({site}), document.baseURI).href, token});
  }
}

function setSites(list) {
  sites = list;
  site = list.length > 1 ? allSites : list[0]?.name ?? "";
  $("site-label").hidden = list.length < 2;
  $("site").replaceChildren(...[[allSites, text("allSites")], ...list.map(({name}) => [name, name])].map(([value, name]) => new Option(name, value)));
  $("site").value = site;
  showLink();
}

// showLink links to where Joomla logs users out: nothing here writes.
function showLink() {
  const link = $("administrator"), address = sites?.find(({name}) => name === site)?.administrator;
  link.hidden = true;
  if (address) {
    const url = new URL(address, document.baseURI);
    if (url.protocol === "https:" || url.protocol === "http:") {
      link.href = url.href;
      link.hidden = false;
    }
  }
}

// readAll reads the figures of all sites, a few at a time, and shows their sums.
async function readAll(id) {
  const shown = sites.map(({name}) => ({name, figures: null, failure: null}));
  const queue = [...shown];
  const update = (whole) => {
    if (id === asked && (whole || read === null)) {
      showSites(shown);
      showFigures(sum(shown.map(({figures}) => figures).filter(Boolean)), whole);
    }
  };
  await Promise.all(Array.from({length: 3}, async () => {
    for (let one; (one = queue.shift()) !== undefined && id === asked;) {
      try {
        await readFeed("feed?" + new URLSearchParams({site: one.name, rows: "0"}), token, undefined, (line) => {
          now = line.now ?? now;
          one.figures = line.figures ?? one.figures;
        });
      } catch (error) {
        one.failure = error instanceof Failure ? error : new Failure("gone", "notAFeed");
        one.figures = null;
      }
      update(false);
    }
  }));
  if (id !== asked) {
    return;
  }
  if (shown.every(({failure}) => failure)) {
    fail(shown[0].failure);
    return;
  }
  update(true);
  done();
}

// sum adds up figures of several sites.
function sum(list) {
  const total = {persons: 0, waiting: 0, endedGuests: 0, people: 0, guests: 0, ended: 0, applications: [], activity: []};
  const add = (to, from) => ["people", "guests", "ended"].forEach((name) => to[name] += from[name]);
  for (const figures of list) {
    total.persons += figures.persons;
    total.waiting = total.waiting === null || figures.waiting === null ? null : total.waiting + figures.waiting;
    total.endedGuests += figures.endedGuests;
    add(total, figures);
    for (const one of figures.applications) {
      const found = total.applications.find(({client}) => client === one.client);
      found ? add(found, one) : total.applications.push({...one});
    }
    figures.activity.forEach((one, i) => total.activity[i] ? add(total.activity[i], one) : total.activity.push({...one}));
  }
  return total;
}

// showSites shows the figures of each site, and leads to it.
function showSites(list) {
  const heads = [text("site"), text("loggedIn"), text("waiting"), text("guests"), text("ended")];
  $("sites").replaceChildren(numbersTable(heads, list.map(({name, figures, failure}) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "choice";
    button.textContent = name;
    button.addEventListener("click", () => {
      $("site").value = name;
      $("site").dispatchEvent(new Event("change"));
    });
    return failure ? [button, explanation(failure), "", "", ""] :
      [button, ...[figures?.persons, figures?.waiting, figures?.guests, figures?.ended].map((n) => n ?? text("waitingUnknown"))];
  })));
}

// showFigures shows figures. Those on their way do not replace whole ones of before.
function showFigures(values, whole, counting) {
  if (!whole && read !== null) {
    return;
  }
  $("content").hidden = false;
  const all = site === allSites;
  $("sites-card").hidden = !all;
  $("sessions-card").hidden = all;
  figures.narrowable(!all);
  figures.render(values, whole);
  measure("figures-any", 0); // The first one counts.
  if (firstFigures && !counting) {
    firstFigures = false;
    measure("figures", 0);
  }
  if (whole) {
    measure("figures-whole", began);
  }
}

// handle are what the worker tells. What it tells of an older feed does not count.
const current = (then) => (data) => data.id === asked && then(data);
const handle = {
  head: current((data) => now = data.now),
  figures: current(({figures: values, whole, counting}) => showFigures(values, whole, counting)),
  progress: current(({rows}) => say(text("reading", {n: text("sessions", {n: rows})}))),
  failure: current(({kind, name, values}) => fail(new Failure(kind, name, values))),
  done: current(() => done()),
  async view(data) {
    querying = false;
    if (pending !== null) {
      const start = pending;
      pending = null;
      narrow(start);
    }
    const shown = text("shown", {persons: text("persons", {n: data.people[0]}), sessions: text("sessions", {n: data.sessions[0]})}) +
      (data.sessions[1] ? text("shownEnded", {sessions: text("sessions", {n: data.sessions[1]})}) : "");
    $("shown").textContent = shown;
    $("none").hidden = data.rows > 0;
    $("none").textContent = text(data.held > 0 ? "noneMatch" : "noneAtAll");
    $("table").hidden = data.rows === 0;
    const place = table.cache;
    if (data.rows > 0 || place.rows.length > 0) {
      await table.update(data.rows, data.version, now, data.some);
    }
    if (data.start !== undefined) {
      measure("filter", data.start);
    }
    // When nothing else is to be done: who prints has stopped typing.
    clearTimeout(printing);
    printing = setTimeout(() => slice(0, printedRows).then(({rows}) => printed = rows), 500);
  },
  slice(data) {
    slices.get(data.id)?.(data);
    slices.delete(data.id);
  },
};

// slice promises rows of the view.
let sliced = 0;
function slice(first, count) {
  return new Promise((resolve) => {
    slices.set(++sliced, resolve);
    worker.postMessage({type: "slice", id: sliced, first, count});
  });
}

// narrow asks for the view that filter, figures and order leave. While one is on its way, the last of the next ones waits.
function narrow(start = performance.now()) {
  if (querying) {
    pending = start;
    return;
  }
  querying = true;
  worker.postMessage({type: "query", start, ahead: table.ahead, query: {
    words: $("filter").value.toLowerCase().split(/\s+/).filter(Boolean),
    section: figures.section, application: figures.application, column: table.column, down: table.down,
  }});
}

function done() {
  failure = null;
  read = new Date();
  took = performance.now() - began;
  measure("refresh", began);
  ended();
}

// fail says why there is nothing new. What was readable a moment ago is not for whoever sits here now, if access is refused.
function fail(error) {
  failure = error;
  if (refused()) {
    sites = null;
    forget();
  }
  ended();
}

function ended() {
  running = false;
  $("refresh").setAttribute("aria-busy", "false");
  explain();
  schedule();
}

// forget takes away what is shown.
function forget() {
  read = null;
  printed = [];
  firstFigures = true;
  $("content").hidden = true;
  $("filter").value = "";
  figures.reset();
  table.toTop();
  worker.postMessage({type: "clear"});
  narrow();
  showLink();
  for (const part of $("tiles").querySelectorAll(".count, .detail")) {
    part.textContent = "";
  }
  for (const id of ["applications", "activity", "sites"]) {
    $(id).replaceChildren();
  }
}

const refused = () => failure !== null && failure.kind !== "gone";

const explanation = ({name, values}) => text(name, {...values,
  reason: has("reason_" + values.reason) ? text("reason_" + values.reason) : values.reason});

// explain says what has become of the last question.
function explain() {
  const time = read?.toLocaleTimeString(language);
  $("sign-in").hidden = !refused();
  $("content").classList.toggle("stale", failure !== null);
  $("notice").hidden = failure === null;
  if (failure) {
    const sentences = [explanation(failure)];
    if (read) {
      sentences.push(text("stillShown", {time}));
    }
    if (!refused() && interval() > 0) {
      sentences.push(text("tryingAgain"));
    }
    // Said once, not with each attempt.
    if ($("notice").textContent !== sentences.join(" ")) {
      $("notice").textContent = sentences.join(" ");
    }
  } else {
    $("notice").textContent = "";
  }
  say(refused() ? text("refused") : failure ? text("noAnswer") : text("updated", {time}));
  $("state").dataset.state = failure?.kind ?? "live";
}

function say(what) {
  if ($("state").textContent !== what) {
    $("state").textContent = what;
  }
}

const interval = () => Number($("interval").value) * 1000;

// schedule plans the next question, unless one is on its way. Asking again does not help who is refused, but a service
// that is gone may come back. A service that takes long is given as long again and again.
function schedule() {
  clearTimeout(timer);
  timer = 0;
  if (running || refused() || interval() === 0) {
    return;
  }
  timer = setTimeout(() => {
    timer = 0;
    if (!document.hidden) { // Otherwise, when the page comes to the front.
      refresh();
    }
  }, Math.max(interval(), 10 * took));
}

// measure notes how long something took until it stood on the screen, for the browser's own tools and for tests.
function measure(name, start) {
  requestAnimationFrame(() => setTimeout(() => performance.measure(name, {start, end: performance.now()})));
}

say(text("loading"));
