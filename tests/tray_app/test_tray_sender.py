"""The sender against a receiver that answers in every way there is."""

import json
import socket
import threading

import pytest

from tests.tray_app.helpers import (
    Clock,
    accept,
    fails_with,
    heartbeat,
    notice,
    ok_body,
    order,
    settings,
    stored,
    troubles,
)
from tray_app import connection, events, sender, verdict
from tray_app.outbox import OutboxError
from tray_app.sender import Sender


@pytest.fixture
def make(outbox, lease, clock):
    made = []

    def build(url):
        built = Sender(settings(url), outbox, lease, "run-1", wall=clock.wall, mono=clock.mono, rng=lambda: 1.0)
        made.append(built)
        return built

    yield build
    for built in made:
        built.close()


def work_off(part, now):
    """Rounds until the sender wants to wait, as the worker does."""
    for _ in range(100):
        if not part.round(now):
            return
    raise AssertionError("a sender that never waits")


def link(board):
    return board.get("link")


def test_a_batch_goes_as_the_protocol_says_and_leaves_when_named(make, receiver, outbox, board, clock):
    put = [order(1), heartbeat()]
    outbox.put_many(put)
    make(receiver.url).round(clock.now)
    (post,) = receiver.posts
    assert (post["machine"], post["run"], post["sent_at"], post["waiting"]) == ("mini-pc", "run-1", clock.now, 0)
    assert [{key: event[key] for key in ("id", "kind", "at", "data")} for event in post["events"]] == put
    assert post["events"][0]["seq"] < post["events"][1]["seq"]
    assert receiver.paths == ["/api/v1/events"]
    assert receiver.headers[0]["Authorization"] == "Bearer secret"
    assert outbox.figures().waiting == 0
    assert link(board).state == "ok"


def test_a_large_batch_is_zipped_and_a_small_one_is_not(make, receiver, outbox, clock):
    outbox.put(order())
    make(receiver.url).round(clock.now)
    outbox.put(events.make("order.state", {"text": "单" * 5000}, clock.now))
    make(receiver.url).round(clock.now)
    assert [headers.get("Content-Encoding") for headers in receiver.headers] == [None, "gzip"]


def test_one_round_is_one_batch_so_that_a_backlog_is_no_stuck_worker(make, receiver, outbox, clock):
    outbox.put_many([order(n) for n in range(sender.MOST_EVENTS + 3)])
    part = make(receiver.url)
    assert part.round(clock.now) is True
    assert len(receiver.posts) == 1


def test_waiting_counts_what_is_not_in_the_batch(make, receiver, outbox, clock):
    outbox.put_many([order(n) for n in range(sender.MOST_EVENTS + 3)])
    work_off(make(receiver.url), clock.now)
    assert [(len(post["events"]), post["waiting"]) for post in receiver.posts] == [(500, 3), (3, 0)]


def test_the_answer_tells_clock_alerts_and_trading_day(make, receiver, outbox, board, clock):
    receiver.answers = [
        lambda e: (200, {}, ok_body([x["id"] for x in e["events"]], now=clock.now + 40, ok=False, why="无"))
    ]
    outbox.put(order())
    make(receiver.url).round(clock.now)
    found = link(board)
    assert (found.clock_offset, found.alerts_ok, found.alerts_why, found.trading) == (40.0, False, "无", True)


@pytest.mark.parametrize(
    "answer",
    [
        fails_with(500),
        fails_with(503, Retry_After="5"),
        fails_with(200, b"<html>log in</html>"),
        fails_with(200, ok_body([])),
        fails_with(302, Location="http://127.0.0.1:9/"),
        fails_with(404),
        fails_with(400, b"<html>proxy</html>"),
        fails_with(401),
    ],
)
def test_without_our_yes_nothing_leaves(make, receiver, outbox, board, clock, answer):
    receiver.answers = [answer]
    outbox.put(order())
    make(receiver.url).round(clock.now)
    assert outbox.figures().waiting == 1
    assert link(board).state in ("retry", "denied")
    assert len(receiver.posts) == 1  # no redirect followed, no second try within the round


