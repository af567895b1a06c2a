// The list as it was on a day, and playlists side by side.

/** @param {Playlist} playlist @param {string} text the day, as ISO date */
async function dayPage(playlist, text) {
  const history = await historyOf(playlist);
  const asked = dayOf(text);
  const at = asked === null ? -1 : indexOfDay(history, asked);
  const title = asked === null ? playlist.label : `${playlist.label} on ${dayWords(asked)}`;
  const kicker = ["The list as it was · ", playlistLink(playlist)];
  if (asked === null || at < 0) {
    const before = history.days.findLast((day) => asked !== null && day < asked), after = history.days.find((day) => asked === null || day > asked);
    return { title, kicker, nodes: [
      el("p", { class: "empty" }, asked === null ? `“${text}” is no day: an address here ends like 2026-11-21.` : "There is no snapshot of that day: nobody can say what the list was. "),
      el("p", {}, before === undefined ? "" : ["The one before: ", dayLink(playlist, before), ". "], after === undefined ? "" : ["The one after: ", dayLink(playlist, after), "."]), dayPicker(playlist, history, asked)] };
  }
  const list = history.lists[at];
  const changes = changesAt(history, app.songs, at);
  const moves = new Map(changes?.moved.map(([song, before, now]) => [`${song} ${now}`, before]));
  const fresh = new Set(changes?.entered.map(([song, rank]) => `${song} ${rank}`));
  const known = stays(history, app.songs);
  const rows = [...list].map((song, place) => ({ song, rank: place + 1 }));
  const before = changes ? history.days[changes.since] : null;
  const move = (/** @type {{song: number, rank: number}} */ { song, rank }) => {
    if (!changes) return "";
    if (fresh.has(`${song} ${rank}`)) return Number(known.get(song)?.first) < history.days[at] ? "back" : "new";
    const was = moves.get(`${song} ${rank}`);
    return was === undefined ? "" : was - rank;
  };
  const nodes = [dayPicker(playlist, history, asked)];
  if (!isWhole(history, at)) nodes.push(el("p", { class: "notice" }, `◇ This snapshot was not read whole: ${number(list.length)} of ${number(history.partial[at])} entries. What is missing from it need not have left.`));
  if (changes && before !== null) nodes.push(el("section", {}, el("h2", {}, "What was different before"), el("p", { class: "lede" }, "Compared with ", dayLink(playlist, before), `, ${asked - before === 1 ? "the day before" : `${count(asked - before, "day")} before`}.`), changeLists(app.songs, changes)));
  else if (isWhole(history, at)) nodes.push(el("p", { class: "empty" }, "It is the first whole snapshot of this playlist: there is nothing to compare it with."));
  nodes.push(table({ caption: `${playlist.label} on ${iso(asked)}`, rows, open: 100, none: "The list was empty.", columns: [
    { name: "Rank", value: ({ rank }) => rank, number: true },
    { name: "Move", value: move, number: true, show: (row) => { const by = move(row); return typeof by === "number" ? moveMark(by, `from ${row.rank + by}`) : by ? el("span", { class: "up-text" }, by) : "–"; } },
    ...songColumns(app.songs, ({ song }) => song), { name: "First seen here", value: ({ song }) => (known.has(song) ? iso(Number(known.get(song)?.first)) : null), show: ({ song }) => (known.has(song) ? dayWords(Number(known.get(song)?.first), { short: true }) : "") },
    idColumn(app.songs, ({ song }) => song)] }));
  return { title, kicker, nodes };
}

/** Steps to the snapshot before and after, and any day. @param {Playlist} playlist @param {Snapshots} history @param {number | null} day */
function dayPicker(playlist, history, day) {
  const before = history.days.findLast((one) => day !== null && one < day), after = history.days.find((one) => day !== null && one > day);
  const input = /** @type {HTMLInputElement} */ (el("input", { type: "date", id: "pick-day", value: day === null ? null : iso(day), min: iso(history.days[0] ?? 0), max: iso(history.days.at(-1) ?? 0) }));
  const form = el("form", { class: "steps", onsubmit: (event) => { event.preventDefault(); if (input.value) location.hash = address(`day/${encodeURIComponent(playlist.id)}/${input.value}`); } },
    before === undefined ? el("span", {}, "No earlier one") : dayLink(playlist, before, `← ${dayWords(before)}`), el("label", { for: "pick-day" }, "Day"), input, el("button", { type: "submit" }, "Show"),
    after === undefined ? el("span", {}, "No later one") : dayLink(playlist, after, `${dayWords(after)} →`));
  return form;
}

