import assert from "node:assert/strict";
import test from "node:test";

import {fold, looks, mixed, visible} from "../static/fold.js";

test("what is searched has no case and no accents, in any composition", () => {
  for (const [text, folded] of [
    ["Zoë", "zoe"], ["ZOE\u0308", "zoe"], ["Müller", "muller"], ["Straße", "strasse"], ["Łódź", "lodz"], ["Ångström", "angstrom"],
    ["Ærø", "aero"], ["ﬁne", "fine"], ["ad\u200bmin", "admin"], ["İstanbul", "istanbul"], ["Ёлка", "елка"], ["plain 1", "plain 1"],
  ]) {
    assert.equal(fold(text), folded);
  }
});

test("what looks alike is found", () => {
  for (const [one, other] of [
    ["аdmin", "admin"], ["ADMIN", "admin"], ["ad\u200bmin", "admin"], ["admin\u00a0", "admin"], ["\u202eadmin", "admin"], ["ѕсоре", "scope"],
    ["ａｄｍｉｎ", "admin"], ["αdmin", "admin"],
  ]) {
    assert.equal(looks(one), looks(other), one);
  }
  assert.notEqual(looks("zoë"), looks("zoe"), "an accent is to be seen");
  assert.notEqual(looks("anna"), looks("hanna"));
});

test("alphabets are mixed within a word alone", () => {
  assert.ok(mixed("аdmin"));
  assert.ok(mixed("Αdmin")); // A Greek capital.
  for (const name of ["admin", "Иван", "Иван Smith", "山田 Taro", "αβγ", "Zoë", "иван2"]) {
    assert.ok(!mixed(name), name);
  }
});

test("what is not to be seen is named", () => {
  for (const [text, seen] of [
    ["admin", "admin"], ["Zoë Müller", "Zoë Müller"], ["\u202enimda", "[U+202E]nimda"], ["admin\u200b", "admin[U+200B]"],
    ["admin ", "admin[U+0020]"], [" admin", "[U+0020]admin"], ["a  b", "a[U+0020] b"], ["a\u00a0b", "a[U+00A0]b"], ["a\tb", "a[U+0009]b"],
    ["\x1b[31m", "[U+001B][31m"], ["a\u3164b", "a[U+3164]b"], ["\u{e0041}x", "[U+E0041]x"],
    ["\u{1f468}\u200d\u{1f469}", "\u{1f468}\u200d\u{1f469}"], ["a\u200db", "a[U+200D]b"], ["می\u200cخواهم", "می\u200cخواهم"],
    ["\u05de\u05e0\u05d4\u05dc", "\u05de\u05e0\u05d4\u05dc"], ["\u2066a\u2069", "[U+2066]a[U+2069]"], ["", ""],
  ]) {
    assert.equal(visible(text), seen);
  }
});
