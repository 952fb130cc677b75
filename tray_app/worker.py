"""Workers and their watchdog: a part that hangs or dies is noticed, replaced, counted and told.

A worker calls its part's `round(now)` again and again in a daemon thread. A thread cannot be killed, so a hung one is
left behind: its Lease is revoked, and everything it may still want to write goes through that lease.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Callable, Mapping, Sequence

from tray_app import events
from tray_app import strings_zh as zh
from tray_app.events import Event
from tray_app.outbox import Outbox, OutboxError

log = logging.getLogger(__name__)

ROUNDS_UNTIL_DEAD = 3
LEAST_LIMIT = 10.0  # seconds: a round of 0.25 s may well take longer once
RESTART_APART = 600.0  # seconds: the longest wait between two restarts of one worker that never recovers
SAME_FAULT_EVERY = 60.0  # seconds between log entries of one fault that repeats
GAP = 10.0  # seconds: a longer pause of the watchdog itself means that the machine slept or was starved


class Abandoned(Exception):
    """This generation of the worker was replaced: it must not write any more."""


class Board:
    """The newest word of every worker, for the icon. Values are replaced whole, never changed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._values: dict[str, Any] = {}

    def show(self, **values: Any) -> None:
        with self._changed:
            self._values.update(values)
            self._changed.notify_all()

    def get(self, name: str, default: Any = None) -> Any:
        with self._changed:
            return self._values.get(name, default)

    def wait(self, name: str, is_it: Callable[[Any], bool], timeout: float) -> bool:
        """Wait until the value of that name fits, or `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: name in self._values and is_it(self._values[name]), timeout)


class Lease:
    """One generation's right to write. It is asked inside the outbox's transaction, so nothing that a generation
    writes can follow what is written after its revocation (host.stopping is a run's last event)."""

    def __init__(self, outbox: Outbox, board: Board) -> None:
        self._outbox = outbox
        self._board = board
        self._revoked = threading.Event()

    def revoke(self) -> None:
        self._revoked.set()

    @property
    def revoked(self) -> bool:
        return self._revoked.is_set()

    def check(self) -> None:
        if self._revoked.is_set():
            raise Abandoned

    def put(self, *new: Event, marks: Mapping[str, str] | None = None) -> int:
        """Store events (and marks) in the outbox, in one transaction."""
        return self._outbox.put_many(new, marks, self.check)

    def marks(self, prefix: str) -> dict[str, str]:
        self.check()
        return self._outbox.marks(prefix)

    def forget(self, marks: Sequence[str]) -> None:
        """Remove marks by their names."""
        self.check()
        self._outbox.remove_marks(marks)

    def show(self, **values: Any) -> None:
        """Put values on the board."""
        self.check()
        self._board.show(**values)


class Worker:
    """One part under watch. `make(lease)` builds a new part for each generation; the part has `round(now)` and may have
    `hurry()` (its next round does everything that is otherwise only done when due) and `close()`.

    A round is a piece of work of bounded length, or a worker with a backlog would look stuck: True from it means that
    there is more to do, and the next round begins at once."""

    def __init__(
        self,
        name: str,
        make: Callable[[Lease], Any],
        every: float,
        new_lease: Callable[[], Lease],
        limit: float = LEAST_LIMIT,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.limit = max(limit, ROUNDS_UNTIL_DEAD * every)
        self.restarts = 0
        self.rounds = 0  # completed ones, over all generations
        self.rests = 0  # of these, those that left nothing to do: neither a backlog nor what the outbox refused
        self._make = make
        self._every = every
        self._new_lease = new_lease
        self._wall = wall
        self._mono = mono
        self._state = threading.Condition()
        self._wake = threading.Event()
        self._stopping = False
        self._lease: Lease | None = None
        self._part: Any = None
        self._thread: threading.Thread | None = None
        self._done_at = mono()
        self._in_a_row = 0
        self._started_at = mono()

    # For the watchdog ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new generation; the one before, if any, may write no more."""
        if self._lease is not None:
            self._lease.revoke()
        self._lease = lease = self._new_lease()
        self._part = None
        self._wake = wake = threading.Event()
        self._started_at = self._mono()
        # Two calls to start at once cannot happen: only the watchdog's lock holder calls it.
        self._thread = threading.Thread(target=self._run, args=(lease, wake), name=self.name, daemon=True)
        self._thread.start()

    def age(self) -> float:
        """Seconds since the last completed round."""
        return max(0.0, self._mono() - self._done_at)

    def is_dead(self) -> bool:
        return self.age() > self.limit or (self._thread is not None and not self._thread.is_alive())

    def may_restart(self) -> bool:
        """A worker that never recovers is restarted at growing distances: each restart may leave a thread behind."""
        wait = min(RESTART_APART, self.limit * 2**self._in_a_row) if self._in_a_row else 0.0
        return self._mono() - self._started_at >= wait

    def restart(self) -> None:
        self.restarts += 1
        self._in_a_row = min(self._in_a_row + 1, 10)
        self.renew()

    def renew(self) -> None:
        """A new generation in place of the one at work."""
        old = self._part
        self.start()
        close = getattr(old, "close", None)
        if close is not None:
            # In a thread of its own: closing what hangs may hang as well.
            threading.Thread(target=_close, args=(self.name, close), daemon=True).start()

    def forgive(self) -> None:
        """After the machine slept: the time without a round is not this worker's fault."""
        self._done_at = self._mono()

    # For everyone ----------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Begin the next round now."""
        self._wake.set()

    def hurry(self) -> None:
        """Begin the next round now, and do in it what is otherwise done only when due."""
        hurry = getattr(self._part, "hurry", None)
        if hurry is not None:
            hurry()
        self._wake.set()

    def wait_round(self, after: int, timeout: float) -> bool:
        """Wait until more than `after` rounds are completed."""
        with self._state:
            return self._state.wait_for(lambda: self.rounds > after, timeout)

    def wait_rest(self, after: int, timeout: float) -> bool:
        """Wait until more than `after` rounds have left nothing to do."""
        with self._state:
            return self._state.wait_for(lambda: self.rests > after, timeout)

    def stop(self, timeout: float = 1.0) -> None:
        """End the thread after its round; a hung one is left behind, unable to write."""
        self._stopping = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        if self._lease is not None:
            self._lease.revoke()

    # The thread ------------------------------------------------------------------------------------------------------

    def _run(self, lease: Lease, wake: threading.Event) -> None:
        part = self._make(lease)  # an error ends the thread: the watchdog sees it and excepthook logs it
        if lease.revoked:
            return
        self._part = part
        fault, told_at = "", 0.0
        while not self._stopping and not lease.revoked:
            wake.clear()
            try:
                more = part.round(self._wall())
                self._completed(lease, rested=not more)
                if more:
                    continue
            except Abandoned:
                break
            except OutboxError:
                self._completed(lease, rested=False)  # the worker is well; the outbox shows and logs its own trouble
            except Exception as error:
                # One bad round must not end the watch; without a completed round the watchdog acts.
                if str(error) != fault or self._mono() - told_at > SAME_FAULT_EVERY:
                    fault, told_at = str(error), self._mono()
                    log.exception("%s: round failed", self.name)
            wake.wait(self._every)
        close = getattr(part, "close", None)
        if close is not None:
            _close(self.name, close)

    def _completed(self, lease: Lease, rested: bool) -> None:
        with self._state:
            if lease.revoked:
                raise Abandoned
            self._done_at = self._mono()
            self._in_a_row = 0
            self.rounds += 1
            self.rests += rested
            self._state.notify_all()


class Watchdog:
    """Looks at all workers each second and restarts the stuck ones."""

    def __init__(
        self,
        workers: Sequence[Worker],
        tell: Callable[[Event], None],
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = list(workers)
        self._tell = tell
        self._wall = wall
        self._mono = mono
        self._lock = threading.Lock()
        self._looked_at = mono()

    def look(self) -> list[str]:
        """Names of the workers restarted in this look."""
        with self._lock:
            now = self._mono()
            gap, self._looked_at = now - self._looked_at, now
            if gap > GAP:
                for worker in self._workers:
                    worker.forgive()
                return []
            return [worker.name for worker in self._workers if worker.is_dead() and self._restart(worker)]

    def restart_dead(self) -> list[str]:
        """As look(), without waiting for a worker's next turn: the owner asked for it."""
        with self._lock:
            return [worker.name for worker in self._workers if worker.is_dead() and self._restart(worker, at_once=True)]

    def renew(self, worker: Worker) -> None:
        """A new generation of a worker that is well: what it was made of has changed."""
        with self._lock:
            worker.renew()

    def dead(self) -> list[str]:
        return [worker.name for worker in self._workers if worker.is_dead()]

    def ages(self) -> dict[str, float]:
        return {worker.name: round(worker.age(), 1) for worker in self._workers}

    def limits(self) -> dict[str, float]:
        return {worker.name: worker.limit for worker in self._workers}

    def restarts(self) -> dict[str, int]:
        return {worker.name: worker.restarts for worker in self._workers if worker.restarts}

    def _restart(self, worker: Worker, at_once: bool = False) -> bool:
        if not at_once and not worker.may_restart():
            return False
        age = worker.age()
        log.error("worker %s: no completed round for %.0f s, restarted", worker.name, age)
        worker.restart()
        what = zh.STANDS.format(part=zh.parts([worker.name]), seconds=age, count=worker.restarts)
        try:
            self._tell(events.trouble("worker-restarted", what, self._wall()))
        except OutboxError:
            pass  # counted in the heartbeat's restarts as well
        return True


def _close(name: str, close: Callable[[], None]) -> None:
    try:
        close()
    except Exception:
        # Whatever a broken part raises while it goes, its successor is already at work.
        log.exception("%s: closing failed", name)
