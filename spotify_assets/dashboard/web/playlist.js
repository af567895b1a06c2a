// The page of one playlist: its ranks, what entered and left, how long songs stay, how fresh and how sound it is.

const DEPTHS = [10, 25, 50, 100, 200];

/** @param {Playlist} playlist */
async function playlistPage(playlist) {
  const history = await historyOf(playlist);
  const { from, to } = shownRange(history);
  const gaps = gapsIn(history.days);
  const { step, picks } = columnsOf(history, from, to, 130);
  const at = { from: Math.max(from, history.days[0] ?? from), to: Math.min(to, history.days.at(-1) ?? to), gaps, step };
  return {
    title: playlist.label, kicker: playlist.owner ? ["Playlist by ", bidi(playlist.owner)] : "Playlist",
    nodes: [
      figures(playlistFigures(playlist, history)), ...gapNote(history, gaps),
      ranksPanel(playlist, history, { title: "Ranks over time" }), latestPanel(playlist, history), turnoverPanel(playlist, history, at), staysPanel(playlist, history),
      el("div", { class: "columns two" }, artistsPanel(history, picks, at), yearsPanel(history)),
      el("div", { class: "columns two" }, freshnessPanel(history, picks, at), healthPanel(history, picks, at)),
      duplicatesPanel(history), snapshotsPanel(playlist, history),
    ],
  };
}

/** @param {[string, Child][]} pairs */
const figures = (pairs) => el("dl", { class: "figures" }, pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));

/** @param {Playlist} playlist @param {Snapshots} history @returns {[string, Child][]} */
function playlistFigures(playlist, history) {
  const changed = turnover(history, app.songs);
  const last = history.days.at(-1) ?? 0;
  const recent = changed.filter((one, index) => one && history.days[index] > last - 28).reduce((sum, one) => sum + (one?.entered ?? 0), 0);
  const { days, watched } = halfLife(history, app.songs);
  return [
    ["entries", number(playlist.size)], ["snapshots", number(playlist.snapshots)], ["first and last read", period(Number(dayOf(playlist.first_on)), Number(dayOf(playlist.last_on)))],
    ["entered in the last 4 weeks", playlist.whole > 1 ? number(recent) : "–"],
    ["half of the songs are gone after", playlist.whole < 2 ? "–" : days === null ? `more than ${count(watched, "day")}` : count(days, "day")],
  ];
}

/** @param {Snapshots} history @param {{from: number, to: number}[]} gaps */
function gapNote(history, gaps) {
  const partial = history.days.filter((_, index) => !isWhole(history, index));
  const notes = [];
  if (gaps.length) {
    const longest = [...gaps].sort((a, b) => b.to - b.from - a.to + a.from).slice(0, 3).sort((a, b) => a.from - b.from);
    notes.push(`No snapshot on ${count(gaps.reduce((sum, gap) => sum + gap.to - gap.from + 1, 0), "day")} in between; the longest ${longest.length === 1 ? "gap" : "gaps"}: ${longest.map((gap) => period(gap.from, gap.to)).join("; ")}. Lines stop there.`);
  }
  if (partial.length) notes.push(`${count(partial.length, "snapshot was", "snapshots were")} not read whole (◇ in the charts, the latest ${dayWords(Math.max(...partial))}): ${partial.length === 1 ? "it is" : "they are"} kept, and say nothing of what left.`);
  const { days, depth } = app.index.thinned;
  if (days !== null) notes.push(`This file holds each day of the last ${number(days)} and the last of each week before${depth === null ? "" : `, the first ${number(depth)} places of each`}: entered and left, runs and half-lives are counted in those.`);
  return notes.length ? [el("p", { class: "notice" }, notes.join(" "))] : [];
}

