// How figures look: the colours of page.css, marks that tell variants apart also without colour, axes.
"use strict";

const kColours = 8;
const kShapes = ["circle", "rect", "triangle", "rectRot", "star"];
const kShapePaths = {
  circle: "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",
  rect: "M-3.5 -3.5H3.5V3.5H-3.5Z",
  triangle: "M0 -4.5L4.5 3.5H-4.5Z",
  rectRot: "M0 -4.8L4.8 0L0 4.8L-4.8 0Z",
  star: "M-4 0H4M0 -4V4M-3 -3L3 3M-3 3L3 -3",
};

/** The page's colours as they are now, on a light or a dark screen. */
function currentLook() {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  return {
    ink: colour("--ink"), muted: colour("--muted"), grid: colour("--grid"), surface: colour("--surface"),
    series: Array.from({length: kColours}, (_, i) => colour(`--series-${i}`)),
    ramp: [0, 1, 2].map(i => colour(`--ramp-${i}`)),
  };
}

/** Colour, shape and dash of the variant with this number; they repeat together after forty. */
const marksOf = number => ({
  colour: number % kColours,
  shape: kShapes[number % kShapes.length],
  dash: number < kColours ? [] : [7, 4],
});

/** A short piece of a variant's line with its mark, for legends. */
function swatch(number) {
  const marks = marksOf(number), ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const part = (tag, attributes) => {
    const made = document.createElementNS(ns, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    svg.append(made);
  };
  svg.setAttribute("viewBox", "-13 -6 26 12");
  svg.setAttribute("aria-hidden", "true");
  svg.style.color = `var(--series-${marks.colour})`;
  part("path", {d: "M-13 0H13", stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": marks.dash.join(" ")});
  part("path", {d: kShapePaths[marks.shape], fill: marks.shape === "star" ? "none" : "currentColor",
    stroke: "currentColor", "stroke-width": marks.shape === "star" ? 1.6 : 0});
  return svg;
}

const channels = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));

/** Colour of layer i of n: along the ramp, from the first layer to the last. */
function depthColour(look, i, n) {
  const at = n > 1 ? 2 * i / (n - 1) : 0, part = Math.min(1, Math.floor(at));
  const [from, to] = [channels(look.ramp[part]), channels(look.ramp[part + 1])];
  return `rgb(${from.map((x, c) => Math.round(x + (to[c] - x) * (at - part))).join(", ")})`;
}

const faint = (hex, share) => hex + Math.round(255 * share).toString(16).padStart(2, "0");

function axis(look, title, more = {}) {
  const {ticks, grid, ...rest} = more;
  return {
    title: {display: true, text: title, color: look.muted},
    ticks: {color: look.muted, maxRotation: 0, autoSkipPadding: 12, ...ticks},
    grid: {color: look.grid, borderColor: look.grid, tickLength: 4, ...grid},
    ...rest,
  };
}

const shareAxis = (look, title, more = {}) => axis(look, title, {
  // A single value must not open an axis from −50 to 150 %.
  afterDataLimits: made => Object.assign(made, {min: Math.max(made.min, 0), max: Math.min(made.max, 1)}),
  ...more, ticks: {callback: value => plain(100 * value)},
});
const numberAxis = (look, title, more = {}) => axis(look, title, {...more, ticks: {callback: value => plain(value)}});

/** An axis of whole numbers from 1 to n, with ticks at 1 and at round ones; a single one stands in the middle. */
function countAxis(look, title, n, room = 0) {
  const step = [1, 5, 10, 20, 50].find(each => n <= 15 * each) ?? 10 ** Math.floor(Math.log10(n) - 0.5);
  const ticks = [{value: 1}];
  for (let at = step > 1 ? step : 2; at <= n; at += step) ticks.push({value: at});
  return axis(look, title, {type: "linear", min: n > 1 ? 1 - room : 0, max: Math.max(n, 2) + room,
    afterBuildTicks: made => { made.ticks = ticks; }});
}

const epochAxis = (look, epochs) => countAxis(look, "epoch", epochs);

/** Powers of ten; the less of them the values span, the more ticks between. values: what is shown. */
function logAxis(look, title, values, more = {}) {
  const some = values.filter(x => known(x) && x > 0);
  const low = Math.min(...some), high = Math.max(...some);
  if (some.length === 0) return axis(look, title, {type: "logarithmic", ...more});
  const [min, max] = [low / 1.15, high * 1.15];
  const between = max / min > 100 ? [1] : max / min > 8 ? [1, 2, 5] : max / min > 2.5 ? [1, 2, 3, 4, 5, 6, 7, 8, 9]
    : Array.from({length: 90}, (_, i) => 1 + i / 10);
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); ++power)
    ticks.push(...between.map(times => times * 10 ** power)
                   .filter(value => value >= min && value <= max)
                   .map(value => ({value})));
  return axis(look, title, {type: "logarithmic", min, max, ticks: {callback: plain},
    afterBuildTicks: made => { made.ticks = ticks; }, ...more});
}

/** Options of every figure: nothing moves, the legend is the page's own, tips are told by `tip` of a point. */
function chartOptions(look, scales, tip) {
  return {
    responsive: true, maintainAspectRatio: false, animation: false, normalized: true,
    layout: {padding: {top: 6, right: 10}},
    interaction: {mode: "nearest", intersect: false},
    scales,
    plugins: {
      legend: {display: false},
      tooltip: {
        displayColors: false, backgroundColor: look.ink, titleColor: look.surface, bodyColor: look.surface,
        filter: item => !item.dataset.silent,
        callbacks: {title: () => "", label: item => tip(item.raw, item.dataset)},
      },
    },
  };
}

/** A line with marks on some of its points, so that marks of different lines stand apart. */
function lineDataset(look, number, data, more = {}) {
  const marks = marksOf(number), colour = look.series[marks.colour];
  const step = Math.max(1, Math.ceil(data.length / 6));
  const marked = data.map((_, i) => (data.length <= 6 || i % step === (number * 2 + step - 1) % step ? 4 : 0));
  return {
    data, number, borderColor: colour, backgroundColor: colour, pointBackgroundColor: colour, pointBorderColor: colour,
    borderWidth: 2, borderDash: marks.dash, pointStyle: marks.shape, pointRadius: marked, pointHoverRadius: 5,
    pointBorderWidth: marks.shape === "star" ? 1.5 : 0, tension: 0, fill: false, ...more,
  };
}
