"""The machine's own health, and sleep."""

import pytest

from tests.tray_app.helpers import stored
from tray_app import events
from tray_app.outbox import OutboxError
from tray_app.watch import host
from tray_app.watch.host import HostWatcher


@pytest.fixture
def make(home, lease, clock):
    def build(**changes):
        given = {
            "extra": lambda: {"version": "1"},
            "companions": lambda now: [],
            "on_resume": lambda: None,
            "mono": clock.mono,
            **changes,
        }
        return HostWatcher(home.root, 30, lease, **given)

    return build


def kinds(home):
    return [event["kind"] for event in stored(home.outbox)]


def test_a_heartbeat_comes_at_once_and_then_every_thirty_seconds(make, home, clock, outbox):
    part = make()
    part.round(clock.now)
    for _ in range(30):
        clock.advance(1)
        part.round(clock.now)
    assert outbox.figures().superseded == 1
    (event,) = stored(home.outbox)
    assert event["at"] == clock.now


def test_it_tells_figures_of_this_machine(make, home, clock):
    make().round(clock.now)
    data = stored(home.outbox)[0]["data"]
    assert data["disk_free"] > 0
    assert 0 < data["memory"] <= 100
    assert data["boot_at"] > 0
    assert (data["every"], data["version"], data["cpu"]) == (30, "1", None)


def test_its_companions_go_in_the_same_transaction_with_the_sign_of_life(make, home, clock, outbox):
    repeat = events.make("qmt.process", {"state": "running", "change": False}, clock.now)
    make(companions=lambda now: [repeat]).round(clock.now)
    assert kinds(home) == ["host.heartbeat", "qmt.process"]
    assert float(outbox.marks()["last_seen"]) == clock.now


def test_hurry_makes_a_heartbeat_before_its_time(make, clock, outbox):
    part = make()
    part.round(clock.now)
    part.hurry()
    part.round(clock.now + 1)
    assert outbox.figures().superseded == 1


@pytest.mark.parametrize("gap, expected", [(29.0, 0.0), (30.0, 0.0), (31.0, 31.0)])
def test_sleep_is_a_wall_clock_that_ran_ahead(gap, expected):
    assert host.slept(10 + gap, 10.0) == expected


def test_after_sleep_it_tells_and_makes_a_heartbeat_at_once(make, home, clock):
    resumed = []
    part = make(on_resume=lambda: resumed.append(True))
    part.round(clock.now)
    clock.now += 3600  # the monotonic clock stood still
    part.round(clock.now)
    told = [event for event in stored(home.outbox) if event["kind"] == "host.resumed"]
    assert [event["data"] for event in told] == [{"slept": 3600.0}]
    assert resumed == [True]


def test_a_slow_round_is_no_sleep(make, home, clock):
    part = make()
    part.round(clock.now)
    clock.advance(3600)
    part.round(clock.now)
    assert "host.resumed" not in kinds(home)


def test_sleep_that_the_system_told_of_counts_even_if_the_clocks_agree(make, home, clock):
    slept = [600.0, 0.0]
    part = make(system_slept=lambda: slept.pop(0) if slept else 0.0)
    part.round(clock.now)
    clock.advance(600)
    part.round(clock.now)
    assert kinds(home).count("host.resumed") == 1


def test_sleep_that_could_not_be_stored_is_told_in_the_next_round(make, home, clock, outbox, monkeypatch):
    def refuse(new, marks=None, may=None):
        raise OutboxError("disk")

    slept = [3600.0]
    part = make(system_slept=lambda: slept.pop(0) if slept else 0.0)
    part.round(clock.now)
    clock.advance(1)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put_many", refuse)
        with pytest.raises(OutboxError):
            part.round(clock.now)
    clock.advance(1)
    part.round(clock.now)
    part.round(clock.now)
    assert kinds(home).count("host.resumed") == 1


def test_sleep_that_the_disk_refuses_holds_up_no_heartbeat_and_makes_no_more_of_them(
    make, home, clock, board, outbox, monkeypatch
):
    resumed, shown = [], []
    part = make(on_resume=lambda: resumed.append(True))
    part.round(clock.now)

    def refuse(new, marks=None, may=None):
        raise OutboxError("磁盘满了")

    clock.now += 3600
    woke = clock.now
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put_many", refuse)
        for _ in range(40):
            with pytest.raises(OutboxError):
                part.round(clock.now)
            shown.append(board.get("unstored_beat")[0]["id"])
            clock.advance(1)
    assert (len(set(shown)), resumed) == (2, [True])
    part.round(clock.now)
    assert [event["at"] for event in stored(home.outbox) if event["kind"] == "host.resumed"] == [woke]


def test_a_machine_without_a_figure_still_tells_the_others(monkeypatch, tmp_path):
    def missing():
        raise RuntimeError("no performance counters")  # as under Wine

    monkeypatch.setattr(host.psutil, "virtual_memory", missing)
    found = host.look(tmp_path)
    assert found.memory is None
    assert found.disk_free > 0


def test_a_heartbeat_that_the_disk_refuses_is_shown_to_the_sender_until_one_is_stored(
    make, home, clock, board, outbox, monkeypatch
):
    part = make(companions=lambda now: [events.make("qmt.process", {"state": "missing", "change": False}, now)])
    put_many = outbox.put_many

    def refuse(new, marks=None, may=None):
        raise OutboxError("磁盘满了")

    monkeypatch.setattr(outbox, "put_many", refuse)
    with pytest.raises(OutboxError):
        part.round(clock.now)
    assert [event["kind"] for event in board.get("unstored_beat")] == ["host.heartbeat", "qmt.process"]
    monkeypatch.setattr(outbox, "put_many", put_many)
    clock.advance(30)
    part.round(clock.now)
    assert board.get("unstored_beat") == () and kinds(home) == ["host.heartbeat", "qmt.process"]
