"""What is not well on this machine and lasts: each sign is a pure judgement, each finding a sign that lasted.

Findings go out with every host.heartbeat as a whole (docs/protocol.md section 3), so a lost one is repeated and one
that is over is not in the next.
"""

from __future__ import annotations

import ntpath
from typing import Any, Collection, Mapping, NamedTuple, Sequence

from tray_app.watch import growth
from tray_app.watch.growth import History

MB, GB = 1024**2, 1024**3
DISK_FULL = 200 * MB  # bytes; design.md: orders need 200 MB
DISK_BACK = 1.1  # enough again at this multiple of the limit
CLOCK_WARN, CLOCK_ALARM, CLOCK_BACK = 3.0, 30.0, 2.0  # seconds; windows-facts.md section 5
CLOCK_FAR_BACK = 27.0  # seconds: what wavers about the second limit is told once
CLOCK_PATIENCE = 60.0  # seconds: one slow answer is no wrong clock
CHILD_SETTLED = 60.0  # seconds after which a child process is one that QMT keeps
CHILD_PATIENCE = 30.0  # seconds it may take to come back
SHOWN = 60  # characters of a window's title
OUTBOX_PATIENCE = 60.0  # seconds: a virus scanner may hold a file for some
# Red on the icon, and told again on the phone.
GRAVE = ("qmt-dialog", "disk-full", "qmt-disk-full", "clock-far", "outbox")
STEPS = {"disk": "disk-full", "qmt-disk": "qmt-disk-full", "clock": "clock-far"}  # code -> its graver step


class Sign(NamedTuple):
    """Something seen now. It becomes a finding when it has been seen for `patience` seconds. text: one Chinese sentence
    of what was seen; todo: one of what to do."""

    code: str
    text: str
    todo: str
    patience: float = 0.0


class Finding(NamedTuple):
    """since: epoch seconds from when on it was seen."""

    code: str
    since: float
    text: str
    todo: str


def settle(
    before: Mapping[str, float], signs: Sequence[Sign], now: float
) -> tuple[dict[str, float], tuple[Finding, ...]]:
    """(since when each sign has been seen, the findings): `before` is the former of the last look."""
    since = {sign.code: min(before.get(sign.code, now), now) for sign in signs}
    return since, tuple(
        Finding(sign.code, since[sign.code], sign.text, sign.todo)
        for sign in signs
        if now - since[sign.code] >= sign.patience
    )


def wire(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """As host.heartbeat carries them."""
    return [dict(one._asdict(), since=round(one.since, 3)) for one in findings]


# QMT -----------------------------------------------------------------------------------------------------------------


def dialog(titles: Sequence[str], patterns: Sequence[str], patience: float) -> list[Sign]:
    """A window of QMT whose title speaks of logging in or upgrading: nobody is at the machine to answer it."""
    for title in titles:
        if any(pattern.lower() in title.lower() for pattern in patterns):
            text = f"QMT 开着窗口“{title[:SHOWN]}”，在等人操作。"
            return [Sign("qmt-dialog", text, "远程登录小主机，完成 QMT 的登录或升级。", patience)]
    return []


class Brood(NamedTuple):
    """The watched child processes of one run of QMT: name -> since when it was seen there."""

    run: tuple[int, float] | None = None
    seen: Mapping[str, float] = {}


def children(
    before: Brood, run: tuple[int, float] | None, names: Collection[str], watched: Sequence[str], now: float
) -> tuple[Brood, list[Sign]]:
    """QMT runs on, but a child that it kept is gone. `names`: its children now."""
    if run is None or run != before.run:
        before = Brood(run)
    here = {ntpath.normcase(name) for name in names}
    seen = dict(before.seen)
    for name in watched:
        if ntpath.normcase(name) in here:
            seen.setdefault(name, now)
        elif now - seen.get(name, now) < CHILD_SETTLED:
            seen.pop(name, None)  # it came and went: not one that QMT keeps
    lost = [name for name in seen if ntpath.normcase(name) not in here]
    signs = []
    if lost and run is not None:
        text = f"QMT 的子程序 {'、'.join(lost)} 不见了，行情或交易可能不通。"
        todo = "远程登录小主机，看 QMT 右下角的行情和交易是否正常，必要时重启 QMT。"
        signs.append(Sign("qmt-child", text, todo, CHILD_PATIENCE))
    return Brood(run, seen), signs


def growing(history: History, memory_limit: float, handle_limit: float, was: Collection[str]) -> list[Sign]:
    """Limits per hour: bytes and handles; 0: not judged."""
    signs = []
    todo = "今天收盘后重启一次 QMT；每天都这样，就请策略作者看看。"
    slope = growth.grows([(one.at, one.memory) for one in history.samples], memory_limit, "qmt-memory" in was)
    if slope is not None:
        level = history.samples[-1].memory or 0.0
        text = f"QMT 的内存一直在涨，每小时约 {slope / MB:.0f} MB，现在 {level / MB:.0f} MB。"
        signs.append(Sign("qmt-memory", text, todo))
    slope = growth.grows([(one.at, one.handles) for one in history.samples], handle_limit, "qmt-handles" in was)
    if slope is not None:
        level = history.samples[-1].handles or 0.0
        text = f"QMT 的句柄（它占用的系统资源）一直在增加，每小时约 {slope:.0f} 个，现在 {level:.0f} 个。"
        signs.append(Sign("qmt-handles", text, todo))
    return signs


# The machine ---------------------------------------------------------------------------------------------------------


def disk(code: str, what: str, free: int | None, low: float, was: Collection[str]) -> list[Sign]:
    """`low`: bytes. A second sign where so little is left that no order goes out; the first one stays."""
    if free is None:
        return []
    todo = "清理磁盘：删掉不用的下载和旧日志，清空回收站。"
    signs = []
    if free < low * (DISK_BACK if code in was else 1.0):
        signs.append(Sign(code, f"{what}只剩 {free // MB} MB。", todo))
    full = code + "-full"
    if free < DISK_FULL * (DISK_BACK if full in was else 1.0):
        signs.append(Sign(full, f"{what}只剩 {free // MB} MB，策略会停止下单。", todo))
    return signs


def outbox(error: str) -> list[Sign]:
    """`error`: why the tray's own store refuses what it must not lose, '' while it does not. Heartbeats go out all the
    same (Sender._send_unstored), so without this all would look well while no order's news can."""
    if not error:
        return []
    return [Sign("outbox", "哨兵的记录存不下，委托和成交的消息送不出来。", error, OUTBOX_PATIENCE)]


def clock(offset: float | None, was: Collection[str]) -> list[Sign]:
    """`offset`: the receiver's clock minus ours, seconds. As with disks: a second sign where it is far off."""
    if offset is None or abs(offset) < (CLOCK_BACK if "clock" in was else CLOCK_WARN):
        return []
    text = f"小主机的时钟比接收端{'慢' if offset > 0 else '快'} {abs(offset):.0f} 秒。"
    todo = "在小主机的“设置 - 时间和语言”里打开自动设置时间，点“立即同步”。"
    signs = [Sign("clock", text, todo, CLOCK_PATIENCE)]
    if abs(offset) >= (CLOCK_FAR_BACK if "clock-far" in was else CLOCK_ALARM):
        signs.append(Sign("clock-far", text + "差得太多时策略不下单。", todo, CLOCK_PATIENCE))
    return signs


def restart(pending: bool) -> list[Sign]:
    todo = "收盘后重启小主机，再看 QMT 是否登录。"
    return [Sign("restart-pending", "Windows 等着重启来装更新，可能会自己重启。", todo)] if pending else []
