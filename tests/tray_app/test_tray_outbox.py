"""The outbox: what was accepted is kept, once, in order; what may be dropped is dropped in the right order."""

import sqlite3

import pytest

from tests.tray_app.helpers import heartbeat, kinds, notice, order, stored, troubles
from tray_app import events
from tray_app.outbox import Outbox, OutboxFull, OutboxUnavailable


def bounded(home, clock, events_that_fit):
    """An outbox that holds about that many of order()."""
    size = len(events.dumps(order()))
    return Outbox(home.outbox, size * events_that_fit + size // 2, 30 * 86400, clock.wall)


def take_ids(outbox, most=500, most_bytes=900 * 1024):
    return [row.id for row in outbox.take(most, most_bytes)]


def test_every_connection_has_wal_and_synchronous_full(outbox):
    outbox.put(order())
    assert outbox._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert outbox._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_put_event_can_be_read_by_another_connection_at_once(outbox, home):
    event = order()
    outbox.put(event)
    assert [found["id"] for found in stored(home.outbox)] == [event["id"]]


def test_a_repeat_is_accepted_silently(outbox, home):
    event = order()
    assert outbox.put(event) is True
    assert outbox.put(event) is False
    assert len(stored(home.outbox)) == 1


def test_many_events_and_their_mark_are_one_transaction(outbox, home):
    bad = {"id": "x", "kind": "order.state", "at": 1, "data": {"n": float("nan")}}
    with pytest.raises(ValueError):
        outbox.put_many([order(), bad], {"flag:a": "1"})
    assert stored(home.outbox) == []
    assert outbox.marks("flag:") == {}


def test_events_leave_in_the_order_they_came_whatever_their_kind(outbox):
    put = [order(1), heartbeat(), notice(), order(2)]
    for event in put:
        outbox.put(event)
    assert take_ids(outbox) == [event["id"] for event in put]


def test_a_number_is_never_given_twice_even_after_a_new_file(outbox, home, clock):
    outbox.put(order())
    first = stored(home.outbox)[0]["seq"]
    outbox.close()
    home.outbox.unlink()
    clock.advance(1)
    again = Outbox(home.outbox, 10**7, 86400, clock.wall)
    again.put(order())
    again.close()
    assert stored(home.outbox)[0]["seq"] > first


def test_a_newer_heartbeat_replaces_the_waiting_one_and_is_counted(outbox):
    outbox.put(heartbeat(n=1))
    outbox.put(order())
    newest = heartbeat(n=2)
    outbox.put(newest)
    assert take_ids(outbox)[-1] == newest["id"]
    assert (outbox.figures().waiting, outbox.figures().superseded) == (2, 1)


def test_a_heartbeat_in_flight_is_not_replaced_while_the_answer_is_open(outbox):
    first = heartbeat(n=1)
    outbox.put(first)
    assert take_ids(outbox) == [first["id"]]
    outbox.put(heartbeat(n=2))
    assert outbox.figures().superseded == 0
    outbox.settle([first["id"]], {})
    assert (outbox.figures().waiting, outbox.figures().superseded) == (1, 0)


def test_a_heartbeat_that_came_back_unsent_gives_way_to_the_newer_one(outbox):
    outbox.put(heartbeat(n=1))
    outbox.take(500, 10**6)
    newest = heartbeat(n=2)
    outbox.put(newest)
    outbox.release()
    assert take_ids(outbox) == [newest["id"]]
    assert outbox.figures().superseded == 1


def test_an_older_heartbeat_does_not_replace_a_newer_one_that_waits(outbox):
    newest = heartbeat(instance="a", n=7)
    outbox.put(newest)
    assert outbox.put(heartbeat(instance="a", n=6)) is False  # its file was held by a virus scanner for a while
    assert take_ids(outbox) == [newest["id"]]
    assert outbox.figures().superseded == 1


def test_of_two_instances_the_later_heartbeat_is_the_newer_one(outbox, clock):
    outbox.put(heartbeat(instance="old", n=900))
    newest = heartbeat(instance="new", n=1, at=clock.now + 5)
    assert outbox.put(newest) is True
    assert outbox.put(heartbeat(instance="old", n=901, at=clock.now + 1)) is False
    assert take_ids(outbox) == [newest["id"]]


def test_an_older_heartbeat_does_not_follow_a_newer_one_in_flight(outbox):
    outbox.put(heartbeat(instance="a", n=7))
    outbox.take(500, 10**6)
    assert outbox.put(heartbeat(instance="a", n=6)) is False


def test_the_trays_own_heartbeats_replace_each_other_in_the_order_they_were_made_even_if_the_clock_is_set_back(
    outbox, clock
):
    outbox.put(events.make("host.heartbeat", {}, clock.now))
    assert outbox.put(events.make("host.heartbeat", {}, clock.now - 60)) is True


def test_a_batch_is_in_flight_before_the_lock_is_free(outbox):
    outbox.put(heartbeat(n=1))

    class Watched:
        """The outbox's lock; when it is let go, what is in flight?"""

        def __init__(self, lock):
            self.lock, self.at_release = lock, []

        def __enter__(self):
            return self.lock.__enter__()

        def __exit__(self, *exc):
            self.at_release.append(set(outbox._in_flight))
            return self.lock.__exit__(*exc)

    outbox._lock = watched = Watched(outbox._lock)
    (row,) = outbox.take(500, 10**6)
    assert watched.at_release[-1] == {row.seq}


def test_a_batch_is_bounded_by_number_and_bytes_but_never_empty(outbox):
    for n in range(10):
        outbox.put(order(n))
    assert len(take_ids(outbox, most=3)) == 3
    assert len(take_ids(outbox, most_bytes=1)) == 1


def test_only_what_the_answer_names_leaves(outbox):
    kept, gone, bad = order(1), order(2), order(3)
    for event in (kept, gone, bad):
        outbox.put(event)
    outbox.take(500, 10**6)
    assert outbox.settle([gone["id"], "a stranger's id"], {bad["id"]: "kind unknown"}) == 2
    assert take_ids(outbox) == [kept["id"]]
    assert outbox.figures().rejected == 1


def test_a_rejected_event_is_kept_aside_with_the_reason_and_its_repeat_is_accepted(outbox, home):
    event = order()
    outbox.put(event)
    outbox.settle([], {event["id"]: "kind unknown"})
    with sqlite3.connect(str(home.outbox)) as db:
        assert db.execute("SELECT id, error FROM rejected").fetchall() == [(event["id"], "kind unknown")]
    db.close()
    assert outbox.put(event) is False
    assert outbox.figures().waiting == 0


def test_a_full_outbox_is_shown_until_there_is_room_again(home, clock):
    outbox = bounded(home, clock, 2)
    first = order(1)
    outbox.put_many([first, order(2)])
    with pytest.raises(OutboxFull):
        outbox.put(order(3))
    outbox.put(heartbeat())  # dropped and counted: that is no sign of room
    assert outbox.figures().error.startswith("发件箱满了")
    outbox.settle([first["id"]], {})
    assert outbox.figures().error == ""
    outbox.close()


def test_when_full_the_oldest_heartbeat_goes_first(home, clock):
    outbox = bounded(home, clock, 3)
    for event in (heartbeat("a", pad="x" * 60), notice(1), heartbeat("b"), order(1)):
        outbox.put(event)
    assert kinds(home.outbox) == ["strategy.notice", "qmt.heartbeat", "order.state"]
    assert outbox.figures().dropped == 1
    outbox.close()


def test_when_full_without_heartbeats_the_oldest_other_event_goes(home, clock):
    outbox = bounded(home, clock, 3)
    put = [order(1), notice(1), notice(2), order(2)]
    for event in put:
        outbox.put(event)
    assert [event["id"] for event in stored(home.outbox)] == [put[0]["id"], put[2]["id"], put[3]["id"]]
    outbox.close()


def test_when_full_of_orders_a_further_order_is_refused_and_nothing_is_lost(home, clock):
    outbox = bounded(home, clock, 3)
    put = [order(n) for n in range(3)]
    for event in put:
        outbox.put(event)
    with pytest.raises(OutboxFull, match="max_mb"):
        outbox.put(order(9))
    assert [event["id"] for event in stored(home.outbox)] == [event["id"] for event in put]
    outbox.close()


def test_when_full_of_orders_a_heartbeat_is_dropped_and_counted(home, clock):
    outbox = bounded(home, clock, 2)
    outbox.put(order(1))
    outbox.put(order(2))
    assert outbox.put(heartbeat()) is False
    assert outbox.figures().dropped == 1
    outbox.close()


def test_a_heartbeat_never_pushes_out_another_event(home, clock):
    outbox = bounded(home, clock, 2)
    outbox.put(notice(1))
    outbox.put(order(2))
    outbox.put(heartbeat())
    assert kinds(home.outbox) == ["strategy.notice", "order.state"]
    outbox.close()


def test_what_is_too_old_is_dropped_except_orders(outbox, home, clock):
    outbox.put(order())
    outbox.put(notice())
    clock.advance(31 * 86400)
    outbox.put(heartbeat())
    assert kinds(home.outbox) == ["order.state", "qmt.heartbeat"]
    assert outbox.figures().dropped == 1


def test_counters_and_marks_survive_a_restart(outbox, home, clock):
    outbox.put(heartbeat())
    outbox.put(heartbeat())
    outbox.put_many([], {"stopped": "menu"})
    outbox.close()
    again = Outbox(home.outbox, 10**7, 86400, clock.wall)
    assert again.marks()["stopped"] == "menu"
    assert (again.figures().superseded, again.figures().waiting) == (1, 1)
    again.close()


def test_the_age_is_that_of_the_oldest_row(outbox, clock):
    outbox.put(order(1))
    clock.advance(100)
    outbox.put(order(2))
    clock.advance(20)
    assert outbox.figures().oldest_age == 120


def test_a_full_disk_is_told_and_over_when_there_is_room_again(outbox, home):
    outbox.put(order(0))
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    large = events.make("order.state", {"text": "x" * 50_000}, 1767578400)
    with pytest.raises(OutboxUnavailable, match="磁盘满了"):
        outbox.put(large)
    assert "磁盘满了" in outbox.figures().error
    assert outbox.put(large) is True  # the connection was opened afresh: there the limit is gone
    assert outbox.figures().error == ""
    assert len(stored(home.outbox)) == 2


def test_a_place_that_cannot_hold_the_file_is_told_and_does_not_stop_the_program(tmp_path, clock):
    outbox = Outbox(tmp_path / "missing" / "outbox.db", 10**7, 86400, clock.wall)
    with pytest.raises(OutboxUnavailable):
        outbox.put(order())
    assert outbox.figures().error
    (tmp_path / "missing").mkdir()
    assert outbox.put(order()) is True
    outbox.close()


def test_a_file_locked_by_another_program_is_no_damage(outbox, home, monkeypatch):
    outbox.put(order())
    outbox._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(str(home.outbox), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutboxUnavailable):
        outbox.put(order())
    other.execute("ROLLBACK")
    other.close()
    assert outbox.put(order()) is True
    assert troubles(home.outbox) == []


def test_a_row_whose_bytes_rotted_is_set_aside_and_told(outbox, home):
    good, bad = order(1), order(2)
    outbox.put(bad)
    outbox.put(good)
    outbox._db.execute("UPDATE events SET body = ? WHERE id = ?", (b'{"id":"rotten', bad["id"]))
    assert take_ids(outbox) == [good["id"]]
    assert troubles(home.outbox) == ["event-rotten"]
