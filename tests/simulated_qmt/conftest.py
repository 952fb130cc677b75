"""A simulated QMT that lives on a clock moved by hand, and scripts given as text."""

import os
import textwrap

import pytest

from rehearsal import market
from rehearsal.qmt import times
from rehearsal.qmt.behaviours import Behaviours
from rehearsal.qmt.client import Client
from rehearsal.qmt.simtime import SimClock
from rehearsal.qmt.world import World

DAY = "20260105"  # a Monday, and a day of MARKET
MARKET = market.synthetic(1, days=400, last_day="20260130")
QUICK = {"visible_after": (0.05, 0.05), "cash_after": (0.05, 0.05), "sysid_after": (0.1, 0.1), "push_after": (0.0, 0.0)}


class Mounted(Client):
    """A client with what tests want to do with it. `seen` is a list that scripts can append to."""

    def __init__(self, world, texts, encoding="gbk", **named):
        super().__init__(world, **named)
        self.seen = []
        self.more_globals = {"seen": self.seen, "clock": world.clock}
        for number, text in enumerate(texts):
            self.mount("script%d" % number, ("#coding:gbk\n" + textwrap.dedent(text)).encode(encoding))

    def started(self):
        self.start()
        return self

    def ticks(self, count, every=3.0):
        """The next `count` ticks of the main chart."""
        for _ in range(count):
            self.tick(self.world.now() + every)
        return self

    def wait(self, seconds):
        self.run_to(self.world.now() + seconds)
        return self

    def go(self, clock_text):
        self.run_to(times.at(times.day(self.world.now()), clock_text))
        return self

    def log(self):
        return "\n".join(self.logs.formula_lines)

    def client_log(self):
        return "\n".join(self.logs.client_lines)

    def orders(self):
        return self.world.broker.orders


@pytest.fixture
def world():
    """world(at='09:30', behaviour=value, ...): a world at that time of DAY."""

    def make(at="09:30", prices=MARKET, day=DAY, shares=None, cash=500000.0, seed=1, **behaviours):
        behaviours.setdefault("history_bars", 2)
        return World(SimClock(times.at(day, at)), prices, Behaviours(**behaviours), seed=seed, shares=shares, cash=cash)

    return make


@pytest.fixture
def client(world):
    """client(*script texts, behaviour=value, ...), not started. `named`: arguments of Client."""

    def make(*texts, named=None, encoding="gbk", **behaviours):
        return Mounted(world(**behaviours), texts, encoding, **(named or {}))

    return make


@pytest.fixture
def real_prices():
    """The folder of real prices; skips where it is not on this machine."""
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "data", "etf")
    if not os.path.isdir(folder):
        pytest.skip("the real prices (../shared/data/etf) are not on this machine")
    return folder
