"""A hand-made ContextInfo, a clock that only moves when told to, and a home folder."""

import json
import os

import pytest

NOON = 1767576000.0  # 2026-01-05 09:20:00 in China, a Monday


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


class Thing:
    """An object with just these attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Context:
    """What the heartbeat uses of ContextInfo; remembers what it was asked."""

    do_back_test = False

    def __init__(self):
        self.accounts = []
        self.timers = []
        self.last_bar = True
        self.ticks = {"510300.SH": {"timetag": "20260105 09:19:57"}}

    def set_account(self, account):
        self.accounts.append(account)

    def run_time(self, *args):
        self.timers.append(args)

    def is_last_bar(self):
        return self.last_bar

    def get_full_tick(self, codes):
        return {code: self.ticks[code] for code in codes if code in self.ticks}


class Spooled:
    """The posts in a home folder, oldest first."""

    def __init__(self, home):
        self.folder = os.path.join(home, "spool")

    def names(self):
        return sorted(name for name in os.listdir(self.folder) if name.endswith(".json"))

    def events(self, kind=None):
        found = []
        for name in self.names():
            with open(os.path.join(self.folder, name), "rb") as file:
                found.append(json.loads(file.read().decode("utf-8")))
        return [event for event in found if kind in (None, event["kind"])]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def context():
    return Context()


@pytest.fixture
def thing():
    return Thing


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return str(folder)


@pytest.fixture
def spooled(home):
    return Spooled(home)


@pytest.fixture
def deal():
    def make(number="1", **more):
        values = {
            "m_strInstrumentID": "510300",
            "m_strTradeID": number,
            "m_strOrderSysID": "77",
            "m_strTradeDate": "20260105",
            "m_strTradeTime": "093001",
            "m_nOffsetFlag": 48,
            "m_nVolume": 100,
            "m_dPrice": 4.5,
        }
        values.update(more)
        return Thing(**values)

    return make
