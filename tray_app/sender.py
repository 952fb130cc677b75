"""Sends the outbox to the receiver: one batch a round, in order, until its answer names every id.

Round: 1. wait while a retry is not yet due; 2. take the next batch; 3. post it; 4. do what the verdict says; 5. where
the disk takes nothing more, post the heartbeat that could not be stored.
"""

from __future__ import annotations

import gzip
import json
import logging
import random
import threading
import time
from typing import Any, Callable, NamedTuple, Sequence

from tray_app import connection, events, verdict
from tray_app import strings_zh as zh
from tray_app.config import Config
from tray_app.outbox import Outbox, OutboxError, Row
from tray_app.worker import Lease

log = logging.getLogger(__name__)

EVENTS_PATH = "/api/v1/events"
MOST_EVENTS = 500
MOST_BYTES = 900 * 1024  # the receiver takes 1 MiB; the rest is for the envelope
GZIP_FROM = 4096  # bytes
PROBE_DENIED_EVERY = 60.0
LONGEST_CLOCK_TRIP = 5.0  # seconds: from a slower answer no clock offset is read
SET_ASIDE_AT_ONCE = 3  # after that many refused in a row, more of them only at the pace of retries


class Link(NamedTuple):
    """What is known about the way to the receiver. Times are epoch seconds; None: never."""

    state: str = "new"  # new, ok, retry, denied, unpaired
    why: str = ""
    since: float | None = None  # when this state began
    ok_at: float | None = None  # last valid 200
    alerts_ok: bool | None = None
    alerts_why: str = ""
    alerts_ok_at: float | None = None  # last valid 200 with alerts.ok
    trading: bool | None = None
    trading_at: float | None = None
    clock_offset: float | None = None  # receiver's clock - ours, seconds
    tried_at: float = 0.0  # when the last finished try began
    answer: str = ""  # the last try in one Chinese sentence, for 重启心跳


