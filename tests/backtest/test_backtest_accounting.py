"""The books, against cases worked out by hand, and balanced on every day to the cent."""

import numpy
import pytest

from qmt_strategy.backtest import booking, compiled, engine, synthetic
from qmt_strategy.backtest.setup import LEGACY, NO_CAP, Setup
from qmt_strategy.dingtou.rule import Rule

ENGINES = ["python", "numba"]


@pytest.fixture(params=ENGINES)
def chosen(request):
    try:
        return compiled.engine(request.param)
    except ImportError:
        pytest.skip("numba is not installed")


def one_day(fund, before, rule, today, chosen, then=(), cells=0, splits=None, dividends=None, opens=None, **more):
    """A run whose first day is the one after `before`: average 1.0, hi 6 (sell above), lo -6 (buy below)."""
    closes = list(before) + [today] + list(then)
    made = fund(closes, splits=splits, dividends=dividends, opens=opens)
    setup = Setup(rule=rule, start=made.dates[len(before)], fill="close")._replace(**more)
    return engine.run([made], setup, chosen)


def test_a_buy_is_lots_of_100_at_the_close_with_its_fee_and_injected_to_the_cent(fund, before, rule, chosen):
    # 0.9 is -10 % from 1.0: cell -10, 10,000 yuan; 10,000 / 0.9 = 11,111 shares: 11,100 for 9,990; fee 0.999 -> 1.00
    result = one_day(fund, before, rule, 0.9, chosen)
    (order,) = result.orders
    assert (order.side, order.cell, order.shares, order.price, order.yuan, order.fee) == (
        1,
        -10,
        11100,
        0.9,
        9990.0,
        1.0,
    )
    assert result.flows[0] == 9991.0
    assert result.cash[0] == 0.0
    assert result.equity[0] == 9990.0


def test_the_least_fee_of_an_order_is_taken(fund, before, rule, chosen):
    (order,) = one_day(fund, before, rule, 0.9, chosen, fee_min=5.0).orders
    assert order.fee == 5.0


def test_a_fee_is_rounded_half_up_to_cents():
    assert booking.fee_of(99_950_000, 0.0001, 0) == 10_000  # 9,995 yuan: 0.9995 -> 1.00
    assert booking.fee_of(12_350_0000, 0.0001, 0) == 124 * booking.CENT  # 12,350 yuan: 1.235 -> 1.24
    assert booking.fee_of(12_340_0000, 0.0001, 0) == 123 * booking.CENT


def test_slippage_buys_above_and_sells_below(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.95, 1.05], slippage=2)
    assert [(order.side, order.price) for order in result.orders] == [(1, 0.902), (-1, 1.048)]


def test_with_cash_a_buy_beyond_it_is_skipped_and_said(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, bank=False, cash=9990.0)
    assert result.orders == []
    assert [order.reason for order in result.skipped] == ["现金不足"]
    assert result.cells[0][0] == 0  # the grid did not move
    assert one_day(fund, before, rule, 0.9, chosen, bank=False, cash=9991.0).cash[0] == 0.0


def test_what_is_bought_today_is_not_sold_today(fund, before, rule, chosen):
    result = one_day(
        fund, before, rule, 1.1, chosen, opens=list(before) + [0.9], fill="minute", limits=False, attempts=1
    )
    assert [order.side for order in result.orders] == [1]


def test_a_sale_takes_what_is_there_and_leaves_no_odd_lot(fund, before, rule, chosen):
    # Bought 11,100; at 1.09 cell 9 or so asks for 18,000 yuan: 16,500 shares are wanted, all 11,100 go.
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.95, 1.05, 1.09])
    assert result.orders[-1].side == -1
    assert result.orders[-1].shares == 11100
    assert result.held[0][-1] == 0


def test_the_last_cell_moves_with_a_fill_and_holds_back_the_same_cell(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.9])
    assert len(result.orders) == 1
    assert list(result.cells[0]) == [-10, -10]


def test_a_split_doubles_the_shares_and_keeps_the_worth(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.45], splits={301: 2.0})
    assert list(result.held[0]) == [11100, 22200]
    assert result.equity[0] == result.equity[1] == 9990.0


