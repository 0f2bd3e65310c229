"""Lost if this fails: halfwave compare as its users and their scripts see it - the command end to end, its one JSON object,
clear errors before anything runs, a comparison that is stopped and goes on, a store that is reported, a report in one file.

    compare_test.py PROGRAM SOURCE_FOLDER [SANITIZER]
"""

import fcntl
import json
import math
import os
import pty
import re
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
import unittest

from cli_test import PROGRAM, Case, read_to_end

SMALL = ["--hidden", "8", "--epochs", "2", "--seeds", "2"]
TWO = ["--over", "activation=relu,tanh"]
NEVER_ENDS = ["--hidden", "64", "--epochs", "100000", "--lr", "0.001"]


class WrongUse(Case):
    def test_is_told_before_data_are_read(self):
        """None of these data exist: an error about them would come first."""
        for words, pattern in [
            (["--over", "activatoin=relu,tanh"], "no option 'activatoin'. Did you mean 'activation'"),
            (["--over", "activation=relu,tnah"], "Did you mean .*'tanh'"),
            (["--over", "activation"], "--over needs an option and its values"),
            (["--over", "activation="], "activation"),
            (["--over", "activation=relu,relu"], "'relu' is there twice"),
            (["--over", "seed=1,2"], "seed cannot be compared"),
            (["--over", "batch=0,1"], "--batch needs .* from 1"),
            ([*TWO, *TWO], "--over activation is there twice"),
            (["--over"], "--over needs a value"),
            (["--until", "train_eror=0.1"], "Did you mean 'train_error'"),
            (["--until", "0.1"], "--until needs"),
            (["--seeds", "0"], "--seeds needs .* from 1"),
            (["--checkpoint", "x"], "no option '--checkpoint'"),
            (["--resume"], "no option '--resume'"),
            (["--log-dir", "x"], "no option '--log-dir'"),
            (["--report", ""], "--report needs"),
            (["--net", "dense 8, relu, dense"], "nothing to compare: --net names the activations itself"),
            (["--net", "dense 8, relu, dense", *TWO], "--over activation has no effect"),
            (["--net", "dense 8, relu, dense", "--over", "hidden=8|9"], "--over hidden has no effect"),
            (["--net", "model.onnx", *TWO], "model.onnx: .*new weights"),
            (["--activation", "rleu", "--over", "batch=8,16"], "Did you mean .*'relu'"),
        ]:
            self.assert_fails(2, pattern, "compare", "no-such-data.csv", *words)
        self.assert_fails(2, "compare needs DATA, or --store", "compare")
        self.assert_fails(2, "Did you mean 'mnist1d'", "compare", "mnist1e")
        self.assert_fails(3, "missing.csv", "compare", "missing.csv", *TWO)

    def test_what_does_not_fit_the_data(self):
        self.assert_fails(2, "relu: Layer 1 .*dense takes a row", "compare", "mnist1d", "--net", "dense 8, conv 8 3, activation, dense", "-q")
        self.assert_fails(2, "test_rmse", "compare", "mnist1d", *SMALL, *TWO, "--until", "test_rmse=1", "-q")

    def test_files_that_cannot_be_written_are_told_first(self):
        (self.folder / "folder.html").mkdir()
        for place in ("nowhere/r.html", "/proc/r.html", "folder.html"):
            self.assert_fails(3, f"{place}: .*", "compare", "no-such-data.csv", *TWO, "--report", place)
        self.assert_fails(3, "nowhere/runs.db", "compare", "no-such-data.csv", *TWO, "--store", "nowhere/runs.db")

    def test_a_report_overwrites_nothing_that_is_needed(self):
        data = "a,b,class\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(60))
        (self.folder / "data.csv").write_text(data)
        self.assert_fails(2, "--report would overwrite data.csv", "compare", "data.csv", *TWO, "--report", "./data.csv")
        self.assert_fails(2, "--report would overwrite runs.db", "compare", "data.csv", *TWO, "--store", "runs.db", "--report", "runs.db")
        self.assertEqual((self.folder / "data.csv").read_text(), data)

    def test_a_store_that_is_none(self):
        (self.folder / "text.db").write_text("this is no store of runs, but a text of some length" * 10)
        (self.folder / "r.html").write_text("mine")
        self.assert_fails(3, "text.db", "compare", "--store", "text.db", "--report", "r.html")
        self.assert_fails(3, "text.db", "compare", "mnist1d", *SMALL, *TWO, "--store", "text.db", "-q")
        self.assert_fails(3, "missing.db", "compare", "--store", "missing.db")
        self.assertEqual((self.folder / "r.html").read_text(), "mine")
        self.assertTrue((self.folder / "text.db").read_text().startswith("this is no store"))


