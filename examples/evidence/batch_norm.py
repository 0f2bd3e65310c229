"""Two faults, each with and without batch norm in front of every activation: ReLU units that die of a large learning rate (rates from
usual to far too large), and gradients that vanish through many sigmoid layers (before the first step, and what training then reaches)."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import geometric, percent, short, spread, table

NUMBER = 14
TITLE = "Batch norm against dying and vanishing"
CLAIM = "Batch norm keeps ReLU units from dying and gradients from vanishing."
SOURCES = ["Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal covariate shift"]
RULE = ("*dying*: at the learning rates at which at least a fifth of the hidden units is dead without it, batch norm leaves at most a tenth "
        "of those deaths and the mean test accuracy is higher. *Vanishing*: the gradient of 20 sigmoid layers, first to last (geometric mean), is "
        "below 1/1000 without batch norm and from 1/30 to 30 with it, and training then is at least ten points better. Holds if both are true "
        "(and units do die without it); holds with limits if one of them is, or one of them but for its accuracy; else it does not hold "
        "here.")
SCOPE = ("One data set, Adam, widths of 128 and 100. Batch norm costs time, and what it does to accuracy where nothing is wrong is not the "
         "question here.")

NORMS = {"without": "", "with": " batch_norm,"}
RATES = ["0.001", "0.003", "0.01", "0.03", "0.1"]
DYING = ('halfwave train mnist1d --net "4 * (dense 128,$norm relu), dense" --learning-rate $rate --epochs $epochs --seed $seed --out m.onnx\n'
         "halfwave inspect m.onnx mnist1d")
VANISHING = ('halfwave inspect "$depth * (dense 100,$norm $activation), dense" mnist1d --seed $seed\n'
             'halfwave train mnist1d --net "$depth * (dense 100,$norm $activation), dense" --learning-rate 0.003 --epochs $epochs '
             "--seed $seed --out m.onnx\nhalfwave inspect m.onnx mnist1d")


def measure(book):
    seeds, epochs = range(book.choose(4, 2)), str(book.choose(25, 4))
    dying, vanishing = [], []
    for values, (trained, seen) in book.each(DYING.replace("$epochs", epochs), rate=book.choose(RATES, RATES[::2]), norm=NORMS.values(),
                                             seed=seeds):
        hidden = seen["layers"][:-1]
        dying.append({"norm": name_of(values), "rate": float(values["rate"]), "accuracy": trained["result"]["test_accuracy"],
                      "dead": sum(layer["dead_units"] for layer in hidden) / sum(layer["units"] for layer in hidden)})
    for values, (start, trained, end) in book.each(
            VANISHING.replace("$epochs", epochs), activation=book.choose(["sigmoid", "tanh", "relu"], ["sigmoid"]),
            depth=book.choose([5, 10, 20], [20]), norm=NORMS.values(), seed=seeds):
        vanishing.append({"norm": name_of(values), "activation": values["activation"], "depth": values["depth"],
                          "start": ratio(start), "end": ratio(end), "accuracy": trained["result"]["test_accuracy"]})
    return {"dying": dying, "vanishing": vanishing}


def name_of(values):
    return next(name for name, text in NORMS.items() if text == values["norm"])


def ratio(inspection):
    return inspection["layers"][0]["gradient_ratio"]


def of(rows, key, **where):
    return [row[key] for row in rows if all(row[name] == value for name, value in where.items())]


def decisive(figures):
    dying, vanishing = figures["dying"], figures["vanishing"]
    rates = []
    for rate in sorted({row["rate"] for row in dying}):
        rates.append({"rate": rate, **{f"{key}_{norm}": spread(of(dying, key, norm=norm, rate=rate))["mean"]
                                       for norm in NORMS for key in ("dead", "accuracy")}})
    deep = {"activation": "sigmoid", "depth": 20}
    return {"rates": rates,
            "ratios": {norm: geometric(of(vanishing, "start", norm=norm, **deep)) for norm in NORMS},
            "accuracies": {norm: spread(of(vanishing, "accuracy", norm=norm, **deep))["mean"] for norm in NORMS}}


def judge(rates, ratios, accuracies):
    deadly = [row for row in rates if row["dead_without"] >= 0.2]
    fewer = bool(deadly) and all(row["dead_with"] <= 0.1 * row["dead_without"] for row in deadly)
    dying = fewer and all(row["accuracy_with"] > row["accuracy_without"] for row in deadly)
    kept = ratios["without"] < 1e-3 and 1 / 30 <= ratios["with"] <= 30
    vanishing = kept and accuracies["with"] >= accuracies["without"] + 0.1
    if deadly:
        worst = max(deadly, key=lambda row: row["dead_without"])
        deaths = (f"dead units at rate {worst['rate']:g}: {percent(worst['dead_without'], 0)} without, {percent(worst['dead_with'], 0)} "
                  f"with")
    else:
        deaths = "no rate kills a fifth of the units"
    figure = f"{deaths}; gradient ratio of 20 sigmoid layers: {short(ratios['without'])} without, {short(ratios['with'])} with"
    reason = (f"At {len(deadly)} of {len(rates)} rates at least a fifth of the units dies without batch norm; with it "
              f"{percent(max((row['dead_with'] for row in deadly), default=0.0))} at most. Trained, 20 sigmoid layers reach "
              f"{percent(accuracies['without'])} without and {percent(accuracies['with'])} with it.")
    if dying and vanishing:
        return Verdict(HOLDS, figure, reason)
    if fewer and not dying:
        reason += " Fewer units die, but at such rates that makes no better network everywhere."
    if deadly and not fewer:
        still = max(deadly, key=lambda row: row["dead_with"])
        reason += (f" Units still die with it at a rate of {still['rate']:g}. The likely cause: batch norm's own scale and shift are learned "
                   "too, and such steps carry a unit's shift far below zero.")
    if kept and not vanishing:
        reason += " The gradient is kept, but what is trained is hardly better."
    if not kept:
        reason += f" The gradient of 20 sigmoid layers is {short(ratios['with'])} with it, not within 1/30 and 30."
    return Verdict(LIMITS if fewer or kept else FAILS, figure, reason)


def _rate(without, with_, gain=0.1):
    return {"rate": 0.1, "dead_without": without, "dead_with": with_, "accuracy_without": 0.3, "accuracy_with": 0.3 + gain}


_SEEN = {"ratios": {"without": 1e-8, "with": 0.5}, "accuracies": {"without": 0.1, "with": 0.5}}
_GONE = {"ratios": {"without": 1e-8, "with": 1e-5}, "accuracies": {"without": 0.1, "with": 0.1}}
MADE_UP = {HOLDS: {"rates": [_rate(0.0, 0.0), _rate(0.6, 0.01)], **_SEEN}, LIMITS: {"rates": [_rate(0.6, 0.01)], **_GONE},
           FAILS: {"rates": [_rate(0.6, 0.3)], **_GONE}}


def tables(figures):
    dying, vanishing = figures["dying"], figures["vanishing"]
    rows = [[f"{rate:g}"] + [percent(spread(of(dying, key, norm=norm, rate=rate))) for key in ("dead", "accuracy") for norm in NORMS]
            for rate in sorted({row["rate"] for row in dying})]
    first = table(["learning rate, 4 ReLU layers", "dead units without", "dead with", "accuracy without", "accuracy with"], rows)
    rows = []
    for activation, depth in dict.fromkeys((row["activation"], row["depth"]) for row in vanishing):
        where = {"activation": activation, "depth": depth}
        rows.append([f"{depth} × {activation}"]
                    + [short(geometric(of(vanishing, when, norm=norm, **where))) for when in ("start", "end") for norm in NORMS]
                    + [percent(spread(of(vanishing, "accuracy", norm=norm, **where))) for norm in NORMS])
    heads = ["layers", "ratio at the start, without", "with", "after training, without", "with", "accuracy without", "accuracy with"]
    return first + "\n\n" + table(heads, rows)


def draw(figures, picture):
    left, right = picture.axes("With and without batch norm", "Left: share of dead ReLU units over the learning rate. Right: gradient ratio "
                               "at the start over depth. Numbers are in the tables.", columns=2, sharey=False,
                               headings=["dead units, %", "gradient, first to last layer, at the start"], log="x")
    dying, vanishing = figures["dying"], figures["vanishing"]
    rates = sorted({row["rate"] for row in dying})
    for series, norm in enumerate(NORMS):
        found = [spread(of(dying, "dead", norm=norm, rate=rate)) for rate in rates]
        picture.line(left, rates, [100 * f["mean"] for f in found], f"{norm} batch norm", series, spread=[100 * f["std"] for f in found])
    left.set_xlabel("learning rate")
    picture.legend(left)
    right.set_yscale("log")
    right.set_xlabel("hidden layers")
    for pair, activation in enumerate(dict.fromkeys(row["activation"] for row in vanishing)):
        depths = sorted({row["depth"] for row in vanishing})
        for norm in NORMS:
            found = [geometric(of(vanishing, "start", norm=norm, activation=activation, depth=depth)) or None for depth in depths]
            picture.line(right, depths, found, f"{activation}, {norm}", 2 + pair, dashed=norm == "without")
    right.set_xticks(depths, [str(depth) for depth in depths])
    right.minorticks_off()
    picture.legend(right)
