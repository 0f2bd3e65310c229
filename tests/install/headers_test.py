"""Lost if this fails: a public header needs another one before it, or drags a dependency into every user's build.

Each header of include/halfwave is compiled alone, with no other include path, and may include only the standard
library and other public headers.   headers_test.py COMPILER INCLUDE_FOLDER
"""

import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = re.compile(r"[a-z_]+$")  # <vector>; a name with a '.' or '/' is somebody else's


def wrong_includes(header):
    for number, line in enumerate(header.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        bracket, name = match.groups()
        if bracket == '"':
            yield f'{header}:{number}: "{name}": public headers are included as <halfwave/...>'
        elif not name.startswith("halfwave/") and not STANDARD.match(name):
            yield f"{header}:{number}: <{name}> is neither the standard library's nor a public header"


def compile_alone(compiler, folder, header):
    source = f"#include <{header.relative_to(folder)}>\n" * 2  # twice: it guards itself
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    run = subprocess.run(command + [f"-I{folder}", "-x", "c++", "-"], input=source, text=True, capture_output=True)
    return [] if run.returncode == 0 else [f"{header}:1: does not compile alone:\n{run.stderr}"]


def main(compiler, folder):
    headers = sorted(pathlib.Path(folder).rglob("*.h"))
    faults = [] if headers else [f"{folder}: no header found"]
    for header in headers:
        faults += [*wrong_includes(header), *compile_alone(compiler, folder, header)]
    print("\n".join(faults) or f"{len(headers)} headers stand alone")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
