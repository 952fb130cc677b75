"""退出 is meant for the day: without this mark the keep-alive task would bring the program back within five minutes."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

from tray_app.home import remove, write_whole
from tray_app.trading_time import day_of

log = logging.getLogger(__name__)


def write(path: Path, now: float) -> None:
    """Raises OSError."""
    write_whole(path, json.dumps({"at": now}))


def holds(path: Path, now: float, boot_at: float) -> bool:
    """Whether the owner quit today and the PC has not been started since. An unreadable mark holds nothing: a program
    that comes back is better than one that is missed."""
    try:
        at = json.loads(path.read_text(encoding="utf-8-sig"))["at"]
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: %s", path, error)
        return False
    if not isinstance(at, (int, float)) or isinstance(at, bool) or not math.isfinite(at):
        return False
    return boot_at <= at and day_of(at) == day_of(now)


def end(path: Path) -> None:
    """The program was started by its owner, or is due again."""
    try:
        remove(path)
    except OSError as error:
        log.warning("%s stays, so today the keep-alive task will not start us again: %s", path, error)
