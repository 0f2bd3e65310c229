"""The pictures of the book: SVG by Matplotlib, with text as text, that follows the reader's light or dark screen."""
import io
import pathlib
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402 (the backend comes first)

# The colours of Halfwave's own pictures (cli/svg.cpp): drawn in those of light paper, which then become variables.
LIGHT = {"paper": "#ffffff", "ink": "#1f2328", "soft": "#59636e", "grid": "#d8dee4", "s0": "#0969da", "s1": "#bc4c00",
         "s2": "#1a7f37", "s3": "#8250df", "s4": "#9a6700", "s5": "#6e7781", "s6": "#cf222e"}
DARK = {"paper": "#0d1117", "ink": "#e6edf3", "soft": "#9198a1", "grid": "#30363d", "s0": "#58a6ff", "s1": "#f0883e",
        "s2": "#3fb950", "s3": "#bc8cff", "s4": "#d29922", "s5": "#8b949e", "s6": "#ff7b72"}
SERIES = [LIGHT[f"s{i}"] for i in range(7)]
MARKERS = "osD^vPX"
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "halfwave", "font.family": "sans-serif", "font.size": 11,
    "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "text.color": LIGHT["ink"], "axes.labelcolor": LIGHT["ink"], "axes.titlecolor": LIGHT["ink"],
    "axes.edgecolor": LIGHT["soft"], "xtick.color": LIGHT["soft"], "ytick.color": LIGHT["soft"],
    "xtick.labelcolor": LIGHT["ink"], "ytick.labelcolor": LIGHT["ink"], "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y", "grid.color": LIGHT["grid"],
    "axes.axisbelow": True, "figure.facecolor": LIGHT["paper"], "axes.facecolor": LIGHT["paper"],
    "savefig.facecolor": LIGHT["paper"], "legend.frameon": False, "legend.fontsize": 10, "lines.linewidth": 1.8,
    "lines.markersize": 5,
}


class Picture:
    def __init__(self):
        self.figure, self.title, self.description = None, "", ""

    def axes(self, title, description, *, columns=1, headings=None, xlabel="", ylabel="", sharey=True, height=3.9,
             log=""):
        """The fields of the picture, side by side; `log` names the logarithmic directions ("xy")."""
        pyplot.rcParams.update(STYLE)
        self.title, self.description = title, description
        self.figure, fields = pyplot.subplots(1, columns, figsize=(9.5, height), sharey=sharey, squeeze=False,
                                              layout="constrained")
        self.figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        for i, field in enumerate(fields[0]):
            field.set_xlabel(xlabel)
            if i == 0 or not sharey:
                field.set_ylabel(ylabel)
            if headings:
                field.set_title(headings[i])
            if "x" in log:
                field.set_xscale("log")
            if "y" in log:
                field.set_yscale("log")
        return list(fields[0])

    @staticmethod
    def colour(series):
        return SERIES[series % len(SERIES)]

    def line(self, axes, xs, ys, label, series, spread=None, dashed=False):
        """Points joined by a line, with error bars where `spread` has deviations; where there is no number, a gap."""
        ys = [float("nan") if y is None else y for y in ys]
        axes.errorbar(xs, ys, yerr=spread, label=label, color=self.colour(series), capsize=2.5 if spread else 0,
                      marker=MARKERS[series % len(MARKERS)], linestyle="--" if dashed else "-")

    def bars(self, axes, names, groups):
        """Bars by name; `groups` is a list of (label, heights, deviations or None, series)."""
        width = 0.8 / len(groups)
        for i, (label, heights, deviations, series) in enumerate(groups):
            places = [x + (i - (len(groups) - 1) / 2) * width for x in range(len(names))]
            axes.bar(places, heights, 0.9 * width, yerr=deviations, label=label, color=self.colour(series),
                     error_kw={"ecolor": LIGHT["ink"], "elinewidth": 1, "capsize": 2.5})
        slanted = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(names) > 5 else {}
        axes.set_xticks(range(len(names)), names, **slanted)

    def legend(self, axes, **place):
        axes.legend(**place)

    def write(self, path: pathlib.Path):
        text = io.StringIO()
        self.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        pyplot.close(self.figure)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_finished(text.getvalue(), self.title, self.description))


def _finished(svg, title, description):
    """Matplotlib's SVG without its preamble and comments, with colours as variables, a title and a description."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"\s*<!--.*?-->|\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    for name, colour in LIGHT.items():
        svg = svg.replace(colour, f"var(--{name})")
    # Hundredths of a point are enough; the words between the tags stay as they are.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), svg)
    svg = re.sub(r"\n\s+", "\n", svg)
    svg = re.sub(r"font: (?:(bold|[0-9]+) )?([\d.]+)px [^;\"]*",
                 lambda m: f"font: {m[1] or 400} {m[2]}px system-ui, sans-serif", svg)
    rules = ["svg{" + ";".join(f"--{name}:{colour}" for name, colour in colours.items()) + "}"
             for colours in (LIGHT, DARK)]
    style = f"<style>{rules[0]}@media(prefers-color-scheme:dark){{{rules[1]}}}</style>"
    head = f'<title>{_escaped(title)}</title>\n<desc>{_escaped(description)}</desc>\n{style}\n'
    end = svg.index(">") + 1
    return svg[:end].replace("<svg", '<svg role="img"', 1) + "\n" + head + svg[end:].lstrip("\n")


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
