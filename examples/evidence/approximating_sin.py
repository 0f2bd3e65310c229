"""Networks of one hidden layer of 2 to 64 units, and of two hidden layers, learn sin on [-4, 4] from 400 noiseless points. A ReLU network is
made of straight pieces: they are counted along a fine line. The same line shows what the network does outside of what it has seen. tanh is
the smooth comparison. Biases begin at 0, as usual, so that all kinks begin at the middle of the data; for comparison also at 1, which spreads
them."""
import math

from book import FAILS, HOLDS, LIMITS, Verdict
from figures import geometric, percent, short, table

NUMBER = 11
TITLE = "Approximating sin"
CLAIM = ("A ReLU network approximates a smooth function by straight pieces, the better the more units it has; outside of the data it goes on "
         "as a straight line.")
SOURCES = ["Montúfar, Pascanu, Cho & Bengio 2014, On the number of linear regions of deep neural networks",
           "Xu et al. 2021, How neural networks extrapolate: ReLU networks become linear along directions from the origin"]
RULE = ("errors are RMSE, geometric means over seeds. Holds if with ReLU the error of 64 units is at most a tenth of that of 4, no network of "
        "one hidden layer has more straight pieces than units + 1, every ReLU network is *straight outside* (from 8 to 16, on both sides, off a "
        "straight line by less than 1 % of its rise) and its error outside is at least ten times that inside; holds with limits if nine "
        "tenths of them are straight outside, and the error of 64 units is at most a third of that of 4; else it does not hold here.")
SCOPE = ("One function of one variable, and one optimiser (Adam), which finds some approximation, not the best one. The rule's nine tenths "
         "came after a quick run, in which a network of two layers had a kink beyond 8; before that it said all.")

COMMANDS = """python3 examples/evidence/sine.py data
    halfwave train train.csv --test test.csv --net "dense $units, $activation, dense" --batch 50 --bias-init $bias --learning-rate 0.01 --epochs $epochs --seed $seed --out net.onnx
    halfwave run net.onnx line.csv --out y.npy
    python3 examples/evidence/sine.py pieces y.npy"""


def measure(book):
    seeds, template = range(book.choose(5, 2)), COMMANDS.replace("$epochs", str(book.choose(1000, 150)))
    figures = []
    units, deep_units = book.choose([2, 4, 8, 16, 32, 64], [4, 64]), book.choose([4, 8, 16], [16])
    deep = template.replace("dense $units, $activation, dense", "2 * (dense $units, $activation), dense")
    for layers, text, axes in ((1, template, {"activation": ["relu", "tanh"], "bias": [0], "units": units}),
                               (1, template, {"activation": ["relu"], "bias": [1], "units": units}),
                               (2, deep, {"activation": ["relu"], "bias": [0], "units": deep_units})):
        for values, results in book.each(text, **axes, seed=seeds):
            found = results[-1]
            if values["seed"] or layers == 2 or values["units"] != 16 or values["bias"]:
                del found["curve"]
            figures.append({"activation": values["activation"], "layers": layers, "units": layers * values["units"],
                            "bias": values["bias"], **found})
    return figures


def of(figures, key, activation, layers, units, bias=0):
    wanted = (activation, layers, units, bias)
    return [row[key] for row in figures if (row["activation"], row["layers"], row["units"], row["bias"]) == wanted]


def sizes(figures, layers=1):
    return sorted({row["units"] for row in figures if row["layers"] == layers})


def decisive(figures):
    relu = [row for row in figures if row["activation"] == "relu" and row["bias"] == 0]
    return {"errors": {units: geometric(of(figures, "inside", "relu", 1, units)) for units in sizes(figures)},
            "spread_out": geometric(of(figures, "inside", "relu", 1, 64, bias=1)),
            "spare": min(row["units"] + 1 - row["pieces"] for row in relu if row["layers"] == 1),
            "straight": sum(row["off_straight"] < 0.01 for row in relu) / len(relu),
            "off_straight": max(row["off_straight"] for row in relu),
            "outside": min(row["outside"] / row["inside"] for row in relu)}


def judge(errors, spread_out, spare, straight, off_straight, outside):
    falls = errors[4] / errors[64]
    figure = (f"error with 4 units {short(errors[4])}, with 64 {short(errors[64])}; outside {percent(straight, 0)} of the "
              "networks are straight lines")
    reason = (f"From 4 to 64 units the error becomes {falls:.0f} times smaller. From 8 to 16 "
              f"{percent(straight, 0)} of the ReLU networks are straight lines"
              + (f" (the others, off by {short(100 * off_straight, 2)} % at most, have a kink beyond 8)" if straight < 1 else "")
              + f", and the error outside is at least {outside:.0f} times that inside.")
    if spare < 0:
        reason += f" A network has {-spare} more pieces than units + 1, which only the count's rounding can make."
    if errors[64] > 0.5 * errors[max(units for units in errors if units <= 16)]:
        reason += (" From 16 units on it hardly falls: the biases begin at 0 and all kinks at the middle of the data, and few of them reach its "
                   f"ends. With biases that begin at 1 the error of 64 units is {short(spread_out)}.")
    if falls >= 10 and spare >= 0 and straight == 1 and outside >= 10:
        return Verdict(HOLDS, figure, reason)
    if outside < 10:
        reason += " Networks of very few units are hardly better inside than outside."
    return Verdict(LIMITS if straight >= 0.9 and falls >= 3 else FAILS, figure, reason)


