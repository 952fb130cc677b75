"""The troubles of a soak: each does something to a part, waits until the owner should know, mends it, waits for the
good news. What must be told, and what may, stands beside it; the oracle (soak/judge_messages.py) holds the phone to it.

`told` and `well`: words that every channel must tell exactly once. `may`: words of further messages that this trouble
explains, if they come.
"""

import os
from typing import Callable, NamedTuple, Sequence

import psutil

from rehearsal.soak.telling import BAD, GOOD
from tray_app import stop

SEEN = 20.0  # s from a fault that is noticed by looking (QMT gone, an error) to the phone
RECOVERED = 20.0  # s from the repair to the good news
END = "end"  # no trouble: what is done to end a run


class Kind(NamedTuple):
    """One kind of trouble. `act(field)` does and undoes it."""

    what: str  # Chinese, for the table
    act: Callable
    told: Sequence[str] = ()
    well: Sequence[str] = ()
    may: Sequence[str] = ()


def run(field, name):
    """Let one trouble happen, and note when and what it explains."""
    kind = KINDS[name]
    at = field.did(kind.what)
    entry = note(field, name, at, kind.told, kind.well, kind.may)
    kind.act(field)
    entry["until"] = field.did(f"{name} 过去了")


def note(field, name, at, told=(), well=(), may=()):
    """Write down what explains the messages from now on."""
    lists = {"told": list(told), "well": list(well), "may": list(may)}
    entry = dict(lists, kind=name, day=field.day, at=at, until=None)
    field.troubles.append(entry)
    return entry


def end(field, text):
    """The run or the day ends: QMT is stopped on purpose, and nobody is to be surprised."""
    note(field, END, field.did(text), may=("QMT 不在运行",))


# ---- parts that die


def _qmt_killed(field):
    at = field.kill("qmt")
    field.until_told(BAD, "QMT 不在运行", at, SEEN)
    _bring_back(field, "qmt", "QMT 在运行")


def _tray_killed(field):
    at = field.kill("tray")
    field.until_told(BAD, "哨兵没有消息", at, field.road.times["host_silent"] + SEEN)
    _bring_back(field, "tray", "哨兵有消息了")


def _bring_back(field, name, well):
    back = field.did(f"重新启动 {name}")
    field.start(name)
    field.until_told(GOOD, well, back, RECOVERED)


def _receiver_killed(field):
    field.kill("receiver")
    field.pause(10)
    field.start("receiver")
    field.pause(field.road.times["heartbeat_every"] + 5)


# ---- parts that hang or fall silent


def _qmt_frozen(field):
    at = field.road.now()
    psutil.Process(field.road.qmt.pid).suspend()
    field.until_told(BAD, "QMT 没有响应", at, field.road.times["hung_after"] + SEEN)
    back = field.did("解冻")
    psutil.Process(field.road.qmt.pid).resume()
    field.until_told(GOOD, "QMT 在运行", back, RECOVERED)


def _script_silent(field):
    at = field.road.now()
    field.road.tell_qmt("silent")
    field.until_told(BAD, "策略没有心跳", at, field.road.times["script_silent"] + SEEN)
    back = field.did("策略恢复心跳")
    field.road.tell_qmt("speak")
    field.until_told(GOOD, "有心跳了", back, field.road.times["heartbeat_every"] + RECOVERED)


def _network_cut(field):
    """The line drops everything until the owner is told, two minutes at normal speed."""
    at = field.road.now()
    field.road.line.cut(field.random.choice(("swallow", "refuse")))
    field.until_told(BAD, "哨兵没有消息", at, field.road.times["host_silent"] + SEEN)
    field.pause(at + field.road.times["host_silent"] + 30 - field.road.now())
    back = field.did("网络恢复")
    field.road.line.restore()
    field.until_told(GOOD, "哨兵有消息了", back, 20 + RECOVERED)  # the tray's longest pause is 20 s


def _short_cut(field):
    """Shorter than what is told: nothing may be said of it."""
    field.road.line.cut(field.random.choice(("swallow", "refuse")))
    field.pause(field.road.times["host_silent"] / 3)
    field.did("网络恢复")
    field.road.line.restore()
    field.pause(25)


# ---- channels that fail while there is something to tell


