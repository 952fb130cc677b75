"""Runs inside the Windows Python: sends window messages to the tray program's windows and prints each answer.

Arguments: pairs of message and wParam, as numbers. All top-level windows get them, as from Windows at shutdown, from
taskkill and from an installer.
"""

import ctypes
import sys
from ctypes import wintypes

from tray_windows import find, user32

user32.SendMessageW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
user32.SendMessageW.restype = ctypes.c_ssize_t

windows = find()
for message, wparam in zip(sys.argv[1::2], sys.argv[2::2]):
    for window in windows:
        print("answer:", user32.SendMessageW(window, int(message, 0), int(wparam, 0), 0), flush=True)
