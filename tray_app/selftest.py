"""--selftest: tries everything that this program is made of, without touching the owner's home folder.

For the installer's last step: a program that is packed without a library is found there, not on the first trading day.
"""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple

import certifi

import tray_app
from tray_app import VERSION, events, icon
from tray_app import strings_zh as zh
from tray_app.home import write_whole
from tray_app.outbox import Outbox
from tray_app.outbox_file import OLDEST_SQLITE
from tray_app.state import ICONS

MOST_BYTES, MOST_AGE = 10**7, 86400.0  # of the scratch outbox


class Check(NamedTuple):
    """`work` raises where something is missing, and gives back what it saw."""

    name: str
    work: Callable[[], str]


class Result(NamedTuple):
    name: str
    well: bool
    text: str


def run(say: Callable[[str], None], report: Path | None) -> int:
    """0: all is well; 1: something is missing. Says one line per check, and writes them to `report`."""
    results = try_all(CHECKS)
    lines = lines_of(results)
    say("\n".join(lines))
    try:
        if report is not None:
            write_whole(report, "\n".join(lines) + "\n")
    except OSError as error:
        say(zh.NO_REPORT.format(path=report, why=error.strerror or error))
        return 1
    return 0 if all(result.well for result in results) else 1


def try_all(checks: tuple[Check, ...]) -> list[Result]:
    """Each check, whatever the ones before it came to."""
    results = []
    for check in checks:
        try:
            results.append(Result(check.name, True, check.work()))
        except Exception as error:
            # Whatever a broken program raises: it is what this is here to find.
            results.append(Result(check.name, False, f"{type(error).__name__}: {error}"))
    return results


def lines_of(results: list[Result]) -> list[str]:
    bad = [result.name for result in results if not result.well]
    lines = [f"{'好  ' if result.well else '不行'} {result.name}：{result.text}" for result in results]
    return [*lines, zh.SELFTEST_BAD.format(names="、".join(bad)) if bad else zh.SELFTEST_WELL.format(version=VERSION)]


def _modules() -> str:
    """All of our own, and what only some systems have."""
    names = [name for _, name, _ in pkgutil.walk_packages(tray_app.__path__, "tray_app.")]
    if "tray_app.app" not in names:
        raise ImportError("tray_app: no list of modules")
    ours = [name for name in names if not name.endswith((".__main__", *_WINDOWS))]
    if sys.platform == "win32":
        ours += [name for name in names if name.endswith(_WINDOWS)] + ["pystray._win32", "pystray._util.win32"]
    for name in ours:
        importlib.import_module(name)
    return f"{len(ours)}"


_WINDOWS = (".winapi", ".winui", ".windows_seen")


def _tls() -> str:
    context = ssl.create_default_context(cafile=certifi.where())
    if not context.get_ca_certs():
        raise ssl.SSLError("no root certificates")
    # A handshake up to the first byte that it would send: the cipher and hash libraries have to work for that.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    if not outgoing.pending:
        raise ssl.SSLError("no TLS greeting")
    return ssl.OPENSSL_VERSION


def _sqlite() -> str:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise sqlite3.NotSupportedError(sqlite3.sqlite_version)
    return sqlite3.sqlite_version


def _outbox() -> str:
    """What was put comes back after the file was closed, and goes when it was accepted."""
    with tempfile.TemporaryDirectory(prefix="qmt-sentry-") as folder:
        file = Path(folder) / "outbox.db"
        event = events.make("host.test_alert", {"text": "selftest"}, time.time())
        first = Outbox(file, MOST_BYTES, MOST_AGE, time.time)
        try:
            first.put(event)
        finally:
            first.close()
        again = Outbox(file, MOST_BYTES, MOST_AGE, time.time)
        try:
            ids = [row.id for row in again.take(10, MOST_BYTES)]
            again.settle(ids, {})
            if ids != [event["id"]] or again.figures().waiting:
                raise OSError(f"put {event['id']}, found {ids}")
        finally:
            again.close()
    return "1"


def _icons() -> str:
    drawn = [(state, size) for state in ICONS for size in icon.SIZES]
    for state, size in drawn:
        image = icon.resource(state, size)
        if sys.platform == "win32":
            from tray_app import winui

            winui.destroy_icon(winui.make_icon(image, size))
    return f"{len(drawn)}"


CHECKS = (
    Check("模块", _modules),
    Check("加密连接（TLS）", _tls),
    Check("数据库（SQLite）", _sqlite),
    Check("发件箱", _outbox),
    Check("图标", _icons),
)
