"""Runs inside the Windows Python, under QMT's name: a window that answers until a line comes on standard input.

After that it only sleeps, as a frozen client does: the process lives, its window takes no message.
"""

import ctypes
import sys
import threading
import time
from ctypes import wintypes

WS_OVERLAPPEDWINDOW, WS_VISIBLE = 0x00CF0000, 0x10000000

user32 = ctypes.WinDLL("user32", use_last_error=True)
user32.CreateWindowExW.restype = wintypes.HWND
user32.CreateWindowExW.argtypes = [wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD]
user32.CreateWindowExW.argtypes += [ctypes.c_int] * 4 + [
    wintypes.HWND,
    wintypes.HMENU,
    wintypes.HINSTANCE,
    wintypes.LPVOID,
]
user32.DispatchMessageW.argtypes = [ctypes.POINTER(wintypes.MSG)]

window = user32.CreateWindowExW(
    0, "STATIC", "QMT 交易端", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 50, 50, 400, 200, None, None, None, None
)
assert window, ctypes.get_last_error()
freeze = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), freeze.set()), daemon=True).start()
print("up", flush=True)
message = wintypes.MSG()
while not freeze.is_set():
    while user32.PeekMessageW(ctypes.byref(message), None, 0, 0, 1):
        user32.DispatchMessageW(ctypes.byref(message))
    time.sleep(0.05)
print("frozen", flush=True)
time.sleep(300)
