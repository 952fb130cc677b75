"""The outbox's SQLite file: its schema, how it is opened safely, and what is done when it is damaged."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import time
import zlib
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional, Tuple

from tray_app import events

log = logging.getLogger(__name__)

# How the outbox keeps its word
# -----------------------------
# Purpose: whatever was answered with "yes" (a spool file deleted, an old script's post answered) is sent to the
# receiver, once in effect, whatever dies in between: this program, the line, the receiver, the power.
#
# Operation. A row lives in `events` from put() until the receiver's answer names its id:
#
#      put                take (in flight, in memory only)            settle
#   ---------> events --------------------------------------> gone           (accepted)
#                 |                                    \----> `rejected`     (refused by name, or alone too bad to take)
#                 |--- replaced by a newer heartbeat of the same key: counted as superseded
#                 \--- outbox too big or too old: heartbeats, then other events, oldest first: counted as dropped;
#                      orders, errors and deals never: then put() refuses and the poster keeps its copy
#
# - put() returns after COMMIT in WAL mode with synchronous=FULL: the commit record is fsynced. NORMAL would lose the
#   last commits in a power cut. Both are asserted each time the file is opened.
# - `seq` gives the one order in which rows are sent. AUTOINCREMENT: a number is never given twice. A new file begins
#   at epoch milliseconds, so that numbers go on rising when a damaged or deleted file is replaced.
# - `id` is UNIQUE and made where the event is made: a crash anywhere leads to a repeat, which is accepted silently.
# - What is in flight is neither replaced nor dropped: it may already be committed at the receiver.
# - `body` is the event's JSON as bytes (never pickle), `crc` its CRC-32: SQLite has no page checksums, so rotten bytes
#   inside a row would otherwise be found by the receiver at best.
# - `marks` holds what must change together with the rows: how far each flag file was forwarded, the counters, the
#   clean-stop mark. put_many(marks=...) writes both in one transaction.
# - One connection, one lock: SQLite never sees two of our writers. Others may read while we run.
#
# Damage. At start PRAGMA quick_check. Of a bad file every row that can still be read is copied to outbox.new.db, by the
# tree from both ends, then number by number in the gap; where even the tree is gone, the raw bytes are searched for
# events that may never be dropped. Only when the new file is whole is the bad one renamed to outbox.<utc>.corrupt
# (with its -wal and -shm; never deleted), and last of all the new one to outbox.db. Whatever stops this in between -
# a full disk, a kill - the next open finds either the bad file, and begins again, or a whole new one (its mark says
# so), and finishes. The same mark makes the owner hear of it: it goes in the transaction that stores the notice.
# A queue that will not start is the one fault users never forgive.
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    grade INTEGER NOT NULL,      -- events.HEARTBEAT, OTHER, NEVER_DROPPED
    replace_key TEXT,            -- a newer event with the same key replaces this one; NULL: never replaced
    put_at REAL NOT NULL,        -- epoch seconds, for the bound by age
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_key ON events (replace_key);
CREATE INDEX IF NOT EXISTS events_by_grade ON events (grade, seq);
CREATE TABLE IF NOT EXISTS rejected (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, grade INTEGER NOT NULL, put_at REAL NOT NULL,
    error TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES = {"events", "rejected", "marks"}

OLDEST_SQLITE = (3, 24, 0)  # ON CONFLICT DO UPDATE
BUSY_TIMEOUT_MS = 5000
WAL_LIMIT_BYTES = 16 * 1024 * 1024  # the WAL file shrinks back to this after a backlog
COPY_BLOCK = 4096  # bytes
MOST_LOOKUPS = 200_000  # single rows tried in the gap between what both ends of the tree gave


SALVAGED = "salvaged_from"  # mark: [name under which the damaged file is kept, rows saved]; gone once that is told


class Salvage(NamedTuple):
    """What became of a damaged file."""

    kept_as: str
    rows: int


class _Damaged(OSError):
    """The file is there but is no sound SQLite database."""


def open_checked(path: Path, now: float) -> sqlite3.Connection:
    """Open the outbox; a damaged file is put aside and salvaged (see `salvage_of`). sqlite3.OperationalError or OSError
    where the disk does not let us (full, read-only, locked): that is no damage, and nothing is lost by it."""
    if not path.exists():
        _finish_salvage(path)
    try:
        return _open_sound(path, now)
    except _Damaged as error:
        log.error("outbox damaged: %s", error)
    _put_aside(path, _build_new(path, now))
    _finish_salvage(path)
    return _open_sound(path, now)


def salvage_of(connection: sqlite3.Connection) -> Salvage | None:
    """The salvage that made this file, as long as nobody was told of it."""
    row = connection.execute("SELECT value FROM marks WHERE name = ?", (SALVAGED,)).fetchone()
    return Salvage(*json.loads(row[0])) if row else None


def open_again(path: Path, now: float) -> sqlite3.Connection:
    """Open a file that this run has already checked."""
    return _connect(path, now)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error means a broken file rather than a disk that refuses."""
    text = str(error)
    return "malformed" in text or "not a database" in text or "file is encrypted" in text


