"""Posts of the strategies: stored, then deleted, in order, once."""

import json
import os

import pytest

from tests.tray_app.helpers import MONDAY_10_00, heartbeat, notice, order, stored, troubles
from tray_app import events
from tray_app.outbox import OutboxError
from tray_app.watch import spool
from tray_app.watch.spool import SpoolWatcher


@pytest.fixture
def watcher(home, lease):
    return SpoolWatcher(home, lease)


def post(home, event, n=1, name=None):
    path = home.spool / (name or f"1767578400001-{n:06d}-{event['kind']}.json")
    path.write_bytes(events.dumps(event))
    return path


def work_off(watcher, now):
    """Rounds until nothing more is waiting, as the worker does."""
    for _ in range(50):
        if not watcher.round(now):
            return
    raise AssertionError("a round that never ends its backlog")


def left(home):
    return sorted(path.name for path in home.spool.iterdir() if path.is_file())


def test_a_post_is_stored_and_its_file_is_gone(watcher, home, clock):
    event = order()
    post(home, event)
    watcher.round(clock.now)
    assert [found["id"] for found in stored(home.outbox)] == [event["id"]]
    assert left(home) == []


def test_posts_are_stored_in_the_order_of_their_names(watcher, home, clock):
    put = {n: notice(n) for n in (3, 1, 2)}
    for n, event in put.items():
        post(home, event, n)
    watcher.round(clock.now)
    assert [found["id"] for found in stored(home.outbox)] == [put[1]["id"], put[2]["id"], put[3]["id"]]


def test_many_files_are_few_transactions(watcher, home, clock, outbox, monkeypatch):
    for n in range(spool.MOST_FILES + 5):
        post(home, notice(n), n)
    calls = []
    put_many = outbox.put_many
    monkeypatch.setattr(
        outbox, "put_many", lambda new, marks=None, may=None: calls.append(len(new)) or put_many(new, marks)
    )
    work_off(watcher, clock.now)
    assert calls == [spool.MOST_FILES, 5]
    assert left(home) == []


def test_a_file_whose_event_is_stored_already_is_just_deleted(watcher, home, clock, outbox):
    event = order()
    outbox.put(event)  # as after a crash between commit and delete
    post(home, event)
    watcher.round(clock.now)
    assert len(stored(home.outbox)) == 1
    assert left(home) == []


def test_files_stay_while_the_outbox_refuses(watcher, home, clock, outbox, monkeypatch):
    def refuse(new, marks=None, may=None):
        raise OutboxError("full")

    monkeypatch.setattr(outbox, "put_many", refuse)
    post(home, order())
    with pytest.raises(OutboxError):
        watcher.round(clock.now)
    assert len(left(home)) == 1


NO_EVENTS = [b"", b"{", b"[]", b'{"id": "a"}', b"\xff\xfe\x00", b'{"id":"a","kind":"x","at":1,"data":{}}']


@pytest.mark.parametrize("content", NO_EVENTS)
def test_a_file_that_is_no_event_is_put_aside_and_told_once(watcher, home, clock, content):
    (home.spool / "1767578400001-000001-x.json").write_bytes(content)
    watcher.round(clock.now)
    watcher.round(clock.now)
    assert troubles(home.outbox) == ["spool-bad"]
    assert left(home) == []
    assert (home.bad / "1767578400001-000001-x.json").read_bytes() == content


def test_a_bad_file_does_not_hold_up_the_others(watcher, home, clock):
    (home.spool / "0000000000000-000000-x.json").write_bytes(b"{")
    event = order()
    post(home, event)
    watcher.round(clock.now)
    assert event["id"] in [found["id"] for found in stored(home.outbox)]


def test_a_huge_file_is_put_aside_unread(watcher, home, clock):
    post(home, events.make("file", {"content": "x" * spool.LARGEST_FILE}, clock.now))
    watcher.round(clock.now)
    assert troubles(home.outbox) == ["spool-bad"]
    assert left(home) == []


def test_bad_files_cannot_fill_the_disk(watcher, home, clock):
    for n in range(spool.MOST_BAD + 10):
        (home.spool / f"{n:013d}-000001-x.json").write_bytes(b"{")
    work_off(watcher, clock.now)
    kept = os.listdir(home.bad)
    assert len(kept) == spool.MOST_BAD
    assert f"{spool.MOST_BAD + 9:013d}-000001-x.json" in kept


def test_half_written_files_are_ignored_and_removed_after_a_day(watcher, home, clock):
    fresh, stale = home.spool / ".a.json.tmp", home.spool / ".b.json.tmp"
    for path, age in ((fresh, 60), (stale, 2 * 86400)):
        path.write_bytes(b"{")
        os.utime(str(path), (clock.now - age, clock.now - age))
    watcher.round(clock.now)
    assert left(home) == [".a.json.tmp"]
    assert stored(home.outbox) == []


def test_a_file_that_cannot_be_deleted_is_stored_once_and_deleted_later(watcher, home, clock, outbox, monkeypatch):
    event = order()
    post(home, event)
    remove = os.remove

    def held(path, *args, **kwargs):
        raise PermissionError(13, "sharing violation")

    monkeypatch.setattr(spool.os, "remove", held)
    watcher.round(clock.now)
    outbox.settle([event["id"]], {})  # it was even sent meanwhile
    watcher.round(clock.now)
    assert stored(home.outbox) == []
    monkeypatch.setattr(spool.os, "remove", remove)
    watcher.round(clock.now)
    assert left(home) == []


def test_one_round_is_one_batch_so_that_a_backlog_is_no_stuck_worker(watcher, home, clock):
    for n in range(spool.MOST_FILES + 1):
        post(home, notice(n), n)
    assert watcher.round(clock.now) is True
    assert len(left(home)) == 1
    assert watcher.round(clock.now) is False


