"""For tests that compare with ONNX Runtime: imported first, it starts them again in the Python that HALFWAVE_PYTHON
names, and ends them as skipped (77) where numpy or onnxruntime are missing."""

import os
import sys

WANTED = os.environ.get("HALFWAVE_PYTHON")
if WANTED and "HALFWAVE_PYTHON_STARTED" not in os.environ:
    os.environ["HALFWAVE_PYTHON_STARTED"] = "1"
    os.execvp(WANTED, [WANTED, "-B", *sys.argv])

try:
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; set HALFWAVE_PYTHON to a Python that has onnxruntime and numpy")
    sys.exit(77)
