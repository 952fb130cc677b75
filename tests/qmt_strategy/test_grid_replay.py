"""The walk through days: the path of a day, when the rule is asked, how orders move the state."""

import datetime
import functools
import math

import numpy
import pandas
import pytest

from qmt_strategy.dingtou import plan, replay
from qmt_strategy.dingtou.rule import Rule, bars_needed, daily_limit, due
from rehearsal import market

RULE = Rule(ma=4, daily_limit=0.3)


def second(hour, minute, rest=0):
    return hour * 3600 + minute * 60 + rest


def history(last=1.0):
    """Bars around 1.0 that give every threshold enough days: 0.95 and 1.05 in turn, the average always 1.0."""
    closes = [0.95, 1.05] * 150 + [last]
    return [bar("2023%04d" % i, close) for i, close in enumerate(closes)]


def bar(date, close, open_=None, low=None, high=None, **more):
    first = close if open_ is None else open_
    return replay.Bar(date, first, high or max(first, close), low or min(first, close), close, **more)


def one_day(cell=0, holding=0, today=None, **more):
    """The orders of one day after `history`; average 0.9875 (of 1.05 0.95 1.05 0.9), hi 6, lo -6 or so."""
    today = today or bar("20240102", 0.85, open_=0.9)
    return replay.replay(history(0.9) + [today], RULE, cell, holding, first_day=today.date, **more)


def test_the_walk_meets_the_same_prices_as_the_rehearsals_market():
    day = market.Bar("20240102", 1.003, 1.037, 0.981, 0.999)
    ours = replay.Bar("20240102", 1.003, 1.037, 0.981, 0.999)
    assert [price for _, price in replay.walk(ours)] == market.path(day)
    assert [price for _, price in replay.walk(ours, steps=80)] == market.path(day, 80)


def test_the_walk_goes_over_both_sessions():
    ticks = replay.walk(bar("20240102", 1.0))
    seconds = [at for at, _ in ticks]
    assert (len(ticks), seconds[0], seconds[-1]) == (61, second(9, 30), second(15, 0))
    assert seconds == sorted(seconds)
    assert not [at for at in seconds if second(11, 30) <= at < second(13, 0)]


@pytest.mark.parametrize(
    "at, last, expected",
    [
        (second(9, 29, 59), -1, False),
        (second(9, 30), -1, True),
        (second(9, 30, 59), second(9, 30), False),
        (second(9, 31), second(9, 30, 59), True),
        (second(11, 30), second(11, 29), True),
        (second(11, 30, 1), second(11, 29), False),
        (second(12, 59, 59), -1, False),
        (second(13, 0), second(11, 30), True),
        (second(14, 54), second(14, 53), True),
        (second(14, 54, 1), second(14, 53), False),
        (second(10, 0), second(10, 30), True),  # the clock was set back
    ],
)
def test_every_minute_is_once_a_minute_inside_the_hours(at, last, expected):
    assert due(-1, at, last) is expected


@pytest.mark.parametrize(
    "at, last, expected",
    [
        (second(14, 49, 59), -1, False),
        (second(14, 50), -1, True),
        (second(14, 52), -1, True),
        (second(14, 51), second(14, 50), False),
        (second(14, 54, 1), -1, False),
    ],
)
def test_once_is_the_first_look_from_that_time_on(at, last, expected):
    assert due(second(14, 50), at, last) is expected


def test_a_fast_feed_is_asked_once_a_minute():
    ticks = replay.walk(bar("20240102", 1.0), steps=1580)
    assert len(ticks) == 4741
    assert len(list(replay.looks(ticks, -1))) == 120 + 114  # 09:30 to 11:29, 13:00 to 14:53
    assert len(list(replay.looks(ticks, second(14, 50)))) == 1


def test_falling_prices_are_bought_deeper_and_deeper():
    orders = one_day()
    assert [order.side for order in orders] == [1, 1, 1]
    cells = [order.cell for order in orders]
    assert cells == sorted(cells, reverse=True)
    assert [order.yuan for order in orders] == [-1000.0 * cell for cell in cells]
    assert all(order.shares % 100 == 0 and 0 < order.shares * order.price <= order.yuan for order in orders)


