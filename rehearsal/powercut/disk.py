"""What is on a disk after a power cut: rebuilds a recorded folder as it could look.

The model, and why it is this one:

* Data. What was written to a file before the last sync of that file began is there. Of the writes after it a random
  subset is there (the page cache goes to the disk in any order, or not at all), laid over each other in their order;
  the last of them may be torn at a 512-byte border, the sector that a disk writes whole. A gap reads as zeros.
* Names and sizes. Creating, renaming, deleting, making folders and truncating are metadata. ext4 (jbd2), XFS and NTFS
  ($LogFile) keep metadata in a journal that is written in order, so after a cut a prefix of these operations has
  happened and none after it. What a sync forces into that prefix depends on the system, so there are two kinds of disk:
    POSIX: a sync of a folder forces through the last operation in that folder; a sync of a file forces through its own
      last truncation but says nothing about its name. That is all that is promised (Linux's fsync(2): "does not
      necessarily ensure that the entry in the directory containing the file has also reached disk"). ext4 gives more;
      we don't rely on it. For the VPS.
    NTFS: there is no sync of a folder; Python cannot even open one. A sync of a file forces through the last operation
      that named that file (NtFlushBuffersFile: "commit all pending metadata changes for the given file", ntioapi.h), so
      a file that is synced and then renamed may come back under its old name. For the mini PC.
* A truncation that did not survive keeps the file's old blocks: what was written into the space beyond it went to new
  blocks that are lost with it.

The model is never kinder than such a disk: what it calls lost a real one may keep. So a PASS is strong, and a loss is a
missing sync somewhere.
"""

import os
import random
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from rehearsal.powercut.recording import (
    Create,
    Delete,
    Event,
    MakeFolder,
    Recording,
    RemoveFolder,
    Rename,
    SyncFile,
    SyncFolder,
    Truncate,
    Write,
    move_name,
    read_tree,
)

POSIX = "posix"
NTFS = "ntfs"
HERE = POSIX if os.name == "posix" else NTFS  # what programs that run here can at best rely on
SECTOR = 512  # bytes
TORN = 0.5  # chance that the last surviving unsynced write of a file is torn
_METADATA = (Create, Rename, Delete, MakeFolder, RemoveFolder, Truncate)


class Image(NamedTuple):
    """A disk's content: bytes by relative path, and the folders."""

    contents: Dict[str, bytes]
    folders: Set[str]

    def write_to(self, target: "os.PathLike[str]") -> None:
        """Put it into an empty folder (made if missing). ValueError if it is not empty."""
        root = Path(target)
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise ValueError(f"the folder for a rebuilt disk must be empty: {root}")
        for folder in sorted(self.folders):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, data in self.contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)


def disk_after_cut(
    recording: Recording,
    moment: int,
    rng: random.Random,
    target_dir: "os.PathLike[str]",
    disk: Optional[str] = None,
    kind: str = POSIX,
) -> Image:
    """Rebuild `disk` (may be omitted if there is one) in the empty folder `target_dir` after a cut at `moment`.

    `moment` is a number of events: 0 is before the first, recording.now() after the last. The same `rng` state gives
    the same disk. Returns what was written.
    """
    image = image_after_cut(recording, moment, rng, disk, kind)
    image.write_to(target_dir)
    return image


def disk_at(recording: Recording, moment: int, target_dir: "os.PathLike[str]", disk: Optional[str] = None) -> Image:
    """Rebuild a disk that kept its power: everything done up to `moment` is there (only the process stopped)."""
    image = image_at(recording, moment, disk)
    image.write_to(target_dir)
    return image


def image_at(recording: Recording, moment: int, disk: Optional[str] = None) -> Image:
    name = _the_disk(recording, disk)
    events = _events_of(recording, moment, name)
    metadata = {number for number, event in events if isinstance(event, _METADATA)}
    return _lay_out(recording, name, events, metadata, {number for number, _ in events}, {})


def image_after_cut(
    recording: Recording, moment: int, rng: random.Random, disk: Optional[str] = None, kind: str = POSIX
) -> Image:
    name = _the_disk(recording, disk)
    events = _events_of(recording, moment, name)
    journal = [number for number, event in events if isinstance(event, _METADATA)]
    forced = _forced_length(events, journal, kind)
    survived = rng.choice([forced, rng.randint(forced, len(journal)), len(journal)])
    kept, torn = _surviving_writes(events, rng)
    return _lay_out(recording, name, events, set(journal[:survived]), kept, torn)


def unrecorded(recording: Recording) -> List[str]:
    """What the recorder missed: differences between the real folders and the replayed log. Empty is right.

    Call it when nothing writes. Every drill should: a write that goes by unseen would make a cut look harmless.
    """
    problems = list(recording.faults)
    for name, root in recording.roots.items():
        contents, folders = read_tree(root)
        replayed = image_at(recording, recording.now(), name)
        for path in sorted(set(contents) | set(replayed.contents)):
            if contents.get(path) != replayed.contents.get(path):
                problems.append(f"{name}/{path} differs from what was recorded")
        for path in sorted(folders ^ replayed.folders):
            problems.append(f"{name}/{path}: folder made or removed unrecorded")
    return problems


