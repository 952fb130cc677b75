"""One Windows program running under Wine: its output line by line, its end, and nothing left of it."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Dict, List, Optional, Type


class WindowsProgram:
    """Started at once. As a context it is killed at the end if it still runs."""

    def __init__(self, command: List[str], env: Dict[str, str], cwd: Path, echo: bool) -> None:
        # stdin stays an open pipe: with /dev/null or a closed handle CPython stops with
        # "can't initialize sys standard streams" under Wine.
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=str(cwd),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._command = command
        self._echo = echo
        self._lines: List[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="wine-output", daemon=True)
        self._reader.start()

    def __enter__(self) -> "WindowsProgram":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.kill()

    def output(self) -> str:
        """Both streams so far."""
        with self._changed:
            return "".join(self._lines)

    def wait_for(self, text: str, timeout: float) -> bool:
        """Wait until a line of the output contains `text`. False: it ended, or `timeout` seconds passed, without it."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                if any(text in line for line in self._lines[seen:]):
                    return True
                seen = len(self._lines)
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    return False
                self._changed.wait(min(left, 0.5))

    def wait(self, timeout: float) -> int:
        """The exit code, with all output read. After `timeout` seconds it is killed: subprocess.TimeoutExpired."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise subprocess.TimeoutExpired(self._command, timeout, self.output()) from None
        # Not until end of file: a child that the program left running holds the pipe open.
        self._reader.join(timeout=5)
        return code

    def type_line(self, text: str = "") -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode("utf-8") + b"\n")
        self.process.stdin.flush()

    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it the hard way, as a crash or the task manager would; harmless if it has ended."""
        if self.running():
            self.process.kill()
            self.process.wait(timeout=15)
        self._reader.join(timeout=5)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "replace").replace("\r\n", "\n")
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
            if self._echo:
                sys.stdout.write(line)
                sys.stdout.flush()
        with self._changed:
            self._changed.notify_all()
