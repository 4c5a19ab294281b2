import assert from "node:assert/strict";
import test from "node:test";

import {editAddress} from "../static/details.js";
import {badges, nameOf, valuesOf} from "../static/row.js";

const row = {heading: false, key: "0 1", site: "", user: 42, username: "zoe", name: "Zoë", renamed: "", super: false, blocked: false, deleted: false,
  you: false, own: false, mixed: false, like: false, groups: [], first: true, sessions: 1, ended: false, waiting: false, client: 0, last: 940,
  started: 0, requests: 0, agent: "", browser: "", system: "", pseudonym: "00000000e6"};

test("badges say what is to be said, the most important first", () => {
  const labels = (change) => badges({...row, ...change}).map(([, label]) => label);
  assert.deepEqual(labels({}), []);
  assert.deepEqual(labels({own: true, you: true, super: true}), ["this is you", "Super User"]);
  assert.deepEqual(labels({you: true, waiting: true}), ["you", "waiting for the second factor"]);
  assert.deepEqual(labels({ended: true, deleted: true, blocked: true, like: true, mixed: true, renamed: "\u202ebob"}),
    ["ended", "deleted", "blocked", "looks like another user", "mixed alphabets", "renamed, was [U+202E]bob"]);
});

test("whoever has no name has another one", () => {
  assert.deepEqual([{}, {name: ""}, {name: "", username: ""}, {name: "", username: "", user: 0}].map((change) => nameOf({...row, ...change})),
    ["Zoë", "zoe", "User 42", "no name"]);
});

test("times are ages or exact, and what is not known is a dash", () => {
  assert.deepEqual(valuesOf(row, {now: 1000, exact: false}),
    {user: "Zoë, zoe", application: "Site", last: "1 min. ago", started: "–", requests: "–", browser: "–", session: "00000000e6"});
  assert.match(valuesOf({...row, last: 1_795_489_083}, {now: 0, exact: true}).last, /2026/);
  assert.equal(valuesOf({...row, last: 1300}, {now: 1000, exact: false}).last, "in 5 min.");
  assert.equal(valuesOf({...row, browser: "Firefox 140", system: "Linux"}, {now: 0, exact: false}).browser, "Firefox 140 on Linux");
});

test("a user is edited in Joomla's Administrator, wherever that is", () => {
  const want = "https://host.example/joomla/administrator/index.php?option=com_users&task=user.edit&id=42";
  for (const base of ["https://host.example/joomla/administrator/", "https://host.example/joomla/administrator", "https://host.example/joomla/administrator/?x#y"]) {
    assert.equal(editAddress(new URL(base), 42), want);
  }
});
