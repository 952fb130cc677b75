"""From prices and a Setup to what happened: the days' books and the orders."""

import functools
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..dingtou import replay
from . import booking, compiled, levels, prices
from .board import Board
from .setup import Setup

CONTINUOUS = 14220  # seconds of continuous trading: 09:30-11:30 and 13:00-14:57
STEPS = CONTINUOUS // 60 // 3  # ticks of each of the path's three lines
REASONS = {
    booking.NO_CASH: "现金不足",
    booking.AT_LIMIT: "涨跌停，买不进或卖不出",
    booking.NO_SHARES: "没有持仓可卖",
    booking.TOO_SMALL: "不足一手，或当天买入的份额还不能卖",
    booking.TOO_MANY: "超过每天次数上限",
    booking.ORDER_CAP: "超过单笔金额上限",
    booking.DAY_CAP: "超过当日金额上限",
}


class Order(NamedTuple):
    """One order, filled in full or (`reason` says why) not made; yuan without fee."""

    day: str
    code: str
    side: int  # 1 buy, -1 sell
    shares: int
    price: float
    yuan: float
    fee: float
    cell: int
    second: int  # of the day
    injected: float  # yuan that had to be brought in for it
    reason: str = ""


class Result(NamedTuple):
    """A run: one value a day, all in yuan, arrays over `days`; those of a fund as rows in the order of `codes`."""

    setup: Setup
    codes: List[str]
    days: List[str]
    cash: "np.ndarray[Any, Any]"
    flows: "np.ndarray[Any, Any]"  # money brought in
    fees: "np.ndarray[Any, Any]"  # since the start
    income: "np.ndarray[Any, Any]"  # dividends and interest of the day
    held: "np.ndarray[Any, Any]"  # shares
    cells: "np.ndarray[Any, Any]"
    closes: "np.ndarray[Any, Any]"  # raw; the last one known where a fund has no bar; 0 before its first
    orders: List[Order]
    skipped: List[Order]
    engine: str

    @property
    def holdings(self) -> "np.ndarray[Any, Any]":
        """Each fund's worth at each close."""
        return self.held * self.closes

    @property
    def equity(self) -> "np.ndarray[Any, Any]":
        return self.cash + self.holdings.sum(axis=0)


class Written(NamedTuple):
    """What the core wrote down, and what it began with; in units."""

    days: Any  # tables of whole numbers with the columns of booking.Books, and the next two
    moves: Any
    orders: Any
    cash: int
    held: int  # shares of each fund
    cells: List[int]


class Daily(NamedTuple):
    """One value for each day, in units."""

    cash: Any
    injected: Any  # since the start
    fees: Any  # since the start
    paid: Any


def walk(
    board: Board, setup: Setup, notes: bool = True, held: int = 0, ready: Optional[levels.Ready] = None
) -> Written:
    """One run over the board, whose dates and kind of signal count instead of the setup's.

    `notes`: whether the orders that were not made are among the orders. `held`: shares of each fund at the start.
    `ready`: what levels.markets_of made of the setup, where many are made at once.
    """
    market, busy = ready or levels.market_of(board, setup)
    rows = board.engine.rows
    looks, turns = _looks(setup.fill, setup.once_at)
    cells = board.start_cells(setup)
    cash = int(round(setup.cash * 100)) * booking.CENT
    written = board.engine.core.simulate(
        market,
        busy,
        levels.terms_of(setup, STEPS, notes),
        rows(looks),
        rows(turns),
        board.gap_rows,
        rows(np.array(cells, dtype=np.int64)),
        held,
        cash,
    )
    days, moves, orders = written
    return Written(days, moves, orders, cash, held, cells)


def daily(board: Board, written: Written) -> Daily:
    """Every day's books: a day on which nothing changed is as the one before."""
    count = len(board.days)
    if not len(written.days):
        nothing = np.zeros(count, np.int64)
        return Daily(np.full(count, written.cash, np.int64), nothing, nothing, nothing)
    log = written.days.T
    at = np.repeat(np.arange(len(log[0]) + 1), np.diff(log[0], prepend=0, append=count))
    first = [written.cash, 0, 0]
    cash, injected, fees = (np.concatenate([[begun], row])[at] for begun, row in zip(first, log[1:4]))
    paid = np.zeros(count, np.int64)
    paid[log[0]] = log[4]
    return Daily(cash, injected, fees, paid)


def held_daily(board: Board, written: Written, which: int = 2) -> "np.ndarray[Any, Any]":
    """Shares (or, with `which` 3, last cells) as a table [fund][day]."""
    table = np.zeros((len(board.codes), len(board.days)), np.int64)
    table[:, 0] = written.held if which == 2 else written.cells
    moves = written.moves.T
    np.add.at(table, (moves[1], moves[0]), moves[which])
    return np.cumsum(table, axis=1)


def run(
    funds: Sequence[prices.Fund], setup: Setup, engine: Optional[compiled.Engine] = None, series: Any = None
) -> Result:
    """One run over `funds`, `series` as in Board. Raises prices.DataError where there is nothing to run over."""
    board = Board(funds, setup, engine, series)
    return result(board, setup, walk(board, setup))


def result(board: Board, setup: Setup, written: Written) -> Result:
    unit = booking.UNIT
    days = daily(board, written)
    flows = np.diff(days.injected, prepend=0) / unit
    flows[0] += setup.cash
    made = [_order(board, row) for row in written.orders.tolist()]
    return Result(
        setup,
        board.codes,
        board.days,
        days.cash / unit,
        flows,
        days.fees / unit,
        days.paid / unit,
        held_daily(board, written),
        held_daily(board, written, 3),
        board.known_closes / unit,
        [order for order in made if not order.reason],
        [order for order in made if order.reason],
        board.engine.name,
    )


def _order(board: Board, row: Sequence[int]) -> Order:
    day, fund, side, shares, price, fee, cell, second, injected, outcome = row
    unit = float(booking.UNIT)
    return Order(
        board.days[day],
        board.codes[fund],
        side,
        shares,
        price / unit,
        shares * price / unit,
        fee / unit,
        cell,
        second,
        injected / unit,
        REASONS.get(outcome, ""),
    )


def ticks(bar: replay.Bar) -> List[Tuple[int, float]]:
    """A day as (second, price): open, low, high, close in straight lines, a tick a minute from 09:30:00 to 14:57:00.

    The prices are replay.walk's; the seconds are those of continuous trading, where the simulated QMT's ticks stand.
    """
    prices_of = [price for _, price in replay.walk(bar, STEPS)]
    traded = [number * CONTINUOUS // (len(prices_of) - 1) for number in range(len(prices_of))]
    morning = replay.NOON - replay.OPEN
    return [
        (replay.OPEN + second if second < morning else replay.AGAIN + second - morning, price)
        for second, price in zip(traded, prices_of)
    ]


@functools.lru_cache(maxsize=8)
def _looks(fill: str, once_at: int) -> Tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """((steps, seconds) of a day's path at which the rule is asked, the first look after each of its three lines)."""
    walked = ticks(replay.Bar("", 1.0, 1.0, 1.0, 1.0))
    asked = {second for second, _ in replay.looks(walked, once_at if fill == "once" else -1)}
    pairs = np.array([(step, second) for step, (second, _) in enumerate(walked) if second in asked], dtype=np.int64)
    turns = np.searchsorted(pairs[:, 0], np.arange(1, 4) * STEPS, "right")
    return pairs.T.copy(), turns
