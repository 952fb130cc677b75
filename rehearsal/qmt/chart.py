"""The main chart that scripts are mounted on: where its bars begin. Pure functions of the time."""

from typing import List

from . import hours as phases
from . import times
from .exchange import Exchange
from .quotes import MINUTES

_SESSIONS = ((9 * 60 + 30, 11 * 60 + 30), (13 * 60, 15 * 60))  # minutes of the day


class Chart:
    """A chart of `code` with bars of `period` ('1m' ... '1h', '1d')."""

    def __init__(self, exchange: Exchange, code: str, period: str) -> None:
        self.exchange = exchange
        self.code = code
        self.period = period
        self._daily = period not in MINUTES
        self._seconds = 60 * MINUTES.get(period, 1)

    def bar_start(self, now: float) -> float:
        """The start of the bar that a tick at `now` belongs to."""
        if self._daily:
            return times.midnight(self.exchange.moment(now).day)
        return now - times.second_of_day(now) % self._seconds

    def bar_end(self, start: float) -> float:
        """The end of the bar that begins at `start`."""
        return start + (15 * 3600 if self._daily else self._seconds)

    def history(self, now: float, count: int) -> List[float]:
        """Starts of the `count` bars before the one of `now`, oldest first; fewer where the market begins."""
        if isinstance(self.exchange.hours, phases.ExchangeHours) or self._daily:
            return self._in_sessions(self.bar_start(now), count)
        start = self.bar_start(now)
        return [start - self._seconds * back for back in range(count, 0, -1)]

    def _in_sessions(self, start: float, count: int) -> List[float]:
        found: List[float] = []
        for day in reversed([day for day in self.exchange.market.days if day <= times.day(start)]):
            midnight = times.midnight(day)
            if self._daily:
                starts = [midnight]
            else:
                step = self._seconds // 60
                starts = [midnight + minute * 60 for first, end in _SESSIONS for minute in range(first, end, step)]
            found = [at for at in starts if at < start] + found
            if len(found) >= count:
                break
        return found[len(found) - count :] if len(found) > count else found
