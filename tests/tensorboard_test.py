"""Lost if this fails: curves and histograms of `train --log-dir` that TensorBoard shows as they were.

Reads event files with TensorBoard's own reader and compares them with the JSON of the same run.
tensorboard_test.py HALFWAVE    (skipped with code 77 where tensorboard or numpy are missing; $HALFWAVE_PYTHON names the
interpreter that has them)
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import with_python

with_python.needs("tensorboard", "numpy")  # first: it chooses the Python

import numpy
from tensorboard import data_compat
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

PROGRAM = sys.argv[1]
TRAIN = [PROGRAM, "train", "mnist1d", "--hidden", "24,16", "--threads", "1", "--seed", "4", "--json"]
STEPS = 32  # an epoch of mnist1d: 4,000 examples in batches of 128


def read(folder):
    log = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    return log.Reload()


def curve(log, tag):
    """(step, value) of all points."""
    return [(event.step, event.value) for event in log.Scalars(tag)]


def expected_curves(result):
    curves = {}

    def add(tag, epoch, value):
        curves.setdefault(tag, []).append((epoch["epoch"] * STEPS, float(numpy.float32(value))))

    for epoch in result["epochs"]:
        add("loss/train", epoch, epoch["loss"])
        add("loss/test", epoch, epoch["test_loss"])
        add("accuracy/train", epoch, epoch["train_accuracy"])
        add("accuracy/test", epoch, epoch["test_accuracy"])
        add("learning_rate", epoch, epoch["learning_rate"])
        for layer in epoch["layers"]:
            for figure in ("density", "dead_units", "gradient_norm", "weight_norm"):
                add(f"{figure}/{layer['name']}", epoch, layer[figure])
    return curves


class Logs(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.folder = pathlib.Path(self.place.name)
        self.logs = self.folder / "logs" / "one"

    def train(self, *more):
        command = [*TRAIN, "--log-dir", str(self.logs), "--out", str(self.folder / "model.onnx"), *more]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_curves(self, log, result):
        expected = expected_curves(result)
        for tag, points in expected.items():
            self.assertEqual(curve(log, tag), points, tag)
        self.assertEqual(set(log.Tags()["scalars"]) - set(expected), {"examples_per_second"})

    def test_figures_are_those_of_the_json(self):
        result = self.train("--epochs", "4")
        log = read(self.logs)
        self.assert_curves(log, result)
        for epoch, event in zip(result["epochs"], log.Scalars("examples_per_second"), strict=True):
            self.assertAlmostEqual(event.value * epoch["seconds"] / 4000, 1, places=4)

    def test_histograms_count_every_number(self):
        self.train("--epochs", "3")
        log = read(self.logs)
        inputs, units = [40, 24, 16], [24, 16, 10]
        numbers = {}
        for i in range(3):
            numbers[f"weights/dense_{i + 1}"] = numbers[f"gradients/dense_{i + 1}"] = inputs[i] * units[i]
            numbers[f"biases/dense_{i + 1}"] = units[i]
        for i in range(2):  # the last batch of 4,000 has 32 examples
            numbers[f"activations/dense_{i + 1}"] = 32 * units[i]
        self.assertEqual(set(log.Tags()["histograms"]), set(numbers))
        for tag, count in numbers.items():
            events = log.Histograms(tag)
            self.assertEqual([event.step for event in events], [STEPS, 2 * STEPS, 3 * STEPS])
            for event in events:
                histogram = event.histogram_value
                self.assertEqual((histogram.num, sum(histogram.bucket)), (count, count), tag)
                self.assertEqual(histogram.bucket_limit, sorted(histogram.bucket_limit))
                if tag.startswith("activations"):
                    zeros = histogram.bucket[histogram.bucket_limit.index(1e-12)]
                    self.assertTrue(0.2 < zeros / count < 0.9, f"{zeros} zeros of {count}")

    def test_what_the_pages_take_is_there(self):
        self.train("--epochs", "1")
        log = read(self.logs)
        self.assertIn(b"dense 24, relu, dense 16, relu, dense 10", log.Tensors("network")[0].tensor_proto.string_val[0])
        (file,) = self.logs.iterdir()
        events = [event_pb2.Event.FromString(raw) for raw in RawEventFileLoader(str(file)).Load()]
        values = [value for event in events for value in event.summary.value]
        (start,) = [v for v in values if v.metadata.plugin_data.plugin_name == "hparams"]
        options = plugin_data_pb2.HParamsPluginData.FromString(start.metadata.plugin_data.content).session_start_info
        self.assertEqual(options.hparams["batch"].number_value, 128)
        for value in values:  # as the histograms' page takes them: [left, right, count]
            if value.HasField("histo"):
                edges = numpy.frombuffer(data_compat.migrate_value(value).tensor.tensor_content, numpy.float32).reshape(-1, 3)
                self.assertTrue((edges[:, 0] <= edges[:, 1]).all(), value.tag)
                self.assertEqual(edges[:, 2].sum(), value.histo.num)

    def test_a_killed_run_can_be_read_and_goes_on(self):
        more = ["--epochs", "40", "--checkpoint", str(self.folder / "run"), "--every", "7"]
        command = [*TRAIN, "--log-dir", str(self.logs), "--out", str(self.folder / "model.onnx"), *more]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (self.folder / "run" / "checkpoint.safetensors").exists():
                time.sleep(0.005)
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        steps = [step for step, _ in curve(read(self.logs), "loss/train")]
        self.assertGreaterEqual(len(steps), 7)
        self.assertEqual(steps, [STEPS * (i + 1) for i in range(len(steps))])
        result = self.train(*more, "--resume")
        self.assert_curves(read(self.logs), result)

    def test_a_folder_that_cannot_be_made_is_told_before_training(self):
        (self.folder / "file").write_text("")
        place = str(self.folder / "file" / "logs")
        done = subprocess.run([*TRAIN, "--epochs", "100000", "--log-dir", place], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"{place}: the log folder cannot be written", done.stderr)
        self.assertIn("--log-dir", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
