"""The troubles of a soak: each does something to a part, waits until the owner should know, mends it, waits for the
good news. What must be told, and what may, stands beside it; the oracle (soak/judge_messages.py) holds the phone to it.

`told` and `well`: words that every channel must tell exactly once. `may`: words of further messages that this trouble
explains, if they come.
"""

import os
import shutil
from typing import Callable, NamedTuple, Sequence

import psutil

from rehearsal import oracle
from rehearsal.road import ROOT
from rehearsal.soak.field import PATIENCE
from rehearsal.soak.telling import BAD, GOOD
from tray_app import stop

SEEN = 20.0  # s from a fault that is noticed by looking (QMT gone, an error) to the phone
RECOVERED = 20.0  # s from the repair to the good news
NEXT_MINUTE = 70.0  # s in which every fund is decided on once
FILL_TIMEOUT = 60.0  # s, the strategy's own default
UNKNOWN_AFTER = 120.0  # s after which an order that never showed must be unknown: 60, three looks, and patience
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
    _heard_again(field)


def _heard_again(field):
    """The tray has tried once more: its longest pause is 20 s."""
    since = field.road.now()
    field.until(lambda: any(event["received"] >= since for event in field.road.stored()), 20 + PATIENCE)
    field.pause(5)


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
    _heard_again(field)


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


def _behaviour(word, off):
    """A behaviour of the counter while the strategy decides; what it does to orders is for the orders' oracle."""

    def act(field):
        field.road.tell_qmt(f"behaviour {word}")
        field.pause(NEXT_MINUTE + float(field.road.trade.get("fill_timeout", FILL_TIMEOUT)))
        field.road.tell_qmt(f"behaviour {off}")
        field.pause(5)

    return act


def _unknown(word):
    """Orders of which QMT shows nothing: passorder returns, and that is all. Until the strategy has given them up."""

    def act(field):
        before = len(oracle.calls(field.road.qmt_folder))
        field.road.tell_qmt(f"behaviour {word}")
        field.pause(NEXT_MINUTE)
        field.road.tell_qmt(f"behaviour {word}=no")
        flags = {call["remark"] for call in oracle.calls(field.road.qmt_folder)[before:]}
        field.say(f"    {len(flags)} 笔委托看不到结果")
        field.until(lambda: all(state != "sent" for state in _states(field, flags)), UNKNOWN_AFTER)
        field.pause(5)

    return act


def _states(field, flags):
    """The newest state that the receiver has of each order; those that it does not know yet count as sent."""
    told = oracle.told_states(field.road.stored())
    return [told[flag][-1]["state"] if flag in told else "sent" for flag in flags]


def _logged_out(field):
    at = field.road.now()
    field.road.tell_qmt("logout")
    field.until_told(BAD, "没有登录资金账号", at, 60 + SEEN)
    back = field.did("重新登录")
    field.road.tell_qmt("login")
    field.until_told(GOOD, "已登录资金账号", back, RECOVERED)


def _double_mount(field):
    """The script is mounted twice, then the owner removes one."""
    usual = field.road.qmt_options
    field.road.qmt_options = [*usual, "--script", ROOT / "qmt_strategy" / "etf_grid.py"]
    _restart_qmt(field)
    field.until_told(BAD, "同一策略运行了两份", field.troubles[-1]["at"], SEEN)
    field.road.qmt_options = usual
    _restart_qmt(field)


def _restart_qmt(field):
    _qmt_killed(field)


# ---- the clock, the files, the disk


def _receiver_clock(field):
    """The receiver comes back an hour behind, is put right, and comes back again."""
    field.kill("receiver")
    at = field.did("接收端的时钟慢了一小时")
    right, field.road.shift = field.road.shift, field.road.shift - 3600
    try:
        field.start("receiver")
    finally:
        field.road.shift = right
    field.until_told(BAD, "接收端的时钟不准", at, 60)
    field.kill("receiver")
    back = field.did("时钟对了，接收端重新启动")
    field.start("receiver")
    field.until_told(GOOD, "接收端的时钟准了", back, 60)


