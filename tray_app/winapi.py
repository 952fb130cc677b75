"""The Win32 calls that we make ourselves: constants, structures, then each function with its argument types. Here what
concerns other processes: named mutexes and events, the process list, windows; what we show ourselves is in winui.py.

Only imported on Windows. HWND and HANDLE are 64 bits wide: a call without argtypes would cut them.
"""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any, Collection, NamedTuple

ERROR_ALREADY_EXISTS = 183
SYNCHRONIZE, EVENT_MODIFY_STATE = 0x100000, 0x2
WAIT_OBJECT_0 = 0
TH32CS_SNAPPROCESS = 0x2
INVALID_HANDLE_VALUE = ctypes.c_void_p(-1).value
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
GW_OWNER = 4
WM_NULL = 0
SMTO_BLOCK, SMTO_ABORTIFHUNG = 0x1, 0x2
HUNG_TIMEOUT_MS = 2000
MOST_WINDOWS = 2  # asked for an answer in one look: each may take HUNG_TIMEOUT_MS

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
user32 = ctypes.WinDLL("user32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]

ULONG_PTR = ctypes.c_size_t
LRESULT = ctypes.c_ssize_t


class PROCESSENTRY32W(ctypes.Structure):
    _fields_ = [
        ("dwSize", wintypes.DWORD),
        ("cntUsage", wintypes.DWORD),
        ("th32ProcessID", wintypes.DWORD),
        ("th32DefaultHeapID", ULONG_PTR),
        ("th32ModuleID", wintypes.DWORD),
        ("cntThreads", wintypes.DWORD),
        ("th32ParentProcessID", wintypes.DWORD),
        ("pcPriClassBase", wintypes.LONG),
        ("dwFlags", wintypes.DWORD),
        ("szExeFile", wintypes.WCHAR * 260),
    ]


WNDENUMPROC = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)  # type: ignore[attr-defined,unused-ignore]


