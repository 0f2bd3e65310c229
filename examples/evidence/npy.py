"""Arrays of NumPy's format without NumPy, for what lies between two commands of a claim.

    npy.py labels CODE.libsvm LABELS.npy        the labels alone
    npy.py halves X.npy LABELS.npy              the first half as a data set whose targets are its inputs, in autoencoder/;
                                                of the second half the inputs as rest.npy, the labels as y.npy
"""
import array
import ast
import json
import pathlib
import struct
import sys

MAGIC = b"\x93NUMPY\x01\x00"


def read(path):
    """Shape, type as NumPy writes it ("<f4"), and bytes."""
    data = pathlib.Path(path).read_bytes()
    end = 10 + struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:end].decode())
    return header["shape"], header["descr"], data[end:]


def write(path, shape, kind, data):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    pathlib.Path(path).write_bytes(MAGIC + struct.pack("<H", len(header)) + header.encode() + data)


def labels(code, out):
    with open(code, encoding="ascii") as lines:
        numbers = array.array("q", [int(line.split(" ", 1)[0]) for line in lines])
    write(out, [len(numbers)], "<i8", numbers.tobytes())


def halves(inputs, given):
    (count, *rest), kind, data = read(inputs)
    middle, end = count // 2, len(data) // count * (count // 2)
    pathlib.Path("autoencoder").mkdir()
    for name in ("x.npy", "y.npy"):
        write(f"autoencoder/{name}", [middle, *rest], kind, data[:end])
    write("rest.npy", [count - middle, *rest], kind, data[end:])
    (count,), kind, data = read(given)
    write("y.npy", [count - middle], kind, data[8 * middle:])


if __name__ == "__main__":
    json.dump({"labels": labels, "halves": halves}[sys.argv[1]](*sys.argv[2:]), sys.stdout)
