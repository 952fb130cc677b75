"""暂停/继续: control/paused.json holds until when. It ends by itself at the next ready_at and survives a restart."""

from __future__ import annotations

import json
import logging
import math
import threading
from pathlib import Path
from typing import Any, Callable

from tray_app import events, home, trading_time
from tray_app import strings_zh as zh
from tray_app.outbox import OutboxError

log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()  # on Windows a file can be neither replaced nor removed while a worker here reads it


def read(path: Path) -> float | None:
    """Epoch seconds until which the owner paused, past or not; None: not paused. An unreadable file is no pause."""
    try:
        with _one_at_a_time:
            text = home.patiently(lambda: path.read_text(encoding="utf-8-sig"))
        until = json.loads(text)["until"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: %s", path, error)
        return None
    is_time = isinstance(until, (int, float)) and not isinstance(until, bool) and math.isfinite(until)
    return float(until) if is_time else None


def write(path: Path, until: float, now: float) -> None:
    """Raises OSError."""
    with _one_at_a_time:
        home.write_whole(path, json.dumps({"until": until, "at": now}))


def end(path: Path) -> None:
    """Raises OSError where the file stays: then the pause goes on."""
    with _one_at_a_time:
        home.remove(path)


def toggle(
    path: Path, paused: float | None, ready_at: int, now: float, put: Callable[[events.Event], Any]
) -> tuple[str, bool]:
    """Begin a pause until the next `ready_at`, or end the one that lasts until `paused`; put() tells the receiver.
    (what to tell the owner, whether the receiver will hear of it)."""
    until = None if paused else trading_time.next_clock(ready_at, now)
    shown = zh.CONTINUED if until is None else zh.PAUSED_UNTIL.format(time=trading_time.show_day_time(until, now))
    try:
        _keep(path, until, now)
    except OSError as error:
        return zh.NOT_STORED.format(why=error), False
    try:
        put(events.make("host.paused", {"until": until}, now))
    except OutboxError as error:
        try:
            _keep(path, paused, now)  # what the receiver does not know of must not hold here
        except OSError:
            return zh.UNTOLD.format(what=shown, why=error), False
        return zh.NOT_STORED.format(why=error), False
    return shown, True


def _keep(path: Path, until: float | None, now: float) -> None:
    if until is None:
        end(path)
    else:
        write(path, until, now)
