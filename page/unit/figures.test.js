import assert from "node:assert/strict";
import test from "node:test";

import {sum} from "../static/figures.js";

test("figures of sites add up", () => {
  const one = {persons: 2, waiting: 1, endedGuests: 1, people: 3, guests: 4, ended: 2, applications: [{client: 0, people: 3, guests: 4, ended: 2}],
    activity: [{within: 60, people: 3, guests: 4, ended: 2}]};
  const two = {...one, applications: [{client: 1, people: 3, guests: 4, ended: 2}, {client: 0, people: 0, guests: 0, ended: 0}]};
  assert.deepEqual(sum([one, two]), {persons: 4, waiting: 2, endedGuests: 2, people: 6, guests: 8, ended: 4,
    applications: [{client: 0, people: 3, guests: 4, ended: 2}, {client: 1, people: 3, guests: 4, ended: 2}],
    activity: [{within: 60, people: 6, guests: 8, ended: 4}]});
  assert.equal(sum([one, {...two, waiting: null}]).waiting, null);
  assert.deepEqual(one.applications, [{client: 0, people: 3, guests: 4, ended: 2}], "what is added up stays");
});
