"""Lost if this fails: the one direction of dependence, and a library that may be put into any program.

Checks the sources of Halfwave, and that the checks themselves find what they are for.   architecture_test.py [-v]
"""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Each folder may include itself and those before it. All but the last two are the library, under src/.
ORDER = ["core", "kernels", "operators", "layers", "graph", "recognise", "io", "comm", "diagnose", "train",
         "compare", "analysis", "cli", "python"]
PROGRAMS = ORDER[-2:]

# Headers of other libraries and the only folders that may know of them.
ONLY = [
    (r"hwy/|cblas\.h|openblas|dnnl|oneapi/", {"kernels"}),
    (r"omp\.h", {"core"}),
    (r"onnx/|google/protobuf|zlib\.h|curl/|sqlite3\.h", {"io"}),
    (r"mpi\.h", {"comm"}),
    (r"CLI/", {"cli"}),
    (r"iostream", set(PROGRAMS)),
]

# The library neither prints nor ends the program that uses it.
FORBIDDEN = [
    (r"(?<![\w.>])(?:std::)?(?:v?printf|puts|putchar|perror)\s*\(", "prints"),
    (r"\bf(?:printf|puts|putc|write|flush)\s*\([^;]*\bstd(?:out|err)\b", "prints"),
    (r"\bstd::(?:cout|cerr|clog)\b", "prints"),
    (r"\bfmt::(?:print|println)\s*\(\s*(?:\"|std(?:out|err)\b)", "prints"),
    (r"(?<![\w.>])(?:std::)?(?:abort|exit|_Exit|_exit|quick_exit|terminate)\s*\(", "ends the program"),
]

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in {".h", ".cpp"})


def without_comments(text):
    """The code alone: comments and the contents of strings are gone, lines keep their numbers."""

    def blank(match):
        quotes = '""' if match.group().endswith('"') else " "
        return quotes + "\n" * match.group().count("\n")

    return COMMENT_OR_STRING.sub(blank, text)


def include_fault(folder, name):
    """Why a file of this folder may not include this header, or None."""
    first = name.split("/")[0]
    if "/" in name and first in ORDER and ORDER.index(first) > ORDER.index(folder):
        return f'{folder} must not depend on {first} ("{name}"): the order is {" < ".join(ORDER)}'
    for pattern, allowed in ONLY:
        if re.match(pattern, name) and folder not in allowed:
            return f"only {' and '.join(sorted(allowed))} may include {name}"
    return None


def file_faults(path, folder, shown):
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        fault = include_fault(folder, match.group(1)) if match else None
        if fault:
            yield f"{shown}:{number}: {fault}"
    if path.suffix == ".h" and not path.stem.endswith("-inl") and "#pragma once" not in text:
        yield f"{shown}:1: #pragma once is missing"
    if folder in PROGRAMS:
        return
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for pattern, what in FORBIDDEN:
            if re.search(pattern, line):
                yield f"{shown}:{number}: the library {what}: {line.strip()}"


def project_faults(root):
    faults = []
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if folder.name not in ORDER or folder.name in PROGRAMS:
            faults.append(f"src/{folder.name}:1: has no place in the order {' < '.join(ORDER)}")
    for name in ORDER:
        folder = root / name if name in PROGRAMS else root / "src" / name
        for path in sources(folder):
            faults += file_faults(path, name, path.relative_to(root))
    for path in sorted((root / "tests").glob("*/*_test.cpp")):
        name = path.parent.name
        if not (root / "src" / name).is_dir() and not (name in PROGRAMS and (root / name).is_dir()):
            faults.append(f"{path.relative_to(root)}:1: tests/{name} mirrors no folder of src/")
    return faults


class Project(unittest.TestCase):
    def test_has_no_fault(self):
        self.assertGreater(len(sources(ROOT / "src")), 5, "the sources are not where they are looked for")
        faults = project_faults(ROOT)
        if faults:
            self.fail("\n" + "\n".join(faults))


class Checks(unittest.TestCase):
    """Each check finds what it is for, at its line, and leaves alone what only looks like it."""

    def faults(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            for needed in (file.parent, pathlib.Path(folder) / "src/core", pathlib.Path(folder) / "tests"):
                needed.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return project_faults(pathlib.Path(folder))

    def assert_fault(self, path, text, expected):
        faults = self.faults(path, text)
        self.assertEqual(len(faults), 1, f"{text}: {faults}")
        self.assertTrue(faults[0].startswith(expected), faults[0])

    def test_includes(self):
        for path, line, expected in [
            ("src/core/a.cpp", '#include "kernels/b.h"', "core must not depend on kernels"),
            ("src/io/a.cpp", '#  include "train/b.h"', "io must not depend on train"),
            ("src/train/a.cpp", "#include <cli/b.h>", "train must not depend on cli"),
            ("src/layers/a.cpp", "#include <hwy/highway.h>", "only kernels may include hwy/highway.h"),
            ("src/graph/a.cpp", '#include "cblas.h"', "only kernels may include cblas.h"),
            ("src/train/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>", "only kernels may include oneapi"),
            ("src/compare/a.cpp", "#include <sqlite3.h>", "only io may include sqlite3.h"),
            ("src/core/a.cpp", "#include <iostream>", "only cli and python may include iostream"),
        ]:
            self.assert_fault(path, f"// first line\n{line}\n", f"{path}:2: {expected}")

    def test_prints_and_ends(self):
        for line in ["printf(x);", "  std::puts(x);", "std::cout << x;", "std::cerr << x;", "std::abort();",
                     "if (x) exit(1);", "std::terminate ();", 'fmt::print("{}", x);', "fprintf(stderr, x);",
                     "std::fputs(x, stdout);"]:  # fmt: skip
            self.assert_fault("src/core/a.cpp", f"/* one\ntwo */\n{line}\n", "src/core/a.cpp:3: the library")

    def test_what_only_looks_like_a_fault(self):
        for line in ["// printf(x)", "/* std::abort()\n*/", 's = "exit(1)";', 's = R"(std::cout)";', "snprintf(a, b, c);",
                     "loop.exit(1);", "on_exit(1);", "file.abort();", "fwrite(p, 1, n, file);", "char c = '\"'; f(c);",
                     "#include <halfwave/error.h>", '#include "core/b.h"', "#include <vector>"]:  # fmt: skip
            self.assertEqual(self.faults("src/core/a.cpp", line + "\n"), [], line)
        self.assertEqual(self.faults("src/kernels/a.cpp", '#include "hwy/foreach_target.h"\n'), [])
        self.assertEqual(self.faults("src/kernels/a-inl.h", "// read once for every instruction set\n"), [])
        self.assertEqual(self.faults("cli/a.cpp", "#include <iostream>\nstd::cout << 1;\nstd::exit(1);\n"), [])

    def test_folders_and_guards(self):
        self.assert_fault("src/misc/a.cpp", "", "src/misc:1: has no place")
        self.assert_fault("tests/misc/a_test.cpp", "", "tests/misc/a_test.cpp:1: tests/misc mirrors no folder")
        self.assert_fault("src/core/a.h", "int a();\n", "src/core/a.h:1: #pragma once")


if __name__ == "__main__":
    unittest.main()
