"""A fund's day: thresholds worked out by hand, and data that must not be believed."""

import datetime

import pytest

from qmt_strategy.dingtou import grid, plan
from qmt_strategy.dingtou.rule import Rule, bars_needed

RULE = Rule(ma=4)
NAN = float("nan")


def days(count, last=datetime.date(2024, 1, 31)):
    return [(last - datetime.timedelta(count - 1 - i)).strftime("%Y%m%d") for i in range(count)]


def sound(count=404):
    """0.95 and 1.05 in turn: every average of 4 is 1.0, half of the days are 5 % above it, half 5 % below."""
    return ([0.95, 1.05] * count)[:count]


def planned(closes=None, dates=None, rule=RULE, today="20240201", previous_day="20240131", **more):
    closes = sound() if closes is None else closes
    reference = {"tick_last_close": closes[-1] if closes else 1.0, "pre_close": None, "price_tick": 0.001}
    reference.update(more)
    return plan.day_plan(closes, days(len(closes)) if dates is None else dates, rule, today, previous_day, **reference)


def assert_refused(found, *words):
    assert (found.may_buy, found.may_sell) == (False, False)
    assert found.why_not.startswith("今天不交易")
    for part in words:
        assert part in found.why_not
    for price in (0.5, 1.0, 2.0):
        assert plan.wish(found, RULE, price, 0).side == 0


def test_a_sound_days_thresholds_are_the_hand_worked_ones():
    # 401 full averages of 1.0; distances +5 % (201) and -5 % (200): cells 6 and -5.
    found = planned()
    assert found.average == pytest.approx(1.0)
    assert (found.hi, found.lo, found.days_above, found.days_below) == (6, -5, 201, 200)
    assert (found.may_buy, found.may_sell, found.why_not) == (True, True, "")


@pytest.mark.parametrize(
    "price, last_cell, expected",
    [
        (0.949, 0, plan.Wish(1, -6, 6000.0)),
        (0.95, 0, plan.Wish(0, -5, 0.0)),
        (0.949, -6, plan.Wish(0, -6, 0.0)),
        (1.061, 0, plan.Wish(-1, 7, 14000.0)),
        (1.059, 0, plan.Wish(0, 6, 0.0)),
        (1.061, 7, plan.Wish(0, 7, 0.0)),
    ],
)
def test_a_wish_is_the_rule_at_a_price(price, last_cell, expected):
    assert plan.wish(planned(), RULE, price, last_cell) == expected


@pytest.mark.parametrize("price", [NAN, 0.0, -0.9, float("inf"), 0.001, 0.93, 1.17, 1e12])
def test_a_price_that_the_exchange_does_not_allow_asks_for_nothing(price):
    # The last close is 1.05: 0.9345 to 1.1655. Cell 0: a start at the current cell must not take such a price either.
    assert plan.wish(planned(), RULE, price, 0) == plan.Wish(0, 0, 0.0)
    assert plan.cell_of(planned(), RULE, price) == 0


def test_the_average_is_of_the_bars_before_today_alone():
    closes = sound(400) + [1.0, 1.02, 1.04, 1.06]
    assert planned(closes).average == pytest.approx(1.03)


def test_bars_older_than_the_window_change_nothing():
    closes = sound(bars_needed(RULE.ma))
    older = [2.0, 2.1, 2.2] + closes
    assert planned(older)[:7] == pytest.approx(planned(closes)[:7])
    assert planned(older).days_above == planned(closes).days_above == 1200


def test_a_side_with_119_days_is_not_traded_and_one_with_120_is():
    below = [0.97, 1.01, 1.01, 1.01]  # the average of any 4 is 1.0: one day in four is below
    found = planned((below * 200)[:479])
    assert (found.days_below, found.may_buy, found.may_sell) == (119, False, True)
    assert "今天不买：均线下方只有 119 天，少于 120 天" in found.why_not
    assert plan.wish(found, RULE, 0.91, 0).side == 0
    found = planned((below * 200)[:483])
    assert (found.days_below, found.may_buy, found.why_not) == (120, True, "")


def test_the_same_holds_above_the_average():
    above = [1.03, 0.99, 0.99, 0.99]
    found = planned((above * 200)[:480])
    assert (found.days_above, found.may_buy, found.may_sell) == (119, True, False)
    assert plan.wish(found, RULE, 1.08, 0).side == 0
    found = planned((above * 200)[:484])
    assert (found.days_above, found.may_sell, found.why_not) == (120, True, "")


def test_a_fund_that_was_never_above_its_average_is_not_sold():
    falling = [1.0 - 0.001 * i for i in range(400)]
    found = planned(falling)
    assert (found.hi, found.may_buy, found.may_sell) == (grid.NEVER, True, False)
    assert "今天不卖：均线上方只有 0 天" in found.why_not


# ---- bars that are not believed


def test_too_few_bars_for_the_average():
    assert_refused(planned(sound(3)), "日线只有 3 根，4 日均线还算不出来")


def test_just_enough_bars_for_an_average_are_too_few_for_thresholds():
    found = planned(sound(4))
    assert found.average == pytest.approx(1.0)
    assert "今天不买" in found.why_not and "今天不卖" in found.why_not


def test_a_refused_plan_has_nothing_to_trade_by():
    assert plan.refused("x") == (0.0, 0.0, 0.0, grid.NEVER, -grid.NEVER, False, False, "今天不交易：x", 0, 0, 0.0)


def test_no_bars_at_all():
    assert_refused(planned([]), "日线只有 0 根")


