// Words and numbers: how days, counts and names are written, and elements made of text nodes. Days are numbers,
// counted from 1970-01-01.

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAY_MS = 86400000;
const grouped = new Intl.NumberFormat("en-GB");

/** @param {number} value */
const number = (value) => grouped.format(value);
/** @param {number} value @param {string} one @param {string} [many] */
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)}%`;
/** How plotly writes the ticks of shares up to `top`, so that no two read alike. @param {number} top */
const shareTicks = (top) => (top < 0.004 ? ".2%" : top < 0.06 ? ".1%" : ".0%");

/** @param {number} day */
const iso = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** The day an ISO date names, null when the text is none.
 * @param {string | null | undefined} text @returns {number | null} */
function dayOf(text) {
  if (!text || !/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const value = Date.parse(text);
  return Number.isNaN(value) ? null : value / DAY_MS;
}

/** "21 November 2026".
 * @param {number} day @param {{short?: boolean, year?: boolean}} [how] */
function dayWords(day, { short = false, year = true } = {}) {
  const [y, m, d] = iso(day).split("-").map(Number);
  const month = MONTHS[m - 1];
  return `${d} ${short ? month.slice(0, 3) : month}${year ? ` ${y}` : ""}`;
}

/** "8 – 21 November 2026", repeating only what differs.
 * @param {number} first @param {number} last */
function period(first, last) {
  if (first === last) return dayWords(last);
  const [a, b] = [iso(first), iso(last)];
  const from = a.slice(0, 7) === b.slice(0, 7) ? String(Number(a.slice(8))) : dayWords(first, { year: a.slice(0, 4) !== b.slice(0, 4) });
  return `${from} – ${dayWords(last)}`;
}

/** At most `length` characters, by code point.
 * @param {string} text @param {number} length */
function shorten(text, length) {
  const letters = Array.from(text);
  return letters.length > length ? `${letters.slice(0, length - 1).join("").trimEnd()}…` : text;
}

/** Foreign text for plotly, which reads a little HTML in its labels.
 * @param {string} text */
const plotText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Text as it is looked for: without accents and case.
 * @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase("en");

/** @typedef {Node | string | (Node | string)[]} Child */

/** An element; children are elements or text (never markup).
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...Child} children @returns {HTMLElement} */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat());
  return element;
}

/** Foreign text, kept from turning its neighbours around.
 * @param {string} text */
const bidi = (text) => el("bdi", {}, text);

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
