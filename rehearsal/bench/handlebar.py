"""etf_grid 每次调用自己花的时间：托盘在和不在，各种 Python"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

from rehearsal.promised import COST, HANDLEBAR

from . import machine, tradingday
from .figures import as_plain, figures, shown, table
from .tradingday import Call

ROOT = os.path.dirname(tradingday.STRATEGY)
CALLBACKS = ("order_callback", "deal_callback", "orderError_callback")

# What is told apart: the label, and which calls. The day's first load of data stands by itself, as the promise says.
SORTS: Tuple[Tuple[str, str, Callable[[Call], bool]], ...] = (
    ("all", "handlebar 全部", lambda call: call.entry == "handlebar" and not call.loads),
    ("quiet", "  其中不写盘的", lambda call: call.entry == "handlebar" and not call.loads and not call.fsyncs),
    ("placed", "  其中下单的", lambda call: call.entry == "handlebar" and call.placed),
    (
        "wrote",
        "  其他写盘的",
        lambda call: call.entry == "handlebar" and not (call.loads or call.placed) and bool(call.fsyncs),
    ),
    ("callbacks", "成交和委托回报", lambda call: call.entry in CALLBACKS),
    ("loads", "当天第一次加载数据", lambda call: call.entry == "handlebar" and call.loads),
)
HEAD = ("毫秒", "次数", "中位", "p99", "最大", "CPU 中位", "CPU p99", "fsync 次数", "fsync 毫秒")


def measure(days: int = 2, minutes: int = 0, syncs: int = machine.SYNCS) -> Dict[str, Any]:
    """Both halves on this interpreter, as plain values for a report."""
    folder = tempfile.mkdtemp(prefix="qmt-sentry-bench-")
    try:
        found = machine.facts(folder, syncs)
        away = tradingday.run(os.path.join(folder, "away"), days, minutes)
        up = with_taker(os.path.join(folder, "up"), lambda home: tradingday.run(home, days, minutes))
        found.update(days=days, minutes=minutes, tray_up=summed_up(up), tray_away=summed_up(away))

        def heartbeats(home: str) -> List[Call]:
            return tradingday.run(home, 1, minutes, script="heartbeat.py")

        found["post_away"] = posts_of(heartbeats(os.path.join(folder, "post-away")))
        found["post_up"] = posts_of(with_taker(os.path.join(folder, "post-up"), heartbeats))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def with_taker(home: str, work: Callable[[str], List[Call]]) -> List[Call]:
    """work(home) while the stand-in for the tray takes the posts there."""
    os.makedirs(home)
    taker = Taker(home)
    try:
        return work(home)
    finally:
        taker.end()


def posts_of(calls: List[Call]) -> Dict[str, Any]:
    """What a call costs that makes a post."""
    mine = [call for call in calls if call.posts]
    return {"wall": as_plain(figures([call.wall for call in mine])), "cpu": as_plain(figures([c.cpu for c in mine]))}


def summed_up(calls: List[Call]) -> Dict[str, Any]:
    """{sort: its figures} of one run."""
    result = {}
    for name, _, chosen in SORTS:
        mine = [call for call in calls if chosen(call)]
        result[name] = {
            "wall": as_plain(figures([call.wall for call in mine])),
            "cpu": as_plain(figures([call.cpu for call in mine])),
            "fsyncs": as_plain(figures([call.fsyncs for call in mine])),
            "fsync": as_plain(figures([call.fsync for call in mine])),
        }
    return result


def lines(found: Dict[str, Any]) -> List[str]:
    """What is printed of one interpreter's figures."""
    fsync = found["fsync"]
    words = "Python %s：%d 个交易日，每 3 秒一次；本机 fsync 中位 %.2f，p99 %.2f 毫秒；负载 %s"
    said = [words % (found["python"], found["days"], fsync["median"], fsync["p99"], found["load"])]
    rows: List[Any] = [HEAD]
    for key, label in (("tray_up", "托盘在"), ("tray_away", "托盘不在")):
        rows.append((label,) + ("",) * (len(HEAD) - 1))
        for name, title, _ in SORTS:
            rows.append(_row("  " + title, found[key][name]))
    said.extend(table(rows))
    for key, label in (("post_up", "托盘在"), ("post_away", "托盘不在")):
        wall = found[key]["wall"]
        words = "heartbeat.py 的一次心跳，%s：%d 次，中位 %s，p99 %s 毫秒，承诺 %.0f 毫秒以内"
        said.append(words % (label, wall["count"], shown(wall["median"]), shown(wall["p99"]), COST))
    if found["minutes"]:
        return said + ["只量了每天的前 %d 分钟，不与承诺比" % found["minutes"]]
    for key, label in (("tray_up", "托盘在"), ("tray_away", "托盘不在")):
        p99 = found[key]["all"]["wall"]["p99"]
        verdict = "做到" if p99 < HANDLEBAR else "没有做到"
        said.append("%s：全部 handlebar 的 p99 %.2f 毫秒，承诺 %.0f 毫秒以内：%s" % (label, p99, HANDLEBAR, verdict))
    return said


def _row(label: str, found: Dict[str, Any]) -> Tuple[Any, ...]:
    wall, cpu = found["wall"], found["cpu"]
    return (label, wall["count"], wall["median"], wall["p99"], wall["most"], cpu["median"], cpu["p99"],
            found["fsyncs"]["median"], found["fsync"]["median"])  # fmt: skip


class Taker:
    """The stand-in for the tray as a process of its own (taker.py)."""

    def __init__(self, home: str) -> None:
        environ = dict(os.environ, PYTHONPATH=ROOT)
        command = [sys.executable, "-m", "rehearsal.bench.taker", home]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != b"ready":
            self.end()
            raise RuntimeError("代替托盘的进程没有起来")

    def end(self) -> None:
        """It takes what is left and ends."""
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


# ---- on several interpreters


def elsewhere(version: str, options: List[str]) -> Optional[Dict[str, Any]]:
    """The same on another Python, through run.py; None, and why is printed, where that did not work."""
    handle, path = tempfile.mkstemp(prefix="qmt-sentry-bench-", suffix=".json")
    os.close(handle)
    command = [sys.executable, os.path.join(ROOT, "run.py"), "--python", version, "bench", "handlebar"]
    try:
        done = subprocess.Popen(
            command + options + ["--report", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            out = done.communicate()[0].decode("utf-8", "replace")
        finally:
            if done.poll() is None:  # we are told to end
                done.kill()
                done.wait()
        with open(path, encoding="utf-8") as file:
            results: List[Dict[str, Any]] = json.load(file)["handlebar"]
        return results[0]
    except ValueError:
        print("Python %s：没有量成：\n%s" % (version, out[-2000:]))
        return None
    finally:
        os.remove(path)
