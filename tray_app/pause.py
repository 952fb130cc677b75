"""暂停/继续: control/paused.json holds until when. It ends by itself at the next ready_at and survives a restart."""

from __future__ import annotations

import json
import logging
import math
import threading
from pathlib import Path

from tray_app import home

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
