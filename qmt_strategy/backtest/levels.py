"""What the rule's numbers make of the prices: averages, thresholds, and the few days on which an order is possible."""

from typing import Any, Dict, Tuple

import numpy as np

from ..dingtou import grid, replay
from ..dingtou.rule import LEAST_A_SIDE, WINDOW
from . import booking, core
from .board import Board
from .setup import Setup

MODELS = {"close": booking.AT_CLOSE, "next-open": booking.NEXT_OPEN, "next-close": booking.NEXT_CLOSE}
FAR = 1000000  # cells: further than any price, near enough for a product


def market_of(board: Board, setup: Setup) -> booking.Market:
    """The rows that core.simulate walks: days with an event, days whose prices reach a threshold, days of fills."""
    low, high = board.extremes[setup.fill in MODELS]
    average = board.averages(setup.rule.ma, setup.average_today)
    priced = board.there & (average > 0.0)
    # Sells are asked for above the average alone, buys below it: the other side's threshold is not needed.
    above, below = priced & (high >= average - core.EDGE), priced & (low <= average + core.EDGE)
    his, los = thresholds(board, setup, above, below)
    stirring = _stirring(setup, average, low, high, los, his, above, below)
    busy = np.flatnonzero(stirring | board.eventful | _next_bars(board, setup, stirring))
    fixed = {name: column[busy] for name, column in board.fixed.items() if name != "present"}
    lowest, highest = board.allowed(setup.full_sample)
    own = {
        "stirring": stirring[busy],
        "lowests": lowest[busy],
        "highests": highest[busy],
        "averages": average[busy],
        "his": his[busy],
        "los": los[busy],
    }
    rows = board.engine.rows
    return booking.Market(**{name: rows(column) for name, column in dict(fixed, **own).items()})


def thresholds(board: Board, setup: Setup, above: Any, below: Any) -> Tuple[Any, Any]:
    """(hi, lo) of each spot, out of reach on spots that are not in `above` and `below`."""
    rule, rows = setup.rule, board.engine.rows
    parts = (rule.quantile_positive, rule.quantile_negative, rule.grid_height)
    first = 1 if setup.average_today else rule.ma
    his, los = (np.full(len(board.there), cell) for cell in (grid.NEVER, -grid.NEVER))
    means = board.means(rule.ma, setup.average_today)
    if setup.full_sample:
        for number, (line, (_, distances)) in enumerate(zip(board.lines, means)):
            spots = line.places * len(board.lines) + number
            his[spots], los[spots], _, _ = grid.thresholds(np.asarray(distances), *parts)
        return his, los
    tables = rows(above), rows(below), rows(his), rows(los)
    for line, spots, (_, distances) in zip(board.lines, board.spots, means):
        board.engine.bounding.day_bounds(distances, first, WINDOW, LEAST_A_SIDE, *parts, line.first, spots, *tables)
    return np.asarray(tables[2]), np.asarray(tables[3])


def _stirring(setup: Setup, average: Any, low: Any, high: Any, los: Any, his: Any, above: Any, below: Any) -> Any:
    """False where the rule cannot ask for anything whatever the last cell: no price of the day is beyond a threshold.

    Only a sieve, a hair wider than rounding can tell; what passes is asked of the rule.
    """
    height = setup.rule.grid_height
    buys = low <= average * (1.0 + np.maximum(los, -FAR) * height) + core.EDGE
    sells = high >= average * (1.0 + np.minimum(his, FAR) * height) - core.EDGE
    return (buys & below) | (sells & above)


def _next_bars(board: Board, setup: Setup, stirring: Any) -> Any:
    """Each fund's bar after a stirring one, where orders wait for it."""
    found = np.zeros(len(stirring), dtype=bool)
    if setup.fill in ("next-open", "next-close"):
        funds = len(board.lines)
        for number, line in enumerate(board.lines):
            spots = line.places * funds + number
            found[spots[1:][stirring[spots[:-1]]]] = True
    return found


def shown(board: Board, setup: Setup, number: int) -> "np.ndarray[Any, Any]":
    """(average, buy below, sell from) of each bar of a fund inside the run, in raw yuan of the day; NaN = none."""
    table = board.averages(setup.rule.ma, setup.average_today)
    average = board.column(table, number)
    every = board.there & (table > 0.0)
    hi, lo = (board.column(one, number).astype(float) for one in thresholds(board, setup, every, every))
    average = np.where(average > 0, average, np.nan)
    height, never = setup.rule.grid_height, grid.NEVER
    below = np.where(lo > -never, average * (1.0 + lo * height), np.nan)
    return np.array([average, below, np.where(hi < never, average * (1.0 + hi * height), np.nan)])


def terms_of(setup: Setup, steps: int, notes: bool) -> booking.Terms:
    """The Setup in the core's numbers."""
    rule = setup.rule
    fixed: Dict[str, Any] = {
        name: getattr(setup, name)
        for name in ("bank", "fee_rate", "lot", "next_day", "limits", "attempts", "order_cap", "day_cap", "cash_rate")
    }
    return booking.Terms(
        model=MODELS.get(setup.fill, booking.ON_PATH),
        steps=steps,
        open_second=replay.OPEN,
        close_second=replay.CLOSE,
        fee_min=int(round(setup.fee_min * booking.UNIT)),
        slippage=setup.slippage * booking.MIL,
        notes=notes,
        height=float(rule.grid_height),
        amount=float(rule.grid_amount),
        buy_factor=float(rule.buy_factor),
        sell_factor=float(rule.sell_factor),
        **fixed,
    )
