// The page: what was compared, what came of it, figures, table, and how to have it again.
"use strict";

const optionText = value => (Array.isArray(value) ? value.join(",") : value === "" ? "“”" : String(value ?? kNone));

function titleOf(comparison) {
  const compared = (comparison.over ?? []).map(over => over.option.replace(/_/g, " "));
  return `${compared.length ? `Comparison of ${listed(compared)}` : "Comparison"} on ${comparison.data.name}`;
}

const factOf = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", {}, ...value));

/** "3", or "3 to 5". */
const rangeText = values => [...new Set([Math.min(...values.filter(known)), Math.max(...values.filter(known))])]
  .map(count).join(" to ");

/** Examples, network, epochs, seeds: what one has to know to read the figures. */
function facts(view) {
  const {comparison, score} = view;
  const {data, options = {}, variants} = comparison;
  const runs = variants.flatMap(runsOf);
  const features = Array.isArray(data.features) ? data.features.length : data.features;
  const lines = [...new Set(variants.map(variant => variant.network?.line).filter(line => line))];
  const first = variants.find(variant => variant.network?.line);
  // Comparisons that a store puts together have no number of seeds or epochs that holds for all.
  const planned = known(options.seeds) ? options.seeds * variants.length : runs.length;
  const seeds = known(options.seeds) ? count(options.seeds)
    : rangeText(variants.map(variant => runsOf(variant).length));
  const parameters = rangeText(variants.map(variant => variant.network?.parameters));
  // The variants' own number of epochs: that of the command line may be 0, which stands for enough.
  const made = runs.map(run => epochsOf(run).length), longest = Math.max(0, ...made),
    wanted = Math.max(0, ...variants.map(variant => variant.options?.epochs).filter(known));
  const epochs = wanted === 0 ? rangeText(made)
    : (longest > 0 && longest < wanted ? `${count(longest)} of at most ` : "") + count(wanted);
  const target = data.classes?.length ? plural(data.classes.length, "class", "classes") : "a number to predict";
  return element("dl", {class: "facts"},
    factOf("Examples", `${count(data.train)} to train, ${data.test ? `${count(data.test)} to test` : "no test part"}`),
    factOf("Each", `${plural(features, "feature")}, ${target}`),
    factOf("Score", `${score.noun} of the finished model, ${score.lessIsBetter ? "less" : "more"} is better`),
    factOf("Epochs", epochs),
    factOf("Seeds", `${seeds} for each variant, ` + (runs.length < planned
      ? `${count(runs.length)} of ${plural(planned, "run")} so far` : `${plural(runs.length, "run")} in all`)),
    factOf("Learning rate", variants.some(variant => variant.search?.length)
      ? "searched for each variant" : "as given or by default"),
    first ? element("div", {class: "wide"},
      element("dt", {}, lines.length > 1 ? `Network of ${first.name}` : "Network"),
      element("dd", {}, element("code", {}, first.network.line), ` (${parameters} parameters)`)) : null);
}

const noteList = texts => texts.length === 0 ? null
  : element("ul", {class: "notes", "aria-label": "Notes"}, texts.map(text => element("li", {}, text)));

function notes(comparison) {
  const texts = [...(comparison.warnings ?? [])];
  const missing = comparison.variants.filter(variant => runsOf(variant).length === 0).map(variant => variant.name);
  if (comparison.interrupted)
    texts.unshift("This comparison was stopped before its end; figures and numbers are of the runs that had ended" +
      (comparison.store ? ". Its command line goes on from the store." : "."));
  if (missing.length) texts.push(`No run has ended yet of ${listed(missing)}.`);
  return noteList(texts);
}

/** A command line with a button that copies it. */
function commandBox(line) {
  const code = element("code", {}, line), said = element("span", {role: "status"});
  const button = element("button", {type: "button"}, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      said.textContent = "copied";
    } catch {  // not allowed here: the reader copies what is selected
      getSelection().selectAllChildren(code);
      said.textContent = "selected";
    }
  });
  return element("div", {class: "command"},
    element("pre", {tabindex: "0", "aria-label": "Command line"}, code), element("p", {}, button, " ", said));
}

