"""The log of everything that was done to some folders: what a disk would have been asked, in order.

Each watched folder is called a disk and is named by the caller ("pc", "vps"). A disk starts as a base (its files when
the recording began, all counted as safe) and is then changed by the events below. Files have numbers, names point at
them: a write belongs to the file, whatever it is called later, as on a real file system. Nothing here touches SQLite or
patches anything: sqlite_vfs.py and python_files.py report to `Recording`, disk.py reads it.
"""

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

# SQLite's shared memory beside a WAL database. It is an index rebuilt from the WAL after a crash, so it is no content.
SHARED_MEMORY = "-shm"


class Write(NamedTuple):
    disk: str
    file: int
    offset: int  # bytes
    data: bytes


class Truncate(NamedTuple):
    disk: str
    file: int
    size: int  # bytes


class Create(NamedTuple):
    disk: str
    path: str  # relative to the disk, with forward slashes
    file: int


class Rename(NamedTuple):
    """`moved` is the number of the file that carries the new name; None for a folder."""

    disk: str
    old: str
    new: str
    moved: Optional[int]


class Delete(NamedTuple):
    disk: str
    path: str
    file: int


class MakeFolder(NamedTuple):
    disk: str
    path: str


class RemoveFolder(NamedTuple):
    disk: str
    path: str


class SyncFile(NamedTuple):
    """Covers the events numbered below `upto`: those that were on record when the sync began."""

    disk: str
    file: int
    upto: int


class SyncFolder(NamedTuple):
    disk: str
    path: str  # "" is the disk's own folder
    upto: int


class Mark(NamedTuple):
    """Something the caller wants to place among the events, such as "this post was answered yes"."""

    label: str


Event = Union[Write, Truncate, Create, Rename, Delete, MakeFolder, RemoveFolder, SyncFile, SyncFolder, Mark]


class Base(NamedTuple):
    """A disk when the recording began: contents by file number, names, folders."""

    contents: Dict[int, bytes]
    names: Dict[str, int]
    folders: Set[str]


class Recording:
    """Events on the named disks since it was made. Its methods may be called from any thread.

    `changing()` is held around an operation on names and its entry here: otherwise another thread could see the new
    name, act on it, and be recorded first. Writes need no such lock; two writers of one file already take turns.
    """

    def __init__(self, disks: Dict[str, "os.PathLike[str]"]) -> None:
        self.roots = {name: os.path.realpath(path) for name, path in disks.items()}
        self.events: List[Event] = []
        self.faults: List[str] = []  # what went by unrecorded; unrecorded() reports them
        self.bases: Dict[str, Base] = {}
        self._names: Dict[str, Dict[str, int]] = {}
        self._folders: Dict[str, Set[str]] = {}
        self._last_file = 0
        self._lock = threading.RLock()
        for name, root in self.roots.items():
            self._read_base(name, root)

    def _read_base(self, disk: str, root: str) -> None:
        contents, folders = read_tree(root)
        names = {}
        for path in sorted(contents):
            self._last_file += 1
            names[path] = self._last_file
        self.bases[disk] = Base({names[path]: data for path, data in contents.items()}, names, folders)
        self._names[disk] = dict(names)
        self._folders[disk] = set(folders)

    # ---- where a path is

    def place(self, path: Union[str, bytes, "os.PathLike[str]"]) -> Optional[Tuple[str, str]]:
        """(disk, relative path) of a path in a watched folder, else None. The last part is taken as it is."""
        text = os.path.abspath(os.fsdecode(path))
        folder, name = os.path.split(text)
        full = os.path.join(os.path.realpath(folder), name)
        for disk, root in self.roots.items():
            if os.path.normcase(full) == os.path.normcase(root):
                return disk, ""
            if os.path.normcase(full).startswith(os.path.normcase(root) + os.sep):
                return disk, full[len(root) + 1 :].replace(os.sep, "/")
        return None

    # ---- what happened

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._lock:
            yield

    def now(self) -> int:
        """The moment after everything recorded so far: a number of events, as `moment` in disk_after_cut()."""
        return len(self.events)

    def mark(self, label: str) -> int:
        with self._lock:
            self.events.append(Mark(label))
            return len(self.events)

    def opened(self, disk: str, path: str, emptied: bool = False) -> int:
        """A file was opened and exists now. Returns its number."""
        with self._lock:
            number = self._names[disk].get(path)
            if number is None:
                self._last_file += 1
                number = self._last_file
                self._names[disk][path] = number
                self.events.append(Create(disk, path, number))
            elif emptied:
                self.events.append(Truncate(disk, number, 0))
            return number

    def wrote(self, disk: str, file: int, offset: int, data: bytes) -> None:
        with self._lock:
            self.events.append(Write(disk, file, offset, data))

    def truncated(self, disk: str, file: int, size: int) -> None:
        with self._lock:
            self.events.append(Truncate(disk, file, size))

    def synced(self, disk: str, file: int, upto: int) -> None:
        with self._lock:
            self.events.append(SyncFile(disk, file, upto))

    def synced_folder(self, disk: str, path: str, upto: int) -> None:
        with self._lock:
            self.events.append(SyncFolder(disk, path, upto))

    def renamed(self, old: Tuple[str, str], new: Tuple[str, str]) -> None:
        with self._lock:
            if old[0] != new[0]:
                self.faults.append(f"{old[1]} was renamed from one disk to another")
                return
            disk, names = old[0], self._names[old[0]]
            moved = names.get(old[1])
            move_name(names, self._folders[disk], old[1], new[1])
            self.events.append(Rename(disk, old[1], new[1], moved))

    def deleted(self, disk: str, path: str) -> None:
        with self._lock:
            number = self._names[disk].pop(path, None)
            if number is not None:
                self.events.append(Delete(disk, path, number))

    def made_folder(self, disk: str, path: str) -> None:
        with self._lock:
            self._folders[disk].add(path)
            self.events.append(MakeFolder(disk, path))

    def removed_folder(self, disk: str, path: str) -> None:
        with self._lock:
            self._folders[disk].discard(path)
            self.events.append(RemoveFolder(disk, path))

    def fault(self, text: str) -> None:
        """Something could not be recorded. Kept, not raised: the callers are inside SQLite's C code."""
        self.faults.append(text)


def move_name(names: Dict[str, int], folders: Set[str], old: str, new: str) -> None:
    """Rename a file, or a folder with all that is in it, in a table of names."""
    if old in names:
        names[new] = names.pop(old)
        return
    inside = old + "/"
    for path in [path for path in names if path.startswith(inside)]:
        names[new + path[len(old) :]] = names.pop(path)
    for path in [path for path in folders if path == old or path.startswith(inside)]:
        folders.discard(path)
        folders.add(new + path[len(old) :])


def read_tree(root: Union[str, "os.PathLike[str]"]) -> Tuple[Dict[str, bytes], Set[str]]:
    """(contents by relative path, relative folders) of a folder, without SQLite's shared memory."""
    contents: Dict[str, bytes] = {}
    folders: Set[str] = set()
    for folder, inner, files in os.walk(root):
        base = Path(folder)
        folders.update(base.joinpath(name).relative_to(root).as_posix() for name in inner)
        for name in files:
            if not name.endswith(SHARED_MEMORY):
                contents[base.joinpath(name).relative_to(root).as_posix()] = base.joinpath(name).read_bytes()
    return contents, folders
