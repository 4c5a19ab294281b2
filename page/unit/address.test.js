import assert from "node:assert/strict";
import test from "node:test";

import {initial, readAddress, writeAddress} from "../static/address.js";

const state = {site: "www.two.example", find: "zoë & co", section: "waiting", application: -1, group: "Super Users", superUsers: true,
  column: "user", down: false, every: 15, exact: true, language: "de"};

test("what is shown can be sent", () => {
  assert.deepEqual(readAddress(writeAddress(state, "")), state);
  assert.deepEqual(readAddress(writeAddress({...state, down: true, every: 0, application: 0}, "")), {...state, down: true, every: 0, application: 0});
  assert.equal(writeAddress(initial, ""), "");
});

test("what else is in an address stays, except a token", () => {
  assert.equal(writeAddress(initial, "?x=y&token=secret&site=one"), "?x=y");
});

test("what is unknown counts as not said", () => {
  assert.deepEqual(readAddress("?show=x&application=1e3&sort=-session&every=7&times=x&super=yes&__proto__=1"), initial);
  assert.deepEqual(readAddress("?sort=constructor"), initial);
});
