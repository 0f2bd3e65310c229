#!/usr/bin/env python3
"""One training step of the same MLPs in Halfwave, PyTorch and scikit-learn, in turn (A B A B ...), medians and ratios.

PyTorch runs with its best settings: eager, eager with the fused Adam, torch.compile of model and loss with its default
and with max-autotune, all measured; the ratio quoted is against the fastest of them. Run it with
./dev bench peers train_step.

On Fashion-MNIST both engines train three epochs (Adam, batch 128, the learning rate constant at 0.001, which is
Halfwave's default for this network and PyTorch's), and what is timed are the steps of the fourth, a part of the epoch
in each round. PyTorch gets its batches cut from data that are standardised, shuffled and resident as floats; Halfwave
gathers, converts and standardises its own from bytes.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
import warnings

import numpy
import threadpoolctl
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from _common import DATA_FILES, Answers, build_folder, data_folder, load_before, print_table, read_idx
from _torch_step import TorchStep, Variant, torch_steps

CASES = {
    # name as in bench/train_step.cpp: widths, batch, optimiser
    "16-64-64-3/batch:32/adam": ([16, 64, 64, 3], 32, "adam"),
    "40-100-100-10/batch:100/adam": ([40, 100, 100, 10], 100, "adam"),
    "784-512-512-10/batch:128/adam": ([784, 512, 512, 10], 128, "adam"),
    "784-512-512-10/batch:128/sgd": ([784, 512, 512, 10], 128, "sgd"),
    "784-1024-1024-1024-10/batch:128/adam": ([784, 1024, 1024, 1024, 10], 128, "adam"),
}
FASHION = "fashion-mnist"
FASHION_WIDTHS, FASHION_BATCH = [784, 1024, 1024, 1024, 10], 128
WARM_UP = 20  # steps
SMALL = 20000  # weights: networks of at most this many are compared with scikit-learn too

VARIANTS = {
    "eager": Variant(),
    "fused": Variant(fused=True),
    "compiled": Variant(fused=True, mode="default"),
    "autotuned": Variant(fused=True, mode="max-autotune"),
}


def chosen(options):
    return {name: VARIANTS[name] for name in options.variant}


def make_network(widths):
    layers = []
    for i, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(n_in, n_out))
        if i + 2 < len(widths):
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


class SklearnStep:
    """scikit-learn's step, at its best: many batches in one call of partial_fit, so that its checks count little."""

    def __init__(self, widths, batch):
        self.batches = 64
        generator = numpy.random.default_rng(0)
        self.x = generator.standard_normal((batch * self.batches, widths[0]), dtype=numpy.float32)
        self.y = generator.integers(0, widths[-1], batch * self.batches)
        self.network = MLPClassifier(widths[1:-1], solver="adam", alpha=0.0, batch_size=batch, learning_rate_init=1e-5)
        self.network.partial_fit(self.x, self.y, classes=numpy.arange(widths[-1]))

    def seconds(self, threads, least):
        steps, start = 0, time.perf_counter()
        with threadpoolctl.threadpool_limits(threads):
            while steps == 0 or time.perf_counter() - start < least:
                self.network.partial_fit(self.x, self.y)
                steps += self.batches
        return (time.perf_counter() - start) / steps


def halfwave_step(program, case, threads, least):
    out = subprocess.run(
        [program, f"--benchmark_filter=^{case}/threads:{threads}/", "--benchmark_format=json",
         f"--benchmark_min_time={least}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
        env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
    run = json.loads(out.stdout)["benchmarks"][0]
    return run["us"] * 1e-6, run["of_roofline"]


class Times:
    """Seconds by engine, a number a round."""

    def __init__(self):
        self.rounds, self.roofline = {}, []

    def add(self, name, seconds):
        self.rounds.setdefault(name, []).append(seconds)

    def median(self, name):
        return statistics.median(self.rounds[name]) if name in self.rounds else None

    def row(self, label, threads, halfwave="halfwave"):
        """Ratios are medians over the rounds: what slows the machine for a while slows neighbours alike."""
        def against(name):
            if name not in self.rounds:
                return ""
            return f"{statistics.median(b / a for a, b in zip(self.rounds[halfwave], self.rounds[name])):.2f}x"

        best = min((name for name in VARIANTS if name in self.rounds), key=self.median)
        times = [f"{self.median(name) * 1e6:.1f}" if name in self.rounds else ""
                 for name in (halfwave, *VARIANTS, "sklearn")]
        return [label, threads, times[0], f"{statistics.median(self.roofline):.2f}x", *times[1:], against("eager"),
                against(best), against("sklearn")]


COLUMNS = ("us a step", "threads", "halfwave", "of dense roofline", *VARIANTS, "sklearn", "vs eager", "vs best",
           "vs sklearn")


def random_case(program, case, threads, options):
    widths, batch, optimiser = CASES[case]
    batches = [(torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))) for _ in range(8)]
    steps = torch_steps(chosen(options), (batches * 3)[:WARM_UP], lambda: make_network(widths), optimiser, 1e-5)
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    sklearn = SklearnStep(widths, batch) if weights <= SMALL and optimiser == "adam" else None
    times = Times()
    for _ in range(options.rounds):
        seconds, share = halfwave_step(program, case, threads, options.seconds)
        times.add("halfwave", seconds)
        times.roofline.append(share)
        for name, step in steps.items():
            some = step.seconds(batches)
            times.add(name, step.seconds(batches * max(1, round(options.seconds / some / len(batches)))))
        if sklearn:
            times.add("sklearn", sklearn.seconds(threads, options.seconds))
    return [times.row(case, threads)]


