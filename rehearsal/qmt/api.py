"""What scripts can call: the functions that QMT injects, and the work behind ContextInfo's methods.

Every call goes through `Api.call`, where its time is taken out of the strategy's cost and the drill `raise` strikes.
"""

import copy
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence, Tuple

from . import passorder as orders
from . import times
from .script import Script, Timer

if TYPE_CHECKING:
    from .host import Host

_TABLES = ("account", "position", "order", "deal")
_PERIOD = re.compile(r"^(\d+)n(Second|MilliSecond|Day)$")
_SECONDS = {"Second": 1.0, "MilliSecond": 0.001, "Day": 86400.0}


class Api:
    def __init__(self, host: "Host") -> None:
        self.entry = ""  # the entry point that runs now; '' = none
        self._host = host
        self._raise_next = False
        self._last_bar = False
        self._new_bar = False
        self._bar = 0.0
        self._later: List[Tuple[Script, orders.Call]] = []  # quickTrade 0: signals of the newest tick
        self._errors: List[Tuple[Script, Dict[str, Any], str]] = []  # for orderError_callback

    def at_bar(self, bar: float, new_bar: bool, last: bool) -> None:
        """What is_last_bar and the like answer during the handlebar that follows; `bar` is the bar's start."""
        self._bar, self._new_bar, self._last_bar = bar, new_bar, last

    def raise_in_next_handlebar(self) -> None:
        self._raise_next = True

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._raise_next and self.entry == "handlebar":
            self._raise_next = False
            raise RuntimeError("模拟的 QMT 内部错误")
        return self._host.ledger.inside(function, *args)

    def take_errors(self) -> List[Tuple[Script, Dict[str, Any], str]]:
        errors, self._errors = self._errors, []
        return errors

    # ---- injected into a script's globals in 实盘

    def injected(self, script: Script) -> Dict[str, Any]:
        return {
            "account": self._host.account,
            "accountType": "STOCK",
            "passorder": lambda *args: self.call(self._passorder, script, args),
            "cancel": lambda *args: self.call(self._cancel, *args),
            "get_trade_detail_data": lambda *args: self.call(self._trade_detail_data, *args),
            "timetag_to_datetime": lambda ms, form: times.text(ms / 1000.0, form),
        }

    def _passorder(self, script: Script, args: Any) -> None:
        call = orders.read(args)
        if call.account != self._host.account or call.code not in self._host.quotes.market.bars:
            self._host.logs.client("[函数交易] 账号或证券代码不合法: %s %s" % (call.account, call.code))
        elif call.quick_trade == 2 or (call.quick_trade == 1 and self._last_bar):
            self._send(script, call)
        elif call.quick_trade == 0 and self._last_bar:
            self._later.append((script, call))

    def send_what_waited(self, script: Script, new_bar: bool) -> None:
        """Before each tick: of quickTrade 0, only signals of a bar's last tick are sent, with the next bar's first."""
        mine = [call for owner, call in self._later if owner is script]
        self._later = [item for item in self._later if item[0] is not script]
        for call in mine if new_bar else ():
            self._send(script, call)

    def _send(self, script: Script, call: orders.Call) -> None:
        now = self._host.now()
        made = orders.to_request(
            call, self._host.quotes.market.tick(call.code, self._host.quotes.number(now)), script.name
        )
        if isinstance(made, orders.Refusal):
            self._host.logs.client(made.words)
            if not made.dialog_only:
                self._errors.append((script, orders.error_args(call), made.words))
            return
        self._host.broker.submit(made, now)

    def _cancel(self, sysid: str, account: str, account_type: str, context: Any) -> bool:
        return self._host.broker.connected and self._host.broker.cancel(str(sysid), self._host.now())

    def _trade_detail_data(self, account: str, account_type: str, data_type: str, strategy: str = "") -> List[Any]:
        kind = data_type.lower()
        # Off the strategy thread, where no entry point runs, the real client gives nothing.
        if kind not in _TABLES or str(account) != self._host.account or not self.entry:
            return []
        return [copy.copy(obj) for obj in self._host.broker.view(kind, strategy)]

    # ---- behind ContextInfo

    def set_account(self, script: Script, account: str) -> None:
        script.accounts.append(str(account))

    def run_time(self, script: Script, function: str, period: str, start: str) -> None:
        match = _PERIOD.match(period)
        if not match or not re.match(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", start):
            return  # the real client says nothing either; the timer just never fires
        seconds = int(match.group(1)) * _SECONDS[match.group(2)]
        if seconds > 0:
            script.timers.append(Timer(script.scope, function, seconds, self._host.now() + seconds))

    def is_last_bar(self) -> bool:
        return self._last_bar

    def is_new_bar(self) -> bool:
        return self._new_bar

    def bar_timetag(self, barpos: int) -> int:
        return int(self._bar * 1000)

    def tick_timetag(self) -> int:
        return int(self._host.quotes.tick_at(self._host.now()) * 1000)

    def full_tick(self, codes: Sequence[str]) -> Dict[str, Dict[str, Any]]:
        return self._host.quotes.full_tick(codes, self._host.now())

    def stock_name(self, code: str) -> str:
        return self._host.quotes.market.name(code)

    def market_data(self, fields: Any, codes: Any, period: str, ranged: bool, count: int) -> Any:
        return self._host.quotes.market_data(fields, codes, self._host.now(), ranged, count)

    def market_data_ex(self, fields: Any, codes: Any, period: str, count: int) -> Dict[str, Any]:
        return {code: self._host.quotes.frame(fields, code, self._host.now(), count) for code in codes}

    def instrument_detail(self, code: str) -> Dict[str, Any]:
        tick = self._host.quotes.market.tick(code, self._host.quotes.number(self._host.now()))
        return {
            "InstrumentName": self._host.quotes.market.name(code),
            "PreClose": tick.last_close,
            "UpStopPrice": round(tick.last_close * 1.1, 3),
            "DownStopPrice": round(tick.last_close * 0.9, 3),
            "PriceTick": 0.001,
            "OpenDate": "20120528",
            "InstrumentStatus": 0,
        }

    def trading_dates(self, code: str, start: str, end: str, count: int) -> List[str]:
        dates = [date for date, _ in self._host.quotes.daily(code, self._host.now(), -1)]
        kept = [date for date in dates if (not start or date >= start) and (not end or date <= end)]
        return kept if count < 0 else kept[-count:]
