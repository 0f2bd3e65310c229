#!/usr/bin/env python3
"""Lost if this fails: an evidence book with claims missing, with verdicts that are not those of its numbers or that no numbers
could change, and with commands that a reader cannot type. Usage: evidence_test.py HALFWAVE"""

import pathlib
import re
import shlex
import string
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples/evidence"))
import book  # noqa: E402
import figures  # noqa: E402

DATA = ROOT / "docs/evidence"
CLAIMS = 15  # of the issue that the book answers
PARTS = ("NUMBER", "TITLE", "CLAIM", "SOURCES", "RULE", "SCOPE", "MADE_UP", "measure", "decisive", "judge", "tables", "draw")


def lines_of(command):
    """The lines of a command of the book, each for the first value of every loop."""
    values = {}
    for line in command.splitlines():
        words = shlex.split(line)
        if words[0] == "for":
            values[words[1]] = words[3].rstrip(";")
        elif words[0] != "done":
            yield shlex.split(string.Template(line).safe_substitute(values))


class Claims(unittest.TestCase):
    def test_every_claim_has_its_file_and_number(self):
        self.assertEqual([book.claim(name).NUMBER for name in book.NAMES], list(range(1, CLAIMS + 1)))
        for name in book.NAMES:
            with self.subTest(claim=name):
                module = book.claim(name)
                self.assertEqual([part for part in PARTS if not hasattr(module, part)], [])
                self.assertTrue(module.__doc__)
                self.assertTrue(module.SOURCES)

    def test_every_rule_gives_each_of_the_three_verdicts(self):
        for name in book.NAMES:
            module = book.claim(name)
            self.assertEqual(set(module.MADE_UP), {book.HOLDS, book.LIMITS, book.FAILS}, name)
            for word, numbers in module.MADE_UP.items():
                with self.subTest(claim=name, verdict=word):
                    judged = module.judge(**numbers)
                    self.assertEqual(judged.word, word)
                    self.assertTrue(judged.figure and judged.reason)


class Document(unittest.TestCase):
    def setUp(self):
        self.results = book.stored(DATA)
        self.text = book.DOCUMENT.read_text()

    def test_it_is_what_the_kept_figures_make(self):
        self.assertEqual([result["name"] for result in self.results], book.NAMES)
        self.assertEqual([result["name"] for result in self.results if result["quick"]], [])
        self.assertEqual(self.text, book.document(self.results))

    def test_it_follows_the_figures(self):
        """Other figures make another document: the test above can fail."""
        changed = [{**result, "version": "0.0.0"} for result in self.results]
        self.assertNotEqual(self.text, book.document(changed))

    def test_links_of_the_table_lead_to_sections(self):
        headings = {"".join(c for c in heading.lower() if c.isalnum() or c in " -_").replace(" ", "-")
                    for heading in re.findall(r"^## (.*)$", self.text, re.M)}
        links = re.findall(r"\]\(#([^)]*)\)", self.text)
        self.assertEqual(len(links), CLAIMS)
        self.assertEqual([link for link in links if link not in headings], [])

    def test_pictures_are_small_and_have_words(self):
        for name in book.NAMES:
            with self.subTest(picture=name):
                text = (DATA / f"{name}.svg").read_text()
                self.assertLess(len(text.encode()), 60000)
                picture = xml.etree.ElementTree.fromstring(text)
                space = "{http://www.w3.org/2000/svg}"
                self.assertTrue(picture.findtext(f"{space}title") and picture.findtext(f"{space}desc"))
                self.assertTrue(picture.findall(f".//{space}text"))

    def test_nothing_of_the_machine_it_was_made_on(self):
        for text in (self.text, *(path.read_text() for path in sorted(DATA.glob("*.json")))):
            self.assertNotRegex(text, r"/work/|/home/|/tmp/|/root/")

    def test_commands_are_those_that_the_program_knows(self):
        known = {}
        for result in self.results:
            for words in (words for command in result["commands"] for words in lines_of(command)):
                with self.subTest(claim=result["name"], command=shlex.join(words)):
                    if words[:2] == ["./dev", "bench"]:
                        self.assertTrue((ROOT / f"bench/{words[2]}.cpp").exists())
                        continue
                    if words[0] == "python3":
                        self.assertTrue((ROOT / words[1]).exists())
                        continue
                    if words[0] == "python3":
                        self.assertTrue((ROOT / words[1]).exists())
                        continue
                    self.assertEqual(words[0], "halfwave")
                    if words[1] not in known:
                        known[words[1]] = options_of(words[1])
                    self.assertEqual([word for word in words if word.startswith("--") and word not in known[words[1]]], [])

    def test_an_unknown_option_is_found_out(self):
        self.assertNotIn("--no-such-option", options_of("train"))
        self.assertIn("--learning-rate", options_of("train"))


def options_of(command):
    run = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True)
    found = set(re.findall(r"--[a-z0-9-]+", run.stdout))
    for name in re.findall(r"--\[no-\]([a-z0-9-]+)", run.stdout):
        found |= {f"--{name}", f"--no-{name}"}
    return found


class Machinery(unittest.TestCase):
    def test_welch_is_scipys(self):  # scipy.stats.ttest_ind(…, equal_var=False), SciPy 1.17
        self.assertAlmostEqual(figures.welch([1, 2, 3, 4], [2, 3, 4, 5.5]), 0.2986254476033684, 12)
        self.assertAlmostEqual(figures.welch([0.1, 0.12, 0.09], [0.3, 0.31, 0.33, 0.29]), 2.2133792865172523e-05, 14)
        self.assertEqual(figures.welch([1], [2, 3]), 1.0)
        self.assertEqual(figures.welch([2, 2], [3, 3]), 0.0)

    def test_spread(self):
        self.assertEqual(figures.spread([1.0, None, 3.0]), {"mean": 2.0, "std": 2.0 ** 0.5, "n": 2})
        self.assertIsNone(figures.spread([None]))

    def test_a_template_is_run_for_every_combination_and_shown_as_loops(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "halfwave"
            program.write_text("#!/bin/sh\necho '{\"words\": \"'$*'\"}'\n")
            program.chmod(0o755)
            made = book.Book()
            self.addCleanup(made.close)
            made.build = pathlib.Path(folder)
            runs = made.each('halfwave inspect "$depth * (dense 9, $name)" sine', depth=[1, 20], name=["relu", "leaky_relu slope=1"])
        self.assertEqual([values for values, _ in runs],
                         [{"depth": d, "name": n} for d in (1, 20) for n in ("relu", "leaky_relu slope=1")])
        self.assertIn("inspect 20 * (dense 9, leaky_relu slope=1) sine --json", runs[3][1][0]["words"])
        self.assertEqual(made.commands, ["for depth in 1 20; do\n  for name in relu 'leaky_relu slope=1'; do\n"
                                         '    halfwave inspect "$depth * (dense 9, $name)" sine\n  done\ndone'])
        self.assertEqual(list(lines_of(made.commands[0])), [["halfwave", "inspect", "1 * (dense 9, relu)", "sine"]])

    def test_a_command_that_fails_ends_the_run(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "halfwave"
            program.write_text("#!/bin/sh\necho broken >&2\nexit 2\n")
            program.chmod(0o755)
            made = book.Book()
            self.addCleanup(made.close)
            made.build = pathlib.Path(folder)
            with self.assertRaisesRegex(SystemExit, "broken"):
                made._run("halfwave train sine", side_by_side=True)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
