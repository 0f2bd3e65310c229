// What the figures show, worked out from the JSON object of halfwave compare.
"use strict";

const kStudent = [12.706, 4.303, 3.182, 2.776];  // 97.5 % quantiles of Student's t, 1 to 4 degrees of freedom
const kNormal = 1.959964;                        // the same of the normal distribution

/** 97.5 % quantile of Student's t: from 5 degrees of freedom on by its expansion around the normal
    distribution's (Abramowitz and Stegun, 26.7.5), which is right within 0.0003 there. */
function studentQuantile(freedom) {
  if (freedom <= kStudent.length) return kStudent[freedom - 1];
  const z = kNormal, z3 = z ** 3, z5 = z ** 5, z7 = z ** 7, z9 = z ** 9;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom ** 3) +
    (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * freedom ** 4);
}

/** Mean and sample standard deviation of the values that are known: {mean, std, n}, or null. */
function spread(values) {
  const some = values.filter(known);
  if (some.length === 0) return null;
  const mean = some.reduce((sum, x) => sum + x, 0) / some.length;
  const squares = some.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return {mean, std: some.length > 1 ? Math.sqrt(squares / (some.length - 1)) : null, n: some.length};
}

const meanOf = values => spread(values)?.mean ?? null;

/** 95 % interval of a mean, or null. */
function interval(summary) {
  if (!summary || !known(summary.mean) || !known(summary.std) || !(summary.n > 1)) return null;
  const half = studentQuantile(summary.n - 1) * summary.std / Math.sqrt(summary.n);
  return {low: summary.mean - half, high: summary.mean + half};
}

const runsOf = variant => variant.seeds ?? [];
const epochsOf = run => run.epochs ?? [];
const longestRun = comparison =>
  Math.max(0, ...comparison.variants.flatMap(variant => runsOf(variant).map(run => epochsOf(run).length)));

/** The runs whose epochs say what a variant does: without those that diverged, unless all did. */
function steadyRuns(variant) {
  const runs = runsOf(variant).filter(run => epochsOf(run).length > 0),
        steady = runs.filter(run => run.end !== "diverged");
  return steady.length > 0 ? steady : runs;
}
const lastEpochs = variant => steadyRuns(variant).map(run => run.epochs[run.epochs.length - 1]);

/** How many runs diverged, in words: ["2 of 5 of relu"]. */
const divergedWords = comparison => comparison.variants.filter(variant => variant.diverged > 0)
  .map(variant => `${variant.diverged} of ${runsOf(variant).length} of ${variant.name}`);

/** A figure of the epochs, over a variant's runs that are still going: [{epoch, mean, std, n, all}], all: every
    run has that epoch. figure: of an epoch and its run. */
function curve(variant, figure) {
  const runs = steadyRuns(variant);
  const length = Math.max(0, ...runs.map(run => run.epochs.length));
  const points = [];
  for (let i = 0; i < length; ++i) {
    const going = runs.filter(run => i < run.epochs.length);
    const summary = spread(going.map(run => figure(run.epochs[i], run)));
    if (summary) points.push({epoch: going[0].epochs[i].epoch, ...summary, all: summary.n === runs.length});
  }
  return points;
}

/** Seconds of training from a run's start to the end of each epoch; null where an epoch's are not known. */
function trainingSeconds(run) {
  let sum = 0;
  return epochsOf(run).map(epoch => (sum = known(sum) && known(epoch.seconds) ? sum + epoch.seconds : null));
}

/** What can be shown of layers: title and axis, a layer's figure, and which layers have it. */
const kLayerFigures = {
  density: {
    name: "Density", axis: "outputs that are not zero (%)", share: true, hiddenOnly: true,
    of: layer => layer.density,
  },
  dead: {
    name: "Dead units", axis: "units zero for every example (%)", share: true, hiddenOnly: true,
    of: layer => (known(layer.dead_units) && layer.units > 0 ? layer.dead_units / layer.units : null),
  },
  gradient: {
    name: "Gradient norm", axis: "norm of the weights’ gradient", share: false, hiddenOnly: false,
    of: layer => layer.gradient_norm,
  },
};

/** The layers of an epoch that a figure is about: without the last one, whose outputs are the network's. */
function layersOf(epoch, kind) {
  const layers = epoch?.layers ?? [];
  return kind.hiddenOnly ? layers.slice(0, -1) : layers;
}

function layerNames(variant, kind) {
  return layersOf(lastEpochs(variant)[0], kind).map(layer => layer.name);
}

/** By layer, in the runs' last epochs: [mean over seeds or null]. */
const atTheEnd = (variant, kind) => layerNames(variant, kind).map((_, i) => meanOf(
  lastEpochs(variant).map(epoch => kind.of(layersOf(epoch, kind)[i] ?? {}))));

/** By layer over time: [curve]. */
const overTime = (variant, kind) => layerNames(variant, kind).map((_, i) =>
  curve(variant, epoch => kind.of(layersOf(epoch, kind)[i] ?? {})));

/** How a comparison's score is named and written. */
function scoreOf(comparison) {
  const metric = comparison.metric;
  const share = metric.endsWith("accuracy");
  const names = {test_accuracy: "Test accuracy", train_accuracy: "Training accuracy", test_rmse: "Test RMSE",
    loss: "Training loss"};
  const name = names[metric] ?? metric.replace(/_/g, " "), noun = name.replace(/^T/, "t");
  const text = x => (share ? percent(x) : significant(x, 4));
  return {
    metric, share, text, name, noun,
    axis: noun + (share ? " (%)" : metric === "test_rmse" ? " (the target’s unit)" : ""),
    better: comparison.less_is_better ? "lowest" : "highest",
    worse: comparison.less_is_better ? "highest" : "lowest",
    lessIsBetter: Boolean(comparison.less_is_better),
    spread: summary => spreadText(summary, share ? 100 : 1, share),
  };
}

/** "68.4 ± 0.9 %", or "12.31 ± 0.08"; without the deviation where there is none. */
function spreadText(summary, factor = 1, share = false) {
  if (!summary || !known(summary.mean)) return kNone;
  const mean = summary.mean * factor, std = known(summary.std) && summary.n > 1 ? summary.std * factor : null;
  const unit = share ? `${kSpace}%` : "";
  if (share) return typeset(mean.toFixed(1)) + (std === null ? "" : `${kSpace}±${kSpace}${std.toFixed(1)}`) + unit;
  if (std === null || std === 0) return Number.isInteger(mean) ? count(mean) : significant(mean, 4);
  // As many decimals as give the deviation two digits.
  const decimals = 1 - Math.floor(Math.log10(std));
  if (decimals > 6 || Math.abs(mean) >= 1e6) return `${significant(mean)}${kSpace}±${kSpace}${significant(std, 2)}`;
  const places = Math.max(0, decimals);
  return `${typeset(mean.toFixed(places))}${kSpace}±${kSpace}${typeset(std.toFixed(places))}`;
}

/** The entries of [{variant, value}] with the best and the worst value; null without any. They get a name, which tells
    when others have the same value. */
function extremes(entries, lessIsBetter) {
  const some = entries.filter(entry => known(entry.value));
  if (some.length === 0) return null;
  const sorted = [...some].sort((a, b) => (lessIsBetter ? a.value - b.value : b.value - a.value));
  const named = entry => {
    const others = some.filter(other => other.value === entry.value).length - 1;
    return {...entry, name: entry.variant.name + (others > 0 ? ` and ${plural(others, "other")}` : "")};
  };
  return {best: named(sorted[0]), worst: named(sorted[sorted.length - 1]), n: some.length};
}
