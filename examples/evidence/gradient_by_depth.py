"""The gradient that reaches the first layer, as a share of that at the last one, for networks of growing depth: before the
first step (`inspect` of a network line) and after a short training (`inspect` of the file). Every network begins as suits its
activation (`--init auto`), so that what is seen is the activation and not a wrong scale."""

from book import FAILS, HOLDS, LIMITS, Verdict
from figures import geometric, percent, short, spread, table

NUMBER = 1
TITLE = "Gradient by depth"
CLAIM = "ReLU and its kin hand the gradient on through many layers, where that of sigmoid and tanh vanishes."
SOURCES = [
    "Hochreiter 1991 and Bengio, Simard & Frasconi 1994 on vanishing gradients",
    "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks",
    "Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks",
]
RULE = ("the gradient ratio is the norm of the loss's gradient by the first layer's outputs, to that of the last layer's (geometric "
        "mean over seeds). It *vanishes* below 1/1000 and is *kept* from 1/30 to 30. Holds if at 20 layers, at the start, it vanishes "
        "with sigmoid and tanh and is kept with relu, leaky_relu, elu and selu; holds with limits if it vanishes with sigmoid and is "
        "kept with relu; else it does not hold here.")
SCOPE = ("One width (100), one data set and Adam at a rate of 0.001 for all, without normalisation or skip connections. Adam divides "
         "each weight's gradient by its own size, so that a small gradient alone does not stop it.")

ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"]
COMMANDS = """halfwave inspect "$depth * (dense 100, $activation), dense" mnist1d --init auto --seed $seed
    halfwave train mnist1d --net "$depth * (dense 100, $activation), dense" --learning-rate 0.001 --epochs $epochs --seed $seed --out trained.onnx
    halfwave inspect trained.onnx mnist1d"""

# Xavier's formula without tanh's own gain: what it was in 2010.
PLAIN = 'halfwave inspect "$depth * (dense 100, tanh), dense" mnist1d --init lecun_normal --seed $seed'


def measure(book):
    template = COMMANDS.replace("$epochs", str(book.choose(full=30, quick=3)))
    depths, seeds = book.choose(full=[5, 10, 20, 40], quick=[5, 20]), range(book.choose(full=3, quick=1))
    runs = book.each(template, depth=depths, activation=ACTIVATIONS, seed=seeds)
    rows = [{**values, "start": start["layers"][0]["gradient_ratio"], "end": end["layers"][0]["gradient_ratio"],
             "accuracy": trained["result"]["test_accuracy"]} for values, (start, trained, end) in runs]
    runs = book.each(PLAIN, depth=depths, seed=seeds)
    return rows + [{**values, "activation": "tanh, gain 1", "start": start["layers"][0]["gradient_ratio"]} for values, [start] in runs]


def ratios(figures, activation, depth, when):
    return [row[when] for row in figures if (row["activation"], row["depth"]) == (activation, depth)]


def decisive(figures):
    return {"at_start": {name: geometric(ratios(figures, name, 20, "start")) for name in [*ACTIVATIONS, "tanh, gain 1"]},
            "at_end": {name: geometric(ratios(figures, name, 20, "end")) for name in ACTIVATIONS}}


def vanishes(ratio):
    return ratio < 1e-3


def kept(ratio):
    return 1 / 30 <= ratio <= 30


def judge(at_start, at_end):
    saturating = [name for name in ("sigmoid", "tanh") if vanishes(at_start[name])]
    others = [name for name in ACTIVATIONS[2:] if kept(at_start[name])]
    figure = f"20 layers, at the start: sigmoid {short(at_start['sigmoid'])}, tanh {short(at_start['tanh'])}, relu {short(at_start['relu'])}"
    reason = (f"At the start, through 20 layers, it vanishes with {' and '.join(saturating) or 'neither sigmoid nor tanh'} and is kept "
              f"with {', '.join(others) or 'none of the others'}. After training the ratios are sigmoid {short(at_end['sigmoid'])}, "
              f"tanh {short(at_end['tanh'])}, relu {short(at_end['relu'])}.")
    if "tanh" not in saturating:
        reason += (" Tanh's slope is 1 at zero, and with weights of Xavier's size its signals stay small enough to profit: with the plain "
                   f"formula of 2010 the ratio is {short(at_start['tanh, gain 1'])}, with tanh's own gain (the default) more. Glorot & Bengio "
                   "saw it shrink with a third of that variance, as was usual before. Sigmoid's slope is at most a quarter.")
    if len(saturating) == 2 and len(others) == 4:
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS if "sigmoid" in saturating and "relu" in others else FAILS, figure, reason)


_KEPT, _GONE = (dict.fromkeys([*ACTIVATIONS, "tanh, gain 1"], ratio) for ratio in (1.0, 1e-9))
MADE_UP = {
    HOLDS: {"at_start": {**_KEPT, "sigmoid": 1e-8, "tanh": 1e-4}, "at_end": _KEPT},
    LIMITS: {"at_start": {**_KEPT, "sigmoid": 1e-8}, "at_end": _KEPT},
    FAILS: {"at_start": _GONE, "at_end": _GONE},
}


def depths_of(figures):
    return sorted({row["depth"] for row in figures})


def tables(figures):
    depths = depths_of(figures)
    parts = []
    for when, title in (("start", "at the start"), ("end", "after training")):
        rows = []
        for name in ACTIVATIONS + ["tanh, gain 1"] * (when == "start"):
            found = [ratios(figures, name, depth, when) for depth in depths]
            rows.append([name] + [f"{short(geometric(v))} ({short(min(v), 2)} to {short(max(v), 2)})" for v in found])
        parts.append(table([f"gradient ratio {title}"] + [f"{depth} layers" for depth in depths], rows))
    rows = [[name] + [percent(spread(ratios(figures, name, depth, "accuracy"))) for depth in depths] for name in ACTIVATIONS]
    parts.append(table(["test accuracy"] + [f"{depth} layers" for depth in depths], rows))
    return "\n\n".join(parts) + "\n\nRatios are geometric means over seeds, with the smallest and the largest."


def draw(figures, picture):
    depths = depths_of(figures)
    fields = picture.axes("How much of the last layer's gradient reaches the first one", "Gradient ratio over the number of hidden "
                          "layers for six activations, at the start and after training; the numbers are in the table.", columns=2,
                          headings=["at the start", "after training"], xlabel="hidden layers", ylabel="gradient, first to last layer",
                          log="xy")
    for axes, when in zip(fields, ("start", "end")):
        for series, name in enumerate(ACTIVATIONS):
            ys = [geometric(ratios(figures, name, depth, when)) or None for depth in depths]
            picture.line(axes, depths, ys, name, series)
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.minorticks_off()
    picture.legend(fields[0])
