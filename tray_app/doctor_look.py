"""What --doctor judges by: the settings, one post to the receiver, QMT's folder, and what Windows tells of tasks and
power. Each question is asked on its own; what cannot be asked is None and says nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Sequence

from tray_app import asked, config, connection, pairing, verdict
from tray_app.doctor import Autostart, Heard, Package, Power, Seen
from tray_app.home import Home, remove, write_whole
from tray_app.sender import EVENTS_PATH, envelope
from tray_app.watch import qmt_look

# As the installer names them; they stay, or an upgrade would leave the old ones behind.
KEEPALIVE, SHUTDOWN = "QMTSentry-Keepalive", "QMTSentry-Shutdown"
RUN_KEY, RUN_NAME = r"Software\Microsoft\Windows\CurrentVersion\Run", "QMTSentry"
POWER_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power"
BINARIES = "bin.x64"
PATIENCE = 30.0  # seconds for a program of Windows or QMT's Python
NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW


def look(home: Home) -> Seen:
    try:
        settings, wrong = config.load(home.ini), ""
    except config.ConfigError as error:
        settings, wrong = None, str(error)
    windows = sys.platform == "win32"
    return Seen(
        home=str(home.root),
        home_error=_cannot_write(home),
        disk_free=_disk_free(home.root),
        config=settings,
        config_error=wrong,
        heard=_hear(settings) if settings and settings.receiver else None,
        tray_runs=asked.is_running(home),
        qmt_here=_qmt_here(settings),
        qmt_running=_qmt_running(settings),
        package=_package(settings, home) if settings else None,
        autostart=_autostart() if windows else None,
        power=_power() if windows else None,
    )


def _cannot_write(home: Home) -> str:
    probe = home.control / "doctor-probe.txt"
    try:
        write_whole(probe, "x")
        remove(probe)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _disk_free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(str(folder)).free
    except OSError:
        return None


def _hear(settings: config.Config) -> Heard:
    """A post without an event, as pairing sends it."""
    session = connection.open_session(settings.receiver, settings.token, settings.fingerprint)
    try:
        sent_at = time.time()
        body = envelope(settings.machine, pairing.RUN, sent_at, 0, [])
        answer = connection.post(session, settings.receiver + EVENTS_PATH, body)
        trip = time.time() - sent_at
        found = verdict.judge(answer.status, answer.headers, answer.body, [], time.time())
    except connection.FAILURES as error:
        return Heard(connection.explain(error))
    finally:
        session.close()
    if not isinstance(found, verdict.Taken):
        return Heard(found.why)
    return Heard("", "" if found.alerts_ok else found.alerts_why or "没有说明原因", found.now - (sent_at + trip / 2))


def _binaries(settings: config.Config) -> list[Path]:
    folder = Path(settings.qmt_folder)
    return [folder / BINARIES, folder]


def _qmt_here(settings: config.Config | None) -> bool:
    if settings is None or not settings.qmt_folder:
        return False
    return any((folder / name).exists() for folder in _binaries(settings) for name in settings.qmt_names)


def _qmt_running(settings: config.Config | None) -> list[str]:
    if settings is None:
        return []
    found = qmt_look.Looker(settings.qmt_names, settings.qmt_folder, lambda process: None).look()
    return [process.path or process.name for process in found if process.here]


def _package(settings: config.Config, home: Home) -> Package | None:
    """None where QMT's folder is not known: then nobody can say what its Python finds."""
    binaries = next((folder for folder in _binaries(settings) if (folder / "Lib").is_dir()), None)
    if not settings.qmt_folder or binaries is None:
        return None
    shipped = version_of(Path(sys.executable).parent / "qmt" / "dingtou") if getattr(sys, "frozen", False) else None
    first = binaries / "Lib" / "site-packages" / "dingtou"
    for place in (first, home.root / "dingtou"):
        version = version_of(place)
        if version is not None:
            return Package(str(place), version, shipped, import_error(binaries / "python.exe", place.parent))
    return Package(str(first))


def version_of(package: Path) -> int | None:
    """VERSION of a dingtou, read without importing it: it is for another Python."""
    try:
        text = (package / "__init__.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r"^VERSION = ([0-9]+)", text, re.MULTILINE)
    return int(match.group(1)) if match else 0


def import_error(python: Path, folder: Path) -> str:
    """What QMT's own Python says when it imports dingtou from `folder`; '' also where there is none to ask."""
    if not python.exists():
        return ""
    code = f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(folder)!r}); import dingtou.spool"
    done, output = _call([str(python), "-c", code])
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return "" if done == 0 else (lines[-1][:200] if lines else f"退出码 {done}")


def _call(command: Sequence[str]) -> tuple[int | None, bytes]:
    """(exit code, both streams); None: it could not be run, or took too long."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            creationflags=NO_WINDOW if sys.platform == "win32" else 0,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None, b""
    return done.returncode, done.stdout


# Windows -------------------------------------------------------------------------------------------------------------


def _autostart() -> Autostart:
    run = _registry("HKEY_CURRENT_USER", RUN_KEY, RUN_NAME)
    return Autostart(_has_task(KEEPALIVE), _has_task(SHUTDOWN), bool(run))


def _has_task(name: str) -> bool:
    """Shown as XML, because Wine's schtasks answers yes to everything, with no word."""
    code, output = _call(["schtasks", "/Query", "/TN", name, "/XML"])
    return code == 0 and b"<" in output


def _power() -> Power:
    hiberboot = _registry("HKEY_LOCAL_MACHINE", POWER_KEY, "HiberbootEnabled")
    fast = None if hiberboot is None else bool(hiberboot)
    return Power(_idle("STANDBYIDLE"), _idle("HIBERNATEIDLE"), fast)


def _idle(setting: str) -> int | None:
    code, output = _call(["powercfg", "/q", "SCHEME_CURRENT", "SUB_SLEEP", setting])
    return on_mains(output) if code == 0 else None


def on_mains(output: bytes) -> int | None:
    """Seconds, from what powercfg /q prints: its words are in Windows' language, but the last two numbers are always
    those on mains and on battery, as 0x and 8 hex digits."""
    found = re.findall(rb"0x([0-9a-fA-F]{8})", output)
    return int(found[-2], 16) if len(found) >= 2 else None


def _registry(root: str, key: str, name: str) -> Any:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(getattr(winreg, root), key, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
