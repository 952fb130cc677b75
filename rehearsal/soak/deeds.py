"""What the troubles of a soak do: each takes something away, waits until the owner should know, mends it, and waits for
the good news. Whether all was told, and once, is for the oracle; here nothing is judged."""

import shutil

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


# ---- parts that die


def qmt_killed(field):
    at = field.kill("qmt")
    field.until_told(BAD, "QMT 不在运行", at, SEEN)
    bring_back(field, "qmt", "QMT 在运行")


def tray_killed(field):
    at = field.kill("tray")
    field.until_told(BAD, "哨兵没有消息", at, field.road.times["host_silent"] + SEEN)
    bring_back(field, "tray", "哨兵有消息了")


def bring_back(field, name, well):
    back = field.did(f"重新启动 {name}")
    field.start(name)
    field.until_told(GOOD, well, back, RECOVERED)


def receiver_killed(field):
    field.kill("receiver")
    field.pause(10)
    field.start("receiver")
    heard_again(field)


def heard_again(field):
    """The tray has tried once more: its longest pause is 20 s."""
    since = field.road.now()
    field.until(lambda: any(event["received"] >= since for event in field.road.stored()), 20 + PATIENCE)
    field.pause(5)


# ---- parts that hang or fall silent


def qmt_frozen(field):
    at = field.road.now()
    psutil.Process(field.road.qmt.pid).suspend()
    field.until_told(BAD, "QMT 没有响应", at, field.road.times["hung_after"] + SEEN)
    back = field.did("解冻")
    psutil.Process(field.road.qmt.pid).resume()
    field.until_told(GOOD, "QMT 在运行", back, RECOVERED)


def script_silent(field):
    at = field.road.now()
    field.road.tell_qmt("silent")
    field.until_told(BAD, "策略没有心跳", at, field.road.times["script_silent"] + SEEN)
    back = field.did("策略恢复心跳")
    field.road.tell_qmt("speak")
    field.until_told(GOOD, "有心跳了", back, field.road.times["heartbeat_every"] + RECOVERED)


def network_cut(field):
    """The line drops everything until the owner is told, two minutes at normal speed."""
    at = field.road.now()
    field.road.line.cut(field.random.choice(("swallow", "refuse")))
    field.until_told(BAD, "哨兵没有消息", at, field.road.times["host_silent"] + SEEN)
    field.pause(at + field.road.times["host_silent"] + 30 - field.road.now())
    back = field.did("网络恢复")
    field.road.line.restore()
    field.until_told(GOOD, "哨兵有消息了", back, 20 + RECOVERED)  # the tray's longest pause is 20 s


def short_cut(field):
    """Shorter than what is told: nothing may be said of it."""
    field.road.line.cut(field.random.choice(("swallow", "refuse")))
    field.pause(field.road.times["host_silent"] / 3)
    field.did("网络恢复")
    field.road.line.restore()
    heard_again(field)


# ---- channels that fail while there is something to tell


def vendor(channel, mode, **more):
    def act(field):
        field.road.phone_fault(channel, mode, **more)
        at = field.kill("qmt")
        field.pause(25)
        field.did("通道恢复")
        field.road.phone_fault(channel, "ok")
        # A hanging request of before ends only after the phone's minute.
        field.until_told(BAD, "QMT 不在运行", at, 120)
        bring_back(field, "qmt", "QMT 在运行")

    return act


# ---- what QMT does to its scripts


def error(field):
    at = field.road.now()
    field.road.tell_qmt("raise")
    field.until_told(BAD, "出错", at, SEEN)


def told_qmt(*words, gap=5.0):
    def act(field):
        for word in words:
            field.road.tell_qmt(word)
            field.pause(gap)

    return act


def behaviour(word, off):
    """A behaviour of the counter while the strategy decides; what it does to orders is for the orders' oracle."""

    def act(field):
        field.road.tell_qmt(f"behaviour {word}")
        field.pause(NEXT_MINUTE + float(field.road.trade.get("fill_timeout", FILL_TIMEOUT)))
        field.road.tell_qmt(f"behaviour {off}")
        field.pause(5)

    return act


def unknown(word):
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


def logged_out(field):
    at = field.road.now()
    field.road.tell_qmt("logout")
    field.until_told(BAD, "没有登录资金账号", at, 60 + SEEN)
    back = field.did("重新登录")
    field.road.tell_qmt("login")
    field.until_told(GOOD, "已登录资金账号", back, RECOVERED)


def double_mount(field):
    """The script is mounted twice, then the owner removes one."""
    usual = field.road.qmt_options
    field.road.qmt_options = [*usual, "--script", ROOT / "qmt_strategy" / "etf_grid.py"]
    qmt_killed(field)
    field.until_told(BAD, "同一策略运行了两份", field.troubles[-1]["at"], SEEN)
    field.road.qmt_options = usual
    qmt_killed(field)


# ---- the clock, the files


def receiver_clock(field):
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


def pc_clock(field):
    """The mini PC loses its power and comes back with a clock that is minutes off; later it is put right. Tray and
    scripts go by that clock; exchange and receiver do not."""
    off = field.random.choice((-1, 1)) * field.random.randint(120, 300)
    usual = field.road.qmt_options
    since = _power_cycle(field, f"小主机重新开机，时钟{'快' if off > 0 else '慢'} {abs(off)} 秒", off)
    field.until_told(BAD, "小主机的时钟差得太多", since, 70 + SEEN)
    field.pause(20)
    field.road.qmt_options = usual
    back = _power_cycle(field, "小主机重新开机，时钟对了", 0)
    field.expect_no_orders(since, back)
    field.until_told(GOOD, "小主机的时钟不再差得太多", back, 60)


def pc_clock_jumps(field):
    """Somebody sets the mini PC's clock wrong by minutes while everything runs, and right again."""
    off = field.random.choice((-1, 1)) * field.random.randint(120, 300)
    since = _set_pc_clock(field, f"小主机的时钟被拨{'快' if off > 0 else '慢'} {abs(off)} 秒", off)
    field.until_told(BAD, "小主机的时钟差得太多", since, 70 + SEEN)
    field.pause(20)
    back = _set_pc_clock(field, "小主机的时钟拨对了", 0)
    field.expect_no_orders(since + 3, back)  # an order on its way at that moment is no fault
    field.until_told(GOOD, "小主机的时钟不再差得太多", back, 60)


def _set_pc_clock(field, text, off):
    at = field.did(text)
    field.road.tell_qmt(f"behaviour pc_clock_off={off}")
    field.road.set_clock_of(field.road.tray, off)
    return at


def _power_cycle(field, text, off):
    """Tray and QMT are gone at once and back at once, with a clock that is `off` s ahead. Returns when that was."""
    road = field.road
    field.kill("tray")
    field.kill("qmt")
    at = field.did(text)
    if off:
        road.qmt_options = [*road.qmt_options, "--behaviour", f"pc_clock_off={off}"]
    field.start("qmt")
    right, road.shift = road.shift, road.shift + off
    try:
        field.start("tray")
    finally:
        road.shift = right
    return at


def state_lost(field):
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
    bring_back(field, "qmt", "QMT 在运行")


# ---- the owner


def stopped(field):
    control = field.road.home / "control"
    at = field.road.now()
    stop.turn_on(control, at)
    field.until_told(BAD, "已停止下单", at, SEEN)
    back = field.did("恢复下单")
    stop.turn_off(control)
    field.until_told(GOOD, "可以下单", back, RECOVERED)
