"""Records what Python code in this process writes: os.open, os.write, open(), os.fsync, os.replace and their like.

While recording, the functions in `os` and the built-in open() are replaced by ones that do the same and note it, if the
path lies on a watched disk; all other paths go straight to the originals. Whatever is not caught here (a C extension, a
subprocess, shutil's fast copy) shows up in `disk.unrecorded()`, which every user of a recording must ask.
"""

import builtins
import io
import os
import pathlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from rehearsal.powercut.recording import Recording


class _Target(NamedTuple):
    """What an open descriptor refers to. `number` is None for a folder."""

    disk: str
    path: str
    number: Optional[int]


class _RecordedFile(io.FileIO):
    """The unbuffered file below every open() on a watched disk."""

    def __init__(self, patches: "PythonFiles", file: Any, mode: str, closefd: bool, opener: Any) -> None:
        recording = patches.recording
        self._patches = patches
        with recording.changing():
            super().__init__(file, mode, closefd, opener)
            if isinstance(file, int):
                self._target = patches.targets[file]
            else:
                disk, path = recording.place(file) or ("", "")
                self._target = _Target(disk, path, recording.opened(disk, path, emptied="w" in mode))
                patches.targets[self.fileno()] = self._target

    def write(self, data: Any) -> Any:
        written = super().write(data)
        self._patches.note_write(self._target, self.tell(), data, written)
        return written

    def truncate(self, size: Optional[int] = None) -> int:
        result = super().truncate(size)
        self._patches.note_truncate(self._target, result)
        return result

    def close(self) -> None:
        if not self.closed and self.closefd:
            self._patches.targets.pop(self.fileno(), None)
        super().close()


