"""Comparisons as `halfwave compare --json` writes them, made up (with seeded random numbers), for report_page_test.py:
all that may happen to a comparison."""

import math
import random

ACTIVATIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


def summary(values):
    """{"mean", "std", "n"} of the values that are known, or None."""
    values = [x for x in values if x is not None]
    if not values:
        return None
    mean = sum(values) / len(values)
    std = math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1)) if len(values) > 1 else 0.0
    return {"mean": mean, "std": std, "n": len(values)}


def made_layers(chance, strength, layers, progress, health):
    units = 64
    made = []
    for i in range(layers):
        last = i == layers - 1
        density = 1.0 if last else (0.5 - 0.2 * progress * strength) * (1 - 0.3 * i / layers) + chance.uniform(-0.01, 0.01)
        dead = 0 if last else int(units * 0.1 * progress * max(0.0, strength) * (1 - i / layers))
        made.append({"name": f"dense_{i + 1}", "density": density if health else None, "dead_units": dead if health else None,
                     "units": 10 if last else units, "gradient_norm": 0.6 * math.exp(-strength * 0.2 * (layers - 1 - i)) * chance.uniform(0.9, 1.1),
                     "weight_norm": 8.0 + i})  # fmt: skip
    return made


def made_epochs(chance, metric, strength, epochs, layers, health):
    made = []
    for epoch in range(1, epochs + 1):
        progress = 1 - math.exp(-3 * epoch / max(epochs, 5))
        score = 0.2 + (0.5 + 0.08 * strength) * progress + chance.gauss(0, 0.008)
        one = {"epoch": epoch, "loss": 2.3 * math.exp(-(1.5 + 0.3 * strength) * progress) + chance.gauss(0, 0.01)}
        if "rmse" not in metric and metric != "loss":
            one["train_accuracy"] = min(1.0, score + 0.03)
        if metric == "test_accuracy":
            one |= {"test_accuracy": score, "test_loss": 1.1 * one["loss"]}
        elif metric == "test_rmse":
            one |= {"test_rmse": 52000 * (1.2 - score), "test_loss": (52000 * (1.2 - score)) ** 2}
        one |= {"seconds": 0.02 * (1.2 + 0.3 * strength) * chance.uniform(0.9, 1.2), "learning_rate": 0.01 * (1 - epoch / (epochs + 1)),
                "layers": made_layers(chance, strength, layers, progress, health)}  # fmt: skip
        made.append(one)
    return made


def made_run(seed, metric, epochs, end="finished"):
    less = metric in ("test_rmse", "loss")
    last = epochs[-1] if epochs else {}
    best = (min if less else max)(epochs, key=lambda one: one[metric]) if epochs else {}
    run = {"seed": seed, "learning_rate": 0.01, metric: last.get(metric) if end != "diverged" else None,
           "best_" + metric: best.get(metric), "best_epoch": best.get("epoch"), "loss": last.get("loss"),
           "train_accuracy": last.get("train_accuracy"), "seconds": 1.2 * sum(one["seconds"] for one in epochs),
           "seconds_per_epoch": summary([one["seconds"] for one in epochs])["mean"] if epochs else None}  # fmt: skip
    reached = next((one for one in epochs if one["loss"] < 1.0), None)
    hidden = last.get("layers", [])[:-1]
    densities = [layer["density"] for layer in hidden if layer["density"] is not None]
    return run | {
        "until_epochs": reached["epoch"] if reached else None, "until_seconds": reached["epoch"] * 0.02 if reached else None,
        "density": sum(densities) / len(densities) if densities else None,
        "dead_units": sum(layer["dead_units"] for layer in hidden) if densities else None,
        "units": sum(layer["units"] for layer in hidden),
        "gradient_ratio": hidden[0]["gradient_norm"] / last["layers"][-1]["gradient_norm"] if hidden else None,
        "end": end, "message": "loss is not finite in epoch 3, step 12" if end == "diverged" else "", "epochs": epochs}  # fmt: skip


def made_variant(name, runs, metric, first, search, epochs):
    variant = {"name": name, "options": {"activation": name, "learning_rate": 0.01, "epochs": epochs},
               "network": {"line": f"dense 64, {name}, dense 64, {name}, dense 10", "parameters": 7434},
               "search": search, "seeds": runs}  # fmt: skip
    for key in (metric, "best_" + metric, "until_epochs", "until_seconds", "seconds_per_epoch", "density", "dead_units",
                "gradient_ratio"):  # fmt: skip
        variant[key] = summary([run[key] for run in runs])
    difference = None
    if first is not None and variant[metric] and first[metric]:
        mean = variant[metric]["mean"] - first[metric]["mean"]
        room = abs(mean) * 0.7 + 1e-3
        several = min(variant[metric]["n"], first[metric]["n"]) > 1
        difference = {"mean": mean, "low": mean - room if several else None, "high": mean + room if several else None,
                      "p": 0.03 if several else None}  # fmt: skip
    return variant | {"difference": difference, "diverged": sum(run["end"] == "diverged" for run in runs)}


