"""Funds made by hand, the real prices where they are, and one small engine for all."""

import os

import pytest

from qmt_strategy.backtest import prices
from qmt_strategy.dingtou.rule import Rule

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "data")


def made(closes, code="512690.SH", opens=None, splits=None, dividends=None, first=0):
    """A fund on made-up consecutive days; `splits` and `dividends` are {index: value}."""
    import datetime

    days = [(datetime.date(2020, 1, 1) + datetime.timedelta(first + i)).strftime("%Y%m%d") for i in range(len(closes))]
    opens = opens or closes
    highs = [max(pair) for pair in zip(opens, closes)]
    lows = [min(pair) for pair in zip(opens, closes)]
    return prices.Fund(
        code,
        days,
        list(opens),
        highs,
        lows,
        list(closes),
        [(splits or {}).get(i, 1.0) for i in range(len(closes))],
        [(dividends or {}).get(i, 0.0) for i in range(len(closes))],
    )


def history():
    """300 days around 1.0, so that both sides have enough days: the average of 4 is 1.0, hi and lo are a few cells."""
    return [1.05, 0.95] * 150


@pytest.fixture
def fund():
    return made


@pytest.fixture
def rule():
    return Rule(ma=4)


@pytest.fixture
def before():
    return history()


@pytest.fixture(scope="session")
def real():
    """The real prices, or a skip that says why."""
    folder = os.path.join(SHARED, "etf")
    if not os.path.isdir(folder):
        pytest.skip("no real prices at ../shared/data/etf")
    return prices.load(folder)


@pytest.fixture(scope="session")
def front_folder():
    folder = os.path.join(SHARED, "etf_front")
    if not os.path.isdir(folder):
        pytest.skip("no front-adjusted prices at ../shared/data/etf_front")
    return folder
