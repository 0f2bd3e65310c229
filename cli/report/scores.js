// Score by variant, every seed a mark; and the search for learning rates.
"use strict";

/** Names under each other, parts of a grid on lines of their own where there is little room. */
const nameLines = (name, width) => width > 700 ? shortened(name, 44)
  : name.split(", ").map(part => shortened(part, width > 480 ? 26 : 17)).slice(0, 3);

/** Lines behind the marks: each variant's 95 % interval and mean, and the first variant's mean across all. */
const intervalLines = {
  id: "intervals",
  beforeDatasetsDraw(chart, _, {rows, look}) {
    const {ctx, chartArea: area, scales: {x, y}} = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.width, area.height);
    ctx.clip();
    const line = (x1, y1, x2, y2, colour, width, dash = []) => {
      ctx.beginPath();
      ctx.setLineDash(dash);
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.moveTo(x1, y1);
      ctx.lineTo(x2, y2);
      ctx.stroke();
    };
    const first = rows[0]?.summary?.mean;
    if (known(first))
      line(x.getPixelForValue(first), area.top, x.getPixelForValue(first), area.bottom, look.muted, 1, [4, 4]);
    for (const {place, number, summary, range} of rows) {
      if (!known(summary?.mean)) continue;
      const at = y.getPixelForValue(place), colour = look.series[marksOf(number).colour],
            middle = x.getPixelForValue(summary.mean);
      if (range) line(x.getPixelForValue(range.low), at, x.getPixelForValue(range.high), at, faint(colour, 0.35), 10);
      line(middle, at - 11, middle, at + 11, look.ink, 2.5);
    }
    ctx.restore();
  },
};

/** The score axis goes by the runs; intervals of very few seeds may reach beyond it. */
function scoreRange(values, share) {
  const low = Math.min(...values), high = Math.max(...values);
  const room = high > low ? 0.1 * (high - low) : Math.max(Math.abs(high) * 0.05, 1e-6);
  return {
    suggestedMin: low >= 0 ? Math.max(0, low - room) : low - room,
    suggestedMax: share ? Math.min(1, high + room) : high + room
  };
}

function stripFigure(view) {
  const {score, comparison} = view;
  const scores = variant => runsOf(variant).map(run => run[score.metric]).filter(known);
  const all = comparison.variants.flatMap(scores);
  if (all.length === 0) return null;
  return new Figure(view, {
    name: "strip", title: `${score.name} by variant`, height: 84 + 38 * comparison.variants.length,
    chart: (look, width) => {
      const rows = comparison.variants.map((variant, number) => ({variant, number, place: number,
        summary: variant[score.metric], range: interval(variant[score.metric])}));
      const datasets = rows.map(({variant, number, place}) => {
        const runs = runsOf(variant).filter(run => known(run[score.metric]));
        // Runs of nearly the same score stand below each other, in the order of their seeds.
        const offset = i => (runs.length > 1 ? 0.36 * (i / (runs.length - 1) - 0.5) : 0);
        return {...lineDataset(look, number, runs.map((run, i) => ({x: run[score.metric], y: place + offset(i), run}))),
          name: variant.name, showLine: false, pointRadius: 4.5,
          pointBorderColor: marksOf(number).shape === "star" ? look.series[marksOf(number).colour] : look.surface,
          pointBorderWidth: marksOf(number).shape === "star" ? 1.5 : 1};
      });
      const scale = score.share ? shareAxis : numberAxis;
      const options = chartOptions(
          look, {
            x: scale(look, score.axis, {type: "linear", ...scoreRange(all, score.share)}),
            y: axis(look, "", {
              type: "linear",
              min: -0.6,
              max: rows.length - 0.4,
              reverse: true,
              title: {display: false},
              grid: {display: false},
              afterBuildTicks: made => {
                made.ticks = rows.map(row => ({value: row.place}));
              },
              ticks:
                  {autoSkip: false, color: look.ink, callback: value => nameLines(rows[value].variant.name, width)},
            }),
          },
          (point, set) => [`${set.name}, seed ${point.run.seed}`, score.text(point.y === null ? null : point.x)]);
      options.plugins.intervals = {rows, look};
      return {type: "line", data: {datasets}, options, plugins: [intervalLines]};
    },
    caption: () => stripCaption(view, all.length),
    table: () => ({
      head: ["variant", "mean ± standard deviation", "95 % interval of the mean", "seeds", "each seed"],
      rows: comparison.variants.map(variant => {
        const range = interval(variant[score.metric]);
        return [
          variant.name, score.spread(variant[score.metric]),
          range ? `${score.text(range.low)} to ${score.text(range.high)}` : kNone, count(scores(variant).length),
          scores(variant).map(score.text).join(", ") || kNone
        ];
      }),
    }),
  });
}

