"""Lost if this fails: what users and their scripts rely on in the program - exit codes, one JSON object, output without
control codes in a file, an interrupted run that goes on to the same model, nothing overwritten on failure.

    cli_test.py PROGRAM SOURCE_FOLDER [SANITIZER]
"""

import array
import ast
import csv
import fcntl
import json
import math
import os
import pathlib
import pty
import re
import resource
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
SANITIZED = len(sys.argv) > 3 and sys.argv[3] != ""
QUICK = ["--hidden", "16", "--epochs", "2", "--threads", "1"]


def read_to_end(terminal):
    """What is written to a pseudo-terminal until nobody has it open; closes it."""
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a terminal so
            break
        if not part:
            break
        text += part
    os.close(terminal)
    return text.decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def run_program(self, *words, **options):
        environment = dict(os.environ, HALFWAVE_DATA="", XDG_CACHE_HOME=str(self.folder / "cache"), **options.pop("env", {}))
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([PROGRAM, *words], cwd=self.folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=environment, text=True, timeout=120, **options)  # fmt: skip

    def ok(self, *words, **options):
        done = self.run_program(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def json_of(self, done):
        """Standard output is exactly one object, of JSON that every reader accepts (no NaN)."""
        def refuse(name):
            self.fail(f"{name} is no JSON")

        self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
        return json.loads(done.stdout, parse_constant=refuse)

    def assert_fails(self, code, pattern, *words, **options):
        """Exit code and message, without and with --json, and nothing left behind."""
        before = sorted(self.folder.iterdir())
        done = self.run_program(*words, **options)
        self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
        self.assertRegex(done.stderr, pattern)
        self.assertRegex(done.stderr, "(?m)^halfwave: ")
        self.assertEqual(done.stdout, "")
        done = self.run_program(*words, "--json", **options)
        self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
        error = self.json_of(done)["error"]
        self.assertEqual(error["kind"], {1: "fault", 2: "usage", 3: "input", 4: "diverged", 5: "no"}[code])
        self.assertRegex(error["message"], pattern)
        self.assertEqual(sorted(self.folder.iterdir()), before, "a failed run leaves no files")

    def write_table(self, name, rows):
        with open(self.folder / name, "w", newline="") as file:
            csv.writer(file).writerows(rows)


class WrongUse(Case):
    def test_program(self):
        self.assertEqual(self.run_program().returncode, 2)
        for words, pattern in [
            (["trian"], "There is no command 'trian'. Did you mean 'train'"),
            (["--hlep"], "'--help'"),
            (["xyzzy"], "halfwave --help"),
        ]:
            done = self.run_program(*words)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, pattern)

    def test_options(self):
        for words, pattern in [
            ([], "train needs DATA"),
            (["--epochss", "3", "mnist1d"], "no option '--epochss'. Did you mean '--epochs'"),
            (["mnist1d", "--learning_rate=1"], "'--learning-rate'"),
            (["mnist1d", "--epochs"], "--epochs needs a value"),
            (["mnist1d", "--epochs", "two"], "--epochs needs a whole number .* not 'two'"),
            (["mnist1d", "--batch", "0"], "--batch needs .* from 1"),
            (["mnist1d", "--lr", "nan"], "--learning-rate"),
            (["mnist1d", "--optimiser", "adma"], "Did you mean 'adam'"),
            (["mnist1d", "--optimiser", "adam 3"], "adam 3"),
            (["mnist1d", "--init", "constnat 0.1"], "Did you mean 'constant'"),
            (["mnist1d", "--init", "constant"], "--init: constant needs the number"),
            (["mnist1d", "--task", "classify"], "--task .*classification"),
            (["mnist1d", "--hidden", "12,x"], "--hidden"),
            (["mnist1d", "--activation", "rleu"], "Did you mean .*'relu'"),
            (["mnist1d", "--net", "dense 3, rleu, dense"], "[Ll]ayer 2.*Did you mean .*'relu'"),
            (["mnist1d", "--out", ""], "--out needs"),
            (["mnist1d", "--resume"], "--checkpoint"),
            (["mnist1d", "surplus"], "'surplus' is one word too many"),
            (["mnist1e"], "Did you mean 'mnist1d'"),
        ]:
            self.assert_fails(2, pattern, "train", *words)
        self.assert_fails(2, "Did you mean 'activations'", "list", "activation")
        self.assert_fails(2, r"\.npy .*\.csv", "run", "m.onnx", "mnist1d", "--out", "p.txt")

    @unittest.skipIf(SANITIZED, "a sanitizer needs its own memory")
    def test_too_large_for_memory(self):
        def little_memory():
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

        self.assert_fails(1, "not enough memory", "train", "mnist1d", "--quiet", "--threads", "1", "--hidden", "40000,40000",
                          preexec_fn=little_memory)  # fmt: skip

    def test_input(self):
        (self.folder / "text.onnx").write_text("this is no model")
        for words, pattern in [
            (["train", "missing.csv"], "missing.csv"),
            (["train", "mnist1d", "--net", "missing.onnx"], "missing.onnx"),
            (["run", "missing.onnx", "mnist1d"], "missing.onnx"),
            (["run", "text.onnx", "mnist1d"], "text.onnx"),
            (["train", "mnist1d", "--test", "missing.csv"], "missing.csv"),
        ]:
            self.assert_fails(3, pattern, *words)