/** The bump chart with its tools. @param {Playlist} playlist @param {Snapshots} history @param {{title: Child, address?: string}} how */
function ranksPanel(playlist, history, { title, address: target }) {
  const { from, to } = shownRange(history);
  const whole = wholeOnes(history).filter((index) => history.days[index] >= from && history.days[index] <= to);
  const section = el("section", {}, el("h2", {}, title));
  const size = Math.max(0, ...whole.map((index) => history.lists[index].length));
  const empty = !history.days.length ? "There is no snapshot of this playlist."
    : !whole.length ? "No whole snapshot in the time chosen." : !size ? "This playlist is empty."
      : whole.length === 1 ? `One whole snapshot ${history.days.length === 1 ? "so far" : "in the time chosen"}, of ${dayWords(history.days[whole[0]])}: lines begin with the second.`
        : whole.every((index) => history.lists[index].every((song) => !isSong(app.songs, song))) ? "No entry of this playlist is a song, so there are no ranks to draw." : null;
  if (empty) {
    section.append(el("p", { class: "empty" }, empty));
    return section;
  }
  const offered = DEPTHS.filter((depth) => depth < size);
  if (size <= 400) offered.push(size);
  const wish = Number(app.query.get("top"));
  const state = {
    depth: offered.includes(wish) ? wish : innerWidth < 640 ? offered.find((depth) => depth >= 25) ?? offered[offered.length - 1] : offered.findLast((depth) => depth <= 100) ?? offered[0],
    pinned: app.songs.numberOf.get(app.query.get("song") ?? "") ?? null,
  };
  const key = el("ul", { class: "key" });
  const chart = el("div", {});
  const find = /** @type {HTMLInputElement} */ (el("input", { id: "find-song", autocomplete: "off", placeholder: "Title or artist", oninput: () => pin(find.value) }));
  const known = stays(history, app.songs);
  const label = (/** @type {number} */ song) => [titleOf(app.songs, song), artistsOf(app.songs, song)].filter(Boolean).join(" – ");
  const pin = (/** @type {string} */ text) => {
    const wanted = folded(text.trim());
    const fits = wanted.length < 3 ? [] : [...known.keys()].filter((song) => folded(label(song)).includes(wanted));
    const song = fits.sort((a, b) => Number(known.get(b)?.isPresent) - Number(known.get(a)?.isPresent) || Number(known.get(a)?.best) - Number(known.get(b)?.best))[0] ?? null;
    found.textContent = wanted.length < 3 ? "" : song === null ? "Not in this list." : label(song);
    if (song !== state.pinned) show(song, song === null ? state.depth : Number(known.get(song)?.best));
  };
  const found = el("span", { class: "found", role: "status" });
  const show = (/** @type {number | null} */ song, /** @type {number} */ rank = 0) => {
    state.pinned = song;
    if (rank > state.depth) state.depth = offered.find((depth) => depth >= rank) ?? offered[offered.length - 1];
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (section.querySelectorAll(".depth input"))) input.checked = Number(input.value) === state.depth;
    if (!target) remember({ top: String(state.depth), song: song === null ? null : app.songs.ids[song] });
    draw();
  };
  const depth = el("fieldset", { class: "depth" }, el("legend", {}, "Places"), offered.map((one) => el("label", {},
    el("input", { type: "radio", name: "depth", value: one, checked: one === state.depth, onchange: () => { state.depth = one; show(state.pinned); } }), el("span", {}, one === size ? `all ${number(size)}` : `top ${number(one)}`))));
  const draw = () => {
    const height = Math.min(1600, Math.max(state.depth * 8, Math.min(400, 60 + state.depth * 24)));
    const last = history.days[whole[whole.length - 1]], first = history.days[whole[0]];
    chart.replaceChildren(figure({
      title: "", height, label: `Ranks of the first ${state.depth} places of ${playlist.label}, ${period(first, last)}. The list of the latest day is in the next part.`,
      plot: (element, colours, width) => {
        const made = rankPlot(history, app.songs, { from, to, depth: state.depth, pinned: state.pinned, onPick: (song) => show(state.pinned === song ? null : song), onZoom: setRange }, element, colours, width, height);
        const kinds = new Set(made.chosen.values());
        const words = { top: "the latest first five", up: "climbed most", down: "fell most", pin: "picked" };
        key.replaceChildren(...Object.entries(words).filter(([kind]) => kinds.has(kind)).map(([kind, text]) => el("li", { class: kind }, text)));
        return made;
      },
    }));
  };
  section.append(
    el("p", { class: "lede" }, `Every line is a song, ${period(history.days[whole[0]], history.days[whole[whole.length - 1]])}. Point at one to follow it, click to keep it, drag over days to come closer.`),
    el("div", { class: "tools" }, depth, el("div", { class: "find" }, el("label", { for: "find-song" }, "Follow a song"), find, found), key), chart);
  draw();
  return section;
}

