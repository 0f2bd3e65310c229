#!/usr/bin/env python3
"""Lost if this fails: hours of training, when the power goes or the system kills the process.

kill_test.py HALFWAVE [KILLS]: trains once undisturbed, then KILLS times (default 4) with kill -9 at a random moment and
--resume, several times in a row where the moment falls early. The model must be the same file, byte for byte.
"""

import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

OPTIONS = ["train", "mnist1d", "--net", "dense 256, batch_norm, relu, dropout 0.2, dense 256, prelu, dense",
           "--epochs", "30", "--quiet", "--optimiser", "adamw", "--schedule", "plateau", "--early-stopping", "25"]


def start(program, folder, *more):
    return subprocess.Popen([program, *OPTIONS, "--out", folder / "model.onnx", "--checkpoint", folder / "run", *more],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process):
    _, errors = process.communicate(timeout=120)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {errors.decode()}")


def main():
    program, kills = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
    moments = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "whole").mkdir()
        begin = time.monotonic()
        finish(start(program, folder / "whole"))
        seconds = time.monotonic() - begin
        expected = (folder / "whole/model.onnx").read_bytes()
        identical = killed = 0
        for i in range(kills):
            here = folder / str(i)
            here.mkdir()
            process = start(program, here)
            while True:
                time.sleep(moments.uniform(0, seconds))
                if process.poll() is not None:
                    break
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
                process = start(program, here, "--resume")
                if moments.random() < 0.7:  # else this one is killed too
                    break
            finish(process)
            identical += (here / "model.onnx").read_bytes() == expected
        print(f"{identical} of {kills} models are identical after {killed} kills in runs of {seconds:.1f} s")
        if identical != kills or killed == 0:
            sys.exit(1)


if __name__ == "__main__":
    main()
