"""Lost if this fails: the codes of hidden layers as other programs read them - NumPy, SciPy (whose save_npz is imitated
here with what Python itself has), LIBSVM - and what `run` says about layers.

    run_layer_test.py PROGRAM SOURCE_FOLDER [SANITIZER]
"""

import array
import ast
import io
import math
import struct
import sys
import unittest
import zipfile

from cli_test import QUICK, Case

NET = ["--net", "conv 6 5, relu, pool 2, flatten, dense 16, relu, dense"]
TRAIN = ["train", "mnist1d", *QUICK[2:], *NET, "--quiet"]
TYPES = {"<f4": "f", "<i4": "i", "<i8": "q", "|S3": "3s"}


def read_npy(file):
    """Shape and numbers of a NumPy array of format 1.0."""
    start = file.read(10)
    assert start[:8] == b"\x93NUMPY\x01\x00", start
    header = ast.literal_eval(file.read(struct.unpack("<H", start[8:])[0]).decode())
    assert header["fortran_order"] is False
    data = file.read()
    if header["descr"] == "|S3":
        return header["shape"], data
    numbers = array.array(TYPES[header["descr"]], data)
    assert len(numbers) == math.prod(header["shape"])
    return header["shape"], numbers


class Layers(Case):
    def setUp(self):
        super().setUp()
        self.ok(*TRAIN, "-o", "m.onnx")

    def code(self, layer, out):
        return self.json_of(self.ok("run", "m.onnx", "mnist1d", "--layer", layer, "--out", out, "--json"))

    def dense(self, layer):
        self.code(layer, "dense.npy")
        with open(self.folder / "dense.npy", "rb") as file:
            return read_npy(file)

    def test_dense(self):
        shape, conv = self.dense("conv_1")
        self.assertEqual(shape, (1000, 6, 40))
        shape, relu = self.dense("relu_1")
        self.assertEqual(shape, (1000, 6, 40))
        self.assertTrue(all(y == max(x, 0) for x, y in zip(conv, relu, strict=True)))
        shape, flat = self.dense("dense_2")
        self.ok("run", "m.onnx", "mnist1d", "--out", "p.npy", "--quiet")
        with open(self.folder / "p.npy", "rb") as file:
            self.assertEqual(read_npy(file), (shape, flat))

    def test_sparse_rows_are_those_of_scipy(self):
        for layer in ("relu_1", "relu_2"):
            report = self.code(layer, "code.npz")
            (count, *rest), dense = self.dense(layer)
            width = math.prod(rest)
            with zipfile.ZipFile(self.folder / "code.npz") as archive:
                self.assertIsNone(archive.testzip())
                members = {i.filename: i for i in archive.infolist()}
                self.assertEqual(set(members), {f"{n}.npy" for n in ("format", "shape", "data", "indices", "indptr")})
                self.assertTrue(all(m.compress_type == zipfile.ZIP_STORED for m in members.values()))
                parts = {name[:-4]: read_npy(io.BytesIO(archive.read(name))) for name in members}
            self.assertEqual(parts["format"], ((), b"csr"))
            self.assertEqual(list(parts["shape"][1]), [count, width])
            starts, indices, data = (parts[name][1] for name in ("indptr", "indices", "data"))
            self.assertEqual(indices.typecode, starts.typecode)
            again = [0.0] * len(dense)
            for row in range(count):
                columns = indices[starts[row] : starts[row + 1]]
                self.assertEqual(list(columns), sorted(set(columns)))
                for k in range(starts[row], starts[row + 1]):
                    again[row * width + indices[k]] = data[k]
            self.assertEqual(again, list(dense))
            self.assertEqual(report["result"]["nonzeros"], len(data))
            self.assertAlmostEqual(report["result"]["density"], len(data) / len(dense))
            self.assertEqual(report["layer"]["shape"], rest)
            self.assertEqual(report["layer"]["name"], layer)

    def test_libsvm(self):
        (count, width), dense = self.dense("relu_2")
        texts = []
        for ending in ("svm", "libsvm", "txt"):
            self.code("relu_2", f"code.{ending}")
            texts.append((self.folder / f"code.{ending}").read_text())
        self.assertEqual(texts[0], texts[1])
        self.assertEqual(texts[0], texts[2])
        rows = texts[0].splitlines()
        self.assertEqual(len(rows), count)
        self.assertEqual({row.split()[0] for row in rows}, {str(c) for c in range(10)})
        for i, row in enumerate(rows):
            pairs = [pair.split(":") for pair in row.split()[1:]]
            own = {int(index) - 1: float(value) for index, value in pairs}
            self.assertEqual(list(own), sorted(own))
            expected = {j: x for j, x in enumerate(dense[i * width : (i + 1) * width]) if x != 0}
            self.assertEqual(list(own), list(expected))
            for j, x in expected.items():
                self.assertEqual(struct.pack("<f", own[j]), struct.pack("<f", x))

    def test_layers_are_listed_and_shown(self):
        listed = self.json_of(self.ok("run", "m.onnx", "--layers", "--json"))
        self.assertEqual(list(listed), ["command", "version", "model", "layers"])
        names = [layer["name"] for layer in listed["layers"]]
        self.assertEqual(names, ["conv_1", "relu_1", "pool_1", "flatten_1", "dense_1", "relu_2", "dense_2"])
        self.assertEqual(listed["layers"][0], {"name": "conv_1", "line": "conv 6 5", "shape": [6, 40], "parameters": 36})
        shown = self.ok("run", "m.onnx", "--layers").stdout
        for name in names:
            self.assertIn(name, shown)
        shown = self.ok("run", "m.onnx", "mnist1d", "--layer", "relu_2").stdout
        self.assertRegex(shown, r"density +\d+\.\d %")
        self.assertRegex(shown, r"never fire +\d+ of 16 units")
        self.assertIn("--out FILE.npy", shown)
        report = self.json_of(self.ok("run", "m.onnx", "mnist1d", "--layer", "relu_1", "--json"))
        self.assertEqual(list(report), ["command", "version", "model", "data", "layer", "result", "out", "warnings"])
        self.assertEqual(report["result"]["units"], 6)
        self.assertIsNone(report["out"])

    def test_a_dense_code_in_a_sparse_file_is_warned_of(self):
        self.assertEqual(self.code("conv_1", "dense.npy")["warnings"], [])
        (warning,) = self.code("conv_1", "code.npz")["warnings"]
        self.assertIn(".npy file would be smaller", warning)

    def test_predictions_in_an_archive(self):
        self.ok("run", "m.onnx", "mnist1d", "--out", "p.npz", "--quiet")
        self.ok("run", "m.onnx", "mnist1d", "--out", "p.npy", "--quiet")
        with zipfile.ZipFile(self.folder / "p.npz") as archive, open(self.folder / "p.npy", "rb") as file:
            (name,) = archive.namelist()
            self.assertEqual(name, "predictions.npy")
            self.assertEqual(archive.read(name), file.read())

    def test_wrong_use(self):
        run = ["run", "m.onnx", "mnist1d", "--layer"]
        self.assert_fails(2, "no layer 'relu2'. Did you mean 'relu_2'", *run, "relu2")
        self.assert_fails(2, "Its layers are conv_1, relu_1, pool_1", *run, "")
        self.assert_fails(2, r"\.npy .*\.npz .*\.svm", *run, "relu_1", "--out", "code.csv")
        self.assert_fails(2, "needs DATA", "run", "m.onnx")
        self.assert_fails(2, "--layers shows", "run", "m.onnx", "mnist1d", "--layers")
        self.assert_fails(3, "no/such", *run, "relu_1", "--out", "no/such/code.npz")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
