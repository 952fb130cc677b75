"""Money over time: XIRR, unit net value, the same flows put into something else. Pure functions over plain numbers."""

import datetime
import math
from typing import Any, List, Sequence, Tuple

import numpy as np

Flow = Tuple[str, float]  # day 'YYYYMMDD', yuan; money brought in is negative, money taken out positive


def ordinal(day: str) -> int:
    return datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()


def years_between(first: str, last: str) -> float:
    return (ordinal(last) - ordinal(first)) / 365.0


def xirr(flows: Sequence[Flow]) -> float:
    """The yearly rate (actual days / 365) at which all flows are worth nothing together; NaN where there is none."""
    return rate_of([ordinal(day) for day, _ in flows], [value for _, value in flows])


def rate_of(days: Any, values: Any) -> float:
    """xirr of flows as two rows, days counted from anywhere."""
    values = np.asarray(values, float)
    ages = np.asarray(days, float)[values != 0] / 365.0
    values = values[values != 0]
    if not len(values) or not values.min() < 0 < values.max() or ages.min() == ages.max():
        return math.nan
    ages = ages - ages.min()

    slopes = -ages * values

    def worth(rate: float) -> Tuple[float, float]:
        """All flows together at this rate, and how fast that changes with it."""
        discounted = np.exp(ages * -math.log1p(rate))
        return float(values.dot(discounted)), float(slopes.dot(discounted)) / (1.0 + rate)

    # Newton's steps, kept between -99.99 % and the first rate above which the sign has changed.
    low, high = -0.9999, 0.1
    worth_low, _ = worth(low)
    while worth(high)[0] * worth_low > 0:
        high = high * 2 + 1
        if high > 1e6:
            return math.nan
    rate = (low + high) / 2
    for _ in range(200):
        at, slope = worth(rate)
        if at * worth_low > 0:
            low = rate
        else:
            high = rate
        # Newton's step where it stays between the two, else the middle.
        step = rate - at / slope if slope else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - rate) < 1e-13:
            break
        rate = following
    return rate


def unit_returns(equity: Any, flows: Any) -> "np.ndarray[Any, Any]":
    """Each day's return, money brought in that day counted as there from its beginning; 0.0 before the first."""
    equity, flows = np.asarray(equity, float), np.asarray(flows, float)
    base = np.concatenate([[0.0], equity[:-1]]) + flows
    found = np.zeros(len(equity))
    np.divide(equity - base, base, out=found, where=base > 1e-9)
    return found


def unit_values(returns: Any) -> "np.ndarray[Any, Any]":
    """单位净值: 1.0 grown by the returns."""
    return np.cumprod(1.0 + np.asarray(returns, float))


def same_flows(flows: Any, level: Any) -> "np.ndarray[Any, Any]":
    """The equity had each day's flow bought `level` (any index or adjusted price) at that day's close, without fees.

    NaN before the level's first value where money flowed earlier.
    """
    flows, level = np.asarray(flows, float), np.asarray(level, float)
    bought = np.divide(flows, level, out=np.where(flows == 0, 0.0, np.nan), where=level > 0)
    return np.cumsum(bought) * level


def flow_list(days: Sequence[str], flows: Any, end_value: float) -> List[Flow]:
    """What xirr wants: every flow, and the worth at the last day."""
    flows = np.asarray(flows, float)
    found = [(days[at], -float(flows[at])) for at in np.flatnonzero(flows)]
    return found + [(days[-1], float(end_value))]
