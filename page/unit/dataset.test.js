import assert from "node:assert/strict";
import test from "node:test";

import {Dataset, heading} from "../static/dataset.js";

const words = {language: "en", applications: new Map([[0, "site"], [1, "administrator"]]), waiting: "waiting", ended: "ended", superUser: "super user"};
const all = {words: [], section: "all", application: null, group: "", superUsers: false, column: "last", down: true};
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const now = 10_000;

/** row returns a row of a feed. */
const row = (user, username, last, {flags = 0, client = 0, name = "", agent = -1} = {}) =>
  [(user * 100 + last).toString(16).padStart(10, "0"), flags, client, user, username, name, now - last, null, 0, agent];

/** shown returns the usernames in a view, "|" being the heading. */
function shown(data, query = {}) {
  const view = data.view({...all, ...query}, words);
  return Array.from(view.order, (i, place) => i === heading ? "|" : data.row(view, place).username);
}

function fleet() {
  const data = new Dataset(), one = data.add("one"), two = data.add("two");
  data.begin(one, now, 1);
  data.begin(two, now, 0);
  data.addAgents(one, [firefox]);
  data.addRows(one, [row(1, "ada", 10, {agent: 0}), row(2, "ben", 30, {client: 1}), row(1, "ada", 20, {flags: 2}), row(3, "cleo", 5, {flags: 1})]);
  data.addRows(two, [row(1, "zoë", 25), row(4, "dora", 1)]);
  data.addGroups(one, [[8, "Super Users"], [2, "Registered"]]);
  data.addGroups(two, [[9, "Super Users"]]);
  data.addUsers(one, [[1, "ada", "Ada A.", 1, [8]], [2, "benjamin", "Ben", 2, [2]], [3, "cleo", "Cleo", 0, [2, 77]]]);
  data.addUsers(two, [[1, "zoë", "Zoë", 1, [9]]]);
  data.setDeleted(two, [1]);
  data.setWaiting(one, [1]);
  return data;
}

test("sessions of people stand together, ended ones apart, and sites are told apart", () => {
  const data = fleet();
  assert.deepEqual(shown(data), ["benjamin", "zoë", "ada", "ada", "|", "cleo", "dora"]);
  assert.deepEqual(shown(data, {column: "user", down: false}), ["ada", "ada", "benjamin", "zoë", "|", "cleo", "dora"]);
  const view = data.view(all, words), rows = Array.from(view.order, (_, place) => data.row(view, place));
  assert.deepEqual([view.sessions, view.people], [[4, 2], [3, 2]]);
  assert.deepEqual(rows[0], {heading: false, key: "0 00000000e6", site: "one", user: 2, username: "benjamin", name: "Ben", renamed: "ben", super: false,
    blocked: true, deleted: false, you: false, own: false, mixed: false, like: false, groups: ["Registered"], first: true, sessions: 1, ended: false,
    waiting: true, client: 1, last: 30, started: 0, requests: 0, agent: "", browser: "", system: "", search: "", pseudonym: "00000000e6"});
  assert.deepEqual([rows[2].own, rows[2].you, rows[3].own, rows[3].browser, rows[3].first], [true, true, false, "Firefox 140", false]);
  assert.deepEqual([rows[1].site, rows[1].you], ["two", false], "user 1 of another site is somebody else");
  assert.deepEqual([rows[6].ended, rows[6].deleted], [true, true]);
  assert.deepEqual(data.holds, {started: false, requests: false, browser: true});
});

test("filters", () => {
  const data = fleet();
  for (const [query, want] of [
    [{words: ["zoe"]}, ["zoë"]], [{words: ["ZOË"]}, ["zoë"]], [{words: ["super"]}, ["zoë", "ada", "ada"]], [{words: ["registered"]}, ["benjamin", "|", "cleo"]],
    [{words: ["firefox", "ada"]}, ["ada"]], [{words: ["administrator"]}, ["benjamin"]], [{words: ["two"]}, ["zoë", "|", "dora"]],
    [{words: ["ben"]}, ["benjamin"]], [{words: ["waiting"]}, ["benjamin"]], [{words: ["ended"]}, ["|", "cleo", "dora"]], [{words: ["nobody"]}, []],
    [{section: "waiting"}, ["benjamin"]], [{section: "ended"}, ["|", "cleo", "dora"]], [{section: "loggedIn"}, ["zoë", "ada", "ada"]],
    [{application: 1}, ["benjamin"]], [{group: "Registered"}, ["benjamin", "|", "cleo"]], [{group: "Nobodies"}, []], [{superUsers: true}, ["zoë", "ada", "ada"]],
    [{superUsers: true, group: "Super Users", words: ["ada"]}, ["ada", "ada"]],
  ]) {
    assert.deepEqual(shown(data, query), want, JSON.stringify(query));
  }
});

