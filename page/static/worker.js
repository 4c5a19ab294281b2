// Reads feeds, holds their sessions, and sorts and filters them, so that the page never waits for that.

import {line as csvLine} from "./csv.js";
import {Dataset} from "./dataset.js";
import {faultOf, readFeed} from "./feed.js";

/**
 * @typedef {import("./dataset.js").Query} Query
 * @typedef {import("./dataset.js").View} View
 * @typedef {import("./dataset.js").Words} Words
 * @typedef {import("./dataset.js").HeadingRow | import("./dataset.js").SessionRow} AnyRow
 * @typedef {import("./feed.js").FiguresOf} FiguresOf
 * @typedef {import("./feed.js").Fault} Fault
 * @typedef {{name: string, address: string, token: string}} Source
 * @typedef {{first: number, count: number}} Range
 * @typedef {{type: "read", id: number, sources: Source[]}
 *   | {type: "clear"}
 *   | {type: "query", query: Query, words: Words, start: number, ahead: Range}
 *   | {type: "slice", id: number} & Range
 *   | {type: "save", id: number, heads: string[], texts: Record<string, string>}} Question what the page tells the worker
 * @typedef {{first: number, rows: AnyRow[], version: number}} Slice
 * @typedef {{type: "head", id: number, now: number}
 *   | {type: "figures", id: number, site: string, figures: FiguresOf, whole: boolean, counting: boolean}
 *   | {type: "progress", id: number, rows: number}
 *   | {type: "site", id: number, site: string, fault: Fault | null}
 *   | {type: "done", id: number}
 *   | {type: "view", version: number, start?: number, rows: number, sessions: number[], people: number[], held: number,
 *       clients: number[], groups: string[], holds: Dataset["holds"], some?: Slice}
 *   | {type: "slice", id: number} & Slice
 *   | {type: "saved", id: number, parts: string[]}} Answer what the worker tells the page
 */

let shown = new Dataset(); // what the page shows
/** @type {View | null} */
let view = null; // of it
/** @type {Query} */
let query = {words: [], section: "all", application: null, group: "", superUsers: false, column: "last", down: true};
/** @type {Words} */
let words = {language: "en", applications: new Map(), waiting: "", ended: "", superUser: ""};
let version = 0; // of the view
/** @type {AbortController | null} */
let reading = null; // of the feeds that are being read

/** @param {Answer} answer */
const tell = (answer) => self.postMessage(answer);

self.addEventListener("message", (/** @type {MessageEvent<Question>} */ {data}) => {
  switch (data.type) {
    case "read":
      read(data.id, data.sources);
      break;
    case "clear":
      reading?.abort();
      shown = new Dataset();
      look();
      break;
    case "query":
      query = data.query;
      words = data.words;
      look(data.start, data.ahead);
      break;
    case "slice":
      tell({type: "slice", id: data.id, ...slice(data)});
      break;
    case "save":
      tell({type: "saved", id: data.id, parts: save(data.heads, data.texts)});
  }
});

/** slice returns some rows of the view.
 * @param {Range} range
 * @returns {Slice} */
function slice({first, count}) {
  const order = view?.order.subarray(first, first + count) ?? [];
  return {first, rows: Array.from(order, (_, i) => shown.row(/** @type {View} */ (view), first + i)), version};
}

/** look makes the view anew, and tells the page. The rows that it is about to show go along.
 * @param {number} [start]
 * @param {Range} [ahead] */
function look(start, ahead) {
  view = shown.view(query, words);
  version++;
  tell({type: "view", version, start, rows: view.order.length, sessions: view.sessions, people: view.people, held: shown.held,
    clients: [...shown.clients], groups: shown.groups, holds: shown.holds, some: ahead && slice(ahead)});
}

/** save returns the view as comma-separated values.
 * @param {string[]} heads
 * @param {Record<string, string>} texts */
function save(heads, texts) {
  const parts = ["\ufeff", csvLine(heads)];
  const time = (/** @type {number} */ seconds) => seconds > 0 && seconds < 253402300800 ? new Date(seconds * 1000).toISOString() : "";
  for (const place of view?.order.keys() ?? []) {
    const row = shown.row(/** @type {View} */ (view), place);
    if (!row.heading) {
      const state = [row.waiting && texts.waiting, row.ended && texts.ended, row.deleted && texts.deleted, row.blocked && texts.blocked];
      parts.push(csvLine([row.site, row.user ? String(row.user) : "", row.username, row.name, row.super ? texts.superUser : "",
        row.groups.join("; "), state.filter(Boolean).join("; "), words.applications.get(row.client) ?? String(row.client), time(row.last),
        time(row.started), row.requests ? String(row.requests) : "", row.agent, row.pseudonym]));
    }
  }
  return parts;
}

/** read reads feeds, a few at a time. Where nothing is shown yet, sessions are shown as they come, else when all are there.
 * @param {number} id
 * @param {Source[]} sources */
async function read(id, sources) {
  reading?.abort();
  const controller = reading = new AbortController();
  const {signal} = controller;
  const dataset = new Dataset();
  if (shown.held === 0) {
    shown = dataset;
  }
  let next = 100, told = performance.now();
  const refresh = () => {
    if (shown === dataset && dataset.length >= next) {
      next = 4 * dataset.length;
      look();
    }
    if (performance.now() - told > 100) {
      told = performance.now();
      tell({type: "progress", id, rows: dataset.held});
    }
  };
  let answered = 0;
  const queue = sources.map((source) => ({source, site: dataset.add(source.name)}));
  await Promise.all(Array.from({length: 4}, async () => {
    for (let one; (one = queue.shift()) !== undefined && !signal.aborted;) {
      const {source, site} = one;
      let fault = null;
      try {
        await readFeed(source.address, source.token, signal, (line) => {
          take(dataset, site, line);
          if (line.now !== undefined) {
            tell({type: "head", id, now: line.now});
          }
          if (line.figures) {
            tell({type: "figures", id, site: source.name, figures: line.figures, whole: line.whole === true, counting: line.counting === true});
          }
          refresh();
        });
        answered++;
      } catch (error) {
        if (signal.aborted) {
          return; // Another one has taken over.
        }
        dataset.drop(site);
        fault = faultOf(error);
      }
      tell({type: "site", id, site: source.name, fault});
    }
  }));
  if (signal.aborted) {
    return;
  }
  dataset.check();
  if (answered > 0) {
    shown = dataset;
  }
  look();
  tell({type: "done", id});
}

/** take adds what a line of the feed of a site holds.
 * @param {Dataset} dataset
 * @param {number} site
 * @param {import("./feed.js").Line} line */
function take(dataset, site, {now, user = 0, agents, rows, groups, users, ended, waiting}) {
  if (now !== undefined) {
    dataset.begin(site, now, user);
  }
  if (agents) {
    dataset.addAgents(site, agents);
  }
  if (rows) {
    dataset.addRows(site, rows);
  }
  if (groups) {
    dataset.addGroups(site, groups);
  }
  if (users) {
    dataset.addUsers(site, users);
  }
  if (ended) {
    dataset.setDeleted(site, ended);
  }
  if (waiting) {
    dataset.setWaiting(site, waiting);
  }
}
