"""Looks deeper into a running QMT: its child processes, what all of them use, the titles of their windows."""

from __future__ import annotations

import sys
from typing import Any, Callable, NamedTuple, Sequence

import psutil  # type: ignore[import-untyped,unused-ignore]

from tray_app.watch.qmt import SAME_START, Found

MOST_CHILDREN = 50


class Child(NamedTuple):
    pid: int
    started: float
    name: str


class Depth(NamedTuple):
    """run: QMT's pid and start. memory (bytes), handles and cpu (percent of one core) of QMT and its children together;
    None: this machine does not tell."""

    run: tuple[int, float]
    children: tuple[Child, ...] = ()
    memory: float | None = None
    handles: float | None = None
    cpu: float | None = None
    titles: tuple[str, ...] = ()


class DepthLooker:
    """`titles(pids)` gives the titles of these processes' visible windows."""

    def __init__(self, titles: Callable[[Sequence[int]], list[str]]) -> None:
        self._titles = titles
        self._cpu: dict[tuple[int, float], float] = {}  # seconds of cpu time at the last look
        self._cpu_at: float | None = None
        self._run: tuple[int, float] | None = None

    def look(self, found: Found, now: float) -> Depth | None:
        """None: it has just gone."""
        main = _process(found.pid)
        if main is None:
            return None
        run = (found.pid, found.started)
        if self._run is not None and self._run[0] == run[0] and abs(self._run[1] - run[1]) <= SAME_START:
            run = self._run  # its start flutters by a second (psutil#1007)
        self._run = run
        processes = [(main, Child(found.pid, found.started, found.name)), *descendants(main, found.started)]
        memory = [_memory(process) for process, _ in processes]
        handles = [_handles(process) for process, _ in processes]
        return Depth(
            run,
            tuple(child for _, child in processes[1:]),
            _sum(memory),
            _sum(handles),
            self._cpu_percent(processes, now),
            tuple(_ask(lambda: self._titles([child.pid for _, child in processes])) or ()),
        )

    def _cpu_percent(self, processes: Sequence[tuple[psutil.Process, Child]], now: float) -> float | None:
        used = {}
        for process, child in processes:
            times = _ask(process.cpu_times)
            if times is not None:
                used[child.pid, child.started] = float(times.user + times.system)
        before, before_at = self._cpu, self._cpu_at
        self._cpu, self._cpu_at = used, now
        if before_at is None or now <= before_at:
            return None
        spent = sum(seconds - before[key] for key, seconds in used.items() if key in before)
        return round(100.0 * max(0.0, spent) / (now - before_at), 1)


def descendants(main: psutil.Process, started: float) -> list[tuple[psutil.Process, Child]]:
    """Children and theirs. One that cannot be asked is left out."""
    if sys.platform == "win32":
        from tray_app import winapi

        table = _ask(winapi.processes) or []
    else:
        table = [(p.pid, main.pid, _ask(p.name) or "?") for p in _ask(lambda: main.children(recursive=True)) or []]
    found = []
    for pid, name in below(main.pid, table)[:MOST_CHILDREN]:
        process = _process(pid)
        born = _ask(process.create_time) if process is not None else None
        # A parent's number may have been taken by another process since: what is older than QMT is not its child.
        if process is not None and born is not None and born >= started - SAME_START:
            found.append((process, Child(pid, born, name)))
    return found


def below(root: int, table: Sequence[tuple[int, int, str]]) -> list[tuple[int, str]]:
    """(pid, name) of everything under `root` in a table of (pid, parent, name). Pure; bears loops."""
    found: list[tuple[int, str]] = []
    seen, parents = {root}, [root]
    while parents:
        parent = parents.pop()
        for pid, its_parent, name in table:
            if its_parent == parent and pid not in seen:
                seen.add(pid)
                parents.append(pid)
                found.append((pid, name))
    return sorted(found)


def still_there(children: Sequence[Child]) -> list[str]:
    """Names of those that run on; QMT's children may outlive it (qmt-facts.md section 2)."""
    left = []
    for child in children:
        process = _process(child.pid)
        born = _ask(process.create_time) if process is not None else None
        if born is not None and abs(born - child.started) <= SAME_START:
            left.append(child.name)
    return sorted(left)


def _memory(process: psutil.Process) -> float | None:
    info = _ask(process.memory_info)
    # On Windows what it has asked for, which also counts what was swapped out (Wine says 0); elsewhere what it holds.
    return None if info is None else float(getattr(info, "private", 0) or info.rss)


def _handles(process: psutil.Process) -> float | None:
    count = _ask(process.num_handles if sys.platform == "win32" else process.num_fds)
    return float(count) if count else None  # none at all is Wine's answer for another process: not known


def _process(pid: int) -> psutil.Process | None:
    return _ask(lambda: psutil.Process(pid))


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(sum(known)) if known else None


def _ask(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except (psutil.Error, OSError, RuntimeError):
        return None
