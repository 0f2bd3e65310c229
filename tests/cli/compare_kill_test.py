#!/usr/bin/env python3
"""Lost if this fails: the runs of a comparison, when the power goes, the system kills the process or somebody stops it.

compare_kill_test.py HALFWAVE [ROUNDS]: compares once undisturbed, then ROUNDS times (default 3) with kill -9 at random
moments until a start comes to its end, once with Ctrl-C, and once with two at the same time. Everything but times must
be the same, and no run that the store has is run again.
"""

import contextlib
import json
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

OPTIONS = ["mnist1d", "--over", "activation=relu,tanh,elu", "--seeds", "3", "--epochs", "3", "--until", "train_error=0.6"]
RUNS = 9
OF_THE_DAY = {"command_line", "kept", "jobs", "threads_per_run", "store", "report"}


def start(program, store, *options):
    return subprocess.Popen([program, "compare", *options, "--store", store, "--json", "--quiet"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    output, errors = process.communicate(timeout=120)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {errors.decode()}")
    return json.loads(output)


def lasting(value):
    """The value without times and what else differs from day to day."""
    if isinstance(value, dict):
        return {k: lasting(v) for k, v in value.items() if k not in OF_THE_DAY and "seconds" not in k}
    return [lasting(v) for v in value] if isinstance(value, list) else value


def kept_runs(store):
    """How many runs the store has, for any program that knows SQLite; 0 before there is a store."""
    with contextlib.closing(sqlite3.connect(store)) as database:
        tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return database.execute("SELECT count(*) FROM runs").fetchone()[0] if tables else 0


class Killed:
    """What became of comparisons that were not left in peace."""

    def __init__(self, program, whole, seconds):
        self.program, self.whole, self.seconds = program, whole, seconds
        self.moments = random.Random(7)
        self.kills = self.kills_between = 0

    def check(self, result, store, what):
        if lasting(result) != lasting(self.whole):
            sys.exit(f"{what}: the result is another:\n{json.dumps(lasting(result))}\n{json.dumps(lasting(self.whole))}")
        if kept_runs(store) != RUNS:
            sys.exit(f"{what}: the store has {kept_runs(store)} runs")
        alone = lasting(finish(start(self.program, store)))
        expected = lasting(self.whole)
        for key in set(expected) - {"options"}:  # those of the data are not in a store
            if alone.get(key) != expected[key]:
                sys.exit(f"{what}: {key} of the store alone is {alone.get(key)}, not {expected[key]}")

    def wait(self, process, store, kept, for_runs):
        """To some random moment, or until another run is kept."""
        if not for_runs:
            time.sleep(self.moments.uniform(0, self.seconds))
        while for_runs and process.poll() is None and kept_runs(store) == kept:
            time.sleep(0.002)

    def until_it_ends(self, store, for_runs=False):
        while True:
            before = kept_runs(store)
            process = start(self.program, store, *OPTIONS)
            self.wait(process, store, before, for_runs)
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.kills += 1
            self.kills_between += 0 < kept_runs(store) < RUNS
            if kept_runs(store) < before:
                sys.exit("a run is gone")
        result = finish(process)
        if result["kept"] != before:
            sys.exit(f"{before} runs were kept, but only {result['kept']} of them used")
        self.check(result, store, "killed")

    def stopped(self, store):
        while True:
            before = kept_runs(store)
            process = start(self.program, store, *OPTIONS)
            time.sleep(self.moments.uniform(0.3, 0.9) * self.seconds)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=120)
            if process.returncode != 0 or before == RUNS:
                break
            store.unlink()  # it was quicker
        if process.returncode != 130 or "To go on" not in errors.decode() or str(store) not in errors.decode():
            sys.exit(f"Ctrl-C: exit code {process.returncode}, {errors.decode()}")
        stopped = json.loads(output)
        if not stopped["interrupted"] or sum(len(v["seeds"]) for v in stopped["variants"]) > kept_runs(store):
            sys.exit("Ctrl-C: the result is not that of a stopped comparison")
        self.check(finish(start(self.program, store, *OPTIONS)), store, "stopped")

    def two_at_once(self, store):
        for process in [start(self.program, store, *OPTIONS) for _ in range(2)]:
            self.check(finish(process), store, "two at once")


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        begin = time.monotonic()
        whole = finish(start(program, folder / "whole.db", *OPTIONS))
        killed = Killed(program, whole, time.monotonic() - begin)
        killed.check(whole, folder / "whole.db", "undisturbed")
        for done in range(rounds):
            killed.until_it_ends(folder / f"{done}.db", for_runs=done == 0)
        killed.stopped(folder / "stopped.db")
        killed.two_at_once(folder / "two.db")
        print(f"the same after {killed.kills} kills in runs of {killed.seconds:.1f} s, {killed.kills_between} of them "
              "with some of the runs kept")
        if killed.kills_between == 0:
            sys.exit("no kill came between two runs")


if __name__ == "__main__":
    main()
