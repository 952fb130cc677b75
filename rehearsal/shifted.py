"""python -m rehearsal.shifted SECONDS -m MODULE ARGS... | SCRIPT ARGS...: runs a program whose clock is SECONDS off.

A trading rehearsal must lie inside a session, whatever the hour at which it is started: phone, receiver, tray program
and simulated QMT are all started through this with the same SECONDS, so they agree on the time. Only readings of the
wall clock change (time and what psutil says about starts); monotonic clocks and waiting stay real. File times stay
real too, so SECONDS must not be positive: to a clock that is ahead a file just written would look hours old.

Where the environment names a file in REHEARSAL_CLOCK_FILE, the clock is set to the SECONDS that stand in it whenever
the process gets SIGUSR1 (POSIX): somebody sets the clock of a computer on which programs run.
"""

import os
import runpy
import signal
import sys
import time

FILE = "REHEARSAL_CLOCK_FILE"


def shift(seconds):
    """Put this process's wall clock `seconds` off. Before anything else is imported: names bound earlier stay real.
    Returns a function that sets it to other seconds later; starts that psutil has told keep their old time."""
    off = _checked(seconds)
    real_time, real_ns = time.time, time.time_ns if hasattr(time, "time_ns") else None
    readers = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime")}

    def now():
        return real_time() + off

    def move(other):
        nonlocal off
        off = _checked(other)

    time.time = now
    if real_ns is not None:
        time.time_ns = lambda: real_ns() + int(off * 1e9)
    for name, read in readers.items():
        setattr(time, name, _Reader(read, now))
    if hasattr(time, "CLOCK_BOOTTIME"):
        # What the next SECONDS skip, a night for one, shall count as lived through: the receiver would know better.
        del time.CLOCK_BOOTTIME
    _shift_psutil(seconds)
    return move


def _checked(seconds):
    if seconds > 0:
        raise ValueError("a clock that is ahead makes new files look old")
    return seconds


class _Reader:
    """time.localtime and its like. No function: logging keeps one as a class's attribute, where it would be bound."""

    def __init__(self, read, now):
        self._read, self._now = read, now

    def __call__(self, at=None):
        return self._read(self._now() if at is None else at)


def _shift_psutil(seconds):
    try:
        import psutil
    except ImportError:  # the simulated QMT's oldest Python has none
        return
    started, booted = psutil.Process.create_time, psutil.boot_time
    psutil.Process.create_time = lambda process: started(process) + seconds
    psutil.boot_time = lambda: booted() + seconds


def _seconds_in(path):
    with open(path, encoding="ascii") as file:
        return float(file.read())


def main():
    move = shift(float(sys.argv[1]))
    path = os.environ.get(FILE)
    if path and hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: move(_seconds_in(path)))
    if sys.argv[2] == "-m":
        name, sys.argv = sys.argv[3], sys.argv[3:]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[2:]
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
