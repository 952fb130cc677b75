"""One rule: the fast core gives the orders of dingtou/replay.py, compiled or not, and knows nothing of tomorrow."""

import functools
import os
import random

import pytest

from qmt_strategy.backtest import adjust, booking, bounding, compiled, core, engine, pathing, synthetic
from qmt_strategy.backtest.booking import MIL, UNIT
from qmt_strategy.backtest.setup import LEGACY, NO_CAP, Setup
from qmt_strategy.dingtou import grid, plan, replay, sizing
from qmt_strategy.dingtou.rule import Rule, daily_limit

FEW = {"rule": Rule(ma=120)}


def engines():
    found = [compiled.engine("python")]
    return found + ([compiled.engine()] if compiled.engine().name != "python" else [])


def as_bars(fund):
    factors = adjust.ratio_factors(fund)
    columns = zip(fund.dates, fund.opens, fund.highs, fund.lows, fund.closes, factors, fund.splits)
    return [replay.Bar(*row) for row in columns]


def by_replay(funds, setup, caps):
    walked = [
        (
            fund.code,
            replay.Walked(
                as_bars(fund.until(setup.end or "99999999")),
                setup.rule._replace(daily_limit=daily_limit(fund.code)),
                0,
                0,
                legacy=setup.full_sample,
            ),
        )
        for fund in funds
    ]
    decide_at = setup.once_at if setup.fill == "once" else -1
    made = replay.replay_funds(walked, path=engine.ticks, decide_at=decide_at, first_day=setup.start, caps=caps)
    return [(order.day, order.second, code, order.side, order.cell, order.shares, order.price) for code, order in made]


def by_core(funds, setup, chosen):
    result = engine.run(funds, setup, chosen)
    return [
        (order.day, order.second, order.code, order.side, order.cell, order.shares, order.price)
        for order in result.orders
    ]


NONE = replay.Caps(attempts=1000000, order_yuan=NO_CAP, day_yuan=NO_CAP)
OPEN = {"attempts": 1000000, "order_cap": NO_CAP, "day_cap": NO_CAP, "limits": False}
CASES = {
    "minute": (Setup(**FEW, **OPEN), NONE),
    "minute with caps": (
        Setup(**FEW, limits=False, order_cap=40000.0, day_cap=60000.0),
        replay.Caps(3, 40000.0, 60000.0),
    ),
    "once": (Setup(**FEW, **OPEN, fill="once"), NONE),
    "legacy": (Setup(**dict(LEGACY, next_day=True), **FEW), NONE),
}


@functools.lru_cache(maxsize=None)
def made_up():
    return synthetic.funds(5, days=640, codes=synthetic.CODES[:5])


@functools.lru_cache(maxsize=None)
def expected_of(name):
    return by_replay(made_up(), *CASES[name])


@pytest.mark.parametrize("name", sorted(CASES))
def test_synthetic_prices_give_the_orders_of_the_walk(name):
    funds = made_up()
    setup, caps = CASES[name]
    expected = expected_of(name)
    assert len(expected) > 30
    assert {order[3] for order in expected} == {1, -1}
    for chosen in engines():
        assert by_core(funds, setup, chosen) == expected


@pytest.mark.parametrize("name", sorted(CASES))
def test_real_prices_give_the_orders_of_the_walk(real, name):
    setup, caps = CASES[name]
    setup = setup._replace(rule=Rule(), start="20230901", end="20240331")
    expected = by_replay(real.funds, setup, caps)
    assert len(expected) > 20
    assert by_core(real.funds, setup, engines()[-1]) == expected


@pytest.mark.parametrize("name", ["cell", "decide", "order_size", "bounds"])
def test_a_rule_that_is_changed_on_one_side_alone_is_noticed(monkeypatch, name):
    setup, _ = CASES["minute"]
    original = getattr(grid, name)
    changed = {
        "cell": lambda price, average, height: original(price, average, height * 1.05),
        "decide": lambda cell, last, lo, hi: original(cell, last, lo + 1, hi),
        "order_size": lambda cell, amount, buy, sell: original(cell, amount, buy, sell * 1.1),
        "bounds": lambda above, below, high, low, height: original(above, below, high, low + 0.05, height),
    }

    class Changed:
        NEVER, NOISE = grid.NEVER, grid.NOISE
        averages, distances, thresholds = grid.averages, grid.distances, grid.thresholds
        cell, decide, order_size, bounds = grid.cell, grid.decide, grid.order_size, grid.bounds

    setattr(Changed, name, staticmethod(changed[name]))
    for module in (booking, bounding, pathing, core):
        monkeypatch.setattr(module, "grid", Changed)
    assert by_core(made_up(), setup, compiled.engine("python")) != expected_of("minute")


