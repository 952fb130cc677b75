"""复权: one fund's closes made comparable over splits and dividends, in the four kinds that are in use.

Backward kinds leave the oldest price as it is, forward kinds the newest. By ratio: only factors, so distances to an
average do not depend on the day one looks from. Additive (东方财富, QMT's front and back, 累计净值):
dividends are added to the price, splits multiply it.
"""

from typing import List, Tuple

from . import prices

KINDS = ("ratio_back", "ratio_front", "additive_back", "additive_front", "none")


def ratio_factors(fund: prices.Fund) -> List[float]:
    """close * factor is comparable over all days; 1.0 on the first."""
    factors = [1.0] * len(fund.dates)
    factor = 1.0
    for at in range(1, len(fund.dates)):
        if fund.splits[at] != 1.0 or fund.dividends[at]:
            factor *= fund.closes[at - 1] / prices.reference(fund, at)
        factors[at] = factor
    return factors


def additive_lines(fund: prices.Fund) -> List[Tuple[float, float]]:
    """(M, A) of each day: M shares now for one share of the first day, A yuan paid on that share since; M*x + A."""
    lines = [(1.0, 0.0)] * len(fund.dates)
    shares, paid = 1.0, 0.0
    for at in range(1, len(fund.dates)):
        paid += shares * fund.dividends[at]
        shares *= fund.splits[at]
        lines[at] = (shares, paid)
    return lines


def closes(fund: prices.Fund, kind: str) -> List[float]:
    """The closes adjusted as `kind` says, in yuan, not rounded."""
    if kind == "none":
        return list(fund.closes)
    if kind.startswith("ratio"):
        factors = ratio_factors(fund)
        last = factors[-1] if kind == "ratio_front" else 1.0
        return [close * factor / last for close, factor in zip(fund.closes, factors)]
    lines = additive_lines(fund)
    shares, paid = lines[-1] if kind == "additive_front" else (1.0, 0.0)
    return [(close * m + a - paid) / shares for close, (m, a) in zip(fund.closes, lines)]
