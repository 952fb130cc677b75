"""The adjustment study (复权对照): what kind a fund's adjusted series is, and what another kind would have done.

Pure: series in, findings out. The reference is the ratio series that backtest and live strategy use; distances to an
average are the same for its backward and its forward form.
"""

import math
from collections import Counter
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..dingtou import grid
from ..dingtou.rule import Rule
from . import adjust, prices
from .lining import FIT, Stretch, lines_of


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


class Matched(NamedTuple):
    """How many orders two runs share by day and side."""

    both: int
    same_size: int  # of those, with as many shares
    ours: int  # of the first run alone
    theirs: int


def matched(ours: Sequence[Any], theirs: Sequence[Any]) -> Matched:
    """The orders of two runs, those of a day, fund and side one for one."""
    pair = (ours, theirs)
    one, other = (Counter((order.day, order.code, order.side) for order in orders) for orders in pair)
    sized, others = (Counter((order.day, order.code, order.side, order.shares) for order in orders) for orders in pair)
    both = sum((one & other).values())
    return Matched(both, sum((sized & others).values()), len(ours) - both, len(theirs) - both)


def together(parts: Iterable[Matched]) -> Matched:
    """The sum over funds."""
    return Matched(*(sum(column) for column in zip(Matched(0, 0, 0, 0), *parts)))


def band(distances: "np.ndarray[Any, Any]", rule: Rule) -> Tuple[float, float]:
    """(buy below, sell from) as distances, from all of them; NaN where a side has none."""
    hi, lo, _, _ = grid.thresholds(distances, rule.quantile_positive, rule.quantile_negative, rule.grid_height)
    far = grid.NEVER
    return (
        lo * rule.grid_height if lo > -far else math.nan,
        hi * rule.grid_height if hi < far else math.nan,
    )
