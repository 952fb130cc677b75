"""Picks up the strategies' posts: read in the order of their names, commit to the outbox, then delete.

A file that is no event goes to spool/bad and is told once. docs/protocol.md section 1.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import NamedTuple

from tray_app import events
from tray_app.events import Event
from tray_app.home import Home
from tray_app.worker import Lease

log = logging.getLogger(__name__)

EVERY = 0.25  # seconds between rounds: what the promise of one second from post to receiver allows
LARGEST_FILE = 1024 * 1024  # bytes; the receiver takes no larger post
MOST_FILES, MOST_BYTES = 200, 4 * 1024 * 1024  # of one transaction
STALE_TMP = 86400.0  # seconds: a writer died in the middle
MOST_BAD = 200  # files kept in spool/bad, so that a mad script cannot fill the disk
PATIENCE = 5.0  # seconds: a file that a virus scanner holds keeps its turn for so long, then others go first
MODE_MARK = "mode"  # what the strategy last said of its mode: it is said once a day, so a restart must not forget it
MOST_WHY = 200  # characters of a reason that are kept


class Post(NamedTuple):
    """The newest heartbeat of a strategy, for the icon."""

    at: float  # epoch seconds; never later than when it was read
    every: float
    strategy: str
    logged_in: bool | None = None  # None: it did not say
    tick_at: float | None = None  # of the last quote; None: it did not say


class Mode(NamedTuple):
    """What the trading strategy may do, in its own words (strategy.notice `mode`)."""

    at: float  # epoch seconds
    live: bool
    chosen: bool = False  # it only observes because its owner set it so
    why: str = ""


class SpoolWatcher:
    """Everything in spool/ that ends in .json and does not begin with a dot is a post."""

    def __init__(self, home: Home, lease: Lease) -> None:
        self._home = home
        self._lease = lease
        # Files by what is known about them; a name is forgotten once its file is gone.
        self._stored: set[str] = set()  # committed, but the file could not be deleted yet
        self._held_since: dict[str, float] = {}  # could not be read, and since when
        self._told: set[str] = set()  # the owner was told that it cannot be read
        self._bad: set[str] = set()  # told as no event, but the file could not be moved yet
        self._mode_known = False  # the mark was read: in the first round, because the outbox may refuse

    def round(self, now: float) -> bool:
        """One batch; True: more files are waiting."""
        if not self._mode_known:
            self._show_kept_mode()
        names = self._names(now)
        batch: list[tuple[str, Event]] = []
        size = handled = 0
        for name in names:
            if name in self._stored:
                self._delete(name)
                continue
            if name in self._bad:
                self._move_to_bad(name)
                continue
            if handled >= MOST_FILES or size >= MOST_BYTES:
                break
            try:
                raw = _read(self._home.spool / name)
            except FileNotFoundError:
                continue  # the strategy removed its oldest heartbeat
            except OSError as error:
                if self._is_held(name, now, error):
                    break
                continue
            self._held_since.pop(name, None)
            handled += 1
            size += len(raw)
            try:
                if (self._home.spool / name).is_symlink():
                    # The strategies make none; it would send whatever file of this user it points to.
                    raise events.BadEvent("是一个链接，不是文件")
                if len(raw) > LARGEST_FILE:
                    raise events.BadEvent("超过 1 MiB")
                batch.append((name, events.check(events.parse(raw))))
            except events.BadEvent as error:
                self._put_aside(name, str(error), now)
        if batch:
            modes = [mode for mode in (mode_of(event, now) for _, event in batch) if mode]
            marks = {MODE_MARK: json.dumps(modes[-1])} if modes else None
            self._lease.put(*(event for _, event in batch), marks=marks)
        for name, event in batch:
            self._stored.add(name)
            self._delete(name)
            self._show(event, now)
        return handled >= MOST_FILES or size >= MOST_BYTES

    def _names(self, now: float) -> list[str]:
        names = []
        try:
            with os.scandir(self._home.spool) as entries:
                for entry in entries:
                    if entry.name.endswith(".tmp"):
                        _remove_stale(entry, now)
                    elif entry.name.endswith(".json") and not entry.name.startswith(".") and entry.is_file():
                        names.append(entry.name)
        except FileNotFoundError:
            self._home.spool.mkdir(parents=True, exist_ok=True)
        present = set(names)
        for known in (self._stored, self._told, self._bad):
            known &= present
        self._held_since = {name: since for name, since in self._held_since.items() if name in present}
        return sorted(names)

    def _is_held(self, name: str, now: float, error: OSError) -> bool:
        """True: wait for it, so that posts keep their order. Past PATIENCE always False, and told once."""
        since = self._held_since.setdefault(name, now)
        if 0 <= now - since < PATIENCE:
            return True
        if name not in self._told:
            told = events.named_id(f"spool-unreadable:{name}")
            what = f"策略的一份消息读不了（{name}）：{error.strerror or error}。请检查是否被别的程序占用。"
            self._lease.put(events.trouble("spool-unreadable", what, now, told))
            self._told.add(name)
        return False

    def _delete(self, name: str) -> None:
        try:
            os.remove(self._home.spool / name)
        except FileNotFoundError:
            pass
        except OSError:
            return  # held by another program: it stays in _stored and is only deleted, next time
        self._stored.discard(name)

    def _put_aside(self, name: str, why: str, now: float) -> None:
        what = f"策略留下的一份消息看不懂（{name}：{why}），已放到一边保留。"
        self._lease.put(events.trouble("spool-bad", what, now, events.named_id(f"spool-bad:{name}")))
        log.warning("spool: %s: %s", name, why)
        self._bad.add(name)
        self._move_to_bad(name)

    def _move_to_bad(self, name: str) -> None:
        try:
            self._home.bad.mkdir(parents=True, exist_ok=True)
            for old in sorted(os.listdir(self._home.bad))[: -MOST_BAD + 1 or None]:
                if len(os.listdir(self._home.bad)) >= MOST_BAD:
                    os.remove(self._home.bad / old)
            os.replace(self._home.spool / name, self._home.bad / name)
        except OSError:
            return  # held by another program: it stays in _bad and is only moved, next time
        self._bad.discard(name)

    def _show(self, event: Event, now: float) -> None:
        if event["kind"] == "qmt.heartbeat":
            self._lease.show(post=post_of(event, now))
        mode = mode_of(event, now)
        if mode:
            self._lease.show(mode=mode)

    def _show_kept_mode(self) -> None:
        kept = self._lease.marks(MODE_MARK).get(MODE_MARK)
        self._mode_known = True
        try:
            if kept:
                self._lease.show(mode=Mode(*json.loads(kept)))
        except (ValueError, TypeError):
            log.warning("mode: the mark of another version: %s", kept)


def mode_of(event: Event, now: float) -> Mode | None:
    """What a post says of the strategy's mode; None: nothing. Pure."""
    data = event["data"]
    if event["kind"] != "strategy.notice" or data.get("what") != "mode" or data.get("mode") not in ("live", "observe"):
        return None
    why = data.get("why")
    clean = " ".join(why.split())[:MOST_WHY] if isinstance(why, str) else ""
    return Mode(min(event["at"], now), data["mode"] == "live", data.get("chosen") is True, clean)


def post_of(event: Event, now: float) -> Post:
    """What a strategy's heartbeat says for the icon. Pure."""
    data = event["data"]
    every, logged_in = data.get("every"), data.get("logged_in")
    return Post(
        min(event["at"], now),  # a time in the future would keep the icon green for as long
        every if isinstance(every, (int, float)) and 0 < every <= 3600 else 60.0,
        str(data.get("strategy") or ""),
        logged_in if isinstance(logged_in, bool) else None,
        events.time_of(data.get("tick_at")),
    )


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGEST_FILE + 1)


def _remove_stale(entry: os.DirEntry[str], now: float) -> None:
    try:
        if now - entry.stat().st_mtime > STALE_TMP:
            os.remove(entry.path)
    except OSError:
        pass  # renamed meanwhile, or held: looked at again in the next round
