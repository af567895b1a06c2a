// The pages of a song and of an artist, and the search.

/** @param {number} song */
async function songPage(song) {
  const { songs } = app;
  const all = (await allHistories()).filter(({ history }) => history.lists.some((list) => list.includes(song)));
  const where = all.flatMap(({ playlist, history }) => { const stay = stays(history, songs).get(song); return stay ? [{ playlist, history, stay }] : []; });
  const partly = all.filter(({ history }) => !stays(history, songs).has(song)).map(({ playlist }) => playlist);
  const recording = songs.recording.get(song);
  const others = recording === undefined ? [] : songs.recordings[recording].filter((other) => other !== song);
  const firsts = where.map(({ stay }) => stay.first);
  const rankNow = (/** @type {Known} */ { history }) => { const at = wholeOnes(history).at(-1); const place = at === undefined ? -1 : history.lists[at].indexOf(song); return place < 0 ? null : place + 1; };
  const nodes = [figures([
    ["playlists, ever", number(where.length)], ["playlists, now", number(where.filter(({ stay }) => stay.isPresent).length)], ["first seen", firsts.length ? dayWords(Math.min(...firsts)) : "–"],
    ["best rank", where.length ? number(Math.min(...where.map(({ stay }) => stay.best))) : "–"], ["released", songs.released[song] ? dayWords(songs.released[song]) : "unknown"]])];
  nodes.push(songRanks(song, where));
  nodes.push(table({ caption: "Where and when", rows: where.sort((a, b) => Number(b.stay.isPresent) - Number(a.stay.isPresent) || b.stay.present - a.stay.present), none: "It stood in no whole snapshot.", columns: [
    { name: "Playlist", value: ({ playlist }) => playlist.label, show: ({ playlist }) => playlistLink(playlist) }, { name: "Rank now", value: rankNow, number: true }, { name: "Best rank", value: ({ stay }) => stay.best, number: true },
    { name: "First day", value: ({ stay }) => iso(stay.first), show: ({ playlist, stay }) => dayLink(playlist, stay.first) }, { name: "Last day", value: ({ stay }) => iso(stay.last), show: ({ playlist, stay }) => dayLink(playlist, stay.last) },
    { name: "Snapshots", value: ({ stay }) => stay.present, number: true }, { name: "Longest run", value: ({ stay }) => stay.longest, number: true }, { name: "Came back", value: ({ stay }) => stay.returns, number: true }] }));
  if (partly.length) nodes.push(el("p", { class: "notice" }, "◇ In snapshots that were not read whole, of: ", partly.flatMap((playlist, index) => [index ? ", " : "", playlistLink(playlist)]), "."));
  nodes.push(await popularityOf(song));
  if (others.length) nodes.push(el("section", {}, el("h2", {}, "The same recording under other ids"), el("ul", { class: "plain" }, others.map((other) => el("li", {}, songCell(songs, other))))));
  nodes.push(el("p", { class: "id" }, "song_id ", el("code", {}, songs.ids[song])));
  return { title: titleOf(songs, song), kicker: songs.credits[song].length ? ["Song by ", artistLinks(songs, song)] : songs.kinds[song] === KIND.local ? "Local file" : "Song", nodes };
}

/** @param {number} song @param {(Known & {stay: Stay})[]} where */
function songRanks(song, where) {
  const lines = where.slice().sort((a, b) => b.stay.present - a.stay.present).slice(0, 8).map(({ playlist, history }) => {
    const { from, to } = shownRange(history);
    const ranks = ranksOf(history, song);
    const { step, picks } = columnsOf(history, from, to, 150, (index) => ranks[index] !== null);
    const days = picks.map((index) => history.days[index]);
    return { name: playlist.label, days, values: picks.map((index) => ranks[index]), step, gaps: gapsIn(history.days), hover: picks.map((index) => `${plotText(shorten(playlist.label, 40))}<br>No. ${ranks[index]} on ${dayWords(history.days[index])}`) };
  }).filter(({ values }) => values.some((value) => value !== null));
  const worst = Math.max(5, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const days = lines.flatMap(({ days: each, values }) => each.filter((_, index) => values[index] !== null));
  const from = Math.min(...days), to = Math.max(...days);
  const height = 300;
  return figure({
    title: "Ranks", height, label: `Ranks of ${titleOf(app.songs, song)} over time in ${count(lines.length, "playlist")}. The numbers are in the table below it.`, caption: where.length > 8 ? `The 8 playlists of ${number(where.length)} that it was in longest.` : undefined,
    empty: !lines.length ? "It stands in no whole snapshot of the time chosen." : from === to ? `It stood in one snapshot of the time chosen, on ${dayWords(from)}.` : null,
    plot: (_element, colours, width) => {
      const made = linePlot(lines, { from, to, gaps: [], step: 1, width, height, colours, markers: true, y: { range: [worst + Math.max(0.5, worst * 0.03), 0.5], tickformat: ",d", tickvals: rankTicks(worst) } });
      made.traces = made.traces.map((trace, index) => ({ ...trace, ...brokenLine(lines[index], lines[index].gaps, lines[index].step), mode: trace.mode }));
      return { ...made, after: zoomed(setRange) };
    },
    numbers: () => table({ caption: `Ranks of ${titleOf(app.songs, song)}`, rows: lines.flatMap((line) => line.days.map((day, index) => ({ name: line.name, day, rank: line.values[index] }))).filter(({ rank }) => rank !== null).reverse(), columns: [
      { name: "Playlist", value: ({ name }) => name }, { name: "Day", value: ({ day }) => iso(day) }, { name: "Rank", value: ({ rank }) => rank, number: true }] }),
  });
}

/** @param {number} worst */
function rankTicks(worst) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].find((size) => worst / size <= 6) ?? 5000;
  return [1, ...Array.from({ length: Math.floor(worst / step) }, (_, index) => (index + 1) * step).filter((rank) => rank > 1)];
}

