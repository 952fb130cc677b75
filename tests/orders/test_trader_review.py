"""Found by a hostile review: a client that lies about remarks, positions, volumes and times must not buy twice."""

import os

import pytest

from qmt_strategy.dingtou import dayplans
from tests.orders.test_trader_books import answer
from tests.orders.tiny_qmt import Fate, at
from tests.orders.world import AFTER, DAY, NEXT, World, drop, write_ini

FUND = "510300.SH"
FIRST = "20260105-510300-B-01"


def without_deals(world):
    """Neither callbacks nor the DEAL list show what an order did."""
    table = world.broker.table
    world.broker.table = lambda kind, now: [] if kind == "DEAL" else table(kind, now)
    world.push = lambda events: None


def test_deals_under_a_remark_that_was_cut_never_make_an_order_look_as_if_it_did_nothing(world):
    def cut(real):
        def row(thing):
            found = real(thing)
            found.m_strRemark = found.m_strRemark[:16]
            return found

        return row

    world.broker.order_row, world.broker.deal_row = cut(world.broker.order_row), cut(world.broker.deal_row)
    drop(world).run(300)
    for day in (NEXT, AFTER):
        world.overnight(day).run(240)
        drop(world).run(120)
    assert world.calls() == [FIRST] and world.states() == {FIRST: "unknown"}
    answer(world, FIRST, answer="filled", shares=7500)
    world.run(240)
    drop(world, 0.91).run(60)
    assert world.states()[FIRST] == "filled" and len(world.calls()) == 2  # the owner's word, and POSITION agrees


def test_a_position_list_that_loads_late_does_not_prove_that_an_unknown_order_did_nothing(world):
    world.broker.fate = lambda call: Fate(visible=1e9)
    without_deals(world)
    drop(world).run(300)
    assert world.states() == {FIRST: "unknown"} and world.broker.volume["510300"] == 7500
    table = world.broker.table
    loaded = at(NEXT, "09:31:00")
    world.broker.table = lambda kind, now: [] if kind == "POSITION" and now < loaded else table(kind, now)
    world.overnight(NEXT).restart().run(300)
    drop(world).run(120)
    assert world.calls() == [FIRST] and world.cell() == -7


def test_an_account_without_any_assets_is_a_lost_link_and_no_look(world):
    world.broker.fate = lambda call: Fate(visible=1e9)
    without_deals(world)
    drop(world).run(300)
    table = world.broker.table

    def cut(kind, now):
        rows = table(kind, now) if kind == "ACCOUNT" else []
        for row in rows:
            row.m_dBalance = row.m_dAvailable = 0.0
        return rows

    world.broker.table = cut
    world.overnight(NEXT).restart().run(300)
    assert world.states() == {FIRST: "unknown"}
    world.broker.table = table
    world.run(300)
    drop(world).run(120)
    assert world.calls() == [FIRST] and world.cell() == -7


@pytest.mark.parametrize("traded", [0, 2147483647])
def test_the_rest_of_a_cancelled_order_is_not_bought_while_its_volume_is_not_known(world, traded):
    real = world.broker.order_row

    def row(order):
        found = real(order)
        found.m_nVolumeTraded = traded if order.status == 53 else 0 if order.status == 55 else order.traded
        return found

    world.broker.order_row = row
    world.broker.lag = 6.0
    world.broker.fate = lambda call: Fate(fills=((58, 6000),))
    push = world.push
    world.push = lambda events: push([event for event in events if event[0] != "deal"])
    drop(world).run(600)
    assert world.calls() == [FIRST] and world.broker.volume["510300"] == 6000


def test_a_cancelled_orders_deal_that_comes_late_stops_the_fund_before_the_rest_is_tried(world):
    world.broker.lag = 6.0
    world.broker.fate = lambda call: Fate(fills=((59, 6000),))
    real = world.broker.order_row

    def row(order):  # 54, as if nothing had been traded
        found = real(order)
        found.m_nVolumeTraded = 0
        found.m_nOrderStatus = {53: 54, 55: 50}.get(order.status, order.status)
        return found

    world.broker.order_row = row
    push = world.push
    world.push = lambda events: push([event for event in events if event[0] != "deal"])
    drop(world).run(600)
    assert world.calls() == [FIRST] and world.cell() == -7 and world.notices("late")


