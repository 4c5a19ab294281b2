// The page: when to read the list, and what to say of how that went.

import {Counts} from "./counts.js";
import {Plot} from "./plot.js";
import {Failure, readSessions} from "./sessions.js";
import {Table} from "./table.js";

const $ = (id) => document.getElementById(id);
const patience = 60_000; // how long an answer may take, in milliseconds

// The token is kept here and nowhere else. The program that prints the page's address puts it after the #, which browsers
// do not send; it is taken out of the address, and so of the history, at once.
let token = takeToken();
let paused = false;
let timer = 0;
let reading = null; // the AbortController of the answer that is being read
let read = null; // the Date of the list that is shown
let failure = null; // why the last refresh gave none

const counts = new Counts($("kinds"), $("applications"), narrow);
const plot = new Plot($("plot"), $("plot-table").tBodies[0]);
const table = new Table(
  {table: $("table"), none: $("none"), range: $("range"), previous: $("previous"), next: $("next")},
  () => ({text: $("filter").value, kind: counts.kind, application: counts.application}));

$("filter").addEventListener("input", narrow);
$("refresh").addEventListener("click", refresh);
$("interval").addEventListener("change", schedule);
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").textContent = paused ? "Resume" : "Pause";
  $("pause").setAttribute("aria-pressed", String(paused));
  if (paused) {
    explain();
    schedule();
  } else {
    refresh();
  }
});
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer === 0 && !reading) {
    schedule();
  }
});
// A link with another token, followed while the page is open, changes nothing but what stands after the #.
window.addEventListener("hashchange", () => {
  const taken = takeToken();
  if (taken) {
    token = taken;
    refresh();
  }
});
refresh();

function takeToken() {
  const taken = new URLSearchParams(location.hash.slice(1)).get("token");
  if (taken !== null) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return taken ?? "";
}

// refresh reads the list and shows it, or says why it cannot.
async function refresh() {
  reading?.abort();
  clearTimeout(timer);
  timer = 0;
  const controller = reading = new AbortController();
  const start = performance.now();
  $("refresh").setAttribute("aria-busy", "true");
  let list;
  try {
    list = await readSessions(token, AbortSignal.any([controller.signal, AbortSignal.timeout(patience)]));
    failure = null;
  } catch (error) {
    if (controller.signal.aborted) {
      return; // Another refresh has taken over.
    }
    if (!(error instanceof Failure)) {
      throw error;
    }
    failure = error;
  } finally {
    if (reading === controller) {
      reading = null;
      $("refresh").setAttribute("aria-busy", "false");
    }
  }
  if (list) {
    read = new Date();
    $("content").hidden = false; // First, since the plot is as wide as its place.
    show(list);
    measure("refresh", start);
  } else if (refused()) {
    // What was readable a moment ago is not for whoever sits here now.
    read = null;
    $("content").hidden = true;
    show({sessions: [], now: 0});
  }
  explain();
  schedule();
}

function refused() {
  return failure !== null && failure.kind !== "gone";
}

// show fills the page with the list.
function show({sessions, now}) {
  counts.render(sessions);
  plot.render(sessions, now);
  table.render(sessions, now);
}

// explain says what has become of the last refresh.
function explain() {
  const time = read?.toLocaleTimeString();
  $("sign-in").hidden = !refused();
  $("content").classList.toggle("stale", failure !== null);
  const sentences = [];
  if (failure) {
    sentences.push(failure.message);
    if (read) {
      sentences.push(`What you see is from ${time}.`);
    }
    if (!refused()) {
      sentences.push(paused ? "Refreshing is paused." : "Trying again.");
    }
  }
  $("notice").hidden = failure === null;
  $("notice").className = failure?.kind ?? "";
  // Said once, not with each attempt.
  const text = sentences.join(" ");
  if ($("notice").textContent !== text) {
    $("notice").textContent = text;
  }
  $("state").textContent = refused() ? "Access refused" : failure ? "No answer" : `Updated at ${time}${paused ? ", paused" : ""}`;
  $("state").dataset.state = failure?.kind ?? (paused ? "paused" : "live");
}

// schedule plans the next refresh, unless one is on its way. Asking again does not help who is refused, but a server that
// is gone may come back.
function schedule() {
  clearTimeout(timer);
  timer = 0;
  if (paused || reading || refused()) {
    return;
  }
  timer = setTimeout(() => {
    timer = 0;
    if (!document.hidden) { // Otherwise, when the page comes to the front.
      refresh();
    }
  }, Number($("interval").value) * 1000);
}

// narrow shows what the filter leaves.
function narrow() {
  const start = performance.now();
  table.page = 0;
  table.narrow();
  measure("filter", start);
}

// measure notes how long something took until it stood on the screen, for the browser's own tools and for tests.
function measure(name, start) {
  requestAnimationFrame(() => setTimeout(() => performance.measure(name, {start, end: performance.now()})));
}
