// Texts, numbers and the order of names, in the language that was chosen.

import en from "./languages/en.js";

/**
 * @typedef {keyof typeof en} TextName
 * @typedef {{other: string, zero?: string, one?: string, two?: string, few?: string, many?: string}} Forms
 * @typedef {{[K in TextName]: (typeof en)[K] extends string ? string : Forms}} Texts
 * @typedef {Record<string, string | number>} Values
 */

/** The languages that there are texts in, by what they call themselves. */
export const languages = {
  en: "English", de: "Deutsch", fr: "Français", es: "Español", it: "Italiano", nl: "Nederlands", pt: "Português", pl: "Polski",
  ar: "العربية",
};

/** @type {Texts} */
let texts = en;

/** The language of the texts. */
export let language = "en";

/** Which of two texts comes first. */
export let collator = new Intl.Collator(language, {numeric: true});

let plurals = new Intl.PluralRules(language);
let numbers = new Intl.NumberFormat(language);

/**
 * chooseLanguage returns the first of the tags that there are texts in.
 * @param {readonly (string | null)[]} tags
 */
export function chooseLanguage(tags) {
  return tags.map((tag) => tag?.split("-")[0].toLowerCase() ?? "").find((tag) => Object.hasOwn(languages, tag)) ?? "en";
}

/**
 * setLanguage loads the texts of a language, of which all that follows is.
 * @param {string} tag
 */
export async function setLanguage(tag) {
  texts = tag === "en" ? en : (await import(`./languages/${tag}.js`)).default;
  language = tag;
  collator = new Intl.Collator(tag, {numeric: true});
  plurals = new Intl.PluralRules(tag);
  numbers = new Intl.NumberFormat(tag);
}

/** direction returns how the language is written. */
export const direction = () => language === "ar" ? "rtl" : "ltr";

/**
 * number returns n as it is written.
 * @param {number} n
 */
export const number = (n) => numbers.format(n);

/**
 * text returns a text with its values. Numbers are written as in the language; the form depends on n.
 * @param {TextName} name
 * @param {Values} [values]
 */
export function text(name, values = {}) {
  const known = texts[name];
  const form = typeof known === "string" ? known : known[plurals.select(Number(values.n))] ?? known.other;
  return form.replaceAll(/\{(\w+)\}/g, (_, key) => typeof values[key] === "number" ? number(values[key]) : values[key]);
}

/** @type {Map<number, TextName>} */
const applications = new Map([[0, "applicationSite"], [1, "applicationAdministrator"], [2, "applicationInstallation"],
  [3, "applicationAPI"], [4, "applicationCLI"], [-1, "applicationShared"], [-2, "applicationOther"]]);

/**
 * applicationName returns the name of an application by its number.
 * @param {number} client
 */
export function applicationName(client) {
  const name = applications.get(client);
  return name ? text(name) : text("applicationNumber", {number: String(client)});
}
