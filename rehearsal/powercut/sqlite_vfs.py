"""Records what SQLite writes, below every `sqlite3.connect` in this process, without changing who calls it.

SQLite does its file work through a table of C functions, the VFS (sqlite.org/vfs.html). While recording, a copy of the
default VFS is the default one. Its xOpen and xDelete are Python functions that call the original and note it; xOpen
gives each file a copy of its method table in which xWrite, xTruncate, xSync and xClose do the same. All with ctypes: no
compiler is needed, and the same code serves Linux and Windows. At stop() every table gets its original pointers back,
so that connections that live on run pure C again; the copies themselves are never freed, SQLite may hold them.

What SQLite does in C below these calls and what we therefore add: on POSIX the first sync of a journal or WAL that was
opened with CREATE also syncs its folder (unixSync with UNIXFILE_DIRSYNC, os_unix.c; seen with strace), and xDelete with
syncDir does after the deletion. Windows' VFS has neither.
"""

import ctypes
import os
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from rehearsal.powercut.recording import SHARED_MEMORY, Recording
from rehearsal.powercut.sqlite_library import ShimUnavailable, find_library

_OK = 0
_OPEN_CREATE = 0x00000004
_OPEN_DELETEONCLOSE = 0x00000008
_OPEN_MAIN_DB = 0x00000100
_OPEN_JOURNALS = 0x00000800 | 0x00004000 | 0x00080000  # main journal, super-journal, WAL
_NAME = b"power-cut-recorder"