def test_a_fill_told_after_the_close_moves_the_grid_state_of_an_order_already_settled(world):
    world.go(DAY, "14:53:00").run(20)
    world.broker.fate = lambda call: Fate(fills=((1e6, None),), cancel="deaf")
    drop(world)
    while world.now < at(DAY, "15:00:06"):
        world.tick()
    assert world.states() == {FIRST: "expired"} and world.flags()[FIRST][-1]["settled"] is True
    world.broker.orders[0].fate.fills = [(0, None)]
    world.broker.fate = lambda call: Fate()
    world.run(60)
    assert world.cell() == -7
    world.overnight(NEXT).run(300)
    assert world.calls() == [FIRST]


def test_after_bars_took_minutes_to_load_nothing_is_decided_on_the_old_ticks(world):
    real = world.context.get_market_data_ex
    drop(world, 0.93, "159915.SZ")
    for key in [key for key in dayplans._plans if key[1] == FUND]:
        del dayplans._plans[key]

    def slow(fields, codes, **named):
        world.now += 400
        world.context.prices["159915.SZ"] = 1.0
        world.context.now = world.now
        return real(fields, codes, **named)

    world.context.get_market_data_ex = slow
    world.run(120)
    assert world.calls() == []


def test_a_tick_that_grew_old_while_the_account_was_read_places_no_order(world):
    table = world.broker.table

    def slow(kind, now):
        world.now += 35.0 if kind in ("ORDER", "DEAL") else 0.0
        return table(kind, now)

    drop(world)
    world.broker.table = slow
    world.tick(3)
    world.run(60)
    assert world.calls() == [] and world.errors() == []


def test_in_observe_mode_an_order_that_is_alive_is_still_cancelled(world):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(12)
    write_ini(world.home, more="max_day_amount = 1,000")
    world.start().run(120)
    assert world.states() == {FIRST: "cancelled"}


def test_a_cancel_for_stop_that_is_not_done_is_told_after_a_minute_and_at_the_end_of_the_day(world):
    world.broker.fate = lambda call: Fate(fills=(), cancel="deaf")
    drop(world).run(9)
    os.makedirs(os.path.join(world.home, "control"))
    with open(os.path.join(world.home, "control", "STOP"), "w"):
        pass
    world.run(180)
    assert [text for _, text in world.notices("unfilled") if "还没有确认" in text]
    world.go(DAY, "14:55:00").run(150)
    assert [text for _, text in world.notices("unfilled") if "14:56:30" in text]


def test_five_minutes_without_a_tick_of_a_fund_are_told_once(world):
    world.context.prices.pop("159915.SZ")
    world.run(900)
    assert len([text for _, text in world.notices("blocked") if "159915.SZ" in text]) == 1
    assert not [text for _, text in world.notices("blocked") if "512690.SH" in text]


def test_a_chart_too_slow_to_find_orders_by_is_told(world):
    world.broker.fate = lambda call: Fate(refused=True)
    drop(world).run(900, 12.0)
    told = " ".join(text for _, text in world.notices("blocked"))
    assert "12 秒" in told and FIRST in told and world.calls() == [FIRST]


def test_a_decision_once_a_day_is_not_made_again_after_a_restart(home):
    world = World(home, more="decide = once 09:35")
    world.start().run(420)
    drop(world)
    world.restart().run(600)
    assert world.calls() == [] and world.errors() == []


def test_a_fund_that_starts_is_free_at_once(fresh):
    fresh.start().run(90)
    drop(fresh).run(6)
    assert fresh.calls() == [FIRST] and fresh.now < at(DAY, "09:32:00")