def test_the_compiled_rule_is_the_live_source_unchanged():
    if compiled.engine().name == "python":
        pytest.skip("numba is not installed")
    folder = os.path.dirname(compiled.engine().grid.__file__)
    assert compiled.SOURCES[0] is grid
    for module in compiled.SOURCES:
        path = os.path.join(folder, os.path.basename(module.__file__))
        with open(module.__file__, "rb") as ours, open(path, "rb") as theirs:
            assert ours.read() == theirs.read()


def test_the_compiled_rule_rounds_cell_borders_as_python_does():
    fast = engines()[-1].grid
    for k in range(-60, 61):
        for nudge in (0.0, 1e-10, -1e-10, 1e-9, -1e-9, 4e-12):
            distance = k * 0.01 + nudge
            assert fast.floor_cells(distance, 0.01) == grid.floor_cells(distance, 0.01), distance


def test_shares_sold_are_those_of_the_live_sizing():
    for held in (0, 50, 100, 150, 1000, 11150, 20000):
        for sellable in sorted({0, held, held // 2, max(0, held - 100)}):
            for yuan in (100.0, 950.0, 5000.0, 20000.0):
                for price in (0.453, 1.0, 2.718):
                    wanted = booking.whole_lots(yuan / price, 100)
                    ours = booking.shares_to_sell(wanted, held, min(sellable, held), 100)
                    assert ours == sizing.sell(yuan, price, held, sellable).shares


def test_the_path_of_a_day_is_the_one_that_the_simulated_qmt_walks():
    bar = replay.Bar("20240102", 1.003, 1.037, 0.981, 0.999)
    corners = [int(round(price * booking.UNIT)) for price in (bar.open, bar.low, bar.high, bar.close)]
    for step, (_, price) in enumerate(engine.ticks(bar)):
        assert pathing.path_price(*corners, step, engine.STEPS) / booking.UNIT == price


@pytest.mark.parametrize("fill", ["minute", "once", "close", "next-open", "next-close"])
def test_tomorrow_changes_nothing_of_what_is_written_up_to_today(fill):
    funds = synthetic.funds(11, days=900)
    cut = 700
    changed = []
    for fund in funds:
        columns = [column[:cut] + [value * 1.07 for value in column[cut:]] for column in fund[2:6]]
        dividends = fund.dividends[:cut] + [0.01] * (len(fund.dates) - cut)
        splits = fund.splits[:cut] + [1.1] * (len(fund.dates) - cut)
        changed.append(type(fund)(fund.code, fund.dates, *columns, splits, dividends))
    setup = Setup(fill=fill, rule=Rule(ma=200))
    before, after = engine.run(funds, setup), engine.run(changed, setup)
    day = funds[0].dates[cut]
    early = [order for order in before.orders if order.day < day]
    assert len(early) > 10
    assert early == [order for order in after.orders if order.day < day]
    assert (before.equity[:cut] == after.equity[:cut]).all()
    assert [order for order in before.orders if order.day >= day] != [
        order for order in after.orders if order.day >= day
    ]


def test_legacy_does_know_tomorrow():
    funds = synthetic.funds(11, days=900)
    setup = Setup(**dict(LEGACY), rule=Rule(ma=200))
    whole, cut = engine.run(funds, setup), engine.run([fund.until(funds[0].dates[700]) for fund in funds], setup)
    assert [order for order in whole.orders if order.day <= cut.days[-1]] != cut.orders


def test_an_end_hides_what_comes_after_it():
    funds = synthetic.funds(11, days=900)
    end = funds[0].dates[700]
    for setup in (Setup(rule=Rule(ma=200)), Setup(**dict(LEGACY), rule=Rule(ma=200))):
        whole = engine.run(funds, setup._replace(end=end))
        assert whole.orders == engine.run([fund.until(end) for fund in funds], setup).orders


def test_at_every_price_the_backtest_asks_for_what_the_strategy_would():
    """plan.wish and pathing.asked put the same question, the second one so that numba can compile it."""
    rule, chance = Rule(), random.Random(5)
    for _ in range(20):
        hi, lo, last = chance.randint(0, 12), -chance.randint(0, 12), chance.randint(-15, 15)
        made = plan.Plan(chance.uniform(0.9, 1.1), 0.85, 1.15, hi, lo, True, True, "", 500, 500)
        for at in range(840 * MIL, 1160 * MIL, MIL):
            told = plan.wish(made, rule, at / UNIT, last)
            found = pathing.asked(at, made.lowest, made.highest, made.average, rule.grid_height, last, lo, hi)
            assert found == (told.side, told.cell), (at, made, last)