_VOID = ctypes.c_void_p
_INT = ctypes.c_int
_INT64 = ctypes.c_int64
# CFUNCTYPE, not PYFUNCTYPE: the lock of the interpreter is released while the original runs, as in the sqlite3 module.
_OpenFunction = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _VOID, _INT, _VOID)
_DeleteFunction = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _INT)
_CloseFunction = ctypes.CFUNCTYPE(_INT, _VOID)
_WriteFunction = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _INT, _INT64)
_TruncateFunction = ctypes.CFUNCTYPE(_INT, _VOID, _INT64)
_SyncFunction = ctypes.CFUNCTYPE(_INT, _VOID, _INT)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs of sqlite3.h, version 3."""

    _fields_ = [
        ("iVersion", _INT),
        ("szOsFile", _INT),
        ("mxPathname", _INT),
        ("pNext", _VOID),
        ("zName", _VOID),
        ("pAppData", _VOID),
        ("xOpen", _VOID),
        ("xDelete", _VOID),
        ("others", _VOID * 13),  # xAccess to xNextSystemCall
    ]


class _Methods(ctypes.Structure):
    """sqlite3_io_methods of sqlite3.h, version 3."""

    _fields_ = [
        ("iVersion", _INT),
        ("xClose", _VOID),
        ("xRead", _VOID),
        ("xWrite", _VOID),
        ("xTruncate", _VOID),
        ("xSync", _VOID),
        ("others", _VOID * 13),  # xFileSize to xUnfetch
    ]


class _File(ctypes.Structure):
    """sqlite3_file: what follows the pointer belongs to the VFS."""

    _fields_ = [("pMethods", _VOID)]


class _OpenFile:
    """What we know of one open file of SQLite."""

    def __init__(self, disk: str, path: str, number: int, table: "_Table", syncs_folder: bool) -> None:
        self.disk = disk
        self.path = path
        self.number = number
        self.table = table
        self.syncs_folder = syncs_folder


class _Table(NamedTuple):
    """A method table of SQLite, our copy of it, and the originals as callables."""

    original: int
    copy: int
    close: Callable[..., int]
    write: Callable[..., int]
    truncate: Callable[..., int]
    sync: Callable[..., int]


class SqliteShim:
    """The recorder below SQLite. One per process: use shim()."""

    def __init__(self, library: Any) -> None:
        self._lib = library
        self._recording: Optional[Recording] = None
        self._lock = threading.Lock()  # over _files: stop() must not write into a file that is being closed
        self._files: Dict[int, _OpenFile] = {}
        self._late: Dict[int, _OpenFile] = {}  # files of the stopped recording, for calls that were under way
        self._tables: Dict[int, _Table] = {}
        self.main_files: List[str] = []  # databases opened since start(), as SQLite names them
        default = library.sqlite3_vfs_find(None)
        if not default:
            raise ShimUnavailable("SQLite has no default VFS")
        self._default = default
        self._original = _Vfs.from_address(default)
        self._call_open = _OpenFunction(self._original.xOpen)
        self._call_delete = _DeleteFunction(self._original.xDelete)
        # One callback object per function for the whole process: SQLite keeps bare pointers to them.
        self._open_hook = _OpenFunction(self._on_open)
        self._delete_hook = _DeleteFunction(self._on_delete)
        self._close_hook = _CloseFunction(self._on_close)
        self._write_hook = _WriteFunction(self._on_write)
        self._truncate_hook = _TruncateFunction(self._on_truncate)
        self._sync_hook = _SyncFunction(self._on_sync)
        self._vfs = self._never_freed(_Vfs, default)
        name = library.sqlite3_malloc(len(_NAME) + 1)
        ctypes.memmove(name, _NAME + b"\0", len(_NAME) + 1)
        self._vfs.zName = name

    def _never_freed(self, kind: Any, source: int) -> Any:
        address = self._lib.sqlite3_malloc(ctypes.sizeof(kind))
        ctypes.memmove(address, source, ctypes.sizeof(kind))
        return kind.from_address(address)

    def start(self, recording: Recording) -> None:
        """Record every database opened from now on. RuntimeError if a recording is already running."""
        if self._recording is not None:
            raise RuntimeError("another recording is running in this process")
        self._recording = recording
        self.main_files = []
        self._vfs.xOpen = ctypes.cast(self._open_hook, _VOID)
        self._vfs.xDelete = ctypes.cast(self._delete_hook, _VOID)
        if self._lib.sqlite3_vfs_register(ctypes.addressof(self._vfs), 1) != _OK:
            self.stop()
            raise ShimUnavailable("SQLite refused the recorder's VFS")

    def stop(self) -> None:
        """Give everything its original functions back."""
        self._recording = None
        self._lib.sqlite3_vfs_unregister(ctypes.addressof(self._vfs))
        self._lib.sqlite3_vfs_register(self._default, 1)
        self._vfs.xOpen = self._original.xOpen
        self._vfs.xDelete = self._original.xDelete
        with self._lock:
            for address, file in self._files.items():
                _File.from_address(address).pMethods = file.table.original
            self._late, self._files = self._files, {}

    def is_default(self) -> bool:
        """True while new connections are recorded."""
        return bool(self._lib.sqlite3_vfs_find(None) == ctypes.addressof(self._vfs))

    # ---- called by SQLite. Nothing may be raised: an exception in a callback becomes a return value by chance.

    def _on_open(self, _vfs: int, name: Optional[int], file: int, flags: int, out_flags: Optional[int]) -> int:
        recording = self._recording
        if recording is None or not name or flags & _OPEN_DELETEONCLOSE:
            return int(self._call_open(self._default, name, file, flags, out_flags))
        with recording.changing():
            result = int(self._call_open(self._default, name, file, flags, out_flags))
            try:
                if result == _OK:
                    self._follow(recording, os.fsdecode(ctypes.string_at(name)), file, flags)
            except Exception as error:  # a callback may not raise; unrecorded() shows it
                recording.fault(f"open: {error!r}")
        return result

    def _follow(self, recording: Recording, path: str, file: int, flags: int) -> None:
        place = recording.place(path)
        if place is None or path.endswith(SHARED_MEMORY):
            return
        if flags & _OPEN_MAIN_DB:
            self.main_files.append(path)
        number = recording.opened(*place)
        table = self._table_for(_File.from_address(file).pMethods)
        syncs_folder = os.name == "posix" and bool(flags & _OPEN_CREATE) and bool(flags & _OPEN_JOURNALS)
        with self._lock:
            self._files[file] = _OpenFile(place[0], place[1], number, table, syncs_folder)
            _File.from_address(file).pMethods = table.copy

    def _table_for(self, original: int) -> _Table:
        """SQLite has a few method tables (by locking style); one copy of each is enough."""
        if original not in self._tables:
            methods = self._never_freed(_Methods, original)
            table = _Table(
                original,
                ctypes.addressof(methods),
                _CloseFunction(methods.xClose),
                _WriteFunction(methods.xWrite),
                _TruncateFunction(methods.xTruncate),
                _SyncFunction(methods.xSync),
            )
            methods.xClose = ctypes.cast(self._close_hook, _VOID)
            methods.xWrite = ctypes.cast(self._write_hook, _VOID)
            methods.xTruncate = ctypes.cast(self._truncate_hook, _VOID)
            methods.xSync = ctypes.cast(self._sync_hook, _VOID)
            self._tables[original] = table
        return self._tables[original]

    def _on_delete(self, _vfs: int, name: int, sync_folder: int) -> int:
        recording = self._recording
        if recording is None:
            return int(self._call_delete(self._default, name, sync_folder))
        with recording.changing():
            result = int(self._call_delete(self._default, name, sync_folder))
            try:
                place = recording.place(os.fsdecode(ctypes.string_at(name)))
                if result == _OK and place is not None:
                    recording.deleted(*place)
                    if sync_folder & 1 and os.name == "posix":
                        recording.synced_folder(place[0], place[1].rpartition("/")[0], recording.now())
            except Exception as error:  # a callback may not raise; unrecorded() shows it
                recording.fault(f"delete: {error!r}")
        return result

    def _on_close(self, file: int) -> int:
        with self._lock:
            entry = self._files.pop(file, None) or self._late[file]
        _File.from_address(file).pMethods = entry.table.original
        return entry.table.close(file)

    def _entry(self, file: int) -> _OpenFile:
        return self._files.get(file) or self._late[file]

    def _on_write(self, file: int, data: int, length: int, offset: int) -> int:
        entry = self._entry(file)
        result = entry.table.write(file, data, length, offset)
        if result == _OK and self._recording is not None:
            self._recording.wrote(entry.disk, entry.number, offset, ctypes.string_at(data, length))
        return result

    def _on_truncate(self, file: int, size: int) -> int:
        entry = self._entry(file)
        result = entry.table.truncate(file, size)
        if result == _OK and self._recording is not None:
            self._recording.truncated(entry.disk, entry.number, size)
        return result

    def _on_sync(self, file: int, flags: int) -> int:
        entry, recording = self._entry(file), self._recording
        began = recording.now() if recording is not None else 0
        result = entry.table.sync(file, flags)
        if result == _OK and recording is not None:
            recording.synced(entry.disk, entry.number, began)
            if entry.syncs_folder:
                entry.syncs_folder = False
                recording.synced_folder(entry.disk, entry.path.rpartition("/")[0], began)
        return result


_shim: Optional[SqliteShim] = None


def shim() -> SqliteShim:
    """The process's recorder below SQLite. ShimUnavailable if this Python's SQLite cannot be reached."""
    global _shim
    if _shim is None:
        _shim = SqliteShim(find_library())
    return _shim
