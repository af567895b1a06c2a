// The page: the header, the picker and its address, and what is drawn for the playlist picked.
const state = { playlist: null, depth: null, pinned: null };
const DEPTHS = [10, 25, 50, 100];

function header() {
  if (!report.last_on) {
    fill("totals");
    byId("main").replaceChildren(el("p", { class: "empty" }, "No snapshot has been loaded yet. The page fills with the first one."));
    return false;
  }
  byId("as-of").textContent = `, as of the snapshots of ${day(report.last_on)}`;
  const figure = (term, value) => el("div", {}, el("dt", {}, term), el("dd", {}, value));
  fill("totals", figure("period", period(report.first_on, report.last_on)), figure("snapshot days", number(report.days)),
    figure("playlists", number(report.counts.playlists)), figure("songs", number(report.counts.songs)), figure("artists", number(report.counts.artists)));
  fill("footer", el("p", {}, `Embedded here are the latest ${number(report.limits.days)} snapshots of each playlist, its first ${number(report.limits.depth)} places and at most ${number(report.limits.rows)} rows of each list; the warehouse holds the rest. This file requests nothing from any network.`));
  return true;
}

function picker() {
  byId("picker").append(...report.playlists.map(({ id, name }) => el("option", { value: id }, playlistName(name))));
  byId("picker").addEventListener("change", (event) => { location.hash = `playlist=${encodeURIComponent(event.target.value)}`; });
  byId("picker-bar").addEventListener("submit", (event) => event.preventDefault());
  byId("find").addEventListener("input", (event) => pickSong(event.target.value));
  byId("depth").addEventListener("change", (event) => { state.depth = Number(event.target.value); ranks(); });
  addEventListener("hashchange", () => { if (location.hash !== "#main") choose(addressed()); });
}

/** The playlist the address names, else the one the page opens on. */
function addressed() {
  const named = new URLSearchParams(location.hash.slice(1)).get("playlist");
  return report.playlists.find(({ id }) => id === named) ?? report.playlists.find(({ id }) => id === report.opening) ?? null;
}

function choose(playlist) {
  if (!playlist || playlist === state.playlist) return;
  state.playlist = playlist;
  state.pinned = null;
  byId("picker").value = playlist.id;
  byId("find").value = "";
  const size = playlist.sizes.at(-1) ?? 0;
  const owner = playlist.owner ? `by ${playlist.owner}, ` : "";
  const behind = playlist.days.length && playlist.days.at(-1) !== report.last_on ? `, last read ${day(playlist.days.at(-1))}` : "";
  byId("picked").textContent = `${owner}${count(size, "entry", "entries")}, ${count(playlist.snapshots, "snapshot")}${behind}`;
  document.title = `${playlistName(playlist.name)} – Playlist history`;
  depths(size);
  drawPlaylist();
}

function depths(size) {
  const offered = DEPTHS.filter((depth) => depth < Math.min(size, report.limits.depth));
  offered.push(Math.min(size, report.limits.depth));
  state.depth = innerWidth < 640 ? offered.find((depth) => depth >= 25) ?? offered.at(-1) : offered.at(-1);
  const choice = (depth) => el("label", {}, el("input", { type: "radio", name: "depth", value: depth, checked: depth === state.depth }), el("span", {}, depth === size ? `all ${number(size)}` : `top ${number(depth)}`));
  fill("depth", el("legend", {}, "Show"), offered.map(choice));
  const names = new Set(state.playlist.ranks.lines.map(([song]) => findable(song)));
  fill("find-songs", [...names].map((value) => el("option", { value })));
}

const findable = (song) => (artist(song) ? `${title(song)} – ${artist(song)}` : title(song));

function pickSong(text) {
  const wanted = text.trim().toLocaleLowerCase();
  const lines = state.playlist.ranks.lines;
  const exact = lines.findIndex(([song]) => findable(song).toLocaleLowerCase() === wanted);
  const found = exact >= 0 || wanted.length < 3 ? exact : lines.findIndex(([song]) => findable(song).toLocaleLowerCase().includes(wanted));
  const pinned = found >= 0 ? found : null;
  if (pinned === state.pinned) return;
  state.pinned = pinned;
  if (pinned !== null) deepen(lines[pinned].at(-1));
  ranks();
}