def _open_sound(path: Path, now: float) -> sqlite3.Connection:
    wal = path.with_name(path.name + "-wal")
    if path.is_file() and path.stat().st_size == 0 and not (wal.exists() and wal.stat().st_size):
        # SQLite would take it for a new database and nobody would hear that the queue is gone.
        raise _Damaged("empty file")
    connection = None
    try:
        connection = _connect(path, now)
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if is_damage(error) or not isinstance(error, sqlite3.OperationalError):
            raise _Damaged(str(error)) from error
        raise
    if verdict is None or verdict[0] != "ok":
        connection.close()
        raise _Damaged(str(verdict))
    return connection


def _connect(path: Path, now: float) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise RuntimeError(f"SQLite {sqlite3.sqlite_version} is too old")
    connection = sqlite3.connect(
        str(path), timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # rotten text must not stop a read
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES}")
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
        if (mode, synchronous) != ("wal", 2):
            raise sqlite3.OperationalError(f"journal_mode={mode} synchronous={synchronous}: wal and 2 (FULL) needed")
        present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if not present >= TABLES:
            _create(connection, now)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection, now: float) -> None:
    connection.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
    if connection.execute("SELECT 1 FROM sqlite_sequence WHERE name='events'").fetchone() is None:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (int(now * 1000),))


# Damage --------------------------------------------------------------------------------------------------------------

Row = Tuple[Optional[int], str, int, Optional[str], float, int, bytes]  # the columns of `events`; seq None: unknown


def _new(path: Path) -> Path:
    return path.with_name("outbox.new.db")


def _build_new(path: Path, now: float) -> str:
    """Make outbox.new.db of all that can be read of the damaged file, which stays where it is; returns the name under
    which that one is to be kept."""
    new, kept = _new(path), _free_name(path, now)
    _remove_database(new)  # of an attempt that was cut off
    try:
        rows, marks = _read_damaged(path)
        marks[SALVAGED] = json.dumps(Salvage(kept, len(rows)))
        connection = _connect(new, now)
        try:
            _fill(connection, rows, marks, now)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # one file, synced: it is renamed without a -wal
        finally:
            connection.close()
    except BaseException:
        _remove_database(new)  # where the disk is full, every byte counts
        raise
    return kept


def _finish_salvage(path: Path) -> None:
    """Put a whole outbox.new.db in the place that is empty now; half of one is of no use."""
    new = _new(path)
    if not new.exists():
        return
    kept = _kept_of(new)
    if kept is None:
        _remove_database(new)
        return
    _put_aside(path, kept)  # what a kill left of it: an old -wal must never meet the new file
    os.replace(new, path)


def _kept_of(new: Path) -> str | None:
    """The name under which the damaged file is to be kept, from a whole new file; None: it is not whole."""
    connection = sqlite3.connect(str(new), isolation_level=None)
    try:
        found = salvage_of(connection)
        return found.kept_as if found else None
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()


def _free_name(path: Path, now: float) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name, n = f"outbox.{stamp}.corrupt", 1
    while path.with_name(name).exists():
        name, n = f"outbox.{stamp}-{n}.corrupt", n + 1
    return name


def _put_aside(path: Path, kept: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, path.with_name(kept + suffix))


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        try:
            os.remove(path.with_name(path.name + suffix))
        except FileNotFoundError:
            pass


