"""Runs inside the Windows Python: sends window messages to the tray program's windows and prints each answer.

Arguments: pairs of message and wParam, as numbers. All top-level windows get them, as from Windows at shutdown, from
taskkill and from an installer: pystray has two, one for the icon and one that owns the menu.
"""

import ctypes
import sys
from ctypes import wintypes

user32 = ctypes.WinDLL("user32")
user32.SendMessageW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
user32.SendMessageW.restype = ctypes.c_ssize_t
user32.GetClassNameW.argtypes = [wintypes.HWND, wintypes.LPWSTR, ctypes.c_int]
found = []


@ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
def visit(window, _):
    name = ctypes.create_unicode_buffer(200)
    user32.GetClassNameW(window, name, len(name))
    if "SystemTrayIcon" in name.value:  # pystray's name for its window class
        found.append(window)
    return True


user32.EnumWindows(visit, 0)
assert found
for message, wparam in zip(sys.argv[1::2], sys.argv[2::2]):
    for window in found:
        print("answer:", user32.SendMessageW(window, int(message, 0), int(wparam, 0), 0), flush=True)
