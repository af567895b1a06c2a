// The charts. Each is drawn from the report with Plotly.react, in the colours of the current theme.
const PALETTES = {
  light: ["#1f5d73", "#c4603f", "#d9a441", "#6d8f6b", "#7a6593", "#b5838d", "#8f8a5c", "#5790b4"],
  dark: ["#6fb2c9", "#e08a68", "#e3bd6a", "#93b991", "#ab97c6", "#d3a6af", "#b9b483", "#8dbfe0"],
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false };
const NEVER = { fixedrange: true, zeroline: false, automargin: false };

function theme() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: value("paper"), ink: value("ink"), muted: value("muted"), rule: value("rule"), faint: value("faint"),
    up: value("up"), down: value("down"), pin: value("pin"), fill: value("fill"), cell: value("cell"),
    sans: value("sans"), serif: value("serif"), series: dark.matches ? PALETTES.dark : PALETTES.light,
  };
}

function layout(colours, rest) {
  return {
    paper_bgcolor: colours.paper, plot_bgcolor: colours.paper, showlegend: false, dragmode: false, hovermode: "closest",
    font: { family: colours.sans, size: 12, color: colours.muted },
    hoverlabel: { bgcolor: colours.ink, bordercolor: colours.ink, font: { family: colours.sans, size: 13, color: colours.paper }, align: "left" },
    ...rest,
  };
}

/** Draw into the element, or write why there is nothing to draw. `label` is what a screen reader says. */
function draw(id, label, traces, rest) {
  const element = byId(id);
  element.querySelector(".empty")?.remove();
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  return Plotly.react(element, traces, layout(theme(), { width: element.clientWidth, ...rest }), CONFIG);
}

function drawNothing(id, why) {
  const element = byId(id);
  Plotly.purge(element);
  element.removeAttribute("role");
  element.removeAttribute("aria-label");
  element.replaceChildren(el("p", { class: "empty" }, why));
}

/** The axis of days: as many ticks as there is room for, on snapshots only. */
function dayAxis(days, width, colours) {
  const room = Math.max(2, Math.floor(width / 68));
  const step = Math.ceil((days.length - 1) / room) || 1;
  const ticks = days.filter((_, index) => (days.length - 1 - index) % step === 0);
  return {
    ...NEVER, type: "date", tickvals: ticks, ticktext: ticks.map((iso) => day(iso, { short: true, year: false })),
    showgrid: false, linecolor: colours.faint, ticks: "outside", ticklen: 4, tickcolor: colours.faint,
  };
}

/** Labels beside the last day, pushed apart so that none covers another; `at` and the result are pixels from the top. */
function spread(labels, height, gap) {
  const placed = [...labels].sort((a, b) => a.at - b.at);
  placed.forEach((label, index) => { label.y = Math.max(label.at, index ? placed[index - 1].y + gap : 0); });
  for (let index = placed.length - 1, floor = height; index >= 0; index -= 1) {
    placed[index].y = Math.min(placed[index].y, floor);
    floor = placed[index].y - gap;
  }
  return placed;
}

const pen = document.createElement("canvas").getContext("2d");

/** The text, cut so that it is at most `width` pixels wide in the charts' font. */
function fit(text, width, colours) {
  pen.font = `13px ${colours.sans}`;
  let length = Array.from(text).length, cut = text;
  while (length > 1 && pen.measureText(cut).width > width) { length -= 1; cut = shorten(text, length); }
  return cut;
}

function sideLabel(label, x, height, margin) {
  return {
    xref: "x", x, yref: "paper", y: 1 - label.y / height, xanchor: "left", yanchor: "middle", xshift: 10, showarrow: false,
    align: "left", text: label.text, font: { color: label.colour, size: 13 }, width: margin - 14,
  };
}

// Ranks over time ------------------------------------------------------------------------------------------------

/** Ranks of a line by day, null where the song was not there. */
const rankOn = (line, dayNumber) => (dayNumber < line[1] ? null : line[2 + dayNumber - line[1]] ?? null);

/** The days there is room for: a narrow screen shows the latest four weeks. */
const shownDays = (playlist) => (byId("ranks").clientWidth < 640 ? playlist.days.slice(-28) : playlist.days);

