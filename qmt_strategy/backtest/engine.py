"""From prices and a Setup to what happened: the days' books and the orders.

The heavy part that does not depend on the rule's numbers (`Board`) and the averages of each length are kept, so that a
search over parameters pays for them once.
"""

import bisect
import datetime
import functools
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..dingtou import grid, plan, replay
from ..dingtou.rule import LEAST_A_SIDE, WINDOW, daily_limit
from . import adjust, compiled, core, prices
from .setup import Setup

MODELS = {"close": core.AT_CLOSE, "next-open": core.NEXT_OPEN, "next-close": core.NEXT_CLOSE}
CONTINUOUS = 14220  # seconds of continuous trading: 09:30-11:30 and 13:00-14:57
STEPS = CONTINUOUS // 60 // 3  # ticks of each of the path's three lines
REASONS = {
    core.NO_CASH: "现金不足",
    core.AT_LIMIT: "涨跌停，买不进或卖不出",
    core.NO_SHARES: "没有持仓可卖",
    core.TOO_SMALL: "不足一手，或当天买入的份额还不能卖",
    core.TOO_MANY: "超过每天次数上限",
    core.ORDER_CAP: "超过单笔金额上限",
    core.DAY_CAP: "超过当日金额上限",
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


class Line(NamedTuple):
    """A fund's bars up to the end, and where those inside the run stand on the calendar."""

    fund: prices.Fund
    signal: "np.ndarray[Any, Any]"  # adjusted closes
    scale: "np.ndarray[Any, Any]"  # raw price = signal / scale[0] - scale[1], by day
    first: int  # bars before it are before the start
    places: "np.ndarray[Any, Any]"  # calendar index of each bar from `first` on


class Board:
    """Funds on one calendar, ready for any number of runs with the same prices, dates and kind of signal."""

    def __init__(self, funds: Sequence[prices.Fund], setup: Setup, engine: Optional[compiled.Engine] = None) -> None:
        """Raises prices.DataError where nothing is left between start and end."""
        self.engine = engine or compiled.engine()
        cut = [fund.until(setup.end) if setup.end else fund for fund in funds]
        self.days = sorted({day for fund in cut for day in fund.dates if day >= setup.start})
        if not self.days:
            raise prices.DataError(
                "%s 到 %s 之间没有任何行情，请检查 --start 和 --end" % (setup.start or "最早", setup.end or "最晚")
            )
        self.codes = [fund.code for fund in cut]
        self.kind = setup.signals
        self.lines = [self._line(fund) for fund in cut]
        dates = [datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal() for day in self.days]
        self.gaps = [0] + [after - before for before, after in zip(dates, dates[1:])]
        self.fixed = self._fixed()
        # The last close known on each spot, in units: what is held is worth that.
        self.known_closes = known_closes(self.by_fund(self.fixed["closes"]))
        self.known = np.ascontiguousarray(self.known_closes.T).ravel()
        self._there = self.fixed["present"] == 1
        sides = [("lows", "highs"), ("closes", "closes")]
        self._extremes = [tuple(self.fixed[name] / core.UNIT for name in pair) for pair in sides]
        self._fixed_rows = {name: self.engine.rows(table) for name, table in self.fixed.items()}
        self._gap_rows = self.engine.rows(np.array(self.gaps))
        self._means: Dict[Tuple[int, bool], List[Tuple[Any, Any]]] = {}
        self._average_rows: Dict[Tuple[int, bool], Tuple[Any, Any]] = {}
        self._allowed_rows: Dict[bool, Tuple[Any, Any]] = {}
        self._levels: Dict[Tuple[Any, ...], Any] = {}

    def _line(self, fund: prices.Fund) -> Line:
        signal = np.array(adjust.closes(fund, self.kind)) if fund.dates else np.zeros(0)
        if self.kind.startswith("ratio"):
            factors = np.array(adjust.ratio_factors(fund))
            last = factors[-1] if self.kind == "ratio_front" and len(factors) else 1.0
            scale = np.array([factors / last, np.zeros(len(factors))])
        elif self.kind == "none":
            scale = np.array([np.ones(len(signal)), np.zeros(len(signal))])
        else:
            raw = adjust.additive_lines(fund)
            m, a = raw[-1] if self.kind == "additive_front" and raw else (1.0, 0.0)
            scale = np.array([[one / m for one, _ in raw], [(paid - a) / one for one, paid in raw]])
        first = bisect.bisect_left(fund.dates, self.days[0])
        places = np.array([bisect.bisect_left(self.days, day) for day in fund.dates[first:]], dtype=np.int64)
        return Line(fund, signal, scale, first, places)

    def _table(self, columns: Sequence[Any], kind: Any, empty: float) -> "np.ndarray[Any, Any]":
        """One value per bar of each fund in one row, the funds of a day side by side, as core.Market has it."""
        funds = len(self.lines)
        table = np.full(funds * len(self.days), empty, dtype=kind)
        for number, (line, column) in enumerate(zip(self.lines, columns)):
            table[line.places * funds + number] = column[line.first :]
        return table

    def by_fund(self, table: Any) -> "np.ndarray[Any, Any]":
        """Such a row as a table [fund][day]."""
        return np.asarray(table).reshape(len(self.days), -1).T

    def _fixed(self) -> Dict[str, Any]:
        """The columns of core.Market that depend on the prices alone."""
        funds = [line.fund for line in self.lines]
        tables: Dict[str, Any] = {
            "present": self._table([np.ones(len(fund.dates)) for fund in funds], np.int64, 0),
            "splits": self._table([np.array(fund.splits) for fund in funds], np.float64, 1.0),
            "dividends": self._table([np.array(fund.dividends) for fund in funds], np.float64, 0.0),
        }
        for name in ("opens", "highs", "lows", "closes"):
            columns = [np.round(np.array(getattr(fund, name)) * core.UNIT) for fund in funds]
            tables[name] = self._table(columns, np.int64, 0)
        for name, sign in (("limit_ups", 1), ("limit_downs", -1)):
            columns = []
            for fund in funds:
                before = [prices.reference(fund, at) if at else 0.0 for at in range(len(fund.dates))]
                rate = daily_limit(fund.code)
                columns.append(np.array([round(round(one, 3) * (1 + sign * rate), 3) for one in before]) * core.UNIT)
            tables[name] = self._table([np.round(column) for column in columns], np.int64, 0)
        return tables

    def means(self, ma: int, today: bool) -> List[Tuple[Any, Any]]:
        """(averages, distances) of each fund's bars; `today`: from the first bar on."""
        key = (ma, today)
        if key not in self._means:
            found = []
            for line in self.lines:
                signal = self.engine.rows(line.signal)
                averages = self.engine.grid.averages(signal, ma, 1 if today else ma)
                distances = self.engine.grid.distances(signal, self.engine.rows(averages))
                found.append((averages, distances))
            self._means[key] = found
        return self._means[key]

    def run(self, setup: Setup, notes: bool = True, held: int = 0) -> "Books":
        """What the core writes down for this setup. Its dates and its kind of signal are the board's.

        `notes`: whether the orders that were not made are among it. `held`: shares of each fund at the start.
        """
        rule = setup.rule
        levels = self.run_levels(setup)
        market = core.Market(**self._fixed_rows, **levels)
        model = MODELS.get(setup.fill, core.ON_PATH)
        column = self.engine.rows
        funds = len(self.codes)
        terms = core.Terms(
            model,
            STEPS,
            setup.bank,
            setup.fee_rate,
            int(round(setup.fee_min * core.UNIT)),
            setup.slippage * core.MIL,
            setup.lot,
            setup.next_day,
            setup.limits,
            setup.attempts,
            setup.order_cap,
            setup.day_cap,
            setup.cash_rate,
            notes,
            column(np.full(funds, rule.grid_height)),
            column(np.full(funds, rule.grid_amount)),
            column(np.full(funds, rule.buy_factor)),
            column(np.full(funds, rule.sell_factor)),
        )
        cells = column(np.array(self.start_cells(setup), dtype=np.int64))
        cash = int(round(setup.cash * 100)) * core.CENT
        written = self.engine.core.simulate(
            market, terms, column(_looks(setup.fill, setup.once_at)), self._gap_rows, cells, held, cash
        )
        return Books(*written)

    def forget(self) -> None:
        """Drop what is kept between runs, so that the next one works everything out."""
        self._means.clear()
        self._average_rows.clear()
        self._levels.clear()

    def run_levels(self, setup: Setup) -> Dict[str, Any]:
        """The columns of core.Market that depend on the rule: averages, thresholds, what counts as a price."""
        rule = setup.rule
        key: Tuple[Any, ...] = (rule.ma, rule.grid_height, rule.quantile_positive, rule.quantile_negative)
        key += (setup.full_sample, setup.average_today, setup.fill)
        if key not in self._levels:
            self._levels.clear()  # only the latest: sets of a search that differ in money alone follow each other
            self._levels[key] = self._make_levels(setup)
        return self._levels[key]

    def _make_levels(self, setup: Setup) -> Dict[str, Any]:
        found = [self._thresholds(setup, distances) for _, distances in self.means(setup.rule.ma, setup.average_today)]
        average, average_row = self._averages(setup.rule.ma, setup.average_today)
        his = self._table([hi for hi, _ in found], np.int64, grid.NEVER)
        los = self._table([lo for _, lo in found], np.int64, -grid.NEVER)
        row = self.engine.rows
        lowest, highest = self._allowed(setup.full_sample)
        return {
            "averages": average_row,
            "lowests": lowest,
            "highests": highest,
            "his": row(his),
            "los": row(los),
            "stirring": row(self._stirring(setup, average, los, his)),
        }

    def _averages(self, ma: int, today: bool) -> Tuple[Any, Any]:
        """The average that counts on each spot, in yuan of that day, 0.0 = none: (array, as the engine reads it)."""
        key = (ma, today)
        if key not in self._average_rows:
            columns = []
            for line, (means, _) in zip(self.lines, self.means(ma, today)):
                count = len(line.signal)
                average = np.zeros(count)
                if today:
                    average[:] = means
                else:
                    average[1:] = means[: count - 1]
                average = np.nan_to_num(average) / line.scale[0] - line.scale[1]
                average[: 0 if today else min(ma, count)] = 0.0
                columns.append(average)
            table = self._table(columns, np.float64, 0.0)
            self._average_rows.clear()  # only the latest: a search goes through them one after the other
            self._average_rows[key] = (table, self.engine.rows(table))
        return self._average_rows[key]

    def _allowed(self, anything: bool) -> Tuple[Any, Any]:
        """The lowest and the highest price that is no mistake; `anything`: as the original, all of them."""
        if anything not in self._allowed_rows:
            lowest, highest = [], []
            for line in self.lines:
                last = np.zeros(len(line.signal))
                last[1:] = line.signal[:-1] / line.scale[0][1:] - line.scale[1][1:]
                limit = daily_limit(line.fund.code) + plan.LIMIT_MARGIN
                lowest.append(last * (0.0 if anything else 1.0 - limit))
                highest.append(np.full(len(last), 1e9) if anything else last * (1.0 + limit))
            tables = [self._table(columns, np.float64, 0.0) for columns in (lowest, highest)]
            self._allowed_rows[anything] = (self.engine.rows(tables[0]), self.engine.rows(tables[1]))
        return self._allowed_rows[anything]

    def shown(self, setup: Setup, number: int) -> "np.ndarray[Any, Any]":
        """(average, buy below, sell from) of each bar of a fund inside the run, in raw yuan of the day; NaN = none."""
        levels, place = self.run_levels(setup), self.lines[number].places * len(self.codes) + number
        average, lo, hi = (np.asarray(levels[name], float)[place] for name in ("averages", "los", "his"))
        average = np.where(average > 0, average, np.nan)
        height, never = setup.rule.grid_height, grid.NEVER
        below = np.where(lo > -never, average * (1.0 + lo * height), np.nan)
        return np.array([average, below, np.where(hi < never, average * (1.0 + hi * height), np.nan)])

    def _thresholds(self, setup: Setup, distances: Any) -> Tuple[Any, Any]:
        rule = setup.rule
        parts = (rule.quantile_positive, rule.quantile_negative, rule.grid_height)
        if setup.full_sample:
            hi, lo, _, _ = grid.thresholds(np.asarray(distances), *parts)
            return np.full(len(distances), hi), np.full(len(distances), lo)
        first = 1 if setup.average_today else rule.ma
        return self.engine.core.day_bounds(self.engine.rows(distances), first, WINDOW, LEAST_A_SIDE, *parts)

    def _stirring(self, setup: Setup, average: Any, los: Any, his: Any) -> Any:
        """0 where the rule cannot ask for anything whatever the last cell: no price of the day is beyond a threshold.

        Only a sieve, a hair wider than rounding can tell; what passes is asked of the rule.
        """
        height, close_only = setup.rule.grid_height, setup.fill in MODELS
        low, high = self._extremes[close_only]
        buys = low <= average * (1.0 + np.maximum(los, -1000000) * height) + core.EDGE
        sells = high >= average * (1.0 + np.minimum(his, 1000000) * height) - core.EDGE
        return ((buys | sells) & (average > 0.0) & self._there).astype(np.int64)

    def start_cells(self, setup: Setup) -> List[int]:
        """Each fund's last cell at the start: of the last close before it, or 0."""
        if setup.start_cell != "current":
            return [0] * len(self.lines)
        found = []
        for line, (means, _) in zip(self.lines, self.means(setup.rule.ma, setup.average_today)):
            at = line.first - 1
            known = at >= 1 and means[at - 1] > 0.0
            found.append(grid.cell(line.signal[at], means[at - 1], setup.rule.grid_height) if known else 0)
        return found


class Books(NamedTuple):
    """What core.simulate returns, in units."""

    cash: Any
    injected: Any
    fees: Any
    paid: Any
    held: Any
    cells: Any
    orders: Any


def run(funds: Sequence[prices.Fund], setup: Setup, engine: Optional[compiled.Engine] = None) -> Result:
    """One run over `funds`. Raises prices.DataError where there is nothing to run over."""
    board = Board(funds, setup, engine)
    return result(board, setup, board.run(setup))


def result(board: Board, setup: Setup, books: Books) -> Result:
    injected = np.diff(np.asarray(books.injected), prepend=0) / core.UNIT
    injected[0] += setup.cash
    made = [_order(board, row) for row in books.orders]
    return Result(
        setup,
        board.codes,
        board.days,
        np.asarray(books.cash) / core.UNIT,
        injected,
        np.asarray(books.fees) / core.UNIT,
        np.asarray(books.paid) / core.UNIT,
        board.by_fund(books.held),
        board.by_fund(books.cells),
        board.known_closes / core.UNIT,
        [order for order in made if not order.reason],
        [order for order in made if order.reason],
        board.engine.name,
    )


def known_closes(closes: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Each day's close or, where there is none (0), the last one before."""
    at = np.where(closes > 0, np.arange(closes.shape[1]), 0)
    return np.take_along_axis(closes, np.maximum.accumulate(at, axis=1), axis=1)


def _order(board: Board, row: Sequence[int]) -> Order:
    day, fund, side, shares, price, fee, cell, second, injected, outcome = (int(value) for value in row)
    unit = float(core.UNIT)
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
def _looks(fill: str, once_at: int) -> "np.ndarray[Any, Any]":
    """(steps, seconds) of a day's path at which the rule is asked."""
    walked = ticks(replay.Bar("", 1.0, 1.0, 1.0, 1.0))
    asked = {second for second, _ in replay.looks(walked, once_at if fill == "once" else -1)}
    pairs = [(step, second) for step, (second, _) in enumerate(walked) if second in asked]
    return np.array(pairs, dtype=np.int64).T.copy()
