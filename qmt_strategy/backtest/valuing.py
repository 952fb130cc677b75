"""What a run was worth on every day. Compiled by numba when it is there, plain when not."""

from typing import Any

import numpy as np


def equities(days: Any, moves: Any, closes: Any, held: int, cash: int, count: int) -> Any:
    """Cash and holdings together at the close of each of `count` days, in units.

    `days` and `moves` are core.simulate's tables, `closes` the last known ones as [fund][day]; before the first line of
    either there are `cash` and `held` shares of each fund.
    """
    found = np.empty(count, np.int64)
    shares = [held for _ in range(len(closes))]
    at_day, at_move = 0, 0
    for day in range(count):
        while at_day < len(days) and days[at_day, 0] == day:
            cash = days[at_day, 1]
            at_day += 1
        while at_move < len(moves) and moves[at_move, 0] == day:
            shares[moves[at_move, 1]] += moves[at_move, 2]
            at_move += 1
        worth = cash
        for fund in range(len(closes)):
            worth += shares[fund] * closes[fund][day]
        found[day] = worth
    return found