@pytest.fixture
def hold(monkeypatch):
    """A function: from now on that file cannot be read."""
    read = spool._read

    def start(held):
        def locked(path):
            if path == held:
                raise PermissionError(13, "sharing violation")
            return read(path)

        monkeypatch.setattr(spool, "_read", locked)

    return start


def test_past_the_telling_an_unreadable_file_never_blocks_the_others_again(watcher, home, clock, hold):
    hold(post(home, order(1), 1))
    watcher.round(clock.now)
    watcher.round(clock.now + spool.PATIENCE)
    for n, later in enumerate((1, 60, 3000, 3600, 7200), 2):
        free = post(home, order(n), n)
        watcher.round(clock.now + spool.PATIENCE + later)
        assert not free.exists()
    assert troubles(home.outbox) == ["spool-unreadable"]


def test_an_unreadable_file_is_told_once_even_when_that_was_sent(watcher, home, clock, hold, outbox):
    hold(post(home, order(1), 1))
    watcher.round(clock.now)
    watcher.round(clock.now + spool.PATIENCE)
    outbox.settle([event["id"] for event in stored(home.outbox)], {})
    watcher.round(clock.now + spool.PATIENCE + 1)
    assert troubles(home.outbox) == []


def test_what_is_known_about_a_file_is_forgotten_with_it(watcher, home, clock, hold):
    held = post(home, order(1), 1)
    hold(held)
    watcher.round(clock.now)
    watcher.round(clock.now + spool.PATIENCE)
    held.unlink()
    watcher.round(clock.now + spool.PATIENCE + 1)
    assert not watcher._held_since and not watcher._told


def test_a_bad_file_that_cannot_be_moved_is_told_once_and_moved_later(watcher, home, clock, outbox, monkeypatch):
    (home.spool / "0000000000000-000000-x.json").write_bytes(b"{")
    replace = os.replace

    def held(source, target):
        raise PermissionError(13, "sharing violation")

    monkeypatch.setattr(spool.os, "replace", held)
    watcher.round(clock.now)
    assert troubles(home.outbox) == ["spool-bad"]
    outbox.settle([event["id"] for event in stored(home.outbox)], {})
    watcher.round(clock.now)
    assert stored(home.outbox) == []
    monkeypatch.setattr(spool.os, "replace", replace)
    watcher.round(clock.now)
    assert left(home) == []


def test_a_held_file_keeps_its_turn_for_a_while_then_the_others_go_first(watcher, home, clock, monkeypatch, hold):
    held, free = post(home, order(1), 1), post(home, order(2), 2)
    read = spool._read
    hold(held)
    watcher.round(clock.now)
    assert stored(home.outbox) == []
    watcher.round(clock.now + spool.PATIENCE)
    assert [event["kind"] for event in stored(home.outbox)] == ["host.trouble", "order.state"]
    assert not free.exists()
    monkeypatch.setattr(spool, "_read", read)
    watcher.round(clock.now + spool.PATIENCE + 1)
    assert left(home) == []


def test_a_missing_spool_folder_is_made(watcher, home, clock):
    home.spool.rmdir()
    watcher.round(clock.now)
    assert home.spool.is_dir()


def test_no_value_numbers_of_qmt_are_cleaned(watcher, home, clock):
    raw = json.dumps({**order(), "data": {"price": 1.7976931348623157e308, "n": float("nan")}})
    (home.spool / "1767578400001-000001-order.state.json").write_text(raw)
    watcher.round(clock.now)
    assert stored(home.outbox)[0]["data"] == {"price": None, "n": None}


def test_the_newest_heartbeat_is_shown_on_the_board(watcher, home, clock, board):
    post(home, heartbeat("grid", every=30))
    watcher.round(clock.now)
    assert board.get("post") == spool.Post(MONDAY_10_00, 30, "grid")


# What the strategy says of its mode ----------------------------------------------------------------------------------


def mode(word="observe", **more):
    data = {"strategy": "etf_grid", "what": "mode", "mode": word, "why": "账号不同", "chosen": False, **more}
    return events.make("strategy.notice", data, MONDAY_10_00)


def test_the_strategys_mode_is_shown_and_outlasts_a_restart(watcher, home, clock, lease, board):
    post(home, mode())
    watcher.round(clock.now)
    known = board.get("mode")
    assert known == spool.Mode(clock.now, False, False, "账号不同")
    board.show(mode=None)
    SpoolWatcher(home, lease).round(clock.now)
    assert board.get("mode") == known


@pytest.mark.parametrize("odd", ["{", "[]", '{"a": 1}', "[1, 2, 3, 4, 5]"])
def test_a_mode_kept_by_another_version_stops_nothing(home, clock, outbox, lease, board, odd):
    outbox.put_many([], {spool.MODE_MARK: odd})
    post(home, order())
    SpoolWatcher(home, lease).round(clock.now)
    assert board.get("mode") is None and left(home) == []


@pytest.mark.parametrize("odd", [{"mode": 1}, {"mode": "dead"}, {"mode": []}, {"what": "observe"}, {"what": []}])
def test_what_is_no_word_about_the_mode_is_only_forwarded(watcher, home, clock, board, odd):
    post(home, mode(**odd))
    watcher.round(clock.now)
    assert board.get("mode") is None and len(stored(home.outbox)) == 1


@pytest.mark.parametrize("odd", [{"why": None}, {"why": 7}, {"chosen": "yes"}, {"why": "长" * 9999}])
def test_an_odd_reason_does_no_harm(watcher, home, clock, board, odd):
    post(home, mode(**odd))
    watcher.round(clock.now)
    known = board.get("mode")
    assert not known.chosen and len(known.why) <= spool.MOST_WHY
