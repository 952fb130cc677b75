"""Runs inside the Windows Python: starts the tray program and prints what Windows is given to show when its menu opens.

The texts are read back from the menu handle itself, so they are what the user sees, not what the program meant to show.
"""

import ctypes
import runpy
import sys

from pystray._util import win32

MF_BYPOSITION = 0x400
MF_GRAYED_OR_DISABLED = 0x3

user32 = ctypes.WinDLL("user32")
user32.GetMenuItemCount.argtypes = [ctypes.c_void_p]
user32.GetMenuState.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
user32.GetMenuStringW.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_wchar_p, ctypes.c_int, ctypes.c_uint]

show = win32.TrackPopupMenuEx


def print_and_show(menu, *rest):
    text = ctypes.create_unicode_buffer(300)
    for position in range(user32.GetMenuItemCount(menu)):
        user32.GetMenuStringW(menu, position, text, len(text), MF_BYPOSITION)
        greyed = user32.GetMenuState(menu, position, MF_BYPOSITION) & MF_GRAYED_OR_DISABLED
        if text.value:
            print("menu line:", "greyed" if greyed else "active", text.value, flush=True)
    print("menu complete", flush=True)
    return show(menu, *rest)


win32.TrackPopupMenuEx = print_and_show
sys.argv = ["tray_app"]
runpy.run_module("tray_app", run_name="__main__", alter_sys=True)
