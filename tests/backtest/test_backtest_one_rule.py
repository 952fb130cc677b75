"""One rule, two runtimes: the same days through etf_grid.py in the simulated QMT and through the backtest.

Here a few days with many orders; all 250 days of both windows: `python -m rehearsal.onerule`.
"""

import os
import shutil
import tempfile

import pytest

from qmt_strategy.backtest import compiled, synthetic
from qmt_strategy.dingtou import grid
from qmt_strategy.dingtou.rule import Rule
from rehearsal import onerule
from rehearsal.fortnight import live_orders
from rehearsal.fortnight.scenarios import REPOSITORY


@pytest.fixture
def home():
    folder = tempfile.mkdtemp(dir=onerule.in_memory())
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def agree(home, funds, first, count, decide, rule=None):
    found = onerule.compare(home, funds, first, count, decide, rule or Rule())
    print("\n".join(found.lines()))
    assert found.trouble == []
    assert found.backtest == found.live
    return found


@pytest.mark.parametrize("decide, days, least", [("once 14:50", 6, 12), ("minute", 3, 15)])
def test_days_of_the_fall_of_2024_give_the_same_orders(real, home, decide, days, least):
    found = agree(home, real.funds, "20240130", days, decide)
    assert found.buys >= least
    assert found.codes >= 5


def test_days_of_2025_give_the_same_sales(real, home):
    found = agree(home, real.funds, "20250821", 6, "once 14:50")
    assert found.sells >= 2


SHORT = Rule(ma=60, grid_height=0.005, quantile_positive=0.6, quantile_negative=0.6)


def made_up():
    """15 days with as many orders, half of them sales, and three ex-dates: (funds, first day)."""
    funds = synthetic.funds(11, days=860)
    return funds, funds[0].dates[832]


def test_made_up_days_with_dividends_give_the_same_orders(home):
    funds, first = made_up()
    found = agree(home, funds, first, 15, "once 14:50", SHORT)
    assert min(found.buys, found.sells) >= 8
    assert sum(event.date >= first for fund in funds for event in fund.events()) == 3


def test_a_rule_changed_on_the_live_side_alone_is_noticed(home, tmp_path, monkeypatch):
    # The simulated QMT imports the package from a folder of its own: one whose decide() buys at its threshold already.
    copy = tmp_path / "installed"
    shutil.copytree(os.path.join(REPOSITORY, "qmt_strategy", "dingtou"), str(copy / "dingtou"))
    path = copy / "dingtou" / "grid.py"
    text = path.read_text(encoding="utf-8")
    changed = text.replace("cell < last_cell and cell < lo", "cell < last_cell and cell < lo - 3")
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    real_client = live_orders.Client
    monkeypatch.setattr(
        live_orders, "Client", lambda *args, **more: real_client(*args, **dict(more, site_packages=[str(copy)]))
    )
    funds, first = made_up()
    found = onerule.compare(home, funds, first, 8, "once 14:50", SHORT)
    print("\n".join(found.lines()))
    assert found.backtest != found.live


def test_a_rule_changed_in_the_backtest_alone_is_noticed(home, monkeypatch):
    class Eager:
        """The rule, but a cell early."""

        def __getattr__(self, name):
            return getattr(grid, name)

        @staticmethod
        def decide(cell, last_cell, lo, hi):
            return grid.decide(cell, last_cell, lo - 3, hi)

    asking = [module for module in compiled.SOURCES if hasattr(module, "grid")]
    assert len(asking) >= 4
    for module in asking:
        monkeypatch.setattr(module, "grid", Eager())
    monkeypatch.setattr(compiled, "engine", lambda wanted="auto": compiled.PLAIN)
    funds, first = made_up()
    found = onerule.compare(home, funds, first, 8, "once 14:50", SHORT)
    assert found.backtest != found.live