/** @param {string[]} ids */
async function comparePage(ids) {
  const playlists = ids.flatMap((id) => app.index.playlists.find((one) => one.id === id) ?? []).filter((one, index, all) => all.indexOf(one) === index);
  const title = playlists.length ? playlists.map(({ label }) => label).join(" · ") : "Playlists side by side";
  const nodes = [comparePicker(playlists)];
  if (playlists.length < 2) {
    nodes.push(el("p", { class: "empty" }, "Choose two or more playlists."));
    return { title, kicker: "Side by side", nodes };
  }
  const all = await Promise.all(playlists.map(async (playlist) => ({ playlist, history: await historyOf(playlist) })));
  const latest = all.map(({ history }) => new Set([...history.lists.at(-1) ?? []].filter((song) => isSong(app.songs, song))));
  const songs = new Map();
  latest.forEach((set, side) => { for (const song of set) songs.set(song, [...songs.get(song) ?? [], side]); });
  const rank = (/** @type {number} */ song, /** @type {number} */ side) => { const place = [...all[side].history.lists.at(-1) ?? []].indexOf(song); return place < 0 ? null : place + 1; };
  const rows = [...songs].map(([song, sides]) => ({ song, sides })).sort((a, b) => b.sides.length - a.sides.length || Math.min(...a.sides.map((/** @type {number} */ side) => Number(rank(a.song, side)))) - Math.min(...b.sides.map((/** @type {number} */ side) => Number(rank(b.song, side)))));
  nodes.push(table({ caption: "Side by side", rows: all, columns: compareColumns(latest, all, songs) }), similarityPanel(all), sizesPanel(all),
    el("section", {}, el("h2", {}, "Songs in common"), el("p", { class: "lede" }, "Ranks in the latest snapshot of each; songs in most of them first."),
      table({ caption: "Songs in more than one", rows: rows.filter(({ sides }) => sides.length > 1), open: 20, none: "They share no song.", columns: sideColumns(all, rank) }),
      table({ caption: "Songs in one only", rows: rows.filter(({ sides }) => sides.length === 1), open: 10, columns: sideColumns(all, rank) })));
  return { title, kicker: "Side by side", nodes };
}

/** @param {Known[]} all @param {(song: number, side: number) => number | null} rank @returns {Column[]} */
const sideColumns = (all, rank) => [...songColumns(app.songs, ({ song }) => song), ...all.map(({ playlist }, side) => ({ name: playlist.label, value: (/** @type {any} */ row) => rank(row.song, side), number: true })), idColumn(app.songs, ({ song }) => song)];

/** @param {Set<number>[]} latest @param {Known[]} all @param {Map<number, number[]>} songs @returns {Column[]} */
function compareColumns(latest, all, songs) {
  const side = (/** @type {Known} */ known) => all.indexOf(known);
  const inCommon = (/** @type {Known} */ known) => [...latest[side(known)]].filter((song) => (songs.get(song)?.length ?? 0) > 1).length;
  return [
    { name: "Playlist", value: ({ playlist }) => playlist.label, show: ({ playlist }) => playlistLink(playlist) }, { name: "Entries", value: ({ playlist }) => playlist.size, number: true },
    { name: "Songs", value: (known) => latest[side(known)].size, number: true }, { name: "Also in another", value: inCommon, number: true }, { name: "Here only", value: (known) => latest[side(known)].size - inCommon(known), number: true },
    { name: "Half gone after", value: ({ history }) => halfLife(history, app.songs).days, show: ({ history }) => { const { days, watched } = halfLife(history, app.songs); return history.days.length < 2 ? "–" : days === null ? `more than ${count(watched, "day")}` : count(days, "day"); } },
    { name: "Latest", value: ({ playlist }) => playlist.last_on, show: ({ playlist }) => dayLink(playlist, Number(dayOf(playlist.last_on))) }];
}

