"""Every day's thresholds from the distances before it. Compiled by numba when it is there, plain when not."""

from bisect import bisect_left
from typing import Any

from ..dingtou import grid


def day_bounds(
    distances: Any,
    first: int,
    window: int,
    least: int,
    parts_above: Any,
    parts_below: Any,
    heights: Any,
    inside: int,
    spots: Any,
    above_average: Any,
    below_average: Any,
    his: Any,
    los: Any,
) -> None:
    """Put one fund's thresholds of each day, from the `window` distances before it, into `his` and `los`.

    `parts_above`, `parts_below` and `heights` are the rule's numbers of several sets: the distances are put in order
    once for all of them. The sets' tables follow each other in `his` and `los`. `first` is the first bar that has a
    distance before it, `inside` the first bar of the run; `spots` are the places of the bars from `inside` on in a
    table. A side with fewer than `least` distances is left as it is, and so is that of a day whose prices are not on
    that side of the average.
    """
    size = len(above_average)
    nothing = [0.0 for _ in range(0)]
    above = [0.0 for _ in range(0)]
    below = [0.0 for _ in range(0)]
    for day in range(first, len(distances)):
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
        if day >= inside:
            spot = spots[day - inside]
            sells = above_average[spot] and len(above) >= least
            buys = below_average[spot] and len(below) >= least
            if sells or buys:
                for one_set in range(len(heights)):
                    hi, lo, _, _ = grid.bounds(
                        above if sells else nothing,
                        below if buys else nothing,
                        parts_above[one_set],
                        parts_below[one_set],
                        heights[one_set],
                    )
                    his[spot] = hi
                    los[spot] = lo
                    spot += size
