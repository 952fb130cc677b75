"""Forwards order flag files: flags/YYYYMMDD/ID.jsonl, one order.state event per complete line.

The files belong to the strategy alone: they are opened read-only, never moved, renamed or deleted. How far each one was
forwarded is a mark in the outbox, written in the same transaction as its events. What the lines add up to (orders.py)
is kept in memory for today's orders and for those of earlier days that have not ended: the icon and the menu show it.
"""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from tray_app import events, orders, trading_time
from tray_app.events import Event
from tray_app.orders import Order
from tray_app.worker import Lease

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between rounds
NEWEST_DAYS = 3  # days looked at in each round: orders may carry over to the next session
ALL_EVERY = 60.0  # seconds between looks at every day: a line may still come to an old file after a long holiday
MOST_BYTES = 1024 * 1024  # read from one file at a time
MOST_STORED = 200  # transactions in one round: after a lost outbox every file is new, and a round must stay short
MOST_OLD = 1000  # old files looked at in one round
KEEP_MARKS = 30 * trading_time.DAY  # seconds: by default of [outbox] max_days
MOST_ORDERS = 1000  # kept in memory: no strategy of ours makes so many
PREFIX = "flag:"  # of the marks

_DAY = re.compile(r"[0-9]{8}\Z")


class Progress(NamedTuple):
    """How far a flag file was forwarded: bytes and lines, both up to the last complete line."""

    offset: int = 0
    lines: int = 0


class FlagWatcher:
    """`round(now)` forwards what is new, and shows the board the orders that matter. keep_marks: seconds for which a
    vanished file's mark is kept."""

    def __init__(self, folder: Path, lease: Lease, keep_marks: float = KEEP_MARKS) -> None:
        self._folder = folder
        self._lease = lease
        self._keep_marks = keep_marks
        self._progress: dict[str, Progress] | None = None  # read in the first round: the outbox may refuse
        self._all_at = 0.0
        self._old: list[str] = []  # files of older days still to be looked at; the next one is the last of the list
        self._orders: dict[str, Order] = {}
        self._read: set[str] = set()  # files whose beginning this generation has read
        self._shown: tuple[Order, ...] | None = None

    def round(self, now: float) -> bool:
        """The newest days first, in each round; then some of the older ones. True: there is more to do."""
        if self._progress is None:
            marks = self._lease.marks(PREFIX)
            self._progress = {name[len(PREFIX) :]: Progress(*json.loads(value)) for name, value in marks.items()}
        more = self._forward_all(self._progress, now)
        self._show(trading_time.day_of(now))
        return more

    def _forward_all(self, known: dict[str, Progress], now: float) -> bool:
        days = sorted((name for name in _list(self._folder) if _DAY.match(name)), reverse=True)
        newest = [name for day in days[:NEWEST_DAYS] for name in self._files(day)]
        if not 0 <= now - self._all_at < ALL_EVERY and not self._old:
            self._all_at = now
            self._old = [name for day in days[NEWEST_DAYS:] for name in self._files(day)][::-1]
            self._forget_vanished({*newest, *self._old}, known, now)
        stored = 0
        for name in newest:
            stored += self._forward(name, known, now)
            if stored >= MOST_STORED:
                return True
        for _ in range(MOST_OLD):
            if not self._old or stored >= MOST_STORED:
                break
            stored += self._forward(self._old.pop(), known, now)
        return bool(self._old)

    def _files(self, day: str) -> list[str]:
        return [f"{day}/{name}" for name in sorted(_list(self._folder / day)) if name.endswith(".jsonl")]

    def _forget_vanished(self, present: set[str], known: dict[str, Progress], now: float) -> None:
        """Marks of old days whose files are gone. Should one come back, it is forwarded again under the same ids."""
        oldest = trading_time.day_of(now - self._keep_marks)
        gone = [name for name in known if name[:8] < oldest and name not in present]
        if gone and present:  # an empty folder may be one that cannot be read just now
            self._lease.forget([PREFIX + name for name in gone])
            for name in gone:
                del known[name]
                self._read.discard(name)

    def _forward(self, name: str, known: dict[str, Progress], now: float) -> int:
        """How many times something was stored."""
        stored, today = 0, trading_time.day_of(now)
        while True:
            before = known.get(name, Progress())
            try:
                raw = _read(self._folder / name, before.offset)
            except OSError:
                return stored  # vanished or held for a moment; a strategy's files come back to be read
            if raw is None:
                self._cut_short(name, known, now)
                return stored + 1
            progress, found = split(name[9:-6], raw, before, now)
            if progress == before:
                self._fold(name, before, raw, progress, today)
                return stored
            self._store(name, progress, found)
            known[name] = progress
            stored += 1
            self._fold(name, before, raw, progress, today)

    def _fold(self, name: str, before: Progress, raw: bytes, progress: Progress, today: str) -> None:
        """Keep in memory what the file says of its order: `raw` is what is new, up to `progress` complete."""
        flag = name[9:-6]
        if not orders.is_flag(flag) or flag[:8] != name[:8]:
            return  # the strategy does not read it either
        order = self._orders.get(name)
        if order is None:
            if name in self._read and not raw:
                return  # it has ended on an earlier day
            if len(self._orders) >= MOST_ORDERS:
                return
            order = orders.fold_all(Order(flag), _lines(self._head(name, before.offset)))
        self._read.add(name)
        complete = raw[: progress.offset - before.offset]
        order = orders.fold_all(order, _lines(complete))._replace(lines=progress.lines)
        rest = raw[progress.offset - before.offset :]
        if order.state == orders.VOID and not order.known and orders.is_foreign(flag, rest):
            order = orders.foreign(order)
        if orders.matters(order, today):
            self._orders[name] = order
        else:
            self._orders.pop(name, None)

    def _head(self, name: str, size: int) -> bytes:
        """What was forwarded of a file before this generation."""
        if not size:
            return b""
        try:
            with open(self._folder / name, "rb") as file:
                return file.read(min(size, MOST_BYTES))
        except OSError:
            return b""  # held for a moment: its next line shows it

    def _show(self, today: str) -> None:
        self._orders = {name: order for name, order in self._orders.items() if orders.matters(order, today)}
        shown = tuple(self._orders[name] for name in sorted(self._orders))
        if shown != self._shown:
            self._lease.show(orders=shown)
            self._shown = shown

    def _cut_short(self, name: str, known: dict[str, Progress], now: float) -> None:
        """Append-only files do not shrink. Line numbers go on: ids that were used are never used for other lines."""
        before = known[name]
        try:
            size = os.stat(self._folder / name).st_size
        except OSError:
            return
        what = f"委托记录变短了（flags/{name}）：它只会增加，有人改动过。请核对当天委托。"
        told = events.trouble("flag-cut", what, now, events.named_id(f"flag-cut:{name}:{before.offset}:{size}"))
        cut = Progress(size, before.lines)
        self._store(name, cut, [told])
        known[name] = cut

    def _store(self, name: str, progress: Progress, found: list[Event]) -> None:
        self._lease.put(*found, marks={PREFIX + name: json.dumps(progress)})


