"""The outbox: what was promised to the receiver and not yet confirmed. Read the essay in outbox_file.py first.

Public methods are safe from any thread. Only `_transaction` begins and commits.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from tray_app import events, outbox_file
from tray_app.events import Event

log = logging.getLogger(__name__)

MOST_REJECTED = 1000  # set-aside rows kept for the owner, besides those that may never be dropped
TIDY_EVERY = 60.0  # seconds between looks for rows that are too old
SLOW_OPEN, LONGEST_OPEN_PAUSE = 1.0, 10.0  # seconds: after a try to open that took longer and failed, a pause
FULL = "发件箱满了，剩下的都是不能丢的记录：请检查接收端能否连通，或在 sentry.ini 里调大 [outbox] max_mb。"
COUNTERS = ("superseded", "dropped", "rejected")


class OutboxError(Exception):
    """An event was not stored; str() is one Chinese sentence. The poster keeps its copy and tries again."""


class OutboxFull(OutboxError):
    """The bound is reached and what is left may not be dropped."""


class OutboxUnavailable(OutboxError):
    """The disk does not let us: full, read-only, locked or failing."""


class Row(NamedTuple):
    """One event to send. body: its JSON without `seq`."""

    seq: int
    id: str
    grade: int
    body: bytes


class Figures(NamedTuple):
    """What is known without asking a disk that refuses. oldest_age in seconds; error '' while all is well."""

    waiting: int
    oldest_age: float
    superseded: int
    dropped: int
    rejected: int
    error: str


class Outbox:
    """`on_put` is called after each commit that added rows. max_bytes bounds the bodies, max_age is in seconds."""

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        max_age: float,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_put: Callable[[], None] = lambda: None
        self._path = path
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._wall = wall
        self._mono = mono
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._checked = False
        self._open_error: Exception | None = None  # of the last try to open the file
        self._open_again_at = 0.0
        self._bytes = self._waiting = 0
        self._refused_bytes = 0  # size of an event that found no room; 0: there is room
        self._in_flight: set[int] = set()
        self._tidied_at = 0.0
        self._figures = Figures(0, 0.0, 0, 0, 0, "")

    # Writing ---------------------------------------------------------------------------------------------------------

    def put(self, event: Event) -> bool:
        """Store one event; True: new, False: a repeat. OutboxError where it was not stored."""
        return self.put_many([event]) == 1

    def put_many(
        self, new: Sequence[Event], marks: Mapping[str, str] | None = None, may: Callable[[], None] = lambda: None
    ) -> int:
        """Store events and marks in one transaction, in their order; returns how many were new.

        Committed (fsynced) before it returns; OutboxError: nothing of it was stored. `may` is asked when the
        transaction is this caller's, and raises what forbids the write: nothing of it was stored then either.
        """
        with self._transaction() as db:
            may()
            now = self._wall()
            self._drop_old(db, now)
            stored = sum(self._insert(db, event, now) for event in new)
            _write_marks(db, marks or {})
        if stored:
            self.on_put()
        return stored

    def remove_marks(self, names: Sequence[str]) -> None:
        with self._transaction() as db:
            db.executemany("DELETE FROM marks WHERE name = ?", [(name,) for name in names])

    def marks(self, prefix: str = "") -> dict[str, str]:
        """All marks whose name begins with `prefix`."""
        with self._transaction() as db:
            rows = db.execute("SELECT name, value FROM marks WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            return dict(rows.fetchall())

    # Sending ---------------------------------------------------------------------------------------------------------

    def take(self, max_events: int, max_bytes: int) -> list[Row]:
        """The next events in order, at least one if there is one. They are in flight until settle() or release()."""
        batch: list[Row] = []
        with self._transaction() as db:
            self._release(db)
            size, rotten = 0, []
            for seq, event_id, grade, crc, body in db.execute(
                "SELECT seq, id, grade, crc, body FROM events ORDER BY seq"
            ):
                if not isinstance(body, bytes) or zlib.crc32(body) != crc:
                    rotten.append((seq, event_id))
                    continue
                if batch and (len(batch) >= max_events or size + len(body) > max_bytes):
                    break
                batch.append(Row(seq, event_id, grade, body))
                size += len(body)
            for seq, event_id in rotten:
                self._set_aside(db, seq, "本地数据损坏")
                told = events.trouble(
                    "event-rotten", f"发件箱里的一条记录损坏，已经放到一边（{event_id}）。", self._wall()
                )
                self._insert(db, told, self._wall(), always=True)
            # Still under the lock: a newer heartbeat that comes in the next moment must find its row in flight.
            self._in_flight = {row.seq for row in batch}
        return batch

    def settle(self, accepted: Iterable[str], rejected: Mapping[str, str], told: Sequence[Event] = ()) -> int:
        """The receiver's answer: accepted ids leave, rejected {id: why} are set aside, `told` events are added, all in
        one transaction. Returns how many rows left."""
        with self._transaction() as db:
            left = 0
            for event_id in accepted:
                left += self._delete(db, "id = ?", (event_id,))
            for event_id, why in rejected.items():
                row = db.execute("SELECT seq FROM events WHERE id = ?", (event_id,)).fetchone()
                if row:
                    self._set_aside(db, row[0], why)
                    left += 1
            for event in told:
                self._insert(db, event, self._wall(), always=True)
            self._release(db)
        return left

    def release(self) -> None:
        """The batch was not answered: its rows wait again, without those that a newer one has replaced meanwhile."""
        with self._transaction() as db:
            self._release(db)

    def is_waiting(self, event_id: str) -> bool:
        """Whether an event still waits for the receiver's yes."""
        with self._transaction() as db:
            return db.execute("SELECT 1 FROM events WHERE id = ?", (event_id,)).fetchone() is not None

    # Looking ---------------------------------------------------------------------------------------------------------

    def figures(self) -> Figures:
        """Counts for the heartbeat and the icon; never raises: while the disk refuses, the last known ones."""
        try:
            with self._transaction():
                pass  # reads the counts at its end
        except OutboxError:
            pass  # its text is in the figures
        return self._figures

    def close(self) -> None:
        with self._lock:
            self._forget_connection()

    # Inside a transaction --------------------------------------------------------------------------------------------

    def _insert(self, db: sqlite3.Connection, event: Event, now: float, always: bool = False) -> int:
        """1: stored, 0: a repeat or a heartbeat that does not fit. `always`: a few bytes above the bound are borne, so
        that bad news about the outbox itself gets in."""
        known = "SELECT 1 FROM events WHERE id = :id UNION ALL SELECT 1 FROM rejected WHERE id = :id"
        if db.execute(known, {"id": event["id"]}).fetchone():
            return 0
        body, grade, key = events.dumps(event), events.grade(event), events.replace_key(event)
        if key is not None:
            same = db.execute("SELECT seq, body FROM events WHERE replace_key = ?", (key,)).fetchall()
            if any(events.is_older(event, waiting) for _, waiting in same):
                _count(db, "superseded", 1)
                return 0
            self._remove(db, [seq for seq, _ in same if seq not in self._in_flight], "superseded")
        if not always and not self._make_room(db, len(body), grade):
            if grade != events.HEARTBEAT:
                self._refused_bytes = len(body)
                raise OutboxFull(FULL)
            _count(db, "dropped", 1)
            return 0
        db.execute(
            "INSERT INTO events (id, grade, replace_key, put_at, crc, body) VALUES (?, ?, ?, ?, ?, ?)",
            (event["id"], grade, key, now, zlib.crc32(body), body),
        )
        self._bytes += len(body)
        self._waiting += 1
        return 1

    def _make_room(self, db: sqlite3.Connection, size: int, grade: int) -> bool:
        """Drop what may be dropped for an event of that grade: a heartbeat pushes out only heartbeats."""
        for droppable in range(min(grade, events.OTHER) + 1):
            while self._bytes + size > self._max_bytes:
                oldest = [
                    row[0]
                    for row in db.execute("SELECT seq FROM events WHERE grade = ? ORDER BY seq LIMIT 600", (droppable,))
                    if row[0] not in self._in_flight
                ]
                if not oldest:
                    break
                self._remove(db, oldest[:1], "dropped")
        return self._bytes + size <= self._max_bytes

    def _drop_old(self, db: sqlite3.Connection, now: float) -> None:
        if 0 <= now - self._tidied_at < TIDY_EVERY:
            return
        self._tidied_at = now
        rows = db.execute(
            "SELECT seq FROM events WHERE grade < ? AND put_at < ?", (events.NEVER_DROPPED, now - self._max_age)
        ).fetchall()
        self._remove(db, [row[0] for row in rows if row[0] not in self._in_flight], "dropped")

    def _release(self, db: sqlite3.Connection) -> None:
        flying, self._in_flight = self._in_flight, set()
        for seq in flying:
            newer = (
                "SELECT 1 FROM events AS old JOIN events AS new"
                " ON new.replace_key = old.replace_key AND new.seq > old.seq WHERE old.seq = ?"
            )
            if db.execute(newer, (seq,)).fetchone():
                self._remove(db, [seq], "superseded")

    def _remove(self, db: sqlite3.Connection, seqs: Sequence[int], counter: str) -> None:
        gone = sum(self._delete(db, "seq = ?", (seq,)) for seq in seqs)
        if gone:
            _count(db, counter, gone)

    def _delete(self, db: sqlite3.Connection, where: str, value: tuple[object, ...]) -> int:
        row = db.execute(f"SELECT length(body) FROM events WHERE {where}", value).fetchone()
        if row is None:
            return 0
        db.execute(f"DELETE FROM events WHERE {where}", value)
        self._bytes -= row[0] or 0
        self._waiting -= 1
        return 1

    def _set_aside(self, db: sqlite3.Connection, seq: int, why: str) -> None:
        db.execute(
            "INSERT OR REPLACE INTO rejected (seq, id, grade, put_at, error, body)"
            " SELECT seq, id, grade, put_at, ?, body FROM events WHERE seq = ?",
            (why[:500], seq),
        )
        self._delete(db, "seq = ?", (seq,))
        _count(db, "rejected", 1)
        db.execute(
            "DELETE FROM rejected WHERE grade < ? AND seq NOT IN (SELECT seq FROM rejected ORDER BY seq DESC LIMIT ?)",
            (events.NEVER_DROPPED, MOST_REJECTED),
        )

    # The connection --------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            flying = set(self._in_flight)
            try:
                db = self._connection()
                db.execute("BEGIN IMMEDIATE")
                before = db.total_changes
                yield db
                figures = self._read_figures(db, "" if db.total_changes > before else self._figures.error)
                db.execute("COMMIT")
                self._figures = figures
            except BaseException as error:
                self._in_flight = flying
                self._roll_back()
                if isinstance(error, (sqlite3.Error, OSError)):
                    raise self._refused(error) from error
                raise

    def _connection(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        if self._mono() < self._open_again_at and self._open_error is not None:
            raise self._open_error
        began = self._mono()
        try:
            self._db = self._open()
        except (sqlite3.Error, OSError) as error:
            # A salvage that fails (a full disk) may take long: callers wait no longer for the next than for the last.
            ended = self._mono()
            took = ended - began
            if took > SLOW_OPEN:
                self._open_error, self._open_again_at = error, ended + min(2 * took, LONGEST_OPEN_PAUSE)
            raise
        self._open_error = None
        return self._db

    def _open(self) -> sqlite3.Connection:
        now = self._wall()
        db = outbox_file.open_again(self._path, now) if self._checked else outbox_file.open_checked(self._path, now)
        try:
            self._checked = True
            self._measure(db)
            salvage = outbox_file.salvage_of(db)
            if salvage:
                what = f"发件箱文件损坏，已改名为 {salvage.kept_as} 保留；抢救出 {salvage.rows} 条记录，继续工作。"
                db.execute("BEGIN IMMEDIATE")
                told = events.trouble("outbox-salvaged", what, now, events.named_id("salvaged:" + salvage.kept_as))
                self._insert(db, told, now, always=True)
                db.execute("DELETE FROM marks WHERE name = ?", (outbox_file.SALVAGED,))
                db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _measure(self, db: sqlite3.Connection) -> None:
        self._waiting, self._bytes = db.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM events"
        ).fetchone()

    def _roll_back(self) -> None:
        if self._db is None:
            return
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._measure(self._db)
        except sqlite3.Error as error:
            log.warning("rollback: %s", error)
            self._forget_connection()

    def _refused(self, error: Exception) -> OutboxUnavailable:
        # A failed fsync leaves unknown what is on disk: start afresh from what a new connection reads.
        self._forget_connection()
        if isinstance(error, sqlite3.Error) and outbox_file.is_damage(error):
            self._checked = False  # the next call finds the damage and salvages
        text = _say(error, self._path)
        if text != self._figures.error:
            log.error("outbox: %s (%s)", text, error)
        self._figures = self._figures._replace(error=text)
        return OutboxUnavailable(text)

    def _forget_connection(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            try:
                db.close()
            except sqlite3.Error as error:
                log.warning("closing the outbox: %s", error)

    def _read_figures(self, db: sqlite3.Connection, error: str) -> Figures:
        oldest = db.execute("SELECT put_at FROM events ORDER BY seq LIMIT 1").fetchone()
        counts = dict(db.execute("SELECT name, value FROM marks WHERE name IN (?, ?, ?)", COUNTERS).fetchall())
        superseded, dropped, rejected = (int(counts.get(name, 0)) for name in COUNTERS)
        age = max(0.0, self._wall() - oldest[0]) if oldest else 0.0
        if self._bytes + self._refused_bytes <= self._max_bytes:
            self._refused_bytes = 0
        error = error if error and error != FULL else FULL if self._refused_bytes else ""
        return Figures(self._waiting, age, superseded, dropped, rejected, error)


def _write_marks(db: sqlite3.Connection, marks: Mapping[str, str]) -> None:
    db.executemany(
        "INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        marks.items(),
    )


def _count(db: sqlite3.Connection, counter: str, more: int) -> None:
    db.execute(
        "INSERT INTO marks (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value",
        (counter, more),
    )


def _say(error: Exception, path: Path) -> str:
    text = str(error)
    if "full" in text and "FULL" not in text:
        return f"磁盘满了，新的记录存不下：请清理 {path.anchor or path.parent} 所在的磁盘。"
    if "readonly" in text or "Permission" in text or "denied" in text:
        return f"发件箱不能写入：请检查 {path} 的权限。"
    return f"发件箱暂时打不开（{text}）：请检查 {path} 所在的磁盘，正在自动重试。"