/** Show at least as many places as it takes to see this rank. */
function deepen(rank) {
  const choices = [...byId("depth").querySelectorAll("input")];
  const choice = choices.find(({ value }) => Number(value) >= Math.max(rank, state.depth)) ?? choices.at(-1);
  choice.checked = true;
  state.depth = Number(choice.value);
}

function ranks() {
  const { playlist, depth } = state;
  const { lines, songs } = playlist.ranks;
  const few = playlist.days.length < 2;
  byId("ranks-tools").hidden = few || !lines.length;
  byId("standings").hidden = !lines.length;
  if (!lines.length) {
    drawNothing("ranks", (playlist.sizes.at(-1) ?? 0) ? "No entry of this playlist is a song, so there are no ranks to draw." : "This playlist is empty.");
    fill("ranks-key"); fill("ranks-caption"); fill("ranks-lede");
    return;
  }
  const onPick = (index) => {
    state.pinned = state.pinned === index ? null : index;
    byId("find").value = state.pinned === null ? "" : findable(lines[index][0]);
    ranks();
  };
  byId("standings").querySelector("summary").textContent = `The list on ${day(playlist.days.at(-1))}`;
  byId("standings").querySelector("summary + *").replaceWith(standingsTable(playlist));
  fill("ranks-lede"); fill("ranks-caption");
  if (few) {
    byId("standings").open = true;
    drawNothing("ranks", `One snapshot so far, of ${day(playlist.days[0])}: the lines begin with the second.`);
    return;
  }
  const kinds = new Set(drawRanks(playlist, depth, state.pinned, onPick).values());
  const words = { top: "today’s first five", up: "climbed most", down: "fell most", pin: "picked" };
  fill("ranks-key", Object.entries(words).filter(([kind]) => kinds.has(kind)).map(([kind, text]) => el("li", { class: kind }, text)));
  byId("ranks-lede").textContent = `Every line is a song, ${period(shownDays(playlist)[0], playlist.days.at(-1))}. Point at one to follow it, click to keep it.`;
  const notes = [];
  const size = playlist.sizes.at(-1);
  if (size > report.limits.depth) notes.push(`The first ${number(report.limits.depth)} of ${number(size)} places are in this file.`);
  if (songs > lines.length) notes.push(`${number(lines.length)} of the ${number(songs)} songs that stood in them are drawn: today’s, then those that stayed longest.`);
  if (playlist.snapshots > playlist.days.length) notes.push(`The latest ${number(playlist.days.length)} of ${number(playlist.snapshots)} snapshots are in this file.`);
  byId("ranks-caption").textContent = notes.join(" ");
}

function changes() {
  const { playlist } = state;
  const { since, totals } = playlist.changes;
  if (!since) {
    byId("changes-lede").textContent = "";
    fill("changes", el("p", { class: "empty" }, playlist.days.length ? "There is one snapshot of this playlist so far: what enters and leaves shows with the next." : "There is no snapshot of this playlist."));
    drawNothing("turnover", ""); fill("turnover"); fill("turnover-caption");
    return;
  }
  const latest = day(playlist.days.at(-1));
  const still = !totals.entered && !totals.left;
  byId("changes-lede").textContent = `${still ? "Nothing entered and nothing left" : `${number(totals.entered)} entered and ${number(totals.left)} left`} between the snapshots of ${day(since, { year: false })} and ${latest}.`;
  fill("changes", still && !totals.moved ? el("p", { class: "empty" }, "No song entered, left or moved.") : changeLists(playlist.changes));
  if (playlist.entered.some(Boolean) || playlist.left.some(Boolean)) {
    drawTurnover(playlist);
    byId("turnover-caption").textContent = "Songs that entered (above) and left (below) with each snapshot.";
  } else {
    drawNothing("turnover", ""); fill("turnover"); fill("turnover-caption");
  }
}

function runs() {
  const { playlist } = state;
  if (!playlist.runs.length) { byId("runs-lede").textContent = ""; fill("runs", el("p", { class: "empty" }, "No song has stood in this playlist.")); return; }
  if (playlist.snapshots === 1) { byId("runs-lede").textContent = ""; fill("runs", el("p", { class: "empty" }, "One snapshot so far: every song has been here for one.")); return; }
  const { snapshots, ties } = playlist.runs[0];
  const all = snapshots === playlist.snapshots ? ` ${count(ties, "song")} stood in every one of the ${number(snapshots)}.` : "";
  byId("runs-lede").textContent = `Most consecutive snapshots a song was in.${all} A bar spans its first and last day here; an open bar has left.`;
  fill("runs", runList(playlist));
}

