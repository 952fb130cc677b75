"""Tells of lines in QMT's logs that the owner wants to know of: qmt.log events, bounded in number.

How far the files were read is a mark in the outbox, written in the same transaction as the events: a crash anywhere
neither loses nor doubles a line that was worth telling.
"""

from __future__ import annotations

import copy
import json
import ntpath
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Sequence

from tray_app import events
from tray_app.events import Event
from tray_app.watch import log_lines, log_tail
from tray_app.watch.log_lines import Pattern, Tell, Teller, Told
from tray_app.worker import Lease

EVERY = 2.0  # seconds between rounds
SHARE = 0.005  # of one core that looks may take: where a folder holds the logs of years, they come more seldom
LONGEST_REST = 20.0  # seconds
MARK = "qmt-log"
MARK_EVERY = 60.0  # seconds: where nothing was told, reading some lines again does no harm
BINARIES = "bin.x64"  # where the executables lie within QMT's folder (qmt-facts.md section 2)
LOG_FOLDERS = (("userdata", "log"), ("userdata_mini", "log"))


def log_folders(setting: str, install: str, running: str | None) -> list[Path]:
    """Where QMT's logs lie: the folder of the settings; else below the install folder, and below that of the running
    QMT (`running`: its exe's path)."""
    if setting:
        return [Path(setting)]
    roots = []
    for folder in (install, os.path.dirname(running) if running else ""):
        if folder:
            folder = folder.rstrip("\\/")
            is_inner = ntpath.basename(folder).lower() == BINARIES
            roots.append(os.path.dirname(folder) if is_inner else folder)
    return [Path(root).joinpath(*parts) for root in dict.fromkeys(roots) for parts in LOG_FOLDERS]


class LogWatcher:
    """`folders()`: where the logs are now; QMT may be installed or found only later."""

    def __init__(
        self,
        folders: Callable[[], Sequence[Path]],
        wanted: Sequence[str],
        patterns: Sequence[Pattern],
        account: str,
        lease: Lease,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._folders = folders
        self._wanted = wanted
        self._patterns = patterns
        self._account = account
        self._lease = lease
        self._cpu = cpu
        self._looked_at, self._rest = 0.0, 0.0
        self._read_marks = False
        self._places: log_tail.Places | None = None
        self._teller = Teller()
        self._marked_at = 0.0
        self._marked = ""

    def round(self, now: float) -> bool:
        """True: there is more to read."""
        if 0 <= now - self._looked_at < self._rest:
            return False
        began = self._cpu()
        more = self._look(now)
        self._looked_at = now
        self._rest = 0.0 if more else min(LONGEST_REST, (self._cpu() - began) / SHARE)
        return more

    def _look(self, now: float) -> bool:
        if not self._read_marks:
            self._remember(self._lease.marks(MARK).get(MARK, ""), now)
        folders = self._folders()
        if not any(folder.is_dir() for folder in folders):
            return False  # not found yet: its first look must not be counted as made
        look = log_tail.follow(folders, self._wanted, self._places, now)
        teller = copy.deepcopy(self._teller)  # what could not be stored was not told
        tells: list[Tell] = []
        matched = False
        texts = [log_lines.decode(line.raw) for line in look.lines]
        for number, (line, text) in enumerate(zip(look.lines, texts)):
            for hit in log_lines.match(text, self._patterns):
                whole = log_lines.with_cause(hit.line, texts[number + 1 : number + 1 + log_lines.LONGEST_TRACEBACK])
                tells += teller.heard(hit._replace(line=whole), line.file, now)
                matched = True
        tells += teller.due(now)
        new = [_event(tell, self._account, now) for tell in _last_words(tells)]
        self._store(new, look.places, teller, now, matched)
        self._places, self._teller = look.places, teller
        return look.more

    def _store(self, new: list[Event], places: log_tail.Places, teller: Teller, now: float, matched: bool) -> None:
        kept = {"places": places, "begun": teller.begun(), "counting": teller.counting(self._account)}
        mark = json.dumps(kept, sort_keys=True)
        due = mark != self._marked and not 0 <= now - self._marked_at < MARK_EVERY
        # A line that is only counted must not be read again either: the next run would tell it as new.
        if new or due or matched:
            self._lease.put(*new, marks={MARK: mark})
            self._marked, self._marked_at = mark, now

    def _remember(self, mark: str, now: float) -> None:
        self._read_marks = True
        try:
            kept: Any = json.loads(mark)
            places = {str(key): log_tail.Place(*value) for key, value in kept["places"].items()}
            counting = {
                str(name): Told(float(at), int(more), str(line), str(file), bool(lasting))
                for name, (at, more, line, file, lasting) in kept.get("counting", {}).items()
            }
            self._teller.remember([str(name) for name in kept["begun"]], counting, now)
            self._places = places
        except (ValueError, TypeError, KeyError, AttributeError):
            self._places = None  # never read before, or damaged: begin at the files' ends


def _last_words(tells: Sequence[Tell]) -> list[Tell]:
    """Of a pattern that began and ended again and again within one look only the last beginning, for all of them, and
    the last end: they say how it is now."""
    last = {(tell.pattern, tell.over): number for number, tell in enumerate(tells) if tell.lasting}
    times: Counter[tuple[str, bool]] = Counter()
    kept = []
    for number, tell in enumerate(tells):
        key = tell.pattern, tell.over
        times[key] += tell.times
        if not tell.lasting:
            kept.append(tell)
        elif last[key] == number:
            kept.append(tell if tell.over else tell._replace(times=times[key]))
    return kept


def _event(tell: Tell, account: str, now: float) -> Event:
    data = {
        "file": log_lines.mask(tell.file, account),
        "line": log_lines.mask(tell.line, account),
        "pattern": tell.pattern,
        "count": tell.times,
    }
    if tell.lasting:
        data["lasting"] = True
    if tell.over:
        data["over"] = True
    return events.make("qmt.log", data, now)
