"""The client's one thread: everything that calls into a script goes through here, one after the other.

`step()` does all that is due and returns. A process calls it in a loop on the real clock; in-process, `run_to`, `tick`
and `run_day` move the simulated clock from one due moment to the next. A strategy that blocks holds up the others, as
in the real client (qmt-facts 1.9).
"""

import os
import random
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from . import times
from .cache import Cache
from .calling import Caller
from .chart import Chart
from .ledger import Ledger
from .logs import Logs
from .quote_api import QuoteApi
from .quotes import Quotes
from .script import Script, Source
from .statement import Statement
from .trade_api import TradeApi
from .world import World

CALLBACKS = {
    "account": "account_callback",
    "task": "task_callback",
    "order": "order_callback",
    "deal": "deal_callback",
    "position": "position_callback",
    "orderError": "orderError_callback",
    "credit_account": "credit_account_callback",
}
_NEW_DAY = 9 * 3600  # seconds of the day: 启用自动初始化
_NEVER = float("inf")
_REAL_CLOCK = time.time


class Client:
    """One installation of QMT with the scripts mounted in it. `start` and `kill` are the runs of its process."""

    def __init__(
        self,
        world: World,
        sources: Sequence[Source] = (),
        folder: str = "",
        period: str = "1m",
        code: str = "",
        site_packages: Sequence[str] = (),
        environ: Optional[Mapping[str, str]] = None,
        tick_seconds: float = 0.0,
    ) -> None:
        """`folder`: where logs, posted.jsonl and costs.jsonl go; '' = nowhere. `period`, `code`: of the main chart.
        `environ`: variables that scripts see. `tick_seconds`: a tick that often by itself; 0 = only by tick()."""
        self.world = world
        self.behaviours = world.behaviours
        self.sources: List[Source] = list(sources)
        self.more_globals: Dict[str, Any] = {}  # a test's own names in every script
        self.logs = Logs(folder, world.now)
        self.ledger = Ledger(folder)
        self.caller = Caller(world, self.logs, self.ledger, site_packages, environ or {})
        codes = world.market.codes
        chart_code = code or ("510300.SH" if "510300.SH" in codes else codes[0])
        self.chart = Chart(world.exchange, chart_code, period)
        self.quotes = Quotes(world.exchange)
        self.running = False
        self.connected = True  # the trade link; off by disconnect()
        self.silent = False
        self.number = 0
        self.scripts: List[Script] = []
        self._tick_seconds = tick_seconds
        self._fresh_run()

    # ---- mounting and life

    def mount(self, name: str, source: bytes) -> None:
        """Put a script on the chart for the next start()."""
        self.sources.append(Source(name, source))

    def mount_file(self, path: str) -> None:
        with open(path, "rb") as file:
            self.mount(os.path.splitext(os.path.basename(path))[0], file.read())

    def start(self) -> None:
        """Open the client: log in and run every script from init, history bars included."""
        self._fresh_run()
        self.running = True
        self.logs.client("[login] 账号 %s 登录成功" % self.world.account)
        self.logs.client("[trade]start trading mode, m_bTrade=1")
        self.logs.client("[quote] " + self.world.market.source)
        self._advance(self.world.now())
        for script in self.scripts:
            self._run_from_init(script, keep_timers=False)

    def kill(self) -> None:
        """The process ends at once: no stop(), modules, cache and pushes gone; the broker goes on."""
        self.running = False
        self.scripts = []
        self.caller.imports.forget()

    def stop(self) -> None:
        """Close the client in good order: stop(C) of each script, then the end."""
        for script in self.scripts:
            self.caller.enter(script, "stop", script.function("stop"), script.context)
        self.logs.client("[main] exit")
        self.kill()

    def close(self) -> None:
        """stop(), and its files are closed: the end of this installation."""
        self.stop()
        self.ledger.close()

    def _fresh_run(self) -> None:
        now = self.world.now()
        self.number = self.world.next_client()
        chance = random.Random("client %d %d" % (self.world.seed, self.number))
        self.statement = Statement(self.world.account, self.world.market, self.behaviours, self.number)
        self.cache = Cache(self.world.broker, self.statement, self.behaviours, chance, self._quote, now)
        self.trade_api = TradeApi(self)
        self.quote_api = QuoteApi(self)
        self.scripts = [Script(source) for source in self.sources]
        span = self.behaviours.login_after
        self._login_at = now + (chance.uniform(*span) if span[1] > 0 else 0.0)
        self._next_tick = now if self._tick_seconds else _NEVER
        self._day = times.day(now)
        self._new_day_at = self._next_new_day(now)

    def _quote(self, code: str) -> Any:
        return self.quotes.tick(code, self.world.now())

    def _next_new_day(self, now: float) -> float:
        """When the client initialises itself for the next day."""
        at = now - times.second_of_day(now) + _NEW_DAY
        return at if at > now else at + 86400

    # ---- the loop

    def step(self) -> None:
        """Do what is due now: the broker, pushes, timers, a tick."""
        now = self.world.now()
        self._advance(now)
        if now >= self._new_day_at:
            self._begin_day(now)
        if not self.silent:
            self._call_timers(now)
        if now >= self._next_tick:
            self._next_tick += self._tick_seconds * (1 + int((now - self._next_tick) / self._tick_seconds))
            self._tick(now)

    def next_due(self) -> float:
        """When the next step is worth making."""
        due: List[float] = [self._next_tick, self._new_day_at, self.world.broker.next_due(), self.cache.next_due()]
        if not self.silent:
            due.extend(timer.next_at for script in self.scripts for timer in script.timers)
        return min(due)

    def run_to(self, at: float) -> None:
        """Let time pass up to `at`, everything done when it is due. SimClock only."""
        clock: Any = self.world.clock
        self._advance(self.world.now())  # notice what was done to the broker since
        while True:
            due = self.next_due()
            if due >= at:
                break
            clock.set(due)
            self.step()
        clock.set(at)
        self.step()

    def tick(self, at: float = 0.0) -> None:
        """The main chart's tick at `at` (0.0: now): handlebar of every script. SimClock only."""
        if at:
            self.run_to(at)
        self._tick(self.world.now())

    def run_day(self, day: str, ticks: int = 4741, until: str = "15:30") -> None:
        """One trading day: ticks in the auctions, `ticks` of continuous trading, the close, then on to `until`.
        61 ticks meet the prices of rehearsal.market.path(bar), 4,741 are one every 3 seconds."""
        early = [times.at(day, clock) for clock in ("09:15", "09:20", "09:25")]
        late = [times.at(day, clock) for clock in ("14:58:30", "15:00")]
        for at in early + self.world.hours.tick_times(day, ticks) + late:
            if at > self.world.now():
                self.tick(at)
        self.run_to(times.at(day, until))

    # ---- what happens to a client

    def reinit(self) -> None:
        """What QMT does at a change of trading day and at a quote reconnect: all scripts again from init."""
        for script in self.scripts:
            self._run_from_init(script, keep_timers=self.behaviours.timers_survive_reinit)

    def quote_reconnect(self) -> None:
        self.logs.client("[quote] 行情断线，重新连接成功")
        self.reinit()

    def disconnect(self) -> None:
        """The trade link is cut: tables are empty, pushes are lost, orders do not leave."""
        self.connected = False
        self.logs.client("[login] 账号 %s 连接断开" % self.world.account)

    def login(self) -> None:
        """The trade link is back without a replay."""
        self.connected = True
        self.logs.client("[login] 账号 %s 登录成功" % self.world.account)

    def reconnect(self) -> None:
        """The trade link is back; where the behaviour says so, today's orders and deals are pushed again."""
        self.cache.forget_pushes()
        self.connected = True
        self.logs.client("[login] 账号 %s 连接断开，重新连接成功" % self.world.account)
        if self.behaviours.replay_on_reconnect:
            self.cache.replay(self.world.now())

    def freeze_quotes(self) -> None:
        self.behaviours.on("quotes_frozen")
        self.quotes.freeze(self.world.now())

    def thaw_quotes(self) -> None:
        self.behaviours.off("quotes_frozen")
        self.behaviours.off("stale_ticks")
        self.quotes.thaw()

    def extra_handlebar(self) -> None:
        """handlebar of every script, whatever the hour: as after a restart of the quote service."""
        for script in self.scripts:
            self._handlebar(script, self.chart.bar_start(self.world.now()), last=True)

    def raise_in_next_handlebar(self) -> None:
        """The next call of a handlebar into the client raises."""
        self.caller.raise_next = True

    def push(self, kind: str, *args: Any) -> None:
        """Call every script's callback of that kind with these arguments, as if they had just come."""
        for script in self.scripts:
            self._call_back(script, kind, *args)

    def logged_in(self, now: float) -> bool:
        return self.connected and not self.behaviours.logged_out and now >= self._login_at

    def log_of(self, script: Script) -> Callable[[str], None]:
        return lambda words: self.logs.client("[%s] %s" % (script.name, words))

    # ---- calling scripts

    def _run_from_init(self, script: Script, keep_timers: bool) -> None:
        self.caller.enter(script, "load", script.start, self, keep_timers)
        self.caller.enter(script, "init", script.function("init"), script.context)
        self.caller.enter(script, "after_init", script.function("after_init"), script.context)
        for bar in self.chart.history(self.world.now(), self.behaviours.history_bars):
            self._handlebar(script, bar, last=False)

    def _begin_day(self, now: float) -> None:
        self._new_day_at = self._next_new_day(now)
        if self.behaviours.reinit_on_new_day and self.world.market.is_trading_day(times.day(now)):
            self.logs.client("[main] 交易日切换，重新初始化")
            self.reinit()

    def _tick(self, now: float) -> None:
        self.quotes.follow_behaviours(now)
        if self.silent or not self.running or self.behaviours.quotes_frozen:
            return
        bar = self.chart.bar_start(now)
        for script in self.scripts:
            self.trade_api.send_what_waited(script, new_bar=not script.bars or bar != script.bars[-1])
            self._handlebar(script, bar, last=True)
            for codes, callback in list(script.subscriptions.values()):
                self.caller.enter(script, "subscription", callback, self.quotes.full_tick(codes, self.world.now()))
        self._advance(self.world.now())

    def _handlebar(self, script: Script, bar: float, last: bool) -> None:
        if script.context is None or script.stopped:
            return
        new_bar = not script.bars or bar != script.bars[-1]
        self.quote_api.at_bar(new_bar, last, 0.0 if last else self.chart.bar_end(bar))
        if new_bar:
            script.bars.append(bar)
            script.context.barpos += 1
        if self.behaviours.rollback:
            script.rollback.before_tick(script.context, new_bar)
        self.caller.enter(script, "handlebar", script.function("handlebar"), script.context)
        self.quote_api.at_bar(new_bar, last, 0.0)

    def _call_timers(self, now: float) -> None:
        for script in self.scripts:
            for timer in list(script.timers):
                if now < timer.next_at:
                    continue
                timer.left -= 1
                if timer.left <= 0 or timer.seconds == _NEVER:
                    script.timers = [other for other in script.timers if other is not timer]
                else:
                    timer.next_at += timer.seconds * (1 + int((now - timer.next_at) / timer.seconds))
                self.caller.enter(script, "timer", timer.target(), script.context)

    def _advance(self, now: float) -> None:
        """The broker's time goes on; what it pushes reaches the callbacks, if anything is connected."""
        self.world.broker.advance(now)
        if not self.running:
            return
        self.cache.advance(now)
        live = self.logged_in(now) and not self.behaviours.simulation_mode and not self.behaviours.editor_mode
        for kind, obj in self.cache.take_pushes(now):
            for script in self.scripts if live else ():
                self._call_back(script, kind, obj.twin())
        for script, order_args, words in self.trade_api.take_errors():
            self._call_back(script, "orderError", order_args, words)

    def _call_back(self, script: Script, kind: str, *args: Any) -> None:
        if self.silent:
            return
        if self.world.account in script.accounts or not self.behaviours.callbacks_need_set_account:
            name = CALLBACKS[kind]
            self.caller.enter(script, name, script.function(name), script.context, *args)