def function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A function of a DLL with its types set."""
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_CreateMutex = function(kernel32, "CreateMutexW", wintypes.HANDLE, wintypes.LPVOID, wintypes.BOOL, wintypes.LPCWSTR)
_CloseHandle = function(kernel32, "CloseHandle", wintypes.BOOL, wintypes.HANDLE)
_OpenMutex = function(kernel32, "OpenMutexW", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR)
_CreateEvent = function(
    kernel32, "CreateEventW", wintypes.HANDLE, wintypes.LPVOID, wintypes.BOOL, wintypes.BOOL, wintypes.LPCWSTR
)
_OpenEvent = function(kernel32, "OpenEventW", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR)
_SetEvent = function(kernel32, "SetEvent", wintypes.BOOL, wintypes.HANDLE)
_WaitFor = function(kernel32, "WaitForSingleObject", wintypes.DWORD, wintypes.HANDLE, wintypes.DWORD)
_Snapshot = function(kernel32, "CreateToolhelp32Snapshot", wintypes.HANDLE, wintypes.DWORD, wintypes.DWORD)
_First = function(kernel32, "Process32FirstW", wintypes.BOOL, wintypes.HANDLE, ctypes.POINTER(PROCESSENTRY32W))
_Next = function(kernel32, "Process32NextW", wintypes.BOOL, wintypes.HANDLE, ctypes.POINTER(PROCESSENTRY32W))
_OpenProcess = function(kernel32, "OpenProcess", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_ImageName = function(
    kernel32,
    "QueryFullProcessImageNameW",
    wintypes.BOOL,
    wintypes.HANDLE,
    wintypes.DWORD,
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
)
_EnumWindows = function(user32, "EnumWindows", wintypes.BOOL, WNDENUMPROC, wintypes.LPARAM)
_WindowProcess = function(
    user32, "GetWindowThreadProcessId", wintypes.DWORD, wintypes.HWND, ctypes.POINTER(wintypes.DWORD)
)
_IsWindowVisible = function(user32, "IsWindowVisible", wintypes.BOOL, wintypes.HWND)
_TextLength = function(user32, "GetWindowTextLengthW", ctypes.c_int, wintypes.HWND)
_Text = function(user32, "GetWindowTextW", ctypes.c_int, wintypes.HWND, wintypes.LPWSTR, ctypes.c_int)
_GetWindow = function(user32, "GetWindow", wintypes.HWND, wintypes.HWND, wintypes.UINT)
_IsHung = function(user32, "IsHungAppWindow", wintypes.BOOL, wintypes.HWND)
_SendTimeout = function(
    user32,
    "SendMessageTimeoutW",
    LRESULT,
    wintypes.HWND,
    wintypes.UINT,
    wintypes.WPARAM,
    wintypes.LPARAM,
    wintypes.UINT,
    wintypes.UINT,
    ctypes.POINTER(ULONG_PTR),
)


def create_mutex(name: str) -> int | None:
    """The handle of a new named mutex; None where it exists already. OSError where it cannot be made."""
    ctypes.set_last_error(0)  # type: ignore[attr-defined,unused-ignore]
    handle = _CreateMutex(None, False, name)
    error = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
    if not handle:
        raise OSError(error, "CreateMutexW")
    if error == ERROR_ALREADY_EXISTS:
        _CloseHandle(handle)
        return None
    return int(handle)


def mutex_exists(name: str) -> bool:
    """Whether any process holds a mutex of that name open."""
    handle = _OpenMutex(SYNCHRONIZE, False, name)
    if handle:
        _CloseHandle(handle)
    return bool(handle)


def create_event(name: str) -> int:
    """The handle of a named event that resets itself when seen. OSError where it cannot be made."""
    handle = _CreateEvent(None, False, False, name)
    if not handle:
        raise OSError(ctypes.get_last_error(), "CreateEventW")  # type: ignore[attr-defined,unused-ignore]
    return int(handle)


def set_event(name: str) -> bool:
    """Set the named event of another process. False: nobody has made it."""
    handle = _OpenEvent(EVENT_MODIFY_STATE, False, name)
    if not handle:
        return False
    try:
        return bool(_SetEvent(handle))
    finally:
        _CloseHandle(handle)


def was_set(event: int) -> bool:
    """Whether the event was set since it was last asked."""
    return bool(_WaitFor(event, 0) == WAIT_OBJECT_0)


def close_handle(handle: int) -> None:
    _CloseHandle(handle)


class Process(NamedTuple):
    """As Toolhelp lists it. parent: the pid of whoever started it, who may be gone and its number given away."""

    pid: int
    parent: int
    name: str


def process_names() -> list[tuple[int, str]]:
    """(pid, name of the exe) of every process; works without rights on them."""
    return [(process.pid, process.name) for process in processes()]


def processes() -> list[Process]:
    """Every process; works without rights on them, and where psutil fails. OSError: the system gives no list."""
    snapshot = _Snapshot(TH32CS_SNAPPROCESS, 0)
    if snapshot in (None, INVALID_HANDLE_VALUE):
        raise OSError("CreateToolhelp32Snapshot")
    try:
        entry = PROCESSENTRY32W()
        entry.dwSize = ctypes.sizeof(entry)
        found = []
        more = _First(snapshot, ctypes.byref(entry))
        while more:
            found.append(Process(int(entry.th32ProcessID), int(entry.th32ParentProcessID), str(entry.szExeFile)))
            more = _Next(snapshot, ctypes.byref(entry))
        return found
    finally:
        _CloseHandle(snapshot)


def process_path(pid: int) -> str | None:
    """The exe's path; None where the system does not tell (an elevated or vanished process)."""
    handle = _OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not handle:
        return None
    try:
        size = wintypes.DWORD(32768)
        buffer = ctypes.create_unicode_buffer(size.value)
        return buffer.value if _ImageName(handle, 0, buffer, ctypes.byref(size)) else None
    finally:
        _CloseHandle(handle)


def answering(pid: int) -> bool | None:
    """Whether the windows of a process handle messages; None where it shows none. May take 2 s a window."""
    windows = [window for window in _visible_windows([pid]) if not _GetWindow(window, GW_OWNER)]  # no dialogs
    if not windows:
        return None
    return all(_window_answers(window) for window in windows[:MOST_WINDOWS])


def window_titles(pids: Collection[int]) -> list[str]:
    """Titles of the visible top windows of these processes, dialogs with an owner among them (a login or an upgrade
    dialog is one), untitled ones left out. Read from the window manager, so a hung program does not block this."""
    titles = (_title(window) for window in _visible_windows(pids))
    return [title for title in titles if title]


def _visible_windows(pids: Collection[int]) -> list[int]:
    """One walk over all windows of the desktop, however many processes are asked for."""
    wanted = set(pids)
    windows: list[int] = []

    def visit(window: int, _: int) -> bool:
        owner_pid = wintypes.DWORD()
        _WindowProcess(window, ctypes.byref(owner_pid))
        if owner_pid.value in wanted and _IsWindowVisible(window):
            windows.append(window)
        return True

    _EnumWindows(WNDENUMPROC(visit), 0)
    return windows


def _title(window: int) -> str:
    buffer = ctypes.create_unicode_buffer(_TextLength(window) + 1)
    _Text(window, buffer, len(buffer))
    return buffer.value


def _window_answers(window: int) -> bool:
    # IsHungAppWindow alone is "not for general use", a timeout alone also hits a window that is merely busy: both.
    if not _IsHung(window):
        return True
    answer = ULONG_PTR()
    return bool(
        _SendTimeout(window, WM_NULL, 0, 0, SMTO_ABORTIFHUNG | SMTO_BLOCK, HUNG_TIMEOUT_MS, ctypes.byref(answer))
    )
