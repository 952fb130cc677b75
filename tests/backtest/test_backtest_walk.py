"""The walk over a day's path finds what asking at every minute finds; holes; limits; legacy from scratch."""

import math
import random

import numpy
import pandas
import pytest

from qmt_strategy.backtest import booking, compiled, engine, pathing, synthetic
from qmt_strategy.backtest.setup import LEGACY, Setup
from qmt_strategy.dingtou import grid
from qmt_strategy.dingtou.rule import Rule

STEPS = engine.STEPS
LOOKS, TURNS = engine._looks("minute", 0)


def asked_at_every_look(prices, limits, numbers, no_buy, no_sell, look):
    average, height, last, lo, hi = numbers
    for at in range(look, len(LOOKS[0])):
        price = pathing.path_price(*prices, int(LOOKS[0][at]), STEPS)
        side, cell = pathing.asked(price, *limits, average, height, last, lo, hi)
        if (side > 0 and cell > no_buy) or (side < 0 and cell < no_sell):
            return at
    return len(LOOKS[0])


def a_day(chance):
    """Prices, limits and cells of a day, near thresholds more often than not; ends of cells among the prices."""
    average, height = round(chance.uniform(0.5, 3), 4), chance.choice([0.005, 0.01, 0.02])
    lo, hi = -chance.randint(1, 30), chance.randint(1, 30)
    near = chance.choice([lo, hi, lo - 3, hi + 3, 0])
    corners = [average * (1 + (near + chance.choice([0, chance.gauss(0, 3)])) * height) for _ in range(4)]
    opened, low, high, close = (int(round(price * 1000)) * booking.MIL for price in corners)
    low, high = min(opened, low, high, close), max(opened, low, high, close)
    last = chance.choice([0, 0, lo - 2, hi + 2, near])
    limits = (low / booking.UNIT - 0.01, high / booking.UNIT + 0.01)
    if chance.random() < 0.2:
        limits = (limits[0] + 0.02, limits[1] - 0.02)
    refused = (-grid.NEVER, grid.NEVER)
    if chance.random() < 0.4:
        refused = (
            chance.choice([lo - 2, -grid.NEVER, grid.NEVER, -1]),
            chance.choice([hi + 2, grid.NEVER, -grid.NEVER, 1]),
        )
    return (opened, low, high, close), limits, (average, height, last, lo, hi), refused, chance.choice([0, 0, 50, 200])


def test_the_first_look_that_asks_is_that_of_asking_at_every_look():
    chance = random.Random(8)
    found = set()
    for _ in range(700):
        prices, limits, numbers, refused, look = a_day(chance)
        expected = asked_at_every_look(prices, limits, numbers, *refused, look)
        args = (*prices, *limits, *numbers, *refused, LOOKS[0].tolist(), TURNS.tolist(), look, STEPS)
        assert pathing.search(*args) == expected, args
        found.add(expected)
    assert len(found) > 60


def test_the_day_after_a_hole_is_not_traded_as_live(fund, before, rule):
    # The other fund has the day that this one lacks: the trading day before is not the last bar's.
    closes = list(before) + [1.0, 0.9]
    whole = fund(closes, code="510300.SH")
    holed = whole._replace(code="512690.SH").at([*range(len(before)), len(before) + 1])
    result = engine.run([whole, holed], Setup(rule=rule, start=whole.dates[len(before)], fill="close"), compiled.PLAIN)
    assert [order.code for order in result.orders] == ["510300.SH"]


def test_slippage_does_not_take_a_price_beyond_the_limits(fund, rule):
    # 10 % below 0.766 is 0.689: a sale at 0.69 with two ticks of slippage is made at the limit, not below it.
    made = fund([1.05, 0.95] * 300 + [0.9, 0.95, 1.04, 1.14, 1.25, 1.37, 1.234])
    setup = Setup(rule=rule._replace(ma=150, sell_factor=0.1), start=made.dates[600], fill="next-close", slippage=5)
    last = engine.run([made], setup, compiled.PLAIN).orders[-1]
    assert (last.day, last.side, last.price) == (made.dates[-1], -1, 1.233)
    assert engine.run([made], setup._replace(limits=False), compiled.PLAIN).orders[-1].price == 1.229


def legacy_from_scratch(fund, rule):
    """The original's rule, written a second time with pandas: [(day, side, shares)]."""
    factor, factors = 1.0, [1.0]
    for at in range(1, len(fund.dates)):
        factor *= fund.splits[at] * fund.closes[at - 1] / (fund.closes[at - 1] - fund.dividends[at])
        factors.append(factor)
    adjusted = pandas.Series(fund.closes) * factors
    distance = adjusted / adjusted.rolling(rule.ma, min_periods=1).mean() - 1
    above, below = distance[distance > 1e-12], distance[distance < -1e-12]
    cells = lambda d: math.floor(round(d / rule.grid_height, 9))  # noqa: E731
    hi = 1 + cells(numpy.quantile(above, rule.quantile_positive))
    lo = cells(numpy.quantile(below, 1 - rule.quantile_negative))
    latch, held, orders = 0, 0, []
    for at, day in enumerate(fund.dates):
        held = int(held * fund.splits[at])
        cell = cells(distance[at]) + (0 if distance[at] < 0 else 1)
        lots = lambda yuan: int(yuan / fund.closes[at] / 100 + 1e-9) * 100  # noqa: B023, E731
        if cell < 0 and cell < latch and cell < lo:
            latch, bought = cell, lots(rule.grid_amount * -cell * rule.buy_factor)
            held += bought
            orders.append((day, 1, bought))
        elif cell > 0 and cell > latch and cell > hi and held:
            sold = lots(rule.grid_amount * cell * rule.sell_factor)
            sold = held if held - sold < 100 else sold
            latch = cell
            held -= sold
            orders.append((day, -1, sold))
    return orders


@pytest.mark.parametrize("seed", [3, 5])
def test_legacy_gives_the_orders_of_the_original_written_a_second_time(seed):
    sides = set()
    for fund in synthetic.funds(seed, days=900, codes=synthetic.CODES[:4]):
        result = engine.run([fund], Setup(**LEGACY, rule=Rule(ma=200)), compiled.PLAIN)
        expected = legacy_from_scratch(fund, Rule(ma=200))
        assert [(order.day, order.side, order.shares) for order in result.orders] == expected
        sides |= {side for _, side, _ in expected}
    assert sides == {1, -1}