class Result(Case):
    def compare(self, *words, **options):
        return self.json_of(self.ok("compare", *words, "--json", **options))

    def test_json(self):
        result = self.compare("mnist1d", *SMALL, *TWO, "--until", "train_error=0.9")
        self.assertEqual(
            list(result),
            ["command", "version", "command_line", "machine", "data", "options", "over", "metric", "less_is_better", "until",
             "variants", "verdict", "store", "report", "kept", "jobs", "threads_per_run", "seconds", "interrupted", "warnings"],
        )  # fmt: skip
        self.assertEqual(result["command_line"],
                         "halfwave compare mnist1d --hidden 8 --epochs 2 --seeds 2 --over activation=relu,tanh "
                         "--until train_error=0.9 --json")  # fmt: skip
        self.assertEqual((result["data"]["train"], result["data"]["test"], result["data"]["features"]), (4000, 1000, 40))
        self.assertEqual(result["over"], [{"option": "activation", "values": ["relu", "tanh"]}])
        self.assertEqual((result["options"]["hidden"], result["options"]["seeds"]), ([8], 2))
        self.assertEqual((result["metric"], result["less_is_better"], result["interrupted"]), ("test_accuracy", False, False))
        self.assertEqual([variant["name"] for variant in result["variants"]], ["relu", "tanh"])
        for variant in result["variants"]:
            self.assertEqual(variant["options"]["activation"], variant["name"])
            self.assertEqual(variant["network"]["line"], f"dense 8, {variant['name']}, dense 10")
            rates = [tried["learning_rate"] for tried in variant["search"]]
            self.assertEqual(rates, sorted(rates))
            best = max((tried for tried in variant["search"] if not tried["diverged"]), key=lambda tried: (tried["score"], -tried["loss"]))
            self.assertEqual(variant["options"]["learning_rate"], best["learning_rate"])
            self.assertEqual([run["seed"] for run in variant["seeds"]], [0, 1])
            scores = [run["test_accuracy"] for run in variant["seeds"]]
            self.assertAlmostEqual(variant["test_accuracy"]["mean"], statistics.mean(scores))
            self.assertAlmostEqual(variant["test_accuracy"]["std"], statistics.stdev(scores))
            for run in variant["seeds"]:
                self.assertEqual([epoch["epoch"] for epoch in run["epochs"]], [1, 2])
                self.assertEqual(run["test_accuracy"], run["epochs"][-1]["test_accuracy"])
                self.assertEqual(run["best_test_accuracy"], max(epoch["test_accuracy"] for epoch in run["epochs"]))
                self.assertEqual(run["end"], "finished")
                reached = [e["epoch"] for e in run["epochs"] if 1 - e["train_accuracy"] <= 0.9 + 1e-9]
                self.assertEqual(run["until_epochs"], reached[0] if reached else None)
        first, second = result["variants"]
        self.assertIsNone(first["difference"])
        difference = second["difference"]
        self.assertAlmostEqual(difference["mean"], second["test_accuracy"]["mean"] - first["test_accuracy"]["mean"])
        self.assertLess(difference["low"], difference["mean"])
        self.assertLess(difference["mean"], difference["high"])

    def test_a_run_of_train_is_a_run_of_compare(self):
        """The same options and seed give the same figures."""
        compared = self.compare("mnist1d", *SMALL, *TWO, "--lr", "0.01")["variants"][1]["seeds"][1]
        trained = self.json_of(self.ok("train", "mnist1d", "--hidden", "8", "--epochs", "2", "--activation", "tanh", "--lr",
                                       "0.01", "--seed", "1", "--threads", "1", "--json"))  # fmt: skip
        for mine, other in zip(compared["epochs"], trained["epochs"], strict=True):
            for epoch in (mine, other):
                del epoch["seconds"]
            self.assertEqual(mine, other)
        self.assertEqual(compared["test_accuracy"], trained["result"]["test_accuracy"])

    def test_without_over_the_usual_activations(self):
        done = self.ok("compare", "mnist1d", "--hidden", "4", "--epochs", "1", "--seeds", "1", "--no-tune-lr", "--json")
        result = self.json_of(done)
        names = [variant["name"] for variant in result["variants"]]
        self.assertEqual(names, ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"])
        self.assertIn("usual activations", done.stderr)
        self.assertTrue(all(variant["search"] == [] for variant in result["variants"]))
        self.assertTrue(all(variant["difference"]["p"] is None for variant in result["variants"][1:]))
        named = self.compare("mnist1d", "--net", "dense 4, activation, dense", "--epochs", "1", "--seeds", "1", "--no-tune-lr")
        self.assertEqual(named["variants"][6]["network"]["line"], "dense 4, sigmoid, dense 10")

    def test_a_grid(self):
        result = self.compare("mnist1d", "--epochs", "1", "--seeds", "1", "--no-tune-lr", "--over", "hidden=4,4|8", "--over",
                              "init=he_normal,xavier_normal")  # fmt: skip
        self.assertEqual(result["over"][0], {"option": "hidden", "values": ["4,4", "8"]})
        shown = [(variant["options"]["hidden"], variant["options"]["init"]) for variant in result["variants"]]
        self.assertEqual(shown, [([4, 4], "he_normal"), ([4, 4], "xavier_normal"), ([8], "he_normal"), ([8], "xavier_normal")])

    def test_options_without_effect(self):
        done = self.ok("compare", "mnist1d", *SMALL, *TWO, "--activation", "elu", "--lr", "0.01", "--json")
        self.assertIn("--activation has no effect", done.stderr)
        self.assertIn("No search for learning rates: --learning-rate is given", done.stderr)
        result = self.json_of(done)
        self.assertTrue(any("--activation has no effect" in warning for warning in result["warnings"]))
        self.assertEqual([v["options"]["learning_rate"] for v in result["variants"]], [0.01, 0.01])
        done = self.ok("compare", "mnist1d", *SMALL, "--over", "learning-rate=0.01,0.001")
        self.assertIn("--learning-rate is compared", done.stderr)

    def test_regression(self):
        rows = [["a", "b", "y"]] + [[i % 7, i % 5, 100 * math.sin(i % 7) + i % 5] for i in range(200)]
        self.write_table("t.csv", rows)
        result = self.compare("t.csv", "--task", "regression", *SMALL, *TWO)
        self.assertEqual((result["metric"], result["less_is_better"]), ("test_rmse", True))
        self.assertEqual(result["data"]["features"], ["a", "b"])
        self.assertIn("best_test_rmse", result["variants"][0])
        self.assertNotIn("accuracy", json.dumps(result))
        self.assertIn("test RMSE", self.ok("compare", "t.csv", "--task", "regression", *SMALL, *TWO).stdout)

    def test_all_runs_diverged(self):
        done = self.run_program("compare", "mnist1d", *SMALL, "--over", "activation=relu,elu", "--optimiser", "sgd", "--lr",
                                "1e12", "--json")  # fmt: skip
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("All runs diverged", done.stderr)
        result = self.json_of(done)
        self.assertEqual([variant["diverged"] for variant in result["variants"]], [2, 2])
        self.assertTrue(result["variants"][0]["seeds"][0]["message"])

    def test_some_runs_diverged(self):
        done = self.ok("compare", "mnist1d", *SMALL, "--optimiser", "sgd", "--over", "learning-rate=0.05,1e12")
        self.assertIn("2 of 2", done.stdout)
        self.assertIn("Diverged", done.stdout)


class ForPeople(Case):
    def test_a_file_gets_lines(self):
        done = self.ok("compare", "mnist1d", *SMALL, *TWO, "--until", "train_error=0.8")
        self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x09\x0b-\x1f]")
        for name in ("relu", "tanh"):
            self.assertRegex(done.stderr, rf"(?m)^{name}: learning rate [\d.e-]+, test accuracy [\d.]+( ± [\d.]+)? %$")
            self.assertEqual(len(re.findall(rf"(?m)^{name} ", done.stdout)), 3, "a line in each of the three tables")
        for text in ("difference to relu (95 %)", "epochs to train error 0.8", "density", "Learning rates are the best of"):
            self.assertIn(text, done.stdout)
        verdict = self.json_of(self.ok("compare", "mnist1d", *SMALL, *TWO, "--json"))["verdict"]
        self.assertIn(verdict[:60], " ".join(done.stdout.split()))
        self.assertEqual(self.ok("compare", "mnist1d", *SMALL, *TWO, "--quiet").stderr, "")

    def test_a_terminal_gets_one_line(self):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        words = ["compare", "mnist1d", "--hidden", "64", "--epochs", "15", "--seeds", "3", *TWO]
        with subprocess.Popen([PROGRAM, *words], cwd=self.folder, env=env, stdin=slave, stdout=slave, stderr=slave) as process:
            os.close(slave)
            text = read_to_end(master)
            self.assertEqual(process.wait(), 0)
        bars = re.findall(r"\r\x1b\[K([^\r\n]* \[[#.]*\] \d+ %, \d+ of 48 runs, [\d:?]+ left)", text)
        self.assertGreaterEqual(len(bars), 1, text)
        self.assertTrue(all(len(bar) < 80 for bar in bars))
        last = re.split(r"\r\x1b\[K", text)[-1]
        self.assertNotIn("left", last, "the line is gone in the end")
        self.assertLessEqual(max(map(len, last.splitlines())), 80)


