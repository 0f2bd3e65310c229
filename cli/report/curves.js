// Learning curves: score and loss by epoch, and score by the time of training.
"use strict";

/** A variant's line, and its band of one standard deviation where there are several seeds. Where not all runs are
    still going the line is dotted. points: [{x, y, std, n, all}]. low: the band goes no lower, for logarithmic axes. */
function lineWithBand(look, number, name, points, low = -Infinity) {
  const colour = look.series[marksOf(number).colour];
  const edge = {number, silent: true, pointRadius: 0, pointHoverRadius: 0, borderWidth: 0, borderColor: colour,
    backgroundColor: faint(colour, 0.16)};
  const banded = points.filter(point => known(point.std));
  const line = lineDataset(look, number, points, {
    name,
    segment: {borderDash: context => (points[context.p1DataIndex].all ? undefined : [2, 3])},
  });
  if (banded.length === 0) return [line];
  return [
    line,
    {...edge, data: banded.map(p => ({x: p.x, y: p.y + p.std})), fill: "+1"},
    {...edge, data: banded.map(p => ({x: p.x, y: Math.max(low, p.y - p.std)})), fill: false},
  ];
}

const seedWords = n => `mean of ${plural(n, "seed")}`;

/** What all curves of a comparison share in their captions. */
function bandWords(view) {
  const unequal = variant => new Set(steadyRuns(variant).map(run => run.epochs.length)).size > 1;
  const diverged = divergedWords(view.comparison);
  const several = view.comparison.variants.some(variant => runsOf(variant).length > 1);
  return (several ? "Lines are means over the seeds, bands one standard deviation to either side." : "One seed each.") +
    (view.comparison.variants.some(unequal)
      ? " Runs end at different epochs: dotted parts are means over those still going." : "") +
    (diverged.length ? ` Runs that diverged are left out (${listed(diverged)}), but where all of a variant did.` : "");
}

/** "At the end the highest is relu with 68.4 ± 0.9 %, the lowest …" for [{variant, value, words}]. */
function endWords(entries, lessIsBetter, when = "At the end") {
  const found = extremes(entries, lessIsBetter);
  if (!found) return "Nothing was measured.";
  const {best, worst, n} = found, names = lessIsBetter ? ["lowest", "highest"] : ["highest", "lowest"];
  if (n === 1) return `${when}: ${best.variant.name} with ${best.words}.`;
  return `${when} ${best.variant.name} is ${names[0]} with ${best.words}, ${worst.variant.name} ${names[1]} with ` +
    `${worst.words}.`;
}

/** Figure of a number of the epochs. what: {name, title, axis, key, share, lessIsBetter, words (of a spread)}. */
function epochFigure(view, what) {
  const comparison = view.comparison;
  const value = epoch => epoch[what.key];
  const epochs = longestRun(comparison);
  const curves = new Map(comparison.variants.map(variant => [variant, curve(variant, value)]));
  if (![...curves.values()].some(points => points.length)) return null;
  return new Figure(view, {
    name: what.name, title: what.title, legend: "variants",
    chart: look => {
      const lines = view.shown().map(({variant, number}) => ({variant, number,
        points: curves.get(variant).map(({epoch, mean, ...rest}) => ({x: epoch, y: mean, ...rest}))}));
      const means = lines.flatMap(line => line.points.map(point => point.y));
      const logarithmic = !what.share && Math.min(...means) > 0 && Math.max(...means) / Math.min(...means) > 30;
      const lowest = logarithmic ? Math.min(...means) / 2 : -Infinity;
      const y = what.share ? shareAxis(look, what.axis)
        : logarithmic ? logAxis(look, what.axis, means) : numberAxis(look, what.axis);
      return {
        type: "line",
        data: {
          datasets:
              lines.flatMap(({variant, number, points}) => lineWithBand(look, number, variant.name, points, lowest))
        },
        options: chartOptions(look, {x: epochAxis(look, epochs), y}, (point, set) => [
          `${set.name}, epoch ${point.x}`, `${what.words({mean: point.y, ...point})} (${seedWords(point.n)})`]),
      };
    },
    caption: () => `${endWords(comparison.variants.map(variant => {
      const last = spread(lastEpochs(variant).map(value));
      return {variant, value: last?.mean, words: what.words(last)};
    }), what.lessIsBetter, "In their last epochs")} ${bandWords(view)}`,
    table: () => ({
      caption: what.title,
      head: ["epoch", ...comparison.variants.map(variant => variant.name)],
      rows: Array.from({length: epochs}, (_, i) => [String(i + 1), ...comparison.variants.map(variant => {
        const at = curves.get(variant).find(point => point.epoch === i + 1);
        return at ? what.words(at) : kNone;
      })]),
    }),
  });
}

