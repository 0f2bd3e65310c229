"""Three experiments. (a) Mean and variance of the outputs through 40 layers before the first step (`inspect` of a network line):
SELU as it should begin (variance 1 / inputs), SELU with He's 2 / inputs, and ReLU with He's. A leaky_relu of slope 1 in front of
selu changes no number, but makes the initialisation take a rectifier's. (b) Dropout acts in training only, so that it is seen by a
training run whose rate moves no weight: on a regression with standardised targets the loss is then 1 + the second moment of the
output, which is that of the last hidden layer. (c) Self-normalising networks (selu, alpha dropout) against ReLU networks on tables."""
from book import FAILS, HOLDS, LIMITS, Verdict
from figures import p_value, percent, plus_minus, short, spread, table

NUMBER = 8
TITLE = "SELU normalises itself"
CLAIM = ("SELU keeps mean 0 and variance 1 through 40 layers, loses them with the wrong initialisation or ordinary dropout, and such "
         "networks beat ReLU networks on tables.")
SOURCES = ["Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-normalizing neural networks: theorem 1 (mean within ±0.1 and variance "
           "from 0.8 to 1.5 stay there) and the comparison on 121 UCI data sets"]
RULE = ("*normalised* is a layer whose mean is within ±0.1 and variance from 0.8 to 1.5, the domain of the paper's theorem 1; with dropout "
        "an output whose second moment is from 0.8 to 1.51. Holds if SELU is normalised at layer 40 and is not with He's variance, alpha "
        "dropout keeps it and ordinary dropout does not, and the self-normalising network is better than ReLU (p < 0.05) on most tables "
        "and worse on none; holds with limits if SELU is normalised at layer 40 and loses it with He's variance or with ordinary "
        "dropout; else it does not hold here.")
SCOPE = ("Means over all units of a layer; single units deviate. The tables are four out of many, the networks have eight layers of 64 units, "
         "and of large tables 5,000 examples are taken: the paper searches depth, width and dropout for each set.")

VARIANTS = {  # name: (network line of $depth layers, what the table and the picture call it)
    "selu": "$depth * (dense 256, selu), dense",
    "selu, He": "$depth * (dense 256, leaky_relu slope=1, selu), dense",
    "relu, He": "$depth * (dense 256, relu), dense",
}
DROPS = {"none": "selu", "dropout 0.1": "selu, dropout 0.1", "alpha_dropout 0.1": "selu, alpha_dropout 0.1"}
ADULT = "https://archive.ics.uci.edu/dataset/2/adult (adult.data and adult.test)"
TABLES = {  # name: arguments of compare, files with addresses
    "adult": ("adult-train.csv --test adult-test.csv --no-header --examples 5000",
              {"adult-train.csv": ADULT, "adult-test.csv": ADULT}),
    "california housing": ("california-housing.csv --target median_house_value --examples 5000",
                           {"california-housing.csv": "https://github.com/ageron/handson-ml2 (datasets/housing/housing.csv)"}),
    "letter": ("letter-recognition.data --target 0 --examples 5000",
               {"letter-recognition.data": "https://archive.ics.uci.edu/dataset/59/letter+recognition, with a first line of names"}),
    "sonar": ("sonar.csv --no-header",
              {"sonar.csv": "https://archive.ics.uci.edu/dataset/151/connectionist+bench+sonar+mines+vs+rocks (sonar.all-data)"}),
}
NETS = {"relu": "8 * (dense 64, relu), dense", "selu, alpha dropout": "8 * (dense 64, selu, alpha_dropout 0.05), dense",
        "relu, dropout": "8 * (dense 64, relu, dropout 0.05), dense", "relu, batch norm": "8 * (dense 64, batch_norm, relu), dense",
        "selu": "8 * (dense 64, selu), dense"}


def measure(book):
    return {"layers": layers(book), "dropout": dropout(book), "tables": on_tables(book)}


def layers(book):
    rows = []
    for name, line in VARIANTS.items():
        line = line.replace("$depth", "40")
        for values, [result] in book.each(f'halfwave inspect "{line}" mnist1d --seed $seed', seed=range(book.choose(5, 2))):
            activation = line.split("), dense")[0].split(", ")[-1]
            behind = [layer for layer in result["layers"] if layer["activation"] == activation]
            rows.append({"variant": name, **values, "mean": [layer["mean"] for layer in behind],
                         "variance": [layer["variance"] for layer in behind]})
    return rows


def dropout(book):
    runs = book.each('halfwave train friedman1 --net "$depth * (dense 100, $activation), dense" --learning-rate 1e-30 --epochs 1 --seed $seed',
                     activation=DROPS.values(), depth=[10, 40], seed=range(book.choose(60, 3)))
    names = {line: name for name, line in DROPS.items()}
    return [{"drop": names[values["activation"]], "depth": values["depth"], "moment": result["epochs"][0]["loss"] - 1}
            for values, [result] in runs]


def on_tables(book):
    found = {}
    for name, (arguments, files) in TABLES.items():
        if not all([book.file(file, address) for file, address in files.items()]):
            continue
        nets = "|".join(NETS.values())
        result = book.compare(f'halfwave compare {arguments} --over "net={nets}" --epochs {book.choose(30, 2)} '
                              f"--seeds {book.choose(5, 2)}")
        found[name] = {"metric": result["metric"], "less_is_better": result["less_is_better"],
                       "variants": [{"net": net, "learning_rate": variant["learning_rate"], "score": variant["score"],
                                     "difference": variant["difference"]} for net, variant in zip(NETS, result["variants"])]}
    return found


def at(rows, variant, key, layer):
    return spread([row[key][layer - 1] for row in rows if row["variant"] == variant])


