// The charts of the pages: ranks, turnover, shares, years, songs in common. Each gives a `figure`.

/** What stands out in the ranks: today's first five, those that climbed and fell most since the first column.
 * @param {Map<number, (number | null)[]>} lines ranks per column @param {number} depth @returns {Map<number, string>} */
function standouts(lines, depth) {
  const today = [...lines].map(([song, ranks]) => ({ song, now: ranks[ranks.length - 1], began: ranks.find((rank) => rank !== null) ?? 0 }))
    .flatMap(({ song, now, began }) => (now !== null && now <= depth ? [{ song, now, began }] : []));
  const chosen = new Map(today.filter(({ now }) => now <= 5).map(({ song }) => [song, "top"]));
  const most = (/** @type {number} */ sign) => today.filter(({ song, now, began }) => !chosen.has(song) && Math.sign(began - now) === sign)
    .sort((a, b) => sign * (b.began - b.now - a.began + a.now) || a.now - b.now).slice(0, 3).map(({ song }) => song);
  const up = most(1), down = most(-1);
  up.forEach((song) => chosen.set(song, "up"));
  down.forEach((song) => chosen.set(song, "down"));
  return chosen;
}

/** The ranks of the songs that stood in the first `depth` places of any column. @param {Snapshots} history @param {Songs} songs
 * @param {number[]} picks @param {number} depth @returns {Map<number, (number | null)[]>} */
function rankLines(history, songs, picks, depth) {
  const lines = new Map();
  picks.forEach((index, column) => {
    const list = history.lists[index];
    for (let place = Math.min(depth, list.length) - 1; place >= 0; place -= 1) {
      if (!isSong(songs, list[place])) continue;
      let line = lines.get(list[place]);
      if (!line) { line = Array(picks.length).fill(null); lines.set(list[place], line); }
      line[column] = place + 1;
    }
  });
  return lines;
}

/** @param {Songs} songs @param {number} song */
const titleOf = (songs, song) => songs.names[song].trim() ? songs.names[song] : ["(no title)", "(no title)", "(no title)", "(removed by Spotify)", "(not read)"][songs.kinds[song] ?? 0];
/** @param {Songs} songs @param {number} song */
const artistsOf = (songs, song) => songs.credits[song].map((artist) => songs.artistNames[artist] || "(no name)").join(", ");

/** The bump chart's traces and layout. @param {Snapshots} history @param {Songs} songs @param {{from: number, to: number, depth: number,
 *   pinned: number | null, onPick: (song: number) => void, onZoom: (from: number, to: number) => void}} how
 * @param {HTMLElement} element @param {ReturnType<typeof theme>} colours @param {number} width @param {number} height */