class Output(Case):
    def test_a_file_that_cannot_be_written_is_told_before_training(self):
        (self.folder / "folder.onnx").mkdir()
        places = ["nowhere/m.onnx", "/proc/m.onnx", "folder.onnx"]
        if os.geteuid() != 0:
            (self.folder / "locked").mkdir(mode=0o555)
            places.append("locked/m.onnx")
        for place in places:
            self.assert_fails(3, re.escape(place), "train", "mnist1d", "--epochs", "100000", "--out", place)

    def test_a_checkpoint_folder_that_cannot_be_written_is_told_before_training(self):
        (self.folder / "file").write_text("mine")
        os.symlink("nowhere", self.folder / "dangling")
        places = ["file", "file/run", "dangling", "/proc/run"]
        if os.geteuid() != 0:
            (self.folder / "locked").mkdir(mode=0o555)
            places += ["locked", "locked/a/run"]
        for place in places:
            self.assert_fails(3, re.escape(place), "train", "mnist1d", "--epochs", "100000", "--checkpoint", place)
        self.assert_fails(2, "mnist1e", "train", "mnist1e", "--checkpoint", "a/b/run")

    def test_a_run_that_is_saved_is_not_overwritten(self):
        self.ok("train", "mnist1d", *QUICK, "--checkpoint", "a/run")
        saved = (self.folder / "a/run/checkpoint.safetensors").read_bytes()
        self.assert_fails(2, "^(halfwave: )?a/run holds a run already; add --resume", "train", "mnist1d", *QUICK,
                          "--checkpoint", "a/run")  # fmt: skip
        self.assertEqual((self.folder / "a/run/checkpoint.safetensors").read_bytes(), saved)
        self.ok("train", "mnist1d", *QUICK, "--checkpoint", "a/run", "--resume")

    def test_files_that_a_killed_process_left_are_no_hindrance(self):
        def leave_files():
            for name in ("m.onnx", "run/checkpoint", "run/checkpoint.safetensors"):
                for number in range(20):
                    (self.folder / f"{name}.tmp-{os.getpid()}-{number}").write_text("theirs")

        (self.folder / "run").mkdir()
        self.ok("train", "mnist1d", *QUICK, "--checkpoint", "run", "-o", "m.onnx", preexec_fn=leave_files)
        self.assertTrue((self.folder / "m.onnx").is_file())

    def test_a_full_disk_leaves_the_old_file(self):
        self.assert_fails(3, "No space left", "train", "mnist1d", *QUICK, "--quiet", "--out", "/dev/full")
        self.ok("train", "mnist1d", *QUICK, "--out", "m.onnx")
        os.symlink("/dev/full", self.folder / "full.npy")
        self.assert_fails(3, "No space left", "run", "m.onnx", "mnist1d", "--out", "full.npy")
        with open("/dev/full", "w") as full:
            self.assertEqual(self.run_program("list", "activations", stdout=full).returncode, 3)

    def test_a_failed_run_overwrites_nothing(self):
        (self.folder / "m.onnx").write_text("mine")
        self.assert_fails(2, "rleu", "train", "mnist1d", "--net", "dense 3, rleu, dense", "--quiet", "--out", "m.onnx")
        done = self.run_program("train", "mnist1d", *QUICK, "--optimiser", "sgd", "--lr", "1e12", "--out", "m.onnx")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual((self.folder / "m.onnx").read_text(), "mine")

    def test_a_file_gets_no_control_codes(self):
        done = self.ok("train", "mnist1d", *QUICK, "--layers")
        self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x09\x0b-\x1f]")
        self.assertIn("test accuracy", done.stdout)
        lines = done.stderr.splitlines()
        self.assertEqual(len([line for line in lines if re.match(r"\s+\d+\s", line)]), 2, "one line an epoch")
        self.assertEqual(len([line for line in lines if "dense_1" in line and "density" in line]), 2)

    def test_quiet(self):
        done = self.ok("train", "mnist1d", *QUICK, "--quiet")
        self.assertEqual(done.stderr, "")
        self.assertIn("test accuracy", done.stdout)
        done = self.ok("train", "mnist1d", *QUICK, "-q", "--json")
        self.assertEqual(done.stderr, "")
        self.json_of(done)

    def on_terminal(self, **environment):
        """What the program writes to a terminal of 80 columns."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | environment
        process = subprocess.Popen([PROGRAM, "train", "mnist1d", "--hidden", "64", "--epochs", "60", "--threads", "1",
                                    "--net", "dense 64, relu, dense"],  # --hidden has no effect: a warning
                                   cwd=self.folder, env=env, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave)  # fmt: skip
        os.close(slave)
        text = read_to_end(master)
        self.assertEqual(process.wait(), 0)
        return text

    def test_a_terminal_gets_a_progress_line(self):
        text = self.on_terminal()
        bars = re.findall(r"\r\x1b\[K(epoch \d+/60 \[[#.]*\][^\r]*)", text)
        self.assertGreaterEqual(len(bars), 1)
        for bar in bars:
            self.assertLess(len(bar.split("\x1b")[0]), 80)
            self.assertIn("left", bar)
        self.assertIn("\x1b[33mwarning:\x1b[0m", text)
        self.assertNotIn("epoch", re.split(r"\r\x1b\[K", text)[-1], "the line is gone in the end")

    def test_no_color_and_dumb_terminals(self):
        self.assertNotRegex(self.on_terminal(NO_COLOR="1"), r"\x1b\[\d+m")
        self.assertNotIn("\x1b", self.on_terminal(TERM="dumb"))


class Json(Case):
    def test_train_classification(self):
        result = self.json_of(self.ok("train", "mnist1d", *QUICK, "--json", "-o", "a b.onnx", "--standardize"))
        self.assertEqual(list(result), ["command", "version", "data", "network", "options", "epochs", "result", "model", "warnings"])
        self.assertEqual(result["command"], "train")
        self.assertEqual((result["data"]["name"], result["data"]["train"], result["data"]["test"]), ("mnist1d", 4000, 1000))
        self.assertEqual(result["data"]["features"], 40)
        self.assertEqual(len(result["data"]["classes"]), 10)
        self.assertEqual(result["network"], {"line": "dense 16, relu, dense 10", "parameters": 41 * 16 + 17 * 10})
        self.assertEqual(result["options"]["epochs"], 2)
        self.assertEqual(result["options"]["hidden"], [16])
        self.assertGreater(result["options"]["learning_rate"], 0, "automatic values are filled in")
        self.assertEqual(len(result["epochs"]), 2)
        for epoch in result["epochs"]:
            self.assertLessEqual({"epoch", "loss", "train_accuracy", "test_accuracy", "seconds", "learning_rate", "layers"}, set(epoch))
            self.assertEqual(set(epoch["layers"][0]), {"name", "density", "dead_units", "units", "gradient_norm", "weight_norm"})
        self.assertLessEqual({"test_accuracy", "loss", "seconds", "examples_per_second"}, set(result["result"]))
        self.assertEqual(result["result"]["test_accuracy"], result["epochs"][-1]["test_accuracy"])
        self.assertEqual(result["model"], "a b.onnx")
        self.assertTrue((self.folder / "a b.onnx").is_file())

    def test_options_are_those_of_help(self):
        options = self.json_of(self.ok("train", "mnist1d", *QUICK, "--json"))["options"]
        flags = re.findall(r"^\s+(?:-\w, )?--(?:\[no-\])?([\w-]+)", self.ok("train", "--help").stdout, re.M)
        shown = {flag.replace("-", "_") for flag in flags} - {"out", "layers", "json", "quiet"}
        self.assertEqual(shown, set(options))

    def test_train_table_with_text_and_run(self):
        rows = [["size", "town", "price"]]
        rows += [[i % 7, "Ulm" if i % 3 else "Bonn", 3.0 * (i % 7) + (10 if i % 3 else 0)] for i in range(200)]
        self.write_table("houses.csv", rows)
        result = self.json_of(self.ok("train", "houses.csv", "--target", "price", "--task", "regression", "--hidden", "16",
                                      "--epochs", "60", "--threads", "1", "--json"))  # fmt: skip
        self.assertIsInstance(result["data"]["features"], list)
        self.assertIn("size", result["data"]["features"])
        self.assertIsNone(result["data"]["classes"])
        self.assertNotIn("accuracy", json.dumps(result))
        self.assertIn("test_rmse", result["result"])
        self.assertEqual(result["model"], "houses.onnx")

        scored = self.json_of(self.ok("run", "houses.onnx", "houses.csv", "--json"))
        self.assertEqual(list(scored), ["command", "version", "model", "data", "result", "out", "warnings"])
        self.assertEqual(scored["data"]["examples"], 200)
        self.assertIsNone(scored["out"])
        self.assertLess(scored["result"]["mae"], scored["result"]["rmse"] + 1e-9)

        self.write_table("new.csv", [row[:2] for row in rows])
        shown = self.ok("run", "houses.onnx", "new.csv").stdout
        self.assertIn("10 of 200 examples", shown)
        unscored = self.json_of(self.ok("run", "houses.onnx", "new.csv", "--out", "p.csv", "--json"))
        self.assertNotIn("rmse", unscored["result"])
        self.assertEqual(unscored["out"], "p.csv")
        with open(self.folder / "p.csv", newline="") as file:
            predictions = list(csv.reader(file))
        self.assertEqual(predictions[0], ["price"])
        errors = [float(p[0]) - row[2] for p, row in zip(predictions[1:], rows[1:], strict=True)]
        self.assertAlmostEqual(math.sqrt(sum(e * e for e in errors) / 200), scored["result"]["rmse"], places=4)

    def test_diverged(self):
        done = self.run_program("train", "mnist1d", *QUICK, "--optimiser", "sgd", "--lr", "1e12", "--json")
        self.assertEqual(done.returncode, 4, done.stderr)
        result = self.json_of(done)
        self.assertIn("--learning-rate", result["diverged"])
        self.assertEqual(result["result"]["end"], "diverged")
        self.assertIsNone(result["model"])
        self.assertIn("no model was written", done.stderr)

    def test_diverged_after_a_good_epoch(self):
        done = self.run_program("train", "mnist1d", "--hidden", "16", "--epochs", "20", "--threads", "1", "--optimiser", "sgd",
                                "--schedule", "constant", "--lr", "10", "--warmup", "3", "--json", "-o", "m.onnx")  # fmt: skip
        self.assertEqual(done.returncode, 4, done.stderr)
        result = self.json_of(done)
        self.assertGreaterEqual(result["result"]["epoch"], 1)
        self.assertEqual(result["model"], "m.onnx")
        self.assertIn("the last good one", done.stderr)
        scored = self.json_of(self.ok("run", "m.onnx", "mnist1d", "--json"))
        self.assertAlmostEqual(scored["result"]["accuracy"], result["result"]["test_accuracy"])

    def test_list(self):
        whats = [item["name"] for item in self.json_of(self.ok("list", "--json"))["items"]]
        self.assertIn("activations", whats)
        for what in whats:
            items = self.json_of(self.ok("list", what, "--json"))
            self.assertEqual((items["command"], items["what"]), ("list", what))
            self.assertTrue(all(item["name"] for item in items["items"]))
            self.assertIn(items["items"][0]["name"], self.ok("list", what).stdout)
        names = [item["name"] for item in self.json_of(self.ok("list", "activations", "--json"))["items"]]
        self.assertEqual(names, sorted(names))
        self.assertIn("relu", names)

    def test_list_of_activations_says_what_json_says(self):
        items = self.json_of(self.ok("list", "activations", "--json"))["items"]
        header, *lines = self.ok("list", "activations").stdout.splitlines()
        self.assertEqual(header.split(), ["name", "formula", "parameters", "properties", "ONNX"])
        for item, line in zip(items, lines, strict=True):  # not on a terminal: one line each
            self.assertEqual(line.split()[0], item["name"])
            self.assertIn(item["formula"], line)
            self.assertTrue(line.endswith(item["onnx"]), line)
            self.assertEqual("exact zeros" in line, item["zero_below"])
            self.assertEqual("monotone" in line, item["monotone"])
            for parameter in item["parameters"]:
                self.assertIn(f"{parameter['name']} = {parameter['default']:g}", line)

    def test_lists_fit_a_terminal(self):
        for what in [item["name"] for item in self.json_of(self.ok("list", "--json"))["items"]]:
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            with subprocess.Popen([PROGRAM, "list", what], stdout=slave, stdin=slave) as process:
                os.close(slave)
                text = read_to_end(master)
                self.assertEqual(process.wait(), 0)
            self.assertLessEqual(max(map(len, text.splitlines())), 80, what)
            self.assertIn("name", text)


class Models(Case):
    def read_npy(self, path):
        data = path.read_bytes()
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        size = struct.unpack("<H", data[8:10])[0]
        header = ast.literal_eval(data[10 : 10 + size].decode())
        self.assertEqual((header["descr"], header["fortran_order"]), ("<f4", False))
        values = array.array("f", data[10 + size :])
        self.assertEqual(len(values), math.prod(header["shape"]))
        return header["shape"], values

    def test_predictions_of_classes(self):
        trained = self.json_of(self.ok("train", "mnist1d", *QUICK, "--json"))
        scored = self.json_of(self.ok("run", "mnist1d.onnx", "mnist1d", "--json", "--out", "p.npy"))
        self.assertAlmostEqual(scored["result"]["accuracy"], trained["result"]["test_accuracy"])
        confusion = scored["result"]["confusion"]
        self.assertEqual(sum(map(sum, confusion)), 1000)
        self.assertAlmostEqual(sum(confusion[c][c] for c in range(10)) / 1000, scored["result"]["accuracy"])

        (rows, outputs), logits = self.read_npy(self.folder / "p.npy")
        self.assertEqual((rows, outputs), (1000, 10))
        self.ok("run", "mnist1d.onnx", "mnist1d", "--out", "p.csv")
        with open(self.folder / "p.csv", newline="") as file:
            table = list(csv.reader(file))
        self.assertEqual(table[0], ["predicted"] + [str(c) for c in range(10)])
        for i, row in enumerate(table[1:]):
            own = logits[10 * i : 10 * i + 10]
            self.assertEqual(int(row[0]), max(range(10), key=lambda c: own[c]))
            total = sum(math.exp(x) for x in own)
            for c in range(10):
                self.assertAlmostEqual(float(row[1 + c]), math.exp(own[c]) / total, places=5)
        self.assertEqual(len(table), 1001)

    def test_train_further(self):
        first = self.json_of(self.ok("train", "mnist1d", *QUICK, "--json"))
        second = self.json_of(self.ok("train", "mnist1d", *QUICK, "--net", "mnist1d.onnx", "--json", "-o", "b.onnx"))
        self.assertEqual(second["network"], first["network"])
        self.assertLess(second["epochs"][0]["loss"], first["epochs"][0]["loss"])
        self.assertTrue(any("--hidden has no effect" in warning for warning in second["warnings"]))

    def test_train_further_needs_the_same_columns(self):
        def table(name, columns, town="Ulm"):
            rows = [dict(size=i % 7, rooms=i % 5, town=town if i % 3 else "Bonn", colour="red" if i % 2 else "blue",
                         price=3.5 * (i % 7) + i % 3) for i in range(60)]  # fmt: skip
            self.write_table(name, [columns] + [[row[c] for c in columns] for row in rows])

        further = ["--net", "first.onnx", "--task", "regression", "--target", "price", "--quiet"]
        table("first.csv", ["size", "rooms", "town", "price"])
        self.ok("train", "first.csv", *QUICK, *further[2:])
        table("same.csv", ["price", "town", "size", "rooms"])
        self.ok("train", "same.csv", *QUICK, *further, "-o", "further.onnx")
        table("order.csv", ["rooms", "size", "town", "price"])
        self.assert_fails(2, "column 0 is 'size' in the model and 'rooms' in the data", "train", "order.csv", *further)
        table("name.csv", ["size", "rooms", "colour", "price"])
        self.assert_fails(2, "column 2 is 'town' in the model and 'colour' in the data", "train", "name.csv", *further)
        table("category.csv", ["size", "rooms", "town", "price"], "Kiel")
        self.assert_fails(2, "'town' has the category 'Kiel' in the data only", "train", "category.csv", *further)
        table("more.csv", ["size", "rooms", "town", "colour", "price"])
        self.assert_fails(2, "the model has no column 'colour'", "train", "more.csv", *further)

    def test_init_takes_a_number(self):
        result = self.json_of(self.ok("train", "mnist1d", *QUICK, "--init", "constant 0.01", "--json"))
        self.assertEqual(result["options"]["init"], "constant 0.01")

    def test_run_has_no_option_without_effect(self):
        for option in ("--target", "--seed"):
            self.assert_fails(2, f"run has no option '{option}'", "run", "m.onnx", "mnist1d", option, "0")

    def interrupted(self, *words, number=signal.SIGINT):
        """Interrupts a run after its first epoch; its exit code and what it wrote to standard error."""
        process = subprocess.Popen([PROGRAM, "train", *words], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)  # fmt: skip
        self.addCleanup(process.kill)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if re.match(r"\s+1\s", line):
                process.send_signal(number)
        output = process.stdout.read()
        process.stdout.close()
        process.stderr.close()
        return process.wait(), output, "".join(lines)

    def test_interrupted_run_goes_on_to_the_same_model(self):
        run = ["mnist1d", "--hidden", "32", "--epochs", "300", "--threads", "1", "--early-stopping", "250"]
        self.ok("train", *run, "-o", "whole.onnx")
        for number in (signal.SIGINT, signal.SIGTERM):
            name = f"it's {number.name}"
            code, output, errors = self.interrupted(*run, "-o", f"{name}.onnx", number=number)
            self.assertEqual(code, 130, errors)
            self.assertEqual(output, "")
            self.assertFalse((self.folder / f"{name}.onnx").exists())
            command = shlex.split(errors.splitlines()[-1])
            self.assertEqual(command[1:], ["train", *run, "-o", f"{name}.onnx", "--checkpoint", f"{name}.checkpoint", "--resume"])
            self.ok(*command[1:])
            self.assertEqual((self.folder / f"{name}.onnx").read_bytes(), (self.folder / "whole.onnx").read_bytes())

    def test_second_interrupt_ends_at_once(self):
        process = subprocess.Popen([PROGRAM, "train", "mnist1d", "--hidden", "2048,2048", "--batch", "4000"], cwd=self.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
        self.assertIn("training and", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertIn(process.wait(), (128 + signal.SIGINT, 128 + signal.SIGTERM))
        self.assertNotIn("To go on", rest)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_interrupted_with_json(self):
        run = ["mnist1d", "--hidden", "32", "--epochs", "3000", "--threads", "1", "--checkpoint", "saved", "--json"]
        code, output, errors = self.interrupted(*run)
        self.assertEqual(code, 130, errors)
        result = json.loads(output)
        self.assertEqual(result["result"]["end"], "interrupted")
        self.assertEqual(shlex.split(result["resume"])[1:], ["train", *run, "--resume"])
        self.assertIsNone(result["model"])


class Help(Case):
    def test_help_and_version(self):
        self.assertRegex(self.ok("--version").stdout, r"^halfwave \d+\.\d+\.\d+\n$")
        text = self.ok("--help").stdout
        for command in ("train", "run", "inspect", "bench", "list"):
            self.assertIn(f"  {command} ", text)
            own = self.ok(command, "--help")
            self.assertIn(f"Usage: halfwave {command}", own.stdout)
            self.assertEqual(own.stderr, "")
            self.assertLessEqual(max(map(len, own.stdout.splitlines())), 100)

    def test_reference_is_up_to_date(self):
        self.assertEqual((SOURCE / "docs/cli.md").read_text(), self.ok("list", "reference").stdout,
                         "make it anew: halfwave list reference > docs/cli.md")  # fmt: skip

    def test_documented_keys_are_the_keys(self):
        """docs/json.md names every key of the JSON, and no other."""
        documented = set(re.findall(r"^\| `([\w.\[\]]+)`", (SOURCE / "docs/json.md").read_text(), re.M))
        self.write_table("t.csv", [["x", "y"]] + [[i, 2.5 * i + 0.25] for i in range(60)])
        self.write_table("c.csv", [["x", "y"]] + [[i, "ab"[i % 2]] for i in range(60)])
        found = set()

        def collect(value, path):
            if isinstance(value, dict):
                for key, item in value.items():
                    name = f"{path}.{key}" if path else key
                    found.add(name)
                    # Epochs of compare are those of train, its comparisons are comparisons.
                    known = key in ("options", "comparisons") or name == "variants[].seeds[].epochs"
                    spread = isinstance(item, dict) and set(item) == {"mean", "std", "n"}
                    if not known and not spread:
                        collect(item, name)
            elif isinstance(value, list):
                for item in value:
                    collect(item, path + "[]")

        self.ok("train", "mnist1d", *QUICK, "--bias-init", "-50", "-o", "dead.onnx")
        compare = ["--seeds", "2", "--hidden", "4", "--epochs", "1", "--over", "activation=relu,tanh"]
        for data in ("t.csv", "mnist1d"):
            self.ok("compare", data, *compare, "--store", "runs.db")
        for words in (["train", "mnist1d", *QUICK], ["train", "t.csv", *QUICK],
                      ["compare", "mnist1d", *compare, "--until", "loss=9"], ["compare", "t.csv", *compare],
                      ["compare", "c.csv", *compare, "--validation", "0"], ["compare", "t.csv", *compare, "--validation", "0"],
                      ["compare", "--store", "runs.db"],
                      ["inspect", "dead.onnx", "mnist1d", "--heal", "--epochs", "1", "--seeds", "2"],
                      ["list", "findings"], ["list", "remedies"], ["run", "mnist1d.onnx", "mnist1d"],
                      ["run", "mnist1d.onnx", "mnist1d", "--layer", "relu_1"], ["run", "mnist1d.onnx", "--layers"],
                      ["run", "t.onnx", "t.csv"], ["list", "layers"], ["list", "activations"], ["list", "data"],
                      ["list", "networks"], ["list", "augmentations"], ["bench", "--quick", "--seconds", "0.02", "--batch", "1", "--width", "8"],
                      ["bench", "mnist1d.onnx", "mnist1d", "--quick", "--seconds", "0.02"]):  # fmt: skip
            collect(self.json_of(self.ok(*words, "--json")), "")
        found |= {"healing.healed.score", "healing.healed.test_score", "healing.healed.network"}
        found |= {"diverged", "resume", "error", "error.kind", "error.message"}  # seen in the tests of these cases
        self.assertEqual(documented, found)

    @unittest.skipIf(SANITIZED, "a sanitizer's start takes longer")
    def test_start_is_quick(self):
        times = []
        for _ in range(10):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.ok("--help")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.assertLess(min(times), 0.020, "seconds of processor time for --help")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
