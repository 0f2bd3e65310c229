"""Networks as PyTorch exports them: an MLP, LeNet, networks like VGG, ResNet-18, MobileNetV2 and 3, one of signals and one of
transposed convolutions, by both exporters, in several opsets.

export_torch.py FOLDER [NAME]   writes FOLDER/NAME-EXPORTER-OPSET.onnx; also a module (foreign_models_test.py)
"""

import contextlib
import io
import logging
import pathlib
import sys
import warnings

import torch
from torch import nn

LEGACY_OPSETS = (9, 11, 13, 17)  # of the TorchScript exporter
DYNAMO_OPSETS = (18, 20)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 24, bias=False), nn.SiLU(),
                         nn.Linear(24, 10), nn.Softmax(dim=1)), (1, 3, 4, 4)


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                         nn.Linear(84, 10)), (1, 1, 28, 28)


def vgg():
    def block(width_in, width):
        return [nn.Conv2d(width_in, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
                nn.MaxPool2d(2)]
    return nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 48), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1),
                         nn.Linear(48, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 10)), (1, 3, 32, 32)


class Residual(nn.Module):
    def __init__(self, width_in, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Identity() if stride == 1 and width == width_in else nn.Sequential(
            nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18():
    layers = [nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width_in = 8
    for width, stride in ((8, 1), (16, 2), (24, 2), (32, 2)):
        layers += [Residual(width_in, width, stride), Residual(width, width, 1)]
        width_in = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)), (1, 3, 64, 64)


class Inverted(nn.Module):
    """MobileNetV2's block, with squeeze and excitation where asked for."""

    def __init__(self, width_in, width, stride, expand, squeeze=False):
        super().__init__()
        hidden = width_in * expand
        self.adds = stride == 1 and width_in == width
        self.expand = nn.Sequential(nn.Conv2d(width_in, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
                                    nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
                                    nn.BatchNorm2d(hidden), nn.ReLU6())
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(hidden, 8, 1), nn.ReLU(), nn.Conv2d(8, hidden, 1),
                                    nn.Hardsigmoid()) if squeeze else None
        self.project = nn.Sequential(nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.expand(x)
        if self.excite is not None:
            y = y * self.excite(y)
        y = self.project(y)
        return x + y if self.adds else y


def mobilenet():
    layers = [nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6()]
    width_in = 8
    for width, stride, expand in ((8, 1, 1), (12, 2, 6), (12, 1, 6), (16, 2, 6), (16, 1, 6)):
        layers.append(Inverted(width_in, width, stride, expand))
        width_in = width
    layers += [nn.Conv2d(16, 64, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
               nn.Dropout(0.2), nn.Linear(64, 10)]
    return nn.Sequential(*layers), (1, 3, 32, 32)


class MobileNet3(nn.Module):
    """Squeeze and excitation, hardswish; the mean written by hand."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.blocks = nn.Sequential(Inverted(8, 8, 1, 2, squeeze=True), Inverted(8, 12, 2, 4, squeeze=True))
        self.head = nn.Sequential(nn.Linear(12, 32), nn.Hardswish(), nn.Linear(32, 10))

    def forward(self, x):
        return torch.log_softmax(self.head(self.blocks(self.stem(x)).mean([2, 3])), dim=1)


def mobilenet3():
    return MobileNet3(), (1, 3, 32, 32)


def signals():
    return nn.Sequential(nn.Conv1d(2, 8, 5, stride=2, dilation=2), nn.PReLU(8), nn.Conv1d(8, 8, 3, padding=1, groups=2),
                         nn.LeakyReLU(0.2), nn.MaxPool1d(2), nn.Conv1d(8, 12, 3), nn.ELU(), nn.Flatten(), nn.Linear(72, 20),
                         nn.LayerNorm(20), nn.Mish(), nn.Linear(20, 3)), (1, 2, 40)


class Autoencoder(nn.Module):
    """A skip past transposed convolutions and resizing, as in U-Net."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.Softplus(),
                                  nn.ConvTranspose2d(8, 6, 2, 2), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(12, 4, 3, padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(4, 1, 1),
                                  nn.Sigmoid())

    def forward(self, x):
        x = self.first(x)
        return self.last(torch.cat([x, self.down(x)], dim=1))


def autoencoder():
    return Autoencoder(), (1, 2, 8, 8)


NETWORKS = {f.__name__: f for f in (mlp, lenet, vgg, resnet18, mobilenet, mobilenet3, signals, autoencoder)}


def trained(name):
    """The network with weights whose outputs depend on the inputs, and batch norms that have seen data."""
    torch.manual_seed(len(name))
    network, shape = NETWORKS[name]()
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval(), torch.randn(shape)


def export(folder, name, exporter, opset):
    network, example = trained(name)
    path = folder / f"{name}-{exporter}-{opset}.onnx"
    dynamic = opset not in LEGACY_OPSETS[:1]  # one of them with a fixed batch
    options = {"opset_version": opset, "input_names": ["input"], "output_names": ["output"]}
    if exporter == "torchscript":
        if dynamic:
            options["dynamic_axes"] = {"input": {0: "batch"}, "output": {0: "batch"}}
        if opset == 17:  # as in training: batch norm and dropout are not folded
            options |= {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        torch.onnx.export(network, (example,), path, dynamo=False, **options)
    else:
        options["dynamic_shapes"] = ({0: torch.export.Dim("batch", min=2)},)
        torch.onnx.export(network, (torch.cat([example, example]),), path, dynamo=True, external_data=False, verbose=False,
                          **options)
    return path


def export_all(folder, names=NETWORKS):
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    cases = [("torchscript", opset) for opset in LEGACY_OPSETS]
    try:
        import onnxscript  # noqa: F401: the newer exporter needs it
        cases += [("dynamo", opset) for opset in DYNAMO_OPSETS]
    except ImportError as missing:
        print(f"not exported by dynamo: {missing}")
    paths = []
    for name in names:
        for exporter, opset in cases:
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    paths.append(export(folder, name, exporter, opset))
            except Exception as error:  # not every exporter has every opset
                print(f"{name}, {exporter}, opset {opset}: not exported: {type(error).__name__}: "
                      f"{(str(error).splitlines() or [''])[0]}")
    return paths


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    for written in export_all(pathlib.Path(sys.argv[1]), sys.argv[2:] or NETWORKS):
        print(written)
