// The results as a table, and every run.
"use strict";

const anyKnown = (comparison, of) => comparison.variants.some(variant => known(of(variant)));

/** Columns of the table: [{head, cell}]; those that nothing was measured for are left out. */
function columnsOf(view) {
  const {comparison, score} = view;
  const variants = comparison.variants, metric = score.metric, best = `best_${metric}`;
  const first = variants[0]?.name ?? "", goal = comparison.until;
  const rates = variant => [...new Set(runsOf(variant).map(run => run.learning_rate).filter(known))];
  const change = x => (score.share ? typeset((100 * x).toFixed(1)).replace(/^−(?=0\.0$)/, "") : significant(x));
  const difference = ({difference: d}) => (!d || !known(d.mean) ? kNone : signed(d.mean, change) +
    (known(d.low) && known(d.high) ? ` (${signed(d.low, change)} to ${signed(d.high, change)})` : ""));
  const spreadColumn = (key, head, words) =>
      ({head, known: variant => variant[key]?.mean, cell: variant => words(variant[key])});
  const goalWords = goal ? `${goal.measure.replace(/_/g, " ")} ${plain(goal.bound)}` : "";
  const reached = variant => {
    const runs = runsOf(variant).length, n = variant.until_epochs?.n ?? 0;
    return n < runs ? ` (${n} of ${runs})` : "";
  };
  const columns = [
    {head: score.noun, cell: variant => score.spread(variant[metric])},
    {
      head: `difference to ${first}` + (score.share ? ", points" : "") + " (95 % interval)",
      known: variant => variant.difference?.mean,
      cell: difference
    },
    {
      head: "p (Welch, Holm)",
      known: variant => variant.difference?.p,
      cell: variant => probability(variant.difference?.p)
    },
    spreadColumn(best, "best epoch’s", score.spread),
    spreadColumn("until_epochs", `epochs to ${goalWords}`, summary => spreadText(summary)),
    spreadColumn("until_seconds", `time to ${goalWords}`, timeSpread),
    spreadColumn("seconds_per_epoch", "time of an epoch", timeSpread),
    spreadColumn("density", "density", summary => spreadText(summary, 100, true)),
    spreadColumn("dead_units", "dead units", summary => spreadText(summary)),
    spreadColumn("gradient_ratio", "gradient, first layer to last", summary => spreadText(summary)),
    {
      head: "learning rate",
      known: variant => rates(variant)[0] ?? variant.options?.learning_rate,
      cell: variant => rates(variant).map(rateText).join(", ") || rateText(variant.options?.learning_rate)
    },
    {
      head: "parameters",
      known: variant => variant.network?.parameters,
      cell: variant => count(variant.network?.parameters)
    },
    {head: "runs", cell: variant => count(runsOf(variant).length)},
    {
      head: "diverged",
      cell: variant => (variant.diverged ? `${variant.diverged} of ${runsOf(variant).length}` : "0")
    },
  ];
  const until = columns.find(column => goal && column.head === `epochs to ${goalWords}`);
  if (until) {
    const words = until.cell;
    until.cell = variant => words(variant) + reached(variant);
  }
  return columns.filter(column => !column.known || anyKnown(comparison, column.known));
}

function timeSpread(summary) {
  if (!summary || !known(summary.mean)) return kNone;
  const units = [[1e-6, "µs"], [1e-3, "ms"], [1, "s"], [60, "min"], [3600, "h"]];
  const [size, unit] = [...units].reverse().find(([each]) => summary.mean >= (each < 60 ? 1 : 2) * each) ?? units[0];
  return `${spreadText(summary, 1 / size)}${kSpace}${unit}`;
}

function resultsSection(view) {
  const {comparison} = view;
  const columns = columnsOf(view);
  const table = tableOf({
    caption: "Mean ± standard deviation over the seeds",
    head: ["variant", ...columns.map(column => column.head)],
    rows: comparison.variants.map(variant => [variant.name, ...columns.map(column => column.cell(variant))]),
  });
  return element("section", {}, view.heading("Table", 1), table, everyRun(view));
}

function everyRun(view) {
  const {comparison, score} = view;
  const best = `best_${score.metric}`;
  const rows = comparison.variants.flatMap(variant => runsOf(variant).map(run => [
    variant.name, String(run.seed), score.text(run[score.metric]), score.text(run[best]), count(run.best_epoch),
    significant(run.loss), count(epochsOf(run).length), duration(run.seconds),
    String(run.end ?? "").replace(/_/g, " ") + (run.message ? `: ${run.message}` : "")]));
  if (rows.length === 0) return null;
  return foldedTable(`Every run (${rows.length})`, ["variant", "seed", score.noun, "best epoch’s", "best epoch",
    "training loss", "epochs", "time", "end"], rows);
}