/** Points of a line for a trace; a day without the song breaks it. */
function points(playlist, line) {
  return playlist.days.slice(line[1], line[1] + line.length - 2).map((iso, index) => [iso, line[2 + index]]);
}

/** Which lines stand out, and as what: today's first five, those that climbed and fell most since day `from` among today's. */
function standouts(playlist, depth, from) {
  const today = playlist.days.length - 1;
  const present = playlist.ranks.lines.map((line, index) => ({ line, index, now: rankOn(line, today) })).filter(({ now }) => now !== null && now <= depth);
  const chosen = new Map(present.filter(({ now }) => now <= 5).map(({ index }) => [index, "top"]));
  const moves = present.filter(({ index }) => !chosen.has(index)).map((entry) => ({ ...entry, move: (rankOn(entry.line, Math.max(from, entry.line[1])) ?? entry.now) - entry.now }));
  const most = (sign) => moves.filter(({ move }) => Math.sign(move) === sign).sort((a, b) => sign * (b.move - a.move) || a.now - b.now).slice(0, 3);
  most(1).forEach(({ index }) => chosen.set(index, "up"));
  most(-1).forEach(({ index }) => chosen.set(index, "down"));
  return chosen;
}

function rankTrace(playlist, lines, style) {
  const x = [], y = [], text = [], customdata = [];
  for (const { line, index } of lines) {
    for (const [iso, rank] of points(playlist, line)) {
      x.push(iso); y.push(rank); customdata.push(index);
      text.push(rank === null ? "" : `<b>${plotText(shorten(title(line[0]), 60))}</b><br>${plotText(shorten(artist(line[0]), 60))}<br>No. ${rank} on ${day(iso, { year: false })}`);
    }
    x.push(null); y.push(null); text.push(""); customdata.push(index);
  }
  // A song that stood there for one day only has no line, so it gets a dot.
  const size = y.map((rank, at) => (rank !== null && (y[at - 1] ?? null) === null && (y[at + 1] ?? null) === null ? 4 : 0));
  return {
    type: "scatter", x, y, text, customdata, hovertemplate: "%{text}<extra></extra>", connectgaps: false,
    ...style, marker: { size, ...style.marker },
  };
}

/** The bump chart. `pinned` is the index of a line the reader picked, or null; `onPick` gets the index of a clicked one. */
function drawRanks(playlist, depth, pinned, onPick) {
  const colours = theme();
  const element = byId("ranks");
  const narrow = element.clientWidth < 640;
  const right = narrow ? Math.round(element.clientWidth * 0.38) : 240;
  const height = Math.max(depth * 8, Math.min(400, 60 + depth * 24));
  const inner = height - 8 - 30;
  const days = shownDays(playlist);
  const chosen = standouts(playlist, depth, playlist.days.length - days.length);
  if (pinned !== null) chosen.set(pinned, "pin");
  const all = playlist.ranks.lines.map((line, index) => ({ line, index }));
  const colour = { top: colours.ink, up: colours.up, down: colours.down, pin: colours.pin };
  const traces = [
    rankTrace(playlist, all.filter(({ index }) => !chosen.has(index)), {
      mode: "lines+markers", line: { color: colours.faint, width: 1 }, marker: { color: colours.faint, line: { width: 0 }, opacity: 1 },
    }),
    ...[...chosen].map(([index, kind]) => rankTrace(playlist, [all[index]], {
      mode: "lines+markers", line: { color: colour[kind], width: kind === "pin" ? 3 : 2 }, marker: { color: colour[kind], size: days.length > 31 ? 2 : 5 },
    })),
    { type: "scatter", x: [null], y: [null], mode: "lines", line: { color: colours.pin, width: 2.5 }, hoverinfo: "skip" },
  ];
  const today = playlist.days.length - 1;
  const labels = [...chosen].map(([index, kind]) => ({ line: all[index].line, kind, now: rankOn(all[index].line, today) }))
    .filter(({ now }) => now !== null && now <= depth)
    .map(({ line, kind, now }) => ({
      at: ((now - 0.5) / depth) * inner, colour: colour[kind],
      text: `<b>${now}</b>  ${plotText(fit(title(line[0]), right - 44, colours))}`,
    }));
  const lastDay = playlist.days[today];
  const step = depth > 50 ? 20 : depth > 25 ? 10 : 5;
  const ticks = [1, ...Array.from({ length: Math.floor(depth / step) }, (_, index) => (index + 1) * step)];
  const rest = {
    height, margin: { l: 34, r: right, t: 8, b: 30 },
    xaxis: { ...dayAxis(days, element.clientWidth - right, colours), range: xRange(days) },
    yaxis: { ...NEVER, range: [depth + 0.5, 0.5], ticklabelstandoff: 5, tickvals: ticks, ticktext: ticks.map(String), gridcolor: colours.rule, ticks: "" },
    annotations: spread(labels, inner - 6, 17).map((label) => sideLabel(label, lastDay, inner, right)),
    hoverdistance: 60,
  };
  const label = `Ranks of the first ${depth} places of ${playlistName(playlist.name)} over ${count(days.length, "snapshot")}. The list below holds the same ranks for the latest one.`;
  // The listeners of the drawing before mean its traces, so they go before it is replaced.
  for (const event of ["plotly_hover", "plotly_unhover", "plotly_click"]) element.removeAllListeners?.(event);
  draw("ranks", label, traces, rest).then(() => {
    const focus = traces.length - 1;
    element.on("plotly_hover", ({ points: [point] }) => {
      const line = points(playlist, all[point.customdata].line);
      Plotly.restyle(element, { x: [line.map(([iso]) => iso)], y: [line.map(([, rank]) => rank)] }, [focus]);
    });
    element.on("plotly_unhover", () => Plotly.restyle(element, { x: [[null]], y: [[null]] }, [focus]));
    element.on("plotly_click", ({ points: [point] }) => onPick(point.customdata));
  });
  return chosen;
}