/** What changed with the latest whole snapshot. @param {Playlist} playlist @param {Snapshots} history */
function latestPanel(playlist, history) {
  const latest = wholeOnes(history).at(-1);
  const section = el("section", {}, el("h2", {}, "The latest changes"));
  const changes = latest === undefined ? null : changesAt(history, app.songs, latest);
  if (latest === undefined || !changes) {
    section.append(el("p", { class: "empty" }, "There is no second whole snapshot of this playlist yet: what enters and leaves shows with it."));
    if (history.days.length) section.append(el("p", {}, dayLink(playlist, history.days[history.days.length - 1], `The list on ${dayWords(history.days[history.days.length - 1])}`)));
    return section;
  }
  const since = history.days[changes.since], day = history.days[latest];
  section.append(el("p", { class: "lede" }, `Since the snapshot of ${dayWords(since)}${day - since > 1 ? `, ${count(day - since, "day")} before` : ""}. `, dayLink(playlist, day, `The whole list on ${dayWords(day)}`), "."), changeLists(app.songs, changes));
  return section;
}

/** @param {Playlist} playlist @param {Snapshots} history @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number}} at */
function turnoverPanel(playlist, history, at) {
  const changed = turnover(history, app.songs);
  const buckets = new Map();
  changed.forEach((one, index) => {
    const day = history.days[index];
    if (!one || day < at.from || day > at.to) return;
    const key = at.step === 1 ? day : Math.floor((day - 4) / at.step);
    const known = buckets.get(key) ?? { day, entered: 0, left: 0 };
    buckets.set(key, { day, entered: known.entered + one.entered, left: known.left + one.left });
  });
  const rows = [...buckets.values()];
  const sums = rows.reduce((sum, row) => ({ entered: sum.entered + row.entered, left: sum.left + row.left }), { entered: 0, left: 0 });
  return figure({
    title: "Turnover", height: 190, label: `Songs that entered and left ${playlist.label} per ${/** @type {any} */ (UNITS)[at.step]}: ${sums.entered} in, ${sums.left} out.`,
    lede: !rows.length ? undefined : `${count(sums.entered, "entry", "entries")} came and ${number(sums.left)} went, per ${/** @type {any} */ (UNITS)[at.step]}, in the time shown.`,
    empty: rows.length ? null : "Nothing to compare in the time chosen.",
    plot: (_element, colours, width) => ({ ...turnoverPlot({ days: rows.map(({ day }) => day), entered: rows.map(({ entered }) => entered), left: rows.map(({ left }) => left) }, at, colours, width), after: zoomed(setRange) }),
    numbers: () => table({ caption: `Turnover of ${playlist.label}`, rows: rows.slice().reverse(), columns: [
      { name: at.step === 1 ? "Day" : `Latest day of the ${/** @type {any} */ (UNITS)[at.step]}`, value: ({ day }) => iso(day), show: ({ day }) => dayLink(playlist, day) },
      { name: "Entered", value: ({ entered }) => entered, number: true }, { name: "Left", value: ({ left }) => left, number: true }] }),
  });
}

