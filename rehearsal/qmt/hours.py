"""When the simulated exchange trades: a time as trading day, phase and step on the day's price path.

`ExchangeHours` is the real day, `AlwaysOpen` the exchange of a rehearsal that runs at any hour. Both are pure functions
of the time.
"""

from typing import List, NamedTuple

from rehearsal.market import Market

from . import times

BEFORE, AUCTION, WAITING, CONTINUOUS, LUNCH, CLOSING, CLOSED = range(7)
# get_full_tick's openInt of each phase (qmt-facts 1.8)
OPEN_INT = {BEFORE: 11, AUCTION: 12, WAITING: 12, CONTINUOUS: 13, LUNCH: 14, CLOSING: 18, CLOSED: 15}
HALTED = 1

SNAPSHOT = 3  # seconds between two snapshots of the exchange
DAY_STEPS = 4740  # snapshots of the continuous sessions, 09:30-11:30 and 13:00-14:57
_LUNCH_STEP = 2400
_ORDERS_FROM, _AUCTION_END = 9 * 3600 + 15 * 60, 9 * 3600 + 25 * 60
_OPEN, _LUNCH_AT = 9 * 3600 + 30 * 60, 11 * 3600 + 30 * 60
_AFTERNOON, _CLOSING_AT, _CLOSE = 13 * 3600, 14 * 3600 + 57 * 60, 15 * 3600
_NO_CANCEL = 9 * 3600 + 20 * 60
_CANCELS_END = 17 * 3600


class Moment(NamedTuple):
    """What time it is at the exchange."""

    day: str  # the trading day whose prices are the newest ones
    phase: int
    step: int  # on that day's path; -1: before its first price
    steps: int  # of the whole day
    tick_at: float  # epoch time of the newest snapshot


class ExchangeHours:
    """The hours of 上交所 and 深交所 on the trading days of `market`."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def moment(self, now: float) -> Moment:
        day = times.day(now)
        midnight = now - times.second_of_day(now)
        second = times.second_of_day(now)
        if not self._market.is_trading_day(day) or second < _ORDERS_FROM:
            before = self._market.day_before(day)
            phase = BEFORE if self._market.is_trading_day(day) else CLOSED
            return Moment(before or day, phase, DAY_STEPS, DAY_STEPS, times.midnight(before or day) + _CLOSE)
        if second < _OPEN:
            phase = AUCTION if second < _AUCTION_END else WAITING
            return Moment(day, phase, -1 if phase == AUCTION else 0, DAY_STEPS, now - second % SNAPSHOT)
        if second < _LUNCH_AT:
            step = int(second - _OPEN) // SNAPSHOT
            return Moment(day, CONTINUOUS, step, DAY_STEPS, midnight + _OPEN + step * SNAPSHOT)
        if second < _AFTERNOON:
            return Moment(day, LUNCH, _LUNCH_STEP, DAY_STEPS, midnight + _LUNCH_AT)
        if second < _CLOSING_AT:
            step = int(second - _AFTERNOON) // SNAPSHOT
            return Moment(day, CONTINUOUS, _LUNCH_STEP + step, DAY_STEPS, midnight + _AFTERNOON + step * SNAPSHOT)
        if second < _CLOSE:
            return Moment(day, CLOSING, DAY_STEPS, DAY_STEPS, now - second % SNAPSHOT)
        return Moment(day, CLOSED, DAY_STEPS, DAY_STEPS, midnight + _CLOSE)

    def takes_cancels(self, now: float) -> bool:
        """False from 09:20 to 09:25 and from 14:57 to 15:00, and after about 17:00 (qmt-facts 1.2)."""
        second = times.second_of_day(now)
        in_auction = _NO_CANCEL <= second < _AUCTION_END or _CLOSING_AT <= second < _CLOSE
        return not in_auction and second < _CANCELS_END

    def next_fixing(self, now: float) -> float:
        """When the next auction of this day is fixed (09:25 or 15:00); infinity: none is left."""
        second = times.second_of_day(now)
        for fixing in (_AUCTION_END, _CLOSE):
            if second < fixing:
                return now - second + fixing
        return float("inf")

    def tick_times(self, day: str, ticks: int = DAY_STEPS + 1) -> List[float]:
        """`ticks` times spread evenly over that day's continuous trading, 09:30:00 to 14:57:00, each on a snapshot.

        61 of them meet exactly the prices of rehearsal.market.path(bar).
        """
        steps = [round(number * DAY_STEPS / (ticks - 1)) for number in range(ticks)]
        return [self.time_of(day, step) for step in steps]

    def time_of(self, day: str, step: int) -> float:
        """Epoch time of a step of that day's path; 11:30:00 and 13:00:00 are one step: 13:00:00."""
        seconds = _OPEN + step * SNAPSHOT if step < _LUNCH_STEP else _AFTERNOON + (step - _LUNCH_STEP) * SNAPSHOT
        return times.midnight(day) + seconds


class AlwaysOpen:
    """Continuous trading around the clock; the path of the day's bar is walked again and again, a step each tick."""

    def __init__(self, start: float, tick_seconds: float, steps: int = 60) -> None:
        self._start = start
        self._tick_seconds = tick_seconds
        self._steps = steps

    def moment(self, now: float) -> Moment:
        number = int((now - self._start) // self._tick_seconds)
        at = self._start + number * self._tick_seconds
        return Moment(times.day(now), CONTINUOUS, number % (self._steps + 1), self._steps, at)

    def takes_cancels(self, now: float) -> bool:
        return True

    def next_fixing(self, now: float) -> float:
        return float("inf")
