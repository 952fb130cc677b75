"""保存诊断包: one zip that the owner can give to whoever helps. Nothing in it opens anything: see redact.py.

sentry.ini       without its secrets
state.json       workers, outbox figures, the way to the receiver, QMT, this machine, versions
logs/*           the tray's own logs (logs.py)
"""

from __future__ import annotations

import datetime
import io
import json
import logging
import os
import platform
import sqlite3
import ssl
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from tray_app import VERSION, redact
from tray_app import strings_zh as zh
from tray_app.home import Home, write_whole_bytes
from tray_app.logs import FATAL, ONCE, TRAY
from tray_app.trading_time import SHANGHAI
from tray_app.watch.host import HostLook

if TYPE_CHECKING:
    from tray_app.app import TrayApp

log = logging.getLogger(__name__)

KEPT = 5  # zips; older ones are removed
LARGEST_LOG = 1024 * 1024  # bytes of one file: its end; to look through one takes about a second
LARGEST_INI = 1024 * 1024
MEGABYTE = 1024 * 1024
PACKAGES = ("pystray", "PIL", "psutil", "requests", "urllib3", "certifi", "bottle", "cheroot")


def save_for(app: TrayApp, now: float) -> tuple[Path | None, str]:
    """(the zip, what to tell the owner); None where the disk refuses."""
    try:
        path = save(app.home, facts_of(app), now)
    except OSError as error:
        log.warning("diagnosis: %s", error)
        return None, zh.DIAGNOSIS_FAILED.format(why=error.strerror or error, folder=app.home.diagnosis)
    return path, zh.DIAGNOSIS_SAVED.format(path=path)


def save(home: Home, facts: Mapping[str, Any], now: float) -> Path:
    """Write the zip and return its path. Raises OSError."""
    ini = _read(home.ini, LARGEST_INI)
    secrets = redact.secrets_of(ini)
    texts = {"sentry.ini": redact.blank_ini(ini, secrets)}
    texts["state.json"] = redact.blank(json.dumps(facts, ensure_ascii=False, indent=1, default=str), secrets)
    names = [name for pattern in (TRAY + "*", ONCE + "*", FATAL) for name in home.logs.glob(pattern)]
    for file in sorted(names):
        texts[f"logs/{file.name}"] = redact.blank(_read(file, LARGEST_LOG), secrets)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=now + SHANGHAI)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.encode("utf-8"))
    home.diagnosis.mkdir(parents=True, exist_ok=True)
    path = home.diagnosis / f"qmt-sentry-{moment:%Y%m%d-%H%M%S}.zip"
    write_whole_bytes(path, packed.getvalue())
    for old in sorted(home.diagnosis.glob("qmt-sentry-*.zip"))[:-KEPT]:
        try:
            old.unlink()
        except OSError:
            continue  # somebody has it open: the next time
    return path


def _read(file: Path, most: int) -> str:
    """The end of a file as text, from a whole line on: half a line may hold half a secret, which no net knows."""
    try:
        with open(file, "rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - most))
            raw = opened.read(most)
    except OSError as error:
        return f"({error.strerror or type(error).__name__})"
    if size > most:
        raw = raw.partition(b"\n")[2]
    return raw.decode("utf-8-sig", "replace")


def facts_of(app: TrayApp) -> dict[str, Any]:
    """How the program is, for state.json. Sizes in MB: a long number would be blanked as if it were an account's."""
    get, figures, snapshot = app.board.get, app.outbox.figures(), app.snapshot()
    view, host = app.view(), get("host", HostLook(None, None, None, None))
    return {
        "versions": versions(),
        "icon": view.icon,
        "lines": list(view.lines),
        "workers": {
            "ages": app.watchdog.ages(),
            "limits": app.watchdog.limits(),
            "restarts": app.watchdog.restarts(),
            "dead": app.watchdog.dead(),
        },
        "outbox": {**figures._asdict(), "file_mb": _megabytes(app.home.outbox)},
        "link": snapshot.link._asdict(),
        "qmt": {"state": snapshot.qmt.state, "since": snapshot.qmt.since},
        "host": {**host._asdict(), "disk_free": None, "disk_free_mb": _in_mb(host.disk_free)},
        "inbox": {"port": get("inbox_port"), "why": snapshot.inbox_why},
        "last_resort_why": snapshot.last_resort_why,
        "paused_until": snapshot.paused_until,
        "stop": snapshot.stop,
        "orders": len(snapshot.orders),
        "started_at": snapshot.started_at,
    }


def versions() -> dict[str, str]:
    """Of the program and of what it stands on."""
    found = {
        "qmt-sentry": VERSION,
        "python": sys.version,
        "system": platform.platform(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "frozen": str(bool(getattr(sys, "frozen", False))),
    }
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is not None:
            found[name] = str(getattr(module, "__version__", "?"))
    return found


def _megabytes(file: Path) -> float | None:
    try:
        return _in_mb(file.stat().st_size)
    except OSError:
        return None


def _in_mb(size: int | None) -> float | None:
    return None if size is None else round(size / MEGABYTE, 1)