function rankPlot(history, songs, { from, to, depth, pinned, onPick, onZoom }, element, colours, width, height) {
  const narrow = width < 640;
  const right = narrow ? Math.round(width * 0.38) : 240, left = 34, inner = height - 38;
  const { step, picks } = columnsOf(history, from, to, Math.max(8, Math.floor((width - right - left) / 5)));
  const days = picks.map((index) => history.days[index]);
  const gaps = gapsIn(history.days);
  const lines = rankLines(history, songs, picks, depth);
  const chosen = standouts(lines, depth);
  if (pinned !== null && lines.has(pinned)) chosen.set(pinned, "pin");
  const words = (/** @type {number} */ song) => `<b>${plotText(shorten(titleOf(songs, song), 60))}</b><br>${plotText(shorten(artistsOf(songs, song), 60))}`;
  /** @type {{day: number, rank: number, about: string, song: number}[]} */
  const dots = [];
  const said = "%{text}<br>No. %{y} on %{x|%-d %B %Y}<extra></extra>";
  const trace = (/** @type {number[]} */ which, /** @type {any} */ style) => {
    // Tens of thousands of points: days as numbers, and one text a song, to which plotly adds place and day when asked.
    /** @type {(number | null)[]} */
    const x = [];
    /** @type {(number | null)[]} */
    const y = [];
    /** @type {string[]} */
    const text = [];
    /** @type {number[]} */
    const customdata = [];
    for (const song of which) {
      const ranks = lines.get(song) ?? [], about = words(song);
      let open = false;
      const lift = () => { x.push(null); y.push(null); text.push(""); customdata.push(song); open = false; };
      ranks.forEach((rank, column) => {
        if (open && (rank === null || crossesGap(gaps, days[column - 1], days[column], step))) lift();
        if (rank === null) return;
        // A song that stood there once has no line, so it gets a dot; a mark on every point of every line would be slow.
        if (!open && ((ranks[column + 1] ?? null) === null || crossesGap(gaps, days[column], days[column + 1], step))) dots.push({ day: days[column], rank, about, song });
        x.push(days[column] * DAY_MS); y.push(rank); text.push(about); customdata.push(song);
        open = true;
      });
      lift();
    }
    return { type: "scatter", x, y, text, customdata, hovertemplate: said, connectgaps: false, ...style };
  };
  const colour = /** @type {Record<string, string>} */ ({ top: colours.ink, up: colours.up, down: colours.down, pin: colours.pin });
  const faint = trace([...lines.keys()].filter((song) => !chosen.has(song)), { mode: "lines", line: { color: colours.faint, width: 1 } });
  const traces = [
    faint,
    { type: "scatter", mode: "markers", x: dots.map(({ day }) => day * DAY_MS), y: dots.map(({ rank }) => rank), text: dots.map(({ about }) => about), customdata: dots.map(({ song }) => song),
      hovertemplate: said, marker: { size: 4, color: colours.faint } },
    ...[...chosen].map(([song, kind]) => trace([song], { mode: "lines+markers", line: { color: colour[kind], width: kind === "pin" ? 3 : 2 }, marker: { color: colour[kind], size: days.length > 31 ? 3 : 5 } })),
    { type: "scatter", x: [null], y: [null], mode: "lines", line: { color: colours.pin, width: 2.5 }, hoverinfo: "skip" },
  ];
  const labels = [...chosen].map(([song, kind]) => ({ song, kind, now: lines.get(song)?.at(-1) ?? null })).filter(({ now }) => now !== null)
    .map(({ song, kind, now }) => ({ at: ((Number(now) - 0.5) / depth) * inner, colour: colour[kind], text: `<b>${now}</b>  ${plotText(fit(titleOf(songs, song), right - 44, colours))}` }));
  const partial = history.days.filter((day, index) => !isWhole(history, index) && day >= from && day <= to);
  if (partial.length) {
    traces.push({ type: "scatter", mode: "markers", x: partial.map(iso), y: partial.map(() => 0.5), cliponaxis: false, marker: { symbol: "diamond-open", size: 9, color: colours.pin },
      text: partial.map((day) => `Not read whole on ${dayWords(day)}`), hovertemplate: "%{text}<extra></extra>", customdata: partial.map(() => -1) });
  }
  const every = depth > 200 ? Math.ceil(depth / 1000) * 100 : depth > 50 ? 20 : depth > 25 ? 10 : 5;
  const ticks = [1, ...Array.from({ length: Math.floor(depth / every) }, (_, index) => (index + 1) * every)];
  const bands = gapBands(gaps, from, to, width - right - left, colours);
  return {
    chosen,
    traces,
    layout: {
      height, margin: { l: left, r: right, t: 8, b: 30 }, dragmode: narrow ? false : "zoom",
      xaxis: dayAxis(days[0] ?? from, days.at(-1) ?? to, width - right - left, colours),
      yaxis: { ...FIXED, range: [depth + 0.5, 0.5], ticklabelstandoff: 5, tickvals: ticks, ticktext: ticks.map(String), gridcolor: colours.rule, ticks: "" },
      shapes: bands.shapes, annotations: [...bands.annotations, ...spread(labels, inner - 6, 17).map((label) => sideLabel(label, inner, right))],
    },
    after: (/** @type {any} */ Plotly, /** @type {any} */ plot) => {
      const focus = chosen.size + 2;
      plot.on("plotly_hover", (/** @type {any} */ { points: [point] }) => {
        if (point.customdata < 0) return;
        const only = trace([point.customdata], {});
        Plotly.restyle(element, { x: [only.x], y: [only.y] }, [focus]);
      });
      plot.on("plotly_unhover", () => Plotly.restyle(element, { x: [[null]], y: [[null]] }, [focus]));
      plot.on("plotly_click", (/** @type {any} */ { points: [point] }) => { if (point.customdata >= 0) onPick(point.customdata); });
      zoomed(onZoom)(Plotly, plot);
    },
  };
}