function stripCaption(view, runs) {
  const {score, comparison} = view;
  const entries = comparison.variants.map(variant => ({variant, value: variant[score.metric]?.mean,
    words: score.spread(variant[score.metric])}));
  const ranged = comparison.variants.some(variant => interval(variant[score.metric]));
  const diverged = divergedWords(comparison);
  const first = comparison.variants[0];
  return `Final score of every run (${plural(runs, "run")}), with the mean as an upright bar` +
      (ranged ? " and its 95 % interval (Student’s t) as a wide one. " : ". ") +
      (comparison.variants.length > 1
           ? `The dashed line is the mean of ${first.name}, which the others are compared with. `
           : "") +
      endWords(entries, score.lessIsBetter, "On average") +
      (diverged.length ? ` Runs that diverged: ${listed(diverged)}.` : "");
}

/** The score of a trial: JSON has minus the RMSE where numbers are predicted. */
const trialScore = (comparison, trial) => trial.diverged || !known(trial.score) ? null
  : comparison.data?.task === "regression" ? Math.abs(trial.score) : trial.score;

const sameRate = (a, b) => known(a) && known(b) && Math.abs(a - b) <= 1e-6 * Math.abs(a);

/** Ticks at the rates that were tried. */
function rateAxis(look, rates) {
  const ticks =
      [...new Set(rates.map(rate => Number(rate.toPrecision(6))))].sort((a, b) => a - b).map(value => ({value}));
  return logAxis(look, "learning rate", rates, {
    ticks: {callback: rateText},
    afterBuildTicks: made => {
      made.ticks = ticks;
    }
  });
}

function searchFigure(view) {
  const {comparison} = view;
  const searched = comparison.variants.filter(variant => variant.search?.length);
  if (searched.length === 0) return null;
  const regression = comparison.data?.task === "regression";
  const words = x => (regression ? significant(x, 4) : percent(x));
  const chosen = variant => variant.options?.learning_rate ?? runsOf(variant)[0]?.learning_rate;
  const axisText = regression ? "RMSE on held-out training data" : "accuracy on held-out training data (%)";
  const rates = searched.flatMap(variant => variant.search.map(trial => trial.learning_rate));
  return new Figure(view, {
    name: "search", title: "Search of the learning rate", legend: "variants",
    chart: look => {
      const lines = comparison.variants.map((variant, number) => ({variant, number}))
        .filter(({variant}) => variant.search?.length && !view.hidden.has(variant.name));
      const datasets = lines.map(({variant, number}) => {
        const points = variant.search.map(trial => ({x: trial.learning_rate, y: trialScore(comparison, trial)}))
          .filter(point => known(point.y));
        const set = lineDataset(look, number, points, {name: variant.name, borderWidth: 1.5});
        const isChosen = point => sameRate(point.x, chosen(variant));
        return {...set, pointRadius: points.map(point => (isChosen(point) ? 8 : 3.5)),
          pointBorderColor: points.map(point => (isChosen(point) ? look.ink : set.borderColor)),
          pointBorderWidth: points.map(point => (isChosen(point) ? 2 : set.pointBorderWidth))};
      });
      return {
        type: "line",
        data: {datasets},
        options: chartOptions(
            look, {x: rateAxis(look, rates), y: (regression ? numberAxis : shareAxis)(look, axisText)},
            (point, set) => [`${set.name}, learning rate ${rateText(point.x)}`, words(point.y)]),
      };
    },
    caption: () => {
      const taken = searched.map(variant => `${variant.name} ${rateText(chosen(variant))}`);
      const diverged = searched.flatMap(variant => variant.search).filter(trial => trial.diverged).length;
      return "Short runs of each variant on a part of the training data, scored on the rest of it; the test part has no " +
        `say. The rate that was taken is the large mark: ${listed(taken)}.` +
        (diverged ? ` ${plural(diverged, "trial")} diverged and ${diverged === 1 ? "is" : "are"} left out.` : "");
    },
    table: () => ({
      head: ["variant", "learning rate", regression ? "RMSE" : "accuracy", ""],
      rows: searched.flatMap(variant => variant.search.map(trial => [variant.name, rateText(trial.learning_rate),
        trial.diverged ? "diverged" : words(trialScore(comparison, trial)),
        sameRate(trial.learning_rate, chosen(variant)) ? "taken" : ""])),
    }),
  });
}