test("names are sorted as people write them", () => {
  const data = new Dataset(), site = data.add("");
  data.begin(site, now, 0);
  data.addRows(site, ["Zebra", "Ärger", "Ångström", "", "user10", "user9", "apfel"].map((name, i) => row(i + 1, name, 1)));
  assert.deepEqual(shown(data, {column: "user", down: false}), ["Ångström", "apfel", "Ärger", "user9", "user10", "Zebra", ""]);
});

test("a site that breaks off is taken away, and the others stay", () => {
  const data = fleet();
  data.drop(0);
  assert.equal(data.held, 2);
  assert.deepEqual(shown(data), ["zoë", "|", "dora"]);
});

test("who could be taken for another is found", () => {
  const data = new Dataset(), site = data.add("");
  data.begin(site, now, 0);
  const names = [["admin", "Admin"], ["аdmin", "Boss"], ["eve", "adm\u200bin"], ["zoë", "Zoë Müller"], ["zoe", "Zoë Müller"], ["иван", "Иван"], ["ivan", "Иван"]];
  data.addRows(site, names.map(([username, name], i) => row(i + 1, username, 10 - i, {name})));
  data.check();
  assert.deepEqual(data.people.map(({like}) => like), [false, true, true, false, false, false, false]);
  assert.deepEqual(data.people.map(({mixed}) => mixed), [false, true, false, false, false, false, false]);
});

test("namesakes are told by their usernames, also in other cases and compositions, but not those of a look-alike", () => {
  for (const [names, like] of [
    [["Émile Zola", "ÉMILE ZOLA"], [false, false]], [["Zoë", "Zoe\u0308"], [false, false]], [["Νίκος", "ΝΊΚΟΣ"], [false, false]],
    [["Apex", "арех", "арех"], [false, true, true]], [["Ann", "Zoë", "user2\u200b"], [false, false, true]],
  ]) {
    const data = new Dataset(), site = data.add("");
    data.begin(site, now, 0);
    data.addRows(site, names.map((name, i) => row(i + 1, `user${i + 1}`, 1, {name})));
    data.check();
    assert.deepEqual(data.people.map(({like}) => like), like, names.join());
  }
});

test("a deleted user is told, also where all sessions had ended before", () => {
  const data = new Dataset(), one = data.add("one"), two = data.add("two");
  for (const site of [one, two]) {
    data.begin(site, now, 0);
    data.addRows(site, [row(1, "ada", 3), row(2, "gone", 2, {flags: 1}), row(0, "nobody", 1)]);
  }
  data.addGroups(one, []);
  data.addUsers(one, [[1, "ada", "Ada", 0, []]]);
  data.check();
  assert.deepEqual(data.people.map(({deleted}) => deleted), [false, true, false, false, false, false], "site two does not tell");
});

test("10,000 people in any order", () => {
  const data = new Dataset(), site = data.add("");
  data.begin(site, now, 0);
  let seed = 1;
  const random = () => (seed = seed * 48271 % 2147483647) / 2147483647;
  const rows = Array.from({length: 20_000}, (_, i) => row(1 + Math.floor(random() * 10_000), "", 1 + Math.floor(random() * 5000), {flags: i % 7 === 0 ? 1 : 0}));
  data.addRows(site, rows);
  for (const down of [true, false]) {
    const view = data.view({...all, down}, words), seen = Array.from(view.order, (_, place) => data.row(view, place));
    assert.equal(seen.filter(({heading}) => !heading).length, rows.length);
    const firsts = seen.slice(0, seen.findIndex(({heading}) => heading)).filter(({first}) => first).map(({last}) => last);
    assert.deepEqual(firsts, firsts.toSorted((a, b) => down ? b - a : a - b));
    assert.equal(new Set(seen.slice(0, view.sessions[0]).map(({user}) => user)).size, firsts.length, "each stands in one place");
  }
});
