"""Units that are zero for every training example of the last epoch, of ReLU networks by learning rate and by where biases begin;
then, at the rate that kills, what is said to help. Leaky ReLU, PReLU and ELU have no zeros, so that of them only the accuracy
tells whether they helped."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, spread, table, welch

NUMBER = 5
TITLE = "Dying units"
CLAIM = "ReLU units die: at a large learning rate many become zero for every example. Other activations, batch norm or a smaller rate prevent it."
SOURCES = [
    "Karpathy, CS231n notes on activation functions: \"as much as 40% of your network can be dead if the learning rate is set too high\"",
    "Maas, Hannun & Ng 2013 (leaky ReLU); He et al. 2015 (PReLU); Clevert et al. 2015 (ELU)",
]
RULE = ("the network is *damaged* at a rate where more than 10 % of the hidden units are dead. Holds if that happens at 0.01 or less (the "
        "largest rate that `train` takes by itself) and at the smallest damaging rate at least one of the other activations and batch norm "
        "gives a better test accuracy (p < 0.05, Holm); holds with limits if it happens at a larger rate only, or nothing helps; does not "
        "hold here if no rate up to 0.1 does it.")
SCOPE = "Three hidden layers of 100 units on MNIST-1D, Adam, cosine schedule. With momentum SGD the harmful rates are others."

RATES = ["0.001", "0.003", "0.01", "0.03", "0.1"]
BIASES = ["-2", "-1", "-0.5", "0", "0.1", "0.5"]
LINE = "3 * (dense 100, relu), dense"
REMEDIES = {  # name: network line, rate, bias
    "relu": (LINE, None, "0"), "leaky_relu": ("3 * (dense 100, leaky_relu), dense", None, "0"),
    "prelu": ("3 * (dense 100, prelu), dense", None, "0"), "elu": ("3 * (dense 100, elu), dense", None, "0"),
    "batch norm": ("3 * (dense 100, batch_norm, relu), dense", None, "0"), "bias 0.1": (LINE, None, "0.1"),
    "a tenth of the rate": (LINE, 0.1, "0"),
}
OTHERS = ("leaky_relu", "prelu", "elu", "batch norm")
COMMAND = 'halfwave train mnist1d --net "$net" --learning-rate $rate --bias-init $bias --epochs $epochs --seed $seed'


def measure(book):
    template, seeds = COMMAND.replace("$epochs", str(book.choose(40, 5))), range(book.choose(5, 2))
    plain = template.replace("$net", LINE)
    rates = [row(values, result) for values, [result] in book.each(plain.replace("$bias", "0"), rate=RATES, seed=seeds)]
    biases = [row(values, result) for values, [result] in book.each(plain.replace("$rate", "0.001"), bias=BIASES, seed=seeds)]
    harmful = damaging(rates) or RATES[-1]
    remedies = []
    for name, (line, factor, bias) in REMEDIES.items():
        rate = f"{float(harmful) * (factor or 1):g}"
        runs = book.each(template.replace("$net", line).replace("$rate", rate).replace("$bias", bias), seed=seeds)
        remedies += [{"remedy": name, **row(values, result)} for values, [result] in runs]
    return {"rates": rates, "biases": biases, "remedies": remedies, "harmful": harmful}


def row(values, result):
    if not result["epochs"]:
        return {**values, "dead": None, "accuracy": None}
    hidden = result["epochs"][-1]["layers"][:-1]
    return {**values, "dead": sum(layer["dead_units"] for layer in hidden) / sum(layer["units"] for layer in hidden),
            "accuracy": result["result"]["test_accuracy"]}


def of(rows, key, value, what):
    return [row[what] for row in rows if row[key] == value and row[what] is not None]


def damaging(rates):
    """The smallest rate at which more than a tenth of the units are dead, or None."""
    return next((rate for rate in RATES if (found := spread(of(rates, "rate", rate, "dead"))) and found["mean"] > 0.1), None)


def decisive(figures):
    plain = of(figures["remedies"], "remedy", "relu", "accuracy")
    gains = {}
    for name in REMEDIES:
        accuracies = of(figures["remedies"], "remedy", name, "accuracy")
        if name != "relu" and accuracies and plain:
            gains[name] = {"gain": spread(accuracies)["mean"] - spread(plain)["mean"], "p": welch(accuracies, plain)}
    ordered, worst = sorted(gains, key=lambda name: gains[name]["p"]), 0.0
    for rank, name in enumerate(ordered):  # Holm
        worst = max(worst, min(1.0, gains[name]["p"] * (len(ordered) - rank)))
        gains[name]["p"] = worst
    dead = {rate: spread(of(figures["rates"], "rate", rate, "dead"))["mean"] for rate in RATES}
    best = max(RATES, key=lambda rate: spread(of(figures["rates"], "rate", rate, "accuracy"))["mean"])
    accuracy = {rate: spread(of(figures["rates"], "rate", rate, "accuracy"))["mean"] for rate in RATES}
    return {"dead": dead, "gains": gains, "harmful": damaging(figures["rates"]), "best": best, "accuracy": accuracy}


def judge(dead, gains, harmful, best, accuracy=None):
    if harmful is None:
        return Verdict(FAILS, f"at most {percent(max(dead.values()))} dead, at any rate", "No rate up to 0.1 killed a tenth of the units.")
    helps = [name for name in gains if gains[name]["gain"] > 0 and gains[name]["p"] < 0.05]
    useful = [name for name in OTHERS if name in helps]
    figure = f"{percent(dead[harmful], 0)} dead at a rate of {harmful}, {percent(dead['0.001'], 0)} at 0.001"
    told = ", ".join(f"{name} ({100 * gains[name]['gain']:+.1f} points)" for name in helps) or "nothing that was tried"
    reason = (f"{harmful} is the smallest rate that kills more than a tenth of the units ({percent(dead[harmful])}). At this rate the test "
              f"accuracy rises, beyond noise, with {told}. The most accurate rate is {best}, with {percent(dead[best])} dead.")
    better = [rate for rate in accuracy or {} if float(rate) < float(harmful) and accuracy[rate] < accuracy[harmful]]
    if better:
        reason += (f" Dead units alone are no bad network: at {harmful} it is still more accurate than at {' and '.join(better)}, where hardly "
                   "any die.")
    if float(harmful) <= 0.01 and useful:
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS, figure, reason + ("" if float(harmful) <= 0.01 else " Rates that `train` takes by itself do no such harm."))


_DEAD = {"0.001": 0.0, "0.003": 0.02, "0.01": 0.2, "0.03": 0.5, "0.1": 0.9}
MADE_UP = {HOLDS: {"dead": _DEAD, "gains": {"leaky_relu": {"gain": 0.05, "p": 0.01}}, "harmful": "0.01", "best": "0.003"},
           LIMITS: {"dead": {**_DEAD, "0.01": 0.05}, "gains": {"leaky_relu": {"gain": 0.05, "p": 0.01}}, "harmful": "0.03", "best": "0.003"},
           FAILS: {"dead": dict.fromkeys(_DEAD, 0.01), "gains": {}, "harmful": None, "best": "0.01"}}


def tables(figures):
    parts = []
    for rows, key, values, head in ((figures["rates"], "rate", RATES, "learning rate"),
                                    (figures["biases"], "bias", BIASES, "biases begin at (rate 0.001)")):
        parts.append(table([head, "dead units", "test accuracy"],
                           [[value] + [percent(spread(of(rows, key, value, what))) for what in ("dead", "accuracy")] for value in values]))
    gains = decisive(figures)["gains"]
    rows = [[name, percent(spread(of(figures["remedies"], "remedy", name, "dead"))) if name not in OTHERS[:3] else "no zeros",
             percent(spread(of(figures["remedies"], "remedy", name, "accuracy"))), p_value(gains[name]["p"]) if name in gains else "–"]
            for name in REMEDIES]
    parts.append(table([f"at a rate of {figures['harmful']}", "dead units", "test accuracy", "p, against relu"], rows))
    return "\n\n".join(parts)


def draw(figures, picture):
    left, right = picture.axes("Dead units and accuracy of ReLU networks on MNIST-1D", "Share of dead units and test accuracy over the "
                               "learning rate and over the biases' beginning; the numbers are in the tables.", columns=2,
                               headings=["by learning rate", "by where biases begin (rate 0.001)"], ylabel="%")
    for axes, rows, key, values in ((left, figures["rates"], "rate", RATES), (right, figures["biases"], "bias", BIASES)):
        for series, (what, label) in enumerate((("accuracy", "test accuracy"), ("dead", "dead units"))):
            found = [spread(of(rows, key, value, what)) for value in values]
            picture.line(axes, range(len(values)), [100 * value["mean"] if value else None for value in found], label, series,
                         spread=[100 * value["std"] if value else 0 for value in found])
        axes.set_xticks(range(len(values)), values)
    left.set_xlabel("learning rate")
    right.set_xlabel("bias")
    picture.legend(left)