class Fashion:
    """The training part as PyTorch wants it, and a network after three epochs of it."""

    def __init__(self, folder):
        images, labels = (read_idx(os.path.join(folder, file)) for file in DATA_FILES["train"])
        x = torch.from_numpy(images.reshape(len(images), -1).astype(numpy.float32))
        self.x, self.y = (x - x.mean()) / x.std(), torch.from_numpy(labels.astype(numpy.int64))
        torch.manual_seed(0)
        step = TorchStep(lambda: make_network(FASHION_WIDTHS), "adam", 1e-3, VARIANTS["fused"])
        for _ in range(3):
            step.seconds(self.epoch())
        self.state = step.state()
        self.fourth = self.epoch()

    def epoch(self):
        """Whole batches, shuffled."""
        order = torch.randperm(len(self.x))
        pairs = zip(self.x[order].split(FASHION_BATCH), self.y[order].split(FASHION_BATCH))
        return [pair for pair in pairs if len(pair[0]) == FASHION_BATCH]


def fashion_case(program, fashion, threads, options):
    steps = torch_steps(chosen(options), fashion.epoch()[:WARM_UP], lambda: make_network(FASHION_WIDTHS), "adam", 1e-3,
                        state=fashion.state)
    rows = []
    penalties = [("halfwave", 0.0), ("halfwave, L1", options.activity_l1)]
    with Answers(program, "--on-request", threads, threads=threads) as plain, \
            Answers(program, "--on-request", threads, "--activity-l1", options.activity_l1, threads=threads) as penalised:
        times, rooflines, density = Times(), {name: [] for name, _ in penalties}, {}
        part = len(fashion.fourth) // options.rounds
        for i in range(options.rounds):
            for (name, _), engine in zip(penalties, (plain, penalised)):
                answer = engine.ask(part)
                times.add(name, statistics.fmean(answer["seconds"]))
                rooflines[name].append(answer["of_roofline"])
                density[name] = answer["density"]
            for name, step in steps.items():
                times.add(name, step.seconds(fashion.fourth[i * part:(i + 1) * part]))
    for name, penalty in penalties:
        times.roofline = rooflines[name]
        label = f"{FASHION} 784-1024-1024-1024-10" + (f", activity-l1 {penalty:g}" if penalty else "")
        rows.append(times.row(label, threads, name))
        share = ", ".join(f"{layer} {value:.3f}" for layer, value in density[name].items())
        print(f"  density in epoch 4, {threads} threads{f', activity-l1 {penalty:g}' if penalty else ''}: {share}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build_folder(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring in each round")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, os.cpu_count()])
    parser.add_argument("--case", nargs="*", default=[*CASES, FASHION], choices=[*CASES, FASHION])
    parser.add_argument("--variant", nargs="*", default=list(VARIANTS), choices=list(VARIANTS), help="PyTorch's")
    parser.add_argument("--activity-l1", type=float, default=1e-4,
                        help="Halfwave's penalty in a second training on Fashion-MNIST (PyTorch trains without)")
    options = parser.parse_args()
    program = os.path.join(options.build, "bench_train_step")
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    torch.set_flush_denormal(True)  # PyTorch's best: the moments of units that died would become denormal numbers

    load = load_before()
    folder = data_folder(FASHION)
    if FASHION in options.case and not folder:
        print(f"({FASHION} is left out: install dataset-fashion-mnist, or set HALFWAVE_DATA)")
    torch.set_num_threads(1)
    fashion = Fashion(folder) if FASHION in options.case and folder else None
    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, load {load:.1f} before", flush=True)
    rows = []
    for threads in dict.fromkeys(options.threads):
        torch.set_num_threads(threads)
        for case in options.case:
            if case in CASES:
                rows += random_case(program, case, threads, options)
            elif fashion:
                rows += fashion_case(program, fashion, threads, options)
    print_table(COLUMNS, rows)


if __name__ == "__main__":
    main()
