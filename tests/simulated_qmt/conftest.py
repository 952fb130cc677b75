"""A simulated QMT that lives on a clock moved by hand, and scripts given as text."""

import json
import os
import textwrap

import pytest

from rehearsal import market
from rehearsal.qmt.behaviours import Behaviours
from rehearsal.qmt.host import Host
from rehearsal.qmt.script import Source

NINE_THIRTY = 1767576600.0  # 2026-01-05 09:30:00 in China, a Monday


class Clock:
    def __init__(self, now=NINE_THIRTY):
        self.now = now

    def __call__(self):
        return self.now


class Client:
    """A host with what tests want to do with it. `seen` is a list that scripts can append to."""

    def __init__(self, folder, clock, texts, owner_seconds=0, tick_seconds=3.0, encoding="gbk", **behaviours):
        behaviours.setdefault("history_bars", 2)
        self.folder = folder
        self.clock = clock
        self.seen = []
        self.sources = [
            Source("script%d" % i, ("#coding:gbk\n" + textwrap.dedent(text)).encode(encoding))
            for i, text in enumerate(texts)
        ]
        self.host = Host(
            folder,
            self.sources,
            market.synthetic(1, days=300),
            behaviours=Behaviours(**behaviours),
            tick_seconds=tick_seconds,
            owner_seconds=owner_seconds,
            now=clock,
        )
        injected = self.host.api.injected
        self.host.api.injected = lambda script: dict(injected(script), seen=self.seen, clock=clock)

    def start(self):
        self.host.start()
        return self

    def run(self, seconds, step=0.25):
        for _ in range(int(seconds / step)):
            self.clock.now += step
            self.host.step()
        return self

    def log(self, name="XtClient_FormulaOutput"):
        path = os.path.join(self.folder, "userdata", "log", name + "_20260105.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def lines(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(tmp_path, clock):
    """client(*script texts, behaviour=value, ...), not started."""
    made = []

    def make(*texts, **named):
        made.append(Client(str(tmp_path / "QMT"), clock, texts, **named))
        return made[-1]

    yield make
    for one in made:
        one.host.ledger.close()
