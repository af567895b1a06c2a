// The first page: every playlist in one table, and what holds for all of them together.

async function overviewPage() {
  const { index } = app;
  const nodes = [
    el("p", { class: "lede" }, "Each playlist has a page of its own; so have each song, each artist and each day. Whatever is in view has an address to keep or to send."),
    playlistTable(index.playlists),
  ];
  const opening = index.playlists.find(({ id }) => id === index.opening);
  if (opening) nodes.push(ranksPanel(opening, await historyOf(opening), { title: el("span", {}, "Ranks of ", playlistLink(opening)), address: `playlist/${encodeURIComponent(opening.id)}` }));
  const rest = el("div", { "aria-busy": "true" }, el("p", { class: "empty" }, "Reading all playlists…"));
  nodes.push(rest);
  whenIdle(async () => {
    const all = await allHistories();
    if (!rest.isConnected) return;
    rest.replaceChildren(sharePanel(all), commonPanel(all), await popularityPanel());
    rest.removeAttribute("aria-busy");
  });
  return { title: "What entered, what left, what stayed", nodes };
}

/** @param {Playlist[]} playlists */
function playlistTable(playlists) {
  const first = Number(dayOf(app.index.first_on)), last = Number(dayOf(app.index.last_on));
  return table({
    caption: "Playlists", rows: playlists, open: 25, columns: [
      { name: "Playlist", value: (one) => one.label, show: playlistLink },
      { name: "Owner", value: (one) => one.owner },
      { name: "Entries", value: (one) => one.size, number: true },
      { name: "Entered", value: (one) => one.entered, number: true, show: (one) => (one.whole > 1 ? el("span", { class: one.entered ? "up-text" : "" }, number(one.entered)) : "–") },
      { name: "Left", value: (one) => one.left, number: true, show: (one) => (one.whole > 1 ? el("span", { class: one.left ? "down-text" : "" }, number(one.left)) : "–") },
      { name: "Snapshots", value: (one) => one.snapshots, number: true },
      { name: "Latest", value: (one) => one.last_on, show: (one) => dayLink(one, Number(dayOf(one.last_on)), dayWords(Number(dayOf(one.last_on)), { short: true })) },
      { name: "When it was read", value: (one) => one.spans.map((/** @type {[number, number]} */ [from, to]) => `${iso(from)}/${iso(to)}`).join(" "), show: (one) => coverage(one, first, last) },
    ],
  });
}

/** The days a playlist was read on, as bars on the line of all days. @param {Playlist} playlist @param {number} first @param {number} last */
function coverage(playlist, first, last) {
  const whole = last - first + 1;
  const words = `${count(playlist.spans.length, "stretch", "stretches")} without a gap: ${playlist.spans.map(([from, to]) => period(from, to)).slice(-4).join("; ")}`;
  const line = el("span", { class: "coverage", role: "img", "aria-label": words, title: words });
  for (const [from, to] of playlist.spans) {
    const bar = el("span", {});
    bar.style.left = `${((from - first) / whole) * 100}%`;
    bar.style.width = `${Math.max(0.8, ((to - from + 1) / whole) * 100)}%`;
    line.append(bar);
  }
  return line;
}

/** @typedef {{playlist: Playlist, history: Snapshots}} Known */

/** Every date with a snapshot, as a history of whole ones: what columns are chosen from. @param {Known[]} all @returns {Snapshots} */
function calendar(all) {
  const days = [...new Set(all.flatMap(({ history }) => history.days))].sort((a, b) => a - b);
  return { days, partial: {}, lists: [], counts: {} };
}

/** Entries crediting each artist (or `only` one) and all song entries, on a day, in all playlists. @param {Known[]} all @param {number} day @param {number | null} [only] */
function slotsOn(all, day, only = null) {
  const slots = new Map();
  let entries = 0;
  for (const { history } of all) {
    const at = indexOfDay(history, day);
    if (at < 0) continue;
    for (const song of history.lists[at]) {
      if (!isSong(app.songs, song)) continue;
      entries += 1;
      for (const artist of app.songs.credits[song]) if (only === null || artist === only) slots.set(artist, (slots.get(artist) ?? 0) + 1);
    }
  }
  return { slots, entries };
}

/** @param {Snapshots} history @param {number} day */
const indexOfDay = (history, day) => remembered(history, "places", () => new Map(history.days.map((one, index) => [one, index]))).get(day) ?? -1;

/** @param {Known[]} all */
function sharePanel(all) {
  const dates = calendar(all);
  const { from, to } = shownRange(dates);
  const { step, picks } = columnsOf(dates, from, to, 130);
  const days = picks.map((index) => dates.days[index]);
  const columns = days.map((day) => slotsOn(all, day));
  const total = new Map();
  for (const { slots } of columns) for (const [artist, value] of slots) total.set(artist, (total.get(artist) ?? 0) + value);
  const leaders = [...total].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([artist]) => artist);
  const name = (/** @type {number} */ artist) => app.songs.artistNames[artist] || "(no name)";
  const series = leaders.slice(0, 8).map((artist) => ({
    name: name(artist), days, values: columns.map(({ slots, entries }) => (entries ? (slots.get(artist) ?? 0) / entries : 0)),
    hover: columns.map(({ slots, entries }, index) => `<b>${plotText(shorten(name(artist), 50))}</b><br>${percent(entries ? (slots.get(artist) ?? 0) / entries : 0)} of entries on ${dayWords(days[index])}`),
  }));
  const latest = columns.at(-1);
  const gaps = gapsIn(dates.days);
  const highest = Math.max(0, ...days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0)));
  return figure({
    title: "Who holds the most places", height: 360, label: `Share of all entries per artist over time. The numbers are in the table below it.`,
    lede: "Share of all entries that credit the artist, of the artists with the most over the time shown. An entry that credits two artists counts for both.",
    empty: !leaders.length ? "No song credits an artist." : null, single: days.length === 1,
    plot: (_element, colours, width) => sharePlot(series, { from: days[0], to: days[days.length - 1], gaps, step, y: { tickformat: shareTicks(highest) } }, colours, width, 360),
    numbers: () => table({
      caption: `Artists on ${dayWords(days[days.length - 1])}`, open: 8, rows: leaders.filter((artist) => latest?.slots.has(artist)).sort((a, b) => latest?.slots.get(b) - latest?.slots.get(a)), columns: [
        { name: "Artist", value: name, show: (artist) => artistLink(app.songs, artist) },
        { name: "Entries", value: (artist) => latest?.slots.get(artist), number: true },
        { name: "Share", value: (artist) => latest?.slots.get(artist) / (latest?.entries || 1), show: (artist) => percent(latest?.slots.get(artist) / (latest?.entries || 1)), number: true },
      ],
    }),
  });
}