def _the_disk(recording: Recording, disk: Optional[str]) -> str:
    if disk is None:
        (disk,) = recording.roots
    return disk


def _events_of(recording: Recording, moment: int, disk: str) -> List[Tuple[int, Event]]:
    return [(n, event) for n, event in enumerate(recording.events[:moment]) if getattr(event, "disk", None) == disk]


def _forced_length(events: List[Tuple[int, Event]], journal: List[int], kind: str) -> int:
    """How many metadata operations must have survived: up to the last one that any sync forced."""
    folders_touched: Dict[str, int] = {}  # folder -> last operation in it
    files_touched: Dict[int, int] = {}  # file -> last operation that a sync of the file forces
    forced = -1
    steps: List[Tuple[int, int, Event]] = []  # in the order of taking effect: a sync stands where it began
    for number, event in events:
        if isinstance(event, (SyncFile, SyncFolder)):
            steps.append((event.upto, -1, event))  # before the event of that number
        elif isinstance(event, _METADATA):
            steps.append((number, 0, event))
    for at, _, event in sorted(steps, key=lambda step: step[:2]):
        if isinstance(event, SyncFolder):
            if kind == POSIX:
                forced = max(forced, folders_touched.get(event.path, -1))
        elif isinstance(event, SyncFile):
            forced = max(forced, files_touched.get(event.file, -1))
        else:
            for folder in _folders_of(event):
                folders_touched[folder] = at
            file = _file_of(event)
            if file is not None and (kind == NTFS or isinstance(event, Truncate)):
                files_touched[file] = at
    return sum(1 for number in journal if number <= forced)


def _folders_of(event: Event) -> List[str]:
    if isinstance(event, Rename):
        return [_parent(event.old), _parent(event.new)]
    if isinstance(event, (Create, Delete, MakeFolder, RemoveFolder)):
        return [_parent(event.path)]
    return []


def _file_of(event: Event) -> Optional[int]:
    if isinstance(event, Rename):
        return event.moved
    if isinstance(event, (Create, Delete, Truncate)):
        return event.file
    return None


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _surviving_writes(events: List[Tuple[int, Event]], rng: random.Random) -> Tuple[Set[int], Dict[int, int]]:
    """(numbers of the writes that are on the disk, bytes left of those that are torn)."""
    safe: Dict[int, int] = {}
    for _, event in events:
        if isinstance(event, SyncFile):
            safe[event.file] = max(safe.get(event.file, 0), event.upto)
    kept: Set[int] = set()
    last: Dict[int, Tuple[int, Write]] = {}
    # One chance per cut, and both ends of it: nothing went out, or all of it did.
    chance = rng.choice([0.0, rng.random(), 1.0])
    for number, event in events:
        if not isinstance(event, Write):
            continue
        if number < safe.get(event.file, 0):
            kept.add(number)
        elif rng.random() < chance:
            kept.add(number)
            last[event.file] = (number, event)
    torn: Dict[int, int] = {}
    for number, write in last.values():
        borders = range(SECTOR - write.offset % SECTOR, len(write.data), SECTOR)
        if borders and rng.random() < TORN:
            torn[number] = rng.choice(borders)
    return kept, torn


def _lay_out(
    recording: Recording,
    disk: str,
    events: List[Tuple[int, Event]],
    metadata: Set[int],
    kept: Set[int],
    torn: Dict[int, int],
) -> Image:
    """Apply the surviving metadata operations (`metadata`) and writes (`kept`, `torn`) to the base."""
    base = recording.bases[disk]
    names, folders = dict(base.names), set(base.folders)
    data = {number: bytearray(content) for number, content in base.contents.items()}
    limit: Dict[int, int] = {}  # file -> size given by a truncation that was lost
    for number, event in events:
        if isinstance(event, Write):
            if number in kept:
                _put(data, event, torn.get(number, len(event.data)), limit.get(event.file))
        elif number in metadata:
            _change(names, folders, data, event)
        elif isinstance(event, Truncate):
            limit[event.file] = min(event.size, limit.get(event.file, event.size))
    return Image({path: bytes(data.get(number, b"")) for path, number in names.items()}, folders)


def _put(data: Dict[int, bytearray], write: Write, length: int, limit: Optional[int]) -> None:
    if limit is not None:
        length = min(length, limit - write.offset)
    if length <= 0:
        return
    content = data.setdefault(write.file, bytearray())
    if len(content) < write.offset:
        content.extend(bytes(write.offset - len(content)))
    content[write.offset : write.offset + length] = write.data[:length]


def _change(names: Dict[str, int], folders: Set[str], data: Dict[int, bytearray], event: Event) -> None:
    if isinstance(event, Create):
        names[event.path] = event.file
    elif isinstance(event, Delete):
        names.pop(event.path, None)
    elif isinstance(event, Rename):
        move_name(names, folders, event.old, event.new)
    elif isinstance(event, MakeFolder):
        folders.add(event.path)
    elif isinstance(event, RemoveFolder):
        folders.discard(event.path)
    elif isinstance(event, Truncate):
        content = data.setdefault(event.file, bytearray())
        del content[event.size :]
        content.extend(bytes(event.size - len(content)))
