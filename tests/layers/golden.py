#!/usr/bin/env python3
"""Writes golden_values.json: what PyTorch computes in some small cases, for golden_test.cpp.

    python tests/layers/golden.py          (needs torch, from PyPI)

Every case: one layer as in a network line ("fields": by name), the shapes of its inputs without the batch, in PyTorch's
order (channels, height, width), its tensors, and with random x, and dy = the output's gradient: y, dx and the gradient
of each learned tensor; "kept" are tensors after the step. Computed in double, results rounded to six digits.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

BATCH = 2
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
cases = []


def rounded(tensor, digits=6):
    return [float(f"{number:.{digits}g}") for number in tensor.detach().flatten().tolist()]


def draw(*shape):
    """Few digits, so that both sides start from the same numbers and the file stays small."""
    return torch.tensor(rounded(torch.randn(*shape), 3)).reshape(shape).requires_grad_()


def case(kind, fields, inputs, tensors, compute, training=True, kept=()):
    """tensors: name -> shape or tensor; compute(list of x, dict of tensors) -> y, kept tensors change in place."""
    xs = [draw(BATCH, *shape) for shape in inputs]
    weights = {name: t.clone() if torch.is_tensor(t) else draw(*t) for name, t in tensors.items()}
    entry = {
        "kind": kind,
        "fields": fields,
        "training": training,
        "inputs": [list(shape) for shape in inputs],
        "x": [rounded(x) for x in xs],
        "tensors": {name: rounded(t) for name, t in weights.items()},
    }
    y = compute(xs, weights)
    entry["output"] = list(y.shape[1:])
    entry["y"] = rounded(y)
    if training:
        dy = draw(*y.shape)
        y.backward(dy)
        entry["dy"] = rounded(dy)
        entry["dx"] = [rounded(x.grad) for x in xs]
        entry["gradients"] = {name: rounded(t.grad) for name, t in weights.items() if name not in kept}
        entry["kept"] = {name: rounded(weights[name]) for name in kept}
    cases.append(entry)


def conv(channels, size, filters, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True):
    """kernel, stride, padding, dilation: a number, or a pair for an image."""
    fields = {"filters": filters, "groups": groups, "bias": int(bias)}
    for name, value in (("kernel", kernel), ("stride", stride), ("padding", padding), ("dilation", dilation)):
        first, *second = value if isinstance(value, tuple) else (value,)
        fields[name] = -1 if first == "same" else first  # "same" is the lowest number
        if second:
            fields[name + "_width"] = second[0]
    one = len(size) == 1
    taps = (kernel,) if one else kernel if isinstance(kernel, tuple) else (kernel, kernel)
    tensors = {"weight": (filters, channels // groups, *taps)}
    if bias:
        tensors["bias"] = (filters,)
    function = F.conv1d if one else F.conv2d
    case("conv", fields, [(channels, *size)], tensors,
         lambda x, t: function(x[0], t["weight"], t.get("bias"), stride, padding, dilation, groups))


conv(1, (12,), 3, 5)
conv(3, (11,), 4, 3, stride=2, padding=1)
conv(4, (13,), 6, 3, padding=2, dilation=2, groups=2)
conv(5, (9,), 5, 4, padding=1, groups=5, bias=False)
conv(2, (10,), 3, 3, padding="same")
conv(3, (6, 5), 4, 3, padding="same")
conv(3, (5, 6), 2, 4, padding="same")
conv(3, (7, 8), 5, (3, 2), stride=(2, 3), padding=(1, 0))
conv(2, (8, 7), 3, 3, padding=2, dilation=(2, 1))
conv(4, (6, 6), 6, 3, stride=2, padding=1, groups=2)
conv(6, (5, 5), 6, 3, padding=1, groups=6)
conv(3, (5, 5), 6, (2, 3), groups=3, bias=False)
conv(17, (3, 4), 18, 1)


def pool(kind, function, channels, size, kernel, stride=0, padding=0, **options):
    fields = {}
    for name, value in (("kernel", kernel), ("stride", stride), ("padding", padding)):
        first, *second = value if isinstance(value, tuple) else (value,)
        fields[name] = first
        if second:
            fields[name + "_width"] = second[0]
    case(kind, fields, [(channels, *size)], {},
         lambda x, t: function(x[0], kernel, stride or kernel, padding, **options))


pool("pool", F.max_pool1d, 3, (11,), 2)
pool("pool", F.max_pool1d, 2, (10,), 3, stride=2, padding=1)
pool("pool", F.max_pool2d, 3, (6, 6), 2)
pool("pool", F.max_pool2d, 3, (7, 6), 3, stride=2, padding=1)
pool("pool", F.max_pool2d, 2, (7, 8), (3, 2), stride=(1, 2), padding=(0, 1))
pool("average_pool", F.avg_pool1d, 3, (11,), 3, stride=2, padding=1, count_include_pad=False)
pool("average_pool", F.avg_pool2d, 3, (6, 7), 2)
pool("average_pool", F.avg_pool2d, 3, (7, 6), 3, stride=2, padding=1, count_include_pad=False)
for size in ((7,), (4, 5)):
    spatial = tuple(range(2, 2 + len(size)))
    case("global_average_pool", {}, [(3, *size)], {}, lambda x, t: x[0].mean(dim=spatial))
    case("global_max_pool", {}, [(3, *size)], {}, lambda x, t: x[0].amax(dim=spatial))

for shape in ((5,), (3, 6), (3, 4, 5)):
    for training in (True, False):
        channels = shape[0]
        case("batch_norm", {"momentum": 0.2, "epsilon": 1e-4}, [shape],
             {"scale": (channels,), "bias": (channels,), "mean": draw(channels).detach(),
              "variance": draw(channels).detach().abs() + 0.5},
             lambda x, t: F.batch_norm(x[0], t["mean"], t["variance"], t["scale"], t["bias"], training, 0.2, 1e-4),
             training=training, kept=("mean", "variance"))
    case("layer_norm", {"epsilon": 1e-4}, [shape], {"scale": (shape[0],), "bias": (shape[0],)},
         lambda x, t: F.layer_norm(x[0].movedim(1, -1), (shape[0],), t["scale"], t["bias"], 1e-4).movedim(-1, 1))
    case("residual", {}, [shape] * 3, {}, lambda x, t: x[0] + x[1] + x[2])
    case("concat", {}, [shape, (2, *shape[1:])], {}, lambda x, t: torch.cat(x, 1))
    case("prelu", {}, [shape], {"slope": (shape[0],)}, lambda x, t: F.prelu(x[0], t["slope"]))
    case("crelu", {}, [shape], {}, lambda x, t: torch.cat((F.relu(x[0]), F.relu(-x[0])), 1))
    case("softmax", {}, [shape], {}, lambda x, t: F.softmax(x[0], 1))
    case("relu", {}, [shape], {}, lambda x, t: F.relu(x[0]))
    case("flatten", {}, [shape], {}, lambda x, t: x[0].movedim(1, -1).flatten(1))

path = pathlib.Path(__file__).with_name("golden_values.json")
lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
path.write_text(f'{{"torch":"{torch.__version__}","batch":{BATCH},"cases":[\n{lines}\n]}}\n')
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
