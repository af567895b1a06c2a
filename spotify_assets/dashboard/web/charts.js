// Drawing with plotly: the library is started with the first chart, in the colours of the current theme.

const PALETTES = {
  light: ["#1f5d73", "#c4603f", "#a97b16", "#587d56", "#7a6593", "#a8667a", "#7d7840", "#3f7ea6"],
  dark: ["#6fb2c9", "#e08a68", "#e3bd6a", "#93b991", "#ab97c6", "#d3a6af", "#b9b483", "#8dbfe0"],
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false };
const FIXED = { fixedrange: true, zeroline: false, automargin: false };
const PAGE_WIDTH = 660;

/** @type {Promise<any> | null} */
let library = null;

/** @type {Promise<Uint8Array> | null} */
let packed = null;

/** Begin to unpack plotly, which the browser does beside the script, before the first chart asks for it. */
function warm() {
  packed ??= inflate(blockText("plotly"));
  return packed;
}

/** plotly, unpacked and run once; the policy of the page allows it by its hash. @returns {Promise<any>} */
function plotly() {
  library ??= warm().then((bytes) => {
    packed = null;
    const script = document.createElement("script");
    script.textContent = utf8.decode(bytes);
    document.head.append(script);
    return /** @type {any} */ (globalThis).Plotly;
  });
  return library;
}

/** The text of a block in the document. @param {string} name */
function blockText(name) {
  const block = document.getElementById(`block-${name}`);
  if (!block) throw new Error(`the page has no block ${name}`);
  return block.textContent ?? "";
}

const printing = () => document.documentElement.classList.contains("printing");

function theme() {
  const style = getComputedStyle(document.documentElement);
  const value = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: value("paper"), ink: value("ink"), muted: value("muted"), rule: value("rule"), faint: value("faint"),
    up: value("up"), down: value("down"), pin: value("pin"), fill: value("fill"), cell: value("cell"), hatch: value("hatch"),
    sans: value("sans"), series: dark.matches && !printing() ? PALETTES.dark : PALETTES.light,
  };
}

/** The charts on the page, to be drawn again when its width or its colours change. @type {Map<HTMLElement, () => void>} */
const drawn = new Map();

function redraw() {
  for (const [element, again] of drawn) if (element.isConnected) again();
}

let firstDrawn = () => {};
/** Kept once a chart is drawn. @type {Promise<void>} */
const charted = new Promise((done) => { firstDrawn = done; });

/** @param {HTMLElement} element */
const widthOf = (element) => (printing() ? Math.min(element.clientWidth || PAGE_WIDTH, PAGE_WIDTH) : element.clientWidth || 320);

/** A chart with its heading, what it says in words, and its numbers as a table; of a `single` day, the table alone.
 * @param {{title: string, label: string, lede?: Child, caption?: Child, height: number, tools?: Child,
 *   plot: (element: HTMLElement, colours: ReturnType<typeof theme>, width: number) => {traces: any[], layout: any, after?: (plot: any, element: any) => void} | null,
 *   numbers?: () => HTMLElement, empty?: string | null, single?: boolean}} spec */
