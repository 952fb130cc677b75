"""Writes that outlast a crash and a power cut, and the free space. Every function may raise OSError.

`replace` (of atomic.py) is for small files that change as a whole; `create` and `append` are for flag files and ledger.

POSIX needs the folder synced as well before a new name is sure; Windows cannot sync a folder, and there the journal
keeps the entry of a file that was itself flushed (rehearsal/powercut replays both).
"""

import errno
import os
import shutil
import time

from .atomic import WAITS
from .atomic import write_whole as replace
from .durable import patiently, sync_folder

__all__ = ["append", "create", "free", "make_folder", "probe", "read", "replace", "sync_folder", "why"]

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_WINDOWS_FULL = (39, 112)  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
_WORDS = {
    errno.EACCES: "没有权限，或被别的程序占用",
    errno.EPERM: "没有权限，或被别的程序占用",
    errno.EROFS: "磁盘只能读",
    errno.ENOENT: "文件不见了",
    errno.EIO: "磁盘可能坏了",
}
_BINARY = getattr(os, "O_BINARY", 0)  # Windows: no translation of line ends
_PART = 1 << 16  # bytes read at a time


def make_folder(path: str) -> None:
    """The folder and its parents; each new name synced into its parent."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_folder(parent)
    try:
        os.mkdir(path)
    except FileExistsError:  # another process was faster
        pass
    sync_folder(parent)


def create(path: str, raw: bytes) -> None:
    """A new file with this content, file and folder synced. FileExistsError where the name is taken: exactly one wins.

    After any other OSError the file may exist, empty, torn or whole.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o644)
    try:
        _write_all(handle, raw)
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(os.path.dirname(path))


def append(path: str, raw: bytes) -> None:
    """`raw` at the end of an existing file, synced. FileNotFoundError where it is gone: it is never made anew."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY)
    try:
        _write_all(handle, raw)
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: str, limit: int = 64 * 1024 * 1024) -> bytes:
    """The file's bytes, at most `limit`; tried again for milliseconds while a scanner or a backup holds it."""
    return patiently(lambda: _read(path, limit), WAITS, time.sleep)


def _read(path: str, limit: int) -> bytes:
    """In parts: asking for all of `limit` at once costs more than the reading."""
    parts = []
    with open(path, "rb", buffering=0) as file:
        while limit > 0:
            part = file.read(min(limit, _PART))
            if not part:
                break
            parts.append(part)
            limit -= len(part)
    return b"".join(parts)


def free(path: str) -> int:
    """Bytes free on the disk of `path`."""
    return int(shutil.disk_usage(path).free)


def probe(folder: str) -> None:
    """Write, sync and read back a small file; OSError where the disk does not take it."""
    path = os.path.join(folder, "probe")
    raw = b"%.3f\n" % time.time()
    replace(path, raw)
    if read(path) != raw:
        raise OSError("the probe file reads back differently")


def why(error: OSError) -> str:
    """Why the disk refused, in Chinese and for a phone: the system's own words are English and name whole paths."""
    if error.errno in _FULL or getattr(error, "winerror", None) in _WINDOWS_FULL:
        return "磁盘满了"
    if error.errno in _WORDS:
        return _WORDS[error.errno]
    return "系统错误 %d" % error.errno if error.errno else "读写的结果不对"


def _write_all(handle: int, raw: bytes) -> None:
    done = 0
    while done < len(raw):
        done += os.write(handle, raw[done:])
