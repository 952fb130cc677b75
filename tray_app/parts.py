"""Builds the workers: which part, how often, and what it is given. The one list of everything that is under watch."""

from __future__ import annotations

import sys
import uuid
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

import psutil  # type: ignore[import-untyped,unused-ignore]

from tray_app import last_resort, state
from tray_app.config import Config
from tray_app.events import Event
from tray_app.home import Home
from tray_app.inbox import EVERY as INBOX_EVERY
from tray_app.inbox import LIMIT as INBOX_LIMIT
from tray_app.inbox import Inbox
from tray_app.last_resort import LastResort
from tray_app.outbox import FULL, Outbox
from tray_app.sender import Link, Sender
from tray_app.watch import flags, health, host, qmt, qmt_depth, qmt_log, qmt_look, spool
from tray_app.worker import Board, Lease, Worker

SENDER_EVERY, SENDER_LIMIT = 1.0, 60.0  # one try may take 5 s to connect, 15 s to read and 20 s for a slow answer
QMT_LIMIT = 20.0  # two windows may take 2 s each, on a machine under load
HEALTH_LIMIT = 30.0  # many processes and files are asked, each of which a virus scanner may hold up


class Parts(NamedTuple):
    """The workers by name; inbox is None where [inbox] is off or has no token."""

    sender: Worker
    spool: Worker
    flags: Worker
    qmt: Worker
    host: Worker
    health: Worker
    all: list[Worker]


def build(
    home: Home,
    current: Callable[[], Config],
    outbox: Outbox,
    board: Board,
    extra: Callable[[], dict[str, Any]],
    companions: Callable[[float], list[Event]],
    on_resume: Callable[[], None],
    system_slept: Callable[[], float],
    paused: Callable[[], bool],
) -> Parts:
    """Workers ready to start. `current()`: the settings as they are now, of which a pairing can change while the
    program runs; extra to system_slept are the host watcher's (watch/host.py)."""
    run, config = str(uuid.uuid4()), current()

    def make_sender(lease: Lease) -> Sender:
        return Sender(current(), outbox, lease, run, board.get("link", Link()), lambda: board.get("unstored_beat", ()))

    def make_qmt(lease: Lease) -> qmt.QmtWatcher:
        looker = qmt_look.Looker(config.qmt_names, config.qmt_folder, _answering())
        before = board.get("qmt_stored", qmt.Seen())
        more = partial(health.beyond, board)
        late = qmt.WINDOWS_SAYS_LATE if sys.platform == "win32" else 0.0
        return qmt.QmtWatcher(config.qmt_names, config.qmt_hung_after, lease, looker.look, before, more, late)

    def seen() -> qmt.Seen:
        found: qmt.Seen = board.get("qmt", qmt.Seen())
        return found

    def unstored() -> str:
        why = outbox.figures().error
        return "" if why == FULL else why  # then what waits for the receiver is the trouble, and not the storing

    def make_health(lease: Lease) -> health.HealthWatcher:
        titles, restart_pending = _windows_only()
        depth = qmt_depth.DepthLooker(titles).look
        edges = health.Edges(
            seen,
            depth,
            lambda: board.get("link", Link()).clock_offset,
            restart_pending,
            health.free_of,
            unstored,
            lambda: host_worker.hurry(),
        )
        return health.HealthWatcher(home.root, config, lease, edges, board.get("health", health.Memory()))

    def make_qmt_log(lease: Lease) -> qmt_log.LogWatcher:
        def folders() -> list[Path]:
            process = seen().process
            running = process.path if process is not None and process.here else None
            return qmt_log.log_folders(config.qmt_logs, config.qmt_folder, running)

        wanted, patterns = config.qmt_log_files, config.qmt_log_patterns
        return qmt_log.LogWatcher(folders, wanted, patterns, config.account_id, lease)

    def make_host(lease: Lease) -> host.HostWatcher:
        return host.HostWatcher(home.root, config.host_every, lease, extra, companions, on_resume, system_slept)

    def make_last_resort(lease: Lease) -> LastResort:
        def link() -> Link:
            found: Link = board.get("link", Link())
            return found

        def is_trading(epoch: float) -> bool:
            return state.is_trading_day(current(), link())(epoch)

        def facts() -> str:
            return state.in_short(board.get("qmt", qmt.Seen()), board.get("orders", ()))

        return LastResort(home.last_resort, lease, current, link, paused, is_trading, facts)

    def worker(name: str, make: Callable[[Lease], Any], every: float, limit: float = 0.0) -> Worker:
        return Worker(name, make, every, lambda: Lease(outbox, board), max(limit, 10.0))

    sender = worker("sender", make_sender, SENDER_EVERY, SENDER_LIMIT)
    spool_worker = worker("spool", lambda lease: spool.SpoolWatcher(home, lease), spool.EVERY)
    keep = config.outbox_max_age
    flag_worker = worker("flags", lambda lease: flags.FlagWatcher(home.flags, lease, keep), flags.EVERY)
    qmt_worker = worker("qmt", make_qmt, config.qmt_look_every, QMT_LIMIT)
    host_worker = worker("host", make_host, host.EVERY)
    health_every = min(health.EVERY, 5 * config.qmt_look_every)
    health_worker = worker("health", make_health, health_every, HEALTH_LIMIT)
    workers = [sender, spool_worker, flag_worker, qmt_worker, host_worker, health_worker]
    if config.qmt_log_patterns:
        workers.append(worker("qmt-log", make_qmt_log, qmt_log.EVERY, HEALTH_LIMIT))
    port = config.inbox_port
    if port is not None and config.inbox_token:
        token, number = config.inbox_token, port
        workers.append(worker("inbox", lambda lease: Inbox(number, token, home, lease), INBOX_EVERY, INBOX_LIMIT))
    if last_resort.is_set(config):
        workers.append(worker("last-resort", make_last_resort, last_resort.EVERY, last_resort.LIMIT))
    return Parts(sender, spool_worker, flag_worker, qmt_worker, host_worker, health_worker, workers)


def _answering() -> Callable[[psutil.Process], Any]:
    if sys.platform == "win32":
        from tray_app import winapi

        return lambda process: winapi.answering(process.pid)
    return qmt_look.posix_answering


def _windows_only() -> tuple[Callable[[Sequence[int]], list[str]], Callable[[], bool]]:
    """(titles of some processes' windows, does Windows wait for a restart); elsewhere nobody can tell."""
    if sys.platform == "win32":
        from tray_app import winapi, windows_seen

        return winapi.window_titles, windows_seen.restart_pending
    return (lambda pids: []), (lambda: False)
