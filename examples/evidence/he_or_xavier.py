"""ReLU networks of 10, 20 and 30 layers that begin with He's variance (2 / inputs) or with that which He et al. call Xavier's
(1 / inputs: `lecun_normal` here; `xavier_normal` takes the rectifier's gain and would be the same as He's in layers as wide as
these), each with its own learning rate."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, short, spread, table, welch

NUMBER = 6
TITLE = "He against Xavier"
CLAIM = "Deep ReLU networks need He's initialisation: Xavier's makes a network of 30 layers stall."
SOURCES = ["He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, section 2.2, figures 2 and 3: with 22 layers both converge, He's "
           "earlier; with 30 layers Xavier's \"completely stalls\""]
RULE = ("with SGD, as in the paper, each initialisation's rate searched for. A variant *stalls* if its mean training accuracy at the end is "
        "below 20 % (chance: 10 %, which is also what a run counts that diverged). Holds if at 30 layers Xavier stalls "
        "and He does not, and at 10 layers neither stalls; holds with limits "
        "if at 30 layers He's training accuracy is the higher one (p < 0.05) otherwise; else it does not hold here.")
SCOPE = ("Dense layers of 100 units on MNIST-1D and few epochs; the paper's networks are convolutional, on ImageNet. Batch norm and skip "
         "connections, which came afterwards, make the question smaller.")

DEPTHS = [10, 20, 30]
CHANCE = 0.1
NAMES = {"he_normal": "He", "lecun_normal": "Xavier"}
COMMAND = ('halfwave compare mnist1d --over "net={nets}" --over init=he_normal,lecun_normal --optimiser {optimiser} '
           '--epochs {epochs} --seeds {seeds}')


def measure(book):
    nets = "|".join(f"{depth} * (dense 100, relu), dense" for depth in DEPTHS)
    figures = {}
    for optimiser in ("sgd", "adam"):
        result = book.compare(COMMAND.format(nets=nets, optimiser=optimiser, epochs=book.choose(20, 3), seeds=book.choose(5, 2)))
        figures[optimiser] = [{"depth": depth, "init": init, "learning_rate": variant["learning_rate"],
                               "train": [CHANCE if run["train_accuracy"] is None else run["train_accuracy"] for run in variant["runs"]],
                               "diverged": variant["diverged"],
                               "test": [run["score"] for run in variant["runs"]],
                               "gradient_ratio": variant["gradient_ratio"]}
                              for variant, (depth, init) in zip(result["variants"], [(d, i) for d in DEPTHS for i in NAMES])]
    return figures


def of(rows, depth, init):
    return next(row for row in rows if (row["depth"], row["init"]) == (depth, init))


def decisive(figures):
    found = {name: {str(depth): of(figures["sgd"], depth, init)["train"] for depth in DEPTHS}
             for init, name in (("he_normal", "he"), ("lecun_normal", "xavier"))}
    return {**found, "adam": [spread(of(figures["adam"], 30, init)["train"])["mean"] for init in NAMES]}


def judge(he, xavier, adam=(0.0, 0.0)):
    """Training accuracies by depth, one a run; adam: their means at 30 layers, which the rule leaves out."""
    means = {name: {depth: spread(values)["mean"] for depth, values in found.items()} for name, found in (("he", he), ("xavier", xavier))}
    p = welch(he["30"], xavier["30"])
    figure = f"30 layers, training accuracy: He {percent(means['he']['30'])}, Xavier {percent(means['xavier']['30'])}"
    reason = (f"With SGD the training accuracies at 10, 20 and 30 layers are {', '.join(percent(means['he'][d]) for d in ('10', '20', '30'))} "
              f"with He's and {', '.join(percent(means['xavier'][d]) for d in ('10', '20', '30'))} with Xavier's (at 30: p = {short(p, 2)}); "
              f"with Adam at 30 layers {percent(adam[0])} and {percent(adam[1])}.")

    stalled = {name: sum(value < 0.2 for value in found["30"]) for name, found in (("He's", he), ("Xavier's", xavier))}
    reason += (" Of the single runs at 30 layers "
               + " and ".join(f"{count} of {len(he['30'])} stall with {name}" for name, count in stalled.items()) + ".")

    def stalls(name, depth):
        return means[name][depth] < 0.2

    if stalls("xavier", "30") and not any(stalls(*which) for which in (("he", "30"), ("he", "10"), ("xavier", "10"))):
        return Verdict(HOLDS, figure, reason)
    if means["he"]["30"] > means["xavier"]["30"] and p < 0.05:
        earlier = " Xavier's stalls earlier than in the paper." if stalls("xavier", "10") else ""
        return Verdict(LIMITS, figure, reason + " He's is better, but the line between learning and stalling runs elsewhere." + earlier)
    return Verdict(FAILS, figure, reason + " Neither is shown to be better at 30 layers.")


MADE_UP = {HOLDS: {"he": {"10": [0.9, 0.8], "20": [0.8, 0.7], "30": [0.6, 0.5]}, "xavier": {"10": [0.8, 0.7], "20": [0.3, 0.2], "30": [0.1, 0.1]}},
           LIMITS: {"he": {"10": [0.9, 0.8], "20": [0.8, 0.7], "30": [0.61, 0.6]}, "xavier": {"10": [0.8, 0.7], "20": [0.3, 0.2], "30": [0.3, 0.31]}},
           FAILS: {"he": {"10": [0.9, 0.8], "20": [0.8, 0.7], "30": [0.6, 0.5]}, "xavier": {"10": [0.8, 0.7], "20": [0.8, 0.9], "30": [0.6, 0.5]}}}


def tables(figures):
    rows = []
    for optimiser, found in figures.items():
        for depth in DEPTHS:
            p = welch(*[of(found, depth, init)["train"] for init in NAMES])
            for init, name in NAMES.items():
                row = of(found, depth, init)
                rows.append([f"{optimiser}, {depth} layers, {name}", short(row["learning_rate"]), percent(spread(row["train"])),
                             percent(spread(row["test"])), row["diverged"], p_value(p) if init == "lecun_normal" else ""])
    return table(["", "learning rate found", "training accuracy", "test accuracy", "runs that diverged", "p, training accuracy"], rows)


def draw(figures, picture):
    fields = picture.axes("ReLU networks that begin with He's and with Xavier's variance", "Training accuracy over depth with SGD and with "
                          "Adam; the numbers are in the table.", columns=2, headings=["SGD with momentum", "Adam"], xlabel="hidden layers",
                          ylabel="training accuracy, %")
    for axes, found in zip(fields, figures.values()):
        for series, (init, name) in enumerate(NAMES.items()):
            spreads = [spread(of(found, depth, init)["train"]) for depth in DEPTHS]
            picture.line(axes, DEPTHS, [100 * value["mean"] if value else None for value in spreads], f"{name} ({init})", series,
                         spread=[100 * value["std"] if value else 0 for value in spreads])
        axes.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axes.axhline(10, color=picture.colour(5), linestyle=":")
        axes.annotate("chance", (DEPTHS[0], 10), xytext=(0, -13), textcoords="offset points")
        axes.set_ylim(0, 105)
    picture.legend(fields[0])
