"""ContextInfo as a script sees it, and the way QMT rolls it back between the ticks of one bar (qmt-facts 1.7).

What the script sets on it lives in its __dict__ and is deep-copied; the link to the client lives in a slot and is not.
"""

import copy
from typing import TYPE_CHECKING, Any, Dict, List

from . import times

if TYPE_CHECKING:
    from .api import Api
    from .script import Script


class ContextInfo:
    __slots__ = ("_api", "_script", "__dict__")

    def __init__(self, api: "Api", script: "Script", chart: str) -> None:
        self._api = api
        self._script = script
        self.stockcode = chart[:6]
        self.market = chart[7:]
        self.period = "1m"
        self.dividend_type = "none"
        self.do_back_test = False
        self.barpos = -1
        self.capital = 1000000
        self.benchmark = "000300.SH"
        self.time_tick_size = 0

    # ---- the run

    def set_account(self, account: str) -> None:
        self._api.call(self._api.set_account, self._script, account)

    def run_time(self, function: str, period: str, start: str, market: str = "SH") -> None:
        self._api.call(self._api.run_time, self._script, function, period, start)

    def is_last_bar(self) -> bool:
        return bool(self._api.call(self._api.is_last_bar))

    def is_new_bar(self) -> bool:
        return bool(self._api.call(self._api.is_new_bar))

    def get_bar_timetag(self, barpos: int) -> int:
        return int(self._api.call(self._api.bar_timetag, barpos))

    def get_tick_timetag(self) -> int:
        return int(self._api.call(self._api.tick_timetag))

    # ---- quotes

    def get_full_tick(self, stock_code: Any = ()) -> Dict[str, Dict[str, Any]]:
        codes = stock_code or [self.stockcode + "." + self.market]
        found: Dict[str, Dict[str, Any]] = self._api.call(self._api.full_tick, codes)
        return found

    def get_market_data(
        self,
        fields: Any,
        stock_code: Any = (),
        start_time: str = "",
        end_time: str = "",
        skip_paused: bool = True,
        period: str = "follow",
        dividend_type: str = "follow",
        count: int = -1,
    ) -> Any:
        codes = stock_code or [self.stockcode + "." + self.market]
        return self._api.call(self._api.market_data, fields, codes, period, bool(start_time or end_time), count)

    def get_market_data_ex(
        self,
        fields: Any = (),
        stock_code: Any = (),
        period: str = "follow",
        start_time: str = "",
        end_time: str = "",
        count: int = -1,
        dividend_type: str = "follow",
        fill_data: bool = True,
        subscribe: bool = True,
    ) -> Dict[str, Any]:
        codes = stock_code or [self.stockcode + "." + self.market]
        frames: Dict[str, Any] = self._api.call(self._api.market_data_ex, fields, codes, period, count)
        return frames

    def get_stock_name(self, stock_code: str) -> str:
        return str(self._api.call(self._api.stock_name, stock_code))

    def get_instrument_detail(self, stock_code: str) -> Dict[str, Any]:
        detail: Dict[str, Any] = self._api.call(self._api.instrument_detail, stock_code)
        return detail

    def get_trading_dates(self, code: str, start: str, end: str, count: int, period: str = "1d") -> List[str]:
        dates: List[str] = self._api.call(self._api.trading_dates, code, start, end, count)
        return dates


class Rollback:
    """Keeps a ContextInfo as it was before a bar's first tick and puts it back before each further tick of that bar."""

    def __init__(self) -> None:
        self._saved: Dict[str, Any] = {}

    def before_tick(self, context: ContextInfo, new_bar: bool) -> None:
        if new_bar:
            self._saved = _copy(vars(context))
            return
        barpos = context.barpos
        vars(context).clear()
        vars(context).update(_copy(self._saved))
        context.barpos = barpos


def _copy(values: Dict[str, Any]) -> Dict[str, Any]:
    """A deep copy; what cannot be copied is kept as it is (what the real client does then is unknown)."""
    copied = {}
    for name, value in values.items():
        try:
            copied[name] = copy.deepcopy(value)
        except Exception:  # a strategy's own class may raise anything from __deepcopy__
            copied[name] = value
    return copied


def bar_start(now: float) -> float:
    """The start of the one-minute bar that `now` lies in."""
    return now - (now + times.CHINA) % 60
