"""Found by a hostile review: a client that lies about remarks, positions, volumes and times must not buy twice."""

import os

import pytest

from qmt_strategy.dingtou import dayplans
from tests.orders.test_trader_books import answer
from tests.orders.tiny_qmt import ACCOUNT, Broker, Fate, Thing, at
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


def test_positions_that_still_carry_yesterdays_date_prove_nothing_about_an_open_order(world):
    world.broker.fate = lambda call: Fate(visible=1e9)
    without_deals(world)
    drop(world).run(300)
    table = world.broker.table

    def frozen(kind, now):
        if kind != "POSITION":
            return table(kind, now)
        return [Thing(m_strInstrumentID="510300", m_nVolume=0, m_nCanUseVolume=0, m_strTradingDay=DAY)]

    world.broker.table = frozen
    world.overnight(NEXT).run(300)
    assert world.states() == {FIRST: "unknown"} and any("没有刷新" in t for _, t in world.notices("stopped-fund"))
    world.broker.table = table
    world.run(300)
    assert world.cell() == -7


def test_an_order_far_larger_than_asked_for_is_cancelled_and_stops_its_fund(world):
    world.broker.fate = lambda call: Fate(fills=((3, 1000),))
    real = world.broker.order_row

    def row(order):
        found = real(order)
        found.m_nVolumeTotalOriginal = 22500
        return found

    world.broker.order_row = row
    drop(world).run(30)
    assert world.broker.cancels and world.broker.cancels[0][0] < at(DAY, "09:33:00")
    drop(world, 0.90).run(300)
    assert world.calls() == [FIRST] and any("22500" in text for _, text in world.notices("stopped-fund"))


def test_an_older_grid_state_that_was_put_back_is_not_believed(world):
    path = os.path.join(world.home, "state", "grid.json")
    with open(path, "rb") as file:
        older = file.read()
    drop(world).run(60)
    for day in (NEXT, AFTER):
        world.overnight(day).run(120)
    with open(path, "wb") as file:
        file.write(older)
    world.overnight("20260108").restart().run(120)
    drop(world).run(300)
    assert world.calls() == [FIRST] and any("矛盾" in text for _, text in world.notices("stopped-fund"))


def test_a_dated_start_cell_that_comes_too_late_is_told_and_not_taken(world):
    drop(world).run(60)
    world.overnight(NEXT).run(120)
    drop(world, 0.90).run(60)
    write_ini(world.home, start="-20 20260106")
    world.restart().run(120)
    assert world.cell() == -10 and any("没有采用" in text for _, text in world.notices("settings"))


def test_a_pc_an_hour_behind_in_the_session_is_told(world):
    world.clock = lambda: world.now - 3600
    world.run(600)
    assert len([text for _, text in world.notices("blocked") if "相差 60 分钟" in text]) == 1


def test_what_the_strategy_does_is_posted_with_its_funds_and_again_when_that_changes(fresh):
    fresh.start().run(120)
    modes = [data for data in fresh.posts("strategy.notice") if data["what"] == "mode"]
    assert modes[0]["funds"][FUND] and modes[-1]["funds"] == dict.fromkeys(modes[-1]["funds"], "")
    assert {data["mode"] for data in modes} == {"live"} and not modes[0]["chosen"]
    count = len(modes)
    fresh.run(300)
    assert len([data for data in fresh.posts("strategy.notice") if data["what"] == "mode"]) == count
    fresh.run(1200)  # every ten minutes as a sign of life
    assert len([data for data in fresh.posts("strategy.notice") if data["what"] == "mode"]) == count + 2
    with open(os.path.join(fresh.home, "sentry.ini"), "a") as file:
        file.write("\n[strategy]\n")  # twice: refused
    fresh.start().run(60)
    last = [data for data in fresh.posts("strategy.notice") if data["what"] == "mode"][-1]
    assert last["mode"] == "observe" and "sentry.ini" in last["why"] and last["chosen"] is False


def test_a_write_refused_before_the_books_were_read_never_writes_over_them(world):
    drop(world).run(60)
    path = os.path.join(world.home, "state", "book.json")
    with open(path, "rb") as file:
        before = file.read()
    counter = os.path.join(world.home, "state", "copies.json")
    os.remove(counter)
    os.mkdir(counter)  # cannot be replaced
    world.restart()
    with open(path, "rb") as file:
        assert file.read() == before
    world.run(60)
    assert world.trader._desk.book.accounts[FUND].traces


@pytest.mark.parametrize("named", [True, False], ids=["other account in sentry.ini", "none in sentry.ini"])
def test_another_accounts_deals_and_positions_do_not_get_into_the_books(world, named):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(9)
    other = Broker(shares={"510300": 500})
    other.logged_in = True
    mine, world.broker = world.broker, other
    world._sync()
    other.passorder(world.now, 23, 1101, FUND, 3, 500, FIRST, ours=False)
    path = os.path.join(world.home, "sentry.ini")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("id = " + ACCOUNT, "id = 999" if named else "id ="))
    world.account = "2000999" if not named else ACCOUNT
    world.restart().run(180)
    assert world.states() == {FIRST: "working"} and world.trader._desk.ledger.entries == []
    assert other.cancels == [] and any("账号" in text for _, text in world.notices("observe"))
    assert mine.orders[0].alive


def test_a_deal_whose_remark_was_cut_counts_by_its_orders_sysid(world):
    real = world.broker.deal_row

    def cut(deal):
        found = real(deal)
        found.m_strRemark = found.m_strRemark[:16]
        return found

    world.broker.deal_row = cut
    drop(world).run(60)
    assert world.states() == {FIRST: "filled"} and world.cell() == -7
    world.overnight(NEXT).run(120)
    drop(world, 0.91).run(60)
    assert len(world.calls()) == 2