/** Bars of what entered (up) and left (down). @param {{days: number[], entered: number[], left: number[]}} bars
 * @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number}} how
 * @param {ReturnType<typeof theme>} colours @param {number} width */
function turnoverPlot({ days, entered, left }, { from, to, gaps, step }, colours, width) {
  const high = Math.max(1, ...entered), low = Math.max(1, ...left);
  const bands = gapBands(gaps, from, to, width - 42, colours);
  const bars = (/** @type {number[]} */ values, /** @type {number} */ sign, /** @type {string} */ colour, /** @type {string} */ word) => ({
    type: "bar", x: days.map(iso), y: values.map((value) => sign * value), marker: { color: colour }, width: Math.max(1, step - (step > 1 ? 1 : 0.35)) * DAY_MS * (step === 1 ? 0.65 : 1),
    text: values.map((value, index) => `${number(value)} ${word} ${step === 1 ? "on" : `in the ${/** @type {any} */ (UNITS)[step]} to`} ${dayWords(days[index])}`), textposition: "none", hovertemplate: "%{text}<extra></extra>",
  });
  return {
    traces: [bars(entered, 1, colours.up, "entered"), bars(left, -1, colours.down, "left")],
    layout: {
      margin: { l: 38, r: 4, t: 8, b: 28 }, barmode: "relative", dragmode: "zoom", xaxis: { ...dayAxis(from, to, width - 42, colours), ticks: "" },
      yaxis: { ...FIXED, range: [-low * 1.1, high * 1.1], tickvals: [-low, 0, high], ticktext: [number(low), "0", number(high)], gridcolor: colours.rule }, ...bands,
    },
  };
}

/** Stacked areas; `series` come largest first and are drawn from the bottom. @param {Line[]} series
 * @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number, y?: any}} how
 * @param {ReturnType<typeof theme>} colours @param {number} width @param {number} height */
function sharePlot(series, { from, to, gaps, step, y = {} }, colours, width, height) {
  const right = width < 420 ? 130 : 170, left = 42, inner = height - 40;
  const days = series[0].days;
  const top = Math.max(...days.map((_, index) => series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0))) * 1.04 || 1;
  const bands = gapBands(gaps, from, to, width - right - left, colours);
  let floor = 0;
  /** @type {{at: number, colour: string, text: string}[]} */
  const labels = [];
  series.forEach(({ name, values }, index) => {
    const value = values.at(-1) ?? 0;
    labels.push({ at: (1 - (floor + value / 2) / top) * inner, colour: value > 0 ? colours.ink : colours.muted, text: `<span style="color:${colours.series[index]}">■</span> ${plotText(fit(name, right - 34, colours))}` });
    floor += value;
  });
  // A gap ends one stack and begins another: plotly would fill across it.
  const cuts = days.map((day, index) => index === 0 || crossesGap(gaps, days[index - 1], day, step));
  /** @type {number[][]} */
  const runs = [];
  cuts.forEach((cut, index) => { if (cut) runs.push([index, index + 1]); else runs[runs.length - 1][1] = index + 1; });
  return {
    traces: runs.flatMap(([start, end], run) => series.map(({ values, hover }, index) => ({
      type: "scatter", mode: end - start === 1 ? "markers" : "lines", stackgroup: `run ${run}`, x: days.slice(start, end).map(iso), y: values.slice(start, end), text: hover.slice(start, end),
      hovertemplate: "%{text}<extra></extra>", hoveron: "points", line: { color: colours.paper, width: 1 }, marker: { color: colours.series[index], size: 4 }, fillcolor: colours.series[index],
    }))),
    layout: {
      margin: { l: left, r: right, t: 10, b: 30 }, dragmode: "zoom", xaxis: dayAxis(from, to, width - right - left, colours),
      yaxis: { ...FIXED, range: [0, top], gridcolor: colours.rule, nticks: 5, ...y }, shapes: bands.shapes,
      annotations: [...bands.annotations, ...spread(labels, inner, 16).map((label) => sideLabel(label, inner, right))],
    },
  };
}

