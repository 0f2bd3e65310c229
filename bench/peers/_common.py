"""What the comparisons share."""

import gzip
import json
import os
import subprocess
import sys

import numpy

# What the project's developers have at hand next to the checkout.
SHARED_DATA = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "data")
if "HALFWAVE_DATA" not in os.environ and os.path.isdir(SHARED_DATA):
    os.environ["HALFWAVE_DATA"] = os.path.realpath(SHARED_DATA)

DATA_FILES = {"train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
              "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")}

# The convolutional network of the comparisons, six convolutions and two dense layers, for halfwave train --net.
VGG = ("2 * (conv 64 3x3, relu), pool 2, 2 * (conv 128 3x3, relu), pool 2, 2 * (conv 256 3x3, relu), pool 2, flatten, "
       "dense 256, relu, dense")


def build_folder(parser):
    parser.add_argument("--build", default=os.environ.get("HALFWAVE_BUILD", "build/release"))


def load_before():
    """How busy the machine is, which every table is to say."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"The machine is busy (load {load:.1f}): measure again when it is quiet.", file=sys.stderr)
    return load


LIBRARIES = os.path.join(sys.prefix, "lib")  # where PyPI's packages put what is no Python


def library_environment():
    """For programs that load PyPI's MKL or oneDNN: what those need lies beside them. This oneDNN runs on what OpenCL
    knows as devices, so it must know the processor as one."""
    path = [LIBRARIES, os.environ.get("LD_LIBRARY_PATH")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, path)),
            "OCL_ICD_FILENAMES": os.path.join(LIBRARIES, "libintelocl.so")}


def data_folder(name):
    """Where MNIST or Fashion-MNIST is installed, or None. Halfwave looks in the same places."""
    places = [os.environ.get("HALFWAVE_DATA"), "/usr/share/datasets"]
    for place in filter(None, places):
        folder = os.path.join(place, name)
        if all(os.path.isfile(os.path.join(folder, file)) for files in DATA_FILES.values() for file in files):
            return folder
    return None


def read_idx(path):
    with gzip.open(path) as file:
        content = file.read()
    axes = content[3]
    shape = numpy.frombuffer(content, ">i4", axes, 4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * axes).reshape(shape)


def cifar_folder():
    """Where CIFAR-10's binary version is installed, or None."""
    folder = os.path.join(os.environ.get("HALFWAVE_DATA", ""), "cifar-10")
    return folder if any(os.path.isfile(cifar_file(folder, suffix)) for suffix in ("", ".gz")) else None


def cifar_file(folder, suffix):
    return os.path.join(folder, "data_batch_1.bin" + suffix)


def read_cifar(folder, count):
    """The first images [count, 3, 32, 32] and labels of the first batch of the training part, at most 10,000."""
    path = next(path for path in (cifar_file(folder, ""), cifar_file(folder, ".gz")) if os.path.isfile(path))
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        records = numpy.frombuffer(file.read(count * 3073), numpy.uint8).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def memory():
    """Bytes of this process: VmRSS that are resident, VmHWM the most that ever were."""
    with open("/proc/self/status") as file:
        lines = (line.split() for line in file)
        return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}


class Answers:
    """A program of bench/ that answers each line of its standard input with one line of JSON; .first is what it says
    when it is ready."""

    def __init__(self, *command, threads=None, environment=None):
        environment = dict(os.environ, **(environment or {}))
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        self.first = self._answer()

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{os.path.basename(self.process.args[0])} ended with code {self.process.wait()}.")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def print_table(columns, rows):
    """Numbers and what looks like them to the right, words to the left."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(columns), *rows]) for i in range(len(columns))]
    right = [all(not row[i] or row[i][0].isdigit() or row[i][0] == "-" for row in rows) for i in range(len(columns))]
    for row in [list(columns), *rows]:
        print("  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)).rstrip())
