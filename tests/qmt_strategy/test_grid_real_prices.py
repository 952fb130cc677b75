"""The rule over real prices: it trades where it should, plans as the live side does, and meets late factors."""

import functools
import os

import pytest

from qmt_strategy.dingtou import plan, replay
from qmt_strategy.dingtou.rule import Rule, daily_limit
from tests.qmt_strategy import real_etfs as real

pytestmark = real.needs_them
HOLDING = 1000000  # shares, so that no sale is cut short


@functools.lru_cache(maxsize=None)
def bars(code):
    return tuple(real.bars(code))


def rule(code, **more):
    return Rule(daily_limit=daily_limit(code))._replace(**more)


def until(code, day):
    return [bar for bar in bars(code) if bar.date <= day]


def cell_before(code, day):
    """The cell of the last close before `day`: the state of an owner who begins with start_cell = current."""
    known = [i for i, bar in enumerate(bars(code)) if bar.date < day]
    if len(known) <= 850:
        return 0
    plans = list(replay.plans(bars(code)[: known[-1] + 2], rule(code)))
    return plan.wish(plans[-1], rule(code), bars(code)[known[-1]].close, 0).cell


def orders(first, last, **more):
    """All funds' orders from `first` to `last`, each fund beginning in its cell of the day before."""
    funds = [
        (code, replay.Walked(until(code, last), rule(code), cell_before(code, first), HOLDING)) for code in real.codes()
    ]
    return replay.replay_funds(funds, first_day=first, **more)


def shown(name, found):
    print("\n%s: %d orders" % (name, len(found)))
    for code, order in found:
        print(
            "  %s %02d:%02d %s %s %.3f yuan %.0f cell %d"
            % (
                order.day,
                order.second // 3600,
                order.second // 60 % 60,
                code,
                "BS"[order.side < 0],
                order.price,
                order.yuan,
                order.cell,
            )
        )


def test_the_first_weeks_of_february_2024_give_buys(capsys):
    found = orders("20240129", "20240209")
    without_cap = orders("20240129", "20240209", caps=replay.Caps(day_yuan=1e9))
    with capsys.disabled():
        shown("2024-01-29 to 2024-02-09, every minute, default caps", found)
        print("  without the cap of a day: %d orders" % len(without_cap))
    assert len(without_cap) > len(found) >= 20
    assert {order.side for _, order in found} == {1}


@pytest.mark.parametrize("first, last", [("20221102", "20231110"), ("20250701", "20260710")])
def test_the_windows_with_many_orders_have_them(capsys, first, last):
    every_minute = orders(first, last)
    once = orders(first, last, decide_at=14 * 3600 + 50 * 60)
    with capsys.disabled():
        print("\n%s to %s: %d orders every minute, %d once at 14:50" % (first, last, len(every_minute), len(once)))
    assert len(every_minute) > len(once) >= 5


@pytest.mark.parametrize("code", ["510500.SH", "512690.SH", "159915.SZ"])
def test_the_replays_plan_is_the_live_plan_of_the_same_day(code):
    known = bars(code)
    for index, ours in enumerate(replay.plans(known, rule(code))):
        if index < 900 or index % 97:
            continue
        dates, closes = real.frame(known, index)
        live = plan.day_plan(
            closes, dates, rule(code), known[index].date, dates[-1], real.reference(code, index, known), None, 0.001
        )
        assert live.average == pytest.approx(ours.average, rel=1e-9)
        assert live[3:] == ours[3:]


@pytest.mark.parametrize("code", ["510500.SH", "512690.SH"])
def test_tomorrow_changes_nothing_of_the_orders_up_to_today(code):
    known = list(bars(code))
    cut = 1500
    changed = known[:cut] + [bar._replace(close=bar.close * 3, low=bar.low / 3) for bar in known[cut:]]
    first = known[1000].date
    before = [order for order in replay.replay(known, rule(code), 0, 0, first_day=first) if order.day < known[cut].date]
    after = [
        order for order in replay.replay(changed, rule(code), 0, 0, first_day=first) if order.day < known[cut].date
    ]
    assert before
    assert before == after


def ex_dates():
    return [
        (code, day) for code in (real.codes() if os.path.isdir(real.FOLDER) else []) for day, _, _ in real.events(code)
    ]


@pytest.mark.parametrize("code, day", ex_dates())
def test_a_fund_is_not_traded_on_an_ex_date_whose_factor_is_late_and_is_when_it_is_there(code, day):
    # A short average, so that the events of a fund's first years are tried as well.
    short = rule(code, ma=20)
    for without, traded in ((day, False), ("", True)):
        known = real.bars(code, without)
        index = [bar.date for bar in known].index(day)
        dates, closes = real.frame(known, index)
        found = plan.day_plan(closes, dates, short, day, dates[-1], real.reference(code, index, known), None, 0.001)
        assert (found.average > 0) is traded, found.why_not
        if not traded:
            assert "复权因子还没更新" in found.why_not
            assert plan.wish(found, short, known[index].close, 0).side == 0


@pytest.mark.parametrize("code, day", [pair for pair in ex_dates() if pair[1] in ("20210625", "20150415", "20210517")])
def test_a_split_whose_factor_never_comes_is_found_by_its_jump(code, day):
    known = real.bars(code, day)
    index = [bar.date for bar in known].index(day) + 5
    dates, closes = real.frame(known, index)
    found = plan.day_plan(
        closes, dates, rule(code, ma=20), known[index].date, dates[-1], real.reference(code, index, known), None, 0.001
    )
    assert "超过 11%" in found.why_not
