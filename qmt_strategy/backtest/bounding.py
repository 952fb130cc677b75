"""Every day's thresholds from the distances before it. Compiled by numba when it is there, plain when not."""

from bisect import bisect_left
from typing import Any

from ..dingtou import grid


def day_bounds(
    distances: Any,
    first: int,
    window: int,
    least: int,
    part_above: float,
    part_below: float,
    height: float,
    inside: int,
    spots: Any,
    above_average: Any,
    below_average: Any,
    his: Any,
    los: Any,
) -> None:
    """Put one fund's thresholds of each day, from the `window` distances before it, into `his` and `los`.

    `first` is the first bar that has a distance before it, `inside` the first bar of the run; `spots` are the places
    of the bars from `inside` on in the last four. A side with fewer than `least` distances is left as it is, and so is
    that of a day whose prices are not on that side of the average.
    """
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
                hi, lo, _, _ = grid.bounds(
                    above if sells else nothing, below if buys else nothing, part_above, part_below, height
                )
                his[spot] = hi
                los[spot] = lo
