"""Over night and over crashes: what nobody saw end is booked from POSITION, settled by the owner, or stops its fund."""

import json
import os

from qmt_strategy.dingtou import orders
from tests.orders.tiny_qmt import Fate
from tests.orders.world import AFTER, DAY, NEXT, drop, write_ini

FUND = "510300.SH"
FIRST = "20260105-510300-B-01"


def unknown(world):
    """An order that ORDER never showed."""
    world.broker.fate = lambda call: Fate(refused=True)
    drop(world).run(120)
    assert world.states() == {FIRST: "unknown"}
    world.broker.fate = lambda call: Fate()
    return world


def answer(world, flag, **words):
    folder = os.path.join(world.home, "control", "answers")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, flag + ".json"), "w") as file:
        json.dump(dict(words, flag=flag), file)


def test_an_unknown_order_that_did_nothing_lets_its_fund_trade_the_next_day(world):
    drop(unknown(world), 1.0).overnight(NEXT).run(120)
    assert world.states()[FIRST] == "expired" and world.cell() == 0
    drop(world).run(60)
    assert world.calls() == [FIRST, "20260106-510300-B-01"]


def test_an_unknown_order_that_filled_is_booked_once_from_position(world):
    unknown(world)
    world.broker.volume["510300"] = 7500
    world.overnight(NEXT).run(240)
    lines = world.flags()[FIRST]
    assert [line.get("filled") for line in lines if line["state"] == "expired"][0] == 7500
    assert world.cell() == -7
    assert world.trader._desk.ledger.signed("510300", DAY, NEXT) == 7500
    drop(world).run(300)
    assert world.calls() == [FIRST]


def test_beside_somebody_elses_order_whose_end_nobody_saw_position_proves_nothing_about_an_unknown_one(world):
    unknown(world)
    world.broker.fate = lambda call: Fate(fills=((600, None),))
    world.broker.passorder(world.now, 23, 1101, FUND, 3, 100, "", ours=False)
    world.run(60).overnight(NEXT)
    world.broker.deals = []  # the client shows no deals of yesterday
    world.broker.volume["510300"] = 100
    world.run(180)
    assert world.states()[FIRST] == "unknown" and world.cell() == 0
    assert any("分不清是哪一笔的" in text for _, text in world.notices("stopped-fund"))
    drop(world).run(120)
    assert world.calls() == [FIRST]


def test_somebody_elses_order_that_was_seen_to_its_end_leaves_the_proof_to_position(world):
    unknown(world)
    world.broker.passorder(world.now, 24, 1101, FUND, 3, 100, "", ours=False)  # nothing to sell: refused at once
    world.run(60)
    drop(world, 1.0).overnight(NEXT).run(120)
    assert world.states()[FIRST] == "expired"


def test_a_position_that_no_order_explains_stops_its_fund_every_day_until_it_is_settled(world):
    unknown(world)
    world.broker.volume["510300"] = 9000
    for day in (NEXT, AFTER):
        world.overnight(day).run(180)
        drop(world).run(120)
    assert world.calls() == [FIRST]
    assert len([text for _, text in world.notices("stopped-fund") if "对不上" in text]) == 2


def left_working(world, shares):
    """It lived past the close, and POSITION shows what it cannot have done."""
    world.go(DAY, "14:53:00").run(20)
    world.broker.fate = lambda call: Fate(fills=(), cancel="deaf")
    drop(world).run(30)
    assert world.states() == {FIRST: "working"}
    world.broker.fate = lambda call: Fate()
    world.broker.volume["510300"] = shares
    return world.overnight(NEXT)


def test_an_order_of_yesterday_that_position_does_not_explain_becomes_unknown_and_can_be_answered(world):
    left_working(world, 9000).run(240)
    assert world.states() == {FIRST: "unknown"} and len(world.notices("unknown")) == 1
    answer(world, FIRST, answer="filled", shares=9000, price=0.932)
    world.run(180)
    assert world.states() == {FIRST: "filled"} and world.cell() == -7
    drop(world, 0.90).run(60)
    assert world.calls() == [FIRST, "20260106-510300-B-01"]


def test_an_answer_that_position_contradicts_leaves_the_fund_stopped_and_is_told(world):
    left_working(world, 9000).run(240)
    answer(world, FIRST, answer="nothing")
    world.run(180)
    drop(world, 0.90).run(120)
    assert world.calls() == [FIRST]
    assert any("答复与持仓不符" in text and "start_cell" in text for _, text in world.notices("stopped-fund"))


def test_after_such_an_answer_start_cell_settles_it_and_the_fill_does_not_move_the_cell_again(world):
    left_working(world, 9000).run(240)
    answer(world, FIRST, answer="filled", shares=7500)
    world.run(180)
    write_ini(world.home, start="-11 20260106")
    world.restart().run(240)
    assert world.cell() == -11 and world.calls() == [FIRST]
    assert world.trader._desk.ledger.signed("510300", DAY, NEXT) == 9000


