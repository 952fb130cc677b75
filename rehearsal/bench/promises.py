"""What the table of `run.py bench` has a line for: everything that is promised of speed and size, and what explains it.

Where each promise comes from stands in docs/benchmarks.md; words are for people, keys for the code.
"""

from typing import Any, List, NamedTuple, Optional, Tuple

from rehearsal.bench import receiver
from rehearsal.promised import COST, HANDLEBAR, LATENCY

MS, RATE, MB, PERCENT, TIMES, SECONDS = "ms", "/s", "MB", "%", "x", "s"
CHINESE_UNITS = {MS: "毫秒", RATE: "每秒", MB: "MB", PERCENT: "%", TIMES: "倍", SECONDS: "秒"}
PARTS: Tuple[Tuple[str, str, str], ...] = (
    ("strategy", "策略", "strategy call"),
    ("tray", "托盘", "tray"),
    ("receiver", "接收端", "receiver"),
    ("backtest", "回测", "backtest"),
)


class Line(NamedTuple):
    """One line. promise: of the figure named `of` (median, p99, cpu: what only computes is judged by the processor's
    time, so that others' work does not count); at least that much where `more`, else at most. limit: what the physical
    limit beside it is."""

    key: str
    zh: str
    en: str
    unit: str
    limit_zh: str
    limit_en: str
    promise: Optional[float] = None
    of: str = "median"
    more: bool = False
    absent: str = "没有量"  # why it may be missing


READING, RENAMING = ("把账户读一遍", "reading the account once"), ("写个小文件再改名", "a small file, renamed")
COMMIT, NUMPY = ("两次落盘加一个来回", "two commits, one round trip"), ("numpy 算均线并排序", "numpy: averages, sorted")
LIST, STATE = ("列一次文件夹", "listing a folder"), ("读一个进程的状态", "one process's state")
PYTHON_SIZE, PYTHON_START = ("空的 Python", "an empty Python"), ("启动空的 Python", "starting an empty Python")
LISTING = ("每 2 秒列一次进程", "listing processes, each 2 s")
ONE_A_COMMIT = ("SQLite 一条一提交", "bare SQLite, 1 a commit")
MANY_A_COMMIT = ("SQLite 千条一提交", "bare SQLite, 1,000 a commit")
PER_AVERAGE = ("numpy：每个均线天数一遍", "numpy, once per average")
FULL_ONLY, NUMBA_ONLY = "只在 --full 里量", "没有装 numba，没有量"

