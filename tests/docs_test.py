#!/usr/bin/env python3
"""Lost if this fails: a README whose program is not the one that is tested, links that lead nowhere."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))


class Documentation(unittest.TestCase):
    def test_the_program_of_the_readme_is_the_tested_one(self):
        program = (ROOT / "examples/quickstart.cpp").read_text()
        self.assertIn("```cpp\n" + program + "```", (ROOT / "README.md").read_text())

    def test_the_program_of_compare_is_the_tested_one(self):
        program = (ROOT / "examples/compare.cpp").read_text()
        self.assertIn("```cpp\n" + program + "```", (ROOT / "docs/compare.md").read_text())

    def test_links_to_files_lead_to_files(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
                if "://" not in target:
                    with self.subTest(page=page.name, target=target):
                        self.assertTrue((page.parent / target).exists())

    def test_every_document_is_reached_from_the_readme(self):
        readme = (ROOT / "README.md").read_text()
        for page in (ROOT / "docs").glob("*.md"):
            with self.subTest(page=page.name):
                self.assertIn(f"docs/{page.name}", readme)


if __name__ == "__main__":
    unittest.main()
