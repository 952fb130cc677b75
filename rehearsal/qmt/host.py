"""The client's one thread: everything that calls into a script goes through here, one after the other.

`step(now)` does all that is due and returns; the process around it sleeps between steps. A strategy that blocks therefore
blocks the others, as in the real client (qmt-facts 1.9).
"""

import contextlib
import random
import re
import time
import traceback
from typing import Any, Callable, Dict, List, Sequence

from rehearsal.market import Market

from . import passorder as orders
from . import times
from .behaviours import Behaviours
from .broker import Broker
from .contextinfo import bar_start
from .ledger import Ledger
from .logs import Logs, Printed
from .owner import Owner
from .quotes import Quotes
from .script import Script, Source, Timer

_TABLES = {"account": "account", "position": "position", "order": "order", "deal": "deal"}
_CALLBACKS = {
    "account": "account_callback",
    "position": "position_callback",
    "order": "order_callback",
    "deal": "deal_callback",
}
_PERIOD = re.compile(r"^(\d+)n(Second|MilliSecond|Day)$")
_SECONDS = {"Second": 1.0, "MilliSecond": 0.001, "Day": 86400.0}


class Host:
    def __init__(
        self,
        folder: str,
        sources: Sequence[Source],
        market: Market,
        account: str = "2000567",
        behaviours: Behaviours = Behaviours(),  # noqa: B008  # immutable
        seed: int = 1,
        tick_seconds: float = 3.0,
        owner_seconds: float = 5.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        start = now()
        self.account = account
        self.behaviours = behaviours
        self.chart = "510300.SH" if "510300.SH" in market.codes else market.codes[0]
        self.quotes = Quotes(market, start, tick_seconds, behaviours.tick_time)
        self.broker = Broker(account, market, behaviours, random.Random("broker %d" % seed), start)
        self.owner = Owner(owner_seconds, random.Random("owner %d" % seed), start)
        self.scripts = [Script(source) for source in sources]
        self.logs = Logs(folder, now)
        self.ledger = Ledger(folder)
        self._now = now
        self._next_tick = start
        self._silent = False
        self._raise_next = False
        self._entry = ""  # the entry point that runs now; '' = none
        self._last_bar = False
        self._new_bar = False
        self._bar = 0.0
        self._later: List[Any] = []  # (script, call) of quickTrade 0, sent at the next bar's first tick
        if behaviours.quotes_frozen:
            self.quotes.freeze(start)

    # ---- life

    def start(self) -> None:
        """Log in and run every script from init, history bars included."""
        self.logs.client("[login] 账号 %s 登录成功" % self.account)
        self.logs.client("[trade]start trading mode, m_bTrade=1")
        self._advance(self._now())
        for script in self.scripts:
            self._run_from_init(script, keep_timers=False)

    def step(self) -> None:
        """Do what is due now: pushes of the broker, timers, a tick."""
        now = self._now()
        self.owner.act(self.broker, now, self.quotes.number(now))
        self._advance(now)
        if not self._silent:
            self._call_timers(now)
        if now >= self._next_tick:
            self._next_tick = self.quotes.tick_seconds * (1 + int(now / self.quotes.tick_seconds))
            if not self._silent and not self.quotes.frozen:
                self._tick(now)

    def next_due(self) -> float:
        """When the next step is worth making."""
        timers = [timer.next_at for script in self.scripts for timer in script.timers]
        return min([self._next_tick, self.owner.next_at, self.broker.next_due()] + timers)

    def close(self) -> None:
        for script in self.scripts:
            self._enter(script, "stop", script.function("stop"), script.context)
        self.logs.client("[main] exit")
        self.ledger.close()

    # ---- commands of drills

    def command(self, name: str) -> bool:
        """Carry out one command; False where there is none of that name."""
        commands: Dict[str, Callable[[], None]] = {
            "silent": lambda: self._set_silent(True),
            "speak": lambda: self._set_silent(False),
            "reinit": self._reinit,
            "logout": self._logout,
            "login": self._login,
            "freeze-quotes": lambda: self.quotes.freeze(self._now()),
            "thaw-quotes": self.quotes.thaw,
            "reconnect": self._reconnect,
            "raise": self._raise_in_next_handlebar,
        }
        if name not in commands:
            return False
        commands[name]()
        return True

    def _set_silent(self, silent: bool) -> None:
        self._silent = silent

    def _reinit(self) -> None:
        """What QMT does at a change of trading day and at a quote reconnect."""
        for script in self.scripts:
            self._run_from_init(script, keep_timers=self.behaviours.timers_survive_reinit)

    def _logout(self) -> None:
        self.broker.connected = False
        self.logs.client("[login] 账号 %s 连接断开" % self.account)

    def _login(self) -> None:
        self.broker.connected = True
        self.logs.client("[login] 账号 %s 登录成功" % self.account)

    def _reconnect(self) -> None:
        self.logs.client("[login] 账号 %s 连接断开，重新连接成功" % self.account)
        if self.behaviours.replay_on_reconnect:
            self.broker.replay()

    def _raise_in_next_handlebar(self) -> None:
        self._raise_next = True

    # ---- calling scripts

    def _run_from_init(self, script: Script, keep_timers: bool) -> None:
        self._enter(script, "load", script.start, self, keep_timers)
        self._enter(script, "init", script.function("init"), script.context)
        self._enter(script, "after_init", script.function("after_init"), script.context)
        now = self._now()
        for back in range(self.behaviours.history_bars, 0, -1):
            self._handlebar(script, bar_start(now) - 60 * back, last=False)

    def _tick(self, now: float) -> None:
        for script in self.scripts:
            self._send_what_waited(script, new_bar=bar_start(now) != script.bar)
            self._handlebar(script, bar_start(now), last=True)

    def _handlebar(self, script: Script, bar: float, last: bool) -> None:
        if script.context is None:
            return
        self._new_bar = bar != script.bar
        self._last_bar = last
        self._bar = bar
        if self._new_bar:
            script.bar = bar
            script.context.barpos += 1
        if self.behaviours.rollback:
            script.rollback.before_tick(script.context, self._new_bar)
        self._enter(script, "handlebar", script.function("handlebar"), script.context)

    def _call_timers(self, now: float) -> None:
        for script in self.scripts:
            for timer in list(script.timers):
                if now >= timer.next_at:
                    timer.next_at += timer.seconds * (1 + int((now - timer.next_at) / timer.seconds))
                    self._enter(script, "timer", timer.scope.get(timer.function), script.context)

    def _advance(self, now: float) -> None:
        for kind, obj in self.broker.advance(now, self.quotes.number(now)):
            if kind == "order" and obj.m_nOrderStatus == 50:
                self.logs.client("CTradeClient::order %s %s" % (obj.m_strInstrumentID, obj.m_strOrderSysID))
            if not self._silent:
                for script in self.scripts:
                    self._call_back(script, _CALLBACKS[kind], obj)

    def _call_back(self, script: Script, name: str, *args: Any) -> None:
        if self.account in script.accounts or not self.behaviours.callbacks_need_set_account:
            self._enter(script, name, script.function(name), script.context, *args)

    def _enter(self, script: Script, entry: str, function: Any, *args: Any) -> None:
        """Call into a script. What it raises ends up in the formula log and stops the script for good."""
        if not callable(function) or (script.stopped and entry != "load"):
            return
        self._entry = entry
        try:
            with contextlib.redirect_stdout(Printed(self.logs, script.name)):  # type: ignore[type-var]
                self.ledger.entry(script.name, entry, function, *args)
        except (Exception, SystemExit):  # the client survives whatever a strategy does
            self.logs.formula(script.name, traceback.format_exc())
            script.stopped = True
        finally:
            self._entry = ""

    # ---- the API that scripts call

    def api(self, function: Callable[..., Any], *args: Any) -> Any:
        """Every call of a script into the client: timed apart, and the place where the drill `raise` strikes."""
        if self._raise_next and self._entry == "handlebar":
            self._raise_next = False
            raise RuntimeError("模拟的 QMT 内部错误")
        return self.ledger.inside(function, *args)

    def injected(self, script: Script) -> Dict[str, Any]:
        """The globals that QMT puts into a script in 实盘."""
        return {
            "account": self.account,
            "accountType": "STOCK",
            "passorder": lambda *args: self.api(self._passorder, script, args),
            "cancel": lambda *args: self.api(self._cancel, *args),
            "get_trade_detail_data": lambda *args: self.api(self._trade_detail_data, *args),
            "timetag_to_datetime": lambda ms, form: times.text(ms / 1000.0, form),
        }

    def _passorder(self, script: Script, args: Any) -> None:
        call = orders.read(args)
        if call.account != self.account or call.code not in self.quotes.market.bars:
            self.logs.client("[函数交易] 账号或证券代码不合法: %s %s" % (call.account, call.code))
        elif call.quick_trade == 2 or (call.quick_trade == 1 and self._last_bar):
            self._send(script, call)
        elif call.quick_trade == 0 and self._last_bar:
            # Only the signal of a bar's last tick counts: a newer tick's signals replace these.
            self._later.append((script, call, self._now()))

    def _send_what_waited(self, script: Script, new_bar: bool) -> None:
        mine = [item for item in self._later if item[0] is script]
        self._later = [item for item in self._later if item[0] is not script]
        if new_bar and mine:
            last = max(at for _, _, at in mine)
            for _, call, at in mine:
                if at == last:
                    self._send(script, call)

    def _send(self, script: Script, call: orders.Call) -> None:
        now = self._now()
        made = orders.to_request(call, self.quotes.market.tick(call.code, self.quotes.number(now)), script.name)
        if isinstance(made, orders.Refusal):
            self.logs.client(made.words)
            return
        self.broker.submit(made, now)

    def _cancel(self, sysid: str, account: str, account_type: str, context: Any) -> bool:
        return self.broker.connected and self.broker.cancel(str(sysid), self._now())

    def _trade_detail_data(self, account: str, account_type: str, data_type: str, strategy: str = "") -> List[Any]:
        kind = _TABLES.get(data_type.lower())
        # Off the strategy thread, where no entry point runs, the real client gives nothing.
        if kind is None or account != self.account or not self._entry:
            return []
        return self.broker.view(kind)

    def set_account(self, script: Script, account: str) -> None:
        script.accounts.append(str(account))

    def run_time(self, script: Script, function: str, period: str, start: str) -> None:
        match = _PERIOD.match(period)
        if not match or not re.match(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", start):
            return  # the real client says nothing either; the timer just never fires
        seconds = int(match.group(1)) * _SECONDS[match.group(2)]
        if seconds > 0:
            script.timers.append(Timer(script.scope, function, seconds, self._now() + seconds))

    def is_last_bar(self) -> bool:
        return self._last_bar

    def is_new_bar(self) -> bool:
        return self._new_bar

    def bar_timetag(self, barpos: int) -> int:
        return int(self._bar * 1000)

    def tick_timetag(self) -> int:
        return int(self.quotes.tick_at(self._now()) * 1000)

    def full_tick(self, codes: Sequence[str]) -> Dict[str, Dict[str, Any]]:
        return self.quotes.full_tick(codes, self._now())

    def market_data(self, fields: Any, codes: Any, period: str, ranged: bool, count: int) -> Any:
        return self.quotes.market_data(fields, codes, self._now(), ranged, count)

    def market_data_ex(self, fields: Any, codes: Any, period: str, count: int) -> Dict[str, Any]:
        return {code: self.quotes.frame(fields, code, self._now(), count) for code in codes}

    def instrument_detail(self, code: str) -> Dict[str, Any]:
        tick = self.quotes.market.tick(code, self.quotes.number(self._now()))
        return {
            "InstrumentName": self.quotes.market.name(code),
            "PreClose": tick.last_close,
            "UpStopPrice": round(tick.last_close * 1.1, 3),
            "DownStopPrice": round(tick.last_close * 0.9, 3),
            "PriceTick": 0.001,
            "OpenDate": "20120528",
            "InstrumentStatus": 0,
        }

    def trading_dates(self, code: str, start: str, end: str, count: int) -> List[str]:
        dates = [date for date, _ in self.quotes.daily(code, self._now(), -1)]
        kept = [date for date in dates if (not start or date >= start) and (not end or date <= end)]
        return kept if count < 0 else kept[-count:]
