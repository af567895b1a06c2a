// The page as a whole: its data, its addresses, the time chosen, and which page is shown.

/** @type {{index: Index, songs: Songs, query: URLSearchParams, range: {from: number | null, to: number | null}, path: string | null}} */
const app = {
  index: /** @type {any} */ (null), songs: /** @type {any} */ (null), query: new URLSearchParams(), range: { from: null, to: null }, path: null,
};

/** @type {Map<string, Promise<Snapshots>>} */
const histories = new Map();

/** A playlist's history, read when it is first asked for. @param {Playlist} playlist @returns {Promise<Snapshots>} */
function historyOf(playlist) {
  const known = histories.get(playlist.id);
  if (known) return known;
  const made = readHistory(blockText(`playlist-${app.index.playlists.indexOf(playlist)}`));
  histories.set(playlist.id, made);
  return made;
}

/** @returns {Promise<Known[]>} */
const allHistories = () => Promise.all(app.index.playlists.map(async (playlist) => ({ playlist, history: await historyOf(playlist) })));

/** @type {Promise<{days: string[], songs: Record<number, number[]>}> | null} */
let popular = null;

/** Popularity by song, per day; -1 where there is none. */
function popularity() {
  popular ??= unpack(blockText("popularity")).then(readPopularity);
  return popular;
}

/** What can wait until the first chart is drawn. @param {() => void} work */
const whenIdle = (work) => { void (drawn.size ? charted : Promise.resolve()).then(() => { setTimeout(work, 0); }); };

// Addresses and the time chosen -----------------------------------------------------------------------------------