/** How alike each two of them were, over time. @param {Known[]} all */
function similarityPanel(all) {
  const lines = [];
  const dates = calendar(all);
  const { from, to } = shownRange(dates);
  const { step, picks } = columnsOf(dates, from, to, 130);
  const days = picks.map((index) => dates.days[index]);
  const songsOn = (/** @type {Snapshots} */ history, /** @type {number} */ day) => {
    const at = indexOfDay(history, day);
    return at < 0 || !isWhole(history, at) ? null : new Set([...history.lists[at]].filter((song) => isSong(app.songs, song)));
  };
  for (let a = 0; a < all.length; a += 1) {
    for (let b = a + 1; b < all.length && lines.length < 8; b += 1) {
      const both = days.map((day) => ({ day, one: songsOn(all[a].history, day), other: songsOn(all[b].history, day) })).filter(({ one, other }) => one && other);
      const values = both.map(({ one, other }) => { const common = [...one ?? []].filter((song) => other?.has(song)).length; const either = (one?.size ?? 0) + (other?.size ?? 0) - common; return either ? common / either : 0; });
      const name = `${shorten(all[a].playlist.label, 14)} / ${shorten(all[b].playlist.label, 14)}`;
      lines.push({ name, days: both.map(({ day }) => day), values, hover: both.map(({ day }, index) => `${plotText(name)}<br>${percent(values[index])} of both in common on ${dayWords(day)}`) });
    }
  }
  const seen = lines.filter((line) => line.days.length);
  const top = Math.max(0.05, ...seen.flatMap(({ values }) => values));
  const gaps = gapsIn(dates.days);
  return figure({
    title: "How alike they are", height: 280, label: "Share of songs in common of each pair, over time. The numbers are in the table below it.", lede: "Songs in common, of all the songs of the two together, on days both were read whole.",
    empty: seen.length ? null : "There is no day in the time chosen on which two of them were read whole.", single: seen.every((line) => line.days.length === 1),
    plot: (_element, colours, width) => ({ ...linePlot(seen, { from: Math.max(from, days[0]), to: Math.min(to, days[days.length - 1]), gaps, step, width, height: 280, colours, y: { range: [0, top * 1.08], tickformat: shareTicks(top) } }), after: zoomed(setRange) }),
    numbers: () => table({ caption: "Share of songs in common", rows: seen.flatMap((line) => line.days.map((day, index) => ({ name: line.name, day, value: line.values[index] }))).reverse(), columns: [
      { name: "Pair", value: ({ name }) => name }, { name: "Day", value: ({ day }) => iso(day) }, { name: "Share", value: ({ value }) => Number(value.toFixed(4)), show: ({ value }) => percent(value), number: true }] }),
  });
}

/** @param {Known[]} all */
function sizesPanel(all) {
  const dates = calendar(all);
  const { from, to } = shownRange(dates);
  const { step } = columnsOf(dates, from, to, 130);
  const lines = all.slice(0, 8).map(({ playlist, history }) => {
    const { picks } = columnsOf(history, from, to, 130);
    return { name: playlist.label, days: picks.map((index) => history.days[index]), values: picks.map((index) => history.lists[index].length), hover: picks.map((index) => `${plotText(shorten(playlist.label, 40))}<br>${count(history.lists[index].length, "entry", "entries")} on ${dayWords(history.days[index])}`) };
  }).filter((line) => line.days.length);
  const top = Math.max(1, ...lines.flatMap(({ values }) => values));
  const first = Math.min(...lines.map(({ days }) => days[0])), last = Math.max(...lines.map(({ days }) => days[days.length - 1]));
  return figure({ title: "Entries", height: 260, label: "Entries of each over time. The numbers are in the table below it.", empty: lines.length ? null : "No snapshot in the time chosen.", single: first === last,
    plot: (_element, colours, width) => ({ ...linePlot(lines, { from: first, to: last, gaps: gapsIn(dates.days), step, width, height: 260, colours, y: { range: [0, top * 1.08], tickformat: ",d" } }), after: zoomed(setRange) }),
    numbers: () => table({ caption: "Entries over time", rows: lines.flatMap((line) => line.days.map((day, index) => ({ name: line.name, day, value: line.values[index] }))).reverse(), columns: [{ name: "Playlist", value: ({ name }) => name }, { name: "Day", value: ({ day }) => iso(day) }, { name: "Entries", value: ({ value }) => value, number: true }] }) });
}

/** @param {Playlist[]} chosen */
function comparePicker(chosen) {
  const boxes = app.index.playlists.map((playlist) => ({ playlist, box: /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", value: playlist.id, checked: chosen.includes(playlist) })) }));
  return el("form", { class: "choose", onsubmit: (event) => { event.preventDefault(); location.hash = address(`compare/${boxes.filter(({ box }) => box.checked).map(({ playlist }) => encodeURIComponent(playlist.id)).join(",")}`); } },
    el("details", { open: chosen.length < 2 }, el("summary", {}, chosen.length < 2 ? "Choose playlists" : "Choose others"), el("fieldset", { class: "checks" }, el("legend", {}, "Playlists"), boxes.map(({ playlist, box }) => el("label", {}, box, " ", bidi(playlist.label)))), el("button", { type: "submit" }, "Put side by side")));
}
