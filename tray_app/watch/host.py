"""The machine's own health, every [host] every seconds; and sleep, noticed when wall clock and monotonic clock part."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

import psutil  # type: ignore[import-untyped,unused-ignore]

from tray_app import events
from tray_app.events import Event
from tray_app.outbox import OutboxError
from tray_app.worker import Lease

EVERY = 1.0  # seconds between rounds; a heartbeat is made only when due
SLEPT = 30.0  # seconds by which the wall clock ran ahead of the monotonic one


class HostLook(NamedTuple):
    """cpu and memory in percent, disk_free in bytes, boot_at epoch seconds; None: this machine does not tell."""

    cpu: float | None
    memory: float | None
    disk_free: int | None
    boot_at: float | None


def look(folder: Path) -> HostLook:
    """Figures of this machine; never blocks (cpu is the average since the last call)."""
    return HostLook(
        _try(lambda: psutil.cpu_percent(None)),
        _try(lambda: psutil.virtual_memory().percent),
        _try(lambda: shutil.disk_usage(str(folder)).free),
        _try(psutil.boot_time),
    )


def slept(wall_passed: float, mono_passed: float) -> float:
    """Seconds that the machine slept between two rounds; 0.0: it did not."""
    gap = wall_passed - mono_passed
    return gap if gap > SLEPT else 0.0


class Sleep:
    """What the system tells of its sleep: on Windows the monotonic clock may or may not run on in it (windows-facts.md
    section 5). begins() and ends() are called in the icon's thread, untold() in the host watcher's."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._untold = 0.0

    def begins(self, now: float) -> None:
        self._since = now

    def ends(self, now: float) -> None:
        if self._since is not None:
            self._untold, self._since = now - self._since, None

    def untold(self) -> float:
        """Seconds that it slept, once; 0.0: it did not."""
        slept, self._untold = self._untold, 0.0
        return slept


class HostWatcher:
    """`extra()` gives what only the app knows (outbox, workers, pause), `companions()` the periodic qmt.process; both
    are asked at each heartbeat. `system_slept()`: seconds of sleep that the system told of."""

    def __init__(
        self,
        folder: Path,
        every: float,
        lease: Lease,
        extra: Callable[[], dict[str, Any]],
        companions: Callable[[float], list[Event]],
        on_resume: Callable[[], None],
        system_slept: Callable[[], float] = lambda: 0.0,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._every = every
        self._lease = lease
        self._extra = extra
        self._companions = companions
        self._on_resume = on_resume
        self._system_slept = system_slept
        self._mono = mono
        self._last: tuple[float, float] | None = None
        self._resumed: Event | None = None  # not stored yet
        self._due_at = mono()
        self._looked = False

    def hurry(self) -> None:
        self._due_at = self._mono()

    def round(self, now: float) -> None:
        mono = self._mono()
        if self._last is not None:
            system = self._system_slept()
            gap = slept(now - self._last[0], mono - self._last[1]) or (system if system > SLEPT else 0.0)
            if gap:
                self._on_resume()
                self._resumed = events.make("host.resumed", {"slept": round(gap, 1)}, now)
                self._due_at = mono
        self._last = (now, mono)
        if self._resumed is not None:
            self._tell_sleep(self._resumed, due=mono >= self._due_at)
        if mono < self._due_at:
            return
        self._due_at = mono + self._every
        seen = look(self._folder)
        if not self._looked:
            seen = seen._replace(cpu=None)  # psutil's first answer is an average over nothing
        self._looked = True
        self._lease.show(host=seen)
        data = {**seen._asdict(), "every": self._every, **self._extra()}
        beat = (events.make("host.heartbeat", data, now), *self._companions(now))
        try:
            self._lease.put(*beat, marks={"last_seen": str(round(now, 3))})
        except OutboxError:
            self._lease.show(unstored_beat=beat)  # the sender tells it all the same (Sender._send_unstored)
            raise
        self._lease.show(unstored_beat=())

    def _tell_sleep(self, resumed: Event, due: bool) -> None:
        """What the outbox refuses is told in the next round, as of when it was; a heartbeat that is due goes on."""
        try:
            self._lease.put(resumed)
            self._resumed = None
        except OutboxError:
            if not due:
                raise


def _try(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (OSError, RuntimeError, psutil.Error, ValueError):
        return None  # Wine and odd machines lack single figures; the others still count
