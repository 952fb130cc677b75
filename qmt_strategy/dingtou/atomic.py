"""Whole small files that are either the old or the new one, whatever happens in between.

On Windows a file that a virus scanner or a backup holds open cannot be replaced or read for a moment (WinError 5 or
32); such calls are tried again a few times, for milliseconds: QMT has one thread.
"""

import os
import time
from typing import Callable, Optional

from .durable import patiently, sync_name

LARGEST = 1 << 20  # bytes; what is larger is no file of ours
WAITS = (0.001, 0.002, 0.004, 0.008)  # seconds


def write_whole(path: str, raw: bytes, pause: Callable[[float], None] = time.sleep) -> None:
    """Make `path` hold `raw`, on disk when this returns. OSError otherwise: then the old file stands untouched."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = path + ".tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        patiently(lambda: os.replace(temporary, path), WAITS, pause)
    except OSError:
        try:
            os.remove(temporary)
        except OSError:  # not there, or held by a scanner: the next write replaces it
            pass
        raise
    sync_name(path)


def read_whole(path: str, pause: Callable[[float], None] = time.sleep) -> Optional[bytes]:
    """The bytes of `path`; None where there is no such file. OSError if it cannot be read, or is over 1 MiB."""

    def read() -> bytes:
        with open(path, "rb") as file:
            return file.read(LARGEST + 1)

    try:
        raw = patiently(read, WAITS, pause)
    except FileNotFoundError:
        return None
    if len(raw) > LARGEST:
        raise OSError("larger than 1 MiB: " + path)
    return raw