/** Options that all variants share, and for each variant those that differ. */
function optionsTable(comparison) {
  const variants = comparison.variants.filter(variant => variant.options);
  const names = [...new Set(
      [...Object.keys(comparison.options ?? {}), ...variants.flatMap(variant => Object.keys(variant.options))])];
  if (names.length === 0) return null;
  const words = name => {
    const own = variants.map(
        variant => optionText(name in variant.options ? variant.options[name] : comparison.options?.[name]));
    if (new Set(own).size <= 1) return own[0] ?? optionText(comparison.options[name]);
    return variants.map((variant, i) => `${variant.name}: ${own[i]}`).join("; ");
  };
  return foldedTable("Every option", ["option", "value"], names.map(name => [name.replace(/_/g, "-"), words(name)]));
}

function networksTable(comparison) {
  const variants = comparison.variants.filter(variant => variant.network?.line);
  if (new Set(variants.map(variant => variant.network.line)).size < 2) return null;
  return foldedTable("Every network", ["variant", "parameters", "network"], variants.map(variant =>
    [variant.name, count(variant.network.parameters), variant.network.line]));
}

function makingSection(view) {
  const {comparison} = view, {machine} = comparison;
  const work = [
    known(comparison.seconds) ? `took ${duration(comparison.seconds)}` : null,
    known(comparison.jobs) ? `${plural(comparison.jobs, "run")} side by side` : null,
    known(comparison.threads_per_run) ? `${plural(comparison.threads_per_run, "thread")} each` : null,
    comparison.kept ? `${plural(comparison.kept, "run")} from the store` : null,
  ].filter(text => text);
  return element("section", {}, view.heading("How to repeat it", 1),
    comparison.command_line ? commandBox(comparison.command_line) : null,
    element("dl", {class: "facts"},
      comparison.version ? factOf("Version", `Halfwave ${comparison.version}`) : null,
      machine ? factOf("Machine", `${machine.processor}, ${plural(machine.threads, "thread")}`) : null,
      work.length ? factOf("Work", work.join(", ")) : null,
      comparison.store ? factOf("Store", element("code", {}, comparison.store)) : null),
    networksTable(comparison), optionsTable(comparison));
}

/** One comparison, from its title to its command line. */
function comparisonArticle(view) {
  const {comparison} = view;
  const figures = [...learningCurves(view), stripFigure(view), timeFigure(view)].filter(figure => figure);
  const layers = layerSection(view), search = searchFigure(view);
  const names = comparison.variants.map(variant => variant.name);
  const grid = some => element("div", {class: "figures"}, some.map(figure => figure.element));
  return element("article", {id: view.id},
    element("header", {}, view.heading(titleOf(comparison)),
      names.length > 1 ? element("p", {class: "compared"}, names.join(" · ")) : null),
    comparison.verdict ? element("p", {class: "verdict"}, comparison.verdict) : null,
    notes(comparison), facts(view),
    figures.length ? element("section", {}, view.heading("Results", 1), grid(figures)) : null,
    layers,
    search ? element("section", {}, view.heading("Learning rates", 1), grid([search])) : null,
    resultsSection(view), makingSection(view));
}

/** Follows the screen between light and dark; what is printed is light. */
function watchLook(draw) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = printing => {
    document.documentElement.classList.toggle("dark", dark.matches && !printing);
    draw();
  };
  dark.addEventListener("change", () => apply(false));
  addEventListener("beforeprint", () => apply(true));
  addEventListener("afterprint", () => apply(false));
  apply(false);
}

function showPage(report) {
  const several = report.comparisons;
  const views = several?.map((comparison, i) => new View(comparison, `data-${i + 1}`, 2)) ??
    [new View(report, "comparison-1", 1)];
  const main = document.getElementById("page");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  main.replaceChildren();
  if (several) {
    document.title = `Comparisons in ${report.store ?? "a store"} – halfwave compare`;
    main.append(element("h1", {}, "Comparisons on ", plural(views.length, "data set")),
      element("nav", {"aria-label": "Data sets"}, element("ul", {}, views.map(view =>
        element("li", {}, element("a", {href: `#${view.id}`}, view.comparison.data.name))))));
    main.append(noteList(report.warnings ?? []) ?? "");
  } else {
    document.title = `${titleOf(report)} – halfwave compare`;
  }
  main.append(...views.map(comparisonArticle));
  watchLook(() => views.forEach(view => view.draw()));
}

showPage(JSON.parse(document.getElementById("comparison").textContent));
