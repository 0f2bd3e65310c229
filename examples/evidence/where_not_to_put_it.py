"""Networks in which a ReLU stands where it should not, each against the same network without that ReLU, on classes and on numbers: at the
last layer; behind every sigmoid; and at the last layer behind a layer of sigmoids. Each has its own learning rate. `inspect` looks at the
same networks, which are not trained, and says what is wrong."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, plus_minus, table, welch

NUMBER = 13
TITLE = "Where not to put it"
CLAIM = "ReLU harms at the last layer, behind sigmoid, and in the pair (sigmoid, relu) of the last two layers; and inspect says so."
SOURCES = ["Textbooks: the last layer's activation follows from what is predicted (Goodfellow, Bengio & Courville 2016, Deep learning, 6.2.2)"]
RULE = ("a misplaced ReLU *costs* on a problem if the mean test accuracy is at least a point lower, or the mean test RMSE at least 5 % larger, "
        "than without it, with p < 0.05 (Welch). Holds if each of the three costs on at least one problem and inspect names it on both; holds "
        "with limits if at least one of them costs and is named where it does; else it does not hold here.")
SCOPE = ("Two small data sets. A target that is never negative, in its own units and not standardised, may well have a ReLU in front of it.")

PROBLEMS = {"mnist1d": (30, 3), "friedman1": (40, 5)}
PLACES = {
    "the last layer": ("dense 128, relu, dense 128, relu, dense", "dense 128, relu, dense 128, relu, dense, relu"),
    "behind sigmoid": ("dense 128, sigmoid, dense 128, sigmoid, dense", "dense 128, sigmoid, relu, dense 128, sigmoid, relu, dense"),
    "(sigmoid, relu) last": ("dense 128, relu, dense 128, sigmoid, dense", "dense 128, relu, dense 128, sigmoid, dense, relu"),
}
NAMED_BY = {"the last layer": "output_range", "behind sigmoid": "sigmoid_before_relu", "(sigmoid, relu) last": "output_range"}


def measure(book):
    nets = [net for pair in PLACES.values() for net in pair]
    figures = {"problems": {}, "findings": {}}
    for data, epochs in PROBLEMS.items():
        result = book.compare(f'halfwave compare {data} --over "net={"|".join(nets)}" --epochs {book.choose(*epochs)} '
                              f"--seeds {book.choose(5, 2)}")
        scores = [[run["score"] for run in variant["runs"]] for variant in result["variants"]]
        figures["problems"][data] = {
            "metric": result["metric"],
            "places": {place: {"without": result["variants"][2 * i]["score"], "with": result["variants"][2 * i + 1]["score"],
                               "p": welch(scores[2 * i], scores[2 * i + 1])} for i, place in enumerate(PLACES)}}
    faulty = {pair[1]: place for place, pair in PLACES.items()}
    for values, [result] in book.each('halfwave inspect "$net" $data', data=PROBLEMS, net=faulty):
        figures["findings"].setdefault(faulty[values["net"]], {})[values["data"]] = [
            {key: finding[key] for key in ("kind", "where", "what", "weight")} for finding in result["findings"]
            if finding["weight"] >= 0.1]
    return figures


def loss(problem, place):
    """What it costs: points of accuracy, or the share by which the RMSE is larger; and p."""
    found = problem["places"][place]
    before, after = found["without"]["mean"], found["with"]["mean"]
    return (before - after if problem["metric"] == "test_accuracy" else after / before - 1), found["p"]


def decisive(figures):
    places = {}
    for place in PLACES:
        places[place] = {}
        for data, problem in figures["problems"].items():
            amount, p = loss(problem, place)
            classes = problem["metric"] == "test_accuracy"
            named = any(finding["kind"] == NAMED_BY[place] for finding in figures["findings"][place][data])
            places[place][data] = {"amount": amount, "costs": amount >= (0.01 if classes else 0.05) and p < 0.05, "named": named,
                                   "text": f"{100 * amount:.1f} points" if classes else f"{100 * amount:.0f} % more RMSE"}
    return {"places": places}


def judge(places):
    costly = [place for place, found in places.items() if any(one["costs"] for one in found.values())]
    named = [place for place, found in places.items() if all(one["named"] for one in found.values())]
    partly = [place for place, found in places.items() if any(one["costs"] and one["named"] for one in found.values())]
    costs = "; ".join(f"{place}: " + ", ".join(one["text"] for one in found.values()) for place, found in places.items())
    figure = f"costs: {costs}"
    free = [place for place in places if place not in costly]
    reason = (f"Costs ({', '.join(next(iter(places.values())))}): {costs}. inspect names it on both data sets for "
              f"{', '.join(named) or 'none'}.")
    if "behind sigmoid" in free:
        reason += (" Behind sigmoid it costs nothing because it does nothing: a sigmoid is never negative, so the ReLU hands on what it gets, "
                   "and the gradient too.")
    if not free and len(named) == len(places):
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS if partly else FAILS, figure, reason)


def _made(amount, costs, named=True):
    return {"mnist1d": {"amount": amount, "costs": costs, "named": named, "text": ""},
            "friedman1": {"amount": 0.0, "costs": False, "named": named, "text": ""}}


MADE_UP = {HOLDS: {"places": {place: _made(0.1, True) for place in PLACES}},
           LIMITS: {"places": {**{place: _made(0.1, True) for place in PLACES}, "behind sigmoid": _made(0.0, False)}},
           FAILS: {"places": {place: _made(0.0, False) for place in PLACES}}}


def tables(figures):
    parts = []
    for data, problem in figures["problems"].items():
        classes = problem["metric"] == "test_accuracy"
        rows = []
        for place, found in problem["places"].items():
            amount, p = loss(problem, place)
            shown = [percent(found[key]) if classes else plus_minus(found[key]) for key in ("without", "with")]
            cost = f"{-100 * amount:+.1f} points" if classes else f"{100 * amount:+.0f} %"
            kinds = dict.fromkeys(f"`{finding['kind']}` ({finding['weight']:.2f})" for finding in figures["findings"][place][data])
            rows.append([place] + shown + [cost, p_value(p), ", ".join(kinds) or "nothing"])
        name = "test accuracy" if classes else "test RMSE"
        parts.append(table([f"{data}: ReLU at", f"{name} without", "with", "difference", "p", "inspect finds (weight)"], rows))
    return "\n\n".join(parts)


def draw(figures, picture):
    fields = picture.axes("A ReLU where it should not be", "Test scores with and without the misplaced ReLU, on classes and on numbers; the "
                          "numbers are in the tables.", columns=2, sharey=False,
                          headings=["mnist1d: test accuracy, %", "friedman1: test RMSE (less is better)"])
    for axes, problem in zip(fields, figures["problems"].values()):
        factor = 100 if problem["metric"] == "test_accuracy" else 1
        groups = []
        for series, (key, label) in enumerate((("without", "without that ReLU"), ("with", "with it"))):
            found = [problem["places"][place][key] for place in PLACES]
            groups.append((label, [factor * f["mean"] for f in found], [factor * f["std"] for f in found], series))
        picture.bars(axes, ["last layer", "behind\nsigmoid", "(sigmoid,\nrelu) last"], groups)
    fields[1].set_ylim(0, 1.25 * fields[1].get_ylim()[1])  # room for the legend
    picture.legend(fields[1], loc="upper center")
