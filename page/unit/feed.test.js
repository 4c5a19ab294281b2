import assert from "node:assert/strict";
import test from "node:test";

import {ask, faultOf, list, readFeed} from "../static/feed.js";

/** answering makes fetch answer with a response, and returns what it was asked. */
function answering(t, answer) {
  const asked = [];
  t.mock.method(globalThis, "fetch", (address, options) => {
    asked.push({address, ...options});
    return answer(options);
  });
  return asked;
}

const response = (status, body = "") => () => Promise.resolve(new Response(body, {status}));
const never = ({signal}) => new Promise((_, reject) => {
  signal.addEventListener("abort", () => reject(signal.reason));
});
const fault = (promise) => promise.then(() => null, faultOf);
const signal = new AbortController().signal;

test("a token goes along by itself", async (t) => {
  const asked = answering(t, response(200));
  await ask("feed", "sesame");
  await ask("feed", "");
  assert.deepEqual(asked.map(({headers, credentials, cache}) => [headers, credentials, cache]), [
    [{Authorization: "Bearer sesame", token: "sesame"}, "omit", "no-store"], [{}, "same-origin", "no-store"]]);
});

for (const [status, msg, token, kind, name] of [
  [401, "Not authenticated.", "", "unauthenticated", "unauthenticated"],
  [401, "Not authenticated.", "x", "unauthenticated", "unauthenticatedToken"],
  [403, "Not authorized: second factor is pending.", "", "forbidden", "forbiddenFactor"],
  [403, "Not authorized: no core.admin.", "", "forbidden", "forbiddenAdmin"],
  [403, "Not authorized: user is blocked.", "", "forbidden", "forbiddenBlocked"],
  [403, "Not authorized: /etc/passwd.", "", "forbidden", "forbidden"],
  [503, "Service unavailable.", "", "gone", "unavailable"],
  [500, "Internal server error.", "", "gone", "failed"],
]) {
  test(`${status} ${msg} is ${name}`, async (t) => {
    answering(t, response(status, JSON.stringify({msg, error: true, status})));
    assert.deepEqual(await fault(ask("feed", token)), {kind, name, values: name === "failed" ? {status: "500"} : {}});
  });
}

test("a service that is not there, and one that does not answer", async (t) => {
  answering(t, () => Promise.reject(new TypeError("failed to fetch")));
  assert.equal((await fault(ask("feed", ""))).name, "unreachable");
  t.mock.timers.enable({apis: ["setTimeout"]});
  answering(t, never);
  const silent = fault(ask("feed", ""));
  t.mock.timers.tick(20_000);
  assert.equal((await silent).name, "silent");
});

test("a list is one", async (t) => {
  answering(t, response(200, `{"msg":[1]}`));
  assert.deepEqual(await list("sites", ""), [1]);
  for (const body of ["<html>", `{"msg":"x"}`, ""]) {
    answering(t, response(200, body));
    assert.equal((await fault(list("sites", ""))).name, "notAFeed", body);
  }
});

test("a feed is whole, or has failed", async (t) => {
  for (const [body, name] of [
    [`{"now":1}\n{"figures":{},"whole":true}\n`, undefined],
    [`{"now":1}\n{"figures":{},"whole":true}`, "brokeOff"],
    [`{"now":1}\n{"figures":{},"whole":false}\n`, "brokeOff"],
    [`{"figures":{},"whole":true}\n{"now":1}\n`, "brokeOff"],
    ["", "brokeOff"],
    ["<html>Please log in", "notAFeed"],
    ["<html>\n", "notAFeed"],
    [`null\n{"whole":true}\n`, undefined],
  ]) {
    answering(t, response(200, body));
    assert.equal((await fault(readFeed("feed", "", signal, () => {})))?.name, name, body);
  }
});

test("a feed that falls silent, and one that breaks", async (t) => {
  const lines = [];
  const started = (then) => () => Promise.resolve(new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`{"now":1}\n`));
      then(controller);
    },
  })));
  answering(t, started((controller) => setImmediate(() => controller.error(new Error("reset")))));
  assert.equal((await fault(readFeed("feed", "", signal, (line) => lines.push(line)))).name, "brokeOff");
  assert.deepEqual(lines, [{now: 1}]);
  t.mock.timers.enable({apis: ["setTimeout"]});
  answering(t, started(() => {}));
  const read = new Promise((resolve) => {
    const silent = fault(readFeed("feed", "", signal, () => setImmediate(() => resolve(silent))));
  });
  const ticking = setInterval(() => t.mock.timers.tick(20_000), 10);
  assert.equal((await read).name, "silent");
  clearInterval(ticking);
});
