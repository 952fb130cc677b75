"""When no order may be placed: each promise of design.md's "Before an intent", through the whole strategy."""

import json
import os

import pytest

from tests.orders.tiny_qmt import Fate, at
from tests.orders.world import CODES, DAY, World, drop, write_ini

FUND = "510300.SH"


def control(world, name="STOP"):
    folder = os.path.join(world.home, "control")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)


def test_as_installed_it_only_observes_and_says_what_it_would_have_done(fresh):
    write_ini(fresh.home, CODES, "none")
    path = os.path.join(fresh.home, "sentry.ini")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("mode = live", ""))
    fresh.start().run(120)
    drop(fresh).run(300)
    assert fresh.calls() == [] and fresh.flags() == {}
    told = [text for _, text in fresh.notices("observe")]
    assert any("mode = observe" in text for text in told)
    assert sum("本应买入 510300.SH" in text for text in told) == 1


def test_an_account_that_differs_from_sentry_ini_is_only_observed(fresh):
    path = os.path.join(fresh.home, "sentry.ini")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("id = 2000567", "id = 2000568"))
    fresh.start().run(120)
    drop(fresh).run(120)
    assert fresh.calls() == [] and "[account] id" in fresh.notices("observe")[0][1]


def test_a_script_and_a_package_that_do_not_match_only_observe_and_say_so(fresh):
    fresh.start(script=99).run(120)
    drop(fresh).run(120)
    assert fresh.calls() == [] and "不是一套" in fresh.notices("observe")[0][1]


def test_without_start_cell_a_fund_is_only_observed(home):
    world = World(home, start="")
    world.start().run(120)
    drop(world).run(120)
    assert world.calls() == [] and any("start_cell" in text for _, text in world.notices("stopped-fund"))


def test_history_bars_and_back_tests_make_no_intent(world):
    drop(world)
    world.context.last_bar = False
    world.run(300)
    world.context.last_bar = True
    world.context.do_back_test = True
    world.run(300)
    assert world.calls() == [] and world.flags() == {}


@pytest.mark.parametrize("name", ["STOP", "STOP.txt"])
def test_stop_forbids_new_orders_and_is_told_once_and_its_end_too(world, name):
    open(control(world, name), "w").close()
    drop(world).run(300)
    assert world.calls() == [] and len(world.notices("stop")) == 1
    os.remove(control(world, name))
    world.run(120)
    assert len(world.calls()) == 1 and "已恢复" in world.notices("stop")[-1][1]


def test_stop_cancels_our_live_orders(world):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(15)
    open(control(world), "w").close()
    world.run(15)
    assert list(world.states().values()) == ["cancelled"]


@pytest.mark.parametrize(
    "time, orders", [("09:20:00", 0), ("09:29:30", 1), ("11:31:00", 0), ("12:30:00", 0), ("14:54:06", 0)]
)
def test_orders_are_placed_only_in_the_hours_that_allow_it(world, time, orders):
    drop(world).go(DAY, time).run(300 if orders else 60)
    assert len(world.calls()) == orders


@pytest.mark.parametrize("shift", [-61, 61, -86400])
def test_a_tick_that_does_not_agree_with_the_clock_makes_no_order(world, shift):
    world.context.tick_shift = shift
    drop(world).run(300)
    assert world.calls() == []


def test_logged_out_makes_no_order(world):
    world.broker.logged_in = False
    drop(world).run(300)
    assert world.calls() == []


def test_an_account_of_another_trading_day_makes_no_order(world):
    table = world.broker.table

    def stale(kind, now):
        rows = table(kind, now)
        for row in rows if kind == "ACCOUNT" else ():
            row.m_strTradingDate = "20260104"
        return rows

    world.broker.table = stale
    drop(world).run(300)
    assert world.calls() == [] and any("交易日" in text for _, text in world.notices("blocked"))


@pytest.mark.parametrize(
    "change", [{"openInt": 20}, {"askPrice": [0.0] * 5}, {"bidPrice": [0.0] * 5}, {"askPrice": [1]}]
)
def test_a_halted_fund_or_one_without_prices_is_not_ordered(world, change):
    tick = world.context.tick
    world.context.tick = lambda code: dict(tick(code), **change)
    world._sync = lambda: None
    world.context.day, world.broker.ticks = DAY, {}
    for _ in range(60):
        world.now += 3
        world.context.now = world.now
        drop(world)
        world.trader.handlebar(world.context)
    assert world.calls() == [] and world.errors() == []


def test_over_the_cap_of_an_order_nothing_is_placed_and_it_is_told_once(home):
    world = World(home, more="max_order_amount = 6000")
    world.start().run(120)
    drop(world).run(600)
    assert world.calls() == [] and len(world.notices("cap")) == 1


