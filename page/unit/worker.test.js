import assert from "node:assert/strict";
import test from "node:test";

const told = [];
let hear;
globalThis.self = {postMessage: (answer) => told.push(answer), addEventListener: (_, listener) => hear = (data) => listener({data})};
await import("../static/worker.js");

test("what is saved is called as on the page", async () => {
  const figures = {persons: 1, waiting: 0, endedGuests: 0, people: 1, guests: 0, ended: 0, applications: [], activity: []};
  const lines = [{now: 10_000, user: 0}, {rows: [["00000000e6", 0, 1, 2, "ben", "Ben", 30, null, 0, -1]]}, {figures, whole: true}];
  globalThis.fetch = () => Promise.resolve(new Response(lines.map((line) => JSON.stringify(line) + "\n").join("")));
  hear({type: "query", start: 0, ahead: {first: 0, count: 1},
    query: {words: ["ECHERE"], section: "all", application: null, group: "", superUsers: false, column: "last", down: true},
    words: {language: "fr", applications: new Map([[1, "Échéré"]]), waiting: "", ended: "", superUser: ""}});
  hear({type: "read", id: 1, sources: [{name: "one", address: "http://host.example/feed", token: ""}]});
  for (let turns = 0; !told.some(({type}) => type === "done"); turns++) {
    assert.ok(turns < 1000);
    await new Promise(setImmediate);
  }
  hear({type: "save", id: 2, heads: ["Site"], texts: {}});
  assert.deepEqual(told.at(-1).parts.slice(1), [`"Site"\r\n`,
    `"one","2","ben","Ben","","","","Échéré","1970-01-01T02:46:10.000Z","","","","00000000e6"\r\n`]);
});