@pytest.mark.parametrize("value", [0.0, NAN])
def test_a_series_of_nothing_but_zeros(value):
    assert_refused(planned([value] * 404), "收盘价全是 0 或空", "补充下载日线")


@pytest.mark.parametrize("value", [0.0, NAN, -1.0, float("inf"), 2147483647.0])
def test_one_close_that_is_no_price(value):
    closes = sound()
    closes[50] = value
    assert_refused(planned(closes), "有 1 天的收盘价是 0、负数或空（如 %s）" % days(404)[50])


def test_a_close_that_is_no_price_before_the_window_does_no_harm():
    assert planned([0.0] + sound(bars_needed(RULE.ma))).why_not == ""


def test_a_frozen_series():
    closes = sound(395) + [0.96] * 10
    assert_refused(planned(closes), "最近 10 根日线的收盘价完全相同")
    assert planned(closes[:-1]).why_not == ""
    assert_refused(planned([0.96] * 10), "最近 10 根")


@pytest.mark.parametrize(
    "jump, limit, traded",
    [
        (1.105, 0.1, True),
        (1.115, 0.1, False),
        (0.885, 0.1, False),
        (1.2, 0.2, True),
        (1.215, 0.2, False),
        (0.785, 0.2, False),
    ],
)
def test_a_jump_beyond_the_daily_limit(jump, limit, traded):
    closes = [1.0 + 0.001 * (i % 3) for i in range(200)]
    closes += [close * jump * 1.002 for close in closes[1:]]
    closes[200] = closes[199] * jump
    found = planned(closes, rule=RULE._replace(daily_limit=limit))
    if traded:
        assert found.average > 0
    else:
        words = "%s 的日线比前一天变了 %+.1f%%，超过 %d%%"
        assert_refused(found, words % (days(len(closes))[200], jump * 100 - 100, limit * 100 + 1))


def test_a_hole_of_a_month_in_the_dates():
    dates = days(404)
    dates[:200] = days(200, datetime.date(2023, 6, 1))
    assert_refused(planned(dates=dates), "日期不连续（20230601 之后是 20230712）")


@pytest.mark.parametrize("wrong", ["20240101", "hello", "", "20241301"])
def test_dates_that_repeat_or_are_none(wrong):
    dates = days(404)
    dates[300] = wrong
    assert_refused(planned(dates=dates), "日期不连续")


def test_a_date_that_stands_there_twice():
    dates = days(404)
    dates[300] = dates[301]
    assert_refused(planned(dates=dates), "日期不连续（%s 之后是 %s）" % (dates[301], dates[301]))


def test_a_jump_at_the_very_first_bar():
    assert_refused(planned([2.0] + sound(403)), days(404)[1])


def test_closes_and_dates_of_different_lengths():
    assert_refused(planned(dates=days(400)), "对不上")


# ---- the last bar must be yesterday's, on today's scale


@pytest.mark.parametrize("previous_day", ["20240130", "20240129"])
def test_a_frame_that_ends_on_another_day_than_the_previous_trading_day(previous_day):
    assert_refused(planned(previous_day=previous_day), "日线的最后一天是 20240131", "上一个交易日却是 " + previous_day)


@pytest.mark.parametrize("previous_day", ["", "20240201", "20240205", "20231201", "yesterday"])
def test_a_previous_trading_day_that_cannot_be(previous_day):
    assert_refused(planned(previous_day=previous_day), "不知道上一个交易日是哪天")


def test_a_week_without_trading_is_no_gap():
    found = planned(today="20240219", previous_day="20240208", dates=days(404, datetime.date(2024, 2, 8)))
    assert found.why_not == ""


@pytest.mark.parametrize("last, traded", [(1.05, True), (1.051, True), (1.0489, False), (1.0512, False), (1.02, False)])
def test_the_last_close_must_be_the_ticks_last_close(last, traded):
    found = planned(tick_last_close=last)
    if traded:
        assert found.why_not == ""
    else:
        assert_refused(found, "多半是今天除权而 QMT 的复权因子还没更新")


def test_the_tolerance_is_one_price_tick_or_a_thousandth():
    dear = [close * 10 for close in sound()]  # 10.5: a thousandth is 0.0105
    assert planned(dear, tick_last_close=10.51).why_not == ""
    assert_refused(planned(dear, tick_last_close=10.512))
    cheap = [round(close * 0.5, 4) for close in sound()]  # 0.525: a tick is more than a thousandth
    assert planned(cheap, tick_last_close=0.526).why_not == ""
    assert_refused(planned(cheap, tick_last_close=0.5262))
    assert planned(cheap, tick_last_close=0.53, price_tick=0.01).why_not == ""


@pytest.mark.parametrize("price_tick", [None, 0, -1, NAN, 1.0, 1.7976931348623157e308, "?"])
def test_a_price_tick_that_cannot_be_widens_nothing(price_tick):
    assert_refused(planned(tick_last_close=1.06, price_tick=price_tick))
    assert planned(tick_last_close=1.051, price_tick=price_tick).why_not == ""


@pytest.mark.parametrize("nothing", [None, 0.0, NAN, -1, 1.7976931348623157e308, "", "x"])
def test_without_the_ticks_last_close_the_instruments_counts(nothing):
    assert planned(tick_last_close=nothing, pre_close=1.05).why_not == ""
    assert_refused(planned(tick_last_close=nothing, pre_close=1.02), "昨收价却是 1.0200")
    assert_refused(planned(tick_last_close=nothing, pre_close=nothing), "没有昨收价")


def test_the_ticks_last_close_counts_before_the_instruments():
    assert_refused(planned(tick_last_close=1.02, pre_close=1.05))
