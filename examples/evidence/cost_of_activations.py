"""The time of each activation alone, a number at a time out of 16,384 in the cache (bench/activations.cpp), and what it makes of
a whole training step: epochs of the same network with each activation and with none (identity), in turn, zero-skipping off. Of a
run's epochs, which are short (eight steps), the fastest counts, and so it does of the runs: the others have waited for something."""
import statistics

from book import FAILS, HOLDS, LIMITS, Verdict
from figures import percent, plus_minus, spread, table, time_ratio

NUMBER = 3
TITLE = "Cost of each activation"
CLAIM = "ReLU is much cheaper to compute than sigmoid or tanh, and that makes training faster."
SOURCES = [
    "Glorot, Bordes & Bengio 2011: \"computations are also cheaper: there is no need for computing the exponential function\"",
]
RULE = ("alone (forward and backward together) ReLU is *cheaper* if sigmoid and tanh take at least 1.5 times as long; it *shortens "
        "training* if the network with sigmoid or tanh takes at least 1.1 times as long as with ReLU, both with dense products. Holds if "
        "both, for the MLP and the convolutional network; holds with limits if ReLU is cheaper alone; else it does not hold here.")
SCOPE = ("These are vectorised kernels with polynomials in the place of library calls; where an exponential is a call for each number the "
         "gap alone is wider. One thread. What zeros save in the products is claim 15: the last row is a taste of it.")