/** The days with a little air before the first and after the last. */
function xRange(days) {
  const first = Date.parse(days[0]), last = Date.parse(days.at(-1));
  const air = (last - first) * 0.012;
  return [new Date(first - air).toISOString(), new Date(last + air * 0.6).toISOString()];
}

// The smaller charts ---------------------------------------------------------------------------------------------

function drawTurnover(playlist) {
  const colours = theme();
  const width = byId("turnover").clientWidth;
  const days = playlist.days.slice(1), entered = playlist.entered.slice(1), left = playlist.left.slice(1);
  const bars = (values, sign, colour, word) => ({
    type: "bar", x: days, y: values.map((value) => sign * value), marker: { color: colour }, customdata: values,
    hovertemplate: `%{customdata} ${word} on %{x|%-d %B}<extra></extra>`,
  });
  const top = Math.max(1, ...entered, ...left);
  draw("turnover", `Songs entered and left per snapshot of ${playlistName(playlist.name)}.`, [
    bars(entered, 1, colours.up, "entered"), bars(left, -1, colours.down, "left"),
  ], {
    height: 150, margin: { l: 34, r: 4, t: 6, b: 26 }, barmode: "relative", bargap: days.length < 8 ? 0.8 : 0.35,
    xaxis: { ...dayAxis(days, width, colours), range: barRange(days), ticks: "" },
    yaxis: { ...NEVER, range: [-top * 1.08, top * 1.08], tickvals: [-top, 0, top], ticktext: [number(top), "0", number(top)], gridcolor: colours.rule },
  });
}

function barRange(days) {
  const half = 43200000;
  return [new Date(Date.parse(days[0]) - half).toISOString(), new Date(Date.parse(days.at(-1)) + half).toISOString()];
}