def test_a_dividend_is_paid_in_cash_on_its_ex_date_for_what_was_held_before(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.877], dividends={301: 0.0235})
    assert result.income[1] == 260.85  # 11,100 * 0.0235
    assert result.cash[1] == 260.85
    assert result.held[0][1] == 11100


def test_money_of_a_dividend_is_used_before_more_is_injected(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.8], dividends={301: 0.0235})
    second = result.orders[1]
    assert second.injected == round(second.yuan + second.fee - 260.85, 2)


def jump_to_the_limit(fund, rule, chosen, limits):
    """Far below its threshold, and on the last day up by its 10 %: 0.69 to 0.759."""
    made = fund([1.05, 0.95] * 300 + [0.945, 0.851, 0.766, 0.69, 0.759])
    return engine.run(
        [made], Setup(rule=rule._replace(ma=150), start=made.dates[-1], fill="close", limits=limits), chosen
    )


def test_a_buy_at_limit_up_is_skipped_and_said(fund, rule, chosen):
    result = jump_to_the_limit(fund, rule, chosen, True)
    assert result.orders == []
    assert [order.reason for order in result.skipped] == ["涨跌停，买不进或卖不出"]
    assert [order.side for order in jump_to_the_limit(fund, rule, chosen, False).orders] == [1]


def fall_to_the_limit(fund, rule, chosen, limits):
    """Bought at 0.9; on the last day a sale decided at 1.37 the day before meets 1.233, 10 % below."""
    made = fund([1.05, 0.95] * 300 + [0.9, 0.95, 1.04, 1.14, 1.25, 1.37, 1.233])
    small = rule._replace(ma=150, sell_factor=0.1)
    return engine.run([made], Setup(rule=small, start=made.dates[600], fill="next-close", limits=limits), chosen)


def test_a_sale_at_limit_down_is_skipped_and_said(fund, rule, chosen):
    result = fall_to_the_limit(fund, rule, chosen, True)
    assert [(order.day, order.side) for order in result.skipped] == [(result.days[-1], -1)]
    assert fall_to_the_limit(fund, rule, chosen, False).orders[-1].day == result.days[-1]


def test_a_day_has_no_more_orders_than_attempts(fund, before, rule, chosen):
    opens = list(before) + [0.95]
    few = one_day(fund, before, rule, 0.86, chosen, opens=opens, fill="minute", limits=False, attempts=2)
    assert len(few.orders) == 2
    assert [order.reason for order in few.skipped] == ["超过每天次数上限"]
    assert len(one_day(fund, before, rule, 0.86, chosen, opens=opens, fill="minute", limits=False).orders) == 3


def test_an_order_over_its_cap_is_not_made_and_not_trimmed(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 0.9, chosen, order_cap=9999.0)
    assert result.orders == []
    assert [order.reason for order in result.skipped] == ["超过单笔金额上限"]


def test_the_cap_of_a_day_runs_over_all_funds(fund, before, rule, chosen):
    pair = [fund(before + [0.9]), fund(before + [0.9], code="512660.SH")]
    setup = Setup(rule=rule, start=pair[0].dates[300], fill="close", day_cap=15000.0)
    result = engine.run(pair, setup, chosen)
    assert [order.code for order in result.orders] == ["512690.SH"]
    assert [(order.code, order.reason) for order in result.skipped] == [("512660.SH", "超过当日金额上限")]


