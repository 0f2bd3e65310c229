"""Means, deviations, differences and tables."""
import math
import random
import statistics


def spread(values):
    """{"mean", "std", "n"} of the numbers that there are; None where there is none."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "std": deviation, "n": len(values)}


def geometric(values):
    """Geometric mean, for ratios: of positive numbers only, 0 where one of them is none."""
    return math.exp(statistics.fmean(map(math.log, values))) if all(value > 0 for value in values) else 0.0


def time_ratio(own, base):
    """Ratio of two lists of times, by the fastest of each: what disturbs a measurement only makes it longer. The deviation is that
    of the same ratio when the measurements are drawn anew from their own list (bootstrap)."""
    draw = random.Random(0)
    ratios = [min(draw.choices(own, k=len(own))) / min(draw.choices(base, k=len(base))) for _ in range(500)]
    return {"mean": min(own) / min(base), "std": statistics.stdev(ratios), "n": len(own)}


def welch(first, second):
    """Two-sided p of Welch's t-test that the means differ; 1 where there are too few numbers to tell."""
    if min(len(first), len(second)) < 2:
        return 1.0
    errors = [statistics.variance(values) / len(values) for values in (first, second)]
    difference = statistics.fmean(first) - statistics.fmean(second)
    if sum(errors) == 0:
        return 1.0 if difference == 0 else 0.0
    freedom = sum(errors) ** 2 / sum(e * e / (len(v) - 1) for e, v in zip(errors, (first, second)))
    # P(|T| > t) of Student's distribution is the regularised incomplete beta function I_x(freedom / 2, 1 / 2).
    return _beta(freedom / 2, 0.5, freedom / (freedom + difference**2 / sum(errors)))


def _beta(a, b, x):
    """Regularised incomplete beta function, by its continued fraction (Lentz; DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    d = 1 / (1 - (a + b) * x / (a + 1))
    value, c = d, 1.0
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / (1 + term * d), 1 + term / c
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * value


def short(number, digits=3):
    """A number with so many significant digits, small and large ones as powers of ten."""
    if number is None or not math.isfinite(number):
        return "–"
    if number != 0 and not 1e-3 <= abs(number) < 1e5:
        mantissa, exponent = f"{number:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    decimals = digits - 1 - (math.floor(math.log10(abs(number))) if number else 0)
    return f"{number:,.{max(0, decimals)}f}"


def percent(value, decimals=1):
    """0.661 as "66.1 %", and {"mean", "std"} as "66.1 ± 0.4 %"."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return f"{100 * value['mean']:.{decimals}f} ± {100 * value['std']:.{decimals}f} %"
    return f"{100 * value:.{decimals}f} %"


def plus_minus(value, decimals=2):
    """{"mean", "std"} as "1.32 ± 0.04"."""
    return "–" if value is None else f"{value['mean']:,.{decimals}f} ± {value['std']:,.{decimals}f}"


def p_value(p):
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def table(heads, rows):
    """A table in Markdown: the first column is text, the others are numbers."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
