// Elements of the page. What a session holds is only ever set as text.

import {parts} from "./fold.js";

/**
 * $ returns the element of an id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 */
export const $ = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * element returns a new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} [className]
 * @param {...(string | Node)} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) {
    made.className = className;
  }
  made.append(...content);
  return made;
}

/**
 * button returns a new button.
 * @param {string} className
 * @param {string} label
 * @param {() => void} clicked
 */
export function button(className, label, clicked) {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", clicked);
  return made;
}

/**
 * setText sets a text, unless it is there already: what is set anew is spoken anew.
 * @param {Element} target
 * @param {string} value
 */
export function setText(target, value) {
  if (target.textContent !== value) {
    target.textContent = value;
  }
}

/**
 * setName sets a text that somebody chose: what is not to be seen in it is named.
 * @param {Element} target
 * @param {string} value
 */
export function setName(target, value) {
  const list = parts(value);
  target.replaceChildren(...list.map((part, i) => i % 2 ? element("span", "mark", part) : part));
}

/**
 * table returns a table of numbers, whose rows begin with a header.
 * @param {string} heading the id of the one above it
 * @param {string[]} heads
 * @param {(string | number | Node)[][]} rows
 * @param {(n: number) => string} number
 */
export function table(heading, heads, rows, number) {
  const made = element("table");
  made.setAttribute("aria-labelledby", heading);
  const head = made.createTHead().insertRow();
  for (const name of heads) {
    head.append(Object.assign(element("th", "", name), {scope: "col"}));
  }
  const body = made.createTBody();
  for (const [first, ...values] of rows) {
    const row = body.insertRow();
    row.append(Object.assign(element("th", "", typeof first === "number" ? number(first) : first), {scope: "row"}));
    for (const value of values) {
      row.insertCell().append(typeof value === "number" ? number(value) : value);
    }
  }
  return made;
}

/**
 * replace puts new content in place of the old. The focus stays on what has the same data-key.
 * @param {Element} target
 * @param {Node[]} content
 */
export function replace(target, content) {
  const focused = document.activeElement instanceof HTMLElement && target.contains(document.activeElement) ?
    document.activeElement.dataset.key : undefined;
  target.replaceChildren(...content);
  if (focused !== undefined) {
    /** @type {HTMLElement | null} */ (target.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }
}
