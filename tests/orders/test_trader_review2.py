"""More of the review: the closing auction, other accounts, slow caches, odd files and clocks."""

import os

from tests.orders.test_trader_books import answer
from tests.orders.tiny_qmt import ACCOUNT, Broker, Fate, at
from tests.orders.world import AFTER, DAY, NEXT, World, drop, write_ini

FUND = "510300.SH"
FIRST = "20260105-510300-B-01"
SECOND = "20260106-510300-B-01"


def alive_at_the_close(world):
    world.go(DAY, "14:53:00").run(20)
    world.broker.fate = lambda call: Fate(fills=(), cancel="deaf")
    drop(world)
    while world.now < at(DAY, "15:00:06"):
        world.tick()
    world.broker.fate = lambda call: Fate()
    assert world.states() == {FIRST: "expired"}
    return world


def test_what_the_closing_auction_filled_unseen_is_booked_from_the_next_days_position(world):
    alive_at_the_close(world).broker.volume["510300"] = 7500
    world.overnight(NEXT).restart().run(240)
    assert world.cell() == -7 and world.trader._desk.ledger.signed("510300", DAY, NEXT) == 7500
    assert "持仓核对：共成交 7500 股" in world.notices("settled")[0][1] and world.notices("late") == []
    drop(world, 0.91).run(60)
    assert world.calls() == [FIRST, SECOND]


def test_what_position_cannot_explain_after_the_close_can_be_answered(world):
    alive_at_the_close(world).broker.volume["510300"] = 9000
    world.overnight(NEXT).run(240)
    assert world.states() == {FIRST: "unknown"}
    answer(world, FIRST, answer="filled", shares=9000)
    world.run(240)
    assert world.states() == {FIRST: "filled"} and world.cell() == -7


def test_an_unknown_order_whose_number_is_known_is_cancelled_at_the_end_of_the_day(world):
    world.go(DAY, "14:50:00").run(20)
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(9)
    table = world.broker.table
    world.broker.table = lambda kind, now: [] if kind == "ORDER" else table(kind, now)
    world.trader._canceller._fill_timeout = 1e6
    world.run(120)
    assert world.states() == {FIRST: "unknown"}
    world.go(DAY, "14:55:30").run(30)
    assert world.broker.cancels and not world.broker.orders[0].alive


def test_another_account_in_sentry_ini_stops_every_fund_until_its_start_cell_is_chosen_anew(world):
    drop(world).run(60)
    assert world.cell() == -7
    world.broker = Broker()
    world.account = "3000999"
    write_ini(world.home)
    path = os.path.join(world.home, "sentry.ini")

    def type_account(more=""):
        write_ini(world.home, start="none " + more)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("id = " + ACCOUNT, "id = 3000999"))

    type_account(DAY)
    for day in (NEXT, AFTER):
        world.overnight(day).restart().run(120)
        drop(world).run(60)
    assert world.broker.calls == [] and any("账号换了" in text for _, text in world.notices("stopped-fund"))
    type_account("20260108")
    world.overnight("20260108").restart().run(180)
    drop(world).run(60)
    assert len(world.broker.calls) >= 1 and world.cell() == -7


def test_cash_is_not_counted_twice_while_account_is_older_than_order(home):
    world = World(home, broker=Broker(cash=10000.0)).start().run(120)
    table, account = world.broker.table, []

    def slow(kind, now):
        if kind != "ACCOUNT":
            return table(kind, now)
        account.append((now, table(kind, now)))
        return [rows for made, rows in account if made <= now - 6.0 or made == account[0][0]][-1]

    world.broker.table = slow
    world.broker.fate = lambda call: Fate(visible=0.0)
    drop(world)
    world.context.prices["159915.SZ"] = 0.93
    world.run(120)
    assert world.calls() == [FIRST] and world.notices("rejected") == []


def test_the_exchanges_time_counts_as_well_as_the_pcs(world):
    world.overnight(NEXT, "09:28:00").restart()
    world.clock = lambda: world.now + 55  # the PC is fast
    world.context.prices[FUND] = 0.93
    world.run(85)
    assert world.context.now < at(NEXT, "09:30:00") and world.calls() == []


