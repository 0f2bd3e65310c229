"""The machinery of the evidence book: running a claim's commands, keeping its figures, writing the document.

How a claim is written: README.md. What runs here needs nothing but Python; only the pictures need Matplotlib.
"""
import concurrent.futures
import dataclasses
import datetime
import importlib
import itertools
import json
import os
import pathlib
import resource
import shlex
import shutil
import string
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/evidence.md"
NAMES = ["gradient_by_depth", "density_of_codes", "cost_of_activations", "krizhevsky", "dying", "he_or_xavier",
         "leaky_relu", "selu", "crelu", "sparse_codes", "approximating_sin", "little_data", "where_not_to_put_it",
         "batch_norm", "zero_skipping"]
HOLDS, LIMITS, FAILS = "holds", "holds with limits", "does not hold here"


@dataclasses.dataclass
class Verdict:
    word: str    # HOLDS, LIMITS or FAILS
    figure: str  # the decisive figure, short
    reason: str  # a sentence or two


def claim(name):
    return importlib.import_module(name)


class Book:
    """What a claim measures with. It keeps the commands as a reader can type them."""

    def __init__(self, quick=False):
        self.quick = quick
        self.commands, self.notes = [], []
        self.build = pathlib.Path(os.environ.get("HALFWAVE_BUILD", ROOT / "build/release")).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="halfwave-evidence-"))
        self.files = {}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def choose(self, full, quick):
        return quick if self.quick else full

    def each(self, template, timed=False, **axes):
        """Runs the lines of the template for every combination of the axes' values (README.md)."""
        axes = {name: list(values) for name, values in axes.items()}
        template = "\n".join(line.strip() for line in template.strip().splitlines())
        self.commands.append(_as_shell(template, axes))
        combinations = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
        workers = 1 if timed else os.cpu_count() or 1
        begun, done = time.monotonic(), itertools.count(1)

        def run(values):
            results = self._run(string.Template(template).substitute(values), side_by_side=not timed)
            _progress(next(done), len(combinations), begun, " ".join(map(str, values.values())))
            return values, results

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return list(pool.map(run, combinations))

    def compare(self, command, course=False):
        """Runs `halfwave compare …` and returns what claims need of its JSON; with the training accuracy by epoch if told."""
        self.commands.append(command)
        _note(command)
        [result] = self._run(command, side_by_side=False)
        return summary(result, course)

    def benchmark(self, name, arguments):
        """A program of bench/: Google Benchmark's JSON."""
        self.commands.append(f"./dev bench {name} {arguments}".rstrip())
        _note(self.commands[-1])
        command = [self.build / f"bench_{name}", *shlex.split(arguments), "--benchmark_format=json"]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)

    def file(self, name, address):
        """Whether the data file is there, so that commands may name it."""
        folders = [pathlib.Path(".")]
        if os.environ.get("HALFWAVE_DATA"):
            folders.insert(0, pathlib.Path(os.environ["HALFWAVE_DATA"]) / "tabular")
        for folder in folders:
            if (folder / name).exists():
                self.files[name] = (folder / name).resolve()
                self.notes.append(f"`{name}`: {address}")
                return True
        _note(f"{name} is neither in the current folder nor in $HALFWAVE_DATA/tabular: left out. It is at {address}")
        return False

    def _run(self, lines, side_by_side):
        """Runs the lines one after the other in a folder of their own: the JSON of each."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for name, path in self.files.items():
                (pathlib.Path(folder) / name).symlink_to(path)
            return [self._line(shlex.split(line), folder, side_by_side) for line in lines.splitlines()]

    def _line(self, words, folder, side_by_side):
        if words[0] == "python3":
            return _script(words[1:], folder)
        if words[0] != "halfwave":
            raise SystemExit(f"evidence: '{words[0]}' is no command of the book")
        words = [str(self.build / "halfwave"), *words[1:], "--json"]
        if words[1] != "compare":
            words.append("--quiet")
        if side_by_side and words[1] in ("train", "run", "inspect") and "--threads" not in words:
            words += ["--threads", "1"]  # changes no result
        run = subprocess.run(words, cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=None if words[1] == "compare" else subprocess.PIPE)
        if run.returncode not in (0, 4, 5):  # 4: training diverged, which is a result
            raise SystemExit(f"evidence: {shlex.join(words)}\nended with exit code {run.returncode}:\n"
                             f"{run.stderr or ''}{run.stdout}")
        return json.loads(run.stdout)


def _script(words, folder):
    """Runs a script of this folder: the JSON that it prints, if any."""
    run = subprocess.run([sys.executable, ROOT / words[0], *words[1:]], cwd=folder, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout or "null")


def summary(comparison, course=False):
    """Of the JSON of `compare`: the figures, without most options and epochs."""
    metric = comparison["metric"]
    kept = ("density", "dead_units", "gradient_ratio", "until_epochs", "until_seconds", "seconds_per_epoch", "difference",
            "diverged")
    run_kept = ("seed", "until_epochs", "seconds_per_epoch", "density", "dead_units", "units", "gradient_ratio",
                "train_accuracy", "loss", "end")
    variants = []
    for variant in comparison["variants"]:
        runs = [{"score": run.get(metric), **{key: run.get(key) for key in run_kept}} for run in variant["seeds"]]
        if course:
            for kept_run, run in zip(runs, variant["seeds"]):
                kept_run["course"] = [epoch.get("train_accuracy") for epoch in run["epochs"]]
        variants.append({"name": variant["name"], "learning_rate": variant["options"]["learning_rate"],
                         "parameters": variant["network"]["parameters"], "score": variant[metric],
                         "best": variant.get("best_" + metric), "runs": runs,
                         **{key: variant.get(key) for key in kept}})
    return {"metric": metric, "less_is_better": comparison["less_is_better"], "variants": variants,
            "verdict": comparison["verdict"]}


def _as_shell(template, axes):
    """The template in bash's loops, as a reader can type it."""
    lines = []
    for depth, (name, values) in enumerate(axes.items()):
        lines.append("  " * depth + f"for {name} in {' '.join(shlex.quote(str(value)) for value in values)}; do")
    lines += ["  " * len(axes) + line for line in template.splitlines()]
    return "\n".join(lines + ["  " * depth + "done" for depth in reversed(range(len(axes)))])


