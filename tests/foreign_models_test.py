"""Lost if this fails: models that Halfwave runs as other programs do, and those that become layers.

Every model of ../shared/models, and every network that export_torch.py and export_sklearn.py export where torch and
skl2onnx are at hand: what Halfwave predicts is what ONNX Runtime computes from the file, and all of it are layers but for
the models in WITH_REGIONS.
foreign_models_test.py RUN_FOREIGN [MODEL …]   (skipped with code 77 where onnxruntime or numpy are missing; $HALFWAVE_PYTHON
names the interpreter that has them. With models: those only, with their layers)
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

import with_python

with_python.needs("onnxruntime", "numpy")  # first: it chooses the Python

import numpy
import onnxruntime

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "models"
TOLERANCE = 1e-4  # relative; of numbers near zero a tenth of that of the largest
WITH_REGIONS = ["yunet"]  # its heads share branches, which no network line has


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def inputs_for(session, generator, given=None):
    (value,) = session.get_inputs()
    fixed = isinstance(value.shape[0], int)
    shape = [size if isinstance(size, int) else 3 for size in value.shape]
    x = given if given is not None else generator.standard_normal(shape).astype(numpy.float32)
    if not fixed:
        return value.name, x, [x]
    # A file for one example (or a few) at a time: so many more in one go of Halfwave.
    more = [x] if given is not None else [x, generator.standard_normal(shape).astype(numpy.float32)]
    return value.name, numpy.concatenate(more), more


def run(program, model, x, features):
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = pathlib.Path(folder, "x"), pathlib.Path(folder, "y")
        inputs.write_bytes(numpy.ascontiguousarray(x, dtype=numpy.float32).tobytes())
        result = subprocess.run([program, model, inputs, outputs], capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(result.stderr.strip())
        layers = [line.split("\t") for line in result.stdout.splitlines()]
        return layers, numpy.frombuffer(outputs.read_bytes(), dtype=numpy.float32)


def numbers_of(results, count):
    """Each result as rows; what scikit-learn's models give as maps too, and labels not."""
    rows = []
    for result in results:
        if isinstance(result, list):
            result = numpy.array([list(one.values()) for one in result], dtype=numpy.float32)
        if result.dtype.kind == "f":
            rows.append(result.astype(numpy.float32).reshape(count, -1))
    return rows


def compare(program, model, generator, given=None):
    """The layers, and the largest difference from what ONNX Runtime computes: of the tolerance."""
    session = session_of(model)
    name, x, parts = inputs_for(session, generator, given)
    layers, outputs = run(program, model, x, x[0].size)
    expected = numpy.concatenate([numpy.concatenate(numbers_of(session.run(None, {name: part}), len(part)), axis=1)
                                  for part in parts])
    outputs = outputs.reshape(len(x), -1)
    assert outputs.shape == expected.shape, f"outputs {outputs.shape}, not {expected.shape}"
    allowed = TOLERANCE * (abs(expected) + abs(expected).max() * 0.1 + 1e-6)
    return layers, float((abs(outputs - expected) / allowed).max())


def main():
    program, given = sys.argv[1], sys.argv[2:]
    generator = numpy.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        models = [pathlib.Path(model) for model in given]
        if not given:
            models = sorted(SHARED.rglob("*.onnx"))
            for exporter in ("export_torch", "export_sklearn"):
                try:
                    models += importlib.import_module(exporter).export_all(pathlib.Path(folder))
                except ImportError as missing:
                    print(f"{exporter}: nothing exported: {missing}")
        failed = 0
        for model in models:
            name = f"{model.parent.name}/{model.stem}"
            try:
                layers, worst = compare(program, model, generator)
            except (RuntimeError, AssertionError) as error:
                print(f"{name}: {error}")
                failed += 1
                continue
            regions = [reason for _, _, reason in layers if reason]
            if given:
                for layer in layers:
                    print("   ", *layer)
            print(f"{name}: {len(layers)} layers, difference {worst:.2g} of the tolerance" +
                  (f"; {len(regions)} of operators: {regions}" if regions else ""))
            if not worst <= 1 or (regions and not given and not any(x in name for x in WITH_REGIONS)):
                print("  FAILED")
                failed += 1
        if not models:
            print("skipped: neither ../shared/models nor torch or skl2onnx")
            sys.exit(77)
        print(f"{len(models)} models, {failed} failed")
        sys.exit(failed > 0)


if __name__ == "__main__":
    main()
