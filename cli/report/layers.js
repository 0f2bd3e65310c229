// Layer by layer: all variants at the end, and one of them over time.
"use strict";

const layerAxis = (look, kind, values, lowest) => {
  if (kind === kLayerFigures.gradient) return logAxis(look, kind.axis, values);
  return shareAxis(look, kind.axis, {min: 0, suggestedMax: lowest});
};

/** Zero has no place on a logarithmic axis. */
const drawable = (kind, y) => known(y) && (kind !== kLayerFigures.gradient || y > 0);

const layerWords = (kind, x) => (kind.share ? percent(x) : significant(x));

/** All variants, by layer, in their last epochs; only where some variant has several layers to show. */
function depthFigure(view, name, kind) {
  const variants = view.comparison.variants;
  const ends = new Map(variants.map(variant => [variant, atTheEnd(variant, kind)]));
  const layers = Math.max(0, ...[...ends.values()].map(values => values.length));
  if (layers < 2 || ![...ends.values()].flat().some(x => drawable(kind, x))) return null;
  const title = `${kind.name} by layer at the end`;
  return new Figure(view, {
    name: `${name}-depth`,
    title,
    legend: "variants",
    chart: look => {
      const pointsOf = variant => ends.get(variant)
        .map((y, i) => ({x: i + 1, y, layer: layerNames(variant, kind)[i]})).filter(point => drawable(kind, point.y));
      const lines = view.shown().map(({variant, number}) => ({variant, number, points: pointsOf(variant)}));
      const values = lines.flatMap(line => line.points.map(point => point.y));
      return {
        type: "line",
        data: {datasets: lines.map(({variant, number, points}) => lineDataset(look, number, points,
          {name: variant.name, ...(points.length <= 12 ? {pointRadius: 4} : {})}))},
        options: chartOptions(look, {
          x: countAxis(look, `${kind.hiddenOnly ? "hidden " : ""}layer, from the input on`, layers, 0.25),
          y: layerAxis(look, kind, values, 0.05),
        }, (point, set) => [`${set.name}, ${point.layer}`, layerWords(kind, point.y)]),
      };
    },
    caption: () => `${kDepthCaptions[name](variants, ends)} Means over the seeds, in the last epochs.`,
    table: () => ({
      head: ["layer", ...variants.map(variant => variant.name)],
      rows: Array.from({length: layers}, (_, i) =>
        [String(i + 1), ...variants.map(variant => layerWords(kind, ends.get(variant)[i]))]),
    }),
  });
}

const kDepthCaptions = {
  density(variants, ends) {
    const found = extremes(variants.map(variant => ({variant, value: meanOf(ends.get(variant))})), true);
    const {best, worst, n} = found;
    return "Share of a layer’s outputs, after the activation, that are not zero. " + (n === 1
      ? `On average over the hidden layers it is ${percent(best.value)} with ${best.name}.`
      : `On average over the hidden layers it goes from ${percent(best.value)} (${best.name}) to ` +
        `${percent(worst.value)} (${worst.name}).`);
  },
  dead(variants, ends) {
    const largest = variant => Math.max(0, ...ends.get(variant).filter(known));
    const {worst} = extremes(variants.map(variant => ({variant, value: largest(variant)})), true);
    const layer = ends.get(worst.variant).indexOf(worst.value) + 1;
    return "Share of a layer’s units that are zero for every training example of the epoch. " + (worst.value > 0
      ? `The largest is ${percent(worst.value)}, in hidden layer ${layer} of ${worst.variant.name}.`
      : "No unit is dead in any of the variants.");
  },
  gradient(variants, ends) {
    const ratios = variants.map(variant => {
      const norms = ends.get(variant);
      const value = norms[0] / norms[norms.length - 1];
      return {variant, value: norms.length > 1 && known(value) ? value : null};
    });
    const found = extremes(ratios, true);
    const text = "Norm of the gradient by a layer’s weights, on a logarithmic scale. ";
    if (!found) return text;
    const first = ({value, name}) => `${significant(value, 2)} times the last one’s with ${name}`;
    return `${text}The first layer’s is ${found.n === 1 ? first(found.best)
      : `${first(found.best)}, ${significant(found.worst.value, 2)} times with ${found.worst.name}`}.`;
  },
};

