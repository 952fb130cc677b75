"""The rule walked over a fund's days, one price at a time: the orders that it gives, and nothing else.

The tests hold the live strategy to this, and the backtest is built on it. Each order is taken as filled at once and in
full, in lots of 100, at the price it was decided at; the grid state then stands in that order's cell. Shares bought on
a day are sold from the next day on. Kept of the live limits: the trading hours, the attempts of a day, the cap of one
order and the cap of a day, which runs over all funds. Not here: cash and fees.

Bars carry raw prices and the factor that makes them comparable over splits and dividends (backward, by ratio).
Distances to an average do not change with the scale of a series, so the thresholds of a day are those of the
front_ratio frame that QMT shows on that day.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Callable, Deque, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import grid, plan, sizing
from .rule import WINDOW, Rule, due

SESSION = 4 * 3600  # seconds from 09:30 to 15:00 without the break
OPEN, NOON, AGAIN, CLOSE = 34200, 41400, 46800, 54000  # 09:30, 11:30, 13:00, 15:00 as seconds of the day
STEPS = 20  # ticks a segment of the walk
TICKS_A_YUAN = 1000  # ETFs are priced in thousandths


class Bar(NamedTuple):
    """One day of one fund, raw prices in yuan."""

    date: str  # 'YYYYMMDD'
    open: float
    high: float
    low: float
    close: float
    factor: float = 1.0  # close * factor is comparable over all days
    split: float = 1.0  # shares today for one share yesterday


class Order(NamedTuple):
    """One order of the rule, filled in full."""

    day: str
    price: float
    side: int  # 1 buy, -1 sell
    yuan: float
    shares: int
    cell: int  # where the grid state stands afterwards
    second: int  # of the day


class Caps(NamedTuple):
    """The live limits that shape the orders; the defaults are those of sentry.ini."""

    attempts: int = 3  # per fund and day
    order_yuan: float = 100000.0
    day_yuan: float = 300000.0  # over all funds


CAPS = Caps()
Ticks = Sequence[Tuple[int, float]]  # (second of the day, price)


def walk(bar: Bar, steps: int = STEPS) -> Ticks:
    """A day's ticks: open, low, high, close, straight lines of `steps` ticks each, evenly over the session.

    Prices are rounded half up in thousandths, in whole numbers: every way to walk the same line meets the same prices.
    """
    corners = [int(round(price * TICKS_A_YUAN)) for price in (bar.open, bar.low, bar.high, bar.close)]
    prices = [corners[0]]
    for start, end in zip(corners, corners[1:]):
        prices.extend(start + (2 * (end - start) * step + steps) // (2 * steps) for step in range(1, steps + 1))
    return [(_second(i * SESSION // (3 * steps)), price / float(TICKS_A_YUAN)) for i, price in enumerate(prices)]


def _second(traded: int) -> int:
    """The second of the day after `traded` seconds of trading."""
    return OPEN + traded if traded < NOON - OPEN else AGAIN + traded - (NOON - OPEN)


def looks(ticks: Ticks, decide_at: int) -> Iterator[Tuple[int, float]]:
    """The ticks at which the rule is asked, as rule.due says."""
    last = -1
    for second, price in ticks:
        if due(decide_at, second, last):
            last = second
            yield second, price


def replay(
    bars: Sequence[Bar],
    rule: Rule,
    cell: int,
    holding: int,
    path: Callable[[Bar], Ticks] = walk,
    decide_at: int = -1,
    first_day: str = "",
    caps: Caps = CAPS,
    legacy: bool = False,
) -> List[Order]:
    """One fund's orders from `first_day` on, starting with a last trade in `cell` (0 = none) and `holding` shares.

    `decide_at`: -1 every minute, else the second of the day (Params.decide_at). `legacy`: thresholds from all bars, the
    average includes today, decided once a day at the close: the original's rule, which knows the future.
    """
    walked = Walked(bars, rule, cell, holding, legacy)
    return [order for _, order in replay_funds([("", walked)], path, decide_at, first_day, caps)]


def replay_funds(
    funds: Sequence[Tuple[str, "Walked"]],
    path: Callable[[Bar], Ticks] = walk,
    decide_at: int = -1,
    first_day: str = "",
    caps: Caps = CAPS,
) -> List[Tuple[str, Order]]:
    """(code, order) of several funds, in the order they are made: at one second, in the order of `funds`."""
    orders = []
    days = sorted({day for _, fund in funds for day in fund.days if day >= first_day})
    for day in days:
        asked: List[Tuple[int, int, float]] = []
        for place, (_, fund) in enumerate(funds):
            asked.extend((second, place, price) for second, price in fund.begin(day, path, decide_at))
        spent = 0.0
        for second, place, price in sorted(asked):
            code, fund = funds[place]
            order = fund.ask(second, price, caps, spent)
            if order is not None:
                spent += order.yuan
                orders.append((code, order))
    return orders


class Walked:
    """One fund on its way through its days: its grid state and its shares."""

    def __init__(self, bars: Sequence[Bar], rule: Rule, cell: int, holding: int, legacy: bool = False) -> None:
        self.days = {bar.date: (bar, day) for bar, day in zip(bars, (legacy_plans if legacy else plans)(bars, rule))}
        self.cell = cell
        self.holding = holding
        self._rule = rule
        self._legacy = legacy

    def begin(self, day: str, path: Callable[[Bar], Ticks], decide_at: int) -> Iterable[Tuple[int, float]]:
        """Begin `day`; the looks of that day, none where the fund has no bar."""
        if day not in self.days:
            return []
        self._bar, self._plan = self.days[day]
        self.holding = int(self.holding * self._bar.split + 1e-9)
        self._sellable = self.holding
        self._attempts = 0
        return [(CLOSE, self._bar.close)] if self._legacy else looks(path(self._bar), decide_at)

    def ask(self, second: int, price: float, caps: Caps, spent: float) -> Optional[Order]:
        """The order of one look, filled, or None; `spent` is what was ordered today in yuan, over all funds."""
        wish = plan.wish(self._plan, self._rule, price, self.cell)
        if not wish.side or self._attempts >= caps.attempts:
            return None
        if wish.side > 0:
            ticket = sizing.buy(wish.yuan, price)
        else:
            ticket = sizing.sell(wish.yuan, price, self.holding, self._sellable)
        if not ticket.shares or ticket.yuan > caps.order_yuan or spent + ticket.yuan > caps.day_yuan:
            return None
        self._attempts += 1
        self.cell = wish.cell
        self.holding += wish.side * ticket.shares
        if wish.side < 0:
            self._sellable -= ticket.shares
        return Order(self._bar.date, price, wish.side, ticket.yuan, ticket.shares, wish.cell, second)


def plans(bars: Sequence[Bar], rule: Rule) -> Iterator[plan.Plan]:
    """Each bar's plan from the bars before it, in that day's own prices: what plan.day_plan says of sound data."""
    if not bars:
        return
    closes = [bar.close * bar.factor for bar in bars]
    averages = grid.averages(closes, rule.ma, rule.ma)
    distances = grid.distances(closes, averages)
    window: Deque[float] = deque()
    above: List[float] = []
    below: List[float] = []
    for i, bar in enumerate(bars):
        if i >= rule.ma:
            _take(float(distances[i - 1]), window, above, below)
            hi, lo, days_above, days_below = grid.bounds(
                above, below, rule.quantile_positive, rule.quantile_negative, rule.grid_height
            )
            average, last_close = float(averages[i - 1]) / bar.factor, closes[i - 1] / bar.factor
            yield plan.from_bounds(rule, average, last_close, hi, lo, days_above, days_below)
        else:
            yield plan.refused("均线还算不出来")


def _take(distance: float, window: "Deque[float]", above: List[float], below: List[float]) -> None:
    """Move the window one bar on, keeping both sides in order."""
    window.append(distance)
    if distance > grid.NOISE:
        insort(above, distance)
    elif distance < -grid.NOISE:
        insort(below, distance)
    if len(window) > WINDOW:
        oldest = window.popleft()
        side = above if oldest > grid.NOISE else below if oldest < -grid.NOISE else []
        if side:
            del side[bisect_left(side, oldest)]


def legacy_plans(bars: Sequence[Bar], rule: Rule) -> Iterator[plan.Plan]:
    """Each bar's plan as the original had it: thresholds of all bars, an average with today's close from bar 1 on."""
    closes = [bar.close * bar.factor for bar in bars]
    averages = grid.averages(closes, rule.ma, 1)
    hi, lo, days_above, days_below = grid.thresholds(
        grid.distances(closes, averages), rule.quantile_positive, rule.quantile_negative, rule.grid_height
    )
    for bar, average in zip(bars, averages):
        yield plan.Plan(float(average) / bar.factor, 0.0, 1e9, hi, lo, True, True, "", days_above, days_below)
