// Numbers in words, and elements of the page. What was not measured is null, and shown as "–".
"use strict";

const kNone = "–";
const kSpace = "\u00a0";

const known = x => typeof x === "number" && Number.isFinite(x);

/** Digits as they are printed: "-1234.5" as "−1,234.5". */
const typeset = digits =>
    digits.replace("-", "−").replace(/^−?\d+/, whole => whole.replace(/\B(?=(\d{3})+$)/g, ","));

const count = x => (known(x) ? typeset(String(x)) : kNone);

/** Three digits that count, or as many as told: "0.0123", "1.20·10⁻⁷". */
function significant(x, digits = 3) {
  if (!known(x)) return kNone;
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e6) {
    const text = x.toPrecision(digits);
    return typeset(text.includes("e") ? String(Math.round(x)) : text);
  }
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  return `${typeset(mantissa)}·10${raised(Number(exponent))}`;
}

/** A number that a person chose, in its shortest form: "0.003", "3·10⁻⁵". */
function plain(x) {
  if (!known(x)) return kNone;
  if (Number.isInteger(x)) return count(x);
  if (Math.abs(x) >= 1e-4) return typeset(String(Number(x.toPrecision(4))));
  const exponent = Math.floor(Math.log10(Math.abs(x)) + 1e-9);
  const mantissa = Number((x / 10 ** exponent).toPrecision(3));
  return `${mantissa === 1 ? "" : typeset(String(mantissa)) + "·"}10${raised(exponent)}`;
}

/** A learning rate; those of a search are powers of two, of which nobody wants all digits. */
const rateText = rate => (known(rate) ? plain(Number(rate.toPrecision(3))) : kNone);

const raised = n => [...String(n)].map(c => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)])).join("");

const percent = (x, digits = 1) => (known(x) ? `${typeset((100 * x).toFixed(digits))}${kSpace}%` : kNone);

/** A length of time: "831 µs", "12.3 s", "2 min 5 s", "1 h 20 min". */
function duration(seconds) {
  if (!known(seconds)) return kNone;
  const s = kSpace;
  if (seconds === 0) return `0${s}s`;
  if (seconds < 0.9995e-3) return `${significant(seconds * 1e6)}${s}µs`;
  if (seconds < 0.9995) return `${significant(seconds * 1e3)}${s}ms`;
  if (seconds < 99.95) return `${significant(seconds)}${s}s`;
  const whole = Math.round(seconds);
  const [first, second, units] = whole < 3600 ? [Math.floor(whole / 60), whole % 60, ["min", "s"]]
    : [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, ["h", "min"]];
  return `${first}${s}${units[0]}${second ? ` ${second}${s}${units[1]}` : ""}`;
}

/** p of a test: "0.031", "< 0.001". */
const probability = p => (!known(p) ? kNone : p < 0.001 ? `<${kSpace}0.001` : p.toFixed(3));

const signed = (x, words) => (known(x) ? (x > 0 ? "+" : "") + words(x) : kNone);

/** "1 seed", "5 seeds". */
const plural = (n, word, words = `${word}s`) => `${count(n)}${kSpace}${n === 1 ? word : words}`;

/** "a, b and c". */
const listed = words => words.length < 2 ? words.join("")
  : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

const shortened = (text, length) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

/** An element with attributes and children; texts are never read as HTML. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children.flat().filter(child => child !== null && child !== undefined));
  return made;
}

/** A table {caption, head, rows} whose first column names its rows, in a box that scrolls sideways by itself. */
function tableOf({caption, head, rows, hideCaption = false}) {
  const body = rows.map(cells => element("tr", {}, cells.map((cell, i) =>
    i === 0 ? element("th", {scope: "row"}, cell) : element("td", {}, cell))));
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
    element("table", {},
      element("caption", {class: hideCaption ? "unseen" : null}, caption),
      element("thead", {}, element("tr", {}, head.map(cell => element("th", {scope: "col"}, cell)))),
      element("tbody", {}, body)));
}

/** The same, folded away. */
const foldedTable = (caption, head, rows) => element("details", {}, element("summary", {}, caption),
  tableOf({caption, hideCaption: true, head, rows}));
