#!/usr/bin/env python3
"""The products of a dense layer that skip zeros, against every dense BLAS at hand, one thread, in turn, in one run.

OpenBLAS and BLIS come from Debian; MKL, oneDNN and the newest OpenBLAS from PyPI. All of them are measured beside
Halfwave in every round (bench/products.cpp), and each ratio is against whichever was fastest in that case: above 1,
Halfwave is faster. Run it with ./dev bench peers products.
"""

import argparse
import glob
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys

from _common import LIBRARIES, build_folder, library_environment, load_before, print_table

# Zeros in percent -> least ratio asked for, and the ratio aimed at.
FORWARD = {0: (0.95, None), 50: (1.3, 1.5), 70: (2, 2.5), 90: (5, 6), 95: (8.5, 10)}
BACKWARD = {50: (1.2, 1.4), 70: (1.8, 2.2), 90: (4, 5), 95: (7, 9)}
ONE_EXAMPLE = {90: (5, 8)}


def libraries():
    """name -> file of the libraries that are installed; says which are not."""
    openblas = importlib.util.find_spec("scipy_openblas32")
    places = {
        "OpenBLAS-Debian": ["/usr/lib/*/openblas-pthread/libopenblas.so.0"],
        "BLIS": ["/usr/lib/*/blis-pthread/libblis.so.4"],
        "OpenBLAS": [os.path.join(path, "lib", "libscipy_openblas.so")
                     for path in (openblas.submodule_search_locations if openblas else [])],
        "MKL": [os.path.join(LIBRARIES, "libmkl_rt.so*")],
        "oneDNN": [os.path.join(LIBRARIES, "libdnnl.so*"), "/usr/lib/*/libdnnl.so.*"],
    }
    found = {}
    for name, patterns in places.items():
        files = [file for pattern in patterns for file in sorted(glob.glob(pattern))]
        if files:
            found[name] = files[0]
        else:
            print(f"({name} is not installed: {' or '.join(patterns) or 'PyPI has it'})", file=sys.stderr)
    return found


def versions():
    for package in ("scipy-openblas32", "mkl", "onednn"):
        try:
            yield f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def measure(program, found, arguments):
    variables = ("OPENBLAS", "OMP", "MKL", "BLIS")
    environment = dict(os.environ, **{f"{name}_NUM_THREADS": "1" for name in variables},
                       MKL_THREADING_LAYER="SEQUENTIAL", **library_environment())
    command = [program, "--json", *arguments]
    for name, file in found.items():
        command += ["--blas", f"{name}={file}"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if run.returncode:
        sys.exit(run.returncode)  # it has said why
    return json.loads(run.stdout)


def target(case):
    """What is measured against it (the variant's name), least and aim."""
    table = ONE_EXAMPLE if case["batch"] == 1 else FORWARD if case["product"] == "forward" else BACKWARD
    return table.get(case["zeros_percent"], (None, None))


def print_result(result):
    columns = ("product", "batch x in x out", "zeros", "fastest BLAS", "its us", "Halfwave us", "ratio", "target", "aim")
    rows = []
    for case in result["cases"]:
        # Without zeros Halfwave does not skip: what counts is its automatic choice.
        variant = "automatic" if "automatic" in case["ratio"] else "skipping"
        least, aim = target(case)
        ratio = case["ratio"][variant]
        rows.append((case["product"] + (" (automatic)" if variant == "automatic" else ""),
                     f"{case['batch']}x{case['inputs']}x{case['outputs']}", f"{case['zeros_percent']:g} %",
                     case["fastest_blas"], f"{case['microseconds'][case['fastest_blas']]:.1f}",
                     f"{case['microseconds'][variant]:.1f}", f"{ratio:.2f}",
                     f"{least} {'met' if ratio >= least else 'NOT met'}" if least else "", str(aim or "")))
    print_table(columns, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Everything else is handed to bench_products (--shape, --zeros, --rounds, …).")
    build_folder(parser)
    parser.add_argument("--json", action="store_true", help="the measurements as JSON instead of the table")
    options, rest = parser.parse_known_args()
    found = libraries()
    if not found:
        sys.exit("No BLAS found: nothing to compare with.")
    load = load_before()
    result = measure(os.path.join(options.build, "bench_products"), found, rest)
    if options.json:
        json.dump(result, sys.stdout, indent=1)
        return
    print(f"\n{', '.join(found)} ({', '.join(versions())}); one thread, peak {result['peak_gflops']:.0f} GFLOP/s, "
          f"medians of {result['rounds']} rounds, load {load:.1f} before")
    print_result(result)


if __name__ == "__main__":
    main()
