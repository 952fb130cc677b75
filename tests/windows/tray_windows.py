"""For the scripts beside it, inside the Windows Python: the windows of the tray program that runs.

pystray has two, one for the icon and one that owns the menu.
"""

import ctypes
import time
from ctypes import wintypes

user32 = ctypes.WinDLL("user32")
user32.GetClassNameW.argtypes = [wintypes.HWND, wintypes.LPWSTR, ctypes.c_int]
PATIENCE = 60.0  # seconds: an icon of a program that was killed may stand there before the next one has its windows


def find():
    """Their handles; waits for them."""
    found = []

    @ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    def visit(window, _):
        name = ctypes.create_unicode_buffer(200)
        user32.GetClassNameW(window, name, len(name))
        if "SystemTrayIcon" in name.value:  # pystray's name for its window class
            found.append(window)
        return True

    deadline = time.monotonic() + PATIENCE
    while True:
        del found[:]
        user32.EnumWindows(visit, 0)
        if len(found) == 2 or time.monotonic() > deadline:
            assert found
            return found
        time.sleep(0.1)
