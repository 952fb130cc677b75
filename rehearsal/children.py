"""Child processes of a rehearsal: started with a log file each, waited for by a line they print, ended by pid."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_SECONDS = 8.0


def _die_with_parent():
    """Linux: the kernel ends this child when the rehearsal itself is killed and can no longer do so."""
    PR_SET_PDEATHSIG = 1  # noqa: N806 (the kernel's name)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ChildFailed(Exception):
    """A child ended, or did not say it was ready in time; the text holds the end of its log."""


class Child:
    """One process. `log` receives stdout and stderr; starting again appends."""

    def __init__(self, name, command, log, env=None, cwd=None):
        self.name = name
        self.log = Path(log)
        self._start = len(self.text())
        with self.log.open("ab") as out:
            own_group = {"start_new_session": True} if os.name == "posix" else {}
            if sys.platform == "linux":
                own_group["preexec_fn"] = _die_with_parent
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                **own_group,
            )
        self.pid = self.process.pid

    def text(self):
        """All that this log holds so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def said(self, prefix):
        """The first complete line since this start that begins with the prefix, or None."""
        for line in self.text()[self._start :].splitlines(keepends=True):
            if line.startswith(prefix) and line.endswith("\n"):
                return line.strip()
        return None

    def wait_for(self, prefix, seconds=90.0):
        """Wait until the child prints a line with this prefix; returns the line. Raises ChildFailed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            line = self.said(prefix)
            if line is not None:
                return line
            if self.process.poll() is not None:
                raise ChildFailed(f"{self.name} ended with {self.process.returncode}:\n{self.text()[-2000:]}")
            time.sleep(0.05)
        raise ChildFailed(f"{self.name} did not print {prefix!r} within {seconds:g} s:\n{self.text()[-2000:]}")

    def running(self):
        return self.process.poll() is None

    def kill(self):
        """kill -9, now; returns the epoch second at which it was done."""
        at = time.time()
        self.process.kill()
        self.process.wait(10)
        return at

    def stop(self):
        """Ask politely, then insist."""
        if not self.running():
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
