// Texts as they are compared: where somebody looks for one, and where one could be taken for another.

/** @type {Record<string, string>} */
const plain = {ß: "ss", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ı: "i", ħ: "h", ŧ: "t"};

/**
 * fold returns a text as it is searched: without case, accents, and the letters that nobody sees.
 * @param {string} text
 */
export function fold(text) {
  const lower = text.toLowerCase();
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(lower)) {
    return lower;
  }
  return lower.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "").replace(/[^\x20-\x7e]/g, (letter) => plain[letter] ?? letter);
}

// Letters of other alphabets that look like Latin ones.
const twins = new Map(Object.entries({
  а: "a", в: "b", с: "c", ԁ: "d", е: "e", һ: "h", і: "i", ј: "j", к: "k", ӏ: "l", м: "m", н: "h", о: "o", р: "p", ԛ: "q", ѕ: "s",
  т: "t", у: "y", ԝ: "w", х: "x", ѵ: "v", ү: "y", ɡ: "g", ɑ: "a", ı: "i",
  α: "a", β: "b", ε: "e", η: "n", ι: "i", κ: "k", ν: "v", ο: "o", ρ: "p", τ: "t", υ: "u", χ: "x", ϲ: "c", ϳ: "j", ω: "w",
  օ: "o", ս: "u", ո: "n", հ: "h", ց: "g", զ: "q", ա: "w", յ: "j",
}));

/**
 * looks returns a text as it looks at a glance: two that are the same can be taken for each other.
 * @param {string} text
 */
export function looks(text) {
  return text.normalize("NFKC").replace(/[\p{Cf}\p{Cc}\p{Z}\u115f\u1160\u3164\uffa0\u2800]|\u034f/gu, "").toLowerCase()
    .replace(/[^\x20-\x7e]/gu, (letter) => twins.get(letter) ?? letter);
}

const alphabets = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];

/**
 * mixed reports whether a word has letters of several alphabets that look alike.
 * @param {string} text
 */
export function mixed(text) {
  return /[^\x20-\x7e]/.test(text) && text.normalize("NFKC").split(/[^\p{L}\p{M}\p{N}]+/u)
    .some((word) => alphabets.filter((alphabet) => alphabet.test(word)).length > 1);
}

// What joins two pictures, or two letters of scripts that need it, is as it should be.
const joined = String.raw`[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Sinhala}\p{Script=Malayalam}]`;
const joiners = new RegExp([
  String.raw`(?<=[\p{Extended_Pictographic}\u{1f3fb}-\u{1f3ff}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=${joined}\p{M}*)[\u200c\u200d](?=${joined})`,
].join("|"), "gu");
const unseen = /^\p{Z}|\p{Z}(?=\p{Z}|$)|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\u00a0\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u2800]|\u034f/gu;

/**
 * parts returns a text in parts: what is to be seen, and in odd places the names of what is not, such as "[U+202E]".
 * @param {string} text
 * @returns {string[]}
 */
export function parts(text) {
  if (/^(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?$/.test(text)) {
    return [text];
  }
  const legitimate = new Set(Array.from(text.matchAll(joiners), ({index}) => index));
  const list = [];
  let from = 0;
  for (const {0: letter, index} of text.matchAll(unseen)) {
    if (!legitimate.has(index)) {
      const code = /** @type {number} */ (letter.codePointAt(0));
      list.push(text.slice(from, index), `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`);
      from = index + letter.length;
    }
  }
  list.push(text.slice(from));
  return list;
}

/**
 * visible returns a text with the names of what is not to be seen in it.
 * @param {string} text
 */
export const visible = (text) => parts(text).join("");
