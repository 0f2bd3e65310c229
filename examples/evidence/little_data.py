"""Networks of two hidden layers, all else equal, with sigmoid and with ReLU, trained on few examples: each seed draws others, of each class
as many, and starts from other weights. The test part is whole. The learning rate is, for each activation, size and data set, the one of
five with the best mean test accuracy over the seeds: with 100 examples none can be spared to search it, and the choice favours neither."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, spread, table, welch

NUMBER = 12
TITLE = "Little data"
CLAIM = "With little data sigmoid does better than ReLU, with more data ReLU."
SOURCES = ["An often repeated piece of advice; Glorot, Bordes & Bengio 2011 find ReLU ahead most where labels are many"]
RULE = ("an activation is ahead at a size if its mean test accuracy is higher with p < 0.05 (Welch, Holm over the sizes and data sets). Holds "
        "if sigmoid is ahead at 100 and 300 examples and ReLU at 3,000, on both data sets; holds with limits if on at least one data set "
        "sigmoid is ahead at 100 or 300 examples and is not at 3,000; else it does not hold here.")
SCOPE = ("Two hidden layers of 128 units, no regularisation but what the budget brings; a few thousand updates. The accuracies are of "
         "rates chosen by the test part, so each is a little too good, for both activations alike.")

ACTIVATIONS, DATA = ["sigmoid", "relu"], ["mnist1d", "fashion-mnist"]
COMMANDS = """halfwave train $data --test split --validation 0 --examples $examples --batch 32 --hidden 128,128 --activation $activation --learning-rate $rate --seed $seed --out m.onnx
    halfwave run m.onnx $data"""


def measure(book):
    runs = book.each(COMMANDS, data=DATA, examples=book.choose([100, 300, 1000, 3000], [100, 1000]), activation=ACTIVATIONS,
                     rate=book.choose(["0.0001", "0.0005", "0.002", "0.008", "0.03"], ["0.002"]), seed=range(book.choose(5, 2)))
    scores = {}
    for values, (_, result) in runs:
        key = (values["data"], values["examples"], values["activation"], values["rate"])
        scores.setdefault(key, []).append(result["result"]["accuracy"])
    return [{"data": data, "examples": examples, "activation": activation, "rate": float(rate), "scores": found}
            for (data, examples, activation, rate), found in scores.items()]


def best(figures, data, examples, activation):
    found = [row for row in figures if (row["data"], row["examples"], row["activation"]) == (data, examples, activation)]
    return max(found, key=lambda row: sum(row["scores"]))


def sizes(figures):
    return sorted({row["examples"] for row in figures})


def decisive(figures):
    """Sigmoid less ReLU, and p, by data set and size."""
    gaps = []
    for data in DATA:
        for examples in sizes(figures):
            sigmoid, relu = (best(figures, data, examples, name)["scores"] for name in ACTIVATIONS)
            gaps.append({"data": data, "examples": examples, "gap": spread(sigmoid)["mean"] - spread(relu)["mean"],
                         "p": welch(sigmoid, relu)})
    least = 0.0
    for rank, row in enumerate(sorted(gaps, key=lambda row: row["p"])):  # Holm
        least = row["p"] = min(1.0, max(least, row["p"] * (len(gaps) - rank)))
    return {"gaps": gaps}


def ahead(gaps, data, sign):
    """The sizes at which sigmoid (1) or ReLU (-1) is ahead."""
    return [row["examples"] for row in gaps if row["data"] == data and sign * row["gap"] > 0 and row["p"] < 0.05]


def judge(gaps):
    data = list(dict.fromkeys(row["data"] for row in gaps))
    largest = max(row["examples"] for row in gaps)
    figure = "sigmoid to ReLU, points: " + "; ".join(
        f"{name} " + ", ".join(f"{100 * row['gap']:+.1f} at {row['examples']:,}" for row in gaps if row["data"] == name) for name in data)
    words = []
    for name in data:
        parts = [f"{who} is ahead at {', '.join(f'{n:,}' for n in found)}"
                 for who, found in (("sigmoid", ahead(gaps, name, 1)), ("ReLU", ahead(gaps, name, -1))) if found]
        words.append(f"on {name} " + (" and ".join(f"{part} examples" for part in parts) or "neither is ahead"))
    reason = f"Beyond what chance makes, {'; '.join(words)}."
    whole = [{100, 300} <= set(ahead(gaps, name, 1)) and largest in ahead(gaps, name, -1) for name in data]
    partly = [set(ahead(gaps, name, 1)) & {100, 300} and largest not in ahead(gaps, name, 1) for name in data]
    return Verdict(HOLDS if all(whole) else LIMITS if any(partly) else FAILS, figure, reason)


def _made(*gaps):
    return {"gaps": [{"data": data, "examples": n, "gap": gap, "p": 0.001 if gap else 1.0}
                     for data, by_size in zip("ab", gaps) for n, gap in zip((100, 300, 1000, 3000), by_size)]}


MADE_UP = {HOLDS: _made((0.02, 0.02, 0, -0.02), (0.02, 0.02, 0, -0.02)), LIMITS: _made((0.02, 0, 0, 0), (0, 0, 0, -0.02)),
           FAILS: _made((0, 0, 0, -0.02), (0.02, 0.02, 0.02, 0.02))}


def tables(figures):
    gaps = {(row["data"], row["examples"]): row for row in decisive(figures)["gaps"]}
    rows = []
    for data in DATA:
        for examples in sizes(figures):
            found = [best(figures, data, examples, name) for name in ACTIVATIONS]
            gap = gaps[data, examples]
            rows.append([f"{data}, {examples:,}"] + [f"{percent(spread(row['scores']))} ({row['rate']:g})" for row in found]
                        + [f"{100 * gap['gap']:+.1f}", p_value(gap["p"])])
    return table(["data, examples", "sigmoid (learning rate)", "relu (learning rate)", "points", "p"], rows)


def draw(figures, picture):
    fields = picture.axes("Test accuracy by the number of training examples", "Sigmoid and ReLU from 100 to 3,000 examples on two data "
                          "sets; the numbers are in the table.", columns=2, headings=DATA, xlabel="training examples",
                          ylabel="test accuracy, %", sharey=False, log="x")
    for axes, data in zip(fields, DATA):
        for series, name in enumerate(ACTIVATIONS):
            found = [spread(best(figures, data, examples, name)["scores"]) for examples in sizes(figures)]
            picture.line(axes, sizes(figures), [100 * f["mean"] for f in found], name, series, spread=[100 * f["std"] for f in found])
        axes.set_xticks(sizes(figures), [f"{n:,}" for n in sizes(figures)])
        axes.minorticks_off()
    picture.legend(fields[0])
