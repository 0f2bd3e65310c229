"""Neural networks of scikit-learn as skl2onnx exports them, for foreign_models_test.py."""

import warnings

import numpy
import skl2onnx
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def export_all(folder):
    warnings.filterwarnings("ignore")
    generator = numpy.random.RandomState(0)
    x = generator.randn(200, 6).astype(numpy.float32)
    two, three = (x[:, 0] + x[:, 1] > 0).astype(int), numpy.digitize(x[:, 0], [-0.5, 0.5])
    models = {
        "two_classes": (MLPClassifier(hidden_layer_sizes=(8,), max_iter=30), two),
        "three_classes": (MLPClassifier(hidden_layer_sizes=(8, 5), activation="tanh", max_iter=30), three),
        "texts": (MLPClassifier(hidden_layer_sizes=(8,), max_iter=30), numpy.array(["ant", "bee", "cow"])[three]),
        "scaled": (make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(8,), max_iter=30)), three),
        "regression": (MLPRegressor(hidden_layer_sizes=(8,), activation="logistic", max_iter=30), 2 * x[:, 0]),
    }
    paths = []
    for name, (model, y) in models.items():
        model.fit(x, y)
        for zipmap in (False, True) if name != "regression" else (None,):
            options = None if zipmap is None else {"zipmap": zipmap}
            path = folder / f"sklearn-{name}-{'zipmap' if zipmap else 'array'}.onnx"
            path.write_bytes(skl2onnx.to_onnx(model, x[:1], options=options).SerializeToString())
            paths.append(path)
    return paths
