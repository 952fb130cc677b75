"""The adjustment study (复权对照): what kind a fund's adjusted series is, and what another kind would have done.

Pure: series in, findings out. The reference is the ratio series that backtest and live strategy use; distances to an
average are the same for its backward and its forward form.
"""

import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..dingtou import grid
from ..dingtou.rule import Rule
from . import adjust, prices

FIT = 0.0016  # yuan: closer is rounding to three decimals
STEP = 5e-4  # of a slope: closer is the same slope


class Stretch(NamedTuple):
    """Days on which series = slope * raw + offset."""

    first: str
    last: str
    slope: float
    offset: float
    error: float  # yuan, the largest


class Study(NamedTuple):
    """One series against the ratio series of the same fund."""

    kind: str  # of adjust.KINDS, 'unknown' where no kind fits
    stretches: List[Stretch]
    found: List[str]  # days on which the series changes its line: its events
    published: List[str]
    sign_differs: int  # days on the other side of the average
    most: float  # largest difference of the distances
    mean: float
    other_cell: float  # share of days in another cell
    days: int
    first_other: str  # first day in another cell; '' = none
    hi: Tuple[int, int]  # threshold of the reference, of the series
    lo: Tuple[int, int]


def distances(series: Sequence[float], ma: int) -> "np.ndarray[Any, Any]":
    """Of each bar to the average of the `ma` bars before and with it; NaN where that is not full."""
    return grid.distances(series, grid.averages(series, ma, ma))


def study(fund: prices.Fund, series: Sequence[float], rule: Rule) -> Study:
    """`series` of the fund's own days against the ratio series made from its events."""
    reference = distances(adjust.closes(fund, "ratio_back"), rule.ma)
    other = distances(series, rule.ma)
    full = np.isfinite(reference) & np.isfinite(other)
    apart = np.abs(other - reference)[full]
    cells = [_cells(one, rule) for one in (reference, other)]
    differ = np.flatnonzero(full & (cells[0] != cells[1]))
    bounds = [
        grid.thresholds(one, rule.quantile_positive, rule.quantile_negative, rule.grid_height)
        for one in (reference, other)
    ]
    stretches = lines_of(fund, series)
    return Study(
        kind_of(fund, series),
        stretches,
        [one.first for one in stretches[1:]],
        sorted({event.date for event in fund.events()}),
        int((np.sign(other) != np.sign(reference))[full].sum()),
        float(apart.max()) if len(apart) else math.nan,
        float(apart.mean()) if len(apart) else math.nan,
        len(differ) / int(full.sum()) if full.any() else math.nan,
        int(full.sum()),
        fund.dates[differ[0]] if len(differ) else "",
        (bounds[0][0], bounds[1][0]),
        (bounds[0][1], bounds[1][1]),
    )


def _cells(found: "np.ndarray[Any, Any]", rule: Rule) -> "np.ndarray[Any, Any]":
    """The cell of each distance; 0 where there is none."""
    return np.array([grid.cell(1.0 + one, 1.0, rule.grid_height) if math.isfinite(one) else 0 for one in found])


def kind_of(fund: prices.Fund, series: Sequence[float]) -> str:
    """Which of adjust.KINDS `series` is: within rounding, a forward kind as of any later day included."""
    values = np.asarray(series, float)
    for kind in adjust.KINDS:
        ours = np.asarray(adjust.closes(fund, kind))
        if np.abs(ours - values).max() <= FIT:
            return kind
        if kind == "ratio_front":
            # As of another day a ratio series is scaled: the shape decides.
            scaled = ours * (values[-1] / ours[-1])
            if np.abs(scaled - values).max() <= FIT * max(1.0, values[-1] / ours[-1]):
                return kind
    return "unknown"


def lines_of(fund: prices.Fund, series: Sequence[float]) -> List[Stretch]:
    """The stretches in which the series is one line of the raw close, found without knowing the events."""
    raw, values = np.asarray(fund.closes, float), np.asarray(series, float)
    found: List[Stretch] = []
    start = 0
    while start < len(raw):
        end, slope, offset, error = _longest(raw, values, start)
        found.append(Stretch(fund.dates[start], fund.dates[end - 1], slope, offset, error))
        start = end
    return found


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


class Verdict(NamedTuple):
    """QMT's live series of a fund against the backtest's, on the last common day."""

    day: str
    cell: Tuple[int, int]  # the backtest's, QMT's
    hi: Tuple[int, int]
    lo: Tuple[int, int]
    side: Tuple[int, int]  # what the rule asks for from no last cell: 1 buy, -1 sell
    same: bool


def live_verdict(fund: prices.Fund, dates: Sequence[str], closes: Sequence[float], rule: Rule) -> Optional[Verdict]:
    """What both series ask for at the last common close; None where they have too few days in common."""
    live = dict(zip(dates, closes))
    ours = dict(zip(fund.dates, adjust.closes(fund, "ratio_front")))
    common = sorted(set(live) & set(ours))
    if len(common) <= rule.ma:
        return None
    found: List[Dict[str, int]] = []
    for series in (ours, live):
        values = [series[day] for day in common]
        means = grid.averages(values, rule.ma, rule.ma)
        hi, lo, _, _ = grid.thresholds(
            grid.distances(values, means)[:-1], rule.quantile_positive, rule.quantile_negative, rule.grid_height
        )
        cell = grid.cell(values[-1], float(means[-2]), rule.grid_height)
        found.append({"cell": cell, "hi": hi, "lo": lo, "side": grid.decide(cell, 0, lo, hi)})
    first, second = found
    pairs = {name: (first[name], second[name]) for name in first}
    return Verdict(common[-1], pairs["cell"], pairs["hi"], pairs["lo"], pairs["side"], first["side"] == second["side"])


def matched(ours: Sequence[Any], theirs: Sequence[Any]) -> Tuple[int, int, int]:
    """(orders of both, of the first alone, of the second alone) by day, fund and side."""
    one = [(order.day, order.code, order.side) for order in ours]
    other = [(order.day, order.code, order.side) for order in theirs]
    both = sum(min(one.count(key), other.count(key)) for key in set(one))
    return both, len(one) - both, len(other) - both
