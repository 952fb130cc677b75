"""The last resort: when the receiver can no longer tell the phone anything, the tray itself tells it, by a WeCom robot
or pushplus.

Once after [last_resort] after seconds of sessions without a valid 200 with alerts.ok, whatever the reason; again every
[last_resort] every seconds, in sessions; and once when it is over. Never while the owner has paused.

`decide(memory, look) -> (memory, what to say)` is pure. A message counts as told only after the vendor's own yes, and
what was told outlasts a restart in control/last_resort.json. 发送测试告警 in the menu tries this way too (Trial).
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

from tray_app import pushplus, trading_time, vendor, wecom
from tray_app import strings_zh as zh
from tray_app.config import Config
from tray_app.events import time_of
from tray_app.home import write_whole
from tray_app.sender import Link
from tray_app.trading_time import show_day_time
from tray_app.worker import Lease

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between rounds
LIMIT = 90.0  # seconds: two ways, each may take 5 s to connect and 10 s to read, and a name server its own time
ASLEEP = 30.0  # seconds between two looks beyond which the program or the machine was off: nobody waited in that time
KEEP_EVERY = 60.0  # session seconds: how much of a wait a restart may forget
KEEP_OK_EVERY = 600.0  # seconds: how wrong the last good time may be that is told after a restart
BEATS = 3  # heartbeats that must be missing: a yes comes no oftener than they do
DOWN, STILL, BACK = "down", "still", "back"


class Memory(NamedTuple):
    """What outlasts a restart. Times are epoch seconds."""

    ok_at: float | None = None  # last valid 200 with alerts.ok
    waited: float = 0.0  # seconds of sessions since then in which this program was at work
    looked_at: float | None = None
    told_at: float | None = None  # when the last word about this outage was taken by the vendor; None: none is open
    since: float | None = None  # last valid 200 before this outage
    words: int = 0  # told about this outage so far
    well: bool = False  # it is over, and BACK is still to be told


class Look(NamedTuple):
    """One moment. `passed`: seconds of sessions since the look before; both limits in seconds."""

    now: float
    ok_at: float | None
    passed: float
    in_session: bool
    paused: bool
    after: float
    every: float


def decide(memory: Memory, look: Look) -> tuple[Memory, str]:
    """The memory after this look, and DOWN, STILL, BACK or '' for nothing to say."""
    gap = look.now - memory.looked_at if memory.looked_at is not None else math.inf
    awake = 0.0 <= gap <= ASLEEP and not look.paused
    memory = memory._replace(looked_at=look.now)
    if look.ok_at is not None and look.ok_at != memory.ok_at:
        memory = memory._replace(ok_at=look.ok_at, waited=0.0, well=memory.told_at is not None)
    elif awake:
        waited = min(look.after, memory.waited + look.passed)
        memory = memory._replace(waited=waited, well=memory.well and waited < look.after)
    if look.paused:
        return memory, ""
    if memory.well:
        return memory, BACK
    if not look.in_session or memory.waited < look.after:
        return memory, ""
    if memory.told_at is None:
        return memory, DOWN
    # abs: after a clock was set back the next word must not wait for the old time to come again
    return memory, STILL if abs(look.now - memory.told_at) >= look.every else ""


def told(memory: Memory, word: str, now: float) -> Memory:
    """The memory after the vendor has taken a word."""
    if word == BACK:
        return memory._replace(told_at=None, since=None, words=0, well=False)
    since = memory.ok_at if word == DOWN else memory.since
    return memory._replace(told_at=now, since=since, words=memory.words + 1)


# What it says --------------------------------------------------------------------------------------------------------


def text_of(word: str, memory: Memory, link: Link, facts: str, machine: str, every: float, now: float) -> str:
    """The message: what, since when, what to do. No address, no amount, no account."""
    if word == BACK:
        ended = memory.ok_at if memory.ok_at is not None else now
        began = memory.since if memory.since is not None else memory.told_at
        span = ""
        if began is not None:
            span = f"历时 {_span(ended - began)}（{show_day_time(began, now)} – {show_day_time(ended, now)}）。\n"
        return f"✅ 已恢复：接收端又能告警了 · {machine}\n{span}期间的记录正在补送。\n小主机这边：{facts}。"
    cannot = link.state == "ok" and link.alerts_ok is False  # it answers, but says that it reaches nobody
    silent = link.state == "ok" and not cannot  # the first post that fails is still waiting for its answer
    what, why = ("发不出告警", link.alerts_why) if cannot else ("联系不上", "没有回答" if silent else link.why)
    title = f"❗ 接收端{what}" if word == DOWN else f"❗ 接收端仍然{what}（第 {memory.words + 1} 次提醒）"
    good = f"最后一次正常：{show_day_time(memory.ok_at, now)}。" if memory.ok_at is not None else "还没有正常过。"
    reason = f"原因：{why}。\n" if why else ""
    if cannot:
        todo = "登录服务器，看接收端的告警通道报什么错"
    elif link.state == "denied":
        todo = "在服务器上运行 receiver.py pair 名字，把新的配对码粘贴到小主机"
    else:
        todo = "登录服务器看接收端是否在运行，再看小主机的网络"
    return (
        f"{title} · {machine}\n怎么办：{todo}。\n{good}\n{reason}小主机这边：{facts}。\n"
        f"修好之前，别的告警到不了手机。\n这条由小主机直接发出，交易时间里每 {_span(every)}提醒一次。"
    )


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{max(0.0, seconds):.0f} 秒"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours} 小时" if hours else "", f"{minutes} 分钟" if minutes or not hours else ""]
    return " ".join(part for part in parts if part)


# By which way --------------------------------------------------------------------------------------------------------


def is_set(config: Config) -> bool:
    return bool(config.last_resort_webhook or config.last_resort_pushplus)


def send(config: Config, text: str) -> vendor.Result:
    """One message by the way that sentry.ini names; where it names both, by pushplus only if the robot fails."""
    if not config.last_resort_webhook:
        return pushplus.send(config.last_resort_pushplus, text)
    first = wecom.send(config.last_resort_webhook, text)
    if isinstance(first, vendor.Sent) or not config.last_resort_pushplus:
        return first
    second = pushplus.send(config.last_resort_pushplus, text)
    return second if isinstance(second, vendor.Sent) else _both_failed(first, second)


def _both_failed(first: vendor.Result, second: vendor.Result) -> vendor.Result:
    """Neither makes the other wait: the robot not until pushplus' tomorrow, but both as pushplus' quota bears it."""
    why = "；".join(result.why for result in (first, second) if not isinstance(result, vendor.Sent))
    worth_it = isinstance(second, vendor.Later) or (
        isinstance(first, vendor.Later) and not isinstance(second, vendor.Tomorrow)
    )
    return vendor.Later(why, pushplus.PAUSE) if worth_it else vendor.Never(why)


Send = Callable[[Config, str], vendor.Result]


class Trial:
    """A test message by the last resort, in a thread of its own: a menu that waits for a network does not stop orders.
    Where none is set there is nothing to say. `tell` is given what came of it if that is known too late for `words`."""

    def __init__(self, config: Config, tell: Callable[[str], object], send: Send = send) -> None:
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._said, self._late = "", False
        if not is_set(config):
            self._done.set()
            return

        def run() -> None:
            result = send(config, zh.LAST_RESORT_TEST.format(machine=config.machine))
            good = isinstance(result, vendor.Sent)
            said = zh.LAST_RESORT_SENT if good else zh.LAST_RESORT_FAILED.format(why=getattr(result, "why", ""))
            log.warning("last resort: test %s", "taken" if good else "not taken")
            with self._lock:
                self._said = said
                self._done.set()
            if self._late:
                tell(said)

        threading.Thread(target=run, name="last-resort-test", daemon=True).start()

    def words(self, within: float) -> str:
        """What came of it, if that is known within so many seconds."""
        self._done.wait(within)
        with self._lock:
            self._late = not self._done.is_set()
            return self._said


# The worker's part ---------------------------------------------------------------------------------------------------


class LastResort:
    """`round(now)` for the worker. `config()`, `link()`, `paused()`: as they are at this moment; `is_trading(epoch)`;
    `facts()`: how QMT is, in a few Chinese words. `send` as above."""

    def __init__(
        self,
        file: Path,
        lease: Lease,
        config: Callable[[], Config],
        link: Callable[[], Link],
        paused: Callable[[], bool],
        is_trading: Callable[[float], bool],
        facts: Callable[[], str],
        send: Send = send,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._lease = lease
        self._config = config
        self._link = link
        self._paused = paused
        self._is_trading = is_trading
        self._facts = facts
        self._send = send
        self._mono = mono
        self._memory = self._kept = read(file)
        self._due_at = self._keep_at = -math.inf  # monotonic: not before then the next try, the next writing
        self._said = ""

    def round(self, now: float) -> None:
        config, link = self._config(), self._link()
        if not config.receiver:
            return  # not paired: there is nothing to be missed
        sessions = config.sessions
        before = self._memory.looked_at
        since = before if before is not None and before <= now else now
        look = Look(
            now=now,
            ok_at=link.alerts_ok_at,
            passed=trading_time.session_seconds(sessions, since, now, self._is_trading),
            in_session=trading_time.in_session(sessions, now, self._is_trading),
            paused=self._paused(),
            after=max(config.last_resort_after, BEATS * config.host_every),
            every=config.last_resort_every,
        )
        self._memory, word = decide(self._memory, look)
        if word and self._mono() >= self._due_at:
            self._tell(word, link, config, now)
        self._keep()

    def _tell(self, word: str, link: Link, config: Config, now: float) -> None:
        text = text_of(word, self._memory, link, self._facts(), config.machine, config.last_resort_every, now)
        self._lease.check()
        result = self._send(config, text)
        if isinstance(result, vendor.Sent):
            self._memory = told(self._memory, word, now)
            self._say("")
            log.warning("last resort: %s told", word)
            return
        if isinstance(result, vendor.Later):
            pause = result.pause
        elif isinstance(result, vendor.Tomorrow):
            pause = trading_time.next_clock(0, now) - now
        else:
            pause = config.last_resort_every
        self._due_at = self._mono() + pause
        self._say("" if isinstance(result, vendor.Later) else result.why)
        log.warning("last resort: %s not told: %s", word, result.why)

    def _say(self, why: str) -> None:
        if why != self._said:
            self._said = why
            self._lease.show(last_resort_why=why)

    def _keep(self) -> None:
        """On the disk what a restart must know; the looks of a good day need no writing."""
        new, old = self._memory, self._kept
        same = (new.told_at, new.words, new.well) == (old.told_at, old.words, old.well)
        same = same and abs(new.waited - old.waited) < KEEP_EVERY
        same = same and abs((new.ok_at or 0.0) - (old.ok_at or 0.0)) < KEEP_OK_EVERY
        if same or self._mono() < self._keep_at:
            return
        self._lease.check()
        try:
            write_whole(self._file, json.dumps(new._asdict()))
            self._kept = new
        except OSError as error:
            log.warning("%s: %s", self._file.name, error.strerror or error)  # known for this run at least
            self._keep_at = self._mono() + KEEP_EVERY


def read(file: Path) -> Memory:
    """What was kept; whatever of it cannot be used counts as unknown."""
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s: %s", file.name, error)
        return Memory()
    if not isinstance(value, dict):
        return Memory()
    ok_at, looked_at, told_at, since = (time_of(value.get(key)) for key in ("ok_at", "looked_at", "told_at", "since"))
    waited, words = value.get("waited"), value.get("words")
    return Memory(
        ok_at=ok_at,
        waited=float(waited) if isinstance(waited, (int, float)) and 0.0 <= waited < math.inf else 0.0,
        looked_at=looked_at,
        told_at=told_at,
        since=since,
        words=words if isinstance(words, int) and words >= 0 else 0,
        well=value.get("well") is True and told_at is not None,
    )
