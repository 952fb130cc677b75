"""Adjustment factors that come late: a fund that paid a dividend is not traded until its bars show it."""

import pytest

from tests.orders.tiny_qmt import BARS, Frame, closes, trading_days
from tests.orders.world import AFTER, NEXT, drop

FUND = "510300.SH"
PAID = 0.02


@pytest.fixture
def paid(world):
    """510300 pays on NEXT. `world.factor_from`: the day from which front_ratio bars know it ('' = never)."""
    world.factor_from = ""
    world.push = lambda events: None
    context = world.context
    real_tick, days = context.tick, trading_days()

    def tick(code):
        found = real_tick(code)
        if code == FUND:
            found["lastClose"] = 1.0 - PAID if context.day == NEXT else 1.0
        return found

    def bars(fields, codes, **named):
        end = days.index(context.day)
        values = closes(BARS)
        if codes == [FUND]:
            paid = BARS - (end - days.index(NEXT))  # the place of the ex-date's bar
            values = values[:]
            if paid < BARS:
                values[paid - 1 :] = [1.0] * (BARS - paid + 1)  # quiet around it: 1.0 before, 1.0 - PAID + PAID after
            known = named["dividend_type"] != "none" and world.factor_from and context.day >= world.factor_from
            if known:
                values[:paid] = [value * (1.0 - PAID) for value in values[:paid]]
        return {code: Frame(days[end - BARS : end], values) for code in codes}

    context.tick, context.get_market_data_ex = tick, bars
    return world


def test_the_fund_waits_until_the_bars_show_the_dividend_however_many_days_that_takes(paid):
    paid.factor_from = "20260109"
    for day in (NEXT, AFTER, "20260108"):
        paid.overnight(day).restart().run(120)
        drop(paid).run(60)
        assert paid.calls() == [], day
    told = " ".join(text for _, text in paid.notices("stopped-fund"))
    assert "复权因子还没更新" in told and "20260106 除权" in told
    paid.overnight("20260109").restart().run(120)
    drop(paid).run(60)
    assert paid.calls() == ["20260109-510300-B-01"]


def test_the_other_funds_trade_on(paid):
    paid.overnight(NEXT).run(120)
    drop(paid, code="159915.SZ").run(60)
    assert paid.calls() == ["20260106-159915-B-01"]
