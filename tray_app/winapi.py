"""The Win32 calls that we make ourselves: constants, structures, then each function with its argument types.

Only imported on Windows. HWND and HANDLE are 64 bits wide: a call without argtypes would cut them.
"""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any, NamedTuple

ERROR_ALREADY_EXISTS = 183
TH32CS_SNAPPROCESS = 0x2
INVALID_HANDLE_VALUE = ctypes.c_void_p(-1).value
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
GW_OWNER = 4
WM_NULL = 0
SMTO_BLOCK, SMTO_ABORTIFHUNG = 0x1, 0x2
SM_CXSMICON, SM_CYSMICON = 49, 50
IMAGE_ICON, LR_LOADFROMFILE = 1, 0x10
MB_ICONERROR = 0x10
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


INT_PTR = ctypes.c_ssize_t
DLGPROC = ctypes.WINFUNCTYPE(  # type: ignore[attr-defined,unused-ignore]
    INT_PTR, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM
)


def _function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_CreateMutex = _function(kernel32, "CreateMutexW", wintypes.HANDLE, wintypes.LPVOID, wintypes.BOOL, wintypes.LPCWSTR)
_CloseHandle = _function(kernel32, "CloseHandle", wintypes.BOOL, wintypes.HANDLE)
_Snapshot = _function(kernel32, "CreateToolhelp32Snapshot", wintypes.HANDLE, wintypes.DWORD, wintypes.DWORD)
_First = _function(kernel32, "Process32FirstW", wintypes.BOOL, wintypes.HANDLE, ctypes.POINTER(PROCESSENTRY32W))
_Next = _function(kernel32, "Process32NextW", wintypes.BOOL, wintypes.HANDLE, ctypes.POINTER(PROCESSENTRY32W))
_OpenProcess = _function(kernel32, "OpenProcess", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_ImageName = _function(
    kernel32,
    "QueryFullProcessImageNameW",
    wintypes.BOOL,
    wintypes.HANDLE,
    wintypes.DWORD,
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
)
_EnumWindows = _function(user32, "EnumWindows", wintypes.BOOL, WNDENUMPROC, wintypes.LPARAM)
_WindowProcess = _function(
    user32, "GetWindowThreadProcessId", wintypes.DWORD, wintypes.HWND, ctypes.POINTER(wintypes.DWORD)
)
_IsWindowVisible = _function(user32, "IsWindowVisible", wintypes.BOOL, wintypes.HWND)
_TextLength = _function(user32, "GetWindowTextLengthW", ctypes.c_int, wintypes.HWND)
_Text = _function(user32, "GetWindowTextW", ctypes.c_int, wintypes.HWND, wintypes.LPWSTR, ctypes.c_int)
_GetWindow = _function(user32, "GetWindow", wintypes.HWND, wintypes.HWND, wintypes.UINT)
_IsHung = _function(user32, "IsHungAppWindow", wintypes.BOOL, wintypes.HWND)
_SendTimeout = _function(
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
_MessageBox = _function(
    user32, "MessageBoxW", ctypes.c_int, wintypes.HWND, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.UINT
)
_Metrics = _function(user32, "GetSystemMetrics", ctypes.c_int, ctypes.c_int)
_LoadImage = _function(
    user32,
    "LoadImageW",
    wintypes.HANDLE,
    wintypes.HINSTANCE,
    wintypes.LPCWSTR,
    wintypes.UINT,
    ctypes.c_int,
    ctypes.c_int,
    wintypes.UINT,
)
_DialogBox = _function(
    user32,
    "DialogBoxIndirectParamW",
    INT_PTR,
    wintypes.HINSTANCE,
    ctypes.c_void_p,
    wintypes.HWND,
    DLGPROC,
    wintypes.LPARAM,
)
dialog_text = _function(
    user32, "GetDlgItemTextW", wintypes.UINT, wintypes.HWND, ctypes.c_int, wintypes.LPWSTR, ctypes.c_int
)
end_dialog = _function(user32, "EndDialog", wintypes.BOOL, wintypes.HWND, INT_PTR)


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
    windows = _top_windows(pid)
    if not windows:
        return None
    return all(_window_answers(window) for window in windows[:MOST_WINDOWS])


def window_titles(pid: int) -> list[str]:
    """Titles of the visible top windows of a process, dialogs with an owner among them (a login or an upgrade dialog is
    one), untitled ones left out. Read from the window manager, so a hung program does not block this."""
    titles = (_title(window) for window in _visible_windows(pid))
    return [title for title in titles if title]


def message_box(title: str, text: str) -> None:
    """Blocks until the user has read it; for a program without a console that cannot start."""
    _MessageBox(None, text, title, MB_ICONERROR)


def dialog_box(template: Any, on_message: Any) -> int:
    """Shows the dialog that `template` (aligned memory) describes; what it ended with, -1: it could not begin."""
    return int(_DialogBox(None, ctypes.cast(template, ctypes.c_void_p), None, on_message, 0))


def small_icon_size() -> tuple[int, int]:
    """Pixels of an icon in the notification area at this machine's scaling."""
    return _Metrics(SM_CXSMICON) or 16, _Metrics(SM_CYSMICON) or 16


def load_icon(path: str, size: tuple[int, int]) -> int | None:
    """An icon handle of just that size from an .ico file, or None."""
    return _LoadImage(None, path, IMAGE_ICON, size[0], size[1], LR_LOADFROMFILE) or None


def _top_windows(pid: int) -> list[int]:
    """Visible windows without an owner: what the user would call the program's windows."""
    return [window for window in _visible_windows(pid) if not _GetWindow(window, GW_OWNER)]


def _visible_windows(pid: int) -> list[int]:
    windows: list[int] = []

    def visit(window: int, _: int) -> bool:
        owner_pid = wintypes.DWORD()
        _WindowProcess(window, ctypes.byref(owner_pid))
        if owner_pid.value == pid and _IsWindowVisible(window):
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
