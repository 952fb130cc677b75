"""What a soak's pairs of troubles do: two that hit different parts at the same time. The right outcome of each is known
in advance: what the phone gets is in the table (soak/troubles.py), and here, beside the deed, what only the hour of the
day decides, as `field.expect` (soak/judge_pairs.py): not before the line was back, with the time at which it really
happened, no order in that time.
"""

from rehearsal import oracle
from rehearsal.soak.deeds import NEXT_MINUTE, RECOVERED, SEEN, bring_back, heard_again
from rehearsal.soak.field import PATIENCE
from rehearsal.soak.full_disk import fill_home, free_home
from rehearsal.soak.telling import BAD, GOOD, LINE
from tray_app import stop

GONE, BACK = "QMT 不在运行", "QMT 在运行"
SILENT, HEARD = "哨兵没有消息", "哨兵有消息了"
LOOKED = 10.0  # s until the tray has seen that QMT is gone: it looks every 2 s, on a machine that is shared
UNHEARD = 10.0  # s before a cut in which the tray was last heard: it posts every 3 s
SHORT = 1 / 3  # of host_silent: a cut of which nothing is told, with the tray's longest pause on top
LONGER = 5.0  # s that a long cut lasts beyond host_silent
HISTORY = 30.0  # s instead, for what was said early in a cut to be more than a minute old at its end
STOPS = 3.0  # s from the file control/STOP to the last order: a call that was being made is made


# ---- the line is cut, and meanwhile


def cut_qmt_killed(field):
    """QMT dies during a cut that is too short to be told: the owner hears of QMT as soon as the line is back."""
    at = cut(field)
    field.pause(4)
    killed = field.kill("qmt")
    field.pause(at + field.road.times["host_silent"] * SHORT - field.road.now())
    back = mend(field)
    field.expect(BAD, GONE, not_before=back, since=(killed, killed + LOOKED))
    field.until_told(BAD, GONE, back, 20 + SEEN)
    bring_back(field, "qmt", BACK)


def long_cut_qmt_killed(field):
    """QMT dies during a long cut and stays dead: the host is told first, QMT after the cut, with its own time."""
    at = cut(field)
    field.pause(4)
    killed = field.kill("qmt")
    _until_silent(field, at, HISTORY)
    back = mend(field)
    field.expect(GOOD, HEARD, not_before=back)
    field.expect(BAD, GONE, not_before=back, since=(killed, killed + LOOKED))
    field.until_told(GOOD, HEARD, back, 20 + RECOVERED)
    field.until_told(BAD, GONE, back, 20 + SEEN)
    bring_back(field, "qmt", BACK)


def long_cut_qmt_restarted(field):
    """QMT dies during a long cut and is well again before its end: only the host is told."""
    at = cut(field)
    field.pause(4)
    field.kill("qmt")
    field.pause(LOOKED)
    field.did("断网期间重新启动 QMT")
    field.start("qmt")
    _until_silent(field, at)
    back = mend(field)
    field.expect(GOOD, HEARD, not_before=back)
    field.until_told(GOOD, HEARD, back, 20 + RECOVERED)
    field.pause(15)  # in which history would be told of QMT, wrongly


def power_lost_in_cut(field):
    """The mini PC loses its power while the line is cut, and comes back when the line is: one trouble to the owner."""
    at = cut(field)
    field.pause(4)
    field.did("断网期间小主机断电")
    field.kill("tray")
    field.kill("qmt")
    _until_silent(field, at)
    back = mend(field)
    field.expect(GOOD, HEARD, not_before=back)
    field.start("qmt")
    field.start("tray")
    field.until_told(GOOD, HEARD, back, RECOVERED)


def receiver_killed_behind_cut(field):
    """An error waits behind a cut, and the receiver dies: told once, when both are back."""
    cut(field)
    field.road.tell_qmt("raise")
    field.pause(5)
    field.kill("receiver")
    field.pause(3)
    mend(field)
    field.pause(3)
    back = field.did("接收端重新启动")
    field.start("receiver")
    field.expect(BAD, "出错", not_before=back)
    field.until_told(BAD, "出错", back, 20 + SEEN)
    heard_again(field)