@pytest.mark.parametrize("fill, price", [("next-open", 0.91), ("next-close", 0.92)])
def test_an_order_that_waits_is_filled_on_the_next_day(fund, before, rule, chosen, fill, price):
    result = one_day(fund, before, rule, 0.9, chosen, then=[0.92], opens=list(before) + [0.9, 0.91], fill=fill)
    assert [(order.day, order.price) for order in result.orders] == [(result.days[1], price)]
    assert result.orders[0].shares == int(10000 / price // 100) * 100


def test_once_decides_at_its_time_and_price(fund, before, rule, chosen):
    # 14:50 is seven minutes before the end of the path's last leg, which goes from the high to the close in 79.
    result = one_day(fund, before, rule, 0.9, chosen, opens=list(before) + [0.98], fill="once", limits=False)
    (order,) = result.orders
    assert order.second == 14 * 3600 + 50 * 60
    assert order.price == 0.907  # high 0.98 to close 0.9: 0.9 + 0.08 * 7 / 79 = 0.9071


def test_idle_cash_earns_what_is_agreed(fund, before, rule, chosen):
    result = one_day(fund, before, rule, 1.0, chosen, then=[1.0], bank=False, cash=365000.0, cash_rate=0.02)
    assert list(result.income) == [0.0, 20.0]


def test_legacy_takes_all_days_for_its_thresholds_and_today_for_its_average(fund, chosen):
    closes = [1.0, 0.9, 0.95, 0.8, 1.2, 1.0]
    made = fund(closes)
    result = engine.run([made], Setup(rule=Rule(ma=3), **LEGACY), chosen)
    # Worked out in tests/qmt_strategy/test_grid_replay.py: one buy of 10,000 yuan at 0.8 on day 4, then a sale: the
    # distance .2203 is above every quantile but its own: hi = 1 + 22 = 23, cell 23 is not above it.
    assert [(order.day, order.price, order.side, order.shares) for order in result.orders] == [
        (made.dates[3], 0.8, 1, 12500)
    ]


def books_balance(result):
    """Cash, flows, fees, income and orders explain each other on every day, in units."""
    cents = numpy.round(result.cash * 100).astype(int)
    cash = 0
    of_day = {}
    for order in result.orders:
        of_day.setdefault(order.day, []).append(order)
    for at, day in enumerate(result.days):
        cash += round(result.flows[at] * 100) + round(result.income[at] * 100)
        for order in of_day.get(day, []):
            cash -= round((order.side * order.yuan + order.fee) * 100)
        assert cents[at] == cash, day
    fees = sum(round(order.fee * 100) for order in result.orders)
    assert round(result.fees[-1] * 100) == fees
    profit = (
        sum(-order.side * order.yuan for order in result.orders) + result.income.sum() + result.holdings[:, -1].sum()
    )
    assert result.equity[-1] == pytest.approx(result.flows.sum() + profit - result.fees[-1], abs=0.001)


def shares_balance(result, funds):
    moved = {}
    for order in result.orders:
        key = (order.day, order.code)
        moved[key] = moved.get(key, 0) + order.side * order.shares
    for number, fund in enumerate(funds):
        held = 0
        splits = dict(zip(fund.dates, fund.splits))
        for at, day in enumerate(result.days):
            held = int(held * splits.get(day, 1.0) + 1e-9)
            held += moved.get((day, fund.code), 0)
            assert result.held[number][at] == held >= 0


SETUPS = {
    "legacy": Setup(**LEGACY),
    "minute": Setup(),
    "once": Setup(fill="once", slippage=1),
    "next-open": Setup(fill="next-open", bank=False, cash=300000.0),
    "next-close": Setup(fill="next-close", order_cap=NO_CAP, day_cap=NO_CAP),
    "interest": Setup(fill="close", bank=False, cash=200000.0, cash_rate=0.015),
}


@pytest.mark.parametrize("name", sorted(SETUPS))
def test_every_yuan_and_every_share_is_accounted_for_on_every_day(name):
    funds = synthetic.funds(7, days=1700)
    result = engine.run(funds, SETUPS[name]._replace(rule=Rule(ma=250)))
    assert len(result.orders) > 20
    books_balance(result)
    shares_balance(result, funds)


def test_both_engines_write_the_same_books():
    if compiled.engine().name == "python":
        pytest.skip("numba is not installed")
    funds = synthetic.funds(3, days=1500)
    for setup in SETUPS.values():
        setup = setup._replace(rule=Rule(ma=250))
        plain, fast = (engine.run(funds, setup, compiled.engine(name)) for name in ENGINES)
        assert plain.orders == fast.orders
        assert plain.skipped == fast.skipped
        assert (plain.cash == fast.cash).all() and (plain.held == fast.held).all()
