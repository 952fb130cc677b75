"""Every day's thresholds from the distances before it. Compiled by numba when it is there, plain when not."""

from bisect import bisect_left
from typing import Any, Tuple

import numpy as np

from ..dingtou import grid


def day_bounds(
    distances: Any,
    first: int,
    window: int,
    least: int,
    part_above: float,
    part_below: float,
    height: float,
    asks_above: Any,
    asks_below: Any,
) -> Tuple[Any, Any]:
    """(his, los) of each day from the `window` distances before it; `first` is the first day that has one before it.

    A side with fewer than `least` distances gets a threshold that no price reaches, and so does the side of a day that
    nobody asks for (0 in `asks_above`, `asks_below`).
    """
    days = len(distances)
    his = np.full(days, grid.NEVER)
    los = np.full(days, -grid.NEVER)
    nothing = [0.0 for _ in range(0)]
    above = [0.0 for _ in range(0)]
    below = [0.0 for _ in range(0)]
    for day in range(first, days):
        one = distances[day - 1]
        if one > grid.NOISE:
            above.insert(bisect_left(above, one), one)
        elif one < -grid.NOISE:
            below.insert(bisect_left(below, one), one)
        if day - first >= window:
            oldest = distances[day - 1 - window]
            if oldest > grid.NOISE:
                above.pop(bisect_left(above, oldest))
            elif oldest < -grid.NOISE:
                below.pop(bisect_left(below, oldest))
        sells = asks_above[day] and len(above) >= least
        buys = asks_below[day] and len(below) >= least
        if sells or buys:
            hi, lo, _, _ = grid.bounds(
                above if sells else nothing, below if buys else nothing, part_above, part_below, height
            )
            his[day] = hi
            los[day] = lo
    return his, los
