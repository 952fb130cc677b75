"""The tray's own log: logs/tray.log, UTF-8, rotated; it never stops the program, whatever the disk or Windows says."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from typing import Any

LARGEST, KEPT = 2 * 1024 * 1024, 5  # bytes a file, files

log = logging.getLogger("tray_app")


class TolerantHandler(logging.handlers.RotatingFileHandler):
    """Goes on appending where renaming fails: on Windows any second program that has the file open prevents it."""

    def doRollover(self) -> None:  # noqa: N802 (the name is logging's)
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk must not print a traceback for each line; the outbox shows the trouble."""


def start(folder: Path) -> None:
    """Log to the folder, and log what would otherwise vanish with a thread."""
    handler = TolerantHandler(
        str(folder / "tray.log"), maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry of an outage would be a line
    logging.captureWarnings(True)
    sys.excepthook = _log_main_error
    threading.excepthook = _log_thread_error


def stop() -> None:
    """Close the file: on Windows an open file cannot be removed."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TolerantHandler)]:
        root.removeHandler(handler)
        handler.close()


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


def _log_main_error(kind: Any, error: Any, traceback: Any) -> None:
    log.critical("unhandled", exc_info=(kind, error, traceback))


def _log_thread_error(args: Any) -> None:
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        log.error("thread %s died", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
