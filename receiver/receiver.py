#!/usr/bin/env python3
"""QMT Sentry's receiver: the program on the VPS that notices and tells.

The mini PC's tray program posts events over HTTPS; scripts that people already have may post in the old protocol. The
receiver stores each post, decides what is late or broken, keeps incidents, and sends messages to the owner's phone
(WeCom group robot, pushplus, SMTP mail). It also serves one status page for the phone.

How to read this file: from top to bottom. What decides (Trading calendar, Deciding) is made of functions over plain
values with the time passed in. What remembers (Store) is one SQLite file with one writer connection. A post, the state
change that it causes and the outbox rows of its alerts are ONE transaction: after a kill -9 at any moment either all of
it is there, or nothing is and the tray posts again. A message counts as sent only after the vendor's own yes, so a
crash can repeat a message (same text, same number) but never lose one.

    receiver.py init --machine mini-pc          writes receiver.ini, says what to type on the mini PC
    receiver.py serve --config receiver.ini     runs
    receiver.py test-alert --config receiver.ini
    receiver.py calendar add 2027-01-01 ... --config receiver.ini
    receiver.py pair NAME                       a pairing code for one more mini PC, or a new one for a known one
    receiver.py password                        a new password for the page
    receiver.py hash                            puts digests in the place of plain secrets in an old ini
    receiver.py check | backup FILE | daily-backup | restore FILE

Needs Python 3.8 or newer with bottle and cheroot; nothing else.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import configparser
import copy
import email.message
import email.utils
import errno
import gc
import hashlib
import hmac
import html
import http.client
import io
import ipaddress
import itertools
import json
import logging
import math
import os
import re
import secrets
import select
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib
from collections import Counter, deque
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, NamedTuple, NoReturn, Sequence, Union

import bottle
from cheroot import wsgi
from cheroot.errors import MaxSizeExceeded
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter

log = logging.getLogger("receiver")


########################################################################################################################
# Constants and texts ##################################################################################################
########################################################################################################################

VERSION = "0.1"

SHANGHAI = timezone(timedelta(hours=8))  # China has had no daylight saving time since 1991
DAY = 86400

# Weekdays (Monday to Friday) on which the Shanghai and Shenzhen exchanges are closed, as MMDD. Make-up Saturdays and
# Sundays are working days for offices, never for the exchange, so weekends need no table. Source: the State Council's
# yearly notice, as in the package chinesecalendar 1.11.0 (a test compares the two).
CLOSED_WEEKDAYS = {
    2024: "0101 0212 0213 0214 0215 0216 0404 0405 0501 0502 0503 0610 0916 0917 1001 1002 1003 1004 1007",
    2025: "0101 0128 0129 0130 0131 0203 0204 0404 0501 0502 0505 0602 1001 1002 1003 1006 1007 1008",
    2026: "0101 0102 0216 0217 0218 0219 0220 0223 0406 0501 0504 0505 0619 0925 1001 1002 1005 1006 1007",
}
COVERAGE_WARNING_DAYS = 30

# What a door takes at most.
BODY_BYTES = 4 << 20  # beyond it a body is not even read to be thrown away
BATCH_BYTES = 1 << 20  # one v1 post, before and after unpacking
BATCH_EVENTS = 5000
JSON_DEPTH = 40
NUMBER_LIMIT = 1e300  # beyond it stands QMT's "no value" sentinel 1.797e308, which must never get here
AT_LIMIT = 4102444800.0  # 2100-01-01: catches milliseconds, and keeps every date computation in range
FILE_BYTES = 256 << 10
OLD_FILES = 20
OLD_POST_BYTES = 1 << 20
FORM_OVERHEAD = 64 << 10  # multipart headers and boundaries around the files
PAGE_FORM_BYTES = 8 << 10
REQUEST_SECONDS = 20.0  # for one request with its answer: slow strangers must not hold all threads
THREADS = 16
SAME_WORKING = 5  # threads for connections of one network (an IPv4 address, an IPv6 /64)
SAME_OPEN, ALL_OPEN = 50, 500  # connections of one network, and altogether
LINGER = 0.02  # seconds that a thread waits for a connection's next request before it gives it back
LINGER_FREE = 4  # only while so many other threads have nothing to do
TURN_SECONDS = 15.0  # that a post waits for its turn: longer than the database may be locked by another program
FILES_TOTAL = 256 << 20  # room for posted files; the oldest go first
DATABASE_MOST = 1 << 30  # bytes in use beyond which the oldest events go, whatever they are
PURGE_BITE = 2000  # rows that are forgotten in one go
SOURCES_MOST = 50  # scripts of one machine that are watched

# Judging.
CLOCK_NOISE = 5.0  # seconds of difference between two clocks that are not worth a correction
HISTORY_AGE = 60.0  # an event that was already this old when it was sent is history
HISTORY_PATIENCE = 15.0  # seconds that an accusation made by history waits for newer events
QUEUE_PATIENCE = 600.0  # a tray whose queue has not been empty for so long is judged all the same
START_GRACE = 120.0  # seconds QMT gets to start after the PC was switched on
LOGGED_OUT = 60.0  # session seconds without a logged-in account before it is told
GRID_SILENT = 1800.0  # seconds of continuous trading that a trading strategy may say nothing: it speaks every 600
GRID_PATIENCE = 900.0  # session seconds in which a trading strategy that ran before has to say its mode
TICK_OLD = 120.0  # seconds of continuous trading without a tick before it is told
LATE_SHARE = 2 / 3  # from this share of the allowed silence on, a check is late
PAUSE_LIMIT = 12 * DAY  # the longest exchange holiday is about 10 days
ONE_OFF_QUIET = 1800.0  # a one-off incident closes quietly after so many seconds without a repeat
REJECTS_APART = 20.0  # seconds between two messages about orders rejected for one cause
REJECTS_LISTED = 10  # in such a message; it counts all
SETTLE_AGAIN = 600.0  # after its own outage the receiver waits, but not more often than this
SETTLE_LEAST = 90.0  # a tray that met a closed door comes again after its longest backoff (60 s) and a beat (30 s)
ALIVE_EVERY = 10.0  # seconds between two marks "I am alive" in the database
ABSENT_AFTER = 3 * ALIVE_EVERY  # a mark older than this: nobody could reach us, by our own fault
CHECKER_DEAD = 30.0
WORKER_DEAD = 120.0  # a mail conversation may need several network timeouts
OUTAGE_TOLD = 120.0  # an absence of our own that was longer is told
CLOCK_WRONG = 30.0  # seconds by which PC and exchange must both differ from our clock to be believed
CLOCK_AGREES = 15.0  # a tick may be some seconds old: so far may the two differ from each other
CLOCK_DOUBT = 10.0  # seconds between two batches that both say so
HOLIDAY_ASKED = 9 * 3600 + 35 * 60  # no tick dated today by then: is the exchange closed?
HOLIDAY_PATIENCE = 300.0  # seconds that QMT must have been well before that is asked
DISK_LEAST = 50 << 20  # bytes free below which /healthz fails
BACKUP_LEAVES = 2 * DISK_LEAST  # bytes that must be free after a backup
BACKUP_OVERDUE = 50 * 3600.0  # seconds of our own life without a daily backup: two were missed, whatever the clock did
WATCHDOG_EVERY = 60.0
GIVE_BACK_EVERY = 600.0  # seconds between two returns of free memory to the system
STALE_ALERT = 600.0  # an alert that no one got within this time is replaced by its recovery

# Sending.
NETWORK_TIMEOUT = 10.0
ATTEMPT_SECONDS = 30.0  # for one whole attempt, however slowly the vendor drips
RETRY_FIRST, RETRY_CAP = 2.0, 60.0
GIVE_UP_AFTER = DAY
CONFIRM_SECONDS = 120.0  # without pushplus's word after so long the message goes out through the others too
FLAPS_TOLD, FLAP_WINDOW, FLAP_PATIENCE = 3, 3600.0, 300.0  # what comes and goes more often is told when it lasts
FAILING_TRIES, FAILING_SECONDS = 3, 300.0  # a channel that failed so often for so long is told by the others
DIGEST_ABOVE, DIGEST_MAX = 4, 30  # more waiting messages than this go out as one
SHARED_BYTES = 1500  # incidents join a message as long as its body stays below this, so that no channel cuts one off
TITLE_CHARS = 60
WECOM_BYTES = 2048
WECOM_GAP = 3.0
WECOM_PER_MINUTE = 18  # the vendor allows 20: two in hand for requests that the network bunches together
PUSHPLUS_PER_DAY = 200
PUSHPLUS_RESERVE = 50  # the day's last ones are kept for what is grave
SHARED_RECOVERIES = 6  # so many fit one message on every channel
PUSHPLUS_CHARS = 18000
WAITING_LIMIT = 10**9  # more than any queue holds; SQLite takes no 70-bit number
GRAVE, NORMAL, LOW = 2, 1, 0
MUTE_LIMIT = 7 * DAY
UNTIL_MIDNIGHT = -1.0  # instead of a number of seconds

HUNG = "发送卡住了"
HUNG_BEFORE = "发送线程没有响应"  # as a database of version 0.1's first days has it

# WeCom's answers: judged by errcode, never by errmsg; both vendors say "no" with HTTP 200. Source: the official list,
# developer.work.weixin.qq.com/document/path/90455, and users' reports. Anything not listed is retried and shown.
WECOM_LATER = {-1: (10.0, "企业微信系统繁忙"), 45009: (65.0, "企业微信说发得太快")}
WECOM_NEVER = {
    93000: "机器人的地址（key）不对，或机器人已被移出群",
    93004: "机器人已停用",
    93008: "机器人不在群里",
    40058: "消息内容不合要求",
    40008: "消息类型不对",
}
# pushplus's answers. Source: api.pushplus.plus/doc-3034446 (Apprise's table contradicts it and is not followed).
PUSHPLUS_OK = 200
PUSHPLUS_RESTRICTED = 900  # too many requests: each further one makes it worse, so silence until midnight
PUSHPLUS_NEVER = {
    302: "未登录",
    401: "没有权限",
    403: "没有权限，或 IP 不在白名单",
    600: "请求数据不对（token 是不是抄错了）",
    805: "没有权限",
    888: "积分不足",
    903: "token 不对",
    905: "账号没有实名认证",
    999: "参数不对",
}
# SMTP: 4xx and network errors are retried, 5xx are permanent, except a rate limit that QQ mail reports as 550.
SMTP_RATE_WORDS = ("frequency", "too many", "limit", "频")

HEARTBEAT_KINDS = ("host.heartbeat", "qmt.process", "qmt.heartbeat", "old.heartbeat")
EVENT_KINDS = HEARTBEAT_KINDS + (
    "host.started",
    "host.stopping",
    "host.resumed",
    "host.paused",
    "host.stop_orders",
    "host.test_alert",
    "host.trouble",
    "qmt.log",
    "strategy.error",
    "strategy.notice",
    "order.state",
    "file",
    "old.deals",
)
PROCESS_STATES = ("running", "missing", "hung", "restarted", "elsewhere")
PROCESS_WELL = ("running", "restarted")
FINDINGS_MOST = 20  # of one machine: the tray knows about ten
ORDER_ALIVE = ("intent", "sent", "working")
ORDER_ENDED = ("filled", "cancelled", "rejected", "expired", "void")
OLD_NAMES = ("qmt", "server")

NEW, UP, LATE, DOWN, PAUSED, OFF, UNKNOWN = "new", "up", "late", "down", "paused", "off", "unknown"
STATUS_WORDS = {
    NEW: "还没见过",
    UP: "正常",
    LATE: "迟到",
    DOWN: "中断",
    PAUSED: "已暂停",
    OFF: "休市",
    UNKNOWN: "未知",
}
AWAITED = "等待启动"  # QMT's lamp while the PC's boot allows it to be gone
STOP_REASONS = {
    "menu": "从菜单退出",
    "session-end": "Windows 注销或关机",
    "shutdown-task": "定时关机",
    "signal": "被系统结束",
}
START_REASONS = {
    "first": "哨兵第一次启动。",
    "clean": "哨兵正常退出后重新启动。",
    "crash": "哨兵程序异常退出后重新启动，小主机没有重启过。",
    "boot": "小主机重新开过机（断电、死机或重启）。",
}


########################################################################################################################
# Small helpers ########################################################################################################
########################################################################################################################


def shanghai(epoch: float) -> datetime:
    """The wall clock in Shanghai at `epoch` (seconds, UTC)."""
    return datetime.fromtimestamp(epoch, SHANGHAI)


def day_of(epoch: float) -> str:
    """The day in Shanghai, YYYYMMDD."""
    return day_text(int((epoch + 8 * 3600) // DAY))


@lru_cache(maxsize=64)
def day_text(days: int) -> str:
    """The day so many days after 1970-01-01."""
    return (date(1970, 1, 1) + timedelta(days)).strftime("%Y%m%d")


def clock(epoch: float | None, now: float) -> str:
    """A time for people: 14:02:13 today, 11-20 14:02:13 on another day of this year, with the year otherwise."""
    if epoch is None:
        return "未知"
    moment, today = shanghai(epoch), shanghai(now)
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%m-%d %H:%M:%S" if moment.year == today.year else "%Y-%m-%d %H:%M:%S")


def minute(epoch: float | None, now: float) -> str:
    """A time in a message: 14:02 today, 11-20 14:02 on another day of this year, with the year otherwise."""
    return clock(epoch, now) if epoch is None else clock(epoch, now)[:-3]


def day_minute(epoch: float) -> str:
    """A time that may be read on another day: 11-20 14:02."""
    return shanghai(epoch).strftime("%m-%d %H:%M")


def length(seconds: float) -> str:
    """A duration for people, in its two largest units: 45 秒, 3 分 12 秒, 2 小时 5 分, 3 天 4 小时."""
    total = max(0, int(round(seconds)))
    days, hours, minutes, rest = total // DAY, total // 3600 % 24, total // 60 % 60, total % 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"
    if minutes:
        return f"{minutes} 分 {rest} 秒" if rest else f"{minutes} 分"
    return f"{rest} 秒"


def midnight_after(now: float) -> float:
    """The next midnight in Shanghai."""
    return (math.floor((now + 8 * 3600) / DAY) + 1) * DAY - 8 * 3600


def cut_bytes(text: str, limit: int) -> str:
    """The longest head of `text` that has at most `limit` bytes in UTF-8, never half a character."""
    return text.encode("utf-8", "replace")[: max(0, limit)].decode("utf-8", "ignore")


def fit(head: str, tail: str, limit: int) -> str:
    """`head`, a line break and `tail` within `limit` bytes of UTF-8: the head is cut, the tail (the link) is kept."""
    tail = cut_bytes(tail, limit // 2)
    whole = head + "\n" + tail if tail else head
    if len(whole.encode("utf-8", "replace")) <= limit:
        return cut_bytes(whole, limit)
    mark = "…\n"
    return cut_bytes(head, limit - len((mark + tail).encode("utf-8"))) + mark + tail


def shorten(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def number(value: Any) -> float | None:
    """`value` as a finite float within the protocol's range, or None: a bool or a string is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= NUMBER_LIMIT:
        return None
    return float(value)


def words(value: Any, chars: int = 200) -> str:
    """A text that a machine sent, as one printable line: other types are empty, half a surrogate pair becomes '?'."""
    if not isinstance(value, str):
        return ""
    clean = value.encode("utf-8", "replace").decode("utf-8")
    return shorten(" ".join("".join(c if c.isprintable() else " " for c in clean).split()), chars)


def same_secret(given: str, wanted: str) -> bool:
    """Compares without telling by its duration how much was right."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8"))


def hashed_token(token: str) -> str:
    """What is stored of a token. Tokens are long and random, so one plain hash cannot be guessed back."""
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


PASSWORD_ROUNDS = 200_000  # about a tenth of a second


def hashed_password(password: str, salt: str = "", rounds: int = PASSWORD_ROUNDS) -> str:
    """pbkdf2:ROUNDS:SALT:HASH. An owner's password may be short, so guessing it from the file must be slow."""
    salt = salt or secrets.token_hex(16)
    found = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "replace"), salt.encode(), rounds)
    return f"pbkdf2:{rounds}:{salt}:{found.hex()}"


def right_password(given: str, stored: str) -> bool:
    """`stored` as it stands in the ini: plain, or made by `hashed_password`."""
    if not stored.startswith("pbkdf2:"):
        return same_secret(given, stored)
    _, rounds, salt, _ = stored.split(":")
    return same_secret(hashed_password(given, salt, int(rounds)), stored)


def parse_json(raw: bytes) -> Any:
    """JSON as Python's json reads it, but a whole number of more than 300 digits becomes infinity (and is refused later
    with its event) instead of an error for the whole post. Raises ValueError."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"), parse_int=lambda digits: int(digits) if len(digits) <= 300 else math.inf
        )
    except RecursionError:
        raise ValueError("too deeply nested") from None


# ASCII only: half a surrogate pair survives the round trip, and SQLite never sees it.
dump_json = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def bad_value(value: Any) -> str | None:
    """Why a value read from JSON may not be stored (a number out of range, too deep), or None. No recursion, so no
    depth of nesting can break it."""
    stack: list[tuple[Any, int]] = [([value], -1)]
    while stack:
        items, depth = stack.pop()
        if depth >= JSON_DEPTH:
            return "nested too deeply"
        for item in items.values() if type(items) is dict else items:
            kind = type(item)
            if kind is dict or kind is list:
                if item:
                    stack.append((item, depth + 1))
            elif (kind is float or kind is int) and not -NUMBER_LIMIT <= item <= NUMBER_LIMIT:
                return "number out of range (NaN, infinity or beyond 1e300)"
    return None


def label(name: str) -> str:
    """A file's name as a label: the part behind the last / or \\, without control characters, at most 100 characters.
    It is stored in a column and shown; it never decides a path."""
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(c for c in last.encode("utf-8", "replace").decode("utf-8") if c.isprintable()).strip(" .")
    return clean[:100] or "file"


class HangUps:
    """Deadlines for all that happens on connections: timeouts of single reads do not stop one who drips. One thread for
    all of them, started by the first: a timer each would cost every request a thread."""

    def __init__(self) -> None:
        self.waiting: dict[int, tuple[float, Any]] = {}  # id -> (monotonic time, connection)
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    @contextmanager
    def after(self, seconds: float, connection: Any) -> Iterator[None]:
        """Hangs up on the connection unless what is inside ends within so many seconds (to within HANG_UP_EVERY)."""
        if self.thread is None:
            with self.lock:
                if self.thread is None:
                    self.thread = threading.Thread(target=self.run, name="hang-ups", daemon=True)
                    self.thread.start()
        self.waiting[id(connection)] = (time.monotonic() + seconds, connection)
        try:
            yield
        finally:
            self.waiting.pop(id(connection), None)

    def run(self) -> None:
        while True:
            time.sleep(HANG_UP_EVERY)
            now = time.monotonic()
            for deadline, connection in list(self.waiting.values()):
                if now >= deadline:
                    try:
                        # not SSLSocket's own, which its reader does not survive
                        socket.socket.shutdown(connection, socket.SHUT_RDWR)
                    except OSError:
                        pass  # closed already


HANG_UP_EVERY = 0.5
hang_up_after = HangUps().after


########################################################################################################################
# Configuration ########################################################################################################
########################################################################################################################


class ConfigError(Exception):
    """One Chinese sentence for the owner: file, section, key, what is wrong and what would be valid."""


@dataclass(frozen=True)
class MachineConfig:
    name: str
    token: str  # hashed
    old_token: str  # hashed; empty: the old protocol is off for this machine


@dataclass(frozen=True)
class ChannelConfig:
    name: str
    type: str
    options: dict[str, Any]
    level: int = 0  # the least severity that it gets: LOW, NORMAL or GRAVE

    def fingerprint(self) -> str:
        """Changes when the owner changes the section: then a channel that was switched off gets a new chance."""
        text = dump_json([self.type, sorted((k, str(v)) for k, v in self.options.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Config:
    path: Path
    host: str
    port: int
    public_url: str
    database: Path
    password: str
    secret: str
    sessions: tuple[tuple[int, int], ...]  # seconds of the day
    tell: tuple[int, int]
    every_day: bool
    closed: frozenset[date]
    machines: dict[str, MachineConfig]
    silent: dict[str, float]  # check -> seconds of session time
    companions: float  # seconds
    reminders: tuple[float, ...]  # seconds between the notices of one incident; the last one repeats
    show_amounts: bool  # money stands in messages
    ready_at: int | None  # second of the day of the ready line; None: none
    report_at: int | None  # second of the day of the day's report; None: none
    certificate: Path | None  # None: plain HTTP, for a proxy on this host
    certificate_key: Path | None
    watchdog_url: str  # pinged once a minute while all is well; empty: nobody watches this server
    channels: dict[str, ChannelConfig]

    @property
    def answers_vendors(self) -> bool:
        """A vendor can call us back: over https, with a proxy's public certificate. Ours may be self-signed."""
        return self.public_url.startswith("https://") and self.certificate is None


def text_of(minimum: int = 0) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if len(raw) < minimum:
            raise ValueError(f"至少 {minimum} 个字符")
        return raw

    return parse


def token_of(minimum: int) -> Callable[[str], str]:
    """A token as it is stored: a plain one is hashed at once, so that none stays in memory."""

    def parse(raw: str) -> str:
        if raw.startswith("sha256:"):
            if not re.fullmatch(r"sha256:[0-9a-f]{64}", raw):
                raise ValueError("sha256: 后面应为 64 位十六进制")
            return raw
        plain = text_of(minimum)(raw)
        return hashed_token(plain) if plain else ""

    return parse


def password_of(raw: str) -> str:
    if raw.startswith("pbkdf2:") and not re.fullmatch(r"pbkdf2:\d{1,8}:[0-9a-f]+:[0-9a-f]{64}", raw):
        raise ValueError("不完整，请运行 receiver.py password 重新设置")
    return text_of(6)(raw)


def listen_of(raw: str) -> tuple[str, int]:
    host, _, port = raw.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("写成 地址:端口，例如 127.0.0.1:8780（端口 0 = 任选一个空闲端口）")
    return host.strip("[]"), int(port)


def url_of(raw: str) -> str:
    parts = urllib.parse.urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ValueError("写成 http://… 或 https://… 开头的完整网址")
    return raw.rstrip("/")


def yes_or_no(raw: str) -> bool:
    if raw not in ("yes", "no"):
        raise ValueError("只能是 yes 或 no")
    return raw == "yes"


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError("只能是 " + "、".join(choices))
        return raw

    return parse


def seconds_of(low: float, high: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"应为 {low:g} 到 {high:g} 之间的秒数")
        return value

    return parse


def port_of(raw: str) -> int:
    if not raw.isdigit() or not 0 < int(raw) <= 65535:
        raise ValueError("应为 1 到 65535 之间的端口号")
    return int(raw)


def minutes_of(raw: str) -> tuple[float, ...]:
    try:
        values = [float(part) for part in raw.split(",") if part.strip()]
    except ValueError:
        values = [math.nan]
    if not all(1 <= value <= 7 * 1440 for value in values):
        raise ValueError("应为用逗号分开的分钟数，例如 30, 60, 120（留空 = 不再提醒）")
    return tuple(value * 60 for value in values)


def span_of(raw: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)\s*", raw)
    if match:
        hours, minutes, until_hours, until_minutes = (int(part) for part in match.groups())
        start, end = hours * 3600 + minutes * 60, until_hours * 3600 + until_minutes * 60
        if minutes < 60 and until_minutes < 60 and start < end <= DAY:
            return start, end
    raise ValueError("应为 时:分-时:分，例如 09:00-15:10（一天结束写 24:00）")


def spans_of(raw: str) -> tuple[tuple[int, int], ...]:
    spans = tuple(span_of(part) for part in raw.split(","))
    if any(first[1] > second[0] for first, second in zip(spans, spans[1:])):
        raise ValueError("各时段应从早到晚、互不重叠，例如 09:25-11:30, 13:00-15:00")
    return spans


def time_of(raw: str) -> int | None:
    if not raw:
        return None
    match = re.fullmatch(r"(\d\d):(\d\d)", raw)
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError("应为 时:分，例如 09:25（留空 = 不发）")
    return int(match[1]) * 3600 + int(match[2]) * 60


def optional_url_of(raw: str) -> str:
    return url_of(raw) if raw else ""


def date_of(raw: str) -> date:
    try:
        return datetime.strptime(raw.strip(), "%Y-%m-%d").date()
    except ValueError:
        raise ValueError("日期应为 年-月-日，例如 2027-01-01") from None


def dates_of(raw: str) -> frozenset[date]:
    return frozenset(date_of(part) for part in raw.split(",") if part.strip())


REQUIRED = object()
Parser = Callable[[str], Any]
SECTIONS: dict[str, dict[str, tuple[Parser, Any]]] = {
    "receiver": {
        "listen": (listen_of, "127.0.0.1:8780"),
        "public_url": (url_of, "http://127.0.0.1:8780"),
        "database": (text_of(1), "receiver.db"),
        "password": (password_of, REQUIRED),
        "secret": (text_of(16), REQUIRED),
        "watchdog_url": (optional_url_of, ""),
        "certificate": (text_of(), ""),
        "certificate_key": (text_of(), ""),
    },
    "calendar": {
        "sessions": (spans_of, "09:25-11:30, 13:00-15:00"),
        "tell": (span_of, "09:00-15:10"),
        "every_day": (yes_or_no, "no"),
        "closed": (dates_of, ""),
        "ready_at": (time_of, "09:25"),
        "report_at": (time_of, "15:05"),
    },
    "alerts": {
        "companions": (seconds_of(0, 60), "5"),
        "reminders": (minutes_of, "30, 60, 120"),
        "show_amounts": (yes_or_no, "no"),
    },
}
MACHINE_KEYS: dict[str, tuple[Parser, Any]] = {"token": (token_of(8), REQUIRED), "old_token": (token_of(0), "")}
CHECK_DEFAULTS = {"host": "90", "qmt.heartbeat": "180", "old.qmt": "180", "old.server": "600", "order": "180"}
LEVELS = {"low": LOW, "normal": NORMAL, "grave": GRAVE}
LEVEL: tuple[Parser, Any] = (one_of(*LEVELS), "low")
CHANNEL_KEYS: dict[str, dict[str, tuple[Parser, Any]]] = {
    "wecom": {
        "url": (url_of, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"),
        "key": (text_of(1), REQUIRED),
        "level": LEVEL,
    },
    "pushplus": {
        "url": (url_of, "https://www.pushplus.plus/send"),
        "token": (text_of(1), REQUIRED),
        "topic": (text_of(), ""),
        "level": LEVEL,
    },
    "smtp": {
        "host": (text_of(1), REQUIRED),
        "port": (port_of, "465"),
        "security": (one_of("ssl", "starttls", "none"), "ssl"),
        "user": (text_of(), ""),
        "password": (text_of(), ""),
        "from": (text_of(3), REQUIRED),
        "to": (text_of(3), REQUIRED),
        "level": LEVEL,
    },
}


def load_config(path: str | Path) -> Config:
    """Reads and checks receiver.ini. Raises ConfigError, whose text is for the owner."""
    path = Path(path).absolute()
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), default_section="\0")
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise ConfigError(f"没有配置文件 {path}。运行 receiver.py init 生成一份，或用 --config 指出它。") from None
        raise ConfigError(f"读不了配置文件 {path}：{error.strerror}。检查它的权限。") from None
    except UnicodeDecodeError:
        raise ConfigError(f"配置文件 {path} 不是 UTF-8 编码。请用 UTF-8 另存一次。") from None
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [("?",)])[0][0]
        name = " ".join(f"[{part}]" for part in (getattr(error, "section", ""), getattr(error, "option", "")) if part)
        raise ConfigError(
            f"配置文件 {path} 第 {line} 行看不懂或重复了 {name}。每行应是 [段名] 或 键 = 值，各写一次。"
        ) from None
    return ConfigReader(path, parser).read()


class ConfigReader:
    """Turns the sections into a Config; every complaint names file, section, key and what would be valid."""

    def __init__(self, path: Path, parser: configparser.ConfigParser) -> None:
        self.path = path
        self.parser = parser

    def error(self, section: str, key: str, why: str) -> ConfigError:
        place = f"[{section}] {key}".rstrip()
        return ConfigError(f"配置文件 {self.path} 的 {place}：{why}。")

    def keys(self, section: str, known: dict[str, tuple[Parser, Any]]) -> dict[str, Any]:
        """The section's values, parsed; a missing optional key has its default."""
        given = dict(self.parser.items(section)) if self.parser.has_section(section) else {}
        for key in given:
            if key not in known:
                raise self.error(section, key, "没有这个键。可用的键：" + "、".join(known))
        values = {}
        for key, (parse, default) in known.items():
            raw = given.get(key, default)
            if raw is REQUIRED:
                raise self.error(section, key, "没有填，这一项必须有")
            try:
                values[key] = parse(raw)
            except ValueError as error:
                raise self.error(section, key, f"“{shorten(raw, 40)}”不对，{error}") from None
        return values

    def read(self) -> Config:
        machines: dict[str, MachineConfig] = {}
        channels: dict[str, ChannelConfig] = {}
        silent = {check: float(seconds) for check, seconds in CHECK_DEFAULTS.items()}
        for section in self.parser.sections():
            group, _, name = section.partition(":")
            if section in SECTIONS:
                continue
            if group in ("machine", "channel") and not re.fullmatch(r"[\w.\-]{1,40}", name):
                raise self.error(section, "", "冒号后面的名字只能用字母、数字、汉字和 . _ -，最多 40 个字")
            if group == "machine":
                machines[name] = MachineConfig(name, **self.keys(section, MACHINE_KEYS))
            elif group == "channel":
                channels[name] = self.channel(section, name)
            elif group == "check" and name in CHECK_DEFAULTS:
                silent[name] = self.keys(section, {"silent": (seconds_of(1, DAY), CHECK_DEFAULTS[name])})["silent"]
            elif group == "check":
                raise self.error(
                    section, "", "没有这个检查。可用的：" + "、".join(f"check:{k}" for k in CHECK_DEFAULTS)
                )
            else:
                raise self.error(
                    section,
                    "",
                    "没有这个段。可用的：receiver、calendar、alerts、machine:名字、check:名字、channel:名字",
                )
        if not machines:
            raise self.error("machine:名字", "", "至少要有一台小主机，段里写 token = …")
        self.no_shared_token(machines)
        base, days, alerts = (self.keys(section, SECTIONS[section]) for section in ("receiver", "calendar", "alerts"))
        if bool(base["certificate"]) != bool(base["certificate_key"]):
            raise self.error("receiver", "certificate_key", "certificate 和 certificate_key 要么都填，要么都不填")
        return Config(
            path=self.path,
            host=base["listen"][0],
            port=base["listen"][1],
            public_url=base["public_url"],
            database=self.path.parent / base["database"],
            password=base["password"],
            secret=base["secret"],
            certificate=self.path.parent / base["certificate"] if base["certificate"] else None,
            certificate_key=self.path.parent / base["certificate_key"] if base["certificate_key"] else None,
            watchdog_url=base["watchdog_url"],
            machines=machines,
            channels=channels,
            silent=silent,
            **days,
            **alerts,
        )

    def no_shared_token(self, machines: dict[str, MachineConfig]) -> None:
        seen: dict[str, str] = {}
        for machine in machines.values():
            for key, token in (("token", machine.token), ("old_token", machine.old_token)):
                if token and token in seen:
                    raise self.error(f"machine:{machine.name}", key, f"和 {seen[token]} 相同，每个令牌只能用一次")
                seen[token] = f"[machine:{machine.name}] {key}"

    def channel(self, section: str, name: str) -> ChannelConfig:
        kind = self.parser.get(section, "type", fallback="")
        if kind not in CHANNEL_KEYS:
            raise self.error(section, "type", f"“{shorten(kind, 40)}”不对，只能是 " + "、".join(CHANNEL_KEYS))
        options = self.keys(section, {"type": (text_of(1), kind), **CHANNEL_KEYS[kind]})
        del options["type"]
        level = LEVELS[options.pop("level")]
        if kind == "smtp":
            if options["security"] == "none" and options["host"] not in ("127.0.0.1", "localhost", "::1"):
                raise self.error(
                    section, "security", "“none”只能用于本机的邮件服务器，请用 ssl（端口 465）或 starttls（587）"
                )
            options["to"] = [address.strip() for address in options["to"].split(",") if address.strip()]
            for key, addresses in (("from", [options["from"]]), ("to", options["to"])):
                if not addresses or not all(re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", address) for address in addresses):
                    raise self.error(
                        section, key, "应为邮箱地址，例如 me@qq.com" + ("，多个用逗号分开" if key == "to" else "")
                    )
        return ChannelConfig(name, kind, options, level)


########################################################################################################################
# Trading calendar #####################################################################################################
########################################################################################################################


@dataclass(frozen=True)
class Calendar:
    """Which seconds count. Silence is counted in session seconds: a holiday is not "suppressed", it is not expected.

    Sessions and the window for telling are seconds of the day in Shanghai, each from its first second up to but without
    its last. Trading days: Monday to Friday without the closed days; beyond `covered_until`, where holidays are not
    known yet, every weekday counts (better one alarm on a holiday than silence on a trading day) and the page says so.
    """

    sessions: tuple[tuple[int, int], ...]
    tell: tuple[int, int]
    closed: frozenset[date]
    covered_until: date
    every_day: bool = False

    def is_trading_day(self, day: date) -> bool:
        return self.every_day or (day.weekday() < 5 and day not in self.closed)

    def trades_on(self, now: float) -> bool:
        return self.is_trading_day(shanghai(now).date())

    def in_session(self, now: float) -> bool:
        second = second_of_day(now)
        return self.trades_on(now) and any(start <= second < end for start, end in self.sessions)

    def in_tell(self, now: float) -> bool:
        """Explicit bad news is told at once now: in the window for telling, and in every session."""
        return self.trades_on(now) and self.tell[0] <= second_of_day(now) < self.tell[1] or self.in_session(now)

    def next_tell(self, now: float) -> float:
        """The first instant from `now` on at which news may be told; `now` itself if there is none within 60 days."""
        if self.in_tell(now):
            return now
        midnight = midnight_after(now) - DAY
        for day in range(60):
            start = midnight + day * DAY + min(self.tell[0], self.sessions[0][0])
            if start > now and self.trades_on(start):
                return start
        return now

    def continuous(self) -> Calendar:
        """The same without the call auctions and the pause behind the first, when ticks may be rare: 09:30 to 14:57.
        Source: the trading rules of both exchanges."""
        spans = (
            (34200 if 33300 <= start < 34200 else start, 53820 if 53820 < end <= 54000 else end)
            for start, end in self.sessions
        )
        return replace(self, sessions=tuple(spans))

    def begun(self, now: float) -> bool:
        """The first session of this trading day has begun."""
        return self.trades_on(now) and second_of_day(now) >= self.sessions[0][0]

    def sessions_left(self, now: float) -> bool:
        """Part of a session of this trading day is still to come."""
        return self.trades_on(now) and second_of_day(now) < self.sessions[-1][1]

    def session_seconds(self, start: float, end: float) -> float:
        """Seconds between two instants that lie in sessions. Looks back at most 60 days: no limit is longer."""
        start = max(start, end - 60 * DAY)
        total, midnight = 0.0, midnight_after(start) - DAY
        while midnight < end:
            if self.trades_on(midnight):
                for first, last in self.sessions:
                    total += max(0.0, min(end, midnight + last) - max(start, midnight + first))
            midnight += DAY
        return total

    def deadline(self, start: float, seconds: float) -> float:
        """The instant when `seconds` of session time have passed since `start`; infinity if not within 60 days."""
        midnight = midnight_after(start) - DAY
        for _ in range(60):
            if self.trades_on(midnight):
                for first, last in self.sessions:
                    begin = max(start, midnight + first)
                    if midnight + last - begin >= seconds:
                        return begin + seconds
                    seconds -= max(0.0, midnight + last - begin)
            midnight += DAY
        return math.inf

    def next_session(self, now: float) -> float | None:
        """When the next session begins (not one that is running), or None within 60 days."""
        midnight = midnight_after(now) - DAY
        for _ in range(60):
            if self.trades_on(midnight):
                for first, _last in self.sessions:
                    if midnight + first > now:
                        return midnight + first
            midnight += DAY
        return None

    def coverage_warning(self, now: float) -> str:
        """One Chinese sentence from 30 days before the holiday table ends, else empty."""
        today = shanghai(now).date()
        if self.every_day or today + timedelta(days=COVERAGE_WARNING_DAYS) <= self.covered_until:
            return ""
        state = "已经用完，周一到周五都当作交易日" if today > self.covered_until else f"只到 {self.covered_until}"
        return f"休市日表{state}。请运行 receiver.py calendar add 补上明年的休市日。"


def second_of_day(now: float) -> float:
    return (now + 8 * 3600) % DAY


@lru_cache(maxsize=1)
def built_in_closed_days() -> frozenset[date]:
    return frozenset(
        date(year, int(day[:2]), int(day[2:])) for year, days in CLOSED_WEEKDAYS.items() for day in days.split()
    )


def make_calendar(config: Config, added: frozenset[date] = frozenset(), complete: date | None = None) -> Calendar:
    """The calendar of the built-in table, the ini's `closed` and the days added on the command line; `complete` is the
    date up to which the owner said that the added days are all."""
    covered = date(max(CLOSED_WEEKDAYS), 12, 31)
    return Calendar(
        config.sessions,
        config.tell,
        built_in_closed_days() | config.closed | added,
        max(covered, complete) if complete else covered,
        config.every_day,
    )


########################################################################################################################
# Deciding: what is late, what is told, in which words. Pure: plain values in, plain values out ########################
########################################################################################################################


@dataclass
class Machine:
    """What is known about one mini PC. All times are the receiver's clock, epoch seconds."""

    name: str
    run: str = ""  # the tray's run that posted last
    run_since: float | None = None  # when that run was first heard
    heard: float | None = None  # the last accepted batch: whoever posts is alive, however old its news
    heard_since: float | None = None  # since when batches have come without a gap
    waiting: int = 0  # rows left in the tray's queue after its last batch
    waiting_since: float | None = None
    drained: float | None = None  # the last batch that emptied the queue: only that one bears witness
    paused_until: float | None = None
    stopped: float | None = None  # host.stopping without a sign of a new run since
    stop_reason: str = ""
    started: float | None = None
    start_reason: str = ""
    fresh_until: float | None = None  # switched on just now: QMT gets this long to start
    hold_until: float | None = None  # host.stopping came as history: wait for newer news
    beat_at: float | None = None
    beat: dict[str, Any] = field(default_factory=dict)  # the last host.heartbeat's data
    stop: float | None = None  # control/STOP has been there since then; None: it is not, or nobody said
    stop_at: float | None = None  # when that was last said
    mode: str = ""  # of the strategy: live, observe, or empty: nobody said
    mode_why: str = ""  # why it only observes
    mode_chosen: int = 0  # 1: it observes because its owner set it so
    mode_at: float | None = None  # when that was last said
    clock_off: float | None = None  # seconds by which the PC's clock was ahead of ours at its last batch


@dataclass
class Source:
    """Something that speaks on or through a machine: the QMT process, a strategy, a script of the old protocol."""

    machine: str
    kind: str  # qmt.process, qmt.heartbeat, old.qmt, old.server
    name: str  # the strategy's name, else empty
    behind: int = 1  # 1: speaks through the tray, so only a host that is heard can bear witness against it
    last_seen: float | None = None  # when it really spoke: an event's age is taken off
    received: float | None = None
    state: str = ""  # of qmt.process
    state_since: float | None = None
    last_well: float | None = None  # qmt.process: last known to be running
    up_since: float | None = None  # qmt.process: when it came back
    hold_until: float | None = None  # bad news came as history: wait for newer news until then
    logged_out_since: float | None = None  # its heartbeats have said since then that no account is logged in
    tick_fresh: float | None = None  # its last heartbeat with a fresh tick
    clock_off: float | None = None  # seconds by which the last tick was ahead of our clock, when it was new
    data: dict[str, Any] = field(default_factory=dict)


@dataclass
class Order:
    """One order of the strategy, as the lines of its flag file add up. Times are the receiver's clock."""

    machine: str
    flag: str
    day: str = ""  # YYYYMMDD
    state: str = ""
    line: int = 0
    placed: float | None = None  # its first line
    at: float | None = None  # its newest line
    said: float | None = None  # the same by the PC's clock
    rejected: int = 0  # 1: its rejection has been told
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def fund(self) -> str:
        return words(self.data.get("code"), 20) or (self.flag[9:15] if ORDER_ID.fullmatch(self.flag) else "")

    @property
    def side(self) -> str:
        letter = self.data.get("side") or (self.flag[16] if ORDER_ID.fullmatch(self.flag) else "")
        return {"B": "买入", "S": "卖出"}.get(letter if isinstance(letter, str) else "", "")

    @property
    def filled(self) -> float:
        return number(self.data.get("filled")) or 0.0

    @property
    def word(self) -> str:
        """Its state for people."""
        if self.state in ("cancelled", "expired") and self.filled:
            return "部分成交已撤" if self.state == "cancelled" else "部分成交到收盘"
        if self.state == "working" and self.filled:
            return "部分成交"
        return ORDER_WORDS.get(self.state, "？")


ORDER_ID = re.compile(r"\d{8}-\d{6}-[BS]-(?!00)\d\d", re.ASCII)
ORDER_WORDS = {
    "intent": "准备下单",
    "sent": "已下单",
    "working": "已报，等成交",
    "filled": "已成交",
    "cancelled": "已撤单",
    "rejected": "被拒",
    "expired": "收盘未成交",
    "unknown": "结果不明",
    "void": "没有发出",
}


@dataclass(frozen=True)
class Check:
    """What `status_at` looks at. Times are the receiver's clock; None: never."""

    silent: float  # allowed silence, seconds of session time
    last_seen: float | None
    grace_from: float | None = None  # silence is counted from here at the earliest (host came back, QMT came back)
    paused_until: float | None = None
    stopped: float | None = None  # said goodbye then
    parent_down: bool = False  # what it runs on is down: nothing can be known about it
    needs_witness: bool = False  # it speaks through a host
    witness: float | None = None  # when that host was last heard with an empty queue
    holding: bool = False  # the host's queue still holds older news


def status_at(check: Check, now: float, calendar: Calendar) -> str:
    """new | up | late | down | paused | off | unknown.

    A script is accused only by a host that is heard: beyond its deadline it is merely late until its host has spoken
    after that deadline with nothing left in its queue. Silence grows only inside sessions, so what was down stays down
    over lunch and night, and nothing falls down there.
    """
    if check.last_seen is None:
        return NEW
    if check.paused_until is not None and now < check.paused_until:
        return PAUSED
    if check.parent_down:
        return UNKNOWN
    if check.stopped is not None and calendar.in_tell(check.stopped) and calendar.sessions_left(check.stopped):
        return DOWN  # it left while it was needed; a goodbye after the last session is no news
    # A pause that is over: silence counts from its end.
    start = max(check.last_seen, check.grace_from or 0.0, check.paused_until or 0.0)
    silence = calendar.session_seconds(start, now)
    if silence >= check.silent:
        if check.needs_witness:
            deadline = calendar.deadline(start, check.silent)
            if check.holding or check.witness is None or check.witness <= deadline:
                return LATE
        return DOWN
    if not calendar.in_session(now):
        return OFF
    # By the wall clock: at 09:25:01 a PC that was last heard yesterday is not yet accused, but it is not well either.
    return LATE if now - start >= check.silent * LATE_SHARE else UP


def host_check(machine: Machine, silent: float) -> Check:
    return Check(silent, machine.heard, None, machine.paused_until, machine.stopped)


def source_check(source: Source, machine: Machine, silent: float, parent_down: bool, qmt: Source | None) -> Check:
    """The check of a script. What runs behind the tray gets a fresh start when the host or QMT comes back."""
    if not source.behind:
        return Check(silent, source.last_seen, None, machine.paused_until)
    starts = [machine.heard_since or 0.0]
    if qmt is not None and source.kind == "qmt.heartbeat":
        starts.append(qmt.up_since or 0.0)
    return Check(
        silent,
        source.last_seen,
        max(starts),
        machine.paused_until,
        None,
        parent_down,
        True,
        machine.drained,
        machine.waiting > 0,
    )


class Accusation(NamedTuple):
    """Something bad that is known now; becomes an incident unless one is open under the same (kind, name)."""

    kind: str
    name: str
    since: float | None
    what: str  # for the title: QMT 不在运行
    well: str  # for the title of the recovery: QMT 在运行
    detail: str  # one or more lines
    todo: str
    one_off: bool = False  # happened, does not last: closes quietly
    priority: int = GRAVE
    mark: str = "❗"
    reminded: bool = True  # told again while it lasts


class Picture(NamedTuple):
    """One machine as the checker sees it at one instant."""

    machine: Machine
    sources: list[Source]
    silent: dict[str, float]
    calendar: Calendar
    now: float
    orders: Sequence[Order] = ()  # those that are alive

    @property
    def paused(self) -> bool:
        until = self.machine.paused_until
        return until is not None and self.now < until

    @property
    def holding(self) -> bool:
        """Older news still wait in the tray's queue, so nothing on the machine is judged. A queue that never empties
        must not switch the watch off: after 10 minutes it is judged all the same."""
        since = self.machine.waiting_since
        return self.machine.waiting > 0 and (since is None or self.now - since < QUEUE_PATIENCE)

    @property
    def host(self) -> str:
        return status_at(host_check(self.machine, self.silent["host"]), self.now, self.calendar)

    @property
    def qmt(self) -> Source | None:
        return next((source for source in self.sources if source.kind == "qmt.process"), None)

    def qmt_bad(self) -> bool:
        return self.qmt is not None and self.qmt.state not in PROCESS_WELL

    def heard_now(self) -> bool:
        """The host spoke within its allowed silence by the wall clock: what it last said is the present."""
        return self.machine.heard is not None and self.now - self.machine.heard <= self.silent["host"]

    def status_of(self, source: Source) -> str:
        if source.kind == "qmt.process":
            return self.qmt_status(source)
        parent_down = bool(source.behind) and (
            self.host == DOWN or (source.kind == "qmt.heartbeat" and self.qmt_bad() and self.qmt_known())
        )
        check = source_check(source, self.machine, self.silent[source.kind], parent_down, self.qmt)
        if check.holding and not self.holding:  # a queue that never empties: whoever posts bears witness all the same
            check = replace(check, holding=False, witness=self.machine.heard)
        return status_at(check, self.now, self.calendar)

    def qmt_known(self) -> bool:
        return (
            self.heard_now()
            and self.qmt is not None
            and self.qmt.received is not None
            and (self.qmt.received >= (self.machine.heard_since or 0.0))
        )

    def qmt_status(self, source: Source) -> str:
        if source.last_seen is None:
            return NEW
        if self.paused:
            return PAUSED
        if not self.qmt_known():
            return UNKNOWN
        if source.state in PROCESS_WELL:
            return UP
        return DOWN if self.qmt_expected(source) else OFF

    def qmt_expected(self, source: Source) -> bool:
        """QMT ought to run now. In the hours for telling it ought to as soon as it has been seen that day; otherwise
        from the first session on, and not while the PC is still starting up."""
        if not self.calendar.in_tell(self.now):
            return False
        fresh_until = self.machine.fresh_until or 0.0
        starting = self.now < fresh_until and (source.last_well or 0.0) < fresh_until - START_GRACE
        if starting:  # the PC has just come up and QMT with it has not been seen yet
            return False
        if not self.calendar.sessions_left(self.now):  # closed behind the last session: expected again tomorrow
            midnight = midnight_after(self.now) - DAY
            return (source.state_since or 0.0) < midnight + self.calendar.sessions[-1][1]
        seen_today = source.last_well is not None and day_of(source.last_well) == day_of(self.now)
        return seen_today or self.calendar.begun(self.now)


def accusations(picture: Picture) -> list[Accusation]:
    """Everything lasting that is bad on this machine now and may be told now. A host that is down stands for all that
    runs on it, and a QMT that is gone for its scripts: only their notices are silenced, not their recording."""
    if picture.paused:
        return []
    now, calendar, machine = picture.now, picture.calendar, picture.machine
    if picture.host == DOWN:
        if machine.stopped is not None:  # explicit bad news
            told_now = calendar.in_tell(now) and now >= (machine.hold_until or 0.0)
        else:
            told_now = calendar.in_tell(now) and calendar.begun(now)
        return ([accuse_host(picture)] if told_now else []) + silent_scripts(picture)
    found = []
    qmt = picture.qmt
    if qmt is not None and picture.qmt_status(qmt) == DOWN and not picture.holding and now >= (qmt.hold_until or 0.0):
        found.append(accuse_qmt(qmt, now))
    if picture.heard_now() and not picture.holding and calendar.in_tell(now):
        found += [accuse_worker(name, age, limit, now) for name, age, limit in dead_workers(machine)]
        found += [accuse_unfilled(order, "", now) for order in overdue(picture)]
        # While PC and exchange agree against our clock it is ours that is wrong.
        ours_is_wrong = clock_of_others(picture) is not None
        mine = [one for one in findings_of(machine) if not (ours_is_wrong and one["code"] in CLOCK_CODES)]
        codes = {one["code"] for one in mine}  # of two steps of one thing the graver stands for both
        found += [accuse_finding(one, machine, now) for one in mine if FINDING_STEPS.get(one["code"]) not in codes]
    if machine.stop is not None and not picture.holding:
        found.append(accuse_stop(machine.stop, now))
    if only_observes(machine) and known_today(machine, now) and not picture.holding and calendar.in_session(now):
        found.append(accuse_observe(machine, now))
    if not picture.holding and calendar.in_session(now):
        for source in picture.sources:
            if source.kind == "qmt.heartbeat" and picture.status_of(source) in (UP, LATE):
                found += [accuse_login(source, now)] if logged_out(source, picture) else []
                found += [accuse_tick(source, now)] if tick_stopped(source, picture) else []
        if grid_missing(picture):
            found.append(accuse_grid(machine, now))
    return found + silent_scripts(picture)


def only_observes(machine: Machine) -> bool:
    """Against its owner's wish: one who set `mode = observe` knows it."""
    return machine.mode == "observe" and not machine.mode_chosen


def known_today(machine: Machine, now: float) -> bool:
    """A strategy says its mode each day."""
    return machine.mode_at is not None and day_of(machine.mode_at) == day_of(now)


def logged_out(source: Source, picture: Picture) -> bool:
    """Its heartbeats have said so for LOGGED_OUT, all of them of the QMT that runs now. What it said before a cut or
    before QMT was started anew is not known to hold still, so the newest must have said it as late."""
    if source.logged_out_since is None or source.last_seen is None:
        return False
    since = max(source.logged_out_since, (picture.qmt.up_since if picture.qmt is not None else None) or 0.0)
    said = picture.calendar.session_seconds(since, source.last_seen)
    lasted = picture.calendar.session_seconds(since, picture.now)
    return lasted > LOGGED_OUT and said >= LOGGED_OUT - CLOCK_NOISE


def clock_of_others(picture: Picture) -> float | None:
    """Seconds that our clock is behind both the PC's and the exchange's, where these two agree against it; else None.
    A PC whose clock is wrong alone, and quotes that are old, agree with nobody. Pure."""
    off, now = picture.machine.clock_off, picture.now
    if off is None or abs(off) < CLOCK_WRONG or not picture.heard_now():
        return None
    for source in picture.sources:
        fresh = source.received is not None and now - source.received <= TICK_OLD
        ticks = source.clock_off if fresh else None
        if ticks is not None and abs(ticks) >= CLOCK_WRONG and abs(ticks - off) <= CLOCK_AGREES:
            return off
    return None


def tick_of(data: dict[str, Any]) -> float | None:
    tick = number(data.get("tick_at"))
    return tick if tick is not None and 0 < tick < AT_LIMIT else None


def tick_stopped(source: Source, picture: Picture) -> bool:
    """At its last heartbeat the last tick was old, counted in continuous trading, and it has been fresh today: a clock
    or an instrument that never gives fresh ticks proves nothing."""
    tick, fresh, seen = tick_of(source.data), source.tick_fresh, source.last_seen
    if tick is None or fresh is None or seen is None or day_of(fresh) != day_of(picture.now):
        return False
    if clock_of_others(picture) is not None:
        return False  # by the PC's clock it was fresh: it is ours that is wrong, and about to be put right
    return picture.calendar.continuous().session_seconds(tick, seen) > TICK_OLD


def grid_missing(picture: Picture) -> bool:
    """The trading strategy says its mode when a day begins, after each start of QMT and every ten minutes. One that has
    not, although it did lately and another script has fresh quotes since then (so it is no holiday), does not run."""
    said, now = picture.machine.mode_at, picture.now
    if said is None or now - said > PAUSE_LIMIT:
        return False
    qmt = picture.qmt
    started = number(qmt.data.get("started")) if qmt is not None else None  # the PC's clock: near enough
    since = max(midnight_after(now) - DAY, started if started is not None and started < now else 0.0)
    waited = max(since, picture.machine.heard_since or 0.0, (qmt.up_since or 0.0) if qmt is not None else 0.0)
    begun = said >= since - CLOCK_NOISE
    if begun and picture.calendar.continuous().session_seconds(max(said, waited), now) < GRID_SILENT:
        return False
    if not begun and picture.calendar.session_seconds(waited, now) < GRID_PATIENCE:
        return False
    scripts = [source for source in picture.sources if source.kind == "qmt.heartbeat"]
    return any((script.tick_fresh or 0.0) > since and picture.status_of(script) == UP for script in scripts)


def accuse_grid(machine: Machine, now: float) -> Accusation:
    return Accusation(
        "grid",
        "",
        machine.mode_at,
        "交易策略没有运行",
        "交易策略在运行",
        f"{minute(machine.mode_at, now)} 起 ETF 网格没有消息，QMT 和行情正常。\n它不下单，也不看着委托。",
        "在 QMT 的“模型交易”里重新运行 etf_grid；不用它了，就在看板上点“知道了”。",
    )


def accuse_login(source: Source, now: float) -> Accusation:
    return Accusation(
        "login",
        source.name,
        source.logged_out_since,
        "QMT 没有登录资金账号",
        "QMT 已登录资金账号",
        f"{minute(source.logged_out_since, now)} 起资金账号没有登录（{script_name(source)}）。",
        "远程登录小主机，在 QMT 里登录资金账号。",
    )


def accuse_tick(source: Source, now: float) -> Accusation:
    tick = tick_of(source.data)
    code = words(source.data.get("tick_code"), 12)
    return Accusation(
        "tick",
        source.name,
        tick,
        "行情停了",
        "行情恢复了",
        f"{minute(tick, now)} 起没有新行情{f'（{code}）' if code else ''}。\n{script_name(source)} 还在运行。",
        "远程登录小主机，看 QMT 右下角的行情是否连上、网络是否正常。",
    )


def overdue(picture: Picture) -> list[Order]:
    """Orders that should have been filled or cancelled by now, whatever the strategy says: it may be dead. Nights do
    not count, but an order that was alive at the close is not forgotten over night."""
    return [
        order
        for order in picture.orders
        if order.placed is not None
        and picture.calendar.session_seconds(order.placed, picture.now) >= picture.silent["order"]
    ]


def silent_scripts(picture: Picture) -> list[Accusation]:
    """Of the scripts behind a host that is down none is: they are unknown."""
    if not picture.calendar.in_session(picture.now):
        return []
    return [
        accuse_script(source, picture)
        for source in picture.sources
        if source.kind != "qmt.process" and picture.status_of(source) == DOWN
    ]


def dead_workers(machine: Machine) -> list[tuple[str, float, float]]:
    """(name, seconds since its last completed round, limit) of the tray's workers that are beyond their limit."""
    ages, limits = machine.beat.get("workers"), machine.beat.get("limits")
    if not isinstance(ages, dict) or not isinstance(limits, dict):
        return []
    pairs = [(name, number(age), number(limits.get(name))) for name, age in sorted(ages.items())]
    return [(name, age, limit) for name, age, limit in pairs if age is not None and limit is not None and age > limit]


def findings_of(machine: Machine) -> list[dict[str, Any]]:
    """What the tray found not well with QMT or the machine, as its last host.heartbeat said; each code once."""
    given = machine.beat.get("findings")
    found = {
        words(one.get("code"), 40): one
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, dict) and words(one.get("code"), 40)
    }
    return [{**one, "code": code} for code, one in list(found.items())[:FINDINGS_MOST]]


class Kind(NamedTuple):
    """How something that the tray tells is called, when it is over, and how grave it is."""

    what: str
    well: str
    priority: int = NORMAL


FINDINGS = {
    "qmt-dialog": Kind("QMT 的登录或升级窗口在等人", "QMT 的登录或升级窗口关了", GRAVE),
    "qmt-child": Kind("QMT 的子程序不见了", "QMT 的子程序在运行"),
    "qmt-memory": Kind("QMT 的内存一直在涨", "QMT 的内存不再一直涨"),
    "qmt-handles": Kind("QMT 的句柄一直在增加", "QMT 的句柄不再一直增加"),
    "disk": Kind("小主机的磁盘快满了", "小主机的磁盘够用了"),
    "disk-full": Kind("小主机的磁盘满了", "小主机的磁盘能用了", GRAVE),
    "qmt-disk": Kind("装 QMT 的磁盘快满了", "装 QMT 的磁盘够用了"),
    "qmt-disk-full": Kind("装 QMT 的磁盘满了", "装 QMT 的磁盘能用了", GRAVE),
    "outbox": Kind("小主机上哨兵的记录存不下", "小主机上哨兵的记录存得下了", GRAVE),
    "clock": Kind("小主机的时钟不准", "小主机的时钟准了"),
    "clock-far": Kind("小主机的时钟差得太多", "小主机的时钟不再差得太多", GRAVE),
    "restart-pending": Kind("小主机的 Windows 等着重启", "小主机的 Windows 不再等着重启"),
}
CLOCK_CODES = ("clock", "clock-far")
FINDING_STEPS = {"disk": "disk-full", "qmt-disk": "qmt-disk-full", "clock": "clock-far"}  # code -> its graver step
OTHER_FINDING = Kind("小主机有情况", "小主机的情况过去了")  # of a newer tray


def accuse_finding(finding: dict[str, Any], machine: Machine, now: float) -> Accusation:
    kind = FINDINGS.get(finding["code"], OTHER_FINDING)
    since, ahead = number(finding.get("since")), machine.clock_off or 0.0
    if since is not None:
        since = min(now, since - ahead) if abs(ahead) > CLOCK_NOISE else min(now, since)
    since = since if since is not None and since > 0 else now
    return Accusation(
        "finding",
        finding["code"],
        since,
        kind.what,
        kind.well,
        f"{minute(since, now)} 起，{words(finding.get('text'), 200) or kind.what}",
        words(finding.get("todo"), 200) or "远程登录小主机看看。",
        priority=kind.priority,
        reminded=kind.priority == GRAVE,  # the others can wait until the evening: said once
    )


def script_name(source: Source) -> str:
    """What people call it."""
    if source.kind == "qmt.heartbeat":
        return f"策略 {words(source.name, 40)}"
    return {"qmt.process": "QMT 进程", "old.qmt": "旧脚本 qmt", "old.server": "旧脚本 server"}[source.kind]


# What to do, the same in a message and on the page
HOST_TODO = "远程登录小主机；连不上就检查电源和网络。"
QMT_TODO = "远程登录小主机，打开 QMT 并登录。"
SCRIPT_TODO = "远程登录小主机，看 QMT 里这个策略是否在运行，停了就重新运行。"
OLD_TODO = "远程登录小主机，看发送心跳的脚本是否在运行，停了就重新运行。"


def accuse_host(picture: Picture) -> Accusation:
    machine, now = picture.machine, picture.now
    unknown = "、".join(script_name(source) for source in picture.sources if source.behind)
    rest = f"\n{unknown}：未知" if unknown else ""
    if machine.stopped is not None:
        reason = STOP_REASONS.get(machine.stop_reason, "原因不明")
        return Accusation(
            "host",
            "",
            machine.stopped,
            "哨兵已退出",
            "哨兵有消息了",
            f"{minute(machine.stopped, now)} 起没有人看着小主机（{reason}）。{rest}",
            "远程登录小主机，打开 QMT 哨兵。",
        )
    return Accusation(
        "host",
        "",
        machine.heard,
        "哨兵没有消息",
        "哨兵有消息了",
        f"{minute(machine.heard, now)} 起没有小主机的消息。\n哨兵、网络还是小主机出事，从外面分不清。{rest}",
        HOST_TODO,
    )


def accuse_qmt(qmt: Source, now: float) -> Accusation:
    name = words(qmt.data.get("name"), 60) or "QMT 进程"
    since, last = minute(qmt.state_since, now), ""
    if qmt.last_well is None:
        last = "（还没有见过它运行）"
    elif (qmt.state_since or now) - qmt.last_well > 60:  # else it says nothing new
        last = f"（最后正常 {minute(qmt.last_well, now)}）"
    if qmt.state == "hung":
        what, detail, todo = (
            "QMT 没有响应",
            f"{since} 起，{name} 没有响应{last}。",
            "远程登录小主机，看 QMT 是否卡住；卡住就重启 QMT 并登录。",
        )
    elif qmt.state == "elsewhere":
        place = words(qmt.data.get("path"), 120)
        what = "QMT 不在运行"
        detail = f"{since} 起，设定的文件夹里没有 {name} 在运行{last}。\n别处有一个同名程序，不算：{place}"
        todo = "远程登录小主机，打开 QMT 并登录；别处那个才是您的 QMT，就改 sentry.ini 的 [qmt] folder。"
    else:
        what, detail, todo = (
            "QMT 不在运行",
            f"{since} 起，{name} 不见了{last}。" + left_behind(qmt.data),
            QMT_TODO,
        )
    return Accusation("qmt.process", "", qmt.state_since, what, "QMT 在运行", detail, todo)


def left_behind(data: dict[str, Any]) -> str:
    """QMT's child processes that outlived it: a new start may stumble over them."""
    given = data.get("left")
    names = dict.fromkeys(words(name, 40) for name in (given if isinstance(given, list) else [])[:5])
    return f"\n它的子程序还在：{'、'.join(filter(None, names))}" if any(names) else ""


def accuse_script(source: Source, picture: Picture) -> Accusation:
    name = script_name(source)
    alive = ""
    if source.behind and picture.qmt is not None and picture.qmt.state in PROCESS_WELL and picture.qmt_known():
        alive = "\nQMT 还在运行。"
    todo = SCRIPT_TODO
    if source.kind.startswith("old."):
        todo = OLD_TODO
    return Accusation(
        source.kind,
        source.name,
        source.last_seen,
        f"策略没有心跳：{words(source.name, 40)}" if source.kind == "qmt.heartbeat" else f"{name} 没有心跳",
        f"{name} 有心跳了",
        f"{minute(source.last_seen, picture.now)} 起，{name} 没有心跳。{alive}",
        todo,
    )


def accuse_worker(name: str, age: float, limit: float, now: float) -> Accusation:
    name = words(name, 40)
    part = WORKER_WORDS.get(name, name)
    return Accusation(
        "worker",
        name,
        now - age,
        f"哨兵的“{part}”停了",
        f"哨兵的“{part}”在转了",
        f"{minute(now - age, now)} 起没有动静（应在 {length(limit)}内）。",
        "右键点小主机上的哨兵图标，选“重启心跳”；仍不恢复就退出哨兵再打开。",
    )


def order_line(order: Order, when: float, why: str, now: float) -> str:
    about = " ".join(filter(None, (order.side, order.fund, words(order.data.get("name"), 20), amount(order))))
    rest = "：".join(filter(None, (about, why)))
    return f"{minute(when, now)} 委托 {order.flag}" + (f"\n{rest}" if rest else "")


def amount(order: Order) -> str:
    shares, yuan = number(order.data.get("shares")), number(order.data.get("yuan"))
    return f"{shares:.0f} 股" if shares else f"约 {yuan:.0f} 元" if yuan else ""


def accuse_unknown(order: Order, why: str, when: float, now: float) -> Accusation:
    return Accusation(
        "order",
        order.flag,
        when,
        "委托结果不明",
        "委托有结果了",
        order_line(order, when, why or "查不到结果", now) + "\n这只基金已停止下单，不会重发。",
        f"登录 QMT 查{'当日' if order.flag[:8] == day_of(now) else '那一天的历史'}委托，"
        "再右键点哨兵图标，选“处理未知委托”。",
    )


REJECTED_TODO = "登录 QMT 看废单原因（资金、可用股数、价格），必要时手工处理。"


def accuse_rejected(order: Order, why: str, when: float, now: float) -> Accusation:
    """Named by the counter's words: the same cause again only counts up."""
    return Accusation(
        "order.rejected",
        words(re.sub(r"[\d.,]+", "", why), 60),
        when,
        "委托被拒",
        "",
        order_line(order, when, why or "没有说明原因", now),
        REJECTED_TODO,
        one_off=True,
    )


def accuse_unfilled(order: Order, why: str, now: float) -> Accusation:
    when = order.placed if order.placed is not None else now
    why = why or f"{length(now - when)}还没有结束（{order.word}，成交 {order.filled:.0f} 股）"
    return Accusation(
        "order.unfilled",
        order.flag,
        when,
        "委托没有按时成交",
        "委托有结果了",
        order_line(order, when, why, now),
        f"登录 QMT 看委托 {order.flag}：还挂着就手工撤单，再看策略是否在运行。",
    )


def accuse_stop(since: float, now: float) -> Accusation:
    return Accusation(
        "stop",
        "",
        since,
        "已停止下单",
        "可以下单",
        f"{minute(since, now)} 起策略不下新单，未成交的委托会撤掉。",
        "要恢复，右键点哨兵图标，选“恢复下单”；不想再提醒，在看板上点“知道了”。",
        priority=NORMAL,
    )


def accuse_observe(machine: Machine, now: float) -> Accusation:
    return Accusation(
        "observe",
        "",
        machine.mode_at,
        "策略只观察，不下单",
        "策略可以下单了",
        f"{minute(machine.mode_at, now)} 策略说：{machine.mode_why or '没有说明原因'}",
        "按策略说的原因改好，再在 QMT 里重新运行策略。",
        priority=NORMAL,
    )


def accuse_stopped_fund(code: str, text: str, when: float, now: float) -> Accusation:
    return Accusation(
        "stopped-fund",
        code,
        when,
        "有基金停止下单",
        f"{code} 不再停止" if code else "基金不再全部停止",
        f"{minute(when, now)} {text}",
        "按策略说的原因处理；没有说到的基金照常交易。",
        priority=NORMAL,
    )


DISK_TODO = "远程登录小主机，检查磁盘空间和哨兵文件夹的权限；能写之前不下新单。"


def accuse_disk(instance: str, text: str, when: float, now: float) -> Accusation:
    """Named by the strategy's instance: a new one begins with its own look at the disk."""
    return Accusation(
        "disk",
        instance,
        when,
        "策略读写磁盘失败",
        "策略能读写磁盘了",
        f"{minute(when, now)} {text}",
        DISK_TODO,
    )


def accuse_strategy(data: dict[str, Any], when: float, now: float) -> Accusation:
    """An error inside a strategy. Named by strategy, entry point and kind of exception: the same error again only
    counts up, another one is told."""
    strategy = words(data.get("strategy"), 40) or "?"
    trace = data.get("traceback")
    lines = [words(line, 160) for line in (trace if isinstance(trace, str) else "").strip().splitlines()]
    last = lines[-1] if lines else "没有错误信息"
    where = words(data.get("where"), 40)
    place = f"（{where}）" if where else ""
    return Accusation(
        "strategy.error",
        "/".join((strategy, where, words(last.partition(":")[0], 60))),
        when,
        f"策略 {strategy} 出错",
        "",
        f"{minute(when, now)}{place}：{last}",
        "在 QMT 里看这个策略的日志；停了就重新运行。",
        one_off=True,
    )


LOOK_AT_ORDERS = "登录 QMT 核对当天委托；不要改动哨兵文件夹里的文件。"
SEND_DIAGNOSIS = "右键点哨兵图标，选“保存诊断包”，发给帮您的人。"
LOOK_AT_DISK = "远程登录小主机，检查磁盘；再右键点哨兵图标，选“查看日志”。"
TROUBLES = {  # code of host.trouble -> (what, what to do)
    "worker-restarted": ("哨兵的一部分自动重启了", "不用管；一天里来了几次，就右键点哨兵图标，选“保存诊断包”。"),
    "shutdown-refused": ("没有按计划关机", "按写着的原因处理，再自己关机。"),
    "outbox-salvaged": ("哨兵的发件箱损坏，已抢救", LOOK_AT_DISK),
    "event-rotten": ("哨兵的一条记录损坏", LOOK_AT_DISK),
    "event-set-aside": ("接收端拒收了一条记录", SEND_DIAGNOSIS),
    "order-set-aside": ("接收端拒收了一条委托记录", LOOK_AT_ORDERS),
    "spool-unreadable": ("策略的一份消息读不了", "远程登录小主机，看它是否被杀毒软件占用。"),
    "spool-bad": ("策略的一份消息看不懂", SEND_DIAGNOSIS),
    "flag-cut": ("委托记录被改动", LOOK_AT_ORDERS),
    "flag-garbled": ("委托记录有一行看不懂", LOOK_AT_ORDERS),
    "sources": ("策略和脚本的名字太多", "在看板上把不用的点“不再监视”。"),
}
OTHER_TROUBLE = ("哨兵报告了问题", "右键点哨兵图标，选“查看日志”。")


def accuse_trouble(data: dict[str, Any], when: float, now: float) -> Accusation:
    what, code = words(data.get("what"), 300) or "没有说明", words(data.get("code"), 40)
    title, todo = TROUBLES.get(code, OTHER_TROUBLE)
    return Accusation(
        "host.trouble",
        code or words(what, 40),
        when,
        title,
        "",
        f"{minute(when, now)} {what}",
        todo,
        one_off=True,
        priority=NORMAL,
    )


LOG_KINDS = {  # what the tray watches for -> (how it is called, how grave it is, what to do)
    "登录失败": ("QMT 登录失败", GRAVE, "远程登录小主机，看 QMT 是否在等人输入密码或验证码。"),
    "断开": ("QMT 连接断开", NORMAL, "远程登录小主机，看 QMT 右下角的行情和交易是否连上；没有就换一个服务器。"),
    "traceback": ("QMT 里有脚本出错", NORMAL, "在 QMT 里看是哪个策略出错；停了就重新运行。"),
    "start simulation mode": (
        "QMT 的策略转为模拟",
        GRAVE,
        "在 QMT 的“模型交易”里把策略切到实盘；本来就要模拟，就在看板上点“知道了”。",
    ),
}
LOG_TODO = "远程登录小主机，在 QMT 的日志里看这一行的前后。"


def accuse_log(data: dict[str, Any], when: float, now: float) -> Accusation:
    """A line of QMT's log that the owner wants to know of. One that has an end lasts until the log says so; the others
    count their repeats and close quietly."""
    pattern = words(data.get("pattern"), 40)
    other = (f"QMT 日志：{pattern}", NORMAL, LOG_TODO)
    called, priority, todo = LOG_KINDS.get(pattern.lower(), other)  # the tray heeds no capitals
    return Accusation(
        "qmt.log",
        pattern,
        when,
        called,
        f"{called}，已结束",
        f"{minute(when, now)} 日志里写着：{words(data.get('line'), 300)}\n文件 {words(data.get('file'), 60)}",
        todo,
        one_off=data.get("lasting") is not True,
        priority=priority,
    )


def notice(kind: str, name: str, when: float, what: str, detail: str, todo: str = "") -> Accusation:
    """Something worth a line on the phone that is no trouble."""
    return Accusation(kind, name, when, what, "", detail, todo, one_off=True, priority=LOW, mark="ℹ️")


def accuse_clock(correction: float, now: float) -> Accusation:
    side = "慢" if correction > 0 else "快"
    return Accusation(
        "clock",
        "",
        now,
        "接收端的时钟不准",
        "接收端的时钟准了",
        f"接收端比小主机和交易所{side} {length(abs(correction))}。\n已改按它们的时间判断。",
        "在服务器上运行 timedatectl set-ntp true。",
        priority=NORMAL,
    )


def accuse_channel(name: str, why: str, since: float, now: float) -> Accusation:
    return Accusation(
        "channel",
        name,
        since,
        f"告警通道 {name} 不能用",
        f"告警通道 {name} 能用了",
        f"{minute(since, now)} 起送不出去：{words(why, 200)}",
        "在服务器的 receiver.ini 里改好这个通道，重启接收端；或在看板上点“发送测试告警”再试一次。",
    )


class DailyBackup(NamedTuple):
    """What became of the daily backups since the first one. Times are epoch seconds."""

    good: float | None  # the newest that was made
    tried: float  # the last try
    bad_since: float | None  # since when every try has failed; None: the last one went well
    why: str  # the last failure
    waited: float = 0.0  # seconds since the last try in which we were alive: a server that was off has missed nothing


def accuse_backup(known: DailyBackup) -> Accusation | None:
    """None: all is well. Its times bear their day: what fails after the close is told the next morning."""
    good = f"最近一份好的：{day_minute(known.good)}。" if known.good is not None else "还没有一份做成过。"
    well = "每日备份又做成了"
    if known.bad_since is not None:
        since = f"{day_minute(known.bad_since)} 起没有做成：{words(known.why, 200)}"
        todo = "在服务器上运行 qmt-sentry daily-backup，看它说什么。"
        return Accusation(
            "backup",
            "",
            known.bad_since,
            "每日备份没有做成",
            well,
            f"{since}\n{good}",
            todo,
            priority=NORMAL,
            reminded=False,
        )
    if known.waited >= BACKUP_OVERDUE:
        todo = (
            "在服务器上运行 systemctl enable --now qmt-sentry-backup.timer，再运行 qmt-sentry daily-backup。"
            "有意停掉的：qmt-sentry daily-backup --off。"
        )
        return Accusation(
            "backup",
            "",
            known.tried,
            "每日备份没有在做",
            well,
            f"{day_minute(known.tried)} 以后没有再做过。\n{good}",
            todo,
            priority=NORMAL,
            reminded=False,
        )
    return None


SPOKEN_BY = {"login": "qmt.heartbeat", "tick": "qmt.heartbeat"}  # incident -> the source that tells of it, if another


def cured(incident: Incident, picture: Picture) -> bool:
    """A lasting incident is over. Silence ends only by a word that came after the accusation, never by the clock."""
    machine, kind = picture.machine, incident.kind
    if kind == "host":
        heard = machine.heard is not None and machine.heard > incident.seen and machine.stopped is None
        drained = not picture.holding or picture.now - (machine.heard_since or 0.0) > HISTORY_PATIENCE
        return heard and drained and picture.host != DOWN
    if kind == "worker":
        return machine.heard is not None and incident.name not in [
            words(name, 40) for name, _, _ in dead_workers(machine)
        ]
    if kind == "finding":
        died_too = incident.name == "qmt-child" and picture.qmt_bad()  # with QMT gone nobody looks for its children
        return not died_too and incident.name not in [one["code"] for one in findings_of(machine)]
    if kind in ("order", "order.unfilled", "stopped-fund", "disk", "qmt.log"):
        return False  # only the strategy's own word ends it, or the log's
    if kind == "stop":
        return machine.stop is None
    if kind == "observe":
        return not only_observes(machine)
    if kind == "grid":
        return machine.mode_at is not None and machine.mode_at > incident.seen
    spoken_by = SPOKEN_BY.get(kind, kind)
    source = next((s for s in picture.sources if (s.kind, s.name) == (spoken_by, incident.name)), None)
    if source is None:
        return True  # the owner has removed it from the watch
    if kind == "login":
        return source.logged_out_since is None
    if kind == "tick":
        return source.tick_fresh is not None and source.tick_fresh > incident.seen
    if kind == "qmt.process":
        return source.state in PROCESS_WELL
    return (source.last_seen or 0.0) > incident.seen and picture.status_of(source) != DOWN


@dataclass
class Incident:
    """One cause, from the accusation to the recovery. `seen`: when its source had last spoken at the accusation."""

    id: int | None
    machine: str
    kind: str
    name: str
    opened: float
    since: float | None
    seen: float
    what: str
    well: str
    detail: str
    todo: str
    mark: str
    priority: int
    one_off: int
    count: int = 1
    last: float = 0.0  # its last repeat
    resolved: float | None = None
    acknowledged: float | None = None
    muted_until: float | None = None  # no reminders until then
    message: int | None = None
    reminded: int = 0
    remind_at: float | None = None


class Text(NamedTuple):
    """A message: `tail` (link and incident number) survives every cut."""

    title: str
    body: str
    tail: str


AMOUNT = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?(?=\s*(?:万|亿)?元)")
MONEY_WORD = re.compile(
    r"((?:总资产|总市值|总盈亏|可用金额|可用资金|可用|市值|盈亏|成交额|余额)[：:= ]{0,3})[-+−]?\d[\d,]*(?:\.\d+)?"
)
LONG_NUMBER = re.compile(r"(?<![\d.\-])(?!20\d{6}(?!\d))\d{3,20}(\d{4})(?![\d.]|-\d{6}-)")
ACCOUNT_WORD = re.compile(r"((?:账号|账户|帐号|account)\D{0,6}?)\d+(\d{4})(?!\d)", re.IGNORECASE)


def hide_private(text: str, show_amounts: bool) -> str:
    """A phone is read over shoulders and messages lie with the vendors: of an account number (any number of 7 digits or
    more that is no date and no order's id) only the last 4 digits are shown, and money only where the owner wants."""
    text = LONG_NUMBER.sub(r"*\1", ACCOUNT_WORD.sub(r"\1*\2", text))
    if show_amounts:
        return text
    return MONEY_WORD.sub(r"\1***", AMOUNT.sub("***", text))


def discreet(text: Text, show_amounts: bool) -> Text:
    return Text(hide_private(text.title, show_amounts), hide_private(text.body, show_amounts), text.tail)


def title_of(mark: str, what: str, machine: str) -> str:
    end = f" · {machine}" if machine else ""
    return f"{mark} {shorten(what, TITLE_CHARS - len(mark) - 1 - len(end))}{end}"


def tail_of(url: str, incidents: Sequence[Incident]) -> str:
    return " ".join([url] + [f"#{incident.id}" for incident in incidents])


def alert_text(incidents: Sequence[Incident], url: str) -> Text:
    """One message for one or several incidents of a machine, the gravest first; those of one kind stand together below
    one heading (the title, where there is no other kind). The number is the same in every channel and every repeat."""
    ranked = sorted(incidents, key=lambda incident: (-incident.priority, incident.id))
    first = ranked[0]
    kinds: dict[str, list[Incident]] = {}
    for incident in ranked:
        kinds.setdefault(incident.what, []).append(incident)
    lines = []
    for what, mine in kinds.items():
        lines += [f"{mine[0].mark} {what}"] if len(kinds) > 1 else []
        lines += [f"怎么办：{todo}" for todo in dict.fromkeys(incident.todo for incident in mine) if todo]
        lines += [incident.detail for incident in mine]
    return Text(title_of(first.mark, "、".join(kinds), first.machine), "\n".join(lines), tail_of(url, ranked))


def recovery_text(incidents: Sequence[Incident], now: float, extra: str, url: str) -> Text:
    parts = []
    for position, incident in enumerate(incidents):
        head = "" if position == 0 else f"✅ {incident.well}\n"
        start = incident.since if incident.since is not None else incident.opened
        span = f"（{minute(start, now)} – {minute(incident.resolved, now)}）"
        parts.append(f"{head}历时 {length((incident.resolved or now) - start)}{span}")
    if extra:
        parts.append(extra)
    well = "、".join(dict.fromkeys(incident.well for incident in incidents))
    return Text(title_of("✅", f"已恢复：{well}", incidents[0].machine), "\n".join(parts), tail_of(url, incidents))


def reminder_text(incident: Incident, now: float, url: str) -> Text:
    start = incident.since if incident.since is not None else incident.opened
    todo = f"怎么办：{incident.todo}\n" if incident.todo else ""
    told = f"已经 {length(now - start)}，第 {incident.reminded + 2} 次通知。"
    return Text(
        title_of("⏰", f"仍未恢复：{incident.what}", incident.machine),
        f"{todo}{incident.detail}\n{told}\n不想再提醒，在看板上点“知道了”。",
        tail_of(url, [incident]),
    )


def remind_after(reminders: Sequence[float], reminded: int) -> float | None:
    """Seconds from the notice before to the next; the last interval repeats. None: no reminders."""
    return reminders[min(reminded, len(reminders) - 1)] if reminders else None


def pace(attempts: Sequence[float], now: float, gap: float, most: int, window: float) -> float:
    """Seconds to wait before the next attempt, so that two are `gap` apart and no `window` holds more than `most`."""
    recent = sorted(at for at in attempts if now - window < at <= now)
    wait = max(0.0, recent[-1] + gap - now) if recent else 0.0
    if len(recent) >= most:
        wait = max(wait, recent[-most] + window - now)
    return wait


def backoff(tries: int) -> float:
    """Seconds before attempt number `tries` + 1."""
    return min(RETRY_CAP, RETRY_FIRST * 2.0 ** min(tries - 1, 10))


########################################################################################################################
# Store: one SQLite file, one writer connection ########################################################################
########################################################################################################################

# Rule: only `Store.write` begins and ends a transaction; everything else gets the open one. Each step of MIGRATIONS is
# run once, in order; all that are due and the new user_version are one transaction. Step 1 makes version 1 of an empty
# file.
MIGRATIONS = [
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE machine (
        name TEXT PRIMARY KEY, run TEXT, heard REAL, heard_since REAL, waiting INTEGER, waiting_since REAL,
        drained REAL, paused_until REAL, stopped REAL, stop_reason TEXT, started REAL, start_reason TEXT,
        fresh_until REAL, hold_until REAL, beat_at REAL, beat TEXT);
    CREATE TABLE source (
        machine TEXT, kind TEXT, name TEXT, behind INTEGER, last_seen REAL, received REAL, state TEXT,
        state_since REAL, last_well REAL, up_since REAL, hold_until REAL, data TEXT, PRIMARY KEY (machine, kind, name));
    CREATE TABLE event (
        machine TEXT, id TEXT, kind TEXT, run TEXT, seq INTEGER, at REAL, happened REAL, received REAL, data TEXT,
        PRIMARY KEY (machine, id));
    CREATE INDEX event_by_kind ON event (kind, received);
    CREATE TABLE deal (machine TEXT, day TEXT, key TEXT, data TEXT, received REAL, PRIMARY KEY (machine, day, key));
    CREATE TABLE file (
        machine TEXT, source TEXT, name TEXT, sha256 TEXT, content BLOB, received REAL,
        PRIMARY KEY (machine, source, name));
    CREATE TABLE incident (
        id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT, kind TEXT, name TEXT, opened REAL, since REAL, seen REAL,
        what TEXT, well TEXT, detail TEXT, todo TEXT, mark TEXT, priority INTEGER, one_off INTEGER, count INTEGER,
        last REAL, resolved REAL, acknowledged REAL, message INTEGER, reminded INTEGER, remind_at REAL);
    CREATE UNIQUE INDEX incident_open ON incident (machine, kind, name) WHERE resolved IS NULL;
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, machine TEXT, priority INTEGER, title TEXT, body TEXT,
        tail TEXT, created REAL);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER, channel TEXT, priority INTEGER, due REAL, state TEXT,
        tries INTEGER NOT NULL DEFAULT 0, provider_id TEXT, callback TEXT, error TEXT, created REAL, tried REAL,
        sent REAL, UNIQUE (message, channel));
    CREATE INDEX outbox_by_state ON outbox (channel, state, due);
    CREATE INDEX outbox_callback ON outbox (callback) WHERE callback IS NOT NULL;
    CREATE TABLE channel (
        name TEXT PRIMARY KEY, fingerprint TEXT, bad_since REAL, failing_since REAL,
        failures INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '', quiet_until REAL, last_ok REAL);
    CREATE TABLE attempt (channel TEXT, at REAL);
    CREATE INDEX attempt_by_time ON attempt (channel, at);
    CREATE TABLE closed_day (day TEXT PRIMARY KEY);
    """,
    """
    ALTER TABLE outbox ADD COLUMN first_tried REAL;
    UPDATE outbox SET first_tried = tried;
    """,
    """
    ALTER TABLE machine ADD COLUMN run_since REAL;
    ALTER TABLE source ADD COLUMN logged_out_since REAL;
    ALTER TABLE source ADD COLUMN tick_fresh REAL;
    """,
    """
    CREATE TABLE orders (
        machine TEXT, flag TEXT, day TEXT, state TEXT, line INTEGER, placed REAL, at REAL, said REAL, rejected INTEGER,
        data TEXT, PRIMARY KEY (machine, flag));
    CREATE INDEX orders_by_day ON orders (machine, day);
    CREATE INDEX orders_by_state ON orders (machine, state);
    ALTER TABLE machine ADD COLUMN stop REAL;
    ALTER TABLE machine ADD COLUMN stop_at REAL;
    ALTER TABLE machine ADD COLUMN mode TEXT NOT NULL DEFAULT '';
    ALTER TABLE machine ADD COLUMN mode_why TEXT NOT NULL DEFAULT '';
    ALTER TABLE machine ADD COLUMN mode_at REAL;
    ALTER TABLE machine ADD COLUMN notice_at REAL;
    """,
    """
    ALTER TABLE machine ADD COLUMN mode_chosen INTEGER NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE sample (
        machine TEXT, series TEXT, step INTEGER, at INTEGER, low REAL, high REAL, last REAL,
        PRIMARY KEY (machine, series, step, at)) WITHOUT ROWID;
    CREATE TABLE archive (
        machine TEXT, day TEXT, source TEXT, at REAL, data TEXT, PRIMARY KEY (machine, day, source));
    CREATE INDEX outbox_doubtful ON outbox (sent) WHERE state = 'accepted' AND error IS NULL;
    ALTER TABLE incident ADD COLUMN muted_until REAL;
    ALTER TABLE source ADD COLUMN clock_off REAL;
    ALTER TABLE machine ADD COLUMN clock_off REAL;
    """,
    """
    CREATE INDEX incident_by_opened ON incident (opened);
    """,
    """
    CREATE INDEX incident_lasting ON incident (resolved) WHERE resolved - opened > 2678400;
    """,
]


class StoreRefused(Exception):
    """SQLite is busy, full, read-only or damaged: nothing was stored; the client shall come again."""


class Store:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.refusing = ""  # why the last write failed; empty while writes work
        self.lock = threading.Lock()
        self.undo: list[Callable[[], None]] = []  # what this transaction has changed in memory, if it is rolled back
        try:
            new = not path.exists()
            self.db = self.connect()
            if new:
                belong_to_folder(path)
            self.migrate()
        except sqlite3.DatabaseError as error:
            raise StoreRefused(str(error)) from error

    def connect(self) -> sqlite3.Connection:
        """A connection whose pragmas are asserted: a typing error in a pragma's name is silently ignored by SQLite."""
        db = sqlite3.connect(str(self.path), timeout=5.0, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA busy_timeout = 5000")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 16777216")
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")]
        if found != ["wal", 2, 5000]:
            db.close()
            raise sqlite3.OperationalError(f"pragmas not accepted: {found}")
        return db

    def migrate(self) -> None:
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise sqlite3.OperationalError(f"database version {version} is newer than this program")
        if version < len(MIGRATIONS):
            with self.write() as db:
                for step in MIGRATIONS[version:]:
                    for statement in step.split(";"):
                        if statement.strip():
                            db.execute(statement)
                db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The one write transaction: committed at the end, rolled back on any error. Raises StoreRefused."""
        if not self.lock.acquire(timeout=10.0):
            self.refusing = "writer busy"
            raise StoreRefused(self.refusing)
        try:
            try:
                self.undo.clear()
                self.db.execute("BEGIN IMMEDIATE")
                yield self.db
                self.db.execute("COMMIT")
                self.refusing = ""
            except BaseException as error:
                self.roll_back()
                refused = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
                if not refused:
                    raise
                self.refusing = str(error)
                raise StoreRefused(self.refusing) from error
        finally:
            self.lock.release()

    def roll_back(self) -> None:
        for step in self.undo:
            step()
        try:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:  # the error that led here is the one to report
            log.warning("rollback failed: %s", error)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for a page: readers never wait for the writer. Raises StoreRefused."""
        try:
            with closing(self.connect()) as db:
                db.execute("PRAGMA query_only = ON")
                yield db
        except sqlite3.DatabaseError as error:
            raise StoreRefused(str(error)) from error

    def close(self) -> None:
        with self.lock:
            self.db.close()


@contextmanager
def savepoint(db: sqlite3.Connection, name: str) -> Iterator[None]:
    """What is done inside is undone if it raises; the transaction around it goes on."""
    db.execute(f"SAVEPOINT {name}")
    try:
        yield
    except sqlite3.DatabaseError:
        raise  # the transaction as a whole is lost, and may be gone already
    except BaseException:
        db.execute(f"ROLLBACK TO {name}")
        db.execute(f"RELEASE {name}")
        raise
    db.execute(f"RELEASE {name}")


@dataclass
class Overwritten:
    """What posts that share a transaction would write one over the other: written once for all, by `settle`."""

    sources: dict[str, Source] = field(default_factory=dict)  # of the old protocol, by machine and name
    accounts: dict[tuple[str, str, str], tuple[float, Any]] = field(default_factory=dict)  # rows of `archive`
    samples: dict[tuple[str, str, int, int], tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tx:
    """An open write transaction with the values that every step needs."""

    db: sqlite3.Connection
    now: float
    config: Config
    calendar: Calendar
    settling: bool = False  # after the receiver's own outage nobody is accused of silence
    unjudged: set[str] = field(default_factory=set)  # machines that posted: judged once, before the commit
    wakes: set[str] = field(default_factory=set)  # channels that have got something to send
    pending: Overwritten = field(default_factory=Overwritten)


def save(db: sqlite3.Connection, table: str, record: Any) -> int:
    """Writes a dataclass whose fields are the table's columns; a dict becomes JSON. Returns the row's id."""
    kind: Any = type(record)
    values = [getattr(record, name) for name in columns_of(kind)]
    values = [dump_json(value) if isinstance(value, dict) else value for value in values]
    return db.execute(saving(table, kind), values).lastrowid or 0


@lru_cache(maxsize=None)
def columns_of(kind: Any) -> tuple[str, ...]:
    """The names of a dataclass's fields, which are its table's columns."""
    return tuple(f.name for f in fields(kind))


@lru_cache(maxsize=None)
def saving(table: str, kind: Any) -> str:
    names = columns_of(kind)
    return f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def load(kind: Any, row: sqlite3.Row) -> Any:
    """The dataclass back from its row."""
    values = {name: row[name] for name in columns_of(kind)}
    for name in ("beat", "data"):
        if name in values:
            values[name] = json.loads(values[name])
    return kind(**values)


def load_machine(db: sqlite3.Connection, name: str) -> Machine:
    row = db.execute("SELECT * FROM machine WHERE name = ?", (name,)).fetchone()
    return load(Machine, row) if row else Machine(name)


def load_sources(db: sqlite3.Connection, machine: str) -> list[Source]:
    rows = db.execute("SELECT * FROM source WHERE machine = ? ORDER BY kind DESC, name", (machine,)).fetchall()
    return [load(Source, row) for row in rows]


def load_source(db: sqlite3.Connection, machine: str, kind: str, name: str) -> Source:
    row = db.execute(
        "SELECT * FROM source WHERE machine = ? AND kind = ? AND name = ?", (machine, kind, name)
    ).fetchone()
    return load(Source, row) if row else Source(machine, kind, name)


def load_order(db: sqlite3.Connection, machine: str, flag: str) -> Order:
    row = db.execute("SELECT * FROM orders WHERE machine = ? AND flag = ?", (machine, flag)).fetchone()
    return load(Order, row) if row else Order(machine, flag)


def living_orders(db: sqlite3.Connection, machine: str, *more: str) -> list[Order]:
    """Orders that have not ended; `more` states too."""
    states = (*ORDER_ALIVE, *more)
    marks = ", ".join("?" * len(states))
    rows = db.execute(  # by its own choice SQLite would walk through all orders of the machine for their sequence
        f"SELECT * FROM orders INDEXED BY orders_by_state WHERE machine = ? AND state IN ({marks})"
        " ORDER BY flag LIMIT 100",
        (machine, *states),
    ).fetchall()
    return [load(Order, row) for row in rows]


def orders_of(db: sqlite3.Connection, machine: str, day: str) -> list[Order]:
    """The day's orders and those of earlier days that have not ended, the newest first."""
    rows = db.execute("SELECT * FROM orders WHERE machine = ? AND day = ?", (machine, day)).fetchall()
    found = [load(Order, row) for row in rows]
    found += [order for order in living_orders(db, machine, "unknown") if order.day != day]
    return sorted(found, key=lambda order: (order.placed or 0.0, order.flag), reverse=True)


def open_incidents(db: sqlite3.Connection, machine: str | None = None) -> list[Incident]:
    where, values = ("", ()) if machine is None else (" AND machine = ?", (machine,))
    # +id: sorting the few open ones beats walking over all of a year in the order of their ids
    rows = db.execute(f"SELECT * FROM incident WHERE resolved IS NULL{where} ORDER BY +id", values).fetchall()
    return [load(Incident, row) for row in rows]


def get_meta(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def put_meta(db: sqlite3.Connection, key: str, value: Any) -> None:
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, str(value)))


def seconds_since_mark(db: sqlite3.Connection, boot: str, up: float) -> float | None:
    """Seconds that have really passed since `last_alive` was written, whatever became of the clock: by this boot's
    count, which nobody can set. None where it cannot tell: booted since, no such count, or the mark is of a program
    that did not know of it."""
    then, up_then, alive = json.loads(get_meta(db, "alive_boot") or '["", 0, 0]')
    same = bool(boot) and then == boot and up >= up_then and str(alive) == get_meta(db, "last_alive")
    return up - up_then if same else None


def daily_backup(db: sqlite3.Connection) -> DailyBackup | None:
    """None: there was none yet, or the owner wants none any more. Its time of waiting lies apart, for it grows."""
    known, waited = get_meta(db, "daily_backup"), get_meta(db, "backup_waited")
    return DailyBackup(*json.loads(known))._replace(waited=float(waited or 0.0)) if known else None


def keep_backup(db: sqlite3.Connection, known: DailyBackup | None) -> None:
    db.execute("DELETE FROM meta WHERE key IN ('daily_backup', 'backup_waited')")
    if known is not None:
        put_meta(db, "daily_backup", dump_json(known))
        put_meta(db, "backup_waited", known.waited)


def load_calendar(db: sqlite3.Connection, config: Config) -> Calendar:
    """The calendar with the days of `receiver.py calendar add`. They are kept in the database, not in the ini: they
    take effect at once, and the owner's ini stays as the owner wrote it."""
    rows = db.execute(
        "SELECT key, value FROM meta WHERE key IN ('closed_guess', 'calendar_complete')"
        " UNION ALL SELECT NULL, day FROM closed_day"
    ).fetchall()
    said = {key: value for key, value in rows if key}
    days = frozenset(date_of(day) for key, day in rows if not key)
    guess, complete = said.get("closed_guess"), said.get("calendar_complete")
    if guess:  # asked 今天休市？, and no tick has come since
        days |= {datetime.strptime(guess, "%Y%m%d").date()}
    return make_calendar(config, days, date_of(complete) if complete else None)


def picture_of(tx: Tx, name: str) -> Picture:
    machine, sources = load_machine(tx.db, name), load_sources(tx.db, name)
    return Picture(machine, sources, tx.config.silent, tx.calendar, tx.now, living_orders(tx.db, name))


# What thins out: every value goes into three buckets at once, a minute's, an hour's and a day's, each with its lowest,
# highest and last value. So the coarse ones are right from the first moment, and thinning is nothing but forgetting the
# fine ones.
SAMPLE_STEPS = {60: 8, 3600: 400, DAY: 3660}  # seconds -> days kept
ACCOUNT_SERIES = {"总资产": "asset", "总市值": "market", "可用金额": "cash", "总盈亏": "profit"}
POSITION_SERIES = {"最新价": "price", "股数": "shares", "市值": "value"}
SERIES_MOST = 200  # of one machine's post: an account has a few dozen positions, a hostile machine any number


def keep_samples(tx: Tx, machine: str, values: dict[str, Any], at: float) -> None:
    """Adds values to their buckets. `at`: epoch seconds; values that are no finite numbers are left out."""
    buckets = [(step, int((at + 8 * 3600) // step * step - 8 * 3600)) for step in SAMPLE_STEPS]
    samples = tx.pending.samples
    for series, raw in list(values.items())[:SERIES_MOST]:
        value = number(raw)
        if value is None:
            continue
        for step, bucket in buckets:
            low, high, _ = samples.get((machine, series, step, bucket), (value, value, value))
            samples[machine, series, step, bucket] = (min(low, value), max(high, value), value)


def settle(tx: Tx) -> None:
    """Writes what is pending. Due before anything reads these tables and before the commit."""
    pending = tx.pending
    for source in pending.sources.values():
        save(tx.db, "source", source)
    for key, (at, found) in pending.accounts.items():
        tx.db.execute(
            "INSERT INTO archive (machine, day, source, at, data) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (machine, day, source) DO UPDATE SET at = excluded.at, data = excluded.data"
            " WHERE excluded.at >= archive.at",
            (*key, at, dump_json(found)),
        )
    rows = list(pending.samples.items())
    for start in range(0, len(rows), 60):  # 60 * 7 values: an old SQLite takes 999
        part = rows[start : start + 60]
        tx.db.execute(sampling(len(part)), [value for key, sample in part for value in (*key, *sample)])
    forget_pending(tx)


def forget_pending(tx: Tx) -> None:
    for table in (tx.pending.sources, tx.pending.accounts, tx.pending.samples):
        table.clear()


@lru_cache(maxsize=None)
def sampling(rows: int) -> str:
    """One statement for all rows: between two statements other threads may take their turn."""
    marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)
    return (
        f"INSERT INTO sample (machine, series, step, at, low, high, last) VALUES {marks}"
        " ON CONFLICT (machine, series, step, at) DO UPDATE"
        " SET low = min(low, excluded.low), high = max(high, excluded.high), last = excluded.last"
    )


def keep_account(tx: Tx, machine: str, source: str, tables: dict[str, Any], at: float) -> None:
    """A heartbeat's accounts, positions and orders: into the day's archive and the series for the charts. A heartbeat
    without a row of any of them (logged out) leaves the archive as it was."""
    found = {}
    for name in ("accounts", "positions", "orders"):
        rows = tables.get(name)
        rows = [rows] if isinstance(rows, dict) else rows if isinstance(rows, list) else []
        found[name] = [row for row in rows if isinstance(row, dict)]
    if not any(found.values()):
        return
    place = (machine, day_of(at), words(source, 80))
    if place not in tx.pending.accounts or at >= tx.pending.accounts[place][0]:
        tx.pending.accounts[place] = (at, found)
    totals: dict[str, Any] = {}
    for row in found["accounts"]:
        for key, series in ACCOUNT_SERIES.items():
            value = number(row.get(key))
            if value is not None:
                totals["account." + series] = totals.get("account." + series, 0.0) + value
    for row in found["positions"]:
        code = words(str(row.get("代码") or ""), 20)
        if code:
            totals.update({f"{series}/{code}": row.get(key) for key, series in POSITION_SERIES.items()})
    keep_samples(tx, machine, totals, at)


EVENT_DAYS = {  # how long an event is kept; all others 400 days
    "host.heartbeat": 2,
    "qmt.process": 2,
    "qmt.heartbeat": 7,
    "old.heartbeat": 7,
    # Holds its content too: table file keeps only the newest of each name, and nothing that was answered yes may be
    # gone because something newer came right after it.
    "file": 7,
}


def purge(tx: Tx) -> bool:
    """Keeps the file small: heartbeats a few days (the strategies' a week), the rest more than a year, and altogether
    DATABASE_MOST. In small bites and by indexes, so that no post waits. True: there is more to forget."""
    bites = [
        forget_events(tx.db, "kind = ? AND received < ?", (kind, tx.now - EVENT_DAYS.get(kind, 400) * DAY))
        for kind in EVENT_KINDS
    ]
    for machine, series in all_series(tx.db):
        for step, days in SAMPLE_STEPS.items():
            tx.db.execute(
                "DELETE FROM sample WHERE machine = ? AND series = ? AND step = ? AND at < ?",
                (machine, series, step, tx.now - days * DAY),
            )
    room = FILES_TOTAL
    for row in tx.db.execute("SELECT rowid, length(content) size FROM file ORDER BY received DESC").fetchall():
        room -= row["size"]
        if room < 0:
            tx.db.execute("DELETE FROM file WHERE rowid = ?", (row["rowid"],))
    if used_bytes(tx.db) > DATABASE_MOST:
        bites.append(forget_events(tx.db, "1 ORDER BY rowid"))
    if once_a_day(tx, "tidied"):
        tidy(tx)
    return PURGE_BITE in bites


def tidy(tx: Tx) -> None:
    """What needs a look at a whole table, once a day."""
    old, years = tx.now - 400 * DAY, tx.now - 6 * 366 * DAY
    for table, where, value in (
        ("archive", "day < ?", day_of(years)),
        ("attempt", "at < ?", tx.now - 2 * DAY),
        ("outbox", "created < ? AND state != 'waiting'", old),
        ("message", "created < ?", old),
        ("incident", "resolved < ?", old),
        ("deal", "received < ?", years),  # small, and wanted for taxes
        ("file", "received < ?", old),
        ("orders", "at < ?", old),
    ):
        tx.db.execute(f"DELETE FROM {table} WHERE {where}", (value,))


def forget_events(db: sqlite3.Connection, where: str, values: Sequence[Any] = ()) -> int:
    """One bite of them. Returns how many."""
    query = f"SELECT rowid FROM event WHERE {where} LIMIT {PURGE_BITE}"
    return db.execute(f"DELETE FROM event WHERE rowid IN ({query})", values).rowcount


def all_series(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """(machine, series) of the samples, found by hopping along the key: a look at every row would take too long."""
    found: list[tuple[str, str]] = []
    following = db.execute("SELECT machine, series FROM sample ORDER BY machine, series LIMIT 1").fetchone()
    while following is not None:
        found.append(tuple(following))
        following = db.execute(
            "SELECT machine, series FROM sample WHERE (machine, series) > (?, ?) ORDER BY machine, series LIMIT 1",
            tuple(following),
        ).fetchone()
    return found


def used_bytes(db: sqlite3.Connection) -> int:
    """Of the database file, without what is free for reuse."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


########################################################################################################################
# Ingest v1 ############################################################################################################
########################################################################################################################


class Refuse(Exception):
    """An answer other than 200 for a whole post. The text goes to a program, so it is English."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class Event(NamedTuple):
    id: str
    kind: str
    seq: int
    at: float  # the PC's clock
    happened: float  # the same instant by the receiver's clock
    seen: float  # when its source spoke, for judging silence: a backlog does not look fresh
    history: bool
    offset: float  # receiver's clock minus the PC's
    data: dict[str, Any]

    def ours(self, key: str) -> float | None:
        """A time in the event's data, moved to the receiver's clock; None if there is none or it makes no sense."""
        value = number(self.data.get(key))
        return value + self.offset if value is not None and 0 < value < AT_LIMIT else None


class Batch(NamedTuple):
    run: str
    sent_at: float
    waiting: int
    events: list[Any]


def unpack(raw: bytes, encoding: str) -> bytes:
    """The body behind its Content-Encoding, bounded: a gzip bomb is cut off at the limit. Raises Refuse."""
    if encoding in ("", "identity"):
        return raw
    if encoding != "gzip":
        raise Refuse(415, f"Content-Encoding {encoding[:20]!r} is unknown: gzip or none")
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(raw, BATCH_BYTES + 1)
    except zlib.error:
        raise Refuse(400, "body is no gzip") from None
    if len(plain) > BATCH_BYTES:
        raise Refuse(413, f"more than {BATCH_BYTES} bytes after unpacking")
    if not stream.eof:
        raise Refuse(400, "gzip body is cut off")
    return plain


def read_batch(body: bytes, machine: str) -> Batch:
    """Checks the outer shape; single events are checked one by one later. Raises Refuse."""
    try:
        post = parse_json(body)
    except ValueError:
        raise Refuse(400, "body is no JSON") from None
    if not isinstance(post, dict) or not isinstance(post.get("events"), list):
        raise Refuse(400, 'expected {"machine", "run", "sent_at", "waiting", "events": [...]}')
    if not isinstance(post.get("machine"), str):
        raise Refuse(400, "machine: a string is needed")
    if post["machine"] != machine:
        raise Refuse(403, "this token belongs to another machine")
    sent_at, waiting = number(post.get("sent_at")), number(post.get("waiting", 0))
    if sent_at is None or not 0 <= sent_at <= AT_LIMIT:
        raise Refuse(400, "sent_at: epoch seconds are needed")
    if waiting is None or waiting < 0:
        raise Refuse(400, "waiting: a count is needed")
    if len(post["events"]) > BATCH_EVENTS:
        raise Refuse(413, f"more than {BATCH_EVENTS} events")
    return Batch(words(post.get("run"), 80), sent_at, math.ceil(min(waiting, WAITING_LIMIT)), post["events"])


EVENT_ID = re.compile(r"[!-~]{1,100}")


def read_event(raw: Any, batch: Batch, now: float) -> Event:
    """One event of a batch. Raises ValueError with the reason to reject it for good."""
    if not isinstance(raw, dict):
        raise ValueError("an event is an object")
    if not isinstance(raw.get("id"), str) or not EVENT_ID.fullmatch(raw["id"]):
        raise ValueError("id: 1 to 100 printable ASCII characters are needed")
    if raw.get("kind") not in EVENT_KINDS:
        raise ValueError(f"unknown kind {words(raw.get('kind'), 40)!r}")
    data = raw.get("data")
    if not isinstance(data, dict):
        raise ValueError("data: an object is needed")
    why = bad_value(data)
    if why:
        raise ValueError(why)
    at, seq = number(raw.get("at")), raw.get("seq", 0)
    if at is None or not 0 <= at <= AT_LIMIT:
        raise ValueError("at: epoch seconds between 1970 and 2100 are needed")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq < 2**62:
        raise ValueError("seq: a whole number is needed")
    why = bad_data(raw["kind"], data)
    if why:
        raise ValueError(why)
    age = max(0.0, batch.sent_at - at)
    offset = now - batch.sent_at
    if abs(offset) <= CLOCK_NOISE:
        offset = 0.0  # then a message shows the very second that the tray's own log shows
    return Event(raw["id"], raw["kind"], seq, at, min(at + offset, now), now - age, age > HISTORY_AGE, offset, data)


def bad_data(kind: str, data: dict[str, Any]) -> str | None:
    """What in an event's data can never be taken, or None. Few things: an order or error is kept however odd it is."""
    if kind == "qmt.process" and data.get("state") not in PROCESS_STATES:
        return "data.state: one of " + ", ".join(PROCESS_STATES)
    if kind == "host.paused" and data.get("until") is not None and number(data["until"]) is None:
        return "data.until: epoch seconds or null"
    if kind in ("old.heartbeat", "old.deals") and data.get("name") not in OLD_NAMES:
        return "data.name: qmt or server"
    if kind == "old.heartbeat" and not isinstance(data.get("info", []), list):
        return "data.info: a list"
    if kind == "qmt.heartbeat" and not (isinstance(data.get("strategy"), str) and 0 < len(data["strategy"]) <= 80):
        return "data.strategy: a name of 1 to 80 characters"
    if kind == "file":
        if not isinstance(data.get("content"), str) or not isinstance(data.get("name"), str):
            return "data.name and data.content: texts"
        if len(data["content"].encode("utf-8", "replace")) > FILE_BYTES:
            return f"data.content: at most {FILE_BYTES} bytes"
    return None


def take_batch(tx: Tx, name: str, batch: Batch) -> tuple[list[str], list[dict[str, str]]]:
    """Stores a batch and all that follows from it. Returns (accepted ids, rejected)."""
    settle(tx)
    machine = load_machine(tx.db, name)
    greet(machine, batch, tx)
    accepted: list[str] = []
    rejected: list[dict[str, str]] = []
    events: dict[str, Event] = {}
    for raw in batch.events:
        try:
            event = read_event(raw, batch, tx.now)
        except ValueError as error:
            id_ = raw.get("id") if isinstance(raw, dict) else None
            rejected.append({"id": id_ if isinstance(id_, str) else "", "error": str(error)})
            continue
        accepted.append(event.id)
        events.setdefault(event.id, event)
    new = store_events(tx, name, batch.run, list(events.values()))
    save(tx.db, "machine", take_effects(tx, machine, new))
    tx.unjudged.add(name)
    return accepted, rejected


def store_events(tx: Tx, machine: str, run: str, events: list[Event]) -> list[Event]:
    """Returns those that were not stored before. A new row's number is always above all others."""
    last = tx.db.execute("SELECT coalesce(max(rowid), 0) FROM event").fetchone()[0]
    stored = tx.db.executemany(
        "INSERT OR IGNORE INTO event (machine, id, kind, run, seq, at, happened, received, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(machine, e.id, e.kind, run, e.seq, e.at, e.happened, tx.now, dump_json(e.data)) for e in events],
    ).rowcount
    if stored == len(events):
        return events
    new = {row[0] for row in tx.db.execute("SELECT id FROM event WHERE rowid > ?", (last,))}
    return [event for event in events if event.id in new]


def take_effects(tx: Tx, machine: Machine, events: Sequence[Event]) -> Machine:
    """What events change. A bug met here must not jam the tray's queue with an event that fails for ever: the event
    stays stored, what it had changed so far is undone, and the owner is told. So where they cannot take effect all
    together, each does alone."""
    changed = copy.copy(machine)
    try:
        with savepoint(tx.db, "effect"):
            for event in events:
                EFFECTS.get(event.kind, no_effect)(tx, changed, event)
            settle(tx)
        return changed
    except sqlite3.DatabaseError:
        raise
    except Exception as error:
        forget_pending(tx)
        if len(events) > 1:
            for event in events:
                machine = take_effects(tx, machine, [event])
            return machine
        log.exception("event %s %s", events[0].kind, events[0].id)
        what = f"接收端处理 {events[0].kind} 时出错（{type(error).__name__}），数据已保存，但没有据此判断。"
        open_incident(tx, machine.name, accuse_trouble({"what": what}, events[0].happened, tx.now), events[0].seen)
        return machine


def greet(machine: Machine, batch: Batch, tx: Tx) -> None:
    """What the arrival of a batch alone says: the tray is alive now, whatever the age of the news in it."""
    if machine.heard is None or tx.now - machine.heard > tx.config.silent["host"]:
        machine.heard_since = tx.now
    machine.heard, machine.clock_off = tx.now, batch.sent_at - tx.now
    if batch.run != machine.run:
        machine.run, machine.run_since, machine.start_reason = batch.run, tx.now, ""
    if batch.waiting == 0:
        machine.drained, machine.waiting_since = tx.now, None
    elif machine.waiting_since is None:
        machine.waiting_since = tx.now
    machine.waiting = batch.waiting


Effect = Callable[[Tx, Machine, Event], None]


def no_effect(_tx: Tx, _machine: Machine, _event: Event) -> None:
    """Recorded, shown, changes nothing."""


def host_heartbeat(tx: Tx, machine: Machine, event: Event) -> None:
    if machine.beat_at is not None and event.seen < machine.beat_at - CLOCK_NOISE:
        return  # older than what is known
    known = machine.beat.get("findings")
    machine.beat, machine.beat_at = event.data, event.seen
    if "findings" in event.data and event.data["findings"] is None and known is not None:
        machine.beat = {**event.data, "findings": known}  # it has not looked yet: what was found before still holds
    outbox = event.data.get("outbox")
    values = {"host." + key: event.data.get(key) for key in ("cpu", "memory")}
    values["host.disk"] = event.data.get("disk_free")
    values["host.offset"] = event.data.get("clock_offset")
    values["host.outbox"] = outbox.get("waiting") if isinstance(outbox, dict) else None
    keep_samples(tx, machine.name, values, event.happened)
    if machine.stopped is not None and event.seen >= machine.stopped - CLOCK_NOISE:
        machine.stopped, machine.hold_until = None, None
    if isinstance(event.data.get("stop_orders"), bool):
        know_stop(machine, event.data["stop_orders"], event.seen)
    if "paused_until" in event.data:
        set_pause(tx, machine, event.ours("paused_until"))


def pause_of(machine: Machine, until: float | None, now: float) -> float | None:
    """Until when the machine is paused; of a pause that is over the end is kept, for silence counts from there. A pause
    ends at the next ready_at; no wrong clock or number may make it last longer than a long holiday."""
    if until is not None and until > now:
        return min(until, now + PAUSE_LIMIT)
    return None if machine.paused_until is None else min(machine.paused_until, now)


def set_pause(tx: Tx, machine: Machine, until: float | None) -> float | None:
    """Returns until when. What was kept back until the end of a pause that ends early is told now."""
    before = machine.paused_until or 0.0
    machine.paused_until = pause_of(machine, until, tx.now)
    if before > tx.now >= (machine.paused_until or 0.0):
        due = tx.calendar.next_tell(tx.now) + tx.config.companions
        for incident in open_incidents(tx.db, machine.name):
            if incident.kind == "qmt.log" and not incident.one_off:
                tx.db.execute(
                    "UPDATE outbox SET due = min(due, ?) WHERE message = ? AND state = 'waiting' AND tries = 0",
                    (due, incident.message),
                )
                if incident.remind_at is not None and incident.remind_at > before:
                    incident.remind_at -= before - tx.now
                    save(tx.db, "incident", incident)
    return machine.paused_until


def host_started(tx: Tx, machine: Machine, event: Event) -> None:
    reason = words(event.data.get("reason"), 20)
    machine.start_reason = reason if reason in START_REASONS else ""
    machine.started = event.seen
    machine.stopped, machine.hold_until = None, None
    machine.heard_since = max(machine.heard_since or 0.0, event.seen)
    if machine.start_reason != "crash":
        machine.fresh_until = event.seen + START_GRACE
    told_by_recovery = any(incident.kind == "host" for incident in open_incidents(tx.db, machine.name))
    if reason in ("crash", "boot") and not told_by_recovery and not event.history and tx.calendar.in_session(tx.now):
        detail = f"{minute(event.happened, tx.now)} {START_REASONS[reason]}"
        open_incident(
            tx, machine.name, notice("host.started", reason, event.happened, "哨兵重新启动过", detail), event.seen
        )


def host_stopping(tx: Tx, machine: Machine, event: Event) -> None:
    machine.stopped = event.happened
    machine.stop_reason = words(event.data.get("reason"), 40)
    machine.hold_until = tx.now + HISTORY_PATIENCE if event.history else None


def host_resumed(tx: Tx, machine: Machine, event: Event) -> None:
    machine.heard_since = max(machine.heard_since or 0.0, event.seen)
    machine.fresh_until = event.seen + START_GRACE


def host_paused(tx: Tx, machine: Machine, event: Event) -> None:
    until = set_pause(tx, machine, event.ours("until"))
    if until is not None and until > tx.now:
        what = f"已暂停监视到 {shanghai(until).strftime('%m-%d %H:%M')}"
        detail, todo = "这段时间不告警，数据照常记录。", "要提前恢复，右键点哨兵图标，选“继续”。"
        told = notice("host.paused", event.id, event.happened, what, detail, todo)
        open_incident(tx, machine.name, told, event.seen)
    else:
        machine.heard_since = max(machine.heard_since or 0.0, event.seen)  # the scripts' silence counts from here


def know_stop(machine: Machine, there: bool, seen: float) -> None:
    """Whether control/STOP is there; tray and strategy both say so, and the newest word counts."""
    if machine.stop_at is None or seen >= machine.stop_at:
        machine.stop_at = seen
        machine.stop = (machine.stop or seen) if there else None


def host_stop_orders(tx: Tx, machine: Machine, event: Event) -> None:
    know_stop(machine, event.data.get("on") is True, event.seen)


def host_test_alert(tx: Tx, machine: Machine, event: Event) -> None:
    send_test(tx, machine.name, words(event.data.get("text"), 300))


def host_trouble(tx: Tx, machine: Machine, event: Event) -> None:
    open_incident(tx, machine.name, accuse_trouble(event.data, event.happened, tx.now), event.seen)


def qmt_process(tx: Tx, machine: Machine, event: Event) -> None:
    source = load_source(tx.db, machine.name, "qmt.process", "")
    if source.last_seen is not None and event.seen < source.last_seen - CLOCK_NOISE:
        return
    state = event.data["state"]
    was_well = source.state in PROCESS_WELL
    source.last_seen, source.received, source.data = event.seen, tx.now, event.data
    if state in PROCESS_WELL:
        source.last_well, source.hold_until = event.seen, None
        if not was_well or state == "restarted":
            source.state_since, source.up_since = event.ours("since") or event.happened, event.seen
        bad_open = any(incident.kind == "qmt.process" for incident in open_incidents(tx.db, machine.name))
        changed = event.data.get("change") is not False  # its periodic repeat says it again
        if state == "restarted" and changed and not bad_open and not event.history and tx.calendar.in_tell(tx.now):
            name = words(event.data.get("name"), 60) or "QMT"
            detail = f"{minute(event.happened, tx.now)} {name} 重新启动过，现在在运行。"
            todo = "看一眼 QMT 是否登录、策略是否在运行。"
            if not (machine.paused_until and tx.now < machine.paused_until):
                told = notice("qmt.restarted", "", event.happened, "QMT 重新启动过", detail, todo)
                open_incident(tx, machine.name, told, event.seen)
    else:
        source.last_well = max(filter(None, (source.last_well, event.ours("last_ok"))), default=None)
        turned = state != source.state and "hung" in (state, source.state)
        if was_well or not source.state or turned:
            # missing and elsewhere are one absence: a stranger's program coming or going does not begin it anew
            source.state_since = event.ours("since") or event.happened
            source.hold_until = tx.now + HISTORY_PATIENCE if event.history else None
    source.state = state
    save(tx.db, "source", source)
    keep_samples(tx, machine.name, {"qmt." + key: event.data.get(key) for key in ("rss", "cpu")}, event.happened)


def qmt_heartbeat(tx: Tx, machine: Machine, event: Event) -> None:
    source = load_source(tx.db, machine.name, "qmt.heartbeat", event.data["strategy"])
    if source.last_seen is None or event.seen >= source.last_seen - CLOCK_NOISE:
        logged_out = event.data.get("logged_in") is False
        source.logged_out_since = (source.logged_out_since or event.seen) if logged_out else None
        tick = tick_of(event.data)
        if tick is not None and abs(event.seen - tick) <= TICK_OLD:
            source.tick_fresh = event.seen
        live = tick is not None and tick != tick_of(source.data) and tx.calendar.continuous().in_session(tick)
        source.clock_off = tick - event.seen if tick is not None and live and not event.history else None
        if tick is not None and day_of(tick) == day_of(event.happened):
            reopen_day(tx, machine.name, day_of(tick))
    keep_heard(tx, source, event)
    keep_deals(tx, machine.name, event.data.get("deals"), event.happened)
    keep_account(tx, machine.name, event.data["strategy"], event.data, event.happened)


def qmt_log(tx: Tx, machine: Machine, event: Event) -> None:
    """A line that the owner wants to know of: one incident, with count. Old trays told of no ends."""
    pattern, line = words(event.data.get("pattern"), 40), words(event.data.get("line"), 200)
    if event.data.get("over") is True:
        over = [i for i in open_incidents(tx.db, machine.name) if (i.kind, i.name) == ("qmt.log", pattern)]
        resolve_all(tx, [incident for incident in over if not incident.one_off], "")
        return
    paused_until = machine.paused_until or 0.0
    accused = accuse_log(event.data, event.happened, tx.now)
    if not line or (accused.one_off and tx.now < paused_until):
        return
    times = number(event.data.get("count")) or 1.0
    open_incident(tx, machine.name, accused, event.seen, paused_until, times=int(min(max(times, 1.0), 1e6)))


def old_heartbeat(tx: Tx, machine: Machine, event: Event) -> None:
    source = load_source(tx.db, machine.name, "old." + event.data["name"], "")
    keep_heard(tx, source, event)
    keep_account(tx, machine.name, "old." + event.data["name"], old_tables(event.data.get("info")), event.happened)


def old_deals(tx: Tx, machine: Machine, event: Event) -> None:
    keep_deals(tx, machine.name, event.data.get("deals"), event.happened)


def may_be_heard(tx: Tx, source: Source, seen: float) -> bool:
    """False, and told: it would be one source too many."""
    if source.last_seen is not None or len(load_sources(tx.db, source.machine)) < SOURCES_MOST:
        return True
    what = f"有超过 {SOURCES_MOST} 个不同名字的策略或脚本，新的不再监视。"
    open_incident(tx, source.machine, accuse_trouble({"code": "sources", "what": what}, seen, tx.now), seen)
    return False


def hear(source: Source, seen: float, now: float, data: dict[str, Any], behind: int) -> None:
    """A source has spoken. What is older than what is known changes nothing but the record."""
    source.behind = behind
    if source.last_seen is None or seen >= source.last_seen - CLOCK_NOISE:
        source.data = data
        source.last_seen = max(seen, source.last_seen or 0.0)
        source.received = now


def keep_heard(tx: Tx, source: Source, event: Event) -> None:
    if may_be_heard(tx, source, event.seen):
        hear(source, event.seen, tx.now, event.data, behind=1)
        save(tx.db, "source", source)


def keep_deals(tx: Tx, machine: str, deals: Any, happened: float) -> None:
    """Each deal once, keyed by (day, QMT's trade id, contract number), however often a heartbeat repeats it."""
    for deal in deals if isinstance(deals, list) else []:
        if not isinstance(deal, dict):
            continue
        day = words(str(deal.get("日期") or ""), 10).replace("-", "") or day_of(happened)
        ids = [str(deal.get(key)) for key in ("订单编号", "合同编号") if deal.get(key) not in (None, "")]
        if deal.get("订单编号") in (None, ""):  # one order may have several deals: only the whole row tells them apart
            ids.append(hashlib.sha256(dump_json(deal).encode()).hexdigest()[:32])
        key = "|".join(ids)
        tx.db.execute(
            "INSERT OR IGNORE INTO deal (machine, day, key, data, received) VALUES (?, ?, ?, ?, ?)",
            (machine, day, words(key, 120), dump_json(deal), tx.now),
        )


def strategy_error(tx: Tx, machine: Machine, event: Event) -> None:
    open_incident(tx, machine.name, accuse_strategy(event.data, event.happened, tx.now), event.seen)


class Telling(NamedTuple):
    """How a strategy.notice is told."""

    what: str
    priority: int = LOW
    todo: str = ""


TELLINGS = {
    "trade-triggered": Telling("策略下单"),
    "fill": Telling("成交"),
    "account-summary": Telling("账户"),
    "settled": Telling("委托已核清"),
    "state": Telling("策略的记录"),
    "blocked": Telling("应下单而没有下单"),
    "unfilled": Telling("委托没有全部成交"),
    "unknown": Telling("委托结果不明", NORMAL, "登录 QMT 核对当日委托。"),
    "rejected": Telling("委托被拒", GRAVE, REJECTED_TODO),
    "late": Telling("后来查到委托结果", NORMAL, "登录 QMT 核对这笔委托和持仓。"),
    "cap": Telling("达到下单上限", GRAVE, "先看当天委托是否正常；确要多下，再改 sentry.ini 里的上限。"),
    "second-copy": Telling("同一策略运行了两份", GRAVE, "在 QMT 里只留一份，停掉另一份。"),
    "observe": Telling("策略只观察，不下单"),
    "stopped-fund": Telling("有基金没有交易"),
    "cash-low": Telling("可用资金不足", NORMAL, "考虑转入资金；不够时买单会被拒。"),
    "disk": Telling("策略读写磁盘失败", GRAVE, DISK_TODO),
    "settings": Telling("策略的设置有问题", NORMAL, "照正文说的改好；改的是 sentry.ini，就重新运行策略。"),
    "account_differs": Telling("两处资金账号不同", NORMAL, "改成一致，再重新运行策略。"),
    "old_copy": Telling("同一策略运行了两份", GRAVE, "在 QMT 里只留一份，停掉另一份。"),
    "spool_failed": Telling("策略有消息没记下", NORMAL, "远程登录小主机，检查磁盘空间和哨兵文件夹的权限。"),
}


def strategy_notice(tx: Tx, machine: Machine, event: Event) -> None:
    """Codes that mean something lasting change the state; the others are told once a day per text: a fund that stays
    stopped says so each minute."""
    data = event.data
    what, text = words(data.get("what"), 40), words(data.get("text"), 300) or words(data.get("what"), 60)
    if not text or NOTICE_EFFECTS.get(what, tell_on)(tx, machine, event, text):
        return
    strategy = words(data.get("strategy"), 40) or "?"
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    name = "/".join((strategy, what, digest, day_of(event.happened)))
    seen_before = tx.db.execute(
        "SELECT 1 FROM incident WHERE machine = ? AND kind = 'strategy.notice' AND name = ?", (machine.name, name)
    ).fetchone()
    if seen_before:
        return
    telling = TELLINGS.get(what) or Telling(f"策略 {strategy} 的通知")
    if what == "unfilled" and data.get("stage") == "ended":
        telling = Telling("委托没有成交")
    text = with_name(tx.db, machine.name, text, data)
    told = notice("strategy.notice", name, event.happened, telling.what, f"{minute(event.happened, tx.now)} {text}")
    mark = told.mark if telling.priority == LOW else "❗"
    told = told._replace(priority=telling.priority, mark=mark, todo=telling.todo)
    open_incident(tx, machine.name, told, event.seen)


def instance_of(data: dict[str, Any]) -> str:
    return words(data.get("instance"), 60)


def with_name(db: sqlite3.Connection, machine: str, text: str, data: dict[str, Any]) -> str:
    """The fund's name behind its code, where the account knows it."""
    code = words(data.get("code"), 20)
    name = names_of(db, machine).get(code[:6], "") if code in text else ""
    return text.replace(code, f"{code} {name}", 1) if name else text


NoticeEffect = Callable[[Tx, Machine, Event, str], bool]  # True: nothing more is to be told


def tell_on(_tx: Tx, _machine: Machine, _event: Event, _text: str) -> bool:
    return False


def notice_mode(tx: Tx, machine: Machine, event: Event, _text: str) -> bool:
    """What the strategy may do, and each of its funds: not news, but what ends news."""
    mode, funds = words(event.data.get("mode"), 20), event.data.get("funds")
    if mode not in ("live", "observe"):
        return True
    chosen = event.data.get("chosen") is True
    know_mode(machine, mode, words(event.data.get("why"), 300), chosen, event.seen)
    end_disk(tx, machine, lambda instance: instance != instance_of(event.data))  # only the newest copy says its mode
    if not isinstance(funds, dict) or event.seen < (machine.mode_at or 0.0):
        return True
    stopped = {words(code, 20) for code, why in funds.items() if why != ""}
    mine = [incident for incident in open_incidents(tx.db, machine.name) if incident.kind == "stopped-fund"]
    if mode == "observe" and chosen:
        resolve_all(tx, mine, "现在按您的设置只观察，不下单。")
    elif mode == "live":
        all_stopped = len(stopped) == len(funds)
        over = [i for i in mine if (i.name not in stopped if i.name else not all_stopped)]
        resolve_all(tx, over, "策略说可以下单了（或它已不在 sentry.ini 的 funds 里）。")
    return True


def notice_observe(_tx: Tx, machine: Machine, event: Event, text: str) -> bool:
    """One wish that was not acted on; or, without a fund, the session's reason: an incident unless it was chosen."""
    if event.data.get("code"):
        return False
    chosen = event.data.get("chosen") is True
    know_mode(machine, "observe", words(event.data.get("why"), 300) or text, chosen, event.seen)
    return not chosen


def notice_stop(_tx: Tx, machine: Machine, event: Event, _text: str) -> bool:
    know_stop(machine, event.data.get("on") is not False, event.seen)
    return True


def notice_disk(tx: Tx, machine: Machine, event: Event, text: str) -> bool:
    """One without `on` has no end: it is told as it is."""
    on, instance = event.data.get("on"), instance_of(event.data)
    if on is True:
        open_incident(tx, machine.name, accuse_disk(instance, text, event.happened, tx.now), event.seen)
    elif on is False:
        end_disk(tx, machine, lambda name: name == instance)
    return isinstance(on, bool)


def end_disk(tx: Tx, machine: Machine, over: Callable[[str], bool]) -> None:
    found = [i for i in open_incidents(tx.db, machine.name) if i.kind == "disk" and over(i.name)]
    if found:
        resolve(tx, found, "策略又能写磁盘了。")


def notice_stopped_fund(tx: Tx, machine: Machine, event: Event, text: str) -> bool:
    """An incident where it should trade; where its owner chose to observe, one line a day."""
    if machine.mode == "observe" and machine.mode_chosen:
        return False
    code, text = words(event.data.get("code"), 20), with_name(tx.db, machine.name, text, event.data)
    open_incident(tx, machine.name, accuse_stopped_fund(code, text, event.happened, tx.now), event.seen)
    return True


def notice_about_order(tx: Tx, machine: Machine, event: Event, text: str) -> bool:
    """unknown, rejected and unfilled come twice, as a notice and as a line of the flag file, in any order; the one that
    comes first is told."""
    flag, what = words(event.data.get("flag"), 40), event.data["what"]
    if not flag:
        return False
    order, why = load_order(tx.db, machine.name, flag), words(event.data.get("reason"), 200)
    if not order.state:  # the notice is faster than the flag file
        order.data = {key: event.data[key] for key in ("code",) if key in event.data}
    know_name(tx, order)
    if what == "rejected":
        tell_rejected(tx, order, why, event)
        return True
    newer_known = order.said is not None and order.said >= event.at
    if what == "unknown":
        if newer_known and order.state != "unknown":
            return False  # it has been found since
        open_incident(tx, machine.name, accuse_unknown(order, why, event.happened, tx.now), event.seen)
        return True
    stage = event.data.get("stage")
    why = UNFILLED_STAGES.get(stage, "") if isinstance(stage, str) else ""
    if not why or order.state in ORDER_ENDED:
        return bool(why)  # that it is being cancelled is no news once it has ended
    open_incident(tx, machine.name, accuse_unfilled(order, why, tx.now), event.seen)
    return True


UNFILLED_STAGES = {"cancelling": "没有按时全部成交，已要求撤单", "unconfirmed": "要求撤单后还没有确认"}
NOTICE_EFFECTS: dict[str, NoticeEffect] = {
    "mode": notice_mode,
    "observe": notice_observe,
    "stop": notice_stop,
    "disk": notice_disk,
    "stopped-fund": notice_stopped_fund,
    "unknown": notice_about_order,
    "rejected": notice_about_order,
    "unfilled": notice_about_order,
}


def know_mode(machine: Machine, mode: str, why: str, chosen: bool, seen: float) -> None:
    if machine.mode_at is None or seen >= machine.mode_at:
        machine.mode, machine.mode_why, machine.mode_chosen, machine.mode_at = mode, why, int(chosen), seen


def free_fund(tx: Tx, machine: Machine, code: str) -> None:
    """The strategy trades this fund: it is not stopped any more."""
    over = [i for i in open_incidents(tx.db, machine.name) if (i.kind, i.name) == ("stopped-fund", code)]
    if code and over:
        resolve(tx, over, f"{code} 又开始交易了。")


def order_state(tx: Tx, machine: Machine, event: Event) -> None:
    order = load_order(tx.db, machine.name, words(event.data.get("flag"), 40) or "?")
    if not fold_order(order, event):
        return
    know_name(tx, order)
    save(tx.db, "orders", order)
    why = words(order.data.get("reason"), 200)
    if order.state == "unknown":
        open_incident(tx, machine.name, accuse_unknown(order, why, event.happened, tx.now), event.seen)
        return
    if order.state == "intent":
        know_mode(machine, "live", "", False, event.seen)
        free_fund(tx, machine, order.fund)
    over = {"order": order.state in (*ORDER_ENDED, "working"), "order.unfilled": order.state in ORDER_ENDED}
    for incident in open_incidents(tx.db, machine.name):
        if incident.name == order.flag and over.get(incident.kind):
            result = f"委托 {order.flag} 的结果：{order.word}" + (
                f"，成交 {order.filled:.0f} 股" if order.filled else ""
            )
            resolve(tx, [incident], result)
    if order.state == "rejected":
        tell_rejected(tx, order, why, event)


def know_name(tx: Tx, order: Order) -> None:
    """The fund's name stands in the account's rows alone."""
    if not order.data.get("name"):
        name = names_of(tx.db, order.machine).get(order.fund[:6], "")
        order.data = {**order.data, "name": name} if name else order.data


ORDER_TEXTS = ("code", "name", "side", "reason", "by")
ORDER_NUMBERS = ("shares", "price", "yuan", "filled", "average")


def fold_order(order: Order, event: Event) -> bool:
    """Adds one line of a flag file to what is known of its order. False: an older line."""
    data, line = event.data, number(event.data.get("line"))
    if line is not None and line <= order.line:
        return False
    order.line = int(min(line, 2**62)) if line is not None else order.line
    order.day = order.flag[:8] if ORDER_ID.fullmatch(order.flag) else order.day or day_of(event.happened)
    state = words(data.get("state"), 20)
    if state not in ORDER_WORDS:  # no line of ours: the strategy holds the order for unknown then, unless it has ended
        state = order.state if order.state in ORDER_ENDED and order.state != "void" else "unknown"
        data = {"reason": "委托记录里有一行看不懂"}
    order.state = state
    order.placed = event.happened if order.placed is None else order.placed
    order.at, order.said = event.happened, event.at
    texts = {key: words(data.get(key), 200) for key in ORDER_TEXTS}
    texts["reason"] = texts["reason"] or words(data.get("why"), 200) or words(data.get("text"), 200)
    numbers = {key: number(data.get(key)) for key in ORDER_NUMBERS}
    known = {key: value for key, value in {**texts, **numbers}.items() if value not in (None, "")}
    order.data = {**order.data, **known}
    return True


def tell_rejected(tx: Tx, order: Order, why: str, event: Event) -> None:
    """Once per order. Orders rejected for one cause share a message with a count for as long as it has not gone out;
    those that come after wait for each other for REJECTS_APART."""
    if order.rejected:
        return
    order.rejected, order.at = 1, order.at or event.happened
    save(tx.db, "orders", order)
    accusation = accuse_rejected(order, why, event.happened, tx.now)
    same, not_before = (accusation.kind, accusation.name), 0.0
    for incident in open_incidents(tx.db, order.machine):
        if (incident.kind, incident.name) != same:
            continue
        message = incident.message
        if message is not None and is_untouched(tx, message):
            incident.count, incident.last = incident.count + 1, tx.now
            incident.what = f"{incident.count} 笔委托被拒"
            longer = replace(incident, detail=incident.detail + "\n" + accusation.detail)
            if incident.count <= REJECTS_LISTED and fits(tx, message, longer):
                incident = longer
            save(tx.db, "incident", incident)
            compose_alert(tx, message)
            return
        incident.resolved = tx.now  # told; what comes now is the next one's
        save(tx.db, "incident", incident)
        not_before = min(incident.opened, tx.now) + REJECTS_APART  # a clock that was set back delays nothing
    open_incident(tx, order.machine, accusation, event.seen, not_before)


def is_untouched(tx: Tx, message: int) -> bool:
    """No channel has begun to send it."""
    return not tx.db.execute(
        "SELECT 1 FROM outbox WHERE message = ? AND (state != 'waiting' OR tries > 0)", (message,)
    ).fetchone()


def store_file(tx: Tx, machine: Machine, event: Event) -> None:
    content = event.data["content"].encode("utf-8", "replace")
    keep_file(tx, machine.name, words(event.data.get("source"), 40) or "tray", event.data["name"], content)


def keep_file(tx: Tx, machine: str, source: str, name: str, content: bytes) -> None:
    tx.db.execute(
        "INSERT OR REPLACE INTO file (machine, source, name, sha256, content, received) VALUES (?, ?, ?, ?, ?, ?)",
        (machine, source, label(name), hashlib.sha256(content).hexdigest(), content, tx.now),
    )


EFFECTS: dict[str, Effect] = {
    "host.heartbeat": host_heartbeat,
    "host.started": host_started,
    "host.stopping": host_stopping,
    "host.resumed": host_resumed,
    "host.paused": host_paused,
    "host.stop_orders": host_stop_orders,
    "host.test_alert": host_test_alert,
    "host.trouble": host_trouble,
    "qmt.process": qmt_process,
    "qmt.heartbeat": qmt_heartbeat,
    "qmt.log": qmt_log,
    "old.heartbeat": old_heartbeat,
    "old.deals": old_deals,
    "strategy.error": strategy_error,
    "strategy.notice": strategy_notice,
    "order.state": order_state,
    "file": store_file,
}


########################################################################################################################
# Old protocol: what people's scripts already speak ####################################################################
########################################################################################################################


class OldRefuse(Exception):
    """HTTP 400 in the old protocol's shape. The text is read by the owner of a script, so it is Chinese."""


def old_json_post(tx: Tx, machine: str, post: Any) -> None:
    """{"action":"heartbeat","name":"qmt","info":[{"name":"accounts","data":[...]}, ...]}. Raises OldRefuse."""
    if not isinstance(post, dict):
        raise OldRefuse("应为 JSON 对象")
    name = old_name(post.get("action"), post.get("name"))
    info = post.get("info", [])
    if not isinstance(info, list) or not all(isinstance(part, dict) for part in info):
        raise OldRefuse("info 应为列表，每项是 {name, data}")
    why = bad_value(info)
    if why:
        raise OldRefuse("info 里有不能保存的数值（NaN、无穷大、1.797e308 或嵌套太深）")
    old_heard(tx, machine, name, {"name": name, "info": [part for part in info if part.get("name") != "deals"]})
    for part in info:
        if part.get("name") == "deals":
            keep_deals(tx, machine, part.get("data"), tx.now)
    keep_account(tx, machine, "old." + name, old_tables(info), tx.now)
    tx.unjudged.add(machine)


def old_form_post(tx: Tx, machine: str, action: Any, name: Any, files: Sequence[tuple[str, bytes]]) -> None:
    """A form with any files; they are kept in the database under their label. Raises OldRefuse."""
    name = old_name(action, name)
    old_heard(tx, machine, name, {"name": name, "info": [], "files": [label(filename) for filename, _ in files]})
    for filename, content in files:
        keep_file(tx, machine, "old." + name, filename, content)
    tx.unjudged.add(machine)


def old_tables(info: Any) -> dict[str, Any]:
    """The parts of a post by their names."""
    parts = [part for part in info if isinstance(part, dict)] if isinstance(info, list) else []
    return {words(part.get("name"), 20): part.get("data") for part in parts}


def old_name(action: Any, name: Any) -> str:
    if action != "heartbeat":
        raise OldRefuse("不认识的 action，POST 只接受 heartbeat")
    if name not in OLD_NAMES:
        raise OldRefuse("不认识的 name，可用 qmt 或 server")
    return str(name)


def old_heard(tx: Tx, machine: str, name: str, data: dict[str, Any]) -> None:
    key = f"{machine} {name}"
    source = tx.pending.sources.get(key) or load_source(tx.db, machine, "old." + name, "")
    if may_be_heard(tx, source, tx.now):
        hear(source, tx.now, tx.now, data, behind=0)
        tx.pending.sources[key] = source


def old_query(
    db: sqlite3.Connection, machine: str, action: str, name: str, now: float, silent: dict[str, float]
) -> dict[str, Any]:
    """The answers of GET /api. Raises OldRefuse."""
    if action == "heartbeat_query":
        if name not in OLD_NAMES:
            raise OldRefuse("不认识的 name，可用 qmt 或 server")
        seen = [s.last_seen for s in load_sources(db, machine) if s.kind in old_kinds(name) and s.last_seen]
        lastime = shanghai(max(seen)).strftime("%Y-%m-%d %H:%M:%S") if seen else ""
        fresh = bool(seen) and now - max(seen) <= silent["old." + name]
        return {"code": 0, "name": name, "lastime": lastime, "status": "online" if fresh else "offline"}
    if action not in OLD_TABLES:
        raise OldRefuse("不认识的 action，可用 heartbeat_query、query_qmt、query_server、market_value、portfolio")
    title, builder = OLD_TABLES[action]
    return {"code": 0, "msg": "ok", "title": title, "data": builder(db, machine, now)}


def old_kinds(name: str) -> tuple[str, ...]:
    return ("qmt.heartbeat", "old.qmt") if name == "qmt" else ("old.server",)


def rows_of(db: sqlite3.Connection, machine: str, table: str) -> list[dict[str, Any]]:
    """accounts, positions or orders as last posted, whichever way they came; the newest post that has any wins."""
    for source in sorted(load_sources(db, machine), key=lambda s: -(s.last_seen or 0.0)):
        rows = source.data.get(table) if source.kind == "qmt.heartbeat" else None
        if source.kind == "old.qmt":
            parts = [part for part in source.data.get("info", []) if isinstance(part, dict)]
            rows = next((part.get("data") for part in parts if part.get("name") == table), None)
        if isinstance(rows, dict):
            rows = [rows]
        if isinstance(rows, list) and rows:
            return [row for row in rows if isinstance(row, dict)]
    return []


def deals_of(db: sqlite3.Connection, machine: str, day: str) -> list[dict[str, Any]]:
    rows = db.execute("SELECT data FROM deal WHERE machine = ? AND day = ? ORDER BY rowid", (machine, day)).fetchall()
    return [json.loads(row[0]) for row in rows]


def old_block(title: str, kind: str, data: Any) -> dict[str, Any]:
    return {"title": title, "type": kind, "data": data}


def old_query_qmt(db: sqlite3.Connection, machine: str, now: float) -> list[dict[str, Any]]:
    return [
        old_block("账户", "table", rows_of(db, machine, "accounts")),
        old_block("持仓", "table", rows_of(db, machine, "positions")),
        old_block("今日成交", "table", deals_of(db, machine, day_of(now))),
    ]


def old_query_server(db: sqlite3.Connection, machine: str, now: float) -> list[dict[str, Any]]:
    rows = db.execute("SELECT name, length(content) size, received FROM file WHERE machine = ?", (machine,)).fetchall()
    files = [
        {"文件": r["name"], "字节": r["size"], "时间": f"{shanghai(r['received']):%Y-%m-%d %H:%M:%S}"} for r in rows
    ]
    return [old_block("文件", "table", files)]


def old_market_value(db: sqlite3.Connection, machine: str, now: float) -> list[dict[str, Any]]:
    totals: dict[str, float] = {}
    for account in rows_of(db, machine, "accounts"):
        for key in ("总资产", "可用金额", "总市值", "总盈亏"):
            totals[key] = round(totals.get(key, 0.0) + (number(account.get(key)) or 0.0), 2)
    return [old_block("市值", "dict", totals)]


def old_portfolio(db: sqlite3.Connection, machine: str, now: float) -> list[dict[str, Any]]:
    return [old_block("持仓", "table", rows_of(db, machine, "positions"))]


OLD_TABLES: dict[str, tuple[str, Callable[[sqlite3.Connection, str, float], list[dict[str, Any]]]]] = {
    "query_qmt": ("QMT", old_query_qmt),
    "query_server": ("服务器", old_query_server),
    "market_value": ("市值", old_market_value),
    "portfolio": ("持仓组合", old_portfolio),
}


########################################################################################################################
# Incidents ############################################################################################################
########################################################################################################################

# The life of an incident: open -> (reminders) -> resolved, or acknowledged: then silent until its recovery. Lasting
# ones (QMT gone, host silent) are judged from the state again and again, by each post and once a second, so no order of
# arrival and no restart can miss one. One-off ones (an error, a rejected order) count their repeats and close quietly
# half an hour after the last. A notice is closed as soon as it is written.


def judge(tx: Tx, name: str) -> Picture:
    """Compares what is bad on a machine with what is open: opens, resolves. Returns what it saw."""
    picture = picture_of(tx, name)
    mine = open_incidents(tx.db, name)
    over = [i for i in mine if not i.one_off and cured(i, picture)]
    absent = float(get_meta(tx.db, "absent_at") or 0.0) if over else 0.0
    for few in groups(over):
        resolve(tx, few, recovery_reason(few, picture, absent))
    still_open = {(i.kind, i.name) for i in mine} - {(i.kind, i.name) for i in over}
    for accusation in accusations(picture):
        silence = accusation.kind not in (*SAID, *SPOKEN_BY) and picture.machine.stopped is None
        if (accusation.kind, accusation.name) not in still_open and not (silence and tx.settling):
            open_incident(tx, name, accusation, last_word(accusation, picture))
    return picture


def groups(incidents: Sequence[Incident]) -> list[Sequence[Incident]]:
    """As many as one message of recovery can tell."""
    return [incidents[start : start + SHARED_RECOVERIES] for start in range(0, len(incidents), SHARED_RECOVERIES)]


SAID = (
    "qmt.process",
    "worker",
    "finding",
    "stop",
    "observe",
    "order.unfilled",
)  # known from what was said, not from silence


def last_word(accusation: Accusation, picture: Picture) -> float:
    """When the accused was last heard: only a later word can end the incident."""
    if accusation.kind == "host":
        return picture.machine.heard or 0.0
    if accusation.kind == "grid":
        return picture.machine.mode_at or 0.0
    kind = SPOKEN_BY.get(accusation.kind, accusation.kind)
    seen = [s.last_seen for s in picture.sources if (s.kind, s.name) == (kind, accusation.name)]
    return (seen[0] if seen else None) or 0.0


def recovery_reason(over: Sequence[Incident], picture: Picture, absent: float) -> str:
    """For a host that is back: what became of the program. That it never stopped is proved by its run id alone, and
    that it was the network only if we ourselves were there: `absent` is when we last came back from an outage."""
    hosts = [incident for incident in over if incident.kind == "host"]
    if not hosts:
        return ""
    machine, seen = picture.machine, hosts[0].seen
    same_run = bool(machine.run) and machine.run_since is not None and machine.run_since <= seen
    if not same_run or (machine.started or 0.0) >= seen:
        return START_REASONS.get(machine.start_reason, "")
    if absent >= seen:
        return "哨兵程序没有停过；其间接收端自己也中断过，分不清断在哪里。"
    return "哨兵程序没有停过，断的是网络（或小主机睡眠）。"


def open_incident(
    tx: Tx, machine: str, accusation: Accusation, seen: float, not_before: float = 0.0, times: int = 1
) -> None:
    """Opens an incident with its message (not told `not_before`) and outbox rows, or counts one up that is open, by as
    many `times` as it happened."""
    a = accusation
    repeated = tx.db.execute(
        "UPDATE incident SET count = count + ?, last = ? WHERE machine = ? AND kind = ? AND name = ?"
        " AND resolved IS NULL",
        (times, tx.now, machine, a.kind, a.name),
    ).rowcount
    if repeated:
        return
    earlier = tx.db.execute(  # those that were told: what passed unnoticed must not delay the one that lasts
        "SELECT count(*) FROM incident WHERE machine = ? AND kind = ? AND name = ? AND opened > ? AND EXISTS"
        " (SELECT 1 FROM outbox WHERE outbox.message = incident.message AND state != 'withdrawn')",
        (machine, a.kind, a.name, tx.now - FLAP_WINDOW),
    ).fetchone()[0]
    patience, detail = tx.config.companions, a.detail
    if not a.one_off and flaps(tx, machine, a, earlier):
        patience = FLAP_PATIENCE  # if it is over by then nothing is said
    if not a.one_off and earlier >= FLAPS_TOLD - 1:
        detail += f"\n一小时里第 {earlier + 1} 次告警。时断时续的只计数，断够 {length(FLAP_PATIENCE)}才再告警。"
    incident = Incident(
        id=None,
        machine=machine,
        kind=a.kind,
        name=a.name,
        opened=tx.now,
        since=a.since,
        seen=seen,
        what=a.what,
        well=a.well,
        detail=detail,
        todo=a.todo,
        mark=a.mark,
        priority=a.priority,
        one_off=int(a.one_off),
        count=times,
        last=tx.now,
        resolved=tx.now if a.priority == LOW else None,
    )
    incident.id = save(tx.db, "incident", incident)
    due, pause = announce(tx, incident, patience, not_before), remind_after(tx.config.reminders, 0)
    if pause is not None and not a.one_off and a.reminded:
        incident.remind_at = due + pause
        save(tx.db, "incident", incident)
    log.info("incident #%s opened: %s %s", incident.id, machine, a.what)


def flaps(tx: Tx, machine: str, accusation: Accusation, earlier: int) -> bool:
    """It comes and goes: told `earlier` times in the last hour, or still being summed up. From here on it is summed up
    instead of told one by one."""
    key = FLAP_KEY + dump_json([machine, accusation.kind, accusation.name])
    begun = get_meta(tx.db, key) is not None
    if not begun and earlier >= FLAPS_TOLD:
        put_meta(tx.db, key, tx.now)
    return begun or earlier >= FLAPS_TOLD


FLAP_KEY = "flapping "


def sum_up_flapping(tx: Tx) -> None:
    """What comes and goes is told as one line an hour: how often, how long altogether, and how it is now."""
    for row in tx.db.execute(
        "SELECT key, value FROM meta WHERE key >= ? AND key < ?", (FLAP_KEY, FLAP_KEY + "~")
    ).fetchall():
        start = float(row["value"])
        if 0 <= tx.now - start < FLAP_WINDOW:
            continue
        tx.db.execute("DELETE FROM meta WHERE key = ?", (row["key"],))
        machine, kind, name = json.loads(row["key"][len(FLAP_KEY) :])
        found = tx.db.execute(
            "SELECT * FROM incident WHERE machine = ? AND kind = ? AND name = ? AND opened >= ? ORDER BY id",
            (machine, kind, name, start),
        ).fetchall()
        if not found:
            continue
        if len(found) >= FLAPS_TOLD:  # it goes on
            put_meta(tx.db, row["key"], tx.now)
        last = load(Incident, found[-1])
        lasted = sum((one["resolved"] or tx.now) - one["opened"] for one in found)
        state = "现在已恢复" if last.resolved is not None else "现在仍未恢复"
        body = (
            f"怎么办：{last.todo}\n"
            f"{minute(start, tx.now)} – {minute(tx.now, tx.now)} 又来了 {len(found)} 次，合计 {length(lasted)}。\n"
            f"{state}。"
        )
        text = Text(title_of("📊", f"时断时续：{last.what}", machine), body, tail_of(tx.config.public_url, [last]))
        due = tx.calendar.next_tell(tx.now)
        post_message(tx, "flaps", machine, NORMAL, text, recipients(tx, NORMAL), due)


def announce(tx: Tx, incident: Incident, patience: float, not_before: float = 0.0) -> float:
    """The incident's first message. It waits `patience` seconds, for companions of the same machine, which then share
    it; what happens at night is told when the next window for telling opens. Returns when it is due."""
    waiting = tx.db.execute(
        "SELECT id FROM message WHERE kind = 'alert' AND machine = ? AND"
        " EXISTS (SELECT 1 FROM outbox WHERE message = message.id AND state = 'waiting') AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE message = message.id AND (state != 'waiting' OR tries > 0)) ORDER BY id DESC",
        (incident.machine,),
    ).fetchone()
    kept_back = incident.kind == "qmt.log" and not_before > tx.now  # until a pause is over: a companion would tell it
    if waiting is not None and (kept_back or not fits(tx, waiting["id"], incident)):
        waiting = None
    urgent = incident.kind in ("host.paused", "channel")
    due = max(not_before, tx.now if urgent else tx.calendar.next_tell(tx.now)) + patience
    channels = recipients(tx, incident.priority)
    if incident.kind == "channel":  # told by the others, in a message of its own
        waiting, channels = None, [name for name in channels if name != incident.name]
    incident.message = (
        waiting["id"]
        if waiting
        else post_message(tx, "alert", incident.machine, incident.priority, Text("", "", ""), channels, due)
    )
    save(tx.db, "incident", incident)
    compose_alert(tx, incident.message, due)
    return due


def told_by(db: sqlite3.Connection, message: int) -> list[Incident]:
    """The incidents that an alert tells."""
    rows = db.execute(
        "SELECT * FROM incident WHERE message = ? AND (resolved IS NULL OR one_off) ORDER BY id", (message,)
    ).fetchall()
    return [load(Incident, row) for row in rows]


def fits(tx: Tx, message: int, incident: Incident) -> bool:
    """The alert with this incident, or with its longer version, is cut off by no channel."""
    others = [other for other in told_by(tx.db, message) if other.id != incident.id]
    body = alert_text([*others, incident], tx.config.public_url).body
    return len(body.encode("utf-8", "replace")) <= SHARED_BYTES


def compose_alert(tx: Tx, message: int, due: float | None = None) -> None:
    """Writes the text of an alert that no channel has touched yet from the incidents that share it."""
    incidents = told_by(tx.db, message)
    text = discreet(alert_text(incidents, tx.config.public_url), tx.config.show_amounts)
    priority = max(incident.priority for incident in incidents)
    tx.db.execute(
        "UPDATE message SET title = ?, body = ?, tail = ?, priority = ? WHERE id = ?", (*text, priority, message)
    )
    tx.db.execute("UPDATE outbox SET priority = ? WHERE message = ?", (priority, message))
    if due is not None:
        tx.db.execute("UPDATE outbox SET due = min(due, ?) WHERE message = ?", (due, message))
        if not any(incident.kind == "channel" for incident in incidents):  # a graver companion reaches more channels
            add_channels(tx, message, priority, recipients(tx, priority), due)


def post_message(
    tx: Tx, kind: str, machine: str, priority: int, text: Text, channels: Sequence[str], due: float
) -> int:
    """A message and one outbox row per channel. Returns the message's id."""
    text = discreet(text, tx.config.show_amounts)
    message = tx.db.execute(
        "INSERT INTO message (kind, machine, priority, title, body, tail, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (kind, machine, priority, *text, tx.now),
    ).lastrowid
    add_channels(tx, message or 0, priority, channels, due)
    return message or 0


def add_channels(tx: Tx, message: int, priority: int, channels: Sequence[str], due: float) -> None:
    """One outbox row per channel that has none for this message yet."""
    tx.db.executemany(
        "INSERT OR IGNORE INTO outbox (message, channel, priority, due, state, created)"
        " VALUES (?, ?, ?, ?, 'waiting', ?)",
        [(message, channel, priority, due, tx.now) for channel in channels],
    )
    tx.wakes.update(channels)


def recipients(tx: Tx, priority: int) -> list[str]:
    """The channels that work and want news of this severity; when there is none any that works: rather a word too much
    than none. When no channel works, all of them: a try costs nothing."""
    working = [name for name in tx.config.channels if not channel_trouble(tx.db, name, tx.now)]
    wanted = [name for name in working if tx.config.channels[name].level <= priority]
    return wanted or working or list(tx.config.channels)


def resolve(tx: Tx, incidents: Sequence[Incident], extra: str = "") -> None:
    """Closes lasting incidents of one machine; one message to the channels that were told. Where nothing has gone out
    yet the alert is withdrawn and nothing is said; where it has been stuck for long the recovery replaces it."""
    due: dict[str, float] = {}  # of each channel that was or will be told: not before what it still has to say
    for incident in incidents:
        incident.resolved = tx.now
        save(tx.db, "incident", incident)
        log.info("incident #%s resolved: %s %s", incident.id, incident.machine, incident.what)
    for message in sorted({incident.message for incident in incidents if incident.message is not None}):
        rows = tx.db.execute("SELECT * FROM outbox WHERE message = ?", (message,)).fetchall()
        shared = tx.db.execute(
            "SELECT 1 FROM incident WHERE message = ? AND (resolved IS NULL OR one_off)", (message,)
        ).fetchone()
        untouched = [row for row in rows if row["state"] == "waiting" and row["tries"] == 0]
        stuck = [
            row
            for row in rows
            if row["state"] == "waiting" and row["tries"] > 0 and tx.now - row["first_tried"] > STALE_ALERT
        ]
        if shared and len(untouched) == len(rows):
            compose_alert(tx, message)
            continue
        if not shared:
            for row in untouched + stuck:
                tx.db.execute(
                    "UPDATE outbox SET state = 'withdrawn', error = '已恢复，不再发送' WHERE id = ?", (row["id"],)
                )
        for row in rows:
            withdrawn = not shared and row in untouched
            if row["state"] in ("sent", "accepted", "sending", "waiting") and not withdrawn:
                ahead = row["due"] if row["state"] == "waiting" and (shared or row not in stuck) else tx.now
                due[row["channel"]] = max(due.get(row["channel"], tx.now), ahead)
    text = recovery_text(list(incidents), tx.now, extra, tx.config.public_url)
    channels = [name for name in tx.config.channels if name in due]
    if channels:
        recovery = post_message(tx, "recovery", incidents[0].machine, NORMAL, text, channels, tx.now)
        for name in channels:
            tx.db.execute("UPDATE outbox SET due = ? WHERE message = ? AND channel = ?", (due[name], recovery, name))


def resolve_all(tx: Tx, incidents: Sequence[Incident], extra: str) -> None:
    for few in groups(incidents):
        resolve(tx, few, extra)


def acknowledge(tx: Tx, incident: int) -> None:
    """The owner knows: no more reminders. It stays open, so that its next repeat only counts up."""
    tx.db.execute(
        "UPDATE incident SET acknowledged = ? WHERE id = ? AND resolved IS NULL AND acknowledged IS NULL",
        (tx.now, incident),
    )


def mute(tx: Tx, incident: int, seconds: float) -> None:
    """No reminders of this incident for so long (0: the mute ends now). Its recovery is told all the same."""
    until = tx.now + min(seconds, MUTE_LIMIT) if seconds > 0 else None
    tx.db.execute("UPDATE incident SET muted_until = ? WHERE id = ? AND resolved IS NULL", (until, incident))


def close_gone(tx: Tx) -> None:
    """Of a machine that is not in the ini any more nothing stays open: nobody would ever end it. Looked for in each
    round: a last post of it may be stored after it was taken out."""
    for incident in open_incidents(tx.db):
        if incident.machine and incident.machine not in tx.config.machines:
            tx.db.execute("UPDATE incident SET resolved = ? WHERE id = ?", (tx.now, incident.id))


def close_one_offs(tx: Tx) -> None:
    """And lasting lines of QMT's log whose end never came (no longer watched, a spool lost), once the owner knows: the
    next one has to be told, not counted."""
    tx.db.execute(
        "UPDATE incident SET resolved = :now WHERE resolved IS NULL AND ((one_off AND last < :quiet)"
        " OR (kind = 'qmt.log' AND NOT one_off AND max(last, acknowledged) < :day))",
        {"now": tx.now, "quiet": tx.now - ONE_OFF_QUIET, "day": tx.now - DAY},
    )


def remind(tx: Tx) -> None:
    """Reminders at growing intervals, in hours for telling, not for what a host that is down or paused silences."""
    if not tx.calendar.in_tell(tx.now) or tx.settling:  # what is over since may not have been heard yet
        return
    everything = open_incidents(tx.db)
    hosts_down = {incident.machine for incident in everything if incident.kind == "host"}
    for incident in everything:
        if incident.remind_at is None or incident.remind_at > tx.now or incident.acknowledged is not None:
            continue
        if incident.muted_until is not None and tx.now < incident.muted_until:
            continue
        machine = load_machine(tx.db, incident.machine)
        paused = machine.paused_until is not None and tx.now < machine.paused_until
        if paused or (incident.machine in hosts_down and incident.kind != "host"):
            continue
        picture = picture_of(tx, incident.machine)
        if incident.kind == "qmt.process" and (picture.qmt is None or picture.qmt_status(picture.qmt) != DOWN):
            continue  # not expected before the session
        if incident.kind in SPOKEN_BY and not tx.calendar.in_session(tx.now):
            continue
        text = reminder_text(incident, tx.now, tx.config.public_url)
        channels = recipients(tx, incident.priority)
        post_message(tx, "reminder", incident.machine, NORMAL, text, channels, tx.now)
        incident.reminded += 1
        incident.remind_at = tx.now + (remind_after(tx.config.reminders, incident.reminded) or DAY)
        save(tx.db, "incident", incident)


def tell_outage(tx: Tx, since: float | None) -> None:
    """One line about our own absence, instead of accusations against all who could not reach us. `since` None: the
    clock may have been wrong, or only the PC's: then it does not tell how long it lasted."""
    if since is None:
        span = f"{minute(tx.now, tx.now)} 才又看着小主机。这台服务器的时钟可能不准或调过，中断了多久不清楚。"
    else:
        span = f"{minute(since, tx.now)} – {minute(tx.now, tx.now)}（{length(tx.now - since)}）没有看着小主机。"
    told = notice(
        "receiver.outage",
        "",
        since or tx.now,
        "接收端中断过",
        span + "\n小主机上的记录会补报。",
        "不是您自己重启的，就在服务器上看日志：journalctl -u qmt-sentry",
    )
    open_incident(tx, "", told, tx.now)


def judge_backup(tx: Tx) -> None:
    """The daily backup, whose command leaves word in our database, and whose timer leaves none when it is dead."""
    known = daily_backup(tx.db)
    accusation = accuse_backup(known) if known is not None else None
    mine = [incident for incident in open_incidents(tx.db, "") if incident.kind == "backup"]
    otherwise = accusation is not None and [incident for incident in mine if incident.what != accusation.what]
    if mine and (known is None or otherwise):  # no longer wanted, or bad in another way: nothing is well again
        if mine[0].message is not None and is_untouched(tx, mine[0].message):
            resolve(tx, mine)  # says nothing, and withdraws what waits for the morning
        else:
            tx.db.execute("UPDATE incident SET resolved = ? WHERE id = ?", (tx.now, mine[0].id))
        mine = []
    if accusation is not None and not mine:
        open_incident(tx, "", accusation, tx.now)
    elif accusation is None and mine:
        resolve(tx, mine)


def send_test(tx: Tx, machine: str, text: str = "") -> None:
    """A test goes to every channel, to those that are switched off too: its yes switches them on again."""
    body = (text + "\n" if text else "") + f"{clock(tx.now, tx.now)} 发出。收到这条，说明这个通道是通的。"
    message = Text(title_of("🔔", "测试告警", machine), body, tx.config.public_url)
    post_message(tx, "test", machine, GRAVE, message, list(tx.config.channels), tx.now)


def channel_row(db: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute("SELECT * FROM channel WHERE name = ?", (name,)).fetchone()
    return row


def channel_trouble(db: sqlite3.Connection, name: str, now: float) -> str:
    """Why a channel cannot be counted on now; empty: it works."""
    row = channel_row(db, name)
    if row is None:
        return ""
    if row["bad_since"] is not None:
        return row["why"] or "不能用"
    often = row["failing_since"] is not None and row["failures"] >= FAILING_TRIES
    if often and now - row["failing_since"] >= FAILING_SECONDS:
        return row["why"] or "一直送不出去"
    if row["quiet_until"] is not None and row["quiet_until"] - now > FAILING_SECONDS:
        return row["why"] or "被限制发送"
    return ""


def revive(tx: Tx, name: str) -> None:
    """A channel that had been given up works again: what it refused and no other channel delivered is tried again."""
    tx.db.execute(
        "UPDATE outbox SET state = 'waiting', due = ? WHERE channel = ? AND state = 'failed' AND created > ?"
        " AND NOT EXISTS (SELECT 1 FROM outbox other WHERE other.message = outbox.message"
        " AND other.state IN ('sent', 'accepted', 'sending'))",
        (tx.now, name, tx.now - GIVE_UP_AFTER),
    )


def channel_worked(tx: Tx, name: str) -> None:
    row = channel_row(tx.db, name)
    if row is not None and row["bad_since"] is not None:
        revive(tx, name)
    tx.db.execute(
        "UPDATE channel SET bad_since = NULL, failing_since = NULL, failures = 0, why = '', quiet_until = NULL,"
        " last_ok = ? WHERE name = ?",
        (tx.now, name),
    )
    over = [i for i in open_incidents(tx.db, "") if (i.kind, i.name) == ("channel", name)]
    if over:
        resolve(tx, over)


def channel_failed(tx: Tx, name: str, why: str, quiet: float | None, for_good: bool) -> None:
    """A failure is noted; a channel that cannot be counted on any more is told through the others, once."""
    tx.db.execute(
        "UPDATE channel SET why = ?, failures = failures + 1, failing_since = coalesce(failing_since, ?),"
        " quiet_until = coalesce(?, quiet_until),"
        " bad_since = CASE WHEN ? THEN coalesce(bad_since, ?) ELSE bad_since END WHERE name = ?",
        (why, tx.now, tx.now + quiet if quiet else None, for_good, tx.now, name),
    )
    if channel_trouble(tx.db, name, tx.now):
        accuse_channel_once(tx, name, why)


def accuse_channel_once(tx: Tx, name: str, why: str) -> None:
    if not any((i.kind, i.name) == ("channel", name) for i in open_incidents(tx.db, "")):
        row = channel_row(tx.db, name)
        since = row["failing_since"] if row is not None and row["failing_since"] is not None else tx.now
        open_incident(tx, "", accuse_channel(name, why, since, tx.now), tx.now)


def channel_hung(tx: Tx, name: str) -> None:
    """The channel's sender does not come back from an attempt: it is in trouble, and what lies with it goes out through
    the others."""
    tx.db.execute(
        "UPDATE channel SET why = ?, failures = max(failures, ?), failing_since = min(coalesce(failing_since, ?), ?)"
        " WHERE name = ?",
        (HUNG, FAILING_TRIES, tx.now, tx.now - FAILING_SECONDS, name),
    )
    hand_over(tx, name)
    accuse_channel_once(tx, name, HUNG)


def hand_over(tx: Tx, name: str) -> None:
    """What is due on a channel that is stuck goes out through the others too."""
    stuck = tx.db.execute(
        "SELECT message, priority FROM outbox WHERE channel = ? AND state IN ('waiting', 'sending') AND due <= ?",
        (name, tx.now),
    ).fetchall()
    for row in stuck:
        add_channels(tx, row["message"], row["priority"], list(tx.config.channels), tx.now)


########################################################################################################################
# The trading day: is it one, the ready line before it, the report behind it ###########################################
########################################################################################################################

# Ready line and report come on every trading day, whatever happens: their absence says that the chain is dead.


def ask_whether_closed(tx: Tx, name: str, picture: Picture) -> None:
    """No tick dated today by 09:35 while PC and QMT are well: the exchange may be closed on a day that our table does
    not know. One question, then quiet for the day; the first tick of today ends that."""
    calendar, now = tx.calendar, tx.now
    if calendar.every_day or not calendar.in_session(now) or second_of_day(now) < HOLIDAY_ASKED:
        return
    qmt = picture.qmt
    well = qmt is not None and picture.qmt_status(qmt) == UP and not picture.paused and not picture.holding
    if qmt is None or not well or picture.host != UP or now - (qmt.state_since or now) < HOLIDAY_PATIENCE:
        return
    speaking = [
        s for s in picture.sources if s.kind == "qmt.heartbeat" and "tick_at" in s.data and picture.status_of(s) == UP
    ]
    ticks = [tick_of(source.data) for source in speaking if source.data.get("logged_in") is not False]
    if not ticks or any(tick is not None and day_of(tick) == day_of(now) for tick in ticks):
        return
    if get_meta(tx.db, "closed_asked") == day_of(now):
        return
    put_meta(tx.db, "closed_asked", day_of(now))
    others = [Picture(load_machine(tx.db, n), load_sources(tx.db, n), {}, calendar, now) for n in tx.config.machines]
    if any(day_of(s.tick_fresh) == day_of(now) for other in others for s in other.sources if s.tick_fresh is not None):
        return  # another machine has quotes: it is this one's quotes that are missing
    detail = (
        f"到 {minute(now, now)} 还没有今天的行情，小主机和 QMT 都正常。\n"
        "先按休市处理，不告警；有了今天的行情就恢复监视。"
    )
    todo = "真的休市：不用管。开市：远程登录小主机，看 QMT 右下角的行情是否连上。"
    told = notice("closed", day_of(now), now, "今天休市？", detail, todo)._replace(mark="❓", priority=NORMAL)
    open_incident(tx, name, told, now)
    put_meta(tx.db, "closed_guess", day_of(now))


def reopen_day(tx: Tx, name: str, day: str) -> None:
    """A tick dated today: the exchange is open after all."""
    if get_meta(tx.db, "closed_guess") != day:
        return
    tx.db.execute("DELETE FROM meta WHERE key = 'closed_guess'")
    tx = replace(tx, calendar=load_calendar(tx.db, tx.config))
    told = notice("closed", day + " open", tx.now, "今天开市，恢复监视", f"{minute(tx.now, tx.now)} 收到了今天的行情。")
    open_incident(tx, name, told, tx.now)


class Item(NamedTuple):
    """One line of the ready line: well or not, the short word for the title where it is not, the line itself."""

    well: bool
    short: str
    line: str


def readiness(picture: Picture, accounts: Sequence[dict[str, Any]], show_amounts: bool) -> list[Item]:
    """Whether a machine can trade now, point by point. Pure."""
    machine, now = picture.machine, picture.now
    up = picture.heard_now()
    items = [Item(up, "哨兵没有消息", f"哨兵：{'在线' if up else f'没有消息，最后 {clock(machine.heard, now)}'}")]
    if picture.paused:
        items.append(Item(False, "已暂停", f"监视：已暂停到 {clock(machine.paused_until, now)}"))
    qmt = picture.qmt
    running = up and qmt is not None and qmt.state in PROCESS_WELL
    word = "未知" if not up or qmt is None else PROCESS_NOW.get(qmt.state, "未知")
    short = "QMT " + (word if up and qmt is not None else "状态未知")
    items.append(Item(running, short, f"QMT：{word}"))
    scripts = [s for s in picture.sources if s.kind in ("qmt.heartbeat", "old.qmt")]
    alive = [s for s in scripts if now - (s.last_seen or 0.0) <= picture.silent[s.kind]]
    silent = [script_name(s) for s in scripts if s not in alive]
    text = "、".join(silent) + " 没有心跳" if silent else "在运行" if alive else "还没有收到过心跳"
    items.append(Item(bool(alive) and not silent, "策略没有心跳", f"策略：{text}"))
    said = [s.data["logged_in"] for s in alive if isinstance(s.data.get("logged_in"), bool)]
    numbers = "、".join(filter(None, (last_digits(row.get("账号")) for row in accounts)))
    in_now = bool(alive) and all(said)
    items.append(
        Item(in_now, "没有登录", f"账号：{'已登录' if in_now else '没有登录'}" + (f"（{numbers}）" if numbers else ""))
    )
    cash = [value for value in (number(row.get("可用金额")) for row in accounts) if value is not None]
    has_cash = bool(alive) and sum(cash) > 0
    amount_text = f" {sum(cash):,.2f} 元" if cash and show_amounts else ""
    items.append(Item(has_cash, "没有可用资金", f"可用资金：{'有' if has_cash else '没有或不知道'}{amount_text}"))
    waiting = machine.waiting if up else 0
    items.append(Item(waiting == 0, "有积压", f"待发：{waiting} 条" if up else "待发：未知"))
    off = machine.clock_off if up else None
    right = off is not None and abs(off) < CLOCK_WRONG
    items.append(
        Item(
            right or not up,
            "时钟不准",
            f"时钟：{'未知' if off is None else '准' if right else f'差 {length(abs(off))}'}",
        )
    )
    items.append(
        Item(machine.stop is None, "已停止下单", f"下单：{'已停止' if machine.stop is not None else '没有停止'}")
    )
    today = machine.mode_at is not None and day_of(machine.mode_at) == day_of(now)
    mode = {"live": "实盘", "observe": "只观察"}.get(machine.mode, "") if today else ""
    items.append(Item(True, "", f"模式：{mode or '策略今天还没有说'}"))
    warning = picture.calendar.coverage_warning(now)
    covered = "每天都算交易日" if picture.calendar.every_day else f"到 {picture.calendar.covered_until}"
    items.append(Item(not warning, "休市日表要补", warning or f"休市日表：{covered}"))
    return items


PROCESS_NOW = {
    "running": "在运行",
    "restarted": "在运行",
    "missing": "不在运行",
    "hung": "没有响应",
    "elsewhere": "不在运行",
}


def last_digits(value: Any) -> str:
    """Of an account's number only the last 4 digits."""
    text = words(str(value) if value is not None else "", 40)
    return f"尾号 {text[-4:]}" if text else ""


def once_a_day(tx: Tx, key: str, is_due: Callable[[], bool] = lambda: True) -> bool:
    """True for the first caller of a day for whom it `is_due`, which is asked only until then."""
    if get_meta(tx.db, key) == day_of(tx.now) or not is_due():
        return False
    put_meta(tx.db, key, day_of(tx.now))
    return True


def is_set_up(tx: Tx, name: str) -> bool:
    """The machine has been heard, by the new protocol or the old."""
    return load_machine(tx.db, name).heard is not None or bool(load_sources(tx.db, name))


def send_ready_line(tx: Tx, name: str) -> None:
    """At ready_at of each trading day, once per machine: ready, or what is missing. A machine that was never heard is
    not set up yet. After an outage of our own it comes late, but comes; not when the last session is over."""
    now, calendar, ready_at = tx.now, tx.calendar, tx.config.ready_at
    if ready_at is None or second_of_day(now) < ready_at or not calendar.sessions_left(now) or tx.settling:
        return
    if not once_a_day(tx, f"ready {name}", lambda: is_set_up(tx, name)):
        return
    items = readiness(picture_of(tx, name), rows_of(tx.db, name, "accounts"), tx.config.show_amounts)
    missing = [item.short for item in items if not item.well]
    what = "还没准备好：" + "、".join(missing) if missing else "准备好了，可以交易"
    body = "\n".join(("✓ " if item.well else "✗ ") + item.line for item in items)
    priority = NORMAL if missing else LOW
    text = Text(title_of("⚠️" if missing else "✅", what, name), body, tx.config.public_url)
    post_message(tx, "ready", name, priority, text, recipients(tx, priority), now)


DOWN_KINDS = ("host", "qmt.process", "qmt.heartbeat", "old.qmt", "login", "tick")


def uptime(incidents: Sequence[Incident], calendar: Calendar, start: float, end: float) -> float | None:
    """Share of the session seconds between two instants in which nothing of a machine was down; None: no session.
    Overlapping incidents count once. Pure."""
    total = calendar.session_seconds(start, end)
    spans = sorted(
        (
            max(start, i.since if i.since is not None else i.opened),
            min(end, i.resolved if i.resolved is not None else end),
        )
        for i in incidents
        if i.kind in DOWN_KINDS
    )
    down, reached = 0.0, start
    for first, last in spans:
        first = max(first, reached)
        if last > first:
            down += calendar.session_seconds(first, last)
            reached = last
    return (total - down) / total if total else None


def send_report(tx: Tx, name: str) -> None:
    """At report_at of each trading day, once per machine: what the day was."""
    now, report_at = tx.now, tx.config.report_at
    if report_at is None or second_of_day(now) < report_at or not tx.calendar.trades_on(now) or tx.settling:
        return
    if not once_a_day(tx, f"report {name}", lambda: is_set_up(tx, name)):
        return
    title, body = title_of("📈", f"{shanghai(now):%m-%d} 收盘小结", name), report_body(tx, picture_of(tx, name))
    text = Text(title, body, tx.config.public_url)
    post_message(tx, "report", name, LOW, text, recipients(tx, LOW), now)


def report_body(tx: Tx, picture: Picture) -> str:
    db, name, now, day = tx.db, picture.machine.name, tx.now, day_of(tx.now)
    start = midnight_after(now) - DAY
    lines = [asset_line(tx, name, day)]
    deals = deals_of(db, name, day)
    bought = [d for d in deals if "买" in str(d.get("买卖") or "")]
    money = sum(number(d.get("成交额")) or 0.0 for d in deals)
    amount_text = f"，成交额 {money:,.2f} 元" if deals and tx.config.show_amounts else ""
    lines.append(f"成交：{len(deals)} 笔（买 {len(bought)}，卖 {len(deals) - len(bought)}）{amount_text}")
    left = [o for o in orders_of(db, name, day) if o.state in (*ORDER_ALIVE, "unknown")]
    names = "、".join(f"{o.flag} {o.word}" for o in left[:5])
    lines.append(f"没有结束的委托：{len(left)} 笔" + (f"（{names}）" if left else ""))
    rows = tx.db.execute(
        "SELECT * FROM incident WHERE machine = ? AND (resolved IS NULL OR resolved >= ?) AND opened < ? ORDER BY id",
        (name, start, now),
    ).fetchall()
    incidents = [load(Incident, row) for row in rows]
    share = uptime(incidents, tx.calendar, start, now)
    lines.append("在线：" + ("今天没有交易时段" if share is None else f"交易时段的 {math.floor(share * 1000) / 10:g}%"))
    grave = [i for i in incidents if i.priority > LOW]
    counts: dict[str, int] = {}
    for incident in grave:
        counts[incident.what] = counts.get(incident.what, 0) + incident.count
    listed = "、".join(f"{what}{f' ×{count}' if count > 1 else ''}" for what, count in list(counts.items())[:8])
    still = sum(1 for i in grave if i.resolved is None)
    lines.append(
        f"事件：{len(grave)} 件" + (f"（{listed}）" if grave else "") + (f"，{still} 件还没有恢复" if still else "")
    )
    warning = tx.calendar.coverage_warning(now)
    return "\n".join(lines + ([warning] if warning else []))


def asset_line(tx: Tx, name: str, day: str) -> str:
    """The day's end against the trading day before, from the archive: of each day the newest word that names an
    account, for two scripts may tell of the same one. The change stands as a share of the whole: that is no amount."""
    rows = tx.db.execute(
        "SELECT day, data FROM archive WHERE machine = ? AND day <= ? ORDER BY day DESC, at DESC LIMIT 20", (name, day)
    ).fetchall()
    totals: dict[str, dict[str, float]] = {}
    for row in rows:
        if totals.get(row["day"]):
            continue
        sums = totals[row["day"]] = {}
        for account in json.loads(row["data"])["accounts"]:
            for key in ("总资产", "总盈亏"):
                value = number(account.get(key))
                if value is not None:
                    sums[key] = sums.get(key, 0.0) + value
    today = totals.pop(day, {})
    before = next((sums for sums in totals.values() if "总资产" in sums), {})
    if "总资产" not in today:
        return "资产：今天没有收到账户数据"
    amount_text = f"总资产 {today['总资产']:,.2f} 元" if tx.config.show_amounts else "总资产"
    profit = f"，总盈亏 {today['总盈亏']:+,.2f} 元" if "总盈亏" in today and tx.config.show_amounts else ""
    if not before.get("总资产"):
        return (
            f"资产：{amount_text}{profit}（没有前一天的数据可比）"
            if tx.config.show_amounts
            else "资产：已收到（没有前一天的数据可比）"
        )
    change = today["总资产"] - before["总资产"]
    yuan = f" {change:+,.2f} 元" if tx.config.show_amounts else ""
    return f"资产：{amount_text}较上一交易日{yuan} {change / before['总资产'] * 100:+.2f}%{profit}"


########################################################################################################################
# Channels #############################################################################################################
########################################################################################################################


class Sent(NamedTuple):
    """The vendor said yes. `confirmed` False: accepted, the delivery itself is not known."""

    provider_id: str = ""
    confirmed: bool = True
    left_out: str = ""  # whom it did not reach although it was sent


class Later(NamedTuple):
    """Not now, but after `seconds` (None: the usual growing pause; UNTIL_MIDNIGHT: of Shanghai)."""

    seconds: float | None
    why: str

    def pause(self, tries: int, now: float) -> float:
        if self.seconds == UNTIL_MIDNIGHT:
            return midnight_after(now) - now
        return backoff(tries) if self.seconds is None else self.seconds


class Never(NamedTuple):
    """This will not change by itself: the channel is switched off and the others tell it."""

    why: str


Result = Union[Sent, Later, Never]


class Outgoing(NamedTuple):
    """What a channel gets to send. `id` is the same in every repeat; `callback` is a full address or empty."""

    id: str
    text: Text
    callback: str = ""


def network_word(error: Any) -> str:
    """What went wrong on the way, without any address: addresses hold keys."""
    for kind, word in (
        (ConnectionRefusedError, "拒绝连接"),
        (socket.timeout, "超时"),
        (socket.gaierror, "找不到服务器的地址"),
        (ssl.SSLCertVerificationError, "证书不对"),
        ((ConnectionError, smtplib.SMTPServerDisconnected), "连接中断"),
    ):
        if isinstance(error, kind):
            return word
    return type(error).__name__


def post_json(url: str, body: dict[str, Any]) -> dict[str, Any] | Later:
    """The vendor's JSON object, or why to try later. The address holds the key, so no error text may contain it."""
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    parts = urllib.parse.urlsplit(url)
    address = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    try:
        # http.client obeys no proxy of the environment and follows no redirect: a key goes to the vendor alone.
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=NETWORK_TIMEOUT)) as vendor:
            vendor.connect()
            with hang_up_after(ATTEMPT_SECONDS, vendor.sock):
                vendor.request("POST", address, data, {"Content-Type": "application/json; charset=utf-8"})
                answer = vendor.getresponse()
                raw = answer.read(65536)
    except Exception as error:
        # Anything that a network or a strange server can raise (refused, reset, timeout, bad status line, TLS): retry.
        return Later(None, f"连不上对方服务器（{network_word(error)}）")
    if answer.status != 200:
        return Later(None, f"对方服务器答 HTTP {answer.status}")
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else Later(None, "对方服务器的回答看不懂")


def ping(url: str) -> str:
    """Asks for an address outside; why that failed, or empty. The address may hold a key: it stands in no text."""
    parts = urllib.parse.urlsplit(url)
    try:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=NETWORK_TIMEOUT)) as outside:
            outside.connect()
            with hang_up_after(ATTEMPT_SECONDS, outside.sock):
                outside.request("GET", (parts.path or "/") + ("?" + parts.query if parts.query else ""))
                status = outside.getresponse().status
    except Exception as error:
        # Whatever a network or a strange server can raise: it is said and tried again in a minute.
        return network_word(error)
    return "" if status < 400 else f"HTTP {status}"


class Channel:
    """One way to the phone. `send` makes one attempt; `pace` gives the seconds that the vendor's limits ask to wait."""

    label = ""
    confirms = False
    budget = 16000  # bytes that one message may have before the channel would cut it

    def __init__(self, config: ChannelConfig) -> None:
        self.name = config.name
        self.options = config.options

    def pace(self, attempts: Sequence[float], now: float, priority: int) -> float:
        return pace(attempts, now, 1.0, 30, 60.0)

    def send(self, message: Outgoing) -> Result:
        raise NotImplementedError


class WeComRobot(Channel):
    """A WeCom group robot (企业微信群机器人): at most 2,048 bytes of text and 20 messages a minute."""

    label = "企业微信"
    budget = WECOM_BYTES

    def pace(self, attempts: Sequence[float], now: float, priority: int) -> float:
        return pace(attempts, now, WECOM_GAP, WECOM_PER_MINUTE, 62.0)

    def send(self, message: Outgoing) -> Result:
        title, body, tail = message.text
        url = self.options["url"] + "?" + urllib.parse.urlencode({"key": self.options["key"]})
        text = {"content": fit(f"{title}\n{body}", tail, WECOM_BYTES)}
        answer = post_json(url, {"msgtype": "text", "text": text})
        if isinstance(answer, Later):
            return answer
        code = answer.get("errcode")
        if isinstance(code, bool) or not isinstance(code, int):
            return Later(None, "企业微信的回答里没有 errcode")
        if code == 0:
            return Sent()
        if code in WECOM_NEVER:
            return Never(f"{WECOM_NEVER[code]}（errcode {code}）")
        seconds, why = WECOM_LATER.get(code, (None, "企业微信没有收下"))
        return Later(seconds, f"{why}（errcode {code}）")


class PushPlus(Channel):
    """pushplus (推送加): code 200 only means accepted; the callback, where we can be reached, tells the delivery."""

    label = "pushplus"
    confirms = True

    def pace(self, attempts: Sequence[float], now: float, priority: int) -> float:
        budget = PUSHPLUS_PER_DAY - (0 if priority >= GRAVE else PUSHPLUS_RESERVE)
        today = [at for at in attempts if day_of(at) == day_of(now)]
        return midnight_after(now) - now if len(today) >= budget else pace(attempts, now, 1.0, 30, 60.0)

    def send(self, message: Outgoing) -> Result:
        title, body, tail = message.text
        content = shorten(body, PUSHPLUS_CHARS) + "\n" + tail
        post = {"token": self.options["token"], "title": shorten(title, 100), "content": content, "template": "txt"}
        if self.options["topic"]:
            post["topic"] = self.options["topic"]
        if message.callback:
            post["callbackUrl"] = message.callback
        answer = post_json(self.options["url"], post)
        if isinstance(answer, Later):
            return answer
        code = answer.get("code")
        if code == PUSHPLUS_OK and not isinstance(code, bool):
            return Sent(words(str(answer.get("data") or ""), 80), confirmed=False)
        if code == PUSHPLUS_RESTRICTED:
            return Later(UNTIL_MIDNIGHT, "pushplus 限制了今天的发送（code 900）")
        if code in PUSHPLUS_NEVER:
            return Never(f"{PUSHPLUS_NEVER[code]}（code {code}）")
        return Later(None, f"pushplus 没有收下（code {words(str(code), 20)}）")


class Mail(Channel):
    """SMTP. QQ mail: port 465, ssl, the 16-letter 授权码 as password."""

    label = "邮件"

    def compose(self, message: Outgoing) -> email.message.EmailMessage:
        mail = email.message.EmailMessage()
        mail["Subject"] = words(message.text.title)
        mail["From"] = self.options["from"]
        mail["To"] = ", ".join(self.options["to"])
        mail["Date"] = email.utils.formatdate(localtime=False)
        mail["Message-ID"] = f"<{message.id}@qmt-sentry>"  # the same in every repeat: some mail programs then show one
        mail.set_content(f"{message.text.body}\n{message.text.tail}\n".encode("utf-8", "replace").decode("utf-8"))
        return mail

    def connect(self) -> smtplib.SMTP:
        host, port = self.options["host"], self.options["port"]
        if self.options["security"] == "ssl":
            return smtplib.SMTP_SSL(host, port, timeout=NETWORK_TIMEOUT, context=ssl.create_default_context())
        server = smtplib.SMTP(host, port, timeout=NETWORK_TIMEOUT)
        if self.options["security"] == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server

    def send(self, message: Outgoing) -> Result:
        try:
            server = self.connect()
            try:
                with hang_up_after(ATTEMPT_SECONDS, server.sock):
                    if self.options["user"]:
                        server.login(self.options["user"], self.options["password"])
                    refused = server.send_message(self.compose(message), self.options["from"], self.options["to"])
            finally:
                server.close()  # not quit: after the server's yes to the mail no answer may turn it into a failure
        except smtplib.SMTPRecipientsRefused as error:
            return smtp_refused(*next(iter(error.recipients.values()), (0, b"")))
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code >= 500:
                return Never(f"邮箱登录被拒，授权码可能已失效（SMTP {error.smtp_code}）")
            return Later(None, f"邮箱暂时不让登录（SMTP {error.smtp_code}）")
        except smtplib.SMTPResponseException as error:
            return smtp_refused(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError as error:
            return Never(f"邮件服务器不支持这种登录方式（{words(str(error), 80)}）")
        except ssl.SSLCertVerificationError:
            return Never("邮件服务器的证书不对，检查 host")
        except Exception as error:
            # Network trouble of any kind, a server that hangs up or talks nonsense: retry.
            return Later(None, f"连不上邮件服务器（{network_word(error)}）")
        # Those who took it must not get it again because of one bad address.
        left_out = "这些收件人被拒收：" + "、".join(words(name, 60) for name in refused) if refused else ""
        return Sent(message.id, left_out=left_out)


def smtp_refused(code: int, answer: bytes | str) -> Result:
    """A refusal by its code: 4xx later, 5xx never, except QQ's "550 Sender frequency limited", which passes."""
    text = words(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer, 100)
    if 500 <= code < 600:
        if any(word in text.lower() for word in SMTP_RATE_WORDS):
            return Later(600.0, f"邮箱限制了发送频率（SMTP {code} {text}）")
        return Never(f"邮件被拒收（SMTP {code} {text}）")
    return Later(None, f"邮件服务器暂时不收（SMTP {code} {text}）")


CHANNEL_CLASSES = {"wecom": WeComRobot, "pushplus": PushPlus, "smtp": Mail}


def make_channels(config: Config) -> dict[str, Channel]:
    return {name: CHANNEL_CLASSES[section.type](section) for name, section in config.channels.items()}


########################################################################################################################
# Workers: the checker, and one sender per channel #####################################################################
########################################################################################################################


class Claim(NamedTuple):
    """Outbox rows that one attempt sends (several: a digest)."""

    rows: list[int]
    tries: int
    message: Outgoing


def claim(tx: Tx, channel: Channel) -> Claim | float:
    """Takes what is due on a channel, marked `sending` and counted as an attempt; or seconds until the next look.
    The gravest first; more than a few at once go as one digest."""
    state = channel_row(tx.db, channel.name)
    if state is not None and state["quiet_until"] is not None and state["quiet_until"] > tx.now:
        return float(state["quiet_until"] - tx.now)
    rows = tx.db.execute(
        "SELECT outbox.id, outbox.message, outbox.priority, tries, callback, kind, title, body, tail, outbox.created"
        " FROM outbox JOIN message ON message.id = outbox.message"
        " WHERE channel = ? AND state = 'waiting' AND due <= ? ORDER BY outbox.priority DESC, outbox.id LIMIT ?",
        (channel.name, tx.now, DIGEST_MAX),
    ).fetchall()
    if not rows:
        due = tx.db.execute(
            "SELECT min(due) FROM outbox WHERE channel = ? AND state = 'waiting'", (channel.name,)
        ).fetchone()[0]
        return 1.0 if due is None else max(0.05, float(due) - tx.now)
    attempts = [
        r[0] for r in tx.db.execute("SELECT at FROM attempt WHERE channel = ? AND at > ?", (channel.name, tx.now - DAY))
    ]
    wait = channel.pace(attempts, tx.now, rows[0]["priority"])
    if wait > FAILING_SECONDS and rows[0]["priority"] >= GRAVE:  # what is grave waits too: others must tell that
        why = "今天的额度用完了"
        tx.db.execute("UPDATE channel SET why = ?, quiet_until = ? WHERE name = ?", (why, tx.now + wait, channel.name))
        accuse_channel_once(tx, channel.name, why)
        hand_over(tx, channel.name)
    if wait > 0:
        return wait
    rows = what_fits(rows, tx, channel) if len(rows) > DIGEST_ABOVE else rows[:1]
    tx.db.execute("INSERT INTO attempt (channel, at) VALUES (?, ?)", (channel.name, tx.now))
    callback = ""
    for row in rows:
        key = row["callback"]
        if channel.confirms and tx.config.answers_vendors:
            key = callback = callback or key or secrets.token_urlsafe(24)
        tx.db.execute(
            "UPDATE outbox SET state = 'sending', tries = tries + 1, tried = ?, callback = ?,"
            " first_tried = coalesce(first_tried, ?) WHERE id = ?",
            (tx.now, key, tx.now, row["id"]),
        )
    first = rows[0]
    text = Text(first["title"], first["body"], first["tail"]) if len(rows) == 1 else digest_text(rows, tx)
    address = f"{tx.config.public_url}/cb/{callback}" if callback else ""
    return Claim([row["id"] for row in rows], first["tries"] + 1, Outgoing(outgoing_id(tx.db, rows), text, address))


def outgoing_id(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> str:
    """The same for the same rows in every repeat, another for others and in every other database."""
    if get_meta(db, "mail_mark") is None:
        put_meta(db, "mail_mark", secrets.token_hex(6))
    numbers = " ".join(str(row["id"]) for row in rows)
    return f"{get_meta(db, 'mail_mark')}.{hashlib.sha256(numbers.encode()).hexdigest()[:16]}"


def what_fits(rows: list[sqlite3.Row], tx: Tx, channel: Channel) -> list[sqlite3.Row]:
    """The first of the rows, as many as one digest tells in full on this channel; the rest stay waiting."""
    for count in range(len(rows), 1, -1):
        text = digest_text(rows[:count], tx)
        if len("\n".join(text).encode("utf-8", "replace")) <= channel.budget:
            return rows[:count]
    return rows[:1]


def digest_text(rows: Sequence[sqlite3.Row], tx: Tx) -> Text:
    """A channel that comes back gets a few messages, not the whole backlog; each incident has its line, and each order
    its name: an incident may tell of several."""
    lines = []
    for row in rows:
        shared = told_by(tx.db, row["message"]) if row["kind"] == "alert" else []
        parts = [
            (f"{i.mark} {i.what}", f"#{i.id}", i.detail.replace("\n", " "), i.kind.startswith("order")) for i in shared
        ]
        fact = next((line for line in row["body"].split("\n") if not line.startswith("怎么办：")), "")
        alone = row["title"], " ".join(re.findall(r"#\d+", row["tail"])), fact, False
        for title, mark, said, whole in parts or [alone]:
            said = hide_private(said, tx.config.show_amounts)
            first = said if whole else shorten(said, 80)
            line = f"{minute(row['created'], tx.now)} {title} {mark}".rstrip()
            lines.append(line + (f"\n  {first}" if first else ""))
    return Text(title_of("📋", f"积压的 {len(rows)} 条通知", ""), "\n".join(lines), tx.config.public_url)


def note_result(tx: Tx, channel: Channel, claimed: Claim, result: Result) -> None:
    """Writes down the vendor's answer."""
    for row in claimed.rows:
        if isinstance(result, Sent):
            state = "sent" if result.confirmed else "accepted"
            tx.db.execute(
                "UPDATE outbox SET state = ?, sent = ?, provider_id = ?, error = ? WHERE id = ? AND state = 'sending'",
                (state, tx.now, result.provider_id, result.left_out or None, row),
            )
        elif isinstance(result, Later):
            due = tx.now + result.pause(claimed.tries, tx.now)
            tx.db.execute(
                "UPDATE outbox SET state = CASE WHEN first_tried < ? THEN 'failed' ELSE 'waiting' END, due = ?,"
                " error = ? WHERE id = ? AND state = 'sending'",
                (tx.now - GIVE_UP_AFTER, due, result.why, row),
            )
        else:
            tx.db.execute(
                "UPDATE outbox SET state = 'failed', error = ? WHERE id = ? AND state = 'sending'", (result.why, row)
            )
    fail_over(tx, claimed.rows)
    if isinstance(result, Sent):
        known = channel_row(tx.db, channel.name)
        bad = known is not None and known["bad_since"] is not None
        if result.confirmed or not claimed.message.callback or not bad:
            channel_worked(tx, channel.name)  # a bad one whose vendor will say what became of it waits for that word
    elif isinstance(result, Later):
        channel_failed(tx, channel.name, result.why, result.pause(claimed.tries, tx.now), for_good=False)
    else:
        channel_failed(tx, channel.name, result.why, None, for_good=True)


def fail_over(tx: Tx, rows: Sequence[int]) -> None:
    """What one channel will never deliver goes out through every other one that has not had it."""
    for row in rows:
        lost = tx.db.execute("SELECT * FROM outbox WHERE id = ? AND state = 'failed'", (row,)).fetchone()
        if lost is not None:
            add_channels(tx, lost["message"], lost["priority"], list(tx.config.channels), tx.now)


def doubt(tx: Tx) -> None:
    """A vendor's "accepted" is no delivery. What is grave and can never be confirmed, and what was not confirmed in
    time, goes out through every other channel that has not had it."""
    rows = tx.db.execute(
        "SELECT outbox.id, message, outbox.priority, callback FROM outbox JOIN message ON message.id = outbox.message"
        " WHERE state = 'accepted' AND error IS NULL AND kind IN ('alert', 'reminder') AND"
        " (callback IS NULL AND outbox.priority >= ? OR callback IS NOT NULL AND sent < ?)",
        (GRAVE, tx.now - CONFIRM_SECONDS),
    ).fetchall()
    for row in rows:
        why = "没有送达回执" if row["callback"] else "对方不给送达回执"
        tx.db.execute("UPDATE outbox SET error = ? WHERE id = ?", (why, row["id"]))
        add_channels(tx, row["message"], row["priority"], list(tx.config.channels), tx.now)


def confirm(tx: Tx, key: str, status: int) -> bool:
    """pushplus's callback: 2 delivered, 3 failed. The path is good for one final answer. False: no such path."""
    rows = tx.db.execute("SELECT id, channel FROM outbox WHERE callback = ?", (key,)).fetchall()
    if not rows:
        return False
    if status in (2, 3):
        state, error = ("sent", None) if status == 2 else ("failed", "pushplus 说没有送达")
        tx.db.execute("UPDATE outbox SET state = ?, error = ?, callback = NULL WHERE callback = ?", (state, error, key))
        if status == 2:
            known = channel_row(tx.db, rows[0]["channel"])
            quiet = known is not None and (known["quiet_until"] or 0.0) > tx.now
            if not quiet:  # news of an old message must not end a silence that the vendor has asked for since
                channel_worked(tx, rows[0]["channel"])
        else:
            fail_over(tx, [row["id"] for row in rows])
            channel_failed(tx, rows[0]["channel"], "pushplus 说消息没有送达", None, for_good=True)
    return True


class Post:
    """The work of one post that waits for its turn, and what became of it: an error until it is on the disk."""

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: Exception | None = StoreRefused("not stored")
        self.done = False
        self.leads = False  # its thread is the one that writes
        self.called = threading.Lock()  # free: it is done, or leads
        self.called.acquire()


class Receiver:
    """Everything but the sockets. `now` gives epoch seconds; tests step it and `check_once` by hand. `boot` says which
    boot of this machine it is and how many seconds that has lasted; an empty name: it cannot be told."""

    def __init__(
        self,
        config: Config,
        now: Callable[[], float] = time.time,
        boot: Callable[[], tuple[str, float]] = lambda: ("", 0.0),
    ) -> None:
        self.config = config
        self.boot = boot
        self.ini_seen: tuple[int, ...] | None = None  # receiver.ini as it was at the last look
        self.ini_read: tuple[int, ...] | None = None  # and when it was last read while running
        self.own_clock = now
        self.store = Store(config.database)
        with self.store.read() as db:  # seconds to be added to our own clock, which PC and exchange found wrong
            self.correction = float(get_meta(db, "clock_correction") or 0.0)
        self.channels = make_channels(config)
        self.senders = {name: Sender(self, channel) for name, channel in self.channels.items()}
        self.checked_at = time.monotonic()  # of the last completed check, for /healthz and alerts.ok
        self.purged_at = 0.0
        self.settling_until = 0.0
        self.clock_doubts: dict[str, tuple[float, float]] = {}  # machine -> (seconds off, since when)
        self.watchdog_said = ""  # why the last ping outward failed; empty: it went well, or there was none yet
        self.posts: list[Post] = []  # those that wait
        self.writing = False  # one of the posts leads
        self.queue = threading.Lock()  # over these two
        self.stop_event = threading.Event()
        self.checker: threading.Thread | None = None
        self.outage_known = True  # how long the absence lasted that ends now
        with self.transaction(self.catch_up) as tx:
            self.begin(tx)
            self.outage_known = True

    def catch_up(self, db: sqlite3.Connection) -> None:
        """The clock may have been set while we were not running. Within one boot of this machine it is known by how
        much: what is stored moves along, and the rest is the absence. After a boot it is not known. What is stored may
        not lie in the future even then, or all news would count as older than what is known: QMT's end would go unheard
        until the clock had caught up."""
        alive, now = float(get_meta(db, "last_alive") or 0.0), self.now()
        if not alive:
            return
        lived = seconds_since_mark(db, *self.boot())
        jump = now - alive - lived if lived is not None else min(now - alive, 0.0)
        behind = abs(jump) > CLOCK_NOISE and lived is None
        if abs(jump) > CLOCK_NOISE:
            self.shift(db, jump)
            # Nobody knows for how long it was away: long enough to wait for the trays.
            self.mark_alive(db, ABSENT_AFTER + 1.0 if lived is None else lived)
        lately = alive + jump - DAY  # a machine that was given up long ago contradicts nothing
        contradiction = "SELECT 1 FROM machine WHERE abs(clock_off) >= ? AND heard > ?"
        wrong = abs(self.correction) >= CLOCK_WRONG or db.execute(contradiction, (CLOCK_WRONG, lately)).fetchone()
        self.outage_known = lived is not None or not (behind or wrong)

    def now(self) -> float:
        """Epoch seconds by which everything is judged."""
        return self.own_clock() + self.correction

    @contextmanager
    def transaction(self, first: Callable[[sqlite3.Connection], None] | None = None) -> Iterator[Tx]:
        """`first`: done in the same transaction before its time is read, since it may change how that is counted."""
        with self.store.write() as db:
            if first is not None:
                first(db)
            now = self.now()
            absent_since = self.after_absence(db, now)
            tx = Tx(db, now, self.config, load_calendar(db, self.config), now < self.settling_until)
            if absent_since is not None:
                tell_outage(tx, absent_since if self.outage_known else None)
            yield tx
            settle(tx)
            for name in sorted(tx.unjudged):
                judge(tx, name)
        for name in tx.wakes & set(self.senders):
            self.senders[name].wake.set()

    def take(self, work: Callable[[Tx], Any]) -> Any:
        """Does a post's work in a transaction and returns its result, after the commit; raises what the work raised,
        or StoreRefused. One sync of the disk takes longer than all the rest, so posts that come meanwhile wait and
        share the next one: the first of them leads, and does the work of all. Each is called when its own work is done:
        a common lock would make those whose answer is ready queue for it with those that have just come."""
        post = Post(work)
        with self.queue:
            self.posts.append(post)
            if not self.writing:
                self.writing = post.leads = True
        if not post.leads and not post.called.acquire(timeout=TURN_SECONDS):
            with self.queue:
                if not post.leads and not post.done:
                    if post in self.posts:  # else somebody has it in hand: then its repeat will change nothing
                        self.posts.remove(post)
                    raise StoreRefused("writer busy")
        if post.leads:
            self.lead()
        if post.error is not None:
            raise post.error
        return post.result

    def lead(self) -> None:
        """Takes all posts that wait; then calls the first of those that came meanwhile, to lead on, and the others."""
        with self.queue:
            posts, self.posts = self.posts, []
        try:
            self.take_together(posts)
        finally:
            with self.queue:
                following = self.posts[:1]
                self.writing = bool(following)
                for post in following:
                    post.leads = True
            for post in following + [post for post in posts if not post.leads]:
                post.called.release()

    def take_together(self, posts: Sequence[Post]) -> None:
        """One transaction and one sync for all. A post that fails fails alone: where they do not succeed together, each
        is tried in a transaction of its own."""
        begun = False
        try:
            with self.transaction() as tx:
                begun = True
                results = [post.work(tx) for post in posts]
            for post, result in zip(posts, results):
                post.result, post.error = result, None
        except Exception as error:
            for post in posts:
                if begun and len(posts) > 1:
                    self.take_together([post])
                else:
                    post.error = StoreRefused(str(error)) if isinstance(error, StoreRefused) else error
        finally:
            for post in posts:
                post.done = True

    def begin(self, tx: Tx) -> None:
        """What a start owes to the run before: attempts cut short are due again, a long absence earns patience."""
        tx.db.execute("UPDATE outbox SET state = 'waiting', due = min(due, ?) WHERE state = 'sending'", (tx.now,))
        names = list(self.config.channels)
        marks = ", ".join("?" * len(names))
        tx.db.execute(
            f"UPDATE outbox SET state = 'withdrawn', error = '通道已删除' WHERE state = 'waiting'"
            f" AND channel NOT IN ({marks})",
            names,
        )
        for name, section in self.config.channels.items():
            row = channel_row(tx.db, name)
            if row is None or row["fingerprint"] != section.fingerprint():
                tx.db.execute(
                    "INSERT OR REPLACE INTO channel (name, fingerprint) VALUES (?, ?)", (name, section.fingerprint())
                )
        healed = "UPDATE channel SET failing_since = NULL, failures = 0, why = '' WHERE why IN (?, ?)"
        tx.db.execute(healed, (HUNG, HUNG_BEFORE))
        for incident in open_incidents(tx.db):
            gone = incident.machine != "" and incident.machine not in self.config.machines
            gone = gone or (incident.kind == "channel" and incident.name not in names)
            changed = incident.kind == "channel" and not gone and not channel_trouble(tx.db, incident.name, tx.now)
            if gone or changed:
                tx.db.execute("UPDATE incident SET resolved = ? WHERE id = ?", (tx.now, incident.id))
        self.count_starts(tx)

    def follow_ini(self) -> None:
        """Machines and tokens that `pair` (or the owner) has written to receiver.ini count from now on; every other
        change, with the next start. An ini that cannot be used changes nothing, nor one that was another at the last
        look: an editor may be in the middle of writing it."""
        mark = mark_of(self.config.path)
        rests, self.ini_seen = mark == self.ini_seen, mark
        if mark == self.ini_read or not rests:
            return
        self.ini_read = mark
        try:
            machines = load_config(self.config.path).machines
        except ConfigError as error:
            log.warning("machines stay as they were: %s", error)
            return
        if machines != self.config.machines:
            self.config = replace(self.config, machines=machines)
            log.info("machines: %s", ", ".join(machines))

    def after_absence(self, db: sqlite3.Connection, now: float) -> float | None:
        """After its own outage (not running, or the database refused) the receiver accuses nobody of silence for one
        interval: they had no one to talk to. Not more often than every 10 minutes, or a receiver that keeps crashing
        would never accuse anyone. Renews the mark that it is alive. Returns since when it was away, if that is worth a
        word: as ever where its length is not known."""
        alive = float(get_meta(db, "last_alive") or 0.0)
        if 0 <= now - alive < ALIVE_EVERY:
            return None
        lived = seconds_since_mark(db, *self.boot())  # a clock that was set just now looks like an absence
        away = (now - alive if lived is None else lived) if alive else 0.0
        settled = float(get_meta(db, "settled_at") or 0.0)
        if away > ABSENT_AFTER:
            put_meta(db, "absent_at", now)
        if away > ABSENT_AFTER and not 0 <= now - settled < SETTLE_AGAIN:
            self.settling_until = now + self.patience()
            put_meta(db, "settled_at", now)
            log.info("was away for %s, settling for %.0f s", length(away), self.patience())
        if 0 <= away <= ABSENT_AFTER:
            lived_on = "UPDATE meta SET value = CAST(value AS REAL) + ? WHERE key = 'backup_waited'"
            db.execute(lived_on, (away,))
        self.mark_alive(db)
        return now - away if away > OUTAGE_TOLD or not self.outage_known and away > ABSENT_AFTER else None

    def mark_alive(self, db: sqlite3.Connection, ago: float = 0.0) -> None:
        """So many seconds ago we were alive: by the clock, and by this boot's own count."""
        (boot, up), alive = self.boot(), self.now() - ago
        put_meta(db, "last_alive", alive)
        put_meta(db, "alive_boot", dump_json([boot, up - ago, alive]))

    def patience(self) -> float:
        """Seconds that everyone has to be heard again after an outage of ours."""
        return max(self.config.silent["host"], SETTLE_LEAST)

    def count_starts(self, tx: Tx) -> None:
        """The third start within 10 minutes is told."""
        starts = [s for s in json.loads(get_meta(tx.db, "starts") or "[]") if 0 <= tx.now - s < 600] + [tx.now]
        put_meta(tx.db, "starts", dump_json(starts[-3:]))
        if len(starts) == 3:
            detail = f"{minute(tx.now, tx.now)} 接收端 10 分钟里第 3 次启动。"
            told = notice(
                "receiver.starts", "", tx.now, "接收端反复重启", detail, "在服务器上看日志：journalctl -u qmt-sentry"
            )
            open_incident(tx, "", told, tx.now)

    def check_once(self) -> None:
        """One round of the checker: judges every machine, closes, reminds, tidies up. Raises StoreRefused."""
        with self.transaction() as tx:
            clock_off, all_judged = None, True
            for name in self.config.machines:
                try:
                    with savepoint(tx.db, "machine"):
                        picture = judge(tx, name)
                        if clock_off is None and self.doubts_clock(picture):
                            clock_off = picture.machine.clock_off
                        ask_whether_closed(tx, name, picture)
                        send_ready_line(tx, name)
                        send_report(tx, name)
                except sqlite3.DatabaseError:
                    raise
                except Exception:
                    # A bug met with one machine's data must not blind the watch over the others; /healthz turns red.
                    log.exception("checker: %s", name)
                    all_judged = False
            for name, sender in self.senders.items():
                if not sender.healthy():
                    channel_hung(tx, name)
            judge_backup(tx)
            close_gone(tx)
            close_one_offs(tx)
            remind(tx)
            sum_up_flapping(tx)
            doubt(tx)
            if not 0 <= tx.now - self.purged_at < 600:
                more = purge(tx)
                self.purged_at = 0.0 if more else tx.now
        if clock_off is not None:
            self.follow_clock(clock_off)
        if all_judged:
            self.checked_at = time.monotonic()

    def doubts_clock(self, picture: Picture) -> bool:
        """PC and exchange have disagreed with our clock by the same amount in batches CLOCK_DOUBT apart: one batch that
        was held up on its way looks as if we were ahead."""
        name, off = picture.machine.name, clock_of_others(picture)
        said = picture.machine.clock_off
        if off is None and self.correction and said is not None and picture.heard_now():
            # Our own clock has been set right meanwhile (NTP, a restart): it agrees with the PC against the correction.
            off = said if abs(said + self.correction) <= CLOCK_AGREES else None
        first = self.clock_doubts.get(name)
        if off is None:
            self.clock_doubts.pop(name, None)
        elif first is None or abs(first[0] - off) > CLOCK_NOISE:
            self.clock_doubts[name] = (off, picture.now)
        else:
            return (picture.machine.heard or 0.0) >= first[1] + CLOCK_DOUBT
        return False

    def follow_clock(self, off: float) -> None:
        """Judges by the clock of PC and exchange from now on, and says so; when our own is right again, by that."""
        self.clock_doubts.clear()
        # One transaction: a kill between them would leave the stored times moved and us counting as before.
        with self.transaction(partial(self.shift, delta=off, moves=True)) as tx:
            wrong = abs(self.correction) >= CLOCK_WRONG
            put_meta(tx.db, "clock_correction", self.correction)
            tx.db.execute("UPDATE machine SET clock_off = NULL")
            tx.db.execute("UPDATE source SET clock_off = NULL")
            over = [i for i in open_incidents(tx.db, "") if i.kind == "clock"]
            if wrong and not over:
                open_incident(tx, "", accuse_clock(self.correction, tx.now), tx.now)
            elif not wrong and over:
                resolve(tx, over, "接收端的时钟又和小主机、交易所一致了。")

    def clock_jumped(self, delta: float) -> None:
        """This machine's clock was set, or the machine was suspended: the wall clock moved by `delta` seconds that no
        one lived through."""
        with self.store.write() as db:
            self.shift(db, delta)

    def shift(self, db: sqlite3.Connection, delta: float, moves: bool = False) -> None:
        """All that waits for an instant or measures silence moves along with the clock, by `delta` seconds. `moves`:
        the clock has not moved, it is we who will count otherwise from here on."""
        log.warning("clock jumped by %.0f s", delta)
        self.store.undo.append(partial(self.count_as_before, self.correction, self.settling_until))
        if moves:
            self.correction += delta
            if abs(self.correction) < CLOCK_NOISE:
                self.correction = 0.0
        for table, columns in (
            (
                "machine",
                "heard heard_since waiting_since drained paused_until stopped started fresh_until hold_until"
                " beat_at stop_at mode_at",
            ),
            ("orders", "placed"),
            ("source", "last_seen received up_since last_well hold_until logged_out_since"),
            ("incident", "seen remind_at last muted_until"),
            ("outbox", "due first_tried"),
            ("attempt", "at"),
            ("channel", "quiet_until failing_since"),
        ):
            changes = ", ".join(f"{column} = {column} + :delta" for column in columns.split())
            db.execute(f"UPDATE {table} SET {changes}", {"delta": delta})
        if abs(delta) >= CLOCK_WRONG:  # the ticks known so far cannot be compared with the new time
            db.execute("UPDATE source SET tick_fresh = NULL")
        self.mark_alive(db)
        # A post may have come between the jump and its notice: then it is counted from the new time already.
        self.settling_until = min(self.settling_until + delta, self.now() + self.patience())

    def count_as_before(self, correction: float, settling_until: float) -> None:
        """The clock was followed in a transaction that came to nothing."""
        self.correction, self.settling_until = correction, settling_until

    def run_checker(self) -> None:
        """The checker's thread: once a second, by the monotonic clock."""
        wall, mono = self.own_clock(), time.monotonic()
        gave_back = mono
        while not self.stop_event.wait(1.0):
            try:
                if mono - gave_back >= GIVE_BACK_EVERY:
                    give_back_memory()
                    gave_back = mono
                jump = (self.own_clock() - wall) - (time.monotonic() - mono)
                if abs(jump) > CLOCK_NOISE:
                    self.clock_jumped(jump)
                wall, mono = self.own_clock(), time.monotonic()
                self.check_once()
                self.follow_ini()  # last: nothing about the ini may keep the watch from its round
            except StoreRefused as error:
                log.error("checker: database refuses: %s", error)
            except Exception:
                # A bug in one round must not end the watch; /healthz turns red after 30 s without a completed round.
                log.exception("checker")

    def start(self) -> None:
        self.checker = threading.Thread(target=self.run_checker, name="checker", daemon=True)
        self.checker.start()
        for sender in self.senders.values():
            sender.start()
        if self.config.watchdog_url:
            threading.Thread(target=self.run_watchdog, name="watchdog", daemon=True).start()

    def run_watchdog(self) -> None:
        """Pings outward while all is well, so that somebody else notices when this server is gone. No ping, no word:
        what watches us complains when we fall silent."""
        while not self.stop_event.is_set():
            if self.health()[0]:
                self.watchdog_said = ping(self.config.watchdog_url)
                if self.watchdog_said:
                    log.warning("watchdog: %s", self.watchdog_said)
            self.stop_event.wait(WATCHDOG_EVERY)

    def stop(self) -> None:
        self.stop_event.set()
        for sender in self.senders.values():
            sender.wake.set()
        for thread in [self.checker, *self.senders.values()]:
            if thread is not None and thread.is_alive():
                thread.join(NETWORK_TIMEOUT + 2)
        self.store.close()

    def alerts(self, db: sqlite3.Connection, now: float) -> dict[str, Any]:
        """What the tray is told about our ability to tell. `why` also names a channel that is off while others work."""
        if not self.checker_lives():
            return {"ok": False, "why": "接收端不再检查，请重启它"}
        if not self.channels:
            return {"ok": False, "why": "接收端没有设告警通道"}
        troubles = {
            name: channel_trouble(db, name, now) or ("" if self.senders[name].healthy() else HUNG)
            for name in self.channels
        }
        bad = [f"告警通道 {name} 不能用：{why}" for name, why in troubles.items() if why]
        return {"ok": len(bad) < len(self.channels), "why": "；".join(bad)}

    def checker_lives(self) -> bool:
        lives = self.checker is None or self.checker.is_alive()
        return lives and time.monotonic() - self.checked_at <= CHECKER_DEAD

    def health(self) -> tuple[bool, dict[str, Any]]:
        """For /healthz: the checker and every sender are alive and the database takes writes."""
        checker = self.checker_lives()
        senders = {name: sender.healthy() for name, sender in self.senders.items()}
        try:
            disk = shutil.disk_usage(str(self.config.database.parent)).free >= DISK_LEAST
        except OSError:
            disk = False
        ok = checker and all(senders.values()) and not self.store.refusing and disk
        found = {"ok": ok, "checker": checker, "channels": senders, "database": not self.store.refusing, "disk": disk}
        return ok, found


class Sender(threading.Thread):
    """One channel's worker, so that a dead channel delays nobody else. `step` makes at most one attempt."""

    def __init__(self, receiver: Receiver, channel: Channel) -> None:
        super().__init__(name=f"channel-{channel.name}", daemon=True)
        self.receiver = receiver
        self.channel = channel
        self.wake = threading.Event()
        self.round_at = time.monotonic()
        self.unmarked: tuple[Claim, Result] | None = None  # an answer that the database has not taken yet

    def healthy(self) -> bool:
        return self.ident is None or (self.is_alive() and time.monotonic() - self.round_at <= WORKER_DEAD)

    def step(self) -> float:
        """Sends what is due. Returns seconds to wait. Raises StoreRefused: then the vendor's answer is kept and written
        down first of all next time, so that a full disk does not send a message twice."""
        if self.unmarked is None:
            with self.receiver.store.write() as db:
                now = self.receiver.now()
                found = claim(Tx(db, now, self.receiver.config, load_calendar(db, self.receiver.config)), self.channel)
            if isinstance(found, float):
                return found
            try:
                result = self.channel.send(found.message)
            except Exception as error:
                # A bug while sending one message must neither lose it nor silence the channel for good.
                log.exception("channel %s", self.channel.name)
                result = Later(None, f"接收端内部错误（{type(error).__name__}）")
            log.info("channel %s, message %s: %s", self.channel.name, found.message.id, result)
            self.unmarked = (found, result)
        with self.receiver.transaction() as tx:
            note_result(tx, self.channel, *self.unmarked)
        self.unmarked = None
        return 0.0

    def run(self) -> None:
        while not self.receiver.stop_event.is_set():
            self.wake.clear()
            try:
                wait = self.step()
            except StoreRefused as error:
                log.error("channel %s: database refuses: %s", self.channel.name, error)
                wait = 1.0
            except Exception:
                # A bug while sending one message must not silence the channel for good.
                log.exception("channel %s", self.channel.name)
                wait = 5.0
            self.round_at = time.monotonic()
            self.wake.wait(min(wait, 1.0))


########################################################################################################################
# Pages ################################################################################################################
########################################################################################################################

# Each page is a pair (PAGES, at the end of this part): one function gathers its data as plain values, which also go out
# as JSON; one makes HTML of them and knows nothing else. `status_data` is what the first page and /api/v1/status show.
# Every value that came from a machine goes through `esc` (or is a number that we formatted).

SHOWN_ROWS = 30
SHOWN_INCIDENTS = 20
SHOWN_ACCOUNTS = 6
SHOWN_MESSAGES = 12
SHOWN_BODY = 400  # characters of a message's text
STALE_DATA = 180.0  # older account data are marked in a session
SHAPES = {UP: "ok", LATE: "late", DOWN: "down", PAUSED: "pause", OFF: "off", UNKNOWN: "unknown", NEW: "new"}
MESSAGE_STATES = {
    "waiting": "等待发送",
    "sending": "正在发送",
    "sent": "对方已收下",
    "delivered": "已送达",
    "accepted": "未确认",
    "failed": "失败",
    "withdrawn": "已撤回",
}


def esc(value: Any) -> str:
    """Text for HTML. Whatever a machine sent: half a surrogate pair would break the page's encoding."""
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"), quote=True)


def ago(seconds: float | None) -> str:
    if seconds is None:
        return "从未"
    if seconds < 5:
        return "刚刚"
    if seconds < 60:
        return f"{int(seconds)} 秒前"
    if seconds < 3600:
        return f"{int(seconds // 60)} 分钟前"
    if seconds < 2 * DAY:
        return f"{int(seconds // 3600)} 小时前"
    return f"{int(seconds // DAY)} 天前"


def lamp(kind: str, title: str, state: str, detail: str, todo: str = "", word: str = "") -> dict[str, str]:
    word = word or STATUS_WORDS[state]
    return {"kind": kind, "title": title, "state": state, "word": word, "detail": detail, "todo": todo}


def status_data(receiver: Receiver, db: sqlite3.Connection, now: float) -> dict[str, Any]:
    """What the page shows, as plain values."""
    days = load_calendar(db, receiver.config)
    incidents = open_incidents(db)
    channels = [channel_data(receiver, db, name, now) for name in receiver.channels]
    pictures = [
        Picture(load_machine(db, name), load_sources(db, name), receiver.config.silent, days, now)
        for name in receiver.config.machines
    ]
    machines = [machine_data(db, picture) for picture in pictures]
    for machine in machines:
        machine["lamps"] = [{**one, "todo": lamp_todo(one, machine["name"], incidents)} for one in machine["lamps"]]
    lamps = [one for machine in machines for one in machine["lamps"]]
    alert_lamp = alerts_lamp(receiver.alerts(db, now), channels)
    return {
        "now": now,
        "time": clock(now, now),
        "day": day_data(days, now),
        "overall": overall([*lamps, alert_lamp], incidents, days, now),
        "machines": machines,
        "alerts": alert_lamp,
        "watch": watch_data(receiver),
        "correction": receiver.correction,
        "channels": channels,
        "incidents": [incident_data(incident, now) for incident in incidents],
        "messages": messages_data(db, now, {name for name, one in receiver.channels.items() if one.confirms}),
        "waiting": waiting_count(db, receiver.channels),
    }


LAMP_TODOS = {
    "host": HOST_TODO,
    "qmt.process": QMT_TODO,
    "qmt.heartbeat": SCRIPT_TODO,
    "old.qmt": OLD_TODO,
    "old.server": OLD_TODO,
    "trading": "在 QMT 的“模型交易”里重新运行 etf_grid。",
}


def lamp_todo(one: dict[str, str], machine: str, incidents: Sequence[Incident]) -> str:
    """What to do about a lamp that is not well: its incident says it, where there is one."""
    if one["todo"] or one["state"] not in (DOWN, LATE):
        return one["todo"]
    for incident in incidents:
        if (incident.machine, incident.kind) == (machine, one["kind"]) and incident.name == one.get("name", ""):
            return f"见上面的 #{incident.id}。"
    return LAMP_TODOS.get(one["kind"], "") if one["state"] == DOWN else "再等一会儿；超过时限会告警。"


def alerts_lamp(alerts: dict[str, Any], channels: Sequence[dict[str, Any]]) -> dict[str, str]:
    todo = "改好 receiver.ini 里的设置，在“消息”页点“发送测试告警”再试。"
    if not alerts["ok"]:
        return lamp("alerts", "告警通道", DOWN, alerts["why"], todo, "不能用")
    if alerts["why"]:
        return lamp("alerts", "告警通道", LATE, alerts["why"], todo, "部分能用")
    retrying = [channel["label"] for channel in channels if channel["state"] == LATE]
    if retrying:
        return lamp("alerts", "告警通道", LATE, "、".join(retrying) + " 送不出去，正在重试", "", "正在重试")
    return lamp("alerts", "告警通道", UP, f"{len(channels)} 个通道，随时可以发")


def day_data(days: Calendar, now: float) -> dict[str, Any]:
    moment = shanghai(now)
    following = days.next_session(now)
    if days.in_session(now):
        word = "交易时段"
    elif days.begun(now) and days.sessions_left(now):
        word = "午间休市"
    elif days.trades_on(now):
        word = "已收盘" if days.begun(now) else "未开盘"
    else:
        word = "休市日"
    next_text = "" if following is None or days.in_session(now) else shanghai(following).strftime("%m-%d %H:%M")
    return {
        "date": f"{moment:%m-%d} 周{'一二三四五六日'[moment.weekday()]}",
        "trading": days.trades_on(now),
        "in_session": days.in_session(now),
        "word": word,
        "next_session": next_text,
        "covered_until": days.covered_until.isoformat(),
        "warning": days.coverage_warning(now),
    }


def overall(
    lamps: Sequence[dict[str, str]], incidents: Sequence[Incident], days: Calendar, now: float
) -> dict[str, str]:
    """The one line at the top."""
    # What happened once and is known asks for nothing more.
    grave = [i for i in incidents if i.priority > LOW and not (i.one_off and i.acknowledged is not None)]
    states = {one["state"] for one in lamps}
    if grave or DOWN in states:
        count = max(len(grave), 1)
        what = (
            max(grave, key=lambda incident: (incident.priority, not incident.one_off)).what  # what lasts comes first
            if grave
            else next(one["title"] for one in lamps if one["state"] == DOWN) + "中断"
        )
        more = f"，还有 {count - 1} 件" if count > 1 else ""
        return {"state": DOWN, "word": "要处理", "text": words(what) + more}
    if PAUSED in states:
        return {"state": PAUSED, "word": "已暂停", "text": "暂停期间不告警，数据照常记录"}
    waited_for = [one for one in lamps if one["state"] in (LATE, UNKNOWN)]
    if waited_for:
        text = "；".join(f"{one['title']}{one['word']}" for one in waited_for[:3])
        return {"state": LATE, "word": "留意", "text": text}
    if all(one["state"] == NEW for one in lamps if one["kind"] != "alerts"):
        return {"state": NEW, "word": "等待小主机", "text": "还没有收到小主机的消息，在小主机上打开 QMT 哨兵"}
    if not days.in_session(now):
        return {"state": OFF, "word": "休市", "text": "现在不盯盘，没有要处理的事"}
    unheard = [one["title"] for one in lamps if one["state"] == NEW and one["kind"] != "alerts"]
    if unheard:
        return {"state": NEW, "word": "等待消息", "text": "、".join(unheard[:3]) + "还没有消息"}
    awaited = [one["title"] for one in lamps if one["word"] == AWAITED]
    if awaited:
        return {"state": NEW, "word": AWAITED, "text": "、".join(awaited[:3]) + "还没有启动，迟了会告警"}
    names = {"host": "小主机", "qmt.process": "QMT", "qmt.heartbeat": "策略", "old.qmt": "脚本", "old.server": "脚本"}
    heard = dict.fromkeys(names[one["kind"]] for one in lamps if one["kind"] in names)
    return {"state": UP, "word": "一切正常", "text": "、".join(heard) + "都有消息"}


def machine_data(db: sqlite3.Connection, picture: Picture) -> dict[str, Any]:
    machine, now = picture.machine, picture.now
    lamps = [host_lamp(picture)] if machine.heard is not None or not picture.sources else []
    if machine.heard is not None and picture.qmt is None:
        lamps.append(lamp("qmt.process", "QMT 进程", NEW, "还没有收到它的状态"))
    for source in picture.sources:
        one = qmt_lamp(source, picture) if source.kind == "qmt.process" else script_lamp(source, picture)
        lamps.append({**one, "name": source.name})
    lamps += trading_lamp(picture)
    data_at = last_account_post(picture.sources)
    day = day_of(now)
    found, names = orders_of(db, machine.name, day), names_of(db, machine.name)
    return {
        "name": machine.name,
        "lamps": lamps,
        "data_at": data_at,
        "data_age": None if data_at is None else now - data_at,
        "data_time": clock(data_at, now),
        "accounts": rows_of(db, machine.name, "accounts")[:SHOWN_ROWS],
        "positions": rows_of(db, machine.name, "positions"),
        "orders": [row for row in rows_of(db, machine.name, "orders") if same_day(row, day)],
        "deals": deals_of(db, machine.name, day),
        "strategy_orders": [order_data(order, names, now) for order in found],
        "trading": {
            "mode": machine.mode if known_today(machine, now) else "",
            "why": machine.mode_why if known_today(machine, now) else "",
            "stop": machine.stop is not None if machine.stop_at is not None else None,
            "stop_since": clock(machine.stop, now) if machine.stop is not None else "",
        },
    }


def last_account_post(sources: Sequence[Source]) -> float | None:
    """When a script that posts the account has last spoken."""
    spoken = [s.last_seen for s in sources if s.kind in ("qmt.heartbeat", "old.qmt") and s.last_seen is not None]
    return max(spoken, default=None)


def trading_lamp(picture: Picture) -> list[dict[str, str]]:
    """Whether the strategy may trade, as far as it has said so today."""
    machine, now = picture.machine, picture.now
    if machine.stop is not None:
        detail = f"{minute(machine.stop, now)} 起已停止下单，不下新单"
        return [lamp("trading", "下单", LATE, detail, "要恢复，右键点哨兵图标，选“恢复下单”。", "已停止")]
    if not known_today(machine, now):
        return []
    if machine.mode == "observe":
        state = LATE if only_observes(machine) and picture.calendar.in_session(now) else OFF
        return [lamp("trading", "下单", state, machine.mode_why, "", "只观察")]
    said = f"策略 {clock(machine.mode_at, now)} 说可以下单"
    if grid_missing(picture):
        return [lamp("trading", "下单", DOWN, said + "，之后没有消息", "", "没有运行")]
    qmt = picture.qmt_status(picture.qmt) if picture.qmt is not None else UP
    if qmt in (DOWN, UNKNOWN, OFF):  # what it said holds while QMT runs
        return [lamp("trading", "下单", OFF if qmt == OFF else UNKNOWN, said)]
    return [lamp("trading", "下单", UP, said, "", "实盘")]


def names_of(db: sqlite3.Connection, machine: str) -> dict[str, str]:
    """Six digits of a code -> the fund's name, as the account's own rows have it."""
    found = {}
    for table_name in ("orders", "positions"):
        for row in rows_of(db, machine, table_name):
            found[words(str(row.get("代码") or ""), 12)[:6]] = words(row.get("名称"), 20)
    return found


def order_data(order: Order, names: dict[str, str], now: float) -> dict[str, Any]:
    values = {key: number(order.data.get(key)) for key in ORDER_NUMBERS}
    return {
        "flag": order.flag,
        "code": order.fund,
        "name": words(order.data.get("name"), 20) or names.get(order.fund[:6], ""),
        "side": order.side,
        **values,
        "filled": order.filled,
        "state": order.state,
        "word": order.word,
        "reason": words(order.data.get("reason"), 200),
        "placed": clock(order.placed, now),
        "time": clock(order.at, now),
        "earlier": "" if order.day == day_of(now) else f"{order.day[4:6]}-{order.day[6:8]}",
    }


def same_day(row: dict[str, Any], day: str) -> bool:
    """Rows without a date are shown too; those of another day (the last post of yesterday) are not today's."""
    given = words(str(row.get("日期") or ""), 10).replace("-", "")
    return given in ("", day)


def host_lamp(picture: Picture) -> dict[str, str]:
    machine, now, state = picture.machine, picture.now, picture.host
    if machine.heard is None:
        return lamp("host", "哨兵", NEW, "还没有收到它的消息")
    parts = [f"{ago(now - machine.heard)}有消息"]
    if state in (DOWN, LATE):
        parts = [f"{minute(machine.heard, now)} 起没有消息，已 {length(now - machine.heard)}"]
    elif machine.heard_since is not None:
        parts.append(f"{minute(machine.heard_since, now)} 起没有断过")
    if machine.stopped is not None:
        parts = [f"{clock(machine.stopped, now)} 退出（{STOP_REASONS.get(machine.stop_reason, '原因不明')}）"]
    for key, text in (("cpu", "CPU {:.0f}%"), ("memory", "内存 {:.0f}%")):
        value = number(machine.beat.get(key))
        if value is not None:
            parts.append(text.format(value))
    free = number(machine.beat.get("disk_free"))
    if free is not None:
        parts.append(f"磁盘余 {free / 1e9:.0f} GB")
    dead = [words(name, 40) for name, _, _ in dead_workers(machine)]
    if dead and state == UP:
        state = LATE
        parts.append(f"{'、'.join(dead)} 停了")
    state, todo = lamp_findings(machine, state, parts, of_qmt=False)
    if picture.paused:
        parts.append(f"到 {clock(machine.paused_until, now)}")
    if machine.waiting:
        parts.append(f"还有 {machine.waiting} 条在路上")
    return lamp("host", "哨兵", state, " · ".join(parts), todo)


def lamp_findings(machine: Machine, state: str, parts: list[str], of_qmt: bool) -> tuple[str, str]:
    """(the lamp's state, what to do) with what the tray found; the names are added to `parts`."""
    found = [one for one in findings_of(machine) if one["code"].startswith("qmt-") == of_qmt]
    if state != UP or not found:
        return state, ""
    parts += [FINDINGS.get(one["code"], OTHER_FINDING).what for one in found]
    return LATE, words(found[0].get("todo"), 200)


def qmt_lamp(source: Source, picture: Picture) -> dict[str, str]:
    now, state = picture.now, picture.qmt_status(source)
    name = words(source.data.get("name"), 40)
    if state == UNKNOWN:
        detail = f"哨兵没有消息，最后知道：{PROCESS_WORDS[source.state]}（{clock(source.received, now)}）"
    elif source.state in PROCESS_WELL:
        detail = f"{minute(source.state_since, now)} 起在运行" + (f" · {name}" if name else "")
    else:
        detail = f"{minute(source.state_since, now)} 起{PROCESS_WORDS[source.state]}"
        detail += f" · 最后正常 {clock(source.last_well, now)}" if source.last_well is not None else ""
    awaited = state == OFF and picture.calendar.in_tell(now) and picture.calendar.sessions_left(now)
    parts = [detail]
    state, todo = lamp_findings(picture.machine, state, parts, of_qmt=True)
    word = AWAITED if awaited else "要看一下" if todo else ""
    return lamp("qmt.process", "QMT 进程", state, " · ".join(parts), todo, word)


PROCESS_WORDS = {
    "running": "在运行",
    "restarted": "在运行",
    "missing": "不在运行",
    "hung": "没有响应",
    "elsewhere": "不在运行（别处有同名程序）",
}


def script_lamp(source: Source, picture: Picture) -> dict[str, str]:
    now, state = picture.now, picture.status_of(source)
    parts = [f"{ago(None if source.last_seen is None else now - source.last_seen)}有心跳"]
    if state in (DOWN, LATE) and source.last_seen is not None:
        parts = [f"{minute(source.last_seen, now)} 起没有心跳，已 {length(now - source.last_seen)}"]
    tick = tick_of(source.data)
    if tick is not None:
        code = words(source.data.get("tick_code"), 12)
        parts.append(f"行情 {clock(tick, now)}" + (f"（{code}）" if code else ""))
    if source.data.get("logged_in") is False:
        parts.append("账号未登录")
        state = LATE if state == UP else state
    return lamp(source.kind, script_name(source), state, " · ".join(parts))


def channel_data(receiver: Receiver, db: sqlite3.Connection, name: str, now: float) -> dict[str, Any]:
    row, why = channel_row(db, name), channel_trouble(db, name, now)
    last_ok = row["last_ok"] if row is not None else None
    state, word = (NEW, "还没发过") if last_ok is None else (UP, "正常")
    if row is not None and row["failures"]:
        state, word = LATE, "正在重试"
    if why:
        state, word = DOWN, "不能用"
    return {
        "name": name,
        "label": receiver.channels[name].label,
        "state": state,
        "word": word,
        "why": why or (row["why"] if row is not None else ""),
        "last_ok": clock(last_ok, now) if last_ok is not None else "",
    }


def incident_data(incident: Incident, now: float) -> dict[str, Any]:
    start = incident.since if incident.since is not None else incident.opened
    muted = incident.muted_until
    return {
        "id": incident.id,
        "machine": incident.machine,
        "kind": incident.kind,
        "what": incident.what,
        "detail": incident.detail,
        "todo": incident.todo,
        "since": clock(start, now),
        "lasts": length((incident.resolved or now) - start),
        "one_off": bool(incident.one_off),
        "count": incident.count,
        "priority": incident.priority,
        "acknowledged": incident.acknowledged is not None,
        "muted_until": clock(muted, now) if muted is not None and now < muted else "",
    }


def messages_data(
    db: sqlite3.Connection, now: float, confirming: set[str], before: int = 2**62, most: int = SHOWN_MESSAGES
) -> list[dict[str, Any]]:
    """The newest before a number. `confirming`: channels whose vendor tells of the delivery itself; another's yes only
    means that it took it."""
    found = []
    newest = "SELECT * FROM message WHERE id < ? ORDER BY id DESC LIMIT ?"
    for row in db.execute(newest, (before, most)).fetchall():
        answers = [
            {
                "channel": answer["channel"],
                "state": answer["state"],
                "word": MESSAGE_STATES["delivered"]
                if answer["state"] == "sent" and answer["channel"] in confirming
                else MESSAGE_STATES[answer["state"]],
                "error": answer["error"] or "",
                "tries": answer["tries"],
                "provider_id": words(answer["provider_id"], 60),
                "time": clock(answer["sent"], now) if answer["sent"] is not None else "",
            }
            for answer in db.execute("SELECT * FROM outbox WHERE message = ? ORDER BY id", (row["id"],)).fetchall()
        ]
        texts = {key: row[key] for key in ("id", "machine", "title", "body")}
        found.append({**texts, "time": clock(row["created"], now), "answers": answers})
    return found


# Trade, charts, day, messages, host, machines: their data -------------------------------------------------------------

# Each page has one function that gathers its data as plain values (the same go out as JSON) and one that makes HTML of
# them. Every question to the database runs along an index and is bounded (tests/receiver/test_pages_speed.py).

CHART_POINTS = 160  # per line: more does not fit on a phone
HOST_POINTS = 96
TIMELINE_ROWS = 120
SHARES_SHOWN = 10  # of an allocation; the others are one bar
LISTED_MESSAGES = 20
LISTED_INCIDENTS = 12
CSV_ROWS = 10_000
RANGES = {"d": "一天", "m": "一个月", "y": "一年", "a": "全部"}
RANGE_STEPS = {"d": (60, 8), "m": (3600, 31), "y": (DAY, 366), "a": (DAY, 3660)}  # seconds of a bucket, days back
HOST_RANGES = {"d": "一天", "m": "一个月"}
HOST_SERIES = {
    "host.cpu": ("CPU", "%", 1.0),
    "host.memory": ("内存", "%", 1.0),
    "host.disk": ("磁盘余量", " GB", 1e-9),
    "host.outbox": ("待发条数", " 条", 1.0),
    "host.offset": ("时钟差", " 秒", 1.0),
    "qmt.rss": ("QMT 内存", " MB", 1e-6),
    "qmt.cpu": ("QMT CPU", "%", 1.0),
}
QUERY_WORDS = {"m": r"[\w.\-]{1,40}", "d": r"\d{8}", "r": r"[dmya]", "f": r"\w{1,12}", "before": r"\d{1,15}"}
DAY_EVENTS = ("host.started", "host.stopping", "host.resumed", "host.paused")
MINUTES_KEPT, RECORDS_KEPT = SAMPLE_STEPS[60], SAMPLE_STEPS[3600]  # days


class Ask(NamedTuple):
    """What a page was asked for, and what it may look into."""

    receiver: Receiver
    db: sqlite3.Connection
    now: float
    query: dict[str, str]  # the words of QUERY_WORDS that were given, each in its form

    @property
    def machine(self) -> str:
        names = self.receiver.config.machines
        wanted = self.query.get("m", "")
        return wanted if wanted in names else next(iter(names))

    @property
    def calendar(self) -> Calendar:
        return load_calendar(self.db, self.receiver.config)


def clean_query(given: dict[str, str]) -> dict[str, str]:
    """The words that we know, in the form that we know; anything else counts as not given."""
    query = {key: given.get(key, "") for key in QUERY_WORDS}
    query["d"] = query["d"].replace("-", "")  # a browser's date field
    query = {key: text for key, text in query.items() if re.fullmatch(QUERY_WORDS[key], text)}
    if midnight_of(query.get("d", "")) is None:
        query.pop("d", None)
    return query


def midnight_of(day: str) -> float | None:
    """Epoch seconds of a day's beginning in Shanghai; None if there is no such day (YYYYMMDD)."""
    try:
        return datetime.strptime(day, "%Y%m%d").replace(tzinfo=SHANGHAI).timestamp()
    except ValueError:
        return None


def sound(value: Any) -> float | None:
    """A number that can be meant: no text, no infinity, none of QMT's "no value" marks (1.797e308, 2147483647)."""
    found = number(value)
    return None if found is None or abs(found) >= 1e13 or found == 2147483647 else found


# What `sound` says, for thousands of rows at once.
SOUND_SAMPLES = (
    "machine = ? AND series = ? AND step = ? AND at >= ? AND at < ?"
    " AND abs(low) < 1e13 AND abs(high) < 1e13 AND 2147483647 NOT IN (low, high, last)"
)


def frame_data(ask: Ask, days: Calendar) -> dict[str, Any]:
    """What every page says at its top."""
    return {
        "now": ask.now,
        "time": clock(ask.now, ask.now),
        "day": day_data(days, ask.now),
        "machine": ask.machine,
        "machines": list(ask.receiver.config.machines),
    }


def picture_for(ask: Ask, name: str, days: Calendar) -> Picture:
    return Picture(load_machine(ask.db, name), load_sources(ask.db, name), ask.receiver.config.silent, days, ask.now)


def samples(
    db: sqlite3.Connection, machine: str, series: str, step: int, start: float, end: float
) -> list[list[float]]:
    """[at, low, high, last] of each bucket from `start` to `end` that holds sound numbers."""
    query = f"SELECT at, low, high, last FROM sample WHERE {SOUND_SAMPLES} ORDER BY at"
    return [list(row) for row in db.execute(query, (machine, series, step, start, end)).fetchall()]


def bundles(
    db: sqlite3.Connection, machine: str, series: str, step: int, start: float, end: float
) -> list[list[float]]:
    """[at, lowest, highest, mean] of at most HOST_POINTS stretches of equal length; those without data are left out."""
    query = (
        f"SELECT min(at), min(low), max(high), avg(last) FROM sample WHERE {SOUND_SAMPLES}"
        " GROUP BY CAST((at - ?) / ? AS INTEGER) ORDER BY 1"
    )
    width = max(1.0, (end - start) / HOST_POINTS)
    return [list(row) for row in db.execute(query, (machine, series, step, start, end, start, width)).fetchall()]


def newest_sample(db: sqlite3.Connection, machine: str, series: str, step: int, before: float) -> float | None:
    """When the newest bucket before an instant begins."""
    found = db.execute(
        "SELECT max(at) FROM sample WHERE machine = ? AND series = ? AND step = ? AND at < ?",
        (machine, series, step, before),
    ).fetchone()[0]
    return None if found is None else float(found)


def asset_change(db: sqlite3.Connection, machine: str, at: float) -> dict[str, Any] | None:
    """What the assets of the day of `at` are more than those of the day with data before. None: nothing to compare."""
    rows = db.execute(
        "SELECT at, last FROM sample WHERE machine = ? AND series = 'account.asset' AND step = ? AND at <= ?"
        " ORDER BY at DESC LIMIT 2",
        (machine, DAY, at),
    ).fetchall()
    if len(rows) < 2 or rows[0]["at"] <= at - DAY:
        return None
    today, before = sound(rows[0]["last"]), sound(rows[1]["last"])
    if today is None or before is None or before <= 0:
        return None
    return {"day": day_of(rows[1]["at"]), "yuan": today - before, "share": (today - before) / before}


TABLE_WORDS = {"accounts": "账户", "positions": "持仓", "orders": "委托", "deals": "成交"}


def gaps_of(sources: Sequence[Source]) -> list[str]:
    """What the newest heartbeats say about their own tables: not given by QMT, or not complete."""
    found = []
    for source in sources:
        failed, left_out = source.data.get("failed"), source.data.get("left_out")
        for key, word in TABLE_WORDS.items():
            if isinstance(failed, list) and key in failed:
                found.append(f"QMT 没有给{word}，下面可能是以前的")
            more = sound(left_out.get(key)) if isinstance(left_out, dict) else None
            if more:
                found.append(f"{word}太多，少列了 {more:,.0f} 条")
    return list(dict.fromkeys(found))


def trade_data(ask: Ask) -> dict[str, Any]:
    days = ask.calendar
    picture = picture_for(ask, ask.machine, days)
    found = machine_data(ask.db, picture)
    values = [sound(row.get("市值")) for row in found["positions"]]
    profits = [sound(row.get("盈亏")) for row in found["positions"]]
    return {
        **frame_data(ask, days),
        **{key: value for key, value in found.items() if key != "name"},
        "gaps": gaps_of(picture.sources),
        "change": None if found["data_at"] is None else asset_change(ask.db, ask.machine, found["data_at"]),
        "positions_value": sum(value for value in values if value is not None),
        "positions_profit": sum(value for value in profits if value is not None),
    }


def short_code(code: Any) -> str:
    """510300 of 510300.SH: scripts give both."""
    return words(str(code or ""), 20).partition(".")[0][:12]


def charts_data(ask: Ask) -> dict[str, Any]:
    days, span = ask.calendar, ask.query.get("r", "m")
    funds = funds_of(ask.db, ask.machine)
    fund = ask.query.get("f", "")
    fund = fund if fund in funds else next(iter(funds), "")
    data_at = last_account_post(load_sources(ask.db, ask.machine))
    return {
        **frame_data(ask, days),
        "data_time": clock(data_at, ask.now),
        "data_age": None if data_at is None else ask.now - data_at,
        "range": span,
        "equity": equity_data(ask, span),
        "allocation": allocation_data(ask.db, ask.machine),
        "funds": [{"code": code, "name": name} for code, name in funds.items()],
        "fund": fund,
        "price": price_data(ask, span, fund) if fund else None,
    }


def range_of(ask: Ask, span: str, series: str) -> tuple[int, float, float]:
    """(step, start, end) of a range. A day is the last one with data, up to where minutes are kept."""
    step, back = RANGE_STEPS[span]
    end = midnight_after(ask.now)
    if span != "d":
        return step, end - back * DAY, end
    newest = newest_sample(ask.db, ask.machine, series, 60, end)
    start = midnight_after(ask.now if newest is None else newest) - DAY
    return step, start, start + DAY


def equity_data(ask: Ask, span: str) -> dict[str, Any]:
    """{series: [[at, last], ...]} of assets, market value and cash."""
    step, start, end = range_of(ask, span, "account.asset")
    found: dict[str, Any] = {}
    for name in ("asset", "market", "cash"):
        rows = samples(ask.db, ask.machine, "account." + name, step, start, end)
        found[name] = [[row[0], row[3]] for row in rows]
    return found


def allocation_data(db: sqlite3.Connection, machine: str) -> list[dict[str, Any]]:
    """What the money is in: each position with a value, the largest first, and the cash."""
    held = [
        (sound(row.get("市值")) or 0.0, short_code(row.get("代码")), words(row.get("名称"), 20))
        for row in rows_of(db, machine, "positions")
    ]
    held = sorted((one for one in held if one[0] > 0), reverse=True)
    rest = sum(value for value, _, _ in held[SHARES_SHOWN:])
    cash = sum(sound(row.get("可用金额")) or 0.0 for row in rows_of(db, machine, "accounts"))
    parts = held[:SHARES_SHOWN] + [(rest, "", "其他"), (cash, "", "可用现金")]
    total = sum(value for value, _, _ in parts)
    return [
        {"code": code, "name": name, "value": value, "share": value / total} for value, code, name in parts if value > 0
    ]


def funds_of(db: sqlite3.Connection, machine: str) -> dict[str, str]:
    """Code -> name of every fund that can be drawn: those with a posted chart, and those held."""
    held = {short_code(row.get("代码")): words(row.get("名称"), 20) for row in rows_of(db, machine, "positions")}
    names = names_of(db, machine)
    charted = [
        short_code(row["name"][len("chart-") :])
        for row in db.execute(
            "SELECT name FROM file WHERE machine = ? AND name >= 'chart-' AND name < 'chart.' ORDER BY name LIMIT 100",
            (machine,),
        ).fetchall()
    ]
    codes = dict.fromkeys([*charted, *held])
    return {code: held.get(code) or names.get(code[:6], "") for code in codes if re.fullmatch(r"\w{1,12}", code)}


class ChartRow(NamedTuple):
    """A day of a fund's chart: prices in yuan of the file's last day; None where there is none."""

    day: str
    close: float | None
    average: float | None = None
    lower: float | None = None
    upper: float | None = None


CHART_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", re.ASCII)
CHART_LINES = {"d": 5, "m": 32, "y": 262, "a": 2500}  # of a posted chart that a range needs at most


def parse_chart(text: str, most: int = 2500) -> list[ChartRow]:
    """The last lines of date,close,average,lower,upper as docs/protocol.md section 7 has it; others are left out."""
    rows = []
    for line in text.splitlines()[-most:]:
        day, *prices = line.strip().split(",")
        day = day.replace("-", "")
        if len(prices) == 4 and CHART_DAY.fullmatch(day):
            rows.append(ChartRow(day, *map(price_of, prices)))
    return rows


def price_of(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 < found < 1e9 else None


def price_data(ask: Ask, span: str, code: str) -> dict[str, Any]:
    """The fund's closes with average and bands (the strategy's own, as it posted them; else what the account's rows
    said), its deals in that time, and for one day the minutes."""
    row = ask.db.execute(
        "SELECT content, received FROM file WHERE machine = ? AND name >= ? AND name < ?"
        " ORDER BY received DESC LIMIT 1",
        (ask.machine, f"chart-{code}.", f"chart-{code}/"),
    ).fetchone()
    series = price_series(ask.db, ask.machine, code)
    step, start, end = range_of(ask, span, series)
    rows = parse_chart(row["content"].decode("utf-8", "replace"), CHART_LINES[span]) if row is not None else []
    newest = rows[-1].day if rows else ""
    first = max(start, (midnight_of(newest) or 0.0) + DAY)
    rows = [one for one in rows if span == "d" or one.day >= day_of(start)]
    rows += [ChartRow(day_of(at), last) for at, _, _, last in samples(ask.db, ask.machine, series, DAY, first, end)]
    minutes = samples(ask.db, ask.machine, series, 60, start, end) if span == "d" else []
    last = next((one for one in reversed(rows) if one.average is not None), None)
    since = day_of(start) if span == "d" else rows[0].day if rows else day_of(start)
    return {
        "code": code,
        "posted": clock(row["received"], ask.now) if row is not None else "",
        "rows": [list(one) for one in (rows[-5:] if span == "d" else thin(rows, CHART_POINTS))],
        "minutes": [[at, close] for at, _, _, close in minutes],
        "last": list(last) if last is not None else None,
        "deals": deals_between(ask.db, ask.machine, code, since, day_of(end - 1)),
    }


def price_series(db: sqlite3.Connection, machine: str, code: str) -> str:
    """Series are named after 代码 as it was posted, with or without its market."""
    for row in rows_of(db, machine, "positions"):
        if short_code(row.get("代码")) == code:
            return "price/" + words(str(row.get("代码")), 20)
    return "price/" + code


def thin(rows: Sequence[ChartRow], most: int) -> list[ChartRow]:
    """At most about `most` rows that keep every peak and trough of the close: of each bundle its two extremes."""
    size = -(-2 * len(rows) // most)
    if size <= 2:
        return list(rows)
    kept = []
    for first in range(0, len(rows), size):
        bundle = [row for row in rows[first : first + size] if row.close is not None]
        ends = (
            {min(bundle, key=lambda row: row.close or 0.0), max(bundle, key=lambda row: row.close or 0.0)}
            if bundle
            else ()
        )
        kept += sorted(ends, key=lambda row: row.day)
    return kept + ([rows[-1]] if not kept or kept[-1] != rows[-1] else [])


def deals_between(db: sqlite3.Connection, machine: str, code: str, first: str, last: str) -> list[dict[str, Any]]:
    """A fund's deals, the newest first. LIKE picks them before they are parsed; it also finds others, so look twice."""
    rows = db.execute(
        "SELECT day, data FROM deal WHERE machine = ? AND day >= ? AND day <= ? AND data LIKE ?"
        " ORDER BY day DESC LIMIT 500",
        (machine, first, last, f'%"{code}%'),
    ).fetchall()
    found = [(row["day"], json.loads(row["data"])) for row in rows]
    return [
        {"day": day, **{key: deal.get(key) for key in ("名称", "买卖", "成交均价", "成交量", "成交额", "时间")}}
        for day, deal in found
        if short_code(deal.get("代码")) == code
    ]


def day_page_data(ask: Ask) -> dict[str, Any]:
    """Everything that is kept of one day of one machine."""
    days, db, name = ask.calendar, ask.db, ask.machine
    day = ask.query.get("d") or newest_day(ask)
    start = midnight_of(day) or 0.0
    end = start + DAY
    kept = archived(db, name, day)
    incidents = incidents_of(db, name, start, end)
    deals, orders = deals_of(db, name, day), [o for o in orders_of(db, name, day) if o.day == day]
    entries = timeline(ask, incidents, orders, deals, start, end)
    step = 60 if start >= midnight_after(ask.now) - MINUTES_KEPT * DAY else 3600
    rows = samples(db, name, "account.asset", step, start, end)
    recorded = bool(kept["at"] or rows or entries) and start >= midnight_after(ask.now) - RECORDS_KEPT * DAY
    share = uptime(incidents, days, start, min(end, ask.now)) if recorded else None
    return {
        **frame_data(ask, days),
        "shown": day,
        "today": day == day_of(ask.now),
        "trading": days.is_trading_day(shanghai(start).date()),
        "previous": neighbour(db, name, day, "max", "<"),
        "next": neighbour(db, name, day, "min", ">"),
        **kept,
        "archived_at": clock(kept["at"], ask.now) if kept["at"] else "",
        "equity": [[at, last] for at, _, _, last in rows],
        "change": asset_change(db, name, end - 1),
        "uptime": share,
        "deals": deals,
        "strategy_orders": [order_data(order, names_of(db, name), ask.now) for order in orders],
        "incidents": [incident_data(incident, ask.now) for incident in incidents],
        "timeline": entries[:TIMELINE_ROWS],
        "timeline_total": len(entries),
    }


def newest_day(ask: Ask) -> str:
    """Today when the exchange is open today, else the last day of which something is archived."""
    today = day_of(ask.now)
    if ask.calendar.trades_on(ask.now):
        return today
    return neighbour(ask.db, ask.machine, today, "max", "<=") or today


def neighbour(db: sqlite3.Connection, machine: str, day: str, which: str, than: str) -> str:
    """The nearest day of which something is archived; empty if there is none."""
    found = db.execute(f"SELECT {which}(day) FROM archive WHERE machine = ? AND day {than} ?", (machine, day))
    return found.fetchone()[0] or ""


def archived(db: sqlite3.Connection, machine: str, day: str) -> dict[str, Any]:
    """{"at", "accounts", "positions", "orders"} of a day's last heartbeats: of each table the newest that has rows."""
    found: dict[str, Any] = {"at": None, "accounts": [], "positions": [], "orders": []}
    rows = db.execute("SELECT at, data FROM archive WHERE machine = ? AND day = ?", (machine, day)).fetchall()
    for row in sorted(rows, key=lambda row: -row["at"]):
        data = json.loads(row["data"])
        found["at"] = found["at"] or row["at"]
        for table_name in ("accounts", "positions", "orders"):
            found[table_name] = found[table_name] or data[table_name]
    return found


def incidents_of(db: sqlite3.Connection, machine: str, start: float, end: float) -> list[Incident]:
    """Those that were open between two instants, the machine's and the receiver's own. Few last for more than a month
    (2678400 s): these are found by indexes of their own, not by a look at all that ever ended."""
    rows = db.execute(
        "SELECT * FROM incident WHERE opened >= :start - 2678400 AND opened < :end AND machine IN (:machine, '')"
        " AND (resolved IS NULL OR resolved >= :start)"
        " UNION ALL SELECT * FROM incident WHERE resolved IS NULL AND machine IN (:machine, '')"
        " AND opened < :start - 2678400"
        " UNION ALL SELECT * FROM incident INDEXED BY incident_lasting WHERE resolved - opened > 2678400"
        " AND resolved >= :start AND machine IN (:machine, '') AND opened < :start - 2678400"
        " ORDER BY opened LIMIT 500",
        {"machine": machine, "start": start, "end": end},
    ).fetchall()
    return [load(Incident, row) for row in rows]


def timeline(
    ask: Ask,
    incidents: Sequence[Incident],
    orders: Sequence[Order],
    deals: Sequence[dict[str, Any]],
    start: float,
    end: float,
) -> list[dict[str, Any]]:
    """What happened on a day, in its order: orders, deals, incidents and their ends, the tray's starts and stops."""
    names = names_of(ask.db, ask.machine)
    found = [entry for order in orders for entry in order_entries(order, names)]
    found += [entry for deal in deals for entry in deal_entries(deal, start)]
    found += [entry for incident in incidents for entry in incident_entries(incident, start)]
    rows = ask.db.execute(  # by its own choice SQLite would read all events of the machine
        "SELECT kind, happened, data FROM event INDEXED BY event_by_kind"
        f" WHERE kind IN ({', '.join('?' * len(DAY_EVENTS))})"
        " AND received >= ? AND received < ? AND machine = ? AND happened >= ? AND happened < ? LIMIT 200",
        (*DAY_EVENTS, start, end + 3 * DAY, ask.machine, start, end),  # three days: what a tray without network brought
    ).fetchall()
    found += [entry_of(row["happened"], "程序", *event_words(row["kind"], json.loads(row["data"]))) for row in rows]
    inside = [entry for entry in found if start <= entry["at"] < end]
    return sorted(inside, key=lambda entry: entry["at"])


def entry_of(at: float, kind: str, what: str, detail: str = "", state: str = NEW) -> dict[str, Any]:
    """`state` gives the entry its shape and colour."""
    return {"at": at, "time": f"{shanghai(at):%H:%M:%S}", "kind": kind, "what": what, "detail": detail, "state": state}


def order_entries(order: Order, names: dict[str, str]) -> list[dict[str, Any]]:
    name = words(order.data.get("name"), 20) or names.get(order.fund[:6], "") or order.fund
    head = f"{order.side}{name}"
    shares = sound(order.data.get("shares"))
    found = []
    if order.placed is not None:
        found.append(entry_of(order.placed, "委托", f"{head} 委托", f"{shares:,.0f} 股" if shares is not None else ""))
    if order.at is not None and order.state in (*ORDER_ENDED, "unknown"):
        state = {"filled": UP, "unknown": DOWN, "rejected": DOWN}.get(order.state, LATE)
        traded = f"成交 {order.filled:,.0f} 股" if sound(order.filled) else ""
        why = words(order.data.get("reason"), 120) if order.state != "filled" else ""
        found.append(entry_of(order.at, "委托", f"{head} {order.word}", "，".join(filter(None, (traded, why))), state))
    return found


def deal_entries(deal: dict[str, Any], start: float) -> list[dict[str, Any]]:
    """Nothing for a deal without a time."""
    text = re.sub(r"\D", "", words(str(deal.get("时间") or ""), 20))[-6:]
    if len(text) != 6 or int(text[:2]) > 23 or int(text[2:4]) > 59 or int(text[4:]) > 59:
        return []
    at = start + int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:])
    name = words(deal.get("名称"), 20) or short_code(deal.get("代码"))
    detail = f"{count_text(deal.get('成交量'))} 股，{price(deal.get('成交均价'))} 元"
    return [entry_of(at, "成交", f"{words(str(deal.get('买卖') or ''), 6)}{name}", detail, UP)]


def incident_entries(incident: Incident, start: float) -> list[dict[str, Any]]:
    """Its beginning and its end; one from an earlier day that lasts stands at the day's `start` too."""
    begun = incident.since if incident.since is not None else incident.opened
    state = LATE if incident.priority > LOW else OFF
    state = DOWN if incident.priority == GRAVE else state
    detail = shorten(incident.detail.partition("\n")[0], 120)
    times = f"（共 {incident.count} 次）" if incident.count > 1 else ""
    found = [entry_of(begun, "事件", incident.what + times, detail, state)]
    if begun < start and not incident.one_off:
        found.append(entry_of(start, "事件", incident.what, f"{minute(begun, start)} 起", state))
    if incident.resolved is not None and not incident.one_off:
        lasted = f"历时 {length(incident.resolved - begun)}"
        found.append(entry_of(incident.resolved, "恢复", incident.well or incident.what, lasted, UP))
    return found


def event_words(kind: str, data: dict[str, Any]) -> tuple[str, str]:
    """(what, detail) of the tray's own news."""
    if kind == "host.started":
        return "哨兵启动", START_REASONS.get(words(data.get("reason"), 20), "")
    if kind == "host.stopping":
        return "哨兵退出", STOP_REASONS.get(words(data.get("reason"), 20), "")
    if kind == "host.resumed":
        slept = sound(data.get("slept"))
        return "小主机从睡眠中醒来", f"睡了 {length(slept)}" if slept is not None and slept > 0 else ""
    until = number(data.get("until"))
    return (
        ("继续监视", "")
        if until is None or not 0 < until < AT_LIMIT
        else ("暂停监视", f"到 {shanghai(until):%m-%d %H:%M}")
    )


def messages_page_data(ask: Ask) -> dict[str, Any]:
    """Incidents, channels, and the messages with what each vendor said."""
    db, now, receiver = ask.db, ask.now, ask.receiver
    before = int(ask.query.get("before") or 2**62)
    closed = db.execute(
        "SELECT * FROM incident WHERE resolved IS NOT NULL ORDER BY id DESC LIMIT ?", (LISTED_INCIDENTS,)
    ).fetchall()
    confirming = {name for name, channel in receiver.channels.items() if channel.confirms}
    messages = messages_data(db, now, confirming, before, LISTED_MESSAGES)
    older = db.execute(
        "SELECT 1 FROM message WHERE id < ? LIMIT 1", (messages[-1]["id"] if messages else 0,)
    ).fetchone()
    return {
        **frame_data(ask, ask.calendar),
        "incidents": [incident_data(incident, now) for incident in open_incidents(db)],
        "closed": [incident_data(load(Incident, row), now) for row in closed],
        "channels": [channel_data(receiver, db, name, now) for name in receiver.channels],
        "messages": messages,
        "waiting": waiting_count(db, receiver.channels),
        "paged": "before" in ask.query,
        "older": messages[-1]["id"] if messages and older else None,
    }


def waiting_count(db: sqlite3.Connection, channels: Iterable[str]) -> int:
    """Messages that their channels have not got rid of yet, each counted once per channel."""
    query = "SELECT count(*) FROM outbox WHERE channel = ? AND state IN ('waiting', 'sending')"
    return sum(int(db.execute(query, (name,)).fetchone()[0]) for name in channels)


def host_data(ask: Ask) -> dict[str, Any]:
    """The mini PC's measurements over a day or a month, and what its tray said last."""
    days, span = ask.calendar, ask.query.get("r", "d")
    span = span if span in HOST_RANGES else "d"
    picture = picture_for(ask, ask.machine, days)
    machine = picture.machine
    start = ask.now - DAY if span == "d" else midnight_after(ask.now) - 31 * DAY
    series = []
    for name, (title, unit, factor) in HOST_SERIES.items():
        rows = bundles(ask.db, ask.machine, name, RANGE_STEPS[span][0], start, ask.now)
        points = [[at, low * factor, high * factor, mean * factor] for at, low, high, mean in rows]
        series.append({"series": name, "title": title, "unit": unit, "points": points})
    return {
        **frame_data(ask, days),
        "range": span,
        "start": start,
        "lamps": [host_lamp(picture)] + [qmt_lamp(picture.qmt, picture)] * (picture.qmt is not None)
        if picture.qmt is not None
        else [host_lamp(picture)],
        "series": series,
        "beat_age": None if machine.beat_at is None else ask.now - machine.beat_at,
        "facts": host_facts(machine, ask.now),
        "workers": worker_rows(machine),
    }


def host_facts(machine: Machine, now: float) -> list[list[str]]:
    """[name, value] pairs from the last host.heartbeat, those that it has."""
    beat = machine.beat
    given = beat.get("outbox")
    outbox: dict[str, Any] = given if isinstance(given, dict) else {}
    boot, offset = number(beat.get("boot_at")), sound(beat.get("clock_offset"))
    counts = {"dropped": "丢弃的心跳", "superseded": "被新心跳代替", "rejected": "被拒收"}
    free = sound(beat.get("disk_free"))
    pairs = [
        ("开机", clock(boot, now) if boot is not None and 0 < boot < AT_LIMIT else ""),
        ("哨兵版本", words(beat.get("version"), 20)),
        ("磁盘余量", "" if free is None else f"{free / 1e9:.0f} GB"),
        ("时钟差", "" if offset is None else f"{offset:+.1f} 秒"),
        ("待发", f"{machine.waiting} 条" if beat else ""),
    ]
    pairs += [(text, count_text(outbox.get(key))) for key, text in counts.items() if sound(outbox.get(key)) is not None]
    pairs += [("要处理", words(one.get("text"), 200)) for one in findings_of(machine)]
    return [[name, value] for name, value in pairs if value]


def worker_rows(machine: Machine) -> list[dict[str, Any]]:
    """The tray's workers: seconds since their last round, and from when on one counts as stopped."""
    ages, limits, restarts = (machine.beat.get(key) for key in ("workers", "limits", "restarts"))
    if not isinstance(ages, dict):
        return []
    limits, restarts = (part if isinstance(part, dict) else {} for part in (limits, restarts))
    return [
        {
            "name": words(name, 40),
            "age": sound(age),
            "limit": sound(limits.get(name)),
            "restarts": sound(restarts.get(name)) or 0.0,
        }
        for name, age in sorted(ages.items())[:SHOWN_ROWS]
    ]


def machines_page_data(ask: Ask) -> dict[str, Any]:
    """Which machines may post, how each is doing, and how one more is paired."""
    days, config = ask.calendar, ask.receiver.config
    rows = []
    for name, one in config.machines.items():
        picture = picture_for(ask, name, days)
        state = host_lamp(picture) if picture.machine.heard is not None or not picture.sources else None
        rows.append(
            {
                "name": name,
                "lamp": state,
                "heard": clock(picture.machine.heard, ask.now) if picture.machine.heard is not None else "",
                "version": words(picture.machine.beat.get("version"), 20),
                "old_protocol": bool(one.old_token),
                "scripts": [script_name(source) for source in picture.sources if source.kind != "qmt.process"],
            }
        )
    return {
        **frame_data(ask, days),
        "rows": rows,
        "url": config.public_url,
        "encrypted": config.public_url.startswith("https://"),
        "fingerprint": own_fingerprint(config),
        "backup": backup_words(daily_backup(ask.db)),
        "watch": watch_data(ask.receiver),
    }


def backup_words(known: DailyBackup | None) -> str:
    """The newest daily backup, for the page and for `check`; empty where none is made."""
    if known is None:
        return ""
    return f"每日备份最近一份好的：{'还没有' if known.good is None else day_minute(known.good)}"


def own_fingerprint(config: Config) -> str:
    """SHA-256 of our own certificate; empty where a proxy has one, or none can be read."""
    try:
        return fingerprint_of(config.certificate) if config.certificate is not None else ""
    except ConfigError:
        return ""


def watch_data(receiver: Receiver) -> dict[str, str]:
    """Who watches this server, as a lamp. That nobody does is the owner's choice, so it does not count as trouble."""
    if not receiver.config.watchdog_url:
        said, todo = (
            "没有人看着这台服务器（receiver.ini 没有设 watchdog_url）",
            "到一个监测网站建一个检查，把它给的网址填进去。",
        )
        return lamp("watchdog", "看守接收端", OFF, said, todo, "没有设")
    if receiver.watchdog_said:
        said, todo = (
            f"上一次报平安没有成功：{receiver.watchdog_said}",
            "检查服务器的网络和 receiver.ini 的 watchdog_url。",
        )
        return lamp("watchdog", "看守接收端", LATE, said, todo, "没有报成")
    return lamp("watchdog", "看守接收端", UP, "每分钟向外报一次平安")


# CSV: for a spreadsheet, so with a byte order mark, and with no cell that it would take for a formula. Rows come one
# at a time, so that a year of them is never in memory twice.


class CsvTable(NamedTuple):
    head: Sequence[str]
    rows: Iterator[Sequence[Any]]


def csv_text(table: CsvTable) -> bytes:
    text = bytearray("\ufeff".encode())
    for row in itertools.chain([table.head], itertools.islice(table.rows, CSV_ROWS)):
        text += (",".join(csv_cell(cell) for cell in row) + "\r\n").encode("utf-8", "replace")
    return bytes(text)


def csv_cell(value: Any) -> str:
    """A text that begins like a formula gets an apostrophe in front: what a machine posts shall not run in Excel."""
    found = sound(value)
    if found is not None:
        return str(int(found)) if found == int(found) else f"{found:.10g}"
    if value is None or isinstance(value, (int, float)):
        return ""
    text = words(str(value), 2000)
    text = "'" + text if text[:1] in ("=", "+", "-", "@") else text
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",]', text) else text


def csv_query(ask: Ask, query: str) -> Iterator[sqlite3.Row]:
    """The rows of one day (`d`) or of all, the newest first."""
    day = ask.query.get("d")
    order = " WHERE machine = ? AND day >= ? AND day <= ? ORDER BY day DESC LIMIT ?"
    return iter(ask.db.execute(query + order, (ask.machine, day or "0", day or "9", CSV_ROWS)))


def csv_deals(ask: Ask) -> CsvTable:
    head = ("日期", "时间", "代码", "名称", "买卖", "成交均价", "成交量", "成交额", "手续费", "合同编号", "订单编号")
    rows = csv_query(ask, "SELECT day, data FROM deal")
    return CsvTable(head, ([row["day"], *(json.loads(row["data"]).get(key) for key in head[1:])] for row in rows))


def csv_orders(ask: Ask) -> CsvTable:
    head = ("日期", "编号", "基金", "名称", "买卖", "委托股数", "参考价", "成交股数", "成交均价", "状态", "原因")
    return CsvTable((*head, "下单时间", "最后时间"), map(csv_order, csv_query(ask, "SELECT * FROM orders")))


def csv_order(row: sqlite3.Row) -> list[Any]:
    order = load(Order, row)
    data = [order.data.get(key) for key in ("shares", "price", "filled", "average")]
    end = [order.word, order.data.get("reason"), moment_text(order.placed), moment_text(order.at)]
    return [order.day, order.flag, order.fund, order.data.get("name"), order.side, *data, *end]


def csv_positions(ask: Ask) -> CsvTable:
    head = ("日期", "代码", "名称", "股数", "可用股数", "成本价", "最新价", "市值", "盈亏")
    lines = (
        [row["day"], *(position.get(key) for key in head[1:])]
        for row in csv_query(ask, "SELECT day, data FROM archive")
        for position in json.loads(row["data"])["positions"]
    )
    return CsvTable(head, lines)


def csv_equity(ask: Ask) -> CsvTable:
    """A line a day: the last values of the day, and between what the assets moved."""
    days: dict[float, list[Any]] = {}
    for position, name in enumerate(("asset", "market", "cash", "profit")):
        for at, low, high, last in samples(ask.db, ask.machine, "account." + name, DAY, 0, ask.now):
            row = days.setdefault(at, [day_of(at)] + [None] * 6)
            if position == 0:
                row[1:4] = [last, low, high]
            else:
                row[3 + position] = last
    head = ("日期", "总资产", "总资产最低", "总资产最高", "总市值", "可用金额", "总盈亏")
    return CsvTable(head, (days[at] for at in sorted(days, reverse=True)))


def csv_incidents(ask: Ask) -> CsvTable:
    head = ("编号", "小主机", "事件", "次数", "说明", "怎么办", "开始", "恢复")
    keys = ("id", "machine", "what", "count", "detail", "todo")
    rows = ask.db.execute("SELECT * FROM incident ORDER BY id DESC LIMIT ?", (CSV_ROWS,))
    lines = (
        [*(row[key] for key in keys), moment_text(row["since"] or row["opened"]), moment_text(row["resolved"])]
        for row in rows
    )
    return CsvTable(head, lines)


def csv_messages(ask: Ask) -> CsvTable:
    head = ("小主机", "标题", "内容", "通道", "试了几次", "对方的回答", "结果", "时间", "送出时间")
    rows = ask.db.execute(
        "SELECT m.machine, m.title, m.body, o.channel, o.tries, o.error, o.state, m.created, o.sent FROM message m"
        " JOIN outbox o ON o.message = m.id ORDER BY m.id DESC LIMIT ?",
        (CSV_ROWS,),
    )
    lines = (
        [*row[:6], MESSAGE_STATES.get(row["state"], ""), moment_text(row["created"]), moment_text(row["sent"])]
        for row in rows
    )
    return CsvTable(head, lines)


def moment_text(at: float | None) -> str:
    return "" if at is None else f"{shanghai(at):%Y-%m-%d %H:%M:%S}"


CSV_TABLES: dict[str, Callable[[Ask], CsvTable]] = {
    "deals": csv_deals,
    "orders": csv_orders,
    "positions": csv_positions,
    "equity": csv_equity,
    "incidents": csv_incidents,
    "messages": csv_messages,
}


# SVG: pure functions, series in, text out ----------------------------------------------------------------------------

# Drawn 340 units wide, which is what a phone of 390 pixels leaves a card: there a unit is a pixel, and 12 units are
# text that can be read. Colours are classes, so that both themes fit; lines differ by their dashes as well.

CHART_WIDTH, CHART_HEIGHT = 340, 190
CHART_LEFT, CHART_RIGHT, CHART_TOP, CHART_BOTTOM = 2, 338, 16, 20
MARKS_DRAWN = 120


class Curve(NamedTuple):
    """One line. `points`: (x, y) with growing x; a y of None interrupts it."""

    kind: str  # its class: l0 full, l1 dashed, l2 dotted, l3 dashes and dots
    points: Sequence[tuple[float, float | None]]


class Mark(NamedTuple):
    """A trade: a triangle that points up below its point (buy) or down above it (sell)."""

    x: float
    y: float
    buys: bool


class Frame(NamedTuple):
    """Where values come to lie. x and y grow to the right and upwards."""

    left: float
    right: float
    low: float
    high: float
    height: int = CHART_HEIGHT

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left) if self.right > self.left else 0.5
        return CHART_LEFT + share * (CHART_RIGHT - CHART_LEFT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height - CHART_BOTTOM - share * (self.height - CHART_BOTTOM - CHART_TOP)


def nice_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round values from `low` to `high`, at most `most` + 1 of them."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number_ * step for number_ in range(first, math.floor(high / step + 1e-9) + 1)]


def axis_text(value: float, ticks: Sequence[float]) -> str:
    """A value beside the axis, as exact as the steps are; from a hundred thousand on in 万."""
    step = min((abs(b - a) for a, b in zip(ticks, ticks[1:])), default=abs(value) or 1.0)
    unit, mark = (1e4, "万") if max((abs(tick) for tick in ticks), default=0.0) >= 1e5 else (1.0, "")
    digits = next((n for n in range(5) if abs(step / unit - round(step / unit, n)) < step / unit * 1e-6), 4)
    return f"{value / unit:,.{digits}f}{mark}"


def frame_of(curves: Sequence[Curve], height: int = CHART_HEIGHT, floor: float | None = None) -> Frame | None:
    """A frame around all points with some air; `floor`: the least that the bottom may be above. None: no point."""
    points = [(x, y) for curve in curves for x, y in curve.points if y is not None]
    if not points:
        return None
    low, high = min(y for _, y in points), max(y for _, y in points)
    air = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    bottom = low - air if floor is None else max(floor, low - air) if low >= floor else low - air
    return Frame(min(x for x, _ in points), max(x for x, _ in points), bottom, high + air, height)


def path_of(frame: Frame, points: Sequence[tuple[float, float | None]]) -> str:
    """The d of a <path>; a point that stands alone becomes a dot. Written out, as it is most of the work of a page."""
    wide = (CHART_RIGHT - CHART_LEFT) / (frame.right - frame.left) if frame.right > frame.left else 0.0
    first = CHART_LEFT if wide else frame.x(frame.left)
    foot, tall = frame.y(frame.low), frame.y(frame.high) - frame.y(frame.low)
    tall /= frame.high - frame.low
    parts, pen, alone = [], "M", False
    for x, y in points:
        if y is None:
            parts += ["h.1"] if alone else []
            pen, alone = "M", False
            continue
        parts.append(f"{pen}{first + (x - frame.left) * wide:.1f} {foot + (y - frame.low) * tall:.1f}")
        pen, alone = "L", pen == "M"
    return "".join(parts) + ("h.1" if alone else "")


def area_of(frame: Frame, rows: Sequence[tuple[float, float, float]]) -> str:
    """The d of a closed <path> between the lows and the highs of (x, low, high)."""
    ends = [f"{frame.x(x):.1f} {frame.y(high):.1f}" for x, _, high in rows]
    ends += [f"{frame.x(x):.1f} {frame.y(low):.1f}" for x, low, _ in reversed(rows)]
    return "M" + "L".join(ends) + "Z"


def triangle(frame: Frame, mark: Mark) -> str:
    x, y = frame.x(mark.x), frame.y(mark.y)
    top, side, foot = (y + 3, 4.5, y + 11) if mark.buys else (y - 3, 4.5, y - 11)
    return f"M{x:.1f} {top:.1f}L{x - side:.1f} {foot:.1f}H{x + side:.1f}Z"


def draw(
    frame: Frame | None,
    curves: Sequence[Curve],
    ticks: Sequence[tuple[float, str]],
    label_: str,
    marks: Sequence[Mark] = (),
    bands: Sequence[str] = (),
) -> str:
    """A chart. `ticks`: (x, text) of the time axis; `label_`: what it shows, for those who do not see it; `bands`: d of
    areas behind the lines."""
    if frame is None:
        return ""
    values = nice_ticks(frame.low, frame.high, 4 if frame.height > 120 else 2)
    grid = [f"M{CHART_LEFT} {frame.y(value):.1f}H{CHART_RIGHT}" for value in values]
    grid += [f"M{frame.x(x):.1f} {CHART_TOP}V{frame.height - CHART_BOTTOM}" for x, _ in ticks]
    parts = [f'<path class="grid" d="{"".join(grid)}"/>']
    parts += [f'<path class="area" d="{band}"/>' for band in bands]
    parts += [f'<path class="{curve.kind}" d="{path_of(frame, curve.points)}"/>' for curve in curves]
    for buys, name in ((True, "buys"), (False, "sells")):
        shapes = "".join(triangle(frame, mark) for mark in marks[-MARKS_DRAWN:] if mark.buys is buys)
        parts.append(f'<path class="{name}" d="{shapes}"/>' if shapes else "")
    parts += [
        f'<text x="{CHART_LEFT}" y="{frame.y(value) - 3:.1f}">{axis_text(value, values)}</text>' for value in values
    ]
    for x, text in ticks:
        place = frame.x(x)
        anchor = "start" if place < 24 else "end" if place > CHART_WIDTH - 24 else "middle"
        parts.append(f'<text x="{place:.1f}" y="{frame.height - 5}" text-anchor="{anchor}">{esc(text)}</text>')
    return (
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {frame.height}" role="img" aria-label="{esc(label_)}">'
        f"{''.join(parts)}</svg>"
    )


def draw_shares(parts: Sequence[dict[str, Any]], label_: str) -> str:
    """A bar per part: name and percent above it."""
    rows = []
    for position, part in enumerate(parts):
        top, width = position * 34, (CHART_RIGHT - CHART_LEFT) * part["share"]
        rows.append(
            f'<text class="name" x="{CHART_LEFT}" y="{top + 14}">{esc(part["name"] or part["code"])}</text>'
            f'<text class="name" x="{CHART_RIGHT}" y="{top + 14}" text-anchor="end">{part["share"]:.1%}</text>'
            f'<path class="rail" d="M{CHART_LEFT} {top + 19}H{CHART_RIGHT}v8H{CHART_LEFT}Z"/>'
            f'<path class="bar" d="M{CHART_LEFT} {top + 19}h{width:.1f}v8h-{width:.1f}Z"/>'
        )
    return (
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {len(parts) * 34}" role="img" aria-label="{esc(label_)}">'
        f"{''.join(rows)}</svg>"
    )


def linear_ticks(start: float, end: float, most: int = 4) -> list[tuple[float, str]]:
    """(epoch, text) at round times in Shanghai between two instants: hours, days or months, at most `most` + 1."""
    span = end - start
    if span <= 2 * DAY:
        steps = (60, 300, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, DAY)
        return round_ticks(start, end, next((s for s in steps if span / s <= most), DAY), "%H:%M")
    if span <= 70 * DAY:
        return round_ticks(
            start, end, next((n * DAY for n in (1, 2, 7, 14) if span / (n * DAY) <= most), 28 * DAY), "%m-%d"
        )
    return month_ticks(start, end, most)


def round_ticks(start: float, end: float, step: float, form: str) -> list[tuple[float, str]]:
    first = math.ceil((start + 8 * 3600) / step)
    last = math.floor((end + 8 * 3600) / step)
    times = [number_ * step - 8 * 3600 for number_ in range(first, last + 1)]
    return [(at, shanghai(at).strftime(form)) for at in times]


def month_ticks(start: float, end: float, most: int) -> list[tuple[float, str]]:
    first, last = (moment.year * 12 + moment.month - 1 for moment in (shanghai(start), shanghai(end)))
    stride = max(1, math.ceil((last - first) / most))
    months = [month for month in range(first + 1, last + 1) if (month - last) % stride == 0]
    days = [datetime(month // 12, month % 12 + 1, 1, tzinfo=SHANGHAI) for month in months]
    return [(day.timestamp(), f"{day:%y-%m}") for day in days]


def broken(points: Sequence[tuple[float, float | None]], gap: float) -> list[tuple[float, float | None]]:
    """The same with a None wherever two neighbours are more than `gap` apart: no line over what nobody knows."""
    found: list[tuple[float, float | None]] = []
    for x, y in points:
        if found and x - found[-1][0] > gap:
            found.append((x, None))
        found.append((x, y))
    return found


def trading_points(points: Sequence[Sequence[float]], days: Sequence[int]) -> list[tuple[float, float | None]]:
    """Hours of several days side by side, without the nights: x = place of the day in `days` + share of its trading
    time. The line is broken where a working day has no data. `days`: see `day_number`."""
    places = {day: place for place, day in enumerate(days)}
    found: list[tuple[float, float | None]] = []
    before = None
    for at, value in points:
        day = day_number(at)
        x = places[day] + min(1.0, max(0.0, (second_of_day(at) - 9 * 3600) / (6.25 * 3600))) * 0.9
        if before is not None and workdays_between(before, day):
            found.append((x, None))
        found.append((x, value))
        before = day
    return found


def day_number(at: float) -> int:
    """Days since 1970-01-01, in Shanghai."""
    return int((at + 8 * 3600) // DAY)


def workdays_between(first: int, last: int) -> int:
    """Mondays to Fridays strictly between two days; 1970-01-01 was a Thursday. At most a month is looked at."""
    return sum(1 for day in range(first + 1, min(last, first + 31)) if (day + 3) % 7 < 5)


def day_ticks(days: Sequence[str], months: bool, most: int = 5) -> list[tuple[float, str]]:
    """(place, text) of every so many days (YYYYMMDD): month and day, or year and month."""
    stride = max(1, math.ceil(len(days) / most))
    return [
        (float(place), f"{day[2:4]}-{day[4:6]}" if months else f"{day[4:6]}-{day[6:]}")
        for place, day in enumerate(days)
        if place % stride == 0
    ]


# HTML -----------------------------------------------------------------------------------------------------------------

STYLE = """
:root{color-scheme:light dark;--bg:#eef1f5;--card:#fff;--line:#dfe4ea;--text:#15191f;--soft:#56606c;--ok:#0b7a3b;
--warn:#8a5300;--bad:#b8202a;--calm:#3b5a7d;--up:#c0202c;--fall:#0b7a3b;--tint:#f6f8fa;--btn:#1d4f8c;--btnt:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#0d1116;--card:#171d25;--line:#2a323d;--text:#e9edf2;--soft:#a3afbc;
--ok:#4fd08b;--warn:#f2b84b;--bad:#ff8585;--calm:#93b7e0;--up:#ff8585;--fall:#4fd08b;--tint:#1d242e;--btn:#7fb2f0;
--btnt:#0d1116}}*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}body{margin:0;background:var(--bg);
color:var(--text);
font:16px/1.5 system-ui,-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
font-variant-numeric:tabular-nums}main{max-width:44rem;margin:0 auto;padding:12px 12px 32px}header{display:flex;
justify-content:space-between;align-items:baseline;padding:4px 4px 10px;gap:12px}h1{font-size:17px;margin:0;
font-weight:650}header p{margin:0;color:var(--soft);font-size:14px;text-align:right}h2{font-size:15px;
margin:22px 4px 8px;font-weight:650;display:flex;justify-content:space-between;align-items:baseline;gap:8px}
h2 small{font-weight:400;color:var(--soft);font-size:13px}svg{flex:none;display:block}.card{background:var(--card);
border:1px solid var(--line);border-radius:14px;overflow:hidden}.hero{display:flex;gap:14px;align-items:center;
padding:18px 16px;border-left:6px solid currentColor}.hero b{display:block;font-size:24px;line-height:1.25}
.hero span{color:var(--text);font-size:15px}.up{color:var(--ok)}.late,.unknown{color:var(--warn)}
.down{color:var(--bad)}.paused,.off,.new{color:var(--calm)}.lamp{display:flex;gap:12px;padding:13px 14px;
border-top:1px solid var(--line);align-items:flex-start}.lamp:first-child{border-top:0}.lamp div{flex:1;min-width:0;
color:var(--text)}.lamp .t{display:flex;justify-content:space-between;gap:8px;font-weight:600}
.lamp .t em{font-style:normal;white-space:nowrap}.lamp p,.inc p{margin:2px 0 0;color:var(--soft);font-size:14px;
overflow-wrap:anywhere;white-space:pre-line}.lamp p.do,.inc p.do{color:var(--text)}.do::before{content:"怎么办  ";
color:var(--bad);font-weight:600}.inc{padding:14px;border-top:1px solid var(--line)}.inc:first-child{border-top:0}
.inc h3{margin:0;font-size:16px;display:flex;gap:8px;align-items:center;color:var(--bad)}
.inc h3 i{color:var(--soft);font-size:13px;font-weight:400;font-style:normal;margin-left:auto}.money{padding:14px}
.money .big{font-size:28px;font-weight:650;line-height:1.2}.money .big small{font-size:14px;font-weight:400;
color:var(--soft);display:block}.trio{display:grid;grid-template-columns:repeat(3,1fr);gap:8px;margin-top:12px}
.trio span{display:block;color:var(--soft);font-size:13px}.trio b{font-size:16px;font-weight:600;white-space:nowrap}
.money+.money{border-top:1px solid var(--line)}table{width:100%;border-collapse:collapse;font-size:15px}
th{font-weight:400;white-space:nowrap;color:var(--soft);font-size:13px;text-align:right;padding:9px 6px 5px}
td{text-align:right;padding:9px 6px;border-top:1px solid var(--line);vertical-align:top;line-height:1.35}
th:first-child,td:first-child{text-align:left;padding-left:14px}th:last-child,td:last-child{padding-right:14px}
td small{display:block;color:var(--soft);font-size:13px}td:first-child{overflow-wrap:anywhere;
min-width:84px}.why td{border-top:0;padding-top:0}.gain{color:var(--up)}
.loss{color:var(--fall)}td small.gain{color:var(--up)}td small.loss{color:var(--fall)}.msg{padding:11px 14px;
border-top:1px solid var(--line)}.msg:first-child{border-top:0}.msg b{font-weight:600;font-size:15px;
overflow-wrap:anywhere}.msg time{color:var(--soft);font-size:13px;float:right;margin-left:8px}
.msg ul{list-style:none;margin:4px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px;
color:var(--soft)}.msg p{white-space:pre-line;margin:6px 0 0;font-size:14px;overflow-wrap:anywhere}
summary{cursor:pointer;list-style:none;min-height:44px}summary::-webkit-details-marker{display:none}
.note{padding:12px 14px;margin-top:12px;border-radius:12px;background:var(--card);border:1px solid var(--line);
border-left:6px solid var(--warn);font-size:15px}.note.ok{border-left-color:var(--ok)}.empty{padding:14px;margin:0;
color:var(--soft)}form{margin:0}button,.btn{font:inherit;font-weight:600;min-height:48px;padding:0 20px;
border-radius:12px;border:1px solid var(--btn);background:var(--btn);color:var(--btnt);cursor:pointer;width:100%}
button.quiet{background:transparent;color:var(--btn)}.inc form{margin-top:10px}
.inc button,.lamp button{min-height:44px;width:auto}.acts{display:grid;grid-template-columns:2fr 1fr;gap:10px;
margin-top:22px}footer{color:var(--soft);font-size:13px;padding:18px 4px 0}footer p{margin:2px 0}input{font:inherit;
width:100%;min-height:48px;padding:0 14px;border-radius:12px;border:1px solid var(--soft);background:var(--card);
color:var(--text);margin:6px 0 14px}:focus-visible{outline:3px solid var(--calm);outline-offset:2px}
.login{max-width:22rem;margin:14vh auto 0;padding:22px}.login h1{font-size:22px;margin-bottom:14px}
#gone{position:sticky;top:0;z-index:2}a{color:var(--btn)}h2 span{min-width:0}.csv{font-size:13px;font-weight:400;
white-space:nowrap}.block{break-inside:avoid}.tabs{position:fixed;left:0;right:0;bottom:0;z-index:3;display:flex;
background:var(--card);border-top:1px solid var(--line);padding-bottom:env(safe-area-inset-bottom)}.tabs a{flex:1;
min-height:54px;display:flex;align-items:center;justify-content:center;font-size:15px;text-decoration:none;
color:var(--soft);border-top:3px solid transparent}.tabs a[aria-current]{color:var(--btn);font-weight:650;
border-top-color:var(--btn)}.tabs a:focus-visible{outline-offset:-3px}main{padding-bottom:96px}.skip{position:absolute;
left:-999px}.skip:focus{left:8px;top:8px;z-index:4;background:var(--card);padding:10px}.chips{display:flex;
flex-wrap:wrap;gap:8px;margin:4px 0 10px}.chips a{min-height:44px;padding:0 14px;display:flex;align-items:center;
border:1px solid var(--line);border-radius:22px;background:var(--card);font-size:15px;text-decoration:none}
.card .chips{margin:12px 12px 0}.chips a[aria-current]{background:var(--btn);color:var(--btnt);border-color:var(--btn)}
.around{display:flex;gap:10px;margin:12px 0;align-items:center;justify-content:space-between;color:var(--soft)}
.btn{display:inline-flex;align-items:center;justify-content:center;text-decoration:none;width:auto;min-height:44px}
.around .btn{background:var(--card);color:var(--btn);border-color:var(--line)}
.pick{display:flex;gap:10px;max-width:26rem}
.pick input{margin:0}.pick button{width:auto;white-space:nowrap}.do-row{display:flex;flex-wrap:wrap;gap:8px;
margin-top:10px}.inc .do-row form{margin:0;display:flex;gap:6px}select{font:inherit;min-height:44px;padding:0 8px;
border-radius:12px;border:1px solid var(--soft);background:var(--card);color:var(--text)}.pad{padding:14px;
border-top:1px solid var(--line)}.line{display:flex;justify-content:space-between;gap:8px;margin:0;padding:12px 14px;
border-bottom:1px solid var(--line);font-size:15px}.plot{padding:10px 14px 12px}
.plot p{margin:6px 0 0;color:var(--soft);
font-size:13px}.chart{width:100%;height:auto;max-width:36rem;margin:0 auto;overflow:visible}.chart text{font-size:12px;
fill:var(--soft);stroke:var(--card);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}
.chart .name{fill:var(--text);font-size:13px}.grid{stroke:var(--line);fill:none}.l0,.l1,.l2,.l3{fill:none;
stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.l0{stroke:var(--btn)}.l1{stroke:var(--warn);
stroke-dasharray:6 4}.l2{stroke:var(--soft);stroke-dasharray:1.5 4}.l3{stroke:var(--soft);
stroke-dasharray:7 3 1.5 3}.area{fill:var(--btn);opacity:.18}
.bar{fill:var(--btn)}.rail{fill:var(--line)}.buys{fill:var(--up)}.sells{fill:var(--fall)}
.legend{display:flex;flex-wrap:wrap;gap:4px 14px}.legend span{display:flex;align-items:center;gap:6px;
color:var(--text)}dl{margin:0}dl div{display:flex;justify-content:space-between;gap:14px;padding:10px 14px;
border-top:1px solid var(--line);font-size:15px}dl div:first-child{border-top:0}.lamp+dl div:first-child{border-top:1px
solid var(--line)}dt{color:var(--soft);white-space:nowrap}dd{margin:0;text-align:right;overflow-wrap:anywhere}
dl+.lamp{border-top:1px solid var(--line)}.line-up{list-style:none;margin:0;padding:4px 0}.line-up li{display:flex;
gap:10px;padding:8px 14px;align-items:flex-start}.line-up svg{margin-top:3px}.line-up time{color:var(--soft);
font-size:14px;padding-top:1px}.line-up div{flex:1;min-width:0;color:var(--text)}.line-up b{font-weight:600;
font-size:15px;overflow-wrap:anywhere}.line-up small{display:block;color:var(--soft);font-size:13px;
overflow-wrap:anywhere}.steps{margin:0;padding:12px 14px 12px 34px;font-size:15px}.steps li{margin:6px 0}
code{font-family:ui-monospace,Consolas,monospace;font-size:14px;overflow-wrap:anywhere}
@media(min-width:62rem){main{max-width:74rem;padding-top:70px;padding-bottom:32px}.tabs{top:0;bottom:auto;
border-top:0;border-bottom:1px solid var(--line);justify-content:center;padding:0}.tabs a{flex:0 1 96px;
border-top:0;border-bottom:3px solid transparent}.tabs a[aria-current]{border-bottom-color:var(--btn)}
.blocks{columns:2;column-gap:18px}.block h2{margin-top:0;padding-top:14px}.chart text{font-size:8.5px;
stroke-width:2px}.chart .name{font-size:10px}}
"""

# Each state is a shape as well as a colour and a word.
ICONS = """<svg width="0" height="0" aria-hidden="true"><defs>
<symbol id="i-ok" viewBox="0 0 24 24"><circle cx="12" cy="12" r="11" fill="currentColor"/><path
d="M6.5 12.5l3.7 3.7 7.3-8" fill="none" stroke="var(--card)" stroke-width="2.6" stroke-linecap="round"
stroke-linejoin="round"/></symbol>
<symbol id="i-late" viewBox="0 0 24 24"><path d="M12 1.5L23.5 22H.5z" fill="currentColor"/><path
d="M12 9v6.2M12 18.4v.4" stroke="var(--card)" stroke-width="2.6" stroke-linecap="round"/></symbol>
<symbol id="i-down" viewBox="0 0 24 24"><rect x="1.5" y="1.5" width="21" height="21" rx="3" fill="currentColor"/><path
d="M7.5 7.5l9 9m0-9l-9 9" stroke="var(--card)" stroke-width="2.8" stroke-linecap="round"/></symbol>
<symbol id="i-pause" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10" fill="none" stroke="currentColor"
stroke-width="2.4"/><path d="M9 8v8m6-8v8" stroke="currentColor" stroke-width="2.8" stroke-linecap="round"/></symbol>
<symbol id="i-off" viewBox="0 0 24 24"><path d="M20.5 14.8A9.3 9.3 0 019.2 3.5 9.3 9.3 0 1020.5 14.8z"
fill="currentColor"/></symbol>
<symbol id="i-unknown" viewBox="0 0 24 24"><path d="M12 1.5L22.5 12 12 22.5 1.5 12z" fill="none" stroke="currentColor"
stroke-width="2.2"/><path d="M9.4 9.7a2.7 2.7 0 115 1.3c-.9 1-2.3 1.2-2.3 2.8m0 2.6v.3" fill="none"
stroke="currentColor" stroke-width="2" stroke-linecap="round"/></symbol>
<symbol id="i-new" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9.8" fill="none" stroke="currentColor"
stroke-width="2.4" stroke-dasharray="3.5 4"/></symbol></defs></svg>"""

# Refreshes the part that changes: only the blocks that differ are replaced, what is open stays open, and the focus
# stays on the same button (never on another one that moved to its place). Nothing happens while a field is filled in.
# When the server is out of reach the page says how old it is.
SCRIPT = """
(function(){var live=document.getElementById('live'),gone=document.getElementById('gone'),ok=Date.now(),
every=live.dataset.every*1000;
function key(e){return e.tagName+e.textContent+(e.form?e.form.innerHTML:'')+(e.getAttribute('href')||'')+
(e.tagName==='SUMMARY'?e.parentNode.id:'')}
function find(k){return[].filter.call(live.querySelectorAll('a,button,summary'),function(e){return key(e)===k})[0]}
function swap(old,now){for(var i=0;i<now.length;i++)if(old[i].outerHTML!==now[i].outerHTML){
if(now[i].classList.contains('blocks')&&old[i].children.length===now[i].children.length)
swap([].slice.call(old[i].children),[].slice.call(now[i].children));else old[i].replaceWith(now[i])}}
function show(h){var box=document.createElement('div'),open={},act=document.activeElement,
k=live.contains(act)?key(act):'';box.innerHTML=h;
live.querySelectorAll('details[open]').forEach(function(d){open[d.id]=1});
if(live.children.length===box.children.length)swap([].slice.call(live.children),[].slice.call(box.children));
else live.innerHTML=h;live.querySelectorAll('details').forEach(function(d){if(open[d.id])d.open=true});
if(k&&!live.contains(document.activeElement)){var e=find(k);if(e)e.focus({preventScroll:true})}}
function busy(){var a=document.activeElement;return live.contains(a)&&/^(INPUT|SELECT)$/.test(a.tagName)}
function pull(){if(document.hidden||busy())return;var stop=new AbortController(),t=setTimeout(function(){
stop.abort()},8000);fetch(live.dataset.src,{credentials:'same-origin',cache:'no-store',signal:stop.signal,
redirect:'error'}).then(function(r){if(r.status===401){location.href='/login';throw 0}if(!r.ok)throw 0;
return r.text()}).then(function(h){ok=Date.now();if(!busy())show(h);gone.hidden=true}).catch(function(){
var s=Math.round((Date.now()-ok)/1000);if(s*1000>every+7000){gone.hidden=false;gone.textContent=
'连不上接收端，下面是 '+(s<60?s+' 秒':Math.round(s/60)+' 分钟')+'前的内容。'}}).then(function(){clearTimeout(t)})}
setInterval(pull,every);document.addEventListener('visibilitychange',pull)})();
"""


def icon(state: str, size: int = 24) -> str:
    return f'<svg width="{size}" height="{size}" aria-hidden="true"><use href="#i-{SHAPES[state]}"/></svg>'


def page(title: str, body: str, nonce: str, script: str = "", navigation: str = "") -> str:
    """A whole page: no external asset, style and script allowed by the nonce alone."""
    end = f'<script nonce="{nonce}">{script}</script>' if script else ""
    refresh = '<noscript><meta http-equiv="refresh" content="30"></noscript>' if script else ""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f'<link rel="icon" href="data:,">{refresh}<title>{esc(title)}</title>'
        f'<style nonce="{nonce}">{STYLE}</style></head><body>{navigation}{ICONS}<main id="main">{body}</main>{end}'
        "</body></html>"
    )


def link(path: str, query: dict[str, Any]) -> str:
    """An address of ours, ready for an attribute; empty values are left out."""
    text = urllib.parse.urlencode({key: value for key, value in query.items() if value not in ("", None)})
    return esc(path + ("?" + text if text else ""))


def hidden(**values: Any) -> str:
    return "".join(f'<input type="hidden" name="{key}" value="{esc(value)}">' for key, value in values.items())


def post_form(action: str, inside: str, **values: Any) -> str:
    """A form of ours; `inside` is HTML."""
    return f'<form method="post" action="{action}">{hidden(**values)}{inside}</form>'


def block(title: str, inside: str, small: str = "", csv: str = "") -> str:
    """A card with its heading; `inside` and `small` are HTML, `csv` the address of a download."""
    download = f'<a class="csv" href="{csv}" download>下载 CSV</a>' if csv else ""
    note = f"<small>{small}</small>" if small else ""
    heading = f"<h2><span>{esc(title)} {note}</span>{download}</h2>"
    return f'<div class="block">{heading}<section class="card">{inside}</section></div>'


# No page is above 60 kB, whatever a machine sends: 16 kB are style and script, the rest is shared out in bytes.
TABLE_BYTES, INCIDENT_BYTES, MESSAGE_BYTES, TIMELINE_BYTES, LAMP_BYTES = 8_000, 12_000, 14_000, 12_000, 8_000


def that_fit(parts: Sequence[str], limit: int) -> list[str]:
    """The first parts that have at most `limit` bytes together; the very first in any case."""
    sizes = itertools.accumulate(len(part.encode("utf-8", "replace")) for part in parts)
    return [part for position, (part, size) in enumerate(zip(parts, sizes)) if size <= limit or position == 0]


def empty(text: str) -> str:
    return f'<p class="empty">{esc(text)}</p>'


def chips(name: str, path: str, choices: Sequence[tuple[str, dict[str, Any]]], chosen: int) -> str:
    """Links side by side, one of them the present one."""
    items = "".join(
        f'<a href="{link(path, query)}"{CURRENT if position == chosen else ""}>{esc(text)}</a>'
        for position, (text, query) in enumerate(choices)
    )
    return f'<nav class="chips" aria-label="{esc(name)}">{items}</nav>'


CURRENT = ' aria-current="true"'


def machine_chips(data: dict[str, Any], path: str, **query: Any) -> str:
    """Which machine the page is about, where there are several."""
    names = data["machines"]
    choices = [(name, {**query, "m": name}) for name in names]
    return chips("小主机", path, choices, names.index(data["machine"])) if len(names) > 1 else ""


def head(title: str, data: dict[str, Any]) -> str:
    day = data["day"]
    return (
        f"<header><h1>{esc(title)}</h1><p>{esc(day['date'])} · {esc(day['word'])}<br>{esc(data['time'])}</p></header>"
    )


def facts(rows: Sequence[Sequence[str]]) -> str:
    """Names and values, one below the other."""
    return "<dl>" + "".join(f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>" for name, value in rows) + "</dl>"


def render_now(data: dict[str, Any], csrf: str) -> str:
    """Is everything well, and if not: what, since when, what to do."""
    day, top = data["day"], data["overall"]
    parts = [
        head("QMT 哨兵", data),
        f'<section class="card hero {top["state"]}" role="status">{icon(top["state"], 44)}'
        f"<div><b>{esc(top['word'])}</b><span>{esc(top['text'])}</span></div></section>",
    ]
    if day["warning"]:
        parts.append(f'<div class="note">{esc(day["warning"])}</div>')
    blocks = [render_incidents(data["incidents"], csrf, "")] if data["incidents"] else []
    for machine in data["machines"]:
        lamps = that_fit([render_lamp(one, machine["name"], csrf) for one in machine["lamps"]], LAMP_BYTES)
        more = len(machine["lamps"]) - len(lamps)
        lamps += [empty(f"还有 {more} 个没有列出")] if more else []
        blocks.append(block(machine["name"], "".join(lamps)))
        blocks.append(render_money_block(machine, day["in_session"]))
    told = render_lamp(data["alerts"], "", csrf) + render_lamp(data["watch"], "", csrf)
    blocks.append(block("告警", told, '<a href="/messages">消息和通道</a>'))
    blocks.append(render_messages(data["messages"][:3], "最近的消息", data["waiting"]))
    return "".join(parts) + f'<div class="blocks">{"".join(blocks)}</div>' + render_footer(data)


def render_money_block(machine: dict[str, Any], in_session: bool) -> str:
    if machine["data_at"] is None:
        return ""
    cards = "".join(render_money(account) for account in machine["accounts"][:SHOWN_ACCOUNTS])
    cards = cards or empty("还没有收到账户数据")
    more = f'<a href="{link("/trade", {"m": machine["name"]})}">持仓和委托</a>'
    small = f"数据 {esc(machine['data_time'])}，{esc(ago(machine['data_age']))} · {more}"
    return stale_note(machine, in_session) + block("账户", cards, small)


def stale_note(machine: dict[str, Any], in_session: bool) -> str:
    if machine["data_age"] is None or machine["data_age"] <= STALE_DATA:
        return ""
    word = "策略没有送来新数据" if in_session else "收盘后不更新"
    age, at = esc(ago(machine["data_age"])), esc(machine["data_time"])
    return f'<div class="note">下面的数据是 {age}的（{at}），{word}。</div>'


def render_lamp(one: dict[str, str], machine: str, csrf: str) -> str:
    todo = f'<p class="do">{esc(one["todo"])}</p>' if one["todo"] else ""
    forget = ""
    if one["state"] in (DOWN, LATE) and one["kind"] in ("qmt.heartbeat", "old.qmt", "old.server"):
        values = {"csrf": csrf, "machine": machine, "kind": one["kind"], "name": one.get("name", "")}
        which = f"{machine}/{one['kind']}/{one.get('name', '')}"
        mark = hashlib.sha256(which.encode("utf-8", "replace")).hexdigest()[:8]
        form = post_form("/forget", '<button class="quiet">不再监视，等它下次出现</button>', **values)
        forget = f'<details id="f-{mark}"><summary><p>不再用它了？</p></summary>{form}</details>'
    return (
        f'<div class="lamp {one["state"]}">{icon(one["state"])}<div><span class="t"><span>{esc(one["title"])}</span>'
        f'<em class="{one["state"]}">{esc(one["word"])}</em></span>'
        f"<p>{esc(one['detail'])}</p>{todo}{forget}</div></div>"
    )


def render_incidents(incidents: Sequence[dict[str, Any]], csrf: str, back: str) -> str:
    """Those that are open, with their buttons; `back`: the page to return to."""
    shown = that_fit(
        [render_incident(incident, csrf, back) for incident in incidents[:SHOWN_INCIDENTS]], INCIDENT_BYTES
    )
    cards, more = "".join(shown), len(incidents) - len(shown)
    cards += empty(f"还有 {more} 件，先处理上面的。") if more else ""
    return block("未结的事", cards or empty("没有要处理的事"), f"{len(incidents)} 件")


def render_incident(incident: dict[str, Any], csrf: str, back: str) -> str:
    times = f" · 共 {incident['count']} 次" if incident["count"] > 1 else ""
    since = (
        f"{incident['since']} 发生{times}" if incident["one_off"] else f"{incident['since']} 起，已 {incident['lasts']}"
    )
    todo = f'<p class="do">{esc(incident["todo"])}</p>' if incident["todo"] else ""
    return (
        f'<div class="inc"><h3>{icon(DOWN, 20)}<span>{esc(incident["what"])}</span><i>#{incident["id"]}</i></h3>'
        f"<p>{esc(incident['machine'])} {esc(since)}</p><p>{esc(incident['detail'])}</p>{todo}"
        f"{incident_buttons(incident, csrf, back)}</div>"
    )


def incident_buttons(incident: dict[str, Any], csrf: str, back: str) -> str:
    if incident["acknowledged"]:
        return f"<p>已知道，{'半小时不再发生就结束' if incident['one_off'] else '恢复前不再提醒'}</p>"
    values = {"csrf": csrf, "back": back, "id": incident["id"]}
    known = post_form("/ack", '<button class="quiet">知道了</button>', **values)
    if incident["one_off"]:  # it is told once anyway
        return f'<div class="do-row">{known}</div>'
    if incident["muted_until"]:
        mute_form = post_form("/mute", '<button class="quiet">恢复提醒</button>', hours=0, **values)
        return f'<p>{esc(incident["muted_until"])} 前不提醒</p><div class="do-row">{known}{mute_form}</div>'
    hours = "".join(f'<option value="{value}">{text}</option>' for value, text in MUTE_HOURS)
    inside = f'<select name="hours" aria-label="多久不提醒">{hours}</select><button class="quiet">先不提醒</button>'
    return f'<div class="do-row">{known}{post_form("/mute", inside, **values)}</div>'


MUTE_HOURS = ((1, "1 小时"), (4, "4 小时"), (24, "1 天"), (168, "7 天"))


def money(value: Any, digits: int = 2) -> str:
    found = sound(value)
    return "—" if found is None else f"{found:,.{digits}f}"


def price(value: Any) -> str:
    found = sound(value)
    return "—" if found is None else f"{found:.3f}"


def count_text(value: Any) -> str:
    found = sound(value)
    return "—" if found is None else f"{found:,.0f}"


def signed(value: Any) -> str:
    found = sound(value)
    return "—" if found is None else f"{found:+,.2f}" if round(found, 2) else "0.00"


def colour(value: Any) -> str:
    """Profit red, loss green, as is the custom in China."""
    found = sound(value) or 0.0
    return "gain" if found > 0 else "loss" if found < 0 else ""


def ratio(row: dict[str, Any]) -> str:
    """Profit over cost, from profit and market value: posted 盈亏比例 are fractions here and percents there."""
    profit, value = sound(row.get("盈亏")), sound(row.get("市值"))
    cost = None if profit is None or value is None else value - profit
    return f"{profit / cost:+.2%}" if profit and cost is not None and cost > 0 else ""


def time_text(value: Any) -> str:
    text = words(str(value or ""), 8)
    return f"{text[:2]}:{text[2:4]}:{text[4:]}" if re.fullmatch(r"\d{6}", text) else text


def dashed(day: str) -> str:
    """20260105 -> 2026-01-05."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def name_cell(row: dict[str, Any]) -> str:
    return (
        f"<td>{esc(words(row.get('名称'), 20) or '—')}<small>{esc(words(str(row.get('代码') or ''), 12))}</small></td>"
    )


def side_cell(row: dict[str, Any]) -> str:
    side = words(str(row.get("买卖") or ""), 6)
    return (
        f'<td><span class="{"gain" if "买" in side else "loss" if "卖" in side else ""}">{esc(side or "—")}</span></td>'
    )


def table(title: str, names: Sequence[str], rows: Sequence[str], total: int, csv: str = "") -> str:
    rows = that_fit(rows, TABLE_BYTES)
    if not rows:
        return block(title, empty("没有"), "", csv)
    more = f"最近 {len(rows)} 条，共 {total} 条" if total > len(rows) else f"{total}"
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in names)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return block(title, f"<table><tr>{cells}</tr>{body}</table>", more, csv)


ORDER_COLOURS = {"unknown": "down", "rejected": "down", "expired": "late", "cancelled": "late", "filled": "up"}


def render_trade(data: dict[str, Any], _csrf: str) -> str:
    """Accounts, positions, orders and deals of today, with their age."""
    name = data["machine"]
    parts = [head("交易", data), machine_chips(data, "/trade")]
    if data["data_at"] is None:
        parts.append(f'<div class="note">{esc(name)} 还没有送来账户数据：在 QMT 里运行 heartbeat 或 etf_grid。</div>')
    else:
        parts.append(stale_note(data, data["day"]["in_session"]))
    parts += [f'<div class="note">{esc(gap)}。</div>' for gap in data["gaps"]]
    cards = "".join(render_money(account) for account in data["accounts"][:SHOWN_ACCOUNTS])
    cards = cards or empty("还没有收到账户数据")
    age = f"数据 {esc(data['data_time'])}，{esc(ago(data['data_age']))}" if data["data_at"] is not None else ""
    blocks = [
        block("账户", render_change(data["change"]) + cards, age, link("/csv/equity", {"m": name})),
        render_positions(data["positions"], link("/csv/positions", {"m": name})),
        render_orders(data["strategy_orders"], link("/csv/orders", {"m": name})),
        render_deals("今日成交", data["deals"], link("/csv/deals", {"m": name})),
        render_broker_orders("今日委托（QMT）", data["orders"]),
    ]
    return "".join(parts) + f'<div class="blocks">{"".join(blocks)}</div>'


def render_change(change: dict[str, Any] | None) -> str:
    if change is None:
        return ""
    return (
        f'<p class="line"><span>总资产比 {esc(dashed(change["day"]))}</span><b class="{colour(change["yuan"])}">'
        f"{signed(change['yuan'])}（{change['share']:+.2%}）</b></p>"
    )


def render_positions(positions: Sequence[dict[str, Any]], csv: str = "") -> str:
    ranked = sorted(positions, key=lambda row: -(sound(row.get("市值")) or 0.0))
    rows = [
        f"{name_cell(row)}<td>{count_text(row.get('股数'))}<small>{price(row.get('成本价'))}</small></td>"
        f"<td>{price(row.get('最新价'))}<small>{money(row.get('市值'), 0)}</small></td>"
        f'<td class="{colour(row.get("盈亏"))}">{signed(row.get("盈亏"))}'
        f'<small class="{colour(row.get("盈亏"))}">{ratio(row)}</small></td>'
        for row in ranked[:SHOWN_ROWS]
    ]
    return table("持仓", ("名称", "股数 / 成本", "现价 / 市值", "盈亏"), rows, len(ranked), csv)


def render_orders(orders: Sequence[dict[str, Any]], csv: str = "") -> str:
    """Orders of the strategy by their flag files; what nobody knows the end of comes first."""
    if not orders:
        return ""
    open_first = sorted(orders, key=lambda order: order["state"] != "unknown")
    rows = []
    for order in open_first[:SHOWN_ROWS]:
        code = order["code"][:6]
        row = {"名称": order["name"] or code, "代码": code if order["name"] else "", "买卖": order["side"]}
        yuan = f"约 {money(order['yuan'], 0)} 元" if order["yuan"] else price(order["price"])
        earlier = f"{order['earlier']} 的委托" if order["earlier"] else ""
        about = "：".join(filter(None, (earlier, order["reason"])))
        why = f'</tr><tr class="why"><td colspan="4"><small>{esc(about)}</small></td>' if about else ""
        rows.append(
            f"{name_cell(row)}{side_cell(row)}<td>{count_text(order['filled'])} / {count_text(order['shares'])}"
            f"<small>{yuan}</small></td>"
            f'<td><span class="{ORDER_COLOURS.get(order["state"], "new")}">{esc(order["word"])}</span>'
            f"<small>{esc(order['time'])}</small></td>{why}"
        )
    return table("策略的委托", ("基金", "买卖", "成交 / 委托股数", "状态 / 时间"), rows, len(orders), csv)


def render_deals(title: str, deals: Sequence[dict[str, Any]], csv: str = "") -> str:
    rows = [
        f"{name_cell(row)}{side_cell(row)}<td>{price(row.get('成交均价'))}<small>{count_text(row.get('成交量'))}</small></td>"
        f"<td>{money(row.get('成交额'), 0)}<small>{esc(time_text(row.get('时间')))}</small></td>"
        for row in list(reversed(deals))[:SHOWN_ROWS]
    ]
    return table(title, ("名称", "买卖", "价 / 量", "金额 / 时间"), rows, len(deals), csv)


def render_broker_orders(title: str, orders: Sequence[dict[str, Any]]) -> str:
    rows = [
        f"{name_cell(row)}{side_cell(row)}<td>{price(row.get('委托价'))}"
        f"<small>{count_text(row.get('成交量'))} / {count_text(row.get('委托量'))}</small></td>"
        f"<td>{esc(words(row.get('状态'), 12) or '—')}<small>{esc(time_text(row.get('时间')))}</small></td>"
        for row in list(reversed(orders))[:SHOWN_ROWS]
    ]
    return table(title, ("名称", "买卖", "价 / 成交量", "状态 / 时间"), rows, len(orders))


def render_money(account: dict[str, Any]) -> str:
    label_text = "总资产（元）" + (f" · {esc(last_digits(account.get('账号')))}" if account.get("账号") else "")
    return (
        f'<div class="money"><div class="big"><small>{label_text}</small>{money(account.get("总资产"))}</div>'
        f'<div class="trio"><div><span>总盈亏</span><b class="{colour(account.get("总盈亏"))}">'
        f"{signed(account.get('总盈亏'))}</b></div>"
        f"<div><span>总市值</span><b>{money(account.get('总市值'), 0)}</b></div>"
        f"<div><span>可用</span><b>{money(account.get('可用金额'), 0)}</b></div></div></div>"
    )


def legend(items: Sequence[tuple[str, str]]) -> str:
    """(class, text) of each line below a chart: a piece of the line itself and its name."""
    shapes = {"buys": '<path class="buys" d="M7 1l4.5 8h-9Z"/>', "sells": '<path class="sells" d="M7 9l4.5-8h-9Z"/>'}
    return (
        '<p class="legend">'
        + "".join(
            '<span><svg width="22" height="10" aria-hidden="true">'
            f"{shapes.get(kind) or f'<path class={kind!r} d={chr(34)}M0 5h22{chr(34)}/>'}</svg>{esc(text)}</span>"
            for kind, text in items
        )
        + "</p>"
    )


def span_text(points: Sequence[Sequence[float]], unit: str = "") -> str:
    """最低 … 最高 … 最后 …: a chart in words."""
    values = [point[1] for point in points]
    return f"最低 {money(min(values))}{unit}，最高 {money(max(values))}{unit}，最后 {money(values[-1])}{unit}"


def render_charts(data: dict[str, Any], _csrf: str) -> str:
    """Assets over time, what they are in, and a fund's price with the strategy's bands and its trades."""
    name, span = data["machine"], data["range"]
    keep = {"m": name, "f": data["fund"]}
    ranges = chips(
        "时间", "/charts", [(text, {**keep, "r": key}) for key, text in RANGES.items()], list(RANGES).index(span)
    )
    blocks = [
        render_equity("总资产", data["equity"], (("asset", "l0", "总资产"),), span, link("/csv/equity", {"m": name})),
        render_equity("市值和现金", data["equity"], (("market", "l0", "总市值"), ("cash", "l1", "可用现金")), span),
        render_price(data),
        render_allocation(data["allocation"]),
    ]
    top = head("图表", data) + machine_chips(data, "/charts", r=span) + ranges
    top += stale_note(data, data["day"]["in_session"])
    return top + f'<div class="blocks">{"".join(blocks)}</div>'


GAPS = {"d": 900.0, "y": 12 * DAY, "a": 12 * DAY}  # seconds between two values without a line; holidays last 10 days


def render_equity(
    title: str, equity: dict[str, Any], lines: Sequence[tuple[str, str, str]], span: str, csv: str = ""
) -> str:
    found = [(kind, text, equity[key]) for key, kind, text in lines if len(equity[key]) > 1]
    if not found:
        return block(title, empty("这段时间还没有数据；策略的心跳送来账户后会自动出现。"), "", csv)
    if span == "m":
        days = sorted({day_number(at) for _, _, points in found for at, _ in points})
        curves = [Curve(kind, trading_points(points, days)) for kind, _, points in found]
        ticks = day_ticks([day_text(day) for day in days], False)
    else:
        curves = [Curve(kind, broken([(at, value) for at, value in points], GAPS[span])) for kind, _, points in found]
        ticks = linear_ticks(min(c.points[0][0] for c in curves), max(c.points[-1][0] for c in curves))
    said = "；".join(f"{text}：{span_text(points, ' 元')}" for _, text, points in found)
    when = dashed(day_of(found[0][2][-1][0])) if span == "d" else RANGES[span]  # a day is the last with data
    inside = draw(frame_of(curves, floor=0.0), curves, ticks, f"{when}的{said}")
    note = legend([(kind, f"{text} {money(points[-1][1])}") for kind, text, points in found])
    return block(title, f'<div class="plot">{inside}{note}<p>{esc(said)}</p></div>', f"元，{when}", csv)


def render_allocation(parts: Sequence[dict[str, Any]]) -> str:
    if not parts:
        return block("配置", empty("还没有持仓数据。"))
    said = "，".join(f"{part['name'] or part['code']} {part['share']:.1%}" for part in parts)
    total = sum(part["value"] for part in parts)
    return block(
        "配置", f'<div class="plot">{draw_shares(parts, "资金配置：" + said)}</div>', f"共 {money(total, 0)} 元"
    )


def render_price(data: dict[str, Any]) -> str:
    """One fund: price, average, bands, trades."""
    if not data["funds"]:
        return block("基金价格", empty("还没有基金：有持仓，或 etf_grid 送来日线后会自动出现。"))
    codes = [fund["code"] for fund in data["funds"]]
    names = [fund["name"] or fund["code"] for fund in data["funds"]]
    keep = {"m": data["machine"], "r": data["range"]}
    choices = [(name, {**keep, "f": code}) for name, code in zip(names, codes)][:SHOWN_ROWS]
    chosen = codes.index(data["fund"])
    picture = render_minutes(data["price"]) if data["range"] == "d" else render_days(data["price"], data["range"])
    deals = render_deals(
        "它的成交", [{**deal, "时间": dashed(deal["day"])[5:]} for deal in reversed(data["price"]["deals"])]
    )
    return (
        block(f"{names[chosen]} {data['fund']}", chips("基金", "/charts", choices, chosen) + picture, "前复权") + deals
    )


def render_days(found: dict[str, Any], span: str) -> str:
    rows = [ChartRow(*row) for row in found["rows"]]
    if len([row for row in rows if row.close is not None]) < 2:
        return empty("这只基金还没有日线；etf_grid 每天第一次读到行情时送来。")
    columns = (("l0", "收盘", "close"), ("l1", "均线", "average"), ("l2", "买入线", "lower"), ("l3", "卖出线", "upper"))
    curves = [
        Curve(kind, [(float(place), getattr(row, key)) for place, row in enumerate(rows)]) for kind, _, key in columns
    ]
    places = {row.day: place for place, row in enumerate(rows)}
    marks = deal_marks(found["deals"], [row.day for row in rows], {row.day: row.close for row in rows})
    closes = [[float(places[row.day]), row.close] for row in rows if row.close is not None]
    said = f"{RANGES[span]}的收盘价：最低 {min(c for _, c in closes):.3f}，最高 {max(c for _, c in closes):.3f}"
    ticks = day_ticks([row.day for row in rows], span != "m")
    items = [(kind, f"{text} {price_at(rows, key)}") for kind, text, key in columns if price_at(rows, key)]
    return plot(curves, ticks, said, items, marks, found)


def render_minutes(found: dict[str, Any]) -> str:
    """One day's prices between the average and the bands of that day."""
    minutes = found["minutes"]
    if len(minutes) < 2:
        return empty("最近一天没有这只基金的分钟价格；它要在持仓里才有。")
    first, last = minutes[0][0], minutes[-1][0]
    curves, items = [Curve("l0", broken([(at, value) for at, value in minutes], GAPS["d"]))], []
    items.append(("l0", f"价格 {minutes[-1][1]:.3f}"))
    known = ChartRow(*found["last"]) if found["last"] else ChartRow("", None)
    near = [value for _, value in minutes]
    low, high = min(near), max(near)
    for kind, text, value in (
        ("l1", "均线", known.average),
        ("l2", "买入线", known.lower),
        ("l3", "卖出线", known.upper),
    ):
        if value is not None:
            items.append((kind, f"{text} {value:.3f}"))
            if low * 0.97 <= value <= high * 1.03:  # a line far away would leave nothing of the day's moves
                curves.append(Curve(kind, [(first, value), (last, value)]))
    said = f"{dashed(day_of(last))} 的价格：最低 {low:.3f}，最高 {high:.3f}，最后 {near[-1]:.3f}"
    return plot(curves, linear_ticks(first, last), said, items, (), found)


def plot(
    curves: Sequence[Curve],
    ticks: Sequence[tuple[float, str]],
    said: str,
    items: Sequence[tuple[str, str]],
    marks: Sequence[Mark],
    found: dict[str, Any],
) -> str:
    traded = [("buys", f"买 {sum(m.buys for m in marks)} 天")] * any(m.buys for m in marks)
    traded += [("sells", f"卖 {sum(not m.buys for m in marks)} 天")] * any(not m.buys for m in marks)
    source = (
        f"均线和买卖线由策略在 {found['posted']} 送来。" if found["posted"] else "只有持仓里的价格，没有策略的均线。"
    )
    shape = draw(frame_of(curves), curves, ticks, said, marks)
    return f'<div class="plot">{shape}{legend([*items, *traded])}<p>{esc(said)}。{esc(source)}</p></div>'


def price_at(rows: Sequence[ChartRow], key: str) -> str:
    """The newest value of a column as text; empty if it has none."""
    values = [getattr(row, key) for row in rows if getattr(row, key) is not None]
    return f"{values[-1]:.3f}" if values else ""


def deal_marks(deals: Sequence[dict[str, Any]], days: Sequence[str], closes: dict[str, Any]) -> list[Mark]:
    """One mark per day and side, at the close of that day or of the drawn day before: a deal's own price is not
    adjusted for dividends, so it may lie beside the line."""
    sides = {(deal["day"], "买" in str(deal.get("买卖") or "")) for deal in deals}
    found = []
    for day, buys in sorted(sides):
        place = bisect.bisect_right(days, day) - 1
        close = closes.get(days[place]) if place >= 0 else None
        if close is not None:
            found.append(Mark(float(place), close, buys))
    return found


def render_day(data: dict[str, Any], _csrf: str) -> str:
    """One day in review."""
    name, day = data["machine"], data["shown"]
    keep = {"m": name}
    around = "".join(
        f'<a class="btn" href="{link("/day", {**keep, "d": other})}">{text}</a>' if other else f"<span>{none}</span>"
        for other, text, none in (
            (data["previous"], "← 前一天", "没有更早的"),
            (data["next"], "后一天 →", "没有更新的"),
        )
    )
    chooser = (
        f'<form class="pick" method="get" action="/day">{hidden(m=name)}<input type="date" name="d" aria-label="日期"'
        f' value="{dashed(day)}"><button class="quiet">查看</button></form>'
    )
    at = midnight_of(day) or 0.0
    word = "今天，还没有结束" if data["today"] else "交易日" if data["trading"] else "休市日"
    title = f"{dashed(day)} 周{'一二三四五六日'[shanghai(at).weekday()]}"
    blocks = [
        block(title, day_facts(data), word),
        render_day_equity(data),
        render_timeline(data),
        render_deals("成交", data["deals"], link("/csv/deals", {**keep, "d": day})),
        render_orders(data["strategy_orders"], link("/csv/orders", {**keep, "d": day})),
        render_positions(data["positions"], link("/csv/positions", {**keep, "d": day})),
    ]
    top = head("复盘", data) + machine_chips(data, "/day", d=day) + f'<div class="around">{around}</div>{chooser}'
    return top + f'<div class="blocks">{"".join(blocks)}</div>'


def day_facts(data: dict[str, Any]) -> str:
    """The day in a few lines; what is not known is said to be unknown."""
    change, share, deals = data["change"], data["uptime"], data["deals"]
    assets = [value for value in (sound(row.get("总资产")) for row in data["accounts"]) if value is not None]
    bought = sum("买" in str(deal.get("买卖") or "") for deal in deals)
    amounts = [value for value in (sound(deal.get("成交额")) for deal in deals) if value is not None]
    grave = [incident for incident in data["incidents"] if incident["priority"] > LOW]
    rows = [
        ("总资产", f"{sum(assets):,.2f} 元（{data['archived_at']}）" if assets else "没有收到账户数据"),
        ("比前一次", f"{signed(change['yuan'])} 元（{change['share']:+.2%}）" if change else "没有可比的"),
        ("成交", f"买 {bought} 笔，卖 {len(deals) - bought} 笔，共 {money(sum(amounts), 0)} 元" if deals else "没有"),
        ("事件", f"{len(grave)} 件" if grave else "没有"),
        ("在线", "不知道" if share is None else f"交易时段的 {math.floor(share * 1000) / 10:g}%"),
    ]
    return facts(rows)


def render_day_equity(data: dict[str, Any]) -> str:
    points = data["equity"]
    if len(points) < 2:
        return block("当天总资产", empty("这一天没有可画的数据（分钟数据保留 8 天，小时数据保留 400 天）。"))
    curve = Curve("l0", broken([(at, value) for at, value in points], 2 * 3600.0))
    said = f"当天总资产：{span_text(points, ' 元')}"
    shape = draw(frame_of([curve], floor=0.0), [curve], linear_ticks(points[0][0], points[-1][0]), said)
    return block("当天总资产", f'<div class="plot">{shape}<p>{esc(said)}</p></div>', "元")


def render_timeline(data: dict[str, Any]) -> str:
    rows = [
        f'<li class="{one["state"]}">{icon(one["state"], 18)}<time>{esc(one["time"])}</time><div>'
        f"<b>{esc(one['what'])}</b>"
        f"<small>{esc('：'.join(filter(None, (one['kind'], one['detail']))))}</small></div></li>"
        for one in data["timeline"]
    ]
    rows, total = that_fit(rows, TIMELINE_BYTES), data["timeline_total"]
    small = f"{total} 件" if total == len(rows) else f"前 {len(rows)} 件，共 {total} 件"
    return block("时间线", f'<ol class="line-up">{"".join(rows)}</ol>' if rows else empty("这一天没有记录。"), small)


def render_messages_page(data: dict[str, Any], csrf: str) -> str:
    """Incidents, what was told and what each vendor answered, the channels and their test."""
    test = post_form("/test", "<button>发送测试告警</button>", csrf=csrf, back="messages")
    channels = "".join(render_channel(channel) for channel in data["channels"]) or empty("没有配置通道")
    blocks = [
        render_incidents(data["incidents"], csrf, "messages"),
        block("通道", channels + f'<div class="pad">{test}</div>'),
        render_messages(data["messages"], "消息", data["waiting"], link("/csv/messages", {})),
        render_closed(data["closed"]),
    ]
    shown = len(message_rows(data["messages"]))
    last = data["messages"][shown - 1]["id"] if shown < len(data["messages"]) else data["older"]
    turn = f'<a class="btn" href="{link("/messages", {"before": last})}">更早的消息</a>' if last else ""
    turn += '<a class="btn" href="/messages">回到最新</a>' if data["paged"] else ""
    return head("消息", data) + f'<div class="blocks">{"".join(blocks)}</div><div class="around">{turn}</div>'


def render_messages(messages: Sequence[dict[str, Any]], title: str, waiting: int, csv: str = "") -> str:
    if not messages:
        return block(title, empty("还没有发过消息"), "", csv)
    small = f"{waiting} 条等待发送" if waiting else ""
    return block(title, "".join(message_rows(messages)), small, csv)


def message_rows(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The newest that fit, each with its text and the whole of each vendor's answer below a fold."""
    marks = {"sent": "✓", "accepted": "…", "waiting": "…", "sending": "…", "failed": "✕", "withdrawn": "–"}
    rows = []
    for message in messages:
        answers = "".join(
            f"<li>{marks.get(a['state'], '')} {esc(a['channel'])} {esc(a['word'])}"
            f"{esc('：' + shorten(a['error'], 80) if a['error'] else '')}</li>"
            for a in message["answers"]
        )
        more = "".join(f"<p>{esc(line)}</p>" for line in answer_lines(message["answers"]))
        rows.append(
            f'<details class="msg" id="m{message["id"]}"><summary><time>{esc(message["time"])}</time>'
            f"<b>{esc(message['title'])}</b><ul>{answers}</ul></summary>"
            f"<p>{esc(shorten(message['body'], SHOWN_BODY))}</p>{more}</details>"
        )
    return that_fit(rows, MESSAGE_BYTES)


def answer_lines(answers: Sequence[dict[str, Any]]) -> list[str]:
    """How the sending went, channel by channel."""
    lines = []
    for answer in answers:
        parts = [f"试了 {answer['tries']} 次" if answer["tries"] > 1 else ""]
        parts += [f"{answer['time']} 送出" if answer["time"] else ""]
        parts += [f"对方的编号 {answer['provider_id']}" if answer["provider_id"] else ""]
        parts += [f"回答：{shorten(answer['error'], 300)}" if len(answer["error"]) > 80 else ""]
        said = "，".join(filter(None, parts))
        lines += [f"{answer['channel']}：{said}"] if said else []
    return lines


def render_closed(incidents: Sequence[dict[str, Any]]) -> str:
    rows = []
    for one in incidents:
        lasted = "" if one["one_off"] else f"，历时 {one['lasts']}"
        detail = f"{one['machine']} #{one['id']}{lasted}\n{shorten(one['detail'], 160)}"
        rows.append(
            f'<div class="msg"><time>{esc(one["since"])}</time><b>{esc(one["what"])}</b><p>{esc(detail)}</p></div>'
        )
    return block(
        "已结的事", "".join(that_fit(rows, TABLE_BYTES)) or empty("还没有"), "最近的", link("/csv/incidents", {})
    )


def render_channel(channel: dict[str, Any]) -> str:
    parts = [channel["why"], f"最后送出 {channel['last_ok']}" if channel["last_ok"] else ""]
    state = channel["state"]
    return (
        f'<div class="lamp {state}">{icon(state)}<div><span class="t">'
        f"<span>{esc(channel['label'])}（{esc(channel['name'])}）</span>"
        f'<em class="{state}">{esc(channel["word"])}</em></span>'
        f"<p>{esc('，'.join(filter(None, parts)))}</p></div></div>"
    )


def render_host(data: dict[str, Any], csrf: str) -> str:
    """The mini PC's measurements."""
    name, span = data["machine"], data["range"]
    top = head("主机", data) + machine_chips(data, "/host", r=span)
    top += chips(
        "时间", "/host", [(text, {"m": name, "r": key}) for key, text in HOST_RANGES.items()], "dm".index(span)
    )
    age = data["beat_age"]
    if age is not None and age > STALE_DATA:
        top += f'<div class="note">下面是 {esc(ago(age))}的数据：小主机之后没有再报。</div>'
    lamps = "".join(render_lamp(one, name, csrf) for one in data["lamps"])
    told = facts(data["facts"]) if data["facts"] else empty("还没有收到哨兵的数据；旧脚本不报这些。")
    drawn = [render_series(one, data["start"], data["now"], span) for one in data["series"]]
    blocks = [block(name, lamps + told), *drawn, render_workers(data["workers"])]
    return top + f'<div class="blocks">{"".join(blocks)}</div>'


def render_series(one: dict[str, Any], start: float, end: float, span: str) -> str:
    """One measurement: the means as a line, between lowest and highest as an area."""
    points = one["points"]
    if len(points) < 2:
        return block(one["title"], empty("这段时间没有数据"))
    curve = Curve("l0", broken([(at, mean) for at, _, _, mean in points], (end - start) / HOST_POINTS * 2.5))
    ends = [Curve("", [(start, None), (at, low), (at, high), (end, None)]) for at, low, high, _ in points]
    frame = frame_of(ends, 110, 0.0)
    frame = frame and frame._replace(left=start, right=end)
    low, high = min(row[1] for row in points), max(row[2] for row in points)
    unit, digits = one["unit"], 0 if one["unit"] == " 条" else 1
    said = "，".join(
        f"{word} {n:,.{digits}f}{unit}" for word, n in zip(("最低", "最高", "最近"), (low, high, points[-1][3]))
    )
    band = [area_of(frame, part) for part in runs(points, (end - start) / HOST_POINTS * 2.5)] if frame else []
    shape = draw(frame, [curve], linear_ticks(start, end), f"{one['title']}，{HOST_RANGES[span]}：{said}", (), band)
    return block(one["title"], f'<div class="plot">{shape}<p>{esc(said)}</p></div>')


def runs(points: Sequence[Sequence[float]], gap: float) -> list[list[tuple[float, float, float]]]:
    """(at, low, high) in pieces that are more than `gap` apart."""
    found: list[list[tuple[float, float, float]]] = []
    for at, low, high, _ in points:
        if not found or at - found[-1][-1][0] > gap:
            found.append([])
        found[-1].append((at, low, high))
    return found


WORKER_WORDS = {
    "sender": "发送",
    "spool": "收策略消息",
    "flags": "看委托记录",
    "qmt": "看 QMT",
    "host": "看小主机",
    "inbox": "收旧脚本消息",
    "health": "看磁盘和时钟",
    "qmt-log": "看 QMT 日志",
    "last-resort": "最后手段",
}


def render_workers(workers: Sequence[dict[str, Any]]) -> str:
    rows = []
    for one in workers:
        dead = one["age"] is not None and one["limit"] is not None and one["age"] > one["limit"]
        name = WORKER_WORDS.get(one["name"], one["name"])
        age = "—" if one["age"] is None else f"{one['age']:,.0f} 秒前"
        limit = "—" if one["limit"] is None else f"{one['limit']:,.0f} 秒"
        word = f'<span class="{"down" if dead else "up"}">{"停了" if dead else "在转"}</span>'
        cells = (esc(name), word, f"{age}<small>上限 {limit}</small>", f"{one['restarts']:,.0f}")
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    return table("哨兵的各个部分", ("部分", "状态", "上一轮", "重启次数"), rows, len(rows))


def render_machines(data: dict[str, Any], csrf: str) -> str:
    """Which mini PCs post here, and how one more is added."""
    cards = []
    for one in data["rows"]:
        pairs = [
            ("最后有消息", one["heard"] or "从未"),
            ("哨兵版本", one["version"]),
            ("脚本", "、".join(one["scripts"])),
            ("旧协议", "开着" if one["old_protocol"] else "没有开"),
        ]
        shown = render_lamp(one["lamp"], one["name"], csrf) if one["lamp"] else ""
        cards.append(block(one["name"], shown + facts([(key, value) for key, value in pairs if value])))
    steps = (
        '<ol class="steps"><li>在服务器上运行 <code>receiver.py pair 名字 --config receiver.ini</code>，它打印一行'
        "配对码（QS1 开头）。名字是新的就加一台，是已有的就换一个新令牌，旧的作废。</li>"
        "<li>在小主机上右键点哨兵图标，选“粘贴配对码…”，粘贴这一行。配对码等于钥匙，只显示一次，不在这个页面上。</li>"
        "<li>接收端不用重启，几秒后小主机出现在这里。</li></ol>"
    )
    shield = "加密（https）" if data["encrypted"] else "没有加密（http），只应在本机或代理后面用"
    pairs = [("地址", data["url"]), ("连接", shield)]
    pairs += [("证书指纹", data["fingerprint"])] if data["fingerprint"] else []
    pairs += [("备份", data["backup"])] if data["backup"] else []
    server = facts(pairs) + render_lamp(data["watch"], "", csrf)
    blocks = "".join(cards) + block("加一台小主机", steps) + block("这台服务器", server)
    leave = post_form("/logout", '<button class="quiet">退出登录</button>', csrf=csrf)
    return head("小主机和配对", data) + f'<div class="blocks">{blocks}</div><div class="around">{leave}</div>'


def render_footer(data: dict[str, Any]) -> str:
    day = data["day"]
    following = f"<p>下一个交易时段 {esc(day['next_session'])}</p>" if day["next_session"] else ""
    correction = data["correction"]
    wrong = f"<p>这台服务器的时钟差 {length(abs(correction))}，已按小主机和行情的时间判断。</p>" if correction else ""
    return (
        f"<footer>{following}{wrong}<p>休市日表到 {esc(day['covered_until'])}</p>"
        f"<p>接收端时间 {esc(data['time'])} · 版本 {VERSION}</p></footer>"
    )


class PageKind(NamedTuple):
    """A page: its name in the navigation, what gathers its data, what makes HTML of them, seconds between refreshes."""

    title: str
    gather: Callable[[Ask], dict[str, Any]]
    render: Callable[[dict[str, Any], str], str]
    refresh: int


def now_data(ask: Ask) -> dict[str, Any]:
    return status_data(ask.receiver, ask.db, ask.now)


PAGES = {
    "": PageKind("现在", now_data, render_now, 5),
    "trade": PageKind("交易", trade_data, render_trade, 5),
    "charts": PageKind("图表", charts_data, render_charts, 60),
    "day": PageKind("复盘", day_page_data, render_day, 60),
    "messages": PageKind("消息", messages_page_data, render_messages_page, 5),
    "host": PageKind("主机", host_data, render_host, 30),
    "machines": PageKind("配对", machines_page_data, render_machines, 30),
}


def navigation(name: str, machine: str) -> str:
    """The way to every page, first in the document and, on a phone, at its foot."""
    items = "".join(
        f'<a href="{link("/" + one, {"m": machine})}"{PRESENT if one == name else ""}>{kind.title}</a>'
        for one, kind in PAGES.items()
    )
    return f'<a class="skip" href="#main">跳到内容</a><nav class="tabs" aria-label="页面">{items}</nav>'


PRESENT = ' aria-current="page"'


########################################################################################################################
# Server ###############################################################################################################
########################################################################################################################


class PatientServer(wsgi.Server):
    """cheroot hands a new connection to a worker thread before its first byte has come, so a handful of idle ones (a
    browser's pre-connects) would occupy all threads. Here a connection that has not spoken yet waits in the selector,
    which costs nothing; the thread comes when there is something to read. And no stranger gets more than a few threads
    or a few dozen connections: what is more waits for its own, or is closed. Only a proxy on this host, which speaks
    for many, may have all."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.counting = threading.Lock()
        self.open: Counter[str] = Counter()  # connections by network
        self.working: Counter[str] = Counter()  # those of them that a thread serves or that are next
        self.parked: dict[str, deque[DrainingConnection]] = {}

    def process_conn(self, conn: DrainingConnection) -> None:
        if conn.last_used is None:
            if self.admit(conn):
                # put() sets last_used; an idle connection is closed after `timeout`.
                self._connections.put(conn)  # type: ignore[attr-defined,unused-ignore]
            else:
                conn.close()
            return
        with self.counting:
            if conn.network and self.working[conn.network] >= SAME_WORKING:
                self.parked.setdefault(conn.network, deque()).append(conn)
                return
            self.working[conn.network] += 1
        super().process_conn(conn)

    def admit(self, conn: DrainingConnection) -> bool:
        """Far from using up the files that a process may have open: accept() would fail from then on."""
        conn.network = "" if conn.remote_addr in LOOPBACK else network_of(str(conn.remote_addr))
        with self.counting:
            if sum(self.open.values()) >= ALL_OPEN or (conn.network and self.open[conn.network] >= SAME_OPEN):
                return False
            self.open[conn.network] += 1
            conn.admitted = True
            return True

    def served(self, network: str) -> None:
        """A thread is free again: the next of that network."""
        with self.counting:
            self.working[network] -= 1
            waiting = self.parked.get(network)
            following = waiting.popleft() if waiting else None
            if following is not None:
                self.working[network] += 1
            if not waiting:
                self.parked.pop(network, None)
            self.working += Counter()  # forgets those at zero
        if following is not None:
            super().process_conn(following)

    def closed(self, network: str) -> None:
        with self.counting:
            self.open[network] -= 1
            self.open += Counter()

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        log.log(level, "http: %s", msg, exc_info=traceback)


def readable(connection: socket.socket, seconds: float) -> bool:
    """Something came within so many seconds. select() knows no file number above 1023, poll() is not on Windows."""
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], seconds)[0])
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


@contextmanager
def broken_tls() -> Iterator[None]:
    """No TLS, none that we can speak, or cut off in the middle: a stranger that hung up, for cheroot, which would write
    a traceback to the log for each."""
    try:
        yield
    except ssl.SSLError as error:
        raise ConnectionResetError(errno.ECONNRESET, str(error)) from None


class Line(socket.SocketIO):
    """A socket as a raw file that can be told not to wait."""

    waits = True

    def readinto(self, buffer: Any) -> int | None:
        with broken_tls():
            return super().readinto(buffer) if self.waits else None


class Reader(io.BufferedReader):
    """cheroot reads requests through Python's io written in Python. This is the one written in C, with what cheroot
    asks for besides."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.line = connection, Line(connection, "rb")
        super().__init__(self.line)

    def has_data(self) -> bool:
        """A further request has been read from the socket already, by us or by TLS."""
        if isinstance(self.connection, ssl.SSLSocket) and self.connection.pending():
            return True
        self.line.waits = False
        try:
            return bool(self.peek())
        finally:
            self.line.waits = True


class Writer:
    """What cheroot writes to. Headers wait for the body behind them: one packet instead of two."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.held: list[bytes] | None = None

    def write(self, data: bytes) -> int:
        if self.held is not None:
            self.held.append(data)
        else:
            rest = memoryview(data)
            while rest:  # sendall() would bound the time for all of it, not for each piece
                with broken_tls():
                    rest = rest[self.connection.send(rest) :]
        return len(data)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is sent at its end."""
        self.held = []
        try:
            yield
        finally:
            data, self.held = b"".join(self.held), None
            self.write(data)


class DrainingConnection(HTTPConnection):
    """After refusing a body unread, closing at once would reset the connection, and the sender might never see the
    answer. So what still comes is read and thrown away, for a bounded time and size."""

    refused_body = False
    admitted = False
    network = ""

    def __init__(self, server: PatientServer, connection: socket.socket, *more: Any) -> None:
        super().__init__(server, connection, *more)  # type: ignore[no-untyped-call,unused-ignore]
        self.rfile, self.wfile = Reader(connection), Writer(connection)

    def communicate(self) -> bool:
        try:
            return self.converse()
        finally:
            self.server.served(self.network)

    def converse(self) -> bool:
        while True:
            with hang_up_after(REQUEST_SECONDS, self.socket):
                if not super().communicate():  # type: ignore[no-untyped-call,unused-ignore]
                    return False
            if self.server.parked or self.server.requests.idle < LINGER_FREE or self.rfile.has_data():
                return True
            if not readable(self.socket, LINGER):
                return True

    def close(self) -> None:
        if self.admitted:
            self.admitted = False
            self.server.closed(self.network)
        if self.refused_body:
            self.refused_body = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
                self.socket.settimeout(1.0)
                until, left = time.monotonic() + 3.0, 16 << 20
                while left > 0 and time.monotonic() < until:
                    got = len(self.socket.recv(65536))
                    if not got:
                        break
                    left -= got
            except OSError:
                pass  # the sender hung up: that is its right
        super().close()


class Gateway(wsgi.Gateway_10):
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override,unused-ignore]
        env: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call,unused-ignore]
        env["receiver.connection"] = self.req.conn
        if self.req.chunked_read:
            self.req.rfile.maxlen = BODY_BYTES
        elif self.req.rfile.remaining > BODY_BYTES:
            # Before it keeps a connection open cheroot reads the rest of a body, all of it at once.
            self.req.close_connection = self.req.conn.refused_body = True
        return env

    def respond(self) -> None:
        with self.req.conn.wfile.together():
            super().respond()  # type: ignore[no-untyped-call,unused-ignore]


class PatientTLS(BuiltinSSLAdapter):
    """cheroot shakes hands in its accepting loop, where one silent stranger would hold up everybody for seconds. Here
    the hands are shaken with the first read, in the thread of that connection."""

    def __init__(self, certificate: str, key: str) -> None:
        super().__init__(certificate, key)  # type: ignore[no-untyped-call,unused-ignore]
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


def make_server(app: bottle.Bottle, host: str, port: int, tls: tuple[Path, Path] | None = None) -> PatientServer:
    """`tls`: files of certificate and key. Raises OSError (ssl.SSLError is one) where they cannot be used."""
    server = PatientServer(
        (host, port),
        app,
        numthreads=THREADS,
        max=THREADS,
        request_queue_size=128,
        timeout=10,
        shutdown_timeout=2,
        server_name="QMT-Sentry",
    )
    server.gateway = Gateway
    server.ConnectionClass = DrainingConnection
    server.max_request_header_size = 32 << 10
    server.keep_alive_conn_limit = 200
    if tls is not None:
        server.ssl_adapter = PatientTLS(*(str(path) for path in tls))
    return server


def read_body(limit: int) -> bytes:
    """The request's body, at most `limit` bytes: more is refused before it is read. Raises Refuse."""
    environ = bottle.request.environ
    try:
        announced = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Refuse(400, "Content-Length is no number") from None
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if announced < 0:
        raise Refuse(400, "Content-Length is negative")
    body = b""
    too_large = announced > limit
    if not too_large:
        try:
            body = environ["wsgi.input"].read(limit + 1 if chunked else announced)
        except (MaxSizeExceeded, OSError) as error:
            if "Entity Too Large" not in str(error):
                raise
            too_large = True
        except ValueError:
            raise Refuse(400, "chunked body is garbled") from None
    if too_large or len(body) > limit:
        connection = environ.get("receiver.connection")
        if connection is not None:
            connection.refused_body = True
        raise Refuse(413, f"more than {limit} bytes")
    if not chunked and len(body) < announced:
        raise Refuse(400, "body is cut off")
    return body


def with_body(body: bytes) -> Any:
    """The request over a body that was read and bounded already: bottle never sees the socket."""
    environ = bottle.request.environ
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return bottle.request


def header(name: str) -> str:
    """A request header as it came (WSGI: one character per byte), whatever bytes a stranger put in; empty if absent."""
    return str(bottle.request.environ.get("HTTP_" + name.upper().replace("-", "_")) or "")


def json_answer(status: int, body: dict[str, Any], **headers: str) -> bottle.HTTPResponse:
    head = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", **headers}
    if status == 413:
        head["Connection"] = "close"
    return bottle.HTTPResponse(json.dumps(body), status, **{k.replace("_", "-"): v for k, v in head.items()})


def network_of(address: str) -> str:
    """Whom wrong passwords are counted against: an IPv4 address, or the /64 that one IPv6 customer has at least."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


class Doors:
    """The HTTP doors. Each answers in its callers' language: JSON for machines, the old shape for old scripts, plain
    Chinese pages for people. No error shows a traceback."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.failures: dict[str, list[float]] = {}  # wrong passwords by address
        self.failures_lock = threading.Lock()
        self.strangers: list[float] = []  # when wrong tokens were logged
        app = self.app = bottle.Bottle(catchall=True)
        app.route("/api/v1/events", "POST", self.guard_json(self.post_events))
        app.route("/api", "POST", self.guard_old(self.old_post))
        app.route("/api", "GET", self.guard_old(self.old_get))
        app.route("/healthz", "GET", self.healthz)
        app.route("/cb/<key>", "POST", self.guard_json(self.callback))
        self.route_pages()
        app.default_error_handler = self.error_answer

    @property
    def config(self) -> Config:
        """As it is now: a machine may be paired at any time."""
        return self.receiver.config

    # Machines ---------------------------------------------------------------------------------------------------------

    def guard_json(self, door: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**kwargs: str) -> Any:
            try:
                return door(**kwargs)
            except Refuse as error:
                return json_answer(error.status, {"error": error.error})
            except StoreRefused as error:
                log.error("cannot store: %s", error)
                return json_answer(503, {"error": "cannot store now"}, Retry_After="5")

        return guarded

    def machine_by(self, given: str, which: str) -> MachineConfig | None:
        """The machine whose token was given. Every token is compared, so that the time tells nothing."""
        found, digest = None, hashed_token(given)
        for machine in self.config.machines.values():
            if same_secret(digest, getattr(machine, which)):
                found = machine
        return found

    def log_stranger(self, what: str) -> None:
        """A line for the log, not more than STRANGERS_LOGGED in 5 minutes: nobody fills the disk with wrong tokens."""
        now = time.monotonic()
        self.strangers = [at for at in self.strangers if now - at < LOGIN_WINDOW]
        if len(self.strangers) < STRANGERS_LOGGED:
            self.strangers.append(now)
            log.warning("%s from %s", what, self.client())

    def post_events(self) -> bottle.HTTPResponse:
        scheme, _, token = header("Authorization").partition(" ")
        machine = self.machine_by(token.strip(), "token") if scheme.lower() == "bearer" else None
        if machine is None:
            self.log_stranger("v1: unknown token")
            raise Refuse(401, "unknown token")
        body = unpack(read_body(BATCH_BYTES), header("Content-Encoding").strip().lower())
        batch = read_batch(body, machine.name)

        def take(tx: Tx) -> dict[str, Any]:
            accepted, rejected = take_batch(tx, machine.name, batch)
            day = {"trading": tx.calendar.trades_on(tx.now), "covered_until": tx.calendar.covered_until.isoformat()}
            alerts = self.receiver.alerts(tx.db, tx.now)
            return {"accepted": accepted, "rejected": rejected, "now": tx.now, "alerts": alerts, "day": day}

        answer = self.receiver.take(take)
        for refused in answer["rejected"]:
            log.warning("v1: %s, event %s rejected: %s", machine.name, words(refused["id"], 40), refused["error"])
        return json_answer(200, answer)

    def guard_old(self, door: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**kwargs: str) -> Any:
            try:
                return door(**kwargs)
            except OldRefuse as error:
                return json_answer(400, {"code": 1, "msg": str(error)})
            except Refuse as error:
                text = "内容太大" if error.status == 413 else "请求不对：" + error.error
                return json_answer(413 if error.status == 413 else 400, {"code": 1, "msg": text})
            except StoreRefused as error:
                log.error("cannot store: %s", error)
                return json_answer(503, {"code": 1, "msg": "暂时不能保存，请稍后再发"}, Retry_After="5")

        return guarded

    def old_machine(self) -> MachineConfig:
        machine = self.machine_by(bottle.request.query.getunicode("token") or "", "old_token")
        if machine is None:
            self.log_stranger("old protocol: wrong token")
            raise OldRefuse("token 不对")
        return machine

    def old_post(self) -> bottle.HTTPResponse:
        machine = self.old_machine()
        body = read_body(OLD_POST_BYTES + FORM_OVERHEAD)
        content_type = str(bottle.request.environ.get("CONTENT_TYPE") or "").lower()
        if content_type.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
            action, name, files = self.read_form(body)
            self.receiver.take(lambda tx: old_form_post(tx, machine.name, action, name, files))
        else:
            if len(body) > OLD_POST_BYTES:
                raise Refuse(413, "too large")
            try:
                post = parse_json(body)
            except ValueError:
                raise OldRefuse("内容不是 JSON") from None
            self.receiver.take(lambda tx: old_json_post(tx, machine.name, post))
        return json_answer(200, {"code": 0, "msg": "ok"})

    def read_form(self, body: bytes) -> tuple[str, str, list[tuple[str, bytes]]]:
        """(action, name, files) of a posted form. Raises OldRefuse and Refuse."""
        request = with_body(body)
        try:
            uploads = [part for _, part in request.files.allitems()]
            action, name = request.forms.getunicode("action"), request.forms.getunicode("name")
        except (bottle.HTTPError, ValueError):  # ValueError: bottle met a control character in a part's header
            raise OldRefuse("表单格式不对") from None
        if len(uploads) > OLD_FILES:
            raise OldRefuse(f"一次最多 {OLD_FILES} 个文件")
        files = [(part.raw_filename or "", part.file.read(FILE_BYTES + 1)) for part in uploads]
        if any(len(content) > FILE_BYTES for _, content in files):
            raise OldRefuse(f"每个文件最多 {FILE_BYTES >> 10} KiB")
        if sum(len(content) for _, content in files) > OLD_POST_BYTES:
            raise OldRefuse(f"一次最多 {OLD_POST_BYTES >> 20} MiB")
        return action or "", name or "", files

    def old_get(self) -> bottle.HTTPResponse:
        machine, query = self.old_machine(), bottle.request.query
        with self.receiver.store.read() as db:
            action, name = query.getunicode("action") or "", query.getunicode("name") or ""
            return json_answer(200, old_query(db, machine.name, action, name, self.receiver.now(), self.config.silent))

    def healthz(self) -> bottle.HTTPResponse:
        ok, body = self.receiver.health()
        return json_answer(200 if ok else 503, body)

    def callback(self, key: str) -> bottle.HTTPResponse:
        """pushplus tells what became of a message; whoever knows the random path may say it once."""
        try:
            post = parse_json(read_body(PAGE_FORM_BYTES))
        except ValueError:
            raise Refuse(400, "body is no JSON") from None
        info = post.get("messageInfo") if isinstance(post, dict) else None
        status = info.get("sendStatus") if isinstance(info, dict) else None
        if isinstance(status, bool) or not isinstance(status, int):
            raise Refuse(400, "messageInfo.sendStatus is missing")
        with self.receiver.transaction() as tx:
            known = confirm(tx, key, status)
        if not known:
            raise Refuse(404, "not found")
        return json_answer(200, {"ok": True})

    def client(self) -> str:
        """The caller's address for the log and for counting wrong passwords. A proxy on this host (Caddy) appends the
        real one to X-Forwarded-For; from anyone else that header is worth nothing."""
        remote = bottle.request.environ.get("REMOTE_ADDR") or "?"
        if remote in ("127.0.0.1", "::1"):
            forwarded = header("X-Forwarded-For").split(",")[-1].strip()
            return words(forwarded, 60) or remote
        return remote

    def error_answer(self, error: bottle.HTTPError) -> str | bottle.HTTPResponse:
        """Wrong address, wrong method or a bug: JSON for machines, a plain page for people, no traceback for anyone."""
        if error.exception is not None:
            log.error("bug at %s", bottle.request.path, exc_info=error.exception)
        status = error.status_code
        if bottle.request.path.startswith(("/api", "/cb/", "/healthz")):
            bottle.response.content_type = "application/json; charset=utf-8"
            return json.dumps({"error": error.status_line} if status < 500 else {"error": "internal error"})
        return self.plain_page(
            {404: "没有这个页面", 405: "不能这样访问这个页面"}.get(status, "出错了，请稍后再试"), status
        )

    # People -----------------------------------------------------------------------------------------------------------

    def route_pages(self) -> None:
        for path, method, door in (
            ("/fragment", "GET", self.fragment),
            ("/csv/<name>", "GET", self.csv),
            ("/login", "GET", self.login_page),
            ("/login", "POST", self.login),
            ("/logout", "POST", self.logout),
            ("/test", "POST", self.test_alert),
            ("/ack", "POST", self.acknowledge),
            ("/mute", "POST", self.mute),
            ("/forget", "POST", self.forget),
        ):
            self.app.route(path, method, self.guard_page(door))
        for name in PAGES:
            self.app.route("/" + name, "GET", self.guard_page(partial(self.show_page, name)))
            self.app.route("/api/v1/" + (name or "status"), "GET", self.guard_json(partial(self.page_json, name)))

    def guard_page(self, door: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**kwargs: str) -> Any:
            try:
                return door(**kwargs)
            except Refuse as error:
                return self.html_answer(self.plain_body("请求不对，请返回重试。"), error.status)
            except StoreRefused as error:
                log.error("cannot use the database: %s", error)
                return self.html_answer(
                    self.plain_body("数据库暂时不能用，请稍后再试；还不行就看服务器的磁盘空间。"), 503
                )

        return guarded

    def html_answer(
        self, body: str, status: int = 200, script: str = "", whole: bool = True, title: str = "", tabs: str = ""
    ) -> bottle.HTTPResponse:
        nonce = secrets.token_urlsafe(16)
        title = f"{title} · QMT 哨兵" if title else "QMT 哨兵"
        text = page(title, body, nonce, script, tabs) if whole else body
        return bottle.HTTPResponse(text.encode("utf-8", "replace"), status, **self.page_headers(nonce))

    def page_headers(self, nonce: str) -> dict[str, str]:
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:;"
            " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }

    def plain_body(self, text: str) -> str:
        back = '<p><a href="/">回到首页</a></p>'
        return f'<section class="card login"><h1>QMT 哨兵</h1><p>{esc(text)}</p>{back}</section>'

    def plain_page(self, text: str, status: int) -> str:
        nonce = secrets.token_urlsafe(16)
        for name, value in self.page_headers(nonce).items():
            bottle.response.set_header(name, value)
        bottle.response.status = status
        return page("QMT 哨兵", self.plain_body(text), nonce)

    # The login cookie: expiry, a random part, and a signature over both and the password, so that a new password ends
    # all logins.

    def sign(self, text: str) -> str:
        key = (self.config.secret + "\0" + self.config.password).encode()
        return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def cookie(self, name: str) -> str:
        found = re.search(rf"(?:^|;\s*){name}=([\w.\-]+)", header("Cookie"), re.ASCII)
        return found.group(1) if found else ""

    def session(self) -> str:
        """The valid login cookie of this request, or an empty text."""
        cookie = self.cookie(COOKIE)
        head, _, signature = cookie.rpartition(".")
        expires = head.partition(".")[0]
        valid = same_secret(signature, self.sign("login " + head)) and expires.isdigit()
        return cookie if valid and int(expires) > self.receiver.now() else ""

    def csrf(self, session: str) -> str:
        return self.sign("form " + session)[:40]

    def read_page_form(self) -> Any:
        request = with_body(read_body(PAGE_FORM_BYTES))
        try:
            return request.forms
        except (bottle.HTTPError, ValueError):
            raise Refuse(400, "form is garbled") from None

    def owner_form(self) -> Any:
        """The posted form of a logged-in owner. Raises Refuse: a form of another site has no valid csrf field."""
        session = self.session()
        form = self.read_page_form()
        if not session or not same_secret(form.get("csrf") or "", self.csrf(session)):
            raise Refuse(403, "not from our page")
        return form

    def see_other(self, address: str) -> bottle.HTTPResponse:
        return bottle.HTTPResponse("", 303, Location=address, Cache_Control="no-store")

    def show_page(self, name: str) -> bottle.HTTPResponse:
        session = self.session()
        if not session:
            return self.see_other("/login")
        kind, csrf = PAGES[name], self.csrf(session)
        said = SAYINGS.get(bottle.request.query.get("said") or "", "")
        note = f'<div class="note ok" role="status">{esc(said)}</div>' if said else ""
        query = self.page_query()
        source = link("/fragment", {"page": name, **query})
        body = (
            f'<div id="gone" class="note" hidden></div>{note}<div id="live" data-src="{source}"'
            f' data-every="{kind.refresh}">{kind.render(self.data(name, query), csrf)}</div>'
        )
        title = kind.title if name else ""
        return self.html_answer(body, script=SCRIPT, title=title, tabs=navigation(name, query.get("m", "")))

    def page_query(self) -> dict[str, str]:
        return clean_query({key: bottle.request.query.getunicode(key) or "" for key in QUERY_WORDS})

    def data(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        with self.receiver.store.read() as db:
            return PAGES[name].gather(Ask(self.receiver, db, self.receiver.now(), query))

    def fragment(self) -> bottle.HTTPResponse:
        """The part of a page that changes."""
        session = self.session()
        if not session:
            return self.html_answer("", 401, whole=False)
        name = bottle.request.query.getunicode("page") or ""
        if name not in PAGES:
            raise Refuse(404, "no such page")
        inside = PAGES[name].render(self.data(name, self.page_query()), self.csrf(session))
        return self.html_answer(inside, whole=False)

    def page_json(self, name: str) -> bottle.HTTPResponse:
        if not self.session():
            return json_answer(401, {"error": "log in first"})
        return json_answer(200, json.loads(dump_json(self.data(name, self.page_query()))))

    def csv(self, name: str) -> bottle.HTTPResponse:
        if not self.session():
            return self.see_other("/login")
        if name not in CSV_TABLES:
            raise Refuse(404, "no such table")
        query = self.page_query()
        with self.receiver.store.read() as db:
            ask = Ask(self.receiver, db, self.receiver.now(), query)
            text = csv_text(CSV_TABLES[name](ask))
        filename = f"{name}-{query.get('d') or day_of(self.receiver.now())}.csv"
        head = {**self.page_headers(""), "Content-Type": "text/csv; charset=utf-8"}
        return bottle.HTTPResponse(text, 200, Content_Disposition=f'attachment; filename="{filename}"', **head)

    def login_page(self, wrong: str = "", status: int = 200) -> bottle.HTTPResponse:
        note = f'<div class="note">{esc(wrong)}</div>' if wrong else ""
        return self.html_answer(
            '<section class="card login"><h1>QMT 哨兵</h1><form method="post" action="/login"><label>密码'
            '<input name="password" type="password" autocomplete="current-password" required autofocus></label>'
            f"<button>登录</button></form>{note}</section>",
            status,
        )

    def login(self) -> bottle.HTTPResponse:
        """Wrong passwords are counted by network and altogether; a browser that has logged in before is counted for
        itself, so that no crowd of guessers locks the owner out. A form posted by another site is not taken."""
        if (header("Sec-Fetch-Site") or "same-origin") not in ("same-origin", "none"):
            raise Refuse(403, "not from our page")
        now, client = time.monotonic(), self.client()
        known = self.known_browser()
        client = "browser " + known if known else network_of(client)
        given = self.read_page_form().getunicode("password") or ""
        if not self.may_try(client, now):
            return self.login_page("试得太多了，请过 5 分钟再试。", 429)
        right = right_password(given, self.config.password)
        with self.failures_lock:
            if right:
                self.failures.get(client, [now]).remove(now)
        if not right:
            log.warning("wrong password from %s", client)
            return self.login_page("密码不对。密码在服务器的 receiver.ini 里。", 403)
        head = f"{int(self.receiver.now()) + LOGIN_DAYS * DAY}.{secrets.token_urlsafe(12)}"
        browser = known or secrets.token_urlsafe(12)
        answer = self.see_other("/")
        for name, value, days in (
            (COOKIE, f"{head}.{self.sign('login ' + head)}", LOGIN_DAYS),
            (BROWSER_COOKIE, f"{browser}.{self.sign('browser ' + browser)}", BROWSER_DAYS),
        ):
            answer.set_cookie(
                name,
                value,
                path="/",
                httponly=True,
                samesite="lax",
                secure=self.config.public_url.startswith("https://"),
                max_age=days * DAY,
            )
        return answer

    def may_try(self, client: str, now: float) -> bool:
        """Counts a try before its password is looked at, so that many at the same time are counted too."""
        with self.failures_lock:
            recent = {who: [at for at in times if now - at < LOGIN_WINDOW] for who, times in self.failures.items()}
            self.failures = {who: times for who, times in recent.items() if times}
            mine = len(self.failures.get(client, []))
            strangers = sum(len(times) for who, times in self.failures.items() if not who.startswith("browser "))
            if mine >= LOGIN_TRIES or (not client.startswith("browser ") and strangers >= LOGIN_TRIES * 12):
                return False
            self.failures.setdefault(client, []).append(now)
            return True

    def known_browser(self) -> str:
        """The number of a browser that has logged in before with the present password, or an empty text."""
        browser, _, signature = self.cookie(BROWSER_COOKIE).rpartition(".")
        return browser if browser and same_secret(signature, self.sign("browser " + browser)) else ""

    def logout(self) -> bottle.HTTPResponse:
        self.owner_form()
        answer = self.see_other("/login")
        answer.delete_cookie(COOKIE, path="/")
        return answer

    def test_alert(self) -> bottle.HTTPResponse:
        form = self.owner_form()
        with self.receiver.transaction() as tx:
            send_test(tx, "", "从看板上发出。")
        return self.back(form, "test")

    def back(self, form: Any, said: str) -> bottle.HTTPResponse:
        """To the page on which the button stands."""
        name = form.getunicode("back") or ""
        return self.see_other("/" + (name if name in PAGES else "") + "?said=" + said)

    def number_in(self, form: Any, key: str, digits: int) -> int:
        text = form.get(key) or ""
        if not re.fullmatch(rf"[0-9]{{1,{digits}}}", text):
            raise Refuse(400, key + " is missing")
        return int(text)

    def acknowledge(self) -> bottle.HTTPResponse:
        form = self.owner_form()
        incident = self.number_in(form, "id", 15)
        with self.receiver.transaction() as tx:
            acknowledge(tx, incident)
        return self.back(form, "ack")

    def mute(self) -> bottle.HTTPResponse:
        """No reminders of one incident for some hours; 0: they begin again."""
        form = self.owner_form()
        incident, hours = self.number_in(form, "id", 15), self.number_in(form, "hours", 4)
        with self.receiver.transaction() as tx:
            mute(tx, incident, hours * 3600.0)
        return self.back(form, "muted" if hours else "unmuted")

    def forget(self) -> bottle.HTTPResponse:
        """Takes a script that is no longer used off the watch; it comes back by itself with its next heartbeat."""
        form = self.owner_form()
        machine, kind, name = (form.getunicode(key) or "" for key in ("machine", "kind", "name"))
        if kind not in ("qmt.heartbeat", "old.qmt", "old.server"):
            raise Refuse(400, "kind is missing")
        with self.receiver.transaction() as tx:
            tx.db.execute("DELETE FROM source WHERE machine = ? AND kind = ? AND name = ?", (machine, kind, name))
            for incident in open_incidents(tx.db, machine):
                if (incident.kind, incident.name) == (kind, name):
                    tx.db.execute("UPDATE incident SET resolved = ? WHERE id = ?", (tx.now, incident.id))
        return self.see_other("/?said=forgotten")


COOKIE = "sentry_login"
LOGIN_DAYS = 30
BROWSER_COOKIE = "sentry_browser"
BROWSER_DAYS = 400
LOGIN_TRIES = 5
LOGIN_WINDOW = 300.0
STRANGERS_LOGGED = 30
SAYINGS = {
    "test": "测试告警已交给每个通道，几秒内应到手机；结果在“消息”页里。",
    "ack": "记下了，恢复前不再提醒。",
    "muted": "记下了，到时候还没恢复再提醒；恢复了照样通知。",
    "unmuted": "又会提醒了。",
    "forgotten": "不再监视它；它下次有心跳时会自动回来。",
}


########################################################################################################################
# Command line #########################################################################################################
########################################################################################################################

INI_TEXT = """\
; QMT 哨兵接收端的设置。改完后重启：systemctl restart qmt-sentry（[machine:…] 段不用，几秒后生效）
; 这里有密码和令牌，文件权限应为 600。

[receiver]
listen = {listen}
public_url = {url}
database = receiver.db
; 密码和令牌只存摘要。改密码：receiver.py password；换令牌、加小主机：receiver.py pair 名字
password = {password_hash}
secret = {secret}
; 一切正常时每分钟访问一次这个网址，由它来告诉您这台服务器没了；留空 = 没有人看着这台服务器。
watchdog_url =
{tls}
[machine:{machine}]
token = {token_hash}
old_token = {old_token_hash}

; 交易时段、可以立刻告警的时段。休市日表以外的休市日：receiver.py calendar add 2027-01-01 ...
[calendar]
sessions = 09:25-11:30, 13:00-15:00
tell = 09:00-15:10
; 每个交易日的“准备好了”和收盘小结；收不到就说明这条链断了。
ready_at = 09:25
report_at = 15:05

; 消息里写不写金额。
[alerts]
show_amounts = no

; 沉默多少秒（只算交易时段内）算中断。
[check:host]
silent = 90
[check:qmt.heartbeat]
silent = 180

; 告警通道：至少打开一个，最好两个。去掉行首的分号，填好，然后运行 receiver.py test-alert
;[channel:wecom]
;type = wecom
;key = 企业微信群机器人地址里 key= 后面的部分

;[channel:pushplus]
;type = pushplus
;token = pushplus 的 token

;[channel:mail]
;type = smtp
;host = smtp.qq.com
;port = 465
;security = ssl
;user = 12345@qq.com
;password = 16 位授权码
;from = 12345@qq.com
;to = 12345@qq.com
"""


def run_init(options: argparse.Namespace) -> int:
    """Writes receiver.ini with fresh secrets and says what to type on the mini PC."""
    folder = Path(options.dir)
    path = folder / "receiver.ini"
    try:
        listen_of(options.listen)
        url = url_of(options.public_url or f"http://{options.listen}")
    except ValueError as error:
        raise ConfigError(f"命令行参数不对：{error}。") from None
    if options.self_signed and not url.startswith("https://"):
        raise ConfigError("--self-signed 要和 --public-url https://公网地址:端口、--listen 0.0.0.0:端口 一起用。")
    if not re.fullmatch(r"[\w.\-]{1,40}", options.machine):
        raise ConfigError("--machine 只能用字母、数字、汉字和 . _ -，最多 40 个字。")
    values = {
        "listen": options.listen,
        "url": url,
        "machine": options.machine,
        "password": secrets.token_urlsafe(9),
        "secret": secrets.token_hex(32),
        "token": secrets.token_urlsafe(24),
        "old_token": secrets.token_urlsafe(18),
        "tls": "",
    }
    values["password_hash"] = hashed_password(values["password"])
    for key in ("token", "old_token"):
        values[key + "_hash"] = hashed_token(values[key])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        if options.self_signed:
            make_certificate(folder, urllib.parse.urlsplit(url).hostname or "localhost")
            values["tls"] = "certificate = certificate.pem\ncertificate_key = certificate-key.pem\n"
    except FileExistsError:
        raise ConfigError(f"{path} 已经存在，不会覆盖。要重新生成，请先把它改名或删除。") from None
    except OSError as error:
        raise ConfigError(f"写不了 {path}：{error.strerror}。") from None
    except ConfigError:
        os.close(handle)
        path.unlink()
        raise
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(INI_TEXT.format(**values))
    code = pairing_code(load_config(path), values["machine"], values["token"])
    print(
        f"已生成 {path}。下面的密码和配对码只显示这一次。\n\n"
        f"网页：{url}\n密码：{values['password']}\n\n"
        f"1. 在 {path.name} 里打开至少一个告警通道，发一条试试：\n   receiver.py test-alert --config {path}\n"
        f"2. 运行接收端：\n   receiver.py serve --config {path}\n"
        f"3. 在小主机上右键点哨兵图标，选“粘贴配对码…”，粘贴这一行：\n{code}\n\n"
        f"不用配对码，就在小主机的 sentry.ini 里写（[inbox] 只给旧脚本用）：\n\n"
        f"[sentry]\nmachine = {values['machine']}\nreceiver = {url}\ntoken = {values['token']}\n\n"
        f"[inbox]\ntoken = {values['old_token']}"
    )
    return 0


def make_certificate(folder: Path, host: str) -> None:
    """certificate.pem and certificate-key.pem for a host name or address, valid for ten years. Raises ConfigError."""
    kind = "IP" if re.fullmatch(r"[\d.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*", host) else "DNS"
    key, certificate = folder / "certificate-key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "3650", "-subj", "/CN=QMT Sentry", "-addext", f"subjectAltName={kind}:{host}"]
    mask = os.umask(0o077)
    try:
        done = subprocess.run(
            [*command, "-keyout", str(key), "-out", str(certificate)], capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ConfigError("没有 openssl，不能生成证书。先安装：sudo apt install openssl。") from None
    finally:
        os.umask(mask)
    if done.returncode:
        said = words(done.stderr.decode("utf-8", "replace"), 200)
        raise ConfigError(f"openssl 没有生成证书（{said}）。检查 --public-url 里的地址。")


def fingerprint_of(certificate: Path) -> str:
    """SHA-256 of the certificate itself, in hex: what a client pins. Raises ConfigError."""
    try:
        text = certificate.read_text(encoding="ascii", errors="replace")
        start, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start:end])).hexdigest()
    except (OSError, ValueError):
        raise ConfigError(f"读不了证书 {certificate}。检查 receiver.ini 的 [receiver] certificate。") from None


def pairing_code(config: Config, machine: str, token: str) -> str:
    """All that a mini PC must know, as one line to paste: address, name, token, and the fingerprint of a certificate
    of our own. docs/protocol.md, section 8."""
    parts = {"url": config.public_url, "machine": machine, "token": token}
    if config.certificate is not None:
        parts["fingerprint"] = fingerprint_of(config.certificate)
    packed = base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode("utf-8")).decode().rstrip("=")
    return "QS1." + packed


def replace_in_ini(path: Path, section: str, values: dict[str, str]) -> None:
    """Sets keys of a section, and adds the section if it is missing; every other line stays as its owner wrote it.
    Written beside, read back and renamed: an ini is never half there, and none is put in place that would not be
    understood. Raises ConfigError."""
    lines, left, inside, found = path.read_text(encoding="utf-8-sig").splitlines(), dict(values), False, False
    written: list[str] = []
    for line in [*lines, "["]:  # the last one ends the last section
        bare = re.split(r"(?:^|\s);", line, maxsplit=1)[0].rstrip()
        if line.startswith("["):
            if inside:
                written += [f"{key} = {value}" for key, value in left.items()]
                left = {}
            inside = bare == f"[{section}]"
            found = found or inside
        key = re.split("[=:]", bare, maxsplit=1)[0].strip().lower()
        if inside and key in values:
            line = f"{key} = {left.pop(key, values[key])}"
        written.append(line)
    written.pop()
    if not found:
        written += ["", f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
    beside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        beside.unlink()
    try:
        handle = os.open(str(beside), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(written) + "\n")
            file.flush()
            os.fsync(file.fileno())
        load_config(beside)
        if hasattr(os, "chown"):
            os.chown(str(beside), path.stat().st_uid, path.stat().st_gid)
        os.replace(str(beside), str(path))
    except ConfigError as error:
        beside.unlink()
        lines = [f"{key} = {value}" for key, value in values.items()]
        raise ConfigError(f"没有改 {path}（{error}）。请在 [{section}] 里自己写：{'，'.join(lines)}") from None
    except OSError as error:
        raise ConfigError(f"写不了 {path}：{error.strerror}。换成能写这个文件的用户再运行。") from None


def mark_of(path: Path) -> tuple[int, ...] | None:
    """Another one after each change of the file or of its rights; None while it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def run_pair(options: argparse.Namespace) -> int:
    """A new token for a machine, known or new. Only its hash is kept; the code is shown once."""
    config = load_config(options.config)
    if not re.fullmatch(r"[\w.\-]{1,40}", options.name):
        raise ConfigError("名字只能用字母、数字、汉字和 . _ -，最多 40 个字。")
    token = secrets.token_urlsafe(24)
    replace_in_ini(config.path, f"machine:{options.name}", {"token": hashed_token(token)})
    said = "已换新配对码，旧的不再有效" if options.name in config.machines else "已加入"
    print(
        f"{said}：{options.name}\n\n在小主机上右键点哨兵图标，选“粘贴配对码…”，粘贴这一行（只显示这一次）：\n"
        f"{pairing_code(config, options.name, token)}\n\n接收端不用重启，几秒后就认得它。"
    )
    return 0


def run_password(options: argparse.Namespace) -> int:
    """A new password for the page; every login made with the old one ends."""
    config = load_config(options.config)
    password = secrets.token_urlsafe(9)
    replace_in_ini(config.path, "receiver", {"password": hashed_password(password)})
    print(f"新密码（只显示这一次）：{password}\n重启接收端后生效：systemctl restart qmt-sentry")
    return 0


def plain_secrets(path: Path) -> dict[str, dict[str, str]]:
    """{section: {key: digest}} of the secrets that stand in the ini as plain text."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), default_section="\0")
    parser.read_string(path.read_text(encoding="utf-8-sig"))
    found: dict[str, dict[str, str]] = {}
    for section in parser.sections():
        keys = ("token", "old_token") if section.startswith("machine:") else ()
        for key in ("password",) if section == "receiver" else keys:
            plain = parser.get(section, key, fallback="")
            if plain and not plain.startswith(("sha256:", "pbkdf2:")):
                digest = hashed_password(plain) if key == "password" else hashed_token(plain)
                found.setdefault(section, {})[key] = digest
    return found


def run_hash(options: argparse.Namespace) -> int:
    """Old inis hold plain secrets: puts their digests in their place. The secrets themselves stay as they are."""
    config = load_config(options.config)
    plain = plain_secrets(config.path)
    for section, values in plain.items():
        replace_in_ini(config.path, section, values)
    said = "、".join(f"[{section}] {key}" for section, values in plain.items() for key in values)
    print(f"已换成摘要：{said}。密码和令牌本身没有变，小主机不用改。" if plain else "没有明文的密码或令牌，不用改。")
    if plain:
        print("现在重启接收端，网页要重新登录：systemctl restart qmt-sentry")
    return 0


def integrity(path: Path) -> tuple[str, int]:
    """("ok" or what is wrong, schema version) of a database file."""
    try:
        with closing(sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True, timeout=30)) as db:
            found = db.execute("PRAGMA integrity_check").fetchone()[0]
            has_events = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'event'").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            return (found if has_events else "不是接收端的数据库"), version
    except sqlite3.DatabaseError as error:
        return str(error), 0


def run_backup(options: argparse.Namespace) -> int:
    """Never overwrites."""
    config, target = load_config(options.config), Path(options.file)
    if target.exists():
        raise ConfigError(f"{target} 已经存在，不会覆盖。换一个文件名。")
    copy_database(config, target)
    return 0


def copy_database(config: Config, target: Path) -> None:
    """A whole copy while the receiver runs, checked before it gets its name. Raises ConfigError."""
    if not config.database.exists():
        raise ConfigError(f"还没有数据库 {config.database}。先运行一次 receiver.py serve。")
    beside = target.with_name(target.name + ".part")
    mask = os.umask(0o077)
    try:
        with suppress(FileNotFoundError):
            beside.unlink()  # of a backup that was killed
        # A copy must never take the room that the receiver itself needs to take posts in.
        left = shutil.disk_usage(str(target.absolute().parent)).free - config.database.stat().st_size
        if left < BACKUP_LEAVES:
            raise ConfigError(f"磁盘空间不够备份：备份完只剩 {max(left, 0) / 1e6:.0f} MB。先删掉旧的备份或别的文件。")
        db, twin = sqlite3.connect(str(config.database), timeout=30), sqlite3.connect(str(beside))
        with closing(db), closing(twin):
            db.backup(twin)
            twin.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        found, _ = integrity(beside)
        if found != "ok":
            raise ConfigError(f"备份没有通过检查（{found}），没有保存。再运行一次；还不行就检查磁盘。")
        os.replace(str(beside), str(target))
    except (sqlite3.DatabaseError, OSError) as error:
        raise ConfigError(f"备份没有成功：{error}。检查磁盘空间和文件权限。") from None
    finally:
        os.umask(mask)
        if beside.exists():
            beside.unlink()
    print(f"已备份到 {target}（{target.stat().st_size / 1e6:.1f} MB，检查通过）")


def run_daily_backup(options: argparse.Namespace) -> int:
    """For a timer. A file for each day of the week beside the database; the old one goes when the new one is whole.
    Leaves word for the receiver: a failure that only the timer knows of is found out when the backup is needed."""
    config, now = load_config(options.config), time.time()
    if options.off:
        leave_word(config.database, lambda _known: None)
        print("不再等每日备份。定时也停掉：systemctl disable --now qmt-sentry-backup.timer")
        return 0
    with ExitStack() as held:
        with suppress(OSError):  # no room or no right for a lock: the copy will say so
            lock = config.database.with_name(config.database.name + ".daily")
            held.enter_context(hold_lock(lock, "另一个每日备份正在做，等它做完。"))
        make_daily_backup(config, now)
    return 0


def make_daily_backup(config: Config, now: float) -> None:
    """The day's copy, and the word of it. Raises ConfigError."""
    try:
        copy_database(config, config.database.with_name(f"day-{shanghai(now).isoweekday()}.db"))
    except ConfigError as error:
        why = str(error)

        def failed(known: DailyBackup | None) -> DailyBackup:
            good = known.good if known is not None else newest_copy(config.database)
            bad_since = known.bad_since if known is not None else None
            return DailyBackup(good, now, now if bad_since is None else bad_since, why)

        with suppress(ConfigError):  # then the receiver will miss this try, and says so in two days
            leave_word(config.database, failed)
        raise
    leave_word(config.database, lambda _known: DailyBackup(now, now, None, ""))


def newest_copy(database: Path) -> float | None:
    """When the newest daily copy was made: those of the release before left no word in the database."""
    return max((path.stat().st_mtime for path in database.parent.glob("day-[1-7].db")), default=None)


def leave_word(database: Path, change: Callable[[DailyBackup | None], DailyBackup | None]) -> None:
    """What the receiver shall know of the daily backup. Not by `Store`, which would upgrade a database that an older
    receiver is using. Raises ConfigError."""
    try:
        path = f"file:{urllib.parse.quote(str(database))}?mode=rw"
        with closing(sqlite3.connect(path, uri=True, timeout=30, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN IMMEDIATE")
            keep_backup(db, change(daily_backup(db)))
            db.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            f"备份的结果没有记进数据库 {database}：{error}。检查磁盘空间和文件权限，再运行一次。"
        ) from None


def run_restore(options: argparse.Namespace) -> int:
    """Puts a backup in the database's place; what was there is kept beside it. Not while the receiver runs."""
    config, source = load_config(options.config), Path(options.file)
    found, version = integrity(source) if source.exists() else ("没有这个文件", 0)
    if found != "ok":
        raise ConfigError(f"{source} 不能用来恢复（{found}）。换一个备份文件。")
    if version > len(MIGRATIONS):
        raise ConfigError(f"{source} 是更新版本的接收端备份的。先更新 receiver.py。")
    with lock_database(config.database):
        aside = config.database.with_name(f"{config.database.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            beside = config.database.with_name(config.database.name + ".restoring")
            handle = os.open(str(beside), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file, open(str(source), "rb") as backup:
                shutil.copyfileobj(backup, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            belong_to_folder(beside)
            for end in ("", "-wal", "-shm"):  # the log belongs to the file it was written for
                old = config.database.with_name(config.database.name + end)
                if old.exists():
                    os.replace(str(old), str(aside) + end)
            os.replace(str(beside), str(config.database))
        except OSError as error:
            raise ConfigError(f"恢复没有成功：{error.strerror}。原来的数据在 {config.database} 或 {aside}。") from None
        try:
            store = Store(config.database)  # upgrades it if it is older
            with store.write() as db:
                known = daily_backup(db)
                if known is not None:  # the copy was made, so what it says of a failure before it is over
                    keep_backup(db, known._replace(bad_since=None, why="", waited=0.0))
            store.close()
        except StoreRefused as error:
            raise ConfigError(f"恢复后的数据库打不开（{error}）。原来的数据在 {aside}。") from None
    print(f"已恢复。原来的数据留在 {aside}。现在启动接收端：systemctl start qmt-sentry")
    return 0


def run_check(options: argparse.Namespace) -> int:
    """Looks at everything that can be looked at without sending anything. Exit code 1 if something must be mended."""
    config = load_config(options.config)
    bad: list[str] = []
    notes: list[str] = []
    if others_may_read(config.path):
        bad.append(f"{config.path} 别人也能读：chmod 600 {config.path}")
    if plain_secrets(config.path):
        notes.append(PLAIN_SECRETS)
    if not config.channels:
        bad.append("没有告警通道：在 receiver.ini 里打开至少一个 [channel:名字]")
    elif len(config.channels) == 1:
        notes.append("只有一个告警通道：它坏了就没有别的能告诉您")
    if not config.watchdog_url:
        notes.append("没有人看着这台服务器：在 [receiver] 里填 watchdog_url")
    if config.public_url.startswith("http://") and urllib.parse.urlsplit(config.public_url).hostname not in LOOPBACK:
        bad.append("public_url 是 http://，密码会明文经过网络：用 Caddy 或 receiver.py init --self-signed")
    if config.certificate is not None:
        fingerprint_of(config.certificate)
    if shutil.disk_usage(str(config.path.parent)).free < DISK_LEAST:
        bad.append("磁盘快满了：清出至少 50 MB")
    if config.database.exists():
        found, version = integrity(config.database)
        if found != "ok":
            bad.append(f"数据库 {config.database} 有问题（{found}）：停掉接收端，用 receiver.py restore 恢复备份")
        elif version > len(MIGRATIONS):
            bad.append("数据库是更新版本的接收端写的：先更新 receiver.py")
        notes.append(f"数据库 {config.database.stat().st_size / 1e6:.1f} MB，版本 {version}（程序 {len(MIGRATIONS)}）")
        with closing(sqlite3.connect(f"file:{urllib.parse.quote(str(config.database))}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            if found == "ok" and version == len(MIGRATIONS):
                warning = load_calendar(db, config).coverage_warning(time.time())
                notes += [warning] if warning else []
                backup = daily_backup(db)
                trouble = accuse_backup(backup) if backup is not None else None
                bad += [trouble.what + "：" + trouble.detail.replace("\n", "") + trouble.todo] if trouble else []
                notes += [backup_words(backup)] if backup is not None and trouble is None else []
    for line in bad:
        print("✗ " + line)
    for line in notes:
        print("· " + line)
    print("有要改的地方。" if bad else "检查通过。")
    return 1 if bad else 0


LOOPBACK = ("127.0.0.1", "localhost", "::1")
PLAIN_SECRETS = "receiver.ini 里有明文的密码或令牌：运行 receiver.py hash 换成摘要，值不变"


def others_may_read(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def ask_glibc(function: str, *arguments: int) -> None:
    """Calls one of glibc's own functions, where there is glibc. ctypes is imported here: under a service's hardening
    its import may fail, and memory is not worth a receiver that does not start."""
    try:
        import ctypes

        getattr(ctypes.CDLL(None), function)(*arguments)
    except (ImportError, OSError, AttributeError, TypeError, MemoryError):
        pass  # another C library, Windows, or no executable memory for ctypes


def give_back_memory() -> None:
    """glibc keeps what compiling this file took, and in each thread's heap what one large post took. A VPS for this
    program may have 256 MB: what is free goes back to the system."""
    gc.collect()
    ask_glibc("malloc_trim", 0)


def boot_clock() -> tuple[str, float]:
    """Which boot of this machine it is, and how many seconds that has lasted, suspends included: a clock that is never
    set. ("", 0.0) where the system does not tell (other than Linux)."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        with suppress(OSError):  # Linux < 5.6 has none
            name += os.readlink("/proc/self/ns/time")  # a container may have a count of its own under the host's name
        return name, time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError, ValueError):
        return "", 0.0


def few_arenas() -> None:
    """Two heaps for all threads instead of eight for each core (M_ARENA_MAX is -8)."""
    ask_glibc("mallopt", -8, 2)


def belong_to_folder(path: Path) -> None:
    """What root writes belongs to the user of the folder: the receiver, which is not root, must be able to open it."""
    if os.name == "posix" and os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(str(path), folder.st_uid, folder.st_gid)


def lock_database(path: Path) -> Any:
    """So that two receivers never send from one database. Raises ConfigError."""
    return hold_lock(path, f"已有一个接收端在用数据库 {path}。先停掉它，或换一个 database。")


def hold_lock(path: Path, taken: str) -> Any:
    """Holds a lock beside `path` until it is closed or this process ends. Raises ConfigError(`taken`), OSError."""
    handle = open(str(path) + ".lock", "a+b")  # noqa: SIM115 - must stay open until the process ends
    belong_to_folder(Path(handle.name))
    try:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise ConfigError(taken) from None
    return handle


def run_serve(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    if others_may_read(config.path):
        raise ConfigError(f"{config.path} 里有密码，别人也能读。先运行 chmod 600 {config.path}。")
    os.umask(0o077)  # the database and its log are for this user alone
    few_arenas()
    try:
        lock = lock_database(config.database)
    except OSError as error:
        raise ConfigError(f"写不了数据库所在的文件夹 {config.database.parent}：{error.strerror}。") from None
    with lock:
        try:
            receiver = Receiver(config, boot=boot_clock)
        except StoreRefused as error:
            raise ConfigError(f"打不开数据库 {config.database}：{error}。检查磁盘空间和文件权限。") from None
        tls = (config.certificate, config.certificate_key) if config.certificate and config.certificate_key else None
        try:
            server = make_server(Doors(receiver).app, config.host, config.port, tls)
        except OSError as error:
            receiver.stop()
            raise ConfigError(f"证书 {config.certificate} 或它的私钥不能用（{error}）。检查 receiver.ini。") from None
        try:
            server.prepare()
        except OSError as error:
            receiver.stop()
            raise ConfigError(
                f"不能在 {config.host}:{config.port} 上监听（{error}）。换一个 listen，或停掉占用它的程序。"
            ) from None
        # A handler that raised could do so anywhere, in the middle of the server's own loop too. It only leaves a note.
        asked: list[int] = []
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda number, _frame: asked.append(number))
        if plain_secrets(config.path):
            log.warning(PLAIN_SECRETS)
        if not config.channels:
            log.warning("没有配置任何告警通道：出了事不会有人知道")
        host, port = server.bind_addr[:2]
        serving = threading.Thread(target=server.serve, name="http", daemon=True)
        serving.start()
        receiver.start()
        give_back_memory()
        print(f"listening on {'https' if tls else 'http'}://{host}:{port}", flush=True)
        while serving.is_alive() and not asked:
            time.sleep(0.2)
        log.info("stopping: %s", f"signal {asked[0]}" if asked else "the HTTP server has ended")
        server.stop()
        receiver.stop()
    return 0 if asked else 1


def run_test_alert(options: argparse.Namespace) -> int:
    """Sends through every channel at once and prints each vendor's answer. A yes switches a channel on again."""
    config = load_config(options.config)
    if not config.channels:
        raise ConfigError(f"配置文件 {config.path} 里没有 [channel:名字]。至少打开一个告警通道。")
    now, failed = time.time(), 0
    text = Text(
        title_of("🔔", "测试告警", ""), f"{clock(now, now)} 发出。收到这条，说明这个通道是通的。", config.public_url
    )
    message = Outgoing(f"test-{secrets.token_hex(6)}", text)
    for name, channel in make_channels(config).items():
        result = channel.send(message)
        if isinstance(result, Sent):
            print(
                f"{name}（{channel.label}）：{'已收下' if result.confirmed else '已受理，是否送达请看手机'}"
                f" {result.provider_id}".rstrip()
            )
            switch_on_again(config, name)
        else:
            failed += 1
            print(f"{name}（{channel.label}）：失败，{result.why}")
    return 1 if failed else 0


def switch_on_again(config: Config, name: str) -> None:
    if not config.database.exists():
        return
    try:
        store = Store(config.database)
        with store.write() as db:
            channel_worked(Tx(db, time.time(), config, load_calendar(db, config)), name)
        store.close()
    except StoreRefused as error:
        print(f"{name}：数据库暂时不能写（{error}），页面上的状态没有更新")


def run_calendar(options: argparse.Namespace) -> int:
    """Adds closed days to the database or removes them; a running receiver sees it within a second."""
    config = load_config(options.config)
    try:
        days = [date_of(day) for day in options.days]
        complete = date_of(options.complete_until) if options.complete_until else None
    except ValueError as error:
        raise ConfigError(f"命令行参数不对：{error}。") from None
    today = shanghai(time.time()).date()
    for day in days if options.action == "add" else []:
        if day < today or day.weekday() > 4:
            why = "已经过去" if day < today else "是周末，本来就休市"
            raise ConfigError(f"{day} {why}，没有加入任何日期。检查年份后再运行一次。")
    try:
        store = Store(config.database)
        with store.write() as db:
            query = "INSERT OR IGNORE INTO closed_day (day) VALUES (?)"
            if options.action == "remove":
                query = "DELETE FROM closed_day WHERE day = ?"
            db.executemany(query, [(day.isoformat(),) for day in days])
            if complete:
                put_meta(db, "calendar_complete", complete.isoformat())
            known = load_calendar(db, config)
        store.close()
    except StoreRefused as error:
        raise ConfigError(f"写不了数据库 {config.database}：{error}。检查磁盘空间和文件权限。") from None
    print(
        ("已加入休市日：" if options.action == "add" else "已删除休市日：")
        + "、".join(day.isoformat() for day in sorted(days))
    )
    covered = known.covered_until
    year = (covered + timedelta(days=1)).year  # the one that is not covered yet
    print(f"休市日表到 {covered}。补全 {year} 年后加上 --complete-until {year}-12-31 再运行一次，提醒就会消失。")
    return 0


class Arguments(argparse.ArgumentParser):
    """Refuses a wrong command line in one sentence; its subcommands are of the same class."""

    def error(self, message: str) -> NoReturn:
        _, is_missing, what = message.partition("required: ")  # argparse's own words are English
        wrong = f"缺少 {what}" if is_missing else message.partition(" (choose")[0]
        self.exit(2, f"命令行不对（{wrong}）。用 {self.prog} --help 看怎么写。\n")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="receiver.py", description="QMT 哨兵的接收端")
    commands = parser.add_subparsers(dest="command", metavar="命令")
    commands.required = True
    init = commands.add_parser("init", help="生成 receiver.ini 和新的密码、令牌")
    init.add_argument("--dir", default=".", help="放在哪个文件夹（默认当前文件夹）")
    init.add_argument("--machine", default="mini-pc", help="小主机的名字（默认 mini-pc）")
    init.add_argument("--listen", default="127.0.0.1:8780", help="监听的 地址:端口")
    init.add_argument("--public-url", help="手机上打开的网址，例如 https://sentry.example.com")
    init.add_argument("--self-signed", action="store_true", help="没有域名：生成自签名证书，接收端自己用 HTTPS")
    serve = commands.add_parser("serve", help="运行接收端")
    test = commands.add_parser("test-alert", help="向每个告警通道发一条测试消息")
    days = commands.add_parser("calendar", help="补充休市日")
    days.add_argument("action", choices=["add", "remove"], help="add 加入，remove 删除")
    days.add_argument("days", nargs="+", metavar="YYYY-MM-DD")
    days.add_argument("--complete-until", metavar="YYYY-MM-DD", help="到这一天为止的休市日都已加入")
    pair = commands.add_parser("pair", help="给一台小主机生成配对码（已有的换新令牌）")
    pair.add_argument("name", metavar="名字")
    password = commands.add_parser("password", help="换一个网页密码")
    digests = commands.add_parser("hash", help="把 receiver.ini 里明文的密码和令牌换成摘要，值不变")
    check = commands.add_parser("check", help="检查设置、数据库和休市日表，什么也不发")
    backup = commands.add_parser("backup", help="备份数据库，运行中也可以")
    backup.add_argument("file", metavar="文件")
    daily = commands.add_parser("daily-backup", help="给定时用的备份：一周七份；没有做成，接收端会告警")
    daily.add_argument("--off", action="store_true", help="不备份，也不再等每日备份")
    restore = commands.add_parser("restore", help="用备份恢复数据库，要先停掉接收端")
    restore.add_argument("file", metavar="文件")
    for command, run in (
        (init, run_init),
        (serve, run_serve),
        (test, run_test_alert),
        (days, run_calendar),
        (pair, run_pair),
        (password, run_password),
        (digests, run_hash),
        (check, run_check),
        (backup, run_backup),
        (daily, run_daily_backup),
        (restore, run_restore),
    ):
        command.set_defaults(run=run)
        if command is not init:
            command.add_argument("--config", default="receiver.ini", help="配置文件（默认当前文件夹的 receiver.ini）")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 well, 1 a channel or the server failed, 2 wrong configuration or command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")  # a Windows console may be GBK
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(message)s"
    )
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(options.run(options))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2


# Python keeps the syntax tree of the script that it runs (20 MB for this one) until the script ends, but not that of a
# module which it imports. So `serve` starts this file once more, as a module: same process id, half the memory.
AS_A_MODULE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("receiver", sys.argv[1])
sys.modules["receiver"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(module.main(sys.argv[2:]))
"""


def is_a_plain_script() -> bool:
    """Started as `python receiver.py`, by nothing that has prepared the process in another way. False without /proc."""
    try:
        given = Path("/proc/self/cmdline").read_bytes().split(b"\0")
        return len(given) > 1 and os.path.samefile(given[1], __file__)
    except OSError:
        return False


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"] and is_a_plain_script():
        os.execv(sys.executable, [sys.executable, "-c", AS_A_MODULE, __file__, *sys.argv[1:]])
    sys.exit(main())
