#!/usr/bin/env python3
"""The products of a convolution that skip zeros, against oneDNN's and PyTorch's, one thread, in turn, in one run.

3x3, stride 1, as many positions out as in, batch 64. The newest oneDNN comes from PyPI and runs with whatever layouts
it likes best, copying into them not counted, and with channels last; PyTorch eagerly, in both of its layouts. Each
ratio is against whichever was fastest in that case: above 1, Halfwave is faster. GFLOP/s are those of the dense
product, the taps that fall on padding included, so that a library that leaves those out can be a little above its
share of the multiply-add peak. Run it with ./dev bench peers conv_products.
"""

import argparse
import glob
import importlib.metadata
import json
import os
import statistics
import sys
import time

import torch

from _common import LIBRARIES, Answers, build_folder, library_environment, load_before, print_table

# height and width, channels in, channels out
SHAPES = {"64->64 32x32": (32, 64, 64), "64->64 16x16": (16, 64, 64), "128->128 16x16": (16, 128, 128),
          "128->128 8x8": (8, 128, 128), "256->256 8x8": (8, 256, 256)}
PRODUCTS = ("forward", "weight_gradient", "input_gradient")
# Zeros in percent -> least ratio asked for.
FORWARD = {50: 1.5, 70: 2.3, 90: 4.5}
BACKWARD = {50: 1.3, 70: 2, 90: 4}
OWN = "Halfwave"  # the names of its variants begin with it


class TorchProduct:
    """name -> a way to make the product in PyTorch."""

    def __init__(self, product, batch, side, n_in, n_out, zeros, memory_format):
        torch.manual_seed(0)
        like = {"memory_format": memory_format}
        self.x = [torch.randn(batch, n_in, side, side).where(torch.rand(batch, n_in, side, side) * 100 >= zeros,
                                                             torch.tensor(0.0)).contiguous(**like) for _ in range(2)]
        self.dy = [torch.randn(batch, n_out, side, side).contiguous(**like) for _ in range(2)]
        self.weight = torch.randn(n_out, n_in, 3, 3).contiguous(**like)
        self.product = product

    def run(self, i):
        if self.product == "forward":
            return torch.nn.functional.conv2d(self.x[i], self.weight, padding=1)
        by_input = self.product == "input_gradient"
        return torch.ops.aten.convolution_backward(self.dy[i], self.x[i], self.weight, None, [1, 1], [1, 1], [1, 1],
                                                   False, [0, 0], 1, [by_input, not by_input, False])

    def seconds(self, milliseconds):
        start, calls = time.perf_counter(), 0
        while True:
            calls += 1
            self.run(calls % 2)
            now = time.perf_counter()
            if now - start >= milliseconds * 1e-3:
                return (now - start) / calls


def measure(native, product, shape, zeros, options):
    """name -> seconds of each round, and the multiply-add peak in GFLOP/s."""
    side, n_in, n_out = SHAPES[shape]
    answer = native.ask("case", product, options.batch, side, side, n_in, n_out, zeros)
    ways = {name: lambda i=i: native.ask("measure", i, options.milliseconds)["seconds"]
            for i, name in enumerate(answer["differences"])}
    for name, memory_format in (("PyTorch", torch.contiguous_format), ("PyTorch channels last", torch.channels_last)):
        ways[name] = lambda work=TorchProduct(product, options.batch, side, n_in, n_out, zeros, memory_format): \
            work.seconds(options.milliseconds)
    with torch.inference_mode():
        for way in ways.values():
            way()
        times, peak = {name: [] for name in ways}, 0
        for _ in range(options.rounds):
            peak = max(peak, native.ask("peak")["gflops"])
            for name, way in ways.items():
                times[name].append(way())
    return times, peak


def summary(product, shape, zeros, times, peak, batch):
    """What the table and the JSON have of a case."""
    side, n_in, n_out = SHAPES[shape]
    medians = {name: statistics.median(values) for name, values in times.items()}
    fastest = min((name for name in medians if not name.startswith(OWN)), key=medians.get)
    operations = 2 * 9 * batch * side * side * n_in * n_out
    return {"product": product, "shape": shape, "zeros_percent": zeros, "peak_gflops": peak, "fastest_peer": fastest,
            "milliseconds": {name: value * 1e3 for name, value in medians.items()},
            "gflops": {name: operations / value * 1e-9 for name, value in medians.items()},
            # Of neighbours in time: what slows the machine for a while slows both.
            "ratio": {name: statistics.median(theirs / ours for theirs, ours in zip(times[fastest], times[name]))
                      for name in medians if name.startswith(OWN)}}


def print_result(cases):
    peers = [name for name in cases[0]["gflops"] if not name.startswith(OWN)]
    own = list(dict.fromkeys(name for case in cases for name in case["ratio"]))
    rows = []
    for case in cases:
        least = (FORWARD if case["product"] == "forward" else BACKWARD).get(case["zeros_percent"])
        best = max(case["ratio"].values(), default=None)
        rows.append((case["product"], case["shape"], f"{case['zeros_percent']:g} %",
                     *(f"{case['gflops'][name]:.1f}" for name in peers), case["fastest_peer"],
                     f"{case['gflops'][case['fastest_peer']] / case['peak_gflops']:.1%}",
                     *(f"{case['ratio'][name]:.2f}x" if name in case["ratio"] else "" for name in own),
                     "" if least is None or best is None else f"{least} {'met' if best >= least else 'NOT met'}"))
    print_table(["product", "shape", "zeros", *peers, "fastest", "of peak", *own, "target"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build_folder(parser)
    parser.add_argument("--shape", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--product", nargs="*", default=list(PRODUCTS), choices=list(PRODUCTS))
    parser.add_argument("--zeros", nargs="*", type=float, default=[0, 50, 70, 90], help="percent of the input")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--milliseconds", type=float, default=20, help="least time of a measurement")
    parser.add_argument("--json", action="store_true", help="the measurements as JSON instead of the table")
    options = parser.parse_args()
    load = load_before()
    # One thread means one processor: a library that starts threads of its own does not get further with them.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    library = next(iter(sorted(glob.glob(os.path.join(LIBRARIES, "libdnnl.so*")))), None)
    command = [os.path.join(options.build, "bench_conv_products"), *(["--onednn", library] if library else [])]
    names = [f"oneDNN {importlib.metadata.version('onednn')}"] if library else []
    cases = []
    with Answers(*command, environment=library_environment()) as native:
        for product in options.product:
            for shape in options.shape:
                for zeros in options.zeros:
                    cases.append(summary(product, shape, zeros, *measure(native, product, shape, zeros, options),
                                         options.batch))
    if options.json:
        json.dump({"load_before": load, "cases": cases}, sys.stdout, indent=1)
        return
    peak = max(case["peak_gflops"] for case in cases)
    print(f"{', '.join([*names, f'PyTorch {torch.__version__}'])}; one thread, peak {peak:.0f} GFLOP/s, batch "
          f"{options.batch}; GFLOP/s, medians of {options.rounds} rounds, load {load:.1f} before; Halfwave against the "
          "fastest")
    print_result(cases)


if __name__ == "__main__":
    main()