def made_search(chance, strength, regression):
    def score(rate):
        bump = 0.6 - 0.05 * (math.log10(rate) + 2 + 0.3 * strength) ** 2 + chance.gauss(0, 0.01)
        return -60000 * (1.2 - bump) if regression else bump

    rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]
    return [{"learning_rate": rate, "score": score(rate), "diverged": False} for rate in rates] + [
        {"learning_rate": 0.3, "score": None, "diverged": True}]


def comparison(names=ACTIVATIONS, seeds=5, epochs=20, layers=3, metric="test_accuracy", health=True, search=True, data="mnist1d",
               missing=(), diverging=(), early=False, **more):  # fmt: skip
    """missing: variants without runs. diverging: variants of which every second run diverges. early: runs stop early."""
    chance = random.Random(7)
    regression = metric in ("test_rmse", "loss")
    variants = []
    for number, name in enumerate(names):
        strength = 1.0 - 2.0 * number / max(1, len(names) - 1)
        runs = []
        for seed in range(0 if name in missing else seeds):
            bad = name in diverging and seed % 2 == 0
            length = min(2, epochs) if bad else epochs - chance.randrange(epochs // 2) if early else epochs
            made = [] if bad and seed == 0 else made_epochs(chance, metric, strength, length, layers, health)
            runs.append(made_run(seed, metric, made, "diverged" if bad else "stopped_early" if early else "finished"))
        found = made_search(chance, strength, regression) if search and name not in missing else []
        variants.append(made_variant(name, runs, metric, variants[0] if variants else None, found, epochs))
    return {
        "command": "compare", "version": "0.1.0", "command_line": f"halfwave compare {data} --over activation={','.join(names)} --seeds {seeds}",
        "machine": {"processor": "A Processor @ 2.5 GHz", "threads": 2},
        "data": {"name": data, "task": "regression" if regression else "classification", "train": 4000,
                 "test": 1000 if "test" in metric else 0, "features": 40, "classes": None if regression else [str(i) for i in range(10)]},
        "options": {"hidden": [64, 64], "activation": "relu", "epochs": 0, "batch": 128, "test": "",
                    "loss": "mse" if regression else "cross_entropy", "learning_rate": 0.001, "seeds": seeds, "tune_lr": search},
        "over": [{"option": "activation", "values": list(names)}], "metric": metric, "less_is_better": regression,
        "until": {"measure": "loss", "bound": 1.0}, "variants": variants,
        "verdict": f"{names[0]} is better than {names[-1]} by 5.1 points (95 % interval 3.9 to 6.3, p < 0.001); between the others "
                   "there is no difference that these seeds can show.",
        "store": None, "report": "r.html", "kept": 0, "jobs": 2, "threads_per_run": 1, "seconds": 74.5, "interrupted": False,
        "warnings": []} | more  # fmt: skip


def samples():
    """{name: JSON object}"""
    grid = [f"{activation}, {init}" for activation in ("relu", "leaky_relu", "tanh", "a_rather_long_activation")
            for init in ("he_normal", "xavier_normal", "lecun_uniform")]  # fmt: skip
    nets = ["64,64", "3 * residual(conv 32 3x3, batch_norm, relu, conv 32 3x3, batch_norm), relu, pool 2, flatten, dense 256"]
    evil = ["</script><script>throw 1</script>", "<!-- <script>", "{{comparison}} \u2028 \\ \" & <b>bold</b>"]
    return {
        "typical": comparison(),
        "many": comparison(grid, seeds=3, epochs=30, layers=5),
        "deep": comparison(["relu", "sigmoid"], seeds=2, epochs=200, layers=41),
        "one": comparison(["all"], seeds=1, epochs=1, layers=1, search=False, over=[], until=None),
        "one_seed": comparison(["relu", "tanh"], seeds=1, epochs=2),
        "no_test": comparison(nets, metric="train_accuracy", seeds=2, epochs=5, over=[{"option": "net", "values": nets}]),
        "regression": comparison(["relu", "elu"], metric="test_rmse", data="houses.csv"),
        "regression_no_test": comparison(["relu", "elu"], metric="loss", data="houses.csv", health=False),
        "diverged": comparison(["relu", "elu", "tanh"], diverging=["relu", "tanh"], warnings=["tanh, seed 2 diverged"]),
        "all_diverged": comparison(["relu"], seeds=1, diverging=["relu"]),
        "early": comparison(["relu", "elu", "sigmoid"], early=True),
        "interrupted": comparison(["relu", "elu", "tanh"], missing=["relu", "tanh"], interrupted=True, store="runs.db"),
        "nothing": comparison(["relu", "elu"], missing=["relu", "elu"], interrupted=True, verdict=""),
        "evil": comparison(evil, seeds=2, epochs=3, command_line="halfwave compare '</script><img src=x onerror=alert(1)>'",
                           data="<i>data</i>"),  # fmt: skip
        "several": {"command": "compare", "version": "0.1.0", "store": "runs.db", "warnings": ["a warning"],
                    "comparisons": [comparison(seeds=2, epochs=8), comparison(["relu", "elu"], metric="test_rmse", data="houses")]},
    }  # fmt: skip