def fills_in_cut(field):
    """Orders fill while the line is cut: each channel tells each fill once, when the line is back."""
    field.road.tell_qmt("behaviour no_fills")
    before = len(oracle.calls(field.road.qmt_folder))
    flag = _next_order(field)
    if flag:
        field.until(lambda: _state(field, flag) == "working", 10)
    at = cut(field)
    field.road.tell_qmt("behaviour no_fills=no")
    field.pause(at + field.road.times["host_silent"] * SHORT - field.road.now())
    back = mend(field)
    flags = {call["remark"] for call in oracle.calls(field.road.qmt_folder)[before:]}
    for order in oracle.counter_orders(field.road.qmt_folder):
        if order["flag"] in flags and order["status"] == 56:
            field.expect(LINE, "成交", not_before=back, text=order["flag"])
    heard_again(field)


def cut(field):
    mode = field.random.choice(("swallow", "refuse"))
    at = field.did("断网：" + {"swallow": "不通", "refuse": "拒绝"}[mode])
    field.road.line.cut(mode)
    return at


def mend(field):
    back = field.did("网络恢复")
    field.road.line.restore()
    return back


def _until_silent(field, at, longer=LONGER):
    """The cut that began at `at` goes on until the owner has been told of it, and `longer` s then."""
    field.expect(BAD, SILENT, since=(at - UNHEARD, at + 1))
    field.until_told(BAD, SILENT, at, field.road.times["host_silent"] + SEEN)
    field.pause(at + field.road.times["host_silent"] + longer - field.road.now())


# ---- the receiver is down, or its channels


def tray_killed_receiver_down(field):
    """The tray dies while nobody listens: told once, when the receiver is back and the silence is long enough."""
    down = field.kill("receiver")
    field.pause(3)
    field.kill("tray")
    field.pause(7)
    back = field.did("接收端重新启动")
    field.start("receiver")
    field.expect(BAD, SILENT, not_before=back, since=(down - UNHEARD, down + 1))
    # Were it away for longer than 30 s, it would wait for 90 s before it accuses anyone.
    field.until_told(BAD, SILENT, back, field.road.times["host_silent"] + SEEN + 90)
    bring_back(field, "tray", HEARD)


def all_channels_fail(field):
    """WeCom and mail both fail while QMT dies: told on the one that comes back first, then on the other, once each."""
    road = field.road
    road.phone_fault("wecom", "http500")
    road.phone_fault("mail", "errcode", code=421)
    at = field.kill("qmt")
    field.pause(20)
    for channel in field.random.sample(road.channels, len(road.channels)):
        if channel not in ("wecom", "mail"):
            continue
        back = field.did(f"{channel} 恢复")
        road.phone_fault(channel, "ok")
        field.expect(BAD, GONE, channels=[channel], not_before=back, since=(at, at + LOOKED))
        field.until(lambda name=channel: name in field.channels_told(BAD, GONE, at), 60 + PATIENCE)
    bring_back(field, "qmt", BACK)


def receiver_killed_while_wecom_fails(field):
    """The receiver dies with a message that WeCom has not taken yet, and that mail has: each gets it once."""
    road = field.road
    road.phone_fault("wecom", "http500")
    at = field.kill("qmt")
    field.expect(BAD, GONE, since=(at, at + LOOKED))
    field.until(lambda: "mail" in field.channels_told(BAD, GONE, at), SEEN + PATIENCE)
    field.until(lambda: oracle.deliveries_open(road.database) <= 1, PATIENCE)  # mail's yes is written down
    field.kill("receiver")
    field.pause(3)
    back = field.did("企业微信恢复，接收端重新启动")
    road.phone_fault("wecom", "ok")
    field.expect(BAD, GONE, channels=["wecom"], not_before=back)
    field.start("receiver")
    field.until_told(BAD, GONE, at, 60)
    heard_again(field)
    bring_back(field, "qmt", BACK)


# ---- QMT, its counter and its account


