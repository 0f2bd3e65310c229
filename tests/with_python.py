"""For tests that compare with other programs: imported first, it starts them again in the Python that HALFWAVE_PYTHON
names. needs(NAME, …) then ends them as skipped (77) where one of these packages is missing."""

import importlib
import os
import sys

WANTED = os.environ.get("HALFWAVE_PYTHON")
if WANTED and "HALFWAVE_PYTHON_STARTED" not in os.environ:
    os.environ["HALFWAVE_PYTHON_STARTED"] = "1"
    os.execvp(WANTED, [WANTED, "-B", *sys.argv])


def needs(*packages):
    try:
        for package in packages:
            importlib.import_module(package)
    except ImportError as missing:
        print(f"skipped: {missing}; set HALFWAVE_PYTHON to a Python that has {' and '.join(packages)}")
        sys.exit(77)
