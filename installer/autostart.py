"""Registers what starts the program again: scheduled tasks, or the registry's Run value where tasks are refused."""

from __future__ import annotations

import datetime
import ntpath
import os
import subprocess
import tempfile
from typing import Any, Callable, NamedTuple, Optional, Sequence

from installer import tasks

RUN_KEY, RUN_NAME = r"Software\Microsoft\Windows\CurrentVersion\Run", "QMTSentry"
SCHTASKS_SECONDS = 60.0
CREATE_NO_WINDOW = 0x08000000

Call = Callable[[Sequence[str]], Optional[bytes]]  # runs a command; its output, None unless it ended with 0


class Registered(NamedTuple):
    """What starts the program from now on."""

    keepalive: bool
    shutdown: bool
    run_value: bool


class RunValue:
    """HKCU ... Run. `registry`: the winreg module, or what stands in for it."""

    def __init__(self, registry: Any) -> None:
        self._w = registry

    def read(self) -> str | None:
        w = self._w
        try:
            with w.OpenKey(w.HKEY_CURRENT_USER, RUN_KEY) as key:
                return str(w.QueryValueEx(key, RUN_NAME)[0])
        except OSError:
            return None

    def write(self, command: str) -> None:
        w = self._w
        with w.CreateKey(w.HKEY_CURRENT_USER, RUN_KEY) as key:
            w.SetValueEx(key, RUN_NAME, 0, w.REG_SZ, command)

    def remove_if_ours(self, exe: str) -> bool:
        """Whether there is none of ours left. Another copy's value stays."""
        now = self.read()
        if now is None or not is_ours(now, exe):
            return False
        w = self._w
        with w.OpenKey(w.HKEY_CURRENT_USER, RUN_KEY, 0, w.KEY_SET_VALUE) as key:
            w.DeleteValue(key, RUN_NAME)
        return True


def is_ours(command: str, exe: str) -> bool:
    """Whether a Run value starts `exe`, with or without quotes."""
    return command.strip().strip('"').lower() == exe.lower()


def register(
    exe: str, user: str, today: datetime.date, with_shutdown: bool, call: Call, run_value: RunValue
) -> Registered:
    """Tasks first. A logon trigger may be refused to an account: then only the repetition, and the Run value. No task
    at all (refused, or no Task Scheduler): the Run value alone."""
    whole = _create(tasks.KEEPALIVE, tasks.keepalive(exe, user, today), exe, call)
    part = whole or _create(tasks.KEEPALIVE, tasks.keepalive(exe, user, today, at_logon=False), exe, call)
    shutdown = False
    if with_shutdown:
        shutdown = _create(tasks.SHUTDOWN, tasks.shutdown(exe, user, today), exe, call)
    else:
        call(["schtasks", "/Delete", "/TN", tasks.SHUTDOWN, "/F"])
    if whole:
        run_value.remove_if_ours(exe)
    else:
        run_value.write(f'"{exe}"')
    return Registered(part, shutdown, not whole)


def remove_tasks(call: Call) -> None:
    """No word where there is none: schtasks then ends with 1."""
    for name in tasks.NAMES:
        call(["schtasks", "/Delete", "/TN", name, "/F"])


def has_task(name: str, exe: str, call: Call) -> bool:
    """Whether the Task Scheduler has it and it starts `exe`. Wine's schtasks answers yes to everything, with no word:
    what cannot show the task has none."""
    shown = call(["schtasks", "/Query", "/TN", name, "/XML"])
    return shown is not None and ntpath.basename(exe).encode("ascii") in shown.replace(b"\0", b"")


def _create(name: str, xml: str, exe: str, call: Call) -> bool:
    handle, path = tempfile.mkstemp(suffix=".xml", prefix="qmt-sentry-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(tasks.file_bytes(xml))
        made = call(["schtasks", "/Create", "/XML", path, "/TN", name, "/F"]) is not None
        return made and has_task(name, exe, call)
    finally:
        os.unlink(path)


def call_quietly(command: Sequence[str]) -> bytes | None:
    """Run it without a window; its output, or None where it did not end with 0 in time."""
    try:
        flags = CREATE_NO_WINDOW if os.name == "nt" else 0
        null = subprocess.DEVNULL
        done = subprocess.run(
            list(command),
            stdin=null,
            stdout=subprocess.PIPE,
            stderr=null,
            timeout=SCHTASKS_SECONDS,
            creationflags=flags,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def current_user() -> str:
    """DOMAIN\\name of who is logged on."""
    name = os.environ.get("USERNAME", "")
    domain = os.environ.get("USERDOMAIN", "")
    return f"{domain}\\{name}" if domain else name
