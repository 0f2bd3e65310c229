"""Lost if this fails: halfwave inspect as its users and their scripts see it - a headline that says what is wrong, a table
that fits the terminal, JSON that holds every figure, warnings while a run goes wrong, and clear errors.

    inspect_test.py PROGRAM SOURCE_FOLDER [SANITIZER]
"""

import sys
import unittest

from cli_test import SOURCE, Case

HEALTHY = ["mnist1d", "--net", "dense 64, relu, dense", "--epochs", "3", "--threads", "1", "--quiet"]


class Inspect(Case):
    def model(self, *options, name="m.onnx"):
        self.ok("train", *(options or HEALTHY), "-o", name)
        return name

    def test_a_healthy_model(self):
        done = self.ok("inspect", self.model(), "mnist1d")
        self.assertIn("m.onnx on 1,000 examples of mnist1d: nothing is wrong.", done.stdout)
        for text in ("dense_1, relu", "not zero", "gradient", "zeros skipped", "healthy"):
            self.assertIn(text, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_json(self):
        result = self.json_of(self.ok("inspect", self.model(), "mnist1d", "--examples", "300", "--json"))
        self.assertEqual(list(result), ["command", "version", "model", "network", "data", "options", "layers", "findings",
                                        "result", "warnings"])  # fmt: skip
        self.assertEqual(result["data"], {"name": "mnist1d", "examples": 300, "labelled": True})
        self.assertEqual(result["network"]["line"], "dense 64, relu, dense 10")
        self.assertEqual(result["options"], {"examples": 300, "seed": 0, "threads": 0})
        self.assertEqual([layer["name"] for layer in result["layers"]], ["dense_1", "dense_2"])
        first = result["layers"][0]
        self.assertEqual((first["activation"], first["units"], first["dense_operations"]), ("relu", 64, 2 * 40 * 64))
        self.assertTrue(0 < first["density"] < 1 and first["gradient_norm"] > 0 and first["seconds"] > 0)
        self.assertEqual(set(first["verdicts"]), {"dead", "almost_dead", "always_on", "saturated", "duplicate"})
        self.assertEqual(first["dead_units"], len(first["verdicts"]["dead"]))
        self.assertTrue(result["result"]["healthy"])

    def test_a_faulty_model(self):
        # All biases far below zero: no unit ever fires.
        model = self.model("mnist1d", "--net", "dense 32, relu, dense", "--bias-init", "-50", "--epochs", "1", "--quiet")
        done = self.ok("inspect", model, "mnist1d")
        self.assertIn("dense_1: all 32 units are zero for every example.", " ".join(done.stdout.split("\n")[:2]))
        for text in ("32 dead", "why", "remedy", "dead_units"):
            self.assertIn(text, done.stdout)
        result = self.json_of(self.ok("inspect", model, "mnist1d", "--json"))
        finding = result["findings"][0]
        self.assertEqual(list(finding), ["kind", "where", "what", "number", "unit", "why", "remedy", "weight", "units",
                                         "follows_from"])  # fmt: skip
        self.assertEqual((finding["kind"], finding["where"], finding["number"]), ("dead_units", "dense_1", 32))
        self.assertEqual(finding["units"], list(range(32)))
        self.assertFalse(result["result"]["healthy"])
        weights = [finding["weight"] for finding in result["findings"]]
        self.assertEqual(weights, sorted(weights, reverse=True))

    def test_without_data(self):
        model = self.model("mnist1d", "--net", "dense 32, sigmoid, relu, dense, softmax, softmax", "--epochs", "1", "--quiet")
        result = self.json_of(self.ok("inspect", model, "--json"))
        self.assertIsNone(result["data"])
        self.assertEqual(result["layers"], [])
        found = {(finding["kind"], finding["where"]) for finding in result["findings"]}
        self.assertEqual(found, {("double_softmax", "softmax_2"), ("sigmoid_before_relu", "relu_1")})
        self.assertIn("--examples has no effect", self.ok("inspect", model, "--examples", "5").stderr)

    def test_runs_warn_by_the_same_rules_once(self):
        run = ["train", "mnist1d", "--net", "dense 32, relu, dense", "--bias-init", "-50", "--epochs", "3"]
        done = self.ok(*run, "-o", "w.onnx")
        self.assertEqual(done.stderr.count("all 32 units are zero for every example"), 1)
        self.assertIn("in epoch 1", done.stderr)
        warnings = self.json_of(self.ok(*run, "-o", "w.onnx", "--json"))["warnings"]
        self.assertEqual(sum("dead_units" in warning for warning in warnings), 1)
        # Nine zeros in ten are no death.
        sparse = ["train", "mnist1d", "--net", "dense 128, relu, dense", "--activity-l1", "0.01", "--epochs", "6"]
        result = self.json_of(self.ok(*sparse, "-o", "s.onnx", "--json"))
        self.assertEqual(result["warnings"], [])
        self.assertLess(result["epochs"][-1]["layers"][0]["density"], 0.4)

    def test_list_of_findings(self):
        items = self.json_of(self.ok("list", "findings", "--json"))["items"]
        kinds = {item["name"]: item["needs_data"] for item in items}
        self.assertTrue(kinds["dead_units"])
        self.assertFalse(kinds["double_softmax"])
        page = (SOURCE / "docs/inspect.md").read_text()
        for kind in kinds:
            self.assertIn(f"`{kind}`", page)

    def test_errors(self):
        model = self.model()
        self.assert_fails(3, "no.onnx", "inspect", "no.onnx")
        self.assert_fails(2, "from 1 to", "inspect", model, "mnist1d", "--examples", "0")
        self.assert_fails(2, "Did you mean '--examples'", "inspect", model, "mnist1d", "--exampels", "5")
        self.assert_fails(2, "inspect needs MODEL", "inspect")
        (self.folder / "x.csv").write_text("a,b\n1,2\n")
        self.assert_fails(3, "x.csv", "inspect", model, "x.csv")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
