"""The data of the claim about sin, and what a network makes of it.

    sine.py data                 train.csv: sin at 400 places of [-4, 4]; test.csv: between them; line.csv: a fine line from -16 to 16
    sine.py pieces Y.npy         of the network's outputs along that line, as JSON: straight pieces within [-4, 4], error within and
                                 outside, how straight it is from 8 to 16 on both sides, and a few points of it
"""
import array
import json
import math
import statistics
import sys

import npy

END, FAR, STEP = 4.0, 16.0, 1 / 256


def rows(path, places):
    with open(path, "w", encoding="ascii") as out:
        out.write("x,y\n" + "".join(f"{x:.9g},{math.sin(x):.9g}\n" for x in places))


def line():
    count = round(FAR / STEP)
    return [STEP * i for i in range(-count, count + 1)]


def data():
    step = 2 * END / 400
    rows("train.csv", [-END + step * (i + 0.5) for i in range(400)])
    rows("test.csv", [-END + step * i for i in range(401)])
    rows("line.csv", line())


def pieces(xs, ys):
    """Straight pieces: one more than the places where the slope changes; a kink between two points changes it twice in a row."""
    slopes = [(b - a) / STEP for a, b in zip(ys, ys[1:])]
    tolerance = 2e-3 * max(map(abs, slopes))  # float32 outputs: their rounding over the step
    bends = [abs(b - a) > tolerance for a, b in zip(slopes, slopes[1:])]
    kinks, i = 0, 0
    while i < len(bends):
        kinks += bends[i]
        i += 2 if bends[i] else 1
    return kinks + 1


def off_straight(xs, ys):
    """Largest distance from the chord, as a share of the chord's rise (or of 1 where it rises less)."""
    slope = (ys[-1] - ys[0]) / (xs[-1] - xs[0])
    return max(abs(y - ys[0] - slope * (x - xs[0])) for x, y in zip(xs, ys)) / max(1.0, abs(ys[-1] - ys[0]))


def look(path):
    shape, kind, raw = npy.read(path)
    xs, ys = line(), array.array("f", raw)
    assert kind == "<f4" and len(xs) == len(ys), shape
    part = lambda low, high: zip(*[(x, y) for x, y in zip(xs, ys) if low <= x <= high])  # noqa: E731
    error = lambda low, high: statistics.fmean((y - math.sin(x)) ** 2 for x, y in zip(xs, ys) if low <= x <= high)  # noqa: E731
    inside_x, inside_y = part(-END, END)
    return {"pieces": pieces(inside_x, inside_y), "inside": error(-END, END) ** 0.5,
            "outside": ((error(-FAR, -END) + error(END, FAR)) / 2) ** 0.5,
            "off_straight": max(off_straight(*part(2 * END, FAR)), off_straight(*part(-FAR, -2 * END))),
            "curve": [round(y, 4) for y in ys[::64]]}


if __name__ == "__main__":
    json.dump({"data": data, "pieces": look}[sys.argv[1]](*sys.argv[2:]), sys.stdout)
