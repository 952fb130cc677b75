"""The owner's word about orders where disk or outbox refuse: what the strategy reads is what counts, and it is said."""

import json

import pytest

from tests.tray_app.helpers import MONDAY_10_00 as NOW
from tests.tray_app.helpers import kinds
from tray_app import answers
from tray_app import strings_zh as zh
from tray_app.answers import Answer
from tray_app.orders import Order
from tray_app.outbox import OutboxError
from tray_app.owner import Owner
from tray_app.watch import flags

FLAG = "20260105-510300-B-01"
UNKNOWN = Order(FLAG, "unknown", "510300.SH", 1200, 4.05, 4860.0, reason="找不到", placed=NOW, at=NOW + 60, lines=3)


@pytest.fixture
def owner(home, outbox, board, clock):
    board.show(orders=(UNKNOWN,))
    return Owner(home, outbox, board, clock.wall, lambda *shown: pytest.fail("asked"))


def test_a_stop_holds_although_the_outbox_refuses_and_is_told_later(owner, home, outbox, monkeypatch):
    owner.tell_stop()

    def refuse(*args):
        raise OutboxError("磁盘满了")

    with monkeypatch.context() as full:
        full.setattr(outbox, "put_many", refuse)
        assert owner.stop_orders(True) == zh.STOP_DONE
    assert (home.control / "STOP").exists() and kinds(home.outbox) == []
    owner.tell_stop()
    assert kinds(home.outbox) == ["host.stop_orders"]


def test_an_answer_that_cannot_be_written_is_no_answer_and_says_why(owner, home, monkeypatch):
    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(answers, "write", refuse)
    assert "No space left" in owner.answer(FLAG, Answer(answers.NOTHING, 0, 0.0))
    assert owner.answers() == {}


def test_an_order_that_ended_meanwhile_is_not_asked_about(owner, board, home):
    board.show(orders=(UNKNOWN._replace(state="filled"),))
    assert owner.answer_part(FLAG) == zh.ANSWER_GONE.format(flag=FLAG)
    assert not home.answers.exists()


def test_a_flag_file_that_is_held_for_a_moment_is_forwarded_in_the_next_round(home, lease, clock, monkeypatch):
    path = home.flags / "20260105" / (FLAG + ".jsonl")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"state": "intent", "at": NOW}) + "\n", encoding="utf-8")
    watcher = flags.FlagWatcher(home.flags, lease)

    def held(path, offset):
        raise PermissionError(13, "held")

    with monkeypatch.context() as scanner:
        scanner.setattr(flags, "_read", held)
        watcher.round(clock.now)
    assert kinds(home.outbox) == []
    watcher.round(clock.now)
    assert kinds(home.outbox) == ["order.state"]
