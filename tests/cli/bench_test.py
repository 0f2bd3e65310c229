"""Lost if this fails: halfwave bench as its users and their scripts see it - the measurements end to end, a calibration
that train, run and bench go by, pictures, and clear errors.

    bench_test.py PROGRAM SOURCE_FOLDER [SANITIZER]
"""

import json
import random
import sys
import unittest
import xml.etree.ElementTree

from cli_test import QUICK, Case

SHORT = ["--quick", "--seconds", "0.05", "--batch", "1,8", "--width", "16,48"]
CALIBRATE = ["bench", "--calibrate", "--quick", "--seconds", "0.05"]


class Bench(Case):
    def calibration(self):
        return self.folder / "cache/halfwave/crossovers.json"

    def model(self):
        self.ok("train", "mnist1d", *QUICK, "-o", "m.onnx")
        return "m.onnx"

    def picture(self, name):
        """The picture's texts; it must be XML with title and description."""
        root = xml.etree.ElementTree.parse(self.folder / name).getroot()
        texts = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith(("}text", "}title", "}desc"))]
        self.assertTrue(root.tag.endswith("}svg"))
        self.assertTrue(root.find("{*}title").text and root.find("{*}desc").text)
        return texts

    def test_products(self):
        result = self.json_of(self.ok("bench", *SHORT, "--json", "--svg", "p.svg"))
        self.assertEqual(result["command"], "bench")
        self.assertEqual(result["picture"], "p.svg")
        self.assertFalse(result["crossovers"]["measured"])
        self.assertIsNone(result["crossovers"]["file"])
        self.assertEqual(result["options"]["width"], [16, 48])
        self.assertGreater(result["machine"]["peak_one"], 1e8)
        shapes = {(p["product"], p["batch"], p["outputs"]) for p in result["products"]}
        products = ("forward", "weight_gradient", "input_gradient")
        self.assertEqual(shapes, {(p, b, w) for p in products for b in (1, 8) for w in (16, 48)})
        for product in result["products"]:
            densities = [point["density"] for point in product["points"]]
            self.assertEqual(densities, sorted(densities, reverse=True))
            self.assertLessEqual(0, product["crossover"])
            self.assertLessEqual(product["crossover"], 1)
            for point in product["points"]:
                operations = 2 * product["batch"] * product["inputs"] * product["outputs"]
                self.assertAlmostEqual(point["rate"] * point["seconds"] / operations, 1)
        texts = self.picture("p.svg")
        for text in ("batch 1", "batch 8", "forward, width 48", "input gradient, width 16", "times as fast as dense"):
            self.assertIn(text, texts)

    def test_products_for_people(self):
        done = self.ok("bench", *SHORT)
        for text in ("multiply-adds", "GB/s", "built-in", "weight gradient", "crossover", "width", "100 %", "5 %"):
            self.assertIn(text, done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertGreater(len(self.ok("bench", *SHORT, "--details").stdout.splitlines()), 3 * 4 * 7)

    def test_model(self):
        result = self.json_of(self.ok("bench", self.model(), "mnist1d", "--quick", "--seconds", "0.1", "--train", "--json",
                                      "--svg", "m.svg"))  # fmt: skip
        self.assertEqual((result["model"], result["data"]), ("m.onnx", {"name": "mnist1d"}))
        self.assertEqual(result["network"], {"line": "dense 16, relu, dense 10"})
        self.assertEqual([run["batch"] for run in result["runs"]], [128, 1])
        for run in result["runs"]:
            self.assertEqual([layer["name"] for layer in run["layers"]], ["dense_1", "relu_1", "dense_2"])
            self.assertAlmostEqual(sum(layer["share"] for layer in run["layers"]), 1)
            dense, relu, last = run["layers"]
            self.assertAlmostEqual(dense["roofline_seconds"] * run["peak"], 2 * run["batch"] * 40 * 16)
            self.assertIsNone(relu["density"])
            self.assertTrue(0 < last["density"] < 1)
            self.assertGreater(run["backward_seconds"], 0)
            self.assertGreater(last["backward_seconds"], 0)
        self.assertIn("dense_1 (40 × 16)", self.picture("m.svg"))

        done = self.ok("bench", "m.onnx", "--quick", "--seconds", "0.1", "--batch", "3")
        self.assertRegex(done.stdout, r"batch 3, 1 thread: .* the dense roofline of ")
        self.assertRegex(done.stdout, r"dense_1 +40 × 16 +100.0 % +dense ")
        self.assertNotIn("backward", done.stdout)
        alone = self.json_of(self.ok("bench", "m.onnx", "--quick", "--seconds", "0.1", "--json"))
        self.assertIsNone(alone["data"])
        self.assertIsNone(alone["runs"][0]["backward_seconds"])

    def test_calibration_is_kept_and_used(self):
        made = self.json_of(self.ok(*CALIBRATE, "--json"))
        self.assertTrue(made["crossovers"]["measured"])
        self.assertEqual(made["crossovers"]["file"], str(self.calibration()))
        kept = json.loads(self.calibration().read_text())
        self.assertEqual(kept["densities"], made["crossovers"]["densities"])
        used = self.json_of(self.ok("bench", *SHORT, "--json"))
        self.assertEqual(used["crossovers"], made["crossovers"])
        self.assertIn("measured on this machine", self.ok("bench", *SHORT).stdout)
        self.assertEqual(self.ok("train", "mnist1d", *QUICK, "-o", "m.onnx").stderr.count("warning"), 0)
        self.assertIn("1024 outputs", self.ok("bench", "--calibrate", "--seconds", "0.05").stdout)

    def test_damaged_or_foreign_calibration_is_told_and_ignored(self):
        self.model()
        self.ok(*CALIBRATE)
        good = self.calibration().read_text()
        generator = random.Random(1)
        foreign = json.dumps(json.loads(good) | {"processor": "Abacus"})
        cut = [good[: generator.randrange(len(good) - 2)] for _ in range(2)]
        for text in [foreign, "", *cut]:
            self.calibration().write_text(text)
            for words in (["run", "m.onnx", "mnist1d"], ["bench", "m.onnx", "--quick", "--seconds", "0.02"]):
                done = self.ok(*words)
                self.assertEqual(done.stderr.count("warning:"), 1, done.stderr)
                self.assertIn(str(self.calibration()), done.stderr)
                self.assertIn("built-in crossovers are used", done.stderr)
        result = self.json_of(self.ok("bench", *SHORT, "--json"))
        self.assertFalse(result["crossovers"]["measured"])
        self.assertEqual(len(result["warnings"]), 1)
        self.assertEqual(self.ok(*CALIBRATE).stdout.count("measured on this machine"), 1)
        self.assertEqual(self.ok("run", "m.onnx", "mnist1d").stderr, "")

    def test_wrong_use(self):
        for words, pattern in [
            (["--calibrate", "m.onnx"], "--calibrate measures the machine, not a model"),
            (["--calibrate", "--svg", "p.svg"], "no picture"),
            (["--svg", ""], "--svg needs"),
            (["--svg", "p.svg", "--batch", "1,2,3,4,5,6,7"], "6 batches"),
            (["--width", "none"], "--width needs"),
            (["--width", "0"], "--width .* from 1"),
            (["--batch", "1,x"], "--batch"),
            (["--train"], "--train needs a MODEL"),
            (["--thread", "1"], "Did you mean '--threads'"),
            (["a", "b", "c"], "one word too many"),
        ]:
            self.assert_fails(2, pattern, "bench", *words)
        (self.folder / "text.onnx").write_text("this is no model")
        for words, pattern in [
            (["missing.onnx"], "missing.onnx"),
            (["text.onnx"], "text.onnx"),
            (["--svg", "nowhere/p.svg"], "nowhere.*--svg"),
        ]:
            self.assert_fails(3, pattern, "bench", *words)
        self.model()
        self.assert_fails(3, "missing.csv", "bench", "m.onnx", "missing.csv")
        (self.folder / "cache").write_text("a file where a folder should be")
        self.assert_fails(3, "cache", *CALIBRATE)

    def test_options_without_effect_are_told(self):
        done = self.ok("bench", self.model(), "--width", "8", "--quick", "--seconds", "0.02")
        self.assertIn("--width has no effect", done.stderr)
        done = self.ok(*CALIBRATE, "--batch", "8", "--quiet")
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
