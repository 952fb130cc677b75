"""Runs inside the Windows Python: the program's real icon, changed 1,000 times, and the handles of this process.

Prints "handles: BEFORE AFTER windows: BEFORE AFTER made: N": open handles of the kernel when each state had been shown,
and after the 1,000 changes; the place that a new icon gets in the table of windows, menus and icons, which rises with
each one that is never given back; how many icon handles were made in all.
"""

import ctypes
import os
import struct
import sys
import threading
from ctypes import wintypes

import pystray
from PIL import Image
from pystray._util import win32

from tray_app import winui
from tray_app.icon import resource
from tray_app.state import ICONS, View
from tray_app.windows_icon import WM_VIEW, Handles, windows_icon

CHANGES = 1000
ALL_HANDLES, TOO_SHORT = 64, 0xC0000004
ntdll = ctypes.WinDLL("ntdll")
ntdll.NtQuerySystemInformation.argtypes = [wintypes.ULONG, ctypes.c_void_p, wintypes.ULONG, ctypes.c_void_p]
ntdll.NtQuerySystemInformation.restype = ctypes.c_uint32
made = []
make_icon = winui.make_icon


def kernel_handles():
    """Of this process, out of the list of all. (Wine answers 0 to GetProcessHandleCount, which psutil asks.)"""
    size = 1 << 16
    while True:
        buffer = ctypes.create_string_buffer(size)
        if ntdll.NtQuerySystemInformation(ALL_HANDLES, buffer, size, None) != TOO_SHORT:
            break
        size *= 2
    (count,) = struct.unpack_from("<Q", buffer, 0)
    return sum(struct.unpack_from("<Q", buffer, 16 + 40 * n + 8)[0] == os.getpid() for n in range(count))


def place_of_a_new_icon():
    handle = make_icon(resource(ICONS[0], 16), 16)
    winui.destroy_icon(handle)
    return handle & 0xFFFF


winui.make_icon = lambda resource, size: made.append(size) or make_icon(resource, size)
kind = windows_icon(pystray.Icon, win32, winui, Handles(winui))
icon = kind("changed", Image.new("RGBA", (16, 16)), "changed")
applied = threading.Event()
on_view = icon._message_handlers[WM_VIEW]


def note(wparam, lparam):
    try:
        return on_view(wparam, lparam)
    finally:
        applied.set()


icon._message_handlers[WM_VIEW] = note


def show(number):
    applied.clear()
    icon.post_view(View(ICONS[number % len(ICONS)], f"第 {number} 次", (), ()))
    if not applied.wait(60):
        print("not applied", flush=True)
        sys.exit(1)


def change(icon):
    for number in range(3 * len(ICONS)):
        show(number)
    handles, place = kernel_handles(), place_of_a_new_icon()
    for number in range(CHANGES):
        show(number)
    print(
        "handles:", handles, kernel_handles(), "windows:", place, place_of_a_new_icon(), "made:", len(made), flush=True
    )
    icon.stop()


icon.run(change)
