"""CReLU gives each unit's positive and negative part, so that half the units have as many outputs. Networks with ReLU (all units), CReLU
(half the units: the same number of outputs of every hidden layer, and about half the parameters), CReLU with about as many parameters
as ReLU, and, as a control, ReLU with half the units; each with its own learning rate, on three problems."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, table, welch

NUMBER = 9
TITLE = "CReLU with half the units"
CLAIM = "CReLU needs only half the units: it does as well as ReLU with half the parameters."
SOURCES = ["Shang, Sohn, Almeida & Lee 2016, Understanding and improving convolutional neural networks via concatenated rectified linear "
           "units: on CIFAR-10 and 100 CReLU with half the filters is as good as ReLU or better"]
RULE = ("CReLU with half the units *keeps up* on a problem if its mean test accuracy is at most half a point below that of ReLU with all "
        "units, and it *is worth it* if it is above that of ReLU with half the units (p < 0.05, Welch). Holds if it keeps up and is worth "
        "it on all three problems; holds with limits if it keeps up on at least one; else it does not hold here.")
SCOPE = ("Small networks and parts of the data (10,000 images of Fashion-MNIST, 5,000 of CIFAR-10), a few epochs. The published networks "
         "have ten times the layers, and use CReLU in the lower ones only.")

# For each: data, the network, and its units (or filters): all, half, and with as many parameters.
PROBLEMS = {
    "MNIST-1D, MLP": ("mnist1d", "dense {0}, {1}, dense {0}, {1}, dense", (128, 64, 91), (40, 5), (8, 2)),
    "Fashion-MNIST, MLP": ("fashion-mnist --examples 10000", "dense {0}, {1}, dense {0}, {1}, dense", (256, 128, 220), (8, 1), (4, 2)),
    "CIFAR-10, CNN": ("cifar-10 --test split --validation 0.1 --examples 5000",
                      "conv {0}, {1}, pool, conv {0}, {1}, pool, conv {0}, {1}, pool, flatten, dense", (24, 12, 17), (8, 1), (3, 2)),
}
VARIANTS = ["ReLU", "CReLU, half the units", "CReLU, as many parameters", "ReLU, half the units"]


def networks(line, widths):
    full, half, same = widths
    return [line.format(full, "relu"), line.format(half, "crelu"), line.format(same, "crelu"), line.format(half, "relu")]


def measure(book):
    figures = {}
    for name in book.choose(list(PROBLEMS), list(PROBLEMS)[:2]):
        data, line, widths, epochs, seeds = PROBLEMS[name]
        nets = "|".join(networks(line, widths))
        result = book.compare(f'halfwave compare {data} --over "net={nets}" --epochs {book.choose(*epochs)} '
                              f"--seeds {book.choose(*seeds)}")
        figures[name] = [{"parameters": variant["parameters"], "learning_rate": variant["learning_rate"], "score": variant["score"],
                          "scores": [run["score"] for run in variant["runs"] if run["score"] is not None]}
                         for variant in result["variants"]]
    return figures


def decisive(figures):
    problems = {}
    for name, (relu, crelu, _, control) in figures.items():
        problems[name] = {"gap": crelu["score"]["mean"] - relu["score"]["mean"],
                          "gain": crelu["score"]["mean"] - control["score"]["mean"], "p": welch(crelu["scores"], control["scores"]),
                          "parameters": crelu["parameters"] / relu["parameters"]}
    return {"problems": problems}


def judge(problems):
    keeps = [name for name, found in problems.items() if found["gap"] >= -0.005]
    worth = [name for name, found in problems.items() if found["gain"] > 0 and found["p"] < 0.05]
    gaps = "; ".join(f"{100 * found['gap']:+.1f} points on {name} ({found['parameters']:.2f} of the parameters)"
                     for name, found in problems.items())
    figure = "; ".join(f"{name.split(',')[0]} {100 * found['gap']:+.1f}" for name, found in problems.items()) + " points against ReLU"
    reason = (f"CReLU with half the units against ReLU with all: {gaps}. It is better than ReLU with half the units on "
              f"{_and(worth)}.")
    if len(keeps) == len(worth) == len(problems):
        return Verdict(HOLDS, figure, reason)
    if len(keeps) == len(problems):
        idle = [name for name in problems if name not in worth]
        return Verdict(LIMITS, figure, reason + f" It keeps up on all; but on {_and(idle)} so nearly does ReLU with half the units, which shows "
                                                "that these were more than enough.")
    return Verdict(LIMITS if keeps else FAILS, figure, reason + f" It keeps up on {_and(keeps)}.")


def _and(names):
    return " and ".join(f"“{name}”" for name in names) or "none of them"


def _made(gap, gain=0.02, p=0.001):
    return {"gap": gap, "gain": gain, "p": p, "parameters": 0.5}


MADE_UP = {HOLDS: {"problems": {"a, MLP": _made(0.01), "b, CNN": _made(-0.004)}},
           LIMITS: {"problems": {"a, MLP": _made(0.01), "b, CNN": _made(-0.02)}},
           FAILS: {"problems": {"a, MLP": _made(-0.01), "b, CNN": _made(-0.02)}}}


def tables(figures):
    rows = []
    for problem, variants in figures.items():
        relu = variants[0]
        for name, found in zip(VARIANTS, variants):
            gap = "" if found is relu else f"{100 * (found['score']['mean'] - relu['score']['mean']):+.1f}"
            p = "" if found is relu else p_value(welch(found["scores"], relu["scores"]))
            rows.append([f"{problem}: {name}", f"{found['parameters']:,}", f"{found['learning_rate']:.2g}", percent(found["score"]), gap, p])
    return table(["network", "parameters", "learning rate", "test accuracy", "points to ReLU", "p"], rows) + (
        "\n\np is of each difference by itself.")


def draw(figures, picture):
    fields = picture.axes("CReLU against ReLU", "Test accuracy over the number of parameters of four networks on three problems; the "
                          "numbers are in the table.", columns=len(figures), headings=list(figures), xlabel="parameters, thousands",
                          ylabel="test accuracy, %", sharey=False)
    for axes, variants in zip(fields, figures.values()):
        for series, (name, found) in enumerate(zip(VARIANTS, variants)):
            picture.line(axes, [found["parameters"] / 1000], [100 * found["score"]["mean"]], name, series,
                         spread=[100 * found["score"]["std"]])
        axes.set_xlim(0, 1.15 * max(found["parameters"] for found in variants) / 1000)
    low, high = fields[0].get_ylim()
    fields[0].set_ylim(low, high + 0.5 * (high - low))  # room for the legend
    picture.legend(fields[0], loc="upper left")