def test_the_owners_answer_settles_an_unknown_order(world):
    unknown(world)
    answer(world, FIRST, answer="filled", shares=7500, price=0.932)
    world.run(30)
    assert world.states() == {FIRST: "filled"} and world.cell() == -7
    assert world.flags()[FIRST][-2]["by"] == "owner"
    drop(world, 0.90).run(120)
    assert world.calls() == [FIRST]  # not again today
    world.broker.volume["510300"] = 7500
    world.overnight(NEXT).run(180)
    drop(world, 0.90).run(60)
    assert world.calls() == [FIRST, "20260106-510300-B-01"]


def test_an_answer_that_cannot_be_read_is_told_and_changes_nothing(world):
    unknown(world)
    answer(world, FIRST, answer="perhaps")
    world.run(60)
    assert world.states() == {FIRST: "unknown"} and len(world.notices("settings")) == 1


def test_a_crash_right_after_passorder_never_sends_again(world):
    def crash(remark):
        raise KeyboardInterrupt

    world.before_passorder = crash
    try:
        drop(world).run(60)
    except KeyboardInterrupt:
        pass
    world.before_passorder = None
    assert world.states() == {FIRST: "intent"}
    world.restart().run(180)
    assert world.calls() == [] and world.states() == {FIRST: "unknown"}


def test_remarks_that_are_gone_after_a_restart_are_replaced_by_the_recorded_sysid(world):
    world.broker.fate = lambda call: Fate(fills=((40, None),))
    drop(world).run(15)
    world.broker.remarks = False
    world.restart().run(120)
    assert world.states() == {FIRST: "filled"} and world.calls() == [FIRST] and world.cell() == -7


def test_yesterdays_sysid_says_nothing_about_todays_orders(world):
    drop(world).run(120)
    sysid = world.broker.orders[0].sysid
    world.overnight(NEXT)
    world.broker.remarks = False
    world.broker.number = int(sysid) - 1
    world.broker.passorder(world.now, 23, 1101, FUND, 3, 100, "", ours=False)
    before = world.flags()[FIRST]
    world.run(240)
    assert world.flags()[FIRST] == before


def test_an_order_of_ours_without_a_flag_file_is_adopted_and_stops_its_fund(world):
    world.broker.passorder(world.now, 23, 1101, FUND, 3, 7500, FIRST, ours=False)
    world.run(60)
    assert world.states() == {FIRST: "filled"} and world.flags()[FIRST][0]["adopted"] is True
    drop(world).run(300)
    assert world.calls() == []


def test_an_order_that_lived_past_the_close_is_booked_from_position(world):
    world.go(DAY, "14:53:00").run(20)
    world.broker.fate = lambda call: Fate(fills=(), cancel="deaf")
    drop(world).run(30)
    assert world.states() == {FIRST: "working"}
    world.broker.volume["510300"] = 2000
    world.overnight(NEXT).run(240)
    assert world.states()[FIRST] == "expired" and world.cell() == -7
    assert world.trader._desk.ledger.signed("510300", DAY, NEXT) == 2000


def test_a_fill_whose_deals_were_never_shown_is_booked_the_next_day(world):
    world.broker.lag = 1e9
    deals = world.push
    world.push = lambda events: deals([event for event in events if event[0] != "deal"])
    drop(world).run(120)
    assert world.states() == {FIRST: "filled"} and world.trader._desk.ledger.entries == []
    world.overnight(NEXT).run(180)
    assert world.trader._desk.ledger.signed("510300", DAY, NEXT) == 7500
    drop(world, 0.90).run(60)
    assert len(world.calls()) == 2


def test_a_split_over_night_is_booked_and_trading_goes_on(world):
    drop(world).run(120)
    world.broker.volume["510300"] = 15000
    world.overnight(NEXT)
    world.context.splits = {FUND: {str(int(world.now * 1000)): [0, 1.0, 0, 0, 0, 0, 2.0]}}
    world.run(240)
    drop(world, 0.90).run(60)
    assert len(world.calls()) == 2 and any("拆分" in text for _, text in world.notices("state"))


def test_a_sale_by_hand_while_the_strategy_was_away_stops_the_fund(world):
    drop(world).run(120)
    world.broker.volume["510300"] = 5000
    world.overnight(NEXT).run(240)
    drop(world, 0.90).run(120)
    assert world.calls() == [FIRST]


def test_every_state_that_ends_up_in_a_flag_file_is_one_of_the_machines(world):
    unknown(world)
    for lines in world.flags().values():
        assert {line["state"] for line in lines} <= orders.STATES


def test_a_fund_is_not_reconciled_while_the_flag_file_that_says_how_is_held(world, monkeypatch):
    unknown(world).overnight(NEXT)
    plain = os.open

    def held(path, mode, *more, **named):
        if str(path).endswith(FIRST + ".jsonl") and mode & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "held")
        return plain(path, mode, *more, **named)

    monkeypatch.setattr(os, "open", held)
    world.run(180)
    monkeypatch.undo()
    world.restart().run(180)
    assert world.states()[FIRST] == "expired"
    drop(world).run(60)
    assert world.calls() == [FIRST, "20260106-510300-B-01"]
