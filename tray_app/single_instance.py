"""At most one tray program per home folder. The system frees the lock when the process ends, however it ends."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any


class SingleInstance:
    """Hold it as long as the program runs; `release()` at the end."""

    def __init__(self, release: Any) -> None:
        self.release = release


def acquire(root: Path, lock_file: Path) -> SingleInstance | None:
    """None: another program holds this home folder."""
    if sys.platform == "win32":
        return _acquire_windows(root)
    return _acquire_posix(lock_file)


def is_held(root: Path, lock_file: Path) -> bool:
    """Whether a program holds this home folder now."""
    if sys.platform == "win32":
        from tray_app import winapi

        return winapi.mutex_exists(mutex_name(root))
    if not lock_file.exists():
        return False
    mine = _acquire_posix(lock_file)
    if mine is not None:
        mine.release()
    return mine is None


def mutex_name(root: Path) -> str:
    """The same home gives the same name for ever: an installer of any version finds a running program by it."""
    path = os.path.normcase(os.path.abspath(str(root)))
    return "Local\\QMTSentry-" + hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _acquire_windows(root: Path) -> SingleInstance | None:
    from tray_app import winapi

    handle = winapi.create_mutex(mutex_name(root))
    return SingleInstance(lambda: winapi.close_handle(handle)) if handle else None


def _acquire_posix(lock_file: Path) -> SingleInstance | None:
    import fcntl

    file = os.open(str(lock_file), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return SingleInstance(lambda: os.close(file))
