"""The smaller pure parts of the trader: looking for an order, POSITION and the books, cancels, the owner's files."""

import json
import os

import pytest

from qmt_strategy.dingtou import cancels, control, dayfiles, lookout, orders
from qmt_strategy.dingtou.reconcile import Item, judge

# ---- lookout


def looked(steps, seconds=3.0, good=True):
    watch = lookout.Watch()
    search = lookout.Search(watch)
    now = 0.0
    for number in range(steps):
        now += seconds
        watch.look(now, good)
        if search.missed():
            return number + 1
    return None


def test_looking_takes_a_minute_after_the_first_ten_seconds():
    assert 20 <= looked(100) <= 27


def test_looks_while_logged_out_do_not_count():
    assert looked(1000, good=False) is None


def test_looks_after_gaps_do_not_count():
    assert looked(1000, seconds=11.0) is None


def test_a_clock_that_jumps_does_not_shorten_the_search():
    watch = lookout.Watch()
    search = lookout.Search(watch)
    for now in (3, 6, 9, 12, 15, 3618, 3621, 3624, 3627, 3630, 3633, 100, 103, 106):
        watch.look(float(now), True)
        assert not search.missed()


def test_steady_begins_again_after_a_logout():
    steady = lookout.Steady()
    for now in range(0, 30, 3):
        steady.look(float(now), True)
    assert steady.seconds == 27
    steady.look(30.0, False)
    steady.look(33.0, True)
    assert steady.seconds == 0


# ---- reconcile

NONE = {True: 0, False: 0}


def item(booked=0, filled=0, most=1000, open=True, buy=True, name="a"):
    return Item(name, buy, booked, filled, most, open)


def test_a_position_that_agrees_is_fine():
    found = judge(1000, 500, [], 1500, [item(500, 500, 500, False)], NONE)
    assert found.ok and found.fills == {} and found.split == 0


def test_a_difference_that_the_open_order_explains_is_its_fill():
    assert judge(1000, 0, [], 1700, [item()], NONE).fills == {"a": 700}
    assert judge(1000, 0, [], 300, [item(buy=False)], NONE).fills == {"a": 700}


@pytest.mark.parametrize("position", [2001, 999, 0])
def test_a_difference_that_it_does_not_explain_stops_the_fund(position):
    found = judge(1000, 0, [], position, [item()], NONE)
    assert not found.ok and "对不上" in found.words


def test_a_difference_without_an_open_order_stops_the_fund():
    assert not judge(1000, 0, [], 1100, [], NONE).ok


def test_what_is_known_to_be_traded_but_not_booked_is_certain():
    found = judge(1000, 300, [], 2000, [item(300, 1000, 1000, False)], NONE)
    assert found.ok and found.fills == {"a": 700}


def test_two_open_orders_explain_nothing_but_no_fill_at_all():
    two = [item(name="a"), item(name="b")]
    assert not judge(1000, 0, [], 1500, two, NONE).ok
    assert judge(1000, 0, [], 1000, two, NONE).ok


def test_deals_without_a_name_on_its_side_make_an_open_order_unclear():
    assert not judge(1000, 500, [], 1500, [item()], {True: 500, False: 0}).ok
    assert judge(1000, 500, [], 1500, [item(buy=False)], {True: 500, False: 0}).ok
    assert judge(1000, 500, [], 1500, [item(500, 500, 500, False)], {True: 500, False: 0}).ok


def test_a_split_multiplies_what_was_held():
    found = judge(1000, 500, [3.0], 4500, [], NONE)
    assert found.ok and found.split == 3000
    assert judge(1001, 0, [1.5], 1501, [], NONE).ok  # the odd share is rounded away
    assert not judge(1000, 0, [3.0], 1000, [], NONE).ok  # the split did not come


# ---- cancels


def live(**more):
    return cancels.Live(**dict({"sysid": "7", "status": 50, "age": 10.0, "asked": float("inf")}, **more))


@pytest.mark.parametrize(
    "second, stop, age, why",
    [
        (36000, False, 59.9, ""),
        (36000, False, 60.0, "timeout"),
        (36000, True, 1.0, "stop"),
        (53729, False, 1.0, ""),
        (53730, False, 1.0, "end"),
    ],
)
def test_why_an_order_is_cancelled(second, stop, age, why):
    assert cancels.why(live(age=age), second, stop, 60.0) == why


@pytest.mark.parametrize(
    "second, allowed",
    [(34199, False), (34200, True), (41401, False), (46799, False), (46800, True), (53819, True), (53820, False)],
)
def test_when_a_cancel_may_be_asked_for(second, allowed):
    assert cancels.may_ask(live(), second) == allowed


def test_a_cancel_needs_a_sysid_and_is_asked_again_after_a_while():
    assert not cancels.may_ask(live(sysid=""), 36000)
    assert not cancels.may_ask(live(asked=9.0), 36000) and cancels.may_ask(live(asked=10.0), 36000)
    assert not cancels.may_ask(live(asked=29.0, status=51), 36000)


# ---- control


def test_stop_is_a_file_by_that_name_or_what_windows_makes_of_it(home):
    assert not control.stop_asked(home)
    os.makedirs(os.path.join(home, "control"))
    assert not control.stop_asked(home)
    open(os.path.join(home, "control", "STOP.txt"), "w").close()
    assert control.stop_asked(home)


def test_what_cannot_be_looked_at_counts_as_stop(home, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "no")

    monkeypatch.setattr(control.os, "lstat", refuse)
    assert control.stop_asked(home)


@pytest.mark.parametrize(
    "value, kind, shares",
    [
        ({"answer": "nothing", "shares": 5}, orders.OWNER_NOTHING, 0),
        ({"answer": "filled", "shares": 500, "price": 0.9}, orders.OWNER_FILLED, 500),
        ({"answer": "cancelled", "shares": 200}, orders.OWNER_CANCELLED, 200),
    ],
)
def test_an_answer_is_read(value, kind, shares):
    found = control.parse(b"\xef\xbb\xbf" + json.dumps(value).encode(), "x")
    assert (found.kind, found.shares, found.problem) == (kind, shares, "")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b'{"answer": "maybe"}', b'{"answer": "filled"}', b'{"answer": "filled", "shares": -1}',
        b'{"answer": "filled", "shares": 1.5}', b'{"answer": "filled", "shares": 1, "price": "x"}',
        b'{"answer": "nothing", "flag": "another"}', b'{"answer": "filled", "shares": true}',
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_says_so(raw):
    assert "看不懂" in control.parse(raw, "x").problem


# ---- the day's files


def test_of_a_long_ledger_the_head_and_the_newest_rows_are_posted():
    rows = [f"row {number:06d}" for number in range(40000)]
    data = dayfiles.post("transaction.csv", ("\ufeffhead\n" + "\n".join(rows) + "\n").encode())
    lines = data["content"].splitlines()
    assert lines[0] == "head" and lines[-1] == rows[-1] and len(lines) > 20000
    assert len(data["content"].encode()) <= dayfiles.LARGEST and lines[1] in rows