ALONE = ["relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "gelu", "softplus", "mish"]
TRAINED = ["identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "gelu"]
NETS = {"MLP": "3 * (dense 512, activation), dense", "CNN": "cnn"}
COMMAND = ('halfwave train mnist1d --examples 1000 --net "$net" --activation $activation --skip $skip --no-health --threads 1 '
           "--epochs 20")


def measure(book):
    names = "|".join(ALONE)
    repetitions = book.choose(full=5, quick=1)
    result = book.benchmark("activations", f"--benchmark_filter='^(forward|backward)/({names})/16384$' --benchmark_repetitions={repetitions} "
                            "--benchmark_enable_random_interleaving=true --benchmark_min_time=0.05")
    alone = {}
    for run in result["benchmarks"]:
        if run.get("run_type", "iteration") == "iteration":
            direction, name, _ = run["run_name"].split("/")
            alone.setdefault(name, {}).setdefault(direction, []).append(1e9 / run["items_per_second"])
    runs = book.each(COMMAND.replace("$skip", "off"), timed=True, repeat=range(book.choose(full=7, quick=2)), net=NETS.values(),
                     activation=TRAINED)
    runs += book.each(COMMAND.replace("$skip", "auto").replace("$activation", "relu"), timed=True,
                      repeat=range(book.choose(full=7, quick=2)), net=NETS.values())
    steps = {}
    for values, [result] in runs:
        name = values.get("activation", "relu, zeros skipped")
        fastest = min(epoch["seconds"] for epoch in result["epochs"])
        net = next(key for key, line in NETS.items() if line == values["net"])
        steps.setdefault(net, {}).setdefault(name, []).append(fastest)
    return {"alone": {name: {key: statistics.median(found) for key, found in times.items()} for name, times in alone.items()},
            "deviation": {name: {key: spread(found)["std"] for key, found in times.items()} for name, times in alone.items()},
            "steps": steps}


def share(times, name):
    """Of a training step, that the activation takes."""
    longer = time_ratio(times[name], times["identity"])
    return {"mean": 1 - 1 / longer["mean"], "std": longer["std"] / longer["mean"] ** 2}


def decisive(figures):
    total = {name: times["forward"] + times["backward"] for name, times in figures["alone"].items()}
    return {"alone": {name: total[name] / total["relu"] for name in ("sigmoid", "tanh")},
            "training": {net: {name: time_ratio(times[name], times["relu"])["mean"] for name in ("sigmoid", "tanh")}
                         for net, times in figures["steps"].items()},
            "skipping": time_ratio(figures["steps"]["MLP"]["relu, zeros skipped"], figures["steps"]["MLP"]["relu"])["mean"]}


def judge(alone, training, skipping):
    slowest = max(max(ratios.values()) for ratios in training.values())
    figure = f"tanh {alone['tanh']:.1f}× ReLU's time alone, {training['MLP']['tanh']:.2f}× in training an MLP"
    reason = (f"Alone sigmoid takes {alone['sigmoid']:.1f} and tanh {alone['tanh']:.1f} times as long as ReLU. In training that becomes "
              f"{training['MLP']['sigmoid']:.2f} and {training['MLP']['tanh']:.2f} (MLP), {training['CNN']['sigmoid']:.2f} and "
              f"{training['CNN']['tanh']:.2f} (CNN).")
    if min(alone.values()) < 1.5:
        return Verdict(FAILS, figure, reason + " Alone it is not much cheaper.")
    if all(max(ratios.values()) >= 1.1 for ratios in training.values()):
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS, figure, reason + " Products take nearly all of a training step, so that it is at most "
                   f"{slowest:.2f} times as long. Skipping "
                   f"ReLU's zeros does more: with it the MLP's epoch takes {skipping:.2f} times as long.")


MADE_UP = {HOLDS: {"alone": {"sigmoid": 4, "tanh": 5}, "training": {net: {"sigmoid": 1.1, "tanh": 1.3} for net in NETS}, "skipping": 0.6},
           LIMITS: {"alone": {"sigmoid": 4, "tanh": 5}, "training": {net: {"sigmoid": 1.02, "tanh": 1.03} for net in NETS}, "skipping": 0.6},
           FAILS: {"alone": {"sigmoid": 1.2, "tanh": 5}, "training": {net: {"sigmoid": 1.2, "tanh": 1.3} for net in NETS}, "skipping": 0.6}}


def tables(figures):
    alone, deviation = figures["alone"], figures["deviation"]
    total = {name: times["forward"] + times["backward"] for name, times in alone.items()}
    rows = [[name] + [f"{1000 * alone[name][key]:.0f} ± {1000 * deviation[name][key]:.0f}" for key in ("forward", "backward")] +
            [f"{total[name] / total['relu']:.1f}"] for name in ALONE]
    first = table(["alone", "forward, ps a number", "backward, ps a number", "both, ReLU = 1"], rows)
    rows = []
    for name in TRAINED + ["relu, zeros skipped"]:
        row = [name]
        for times in figures["steps"].values():
            row += [plus_minus(time_ratio(times[name], times["relu"])), percent(share(times, name)) if name in TRAINED[1:] else "–"]
        rows.append(row)
    heads = [text for net in figures["steps"] for text in (f"{net}: epoch, ReLU = 1", f"{net}: share of a step")]
    return first + "\n\n" + table(["in training", *heads], rows) + (
        "\n\nA share is what an epoch is longer than without an activation (identity). Times are those of the fastest epochs; ± is their "
        "bootstrap deviation over the runs.")


def draw(figures, picture):
    left, right = picture.axes("An activation's cost, alone and in training", "Bars: time of each activation relative to ReLU's, alone "
                               "and of a training epoch; the numbers are in the table.", columns=2, headings=["alone: picoseconds a number",
                               "in training: an epoch, ReLU = 1"], sharey=False, height=4.2)
    alone, deviation = figures["alone"], figures["deviation"]
    picture.bars(left, ALONE, [(key, [1000 * alone[name][key] for name in ALONE], [1000 * deviation[name][key] for name in ALONE], i)
                               for i, key in enumerate(("forward", "backward"))])
    picture.bars(right, TRAINED, [(net, [time_ratio(times[name], times["relu"])["mean"] for name in TRAINED],
                                   [time_ratio(times[name], times["relu"])["std"] for name in TRAINED], i + 2)
                                  for i, (net, times) in enumerate(figures["steps"].items())])
    for axes in (left, right):
        picture.legend(axes, loc="upper left")
    right.set_ylim(0, 1.6)
