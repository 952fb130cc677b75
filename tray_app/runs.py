"""What one run of the program leaves in the outbox's marks, and what the next one makes of it: why it began."""

from __future__ import annotations

from typing import Mapping

import psutil  # type: ignore[import-untyped,unused-ignore]

from tray_app import VERSION, events
from tray_app.events import Event

STOP_MARK, BOOT_MARK, SEEN_MARK = "stopped", "boot_at", "last_seen"
SAME_BOOT = 60.0  # seconds: the boot time follows corrections of the clock


def hello(marks: Mapping[str, str], boot_at: float, started_at: float) -> Event:
    """host.started of this run."""
    seen = marks.get(SEEN_MARK)
    data = {
        "reason": start_reason(marks, boot_at),
        "boot_at": boot_at,
        "version": VERSION,
        "last_seen": float(seen) if seen else None,
    }
    return events.make("host.started", data, started_at)


def start_reason(marks: Mapping[str, str], boot_at: float) -> str:
    """Why this run begins, from what the run before left: first, clean, boot or crash (docs/protocol.md section 3)."""
    if BOOT_MARK not in marks:
        return "first"
    if marks.get(STOP_MARK):
        return "clean"
    return "crash" if abs(float(marks[BOOT_MARK]) - boot_at) <= SAME_BOOT else "boot"


def boot_time() -> float:
    """Epoch seconds; 0.0 where the system does not tell."""
    try:
        return round(float(psutil.boot_time()), 1)
    except (OSError, RuntimeError, psutil.Error):
        return 0.0
