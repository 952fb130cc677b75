"""Where everything is on the mini PC: one folder, found once and passed in (docs/protocol.md section 1)."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Mapping, TypeVar

T = TypeVar("T")
HELD_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2)  # seconds


def find(argument: str | None, environ: Mapping[str, str], user_home: str) -> Path:
    """The home folder: --home, else QMT_SENTRY_HOME, else %LOCALAPPDATA%/QMTSentry, else ~/.local/share/qmt-sentry."""
    if argument:
        return Path(argument).absolute()
    # Letter for letter the rule of qmt_strategy/dingtou/home.py: both must find the same folder.
    named = environ.get("QMT_SENTRY_HOME", "").strip()
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))
    local = environ.get("LOCALAPPDATA", "").strip()
    if local:
        return Path(local) / "QMTSentry"
    return Path(user_home) / ".local" / "share" / "qmt-sentry"


class Home:
    """The files of one home folder. Only names: nothing is created or opened here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ini = root / "sentry.ini"
        self.spool = root / "spool"
        self.bad = root / "spool" / "bad"
        self.flags = root / "flags"
        self.control = root / "control"
        self.paused = root / "control" / "paused.json"
        self.answers = root / "control" / "answers"
        self.inbox = root / "control" / "inbox.json"
        self.lock = root / "control" / "lock"
        self.quit = root / "control" / "quit.json"
        self.logs = root / "logs"
        self.outbox = root / "outbox.db"
        self.last_resort = root / "control" / "last_resort.json"
        self.diagnosis = root / "diagnosis"

    def make_folders(self) -> None:
        """Create what the tray writes to. flags/, state/ and deals/ are the strategies' own and are left to them."""
        for folder in (self.root, self.spool, self.control, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def patiently(call: Callable[[], T]) -> T:
    """call(), again after each of HELD_WAITS while the file is held: on Windows nobody can replace or remove a file
    that another thread is reading, or a scanner. (The strategies' twin, dingtou/durable.py, ships apart and may wait
    for milliseconds only.)"""
    for wait in HELD_WAITS:
        try:
            return call()
        except PermissionError:  # WinError 5 and 32; the last try below raises it
            time.sleep(wait)
    return call()


def write_whole(path: Path, text: str) -> None:
    """write_whole_bytes for a text: UTF-8, line ends as this system has them."""
    write_whole_bytes(path, text.replace("\n", os.linesep).encode("utf-8"))


def write_whole_bytes(path: Path, raw: bytes) -> None:
    """Replace a small file in one step, synced: a reader sees the old content or the new, never half of it. It keeps
    the rights of the file that it replaces; what was begun is removed where that fails. Raises OSError."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        # Some of these files hold a token: nobody else may read it, not even while it is written.
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if os.name != "nt" and path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        patiently(lambda: os.replace(temporary, path))
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            remove(temporary)
        raise
    if os.name == "nt":  # a folder cannot be synced there: the second sync of the file makes its new name last
        with patiently(lambda: open(path, "r+b")) as renamed:
            os.fsync(renamed.fileno())
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new and removed names outlast a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a small file that may not be there."""
    try:
        patiently(path.unlink)
    except FileNotFoundError:
        pass
