"""The tray's own log: logs/tray.log, UTF-8, rotated; it never stops the program, whatever the disk or Windows says.

logs/fatal.txt takes what Python itself can still write when it dies in a library (faulthandler): a program without a
console has no other place for it.
"""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

TRAY, ONCE = "tray.log", "once.log"  # of the running copy; of a start that only does one thing beside it
FATAL = "fatal.txt"
LARGEST, KEPT = 2 * 1024 * 1024, 5  # bytes a file, files
ROTATE_AGAIN = 60.0  # seconds after a rotation that failed

log = logging.getLogger("tray_app")


class TolerantHandler(logging.handlers.RotatingFileHandler):
    """Goes on appending where renaming fails: on Windows any second program that has the file open prevents it."""

    _rotate_from = 0.0  # monotonic seconds

    def shouldRollover(self, record: logging.LogRecord) -> Any:  # noqa: N802 (the name is logging's)
        return time.monotonic() >= self._rotate_from and super().shouldRollover(record)

    def doRollover(self) -> None:  # noqa: N802
        if self.stream:
            self.stream.close()
            self.stream = None  # type: ignore[assignment,unused-ignore]
        try:
            self._rotate()
        except OSError:
            self._rotate_from = time.monotonic() + ROTATE_AGAIN
        self.stream = self._open()

    def _rotate(self) -> None:
        """First the log itself moves: as long as that fails, no older one is touched."""
        log_file = self.baseFilename
        parked = log_file + ".rotating"
        os.replace(log_file, parked)
        try:
            names = [f"{log_file}.{n}" for n in range(1, self.backupCount + 1)]
            # Only up to the first gap: tries that fail half-way must not push out one old file each.
            last = next((n for n, name in enumerate(names) if not os.path.exists(name)), len(names) - 1)
            for n in range(last, 0, -1):
                os.replace(names[n - 1], names[n])
            os.replace(parked, names[0])
        except OSError:
            os.replace(parked, log_file)
            raise

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk must not print a traceback for each line; the outbox shows the trouble."""


_fatal: list[Any] = []  # the open file


def start(folder: Path, name: str = TRAY) -> None:
    """Log to the folder, and log what would otherwise vanish with a thread. One program writes to one name: on Windows
    a second one would keep it from being rotated."""
    handler = TolerantHandler(str(folder / name), maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry of an outage would be a line
    logging.captureWarnings(True)
    sys.excepthook = _log_main_error
    threading.excepthook = _log_thread_error


def keep_fatal(folder: Path) -> None:
    """From here on a death in a library leaves its stacks in FATAL."""
    try:
        _fatal.append(open(folder / FATAL, "ab"))  # noqa: SIM115 - open as long as the program runs
        faulthandler.enable(_fatal[-1])
    except (OSError, RuntimeError, ValueError) as error:
        log.warning("%s: %s", FATAL, error)


def stop() -> None:
    """Close the files: on Windows an open file cannot be removed."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TolerantHandler)]:
        root.removeHandler(handler)
        handler.close()
    while _fatal:
        faulthandler.disable()
        _fatal.pop().close()


def folder() -> str:
    """Where the log is, for the owner."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, TolerantHandler)]
    return os.path.dirname(handlers[0].baseFilename) if handlers else "logs"


def say(text: str) -> None:
    """One line on the console, where there is one: a windowed program has none, and a supervisor may have gone."""
    stream = sys.stdout
    if stream is None:
        return
    try:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and stream.errors == "strict":
            # A console of code page 1252 cannot show Chinese: question marks are better than an error.
            reconfigure(errors="replace")
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass


def has_console() -> bool:
    """Whether anybody can read what say() says."""
    return sys.stdout is not None


def _log_main_error(kind: Any, error: Any, traceback: Any) -> None:
    log.critical("unhandled", exc_info=(kind, error, traceback))


def _log_thread_error(args: Any) -> None:
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        log.error("thread %s died", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
