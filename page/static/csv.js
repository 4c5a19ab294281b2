// Tables as comma-separated values that no spreadsheet runs.

import {visible} from "./fold.js";

/**
 * cell returns a cell. One that a spreadsheet would take for a formula begins with an apostrophe, as OWASP has it.
 * @param {string} value
 */
function cell(value) {
  const seen = visible(value);
  const safe = /^\s*[=+\-@|%＝＋－＠]/u.test(seen) ? "'" + seen : seen;
  return `"${safe.replaceAll('"', '""')}"`;
}

/**
 * line returns a line of cells.
 * @param {string[]} values
 */
export const line = (values) => values.map(cell).join(",") + "\r\n";
