"""The physical limits that stand beside the figures: what this machine needs for the least of the same kind. Samples in
milliseconds. Python 3.8 and later; what a strategy on 3.6 is compared with is in machine.py."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import Any, Callable, Dict, List, Tuple

BODY = b"x" * 400  # bytes: about what an event has


def timed(work: Callable[[], Any], count: int) -> List[float]:
    """Milliseconds of each of `count` calls."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1e3)
    return found


def sqlite_commits(path: str, rows: int, count: int) -> List[float]:
    """`count` transactions of `rows` inserts each into a bare table, WAL, synchronous=FULL: each is on the disk."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, body BLOB)")

        def commit() -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO bare (body) VALUES (?)", [(BODY,)] * rows)
            db.execute("COMMIT")

        return timed(commit, count)


def round_trips(port: int, count: int) -> List[float]:
    """A hundred bytes to the echo of stub.py and back, on a connection that stays open."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def there_and_back() -> None:
            connection.sendall(BODY[:100])
            got = 0
            while got < 100:
                got += len(connection.recv(4096))

        return timed(there_and_back, count)


def process_states(count: int) -> List[float]:
    """Asking the system for one process's state, memory and processor time."""
    import psutil

    process = psutil.Process(os.getpid())
    return timed(lambda: (process.status(), process.memory_info(), process.cpu_times()), count)


def process_lists(count: int) -> List[float]:
    """Asking for the names of all processes."""
    import psutil

    return timed(
        lambda: [process.info for process in psutil.process_iter(["name"])], count
    )  # those that end are left out


def folder_lists(folder: str, count: int) -> List[float]:
    """Listing one folder."""
    return timed(lambda: os.listdir(folder), count)


def bare_python(count: int) -> Tuple[List[float], float]:
    """(starting and ending an empty Python, its resident memory in MB; 0.0 where there is no /proc)."""
    started = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), count)
    code = "import re; print(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return started, int(done.stdout or b"0") / 1024.0


def numpy_work(funds: int, days: int, length: int, count: int) -> Dict[str, List[float]]:
    """numpy's own speed at the arrays of a backtest: `average`: rolling averages of `length` and the distances to them;
    `sorted`: the distances sorted as well, which thresholds cannot do without."""
    import numpy as np

    closes = [np.linspace(1.0, 2.0, days) + np.sin(np.arange(days) / (9.0 + fund)) for fund in range(funds)]

    def distances() -> List[Any]:
        found = []
        for close in closes:
            sums = np.cumsum(close)
            means = (sums[length:] - sums[:-length]) / length
            found.append((close[length:] - means) / means)
        return found

    return {
        "average": timed(distances, count),
        "sorted": timed(lambda: [np.sort(one) for one in distances()], count),
    }
