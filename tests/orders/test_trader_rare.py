"""Branches of the order path that no other day comes to: what happens between two lines, and what QMT says rarely.

Found by measuring which lines no test ran (docs/reliability.md)."""

import json
import os

import pytest

from qmt_strategy.dingtou import dayplans, ids, params
from tests.orders.tiny_qmt import Fate, at
from tests.orders.world import DAY, World, drop

FUND = "510300.SH"
FIRST = DAY + "-510300-B-01"


def while_the_intent_is_written(world, do):
    """`do(ident, line)` right before the flag file is created."""
    flags = world.trader._desk.flags
    create = flags.create

    def slow(ident, line):
        do(ident, line)
        return create(ident, line)

    flags.create = slow


def flag_path(world, name):
    return os.path.join(world.home, "flags", name[:8], name + ".jsonl")


def lay_flag(world, name, **line):
    """A flag file that another process wrote."""
    os.makedirs(os.path.dirname(flag_path(world, name)), exist_ok=True)
    value = dict({"state": "intent", "at": world.now, "code": FUND, "side": "B", "shares": 100, "yuan": 100.0}, **line)
    value.setdefault("root", name)
    with open(flag_path(world, name), "x") as file:
        file.write(json.dumps(value) + "\n")


# Between the decision and passorder ----------------------------------------------------------------------------------


def test_an_id_that_another_process_took_first_is_not_used_for_a_call(world):
    while_the_intent_is_written(world, lambda ident, line: lay_flag(world, ident.text) if ident.number == 1 else None)
    drop(world).run(30)
    assert world.calls() == [] and world.errors() == []
    assert [line["state"] for line in world.flags()[FIRST]][:1] == ["intent"]


@pytest.mark.parametrize("seconds", [61, 6 * 3600, 86400])
def test_writing_the_intent_for_so_long_that_its_price_is_old_ends_without_a_call(world, seconds):
    def hold(ident, line):
        world.now += seconds

    while_the_intent_is_written(world, hold)
    drop(world).tick()
    assert world.calls() == []
    assert world.states()[FIRST] == "void"


def test_a_stop_that_comes_while_the_intent_is_written_is_obeyed(world):
    def stop(ident, line):
        os.makedirs(os.path.join(world.home, "control"), exist_ok=True)
        open(os.path.join(world.home, "control", "STOP"), "w").close()

    while_the_intent_is_written(world, stop)
    drop(world).run(30)
    assert world.calls() == [] and world.states() == {FIRST: "void"}


def test_a_state_file_that_goes_between_the_look_and_the_order_forbids_it(world):
    table = world.broker.table

    def steal(kind, now):
        path = os.path.join(world.home, "state", "grid.json")
        if world.context.prices[FUND] < 1 and os.path.exists(path):
            os.remove(path)
        return table(kind, now)

    world.broker.table = steal
    drop(world).run(30)
    assert world.calls() == [] and any("格子记录丢了或被改动" in text for _, text in world.notices("stopped-fund"))


def test_after_ninety_nine_orders_of_a_day_there_is_no_hundredth(world, monkeypatch):
    monkeypatch.setattr(ids, "following", lambda *args: None)
    drop(world).run(30)
    assert world.calls() == [] and world.flags() == {} and world.errors() == []


def test_an_order_that_ends_in_the_very_look_before_the_next_one_is_settled_first(world):
    other = "159915.SZ"
    world.broker.fate = lambda call: Fate(fills=()) if call[5] == other else Fate()
    drop(world, code=other).run(9)

    def end_it(remark):
        for order in world.broker.orders:
            if order.code == other[:6]:
                order.status = 54

    world.before_passorder = end_it
    drop(world, 0.91, other)
    drop(world, 0.93, FUND).tick()  # FUND comes first, and its order makes the second fund's look a fresh one
    assert [call[9:15] for call in world.calls()] == ["159915", "510300"]


# What QMT's lists say rarely -----------------------------------------------------------------------------------------