/** The address of a page; the time chosen stays. @param {string} path @param {Record<string, string | null>} [query] */
function address(path, query = {}) {
  const all = new URLSearchParams();
  const { from, to } = app.range;
  if (from !== null) all.set("from", iso(from));
  if (to !== null) all.set("to", iso(to));
  for (const [name, value] of Object.entries(query)) if (value !== null) all.set(name, value);
  const text = all.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** Keep a choice in the address without a new page. @param {Record<string, string | null>} query */
function remember(query) {
  for (const [name, value] of Object.entries(query)) {
    if (value === null) app.query.delete(name);
    else app.query.set(name, value);
  }
  const text = app.query.toString();
  window.history.replaceState(null, "", `#/${app.path ?? ""}${text ? `?${text}` : ""}`);
}

/** The days shown of these: the time chosen, and at most what there is. @param {Snapshots} history */
function shownRange(history) {
  const first = history.days[0] ?? 0, last = history.days[history.days.length - 1] ?? 0;
  const from = app.range.from ?? first, to = app.range.to ?? last;
  return { from: Math.max(from, first), to: Math.min(to, last) };
}

/** @param {number | null} from @param {number | null} to */
function setRange(from, to) {
  const first = Number(dayOf(app.index.first_on)), last = Number(dayOf(app.index.last_on));
  const query = new URLSearchParams(app.query);
  const set = (/** @type {string} */ name, /** @type {number | null} */ value) => (value === null ? query.delete(name) : query.set(name, iso(value)));
  set("from", from === null || from <= first ? null : Math.min(from, last));
  set("to", to === null || to >= last ? null : Math.max(to, first));
  const text = query.toString();
  location.hash = `#/${app.path ?? ""}${text ? `?${text}` : ""}`;
}

const PRESETS = { "All": null, "Year": 365, "90 days": 90, "4 weeks": 28 };

function rangeBar() {
  const first = Number(dayOf(app.index.first_on)), last = Number(dayOf(app.index.last_on));
  const input = (/** @type {string} */ id, /** @type {string} */ label) => {
    const field = /** @type {HTMLInputElement} */ (el("input", { type: "date", id, min: iso(first), max: iso(last), onchange: () => setRange(dayOf(fromInput.value), dayOf(toInput.value)) }));
    return [el("label", { for: id }, label), field];
  };
  const [fromLabel, fromField] = input("from", "From"), [toLabel, toField] = input("to", "to");
  const fromInput = /** @type {HTMLInputElement} */ (fromField), toInput = /** @type {HTMLInputElement} */ (toField);
  const buttons = Object.entries(PRESETS).filter(([, days]) => days === null || last - first > days * 1.2)
    .map(([name, days]) => ({ days, button: el("button", { type: "button", onclick: () => setRange(days === null ? null : last - days + 1, null) }, name) }));
  byId("range").replaceChildren(fromLabel, fromField, toLabel, toField, ...buttons.map(({ button }) => button));
  return () => {
    fromInput.value = iso(app.range.from ?? first);
    toInput.value = iso(app.range.to ?? last);
    for (const { days, button } of buttons) button.setAttribute("aria-pressed", String(app.range.to === null && (days === null ? app.range.from === null : app.range.from === last - days + 1)));
  };
}

// Pages -----------------------------------------------------------------------------------------------------------

/** @typedef {{title: string, kicker?: Child | Child[], nodes: Node[]}} Page */

/** @param {string[]} path @returns {Promise<Page>} */
async function pageOf([kind = "", name = "", rest = ""]) {
  const playlist = app.index.playlists.find(({ id }) => id === name);
  if (kind === "") return overviewPage();
  if (kind === "playlist" && playlist) return playlistPage(playlist);
  if (kind === "day" && playlist) return dayPage(playlist, rest);
  if (kind === "compare") return comparePage(name.split(","));
  if (kind === "search") return searchPage(app.query.get("q") ?? "");
  const song = app.songs.numberOf.get(name), artist = app.songs.artistNumberOf.get(name);
  if (kind === "song" && song !== undefined) return songPage(song);
  if (kind === "artist" && artist !== undefined) return artistPage(artist);
  return { title: "Not in this file", nodes: [el("p", { class: "empty" }, "This file holds nothing under that address. ", link("", "All playlists"))] };
}

/** What a part of an address says; its own text where it is no valid encoding. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let turn = 0;

/** @param {() => void} showRange */
async function show(showRange) {
  const hash = location.hash.replace(/^#playlist=/, "#/playlist/");
  if (hash && !hash.startsWith("#/")) return; // a jump within the page
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const moved = app.path !== null && app.path !== path;
  const first = app.path === null;
  app.path = path;
  app.query = new URLSearchParams(query);
  app.range = { from: dayOf(app.query.get("from")), to: dayOf(app.query.get("to")) };
  if (app.range.from !== null && app.range.to !== null && app.range.from > app.range.to) app.range = { from: app.range.to, to: app.range.from };
  showRange();
  turn += 1;
  const mine = turn;
  drawn.clear();
  const page = await pageOf(path.split("/").map(decoded));
  if (mine !== turn) return;
  const heading = el("h1", { tabindex: "-1" }, bidi(page.title));
  const kicker = page.kicker ? [page.kicker].flat() : [];
  byId("main").replaceChildren(el("p", { class: "kicker" }, ...kicker), heading, ...page.nodes);
  document.title = `${page.title} – Playlist history`;
  /** @type {HTMLInputElement} */ (byId("search")).value = path === "search" ? app.query.get("q") ?? "" : "";
  for (const anchor of document.querySelectorAll(".bar nav a")) anchor.toggleAttribute("aria-current", anchor.getAttribute("data-kind") === path.split("/")[0]);
  byId("nav-overview").setAttribute("href", address(""));
  byId("nav-compare").setAttribute("href", address("compare/"));
  if (moved) { heading.focus({ preventScroll: true }); scrollTo(0, 0); }
  if (first) document.documentElement.dataset.ready = "yes";
}

function masthead() {
  const { index } = app;
  byId("as-of").textContent = `as of ${dayWords(Number(dayOf(index.last_on)))}`;
  byId("totals").replaceWith(figures([
    ["period", period(Number(dayOf(index.first_on)), Number(dayOf(index.last_on)))], ["days with snapshots", number(index.days)],
    ["playlists", number(index.counts.playlists)], ["songs", number(index.counts.songs)], ["artists", number(index.counts.artists)]]));
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = address("search", { q: /** @type {HTMLInputElement} */ (byId("search")).value });
  });
}

async function start() {
  app.index = await unpack(blockText("index"));
  if (!app.index.last_on) {
    document.documentElement.dataset.ready = "yes";
    byId("main").replaceChildren(el("h1", {}, "Playlist history"), el("p", { class: "empty" }, "No snapshot has been loaded yet. The page fills with the first one."));
    for (const id of ["range", "search-form"]) byId(id).hidden = true;
    byId("totals").remove();
    return;
  }
  const songs = Promise.all(Array.from({ length: app.index.songs }, (_, place) => unpack(blockText(`songs-${place}`))));
  const recordings = unpack(blockText("recordings"));
  void warm();
  app.songs = readSongs(await songs, await recordings);
  masthead();
  const showRange = rangeBar();
  await show(showRange);
  addEventListener("hashchange", () => { void show(showRange); });
  dark.addEventListener("change", redraw);
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); redraw(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); redraw(); });
  let width = innerWidth, waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 150);
  });
}

start().catch((error) => {
  byId("main").replaceChildren(el("h1", {}, "This page can’t be shown"), el("p", { class: "empty" }, typeof DecompressionStream === "undefined"
    ? "This browser can’t unpack the page’s data: it takes one of 2023 or later (Chrome, Edge, Firefox, Safari)." : `Its own script failed: ${error}`));
  document.documentElement.dataset.ready = "failed";
  throw error;
});