def _vendor(channel, mode, **more):
    def act(field):
        field.road.phone_fault(channel, mode, **more)
        at = field.kill("qmt")
        field.pause(25)
        field.did("通道恢复")
        field.road.phone_fault(channel, "ok")
        # A hanging request of before ends only after the phone's minute.
        field.until_told(BAD, "QMT 不在运行", at, 120)
        _bring_back(field, "qmt", "QMT 在运行")

    return act


# ---- what QMT does to its scripts


def _error(field):
    at = field.road.now()
    field.road.tell_qmt("raise")
    field.until_told(BAD, "出错", at, SEEN)


def _told_qmt(*words, gap=5.0):
    def act(field):
        for word in words:
            field.road.tell_qmt(word)
            field.pause(gap)

    return act


def _behaviour(word, off, seconds):
    """A behaviour of the counter while the strategy decides; what it does to orders is for the orders' oracle."""

    def act(field):
        field.road.tell_qmt(f"behaviour {word}")
        field.pause(max(seconds, field.road.times.get("behaviour_for", 0)))
        field.road.tell_qmt(f"behaviour {off}")
        field.pause(5)

    return act


# ---- the owner


def _stopped(field):
    control = field.road.home / "control"
    at = field.road.now()
    stop.turn_on(control, at)
    field.until_told(BAD, "已停止下单", at, SEEN)
    back = field.did("恢复下单")
    stop.turn_off(control)
    field.until_told(GOOD, "可以下单", back, RECOVERED)


_GONE = {"told": ("QMT 不在运行",), "well": ("QMT 在运行",), "may": ("QMT 重新启动过",)}
_ORDERS = ("委托没有成交", "委托没有按时成交", "委托有结果了", "达到下单上限", "委托没有全部成交")

KINDS = {
    "qmt-killed": Kind("kill -9 QMT", _qmt_killed, **_GONE),
    "tray-killed": Kind("kill -9 托盘程序", _tray_killed, ("哨兵没有消息",), ("哨兵有消息了",)),
    "receiver-killed": Kind("kill -9 接收端", _receiver_killed),
    "qmt-frozen": Kind("冻结 QMT（SIGSTOP）", _qmt_frozen, ("QMT 没有响应",), ("QMT 在运行",)),
    "script-silent": Kind("策略停止心跳", _script_silent, ("策略没有心跳",), ("有心跳了",)),
    "network-cut": Kind("断网，直到告警之后", _network_cut, ("哨兵没有消息",), ("哨兵有消息了",)),
    "short-cut": Kind("短暂断网", _short_cut),
    "wecom-errors": Kind("企业微信答 500，其间 kill -9 QMT", _vendor("wecom", "http500"), **_GONE),
    "wecom-limit": Kind("企业微信说太频繁，其间 kill -9 QMT", _vendor("wecom", "errcode", code=45009), **_GONE),
    "wecom-hangs": Kind("企业微信挂起不答，其间 kill -9 QMT", _vendor("wecom", "hang"), **_GONE),
    "mail-slow": Kind("邮件服务器很慢，其间 kill -9 QMT", _vendor("mail", "slow", delay=3.0), **_GONE),
    "mail-refuses": Kind("邮件服务器答 421，其间 kill -9 QMT", _vendor("mail", "errcode", code=421), **_GONE),
    "strategy-error": Kind("策略抛出异常", _error, ("出错",)),
    "reinit": Kind("QMT 让策略从 init 重来", _told_qmt("reinit"), may=("策略的记录",)),
    "quote-reconnect": Kind("行情重连", _told_qmt("quote-reconnect")),
    "replay": Kind("交易断线重连，委托和成交重推", _told_qmt("disconnect", "reconnect", gap=12.0), ("断开",)),
    "no-fills": Kind("一段时间没有委托成交", _behaviour("no_fills", "no_fills=no", 130), may=_ORDERS),
    "cancel-lies": Kind("柜台撤单的回答不可信", _behaviour("cancel_lies=both", "cancel_lies=no", 60), may=_ORDERS),
    "half-fills": Kind("委托只成交一半", _behaviour("half_fills", "half_fills=no", 130), may=_ORDERS),
    "stop": Kind("停止下单，再恢复", _stopped, ("已停止下单",), ("可以下单",), may=_ORDERS),
}

if os.name == "nt":  # there the simulated QMT has no window to answer or not
    del KINDS["qmt-frozen"]
