"""Shares of zeros among the hidden activations of trained networks, as training sees them in the last epoch: by activation,
and for ReLU by the strength of an L1 penalty on the activations, as Glorot et al. used one."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import percent, spread, table

NUMBER = 2
TITLE = "Density of codes"
CLAIM = "ReLU's hidden codes are sparse where those of sigmoid and leaky ReLU are dense, and an L1 penalty makes them sparser at no cost."
SOURCES = [
    "Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks, table 1: with an L1 penalty of 0.001, three hidden layers of "
    "1,000 units and pre-training, 83.4 % zeros on MNIST and 72.0 % on CIFAR-10",
]
RULE = ("holds if on both data sets ReLU without a penalty has at least 50 % zeros and sigmoid and leaky ReLU at most 1 %, and with some "
        "penalty ReLU reaches the published share of zeros (83 % on MNIST, 72 % on CIFAR-10) with a mean test accuracy at most one point "
        "below that without penalty; holds with limits if the first half is true; else it does not hold here.")
SCOPE = ("Networks of 3 × 512 instead of 3 × 1,000 units, without pre-training, and a few epochs instead of hundreds: long training "
         "may change the share. A unit's zeros are counted exactly: a sigmoid's small values are not zeros.")

PUBLISHED = {"mnist": 0.83, "cifar-10": 0.72}
COMMAND = ("halfwave train $data --test split --validation 0.1 --hidden 512,512,512 --activation $activation --activity-l1 $penalty "
           "--epochs $epochs --seed $seed")


def measure(book):
    template = COMMAND.replace("$epochs", str(book.choose(full=4, quick=1)))
    if book.quick:
        template += " --examples 5000"
    seeds, data = range(book.choose(full=3, quick=1)), list(PUBLISHED)
    runs = book.each(template.replace("$penalty", "0"), data=data, activation=["relu", "leaky_relu", "sigmoid"], seed=seeds)
    runs += book.each(template.replace("$activation", "relu"), data=data, penalty=book.choose(
        full=["0.0001", "0.0003", "0.001"], quick=["0.001"]), seed=seeds)
    return [figures_of(values, result) for values, [result] in runs]


def figures_of(values, result):
    hidden = result["epochs"][-1]["layers"][:-1]
    units = sum(layer["units"] for layer in hidden)
    return {"data": values["data"], "activation": values.get("activation", "relu"), "penalty": float(values.get("penalty", 0)),
            "zeros": sum((1 - layer["density"]) * layer["units"] for layer in hidden) / units,
            "dead": sum(layer["dead_units"] for layer in hidden) / units, "accuracy": result["result"]["test_accuracy"]}


def of(figures, data, activation, penalty, key):
    return spread([row[key] for row in figures if (row["data"], row["activation"], row["penalty"]) == (data, activation, penalty)])


def penalties(figures):
    return sorted({row["penalty"] for row in figures})


def decisive(figures):
    numbers = {}
    for data in PUBLISHED:
        numbers[data] = {name: of(figures, data, name, 0, "zeros")["mean"] for name in ("relu", "leaky_relu", "sigmoid")}
        plain = of(figures, data, "relu", 0, "accuracy")["mean"]
        free = [of(figures, data, "relu", penalty, "zeros")["mean"] for penalty in penalties(figures)
                if of(figures, data, "relu", penalty, "accuracy")["mean"] >= plain - 0.01]
        numbers[data]["most"] = max(free)
    return {"mnist": numbers["mnist"], "cifar": numbers["cifar-10"]}


def judge(mnist, cifar):
    figure = f"zeros: ReLU {percent(mnist['relu'], 0)} on MNIST, {percent(cifar['relu'], 0)} on CIFAR-10; sigmoid {percent(mnist['sigmoid'], 0)}"
    sparse = all(found["relu"] >= 0.5 and max(found["leaky_relu"], found["sigmoid"]) <= 0.01 for found in (mnist, cifar))
    reached = [found["most"] >= published for found, published in zip((mnist, cifar), PUBLISHED.values())]
    reason = (f"Within a point of the unpenalised accuracy the penalty takes ReLU's zeros to {percent(mnist['most'])} on MNIST (published: "
              f"83 %) and {percent(cifar['most'])} on CIFAR-10 (72 %).")
    if sparse and all(reached):
        return Verdict(HOLDS, figure, reason)
    if sparse:
        return Verdict(LIMITS, figure, reason + " Sparse they are without a penalty; more zeros at no cost there are not on both.")
    return Verdict(FAILS, figure, reason + " Without a penalty the difference between the activations is not as claimed.")


_ZEROS = {"relu": 0.7, "leaky_relu": 0.0, "sigmoid": 0.0}
MADE_UP = {HOLDS: {"mnist": {**_ZEROS, "most": 0.9}, "cifar": {**_ZEROS, "most": 0.75}},
           LIMITS: {"mnist": {**_ZEROS, "most": 0.8}, "cifar": {**_ZEROS, "most": 0.75}},
           FAILS: {"mnist": {**_ZEROS, "most": 0.9}, "cifar": {**_ZEROS, "relu": 0.3, "most": 0.75}}}


def tables(figures):
    rows = []
    for data in PUBLISHED:
        variants = [("leaky_relu", 0), ("sigmoid", 0)] + [("relu", penalty) for penalty in penalties(figures)]
        for name, penalty in variants:
            found = [of(figures, data, name, penalty, key) for key in ("zeros", "dead", "accuracy")]
            rows.append([f"{data}, {name}", f"{penalty:g}"] + [percent(value) for value in found])
    return table(["network", "L1 penalty", "zeros", "dead units", "test accuracy"], rows)


def draw(figures, picture):
    fields = picture.axes("Zeros among the hidden activations, and what they cost", "Test accuracy over the share of zeros; ReLU at "
                          "several L1 penalties, sigmoid and leaky ReLU without; the numbers are in the table.", columns=2,
                          headings=["MNIST", "CIFAR-10"], xlabel="zeros, %", ylabel="test accuracy, %", sharey=False)
    for axes, data in zip(fields, PUBLISHED):
        variants = [("relu", penalty) for penalty in penalties(figures)]
        for series, (label, shown) in enumerate({f"relu, penalty 0 (left) to {max(penalties(figures)):g}": variants,
                                                 "leaky_relu": [("leaky_relu", 0)], "sigmoid": [("sigmoid", 0)]}.items()):
            zeros, right = ([of(figures, data, *variant, key) for variant in shown] for key in ("zeros", "accuracy"))
            picture.line(axes, [100 * value["mean"] for value in zeros], [100 * value["mean"] for value in right], label, series,
                         spread=[100 * value["std"] for value in right])
        axes.axvline(100 * PUBLISHED[data], color=picture.colour(5), linestyle=":")
        axes.annotate("published zeros", (100 * PUBLISHED[data], 0.02), xycoords=("data", "axes fraction"), ha="right",
                      xytext=(-4, 0), textcoords="offset points")
        axes.set_xlim(-4, 100)
        axes.margins(y=0.2)
    picture.legend(fields[0], loc="center left")