def _state_lost(field):
    """state/ is gone while it trades; the owner puts a copy back and starts QMT again."""
    state = field.road.home / "state"
    aside = field.road.home / "state-aside"  # on the same disk, which may be a small one
    at = field.road.now()
    state.rename(aside)
    field.until_told(BAD, "有基金停止下单", at, 60 + SEEN)
    killed = field.kill("qmt")
    field.until_told(BAD, "QMT 不在运行", killed, SEEN)
    shutil.rmtree(state, ignore_errors=True)
    aside.rename(state)
    _bring_back(field, "qmt", "QMT 在运行")


def _full(name, told, well):
    """The small disk below a folder is filled up (soak/disk.py), and freed again."""

    def act(field):
        at = field.road.now()
        filler = field.disks[name].fill()
        field.say(f"    写满了，填了 {filler.stat().st_size >> 20} MB")
        if told:
            field.until_told(BAD, told, at, 30 + SEEN)
        field.pause(20)
        back = field.did("腾出空间")
        filler.unlink()
        if well:
            field.until_told(GOOD, well, back, 60)
        _heard_again(field)

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
_UNKNOWN = ("委托状态不明", "有基金停止下单", "委托有结果了", "不再停止", "基金不再全部停止")
_REFUSED = ("委托被拒", "有基金停止下单", "不再停止", "基金不再全部停止")

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
    "no-fills": Kind("一段时间没有委托成交", _behaviour("no_fills", "no_fills=no")),
    "cancel-lies": Kind("柜台撤单的回答不可信", _behaviour("cancel_lies=both", "cancel_lies=no")),
    "half-fills": Kind("委托只成交一半", _behaviour("half_fills", "half_fills=no")),
    "rejects": Kind("柜台拒单", _behaviour("reject", "reject=no"), may=_REFUSED),
    "silent-refusals": Kind("QMT 弹框拒绝，不回报", _unknown("silent_refusals"), may=_UNKNOWN),
    "unseen-orders": Kind("委托成交了，QMT 却不显示", _unknown("unseen_orders"), may=_UNKNOWN),
    "logged-out": Kind("资金账号掉线", _logged_out, ("没有登录资金账号",), ("已登录资金账号",), may=("断开",)),
    "double-mount": Kind(
        "同一策略挂了两份",
        _double_mount,
        ("QMT 不在运行", "QMT 不在运行", "同一策略运行了两份"),
        ("QMT 在运行", "QMT 在运行"),
        may=("QMT 重新启动过",),
    ),
    "receiver-clock": Kind(
        "接收端的时钟慢了一小时，再对准",
        _receiver_clock,
        ("接收端的时钟不准",),
        ("接收端的时钟准了",),
        may=("接收端中断过", "接收端反复重启"),
    ),
    "state-lost": Kind(
        "state/ 被删，再放回备份",
        _state_lost,
        ("有基金停止下单", "QMT 不在运行"),
        ("QMT 在运行",),
        may=("QMT 重新启动过", *_REFUSED),
    ),
    "home-full": Kind(
        "小主机的磁盘写满",
        _full("home", "小主机的磁盘满了", "小主机的磁盘能用了"),
        ("小主机的磁盘满了",),
        ("小主机的磁盘能用了",),
        may=("策略读写磁盘失败", "策略能读写磁盘了", "哨兵报告了问题", "小主机的磁盘", "的通知"),
    ),
    "vps-full": Kind("接收端的磁盘写满", _full("vps", "", ""), may=("接收端", "磁盘")),
    "stop": Kind("停止下单，再恢复", _stopped, ("已停止下单",), ("可以下单",)),
}

if os.name == "nt":  # there the simulated QMT has no window to answer or not
    del KINDS["qmt-frozen"]
