"""The right-click menu: greyed reasons first, then what the owner can do. A later item is one more line in ITEMS."""

from __future__ import annotations

from typing import Callable, NamedTuple

from tray_app import strings_zh as zh
from tray_app.state import PAUSED, View

LONGEST_LINE = 60  # UTF-16 units: wider menus run off a small screen


class Item(NamedTuple):
    """text: what it says in a view; action: the method of TrayApp that it calls, whose answer is shown."""

    text: Callable[[View], str]
    action: str
    default: bool = False  # done by a left click on the icon


ITEMS = (
    Item(lambda view: zh.RESTART_HEARTBEAT, "restart_heartbeat"),
    Item(lambda view: zh.OPEN_DASHBOARD, "open_dashboard", default=True),
    Item(lambda view: zh.TEST_ALERT, "send_test_alert"),
    Item(lambda view: zh.CONTINUE if view.icon == PAUSED else zh.PAUSE, "toggle_pause"),
    Item(lambda view: zh.SHOW_LOGS, "show_logs"),
    Item(lambda view: zh.QUIT, "quit"),
)


def cut(text: str, units: int) -> str:
    """At most `units` UTF-16 units, never half a character. Windows counts so: an emoji is two, and pystray raises
    ValueError past 128 (tooltip), 256 (message) and 64 (message title) with the closing NUL (windows-facts.md 0.3)."""
    raw = text.encode("utf-16-le", "replace")
    if len(raw) <= 2 * units:
        return raw.decode("utf-16-le")
    return raw[: 2 * (units - 1)].decode("utf-16-le", "ignore") + "…"


def fold(text: str, units: int = LONGEST_LINE) -> list[str]:
    """A long reason as several lines: in a menu what is cut off cannot be read anywhere else."""
    lines = [""]
    for char in text:
        if len((lines[-1] + char).encode("utf-16-le", "replace")) > 2 * units:
            lines.append("　")
        lines[-1] += char
    return lines