MADE_UP = {HOLDS: {"errors": {4: 0.2, 64: 0.005}, "spread_out": 0.004, "spare": 0, "straight": 1.0, "off_straight": 1e-5, "outside": 20.0},
           LIMITS: {"errors": {4: 0.2, 64: 0.05}, "spread_out": 0.004, "spare": 0, "straight": 1.0, "off_straight": 1e-5, "outside": 20.0},
           FAILS: {"errors": {4: 0.2, 64: 0.005}, "spread_out": 0.004, "spare": 0, "straight": 0.5, "off_straight": 0.3, "outside": 20.0}}


def least_error(pieces):
    """RMSE of sin on [-4, 4] of the best such function of many pieces, each by itself: asymptotically
    (integral of |f''|^(2/5))^(5/2) / (n^2 sqrt(720) sqrt(8))."""
    steps = 10000
    integral = sum(abs(math.sin(-4 + 8 * (i + 0.5) / steps)) ** 0.4 for i in range(steps)) * 8 / steps
    return integral**2.5 / (pieces**2 * math.sqrt(720 * 8))


def tables(figures):
    rows = []
    for activation, layers, bias in (("relu", 1, 0), ("relu", 1, 1), ("relu", 2, 0), ("tanh", 1, 0)):
        for units in sizes(figures, layers):
            found = {key: of(figures, key, activation, layers, units, bias) for key in ("inside", "outside", "pieces", "off_straight")}
            pieces = sorted(found["pieces"])
            name = f"{activation}, {units} units" + (" in 2 layers" if layers == 2 else ", biases from 1" if bias else "")
            rows.append([name, short(geometric(found["inside"])),
                         f"{short(min(found['inside']), 2)} to {short(max(found['inside']), 2)}",
                         f"{pieces[len(pieces) // 2]} ({pieces[0]} to {pieces[-1]})" if activation == "relu" else "–",
                         short(least_error(pieces[len(pieces) // 2])) if activation == "relu" else "–", short(geometric(found["outside"])),
                         f"{short(100 * max(found['off_straight']), 2)} %"])
    return table(["network", "error on [-4, 4]", "over seeds", "straight pieces, median", "about the least of so many", "error outside, to ±16",
                  "off a straight line from 8 to 16"], rows) + (
        "\n\nAbout the least error: that of the best function of many straight pieces that need not meet; for few pieces it is no bound.")


def draw(figures, picture):
    first, second, third = picture.axes("sin on [-4, 4], learned", "Left: error over the number of units. Middle: error over the number of straight "
                                        "pieces of each ReLU network, with about the least error of so many pieces. Right: two networks of 16 units, "
                                        "and sin, from -12 to 12. Numbers are in the table.", columns=3, sharey=False,
                                        headings=["error by units", "error by straight pieces", "16 units, inside and outside"])
    for axes in (first, second):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_ylabel("RMSE on [-4, 4]" if axes is first else "")
    for series, (activation, layers, bias) in enumerate((("relu", 1, 0), ("relu", 2, 0), ("tanh", 1, 0), ("relu", 1, 1))):
        units = sizes(figures, layers)
        label = activation + (", 2 layers" if layers == 2 else ", biases from 1" if bias else "")
        picture.line(first, units, [geometric(of(figures, "inside", activation, layers, n, bias)) for n in units], label, series)
        if activation == "relu":
            found = [row for row in figures if (row["activation"], row["layers"], row["bias"]) == (activation, layers, bias)]
            second.plot([row["pieces"] for row in found], [row["inside"] for row in found], "os^D"[series], color=picture.colour(series),
                        label=label, markersize=4)
    counts = [4, 8, 16, 32, 64]
    second.plot(counts, [least_error(n) for n in counts], "--", color=picture.colour(5), label="about the least")
    first.set_xlabel("units")
    second.set_xlabel("straight pieces")
    for axes in (first, second):
        axes.set_xticks(counts, map(str, counts))
        axes.minorticks_off()
    xs = [-16 + i / 4 for i in range(129)]
    shown = [i for i, x in enumerate(xs) if abs(x) <= 12]
    for series, activation in ((0, "relu"), (2, "tanh")):
        for row in figures:
            if row["activation"] == activation and "curve" in row:
                third.plot([xs[i] for i in shown], [row["curve"][i] for i in shown], color=picture.colour(series), label=activation)
    third.plot([xs[i] for i in shown], [math.sin(xs[i]) for i in shown], color=picture.colour(5), linestyle=":", label="sin")
    third.axvspan(-4, 4, alpha=0.12, color=picture.colour(5), linewidth=0)
    third.set_ylim(-4, 4)
    third.set_xlabel("x")
    picture.legend(first)
    picture.legend(second)
    picture.legend(third, loc="lower left")