def moment(rows, drop, depth):
    return spread([row["moment"] for row in rows if (row["drop"], row["depth"]) == (drop, depth)])


def gains_of(figures, net):
    """(Gain over ReLU, p) on each table."""
    gains = []
    for found in figures["tables"].values():
        for difference in (variant["difference"] for variant in found["variants"] if variant["net"] == net):
            gain = -difference["mean"] if found["less_is_better"] else difference["mean"]
            gains.append((gain, 1.0 if difference["p"] is None else difference["p"]))
    return gains


def decisive(figures):
    return {"at_40": {name: [at(figures["layers"], name, key, 40)["mean"] for key in ("mean", "variance")] for name in ("selu", "selu, He")},
            "moments": {drop: moment(figures["dropout"], drop, 40)["mean"] for drop in DROPS},
            "gains": gains_of(figures, "selu, alpha dropout"), "undropped": gains_of(figures, "selu")}


def beyond_noise(gains):
    """On how many tables better, and on how many worse."""
    return tuple(sum(sign * gain > 0 and p < 0.05 for gain, p in gains) for sign in (1, -1))


def normalised(mean, variance):
    return abs(mean) <= 0.1 and 0.8 <= variance <= 1.5


def judge(at_40, moments, gains, undropped=()):
    right, wrong = normalised(*at_40["selu"]), normalised(*at_40["selu, He"])
    alpha, ordinary = (0.8 <= moments[name] <= 1.51 for name in ("alpha_dropout 0.1", "dropout 0.1"))
    better, worse = beyond_noise(gains)
    plain = beyond_noise(undropped)
    figure = f"layer 40: mean {short(at_40['selu'][0], 2)}, variance {short(at_40['selu'][1])}; with He's variance {short(at_40['selu, He'][1])}"
    reason = (f"At layer 40 SELU has mean {short(at_40['selu'][0], 2)} and variance {short(at_40['selu'][1])}; begun with twice the variance, mean "
              f"{short(at_40['selu, He'][0])} and variance {short(at_40['selu, He'][1])}. The second moment in training is "
              f"{short(moments['none'])} without dropout, {short(moments['alpha_dropout 0.1'])} with alpha dropout, "
              f"{short(moments['dropout 0.1'])} with ordinary dropout. On tables the self-normalising network is better than ReLU beyond noise "
              f"on {better} of {len(gains)} and worse on {worse}; SELU without any dropout is better on {plain[0]} and worse on {plain[1]}.")
    if right and not wrong and alpha and not ordinary and 2 * better > len(gains) and not worse:
        return Verdict(HOLDS, figure, reason)
    if right and not (wrong and ordinary):
        return Verdict(LIMITS, figure, reason)
    return Verdict(FAILS, figure, reason)


_WRONG = [6.0, 30.0]
MADE_UP = {HOLDS: {"at_40": {"selu": [0.0, 1.0], "selu, He": _WRONG}, "moments": {"none": 1, "dropout 0.1": 1.9, "alpha_dropout 0.1": 1},
                   "gains": [(0.02, 0.01)] * 3 + [(-0.01, 0.5)]},
           LIMITS: {"at_40": {"selu": [0.0, 1.0], "selu, He": _WRONG}, "moments": {"none": 1, "dropout 0.1": 1.9, "alpha_dropout 0.1": 1},
                    "gains": [(0.02, 0.01)] * 3 + [(-0.02, 0.01)]},
           FAILS: {"at_40": {"selu": [0.3, 0.5], "selu, He": _WRONG}, "moments": {"none": 1, "dropout 0.1": 1.9, "alpha_dropout 0.1": 1},
                   "gains": [(0.02, 0.01)] * 4}}


def tables(figures):
    shown = [1, 10, 20, 40]
    rows = [[f"{name}, {key}"] + [plus_minus(at(figures["layers"], name, key, layer)) for layer in shown]
            for name in VARIANTS for key in ("mean", "variance")]
    parts = [table(["before the first step"] + [f"layer {layer}" for layer in shown], rows)]
    depths = sorted({row["depth"] for row in figures["dropout"]})
    rows = [[f"selu, {name}"] + [plus_minus(moment(figures["dropout"], name, depth)) for depth in depths] for name in DROPS]
    parts.append(table(["second moment in training"] + [f"{depth} layers" for depth in depths], rows))
    rows = []
    for name, found in figures["tables"].items():
        for variant in found["variants"]:
            score, difference = variant["score"], variant["difference"]
            accuracy = "accuracy" in found["metric"]
            rows.append([f"{name}: {variant['net']}", short(variant["learning_rate"]),
                         percent(score) if accuracy else plus_minus(score, 0) + " (RMSE)", p_value(difference["p"]) if difference else "–"])
    if rows:
        parts.append(table(["eight layers of 64", "learning rate found", "score", "p, against relu"], rows))
    return "\n\n".join(parts)


def draw(figures, picture):
    fields = picture.axes("Mean and variance through 40 layers, before the first step", "Mean and variance of each layer's outputs: SELU "
                          "stays at 0 and 1, SELU with He's variance leaves them; the numbers are in the table.", columns=2,
                          headings=["mean", "variance"], xlabel="layer", sharey=False)
    for axes, key in zip(fields, ("mean", "variance")):
        for series, name in enumerate(VARIANTS):
            shown = [1, *range(5, 41, 5)]
            spreads = [at(figures["layers"], name, key, layer) for layer in shown]
            picture.line(axes, shown, [value["mean"] for value in spreads], name, series, spread=[value["std"] for value in spreads])
    fields[1].set_yscale("log")
    picture.legend(fields[0])