def _note(text):
    print(f"evidence: {text}", file=sys.stderr, flush=True)


def _progress(done, total, begun, what):
    left = (time.monotonic() - begun) / done * (total - done)
    print(f"evidence:   {done} of {total}, {left:.0f} s left: {what}", file=sys.stderr, flush=True)


def machine():
    """The processor's name for itself, and how many of its threads there are to use."""
    name = "unknown processor"
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} threads"


def measured(name, quick):
    """Runs a claim; returns what is kept of it."""
    book, before = Book(quick), _processor_seconds()
    try:
        version = subprocess.run([book.build / "halfwave", "--version"], stdout=subprocess.PIPE, text=True, check=True)
        figures = claim(name).measure(book)
    finally:
        book.close()
    return {"name": name, "quick": quick, "version": version.stdout.split()[-1], "machine": machine(),
            "date": datetime.date.today().isoformat(), "processor_seconds": round(_processor_seconds() - before),
            "commands": book.commands, "files": sorted(set(book.notes)), "figures": figures}


def _processor_seconds():
    """Of all commands so far: unlike the time that they took, hardly a matter of what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stored(folder):
    """What is kept of the claims, in the order of their numbers."""
    paths = [folder / f"{name}.json" for name in NAMES]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def keep(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(result), indent=1, ensure_ascii=False)
    (folder / f"{result['name']}.json").write_text(text + "\n")


def rounded(value):
    """Numbers with six significant digits: more say nothing here."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def draw(result, folder):
    from picture import Picture  # needs Matplotlib, which the document alone does not
    picture = Picture()
    claim(result["name"]).draw(result["figures"], picture)
    picture.write(folder / f"{result['name']}.svg")


def verdict(result):
    module = claim(result["name"])
    return module.judge(**module.decisive(result["figures"]))


def section(result, pictures="evidence"):
    """A claim's section of the document."""
    module, judged = claim(result["name"]), verdict(result)
    quick = ", of a quick run" if result["quick"] else ""
    parts = [f"## {module.NUMBER}. {module.TITLE}",
             f"> {module.CLAIM}",
             "\n".join(f"- {source}" for source in module.SOURCES),
             f"**Verdict{quick}: {judged.word}.** {judged.reason}",
             f"*The rule, written before the runs:* {module.RULE}",
             module.tables(result["figures"]),
             f"![{module.TITLE}]({pictures}/{result['name']}.svg)",
             f"*What this does not tell:* {module.SCOPE}",
             f"Commands (all of them: `./dev evidence {result['name']}`{_cost(result)}; Halfwave {result['version']}, "
             f"{result['date']}):",
             "```bash\n" + "\n\n".join(result["commands"]) + "\n```"]
    if result["files"]:
        parts.append("Data: " + "; ".join(result["files"]) + ".")
    return "\n\n".join(parts)


def _cost(*results):
    """", 4 minutes of processor time", where it is known of all."""
    if not all("processor_seconds" in result for result in results):
        return ""
    seconds = sum(result["processor_seconds"] for result in results)
    return ", " + (f"{seconds} s" if seconds < 100 else f"{seconds / 60:.0f} minutes") + " of processor time"


def document(results):
    """The whole document, made of what is kept."""
    machines = sorted({result["machine"] for result in results})
    versions = sorted({result["version"] for result in results})
    rows = []
    for result in results:
        module, judged = claim(result["name"]), verdict(result)
        anchor = f"{module.NUMBER}. {module.TITLE}".lower()
        anchor = "".join(c for c in anchor if c.isalnum() or c in " -_").replace(" ", "-")
        rows.append(f"| {module.NUMBER} | [{module.TITLE}](#{anchor}) | {module.CLAIM} | {judged.word} | {judged.figure} |")
    head = f"""# The evidence book

What people say about rectified linear units, each claim as an experiment: the commands that test it, the numbers that came out, and a
verdict by a rule that was written down before. The verdict is computed from the numbers. It is about these data, networks and budgets,
which are small.

    ./dev evidence                     # all claims{_cost(*results)}
    ./dev evidence krizhevsky dying    # some of them; the sections of the others stay
    ./dev evidence --quick             # minutes in all; prints, and writes to build/evidence

This edition: Halfwave {", ".join(versions)} on {"; ".join(machines)}. Numbers are mean ± standard deviation over seeds; p is that of
Welch's t-test, two-sided, corrected by Holm where `compare` makes several comparisons. Commands in loops are shortened: the scripts add
`--json`. They leave files in the current folder, so try them in an empty one, with `examples` of the project linked into it where a command
names a script there. MNIST and CIFAR-10 are downloaded at the first use; of CIFAR-10, 5,000 of the 50,000 training images are the test part.

| | claim | in a sentence | verdict | decisive figure |
| --- | --- | --- | --- | --- |
""" + "\n".join(rows)
    return "\n\n".join([head, *map(section, results)]) + "\n"
