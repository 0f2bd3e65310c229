#!/usr/bin/env python3
"""One training step of the same MLPs in Halfwave and in PyTorch, in turn (A B A B ...), medians and ratios.

PyTorch runs with its best settings: eager, eager with the fused Adam, and torch.compile of model and loss, all measured;
the ratio quoted is against the fastest of them. Run it with ./dev bench peers train_step.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import torch

CASES = {
    # name as in bench/train_step.cpp: widths, batch, optimiser
    "16-64-64-3/batch:32/adam": ([16, 64, 64, 3], 32, "adam"),
    "40-100-100-10/batch:100/adam": ([40, 100, 100, 10], 100, "adam"),
    "784-512-512-10/batch:128/adam": ([784, 512, 512, 10], 128, "adam"),
    "784-512-512-10/batch:128/sgd": ([784, 512, 512, 10], 128, "sgd"),
    "784-1024-1024-1024-10/batch:128/adam": ([784, 1024, 1024, 1024, 10], 128, "adam"),
}


def make_network(widths):
    layers = []
    for i, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(n_in, n_out))
        if i + 2 < len(widths):
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


class TorchStep:
    """A step on batches that are already float tensors: PyTorch is not charged for the conversion from bytes."""

    def __init__(self, widths, batch, optimiser, fused, compiled):
        torch.manual_seed(0)
        self.network = make_network(widths)
        self.loss = torch.nn.CrossEntropyLoss()
        if optimiser == "adam":
            self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-5, fused=fused)
        else:
            self.optimiser = torch.optim.SGD(self.network.parameters(), lr=1e-5, momentum=0.9, fused=fused)
        self.batches = [(torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))) for _ in range(8)]
        self.forward = lambda x, y: self.loss(self.network(x), y)
        if compiled:
            self.forward = torch.compile(self.forward)
        self.count = 0

    def run(self):
        x, y = self.batches[self.count % 8]
        self.count += 1
        self.optimiser.zero_grad(set_to_none=True)
        self.forward(x, y).backward()
        self.optimiser.step()

    def seconds(self, least):
        steps, start = 0, time.perf_counter()
        while True:
            self.run()
            steps += 1
            if time.perf_counter() - start > least:
                return (time.perf_counter() - start) / steps


def variants(widths, batch, optimiser):
    made = {}
    for name, fused, compiled in (("eager", False, False), ("fused", True, False), ("compiled", True, True)):
        try:
            step = TorchStep(widths, batch, optimiser, fused, compiled)
            for _ in range(20):
                step.run()
            made[name] = step
        except Exception as error:  # e.g. no C++ compiler for torch.compile
            print(f"  ({name} is not available: {str(error).splitlines()[0]})")
    return made


def halfwave_seconds(program, case, threads, least):
    out = subprocess.run(
        [program, f"--benchmark_filter=^{case}/threads:{threads}/", "--benchmark_format=json",
         f"--benchmark_min_time={least}"],
        capture_output=True, text=True, check=True,
        env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
    run = json.loads(out.stdout)["benchmarks"][0]
    return run["us"] * 1e-6, run["of_roofline"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("HALFWAVE_BUILD", "build/release"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring in each round")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, os.cpu_count()])
    parser.add_argument("--case", nargs="*", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    program = os.path.join(arguments.build, "bench_train_step")

    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print(f"{'network':38} threads  {'halfwave':>10}  {'of dense':>8}  {'eager':>10} {'fused':>10} {'compiled':>10}  vs eager  vs best")
    for case in arguments.case:
        widths, batch, optimiser = CASES[case]
        for threads in dict.fromkeys(arguments.threads):
            torch.set_num_threads(threads)
            steps = variants(widths, batch, optimiser)
            ours, roofline, theirs = [], [], {name: [] for name in steps}
            for _ in range(arguments.rounds):
                seconds, share = halfwave_seconds(program, case, threads, arguments.seconds)
                ours.append(seconds)
                roofline.append(share)
                for name, step in steps.items():
                    theirs[name].append(step.seconds(arguments.seconds))
            mine = statistics.median(ours)
            medians = {name: statistics.median(values) for name, values in theirs.items()}
            best = min(medians.values())
            columns = " ".join(f"{medians[n] * 1e6:8.1f}us" if n in medians else f"{'-':>10}" for n in ("eager", "fused", "compiled"))
            print(f"{case:38} {threads:7}  {mine * 1e6:8.1f}us  {statistics.median(roofline):8.2f}  {columns}  "
                  f"{medians['eager'] / mine:7.1f}x  {best / mine:6.2f}x", flush=True)


if __name__ == "__main__":
    main()