def test_a_redirect_is_not_followed_even_to_where_it_would_be_accepted(make, receiver, outbox, clock):
    receiver.answers = [fails_with(307, Location="/elsewhere"), accept]
    outbox.put(order())
    make(receiver.url).round(clock.now)
    assert receiver.paths == ["/api/v1/events"]
    assert outbox.figures().waiting == 1


def test_a_refused_connection_is_a_retry(make, outbox, board, clock):
    with socket.socket() as deaf:  # bound, so that nobody else gets the port, but not listening
        deaf.bind(("127.0.0.1", 0))
        outbox.put(order())
        make(f"http://127.0.0.1:{deaf.getsockname()[1]}").round(clock.now)
    assert link(board).state == "retry"
    assert outbox.figures().waiting == 1


def test_a_connection_cut_in_the_middle_of_the_answer_is_a_retry(make, outbox, board, clock):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)

    def cut():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        peer.close()

    threading.Thread(target=cut, daemon=True).start()
    outbox.put(order())
    make(f"http://127.0.0.1:{listener.getsockname()[1]}").round(clock.now)
    listener.close()
    assert link(board).state == "retry"
    assert outbox.figures().waiting == 1


def test_an_endless_answer_is_given_up(make, receiver, outbox, board, clock):
    receiver.answers = [fails_with(200, b" " * (2 * connection.LARGEST_ANSWER))]
    outbox.put(order())
    make(receiver.url).round(clock.now)
    assert link(board).state == "retry"


def test_it_waits_for_its_backoff_and_for_retry_after(make, receiver, outbox, clock):
    receiver.answers = [fails_with(503, Retry_After="5"), accept]
    outbox.put(order())
    part = make(receiver.url)
    part.round(clock.now)
    clock.advance(4.9)
    part.round(clock.now)
    assert len(receiver.posts) == 1
    clock.advance(0.2)
    part.round(clock.now)
    assert outbox.figures().waiting == 0


def test_hurry_tries_at_once(make, receiver, outbox, clock):
    receiver.answers = [fails_with(401), accept]
    outbox.put(order())
    part = make(receiver.url)
    part.round(clock.now)
    part.hurry()
    part.round(clock.now)
    assert outbox.figures().waiting == 0


def test_a_wrong_token_is_probed_once_a_minute(make, receiver, outbox, board, clock):
    receiver.answers = [fails_with(401)]
    outbox.put(order())
    part = make(receiver.url)
    part.round(clock.now)
    clock.advance(59)
    part.round(clock.now)
    assert len(receiver.posts) == 1
    clock.advance(2)
    part.round(clock.now)
    assert len(receiver.posts) == 2
    assert link(board).state == "denied"


def refuse_batches_with(bad_id):
    """A receiver that refuses any batch with that event."""

    def answer(envelope):
        if bad_id in [event["id"] for event in envelope["events"]]:
            return fails_with(400, b'{"error": "cannot read"}')(envelope)
        return accept(envelope)

    return answer


def test_a_bad_event_is_found_by_halving_set_aside_and_told(make, receiver, outbox, home, clock):
    put = [notice(n) for n in range(9)]
    bad = put[4]
    receiver.answers = [refuse_batches_with(bad["id"])]
    outbox.put_many(put)
    work_off(make(receiver.url), clock.now)
    sent = {event["id"] for post in receiver.posts for event in post["events"]}
    assert {event["id"] for event in put} <= sent
    assert stored(home.outbox) == []
    assert outbox.figures().rejected == 1
    told = [
        event["data"]["code"] for post in receiver.posts for event in post["events"] if event["kind"] == "host.trouble"
    ]
    assert told[-1:] == ["event-set-aside"]


def test_a_batch_of_one_that_is_refused_is_set_aside_and_an_order_is_told_as_such(make, receiver, outbox, home, clock):
    bad = order()
    receiver.answers = [refuse_batches_with(bad["id"]), fails_with(500)]
    outbox.put(bad)
    work_off(make(receiver.url), clock.now)
    assert troubles(home.outbox) == ["order-set-aside"]


