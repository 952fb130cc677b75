"""Starts the program: options, home folder, one instance, log, settings; then the icon, or lines of text.

What the options that end at once do (--shutdown, --doctor ...) stands in a module for each.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Callable, NoReturn, Sequence

from tray_app import asked, config, doctor, home, logs, pairing, quit_mark, runs, selftest, single_instance
from tray_app import strings_zh as zh
from tray_app.app import TrayApp

log = logging.getLogger(__name__)

INBOX_PATIENCE = 5.0  # seconds for the port to open before "ready" is printed


def main(argv: Sequence[str] | None = None) -> int:
    """0: ended as asked, or another one is running already; 1: crashed; 2: sentry.ini or the folder is wrong. With an
    option that ends at once, what that option's module says."""
    try:
        return _main(_parser().parse_args(argv))
    except _BadOption as error:
        return _refuse(zh.BAD_OPTION.format(why=error), quietly=True)
    except Exception:
        # Nothing may end in the dialog of a windowed program: it would look alive to the task that restarts it.
        log.critical("crashed", exc_info=True)
        logs.say(zh.CRASHED.format(logs=logs.folder()))
        return 1
    finally:
        logs.stop()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tray_app", description=zh.NAME)
    parser.add_argument("--headless", action="store_true", help="no icon: one line of text at each change")
    parser.add_argument("--home", metavar="DIR", help="home folder (default: %%QMT_SENTRY_HOME%%)")
    parser.add_argument("--report", metavar="FILE", help="with --selftest or --doctor: write what they say to FILE too")
    parser.add_argument("--keep-alive", action="store_true", help="for the task: not after 退出, until tomorrow")
    once = parser.add_mutually_exclusive_group()
    once.add_argument("--pair-file", metavar="FILE", help="read a pairing code from FILE, delete FILE, end")
    once.add_argument(
        "--shutdown", action="store_true", help="stop the running copy; 0: none runs any more, 1: it does"
    )
    once.add_argument(
        "--request-shutdown", action="store_true", help="ask the running copy to shut this PC down, if nothing is open"
    )
    once.add_argument("--doctor", action="store_true", help="look for what is not set up, say what to do; 0: nothing")
    once.add_argument("--selftest", action="store_true", help="try everything this program is made of; 0: all is well")
    return parser


def _main(options: argparse.Namespace) -> int:
    report = Path(options.report) if options.report else None
    if options.selftest:
        return selftest.run(logs.say, report)
    root = home.find(options.home, os.environ, os.path.expanduser("~"))
    where = home.Home(root)
    once = options.pair_file or options.shutdown or options.request_shutdown or options.doctor
    try:
        where.make_folders()
        logs.start(where.logs, logs.ONCE if once else logs.TRAY)
        lock = None if once else single_instance.acquire(where.root, where.lock)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        text = zh.NO_FOLDER.format(home=root, why=getattr(error, "strerror", None) or error)
        return _refuse(text, quietly=bool(once))
    if options.pair_file:
        outcome = pairing.pair_from_file(Path(options.pair_file), where.ini)
        logs.say(outcome.text)
        return outcome.code
    if options.shutdown:
        return asked.stop_running(where, logs.say)
    if options.request_shutdown:
        return asked.request_shutdown(where, logs.say)
    if options.doctor:
        return doctor.run(where, logs.say, report)
    if lock is not None and options.keep_alive and quit_mark.holds(where.quit, time.time(), runs.boot_time()):
        lock.release()
        return 0
    if lock is None:
        logs.say(zh.ALREADY_RUNNING.format(home=where.root))
        return 0
    logs.keep_fatal(where.logs)
    try:
        quit_mark.end(where.quit)
        settings = config.load(where.ini)
        with asked.listening(where) as heard:
            return _run(TrayApp(where, settings, heard=heard), options.headless)
    except config.ConfigError as error:
        log.error("%s", error)
        return _refuse(str(error))
    finally:
        lock.release()


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


def _refuse(text: str, quietly: bool = False) -> int:
    """`quietly`: somebody's script waits for us, so no message box may stand in its way."""
    if sys.stderr is not None or quietly:
        logs.say(text)
    elif sys.platform == "win32":
        from tray_app import winui

        winui.message_box(zh.NAME, text)
    return 2