/** @param {number} song */
async function popularityOf(song) {
  const { days, songs } = await popularity();
  const values = songs[song];
  const seen = values ? days.map((day, index) => ({ day: Number(dayOf(day)), value: values[index] })).filter(({ value }) => value >= 0) : [];
  const last = seen.at(-1);
  return figure({
    title: "Popularity", height: 200, label: "Popularity over time, Spotify’s own measure from 0 to 100. The numbers are in the table below it.", lede: last ? `Spotify’s own measure, 0 to 100: ${last.value} on ${dayWords(last.day)}.` : undefined, empty: !last ? "Spotify sent no popularity of it." : seen.length === 1 ? "One value so far: a line begins with the second." : null,
    plot: (_element, colours, width) => linePlot([{ name: "", days: seen.map(({ day }) => day), values: seen.map(({ value }) => value), hover: seen.map(({ day, value }) => `${value} on ${dayWords(day)}`) }], { from: seen[0].day, to: seen[seen.length - 1].day, gaps: [], step: 1, width, height: 200, colours, y: { range: [0, 102], tickvals: [0, 25, 50, 75, 100] } }),
    numbers: () => table({ caption: "Popularity", rows: seen.slice().reverse(), columns: [{ name: "Day", value: ({ day }) => iso(day) }, { name: "Popularity", value: ({ value }) => value, number: true }] }),
  });
}