function artistShares() {
  const { playlist } = state;
  fill("artists-caption"); fill("artists-lede");
  if (!playlist.artists.length) return drawNothing("artists", "No entry of this playlist credits an artist.");
  if (playlist.days.length === 1) return drawNothing("artists", `One snapshot so far. Most entries: ${playlist.artists.slice(0, 3).map(({ name, slots }) => `${name} (${slots[0]})`).join(", ")}.`);
  const series = playlist.artists.map(({ name, slots }) => ({
    name, values: slots, hover: slots.map((value, index) => `<b>${plotText(shorten(name, 50))}</b><br>${count(value, "entry", "entries")} on ${day(playlist.days[index], { year: false })}`),
  }));
  byId("artists-lede").textContent = `Entries of the ${number(series.length)} artists with the most places.`;
  byId("artists-caption").textContent = "An entry that credits two artists counts for both.";
  return drawShares("artists", `Entries per artist over time: ${playlist.artists.map(({ name, slots }) => `${name} ${slots.at(-1)}`).join(", ")} on the latest day.`, playlist.days, series, { tickformat: ",d" });
}

function releaseYears() {
  const { years, unknown, median_age: age } = state.playlist.years;
  fill("years-lede"); fill("years-caption");
  if (!years.length) return drawNothing("years", unknown ? "None of the songs has a known release date." : "There are no songs to date.");
  if (age !== null) byId("years-lede").textContent = `Half of the songs are older than ${age.toFixed(1)} years.`;
  if (unknown) byId("years-caption").textContent = `Not shown: ${count(unknown, "entry", "entries")} without a known release date.`;
  return drawYears(state.playlist);
}

function everything() {
  if (!report.all_artists.length) drawNothing("all-artists", "No song credits an artist.");
  else if (report.all_days.length === 1) drawNothing("all-artists", `One day so far. Most places: ${report.all_artists.slice(0, 3).map(({ name, slots }) => `${name} (${slots})`).join(", ")}.`);
  else {
    byId("all-artists-lede").textContent = "Share of all entries that credit the artist, of the artists with the most over the period.";
    byId("all-artists-caption").textContent = "An entry that credits two artists counts for both.";
    drawShares("all-artists", "Share of all entries per artist over time.", report.all_days, report.all_artists.map(({ name, shares }) => ({
      name, values: shares, hover: shares.map((share, index) => `<b>${plotText(shorten(name, 50))}</b><br>${percent(share)} of entries on ${day(report.all_days[index], { year: false })}`),
    })), { tickformat: ".0%" });
  }
  if (!report.overlap.cells.length) drawNothing("overlap", "No two playlists share a song.");
  else {
    byId("overlap-lede").textContent = `Pairs that share more of their songs stand out. ${unshown()}`;
    byId("overlap-caption").textContent = "Point at a field for the songs the two have in common; an empty one has none.";
    drawOverlap(report.overlap);
    fill("pairs", pairList(report.overlap));
  }
  if (!report.popularity.rows.length) fill("popularity", el("p", { class: "empty" }, "Spotify sent no popularity that changed; it no longer sends one to new apps."));
  else {
    byId("popularity-lede").textContent = `Spotify’s own measure, 0 to 100: the largest changes on ${day(report.popularity.day)}.`;
    fill("popularity", popularityLists(report.popularity.rows));
  }
}

/** Why playlists are missing from the overlap: there is room for so many, or they share nothing. */
function unshown() {
  const shown = report.overlap.names.length, others = report.counts.playlists - shown;
  if (!others) return "";
  return shown < report.limits.pairs_of ? `${count(others, "other playlist shares", "other playlists share")} no song with any.` : `Shown are the ${number(shown)} playlists that share most.`;
}

function drawPlaylist() { ranks(); changes(); runs(); artistShares(); releaseYears(); }

function redraw() { if (state.playlist) { drawPlaylist(); everything(); } }

if (header()) {
  picker();
  choose(addressed());
  everything();
  dark.addEventListener("change", redraw);
  let width = innerWidth, waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 150);
  });
}
