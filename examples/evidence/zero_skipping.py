"""Training with the zeros skipped (`--skip auto`) and dense (`--skip off`) in turn, all else equal, without and with L1 penalties on the
activations that make the codes sparser, and with a smaller learning rate, which leaves them denser: seconds of an epoch
against density, and the whole training at the accuracy that it ends with."""
import statistics

from book import FAILS, HOLDS, LIMITS, Verdict
from figures import percent, spread, table

NUMBER = 15
TITLE = "Zero-skipping"
CLAIM = "Zeros need not be computed: training that skips them is faster, the more so the sparser the codes, and no less accurate."
SOURCES = ["Glorot, Bordes & Bengio 2011, section 3.1: sparse codes save computation, if it is made use of"]
RULE = ("an epoch's time is the shortest of the repetitions, which take turns; the whole training's is the sum of these. Holds if the "
        "whole training without a penalty is at least 1.2 times as fast, an epoch at a density of 10 % or less at least twice as fast, "
        "and the mean accuracy with zeros skipped is within 0.3 points of dense at every penalty; holds with limits if with some penalty, "
        "at a mean accuracy at most 0.5 points below that of dense training without one, the whole training is at least 1.2 times as "
        "fast; else it does not hold here.")
SCOPE = ("One network and data set on one machine, both threads. Dense is Halfwave's own dense product, which docs/performance.md compares with "
         "other libraries'. A part of the data: which penalty costs how much accuracy is not the same elsewhere. A first run had the smaller "
         "learning rate throughout, and medians for minima; the rate is now the usual one, and the thresholds are those of then.")

SMALL = 0.0005  # a quarter of the usual learning rate here
COMMAND = ("halfwave train fashion-mnist --hidden 512,512,512 --activity-l1 $penalty --skip $skip --epochs $epochs --examples $examples "
           "--learning-rate $rate --seed $repeat")


def measure(book):
    template = COMMAND.replace("$epochs", str(book.choose(6, 2))).replace("$examples", str(book.choose(12000, 5000)))
    repeats = range(book.choose(4, 1))
    runs = book.each(template.replace("$rate", "0"), timed=True, repeat=repeats,
                     penalty=book.choose(["0", "0.0001", "0.001", "0.01"], ["0", "0.0001"]), skip=["off", "auto"])
    runs += book.each(template.replace("$penalty", "0").replace("$rate", str(SMALL)), timed=True, repeat=repeats, skip=["off", "auto"])
    figures = []
    for values, [result] in runs:
        last = result["epochs"][-1]
        hidden = last["layers"][:-1]
        figures.append({"penalty": float(values.get("penalty", 0)), "small": "penalty" not in values,
                        "skip": values["skip"], "repeat": values["repeat"],
                        "seconds": [epoch["seconds"] for epoch in result["epochs"]],
                        "density": sum(layer["density"] * layer["units"] for layer in hidden) / sum(layer["units"] for layer in hidden),
                        "accuracy": result["result"]["test_accuracy"]})
    return figures


def of(figures, key, variant, skip):
    return [row[key] for row in figures if ((row["penalty"], row["small"]), row["skip"]) == (variant, skip)]


def times(figures, variant, skip):
    """Seconds of each epoch."""
    return [min(epoch) for epoch in zip(*of(figures, "seconds", variant, skip))]


def decisive(figures):
    found = []
    for variant in sorted({(row["penalty"], row["small"]) for row in figures}, key=lambda variant: variant[::-1]):
        accuracy = {skip: statistics.fmean(of(figures, "accuracy", variant, skip)) for skip in ("off", "auto")}
        dense, skipped = (times(figures, variant, skip) for skip in ("off", "auto"))
        found.append({"penalty": variant[0], "small": variant[1], "density": statistics.fmean(of(figures, "density", variant, "auto")),
                      "whole": sum(dense) / sum(skipped), "step": sum(dense[-2:]) / sum(skipped[-2:]),
                      "accuracy_off": accuracy["off"], "accuracy_auto": accuracy["auto"]})
    return {"found": found}