def test_a_day_has_no_more_orders_than_attempts():
    assert len(one_day(caps=replay.Caps(attempts=1))) == 1
    assert len(one_day(caps=replay.Caps(attempts=100))) == 6


def test_an_order_over_the_cap_is_not_made_and_not_trimmed():
    capped = one_day(caps=replay.Caps(order_yuan=10000.0, attempts=9))
    assert [order.yuan for order in capped] == [9000.0, 10000.0]


def test_the_cap_of_a_day_runs_over_all_funds():
    bars = history(0.9) + [bar("20240102", 0.85, open_=0.9)]
    funds = [(code, replay.Walked(bars, RULE, 0, 0)) for code in ("512690.SH", "512580.SH")]
    orders = replay.replay_funds(funds, first_day="20240102", caps=replay.Caps(day_yuan=28000.0))
    assert [(code, order.yuan) for code, order in orders] == [
        ("512690.SH", 9000.0),
        ("512580.SH", 9000.0),
        ("512690.SH", 10000.0),
    ]


def test_a_price_in_the_cell_of_the_last_trade_asks_for_nothing():
    first = one_day(caps=replay.Caps(attempts=1))[0]
    flat = bar("20240102", first.price)
    assert one_day(cell=first.cell, today=flat) == []
    assert one_day(cell=first.cell + 1, today=flat)


def rising():
    return bar("20240102", 1.08, open_=1.0)


def test_a_sale_needs_shares():
    assert one_day(today=rising(), holding=0) == []
    orders = one_day(today=rising(), holding=100000)
    assert {order.side for order in orders} == {-1}
    assert orders[0].yuan == orders[0].cell * 2000.0


def test_a_sale_ends_with_the_holding():
    orders = one_day(today=bar("20240102", 1.08, open_=0.98, low=0.98), holding=20000, caps=replay.Caps(attempts=9))
    assert sum(order.shares for order in orders) == 20000


def test_shares_bought_today_are_not_sold_today():
    swing = bar("20240102", 0.95, open_=0.95, low=0.89, high=1.08)
    assert {order.side for order in one_day(today=swing)} == {1}
    tomorrow = bar("20240103", 1.04, open_=1.04)
    both = replay.replay(history(0.9) + [swing, tomorrow], RULE, 0, 0, first_day="20240102")
    assert [(order.day, order.side) for order in both][-1] == ("20240103", -1)


def test_a_split_multiplies_what_may_be_sold():
    split = bar("20240102", 0.54, open_=0.5, factor=2.0, split=2.0)
    orders = one_day(today=split, holding=10000, caps=replay.Caps(attempts=9))
    assert {order.side for order in orders} == {-1}
    assert sum(order.shares for order in orders) == 20000


def test_once_a_day_is_asked_once_a_day():
    orders = one_day(decide_at=second(14, 50))
    assert len(orders) == 1
    assert orders[0].second == second(14, 52)  # the walk's first tick from 14:50 on


def test_the_path_is_the_callers():
    orders = one_day(path=lambda day: [(second(10, 0), 0.9), (second(10, 0, 30), 0.85), (second(10, 1), 0.85)])
    assert [(order.second, order.price) for order in orders] == [(second(10, 0), 0.9), (second(10, 1), 0.85)]
    assert one_day(path=functools.partial(replay.walk, steps=80))


def test_a_price_beyond_the_daily_limit_is_a_mistake():
    broken = [(second(10, 0), price) for price in (0.001,)] + [(second(10, 1), 9.0), (second(10, 2), 0.0)]
    assert one_day(path=lambda day: broken, holding=10000) == []


def test_without_enough_days_nothing_is_traded():
    short = history(0.9)[:100] + [bar("20240102", 0.85, open_=0.9)]
    assert replay.replay(short, RULE, 0, 0) == []


def test_a_window_ends_where_the_live_one_does():
    # The old days far above the average leave the window: with 2,400 + 3 bars the live plan no longer sees them.
    bars = [bar("%08d" % i, close) for i, close in enumerate([1.0, 1.09] * 10 + [0.95, 1.05] * 1300)]
    last = list(replay.plans(bars, RULE))[-1]
    closes = [one.close for one in bars[-1 - bars_needed(4) : -1]]
    assert last[3:] == plan.from_bounds(RULE, 1.0, 1.0, last.hi, last.lo, last.days_above, last.days_below)[3:]
    assert last.days_above + last.days_below == 2400 == len(closes) - 3


