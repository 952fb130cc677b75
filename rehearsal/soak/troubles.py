"""The troubles of a soak: what each does (soak/deeds.py), what must be told of it, and what may; the oracle
(soak/judge_messages.py) holds the phone to it.

`told` and `well`: words that every channel must tell exactly once. `may`: words of further messages that this trouble
explains, if they come.
"""

from typing import Callable, NamedTuple, Sequence

from rehearsal.soak import deeds, full_disk, pairs, sessions

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


_GONE = {"told": ("QMT 不在运行",), "well": ("QMT 在运行",), "may": ("QMT 重新启动过",)}
_UNKNOWN = ("委托结果不明", "有基金停止下单", "委托有结果了", "不再停止", "基金不再全部停止")
_REFUSED = ("委托被拒", "有基金停止下单", "不再停止", "基金不再全部停止")

_HOME_FULL = ("策略读写磁盘失败", "策略能读写磁盘了", "策略的一份消息", "小主机的磁盘", "策略有消息没记下")
_HOME_FULL += ("策略没有心跳", "有心跳了")  # its posts are files on that disk

SINGLE = {
    "qmt-killed": Kind("kill -9 QMT", deeds.qmt_killed, **_GONE),
    "tray-killed": Kind("kill -9 托盘程序", deeds.tray_killed, ("哨兵没有消息",), ("哨兵有消息了",)),
    "receiver-killed": Kind("kill -9 接收端", deeds.receiver_killed),
    "qmt-frozen": Kind("冻结 QMT（SIGSTOP）", deeds.qmt_frozen, ("QMT 没有响应",), ("QMT 在运行",)),
    "script-silent": Kind("策略停止心跳", deeds.script_silent, ("策略没有心跳",), ("有心跳了",)),
    "network-cut": Kind("断网，直到告警之后", deeds.network_cut, ("哨兵没有消息",), ("哨兵有消息了",)),
    "short-cut": Kind("短暂断网", deeds.short_cut),
    "wecom-errors": Kind("企业微信答 500，其间 kill -9 QMT", deeds.vendor("wecom", "http500"), **_GONE),
    "wecom-limit": Kind("企业微信说太频繁，其间 kill -9 QMT", deeds.vendor("wecom", "errcode", code=45009), **_GONE),
    "wecom-hangs": Kind("企业微信挂起不答，其间 kill -9 QMT", deeds.vendor("wecom", "hang"), **_GONE),
    "mail-slow": Kind("邮件服务器很慢，其间 kill -9 QMT", deeds.vendor("mail", "slow", delay=3.0), **_GONE),
    "mail-refuses": Kind("邮件服务器答 421，其间 kill -9 QMT", deeds.vendor("mail", "errcode", code=421), **_GONE),
    "strategy-error": Kind("策略抛出异常", deeds.error, ("出错",)),
    "reinit": Kind("QMT 让策略从 init 重来", deeds.told_qmt("reinit"), may=("策略的记录",)),
    "quote-reconnect": Kind("行情重连", deeds.told_qmt("quote-reconnect")),
    "replay": Kind("交易断线重连，委托和成交重推", deeds.told_qmt("disconnect", "reconnect", gap=12.0), ("断开",)),
    "no-fills": Kind("一段时间没有委托成交", deeds.behaviour("no_fills", "no_fills=no")),
    "cancel-lies": Kind("柜台撤单的回答不可信", deeds.behaviour("cancel_lies=both", "cancel_lies=no")),
    "half-fills": Kind("委托只成交一半", deeds.behaviour("half_fills", "half_fills=no")),
    "rejects": Kind("柜台拒单", deeds.behaviour("reject", "reject=no"), may=_REFUSED),
    "silent-refusals": Kind("QMT 弹框拒绝，不回报", deeds.unknown("silent_refusals"), may=_UNKNOWN),
    "unseen-orders": Kind("委托成交了，QMT 却不显示", deeds.unknown("unseen_orders"), may=_UNKNOWN),
    "logged-out": Kind("资金账号掉线", deeds.logged_out, ("没有登录资金账号",), ("已登录资金账号",), may=("断开",)),
    "double-mount": Kind(
        "同一策略挂了两份",
        deeds.double_mount,
        ("QMT 不在运行", "QMT 不在运行", "同一策略运行了两份"),
        ("QMT 在运行", "QMT 在运行"),
        may=("QMT 重新启动过",),
    ),
    "receiver-clock": Kind(
        "接收端的时钟慢了一小时，再对准",
        deeds.receiver_clock,
        ("接收端的时钟不准",),
        ("接收端的时钟准了",),
        may=("接收端中断过", "接收端反复重启"),
    ),
    "pc-clock": Kind(
        "小主机重启后时钟差几分钟，再对准",
        deeds.pc_clock,
        ("小主机的时钟差得太多",),
        ("小主机的时钟不再差得太多",),
        may=("重新启动过",),
    ),
    "pc-clock-jumps": Kind(
        "小主机的时钟被拨错几分钟，再拨对",
        deeds.pc_clock_jumps,
        ("小主机的时钟差得太多",),
        ("小主机的时钟不再差得太多",),
    ),
    "state-lost": Kind(
        "state/ 被删，再放回备份",
        deeds.state_lost,
        ("有基金停止下单", "QMT 不在运行"),
        ("QMT 在运行",),
        may=("QMT 重新启动过", *_REFUSED),
    ),
    "home-full": Kind("小主机的磁盘写满", full_disk.home_full, (full_disk.FULL,), (full_disk.FREE,), _HOME_FULL),
    "vps-full": Kind("接收端的磁盘写满", full_disk.vps_full, may=("接收端", "磁盘")),
    "stop": Kind("停止下单，再恢复", deeds.stopped, ("已停止下单",), ("可以下单",)),
}