/** @param {Playlist} playlist @param {Snapshots} history */
function staysPanel(playlist, history) {
  const rows = [...stays(history, app.songs).values()].sort((a, b) => b.longest - a.longest || b.present - a.present || a.best - b.best || a.song - b.song);
  const first = history.days[0] ?? 0, whole = Math.max(1, (history.days.at(-1) ?? 0) - first + 1);
  const bar = (/** @type {Stay} */ stay) => {
    const words = `${period(stay.first, stay.last)}${stay.isPresent ? ", still there" : ""}`;
    const inner = el("span", { class: stay.isPresent ? "" : "gone" });
    inner.style.left = `${((stay.first - first) / whole) * 100}%`;
    inner.style.width = `${Math.max(1, ((stay.last - stay.first + 1) / whole) * 100)}%`;
    return el("span", { class: "coverage", role: "img", "aria-label": words, title: words }, inner);
  };
  return el("section", {}, el("h2", {}, "How long songs stay"),
    el("p", { class: "lede" }, "All songs that ever stood in it, the longest runs first, counted in snapshots in a row. A bar reaches from the first day to the last; filled, it is still there."),
    table({ caption: `Stays in ${playlist.label}`, rows, open: 10, none: "No song has been in it.", columns: [
      ...songColumns(app.songs, ({ song }) => song),
      { name: "First day", value: ({ first }) => iso(first), show: ({ first }) => dayWords(first, { short: true }) }, { name: "Last day", value: ({ last }) => iso(last), show: ({ last }) => dayWords(last, { short: true }) },
      { name: "From first to last", value: ({ isPresent }) => (isPresent ? "still there" : "gone"), show: bar },
      { name: "Longest run", value: ({ longest }) => longest, number: true }, { name: "Snapshots", value: ({ present }) => present, number: true },
      { name: "Best rank", value: ({ best }) => best, number: true }, { name: "Came back", value: ({ returns }) => returns, number: true }, idColumn(app.songs, ({ song }) => song)] }));
}

/** @param {Snapshots} history @param {number[]} picks @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number}} at */
function artistsPanel(history, picks, at) {
  const columns = picks.map((index) => artistSlots(history.lists[index], app.songs));
  const total = new Map();
  for (const slots of columns) for (const [artist, value] of slots) total.set(artist, (total.get(artist) ?? 0) + value);
  const leaders = [...total].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([artist]) => artist);
  const days = picks.map((index) => history.days[index]);
  const name = (/** @type {number} */ artist) => app.songs.artistNames[artist] || "(no name)";
  const latest = columns.at(-1) ?? new Map();
  const series = leaders.slice(0, 8).map((artist) => ({ name: name(artist), days, values: columns.map((slots) => slots.get(artist) ?? 0),
    hover: columns.map((slots, index) => `<b>${plotText(shorten(name(artist), 50))}</b><br>${count(slots.get(artist) ?? 0, "entry", "entries")} on ${dayWords(days[index])}`) }));
  return figure({
    title: "Artists", height: 360, label: "Entries per artist over time. The numbers are in the table below it.", lede: "Entries of the artists with the most places; one that credits two counts for both.",
    empty: leaders.length ? null : "No entry of this playlist credits an artist.", single: days.length === 1,
    plot: (_element, colours, width) => ({ ...sharePlot(series, { ...at, y: { tickformat: ",d" } }, colours, width, 360), after: zoomed(setRange) }),
    numbers: () => table({ caption: `Artists on ${dayWords(days[days.length - 1])}`, open: 8, rows: [...latest].sort((a, b) => b[1] - a[1]), columns: [
      { name: "Artist", value: ([artist]) => name(artist), show: ([artist]) => artistLink(app.songs, artist) }, { name: "Entries", value: ([, slots]) => slots, number: true }] }),
  });
}

