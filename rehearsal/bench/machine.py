"""What this machine can do by itself, beside a bench's figures: its fsync, its load, its Python."""

import os
import platform
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

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


def renaming_times(folder: str, count: int = SYNCS) -> List[float]:
    """Milliseconds of `count` small files, each written and renamed without a sync: what a heartbeat is to the disk."""
    found = []
    for number in range(count):
        path = os.path.join(folder, "renaming-probe-%d" % (number % 20))
        began = time.perf_counter()
        with open(path + ".tmp", "wb") as file:
            file.write(b"x" * 2000)
        os.replace(path + ".tmp", path)
        found.append((time.perf_counter() - began) * 1e3)
    for number in range(min(count, 20)):
        os.remove(os.path.join(folder, "renaming-probe-%d" % number))
    return found


def reading_times(count: int = SYNCS) -> List[float]:
    """Milliseconds in which this Python reads what QMT holds once: 12 fields of 7 positions, 20 orders and 20 deals.
    No script that looks at its account can need less."""
    names = ["m_field%d" % number for number in range(12)]
    rows = [type("Row", (), dict.fromkeys(names, 1.0))() for _ in range(47)]
    found = []
    for _ in range(count):
        began = time.perf_counter()
        [{name: getattr(row, name) for name in names} for row in rows]
        found.append((time.perf_counter() - began) * 1e3)
    return found


def facts(folder: str, count: int = SYNCS) -> Dict[str, Any]:
    """Python, load, and milliseconds (as figures.Figures) of the least that a call can be."""
    return {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "load": load(),
        "fsync": as_plain(figures(fsync_times(folder, count))),
        "renaming": as_plain(figures(renaming_times(folder, count))),
        "reading": as_plain(figures(reading_times(count))),
    }


def load() -> Any:
    """Processes that ran or wanted to over the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


# ---- What the whole table says of the machine


def described(folder: str) -> Dict[str, Any]:
    """Cores, processor, memory in GB, the file system of `folder`, the commit; None: not told here."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": _memory_gb(),
        "system": "%s %s" % (platform.system(), platform.release()),
        "files": _file_system(_read("/proc/mounts"), os.path.realpath(folder)),
        "commit": _commit(),
    }


def cpu_so_far() -> Tuple[float, float, float]:
    """(now, processor seconds that all programs took, that this one and its ended children took). Where the system does
    not tell, the first two of them move alike and others() is 0."""
    mine = sum(os.times()[:4])
    words = _read("/proc/stat").split("\n")[0].split()
    if len(words) < 9:
        return time.monotonic(), mine, mine
    user, nice, system, _idle, _waiting, irq, softirq, steal = (float(word) for word in words[1:9])
    ticks = user + nice + system + irq + softirq + steal
    return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), mine


def others(before: Tuple[float, float, float], after: Tuple[float, float, float]) -> float:
    """How many cores other programs took between two answers of cpu_so_far(); children must have ended."""
    wall, total, mine = (late - early for early, late in zip(before, after))
    return max(0.0, (total - mine) / wall) if wall > 0 else 0.0


def _file_system(mounts: str, path: str) -> Optional[str]:
    """The kind of file system that `path` lies on, from the text of /proc/mounts."""
    best = ("", None)
    for line in mounts.splitlines():
        words = line.split()
        if len(words) > 2 and (path + "/").startswith(words[1].rstrip("/") + "/") and len(words[1]) >= len(best[0]):
            best = (words[1], words[2])
    return best[1]


def _processor() -> Optional[str]:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _memory_gb() -> Optional[float]:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return round(int(line.split()[1]) / 1024.0 / 1024.0, 1)
    return None


def _commit() -> Optional[str]:
    """The commit of this tree, with a + where code was changed since (docs/ takes the figures); None outside git."""
    here = os.path.dirname(os.path.abspath(__file__))
    answers = []
    changed = ["status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)docs"]
    for words in (["rev-parse", "--short", "HEAD"], changed):
        try:
            answers.append(subprocess.check_output(["git", "-C", here] + words, stderr=subprocess.DEVNULL).decode())
        except (OSError, subprocess.CalledProcessError):
            return None
    return answers[0].strip() + ("+" if answers[1].strip() else "")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
