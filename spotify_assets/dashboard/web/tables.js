// Tables and lists, made of text nodes, each table with its CSV.

/** A column: its heading, what a row has in it, and how that is shown when it is not as text; some are for the CSV only.
 * @typedef {{name: string, value: (row: any) => string | number | null | undefined, show?: (row: any) => Child, number?: boolean, only?: "csv"}} Column */

const OPEN_ROWS = 15;

/** A table of which the first rows stand open, with a button for all of it as CSV.
 * @param {{caption: string, columns: Column[], rows: any[], open?: number, none?: string, tools?: Child}} spec */
function table({ caption, columns, rows, open = OPEN_ROWS, none = "None.", tools = [] }) {
  const head = el("div", { class: "table-head" }, el("span", { class: "caption" }, `${caption} (${number(rows.length)})`), tools);
  if (!rows.length) return el("div", { class: "table" }, head, el("p", { class: "none" }, none));
  head.append(el("button", { type: "button", class: "csv", "aria-label": `${caption} as CSV`, onclick: () => download(caption, csvOf(columns, rows)) }, "CSV"));
  const shown = columns.filter(({ only }) => only !== "csv");
  const body = el("tbody", {}, rows.slice(0, open).map((row) => rowOf(shown, row)));
  const region = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("thead", {}, el("tr", {}, shown.map(({ name, number: right }) => el("th", { scope: "col", class: right ? "number" : null }, name)))), body));
  const box = el("div", { class: "table" }, head, region);
  if (rows.length > open) {
    const more = el("button", { type: "button", class: "more", onclick: () => {
      body.append(...rows.slice(open).map((row) => rowOf(shown, row)));
      more.remove();
      region.focus();
    } }, `Show ${number(rows.length - open)} more`);
    box.append(more);
  }
  return box;
}

/** @param {Column[]} columns @param {any} row */
const rowOf = (columns, row) => el("tr", {}, columns.map((column) => {
  const value = column.value(row);
  const shown = column.show ? column.show(row) : value === null || value === undefined ? "" : typeof value === "number" ? number(value) : bidi(value);
  return el("td", { class: column.number ? "number" : null }, shown);
}));

/** RFC 4180, with a mark that tells Excel it is UTF-8. Text that a spreadsheet would run as a formula gets an apostrophe
 * in front, and so does what already looks like such a text with apostrophes: whoever takes one apostrophe off each text
 * that matches `^'+[=+\-@\t\r\n]` has every text exactly. @param {Column[]} columns @param {any[]} rows */
function csvOf(columns, rows) {
  const quoted = (/** @type {string} */ text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const cell = (/** @type {string | number | null | undefined} */ value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    return quoted(/^'*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value);
  };
  const lines = [columns.map(({ name }) => quoted(name)), ...rows.map((row) => columns.map((column) => cell(column.value(row))))];
  return `\ufeff${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/** @param {string} name @param {string} content */
function download(name, content) {
  const file = `${folded(name).replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "table"}.csv`;
  const address = URL.createObjectURL(new Blob([content], { type: "text/csv;charset=utf-8" }));
  el("a", { href: address, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Links -----------------------------------------------------------------------------------------------------------

/** @param {string} path @param {Child} text @param {Record<string, string | null>} [query] */
const link = (path, text, query = {}) => el("a", { href: address(path, query) }, text);

/** @param {Songs} songs @param {number} song @returns {HTMLElement} */
function songLink(songs, song) {
  const title = bidi(titleOf(songs, song));
  return isSong(songs, song) ? link(`song/${encodeURIComponent(songs.ids[song])}`, title) : el("span", { class: "odd" }, title);
}

/** @param {Songs} songs @param {number} song @returns {Child} */
const artistLinks = (songs, song) => songs.credits[song].flatMap((artist, index) => [index ? ", " : "", artistLink(songs, artist)]);
/** @param {Songs} songs @param {number} artist */
const artistLink = (songs, artist) => link(`artist/${encodeURIComponent(songs.artistIds[artist])}`, bidi(songs.artistNames[artist] || "(no name)"));
/** @param {Playlist} playlist */
const playlistLink = (playlist) => link(`playlist/${encodeURIComponent(playlist.id)}`, bidi(playlist.label));
/** @param {Playlist} playlist @param {number} day @param {Child} [text] */
const dayLink = (playlist, day, text = dayWords(day)) => link(`day/${encodeURIComponent(playlist.id)}/${iso(day)}`, text);

/** A song and who it is by, one over the other. @param {Songs} songs @param {number} song */
const songCell = (songs, song) => el("span", { class: "song" }, songLink(songs, song), songs.credits[song].length ? el("i", {}, artistLinks(songs, song)) : "");

/** A move of ranks or points. @param {number} by @param {string} from */
const moveMark = (by, from) => el("span", { class: `by ${by > 0 ? "up-text" : "down-text"}`, title: from },
  el("span", { "aria-hidden": "true" }, by > 0 ? "▲" : "▼"), el("span", { class: "unseen" }, by > 0 ? "up " : "down "), number(Math.abs(by)));

/** Columns that name a song, for any row that `songOf` reads. @param {Songs} songs @param {(row: any) => number} songOf @returns {Column[]} */
const songColumns = (songs, songOf) => [
  { name: "Song", value: (row) => titleOf(songs, songOf(row)), show: (row) => songCell(songs, songOf(row)) },
  { name: "Artist", value: (row) => artistsOf(songs, songOf(row)), only: "csv" },
];

/** The id, for who looks a song up in the warehouse. @param {Songs} songs @param {(row: any) => number} songOf @returns {Column} */
const idColumn = (songs, songOf) => ({ name: "song_id", value: (row) => songs.ids[songOf(row)], only: "csv" });

/** One list of changes. @param {string} kind @param {string} heading @param {any[]} rows @param {(row: any) => Node} rowNode */
function changeList(kind, heading, rows, rowNode) {
  const box = el("div", { class: `list ${kind}` }, el("h3", {}, `${heading} (${number(rows.length)})`));
  if (!rows.length) { box.append(el("p", { class: "none" }, "None.")); return box; }
  box.append(el("ol", {}, rows.slice(0, 8).map(rowNode)));
  if (rows.length > 8) box.append(later(`${number(rows.length - 8)} more`, () => el("ol", {}, rows.slice(8).map(rowNode))));
  return box;
}

/** What entered, left and moved, side by side. @param {Songs} songs @param {NonNullable<ReturnType<typeof changesAt>>} changes */
function changeLists(songs, changes) {
  const ranked = (/** @type {[number, number]} */ [song, rank]) => el("li", {}, el("span", { class: "rank" }, number(rank)), songCell(songs, song));
  const moved = (/** @type {[number, number, number]} */ [song, before, now]) => el("li", {}, el("span", { class: "rank" }, number(now)), songCell(songs, song), moveMark(before - now, `from ${number(before)}`));
  return el("div", { class: "columns three" },
    changeList("up", "Entered", changes.entered, ranked), changeList("down", "Left", changes.left, ranked), changeList("moves", "Moved, the farthest first", changes.moved, moved));
}
