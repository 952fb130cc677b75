"""What flag files add up to: states, damage, what needs the owner; whatever stands in them."""

import json

import pytest

from tests.tray_app.helpers import MONDAY_10_00 as NOW
from tests.tray_app.helpers import short, stored
from tray_app import orders
from tray_app.orders import Order
from tray_app.watch.flags import FlagWatcher
from tray_app.worker import Lease

FLAG = "20260105-510300-B-01"
FIRST = {"state": "intent", "id": FLAG, "at": NOW, "code": "510300.SH", "shares": 1200, "price": 4.05, "yuan": 4860.0}


def line(**values):
    return json.dumps(values).encode() + b"\n"


def folded(*lines, flag=FLAG):
    return orders.fold_all(Order(flag), b"".join(lines).splitlines())


def test_an_order_is_what_its_lines_add_up_to():
    found = folded(line(**FIRST), line(state="sent", at=NOW + 1), line(state="working", filled=300, average=4.04))
    assert (found.state, found.fund, found.side, found.shares) == ("working", "510300.SH", "买入", 1200)
    assert (found.filled, found.average, found.placed, found.at, found.lines) == (300, 4.04, NOW, NOW + 1, 3)


def test_a_reason_stays_until_a_newer_one_comes():
    found = folded(line(**FIRST), line(state="rejected", reason="资金不足"), line(state="rejected", settled=True))
    assert (found.state, found.reason) == ("rejected", "资金不足")


@pytest.mark.parametrize("garbage", [b"nonsense\n", b"[]\n", b'{"state": "moon"}\n', b"\xff\n"], ids=short)
def test_a_line_that_is_not_ours_makes_an_unended_order_unknown_as_the_strategy_has_it(garbage):
    found = folded(line(**FIRST), garbage, line(state="working"))
    assert (found.state, found.reason) == ("unknown", "委托记录第 2 行看不懂")
    assert folded(line(**FIRST), garbage, line(state="filled")).state == "filled"


def test_a_torn_line_that_another_was_written_after_does_not_count():
    assert folded(line(**FIRST), b'{"state": "wor\n', line(state="filled")).damaged == ""


def test_a_torn_beginning_with_nothing_readable_behind_it_is_unknown():
    assert folded(b'{"state": "int\n').state == "unknown"
    assert folded(b'{"state": "int\n', line(**FIRST)).state == "intent"


def test_the_first_line_must_be_of_this_order():
    assert folded(line(**dict(FIRST, id="20260105-510300-B-02"))).state == "unknown"


def test_a_file_that_does_not_begin_as_ours_is_foreign_but_a_torn_intent_is_not():
    assert not orders.is_foreign(FLAG, line(**FIRST)[:30])
    assert not orders.is_foreign(FLAG, b"")
    assert orders.is_foreign(FLAG, b"\x00" * 30)


@pytest.mark.parametrize("value", [True, -1, 10**12, 1e400, "12", None, [], {}], ids=short)
def test_odd_numbers_and_texts_are_passed_over(value):
    found = folded(line(**FIRST), json.dumps({"state": "sent", "shares": value, "price": value, "at": value}).encode())
    assert (found.state, found.shares, found.at) == ("sent", 1200, NOW)


def test_a_reason_is_one_short_printable_line():
    found = folded(line(**FIRST), line(state="rejected", reason="<b>\n\t\u202e" + "长" * 9999))
    assert len(found.reason) <= 200
    assert found.reason.isprintable()


def test_a_rejected_order_that_a_later_one_made_good_is_no_longer_shown():
    bad = Order(FLAG, "rejected")
    good = Order("20260105-510300-B-02", "filled")
    other_side = Order("20260105-510300-S-03", "filled")
    assert orders.rejected([bad, other_side], "20260105") == [bad]
    assert orders.rejected([bad, good], "20260105") == []
    assert orders.rejected([bad], "20260106") == []


# The watcher's table -------------------------------------------------------------------------------------------------


@pytest.fixture
def watcher(home, lease):
    return FlagWatcher(home.flags, lease)


