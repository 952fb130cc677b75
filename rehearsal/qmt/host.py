"""The client's one thread: everything that calls into a script goes through here, one after the other.

`step()` does all that is due and returns; the process around it sleeps between steps. A strategy that blocks therefore
blocks the others, as in the real client (qmt-facts 1.9).
"""

import contextlib
import random
import time
import traceback
from typing import Any, Callable, Dict, Sequence

from rehearsal.market import Market

from .api import Api
from .behaviours import Behaviours
from .broker import Broker
from .contextinfo import bar_start
from .ledger import Ledger
from .logs import Logs, Printed
from .owner import Owner
from .quotes import Quotes
from .script import Script, Source

_CALLBACKS = {
    "account": "account_callback",
    "position": "position_callback",
    "order": "order_callback",
    "deal": "deal_callback",
    "orderError": "orderError_callback",
}


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
        self.now = now
        self._next_tick = start
        self._silent = False
        self.api = Api(self)
        if behaviours.quotes_frozen:
            self.quotes.freeze(start)

    # ---- life

    def start(self) -> None:
        """Log in and run every script from init, history bars included."""
        self.logs.client("[login] 账号 %s 登录成功" % self.account)
        self.logs.client("[trade]start trading mode, m_bTrade=1")
        self.logs.client("[quote] " + self.quotes.market.source)
        self._advance(self.now())
        for script in self.scripts:
            self._run_from_init(script, keep_timers=False)

    def step(self) -> None:
        """Do what is due now: pushes of the broker, timers, a tick."""
        now = self.now()
        self.owner.act(self.broker, now, self.quotes.number(now))
        self._advance(now)
        if not self._silent:
            self._call_timers(now)
        if now >= self._next_tick:
            self._next_tick = self.quotes.next_at(now)
            if not self._silent and not self.quotes.frozen:
                self._tick(now)

    def next_due(self) -> float:
        """When the next step is worth making."""
        due = [self._next_tick, self.owner.next_at, self.broker.next_due()]
        if not self._silent:
            due.extend(timer.next_at for script in self.scripts for timer in script.timers)
        return min(due)

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
            "freeze-quotes": lambda: self.quotes.freeze(self.now()),
            "thaw-quotes": self.quotes.thaw,
            "reconnect": self._reconnect,
            "raise": self.api.raise_in_next_handlebar,
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

    # ---- calling scripts

    def _run_from_init(self, script: Script, keep_timers: bool) -> None:
        self._enter(script, "load", script.start, self, keep_timers)
        self._enter(script, "init", script.function("init"), script.context)
        self._enter(script, "after_init", script.function("after_init"), script.context)
        now = self.now()
        for back in range(self.behaviours.history_bars, 0, -1):
            self._handlebar(script, bar_start(now) - 60 * back, last=False)

    def _tick(self, now: float) -> None:
        for script in self.scripts:
            self.api.send_what_waited(script, new_bar=bar_start(now) != script.bar)
            self._handlebar(script, bar_start(now), last=True)

    def _handlebar(self, script: Script, bar: float, last: bool) -> None:
        if script.context is None:
            return
        new_bar = bar != script.bar
        self.api.at_bar(bar, new_bar, last)
        if new_bar:
            script.bar = bar
            script.context.barpos += 1
        if self.behaviours.rollback:
            script.rollback.before_tick(script.context, new_bar)
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
            for script in self.scripts:
                self._call_back(script, kind, obj)
        for script, order_args, words in self.api.take_errors():
            self._call_back(script, "orderError", order_args, words)

    def _call_back(self, script: Script, kind: str, *args: Any) -> None:
        if self._silent:
            return
        if self.account in script.accounts or not self.behaviours.callbacks_need_set_account:
            name = _CALLBACKS[kind]
            self._enter(script, name, script.function(name), script.context, *args)

    def _enter(self, script: Script, entry: str, function: Any, *args: Any) -> None:
        """Call into a script. What it raises ends up in the formula log and stops the script for good."""
        if not callable(function) or (script.stopped and entry != "load"):
            return
        self.api.entry = entry
        printed: Any = Printed(self.logs, script.name)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                self.ledger.entry(script.name, entry, function, *args)
        except (Exception, SystemExit):  # the client survives whatever a strategy does
            self.logs.formula(script.name, traceback.format_exc())
            script.stopped = True
        finally:
            printed.finish()
            self.api.entry = ""
