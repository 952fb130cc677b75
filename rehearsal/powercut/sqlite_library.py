"""Finds the very SQLite that Python's sqlite3 module uses, for ctypes."""

import ctypes
import os
import sqlite3
import sys
from typing import Any, List, Optional, Tuple


class ShimUnavailable(Exception):
    """SQLite cannot be recorded here; the text says why."""


def find_library() -> Any:
    """The SQLite that the sqlite3 module uses, as a ctypes library.

    A second copy of SQLite in the process would be patched in vain, so the build is compared by its source id.
    """
    connection = sqlite3.connect(":memory:")
    source = str(connection.execute("SELECT sqlite_source_id()").fetchone()[0])
    connection.close()
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            found = _source_of(library)
        except (OSError, AttributeError):  # not there, or not SQLite (a Python with SQLite built in hides its names)
            continue
        if found == (sqlite3.sqlite_version, source):
            _declare(library)
            return library
    raise ShimUnavailable(
        f"the SQLite {sqlite3.sqlite_version} that Python uses was not found as a shared library"
        " (it may be built into Python)"
    )


def _candidates() -> List[Optional[str]]:
    import _sqlite3

    module = getattr(_sqlite3, "__file__", None)
    if os.name == "nt":
        beside = [os.path.join(os.path.dirname(module), "sqlite3.dll")] if module else []
        return [*beside, os.path.join(sys.base_prefix, "DLLs", "sqlite3.dll"), "sqlite3.dll"]
    loaded: List[Optional[str]] = []
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            loaded.extend(sorted({line.split()[-1] for line in maps if "libsqlite3" in line}))
    except OSError:  # no /proc on this system: the names below may still do
        pass
    return [*loaded, "libsqlite3.so.0", module, None]


def _source_of(library: Any) -> Tuple[str, str]:
    library.sqlite3_libversion.restype = ctypes.c_char_p
    library.sqlite3_sourceid.restype = ctypes.c_char_p
    return library.sqlite3_libversion().decode(), library.sqlite3_sourceid().decode()


def _declare(library: Any) -> None:
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    library.sqlite3_vfs_register.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.sqlite3_vfs_register.restype = ctypes.c_int
    library.sqlite3_vfs_unregister.argtypes = [ctypes.c_void_p]
    library.sqlite3_vfs_unregister.restype = ctypes.c_int
    library.sqlite3_malloc.argtypes = [ctypes.c_int]
    library.sqlite3_malloc.restype = ctypes.c_void_p
