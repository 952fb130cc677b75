"""The client's own log files, in DIR/userdata/log, named and flushed as the real ones (qmt-facts section 2).

Without a folder (a client driven in-process) nothing is written; the newest lines are kept in either case.
"""

import collections
import io
import os
from typing import Callable, Deque

from . import times

_KEPT = 5000


class Logs:
    """XtClient_YYYYMMDD.log (the client) and XtClient_FormulaOutput_YYYYMMDD.log (what strategies print and raise)."""

    def __init__(self, folder: str, now: Callable[[], float]) -> None:
        self.folder = os.path.join(folder, "userdata", "log") if folder else ""
        self.client_lines: Deque[str] = collections.deque(maxlen=_KEPT)
        self.formula_lines: Deque[str] = collections.deque(maxlen=_KEPT)
        self._now = now
        if self.folder:
            os.makedirs(self.folder, exist_ok=True)

    def client(self, words: str) -> None:
        self.client_lines.append(words)
        self._append("XtClient", words)

    def formula(self, script: str, words: str) -> None:
        """What strategy `script` printed or raised; one line of the log for each of its lines."""
        for line in words.rstrip("\n").split("\n"):
            self.formula_lines.append("[%s] %s" % (script, line))
            self._append("XtClient_FormulaOutput", "[%s] %s" % (script, line))

    def _append(self, name: str, words: str) -> None:
        if not self.folder:
            return
        now = self._now()
        path = os.path.join(self.folder, "%s_%s.log" % (name, times.day(now)))
        with open(path, "a", encoding="utf-8", errors="replace") as file:
            file.write("%s,%03d %s\n" % (times.text(now, "%Y-%m-%d %H:%M:%S"), now % 1 * 1000, words))


class Printed(io.TextIOBase):
    """A stand-in for stdout while a strategy runs: whole lines go to the formula log."""

    def __init__(self, logs: Logs, script: str) -> None:
        super().__init__()
        self._logs = logs
        self._script = script
        self._open_line = ""

    def writable(self) -> bool:
        return True

    def write(self, words: str) -> int:
        *lines, self._open_line = (self._open_line + words).split("\n")
        for line in lines:
            self._logs.formula(self._script, line)
        return len(words)

    def finish(self) -> None:
        """Log what stands in a line without an end."""
        if self._open_line:
            self._logs.formula(self._script, self._open_line)
