"""ReLU, leaky ReLU and PReLU, all else equal, each with its own learning rate, on three problems; and what PReLU's learned slope
costs in time: epochs of the same network with relu, leaky_relu and prelu in turn, zero-skipping off and on (the fastest of each
run's short epochs)."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, plus_minus, short, table, time_ratio

NUMBER = 7
TITLE = "Leaky ReLU and PReLU"
CLAIM = "Leaky ReLU is always at least as good as ReLU, so one should always take it; PReLU is better still, at hardly any cost."
SOURCES = [
    "Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models (leaky hardly differs from ReLU)",
    "He, Zhang, Ren & Sun 2015, Delving deep into rectifiers (PReLU: 1.2 points on ImageNet)",
    "Xu, Wang, Chen & Li 2015, Empirical evaluation of rectified activations (leaky and PReLU better on CIFAR)",
]
RULE = ("a variant is *better* (*worse*) than ReLU on a problem if its mean test accuracy is higher (lower) with p < 0.05 (Welch, Holm, of "
        "`compare`). Holds if leaky_relu or prelu is better on all three problems and neither is worse on any; holds with limits if better "
        "on at least one and leaky_relu worse on none; else it does not hold here.")
SCOPE = "Slope 0.01 (and 0.2) for leaky ReLU, 0.25 to begin with for PReLU. Small networks and data; the published gains are on large ones."

PROBLEMS = {
    "MNIST-1D, MLP": ("mnist1d --hidden 100,100", (60, 4), (10, 2)),
    "MNIST-1D, CNN": ("mnist1d --net cnn", (30, 2), (5, 2)),
    "Fashion-MNIST, MLP": ("fashion-mnist --hidden 256,256 --examples 10000", (10, 2), (5, 2)),
}
COMMAND = 'halfwave compare {problem} --over "activation=relu|leaky_relu|leaky_relu slope=0.2|prelu" --epochs {epochs} --seeds {seeds}'
TIMED = ('halfwave train mnist1d --examples 1000 --net "3 * (dense 512, activation), dense" --activation $activation --skip $skip --no-health '
         "--threads 1 --epochs 20")


def measure(book):
    problems = {}
    for name, (problem, epochs, seeds) in PROBLEMS.items():
        result = book.compare(COMMAND.format(problem=problem, epochs=book.choose(*epochs), seeds=book.choose(*seeds)))
        problems[name] = [{key: variant[key] for key in ("name", "learning_rate", "score", "difference", "density", "dead_units")}
                          for variant in result["variants"]]
    times = {}
    for values, [result] in book.each(TIMED, timed=True, repeat=range(book.choose(7, 2)), skip=["off", "auto"],
                                      activation=["relu", "leaky_relu", "prelu"]):
        times.setdefault(values["skip"], {}).setdefault(values["activation"], []).append(min(e["seconds"] for e in result["epochs"]))
    return {"problems": problems, "times": times}


def ratio(figures, skip, name):
    times = figures["times"][skip]
    return time_ratio(times[name], times["relu"])


def decisive(figures):
    found = {}
    for variants in figures["problems"].values():
        for variant in variants[1:]:
            p = variant["difference"]["p"] if variant["difference"] else None
            found.setdefault(variant["name"].split()[0], []).append((variant["difference"]["mean"], 1.0 if p is None else p))
    return {"leaky": found["leaky_relu"], "prelu": found["prelu"],
            "cost": {skip: ratio(figures, skip, "prelu")["mean"] for skip in ("off", "auto")}}


def judge(leaky, prelu, cost):
    """leaky, prelu: (difference to ReLU, p) on each problem, of leaky ReLU once for each slope."""
    slopes = len(leaky) // len(prelu)
    better = [any(gain > 0 and p < 0.05 for gain, p in (*leaky[slopes * i:slopes * (i + 1)], prelu[i])) for i in range(len(prelu))]
    leaky_worse = sum(gain < 0 and p < 0.05 for gain, p in leaky)
    prelu_worse = sum(gain < 0 and p < 0.05 for gain, p in prelu)
    shown = [sum(gain > 0 and p < 0.05 for gain, p in found) for found in (leaky, prelu)]
    most = max(gain for gain, _ in leaky)
    figure = f"better beyond noise: leaky {shown[0]} of {len(leaky)}, PReLU {shown[1]} of {len(prelu)}; PReLU takes {cost['off']:.2f}× the time"
    reason = (f"Leaky ReLU (two slopes, three problems) is better than ReLU beyond noise in {shown[0]} of {len(leaky)} comparisons, by at most "
              f"{100 * most:.1f} points, and worse in {leaky_worse}; PReLU is better in {shown[1]} and worse in {prelu_worse} of {len(prelu)}. "
              f"An epoch with PReLU takes {cost['off']:.2f} times as long with dense products, and {cost['auto']:.2f} times where ReLU's zeros are "
              "skipped.")
    if all(better) and not leaky_worse and not prelu_worse:
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS if any(better) and not leaky_worse else FAILS, figure, reason)


_COST = {"off": 1.05, "auto": 1.5}
MADE_UP = {HOLDS: {"leaky": [(0.02, 0.01)] * 6, "prelu": [(0.02, 0.01)] * 3, "cost": _COST},
           LIMITS: {"leaky": [(0.01, 0.3)] * 6, "prelu": [(0.02, 0.01), (0.0, 1.0), (-0.02, 0.01)], "cost": _COST},
           FAILS: {"leaky": [(0.02, 0.01)] * 5 + [(-0.02, 0.01)], "prelu": [(0.01, 0.5)] * 3, "cost": _COST}}


def tables(figures):
    rows = []
    for name, variants in figures["problems"].items():
        for variant in variants:
            difference = variant["difference"]
            rows.append([f"{name}, {variant['name']}", short(variant["learning_rate"]), percent(variant["score"]),
                         f"{100 * difference['mean']:+.1f}" if difference else "–", p_value(difference["p"]) if difference else "–",
                         percent(variant["density"] and variant["density"]["mean"], 0)])
    first = table(["", "learning rate found", "test accuracy", "difference to relu, points", "p", "not zero"], rows)
    rows = [[name] + [plus_minus(ratio(figures, skip, name)) for skip in ("off", "auto")] for name in ("relu", "leaky_relu", "prelu")]
    return first + "\n\n" + table(["time of an epoch, relu = 1 (MLP of 3 × 512)", "dense products", "zeros skipped where that is faster"], rows)


def draw(figures, picture):
    fields = picture.axes("Leaky ReLU and PReLU against ReLU", "Test accuracy of four variants on three problems, mean and standard deviation; "
                          "the numbers are in the table.", columns=3, headings=list(figures["problems"]), ylabel="test accuracy, %",
                          sharey=False)
    for axes, variants in zip(fields, figures["problems"].values()):
        for series, variant in enumerate(variants):
            score = variant["score"]
            picture.line(axes, [series], [100 * score["mean"]], variant["name"], series, spread=[100 * score["std"]])
        axes.set_xticks(range(len(variants)), [variant["name"].replace("leaky_relu", "leaky").replace(" slope=", "\n") for variant in variants])
        axes.margins(x=0.15, y=0.2)