def put(home, flag, *lines):
    path = home.flags / flag[:8] / (flag + ".jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(str(path), "ab") as file:
        file.write(b"".join(lines))


def shown(board):
    return {order.flag: order.state for order in board.get("orders")}


def test_the_board_has_todays_orders_and_unended_ones_of_earlier_days(watcher, home, board, clock):
    old, done = "20251230-159915-S-01", "20251230-159915-S-02"
    put(home, FLAG, line(**FIRST), line(state="filled", filled=1200))
    put(home, old, line(state="intent", id=old, at=NOW - 86400 * 6), line(state="unknown"))
    put(home, done, line(state="intent", id=done), line(state="expired"))
    watcher.round(clock.now)
    assert shown(board) == {FLAG: "filled", old: "unknown"}


def test_a_new_generation_reads_again_what_was_forwarded_before(watcher, home, board, clock, outbox):
    put(home, FLAG, line(**FIRST), line(state="unknown"))
    watcher.round(clock.now)
    board.show(orders=None)
    after = FlagWatcher(home.flags, Lease(outbox, board))
    after.round(clock.now)
    assert board.get("orders")[0].shares == 1200
    put(home, FLAG, line(state="filled"))
    after.round(clock.now)
    (order,) = board.get("orders")
    assert (order.state, order.lines) == ("filled", 3)


def test_a_settled_order_of_an_earlier_day_leaves_and_comes_back_when_it_is_open_again(watcher, home, board, clock):
    old = "20251230-159915-S-01"
    put(home, old, line(state="intent", id=old, shares=500), line(state="unknown"))
    watcher.round(clock.now)
    put(home, old, line(state="cancelled"))
    watcher.round(clock.now)
    assert shown(board) == {}
    put(home, old, line(state="unknown"))
    watcher.round(clock.now)
    (order,) = board.get("orders")
    assert (order.state, order.shares, order.lines) == ("unknown", 500, 4)


def test_the_next_day_leaves_out_what_has_ended(watcher, home, board, clock):
    put(home, FLAG, line(**FIRST), line(state="filled"))
    watcher.round(clock.now)
    watcher.round(clock.now + 86400)
    assert shown(board) == {}


def test_a_file_of_another_day_or_name_is_forwarded_but_is_no_order(watcher, home, board, clock):
    folder = home.flags / "20260105"
    folder.mkdir(parents=True)
    for name in ("20260106-510300-B-01", "&script;", "20260105-510300-X-01"):
        (folder / (name + ".jsonl")).write_bytes(line(state="unknown"))
    watcher.round(clock.now)
    assert shown(board) == {}
    assert len(stored(home.outbox)) == 3


def test_a_file_of_garbage_without_an_end_is_an_unknown_order(watcher, home, board, clock):
    put(home, FLAG, b"\x00" * 4096)
    watcher.round(clock.now)
    assert shown(board) == {FLAG: "unknown"}


def test_a_huge_file_is_read_in_pieces_and_borne(watcher, home, board, clock):
    put(home, FLAG, line(**FIRST), b'"' + b"x" * (5 << 20), b"\n", line(state="sent"), b'{"state": "working"' * 99999)
    for _ in range(3):
        watcher.round(clock.now)
    assert shown(board) == {FLAG: "unknown"}


def test_years_of_files_are_walked_a_piece_a_round(watcher, home, board, clock, monkeypatch):
    monkeypatch.setattr("tray_app.watch.flags.MOST_OLD", 20)
    days = [f"2025{month:02}{day:02}" for month in (10, 11) for day in range(1, 21)]
    for day in days:
        flag = f"{day}-159915-S-01"
        put(home, flag, line(state="intent", id=flag), line(state="unknown"))
    watcher.round(clock.now)
    assert len(shown(board)) == 20 + 3
    watcher.round(clock.now + 1)
    assert len(shown(board)) == len(days)


def test_ended_orders_of_old_days_take_no_room_from_one_that_is_unknown(watcher, home, board, clock, monkeypatch):
    monkeypatch.setattr("tray_app.watch.flags.MOST_ORDERS", 3)
    for day in range(10, 29):
        flag = f"202510{day}-159915-S-01"
        put(home, flag, line(state="intent", id=flag), line(state="filled"))
    unknown = "20251009-159915-S-01"
    put(home, unknown, line(state="intent", id=unknown), line(state="unknown"))
    watcher.round(clock.now)
    assert shown(board) == {unknown: "unknown"}
