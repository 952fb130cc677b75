"""What the owner decides about orders: STOP, and answers about unknown orders, as real files."""

import json
import struct
import threading
import time

import pytest
from pystray import _base

from tests.tray_app.helpers import MONDAY_10_00 as NOW
from tests.tray_app.helpers import kinds, settings, short, stored
from tests.tray_app.test_tray_decide import well
from tray_app import answers, dialog, menu, report, state, stop
from tray_app.answers import Answer
from tray_app.app import TrayApp
from tray_app.orders import Order
from tray_app.owner import Owner
from tray_app.state import Question, View, decide
from tray_app.trading_time import day_of

FLAG = "20260105-510300-B-01"
UNKNOWN = Order(FLAG, "unknown", "510300.SH", 1200, 4.05, 4860.0, reason="找不到", placed=NOW, at=NOW + 60, lines=3)


@pytest.fixture
def asked():
    """What the dialog was shown; `answers` are typed in turn, None = cancelled."""

    class Dialog:
        def __init__(self):
            self.shown, self.answers = [], []

        def __call__(self, title, text, fields, buttons):
            self.shown.append((text, [field.value for field in fields]))
            return self.answers.pop(0)

    return Dialog()


@pytest.fixture
def owner(home, outbox, board, clock, asked):
    board.show(orders=(UNKNOWN,))
    return Owner(home, outbox, board, clock.wall, asked)


def answer_file(home, flag=FLAG):
    return json.loads((home.answers / (flag + ".json")).read_text(encoding="utf-8"))


# STOP ----------------------------------------------------------------------------------------------------------------


def test_stop_and_resume_write_and_remove_the_file_and_tell_the_receiver(owner, home):
    assert "已停止下单" in owner.stop_orders(True)
    assert (home.control / "STOP").exists()
    assert "已恢复下单" in owner.stop_orders(False)
    assert not (home.control / "STOP").exists()
    told = [event["data"] for event in stored(home.outbox) if event["kind"] == "host.stop_orders"]
    assert told == [{"on": True}, {"on": False}]


def test_a_stop_made_by_hand_is_told_once_across_restarts(owner, home, outbox, board, clock):
    (home.control / "STOP.txt").write_text("x")
    owner.tell_stop()
    owner.tell_stop()
    Owner(home, outbox, board, clock.wall, None).tell_stop()
    assert kinds(home.outbox) == ["host.stop_orders"]


def test_resume_removes_a_stop_made_by_hand_too(owner, home):
    (home.control / "STOP.txt").write_text("x")
    owner.stop_orders(False)
    assert not owner.is_stopped()


def test_a_stop_that_cannot_be_removed_is_said_and_stays(owner, home):
    (home.control / "STOP").mkdir()
    assert "没有做成" in owner.stop_orders(False)
    assert owner.is_stopped()


def test_what_cannot_be_looked_at_counts_as_stopped(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "no")

    monkeypatch.setattr(stop.os, "lstat", refuse)
    assert stop.is_on(tmp_path)


def test_stop_is_amber_with_its_line():
    view = decide(well(stop=True), NOW)
    assert (view.icon, view.key[1:], view.stop) == (state.ATTENTION, ("stop",), True)
    assert "恢复下单" in view.lines[0]


def test_the_menu_does_what_it_shows():
    item = next(item for item in menu.ITEMS if item.action == "stop_orders")
    running, stopped = View("ok", "", (), ()), View("ok", "", (), (), True)
    assert (item.text(running), item.arguments(running)) == ("停止下单", (True,))
    assert (item.text(stopped), item.arguments(stopped)) == ("恢复下单", (False,))


# What is shown of orders ---------------------------------------------------------------------------------------------


def test_an_unknown_order_is_red_and_asks():
    view = decide(well(orders=(UNKNOWN,)), NOW)
    assert (view.icon, view.key[1:]) == (state.TROUBLE, ("unknown-order",))
    assert "买入 510300.SH 1200 股（10:00）" in view.lines[0]
    assert view.questions == (Question(UNKNOWN, None),)


def test_an_answered_order_is_amber_until_its_file_has_a_further_line():
    given = {FLAG: Answer(answers.NOTHING, lines=3)}
    view = decide(well(orders=(UNKNOWN,), answers=given), NOW)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("answered",))
    assert decide(well(orders=(UNKNOWN._replace(lines=4),), answers=given), NOW).icon == state.TROUBLE


def test_a_rejected_order_is_amber_with_the_counters_words():
    view = decide(well(orders=(Order(FLAG, "rejected", reason="可用资金不足"),)), NOW)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("rejected-order",))
    assert "可用资金不足" in view.lines[0]


