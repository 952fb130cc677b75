"""The grid rule in numbers alone: the same source runs in QMT's Python 3.6 and, compiled by numba, in the backtest.

Distance d = (price - average) / average. Cells of height h count away from the average: ..., -2, -1, 1, 2, ...; -1 is
[-h, 0), 1 is [0, h). There is no cell 0: as a cell it says "no valid price", as a last cell "no trade yet".
Buying is allowed below cell `lo`, selling above cell `hi`, and only further out than the last trade (the latch).

No classes, dicts or None here, and no checks of whole series: plan.py does those before it asks.
"""

import math
from typing import Any, Sequence, Tuple, Union

import numpy as np

Values = Union[Sequence[float], "np.ndarray[Any, Any]"]

NEVER = 1000000000  # a cell that no price reaches: the threshold of a side without a single value
NOISE = 1e-12  # a distance this small is rounding: a price equal to its average is on neither side


def floor_cells(distance: float, height: float) -> int:
    """How many whole cells fit into `distance` (a fraction, 0.03 = 3 %), rounded down.

    Rounded to 9 digits first: 0.03 / 0.01 is 2.9999999999999996, and 31 of the first 59 cell borders are such.
    """
    return math.floor(round(distance / height, 9))


def cell(price: float, average: float, height: float) -> int:
    """The cell of `price`. Never 0 for a price; 0 where price, average or height is no positive finite number."""
    if not (price > 0.0 and average > 0.0 and height > 0.0):  # NaN fails each comparison
        return 0
    distance = (price - average) / average
    if not -1e6 < distance < 1e6:  # infinity, or a price and an average that cannot belong together
        return 0
    below = floor_cells(distance, height)
    return below if below < 0 else below + 1


def order_size(cell: int, amount: float, buy_factor: float, sell_factor: float) -> float:
    """Yuan (positive) to buy in a cell below the average or to sell in one above; `amount` is yuan a cell."""
    if cell < 0:
        return amount * -cell * buy_factor
    return amount * cell * sell_factor


def decide(cell: int, last_cell: int, lo: int, hi: int) -> int:
    """1 buy, -1 sell, 0 nothing. All inequalities are strict; `last_cell` 0 = no trade yet."""
    if cell < 0 and cell < last_cell and cell < lo:
        return 1
    if cell > 0 and cell > last_cell and cell > hi:
        return -1
    return 0


def averages(closes: Values, ma: int, min_periods: int) -> "np.ndarray[Any, Any]":
    """The mean of the last `ma` closes up to and including each bar; NaN before `min_periods` bars.

    A single NaN spoils every average after it: check the series first.
    """
    found = np.empty(len(closes))
    total = 0.0
    for i in range(len(closes)):
        total += closes[i]
        if i >= ma:
            total -= closes[i - ma]
        bars = min(i + 1, ma)
        found[i] = total / bars if bars >= min_periods else np.nan
    return found


def distances(closes: Values, means: Values) -> "np.ndarray[Any, Any]":
    """(close - mean) / mean of each bar; NaN where the mean is."""
    found = np.empty(len(closes))
    for i in range(len(closes)):
        found[i] = (closes[i] - means[i]) / means[i]
    return found


def quantile(ordered: Values, part: float) -> float:
    """The `part` quantile (0 to 1) of ascending values, linear between neighbours; at least one value."""
    position = part * (len(ordered) - 1)
    below = math.floor(position)
    if below >= len(ordered) - 1:
        return ordered[len(ordered) - 1]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (position - below)


def bounds(
    above: Values, below: Values, quantile_positive: float, quantile_negative: float, height: float
) -> Tuple[int, int, int, int]:
    """(hi, lo, number above, number below) from the ascending distances above and below the average.

    hi is the cell that `quantile_positive` of the days above did not exceed, lo the one that `quantile_negative` of
    the days below did not undercut. A side without values gets a threshold that no price reaches.
    """
    hi = NEVER
    lo = -NEVER
    if len(above) > 0:
        hi = 1 + floor_cells(quantile(above, quantile_positive), height)
    if len(below) > 0:
        lo = floor_cells(quantile(below, 1.0 - quantile_negative), height)
    return hi, lo, len(above), len(below)


def thresholds(
    distances: "np.ndarray[Any, Any]", quantile_positive: float, quantile_negative: float, height: float
) -> Tuple[int, int, int, int]:
    """`bounds` of unordered distances; NaN and distances of nothing but rounding are on neither side."""
    above = np.sort(distances[distances > NOISE])
    below = np.sort(distances[distances < -NOISE])
    return bounds(above, below, quantile_positive, quantile_negative, height)
