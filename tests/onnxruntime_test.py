"""Lost if this fails: models that other programs run as Halfwave does.

Every kind of layer on rows, images and signals, every kind of input and output, networks of convolutions, many of
them random: what ONNX Runtime computes from the file is what Halfwave predicts.
onnxruntime_test.py WRITE_SAMPLE_MODELS    (skipped with code 77 where onnxruntime or numpy are missing; $HALFWAVE_PYTHON
names the interpreter that has them)
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import with_python

with_python.needs("onnxruntime", "numpy")  # first: it chooses the Python

import numpy
import onnxruntime

TOLERANCE = 1e-4  # of the largest output; both sides compute in 32-bit floats


def array(description):
    if "texts" in description:
        values = numpy.array(description["texts"], dtype=object)
    else:
        values = numpy.array([numpy.nan if x is None else x for x in description["numbers"]], dtype=numpy.float32)
    return values.reshape(description["shape"])


def difference(model, sample):
    """Largest difference of two outputs, as a share of the largest output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    inputs = {name: array(description) for name, description in sample["inputs"].items()}
    wanted = {x.name: x.shape for x in session.get_inputs()}
    assert set(wanted) == set(inputs), f"inputs {sorted(wanted)}, not {sorted(inputs)}"
    for name, shape in wanted.items():
        assert shape == ["batch", *inputs[name].shape[1:]], f"input {name} has shape {shape}"
    (output,) = session.run(None, inputs)
    expected = array(sample["output"])
    assert output.shape == expected.shape, f"output {output.shape}, not {expected.shape}"
    assert numpy.isfinite(expected).all() and numpy.ptp(expected) > 0, "the sample shows nothing"
    return float(abs(output - expected).max() / abs(expected).max())


def resave(model, change):
    """The file as the onnx package writes it, changed or not."""
    import onnx

    proto = onnx.load(str(model))
    change(proto)
    path = model.with_suffix(".resaved")
    onnx.save(proto, str(path))
    return path


def check_other_programs(tool, model):
    """A file that another program only passed on is read; one that it changed is not."""
    passed_on = resave(model, lambda proto: None)
    subprocess.run([tool, "--read", passed_on], check=True)

    def other_operator(proto):
        next(node for node in proto.graph.node if node.op_type == "Relu").op_type = "Elu"

    refused = subprocess.run([tool, "--read", resave(model, other_operator)], capture_output=True, text=True)
    assert refused.returncode == 3 and "changed after Halfwave wrote it: node 'relu_1'" in refused.stderr, refused


def main():
    tool = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([tool, folder], check=True)
        files = sorted(pathlib.Path(folder).glob("*.json"))
        assert len(files) > 200, f"only {len(files)} samples"
        results = []
        for file in files:
            try:
                results.append((difference(file.with_suffix(".onnx"), json.loads(file.read_text())), file.stem))
            except Exception as error:  # any of ONNX Runtime's own: name the sample and go on
                print(f"{file.stem}: {error}")
                results.append((float("inf"), file.stem))
        results.sort(reverse=True)
        for value, name in results[:10]:
            print(f"{value:.2e}  {name}")
        print(f"{len(results)} models, ONNX Runtime {onnxruntime.__version__}")
        failed = [name for value, name in results if not value <= TOLERANCE]
        try:
            check_other_programs(tool, pathlib.Path(folder) / "relu.onnx")
        except ImportError as missing:
            print(f"not checked: files written again by the onnx package ({missing})")
    if failed:
        sys.exit("differ from Halfwave: " + ", ".join(failed))


if __name__ == "__main__":
    main()
