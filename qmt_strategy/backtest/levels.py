"""What the rule's numbers make of the prices: averages, thresholds, and the few days on which an order is possible."""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from ..dingtou import grid, replay
from ..dingtou.rule import LEAST_A_SIDE, WINDOW
from . import booking, bounding
from .board import Board
from .setup import Setup

MODELS = {"close": booking.AT_CLOSE, "next-open": booking.NEXT_OPEN, "next-close": booking.NEXT_CLOSE}
Parts = Tuple[float, float, float]  # quantile above, quantile below, cell height: what makes thresholds of distances


class Ready(NamedTuple):
    """What core.simulate walks for one set."""

    market: booking.Market
    busy: Any  # days with an event, days whose prices reach a threshold, days of fills


class Sides(NamedTuple):
    """Where a day's prices stand, by spot, in rows: whether any is above or below its average, and in yuan."""

    above: Any
    below: Any
    averages: Any
    lows: Any
    highs: Any


def market_of(board: Board, setup: Setup) -> Ready:
    return markets_of(board, [setup])[0]


def markets_of(board: Board, setups: Sequence[Setup]) -> List[Ready]:
    """What each of `setups` is walked over; they differ in their rule's numbers alone, and share its `ma`."""
    setup, rows = setups[0], board.engine.rows
    kind = setup.fill in MODELS
    low, high = board.extremes[kind]
    average = board.averages(setup.rule.ma, setup.average_today)
    # Sells are asked for above the average alone, buys below it: the other side's threshold is not needed.
    priced = board.there & (average > 0.0)
    above, below = priced & (high >= average - bounding.EDGE), priced & (low <= average + bounding.EDGE)
    sides = Sides(rows(above), rows(below), rows(average), *board.extreme_rows[kind])
    lowest, highest = board.allowed(setup.full_sample)
    shared = dict(board.columns, lowests=lowest, highests=highest, averages=sides.averages)
    made: Dict[Parts, Ready] = {}
    wanted = [_parts(one) for one in setups]
    distinct = list(dict.fromkeys(wanted))
    for parts, (his, los) in zip(distinct, thresholds(board, setup, distinct, sides)):
        stirring = _stirring(parts[2], average, low, high, np.asarray(los), np.asarray(his), above, below)
        busy = np.flatnonzero(stirring | board.eventful | _next_bars(board, setup, stirring))
        made[parts] = Ready(booking.Market(**shared, stirring=rows(stirring), his=his, los=los), rows(busy))
    return [made[parts] for parts in wanted]


def _parts(setup: Setup) -> Parts:
    rule = setup.rule
    return float(rule.quantile_positive), float(rule.quantile_negative), float(rule.grid_height)


def thresholds(board: Board, setup: Setup, wanted: Sequence[Parts], sides: Sides) -> List[Tuple[Any, Any]]:
    """Rows of (hi, lo) by spot for each of `wanted`: out of reach on spots that are not on that side of the average,
    and on those whose prices are far from them."""
    ma, size, rows = setup.rule.ma, len(board.there), board.engine.rows
    means = board.means(ma, setup.average_today)
    his, los = (np.full(len(wanted) * size, cell) for cell in (grid.NEVER, -grid.NEVER))
    if setup.full_sample:
        for spots, (_, distances) in zip(board.spots, means):
            for at, parts in enumerate(wanted):
                place = np.asarray(spots, dtype=np.int64) + at * size
                his[place], los[place], _, _ = grid.thresholds(np.asarray(distances), *parts)
    his, los = rows(his), rows(los)
    if not setup.full_sample:
        first = 1 if setup.average_today else ma
        columns = [rows(np.array(column)) for column in zip(*wanted)]
        for line, spots, (_, distances) in zip(board.lines, board.spots, means):
            board.engine.bounding.day_bounds(
                distances, first, WINDOW, LEAST_A_SIDE, *columns, line.first, spots, *sides, his, los
            )
    return [(his[at : at + size], los[at : at + size]) for at in range(0, len(his), size)]


def _stirring(height: float, average: Any, low: Any, high: Any, los: Any, his: Any, above: Any, below: Any) -> Any:
    """False where the rule cannot ask for anything whatever the last cell: no price of the day is beyond a threshold.

    Only a sieve, a hair wider than rounding can tell; what passes is asked of the rule.
    """
    # In place: four tables the size of the run are what this costs.
    reach = los * height
    reach += 1.0
    reach *= average
    reach += bounding.EDGE
    buys = low <= reach
    buys &= below
    np.multiply(his, height, out=reach)
    reach += 1.0
    reach *= average
    reach -= bounding.EDGE
    sells = high >= reach
    sells &= above
    buys |= sells
    return buys


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
    rows = board.engine.rows
    every, anywhere = rows(board.there & (table > 0.0)), np.full(len(table), np.inf)
    sides = Sides(every, every, rows(table), rows(-anywhere), rows(anywhere))
    (both,) = thresholds(board, setup, [_parts(setup)], sides)
    hi, lo = (board.column(np.array(one, float), number) for one in both)
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