def row_like(world, order, **other):
    """Another row of the broker's book, with what is given."""
    twin = type(order).__new__(type(order))
    twin.__dict__.update(order.__dict__, number=order.number + 900, **other)
    world.broker.orders.append(twin)
    return twin


def test_two_orders_with_one_remark_stop_the_fund(world):
    world.broker.fate = lambda call: Fate(fills=())
    drop(world).run(9)
    row_like(world, world.broker.orders[0], ours=False)
    world.run(9)
    assert any("两笔委托的备注" in text for _, text in world.notices("stopped-fund"))
    drop(world, 0.91).run(200)
    assert len(world.calls()) == 1


def test_yesterdays_row_under_todays_remark_is_not_believed(world):
    world.broker.fate = lambda call: Fate(refused=True)
    drop(world).tick()
    row_like(world, _order(world), at=at(DAY, "10:00:00") - 86400, status=56, traded=1000, remark=FIRST)
    world.run(30)
    assert world.states()[FIRST] in ("sent", "unknown") and world.flags()[FIRST][-1].get("filled", 0) == 0


def _order(world):
    from tests.orders.tiny_qmt import Order

    return Order(7, world.now, "510300", True, 1000, 0.93, "", Fate(fills=()), False)


def test_an_order_whose_file_another_process_wrote_is_taken_from_its_file(world):
    lay_flag(world, FIRST, shares=1000, cell=-7, target=7000.0)
    row_like(world, _order(world), remark=FIRST, status=50)
    world.run(30)
    lines = world.flags()[FIRST]
    assert not any(line.get("adopted") for line in lines) and lines[-1]["state"] == "working"
    drop(world).run(60)
    assert world.calls() == []


def test_a_cancelled_order_whose_deals_do_not_add_up_is_told_after_five_minutes(world):
    world.broker.fate = lambda call: Fate(fills=((1, 2000),))
    world.broker.lag = 10**6
    push = world.push
    world.push = lambda events: push([event for event in events if event[0] != "deal"])
    drop(world).run(600)
    assert list(world.states().values())[0] == "cancelled"
    assert any("成交明细与委托列表对不上" in text for _, text in world.notices("blocked"))
    assert len(world.calls()) == 1


# What QMT's functions do rarely --------------------------------------------------------------------------------------


def test_an_instrument_that_qmt_does_not_tell_is_traded_by_the_ticks_last_close(fresh):
    def none(code):
        raise RuntimeError("no detail")

    fresh.context.get_instrument_detail = none
    fresh.start().run(120)
    drop(fresh).run(60)
    assert len(fresh.calls()) == 1 and fresh.errors() == []


def test_factors_that_qmt_does_not_give_are_no_splits():
    class Context:
        def get_divid_factors(self, code):
            raise RuntimeError("no factors")

    assert dayplans.splits(Context(), FUND, "20260101", DAY) == []


def test_on_a_saturday_with_ticks_nothing_is_ordered(world):
    """The exchange tests its systems on some Saturdays, and QMT shows them like a day."""
    world.overnight("20260110").run(120)
    drop(world).run(120)
    assert world.calls() == [] and any("周末" in text for _, text in world.notices())


@pytest.mark.parametrize("what, words", [("back test", "回测中"), ("account", "没有资金账号")])
def test_a_trial_run_in_the_editor_does_nothing_and_says_why(home, what, words):
    world = World(home)
    world.context.do_back_test = what == "back test"
    world.account = "" if what == "account" else world.account
    world.start().run(30)
    assert any(words in text for text in world.said)
    assert not os.path.exists(os.path.join(world.home, "state"))


def test_a_fault_before_there_is_a_spool_is_said_in_qmts_own_window(fresh, monkeypatch):
    def broken(home):
        raise RuntimeError("unheard of")

    monkeypatch.setattr(params, "load", broken)
    fresh.start().run(30)
    assert any("Traceback" in text and "unheard of" in text for text in fresh.said) and fresh.calls() == []
