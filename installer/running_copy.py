"""Ends a running copy of the program: asked first, then, if it does not end, killed by its path, never by its name."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Callable, Sequence

ASK_SECONDS, GONE_SECONDS = 30.0, 15.0
LOOK_EVERY = 0.2

Pids = Callable[[], Sequence[int]]


def stop(
    ask: Callable[[], object],
    running: Pids,
    kill: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Whether none runs any more. `ask` may fail or do nothing: an old version may not know the question."""
    if not running():
        return True
    ask()
    if _wait_until_gone(running, GONE_SECONDS, sleep, clock):
        return True
    for pid in running():
        kill(pid)
    return _wait_until_gone(running, GONE_SECONDS, sleep, clock)


def _wait_until_gone(running: Pids, seconds: float, sleep: Callable[[float], None], clock: Callable[[], float]) -> bool:
    deadline = clock() + seconds
    while running():
        if clock() > deadline:
            return False
        sleep(LOOK_EVERY)
    return True


# Windows -------------------------------------------------------------------------------------------------------------


def ask_program(exe: str) -> bool:
    """`exe --shutdown`: whether it answered in time that the running copy has ended."""
    try:
        process = subprocess.Popen([exe, "--shutdown"], cwd=os.path.dirname(exe))
    except OSError:
        return False  # a damaged installation: it is killed then
    try:
        return process.wait(ASK_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return False


def pids_in(folder: str) -> list[int]:
    """Processes other than this one whose exe lies in the folder."""
    from tray_app import winapi

    inside = os.path.normcase(os.path.join(os.path.abspath(folder), ""))
    found = []
    for pid, _name in winapi.process_names():
        path = winapi.process_path(pid) if pid != os.getpid() else None
        if path and os.path.normcase(path).startswith(inside):
            found.append(pid)
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, 9)  # TerminateProcess
    except OSError:
        pass  # it ended by itself, or it is not ours to end: the wait that follows tells
