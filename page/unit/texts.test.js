import assert from "node:assert/strict";
import test from "node:test";

import {applicationName, direction, setLanguage, text} from "../static/texts.js";
import {age, exact, known, span, step, zone} from "../static/times.js";

/** inLanguage runs what is true in a language. */
const inLanguage = async (tag, then) => {
  await setLanguage(tag);
  try {
    then();
  } finally {
    await setLanguage("en");
  }
};

test("a text has its values, and none of what they hold counts as one", () => {
  assert.equal(text("tokenOf", {site: "{reason} $& $1"}), "API token for {reason} $& $1");
  assert.equal(text("failed", {status: "500"}), "The server has failed (status 500).");
});

test("numbers are written, and forms are chosen, as in the language", async () => {
  assert.equal(text("sessions", {n: 1}), "1 session");
  assert.equal(text("sessions", {n: 12345}), "12,345 sessions");
  await inLanguage("de", () => assert.equal(text("sessions", {n: 12345}), "12.345 Sitzungen"));
  await inLanguage("pl", () => assert.deepEqual([1, 2, 5, 22].map((n) => text("persons", {n})), ["1 osoba", "2 osoby", "5 osób", "22 osoby"]));
  await inLanguage("ar", () => {
    assert.equal(text("sessions", {n: 2}), "جلستان");
    assert.equal(direction(), "rtl");
  });
  assert.equal(direction(), "ltr");
});

test("applications have names, known or not", () => {
  assert.equal(applicationName(1), "Administrator");
  assert.equal(applicationName(1234), "Application 1234");
});

test("ages, also of times in the future", async () => {
  assert.deepEqual([0, 0.4, 1, 59, 60, 3599, 3600, 86399, 86400, 900_000].map(age),
    ["now", "now", "1 sec. ago", "59 sec. ago", "1 min. ago", "59 min. ago", "1 hr. ago", "23 hr. ago", "1 day ago", "10 days ago"]);
  assert.deepEqual([-1, -90, -7200].map(age), ["in 1 sec.", "in 1 min.", "in 2 hr."]);
  await inLanguage("de", () => assert.equal(age(300), "vor 5 Min."));
});

test("steps say what they count", async () => {
  assert.deepEqual([[0, 60], [60, 300], [1800, 3600], [10800, 86400], [86400]].map(([from, to]) => step(from, to)),
    ["under 1 min", "1 to 5 min", "30 min to 1 hr", "3 hr to 1 day", "over 1 day"]);
  await inLanguage("fr", () => assert.equal(step(300, 900).replace(/\s/g, " "), "5 à 15 min"));
});

test("times are exact, and their zone is named", () => {
  assert.match(exact(1_795_489_083_000), /2026.*:\d\d:03/);
  assert.match(zone(), /^Times are in .+ \(.+\)\.$/);
  assert.equal(span(15), "15 sec");
  assert.deepEqual([0, -1, 1, 253402300799, 253402300800, NaN].map(known), [false, false, true, true, false, false]);
});