def test_an_order_named_as_rejected_is_told_in_the_same_way(make, receiver, outbox, home, clock):
    bad = order()
    rejected = [{"id": bad["id"], "error": "number out of range"}]
    receiver.answers = [lambda e: (200, {}, ok_body([], rejected)), fails_with(500)]
    outbox.put(bad)
    work_off(make(receiver.url), clock.now)
    assert troubles(home.outbox) == ["order-set-aside"]
    assert "number out of range" in stored(home.outbox)[0]["data"]["what"]


def test_a_refused_trouble_makes_no_further_trouble(make, receiver, outbox, home, clock):
    receiver.answers = [fails_with(400, b'{"error": "no"}')]
    outbox.put(events.trouble("x", "y", clock.now))
    work_off(make(receiver.url), clock.now)
    assert stored(home.outbox) == []


def test_a_receiver_that_refuses_everything_does_not_empty_the_queue_at_once(make, receiver, outbox, board, clock):
    receiver.answers = [fails_with(400, b'{"error": "new version"}')]
    outbox.put_many([order(n) for n in range(50)])
    work_off(make(receiver.url), clock.now)
    assert outbox.figures().rejected == sender.SET_ASIDE_AT_ONCE
    assert link(board).state == "retry"


def test_an_abandoned_sender_settles_nothing(make, receiver, outbox, lease, clock):
    from tray_app.worker import Abandoned

    def late(envelope):
        lease.revoke()  # the watchdog lost patience while the answer was on its way
        return accept(envelope)

    receiver.answers = [late]
    outbox.put(order())
    with pytest.raises(Abandoned):
        make(receiver.url).round(clock.now)
    assert outbox.figures().waiting == 1


