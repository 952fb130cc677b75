"""The Win32 calls for what we show ourselves: message box, dialog, icon handles, a window's timer. See winapi.py."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any

from tray_app.winapi import function, user32

SM_CXSMICON = 49
MB_ICONERROR, MB_ICONINFORMATION = 0x10, 0x40
ICON_VERSION = 0x00030000  # what CreateIconFromResourceEx asks for

INT_PTR = ctypes.c_ssize_t
UINT_PTR = ctypes.c_size_t
DLGPROC = ctypes.WINFUNCTYPE(  # type: ignore[attr-defined,unused-ignore]
    INT_PTR, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM
)

_MessageBox = function(
    user32, "MessageBoxW", ctypes.c_int, wintypes.HWND, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.UINT
)
_Metrics = function(user32, "GetSystemMetrics", ctypes.c_int, ctypes.c_int)
_FindWindow = function(user32, "FindWindowW", wintypes.HWND, wintypes.LPCWSTR, wintypes.LPCWSTR)
_CreateIcon = function(
    user32,
    "CreateIconFromResourceEx",
    wintypes.HICON,
    ctypes.c_char_p,
    wintypes.DWORD,
    wintypes.BOOL,
    wintypes.DWORD,
    ctypes.c_int,
    ctypes.c_int,
    wintypes.UINT,
)
_DestroyIcon = function(user32, "DestroyIcon", wintypes.BOOL, wintypes.HICON)
_SetTimer = function(user32, "SetTimer", UINT_PTR, wintypes.HWND, UINT_PTR, wintypes.UINT, ctypes.c_void_p)
_DialogBox = function(
    user32,
    "DialogBoxIndirectParamW",
    INT_PTR,
    wintypes.HINSTANCE,
    ctypes.c_void_p,
    wintypes.HWND,
    DLGPROC,
    wintypes.LPARAM,
)
dialog_text = function(
    user32, "GetDlgItemTextW", wintypes.UINT, wintypes.HWND, ctypes.c_int, wintypes.LPWSTR, ctypes.c_int
)
end_dialog = function(user32, "EndDialog", wintypes.BOOL, wintypes.HWND, INT_PTR)


def message_box(title: str, text: str, kind: int = MB_ICONERROR) -> None:
    """Blocks until the user has read it; for a program without a console that cannot start."""
    _MessageBox(None, text, title, kind)


def dialog_box(template: Any, on_message: Any) -> int:
    """Shows the dialog that `template` (aligned memory) describes; what it ended with, -1: it could not begin."""
    return int(_DialogBox(None, ctypes.cast(template, ctypes.c_void_p), None, on_message, 0))


def small_icon_size() -> int:
    """Pixels of an icon's side in the notification area. GetSystemMetrics knows only the scaling at the program's
    start; the taskbar's own window knows the scaling of now (Windows 10 1607 and later have these two calls)."""
    try:
        dpi_of = function(user32, "GetDpiForWindow", wintypes.UINT, wintypes.HWND)
        metrics_for = function(user32, "GetSystemMetricsForDpi", ctypes.c_int, ctypes.c_int, wintypes.UINT)
    except AttributeError:
        return _Metrics(SM_CXSMICON) or 16
    taskbar = _FindWindow("Shell_TrayWnd", None)
    dpi = dpi_of(taskbar) if taskbar else 0
    return (metrics_for(SM_CXSMICON, dpi) if dpi else 0) or _Metrics(SM_CXSMICON) or 16


def make_icon(resource: bytes, size: int) -> int:
    """An icon handle of just that size from a DIB (icon.resource). OSError where Windows makes none."""
    handle = _CreateIcon(resource, len(resource), True, ICON_VERSION, size, size, 0)
    if not handle:
        raise OSError(ctypes.get_last_error(), "CreateIconFromResourceEx")  # type: ignore[attr-defined,unused-ignore]
    return int(handle)


def destroy_icon(handle: int) -> None:
    _DestroyIcon(handle)


def set_timer(window: int, number: int, seconds: float) -> None:
    """WM_TIMER with wParam `number` to the window, again and again, until the window is gone."""
    if not _SetTimer(window, number, int(seconds * 1000), None):
        raise OSError(ctypes.get_last_error(), "SetTimer")  # type: ignore[attr-defined,unused-ignore]