def split_in_two(closes, at):
    """The same prices as bars whose shares are split 1:2 at bar `at`."""
    halves = [close / 2 if i >= at else close for i, close in enumerate(closes)]
    return [bar("%08d" % i, close, factor=2.0 if i >= at else 1.0) for i, close in enumerate(halves)]


def made_up(seed=3, count=700):
    return list(2.0 * numpy.cumprod(1 + numpy.random.RandomState(seed).normal(0, 0.015, count)))


def test_a_days_plan_is_the_live_plan_of_that_day():
    closes = made_up()
    dates = [(datetime.date(2022, 1, 1) + datetime.timedelta(i)).strftime("%Y%m%d") for i in range(len(closes))]
    bars = split_in_two(closes, 600)
    for i, ours in enumerate(replay.plans(bars, RULE)):
        if i < RULE.ma:
            assert (ours.may_buy, ours.may_sell) == (False, False)
            continue
        as_shown = [one.close * one.factor / bars[i].factor for one in bars[:i]]
        live = plan.day_plan(as_shown, dates[:i], RULE, dates[i], dates[i - 1], as_shown[-1], None, 0.001)
        assert ours[:3] == pytest.approx(live[:3], rel=1e-12)
        assert ours[3:] == live[3:]
    assert ours.may_buy and ours.may_sell


def test_a_split_changes_no_cell_of_legacy():
    closes = made_up()
    plain = replay.replay(split_in_two(closes, 10**6), RULE, 0, 0, legacy=True)
    split = replay.replay(split_in_two(closes, 300), RULE, 0, 0, legacy=True)
    assert [(order.day, order.cell) for order in plain] == [(order.day, order.cell) for order in split]
    assert len(plain) > 5


def test_legacy_knows_the_future_and_trades_from_the_second_day_at_the_close():
    bars = [bar("202401%02d" % (i + 1), close) for i, close in enumerate([1.0, 0.9, 0.95, 0.8, 1.2, 1.0])]
    orders = replay.replay(bars, Rule(ma=3, daily_limit=0.1), 0, 0, legacy=True)
    # Averages with today: 1, .95, .95, .8833, .9833, 1. Distances: 0, -.0526, 0, -.0943, .2203, 0.
    # Below: -.0943, -.0526; the 0.6 quantile is -.0693: lo = -7. Cell of day 2: -6, of day 4: -10.
    assert [(order.day, order.price, order.side, order.yuan) for order in orders] == [("20240104", 0.8, 1, 10000.0)]


@pytest.mark.parametrize("seed", range(5))
def test_legacy_agrees_with_the_same_rule_written_in_pandas(seed):
    closes = pandas.Series(2.0 * numpy.cumprod(1 + numpy.random.RandomState(seed).normal(0, 0.015, 600))).round(3)
    average = closes.rolling(100, min_periods=1).mean()
    distance = (closes - average) / average
    hi = 1 + math.floor(distance[distance > 0].quantile(0.8) / 0.01)
    lo = math.floor(distance[distance < 0].quantile(0.6) / 0.01)
    expected, latch = [], 0
    for i, one in enumerate(distance):
        cell = math.floor(one / 0.01) + (1 if one >= 0 else 0)
        if (cell < 0 and cell < latch and cell < lo) or (cell > 0 and cell > latch and cell > hi):
            latch = cell
            expected.append(("%08d" % i, cell))
    bars = [bar("%08d" % i, close) for i, close in enumerate(closes)]
    orders = replay.replay(bars, RULE._replace(ma=100), 0, 10**7, legacy=True)
    assert len(expected) > 10
    assert [(order.day, order.cell) for order in orders] == expected


def test_20_percent_funds_are_known():
    assert [daily_limit(code) for code in ("159915.SZ", "588000.SH", "512690.SH", "159928.SZ")] == [0.2, 0.2, 0.1, 0.1]