# The menu ------------------------------------------------------------------------------------------------------------


def submenu(*questions):
    (item,) = [item for item in menu.ITEMS if item.children]
    return item.children(View("trouble", "", (), (), False, questions))


def choices(entry):
    return [child.text for child in entry.children[entry.children.index(menu.LINE) + 1 :]]


def test_each_unknown_order_shows_what_is_known_and_the_four_answers():
    (entry,) = submenu(Question(UNKNOWN, None))
    assert entry.text == "买入 510300.SH 1200 股（1 月 5 日 10:00）"
    known = "".join(child.text for child in entry.children)
    assert FLAG in known and "4.050 元" in known and "成交 0 股，找不到" in known
    assert choices(entry) == ["没有成交", "全部成交", "部分成交…", "已撤单"]


def test_what_is_known_to_have_traded_cannot_be_denied():
    assert choices(submenu(Question(UNKNOWN._replace(filled=300), None))[0]) == ["全部成交", "部分成交…"]


def test_an_order_of_an_earlier_day_is_looked_for_in_the_history():
    fresh = UNKNOWN._replace(flag=day_of(time.time()) + FLAG[8:])
    today, old = submenu(Question(fresh, None), Question(UNKNOWN, None))
    assert any("的历史委托里" in child.text for child in old.children)
    assert any("的委托里" in child.text for child in today.children)


def test_of_unknown_size_only_a_number_can_be_given():
    assert choices(submenu(Question(Order(FLAG, "unknown"), None))[0]) == ["没有成交", "部分成交…", "已撤单"]


def test_an_answer_is_confirmed_one_level_down():
    entry = submenu(Question(UNKNOWN, None))[0]
    nothing = next(child for child in entry.children if child.text == "没有成交")
    assert nothing.action == ""
    assert [child.action for child in nothing.children] == ["", "", "answer"]
    assert nothing.children[-1].arguments == (FLAG, Answer(answers.NOTHING))


def test_an_answered_order_says_so_and_can_be_answered_anew():
    (entry,) = submenu(Question(UNKNOWN, Answer(answers.CANCELLED, 300)))
    assert entry.text.endswith("已答复，等策略处理")
    assert any("部分成交 300 股" in child.text for child in entry.children)
    assert "没有成交" in choices(entry)


def test_a_hundred_unknown_orders_make_no_endless_menu():
    assert len(submenu(*[Question(UNKNOWN, None)] * 100)) == menu.MOST_QUESTIONS


def test_pystray_shows_the_submenus_and_a_click_brings_its_arguments():
    from tray_app import tray

    class Icon(_base.Icon):
        HAS_MENU = True
        _show = _hide = _update_icon = _update_title = _update_menu = lambda self: None
        _run = _stop = lambda self: None

    class App:
        stop_asked = threading.Event()

    shown = tray._Shown(App(), Icon)
    hostile = UNKNOWN._replace(reason="A & B <script>" + "长" * 300)
    shown._view = View("trouble", "", ("x",), (), False, (Question(hostile, None),))
    settle = next(item for item in shown.icon.menu.items if item.text == "处理未知委托")
    order = next(iter(settle.submenu.items))
    assert "A && B <script>" in "".join(item.text for item in order.submenu.items)
    nothing = next(item for item in order.submenu.items if item.text == "没有成交")
    list(nothing.submenu.items)[-1](shown.icon)
    assert shown._clicked.get_nowait() == ("answer", (FLAG, Answer(answers.NOTHING)))


# Answering -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_what_the_strategy_reads(owner, home, clock):
    assert "已写下答复" in owner.answer(FLAG, Answer(answers.ALL, 1200))
    assert answer_file(home) == {
        "flag": FLAG, "answer": "filled", "shares": 1200, "price": 0.0, "lines": 3, "at": clock.now,
    }  # fmt: skip
    assert owner.answers() == {FLAG: Answer("filled", 1200, 0.0, 3)}


def test_the_answer_waits_until_the_flag_file_has_a_further_line(owner, board):
    owner.answer(FLAG, Answer(answers.NOTHING))
    assert answers.is_waiting(UNKNOWN, owner.answers()[FLAG])
    assert not answers.is_waiting(UNKNOWN._replace(lines=4), owner.answers()[FLAG])


def test_an_order_that_has_ended_meanwhile_gets_no_answer(owner, home, board):
    board.show(orders=(UNKNOWN._replace(state="filled"),))
    assert "不用再答复" in owner.answer(FLAG, Answer(answers.NOTHING))
    assert not home.answers.exists()