/** @param {number} artist */
async function artistPage(artist) {
  const { songs } = app;
  const all = await allHistories();
  const own = songs.credits.flatMap((credits, song) => (credits.includes(artist) ? [song] : []));
  const isOwn = new Uint8Array(songs.ids.length);
  for (const song of own) isOwn[song] = 1;
  const holding = all.filter(({ history }) => history.lists.some((list) => list.some((song) => isOwn[song])));
  const rows = own.map((song) => {
    const where = holding.flatMap(({ playlist, history }) => { const stay = stays(history, songs).get(song); return stay ? [{ playlist, stay }] : []; });
    return { song, where, first: Math.min(...where.map(({ stay }) => stay.first)), last: Math.max(...where.map(({ stay }) => stay.last)), best: Math.min(...where.map(({ stay }) => stay.best)), now: where.filter(({ stay }) => stay.isPresent).length };
  }).filter(({ where }) => where.length).sort((a, b) => b.now - a.now || b.where.length - a.where.length || a.best - b.best);
  const debut = rows.length ? rows.reduce((earliest, row) => (row.first < earliest.first ? row : earliest)) : null;
  const dates = calendar(all);
  const { from, to } = shownRange(dates);
  const { step, picks } = columnsOf(dates, from, to, 130);
  const columns = picks.map((index) => { const { slots, entries } = slotsOn(all, dates.days[index], artist); return { day: dates.days[index], slots, entries }; });
  const playlists = new Set(rows.flatMap(({ where }) => where.filter(({ stay }) => stay.isPresent).map(({ playlist }) => playlist)));
  const latest = columns.at(-1);
  const shares = columns.map(({ slots, entries }) => (entries ? (slots.get(artist) ?? 0) / entries : 0));
  const top = Math.max(0.001, ...shares);
  const nodes = [
    figures([["songs, ever", number(rows.length)], ["songs, now", number(rows.filter(({ now }) => now).length)], ["playlists, now", number(playlists.size)],
      ["share of all entries", latest ? percent(shares[shares.length - 1]) : "–"], ["debut", debut ? dayWords(debut.first) : "–"]]),
    ...(debut ? [el("p", { class: "lede" }, "First seen with ", songLink(songs, debut.song), " in ", playlistLink(debut.where.reduce((a, b) => (b.stay.first < a.stay.first ? b : a)).playlist), `, on ${dayWords(debut.first)}.`)] : []),
    figure({
      title: "Share of all entries", height: 260, label: "Share of the entries of all playlists that credit the artist, over time. The numbers are in the table below it.", empty: columns.length ? null : "No snapshot in the time chosen.",
      plot: (_element, colours, width) => ({ ...linePlot([{ name: "", days: columns.map(({ day }) => day), values: shares, hover: columns.map(({ day, slots }, index) => `${percent(shares[index])}, ${count(slots.get(artist) ?? 0, "entry", "entries")} on ${dayWords(day)}`) }],
        { from: columns[0].day, to: columns[columns.length - 1].day, gaps: gapsIn(dates.days), step, width, height: 260, colours, y: { range: [0, top * 1.1], tickformat: shareTicks(top) } }), after: zoomed(setRange) }),
      numbers: () => table({ caption: "Share over time", rows: columns.map(({ day, slots }, index) => ({ day, entries: slots.get(artist) ?? 0, share: shares[index] })).reverse(), columns: [{ name: "Day", value: ({ day }) => iso(day) }, { name: "Entries", value: ({ entries }) => entries, number: true }, { name: "Share", value: ({ share }) => Number(share.toFixed(5)), show: ({ share }) => percent(share), number: true }] }),
    }),
    table({ caption: "Songs", rows, open: 20, none: "No song stood in a whole snapshot.", columns: [
      { name: "Song", value: ({ song }) => titleOf(songs, song), show: ({ song }) => songLink(songs, song) }, { name: "Playlists now", value: ({ now }) => now, number: true }, { name: "Playlists ever", value: ({ where }) => where.length, number: true },
      { name: "Best rank", value: ({ best }) => best, number: true }, { name: "First day", value: ({ first }) => iso(first), show: ({ first }) => dayWords(first, { short: true }) }, { name: "Last day", value: ({ last }) => iso(last), show: ({ last }) => dayWords(last, { short: true }) }, idColumn(songs, ({ song }) => song)] }),
    el("p", { class: "id" }, "artist_id ", el("code", {}, songs.artistIds[artist])),
  ];
  return { title: songs.artistNames[artist] || "(no name)", kicker: "Artist", nodes };
}

/** @param {string} text */
async function searchPage(text) {
  const { songs, index } = app;
  const wanted = folded(text.trim());
  const nodes = [];
  if (!wanted) return { title: "Search", kicker: "", nodes: [el("p", { class: "empty" }, "Write a part of a song, an artist or a playlist into the field above, or an id.")] };
  const fits = (/** @type {string} */ name, /** @type {string} */ id) => folded(name).includes(wanted) || id === text.trim();
  const rank = (/** @type {string} */ name) => (folded(name) === wanted ? 0 : folded(name).startsWith(wanted) ? 1 : 2);
  const playlists = index.playlists.filter((one) => fits(one.label, one.id) || fits(one.owner, one.id));
  const artists = songs.artistIds.map((_, artist) => artist).filter((artist) => fits(songs.artistNames[artist], songs.artistIds[artist])).sort((a, b) => rank(songs.artistNames[a]) - rank(songs.artistNames[b]) || songs.artistNames[a].localeCompare(songs.artistNames[b]));
  const found = songs.ids.map((_, song) => song).filter((song) => isSong(songs, song) && fits(songs.names[song], songs.ids[song])).sort((a, b) => rank(songs.names[a]) - rank(songs.names[b]) || songs.names[a].localeCompare(songs.names[b]));
  if (!playlists.length && !artists.length && !found.length) nodes.push(el("p", { class: "empty" }, "Nothing in this file has that in its name."));
  if (playlists.length) nodes.push(table({ caption: "Playlists found", rows: playlists, columns: [{ name: "Playlist", value: (one) => one.label, show: playlistLink }, { name: "Owner", value: (one) => one.owner }, { name: "Entries", value: (one) => one.size, number: true }] }));
  if (artists.length) nodes.push(table({ caption: "Artists found", rows: artists, columns: [{ name: "Artist", value: (artist) => songs.artistNames[artist] || "(no name)", show: (artist) => artistLink(songs, artist) }, { name: "artist_id", value: (artist) => songs.artistIds[artist], show: (artist) => el("code", {}, songs.artistIds[artist]) }] }));
  if (found.length) nodes.push(table({ caption: "Songs found", rows: found, open: 50, columns: [...songColumns(songs, (song) => song), idColumn(songs, (song) => song)] }));
  return { title: `“${text.trim()}”`, kicker: "Search", nodes };
}
