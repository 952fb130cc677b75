"""Is QMT running, and does it answer? `judge` is a pure function over looks; qmt_look.py is the edge that looks.

Executables and folders: qmt-facts.md section 2; hung windows: windows-facts.md section 5.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from tray_app import events
from tray_app.events import Event
from tray_app.worker import Lease

log = logging.getLogger(__name__)

WINDOWS_SAYS_LATE = 5.0  # s: IsHungAppWindow waits so long before it calls a window hung (windows-facts.md section 5)
RUNNING, MISSING, HUNG, RESTARTED, ELSEWHERE = "running", "missing", "hung", "restarted", "elsewhere"
HITS_UNTIL_HUNG = 3
BIG_GAP = 30.0  # seconds between two looks: the machine slept, or the watcher stood still
SAME_START = 2.0  # seconds: psutil's start time flutters by a second (psutil#1007)
NEWER = 5.0  # seconds before last_ok from which a process counts as started after the one that vanished


class Found(NamedTuple):
    """A process whose name is one of QMT's. here: it lies in the configured folder (or none is configured, or its path
    is not readable, as for an elevated QMT). answering None: cannot be told."""

    pid: int
    started: float
    name: str
    path: str | None
    here: bool
    answering: bool | None = None
    rss: int | None = None
    cpu: float | None = None


class Seen(NamedTuple):
    """What is known about QMT after a look. since: epoch seconds of this state; last_ok: when last seen running."""

    state: str = ""
    since: float = 0.0
    last_ok: float | None = None
    process: Found | None = None  # in state missing: the one that vanished
    hits: int = 0  # looks in a row without an answer
    first_hit: float = 0.0


def judge(
    before: Seen, found: Sequence[Found], now: float, hung_after: float, said_late: float = 0.0
) -> tuple[Seen, bool]:
    """The state after this look, and whether it must be told at once. said_late: seconds for which a client has not
    answered when the system first says so."""
    here = [process for process in found if process.here]
    process = _choose(before, here)
    if process is None:
        state = ELSEWHERE if found and not here else MISSING
        shown = found[0] if state == ELSEWHERE else before.process
        return _next(before, state, shown, now, 0, 0.0)
    restarted = (
        before.process is not None and before.state in (RUNNING, HUNG, RESTARTED) and not _same(before.process, process)
    )
    if restarted:
        return _next(before, RESTARTED, process, now, 0, 0.0, ok=True)
    if process.answering is not False:
        return _next(before, RUNNING, process, now, 0, 0.0, ok=True)
    first = before.first_hit if before.hits else now - said_late
    hits = before.hits + 1
    is_hung = before.state == HUNG or (hits >= HITS_UNTIL_HUNG and now - first >= hung_after)
    if is_hung:
        return _next(before, HUNG, process, now, hits, first)
    # Not answering for a while is how a busy client looks too: until it is hung, it is what it was.
    return _next(before, RUNNING, process, now, hits, first)


def _choose(before: Seen, here: Sequence[Found]) -> Found | None:
    """The process to watch: the one we know; else one of the same name; else one that started after ours vanished.
    A second client that had been running beside ours all the time does not stand in for it."""
    known = before.process
    if known is None or before.state in ("", ELSEWHERE):
        return here[0] if here else None
    for process in here:
        if _same(known, process):
            return process
    for process in here:
        newer = before.last_ok is None or process.started > before.last_ok - NEWER
        if os.path.normcase(process.name) == os.path.normcase(known.name) or newer:
            return process
    return None


def _same(one: Found, other: Found) -> bool:
    return one.pid == other.pid and abs(one.started - other.started) <= SAME_START


def _next(
    before: Seen, state: str, process: Found | None, now: float, hits: int, first: float, ok: bool = False
) -> tuple[Seen, bool]:
    changed = state != before.state
    since = now if changed else before.since
    return Seen(state, since, now if ok else before.last_ok, process, hits, first), changed


def awake(before: Seen, passed: float) -> Seen:
    """Without the looks that QMT did not answer, where `passed` seconds since the last look are too many: over a sleep
    nobody answers."""
    return before if 0 <= passed <= BIG_GAP else before._replace(hits=0, first_hit=0.0)


def event_of(
    seen: Seen, names: Sequence[str], now: float, change: bool, more: Mapping[str, Any] | None = None
) -> Event:
    """The qmt.process event of what was seen; `more`: what a deeper look adds (health.py)."""
    process = seen.process
    gone = seen.state == MISSING
    data: dict[str, Any] = {
        "state": seen.state,
        "name": process.name if process else names[0],
        "pid": process.pid if process and not gone else None,
        "started": round(process.started, 3) if process and not gone else None,
        "since": round(seen.since, 3),
        "last_ok": round(seen.last_ok, 3) if seen.last_ok is not None else None,
        "rss": process.rss if process and not gone else None,
        "cpu": process.cpu if process and not gone else None,
        "path": process.path if process else None,
        "change": change,
        **(more or {}),
    }
    return events.make("qmt.process", data, now)


class QmtWatcher:
    """`look()` gives what was found; each change is stored at once."""

    def __init__(
        self,
        names: Sequence[str],
        hung_after: float,
        lease: Lease,
        look: Callable[[], list[Found]],
        before: Seen,
        more: Callable[[Seen], Mapping[str, Any]] = lambda seen: {},
        said_late: float = 0.0,
    ) -> None:
        self._names = names
        self._hung_after = hung_after
        self._lease = lease
        self._look = look
        self._seen = before
        self._more = more
        self._said_late = said_late
        self._looked_at: float | None = None
        self._not_stored = Seen()  # a change that the outbox refused: it began when it was first seen

    def round(self, now: float) -> None:
        if self._looked_at is not None:
            self._seen = awake(self._seen, now - self._looked_at)
        self._looked_at = now
        seen, changed = judge(self._seen, self._look(), now, self._hung_after, self._said_late)
        again = changed and seen.state == self._not_stored.state
        if again:
            seen = seen._replace(since=self._not_stored.since)
        self._lease.show(qmt=seen, qmt_at=now)  # first: the icon must not depend on an outbox that may refuse
        if changed:
            if not again:
                log.info("QMT: %s %s", seen.state, seen.process)
            self._not_stored = seen
            self._lease.put(event_of(seen, self._names, now, change=True, more=self._more(seen)))
        # Only now: a change that could not be stored is told again, in the next round or by this watcher's successor.
        self._seen, self._not_stored = seen, Seen()
        self._lease.show(qmt_stored=seen)