def split(flag: str, raw: bytes, before: Progress, now: float) -> tuple[Progress, list[Event]]:
    """New bytes of a flag file -> how far they are complete, and their events. A torn last line waits for its rest; a
    complete line that is no JSON object is told once, one torn by a crash is passed over. Pure."""
    complete = raw.rfind(b"\n") + 1
    if complete == 0 and len(raw) >= MOST_BYTES:
        complete = len(raw)  # no line of ours is so long: garbage must not block what comes after it
    found = []
    lines = before.lines
    for line in _lines(raw[:complete]):
        lines += 1
        if line.strip() and not orders.is_torn(line):
            found.append(_event(flag, lines, line, now))
    return Progress(before.offset + complete, lines), found


def _lines(raw: bytes) -> list[bytes]:
    chunk = raw.split(b"\n")
    if not chunk[-1]:
        chunk.pop()  # what follows the last line feed
    return chunk


def _event(flag: str, number: int, line: bytes, now: float) -> Event:
    try:
        value = events.clean(events.parse(line))
        if not isinstance(value, dict):
            raise events.BadEvent("不是一个 JSON 对象")
    except events.BadEvent as error:
        what = f"委托记录 {flag} 第 {number} 行看不懂（{error}）：请核对这笔委托。"
        return events.trouble("flag-garbled", what, now, events.named_id(f"flag-garbled:{flag}:{number}"))
    data: dict[str, Any] = {**value, "flag": flag, "line": number}
    at = events.time_of(value.get("at"))
    return events.make("order.state", data, now if at is None else at, events.named_id(f"flag:{flag}:{number}"))


def _read(path: Path, offset: int) -> bytes | None:
    """Bytes from `offset`; None where the file is shorter than that."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < offset:
            return None
        file.seek(offset)
        return file.read(MOST_BYTES)


def _list(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []  # not made yet, or a stray file
