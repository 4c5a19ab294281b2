// Tables as comma-separated values that no spreadsheet runs.

import {visible} from "./fold.js";

/**
 * cell returns a cell. What a spreadsheet would take for a formula begins with an apostrophe, as OWASP has it. Where
 * decimals have a comma, spreadsheets begin a cell behind a semicolon: the one before has ended at its second quote.
 * @param {string} value
 */
function cell(value) {
  const safe = visible(value).replace(/(^|;)(?=[\s"]*[=+\-@|%＝＋－＠])/gu, "$1'");
  return `"${safe.replaceAll('"', '""')}"`;
}

/**
 * line returns a line of cells.
 * @param {string[]} values
 */
export const line = (values) => values.map(cell).join(",") + "\r\n";