function learningCurves(view) {
  const {score, comparison} = view;
  const loss = comparison.variants[0]?.options?.loss ?? comparison.options?.loss;
  return [
    score.metric === "loss" ? null : epochFigure(view, {
      name: "score",
      title: `${score.name} by epoch`,
      axis: score.axis,
      key: score.metric,
      share: score.share,
      lessIsBetter: score.lessIsBetter,
      words: score.spread
    }),
    epochFigure(view, {
      name: "loss",
      title: "Training loss by epoch",
      key: "loss",
      share: false,
      lessIsBetter: true,
      axis: "training loss" + (typeof loss === "string" && loss ? ` (${loss.replace(/_/g, "-")})` : ""),
      words: summary => spreadText(summary)
    }),
  ];
}

/** Means of a variant's score by the mean time at which its runs ended an epoch; only epochs that all runs have. */
function scoreOverTime(variant, metric) {
  const times = new Map(steadyRuns(variant).map(run => [run, trainingSeconds(run)]));
  const seconds = curve(variant, (epoch, run) => times.get(run)[epochsOf(run).indexOf(epoch)]);
  const scores = curve(variant, epoch => epoch[metric]);
  const end = scores.findIndex(point => !point.all);
  return scores.slice(0, end < 0 ? scores.length : end)
    .map((point, i) => ({x: seconds[i]?.mean, y: point.mean, n: point.n, epoch: point.epoch}))
    .filter(point => known(point.x) && point.x > 0);
}

/** A run's final score at the time that its training took. */
const finalPoints = (variant, metric) => runsOf(variant)
  .map(run => ({x: trainingSeconds(run).pop() ?? null, y: run[metric], seed: run.seed, end: run.end}))
  .filter(point => known(point.x) && point.x > 0 && known(point.y));

function timeFigure(view) {
  const {score, comparison} = view;
  const variants = comparison.variants;
  const finals = new Map(variants.map(variant => [variant, finalPoints(variant, score.metric)]));
  if (![...finals.values()].some(points => points.length)) return null;
  const meanPoint = variant => ({seconds: meanOf(finals.get(variant).map(point => point.x)),
    score: spread(finals.get(variant).map(point => point.y))});
  return new Figure(view, {
    name: "time",
    title: `${score.name} by time of training`,
    legend: "variants",
    chart: look => {
      const datasets = view.shown().flatMap(({variant, number}) => [
        {...lineDataset(look, number, finals.get(variant)), name: variant.name, showLine: false, pointRadius: 5},
        {...lineDataset(look, number, scoreOverTime(variant, score.metric)), name: variant.name, pointRadius: 0,
          borderWidth: 1.5},
      ]);
      const seconds = datasets.flatMap(set => set.data.map(point => point.x));
      const wide = Math.max(...seconds) / Math.min(...seconds) > 300;
      const x = wide ? logAxis(look, "time of training (s)", seconds, {})
                     : numberAxis(look, "time of training (s)", {min: 0});
      x.type ??= "linear";
      const scoreText = score.share ? shareAxis : numberAxis;
      return {
        type: "line",
        data: {datasets},
        options: chartOptions(look, {x, y: scoreText(look, score.axis)}, (point, set) => [
          `${set.name}, ` +
            (known(point.epoch) ? `after epoch ${point.epoch}, ${seedWords(point.n)}` : `seed ${point.seed}`),
          `${score.text(point.y)} in ${duration(point.x)}`]),
      };
    },
    caption: () => {
      const points = variants.map(variant => ({variant, ...meanPoint(variant)}));
      const {best: quickest, worst: slowest, n} =
        extremes(points.map(point => ({...point, value: point.seconds})), true);
      const {best} = extremes(points.map(point => ({...point, value: point.score?.mean})), score.lessIsBetter);
      const times = n > 1 ? `from ${duration(quickest.seconds)} (${quickest.variant.name}) to ` +
        `${duration(slowest.seconds)} (${slowest.variant.name})` : duration(quickest.seconds);
      return "Marks are the runs, each with its final score at the time that its training took, without tests and " +
        "without the search of learning rates; lines are the means over seeds on the way there. " +
        `Training takes ${times} on average. The ${score.better} mean, ${score.text(best.value)}, is that of ` +
        `${best.variant.name}, after ${duration(best.seconds)}.`;
    },
    table: () => ({
      head: ["variant", "time of training", score.noun],
      rows: variants.map(
          variant => [variant.name, duration(meanPoint(variant).seconds), score.spread(meanPoint(variant).score)]),
    }),
  });
}
