#!/usr/bin/env python3
"""One example through a trained network: Halfwave against ONNX Runtime on the same file, in turn (A B A B ...).

Trains 784-1024-1024-1024-10 with halfwave train, with and without --activity-l1, on Fashion-MNIST and MNIST, and a
VGG-like convolutional network on CIFAR-10, each where its files are installed; or takes a model file of any program
(--model FILE --data NAME). Different test examples take turns. ONNX Runtime runs with all its optimisations, with one and two threads, with plain arrays and with bound inputs and outputs.
One ratio is with one thread on both sides; in the other the fastest of all counts, and of Halfwave's one or two threads
the faster one. The last column takes from ONNX Runtime's best what a call costs that computes nothing: what its Python
interface may add. Run it with ./dev bench peers latency.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import numpy
import onnx
import onnxruntime

from _common import VGG, Answers, build_folder, cifar_folder, data_folder, load_before, print_table

THREADS = (1, 2)
SESSIONS = {f"ORT {threads}{' bound' if bound else ''}": (threads, bound) for threads in THREADS for bound in (False, True)}
NAMES = [*(f"Halfwave {threads}" for threads in THREADS), *SESSIONS, "empty"]


class Case(NamedTuple):
    network: tuple  # arguments of halfwave train
    epochs: int
    penalties: tuple = (0,)


MLP = ("--hidden", "1024,1024,1024")
# The penalties were chosen by short trainings so that about 90 % of the hidden activations are zero.
CASES = {"fashion-mnist": Case(MLP, 5, (0, 3e-4)), "mnist": Case(MLP, 5, (0, 3e-4)),
         "cifar-10": Case(("--net", VGG), 3)}
WARM_UP = 200  # examples
TOLERANCE = 1e-4  # of the largest output: two orders of summation


def train(build, data, network, penalty, epochs, file):
    """Share of the hidden activations that are zero, and the test accuracy."""
    out = subprocess.run(
        [os.path.join(build, "halfwave"), "train", data, *network, "--epochs", str(epochs), "--activity-l1",
         str(penalty), "--out", file, "--json", "--quiet"],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    last = json.loads(out)["epochs"][-1]
    return 1 - statistics.fmean(layer["density"] for layer in last["layers"][:-1]), last["test_accuracy"]


class Session:
    """A way to run one example in ONNX Runtime."""

    def __init__(self, file, threads, bound):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.output = self.session.get_outputs()[0].name
        self.shape = [1, *self.input.shape[1:]]
        self.bound = bound

    def example(self, x):
        x = x.reshape(self.shape)
        if not self.bound:
            return {self.input.name: x}
        binding = self.session.io_binding()
        binding.bind_cpu_input(self.input.name, x)
        binding.bind_output(self.output)
        return binding

    def seconds(self, inputs):
        examples = [self.example(x) for x in inputs]
        times = []
        if self.bound:
            call = self.session.run_with_iobinding
        else:
            run = self.session.run
            call = lambda example: run(None, example)
        for example in examples:
            start = time.perf_counter()
            call(example)
            times.append(time.perf_counter() - start)
        return times


def predictions(file, inputs):
    session = Session(file, 1, False)
    return numpy.array([session.session.run(None, session.example(x))[0][0] for x in inputs])


def empty_model(like, file):
    """A model with the same input that computes nothing."""
    graph = onnx.load(like).graph
    of_input = graph.input[0]
    output = onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, None)
    node = onnx.helper.make_node("Identity", [of_input.name], ["output"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "empty", [of_input], [output]),
                                   opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, file)


def check(ours, theirs, what):
    """Both predict the same, or the comparison is worth nothing."""
    difference = numpy.abs(ours - theirs).max() / numpy.abs(theirs).max()
    if not difference <= TOLERANCE:
        sys.exit(f"{what}: predictions differ by {difference:.2g} of the largest output.")
    return difference


def compare(build, data, file, folder, options):
    """name -> median seconds of an example, and the largest difference of the predictions."""
    raw, empty = os.path.join(folder, "inputs.f32"), os.path.join(folder, "empty.onnx")
    empty_model(file, empty)
    sessions = {name: (file, *how) for name, how in SESSIONS.items()} | {"empty": (empty, 1, False)}
    times = {}
    command = [os.path.join(build, "bench_latency"), file, data, "--inputs", raw, "--examples", options.examples,
               "--on-request", "--threads", *THREADS]
    with Answers(*command) as halfwave:
        ours = numpy.array(halfwave.first["predictions"], numpy.float32)
        inputs = numpy.fromfile(raw, numpy.float32).reshape(len(ours), -1)
        difference = check(ours, predictions(file, inputs), file)
        part = max(1, len(inputs) // options.rounds)
        for i in range(options.rounds):
            some = inputs[i * part:(i + 1) * part]
            before = inputs[numpy.arange(i * part - WARM_UP, i * part) % len(inputs)]
            for threads in THREADS:
                halfwave.ask(threads, WARM_UP)
                times.setdefault(f"Halfwave {threads}", []).append(halfwave.ask(threads, part)["seconds"])
            # One session at a time: the threads of another one, which wait for work in a loop, would disturb it.
            for name, arguments in sessions.items():
                session = Session(*arguments)
                session.seconds(before)
                times.setdefault(name, []).append(session.seconds(some))
                del session
    return {name: [statistics.median(seconds) for seconds in rounds] for name, rounds in times.items()}, difference


def measured(data, file, options):
    """The cells of a row from the difference of the predictions on."""
    with tempfile.TemporaryDirectory() as folder:
        times, difference = compare(options.build, data, file, folder, options)
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = {engine: min(time for name, time in medians.items() if name.startswith(engine))
            for engine in ("Halfwave", "Halfwave 1", "ORT", "ORT 1")}
    ratios = (best["ORT 1"] / best["Halfwave 1"], best["ORT"] / best["Halfwave"],
              (best["ORT"] - medians["empty"]) / best["Halfwave"])
    print(f"  {data}, {os.path.basename(file)}: {ratios[0]:.2f}x, {ratios[1]:.2f}x", file=sys.stderr)
    return [f"{difference:.1e}", *(f"{medians[name] * 1e6:.1f}" for name in NAMES), *(f"{ratio:.2f}x" for ratio in ratios)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build_folder(parser)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--examples", type=int, default=1500, help="of the test part; shared among the rounds")
    parser.add_argument("--epochs", type=int, help="5, of the convolutional network 3")
    parser.add_argument("--data", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--model", help="an ONNX file to measure on the one --data, instead of training")
    parser.add_argument("--activity-l1", type=float, help="another penalty than the one chosen for about 90 %% zeros")
    options = parser.parse_args()
    print(f"ONNX Runtime {onnxruntime.__version__}, load {load_before():.1f} before; us an example, medians of "
          f"{options.rounds} rounds")
    if options.model and len(options.data) != 1:
        parser.error("--model needs --data NAME, one data set that the model takes")
    rows = []
    for data in options.data:
        if not (cifar_folder() if data == "cifar-10" else data_folder(data)):
            print(f"({data} is left out: its files are neither in $HALFWAVE_DATA nor in /usr/share/datasets)")
            continue
        if options.model:
            rows.append([data, os.path.basename(options.model), "", "", *measured(data, options.model, options)])
            continue
        case = CASES[data]
        for penalty in case.penalties if options.activity_l1 is None else (0, options.activity_l1):
            with tempfile.TemporaryDirectory() as folder:
                file = os.path.join(folder, "model.onnx")
                zeros, accuracy = train(options.build, data, case.network, penalty, options.epochs or case.epochs, file)
                rows.append([data, f"activity-l1 {penalty:g}", f"{zeros:.1%}", f"{accuracy:.4f}",
                             *measured(data, file, options)])
    if rows:
        print_table(["data", "model", "zeros", "test accuracy", "difference", *NAMES, "one thread", "best",
                     "best less an empty call"], rows)


if __name__ == "__main__":
    main()