STRATEGY: List[Line] = [
    Line("call-up", "handlebar，托盘在", "handlebar, tray up", MS, *READING, HANDLEBAR, "p99"),
    Line("call-away", "handlebar，托盘不在", "handlebar, tray away", MS, *READING, HANDLEBAR, "p99"),
    Line("call-cpu", "　其中处理器的时间", "of it: the processor's time", MS, *READING),
    Line("call-order", "　其中下单的", "of these: placing an order", MS, "它的那几次 fsync", "its fsyncs alone"),
    Line("call-load", "当天第一次加载数据", "the day's first load", MS, "它的那几次 fsync", "its fsyncs alone"),
    Line("post-up", "发一次心跳，托盘在", "a heartbeat's post, tray up", MS, *RENAMING, COST, "p99"),
    Line("post-away", "发一次心跳，托盘不在", "a heartbeat's post, tray away", MS, *RENAMING, COST, "p99"),
]
WATCHERS = {
    "sender": COMMIT,
    "spool": ("一次落盘", "one commit"),
    "flags": LIST,
    "qmt": ("列一次全部进程", "listing all processes"),
    "host": ("一次落盘", "one commit"),
    "health": STATE,
    "qmt-log": LIST,
    "inbox": ("本机一个来回", "one round trip"),
    "last-resort": ("没有", "none"),
}
TRAY: List[Line] = [
    Line("latency", "策略发出到接收端落盘", "post to the receiver's commit", MS, *COMMIT, LATENCY * 1000, "p99"),
    Line("put", "发件箱逐条落盘", "outbox, each committed", RATE, "SQLite 自己", "bare SQLite"),
    Line("spool", "发件箱 200 条一批", "outbox, 200 a commit", RATE, "SQLite 自己", "bare SQLite"),
    Line("sent", "送出、答复、删除", "sent, answered, deleted", RATE, "同样字节走本机", "same bytes, bare socket"),
    *[Line("round-" + name, name + " 看一次", "a round of " + name, MS, *limit) for name, limit in WATCHERS.items()],
    Line("ready", "启动到就绪", "start to ready", MS, *PYTHON_START),
    Line("restart-heartbeat", "重启心跳到答复", "restart heartbeat, answered", MS, *COMMIT, 2000.0, "p99"),
    Line("tray-memory", "1000 条之后的内存", "memory after 1,000 posts", MB, *PYTHON_SIZE),
    Line("tray-private", "　其中独占（Linux）", "of it: private (Linux)", MB, *PYTHON_SIZE, 60.0),
    Line("tray-processor", "平时占一个核（Linux）", "of one core, at rest (Linux)", PERCENT, *LISTING, 1.0),
]
PROMISED = receiver.PROMISED
RECEIVER: List[Line] = [
    Line("posts", "旧协议单条，8 个连接", "single posts, 8 connections", RATE, *ONE_A_COMMIT,
         PROMISED["posts"], more=True),
    Line("events", "v1 每批 1000 条", "v1 events, 1,000 a batch", RATE, *MANY_A_COMMIT,
         PROMISED["events"], more=True),
    Line("page-all", "一年数据，所有页面", "all pages, a year of data", MS, "空页面一个来回", "an empty answer"),
    Line("page-worst", "　其中最慢的页面", "of these: the slowest", MS, "空页面一个来回", "an empty answer",
         PROMISED["page_p99_ms"], "p99"),
    Line("receiver-memory", "收完、每页看 100 次后", "memory after all of it", MB, *PYTHON_SIZE, PROMISED["memory_mb"]),
]  # fmt: skip
BACKTEST: List[Line] = [
    Line("run-minute", "跑一次 minute，numba", "one run, minute, numba", MS, *NUMPY, 10.0, "cpu", absent=NUMBA_ONLY),
    Line("run-once", "跑一次 once，numba", "one run, once, numba", MS, *NUMPY, 10.0, "cpu", absent=NUMBA_ONLY),
    Line("run-close", "跑一次 close，numba", "one run, close, numba", MS, *NUMPY, 10.0, "cpu", absent=NUMBA_ONLY),
    Line("plain-minute", "跑一次 minute，不装 numba", "one run, minute, plain", MS, *NUMPY, 60.0, "cpu"),
    Line("plain-once", "跑一次 once，不装 numba", "one run, once, plain", MS, *NUMPY, 60.0, "cpu"),
    Line("plain-close", "跑一次 close，不装 numba", "one run, close, plain", MS, *NUMPY, 60.0, "cpu"),
    Line("sets-grid", "100 组，4 个均线天数", "100 sets, 4 averages", MS, *PER_AVERAGE,
         250.0, "cpu", absent=NUMBA_ONLY),
    Line("sets-random", "100 组，98 个均线天数", "100 sets, 98 averages", MS, *PER_AVERAGE,
         250.0, "cpu", absent=NUMBA_ONLY),
    Line("sets-many", "10000 组，2 个核", "10,000 sets, 2 cores", SECONDS, *PER_AVERAGE, 20.0, absent=FULL_ONLY),
    Line("backtest-memory", "内存", "memory", MB, *PYTHON_SIZE, 250.0),
    Line("vectorbt", "比 vectorbt 快", "faster than vectorbt", TIMES, "没有", "none", 10.0, more=True,
         absent="要 --vectorbt 解释器"),
]  # fmt: skip
LINES = {"strategy": STRATEGY, "tray": TRAY, "receiver": RECEIVER, "backtest": BACKTEST}


def kept(line: Line, found: Optional[Any]) -> Optional[bool]:
    """Whether the promise is kept; None: nothing is promised, or nothing was measured."""
    value = (found or {}).get(line.of)
    if line.promise is None or value is None:
        return None
    return bool(value >= line.promise if line.more else value <= line.promise)
