#!/usr/bin/env python3
"""One training step of convolutional networks on CIFAR-10 in Halfwave and PyTorch, in turn (A B A B ...), medians and
ratios; and the memory that each takes for it.

The networks: vgg, six convolutions and two dense layers (Adam, batch 64), and resnet20 (SGD with momentum, batches of
128 and 64). PyTorch runs eagerly, with its fused optimiser, with channels last, and compiled, all measured; the ratio
quoted is against the fastest of them. Halfwave has trained an epoch before (--epochs), so that its activations have
the zeros of a network in training; PyTorch's time does not depend on them. PyTorch gets batches cut from data that are
standardised and resident as floats; Halfwave gathers, converts and standardises its own from bytes. Run it with
./dev bench peers conv_step.
"""

import argparse
import os
import statistics
import subprocess
import sys
from typing import Callable, NamedTuple

import numpy
import torch

from _common import VGG, Answers, build_folder, cifar_folder, load_before, memory, print_table, read_cifar
from _torch_step import TorchStep, Variant, torch_steps

VARIANTS = {
    "eager": Variant(),
    "fused": Variant(fused=True),
    "channels last": Variant(fused=True, channels_last=True),
    "compiled": Variant(fused=True, mode="default"),
    "compiled, channels last": Variant(fused=True, mode="default", channels_last=True),
    "autotuned, channels last": Variant(fused=True, mode="max-autotune", channels_last=True),
}
LEAST = {"vgg": 1.6, "resnet20": 1.2}
LEAST_OF_ROOFLINE = {"vgg": 1.1}
WARM_UP = 5  # steps


def vgg():
    layers, channels = [], 3
    for width in (64, 128, 256):
        for _ in range(2):
            layers += [torch.nn.Conv2d(channels, width, 3, padding=1), torch.nn.ReLU(inplace=True)]
            channels = width
        layers.append(torch.nn.MaxPool2d(2))
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(4 * 4 * 256, 256),
                               torch.nn.ReLU(inplace=True), torch.nn.Linear(256, 10))


class Block(torch.nn.Module):
    """A residual block of He et al. 2016, with a projection where the size changes."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.branch = torch.nn.Sequential(
            torch.nn.Conv2d(channels, width, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(width),
            torch.nn.ReLU(inplace=True), torch.nn.Conv2d(width, width, 3, 1, 1, bias=False),
            torch.nn.BatchNorm2d(width))
        self.short = torch.nn.Identity() if stride == 1 else torch.nn.Sequential(
            torch.nn.Conv2d(channels, width, 1, stride, bias=False), torch.nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.nn.functional.relu(self.branch(x) + self.short(x), inplace=True)


def resnet20():
    layers = [torch.nn.Conv2d(3, 16, 3, padding=1, bias=False), torch.nn.BatchNorm2d(16), torch.nn.ReLU(inplace=True)]
    channels = 16
    for width in (16, 32, 64):
        for i in range(3):
            layers.append(Block(channels, width, 2 if i == 0 and width > 16 else 1))
            channels = width
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10))


class Case(NamedTuple):
    net: str  # for Halfwave
    make: Callable  # for PyTorch
    batch: int
    optimiser: str  # sgd: with momentum
    rate: float


CASES = {
    "vgg/batch:64/adam": Case(VGG, vgg, 64, "adam", 1e-3),
    "resnet20/batch:128/sgd": Case("resnet20", resnet20, 128, "sgd", 0.05),
    "resnet20/batch:64/sgd": Case("resnet20", resnet20, 64, "sgd", 0.05),
}


def batches_of(folder, batch, count):
    """Whole batches of the training part, standardised by channel."""
    images, labels = read_cifar(folder, batch * count)
    x = torch.from_numpy(images.astype(numpy.float32))
    x = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)
    return list(zip(x.split(batch), torch.from_numpy(labels.astype(numpy.int64)).split(batch)))


def torch_memory(case, variant):
    """Of a process of its own, whose memory before the network was made is what PyTorch needs anyway."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(torch.get_num_threads()))
    out = subprocess.run([sys.executable, __file__, "--memory-of", variant, "--case", case], stdout=subprocess.PIPE,
                         text=True, check=True, env=environment).stdout
    return [int(word) for word in out.split()]