def replay_qmt_killed(field):
    """QMT dies in the middle of what it pushes again after a reconnect."""
    field.road.tell_qmt("disconnect")
    field.pause(12)
    field.road.tell_qmt("reconnect")
    field.pause(field.random.uniform(0.1, 0.6))
    at = field.kill("qmt")
    field.expect(BAD, GONE, since=(at, at + LOOKED))
    field.until_told(BAD, GONE, at, SEEN)
    bring_back(field, "qmt", BACK)


def reinit_while_cancel_lies(field):
    """QMT runs the strategy from init again and again while the counter lies about a cancel: no order is doubled."""
    field.road.tell_qmt("behaviour no_fills")
    field.road.tell_qmt("behaviour cancel_lies=both")
    _next_order(field)
    field.pause(8)  # the cancel comes after 10
    for _ in range(3):
        field.road.tell_qmt("reinit")
        field.pause(field.random.uniform(2, 5))
    field.pause(10)
    field.road.tell_qmt("behaviour cancel_lies=no")
    field.road.tell_qmt("behaviour no_fills=no")
    field.pause(5)


def logged_out_quote_reconnect(field):
    """The account is logged out, and the quotes' reconnect runs the strategy from init: no login of that kind."""
    at = field.road.now()
    field.road.tell_qmt("logout")
    field.pause(5)
    field.road.tell_qmt("quote-reconnect")
    field.expect(BAD, "没有登录资金账号", since=(at, at + 2 * field.road.times["heartbeat_every"] + LOOKED))
    field.until_told(BAD, "没有登录资金账号", at, 60 + SEEN)
    field.road.tell_qmt("quote-reconnect")
    field.pause(3)
    back = field.did("重新登录")
    field.expect_no_orders(at + STOPS, back)
    field.expect(GOOD, "已登录资金账号", not_before=back)
    field.road.tell_qmt("login")
    field.until_told(GOOD, "已登录资金账号", back, RECOVERED)


def stop_while_half_filled(field):
    """STOP is set while an order is half filled: it is cancelled, nothing new is ordered until the owner says so."""
    control = field.road.home / "control"
    field.road.tell_qmt("behaviour half_fills")
    flag = _next_order(field)
    if flag:
        field.until(lambda: _filled(field, flag) > 0, 8)
    at = field.did("停止下单")
    stop.turn_on(control, at)
    field.until_told(BAD, "已停止下单", at, SEEN)
    field.pause(20)
    field.road.tell_qmt("behaviour half_fills=no")
    back = field.did("恢复下单")
    field.expect_no_orders(at + STOPS, back)
    stop.turn_off(control)
    field.until_told(GOOD, "可以下单", back, RECOVERED)


def _next_order(field):
    """Wait until every fund has been decided on once. The flag of the first order from now on, '' where none came."""
    before = len(oracle.calls(field.road.qmt_folder))
    calls = lambda: oracle.calls(field.road.qmt_folder)[before:]  # noqa: E731
    field.until(calls, NEXT_MINUTE)
    found = calls()
    field.say(f"    委托 {found[0]['remark']}" if found else "    这一分钟没有委托")
    field.troubles[-1]["met"] = bool(found)  # without an order there was less to see
    return found[0]["remark"] if found else ""


def _state(field, flag):
    lines = oracle.told_states(field.road.stored()).get(flag)
    return lines[-1]["state"] if lines else ""


def _filled(field, flag):
    return sum(o["traded"] for o in oracle.counter_orders(field.road.qmt_folder) if o["flag"] == flag)


# ---- the disk


def home_full_qmt_killed(field):
    """QMT dies while the mini PC's disk takes nothing more: told while it is full, with the time at which it died."""
    filler = fill_home(field)
    killed = field.kill("qmt")
    field.until_told(BAD, GONE, killed, SEEN)
    field.pause(killed + 65 - field.road.now())  # another minute: what is told of it once more has the old time
    field.expect(BAD, GONE, not_after=field.road.now(), since=(killed, killed + LOOKED))
    free_home(field, filler)
    bring_back(field, "qmt", BACK)
