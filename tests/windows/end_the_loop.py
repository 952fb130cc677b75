"""Runs inside the Windows Python: ends the message loop of the tray program behind its back, as a fault in it would."""

import ctypes
from ctypes import wintypes

from tray_windows import find, user32

WM_QUIT = 0x0012
user32.GetWindowThreadProcessId.argtypes = [wintypes.HWND, ctypes.c_void_p]
(thread,) = {user32.GetWindowThreadProcessId(window, None) for window in find()}
assert user32.PostThreadMessageW(thread, WM_QUIT, 0, 0)
