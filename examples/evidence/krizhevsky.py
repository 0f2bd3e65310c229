"""Krizhevsky's figure 1 again: a four-layer convolutional network on CIFAR-10, the same with rectifiers and with tanh, no
regularisation, each with its own learning rate; epochs until the training error is 25 %. The training error is that of the
epoch's examples as they are seen, before their own updates."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import percent, plus_minus, short, spread, table, welch

NUMBER = 4
TITLE = "Krizhevsky's six times"
CLAIM = "A four-layer convolutional network reaches 25 % training error on CIFAR-10 six times faster with ReLU than with tanh."
SOURCES = ["Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks, section 3.1, figure 1"]
RULE = ("the ratio is tanh's mean number of epochs to 25 % training error, to ReLU's; a run that does not get there counts as one epoch more "
        "than there were. Holds at 4 or more; holds with limits if ReLU is "
        "faster with p < 0.05; else it does not hold here.")
SCOPE = ("5,000 of the 45,000 training images, so that an epoch has fewer updates and more epochs are needed than in the paper; one "
         "network (32, 32 and 64 filters of 5 × 5, each with a max pool, and a dense layer). Inputs are standardised and weights begin as "
         "suits each activation, which in 2012 they did not.")
PAPER = 6

COMMAND = ("halfwave compare cifar-10 --test split --validation 0.1 --examples {examples} --net krizhevsky4 --over activation=relu,tanh "
           "--optimiser sgd --schedule constant --epochs {epochs} --until train_error=0.25 --seeds {seeds}")


def measure(book):
    return book.compare(COMMAND.format(examples=book.choose(5000, 600), epochs=book.choose(20, 3), seeds=book.choose(3, 2)),
                        course=True)


def needed(figures):
    """Epochs of each run by activation; those that did not arrive are None."""
    return {variant["name"]: [run["until_epochs"] for run in variant["runs"]] for variant in figures["variants"]}


def decisive(figures):
    budget = max(len(run["course"]) for variant in figures["variants"] for run in variant["runs"])
    return {"epochs": needed(figures), "budget": budget, "rates": {variant["name"]: variant["learning_rate"] for variant in figures["variants"]}}


def judge(epochs, rates, budget):
    arrived = {name: [count for count in counts if count is not None] for name, counts in epochs.items()}
    missing = [f"{len(counts) - len(arrived[name])} of {len(counts)} runs with {name}"
               for name, counts in epochs.items() if len(arrived[name]) < len(counts)]
    late = f" {' and '.join(missing)} did not get there in the epochs that there were." if missing else ""
    if not arrived["relu"]:
        return Verdict(FAILS, "ReLU never reached 25 %", "No run with ReLU reached the goal." + late)
    if not arrived["tanh"]:
        return Verdict(LIMITS, "tanh never reached 25 %", "Runs with ReLU reached the goal, none with tanh; how much later they would, "
                       "is not known." + late)
    counted = {name: [budget + 1 if count is None else count for count in counts] for name, counts in epochs.items()}
    relu, tanh = spread(counted["relu"]), spread(counted["tanh"])
    ratio, p = tanh["mean"] / relu["mean"], welch(counted["relu"], counted["tanh"])
    figure = f"{ratio:.2f}× (paper: {PAPER}×)"
    reason = (f"ReLU takes {plus_minus(relu, 1)} epochs, tanh {plus_minus(tanh, 1)}; the ratio is {ratio:.2f}, p = {short(p, 2)}. "
              f"The learning rates found are {short(rates['relu'], 2)} and {short(rates['tanh'], 2)}.{late}")
    if ratio >= 4 and not missing:
        return Verdict(HOLDS, figure, reason)
    if ratio > 1 and p < 0.05:
        return Verdict(LIMITS, figure, reason + " ReLU is faster, by less than the paper's factor.")
    return Verdict(FAILS, figure, reason + " The likely cause: with standardised inputs and weights that begin as suits each "
                   "activation, tanh units do not begin saturated, as they may have in 2012.")


_RATES = {"rates": {"relu": 0.01, "tanh": 0.01}, "budget": 20}
MADE_UP = {HOLDS: {"epochs": {"relu": [3, 3, 4], "tanh": [18, 20, 19]}, **_RATES},
           LIMITS: {"epochs": {"relu": [8, 9, 8], "tanh": [12, 13, 12]}, **_RATES},
           FAILS: {"epochs": {"relu": [8, 16, 10], "tanh": [7, 6, 7]}, **_RATES}}


def tables(figures):
    rows = []
    for variant in figures["variants"]:
        counts = ", ".join("not reached" if run["until_epochs"] is None else str(run["until_epochs"]) for run in variant["runs"])
        rows.append([variant["name"], short(variant["learning_rate"]), counts, plus_minus(variant["until_epochs"], 1),
                     percent(variant["score"])])
    return table(["activation", "learning rate found", "epochs to 25 %, by seed", "mean", "test accuracy at the end"], rows)


def draw(figures, picture):
    [axes] = picture.axes("Training error on CIFAR-10, krizhevsky4", "Training error over epochs for ReLU and tanh, one line a seed, and "
                          "the goal of 25 %; the epochs at which they reach it are in the table.", xlabel="epoch", ylabel="training error, %")
    for series, variant in enumerate(figures["variants"]):
        for i, run in enumerate(variant["runs"]):
            errors = [100 * (1 - right) for right in run["course"]]
            axes.plot(range(1, len(errors) + 1), errors, color=picture.colour(series), linestyle="-" if series == 0 else "--",
                      label=None if i else variant["name"])
    axes.axhline(25, color=picture.colour(5), linestyle=":")
    axes.annotate("25 %", (1, 25), xytext=(0, 3), textcoords="offset points")
    axes.set_xticks(range(0, len(errors) + 1, 5))
    picture.legend(axes)
