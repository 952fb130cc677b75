"""What only Windows tells and only the QMT watch asks: a pending restart; and how to read a file without standing in
its owner's way. Only imported on Windows; argument types as in winapi.py.
"""

from __future__ import annotations

import ctypes
import msvcrt
import os
import winreg
from ctypes import wintypes

from tray_app import winapi

GENERIC_READ = 0x80000000
FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_DELETE = 1, 2, 4
OPEN_EXISTING = 3

_SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE


_CreateFile = winapi.kernel32.CreateFileW
_CreateFile.restype = wintypes.HANDLE
_CreateFile.argtypes = [
    wintypes.LPCWSTR,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.LPVOID,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.HANDLE,
]


def open_shared(path: str) -> int:
    """A descriptor for reading. Python's own open() would keep the file from being renamed. OSError."""
    handle = _CreateFile(path, GENERIC_READ, _SHARE_ALL, None, OPEN_EXISTING, 0, None)
    if handle in (None, winapi.INVALID_HANDLE_VALUE):
        code = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
        raise OSError(None, "CreateFileW", path, code)
    return int(msvcrt.open_osfhandle(handle, os.O_RDONLY))  # type: ignore[attr-defined,unused-ignore]


_PENDING = (
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
)


def restart_pending(keys: tuple[str, ...] = _PENDING) -> bool:
    """Whether an installed update waits for a restart: one of these keys of HKLM is there (windows-facts.md section 5).
    PendingFileRenameOperations alone is noise, so it is not asked."""
    for key in keys:
        try:
            # Without the flag a 32-bit Python would look into another part of the registry.
            with winreg.OpenKey(  # type: ignore[attr-defined,unused-ignore]
                winreg.HKEY_LOCAL_MACHINE,  # type: ignore[attr-defined,unused-ignore]
                key,
                0,
                winreg.KEY_READ | winreg.KEY_WOW64_64KEY,  # type: ignore[attr-defined,unused-ignore]
            ):
                return True
        except OSError:
            continue  # not there, or not for our eyes
    return False
