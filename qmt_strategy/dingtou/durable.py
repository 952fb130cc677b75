"""What every lasting write here needs: names that outlast a power cut, and patience with whoever holds a file."""

import os
from typing import Callable, Sequence, TypeVar

_T = TypeVar("_T")


def sync_folder(path: str) -> None:
    """Make new and removed names in this folder outlast a power cut, where the system can. OSError."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_name(path: str) -> None:
    """Make a rename outlast a power cut: the file once more under its new name, then its folder where that can be.

    Windows cannot sync a folder, and NTFS's journal makes a rename atomic but not durable: without the second sync the
    replay of power cuts (rehearsal/powercut) loses posts that counted as made. Done on every system, so that the replay
    sees the same calls everywhere.
    """
    try:
        with open(path, "r+b") as file:
            os.fsync(file.fileno())
    except FileNotFoundError:  # the tray took it already, and deletes only what it has committed itself
        return
    sync_folder(os.path.dirname(path))


def patiently(call: Callable[[], _T], waits: Sequence[float], pause: Callable[[float], None]) -> _T:
    """call(), again after each of `waits` (seconds) while a scanner or a backup holds the file (WinError 5 or 32)."""
    for wait in waits:
        try:
            return call()
        except OSError as error:
            if not isinstance(error, PermissionError) and getattr(error, "winerror", None) not in (5, 32):
                raise
        pause(wait)
    return call()