/** One variant, its layers over the epochs: the one that is chosen above the figures. */
function overTimeFigure(view, name, kind) {
  const comparison = view.comparison, epochs = longestRun(comparison);
  const all = new Map(comparison.variants.map(variant => [variant, overTime(variant, kind)]));
  const values = [...all.values()].flat(2).map(point => point.mean).filter(y => drawable(kind, y));
  if (values.length === 0) return null;
  const chosen = () => comparison.variants[view.chosen];
  const title = () => `${kind.name} over time: ${shortened(chosen().name, 40)}`;
  return new Figure(view, {
    name: `${name}-time`, title,
    legend: look => depthLegend(look, layerNames(chosen(), kind)),
    chart: look => {
      const curves = all.get(chosen());
      const datasets = curves.map((points, i) => {
        const colour = depthColour(look, i, curves.length);
        const data = points.map(point => ({x: point.epoch, y: point.mean, n: point.n}))
                         .filter(point => drawable(kind, point.y));
        return {
          data,
          name: layerNames(chosen(), kind)[i],
          borderColor: colour,
          backgroundColor: colour,
          borderWidth: curves.length > 12 ? 1.25 : 2,
          pointRadius: epochs === 1 ? 4 : 0,
          pointHoverRadius: 4,
          tension: 0
        };
      });
      return {
        type: "line",
        data: {datasets},
        // The same scale for every variant, so that a look from one to the other tells them apart.
        options: chartOptions(look, {
          x: epochAxis(look, epochs), y: layerAxis(look, kind, values, Math.max(0.05, ...values)),
        }, (point, set) => [`${set.name}, epoch ${point.x}`, `${layerWords(kind, point.y)} (${seedWords(point.n)})`]),
      };
    },
    caption: () => overTimeCaption(kind, chosen(), all.get(chosen())),
    table: () => {
      const names = layerNames(chosen(), kind), curves = all.get(chosen());
      return {
        head: ["epoch", ...names],
        rows: Array.from({length: Math.max(0, ...curves.map(points => points.length))}, (_, i) => [String(i + 1),
          ...curves.map(points => layerWords(kind, points.find(point => point.epoch === i + 1)?.mean))]),
      };
    },
  });
}

function overTimeCaption(kind, variant, curves) {
  const names = layerNames(variant, kind);
  const some = curves.map((points, i) => ({name: names[i], points})).filter(layer => layer.points.length > 0);
  if (some.length === 0) return `${variant.name}: nothing was measured.`;
  const change = ({name, points}) => `${name} from ${layerWords(kind, points[0].mean)} to ` +
    `${layerWords(kind, points[points.length - 1].mean)}`;
  const told = some.length <= 4 ? some : [some[0], some[some.length - 1]];
  return `${variant.name}, ${seedWords(steadyRuns(variant).length)}, from the first epoch to the last: ` +
    `${listed(told.map(change))}.` + (some.length > 4 ? ` All ${some.length} layers are drawn.` : "");
}

/** Up to eight layers by name; more as a ramp from the first to the last. */
function depthLegend(look, names) {
  if (names.length === 0) return [];
  if (names.length <= 8)
    return names.map((name, i) => {
      const line = element("span", {class: "line"});
      line.style.background = depthColour(look, i, names.length);
      return element("span", {class: "key"}, line, name);
    });
  return [element("span", {class: "key"}, names[0], element("span", {class: "ramp"}), names[names.length - 1])];
}

/** The figures of a section, two side by side where there is room, and what chooses the variant. */
function layerSection(view) {
  const pairs = Object.entries(kLayerFigures).map(([name, kind]) =>
    [depthFigure(view, name, kind), overTimeFigure(view, name, kind)].filter(figure => figure));
  if (pairs.every(pair => pair.length === 0)) return null;
  const id = `${view.id}-variant`;
  const select = element("select", {id}, view.comparison.variants.map((variant, i) =>
    element("option", {value: String(i), disabled: runsOf(variant).length ? null : ""}, variant.name)));
  select.value = String(view.chosen);
  select.addEventListener("change", () => {
    view.chosen = Number(select.value);
    view.draw();
  });
  const chooser = view.comparison.variants.length > 1
    ? element("p", {class: "chooser"}, element("label", {for: id}, "Over time, show "), select) : null;
  const grids = pairs.filter(pair => pair.length > 0)
    .map(pair => element("div", {class: "figures"}, pair.map(figure => figure.element)));
  return element("section", {}, view.heading("Layer by layer", 1), chooser, grids);
}
