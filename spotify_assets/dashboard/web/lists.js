// The lists and tables, made of text nodes.

/** A list whose first rows stand open and the rest behind a button. */
function listed(items, open, attributes = {}) {
  const parts = [el("ol", attributes, items.slice(0, open))];
  if (items.length > open) {
    parts.push(el("details", { class: "more" }, el("summary", {}, `${number(items.length - open)} more`), el("ol", attributes, items.slice(open))));
  }
  return parts;
}

function changeList(kind, heading, total, rows, row) {
  const list = el("div", { class: `list ${kind}` }, el("h4", {}, heading));
  if (!rows.length) list.append(el("p", { class: "none" }, "None."));
  else list.append(...listed(rows.map(row), 8));
  if (total > rows.length) list.append(el("p", { class: "note" }, `${number(rows.length)} of ${number(total)} are in this file.`));
  return list;
}

const rankRow = ([song, rank]) => el("li", {}, el("span", { class: "rank" }, number(rank)), songCell(song));

const moveRow = ([song, before, now]) => changedRow(song, before, now, now < before);
const popularityRow = ([song, before, now]) => changedRow(song, before, now, now > before);

function changedRow(song, before, now, up) {
  const by = el("span", { class: `by ${up ? "up-text" : "down-text"}`, role: "img", "aria-label": `${up ? "up" : "down"} from ${before}`, title: `from ${number(before)}` }, `${up ? "▲" : "▼"} ${number(Math.abs(before - now))}`);
  return el("li", {}, el("span", { class: "rank" }, number(now)), songCell(song), by);
}

function changeLists(changes) {
  return [
    changeList("up", `Entered (${number(changes.totals.entered)})`, changes.totals.entered, changes.entered, rankRow),
    changeList("down", `Left (${number(changes.totals.left)})`, changes.totals.left, changes.left, rankRow),
    changeList("moves", changes.totals.moved ? `Moved farthest (of ${number(changes.totals.moved)})` : "Moved (0)", changes.totals.moved, changes.moved, moveRow),
  ];
}

/** The longest runs as bars on one time line, from the first day of any of them to the playlist's latest. */
function runList(playlist) {
  const start = Math.min(...playlist.runs.map((run) => Date.parse(run.first_on)));
  const end = Math.max(...playlist.days.slice(-1).map(Date.parse), ...playlist.runs.map((run) => Date.parse(run.last_on)));
  const one = 86400000, whole = end - start + one;
  const rows = playlist.runs.map((run) => {
    const from = ((Date.parse(run.first_on) - start) / whole) * 100;
    const wide = ((Date.parse(run.last_on) - Date.parse(run.first_on) + one) / whole) * 100;
    const bar = el("span", { class: "bar" });
    bar.style.left = `${from}%`;
    bar.style.width = `${wide}%`;
    const back = run.re_entries ? `, back ${run.re_entries === 1 ? "once" : `${number(run.re_entries)} times`}` : "";
    const span = `${day(run.first_on)} to ${day(run.last_on)}${run.is_present ? ", still there" : ""}`;
    return el("li", { class: run.is_present ? "" : "gone" }, songCell(run.song),
      el("span", { class: "track", role: "img", "aria-label": span, title: span }, bar),
      el("span", { class: "count" }, number(run.snapshots), el("small", {}, `best no. ${number(run.best_rank)}${back}`)));
  });
  return listed(rows, 8, { class: "runs" });
}

/** The latest snapshot's first places, with each song's move since the one before. */
function standingsTable(playlist) {
  const today = playlist.days.length - 1;
  const rows = playlist.ranks.lines.map((line) => ({ song: line[0], now: rankOn(line, today), before: rankOn(line, today - 1), first: line[1] }))
    .filter(({ now }) => now !== null).sort((a, b) => a.now - b.now);
  const move = ({ now, before, first }) => {
    if (today === 0) return "";
    if (before === null) return el("span", { class: "up-text" }, first === today ? "new" : "back");
    if (before === now) return "–";
    return el("span", { class: before > now ? "up-text" : "down-text" }, `${before > now ? "▲" : "▼"} ${number(Math.abs(before - now))}`);
  };
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The latest ranks" }, el("table", {},
    el("thead", {}, el("tr", {}, el("th", { class: "number", scope: "col" }, "Rank"), el("th", { scope: "col" }, "Move"), el("th", { scope: "col" }, "Song"), el("th", { scope: "col" }, "Artist"))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("td", { class: "number" }, number(row.now)), el("td", { class: "move" }, move(row)), el("td", {}, bidi(title(row.song))), el("td", {}, bidi(artist(row.song))))))));
}

function pairList(overlap) {
  const closest = [...overlap.cells].sort((a, b) => b[3] - a[3] || b[2] - a[2] || a[0] - b[0] || a[1] - b[1]).slice(0, 5);
  return el("div", { class: "list" }, el("ol", {}, closest.map(([a, b, common, share]) => el("li", {},
    el("span", { class: "rank" }, number(common)),
    el("span", { class: "song" }, bidi(playlistName(overlap.names[a])), " and ", bidi(playlistName(overlap.names[b])), el("i", {}, `${percent(share)} of both together`))))));
}

function popularityLists(rows) {
  const rising = rows.filter(([, before, now]) => now > before), falling = rows.filter(([, before, now]) => now < before);
  return el("div", { class: "columns two" }, changeList("up", "Rising", rising.length, rising, popularityRow), changeList("down", "Falling", falling.length, falling, popularityRow));
}