def test_over_the_cap_of_a_day_nothing_more_is_placed(home):
    world = World(home, more="max_day_amount = 15000")
    world.start().run(120)
    for code in CODES:
        world.context.prices[code] = 0.93
    world.run(600)
    assert len(world.calls()) == 2 and len(world.notices("cap")) == 1


def test_without_enough_cash_nothing_is_placed(world):
    world.broker.cash = 7000.0
    drop(world).run(300)
    assert world.calls() == [] and len([1 for _, text in world.notices("blocked") if "可用资金" in text]) == 1


def test_cash_for_an_order_that_is_not_seen_yet_is_not_spent_twice(world):
    world.broker.cash = 10000.0
    world.broker.fate = lambda call: Fate(visible=30, fills=())
    for code in CODES:
        drop(world, code=code)
    world.run(12)
    assert len(world.calls()) == 1


def test_too_little_free_space_makes_no_order(world):
    world.free = 199 * 1024 * 1024
    drop(world).run(120)
    assert world.calls() == []


def test_somebody_elses_live_order_blocks_the_fund_told_once_and_is_never_cancelled(world):
    world.broker.fate = lambda call: Fate(fills=())
    world.broker.passorder(world.now, 23, 1101, FUND, 3, 100, "", ours=False)
    drop(world).run(1200)
    assert world.calls() == [] and world.broker.cancels == []
    assert len([1 for _, text in world.notices("blocked") if "别处" in text]) == 1


def test_all_of_todays_orders_of_a_fund_count_as_attempts(world):
    for _ in range(3):
        world.broker.passorder(world.now, 23, 1101, FUND, 3, 100, "", ours=False)
    drop(world).run(600)
    assert world.calls() == [] and any("达到上限" in text for _, text in world.notices("cap"))


def test_the_account_is_told_at_half_past_nine_and_low_cash_with_it(fresh):
    fresh.broker.cash = 70000.0
    fresh.start().run(180)
    fresh.go(DAY, "14:57:30").run(120)
    assert len(fresh.notices("account-summary")) == 2 and len(fresh.notices("cash-low")) == 2


def test_once_a_day_charts_grid_state_and_ledger_are_posted(world):
    drop(world).run(120)
    world.go(DAY, "14:57:30").run(120)
    names = []
    for name in sorted(os.listdir(os.path.join(world.home, "spool"))):
        if name.endswith("-file.json"):
            with open(os.path.join(world.home, "spool", name), encoding="utf-8") as file:
                names.append(json.load(file)["data"]["name"])
    charts = [f"chart-{code}.csv" for code in CODES]
    assert sorted(names) == sorted(charts + ["grid.json", "transaction.csv"])


def test_a_context_that_does_not_say_it_is_no_back_test_is_only_observed(fresh):
    fresh.context.do_back_test = None
    fresh.start().run(120)
    drop(fresh).run(120)
    assert fresh.calls() == [] and "没有说明现在不是回测" in fresh.notices("observe")[0][1]


def test_decide_once_decides_once(home):
    world = World(home, more="decide = once 14:50")
    world.start().run(120)
    drop(world).run(600)
    assert world.calls() == []
    world.go(DAY, "14:49:30").run(120)
    assert len(world.calls()) == 1 and world.broker.calls[0][0] >= at(DAY, "14:50:00")
    drop(world, 0.90).run(120)
    assert len(world.calls()) == 1


def test_nothing_is_raised_into_qmt_whatever_its_functions_do(world):
    def broken(*args):
        raise RuntimeError("QMT")

    world.trader._api["get_trade_detail_data"] = broken
    drop(world).run(30)
    world.context.get_full_tick = broken
    world.trader.handlebar(world.context)
    world.trader.order_callback(world.context, None)
    world.trader.deal_callback(world.context, object())
    world.trader.orderError_callback(world.context, {"strategyName": None}, None)
    world.trader.orderError_callback(world.context, None, None)
    assert world.calls() == []


@pytest.mark.parametrize("kind", ["CREDIT", "FUTURE"])
def test_an_account_that_is_no_plain_stock_account_is_only_observed(fresh, kind):
    fresh.account_type = kind
    fresh.start().run(120)
    drop(fresh).run(120)
    assert fresh.calls() == []
    assert any(kind in text for _, text in fresh.notices("observe"))


def test_a_last_bar_that_is_true_in_some_other_way_places_nothing_and_is_told_once(fresh):
    fresh.context.is_last_bar = lambda: 1
    fresh.start().run(120)
    drop(fresh).run(120)
    assert fresh.calls() == []
    assert len(fresh.notices("blocked")) == 1
