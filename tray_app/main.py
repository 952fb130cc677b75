"""Starts the program: options, home folder, one instance, log, settings; then the icon, or lines of text."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any, Callable, NoReturn, Sequence

from tray_app import config, home, logs, pairing, single_instance
from tray_app import strings_zh as zh
from tray_app.app import TrayApp

log = logging.getLogger(__name__)

INBOX_PATIENCE = 5.0  # seconds for the port to open before "ready" is printed


def main(argv: Sequence[str] | None = None) -> int:
    """0: ended as asked, or another one is running already; 1: crashed; 2: sentry.ini or the folder is wrong. With
    --pair-file what came of the code (pairing.py), whether or not another one is running."""
    parser = _Parser(prog="python -m tray_app", description=zh.NAME)
    parser.add_argument("--headless", action="store_true", help="no icon: one line of text at each change")
    parser.add_argument("--home", metavar="DIR", help="home folder (default: %%QMT_SENTRY_HOME%%)")
    parser.add_argument("--pair-file", metavar="FILE", help="read a pairing code from FILE, delete FILE, end")
    try:
        options = parser.parse_args(argv)
    except _BadOption as error:
        return _refuse(zh.BAD_OPTION.format(why=error))
    root = home.find(options.home, os.environ, os.path.expanduser("~"))
    where = home.Home(root)
    try:
        where.make_folders()
        if options.pair_file:
            return _pair(where, Path(options.pair_file))
        lock = single_instance.acquire(where.root, where.lock)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return _refuse(zh.NO_FOLDER.format(home=root, why=getattr(error, "strerror", None) or error))
    if lock is None:
        logs.say(zh.ALREADY_RUNNING.format(home=where.root))
        return 0
    try:
        logs.start(where.logs)
        settings = config.load(where.ini)
        return _run(TrayApp(where, settings), options.headless)
    except config.ConfigError as error:
        log.error("%s", error)
        return _refuse(str(error))
    except Exception:
        # Nothing may end in the dialog of a windowed program: it would look alive to the task that restarts it.
        log.critical("crashed", exc_info=True)
        logs.say(zh.CRASHED.format(logs=where.logs))
        return 1
    finally:
        logs.stop()
        lock.release()


def _pair(where: home.Home, file: Path) -> int:
    logs.start(where.logs)
    try:
        outcome = pairing.pair_from_file(file, where.ini)
    except Exception:
        # As in main(): an installer waits for this program, which must not end in a dialog.
        log.critical("pairing crashed", exc_info=True)
        logs.say(zh.CRASHED.format(logs=where.logs))
        return 1
    finally:
        logs.stop()
    logs.say(outcome.text)
    return outcome.code


class _BadOption(Exception):
    """The command line is wrong; str() is argparse's reason."""


class _Parser(argparse.ArgumentParser):
    """Without a console (a windowed program has none) argparse itself would crash while it complains."""

    def error(self, message: str) -> NoReturn:
        raise _BadOption(message)

    def _print_message(self, message: str, file: Any = None) -> None:
        logs.say(message.rstrip())


def _run(app: TrayApp, headless: bool) -> int:
    _handle_signals(app)
    app.start()
    _say_ready(app)
    run_icon = None if headless else _icon_runner()
    asked = run_icon(app) if run_icon else _run_headless(app)
    if not asked:
        log.critical("the icon's loop ended by itself")
        logs.say(zh.CRASHED.format(logs=app.home.logs))
        return 1  # no clean-stop mark: the next start tells of a crash
    app.stop(app.stop_reason)
    return 0


def _icon_runner() -> Callable[[TrayApp], bool] | None:
    from tray_app import tray

    return tray.run if tray.is_possible() else None


def _run_headless(app: TrayApp) -> bool:
    key: tuple[str, ...] | None = None
    while not app.stop_asked.wait(1.0 if key else 0.0):
        app.tick()
        view = app.view()
        if view.key != key:
            key = view.key
            logs.say(f"[{view.icon.upper()}] " + (" | ".join(view.lines) or zh.ALL_WELL))
    return True


def _say_ready(app: TrayApp) -> None:
    """One line for whoever started us, once the inbox has its port."""
    pending = any(worker.name == "inbox" for worker in app.parts.all)
    if pending:
        app.board.wait("inbox_why", lambda why: True, INBOX_PATIENCE)
    logs.say(f"tray ready home={app.home.root} inbox={app.board.get('inbox_port') or 'off'}")


def _handle_signals(app: TrayApp) -> None:
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: app.note_signal())


def _refuse(text: str) -> int:
    if sys.stderr is not None:
        logs.say(text)
    elif sys.platform == "win32":
        from tray_app import winapi

        winapi.message_box(zh.NAME, text)
    return 2
