"""Hidden codes as inputs of another classifier. A network learns from 10,000 training images; what its hidden layer makes of the 10,000 test
images, which it has not seen, are the inputs of a logistic regression, trained on 6,000 of these and tested on 4,000. Codes: of ReLU (plain,
and with an L1 penalty), leaky ReLU, sigmoid and tanh; for comparison the pixels themselves and an untrained ReLU layer. Then the codes of
autoencoders, which see no labels: they learn from 5,000 of the test images, and the logistic regression uses the other 5,000."""
import math

from book import FAILS, HOLDS, LIMITS, Verdict
from figures import percent, spread, table

NUMBER = 10
TITLE = "Sparse codes as inputs of another classifier"
CLAIM = "ReLU's sparse codes are as good inputs for another classifier as dense ones, and that of an autoencoder too."
SOURCES = ["Glorot, Bordes & Bengio 2011, section 2 and 3: sparse codes are more likely to be linearly separable",
           "Coates, Ng & Lee 2011, An analysis of single-layer networks in unsupervised feature learning"]
RULE = ("a code's score is the mean test accuracy of a logistic regression on it. Holds if on both data sets, at a density of at most 50 %, the "
        "score of ReLU's code is at most half a point below the best of leaky ReLU's, sigmoid's and tanh's and at least two points above that "
        "of the pixels, and the code of the ReLU autoencoder scores at least as well as the pixels; holds with limits if the part about "
        "trained networks is true on at least one data set; else it does not hold here.")
SCOPE = ("One hidden layer of 512 units, images of one size, a linear classifier without tuned regularisation. The two "
         "halves of MNIST's test images are of different writers: the autoencoders there code others than they have learned from.")