def test_proxies_of_the_environment_are_not_used(make, receiver, outbox, clock, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    outbox.put(order())
    make(receiver.url).round(clock.now)
    assert outbox.figures().waiting == 0


@pytest.fixture
def refuse_settling(outbox, monkeypatch):
    def refuse(*args):
        raise OutboxError("磁盘满了：请清理磁盘。")

    monkeypatch.setattr(outbox, "settle", refuse)


def test_a_yes_that_cannot_be_noted_is_tried_again_later_and_shown(
    make, receiver, outbox, board, clock, refuse_settling
):
    outbox.put(order())
    part = make(receiver.url)
    assert part.round(clock.now) is False
    part.round(clock.now)
    assert len(receiver.posts) == 1  # not uploaded again at once
    found = link(board)
    assert (found.state, found.alerts_ok_at) == ("retry", clock.now)
    assert "接收端已收下" in found.why and "磁盘满了" in found.answer
    clock.advance(61)
    part.round(clock.now)
    assert len(receiver.posts) == 2


def test_a_refusal_that_cannot_be_noted_is_tried_again_later(make, receiver, outbox, board, clock, refuse_settling):
    receiver.answers = [fails_with(400)]
    outbox.put(order())
    part = make(receiver.url)
    assert part.round(clock.now) is False
    part.round(clock.now)
    assert len(receiver.posts) == 1
    assert link(board).state == "retry"


def test_a_release_that_is_refused_does_not_undo_the_backoff(make, receiver, outbox, board, clock, monkeypatch):
    def refuse():
        raise OutboxError("磁盘满了")

    monkeypatch.setattr(outbox, "release", refuse)
    receiver.answers = [fails_with(500)]
    outbox.put(order())
    part = make(receiver.url)
    for _ in range(3):
        assert part.round(clock.now) is False
    assert len(receiver.posts) == 1


@pytest.fixture
def beat(clock):
    """What the disk refused to store."""
    return (events.make("host.heartbeat", {"findings": []}, clock.now),)


@pytest.fixture
def make_on_a_full_disk(outbox, lease, clock, receiver, beat):
    def build(url=receiver.url):
        return Sender(settings(url), outbox, lease, "run-1", None, lambda: beat, clock.wall, clock.mono, lambda: 1.0)

    return build


def test_a_heartbeat_that_could_not_be_stored_is_sent_once_all_the_same(
    make_on_a_full_disk, receiver, board, clock, beat
):
    part = make_on_a_full_disk()
    for _ in range(3):
        assert part.round(clock.now) is False
    (post,) = receiver.posts
    assert ([event["id"] for event in post["events"]], post["waiting"]) == ([beat[0]["id"]], 0)
    assert link(board).alerts_ok_at == clock.now  # the last resort must not say that nobody answers


def test_it_is_sent_even_where_the_outbox_cannot_be_read(make_on_a_full_disk, receiver, outbox, clock, monkeypatch):
    def refuse(*args):
        raise OutboxError("磁盘满了")

    monkeypatch.setattr(outbox, "take", refuse)
    with pytest.raises(OutboxError):  # the worker knows that
        make_on_a_full_disk().round(clock.now)
    assert len(receiver.posts) == 1


def test_it_follows_what_was_stored_and_what_was_stored_waits_for_its_yes(
    make_on_a_full_disk, receiver, outbox, clock, beat, refuse_settling
):
    stored_before = order()
    outbox.put(stored_before)
    make_on_a_full_disk().round(clock.now)
    assert [post["events"][0]["id"] for post in receiver.posts] == [stored_before["id"], beat[0]["id"]]
    assert outbox.figures().waiting == 1


def test_it_does_not_pass_a_queue_that_moves_or_that_the_line_holds_up(
    make_on_a_full_disk, receiver, outbox, board, clock
):
    outbox.put_many([order(n) for n in range(sender.MOST_EVENTS + 1)])
    receiver.answers = [fails_with(500), accept]
    part = make_on_a_full_disk()
    assert part.round(clock.now) is False  # the line: the beat's 0 would say that no order waits any more
    assert len(receiver.posts) == 1 and link(board).alerts_ok_at is None
    clock.advance(60)
    work_off(part, clock.now)
    part.round(clock.now)
    left = [(len(post["events"]), post["waiting"]) for post in receiver.posts[1:]]
    assert left == [(sender.MOST_EVENTS, 1), (1, 0), (1, 0)]


@pytest.mark.parametrize("answer", [fails_with(500), fails_with(403)], ids=["500", "403"])
def test_a_heartbeat_that_could_not_be_stored_and_is_not_taken_is_given_up_for_the_next(
    make_on_a_full_disk, receiver, board, clock, answer
):
    receiver.answers = [answer]
    part = make_on_a_full_disk()
    for _ in range(3):
        part.round(clock.now)
    assert len(receiver.posts) == 1 and link(board) is None


def test_without_a_line_a_heartbeat_that_could_not_be_stored_breaks_nothing(make_on_a_full_disk, clock):
    assert make_on_a_full_disk("http://127.0.0.1:9").round(clock.now) is False


def test_no_clock_offset_is_read_from_a_slow_answer(make, receiver, outbox, board, clock):
    def slow(envelope):
        clock.advance(6)
        return 200, {}, ok_body([event["id"] for event in envelope["events"]], now=clock.now + 100)

    receiver.answers = [slow]
    outbox.put(order())
    make(receiver.url).round(clock.now)
    assert link(board).clock_offset is None


def test_the_envelope_is_strict_json_and_below_the_receivers_limit():
    rows = [sender.Row(7, "x", 0, events.dumps({"id": "x", "kind": "file", "at": 1, "data": {"名": "值"}}))]
    raw = sender.envelope("小主机", "r", 1.5, 0, rows)
    assert json.loads(raw.decode("utf-8"))["events"][0] == {
        "seq": 7,
        "id": "x",
        "kind": "file",
        "at": 1,
        "data": {"名": "值"},
    }
    assert sender.MOST_BYTES + sender.MOST_EVENTS * 40 + 1000 < 1024 * 1024


def test_the_first_failure_is_retried_within_a_second():
    assert verdict.backoff(1, Clock().passed + 1.0) <= 1.0
