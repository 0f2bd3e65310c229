// A figure of the page: heading, legend, drawing, what it says in words, and its numbers as a table.
"use strict";

/** A comparison on the page: what its figures have in common. */
class View {
  constructor(comparison, id, level) {
    this.comparison = comparison;
    this.score = scoreOf(comparison);
    this.id = id;
    this.level = level;        // of its headings
    this.hidden = new Set();   // names of variants that the reader has switched off
    this.chosen = Math.max(0, comparison.variants.findIndex(variant => runsOf(variant).length > 0));
    this.figures = [];
  }

  heading(text, below = 0) {
    return element(`h${Math.min(6, this.level + below)}`, {}, text);
  }

  /** [{variant, number}] that have runs and are not switched off. */
  shown() {
    return this.comparison.variants.map((variant, number) => ({variant, number}))
      .filter(({variant}) => runsOf(variant).length > 0 && !this.hidden.has(variant.name));
  }

  draw() {
    for (const figure of this.figures) figure.draw();
  }
}

/** A figure. parts: {name, title, height in pixels, legend: "variants" or a function of the look that makes one, chart:
    a function of the look and the width that gives Chart.js's configuration, caption, table}. Titles, captions and
    tables are functions where they change with what the reader chooses. */
class Figure {
  constructor(view, parts) {
    this.view = view;
    this.parts = parts;
    this.chart = null;
    const id = `${view.id}-${parts.name}`;
    this.title = view.heading("", 2);
    this.canvas = element("canvas", {role: "img", id, "aria-describedby": `${id}-caption`});
    this.plot = element("div", {class: "plot"}, this.canvas);
    if (parts.height) this.plot.style.setProperty("--height", `${parts.height}px`);
    this.legend = element("div", {class: "legend"});
    if (parts.legend === "variants") this.legend.append(...this.variantLegend());
    this.caption = element("figcaption", {id: `${id}-caption`});
    this.numbers = element("details", {class: "numbers"}, element("summary", {}, "Numbers"));
    this.numbers.addEventListener("toggle", () => this.fillNumbers());
    this.element = element("figure", {}, this.title, this.legend, this.plot, this.caption,
      this.numbers);
    view.figures.push(this);
  }

  /** Buttons that switch a variant off and on, in all figures of the comparison. */
  variantLegend() {
    const view = this.view;
    return view.comparison.variants.map((variant, number) => {
      const runs = runsOf(variant).length;
      const button = element("button", {type: "button", "aria-pressed": "true", title: variant.name,
        disabled: runs ? null : ""}, swatch(number), shortened(variant.name, 36) + (runs ? "" : " (no runs yet)"));
      button.addEventListener("click", () => {
        if (!view.hidden.delete(variant.name)) view.hidden.add(variant.name);
        view.draw();
      });
      return button;
    });
  }

  draw() {
    const look = currentLook(), {parts, view} = this, value = part => (typeof part === "function" ? part() : part);
    this.title.textContent = value(parts.title);
    this.canvas.setAttribute("aria-label", this.title.textContent);
    this.caption.textContent = value(parts.caption);
    if (parts.legend === "variants") {
      for (const button of this.legend.children)
        button.setAttribute("aria-pressed", String(!view.hidden.has(button.title)));
    } else if (parts.legend) {
      this.legend.replaceChildren(...parts.legend(look));
    }
    this.chart?.destroy();
    this.chart = new Chart(this.canvas, parts.chart(look, this.plot.clientWidth));
    this.fillNumbers();
  }

  /** The table is made when somebody opens it: it may be long. */
  fillNumbers() {
    this.numbers.querySelector(".scroll")?.remove();
    if (this.numbers.open)
      this.numbers.append(tableOf({caption: this.title.textContent, hideCaption: true, ...this.parts.table()}));
  }
}