class PythonFiles:
    """Patches the process between start() and stop()."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.targets: Dict[int, _Target] = {}  # by file descriptor
        self._undo: List[Tuple[Any, str, Any]] = []
        self._real = {name: getattr(os, name) for name in dir(os) if callable(getattr(os, name))}
        self._real_open = builtins.open

    def start(self) -> None:
        for name in ("open", "close", "write", "fsync", "fdatasync", "ftruncate", "truncate"):
            self._patch_os(name, getattr(self, "_" + name))
        for name in ("rename", "replace"):
            self._patch_os(name, self._moving(self._real[name]))
        for name in ("remove", "unlink"):
            self._patch_os(name, self._removing(self._real[name], self.recording.deleted))
        self._patch_os("rmdir", self._removing(self._real["rmdir"], self.recording.removed_folder))
        self._patch_os("mkdir", self._mkdir)
        self._patch_everywhere(builtins, "open", self._open_file)
        self._patch(io, "open", self._open_file)

    def stop(self) -> None:
        while self._undo:
            holder, name, original = self._undo.pop()
            setattr(holder, name, original)

    def _patch_os(self, name: str, new: Callable[..., Any]) -> None:
        if not hasattr(os, name):
            return
        self._patch_everywhere(os, name, new)

    def _patch_everywhere(self, module: Any, name: str, new: Callable[..., Any]) -> None:
        """In the module, and up to Python 3.10 in pathlib, which keeps references of its own."""
        original = getattr(module, name)
        self._patch(module, name, new)
        accessor = getattr(pathlib, "_NormalAccessor", None)
        if accessor is not None and vars(accessor).get(name) is original:
            self._patch(accessor, name, staticmethod(new))

    def _patch(self, holder: Any, name: str, new: Any) -> None:
        self._undo.append((holder, name, vars(holder)[name]))
        setattr(holder, name, new)

    # ---- descriptors

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: Optional[int] = None) -> int:
        place = None if dir_fd is not None else self.recording.place(path)
        if place is None:
            return int(self._real["open"](path, flags, mode, dir_fd=dir_fd))
        with self.recording.changing():
            descriptor = int(self._real["open"](path, flags, mode))
            if os.path.isdir(path):
                self.targets[descriptor] = _Target(place[0], place[1], None)
            else:
                number = self.recording.opened(*place, emptied=bool(flags & os.O_TRUNC))
                self.targets[descriptor] = _Target(place[0], place[1], number)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self.targets.pop(descriptor, None)
        self._real["close"](descriptor)

    def _write(self, descriptor: int, data: Any) -> int:
        written = int(self._real["write"](descriptor, data))
        target = self.targets.get(descriptor)
        if target is not None:
            self.note_write(target, os.lseek(descriptor, 0, os.SEEK_CUR), data, written)
        return written

    def _fsync(self, descriptor: Any) -> None:
        self._sync(self._real["fsync"], descriptor)

    def _fdatasync(self, descriptor: Any) -> None:
        self._sync(self._real["fdatasync"], descriptor)

    def _sync(self, real: Callable[[Any], None], descriptor: Any) -> None:
        began = self.recording.now()
        real(descriptor)
        target = self.targets.get(descriptor if isinstance(descriptor, int) else descriptor.fileno())
        if target is None:
            return
        if target.number is None:
            self.recording.synced_folder(target.disk, target.path, began)
        else:
            self.recording.synced(target.disk, target.number, began)

    def _ftruncate(self, descriptor: int, length: int) -> None:
        self._real["ftruncate"](descriptor, length)
        target = self.targets.get(descriptor)
        if target is not None:
            self.note_truncate(target, length)

    # ---- names

    def _truncate(self, path: Any, length: int) -> None:
        self._real["truncate"](path, length)
        place = self.targets.get(path) if isinstance(path, int) else self.recording.place(path)
        if place is not None:
            number = self.recording.opened(place[0], place[1])
            self.recording.truncated(place[0], number, length)

    def _moving(self, real: Callable[..., None]) -> Callable[..., None]:
        def move(src: Any, dst: Any, **kwargs: Any) -> None:
            old, new = self.recording.place(src), self.recording.place(dst)
            with self.recording.changing():
                real(src, dst, **kwargs)
                if old is not None and new is not None:
                    self.recording.renamed(old, new)
                elif old is not None or new is not None:
                    self.recording.fault(f"{os.fspath(src)} was renamed across the border of a disk")

        return move

    def _removing(self, real: Callable[..., None], note: Callable[[str, str], None]) -> Callable[..., None]:
        def remove(path: Any, **kwargs: Any) -> None:
            place = None if kwargs.get("dir_fd") is not None else self.recording.place(path)
            with self.recording.changing():
                real(path, **kwargs)
                if place is not None:
                    note(*place)

        return remove

    def _mkdir(self, path: Any, *args: Any, **kwargs: Any) -> None:
        place = None if kwargs.get("dir_fd") is not None else self.recording.place(path)
        with self.recording.changing():
            self._real["mkdir"](path, *args, **kwargs)
            if place is not None:
                self.recording.made_folder(*place)

    # ---- open()

    def _open_file(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: Optional[str] = None,
        errors: Optional[str] = None,
        newline: Optional[str] = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        known = file in self.targets if isinstance(file, int) else self.recording.place(file) is not None
        if not known:
            return self._real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _RecordedFile(self, file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if "b" in mode and buffering == 0:
            return raw
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        buffered: Any
        if "+" in mode:
            buffered = io.BufferedRandom(raw, size)
        elif "r" in mode:
            buffered = io.BufferedReader(raw, size)
        else:
            buffered = io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffered
        text: Any = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # as the built-in open() does
        return text

    # ---- notes

    def note_write(self, target: _Target, end: int, data: Any, written: Optional[int]) -> None:
        """`end`: where the descriptor stands after the write, so that appending needs no special care."""
        if written and target.number is not None:
            content = bytes(memoryview(data).cast("B")[:written])
            self.recording.wrote(target.disk, target.number, end - written, content)

    def note_truncate(self, target: _Target, size: int) -> None:
        if target.number is not None:
            self.recording.truncated(target.disk, target.number, size)
