"""A training step in PyTorch, in the ways that may be its fastest."""

import copy
import time
from typing import NamedTuple

import torch


class Variant(NamedTuple):
    fused: bool = False  # optimiser
    mode: str | None = None  # of torch.compile; None: eager
    channels_last: bool = False


class TorchStep:
    """A step on batches that are already float tensors: PyTorch is not charged for the conversion from bytes."""

    def __init__(self, make_network, optimiser, rate, variant, state=None):
        torch.manual_seed(0)
        self.network = make_network()
        self.layout = {"memory_format": torch.channels_last} if variant.channels_last else {}
        self.network.to(**self.layout)
        loss = torch.nn.CrossEntropyLoss()
        if optimiser == "adam":
            self.optimiser = torch.optim.Adam(self.network.parameters(), lr=rate, fused=variant.fused)
        else:
            self.optimiser = torch.optim.SGD(self.network.parameters(), lr=rate, momentum=0.9, fused=variant.fused)
        if state:
            network, moments = copy.deepcopy(state)
            self.network.load_state_dict(network)
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.forward = lambda x, y: loss(self.network(x), y)
        if variant.mode:
            self.forward = torch.compile(self.forward, mode=None if variant.mode == "default" else variant.mode)

    def state(self):
        return self.network.state_dict(), self.optimiser.state_dict()["state"]

    def run(self, x, y):
        self.optimiser.zero_grad(set_to_none=True)
        self.forward(x, y).backward()
        self.optimiser.step()

    def seconds(self, batches):
        """Mean time of a step over these batches; bringing them into the right layout is not counted."""
        if self.layout:
            batches = [(x.contiguous(**self.layout), y) for x, y in batches]
        start = time.perf_counter()
        for x, y in batches:
            self.run(x, y)
        return (time.perf_counter() - start) / len(batches)


def torch_steps(variants, batches, *arguments, state=None):
    """name -> step, warmed up on the batches. What PyTorch cannot do here is left out, and said."""
    torch._dynamo.reset()  # what was compiled for another number of threads
    steps = {}
    for name, variant in variants.items():
        try:
            step = TorchStep(*arguments, variant, state)
            step.seconds(batches)
            steps[name] = step
        except Exception as error:  # e.g. no C++ compiler for torch.compile
            print(f"  ({name} is not available: {str(error).splitlines()[0]})")
    return steps