function figure(spec) {
  const section = spec.title ? el("section", {}, el("h2", {}, spec.title)) : el("div", {});
  if (spec.lede) section.append(el("p", { class: "lede" }, spec.lede));
  if (spec.empty) {
    section.append(el("p", { class: "empty" }, spec.empty));
    return section;
  }
  if (spec.single && spec.numbers) {
    section.append(spec.numbers());
    return section;
  }
  if (spec.tools) section.append(el("div", { class: "tools" }, spec.tools));
  const plot = el("div", { class: "plot", role: "img", "aria-label": spec.label });
  plot.style.minHeight = `${spec.height}px`;
  section.append(el("figure", {}, plot, spec.caption ? el("figcaption", {}, spec.caption) : ""));
  if (spec.numbers) section.append(later("The numbers", spec.numbers));
  const draw = async () => {
    const Plotly = await plotly();
    for (let frame = 0; !plot.isConnected && frame < 20; frame += 1) await new Promise((done) => { setTimeout(done, 10); });
    if (!plot.isConnected) return;
    const colours = theme(), width = widthOf(plot);
    const made = spec.plot(plot, colours, width);
    if (!made) return;
    for (const event of ["plotly_hover", "plotly_unhover", "plotly_click", "plotly_relayout"]) /** @type {any} */ (plot).removeAllListeners?.(event);
    await Plotly.react(plot, made.traces, {
      paper_bgcolor: colours.paper, plot_bgcolor: colours.paper, showlegend: false, dragmode: false, hovermode: "closest", height: spec.height, width,
      font: { family: colours.sans, size: 12, color: colours.muted },
      hoverlabel: { bgcolor: colours.ink, bordercolor: colours.ink, font: { family: colours.sans, size: 13, color: colours.paper }, align: "left" },
      ...made.layout,
    }, CONFIG);
    plot.style.minHeight = "";
    made.after?.(Plotly, plot);
    plot.dataset.drawn = "yes";
    document.documentElement.dataset.first ??= String(Math.round(performance.now()));
    firstDrawn();
  };
  drawn.set(plot, draw);
  void draw();
  return section;
}

/** What is made when it is opened. @param {string} summary @param {() => Child} make */
function later(summary, make) {
  const details = el("details", { class: "later" }, el("summary", {}, summary));
  details.addEventListener("toggle", () => { if (details.childElementCount === 1) details.append(...[make()].flat()); }, { once: true });
  return details;
}

/** The axis of days from `from` to `to` over `width` pixels; dragging over it asks for the days between.
 * @param {number} from @param {number} to @param {number} width @param {ReturnType<typeof theme>} colours */
function dayAxis(from, to, width, colours) {
  const ticks = ticksFor(from, to, width);
  const air = Math.max((to - from) * 0.008, 0.4);
  return {
    ...FIXED, type: "date", fixedrange: false, range: [when(from - air), when(to + air)], tickvals: ticks.map(({ day }) => iso(day)),
    ticktext: ticks.map(({ label }) => label), showgrid: false, linecolor: colours.faint, ticks: "outside", ticklen: 4, tickcolor: colours.faint,
  };
}

/** @param {number} day a day and a part of it */
const when = (day) => new Date(day * DAY_MS).toISOString();

/** Bands where there was no snapshot. @param {{from: number, to: number}[]} gaps @param {number} from @param {number} to
 * @param {number} width @param {ReturnType<typeof theme>} colours */
function gapBands(gaps, from, to, width, colours) {
  const seen = gaps.filter((gap) => gap.to >= from && gap.from <= to)
    .filter((gap) => ((gap.to - gap.from + 1) / Math.max(1, to - from)) * width >= 1.5);
  return {
    shapes: seen.map((gap) => ({
      type: "rect", xref: "x", yref: "paper", x0: when(gap.from - 0.5), x1: when(gap.to + 0.5), y0: 0, y1: 1, layer: "below", line: { width: 0 }, fillcolor: colours.hatch,
    })),
    annotations: seen.filter((gap) => ((gap.to - gap.from + 1) / Math.max(1, to - from)) * width >= 84).map((gap) => ({
      xref: "x", x: when((gap.from + gap.to) / 2), yref: "paper", y: 1, yanchor: "top", showarrow: false, text: "no snapshot", font: { size: 11, color: colours.muted },
    })),
  };
}

/** Tells the page which days were dragged over. @param {(from: number, to: number) => void} onZoom */
const zoomed = (onZoom) => (/** @type {any} */ _plot, /** @type {any} */ element) => {
  element.on("plotly_relayout", (/** @type {any} */ change) => {
    const [a, b] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (a === undefined || b === undefined) return;
    const day = (/** @type {string} */ text) => Date.parse(text.includes("T") || text.length < 11 ? text : `${text.replace(" ", "T")}Z`) / DAY_MS;
    onZoom(Math.round(day(a)), Math.round(day(b)));
  });
};

/** Lines over time with their names at the end. A null value breaks a line, so does a gap.
 * @typedef {{name: string, days: number[], values: (number | null)[], hover: string[]}} Line
 * @param {Line[]} lines @param {{from: number, to: number, gaps: {from: number, to: number}[], step: number, width: number, height: number,
 *   y: any, colours: ReturnType<typeof theme>, markers?: boolean}} how */