def test_the_dialog_asks_again_until_the_numbers_make_sense(owner, home, asked):
    asked.answers = [["many", ""], ["99999", ""], ["300", "abc"], [" 300 ", "4.051"]]
    assert "部分成交 300 股" in owner.answer_part(FLAG)
    assert [fields for _, fields in asked.shown] == [["", ""], ["many", ""], ["99999", ""], ["300", "abc"]]
    assert "写成整数" in asked.shown[1][0] and "太多" in asked.shown[2][0] and "均价" in asked.shown[3][0]
    found = answer_file(home)
    assert (found["answer"], found["shares"], found["price"]) == ("cancelled", 300, 4.051)


def test_all_shares_typed_in_are_a_fill(owner, home, asked):
    asked.answers = [["1,200", ""]]
    owner.answer_part(FLAG)
    assert answer_file(home)["answer"] == "filled"


def test_a_cancelled_dialog_writes_nothing(owner, home, asked):
    asked.answers = [None]
    assert "没有写下" in owner.answer_part(FLAG)
    assert not home.answers.exists()


def test_without_a_dialog_it_says_which_file_to_write(home, outbox, board, clock):
    board.show(orders=(UNKNOWN,))
    said = Owner(home, outbox, board, clock.wall, None).answer_part(FLAG)
    assert str(home.answers / (FLAG + ".json")) in said


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5", "１２", "²", "9" * 5000, "299"], ids=short)
def test_a_wrong_number_of_shares_is_explained(text):
    assert isinstance(answers.check_shares(text, UNKNOWN._replace(filled=300)), str)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "1e9", "四"])
def test_a_wrong_price_is_explained(text):
    assert isinstance(answers.check_price(text), str)


@pytest.mark.parametrize("name", ["../STOP", "20260105-510300-B-01/..", "", "20260105-510300-B-01\n"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(ValueError):
        answers.path_of(tmp_path, name)


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b'{"answer": "moon"}', b'{"answer": "filled", "shares": "x"}'])
def test_a_garbled_answer_file_is_no_answer(owner, home, raw):
    home.answers.mkdir()
    (home.answers / (FLAG + ".json")).write_bytes(raw)
    assert owner.answers() == {}


# The program ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(home, asked):
    made = TrayApp(home, settings("http://127.0.0.1:9", inbox="port = off"), ask=asked)
    yield made
    made.stop("menu")


def test_the_view_follows_the_files(app, home):
    app.board.show(orders=(UNKNOWN,))
    app.stop_orders(True)
    app.answer(FLAG, Answer(answers.NOTHING))
    view = app.view()
    assert view.stop
    assert view.questions[0].answer.kind == "nothing"
    assert report.heartbeat(app)["stop_orders"] is True


def test_while_a_dialog_is_open_the_menu_works_and_no_second_one_opens(app, home):
    opened, let_go = threading.Event(), threading.Event()

    def slow(*shown):
        opened.set()
        let_go.wait(20)

    app.owner._ask = slow
    app.board.show(orders=(UNKNOWN,))
    assert app.answer_part(FLAG) == ""
    assert opened.wait(20)
    assert "已经打开" in app.answer_part(FLAG)
    assert "已停止下单" in app.stop_orders(True)
    let_go.set()
    assert app.board.wait("answer", lambda said: "没有写下" in said, 20)


# The dialog ----------------------------------------------------------------------------------------------------------


def test_the_dialog_in_memory_is_laid_out_as_windows_reads_it():
    height, controls = dialog.layout("说明", [dialog.Field("股数", "300")], ["好", "取消"])
    raw = dialog.template("标题", height, controls)
    (count,) = struct.unpack_from("<H", raw, 8)
    assert count == len(controls) == 5
    place = 22
    for _ in range(2):  # title, then the font behind its size
        while raw[place : place + 2] != b"\0\0":
            place += 2
        place += 4
    place -= 2
    seen = []
    for _ in range(count):
        place += -place % 4
        number, marker, kind = struct.unpack_from("<HHH", raw, place + 16)
        assert marker == 0xFFFF
        end = place + 22
        while raw[end : end + 2] != b"\0\0":
            end += 2
        seen.append((kind, number, raw[place + 22 : end].decode("utf-16-le")))
        place = end + 4
    assert place == len(raw)
    assert seen == [
        (dialog.STATIC, 0xFFFF, "说明"),
        (dialog.STATIC, 0xFFFF, "股数"),
        (dialog.EDIT, 100, "300"),
        (dialog.BUTTON, dialog.IDOK, "好"),
        (dialog.BUTTON, dialog.IDCANCEL, "取消"),
    ]
