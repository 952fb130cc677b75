"""Whole trading days of the real etf_grid.py or heartbeat.py in the simulated QMT, each call into it measured.
Python 3.6 and later.

Time is simulated, cost is not: a call's wall time (perf_counter) and CPU time (process_time), less what the simulated
API takes inside it; os.fsync is counted and timed. The days are busy ones: prices swing so far that most funds use all
attempts that a day allows, and orders fill in parts.
"""

import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from rehearsal import market
from rehearsal.qmt import times
from rehearsal.qmt.behaviours import Behaviours
from rehearsal.qmt.client import Client
from rehearsal.qmt.ledger import Ledger
from rehearsal.qmt.simtime import SimClock
from rehearsal.qmt.world import World

STRATEGY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "qmt_strategy")
ACCOUNT = "2000567"
FUNDS = (
    ("512690.SH", "酒ETF", 0.7),
    ("512580.SH", "环保ETF", 1.3),
    ("512660.SH", "军工ETF", 1.1),
    ("159915.SZ", "创业板ETF", 2.2),
    ("159928.SZ", "消费ETF", 0.8),
    ("510330.SH", "沪深300ETF华夏", 3.9),
    ("510500.SH", "中证500ETF", 6.0),
)
LAST_DAY = "20260109"
SWING = 0.06  # fraction by which a measured day's low and high lie beyond its open and close
SHARES = 200000  # held of each fund at the start
CASH = 3000000.0  # yuan
_LOADERS = ("market_data", "market_data_ex")  # of the simulated API: who calls them loads the day's data

HEARTBEAT_EVERY = 5  # seconds between two posts where heartbeat.py is measured (60 in real life)
_INI = "[account]\nid = %s\n[strategy]\nmode = live\nfunds = %s\nmax_day_amount = 10000000\n"


class Call(NamedTuple):
    """One call of an entry point. Times in milliseconds, without the simulated API's own."""

    entry: str
    wall: float
    cpu: float
    fsyncs: int
    fsync: float  # of `wall`, spent in os.fsync
    placed: bool  # passorder was called
    loads: bool  # the day's bars were asked for
    posts: int = 0  # files that got their final name in spool/


class Meter(Ledger):
    """Stands in for the simulated QMT's ledger of costs; keeps a Call for each entry."""

    def __init__(self, timer: Callable[[], float] = time.perf_counter) -> None:
        super().__init__("", timer)
        self.calls: List[Call] = []
        self.orders: Callable[[], int] = lambda: 0  # how many orders the broker has
        self._cpu_inside = 0.0
        self._syncs: List[float] = []
        self._asked = 0
        self._fsync: Optional[Callable[[Any], None]] = None
        self._rename: Optional[Callable[..., None]] = None

    def entry(self, script: str, name: str, function: Callable[..., Any], *args: Any) -> Any:
        self._inside = self._cpu_inside = 0.0
        self._syncs, self._posted = [], 0
        orders, asked = self.orders(), self._asked
        cpu, wall = time.process_time(), self._timer()
        try:
            return function(*args)
        finally:
            wall, cpu = self._timer() - wall, time.process_time() - cpu
            self.calls.append(
                Call(
                    entry=name,
                    wall=(wall - self._inside) * 1e3,
                    cpu=(cpu - self._cpu_inside) * 1e3,
                    fsyncs=len(self._syncs),
                    fsync=sum(self._syncs) * 1e3,
                    placed=self.orders() > orders,
                    loads=self._asked > asked,
                    posts=self._posted,
                )
            )

    def inside(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        self._asked += getattr(function, "__name__", "") in _LOADERS
        cpu = time.process_time()
        try:
            return super().inside(function, *args, **named)
        finally:
            if self._depth == 0:
                self._cpu_inside += time.process_time() - cpu

    def watch(self) -> None:
        """Count and time os.fsync, and count posts, of this process until close()."""
        self._fsync, self._rename = os.fsync, os.replace
        os.fsync = self._timed_fsync
        os.replace = self._counted_rename

    def close(self) -> None:
        if self._fsync is not None:
            os.fsync, os.replace = self._fsync, self._rename
            self._fsync = None

    def _timed_fsync(self, handle: Any) -> None:
        assert self._fsync is not None
        began = self._timer()
        try:
            self._fsync(handle)
        finally:
            self._syncs.append(self._timer() - began)

    def _counted_rename(self, source: Any, target: Any, **named: Any) -> None:
        assert self._rename is not None
        self._rename(source, target, **named)
        self._posted += os.path.basename(os.path.dirname(str(target))) == "spool"


def run(home: str, days: int = 2, minutes: int = 0, seed: int = 7, script: str = "etf_grid.py") -> List[Call]:
    """Every call into the script on the last `days` days of a made-up market, with `home` as the sentry's home.

    `minutes`: only so many of each day's continuous trading, 0 = all of it.
    """
    prices = swinging(seed, days)
    measured = prices.days[-days:]
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "sentry.ini"), "w", encoding="utf-8") as file:
        file.write(_INI % (ACCOUNT, ", ".join(code for code, _, _ in FUNDS)))
        file.write("[heartbeat]\nevery = %d\n" % HEARTBEAT_EVERY)
        file.write("".join("[fund:%s]\nstart_cell = none %s\n" % (code, measured[0]) for code, _, _ in FUNDS))
    held = {code: (SHARES, price) for code, _, price in FUNDS}
    clock = SimClock(times.at(measured[0], "09:10"))
    world = World(clock, prices, Behaviours(), seed, ACCOUNT, CASH, held)
    client = Client(world, environ={"QMT_SENTRY_HOME": home}, site_packages=[STRATEGY])
    client.mount_file(os.path.join(STRATEGY, script))
    meter = Meter()
    meter.orders = lambda: len(world.broker.orders)
    client.ledger = client.caller._ledger = meter  # the client has no other way in: its own ledger keeps one figure
    meter.watch()
    try:
        client.start()
        meter.calls.clear()  # init, and the history bars
        for day in measured:
            for at in ticks(world, day, minutes):
                client.tick(at)
    finally:
        client.close()
    return meter.calls


def swinging(seed: int, days: int) -> market.Market:
    """A made-up market whose last `days` days swing by more than SWING to both sides."""
    made = market.synthetic(seed, codes=FUNDS, last_day=LAST_DAY)
    bars: Dict[str, List[market.Bar]] = {}
    for code, of_code in made.bars.items():
        bars[code] = of_code[:-days] + [_wide(bar) for bar in of_code[-days:]]
    return market.Market(bars, made.source, True)


def ticks(world: World, day: str, minutes: int) -> List[float]:
    """When the chart ticks on a day: in the auctions, every 3 s of continuous trading, and at its end."""
    trading = world.hours.tick_times(day)
    if minutes:
        trading = trading[: minutes * 20]
    early = [times.at(day, clock) for clock in ("09:15", "09:20", "09:25")]
    late = [times.at(day, clock) for clock in ("14:58:30", "15:00")]
    return early + list(trading) + late


def _wide(bar: market.Bar) -> market.Bar:
    low, high = min(bar.open, bar.close) * (1 - SWING), max(bar.open, bar.close) * (1 + SWING)
    return bar._replace(low=round(low, 3), high=round(high, 3))
