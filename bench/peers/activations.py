#!/usr/bin/env python3
"""Activation kernels against PyTorch and against a memory copy, one thread.

    python bench/peers/activations.py BUILD/bench_activations [--rounds 9] [--json]

Runs Halfwave's benchmark program and PyTorch in turn (A B A B ...), an activation at a time, and prints the medians of
each and the median of the ratios of neighbouring runs: above 1, Halfwave is faster. PyTorch writes into given tensors
wherever it can (out=), in inference mode, so that neither allocation nor autograd is counted. Times are the thread's own,
without what other programs take. Works with any Python that has torch; numbers are standard normal on both sides.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import torch

IN_CACHE, OUT_OF_CACHE = 16384, 1 << 26


def peers(n):
    """name -> (forward, backward) in PyTorch, for n numbers."""
    aten = torch.ops.aten
    # As in the benchmark program: not a multiple of a page apart, which would make loads wait for stores.
    x, dy, y = (torch.empty(n + place * 320)[place * 320:].normal_() for place in range(3))
    dx = y
    sigmoid, tanh, elu, selu = torch.sigmoid(x), torch.tanh(x), torch.nn.functional.elu(x), torch.selu(x)
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return {
        "relu": (lambda: torch.clamp_min(x, 0, out=y),
                 lambda: aten.threshold_backward.grad_input(dy, x, 0, grad_input=dx)),
        "tanh": (lambda: torch.tanh(x, out=y), lambda: aten.tanh_backward.grad_input(dy, tanh, grad_input=dx)),
        "softplus": (lambda: aten.softplus.out(x, 1, 20, out=y),
                     lambda: aten.softplus_backward.grad_input(dy, x, 1, 20, grad_input=dx)),
        "gelu": (lambda: aten.gelu.out(x, out=y), lambda: aten.gelu_backward.grad_input(dy, x, grad_input=dx)),
        "gelu_tanh": (lambda: aten.gelu.out(x, approximate="tanh", out=y),
                      lambda: aten.gelu_backward.grad_input(dy, x, approximate="tanh", grad_input=dx)),
        "mish": (lambda: aten.mish.out(x, out=y), lambda: aten.mish_backward(dy, x)),
        "sigmoid": (lambda: torch.sigmoid(x, out=y),
                    lambda: aten.sigmoid_backward.grad_input(dy, sigmoid, grad_input=dx)),
        "silu": (lambda: aten.silu.out(x, out=y), lambda: aten.silu_backward.grad_input(dy, x, grad_input=dx)),
        "elu": (lambda: aten.elu.out(x, 1, 1, 1, out=y),
                lambda: aten.elu_backward.grad_input(dy, 1, 1, 1, True, elu, grad_input=dx)),
        "selu": (lambda: aten.elu.out(x, alpha, scale, 1, out=y),
                 lambda: aten.elu_backward.grad_input(dy, alpha, scale, 1, True, selu, grad_input=dx)),
    }


def torch_nanoseconds(call, seconds):
    """Mean time of a call over about `seconds` of this thread, after warming up."""
    call()
    start, calls = time.thread_time_ns(), 0
    while time.thread_time_ns() - start < seconds * 1e9 or calls == 0:
        for _ in range(10):
            call()
        calls += 10
    return (time.thread_time_ns() - start) / calls


def halfwave_nanoseconds(program, names, seconds):
    """Time of each benchmark, by name, from one run of the program."""
    pattern = "^(" + "|".join(names) + ")$"
    output = subprocess.run(
        [program, f"--benchmark_filter={pattern}", f"--benchmark_min_time={seconds}", "--benchmark_format=json"],
        check=True, capture_output=True, text=True).stdout
    return {run["name"]: run["cpu_time"] for run in json.loads(output)["benchmarks"]}


def against_torch(program, rounds, seconds):
    rows = []
    with torch.inference_mode():
        for name, calls in peers(IN_CACHE).items():
            labels = [f"forward/{name}/{IN_CACHE}", f"backward/{name}/{IN_CACHE}"]
            ours, theirs = [[], []], [[], []]
            for _ in range(rounds):
                measured = halfwave_nanoseconds(program, labels, seconds)
                for way in range(2):
                    ours[way].append(measured[labels[way]])
                    theirs[way].append(torch_nanoseconds(calls[way], seconds))
            for way, direction in enumerate(("forward", "backward")):
                rows.append(row(f"{name} {direction}", ours[way], theirs[way]))
            rows.append(row(f"{name} both", [sum(pair) for pair in zip(*ours)], [sum(pair) for pair in zip(*theirs)]))
    return rows


def against_copy(program, rounds, seconds):
    """Bandwidth out of cache: bytes moved in a second, over that of a copy. A copy moves 2 arrays."""
    arrays = {"forward/relu": 2, "forward_in_place/relu": 2, "backward/relu": 3, "backward_in_place/relu": 3}
    times = {name: [] for name in [*arrays, "copy"]}
    for _ in range(rounds):
        for name, all_times in times.items():
            label = f"{name}/{OUT_OF_CACHE}"
            all_times.append(halfwave_nanoseconds(program, [label], seconds)[label])
    return [row(f"{name}, bandwidth", [t * 2 / arrays[name] for t in times[name]], times["copy"]) for name in arrays]


def row(name, ours, theirs):
    ratios = [b / a for a, b in zip(ours, theirs)]
    return {"name": name, "halfwave_us": statistics.median(ours) / 1e3, "peer_us": statistics.median(theirs) / 1e3,
            "ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", help="the build's bench_activations",
                        default=os.path.join(os.environ.get("HALFWAVE_BUILD", "build/release"), "bench_activations"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.03, help="for each measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = {"torch": torch.__version__, "n": IN_CACHE, "load": os.getloadavg()[0],
              "against_torch": against_torch(options.program, options.rounds, options.seconds),
              "n_out_of_cache": OUT_OF_CACHE,
              "against_copy": against_copy(options.program, options.rounds, 10 * options.seconds)}
    if options.json:
        json.dump(result, sys.stdout, indent=1)
        return
    print(f"PyTorch {torch.__version__}, one thread, load {result['load']:.1f} before; medians of {options.rounds} rounds")
    for title, key in ((f"{IN_CACHE} numbers, in cache", "against_torch"), (f"{OUT_OF_CACHE} numbers", "against_copy")):
        print(f"\n{title:32} {'Halfwave us':>12} {'peer us':>10} {'ratio':>7}  (range)")
        for r in result[key]:
            print(f"{r['name']:32} {r['halfwave_us']:12.2f} {r['peer_us']:10.2f} {r['ratio']:7.2f}"
                  f"  ({r['low']:.2f} - {r['high']:.2f})")


if __name__ == "__main__":
    main()