SPARSER = "relu, penalty 0.001"
DATA, CODES = ["mnist", "fashion-mnist"], {"relu": "relu", "leaky_relu": "leaky ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}
CLASSIFIER = "halfwave train . --hidden none --validation 0.4 --epochs 60 --seed $seed --out classifier.onnx"
NETWORK = f"""halfwave train $data --test split --validation 0 --examples 10000 --net "dense 512, $activation, dense" --activity-l1 $penalty --learning-rate $rate --epochs $epochs --seed $seed --out network.onnx
    halfwave run network.onnx $data
    halfwave run network.onnx $data --layer dense_2 --out labels.libsvm
    python3 examples/evidence/npy.py labels labels.libsvm y.npy
    halfwave run network.onnx $data --layer ${{activation}}_1 --out x.npy
    {CLASSIFIER}"""
PIXELS = """halfwave train $data --test split --validation 0 --examples 1000 --no-standardise --net "scale fixed=1, dense" --epochs 1 --out pixels.onnx
    halfwave run pixels.onnx $data --layer dense_1 --out labels.libsvm
    halfwave run pixels.onnx $data --layer scale_1 --out $file"""
RAW = f"""{PIXELS.replace("$file", "x.npy")}
    python3 examples/evidence/npy.py labels labels.libsvm y.npy
    {CLASSIFIER}"""
HALVES = f"""{PIXELS.replace("$file", "pixels.npy")}
    python3 examples/evidence/npy.py labels labels.libsvm labels.npy
    python3 examples/evidence/npy.py halves pixels.npy labels.npy"""
AUTOENCODER = f"""{HALVES}
    halfwave train autoencoder --net "dense 512, $activation, dense" --activity-l1 $penalty --validation 0.1 --epochs $epochs --seed $seed --out autoencoder.onnx
    halfwave run autoencoder.onnx rest.npy --layer ${{activation}}_1 --out x.npy
    {CLASSIFIER}"""
HALF_RAW = f"""{HALVES}
    halfwave run pixels.onnx rest.npy --layer scale_1 --out x.npy
    {CLASSIFIER}"""


def measure(book):
    data, seeds = book.choose(DATA, DATA[1:]), range(book.choose(3, 1))
    common = {"data": data, "seed": seeds}
    figures = []

    def add(kind, name, values, results, own=None):
        figures.append({"kind": kind, "code": name, "data": values["data"], "density": results[-2]["result"]["density"],
                        "accuracy": results[-1]["result"]["test_accuracy"], "own": own})

    def networks(epochs, rate, name, **axes):
        template = NETWORK.replace("$epochs", str(epochs)).replace("$rate", rate)
        for values, results in book.each(template, **axes, **common):
            add("network", name(values), values, results, results[1]["result"]["accuracy"])

    epochs = book.choose(8, 2)
    networks(epochs, "0.002", lambda values: CODES[values["activation"]], activation=CODES, penalty=["0"])
    networks(epochs, "0.002", lambda values: f"relu, penalty {values['penalty']}", activation=["relu"], penalty=["0.001"])
    networks(1, "1e-12", lambda _: "relu, untrained", activation=["relu"], penalty=["0"])
    for values, results in book.each(RAW, **common):
        add("network", "pixels", values, [results[2], results[-1]])
    template = AUTOENCODER.replace("$epochs", str(book.choose(12, 3)))
    for penalties, activations in ((["0", "0.001"], ["relu"]), (["0"], ["sigmoid"])):
        for values, results in book.each(template, activation=activations, penalty=penalties, **common):
            name = values["activation"] + (f", penalty {values['penalty']}" if values["penalty"] != "0" else "")
            add("autoencoder", name, values, results, 1 - results[-3]["epochs"][-1]["loss"])
    for values, results in book.each(HALF_RAW, **common):
        add("autoencoder", "pixels", values, results)
    return figures


def of(figures, key, kind, code, data):
    return spread([row[key] for row in figures if (row["kind"], row["code"], row["data"]) == (kind, code, data)])


def decisive(figures):
    found = {}
    for data in dict.fromkeys(row["data"] for row in figures):
        score = {code: of(figures, "accuracy", "network", code, data)["mean"] for code in [*CODES.values(), "pixels"]}
        sparser = [of(figures, key, "network", SPARSER, data)["mean"] for key in ("density", "accuracy")]
        found[data] = {"score": score, "sparser": sparser, "density": of(figures, "density", "network", "relu", data)["mean"],
                       "autoencoder": of(figures, "accuracy", "autoencoder", "relu", data)["mean"],
                       "autoencoder_density": of(figures, "density", "autoencoder", "relu", data)["mean"],
                       "half_pixels": of(figures, "accuracy", "autoencoder", "pixels", data)["mean"]}
    return {"found": found}


def judge(found):
    good, coded = [], []
    for data, its in found.items():
        dense = max(score for code, score in its["score"].items() if code not in ("relu", "pixels"))
        relu = its["score"]["relu"]
        if its["density"] <= 0.5 and relu >= dense - 0.005 and relu >= its["score"]["pixels"] + 0.02:
            good.append(data)
        if its["autoencoder"] >= its["half_pixels"]:
            coded.append(data)
    figure = "; ".join(f"{data}: ReLU {percent(its['score']['relu'])} (density {percent(its['density'], 0)}), sigmoid "
                       f"{percent(its['score']['sigmoid'])}, pixels {percent(its['score']['pixels'])}" for data, its in found.items())
    reason = f"As good as the dense codes, and better than pixels, on {' and '.join(good) or 'neither data set'}. "
    reason += "With the L1 penalty " + " and ".join(f"{percent(its['sparser'][1])} at a density of {percent(its['sparser'][0], 0)}"
                                                    for its in found.values()) + ". "
    reason += "The ReLU autoencoder's code against pixels: " + "; ".join(
        f"{percent(its['autoencoder'])} (density {percent(its['autoencoder_density'], 0)}) against {percent(its['half_pixels'])} on {data}"
        for data, its in found.items()) + "."
    if len(coded) < len(found):
        reason += " An autoencoder keeps what rebuilds the pixels, which need not be what tells the classes apart."
    if len(good) == len(coded) == len(found):
        return Verdict(HOLDS, figure, reason)
    return Verdict(LIMITS if good else FAILS, figure, reason)


def _made(relu=0.95, autoencoder=0.92, density=0.2):
    return {"score": {"relu": relu, "leaky ReLU": 0.95, "sigmoid": 0.95, "tanh": 0.95, "pixels": 0.9}, "density": density, "sparser": [0.1, 0.9],
            "autoencoder": autoencoder, "autoencoder_density": 0.4, "half_pixels": 0.9}


MADE_UP = {HOLDS: {"found": {"a": _made(), "b": _made()}}, LIMITS: {"found": {"a": _made(autoencoder=0.8), "b": _made(relu=0.9)}},
           FAILS: {"found": {"a": _made(density=0.6), "b": _made(relu=0.9)}}}


def codes(figures, kind):
    return list(dict.fromkeys(row["code"] for row in figures if row["kind"] == kind))


def tables(figures):
    parts = []
    for kind, own in (("network", "the network's own accuracy"), ("autoencoder", "variance explained, training part")):
        rows = []
        for data in dict.fromkeys(row["data"] for row in figures):
            for code in codes(figures, kind):
                found = [of(figures, key, kind, code, data) for key in ("density", "accuracy", "own")]
                rows.append([f"{data}: {code}"] + [percent(value) for value in found])
        parts.append(table([f"code of {kind}s", "density", "logistic regression, test accuracy", own], rows))
    return "\n\n".join(parts)


def draw(figures, picture):
    fields = picture.axes("A logistic regression on hidden codes", "Test accuracy of the logistic regression over the density of the code, for "
                          "codes of networks (circles) and autoencoders (squares) on each data set; numbers are in the tables.",
                          columns=len({row["data"] for row in figures}), headings=list(dict.fromkeys(row["data"] for row in figures)),
                          xlabel="numbers that are not zero, %", ylabel="test accuracy, %", sharey=False)
    for axes, data in zip(fields, dict.fromkeys(row["data"] for row in figures)):
        for series, kind in enumerate(("network", "autoencoder")):
            found = [[of(figures, key, kind, code, data)["mean"] for key in ("density", "accuracy")] for code in codes(figures, kind)]
            axes.plot([100 * x for x, _ in found], [100 * y for _, y in found], "os"[series], color=picture.colour(series), label=f"{kind}s")
        axes.set_xlim(0, 108)
        axes.margins(y=0.1)
        label_points(axes, [(*(of(figures, key, kind, code, data)["mean"] for key in ("density", "accuracy")), "relu, L1" if "penalty" in
                             code else code) for kind in ("network", "autoencoder") for code in codes(figures, kind)])
    picture.legend(fields[0])


def label_points(axes, points):
    """Names beside the points; those of dense codes, which lie above one another, so far apart that they can be read."""
    low, high = axes.get_ylim()
    last = -math.inf
    for x, y, name in sorted(points, key=lambda point: point[1]):
        dense, apart = x > 0.5, 9 * (high - low) / 200  # of some 200 points of height
        place = max(100 * y, last + apart) if dense else 100 * y
        last = place if dense else last
        axes.annotate(name, (100 * x, 100 * y), xytext=(-5 if dense else 5, (place - 100 * y) / (high - low) * 200 - 3),
                      textcoords="offset points", fontsize=8, ha="right" if dense else "left")
