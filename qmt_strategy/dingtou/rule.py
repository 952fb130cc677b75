"""The numbers that make the grid rule one fund's rule, and the windows that are the same live and in a backtest."""

import re
from typing import NamedTuple

WINDOW = 2400  # bars whose distances make the thresholds, each with a full average behind it
LEAST_A_SIDE = 120  # distances on a side, fewer and that side is not traded

# When the rule may be asked, in seconds of the day, both inside: 09:30-11:30 and 13:00-14:54:00.
HOURS = ((34200, 41400), (46800, 53640))

# ETFs on 创业板 (and 科创创业) indices move by 20 % a day since August 2020; their codes do not show it.
_WIDE_ETFS = "159781 159782 159783 159908 159915 159948 159949 159952 159957 159958 159964 159967 159971 159977"


class Rule(NamedTuple):
    """One fund's rule; the defaults are the customer's."""

    ma: int = 850  # bars of the average
    grid_height: float = 0.01  # fraction of the average
    grid_amount: float = 1000.0  # yuan a cell
    quantile_positive: float = 0.8  # sell only above this share of the days above the average
    quantile_negative: float = 0.4  # buy only below this share of the days below it
    buy_factor: float = 1.0
    sell_factor: float = 2.0
    daily_limit: float = 0.10  # how far the exchange lets it move in a day, fraction


def daily_limit(code: str) -> float:
    """The exchange's daily limit of '159915.SZ' as a fraction, as far as the code tells: 0.20 for 创业板 and 科创.

    What is not known to be wide counts as 0.10: then a true move of 15 % stops the fund and the owner is told, never
    the other way round.
    """
    wide = (code[:6] in _WIDE_ETFS and code.endswith(".SZ")) or bool(
        re.match(r"^(30[0-9]{4}\.SZ|68[89][0-9]{3}\.SH|58[89][0-9]{3}\.SH)$", code)
    )
    return 0.20 if wide else 0.10


def bars_needed(ma: int) -> int:
    """Complete bars that a day's thresholds use at most."""
    return WINDOW + ma - 1


def due(decide_at: int, second: int, last: int) -> bool:
    """Whether the rule is to be asked about a fund at `second` of the day, after `last` (-1 = not yet today).

    `decide_at` -1: once in each minute of the clock; else once, at the first look from that second of the day on.
    """
    if not any(first <= second <= end for first, end in HOURS):
        return False
    if decide_at >= 0:
        return last < decide_at <= second
    return last < 0 or second // 60 != last // 60