def _read_damaged(damaged: Path) -> tuple[list[Row], dict[str, str]]:
    rows: dict[int, Row] = {}
    marks: dict[str, str] = {}
    # A copy: opening a database with a WAL may write to it, and the damaged original stays as it was found. Beside it:
    # the temporary folder may lie on a smaller disk, and is not ours to fill.
    copy = damaged.with_name("outbox.salvage.db")
    _remove_database(copy)
    try:
        for suffix in ("", "-wal"):
            part = damaged.with_name(damaged.name + suffix)
            if part.exists():
                _copy(part, copy.with_name(copy.name + suffix))
        raw = _raw_events(copy)  # before SQLite may move the WAL's pages
        connection = sqlite3.connect(str(copy), isolation_level=None)
        try:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            _read_tree(connection, rows)
            for name, value in _until_error(connection, "SELECT name, value FROM marks"):
                marks[name] = value
        finally:
            connection.close()
    finally:
        _remove_database(copy)
    found = [row for row in (_sound(row) for row in rows.values()) if row]
    known = {row[1] for row in found}
    return sorted(found, key=lambda row: row[0] or 0) + [row for row in raw if row[1] not in known], marks


def _copy(source: Path, target: Path) -> None:
    """A copy that goes on over a sector that cannot be read: there it holds zeros."""
    with open(source, "rb", buffering=0) as file, open(target, "wb") as copy:
        size = os.fstat(file.fileno()).st_size
        for start in range(0, size, COPY_BLOCK):
            file.seek(start)
            length = min(COPY_BLOCK, size - start)
            try:
                block = file.read(length) or b""
            except OSError as error:
                log.warning("salvage: %s at %s: %s", source, start, error)
                block = b""
            copy.write(block.ljust(length, b"\0"))


def _read_tree(connection: sqlite3.Connection, rows: dict[int, Row]) -> None:
    columns = "SELECT seq, id, grade, replace_key, put_at, crc, body FROM events"
    for row in _until_error(connection, columns + " ORDER BY seq"):
        rows[row[0]] = row
    first_end = max(rows, default=None)
    for row in _until_error(connection, columns + " ORDER BY seq DESC"):
        if row[0] in rows:
            return  # both ends met: everything was readable
        rows[row[0]] = row
    other_end = min((seq for seq in rows if first_end is None or seq > first_end), default=None)
    if first_end is None or other_end is None:
        return
    for seq in range(first_end + 1, min(other_end, first_end + MOST_LOOKUPS)):
        for row in _until_error(connection, columns + f" WHERE seq={seq}"):
            rows[row[0]] = row


def _until_error(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except (sqlite3.Error, OverflowError, ValueError) as error:
        if "full" in str(error):
            raise  # our own disk has no room for SQLite's work: that says nothing about what can be read
        log.warning("salvage: %s: %s", query, error)


def _sound(row: tuple[Any, ...]) -> Row | None:
    """The row as a new file takes it, grade and key made again from its body; None where the body is rotten."""
    seq, _, _, _, put_at, crc, body = row
    if not isinstance(seq, int) or not isinstance(body, bytes) or zlib.crc32(body) != crc:
        return None
    return _row(seq, body, put_at if isinstance(put_at, float) else None)


def _row(seq: int | None, body: bytes, put_at: float | None) -> Row | None:
    try:
        event = events.check(events.parse(body))
    except events.BadEvent:
        return None
    at = event["at"] if put_at is None else put_at
    return seq, event["id"], events.grade(event), events.replace_key(event), at, zlib.crc32(body), body


def _raw_events(copy: Path) -> list[Row]:
    """Events that may never be dropped, found as text in the file's bytes. Some may have been sent already: the
    receiver drops those by their id."""
    found: dict[str, Row] = {}
    for suffix in ("", "-wal"):
        part = copy.with_name(copy.name + suffix)
        if not part.exists():
            continue
        raw = part.read_bytes()
        for match in re.finditer(rb'\{"id":"', raw):
            row = _raw_row(raw, match.start())
            if row and row[2] == events.NEVER_DROPPED:
                found[row[1]] = row
    return sorted(found.values(), key=lambda row: row[4])


def _raw_row(raw: bytes, start: int) -> Row | None:
    # Longer bodies continue on other pages and cannot be followed here; 64 KiB is the largest page.
    text = raw[start : start + 65536].decode("utf-8", "replace")
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return _row(None, text[:end].encode("utf-8"), None)


def _fill(connection: sqlite3.Connection, rows: list[Row], marks: dict[str, str], now: float) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for row in rows:
        connection.execute(
            "INSERT OR IGNORE INTO events (seq, id, grade, replace_key, put_at, crc, body) VALUES (?,?,?,?,?,?,?)", row
        )
    connection.executemany("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", marks.items())
    connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name='events'", (int(now * 1000),))
    connection.execute("COMMIT")
