"""The work behind ContextInfo's methods: the run, timers, quotes (qmt-facts 1.7 and 1.8)."""

import datetime
import itertools
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence

from . import frames, times
from .script import Script, Timer

if TYPE_CHECKING:
    from .client import Client

_PERIOD = re.compile(r"^(\d+)n(Second|MilliSecond|Day)$")
_SECONDS = {"Second": 1.0, "MilliSecond": 0.001, "Day": 86400.0}
_STAMP = re.compile(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$")
_FOREVER = float("inf")


class QuoteApi:
    def __init__(self, client: "Client") -> None:
        self.call: Callable[..., Any] = client.caller.call
        self._client = client
        self._last_bar = False
        self._new_bar = False
        self._as_of = 0.0  # during the replay of history: the end of the bar that is replayed
        self._numbers = itertools.count(1)

    def at_bar(self, new_bar: bool, last: bool, as_of: float) -> None:
        """What is_last_bar and the like answer during the handlebar that follows; `as_of` 0.0: now."""
        self._new_bar, self._last_bar, self._as_of = new_bar, last, as_of

    def missing(self, script: Script, name: str) -> None:
        self._client.log_of(script)("ContextInfo 没有 %s：模拟的 QMT 只提供文档里有的" % name)

    def _bars_at(self) -> float:
        return self._as_of or self._client.world.now()

    # ---- the run

    def set_account(self, script: Script, account: str) -> None:
        script.accounts.append(str(account))

    def run_time(self, script: Script, function: str, period: str, start: str) -> None:
        match = _PERIOD.match(period)
        if not match or not _STAMP.match(start):
            return  # the real client says nothing either; the timer just never fires
        seconds = int(match.group(1)) * _SECONDS[match.group(2)]
        if seconds <= 0:
            return
        now = self._client.world.now()
        first = times.at(start[:10].replace("-", ""), start[11:])
        next_at = first if first > now else now + seconds
        script.timers.append(Timer(script.scope, function, seconds, next_at, _FOREVER, "", 0))

    def schedule_run(
        self, script: Script, func: Any, point: Any, repeat_times: int, interval: datetime.timedelta, name: str
    ) -> int:
        """A past time point fires at once; repeat_times further calls follow, -1: without end."""
        text = point.strftime("%Y%m%d%H%M%S") if isinstance(point, datetime.datetime) else str(point)
        at = times.at(text[:8], "%s:%s:%s" % (text[8:10], text[10:12], text[12:14]))
        number = next(self._numbers)
        seconds = interval.total_seconds() or _FOREVER
        left = _FOREVER if repeat_times < 0 else 1 + repeat_times
        next_at = max(at, self._client.world.now())
        script.timers.append(Timer(script.scope, func, seconds, next_at, left, name, number))
        return number

    def cancel_schedule_run(self, script: Script, key: Any) -> bool:
        kept = [timer for timer in script.timers if not timer.number or key not in (timer.number, timer.name)]
        found = len(kept) < len(script.timers)
        script.timers = kept
        return found

    def subscribe(self, script: Script, codes: Sequence[str], callback: Any) -> int:
        """The callback gets {code: tick} with each tick, on the strategy thread; -1: nothing to subscribe to."""
        market = self._client.world.market
        known = [code for code in codes if code in market.bars or code in ("SH", "SZ")]
        if not known:
            return -1
        number = next(self._numbers)
        whole = [code for code in market.codes if code[7:] in known]
        script.subscriptions[number] = ([code for code in known if code in market.bars] + whole, callback)
        return number

    def is_last_bar(self) -> bool:
        return self._last_bar

    def is_new_bar(self) -> bool:
        return self._new_bar

    def bar_timetag(self, script: Script, barpos: int) -> int:
        """Epoch ms of the start of that bar; 0 for a bar that does not exist."""
        if not 0 <= barpos < len(script.bars):
            return 0
        return int(script.bars[barpos] * 1000)

    def tick_timetag(self) -> int:
        return int(self._client.quotes.moment(self._client.world.now()).tick_at * 1000)

    # ---- quotes

    def full_tick(self, codes: Sequence[str]) -> Dict[str, Dict[str, Any]]:
        return self._client.quotes.full_tick(codes, self._client.world.now())

    def market_data(self, fields: Any, codes: Any, period: str, start: str, end: str, count: int, kind: str) -> Any:
        quotes = self._client.quotes
        return frames.market_data(quotes, fields, codes, period, start, end, count, kind, self._bars_at())

    def market_data_ex(
        self, fields: Any, codes: Any, period: str, start: str, end: str, count: int, kind: str
    ) -> Dict[str, Any]:
        quotes = self._client.quotes
        return frames.market_data_ex(quotes, fields, codes, period, start, end, count, kind, self._bars_at())

    # ---- facts

    def stock_name(self, code: str) -> str:
        return self._client.world.market.name(code) if code in self._client.world.market.bars else ""

    def open_date(self, code: str) -> int:
        """First bar's date as a number, 0 for an unknown code."""
        bars = self._client.world.market.bars.get(code)
        return int(bars[0].date) if bars else 0

    def instrument_detail(self, code: str) -> Dict[str, Any]:
        return self._client.quotes.instrument_detail(code, self._client.world.now())

    def divid_factors(self, code: str) -> Dict[int, List[float]]:
        return self._client.quotes.divid_factors(code, self._client.world.now())

    def trading_dates(self, code: str, start: str, end: str, count: int) -> List[str]:
        """Trading days of the code's market up to today, both ends included, of these the newest `count` (-1: all)."""
        today = times.day(self._client.world.now())
        days = [
            day
            for day in self._client.world.market.days
            if day <= today and (not start or day >= start[:8]) and (not end or day <= end[:8])
        ]
        return days if count < 0 else days[-count:] if count else []
