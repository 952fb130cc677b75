"""The stretches in which an adjusted series is one line of the raw price: slope * raw + offset (affine fit)."""

from typing import Any, List, NamedTuple, Tuple

import numpy as np

from . import prices

FIT = 0.0016  # yuan: closer is rounding to three decimals


class Stretch(NamedTuple):
    """Days on which series = slope * raw + offset."""

    first: str
    last: str
    slope: float
    offset: float
    error: float  # yuan, the largest


def lines_of(fund: prices.Fund, series: Any) -> List[Stretch]:
    """The stretches of a series over the fund's own days, found without knowing the events."""
    raw, values = np.asarray(fund.closes, float), np.asarray(series, float)
    found: List[Stretch] = []
    start = 0
    while start < len(raw):
        end, slope, offset, error = _longest(raw, values, start)
        found.append(Stretch(fund.dates[start], fund.dates[end - 1], slope, offset, error))
        start = end
    return found


def scale_of(fund: prices.Fund, series: Any) -> "np.ndarray[Any, Any]":
    """Two rows over the fund's days: raw price = series / row 0 - row 1."""
    place = {day: at for at, day in enumerate(fund.dates)}
    scale = np.ones((2, len(fund.dates)))
    for one in lines_of(fund, series):
        days = slice(place[one.first], place[one.last] + 1)
        scale[0, days], scale[1, days] = one.slope, one.offset / one.slope
    return scale


def _longest(raw: Any, values: Any, start: int) -> Tuple[int, float, float, float]:
    """The longest stretch from `start` on that one line fits; (end, slope, offset, error)."""
    good, bad = start + 1, len(raw) + 1
    end = len(raw)
    best = _fit(raw, values, start, good)
    while good + 1 < bad:
        line = _fit(raw, values, start, end)
        if line[2] <= FIT:
            good, best = end, line
        else:
            bad = end
        end = min(len(raw), (good + bad) // 2)
        if good == len(raw):
            break
    return (good,) + best


def _fit(raw: Any, values: Any, start: int, end: int) -> Tuple[float, float, float]:
    """(slope, offset, largest error) of the least-squares line."""
    x, y = raw[start:end], values[start:end]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 1e-9 else float(y.mean() / x.mean())
    offset = float(y.mean()) - slope * float(x.mean())
    return slope, offset, float(np.abs(slope * x + offset - y).max())