def judge(found):
    plain, small = found[0], found[-1]
    found = found[:-1]
    sparse = [row for row in found if row["density"] <= 0.1]
    equal = all(abs(row["accuracy_auto"] - row["accuracy_off"]) <= 0.003 for row in found)
    free = [row for row in found if row["accuracy_auto"] >= plain["accuracy_off"] - 0.005]
    fastest = max(free or [plain], key=lambda row: row["whole"])
    figure = (f"whole training {plain['whole']:.2f} times as fast without a penalty (density {percent(plain['density'], 0)} in the end), "
              f"{fastest['whole']:.2f} times with the best one that costs at most half a point")
    reason = (f"Without a penalty the last two epochs, at a density of {percent(plain['density'])}, are {plain['step']:.2f} times as fast as "
              f"dense, the whole training {plain['whole']:.2f} times. With a penalty of {fastest['penalty']:g} it is {fastest['whole']:.2f} times, "
              f"at {percent(fastest['accuracy_auto'])} against {percent(plain['accuracy_off'])} of dense training without one.")
    if sparse:
        best = max(sparse, key=lambda row: row["step"])
        reason += f" At a density of {percent(best['density'])} they are {best['step']:.1f} times as fast (accuracy {percent(best['accuracy_auto'])})."
    reason += (f" A smaller learning rate ({SMALL:g}) leaves the codes denser ({percent(small['density'])}), and the whole training is "
               f"{small['whole']:.2f} times as fast.")
    if not equal:
        reason += " Skipped and dense training end more than 0.3 points apart somewhere: other rounding leads to other weights, as another seed does."
    if plain["whole"] >= 1.2 and sparse and all(row["step"] >= 2 for row in sparse) and equal:
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS if free and fastest["whole"] >= 1.2 else FAILS, figure, reason)


def _row(penalty, density, whole, step, accuracy=0.88):
    return {"penalty": penalty, "small": False, "density": density, "whole": whole, "step": step,
            "accuracy_off": accuracy, "accuracy_auto": accuracy}


MADE_UP = {HOLDS: {"found": [_row(0, 0.3, 1.3, 1.4), _row(1e-3, 0.05, 2.5, 3.0), _row(0, 0.5, 1.1, 1.1)]},
           LIMITS: {"found": [_row(0, 0.3, 1.1, 1.1), _row(1e-3, 0.05, 2.5, 3.0), _row(0, 0.5, 1.1, 1.1)]},
           FAILS: {"found": [_row(0, 0.3, 1.1, 1.1), _row(1e-3, 0.05, 2.5, 3.0, accuracy=0.8), _row(0, 0.5, 1.1, 1.1)]}}


def tables(figures):
    rows = []
    for row in decisive(figures)["found"]:
        variant = row["penalty"], row["small"]
        rows.append([f"{row['penalty']:g}" + (f", learning rate {SMALL:g}" if row["small"] else ""),
                     percent(spread(of(figures, "density", variant, "auto")))]
                    + [f"{sum(times(figures, variant, skip)):.2f}" for skip in ("off", "auto")]
                    + [f"{row['whole']:.2f}", f"{row['step']:.2f}"]
                    + [percent(spread(of(figures, "accuracy", variant, skip)), 2) for skip in ("off", "auto")])
    return table(["L1 penalty", "density, last epoch", "dense, s", "skipped, s", "whole training, times as fast", "last two epochs, times as fast",
                  "accuracy dense", "accuracy skipped"], rows)


def draw(figures, picture):
    left, right = picture.axes("Training with the zeros skipped", "Left: how much faster the last two epochs are, over their density. Right: "
                               "test accuracy over the seconds of the whole training; numbers are in the table.", columns=2, sharey=False,
                               headings=["last two epochs, times as fast as dense", "test accuracy, %, over seconds of training"])
    found = sorted(decisive(figures)["found"], key=lambda row: row["density"])
    picture.line(left, [100 * row["density"] for row in found], [row["step"] for row in found], "zeros skipped", 0)
    left.axhline(1, color=picture.colour(1), linestyle="--", label="dense")
    left.set_xlabel("numbers that are not zero, %")
    left.set_ylim(0)
    for series, (skip, name) in enumerate((("auto", "zeros skipped"), ("off", "dense"))):
        points = [(sum(times(figures, (row["penalty"], False), skip)), spread(of(figures, "accuracy", (row["penalty"], False), skip)))
                  for row in found if not row["small"]]
        picture.line(right, [x for x, _ in points], [100 * y["mean"] for _, y in points], name, series, spread=[100 * y["std"] for _, y in points])
    right.set_xlabel("seconds of training")
    right.set_xlim(0)
    picture.legend(left)
    picture.legend(right)
