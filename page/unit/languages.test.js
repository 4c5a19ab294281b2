import assert from "node:assert/strict";
import {readdirSync, readFileSync} from "node:fs";
import test from "node:test";

import {chooseLanguage, languages} from "../static/texts.js";

const folder = new URL("../static/", import.meta.url);
const texts = Object.fromEntries(await Promise.all(Object.keys(languages).map(async (tag) =>
  [tag, (await import(`../static/languages/${tag}.js`)).default])));
const placeholders = (form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).filter((name) => name !== "n").sort();

test("each language has one file", () => {
  const files = readdirSync(new URL("languages/", folder)).map((name) => name.replace(/\.js$/, ""));
  assert.deepEqual(files.sort(), Object.keys(languages).sort());
});

for (const [tag, own] of Object.entries(texts)) {
  test(`${tag} has all texts, with all values`, () => {
    assert.deepEqual(Object.keys(own), Object.keys(texts.en));
    for (const [name, known] of Object.entries(texts.en)) {
      if (typeof known === "string") {
        assert.deepEqual(placeholders(own[name]), placeholders(known), name);
        assert.equal(own[name].includes("{n}"), known.includes("{n}"), name);
        assert.notEqual(own[name].trim(), "", name);
        continue;
      }
      const {pluralCategories} = new Intl.PluralRules(tag).resolvedOptions();
      assert.deepEqual(Object.keys(own[name]).sort(), [...pluralCategories].sort(), name);
      for (const form of Object.values(own[name])) {
        assert.deepEqual(placeholders(form), placeholders(known.other), name);
      }
    }
  });
  test(`${tag} is not another one`, () => {
    const same = Object.keys(own).filter((name) => tag !== "en" && JSON.stringify(own[name]) === JSON.stringify(texts.en[name]));
    assert.ok(same.length < 20, `in English: ${same}`);
  });
}

test("there is no text that nothing uses", () => {
  const scripts = readdirSync(folder).filter((name) => /\.(?:js|html)$/.test(name)).map((name) => readFileSync(new URL(name, folder), "utf8"));
  for (const name of Object.keys(texts.en)) {
    assert.ok(scripts.some((script) => script.includes(`"${name}"`)), name);
  }
});

test("the texts of the page's own elements are there", () => {
  const used = [...readFileSync(new URL("index.html", folder), "utf8").matchAll(/data-text="(\w+)"/g)].map(([, name]) => name);
  assert.ok(used.length > 20);
  assert.deepEqual(used.filter((name) => typeof texts.en[name] !== "string"), []);
});

test("all modules of the page are asked for at once", () => {
  const imports = (name) => [...readFileSync(new URL(name, folder), "utf8").matchAll(/^(?:import .*?|\} )from "\.\/(.*?)";$/gm)].map(([, from]) => from);
  const all = new Set(["page.js"]);
  for (const name of all) {
    imports(name).forEach((from) => all.add(from));
  }
  const asked = [...readFileSync(new URL("index.html", folder), "utf8").matchAll(/(?:modulepreload" href|module" src)="(.*?)"/g)].map(([, name]) => name);
  assert.deepEqual(asked.sort(), [...all].sort());
});

test("the language is the first that there are texts in", () => {
  assert.equal(chooseLanguage(["", "sv", "de-AT", "en"]), "de");
  assert.equal(chooseLanguage([null, "PT-br"]), "pt");
  assert.equal(chooseLanguage(["constructor", "__proto__", "../x"]), "en");
  assert.equal(chooseLanguage([]), "en");
});
