"""What this machine can do by itself, beside a bench's figures: its fsync, its load, its Python."""

import os
import sys
import time
from typing import Any, Dict, List

from .figures import as_plain, figures

SYNCS = 400


def fsync_times(folder: str, count: int = SYNCS) -> List[float]:
    """Milliseconds of `count` appends of a line to one file, each synced: the price of a line in a flag file."""
    path = os.path.join(folder, "fsync-probe")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    found = []
    try:
        for _ in range(count):
            os.write(handle, b"x" * 199 + b"\n")
            began = time.perf_counter()
            os.fsync(handle)
            found.append((time.perf_counter() - began) * 1e3)
    finally:
        os.close(handle)
        os.remove(path)
    return found


def facts(folder: str, count: int = SYNCS) -> Dict[str, Any]:
    return {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "fsync": as_plain(figures(fsync_times(folder, count))),
    }