class Sender:
    """`round(now)` for the worker. The part of a batch that was named leaves the outbox; nothing else ever does."""

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        lease: Lease,
        run: str,
        before: Link | None = None,
        unstored: Callable[[], Sequence[events.Event]] = lambda: (),
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._lease = lease
        self._machine = config.machine
        self._url = config.receiver and config.receiver + EVENTS_PATH
        self._run = run
        self._unstored = unstored
        self._unstored_sent = ""  # the id of the newest such heartbeat
        self._overtake = False  # in this round it may be sent: nothing is queued, or the disk holds the queue up
        self._wall = wall
        self._mono = mono
        self._rng = rng
        self._link = before or Link()
        self._limit = MOST_EVENTS
        self._failures = 0
        self._refused_in_a_row = 0
        self._due_at = mono()
        self._tried_at = 0.0
        self._hurried = threading.Event()
        self._session = connection.open_session(config.receiver, config.token, config.fingerprint)

    def hurry(self) -> None:
        """The next round tries at once, whatever the backoff says."""
        self._hurried.set()

    def close(self) -> None:
        self._session.close()

    def round(self, now: float) -> bool:
        """Send one batch, if one is due; True: go on at once with the next."""
        if self._hurried.is_set():
            self._hurried.clear()
            self._due_at = self._mono()
        if self._mono() < self._due_at:
            return False
        self._overtake = True
        try:
            return self._send_batch()
        finally:
            if self._overtake:
                self._send_unstored()

    def _send_batch(self) -> bool:
        """True: go on at once with the next batch."""
        if not self._url:
            self._tried_at = self._wall()
            self._show_failure("unpaired", zh.UNPAIRED)
            return False
        batch = self._outbox.take(self._limit, MOST_BYTES)
        if not batch:
            return False
        self._overtake = False
        ids = [row.id for row in batch]
        sent_at, began = self._wall(), self._mono()
        self._tried_at = sent_at
        try:
            status, headers, body = self._post(batch, sent_at)
            trip = self._mono() - began
            found = verdict.judge(status, headers, body, ids, self._wall())
        except connection.FAILURES as error:
            trip, found = self._mono() - began, verdict.Retry(connection.explain(error))
        self._lease.check()
        return self._act(found, batch, sent_at, trip)

    def _send_unstored(self) -> None:
        """Where the disk takes nothing more, the newest heartbeat goes out without having been stored, each once: the
        receiver hears that the disk is full, and of QMT, instead of silence. What must not be lost waits as always.
        `waiting` is 0: what this says is the present, whatever lies in a queue that does not move. So it never passes
        a queue that does move, or that only the line holds up: what is in it would be judged as if it were not there.
        """
        beat = self._unstored()
        if not self._url or not beat or beat[0]["id"] == self._unstored_sent:
            return
        self._lease.check()
        self._unstored_sent = beat[0]["id"]
        rows = [Row(0, event["id"], events.HEARTBEAT, events.dumps(event)) for event in beat]
        sent_at, began = self._wall(), self._mono()
        payload = envelope(self._machine, self._run, sent_at, 0, rows)
        try:
            answer = connection.post(self._session, self._url, payload, {}, self._mono)
            found = verdict.judge(*answer, [row.id for row in rows], self._wall())
        except connection.FAILURES as error:
            log.info("a heartbeat that could not be stored was not sent: %s", error)  # the next one comes soon
            return
        if isinstance(found, verdict.Taken):
            self._show(**self._heard(found, sent_at, self._mono() - began))

    def _post(self, batch: list[Row], sent_at: float) -> connection.Answer:
        waiting = max(0, self._outbox.figures().waiting - len(batch))
        payload = envelope(self._machine, self._run, sent_at, waiting, batch)
        headers = {}
        if len(payload) > GZIP_FROM:
            payload = gzip.compress(payload, 5)
            headers["Content-Encoding"] = "gzip"
        return connection.post(self._session, self._url, payload, headers, self._mono)

    # What the verdict asks for ---------------------------------------------------------------------------------------

    def _act(self, found: verdict.Verdict, batch: list[Row], sent_at: float, trip: float) -> bool:
        if isinstance(found, verdict.Taken):
            return self._taken(found, batch, sent_at, trip)
        if isinstance(found, verdict.TooBad):
            return self._too_bad(found, batch)
        self._release()
        if isinstance(found, verdict.Denied):
            self._due_at = self._mono() + PROBE_DENIED_EVERY
            self._show_failure("denied", found.why)
            return False
        self._retry_later(found.why, found.after)
        return False

    def _taken(self, found: verdict.Taken, batch: list[Row], sent_at: float, trip: float) -> bool:
        told = [self._trouble(row, found.rejected[row.id]) for row in batch if row.id in found.rejected]
        now, heard = self._wall(), self._heard(found, sent_at, trip)
        try:
            left = self._outbox.settle(found.accepted, found.rejected, [event for event in told if event])
        except OutboxError as error:
            self._overtake = True
            self._retry_later(_not_noted("收下", error), None, **heard)
            return False
        self._failures = self._refused_in_a_row = 0
        self._due_at = self._mono()
        self._limit = min(MOST_EVENTS, self._limit * 2)
        taken = len(found.accepted) + len(found.rejected)
        alerts = "告警正常" if found.alerts_ok else f"但告警有问题：{found.alerts_why}"
        self._show(
            state="ok",
            why="",
            since=self._link.since if self._link.state == "ok" else now,
            answer=f"接收端已答复：收到 {taken} 条，用时 {trip * 1000:.0f} 毫秒，{alerts}。",
            **heard,
        )
        return left > 0  # an answer that takes nothing off the queue must not become a busy loop

    def _heard(self, found: verdict.Taken, sent_at: float, trip: float) -> dict[str, Any]:
        """What a valid answer says of the receiver, for `_show`."""
        now = self._wall()
        heard: dict[str, Any] = {
            "ok_at": now,
            "alerts_ok": found.alerts_ok,
            "alerts_why": found.alerts_why,
            "alerts_ok_at": now if found.alerts_ok else self._link.alerts_ok_at,
            "trading": found.trading,
            "trading_at": now,
        }
        if trip <= LONGEST_CLOCK_TRIP:
            heard["clock_offset"] = round(found.now - (sent_at + trip / 2), 3)
        return heard

    def _too_bad(self, found: verdict.TooBad, batch: list[Row]) -> bool:
        if len(batch) > 1:
            self._release()
            self._limit = max(1, len(batch) // 2)
            return True
        if not found.alone_too:
            self._release()
            self._retry_later(found.why, None)
            return False
        row = batch[0]
        told = self._trouble(row, found.why)
        try:
            self._outbox.settle([], {row.id: found.why}, [told] if told else [])
        except OutboxError as error:
            self._overtake = True
            self._retry_later(_not_noted("拒收", error), None)
            return False
        log.error("event %s set aside: %s", row.id, found.why)
        self._refused_in_a_row += 1
        if self._refused_in_a_row < SET_ASIDE_AT_ONCE:
            return True
        # A receiver that refuses everything is the fault, not the events: go on slowly, and show it.
        self._retry_later(f"接收端一再拒收：{found.why}", None)
        return False

    def _release(self) -> None:
        try:
            self._outbox.release()
        except OutboxError:
            pass  # the outbox shows it; take() releases as well, and the backoff must be set all the same

    def _retry_later(self, why: str, after: float | None, **heard: Any) -> None:
        self._failures += 1
        self._due_at = self._mono() + max(after or 0.0, verdict.backoff(self._failures, self._rng()))
        self._show_failure("retry", why, **heard)

    def _trouble(self, row: Row, why: str) -> events.Event | None:
        """The owner's notice that an event was set aside; none about a notice, or each would make the next."""
        event = events.parse(row.body)
        if event["kind"] == "host.trouble":
            return None
        is_order = row.grade == events.NEVER_DROPPED
        what = (
            f"接收端拒收了一条{'委托、成交或错误' if is_order else ''}记录（{event['kind']}）：{why}。已放到一边保留。"
        )
        code = "order-set-aside" if is_order else "event-set-aside"
        return events.trouble(code, what, self._wall(), events.named_id("set-aside:" + row.id))

    def _show_failure(self, state: str, why: str, **heard: Any) -> None:
        since = self._link.since if self._link.state == state else self._wall()
        self._show(state=state, why=why, since=since, answer=f"没有送到接收端：{why}。", **heard)

    def _show(self, **changes: Any) -> None:
        before = self._link
        self._link = before._replace(tried_at=self._tried_at, **changes)
        if (before.state, before.why) != (self._link.state, self._link.why):
            log.info("receiver: %s %s", self._link.state, self._link.why)
        self._lease.show(link=self._link)


def envelope(machine: str, run: str, sent_at: float, waiting: int, batch: list[Row]) -> bytes:
    """The request's JSON. Bodies are stored as JSON already: only `seq` is put in front."""
    head = json.dumps(
        {"machine": machine, "run": run, "sent_at": round(sent_at, 3), "waiting": waiting}, ensure_ascii=False
    )
    rows = b",".join(b'{"seq":%d,%s' % (row.seq, row.body[1:]) for row in batch)
    return head[:-1].encode("utf-8") + b',"events":[' + rows + b"]}"


def _not_noted(what: str, error: OutboxError) -> str:
    return f"接收端已{what}，但本机记不下来（{str(error).rstrip('。')}）"
