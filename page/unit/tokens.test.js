import assert from "node:assert/strict";
import test from "node:test";

import {Tokens} from "../static/tokens.js";

/** storage returns what behaves as sessionStorage does. */
function storage(entries = {}) {
  const map = new Map(Object.entries(entries));
  return {map, getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value), removeItem: (key) => map.delete(key)};
}

test("tokens are kept in memory alone, unless somebody wishes otherwise", () => {
  const kept = storage(), tokens = new Tokens(kept, "/capi/");
  assert.equal(tokens.of("one"), "");
  tokens.set("", "all");
  tokens.set("two", "of two");
  assert.deepEqual([tokens.of("one"), tokens.of("two"), tokens.any], ["all", "of two", true]);
  assert.equal(kept.map.size, 0);
  tokens.keep(true);
  const again = new Tokens(kept, "/capi/");
  assert.deepEqual([again.of("one"), again.of("two"), again.kept], ["all", "of two", true]);
  assert.equal(new Tokens(kept, "/two/capi/").any, false, "another page");
  again.keep(false);
  assert.equal(kept.map.size, 0);
  again.keep(true);
  again.forget();
  assert.deepEqual([again.of("two"), again.any, kept.map.size], ["", false, 0]);
});

test("a token of the address is taken out of it", () => {
  const tokens = new Tokens(storage(), "/");
  assert.equal(tokens.take({hash: "#token=sesame", pathname: "/capi/", search: "?x=y"}), "/capi/?x=y");
  assert.equal(tokens.of(""), "sesame");
  assert.equal(tokens.take({hash: "#scroller", pathname: "/", search: ""}), null);
  assert.equal(tokens.of(""), "sesame");
});

test("what somebody else has stored there is no token", () => {
  for (const text of ["{", "1", "null", `[["a",1]]`, `[["a"`]) {
    const tokens = new Tokens(storage({"capi.tokens /": text}), "/");
    assert.equal(tokens.any, false, text);
  }
});