class Kept(Case):
    def figures(self, result):
        """What must not depend on how the comparison came about: everything but times."""
        result = json.loads(json.dumps(result))
        for variant in result["variants"]:
            for key in ("until_seconds", "seconds_per_epoch"):
                del variant[key]
            for run in variant["seeds"]:
                for key in ("seconds", "seconds_per_epoch", "until_seconds"):
                    del run[key]
                for epoch in run["epochs"]:
                    del epoch["seconds"]
        return {key: result[key] for key in ("data", "over", "metric", "variants", "verdict")}

    def interrupt(self, *words, after, number=signal.SIGINT):
        """Starts a comparison and sends it a signal so many seconds after its runs begin."""
        process = subprocess.Popen([PROGRAM, "compare", *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)  # fmt: skip
        shown = ""
        for line in process.stderr:
            shown += line
            if re.search(r": \d+ runs", line):
                break
        time.sleep(after)
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
        return process.returncode, out, shown + errors

    def test_interrupted_without_a_store(self):
        code, out, errors = self.interrupt("mnist1d", *NEVER_ENDS, *TWO, "--json", "--report", "r.html", after=0.5)
        self.assertEqual(code, 130, errors)
        self.assertIn("nothing is kept", errors)
        self.assertIn("--store FILE", errors)
        result = json.loads(out)
        self.assertTrue(result["interrupted"])
        self.assertEqual(sum(len(variant["seeds"]) for variant in result["variants"]), 0)
        self.assertIsNone(result["report"])
        self.assertFalse((self.folder / "r.html").exists())

    def test_a_stopped_comparison_goes_on(self):
        words = ["mnist1d", "--hidden", "32", "--epochs", "20", "--seeds", "3", *TWO]
        begin = time.monotonic()
        whole = self.json_of(self.ok("compare", *words, "--json"))
        seconds = time.monotonic() - begin
        words += ["--store", "runs.db"]
        code, out, errors = self.interrupt(*words, "--json", after=0.7 * seconds)
        if code != 0:  # else it was too quick for us
            self.assertEqual(code, 130, errors)
            self.assertIn(f"{PROGRAM} compare {' '.join(words)}", errors)
            self.assertTrue(json.loads(out)["interrupted"])
        self.interrupt(*words, after=0.3 * seconds, number=signal.SIGKILL)
        done = self.ok("compare", *words)
        again = self.json_of(self.ok("compare", *words, "--json"))
        self.assertEqual(self.figures(again), self.figures(whole))
        self.assertEqual(again["kept"], 6)
        self.assertEqual(again["store"], "runs.db")
        self.assertIn("runs.db", done.stdout)

    def test_a_store_is_reported(self):
        whole = self.json_of(self.ok("compare", "mnist1d", *SMALL, *TWO, "--store", "runs.db", "--json"))
        done = self.ok("compare", "--store", "runs.db", "--json")
        stored = self.json_of(done)
        self.assertEqual(list(stored), list(whole))
        for mine, other in zip(stored["variants"], whole["variants"], strict=True):
            self.assertEqual(mine["seeds"], other["seeds"])
            self.assertEqual(mine["test_accuracy"], other["test_accuracy"])
        self.assertEqual((stored["verdict"], stored["over"]), (whole["verdict"], whole["over"]))
        self.assertEqual((stored["data"], stored["options"]["epochs"]), (whole["data"], 2))
        self.assertIn("difference to relu", self.ok("compare", "--store", "runs.db").stdout)
        self.assertIn("epochs to loss 2", self.ok("compare", "--store", "runs.db", "--until", "loss=2").stdout)
        done = self.ok("compare", "--store", "runs.db", "--seeds", "3", *TWO)
        self.assertIn("--over, --seeds have no effect", done.stderr)

    def test_comparisons_are_put_together(self):
        self.ok("compare", "mnist1d", *SMALL, *TWO, "--store", "runs.db")
        self.ok("compare", "mnist1d", *SMALL, "--over", "activation=elu", "--store", "runs.db")
        stored = self.json_of(self.ok("compare", "--store", "runs.db", "--json"))
        self.assertEqual({variant["name"] for variant in stored["variants"]}, {"relu", "tanh", "elu"})
        self.ok("compare", "two-spirals", *SMALL, *TWO, "--store", "runs.db")
        both = self.json_of(self.ok("compare", "--store", "runs.db", "--json", "--report", "both.html"))
        self.assertEqual(list(both), ["command", "version", "command_line", "store", "report", "comparisons", "warnings"])
        self.assertEqual({part["data"]["name"] for part in both["comparisons"]}, {"mnist1d", "two-spirals"})
        shown = self.ok("compare", "--store", "runs.db").stdout
        self.assertIn("mnist1d: 4,000 training", shown)
        self.assertIn("two-spirals: ", shown)
        self.assertIn("two-spirals", (self.folder / "both.html").read_text())


class Report(Case):
    def test_is_one_file_with_the_figures_of_json(self):
        result = self.json_of(self.ok("compare", "mnist1d", *SMALL, *TWO, "--report", "r.html", "--json"))
        self.assertEqual(result["report"], "r.html")
        page = (self.folder / "r.html").read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>") or page.startswith("<!doctype html>"))
        self.assertIn(result["version"], page)
        self.assertIn("--over activation=relu,tanh", page)
        found = re.search(r'<script[^>]*id="comparison"[^>]*>(.*?)</script>', page, re.S)
        self.assertEqual(json.loads(found.group(1)), result)
        self.assertNotRegex(page, r'(?:src|href)="https?:')


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