/** Songs each two of the playlists have in common. @param {Known[]} all */
function commonPairs(all) {
  const sets = all.map(({ history }) => new Set([...history.lists[history.lists.length - 1] ?? []].filter((song) => isSong(app.songs, song))));
  const pairs = [];
  for (let a = 0; a < sets.length; a += 1) {
    for (let b = a + 1; b < sets.length; b += 1) {
      let common = 0;
      for (const song of sets[a]) if (sets[b].has(song)) common += 1;
      if (common) pairs.push({ a, b, common, share: common / (sets[a].size + sets[b].size - common) });
    }
  }
  return pairs;
}

/** Playlists in the matrix: as many as have room for a number. */
const mostInMatrix = () => (innerWidth < 704 ? 10 : 24);

/** @param {Known[]} all */
function commonPanel(all) {
  const pairs = commonPairs(all);
  const shared = all.map((_, index) => pairs.filter(({ a, b }) => a === index || b === index).reduce((sum, { common }) => sum + common, 0));
  const chosen = shared.map((value, index) => ({ value, index })).filter(({ value }) => value).sort((x, y) => y.value - x.value || x.index - y.index)
    .slice(0, mostInMatrix()).map(({ index }) => index).sort((x, y) => x - y);
  const place = new Map(chosen.map((index, at) => [index, at]));
  const within = pairs.filter(({ a, b }) => place.has(a) && place.has(b)).map(({ a, b, common, share }) => ({ a: Number(place.get(a)), b: Number(place.get(b)), common, share }));
  const names = chosen.map((index) => all[index].playlist.label);
  const left = shared.filter((value) => value).length - chosen.length;
  const section = figure({
    title: "Songs in common", height: Math.max(180, Math.min(44, 900 / Math.max(1, chosen.length)) * chosen.length + 40), label: "Songs each pair of playlists has in common. The table below it holds the same numbers.",
    lede: `In the latest snapshot of each; pairs that share more of their songs stand out.${left > 0 ? ` Drawn are the ${number(chosen.length)} playlists that share most.` : ""}`,
    empty: pairs.length ? null : "No two playlists share a song.",
    plot: (_element, colours, width) => overlapPlot(names, within, colours, width),
  });
  if (pairs.length) {
    section.append(table({
      caption: "Pairs of playlists", open: 5, rows: pairs.sort((x, y) => y.share - x.share || y.common - x.common || x.a - y.a || x.b - y.b), columns: [
        { name: "Playlist", value: ({ a }) => all[a].playlist.label, show: ({ a }) => playlistLink(all[a].playlist) },
        { name: "and", value: ({ b }) => all[b].playlist.label, show: ({ b }) => playlistLink(all[b].playlist) },
        { name: "Songs in common", value: ({ common }) => common, number: true },
        { name: "Of both together", value: ({ share }) => Number(share.toFixed(4)), show: ({ share }) => percent(share), number: true },
        { name: "Compare", value: ({ a, b }) => `${all[a].playlist.id},${all[b].playlist.id}`, show: ({ a, b }) => link(`compare/${[a, b].map((at) => encodeURIComponent(all[at].playlist.id)).join(",")}`, "side by side") },
      ],
    }));
  }
  return section;
}

async function popularityPanel() {
  const { days, songs } = await popularity();
  const box = el("section", {}, el("h2", {}, "Popularity"));
  const rows = Object.entries(songs).map(([song, values]) => ({ song: Number(song), now: values.at(-1) ?? -1, before: values.at(-2) ?? -1 }))
    .filter(({ now, before }) => now >= 0 && before >= 0 && now !== before).sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before) || b.now - a.now);
  if (!rows.length) {
    box.append(el("p", { class: "empty" }, Object.keys(songs).length ? "No song’s popularity changed on the latest day." : "Spotify sent no popularity; it no longer sends one to new apps."));
    return box;
  }
  box.append(el("p", { class: "lede" }, `Spotify’s own measure, 0 to 100: what changed between ${dayWords(Number(dayOf(days[days.length - 2])))} and ${dayWords(Number(dayOf(days[days.length - 1])))}.`), table({
    caption: "Changes of popularity", rows, columns: [
      ...songColumns(app.songs, ({ song }) => song), { name: "Popularity", value: ({ now }) => now, number: true },
      { name: "Change", value: ({ now, before }) => now - before, number: true, show: ({ now, before }) => moveMark(now - before, `from ${before}`) },
    ],
  }));
  return box;
}
