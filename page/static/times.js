// How times are told: as ages, or exactly.

import {language, text} from "./texts.js";

/** @type {[Intl.RelativeTimeFormatUnit & string, number][]} */
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** @param {number} seconds @returns {[Intl.RelativeTimeFormatUnit & string, number]} */
const unitOf = (seconds) => units.find(([, length]) => seconds >= length) ?? ["second", 1];

/** Formats are made once a language, since making one takes long.
 * @type {Map<string, Intl.RelativeTimeFormat | Intl.DateTimeFormat | Intl.NumberFormat>} */
const formats = new Map();

/**
 * @template {Intl.RelativeTimeFormat | Intl.DateTimeFormat | Intl.NumberFormat} T
 * @param {string} name
 * @param {() => T} make
 */
function format(name, make) {
  const key = name + " " + language;
  const made = /** @type {T | undefined} */ (formats.get(key)) ?? make();
  formats.set(key, made);
  return made;
}

/** known reports whether a time, in seconds since 1970, is one.
 * @param {number} time */
export const known = (time) => time > 0 && time < 253402300800;

/** age returns how long ago a time was, or in how long it will be.
 * @param {number} seconds */
export function age(seconds) {
  const relative = format("age", () => new Intl.RelativeTimeFormat(language, {numeric: "auto", style: "short"}));
  const counted = format("ages", () => new Intl.RelativeTimeFormat(language, {numeric: "always", style: "short"}));
  const whole = Math.trunc(seconds), [unit, length] = unitOf(Math.abs(whole));
  return whole === 0 ? relative.format(0, "second") : counted.format(-Math.trunc(whole / length), unit);
}

/** exact returns a time of day with its date.
 * @param {number | Date} time */
export const exact = (time) =>
  format("exact", () => new Intl.DateTimeFormat(language, {dateStyle: "medium", timeStyle: "medium"})).format(time);

/** clock returns a time of today.
 * @param {Date} time */
export const clock = (time) => format("clock", () => new Intl.DateTimeFormat(language, {timeStyle: "medium"})).format(time);

/** span returns a number of seconds in its largest unit, such as "5 min".
 * @param {number} seconds */
export function span(seconds) {
  const [unit, length] = unitOf(seconds);
  return format("span " + unit, () => new Intl.NumberFormat(language, {style: "unit", unit, unitDisplay: "short"})).format(seconds / length);
}

/** step returns what a step of last activity counts: from so many seconds to so many.
 * @param {number} from
 * @param {number} [to] */
export function step(from, to) {
  if (to === undefined) {
    return text("over", {from: span(from)});
  }
  if (from === 0) {
    return text("under", {to: span(to)});
  }
  const [unit, length] = unitOf(to);
  return text("between", {from: unitOf(from)[0] === unit ? from / length : span(from), to: span(to)});
}

/** zone names the time zone. */
export function zone() {
  const named = format("zone", () => new Intl.DateTimeFormat(language, {timeZoneName: "long"}));
  const name = named.formatToParts().find(({type}) => type === "timeZoneName")?.value ?? "";
  return text("timeZone", {name, zone: named.resolvedOptions().timeZone});
}
