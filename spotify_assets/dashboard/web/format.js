// Words and numbers: the page's data, how days, counts and titles are written, and elements made of text nodes.
const report = JSON.parse(document.getElementById("data").textContent);
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const grouped = new Intl.NumberFormat("en-GB");

const byId = (id) => document.getElementById(id);
const number = (value) => grouped.format(value);
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
const percent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)}%`;

/** "21 November 2026" of an ISO date. */
function day(iso, { short = false, year = true } = {}) {
  const [y, m, d] = iso.split("-").map(Number);
  const month = MONTHS[m - 1];
  return `${d} ${short ? month.slice(0, 3) : month}${year ? ` ${y}` : ""}`;
}

/** "8 – 21 November 2026", repeating only what differs. */
function period(first, last) {
  if (first === last) return day(last);
  const sameYear = first.slice(0, 4) === last.slice(0, 4);
  const from = sameYear && first.slice(5, 7) === last.slice(5, 7) ? String(Number(first.slice(8))) : day(first, { year: !sameYear });
  return `${from} – ${day(last)}`;
}

const title = (song) => report.songs[song][0] || "(no title)";
const artist = (song) => report.songs[song][1];
const playlistName = (name) => name || "(no name)";
const spoken = (song) => (artist(song) ? `${title(song)} by ${artist(song)}` : title(song));

/** At most `length` characters, by code point. */
function shorten(text, length) {
  const letters = Array.from(text);
  return letters.length > length ? `${letters.slice(0, length - 1).join("").trimEnd()}…` : text;
}

/** Foreign text for plotly, which reads a little HTML in its labels. */
const plotText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** An element; children are elements or text (never markup). */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat());
  return element;
}

const bidi = (text) => el("bdi", {}, text);
const songCell = (song) => el("span", { class: "song" }, bidi(title(song)), artist(song) ? el("i", {}, bidi(artist(song))) : "");
const fill = (id, ...children) => byId(id).replaceChildren(...children.flat());
