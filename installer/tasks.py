"""What the Task Scheduler is given, as XML. Why each setting is there: windows-facts.md sections 0 and 4.

Times are the PC's own: the trader's PC is set to China's time.
"""

from __future__ import annotations

import datetime
from typing import Sequence, Tuple, Union
from xml.etree import ElementTree

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
KEEPALIVE, SHUTDOWN = "QMTSentry-Keepalive", "QMTSentry-Shutdown"
NAMES = (KEEPALIVE, SHUTDOWN)
SHUTDOWN_AT = "15:15:00"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

Tree = Tuple[str, Union[str, Sequence["Tree"]]]  # (tag, text or children)


def keepalive(exe: str, user: str, today: datetime.date, at_logon: bool = True) -> str:
    """The program is there 30 s after logon, and again within 5 minutes of whatever ended it. `at_logon` False: for an
    account that may not register a logon trigger (then the Run value starts it)."""
    # A repetition of a logon trigger would not run for a user who is logged on already: it has a trigger of its own,
    # armed anew each day because a one-shot repetition ends after a day.
    logon: Tree = ("LogonTrigger", [("Enabled", "true"), ("UserId", user), ("Delay", "PT30S")])
    repeated: Tree = (
        "CalendarTrigger",
        [
            ("Repetition", [("Interval", "PT5M"), ("Duration", "PT23H55M"), ("StopAtDurationEnd", "false")]),
            ("StartBoundary", f"{today.isoformat()}T00:00:00"),
            ("Enabled", "true"),
            ("ScheduleByDay", [("DaysInterval", "1")]),
        ],
    )
    triggers = [logon, repeated] if at_logon else [repeated]
    # As a belt: it misses a kill from outside, which the repetition catches.
    restart: Tree = ("RestartOnFailure", [("Interval", "PT1M"), ("Count", "3")])
    return _task(
        "QMT 哨兵：开机后启动，意外停止后 5 分钟内重新启动。",
        triggers,
        user,
        exe,
        "--keep-alive",
        True,
        "PT0S",
        [restart],
    )


def shutdown(exe: str, user: str, today: datetime.date) -> str:
    """After the close on weekdays the program is asked to shut the PC down; it looks at orders and posts itself."""
    days: Tree = ("DaysOfWeek", [(day, "") for day in WEEKDAYS])
    weekly: Tree = (
        "CalendarTrigger",
        [
            ("StartBoundary", f"{today.isoformat()}T{SHUTDOWN_AT}"),
            ("Enabled", "true"),
            ("ScheduleByWeek", [days, ("WeeksInterval", "1")]),
        ],
    )
    # Not StartWhenAvailable: a run that was missed would shut the PC down at the next morning's start.
    return _task("QMT 哨兵：收盘后关机。", [weekly], user, exe, "--request-shutdown", False, "PT1H", [])


def file_bytes(xml: str) -> bytes:
    """As schtasks /XML reads it: UTF-16LE with a byte order mark."""
    return b"\xff\xfe" + xml.encode("utf-16-le")


def _task(
    description: str,
    triggers: Sequence[Tree],
    user: str,
    exe: str,
    arguments: str,
    when_available: bool,
    limit: str,
    more_settings: Sequence[Tree],
) -> str:
    settings: Sequence[Tree] = [
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "false"),  # a UPS counts as a battery
        ("StopIfGoingOnBatteries", "false"),
        ("AllowHardTerminate", "true"),
        ("StartWhenAvailable", "true" if when_available else "false"),
        ("RunOnlyIfNetworkAvailable", "false"),
        ("IdleSettings", [("StopOnIdleEnd", "false"), ("RestartOnIdle", "false")]),
        ("AllowStartOnDemand", "true"),
        ("Enabled", "true"),
        ("Hidden", "false"),
        ("RunOnlyIfIdle", "false"),
        ("WakeToRun", "false"),
        ("ExecutionTimeLimit", limit),  # PT0S: none; the default kills after 72 hours
        ("Priority", "5"),  # the default, 7, means less CPU and slow disk
        *more_settings,
    ]
    # "Whether logged on or not" would be session 0, where nobody sees an icon.
    principal: Tree = (
        "Principal",
        [("UserId", user), ("LogonType", "InteractiveToken"), ("RunLevel", "LeastPrivilege")],
    )
    # The task runs the program itself: a launcher that returns would look like a program that has ended.
    action = [("Command", f'"{exe}"'), ("Arguments", arguments), ("WorkingDirectory", exe.rpartition("\\")[0])]
    root = ElementTree.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    _add(root, ("RegistrationInfo", [("Author", "QMT Sentry"), ("Description", description)]))
    _add(root, ("Triggers", triggers))
    _add(root, ("Principals", [principal])).find("Principal").set("id", "Author")  # type: ignore[union-attr]
    _add(root, ("Settings", settings))
    _add(root, ("Actions", [("Exec", action)])).set("Context", "Author")
    return '<?xml version="1.0" encoding="UTF-16"?>\r\n' + ElementTree.tostring(root, encoding="unicode")


def _add(parent: ElementTree.Element, tree: Tree) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tree[0])
    if isinstance(tree[1], str):
        element.text = tree[1] or None
    else:
        for child in tree[1]:
            _add(element, child)
    return element
