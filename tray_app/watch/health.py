"""Watches QMT and the machine in depth, and shows the board what is not well (findings.py judges, others look)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

from tray_app.config import Config
from tray_app.watch import findings, growth, qmt
from tray_app.watch.findings import Brood, Finding, Sign
from tray_app.watch.growth import History, Sample
from tray_app.watch.log_lines import mask
from tray_app.watch.qmt_depth import Depth, still_there
from tray_app.worker import Board, Lease

EVERY = 10.0  # seconds between rounds, at most
RESTART_EVERY = 300.0  # seconds between looks into the registry


class Memory(NamedTuple):
    """What a worker's successor goes on with."""

    since: dict[str, float] = {}
    told: tuple[str, ...] = ()  # codes of the findings of the last round
    brood: Brood = Brood()
    history: History = History()
    at: float = 0.0


class Edges(NamedTuple):
    """Where the facts come from. seen: the newest look of the QMT watcher; offset: receiver's clock minus ours."""

    seen: Callable[[], qmt.Seen]
    depth: Callable[[qmt.Found, float], Depth | None]
    offset: Callable[[], float | None]
    restart_pending: Callable[[], bool]
    free: Callable[[str], tuple[int, int] | None]  # of a path: (id of its disk, bytes free)
    unstored: Callable[[], str]  # why the outbox refuses, '' while it does not
    changed: Callable[[], None]  # something to tell at once


class HealthWatcher:
    """`round(now)` looks at everything; findings appear on the board and, by `changed`, in a heartbeat at once."""

    def __init__(self, home: Path, config: Config, lease: Lease, edges: Edges, before: Memory) -> None:
        self._home = home
        self._config = config
        self._lease = lease
        self._edges = edges
        self._memory = before
        self._pending = False
        self._pending_at: float | None = None

    def round(self, now: float) -> None:
        before = self._memory
        if not 0 <= now - before.at <= qmt.BIG_GAP:
            before = before._replace(since={})  # nothing was seen in between
        seen = self._edges.seen()
        process = seen.process if seen.state in (qmt.RUNNING, qmt.RESTARTED, qmt.HUNG) else None
        depth = self._edges.depth(process, now) if process is not None else None
        if depth is not None:  # some brokers' clients show the account in their title
            depth = depth._replace(titles=tuple(mask(title, self._config.account_id) for title in depth.titles))
        run = depth.run if depth else None
        names = [child.name for child in depth.children] if depth else []
        brood, signs = findings.children(before.brood, run, names, self._config.qmt_children, now)
        history = before.history
        if depth is not None:
            history = growth.add(history, run, Sample(now, depth.memory, depth.handles, depth.cpu))
            signs += findings.dialog(depth.titles, self._config.qmt_dialogs, self._config.qmt_dialog_after)
            limits = self._config.qmt_memory_per_hour, self._config.qmt_handles_per_hour
            signs += findings.growing(history, *limits, before.told)
        signs += self._machine(before.told, process, now)
        since, found = findings.settle(before.since, signs, now)
        self._memory = Memory(since, tuple(one.code for one in found), brood, history, now)
        self._lease.show(findings=found, depth=depth, health=self._memory)
        if depth is not None:
            self._lease.show(children=depth.children)  # kept when QMT is gone: they may outlive it
        if self._memory.told != before.told:
            self._edges.changed()

    def _machine(self, was: Sequence[str], process: qmt.Found | None, now: float) -> list[Sign]:
        if self._pending_at is None or not 0 <= now - self._pending_at < RESTART_EVERY:
            self._pending, self._pending_at = self._edges.restart_pending(), now
        low, here = self._config.host_disk_low, self._edges.free(str(self._home))
        signs = findings.disk("disk", "小主机的磁盘", here[1] if here else None, low, was)
        where = self._config.qmt_folder or (process.path if process else None)
        there = self._edges.free(where) if where else None
        if there is not None and (here is None or there[0] != here[0]):
            signs += findings.disk("qmt-disk", "装 QMT 的磁盘", there[1], low, was)
        if not any(sign.code == "disk-full" for sign in signs):  # which says it all
            signs += findings.outbox(self._edges.unstored())
        return signs + findings.clock(self._edges.offset(), was) + findings.restart(self._pending)


def free_of(path: str) -> tuple[int, int] | None:
    """(id of the path's disk, bytes free); None where the system does not tell."""
    try:
        return Path(path).stat().st_dev, shutil.disk_usage(path).free
    except (OSError, ValueError):
        return None


def trends(history: History) -> dict[str, Any]:
    """The slopes per hour that qmt.process carries; None: not known yet."""
    return {
        name + "_per_hour": _rounded(growth.per_hour([(one.at, getattr(one, name)) for one in history.samples]))
        for name in ("memory", "handles", "cpu")
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def in_depth(depth: Depth | None, memory: Memory, seen: qmt.Seen) -> dict[str, Any]:
    """What qmt.process carries beyond the process itself, where it is of the process that is seen."""
    process = seen.process
    if depth is None or process is None or depth.run[0] != process.pid:
        return {}
    return {
        "children": [{"name": child.name, "pid": child.pid} for child in depth.children],
        "memory": depth.memory,
        "handles": depth.handles,
        "tree_cpu": depth.cpu,
        "titles": list(depth.titles),
        **trends(memory.history),
    }


def beyond(board: Board, seen: qmt.Seen) -> dict[str, Any]:
    """What is known of QMT beyond its process, for the qmt.process event; of one that is gone, what it left behind."""
    if seen.state == qmt.MISSING:
        return {"left": still_there(board.get("children", ()))}
    return in_depth(board.get("depth"), board.get("health", Memory()), seen)


def all_of(found: Sequence[Finding] | None) -> list[dict[str, Any]] | None:
    """As host.heartbeat carries them; None: nobody has looked yet."""
    return None if found is None else findings.wire(found)
