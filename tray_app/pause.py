"""暂停/继续: control/paused.json holds until when. It ends by itself at the next ready_at and survives a restart."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

from tray_app.home import patiently, write_whole

log = logging.getLogger(__name__)


def read(path: Path) -> float | None:
    """Epoch seconds until which the owner paused, past or not; None: not paused. An unreadable file is no pause."""
    try:
        until = json.loads(patiently(lambda: path.read_text(encoding="utf-8-sig")))["until"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: %s", path, error)
        return None
    is_time = isinstance(until, (int, float)) and not isinstance(until, bool) and math.isfinite(until)
    return float(until) if is_time else None


def write(path: Path, until: float, now: float) -> None:
    write_whole(path, json.dumps({"until": until, "at": now}))
