"""Every day's thresholds from the distances before it. Compiled by numba when it is there, plain when not."""

from bisect import bisect_left
from typing import Any

from ..dingtou import grid

EDGE = 1e-6  # yuan: nearer to a threshold only the rule itself can tell the side


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
    averages: Any,
    lows: Any,
    highs: Any,
    his: Any,
    los: Any,
) -> None:
    """Put one fund's thresholds of each day, from the `window` distances before it, into `his` and `los`.

    `parts_above`, `parts_below` and `heights` are the rule's numbers of several sets: the distances are put in order
    once for all of them. The sets' tables follow each other in `his` and `los`. `first` is the first bar that has a
    distance before it, `inside` the first bar of the run; `spots` are the places of the bars from `inside` on in a
    table. A side with fewer than `least` distances is left as it is, and so is that of a day whose prices (`lows` and
    `highs`, yuan as `averages`) are not on that side of the average or, by far, not as far out as its threshold.
    """
    size, noise = len(above_average), grid.NOISE
    nothing = [0.0 for _ in range(0)]
    above = [0.0 for _ in range(0)]
    below = [0.0 for _ in range(0)]
    for day in range(first, len(distances)):
        one = distances[day - 1]
        if one > noise:
            above.insert(bisect_left(above, one), one)
        elif one < -noise:
            below.insert(bisect_left(below, one), one)
        if day - first >= window:
            oldest = distances[day - 1 - window]
            if oldest > noise:
                above.pop(bisect_left(above, oldest))
            elif oldest < -noise:
                below.pop(bisect_left(below, oldest))
        if day >= inside:
            spot = spots[day - inside]
            sells = above_average[spot] and len(above) >= least
            buys = below_average[spot] and len(below) >= least
            if not (sells or buys):
                continue
            average, low, high = averages[spot], lows[spot], highs[spot]
            for one_set in range(len(heights)):
                # Most days end here, before the rule is asked: no price reaches the distance one place nearer to the
                # average than those between which the rule's quantile lies.
                asks, bids = False, False
                if sells:
                    place = max(0, int(parts_above[one_set] * (len(above) - 1)) - 1)
                    asks = high >= average * (1.0 + above[place]) - EDGE
                if buys:
                    place = min(len(below) - 1, int((1.0 - parts_below[one_set]) * (len(below) - 1)) + 2)
                    bids = low <= average * (1.0 + below[place]) + EDGE
                if asks or bids:
                    hi, lo, _, _ = grid.bounds(
                        above if asks else nothing,
                        below if bids else nothing,
                        parts_above[one_set],
                        parts_below[one_set],
                        heights[one_set],
                    )
                    his[spot] = hi
                    los[spot] = lo
                spot += size