/** @param {Snapshots} history */
function yearsPanel(history) {
  const last = history.days.length - 1;
  const { years, unknown, median } = last < 0 ? { years: [], unknown: 0, median: null } : releaseYears(history.lists[last], app.songs, history.days[last]);
  return figure({
    title: "Release years", height: 360, label: "Entries per release year in the latest snapshot. The numbers are in the table below it.",
    lede: median === null ? undefined : `Half of the songs are older than ${median.toFixed(1)} years.`, caption: unknown ? `Not shown: ${count(unknown, "entry", "entries")} without a known release date.` : undefined,
    empty: years.length ? null : unknown ? "None of the songs has a known release date." : "There are no songs to date.",
    plot: (_element, colours, width) => yearsPlot(years, colours, width),
    numbers: () => table({ caption: "Entries per release year", rows: years.slice().reverse(), columns: [{ name: "Year", value: ([year]) => String(year) }, { name: "Entries", value: ([, slots]) => slots, number: true }] }),
  });
}

/** @param {Snapshots} history @param {number[]} picks @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number}} at */
function freshnessPanel(history, picks, at) {
  const { counts } = history;
  const dated = picks.filter((index) => counts.dated[index] > 0);
  const lines = [["365", "under_365_days"], ["90", "under_90_days"], ["30", "under_30_days"]].map(([days, name]) => ({
    name: `${days} days`, days: dated.map((index) => history.days[index]), values: dated.map((index) => counts[name][index] / counts.dated[index]),
    hover: dated.map((index) => `${percent(counts[name][index] / counts.dated[index])} added in the last ${days} days<br>${dayWords(history.days[index])}`),
  }));
  const last = dated.at(-1);
  return figure({
    title: "Freshness", height: 260, label: "Share of entries added in the last 30, 90 and 365 days, over time. The numbers are in the table below it.",
    lede: last === undefined ? undefined : `Added in the last 30 days: ${percent(counts.under_30_days[last] / counts.dated[last])} of the entries; 90 days: ${percent(counts.under_90_days[last] / counts.dated[last])}; 365 days: ${percent(counts.under_365_days[last] / counts.dated[last])}.`,
    caption: last !== undefined && history.lists[last].length > counts.dated[last] ? `Of the entries whose day is known: ${number(counts.dated[last])} of ${number(history.lists[last].length)}.` : undefined,
    empty: dated.length ? null : "Spotify does not say when these entries were added.", single: dated.length === 1,
    plot: (_element, colours, width) => ({ ...linePlot(lines, { ...at, width, height: 260, colours, y: { range: [0, 1.02], tickformat: ".0%" } }), after: zoomed(setRange) }),
    numbers: () => table({ caption: "Freshness", rows: dated.slice().reverse(), columns: [
      { name: "Day", value: (index) => iso(history.days[index]) }, ...["under_30_days", "under_90_days", "under_365_days"].map((name) => ({ name: name.replaceAll("_", " "), value: (/** @type {number} */ index) => counts[name][index], number: true })),
      { name: "with a known day", value: (index) => counts.dated[index], number: true }] }),
  });
}

const FAULTS = [["missing", "removed by Spotify"], ["withdrawn", "without a title"], ["local_files", "local files"], ["others", "episodes and others"]];

