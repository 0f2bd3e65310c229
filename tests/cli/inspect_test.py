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

    def test_a_network_line(self):
        line = "2 * (dense 32, tanh), dense"
        done = self.ok("inspect", line, "mnist1d")
        self.assertIn(f"{line} on 1,000 examples of mnist1d: nothing is wrong.", done.stdout)  # not that it has learned nothing
        result = self.json_of(self.ok("inspect", line, "mnist1d", "--init", "orthogonal", "--seed", "3", "--json"))
        self.assertEqual(result["model"], line)
        self.assertEqual(result["network"]["line"], "dense 32, tanh, dense 32, tanh, dense 10")
        self.assertEqual(result["options"], {"examples": 10000, "seed": 3, "threads": 0, "activation": "relu",
                                             "init": "orthogonal", "bias_init": 0.0, "standardise": True})  # fmt: skip
        for layer in result["layers"]:
            self.assertTrue(layer["variance"] > 0 and layer["gradient_ratio"] > 0)
            self.assertIsNotNone(layer["mean"])
        # The weights are those that train begins with.
        self.ok("train", "mnist1d", "--net", line, "--init", "orthogonal", "--seed", "3", "--epochs", "1", "--learning-rate",
                "1e-12", "--quiet", "-o", "same.onnx")  # fmt: skip
        same = self.json_of(self.ok("inspect", "same.onnx", "mnist1d", "--json"))
        for one, other in zip(result["layers"], same["layers"], strict=True):
            self.assertAlmostEqual(one["variance"], other["variance"], places=5)
        other = self.json_of(self.ok("inspect", line, "mnist1d", "--init", "orthogonal", "--seed", "4", "--json"))
        self.assertNotEqual(result["layers"][0]["variance"], other["layers"][0]["variance"])

    def test_a_named_network_with_its_options(self):
        result = self.json_of(self.ok("inspect", "mlp", "mnist1d", "--activation", "sigmoid", "--bias-init", "1", "--no-standardise",
                                      "--examples", "200", "--json"))  # fmt: skip
        self.assertEqual(result["layers"][0]["activation"], "sigmoid")
        self.assertEqual((result["options"]["bias_init"], result["options"]["standardise"]), (1.0, False))
        dead = self.json_of(self.ok("inspect", "dense 32, relu, dense", "mnist1d", "--bias-init", "-50", "--json"))
        self.assertEqual(dead["findings"][0]["kind"], "dead_units")

    def test_a_network_line_for_a_table(self):
        rows = [f"{i % 7},{'ab'[i % 2]},{i * 0.5}" for i in range(60)]
        (self.folder / "t.csv").write_text("\n".join(["x,kind,y", *rows]) + "\n")
        result = self.json_of(self.ok("inspect", "dense 8, relu, dense", "t.csv", "--json"))
        self.assertEqual(result["network"]["line"], "dense 8, relu, dense 1")
        result = self.json_of(self.ok("inspect", "dense 8, relu, dense", "t.csv", "--target", "kind", "--json"))
        self.assertEqual(result["network"]["line"], "dense 8, relu, dense 2")

    def test_a_network_line_can_be_healed(self):
        result = self.json_of(self.ok("inspect", "dense 16, sigmoid, relu, dense", "mnist1d", "--heal", "--epochs", "1", "--seeds",
                                      "2", "--json"))  # fmt: skip
        self.assertTrue(result["healing"]["remedies"])

    def test_a_file_is_a_file_whatever_its_name(self):
        (self.folder / "mlp").write_text("no model")
        self.assert_fails(3, "mlp", "inspect", "mlp", "mnist1d")
        model = self.model()
        done = self.ok("inspect", model, "mnist1d", "--init", "he_normal", "--target", "x")
        for name in ("--init", "--target"):
            self.assertIn(f"{name} has no effect: m.onnx is a model's file.", done.stderr)

    def test_errors_of_network_lines(self):
        self.assert_fails(2, "There is no file 'mlp', and a network line needs DATA", "inspect", "mlp")
        self.assert_fails(2, "'modle' is neither a file nor a network", "inspect", "modle", "mnist1d")
        self.assert_fails(2, "rleu", "inspect", "dense 8, rleu, dense", "mnist1d")
        self.assert_fails(3, "no.onnx", "inspect", "no.onnx", "mnist1d")
        self.assert_fails(2, "he_norml", "inspect", "mlp", "mnist1d", "--init", "he_norml")

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
