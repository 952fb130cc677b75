"""Looks for QMT's processes: by name and install folder, on Windows and on Linux (windows-facts.md section 5)."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Iterable, Sequence

import psutil  # type: ignore[import-untyped,unused-ignore]

from tray_app.watch.qmt import Found


class Looker:
    """Finds QMT's processes. One odd process never stops the scan: each is asked on its own, and any error of psutil or
    of the system (Wine: OSError) means that this one does not tell."""

    def __init__(self, names: Sequence[str], folder: str, answering: Callable[[psutil.Process], bool | None]) -> None:
        self._names = [os.path.normcase(name) for name in names]
        self._folder = _folder(folder)
        self._answering = answering
        self._processes: dict[tuple[int, float], psutil.Process] = {}  # kept: cpu is counted between two looks

    def look(self) -> list[Found]:
        found = []
        for process, name in _candidates(self._names):
            seen = self._describe(process, name)
            if seen is not None:
                found.append(seen)
        found.sort(key=lambda item: (self._names.index(os.path.normcase(item.name)), item.started))
        alive = {(item.pid, item.started) for item in found}
        self._processes = {key: process for key, process in self._processes.items() if key in alive}
        return found

    def _describe(self, process: psutil.Process, name: str) -> Found | None:
        try:
            started = process.create_time()
            if process.status() == psutil.STATUS_ZOMBIE:
                return None  # dead, only not yet buried by its parent
        except (psutil.Error, OSError):
            return None
        process = self._processes.setdefault((process.pid, started), process)
        paths = _paths(process)
        here = not self._folder or not paths or any(_inside(path, self._folder) for path in paths)
        return Found(
            process.pid,
            started,
            name,
            paths[0] if paths else None,
            here,
            self._answering(process) if here else None,
            _ask(lambda: process.memory_info().rss),
            _ask(lambda: process.cpu_percent(None)),
        )


def _candidates(names: Sequence[str]) -> Iterable[tuple[psutil.Process, str]]:
    """Processes with one of the names, each with the name as it is on this machine."""
    if sys.platform == "win32":
        from tray_app import winapi

        # One call lists all names, also where psutil cannot read them (other users' processes, Wine).
        for pid, name in winapi.process_names():
            if os.path.normcase(name) in names:
                process = _ask(lambda pid=pid: psutil.Process(pid))
                if process is not None:
                    yield process, name
        return
    for process in psutil.process_iter():
        for name in _posix_names(process):
            if name in names:
                yield process, name
                break


def _posix_names(process: psutil.Process) -> list[str]:
    """A program that stands in for QMT on Linux is called so by its file, by its process name or by argv[0]."""
    answers = [_ask(process.name), _ask(process.exe)]
    command = _ask(process.cmdline)
    answers.append(command[0] if command else None)
    return [os.path.basename(answer) for answer in answers if answer]


def _paths(process: psutil.Process) -> list[str]:
    command = _ask(process.cmdline)
    answers = [command[0] if command else None, _ask(process.exe)]
    if sys.platform == "win32":
        from tray_app import winapi

        answers.reverse()
        answers.append(winapi.process_path(process.pid))
    return [path for path in answers if path and os.path.isabs(path)]


def _folder(text: str) -> str:
    return os.path.normcase(os.path.abspath(text)) if text else ""


def _inside(path: str, folder: str) -> bool:
    inner = os.path.normcase(os.path.abspath(path))
    return inner.startswith(folder.rstrip("\\/") + os.sep)


def _ask(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except (psutil.Error, OSError, RuntimeError):
        return None


def posix_answering(process: psutil.Process) -> bool | None:
    """A stopped process (SIGSTOP) answers nobody; more cannot be told from outside."""
    status = _ask(process.status)
    return None if status is None else status != psutil.STATUS_STOPPED
