"""What a run was worth: return, risk, drawdowns, months, trades. Numbers in, numbers out; NaN where undefined.

Returns are those of the unit net value, so money brought in is no gain. A year is 244 trading days (Shanghai's and
Shenzhen's average) for volatility, Sharpe and Sortino; CAGR counts calendar days.
"""

import math
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from . import money

YEAR = 244  # trading days


class Drawdown(NamedTuple):
    """A fall of the unit net value: depth as a negative fraction; `end` '' = not recovered."""

    depth: float
    peak: str
    trough: str
    end: str


def total(returns: Any) -> float:
    return float(np.prod(1.0 + np.asarray(returns))) - 1.0


def cagr(returns: Any, first: str, last: str) -> float:
    """The yearly growth between two days, by calendar."""
    years = money.years_between(first, last)
    return (1.0 + total(returns)) ** (1.0 / years) - 1.0 if years > 0 else math.nan


def volatility(returns: Any) -> float:
    return float(np.std(returns, ddof=1)) * math.sqrt(YEAR) if len(returns) > 1 else math.nan


def sharpe(returns: Any, risk_free: float) -> float:
    """Mean over deviation of the daily returns above `risk_free` (a year, simple), times the root of a year."""
    above = np.asarray(returns) - risk_free / YEAR
    deviation = float(np.std(above, ddof=1)) if len(above) > 1 else 0.0
    return float(np.mean(above)) / deviation * math.sqrt(YEAR) if deviation > 0 else math.nan


def sortino(returns: Any, risk_free: float) -> float:
    """As Sharpe, with the root mean square of the negative ones as the deviation."""
    above = np.asarray(returns) - risk_free / YEAR
    downside = math.sqrt(float(np.mean(np.minimum(above, 0.0) ** 2))) if len(above) else 0.0
    return float(np.mean(above)) / downside * math.sqrt(YEAR) if downside > 0 else math.nan


def drawdown_curve(returns: Any) -> "np.ndarray[Any, Any]":
    """Below the highest unit net value so far (1.0 at the start counts), as a negative fraction."""
    values = money.unit_values(returns)
    return values / np.maximum(np.maximum.accumulate(values), 1.0) - 1.0


def drawdowns(days: Sequence[str], returns: Any, most: int = 5) -> List[Drawdown]:
    """The deepest falls, deepest first, each from its peak to its recovery."""
    curve = drawdown_curve(returns)
    found = []
    start = -1  # the peak's index + 1 of the fall we are in
    for at in range(len(curve) + 1):
        down = at < len(curve) and curve[at] < -1e-12
        if down and start < 0:
            start = at
        elif not down and start >= 0:
            trough = start + int(np.argmin(curve[start:at]))
            end = days[at] if at < len(curve) else ""
            found.append(Drawdown(float(curve[trough]), days[max(0, start - 1)], days[trough], end))
            start = -1
    return sorted(found)[:most]


def by_month(days: Sequence[str], returns: Any) -> Dict[str, float]:
    """{'202401': return}."""
    found: Dict[str, float] = {}
    for day, one in zip(days, np.asarray(returns)):
        found[day[:6]] = (1.0 + found.get(day[:6], 0.0)) * (1.0 + float(one)) - 1.0
    return found


def by_year(days: Sequence[str], returns: Any) -> Dict[str, float]:
    found: Dict[str, float] = {}
    for day, one in zip(days, np.asarray(returns)):
        found[day[:4]] = (1.0 + found.get(day[:4], 0.0)) * (1.0 + float(one)) - 1.0
    return found


def original_annualised(invested: float, final: float, fees: float, years: float) -> float:
    """The original's figure (E/S)^(1/years)-1: all money as if there from the first day, E less fees counted twice."""
    if invested <= 0 or years <= 0 or final <= fees:
        return math.nan
    return float(((final - fees) / invested) ** (1.0 / years) - 1.0)