function linePlot(lines, { from, to, gaps, step, width, height, y, colours, markers = false }) {
  const right = lines.length > 1 || lines[0]?.name ? Math.min(190, Math.round(width * 0.34)) : 8, left = 42, inner = height - 40;
  const bands = gapBands(gaps, from, to, width - right - left, colours);
  const ends = lines.map((line, index) => ({ line, index, at: line.values.findLastIndex((value) => value !== null) })).filter(({ at, line }) => at >= 0 && line.name);
  const range = y.range;
  const labels = ends.map(({ line, index, at }) => ({
    at: (1 - (Number(line.values[at]) - range[0]) / (range[1] - range[0])) * inner, colour: colours.ink,
    text: `<span style="color:${colours.series[index % 8]}">■</span> ${plotText(fit(line.name, right - 34, colours))}`,
  }));
  return {
    traces: lines.map((line, index) => ({ ...brokenLine(line, gaps, step), mode: markers || line.days.length < 40 ? "lines+markers" : "lines",
      line: { color: colours.series[index % 8], width: 2, dash: DASHES[index % 8] }, marker: { color: colours.series[index % 8], size: 4 }, hovertemplate: "%{text}<extra></extra>" })),
    layout: {
      margin: { l: left, r: right, t: 10, b: 30 }, dragmode: "zoom", xaxis: dayAxis(from, to, width - right - left, colours),
      yaxis: { ...FIXED, gridcolor: colours.rule, nticks: 5, ...y }, shapes: bands.shapes,
      annotations: [...bands.annotations, ...spread(labels, inner, 16).map((label) => sideLabel(label, inner, right))],
    },
  };
}

/** @param {Line} line @param {{from: number, to: number}[]} gaps @param {number} step */
function brokenLine(line, gaps, step) {
  /** @type {(string | null)[]} */
  const x = [];
  /** @type {(number | null)[]} */
  const y = [];
  /** @type {string[]} */
  const text = [];
  line.days.forEach((day, index) => {
    if (index && crossesGap(gaps, line.days[index - 1], day, step)) { x.push(null); y.push(null); text.push(""); }
    x.push(iso(day)); y.push(line.values[index]); text.push(line.hover[index]);
  });
  return { type: "scatter", x, y, text, connectgaps: false };
}

/** Labels beside a chart, pushed apart so that none covers another; `at` and the result are pixels from the top.
 * @template {{at: number}} T @param {T[]} labels @param {number} height @param {number} gap @returns {(T & {y: number})[]} */
function spread(labels, height, gap) {
  const placed = labels.map((label) => ({ ...label, y: 0 })).sort((a, b) => a.at - b.at);
  placed.forEach((label, index) => { label.y = Math.max(label.at, index ? placed[index - 1].y + gap : 0); });
  for (let index = placed.length - 1, floor = height; index >= 0; index -= 1) {
    placed[index].y = Math.min(placed[index].y, floor);
    floor = placed[index].y - gap;
  }
  return placed;
}

const pen = document.createElement("canvas").getContext("2d");

/** The text, cut so that it is at most `width` pixels wide in the charts' font.
 * @param {string} text @param {number} width @param {{sans: string}} colours */
function fit(text, width, colours) {
  if (!pen) return shorten(text, Math.floor(width / 7));
  pen.font = `13px ${colours.sans}`;
  let cut = shorten(text, 80), length = Array.from(cut).length;
  while (length > 1 && pen.measureText(cut).width > width) { length -= 1; cut = shorten(text, length); }
  return cut;
}

/** @param {{y: number, text: string, colour: string}} label @param {number} height @param {number} margin */
function sideLabel(label, height, margin) {
  return {
    xref: "paper", x: 1, yref: "paper", y: 1 - label.y / height, xanchor: "left", yanchor: "middle", xshift: 8, showarrow: false,
    align: "left", text: label.text, font: { color: label.colour, size: 13 }, width: margin - 12,
  };
}