def test_a_slow_pc_cancels_when_the_exchanges_day_ends(world):
    world.go(DAY, "14:53:00").run(20)
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(9)
    world.trader._canceller._fill_timeout = 1e6
    world.clock = lambda: world.now - 50
    world.go(DAY, "14:55:30").run(9)
    assert world.broker.cancels


def test_a_ledger_that_excel_saved_does_not_count_a_deal_twice(world):
    world.broker.number = 0
    real = world.broker.deal_row

    def zeros(deal):
        found = real(deal)
        found.m_strTradeID = "00" + found.m_strTradeID
        return found

    world.broker.deal_row = zeros
    drop(world).run(60)
    path = os.path.join(world.home, "deals", "transaction.csv")
    with open(path, "rb") as file:
        raw = file.read()
    assert b",002" in raw
    with open(path, "wb") as file:
        file.write(raw.replace(b",002", b",2"))
    world.restart().run(60)
    assert len(world.trader._desk.ledger.entries) == 1 and world.notices("late") == []


def test_a_cancelled_row_that_is_corrected_later_is_read_again(world):
    corrected = []
    real = world.broker.order_row

    def row(order):
        found = real(order)
        if order.status == 53 and not corrected:
            found.m_nVolumeTraded = 0
        return found

    world.broker.order_row = row
    world.broker.fate = lambda call: Fate(fills=((2, 3000),))
    drop(world).run(90)
    assert world.states() == {FIRST: "working"}
    corrected.append(True)
    world.broker.fate = lambda call: Fate()
    world.run(60)
    assert world.states()[FIRST] == "cancelled"


def test_deals_without_a_date_belong_to_the_day_of_their_order(world):
    real = world.broker.deal_row

    def undated(deal):
        found = real(deal)
        found.m_strTradeDate = ""
        return found

    world.broker.deal_row = undated
    drop(world).run(60)
    stale = list(world.broker.deals)
    world.overnight(NEXT)
    world.broker.deals = stale  # the client still shows yesterday's list
    world.run(240)
    assert len(world.trader._desk.ledger.entries) == 1


def test_on_a_weekend_that_qmts_calendar_does_not_have_nothing_is_ordered(world):
    saturday = "20260110"
    days = world.context.get_trading_dates
    world.context.get_trading_dates = lambda code, start, end, count, period: days(
        code, start, "20260109", count, period
    )
    world.context.get_market_data_ex = lambda fields, codes, **named: {}
    world.overnight(saturday).restart().run(120)
    drop(world).run(120)
    assert world.calls() == [] and any("周末" in text for _, text in world.notices("stopped-fund"))


def test_a_fund_stopped_a_second_time_on_a_day_is_told_again(world):
    world.broker.fate = lambda call: Fate(refused=True)
    drop(world).run(120)
    world.overnight(NEXT).run(30)
    answer(world, FIRST, answer="nothing")
    world.broker.fate = lambda call: Fate()
    world.run(240)
    count = len([text for _, text in world.notices("stopped-fund") if FUND in text])
    with open(os.path.join(world.home, "flags", "started.jsonl"), "a") as file:
        file.write("#")
    world.run(90)
    assert len([text for _, text in world.notices("stopped-fund") if FUND in text]) == count + 1


def test_an_order_that_the_counter_numbers_anew_is_the_same_order(world):
    real = world.broker.order_row

    def row(order):
        found = real(order)
        if world.now < order.at + 8 and found.m_strOrderSysID:
            found.m_strOrderSysID = "0"
        elif world.now < order.at + 15 and found.m_strOrderSysID:
            found.m_strOrderSysID = "T" + found.m_strOrderSysID
        return found

    world.broker.order_row = row
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(90)
    assert world.states() == {FIRST: "cancelled"} or world.calls() == [FIRST, FIRST[:-1] + "2"]
    assert world.notices("stopped-fund") == [] and {sysid for _, sysid in world.broker.cancels} == {"101"}
