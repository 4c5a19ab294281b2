// Reads feeds, holds their sessions, and sorts and filters them, so that the page never waits for that.

import {Dataset} from "./dataset.js";
import {Failure, readFeed} from "./feed.js";

let shown = new Dataset(); // what the page shows
let view = null; // of it
let query = {words: [], section: "all", application: null, column: "last", down: true};
let version = 0; // of the view
let reading = null; // the AbortController of the feed that is being read

self.addEventListener("message", ({data}) => {
  switch (data.type) {
    case "read":
      read(data);
      break;
    case "clear":
      reading?.abort();
      shown = new Dataset();
      look();
      break;
    case "query":
      query = data.query;
      look(data.start, data.ahead);
      break;
    case "slice":
      self.postMessage({type: "slice", id: data.id, version, first: data.first, rows: slice(data)});
  }
});

// slice returns some rows of the view.
function slice({first, count}) {
  const rows = [], end = Math.min(first + count, view?.order.length ?? 0);
  for (let place = first; place < end; place++) {
    rows.push(shown.row(view, place));
  }
  return rows;
}

// look makes the view anew, and tells the page. The rows that it is about to show go along.
function look(start, ahead) {
  view = shown.view(query);
  version++;
  self.postMessage({type: "view", version, start, rows: view.order.length, sessions: view.sessions, people: view.people,
    held: shown.length, some: ahead && {first: ahead.first, rows: slice(ahead)}});
}

// read reads a feed. Where nothing is shown yet, sessions are shown as they come, else when all are there.
async function read({id, address, token}) {
  reading?.abort();
  const controller = reading = new AbortController();
  const dataset = new Dataset();
  if (shown.length === 0) {
    shown = dataset;
  }
  let next = 100, told = performance.now();
  try {
    await readFeed(address, token, controller.signal, (line) => {
      if (line.agents) {
        dataset.addAgents(line.agents);
      }
      if (line.rows) {
        dataset.addRows(line.rows);
        if (shown === dataset && dataset.length >= next) {
          next = 4 * dataset.length;
          look();
        }
        if (performance.now() - told > 100) {
          told = performance.now();
          self.postMessage({type: "progress", id, rows: dataset.length});
        }
      }
      if (line.ended) {
        dataset.setEnded(line.ended);
      }
      if (line.waiting) {
        dataset.setWaiting(line.waiting);
      }
      if (line.now !== undefined) {
        self.postMessage({type: "head", id, now: line.now});
      }
      if (line.figures) {
        self.postMessage({type: "figures", id, figures: line.figures, whole: line.whole, counting: line.counting});
      }
    });
  } catch (error) {
    if (controller.signal.aborted) {
      return; // Another one has taken over.
    }
    if (!(error instanceof Failure)) {
      error = new Failure("gone", "notAFeed");
    }
    if (shown === dataset) {
      shown = new Dataset(); // A part is not the whole.
      look();
    }
    self.postMessage({type: "failure", id, kind: error.kind, name: error.name, values: error.values});
    return;
  }
  shown = dataset;
  look();
  self.postMessage({type: "done", id});
}
