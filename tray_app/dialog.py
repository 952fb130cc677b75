"""A small input dialog of Win32's own: a text, fields to fill in, two buttons. tkinter is not in the frozen program.

The dialog is described in memory (DLGTEMPLATE, learn.microsoft.com/windows/win32/dlgbox/dialog-box-programming) and
runs its own message loop in the thread that asks.

    DLGTEMPLATE  style exstyle count x y w h | no menu | standard class | title | font size, font name
    per control, from an address that 4 divides:
                 style exstyle x y w h id | 0xFFFF class | text | no extra data
"""

from __future__ import annotations

import struct
import sys
from typing import Any, NamedTuple, Sequence

DS_SETFONT, DS_MODALFRAME, DS_SETFOREGROUND, DS_CENTER, DS_FIXEDSYS = 0x40, 0x80, 0x200, 0x800, 0x8
WS_POPUP, WS_CAPTION, WS_SYSMENU, WS_CHILD, WS_VISIBLE = 0x80000000, 0xC00000, 0x80000, 0x40000000, 0x10000000
WS_BORDER, WS_TABSTOP, WS_VSCROLL, WS_EX_TOPMOST = 0x800000, 0x10000, 0x200000, 0x8
BS_DEFPUSHBUTTON, ES_AUTOHSCROLL, SS_NOPREFIX = 0x1, 0x80, 0x80
ES_MULTILINE, ES_AUTOVSCROLL = 0x4, 0x40
BUTTON, EDIT, STATIC = 0x80, 0x81, 0x82
IDOK, IDCANCEL, FIRST_FIELD, NO_ID = 1, 2, 100, 0xFFFF
WM_COMMAND = 0x111

WIDTH, MARGIN, ROW, LABEL, TEXT_LINE = 260, 8, 20, 110, 9  # dialog units
LONGEST = 64  # characters that a field takes
FONT = (9, "Microsoft YaHei")


class Field(NamedTuple):
    """`rows` above 1: the field stands below its label, as wide as the dialog, and takes a text of several lines."""

    label: str
    value: str = ""
    rows: int = 1
    longest: int = LONGEST


class Control(NamedTuple):
    kind: int
    style: int
    x: int
    y: int
    width: int
    height: int
    id: int
    text: str


def layout(text: str, fields: Sequence[Field], buttons: Sequence[str]) -> tuple[int, list[Control]]:
    """(height of the dialog, its controls): the text, a row per field, the two buttons."""
    lines = sum(1 + len(line) // 28 for line in text.split("\n"))  # a Chinese character is about 9 units wide
    y = MARGIN + 12 * lines
    controls = [Control(STATIC, SS_NOPREFIX, MARGIN, MARGIN, WIDTH - 2 * MARGIN, 12 * lines, NO_ID, text)]
    for number, field in enumerate(fields):
        controls.append(Control(STATIC, SS_NOPREFIX, MARGIN, y + 3, LABEL, 12, NO_ID, field.label))
        if field.rows > 1:
            style = WS_BORDER | WS_TABSTOP | WS_VSCROLL | ES_MULTILINE | ES_AUTOVSCROLL
            height, y = TEXT_LINE * field.rows + 4, y + ROW - 4
            width = WIDTH - 2 * MARGIN
            controls.append(Control(EDIT, style, MARGIN, y, width, height, FIRST_FIELD + number, field.value))
            y += height + 4
            continue
        style = WS_BORDER | WS_TABSTOP | ES_AUTOHSCROLL
        width = WIDTH - LABEL - 3 * MARGIN
        controls.append(Control(EDIT, style, LABEL + 2 * MARGIN, y, width, 14, FIRST_FIELD + number, field.value))
        y += ROW
    y += MARGIN
    for number, button in enumerate(buttons):
        style = WS_TABSTOP | (BS_DEFPUSHBUTTON if number == 0 else 0)
        x = WIDTH - (70 + MARGIN) * (len(buttons) - number)
        controls.append(Control(BUTTON, style, x, y, 70, 16, (IDOK, IDCANCEL)[number], button))
    return y + 16 + MARGIN, controls


def template(title: str, height: int, controls: Sequence[Control]) -> bytes:
    """The dialog as Windows reads it."""
    style = DS_SETFONT | DS_FIXEDSYS | DS_MODALFRAME | DS_SETFOREGROUND | DS_CENTER | WS_POPUP | WS_CAPTION | WS_SYSMENU
    raw = struct.pack("<IIHhhhhHH", style, WS_EX_TOPMOST, len(controls), 0, 0, WIDTH, height, 0, 0)
    raw += _text(title) + struct.pack("<H", FONT[0]) + _text(FONT[1])
    for one in controls:
        raw += b"\0" * (-len(raw) % 4)
        place = (one.x, one.y, one.width, one.height)
        raw += struct.pack("<IIhhhhHHH", one.style | WS_CHILD | WS_VISIBLE, 0, *place, one.id, 0xFFFF, one.kind)
        raw += _text(one.text) + b"\0\0"
    return raw


def _text(text: str) -> bytes:
    return text.replace("\0", " ").encode("utf-16-le", "replace") + b"\0\0"


def ask(title: str, text: str, fields: Sequence[Field], buttons: Sequence[str]) -> list[str] | None:
    """Show it and wait: what stands in the fields, or None where it was cancelled. OSError where it cannot be shown."""
    if sys.platform != "win32":
        raise OSError("no dialogs on this system")
    import ctypes
    from ctypes import wintypes

    from tray_app import winui

    typed: list[str] = []

    def on_message(window: Any, message: int, wparam: int, lparam: int) -> int:
        if message != WM_COMMAND or wparam & 0xFFFF not in (IDOK, IDCANCEL):
            return 0
        if wparam & 0xFFFF == IDOK:
            for number, field in enumerate(fields):
                buffer = ctypes.create_unicode_buffer(field.longest + 1)
                winui.dialog_text(window, FIRST_FIELD + number, buffer, field.longest + 1)
                typed.append(buffer.value)
        winui.end_dialog(window, wparam & 0xFFFF)
        return 1

    height, controls = layout(text, fields, buttons)
    raw = template(title, height, controls)
    memory = (wintypes.DWORD * (len(raw) // 4 + 1))()
    ctypes.memmove(memory, raw, len(raw))
    answer = winui.dialog_box(memory, winui.DLGPROC(on_message))
    if answer == -1:
        raise OSError(ctypes.get_last_error(), "DialogBoxIndirectParamW")
    return typed if answer == IDOK else None