def print_memory(case, variant):
    """Bytes resident before the network is made, and the most until some steps later."""
    c = CASES[case]
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    batches = batches_of(cifar_folder(), c.batch, 2 * WARM_UP)
    before = memory()["VmRSS"]
    TorchStep(c.make, c.optimiser, c.rate, VARIANTS[variant]).seconds(batches)
    print(before, memory()["VmHWM"])


def measure(program, case, options):
    """name -> seconds of each round, Halfwave's last answer, and the memory in bytes: name -> before, most."""
    c = CASES[case]
    batches = batches_of(cifar_folder(), c.batch, max(WARM_UP, options.steps))
    steps = torch_steps({name: VARIANTS[name] for name in options.variant}, batches[:WARM_UP], c.make, c.optimiser,
                        c.rate)
    times, answer = {name: [] for name in ("halfwave", *steps)}, None
    with Answers(program, c.net, "--batch", c.batch, "--optimiser", c.optimiser, "--epochs", options.epochs,
                 "--threads", options.threads, threads=options.threads) as halfwave:
        for _ in range(options.rounds):
            answer = halfwave.ask(options.steps)
            times["halfwave"].append(statistics.fmean(answer["seconds"]))
            for name, step in steps.items():
                times[name].append(step.seconds(batches[:options.steps]))
    memories = {name: torch_memory(case, name) for name in steps}
    memories["halfwave"] = [answer["bytes_before"], answer["bytes_most"]]
    return times, answer, memories


def row(case, times, answer, memories, threads):
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min((name for name in medians if name != "halfwave"), key=medians.get)
    # Of neighbours in time: what slows the machine for a while slows both.
    ratio = statistics.median(b / a for a, b in zip(times["halfwave"], times[best]))
    network = case.split("/")[0]
    verdict = "met" if ratio >= LEAST[network] else "NOT met"
    return [case, threads, f"{medians['halfwave'] * 1e3:.1f}", f"{answer['of_roofline']:.2f}x",
            str(LEAST_OF_ROOFLINE.get(network, "")),
            *(f"{medians[name] * 1e3:.1f}" if name in medians else "" for name in VARIANTS), best,
            f"{ratio:.2f}x", f"{LEAST[network]} {verdict}",
            *("{:.0f}".format((most - before) / 2**20) for before, most in (memories["halfwave"], memories[best])),
            *("{:.0f}".format(memories[name][1] / 2**20) for name in ("halfwave", best))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build_folder(parser)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=5, help="in each round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--epochs", type=float, default=1, help="of training before Halfwave's steps are measured")
    parser.add_argument("--case", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--variant", nargs="*", default=list(VARIANTS), choices=list(VARIANTS), help="PyTorch's")
    parser.add_argument("--memory-of", choices=list(VARIANTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    if not cifar_folder():
        sys.exit("CIFAR-10 is not in $HALFWAVE_DATA.")
    if options.memory_of:
        print_memory(options.case[0], options.memory_of)
        return
    load = load_before()
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, load {load:.1f} before; ms a step, "
          f"medians of {options.rounds} rounds; MiB", flush=True)
    rows = []
    for case in options.case:
        times, answer, memories = measure(os.path.join(options.build, "bench_conv_step"), case, options)
        rows.append(row(case, times, answer, memories, options.threads))
        print(f"  density, {case}: " + ", ".join(f"{name} {value:.3f}" for name, value in answer["density"].items()),
              flush=True)
    print_table(("ms a step", "threads", "halfwave", "of dense roofline", "target", *VARIANTS, "fastest", "against it",
                 "target", "halfwave's memory", "its", "halfwave's process", "its"), rows)


if __name__ == "__main__":
    main()
