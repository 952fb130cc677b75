"""What only Windows itself tells of other programs: their parents, their windows' titles, a pending restart; and how to
read a file without standing in its owner's way. Only imported on Windows; argument types as in winapi.py.
"""

from __future__ import annotations

import ctypes
import msvcrt
import os
import winreg
from ctypes import wintypes
from typing import Any, Collection

from tray_app import winapi

GENERIC_READ = 0x80000000
FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_DELETE = 1, 2, 4
OPEN_EXISTING = 3
LONGEST_TITLE = 256  # characters

_SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE


def _function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_CreateFile = _function(
    winapi.kernel32,
    "CreateFileW",
    wintypes.HANDLE,
    wintypes.LPCWSTR,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.LPVOID,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.HANDLE,
)
_WindowText = _function(winapi.user32, "GetWindowTextW", ctypes.c_int, wintypes.HWND, wintypes.LPWSTR, ctypes.c_int)


def open_shared(path: str) -> int:
    """A descriptor for reading. Python's own open() would keep the file from being renamed. OSError."""
    handle = _CreateFile(path, GENERIC_READ, _SHARE_ALL, None, OPEN_EXISTING, 0, None)
    if handle in (None, winapi.INVALID_HANDLE_VALUE):
        code = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
        raise OSError(None, "CreateFileW", path, code)
    return int(msvcrt.open_osfhandle(handle, os.O_RDONLY))  # type: ignore[attr-defined,unused-ignore]


def process_table() -> list[tuple[int, int, str]]:
    """(pid, parent's pid, name of the exe) of every process. The parent may be gone and its number taken by another."""
    snapshot = winapi._Snapshot(winapi.TH32CS_SNAPPROCESS, 0)
    if snapshot in (None, winapi.INVALID_HANDLE_VALUE):
        raise OSError("CreateToolhelp32Snapshot")
    try:
        entry = winapi.PROCESSENTRY32W()
        entry.dwSize = ctypes.sizeof(entry)
        table = []
        more = winapi._First(snapshot, ctypes.byref(entry))
        while more:
            table.append((int(entry.th32ProcessID), int(entry.th32ParentProcessID), str(entry.szExeFile)))
            more = winapi._Next(snapshot, ctypes.byref(entry))
        return table
    finally:
        winapi.close_handle(snapshot)


def window_titles(pids: Collection[int]) -> list[str]:
    """Titles of the visible top windows of these processes, owned ones too: a login box may belong to the main window.
    Read from the system, not asked of the window: a hung one does not hold us up."""
    titles: list[str] = []

    def visit(window: int, _: int) -> bool:
        owner = wintypes.DWORD()
        winapi._WindowProcess(window, ctypes.byref(owner))
        if owner.value in pids and winapi._IsWindowVisible(window):
            buffer = ctypes.create_unicode_buffer(LONGEST_TITLE)
            if _WindowText(window, buffer, LONGEST_TITLE):
                titles.append(buffer.value)
        return True

    winapi._EnumWindows(winapi.WNDENUMPROC(visit), 0)
    return titles


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