# Two at the same time. What is told is exact, as above; when, and with which time, stands beside each deed (pairs.py).
_HOST = {"told": ("哨兵没有消息",), "well": ("哨兵有消息了",)}
_BOTH = {"told": ("哨兵没有消息", "QMT 不在运行"), "well": ("哨兵有消息了", "QMT 在运行")}

PAIRS = {
    "cut-qmt-killed": Kind("短暂断网，其间 kill -9 QMT", pairs.cut_qmt_killed, **_GONE),
    "long-cut-qmt-killed": Kind("长时间断网，其间 kill -9 QMT", pairs.long_cut_qmt_killed, **_BOTH),
    "long-cut-qmt-restarted": Kind("长时间断网，其间 QMT 死了又好", pairs.long_cut_qmt_restarted, **_HOST),
    "cut-power-lost": Kind("断网，其间小主机断电", pairs.power_lost_in_cut, may=("重新启动过",), **_HOST),
    "cut-receiver-killed": Kind("断网，其间策略出错、kill -9 接收端", pairs.receiver_killed_behind_cut, ("出错",)),
    "cut-fills": Kind("断网，其间委托成交", pairs.fills_in_cut),
    "receiver-down-tray-killed": Kind("接收端停着，kill -9 托盘程序", pairs.tray_killed_receiver_down, **_HOST),
    "channels-fail": Kind("企业微信和邮件都失败，其间 kill -9 QMT", pairs.all_channels_fail, **_GONE),
    "wecom-fails-receiver-killed": Kind(
        "企业微信失败，其间 kill -9 QMT、接收端", pairs.receiver_killed_while_wecom_fails, **_GONE
    ),
    "replay-qmt-killed": Kind(
        "重推到一半 kill -9 QMT", pairs.replay_qmt_killed, _GONE["told"], _GONE["well"], may=("断开", "QMT 重新启动过")
    ),
    "cancel-lies-reinit": Kind(
        "撤单的回答不可信，其间从 init 重来", pairs.reinit_while_cancel_lies, may=("策略的记录",)
    ),
    "logged-out-quote-reconnect": Kind(
        "资金账号掉线，其间行情重连",
        pairs.logged_out_quote_reconnect,
        ("没有登录资金账号",),
        ("已登录资金账号",),
        may=("断开",),
    ),
    "half-filled-stop": Kind("委托成交一半时停止下单", pairs.stop_while_half_filled, ("已停止下单",), ("可以下单",)),
    "lunch": Kind("断网跨过 11:30，午休时 kill -9 QMT", sessions.lunch, **_GONE),
    "close": Kind("断网跨过 15:00，收盘后 kill -9 QMT", sessions.close),
    "home-full-qmt-killed": Kind(
        "小主机的磁盘写满，其间 kill -9 QMT",
        pairs.home_full_qmt_killed,
        (full_disk.FULL, *_GONE["told"]),
        (full_disk.FREE, *_GONE["well"]),
        may=(*_HOME_FULL, "QMT 重新启动过"),
    ),
}
KINDS = {**SINGLE, **PAIRS}