/** @param {Snapshots} history @param {number[]} picks @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number}} at */
function healthPanel(history, picks, at) {
  const { counts } = history;
  const seen = FAULTS.filter(([name]) => picks.some((index) => counts[name][index]));
  const days = picks.map((index) => history.days[index]);
  const last = picks.at(-1) ?? -1;
  const lines = seen.map(([name, words]) => ({ name: words, days, values: picks.map((index) => counts[name][index]), hover: picks.map((index) => `${number(counts[name][index])} ${words}<br>${dayWords(history.days[index])}`) }));
  const top = Math.max(1, ...seen.flatMap(([name]) => picks.map((index) => counts[name][index])));
  return figure({
    title: "Health", height: 260, label: "Entries that are no playable song, over time. The numbers are in the table below it.",
    lede: last < 0 ? undefined : `In the latest snapshot: ${FAULTS.map(([name, words]) => `${number(counts[name][last])} ${words}`).join(", ")}, of ${count(history.lists[last].length, "entry", "entries")}.`,
    empty: seen.length ? null : "Every entry is a song that Spotify has.", single: picks.length === 1,
    plot: (_element, colours, width) => ({ ...linePlot(lines, { ...at, width, height: 260, colours, y: { range: [0, top * 1.08], tickformat: ",d", nticks: Math.min(5, top + 1) } }), after: zoomed(setRange) }),
    numbers: () => table({ caption: "Entries that are no playable song", rows: picks.slice().reverse(), columns: [
      { name: "Day", value: (index) => iso(history.days[index]) }, ...FAULTS.map(([name, words]) => ({ name: words[0].toUpperCase() + words.slice(1), value: (/** @type {number} */ index) => counts[name][index], number: true }))] }),
  });
}

/** @param {Snapshots} history */
function duplicatesPanel(history) {
  const latest = history.lists.at(-1);
  const section = el("section", {}, el("h2", {}, "Duplicates"));
  const { same, recordings } = latest ? duplicatesIn(latest, app.songs) : { same: [], recordings: [] };
  if (!same.length && !recordings.length) {
    section.append(el("p", { class: "empty" }, "No song stands twice in the latest snapshot, and no recording under two ids."));
    return section;
  }
  const rows = [...same.map((one) => ({ ...one, why: "the same song" })), ...recordings.map((one) => ({ ...one, why: "one recording (ISRC), several ids" }))];
  section.append(el("p", { class: "lede" }, `In the latest snapshot: ${count(same.length, "song stands", "songs stand")} more than once, ${count(recordings.length, "recording stands", "recordings stand")} under more than one id.`),
    table({ caption: "Duplicates", rows, open: 10, columns: [
      ...songColumns(app.songs, ({ songs }) => songs[0]), { name: "Places", value: ({ places }) => places.join(" ") }, { name: "Why", value: ({ why }) => why },
      { name: "song_ids", value: ({ songs }) => songs.map((/** @type {number} */ song) => app.songs.ids[song]).join(" "), show: ({ songs }) => songs.flatMap((/** @type {number} */ song, /** @type {number} */ index) => [index ? ", " : "", link(`song/${encodeURIComponent(app.songs.ids[song])}`, el("code", {}, shorten(app.songs.ids[song], 12)))]) }] }));
  return section;
}

/** @param {Playlist} playlist @param {Snapshots} history */
function snapshotsPanel(playlist, history) {
  const changed = turnover(history, app.songs);
  const { from, to } = shownRange(history);
  const rows = history.days.map((day, index) => ({ day, index })).filter(({ day }) => day >= from && day <= to).reverse();
  return el("section", {}, el("h2", {}, "Snapshots"), el("p", { class: "lede" }, "The list as it was on a day, with what was different the day before."), table({
    caption: `Snapshots of ${playlist.label}`, rows, open: 10, none: "None in the time chosen.", columns: [
      { name: "Day", value: ({ day }) => iso(day), show: ({ day }) => dayLink(playlist, day) }, { name: "Entries", value: ({ index }) => history.lists[index].length, number: true },
      { name: "Entered", value: ({ index }) => changed[index]?.entered, number: true }, { name: "Left", value: ({ index }) => changed[index]?.left, number: true },
      { name: "Read", value: ({ index }) => (isWhole(history, index) ? "whole" : `${history.lists[index].length} of ${history.partial[index]}`), show: ({ index }) => (isWhole(history, index) ? "whole" : el("span", { class: "pin-text" }, `◇ ${number(history.lists[index].length)} of ${number(history.partial[index])}`)) }],
  }));
}