/** Entries per release year. @param {[number, number][]} years @param {ReturnType<typeof theme>} colours @param {number} width */
function yearsPlot(years, colours, width) {
  const first = years[0][0], last = years[years.length - 1][0];
  const step = [1, 2, 5, 10, 20, 50].find((size) => (last - first) / size <= width / 60) ?? 100;
  const ticks = [];
  for (let year = Math.ceil(first / step) * step; year <= last; year += step) ticks.push(year);
  return {
    traces: [{ type: "bar", x: years.map(([year]) => year), y: years.map(([, slots]) => slots), marker: { color: colours.ink }, hovertemplate: "%{x}: %{y}<extra></extra>" }],
    layout: {
      margin: { l: 38, r: 4, t: 10, b: 30 }, bargap: 0.25,
      xaxis: { ...FIXED, range: [Math.min(first, last - 9) - 0.7, last + 0.7], tickvals: ticks, ticktext: ticks.map(String), showgrid: false, linecolor: colours.faint },
      yaxis: { ...FIXED, gridcolor: colours.rule, nticks: 5, range: [0, Math.max(...years.map(([, slots]) => slots)) * 1.06], tickformat: ",d" },
    },
  };
}

/** Songs in common of each pair. @param {string[]} names @param {{a: number, b: number, common: number, share: number}[]} pairs
 * @param {ReturnType<typeof theme>} colours @param {number} width */
function overlapPlot(names, pairs, colours, width) {
  const size = names.length, left = Math.min(170, width * 0.36), cell = (width - left - 6) / size;
  const blank = () => Array.from({ length: size }, () => Array(size).fill(null));
  const shares = blank(), hover = blank(), written = blank().map((row) => row.fill(""));
  for (const { a, b, common, share } of pairs) {
    for (const [row, column] of [[a, b], [b, a]]) {
      shares[row][column] = share;
      written[row][column] = cell >= 30 ? number(common) : "";
      hover[row][column] = `<b>${plotText(shorten(names[row], 40))}</b> and <b>${plotText(shorten(names[column], 40))}</b><br>${count(common, "song")} in common, ${percent(share)} of both together`;
    }
  }
  const places = names.map((_, index) => index);
  return {
    traces: [{
      type: "heatmap", x: places, y: places, z: shares, text: written, customdata: hover, texttemplate: "%{text}", hoverongaps: false, hovertemplate: "%{customdata}<extra></extra>", showscale: false,
      xgap: 2, ygap: 2, zmin: 0, zmax: Math.max(...pairs.map(({ share }) => share)), colorscale: [[0, colours.fill], [1, colours.cell]], textfont: { color: colours.ink },
    }],
    layout: {
      width: Math.min(width, left + size * 72 + 6), margin: { l: left, r: 6, t: 4, b: 36 },
      xaxis: { ...FIXED, tickvals: places, ticktext: places.map((place) => String(place + 1)), showgrid: false, ticks: "", range: [-0.5, size - 0.5] },
      yaxis: { ...FIXED, tickvals: places, ticktext: names.map((name, place) => `${plotText(fit(name, left - 34, colours))}  <b>${place + 1}</b>`), showgrid: false, ticks: "", range: [size - 0.5, -0.5] },
    },
  };
}
