"""The right-click menu: greyed reasons first, then what the owner can do. A later item is one more line in ITEMS."""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Sequence

from tray_app import answers
from tray_app import strings_zh as zh
from tray_app.answers import ALL, CANCELLED, NOTHING, Answer
from tray_app.state import PAUSED, Question, View, order_name
from tray_app.trading_time import day_of, show_day_time

TITLE_UNITS, BODY_UNITS, BODY_TITLE_UNITS = 127, 255, 63  # UTF-16 units of tooltip, message and message title
LONGEST_LINE = 60  # UTF-16 units: wider menus run off a small screen
LONGEST_ENTRY = 100  # of a line that cannot be folded, because it opens a submenu
MOST_QUESTIONS = 10  # orders in 处理未知委托: the others follow when these are settled


class Item(NamedTuple):
    """text: what it says in a view, '' where it is not shown; action: the method of TrayApp that it calls, whose answer
    is shown; children: the submenu that it opens instead (none: greyed)."""

    text: Callable[[View], str]
    action: str
    default: bool = False  # done by a left click on the icon
    children: Callable[[View], Sequence[Entry]] | None = None
    arguments: Callable[[View], tuple[object, ...]] = lambda view: ()


class Entry(NamedTuple):
    """A line of a submenu: greyed without action and children, a line across without text."""

    text: str
    action: str = ""
    arguments: tuple[object, ...] = ()
    children: tuple[Entry, ...] = ()


LINE = Entry("")


def questions(view: View) -> list[Entry]:
    """One entry per order that needs the owner's word."""
    return [_question(question, time.time()) for question in view.questions[:MOST_QUESTIONS]]


def _question(question: Question, now: float) -> Entry:
    """What is known of the order, then what may have become of it. An answer is confirmed one level down: it is booked,
    so it must not be one slip of the mouse away."""
    order, given = question
    known = [order.flag]
    if order.shares:
        at = f"，{order.price:.3f} 元" if order.price else ""
        known.append(f"想{order.side} {order.shares} 股{at}" + (f"，约 {order.yuan:.0f} 元" if order.yuan else ""))
    since = f"{show_day_time(order.at, now)} " if order.at is not None else ""
    known.append(f"最后知道：{since}成交 {order.filled} 股" + (f"，{order.reason}" if order.reason else ""))
    look = zh.LOOK_FIRST if order.day == day_of(now) else zh.LOOK_IN_HISTORY
    known.append(f"{zh.ANSWERED}（{answers.words(given)}）。{zh.CHANGE_ANSWER}" if given else look)
    lines = [Entry(line) for text in known for line in fold(text)]
    shares = max(order.shares, order.filled)
    choices = [
        None if order.filled else _choice(zh.DID_NOTHING, zh.NOTHING_MEANS, order.flag, Answer(NOTHING)),
        _choice(zh.DID_ALL, zh.ALL_MEANS, order.flag, Answer(ALL, shares)) if shares else None,
        Entry(zh.DID_PART, "answer_part", (order.flag,)),
        None if order.filled else _choice(zh.DID_CANCEL, zh.CANCEL_MEANS, order.flag, Answer(CANCELLED)),
    ]
    name = order_name(order, now) + (f" · {zh.ANSWERED}" if given else "")
    return Entry(name, children=(*lines, LINE, *(choice for choice in choices if choice)))


def _choice(text: str, means: str, flag: str, answer: Answer) -> Entry:
    confirm = Entry(zh.CONFIRM.format(words=answers.words(answer)), "answer", (flag, answer))
    return Entry(text, children=(Entry(means), LINE, confirm))


ITEMS = (
    Item(lambda view: zh.RESTART_HEARTBEAT, "restart_heartbeat"),
    Item(lambda view: zh.OPEN_DASHBOARD, "open_dashboard", default=True),
    # What was shown is what is done: a STOP made by hand meanwhile must not turn a click on 停止下单 into its opposite.
    Item(lambda view: zh.RESUME if view.stop else zh.STOP, "stop_orders", arguments=lambda view: (not view.stop,)),
    Item(lambda view: zh.SETTLE if view.questions else zh.NOTHING_UNKNOWN, "answer", children=questions),
    Item(lambda view: zh.CANCEL_SHUTDOWN if view.shutdown else "", "cancel_shutdown"),
    Item(lambda view: zh.TEST_ALERT, "send_test_alert"),
    Item(lambda view: zh.CONTINUE if view.icon == PAUSED else zh.PAUSE, "toggle_pause"),
    Item(lambda view: zh.SHOW_LOGS, "show_logs"),
    Item(lambda view: zh.DIAGNOSE, "save_diagnosis"),
    Item(lambda view: zh.PAIR, "pair"),
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
