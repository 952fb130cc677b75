"""ContextInfo as a script sees it, and the way QMT rolls it back between the ticks of one bar (qmt-facts 1.7).

What the script sets on it lives in its __dict__ and is deep-copied; the link to the client lives in a slot and is not.
"""

import copy
import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List

if TYPE_CHECKING:
    from .quote_api import QuoteApi
    from .script import Script

_PLAIN = (int, float, str, bool, type(None), bytes)  # never change, so a copy is not needed
_ZERO = datetime.timedelta(0)


class ContextInfo:
    __slots__ = ("_api", "_script", "__dict__")

    def __init__(self, api: "QuoteApi", script: "Script", chart: str, period: str) -> None:
        self._api = api
        self._script = script
        self.stockcode = chart[:6]
        self.market = chart[7:]
        self.period = period
        self.dividend_type = "none"
        self.do_back_test = False
        self.barpos = -1
        self.capital = 1000000
        self.benchmark = "000300.SH"
        self.time_tick_size = 0

    def __getattr__(self, name: str) -> Any:
        # AttributeError, as in QMT: scripts ask hasattr(ContextInfo, "mine") before they set it.
        if not name.startswith("__"):
            self._api.missing(self._script, name)
        raise AttributeError("'ContextInfo' object has no attribute %r" % name)

    # ---- the run

    def set_account(self, account: str) -> None:
        self._api.call(self._api.set_account, self._script, account)

    def run_time(self, function: str, period: str, start: str, market: str = "SH") -> None:
        self._api.call(self._api.run_time, self._script, function, period, start)

    def schedule_run(
        self,
        func: Any,
        time_point: Any,
        repeat_times: int = 0,
        interval: datetime.timedelta = _ZERO,
        name: str = "",
    ) -> int:
        return int(self._api.call(self._api.schedule_run, self._script, func, time_point, repeat_times, interval, name))

    def cancel_schedule_run(self, key: Any) -> bool:
        return bool(self._api.call(self._api.cancel_schedule_run, self._script, key))

    def is_last_bar(self) -> bool:
        return bool(self._api.call(self._api.is_last_bar))

    def is_new_bar(self) -> bool:
        return bool(self._api.call(self._api.is_new_bar))

    def get_bar_timetag(self, barpos: int) -> int:
        return int(self._api.call(self._api.bar_timetag, self._script, barpos))

    def get_tick_timetag(self) -> int:
        return int(self._api.call(self._api.tick_timetag))

    # ---- quotes

    def get_full_tick(self, stock_code: Any = ()) -> Dict[str, Dict[str, Any]]:
        found: Dict[str, Dict[str, Any]] = self._api.call(self._api.full_tick, self._codes(stock_code))
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
        codes, kind = self._codes(stock_code), self._kind(dividend_type)
        return self._api.call(
            self._api.market_data, fields, codes, self._period(period), start_time, end_time, count, kind
        )

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
        codes, kind = self._codes(stock_code), self._kind(dividend_type)
        frames: Dict[str, Any] = self._api.call(
            self._api.market_data_ex, fields, codes, self._period(period), start_time, end_time, count, kind
        )
        return frames

    def subscribe_quote(
        self,
        stock_code: str,
        period: str = "follow",
        dividend_type: str = "follow",
        result_type: str = "",
        callback: Any = None,
    ) -> int:
        return int(self._api.call(self._api.subscribe, self._script, [stock_code], callback))

    def subscribe_whole_quote(self, code_list: Any, callback: Any = None) -> int:
        return int(self._api.call(self._api.subscribe, self._script, list(code_list), callback))

    # ---- facts

    def get_stock_name(self, stock_code: str) -> str:
        return str(self._api.call(self._api.stock_name, stock_code))

    def get_open_date(self, stock_code: str) -> int:
        return int(self._api.call(self._api.open_date, stock_code))

    def get_instrument_detail(self, stock_code: str) -> Dict[str, Any]:
        detail: Dict[str, Any] = self._api.call(self._api.instrument_detail, stock_code)
        return detail

    def get_divid_factors(self, stock_code: str) -> Dict[int, List[float]]:
        factors: Dict[int, List[float]] = self._api.call(self._api.divid_factors, stock_code)
        return factors

    def get_trading_dates(self, code: str, start: str, end: str, count: int, period: str = "1d") -> List[str]:
        dates: List[str] = self._api.call(self._api.trading_dates, code, start, end, count)
        return dates

    # ---- what 'follow' and a missing code stand for

    def _codes(self, codes: Any) -> List[str]:
        if isinstance(codes, str):
            return [codes]
        return list(codes) or [self.stockcode + "." + self.market]

    def _period(self, period: str) -> str:
        return self.period if period in ("follow", "") else period

    def _kind(self, kind: str) -> str:
        return self.dividend_type if kind in ("follow", "") else kind


class Rollback:
    """Keeps a ContextInfo as it was before a bar's first tick and puts it back before each further tick of that bar."""

    def __init__(self) -> None:
        self._saved: Dict[str, Any] = {}

    def before_tick(self, context: ContextInfo, new_bar: bool) -> None:
        if new_bar:
            self._saved = _copy(vars(context))
            return
        vars(context).clear()
        vars(context).update(_copy(self._saved))


def _copy(values: Dict[str, Any], deepcopy: Callable[[Any], Any] = copy.deepcopy) -> Dict[str, Any]:
    """A deep copy; what cannot be copied is kept as it is (what the real client does then is unknown)."""
    copied = {}
    for name, value in values.items():
        if isinstance(value, _PLAIN):
            copied[name] = value
            continue
        try:
            copied[name] = deepcopy(value)
        except Exception:  # a strategy's own class may raise anything from __deepcopy__
            copied[name] = value
    return copied
