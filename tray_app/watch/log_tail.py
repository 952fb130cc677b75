"""Follows growing text files of a folder by file id and offset: across rotation, renaming, truncation, a new date.

A file is known by its id, not by its name, so one that is renamed is read on under its new name. One that shrank, or
whose beginning changed, is another file and is read from its start. It is opened, read and closed in one go, and so
that its owner can rename or delete it meanwhile (windows-facts.md section 5).
"""

from __future__ import annotations

import fnmatch
import hashlib
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Sequence

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024  # read from one file in one look
MOST_BEHIND = 8 * 1024 * 1024  # bytes: of a longer backlog only the end is read
LONGEST_LINE = 64 * 1024  # bytes: what is longer is cut here
HEAD = 64  # bytes from a file's beginning by which another file with the same id is noticed
MOST_FILES = 200  # followed at a time; the newest
LOOKS_MISSED = 30  # looks in a row without a file until it is forgotten; a virus scanner may hide it for a moment
OLD = 12 * 3600.0  # seconds: what stands in a file that was last written so long before we met it is no news


class Place(NamedTuple):
    """How far one file was read. head: hash of its first `headed` bytes; missed: looks in a row without it."""

    offset: int
    head: str = ""
    headed: int = 0
    missed: int = 0


Places = Dict[str, Place]  # by file id


class Line(NamedTuple):
    file: str
    raw: bytes


class Look(NamedTuple):
    """New complete lines in the order of files and lines; `more`: there is more to read at once."""

    lines: list[Line]
    places: Places
    more: bool


def follow(
    folders: Sequence[Path],
    wanted: Sequence[str],
    known: Places | None,
    now: float,
    read: Callable[[str, int, int], bytes] | None = None,
) -> Look:
    """What was written since `known`. None: the first look ever; what stands in the files already is no news.

    `wanted`: patterns of file names. A known file is read on under whatever name it has now. OSError: a folder cannot
    be read just now; nothing is known anew."""
    read_part = read or read_shared
    lines: list[Line] = []
    places: Places = {}
    more = False
    for name, path, status in _files(folders, wanted, known or {}):
        key = file_id(status)
        if known is None or (key not in known and status.st_mtime < now - OLD):
            places[key] = Place(status.st_size)
            continue
        before = known.get(key, Place(0))._replace(missed=0)
        try:
            place, found, unread = _read_on(path, status.st_size, before, read_part)
        except OSError as error:
            log.debug("%s: %s", path, error)  # held or gone just now: it is read in the next look
            places[key] = before
            continue
        lines += [Line(name, raw) for raw in found]
        places[key] = place
        more = more or unread
    for key, place in (known or {}).items():
        if key not in places and place.missed < LOOKS_MISSED:
            places[key] = place._replace(missed=place.missed + 1)  # else it would come back as a new file
    return Look(lines, places, more)


def _files(folders: Sequence[Path], wanted: Sequence[str], known: Places) -> list[tuple[str, str, os.stat_result]]:
    """(name, path, status) of the files to read, the oldest first."""
    found, others = [], []
    for folder in folders:
        for name in _list(folder):
            path = os.path.join(str(folder), name)
            if any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in wanted):
                found += _stat(name, path)
            else:
                others.append((name, path))
    if set(known) - {file_id(status) for _, _, status in found}:
        # One that we know is not there any more under a name that we want: perhaps it was renamed.
        renamed = [item for name, path in others for item in _stat(name, path)]
        found += [item for item in renamed if file_id(item[2]) in known]
    # By id: a folder that is named twice, spelled in two ways, still holds each file once.
    once = {file_id(item[2]): item for item in found}
    return sorted(once.values(), key=lambda item: item[2].st_mtime)[-MOST_FILES:]


def file_id(status: os.stat_result) -> str:
    return f"{status.st_dev}-{status.st_ino}"


def _list(folder: Path) -> list[str]:
    try:
        return os.listdir(str(folder))
    except FileNotFoundError:
        return []  # not there yet: QMT makes it


def _stat(name: str, path: str) -> list[tuple[str, str, os.stat_result]]:
    try:
        status = os.stat(path)  # not the folder's entry: on Windows that has neither id nor the newest size
    except OSError:
        return []
    if not status.st_ino:
        return []  # Windows did not let it be opened just now: Python then tells what the folder says, without an id
    return [(name, path, status)] if stat.S_ISREG(status.st_mode) else []


def _read_on(
    path: str, size: int, before: Place, read: Callable[[str, int, int], bytes]
) -> tuple[Place, list[bytes], bool]:
    if size == before.offset:
        return before, [], False
    if size < before.offset or (before.headed and _hash(read(path, 0, before.headed)) != before.head):
        before = Place(0)
    offset = before.offset
    if size - offset > MOST_BEHIND:
        offset = size - MOST_BEHIND
        log.warning("%s: %d bytes behind, only the end is read", path, size - before.offset)
    raw = read(path, offset, MOST_BYTES)
    end = raw.rfind(b"\n") + 1
    if not end and len(raw) >= LONGEST_LINE:
        end = len(raw)
    lines = [line[:LONGEST_LINE].rstrip(b"\r") for line in raw[:end].split(b"\n") if line.strip()]
    offset += end
    headed = min(HEAD, offset)
    if headed > before.headed:
        before = Place(offset, _hash(read(path, 0, headed)), headed)
    unread = bool(end) and offset + LONGEST_LINE < size
    return before._replace(offset=offset), lines, unread


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def read_shared(path: str, offset: int, most: int) -> bytes:
    """Part of a file that another program may write, rename and delete meanwhile. OSError."""
    if sys.platform == "win32":
        from tray_app import windows_seen

        descriptor = windows_seen.open_shared(path)
    else:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        file.seek(offset)
        return file.read(most)