/** Stacked areas of the leading artists; `series` are [{name, values, hover}], largest first and drawn from the bottom. */
function drawShares(id, label, days, series, ticks) {
  const colours = theme();
  const width = byId(id).clientWidth;
  const right = width < 420 ? 130 : 170;
  const height = 360, inner = height - 10 - 30;
  const totals = days.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
  const top = Math.max(...totals) * 1.04;
  let floor = 0;
  const labels = [];
  series.forEach(({ name, values }, index) => {
    const value = values.at(-1);
    if (value > 0) {
      labels.push({
        at: (1 - (floor + value / 2) / top) * inner, colour: colours.ink,
        text: `<span style="color:${colours.series[index]}">■</span> ${plotText(fit(name || "(no name)", right - 34, colours))}`,
      });
    }
    floor += value;
  });
  draw(id, label, series.map(({ values, hover }, index) => ({
    type: "scatter", mode: "lines", stackgroup: "all", x: days, y: values, text: hover, hovertemplate: "%{text}<extra></extra>",
    hoveron: "points", line: { color: colours.paper, width: 1 }, fillcolor: colours.series[index],
  })), {
    height, margin: { l: 38, r: right, t: 10, b: 30 },
    xaxis: { ...dayAxis(days, width - right, colours), range: [days[0], days.at(-1)] },
    yaxis: { ...NEVER, range: [0, top], gridcolor: colours.rule, nticks: 5, ...ticks },
    annotations: spread(labels, inner, 16).map((one) => sideLabel(one, days.at(-1), inner, right)),
  });
}

function drawYears(playlist) {
  const colours = theme();
  const years = playlist.years.years;
  const first = years[0][0], last = years.at(-1)[0];
  const step = [1, 2, 5, 10, 20, 50].find((size) => (last - first) / size <= byId("years").clientWidth / 60) ?? 100;
  const ticks = [];
  for (let year = Math.ceil(first / step) * step; year <= last; year += step) ticks.push(year);
  draw("years", `Entries per release year, ${first} to ${last}.`, [{
    type: "bar", x: years.map(([year]) => year), y: years.map(([, slots]) => slots), marker: { color: colours.ink },
    hovertemplate: "%{x}: %{y}<extra></extra>",
  }], {
    height: 360, margin: { l: 38, r: 4, t: 10, b: 30 }, bargap: 0.25,
    xaxis: { ...NEVER, range: [Math.min(first, last - 9) - 0.7, last + 0.7], tickvals: ticks, ticktext: ticks.map(String), showgrid: false, linecolor: colours.faint },
    yaxis: { ...NEVER, gridcolor: colours.rule, nticks: 5, range: [0, Math.max(...years.map(([, slots]) => slots)) * 1.06], tickformat: ",d" },
  });
}

function drawOverlap(overlap) {
  const colours = theme();
  const size = overlap.names.length;
  const width = byId("overlap").clientWidth;
  const left = Math.min(170, width * 0.36), cell = (width - left - 6) / size;
  const blank = () => Array.from({ length: size }, () => Array(size).fill(null));
  const jaccard = blank(), hover = blank(), written = blank().map((row) => row.fill(""));
  for (const [a, b, common, share] of overlap.cells) {
    for (const [row, column] of [[a, b], [b, a]]) {
      jaccard[row][column] = share;
      written[row][column] = cell >= 30 ? number(common) : "";
      hover[row][column] = `<b>${plotText(shorten(playlistName(overlap.names[row]), 40))}</b> and <b>${plotText(shorten(playlistName(overlap.names[column]), 40))}</b><br>${count(common, "song")} in common, ${percent(share)} of both together`;
    }
  }
  const places = overlap.names.map((_, index) => index);
  const height = Math.max(180, Math.min(cell, 56) * size + 40);
  draw("overlap", "Songs each pair of playlists has in common. The list below names the closest pairs.", [{
    type: "heatmap", x: places, y: places, z: jaccard, text: written, customdata: hover, texttemplate: "%{text}", hoverongaps: false,
    hovertemplate: "%{customdata}<extra></extra>", showscale: false, xgap: 2, ygap: 2, zmin: 0,
    zmax: Math.max(...overlap.cells.map(([, , , share]) => share)), colorscale: [[0, colours.fill], [1, colours.cell]], textfont: { color: colours.ink },
  }], {
    height, margin: { l: left, r: 6, t: 4, b: 36 },
    xaxis: { ...NEVER, tickvals: places, ticktext: places.map((place) => String(place + 1)), showgrid: false, ticks: "", range: [-0.5, size - 0.5] },
    yaxis: { ...NEVER, tickvals: places, ticktext: overlap.names.map((name, place) => `${plotText(fit(playlistName(name), left - 34, colours))}  <b>${place + 1}</b>`), showgrid: false, ticks: "", range: [size - 0.5, -0.5] },
  });
}
