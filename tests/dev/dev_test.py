"""Lost if this fails: the first command somebody types does not work on a fresh machine, or hides what went wrong.

Runs a copy of ./dev in a folder of its own; the tools that it calls (dpkg-query, apt-get, sudo, cmake, ninja) are
small scripts here that write down how they were called.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

DEV = pathlib.Path(__file__).resolve().parents[2] / "dev"
NOBODY = 65534
TOOLS = "awk bash env cat cut dirname echo find grep mkdir readlink realpath rm sed sort tail touch tr xargs".split()


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root, self.bin, self.calls = (self.folder / name for name in ("a project", "bin", "calls"))
        self.root.mkdir()
        self.bin.mkdir()
        shutil.copy(DEV, self.root / "dev")
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.missing()
        self.tool("apt-get")
        self.tool("cmake", 'mkdir -p build/release; touch build/release/build.ninja')
        self.tool("ninja", 'echo "ninja: no work to do."')

    def enterContext(self, manager):  # unittest has it from Python 3.11 on
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def tool(self, name, body=""):
        path = self.bin / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >> "{self.calls}"\n{body}\n')
        path.chmod(0o755)

    def missing(self, *packages):
        """Lets dpkg-query know every package but these."""
        self.tool("dpkg-query", f'shift 3; for p in "$@"; do [[ " {" ".join(packages)} " == *" $p "* ]] || '
                                'echo "$p=installed"; done')

    def program(self, body):
        path = self.root / "build/release/halfwave"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def dev(self, *arguments, cwd=None, **options):
        return subprocess.run([str(self.root / "dev"), *arguments], env={"PATH": str(self.bin)}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd or self.folder, **options)

    def called(self, tool):
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if line.startswith(tool + " ")]

    def as_somebody(self):
        """Options of subprocess.run for a user who is not root, and who may write here."""
        if os.geteuid() != 0:
            return {}
        for path in [self.folder, *self.folder.rglob("*")]:
            if not path.is_symlink():
                os.chown(path, NOBODY, NOBODY)
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def test_help_names_every_command(self):
        run = self.dev("help")
        self.assertEqual(run.returncode, 0)
        for command in "run build test sanitize clang tidy format bench peers evidence help".split():
            self.assertIn(command, run.stdout)

    def test_an_unknown_command_is_wrong_usage(self):
        for arguments in (["biuld"], ["sanitize", "msan"], ["bench", "nothing"], ["build", "--all"]):
            run = self.dev(*arguments)
            self.assertEqual((run.returncode, run.stdout), (2, ""), arguments)
            self.assertIn(arguments[-1], run.stderr)

    def test_run_passes_arguments_folder_output_and_exit_code(self):
        self.program('printf "%s|" "$PWD" "$@"; exit 5')
        elsewhere = self.folder / "else where"
        elsewhere.mkdir()
        run = self.dev("run", "train", "a b", "--json", "", cwd=elsewhere)
        self.assertEqual(run.stdout, f"{elsewhere.resolve()}|train|a b|--json||")
        self.assertEqual(run.returncode, 5)
        self.assertEqual(run.stderr, "")

    def test_evidence_builds_what_it_measures_and_passes_arguments(self):
        script = self.root / "examples/evidence/run.py"
        script.parent.mkdir(parents=True)
        script.write_text("import os, sys\nprint(os.environ['HALFWAVE_BUILD'], *sys.argv[1:])\n")
        self.missing("python3-matplotlib")
        run = self.dev("evidence", "dying", "--quick")
        self.assertEqual((run.returncode, run.stdout), (0, f"{self.root.resolve()}/build/release dying --quick\n"), run.stderr)
        self.assertIn(" python3-matplotlib", self.called("apt-get")[1])
        self.assertIn("halfwave_cli bench_activations", self.called("ninja")[0])

    def test_works_through_a_link(self):
        self.program("echo here")
        (self.folder / "link").symlink_to(self.root / "dev")
        run = subprocess.run([str(self.folder / "link"), "run"], env={"PATH": str(self.bin)}, capture_output=True)
        self.assertEqual(run.stdout, b"here\n")

    def test_run_hands_standard_input_to_the_program_and_to_nothing_else(self):
        self.tool("ninja", 'cat > /dev/null; echo "ninja: no work to do."')
        self.program("cat")
        run = subprocess.run([str(self.root / "dev"), "run"], env={"PATH": str(self.bin)}, input=b"data",
                             capture_output=True)
        self.assertEqual(run.stdout, b"data")

    def test_nothing_missing_installs_nothing(self):
        self.program("")
        self.assertEqual(self.dev("run").returncode, 0)
        self.assertEqual(self.called("apt-get"), [])

    def test_missing_packages_are_installed_after_one_update_and_named(self):
        if os.geteuid() != 0:
            self.tool("sudo", '"$@"')
        self.program("echo result")
        self.missing("libhwy-dev", "dataset-fashion-mnist")
        run = self.dev("run")
        self.assertEqual((run.returncode, run.stdout), (0, "result\n"), run.stderr)
        update, install = self.called("apt-get")
        self.assertTrue(update.startswith("apt-get update"))
        self.assertTrue(install.endswith(" libhwy-dev dataset-fashion-mnist"), install)
        self.assertIn("installing libhwy-dev dataset-fashion-mnist", run.stderr)

    def test_who_is_not_root_uses_sudo(self):
        self.tool("sudo", '"$@"')
        self.missing("g++")
        self.program("")
        run = self.dev("run", **self.as_somebody())
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(len(self.called("sudo")), 2)
        self.assertTrue(self.called("apt-get")[1].endswith(" g++"))

    def test_who_has_no_sudo_is_told_the_packages(self):
        self.missing("g++")
        run = self.dev("run", **self.as_somebody())
        self.assertEqual(run.returncode, 1)
        self.assertIn("apt-get install g++", run.stderr)

    def test_a_failed_installation_is_shown(self):
        self.tool("sudo", '"$@"')
        self.tool("dpkg-query", "exit 1")
        self.tool("apt-get", 'echo "E: Unable to fetch"; exit 100')
        run = self.dev("run")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("E: Unable to fetch", run.stderr)
        self.assertIn("could not install: cmake", run.stderr)

    def test_without_apt_it_goes_on_with_what_there_is(self):
        (self.bin / "dpkg-query").unlink()
        (self.bin / "apt-get").unlink()
        self.program("echo result")
        self.assertEqual(self.dev("run").stdout, "result\n")

    def test_without_apt_and_tools_the_packages_are_named(self):
        for name in ("dpkg-query", "apt-get", "cmake"):
            (self.bin / name).unlink()
        run = self.dev("run")
        self.assertEqual(run.returncode, 1)
        self.assertIn("cmake is missing", run.stderr)
        self.assertIn("libhwy-dev", run.stderr)

    def test_a_failed_build_is_shown_and_the_old_program_not_run(self):
        self.program("echo old")
        self.tool("ninja", 'echo "a.cpp:1: error: wrong"; exit 1')
        run = self.dev("run")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("a.cpp:1: error: wrong", run.stderr)

    def test_a_build_is_announced_only_where_something_is_compiled(self):
        self.program("")
        self.assertEqual(self.dev("run").stderr, "")
        self.tool("ninja", 'echo "[1/2] Building CXX object a.o"; echo "[2/2] Building CXX object b.o"')
        self.assertEqual(self.dev("run").stderr.count("building Halfwave"), 1)

    def test_who_only_runs_builds_neither_tests_nor_benchmarks_and_keeps_a_folder_that_has_them(self):
        self.program("")
        self.dev("run")
        self.dev("run")
        self.assertEqual(len(self.called("cmake")), 1)
        self.assertIn("-DHALFWAVE_TESTS=OFF", self.called("cmake")[0])


if __name__ == "__main__":
    unittest.main()
