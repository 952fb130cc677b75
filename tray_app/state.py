"""What the icon shows and why: `decide(state, now) -> View`, pure.

Each rule below answers one question and gives a Reason or nothing. The worst reason makes the icon, all of them are the
greyed lines of the menu, in the order of the rules.
"""

from __future__ import annotations

from typing import Callable, Mapping, NamedTuple, Sequence

from tray_app import answers, orders, trading_time
from tray_app import strings_zh as zh
from tray_app.answers import Answer
from tray_app.config import Config
from tray_app.orders import Order
from tray_app.outbox import Figures
from tray_app.sender import Link
from tray_app.trading_time import show_day_time, show_time
from tray_app.watch import findings, qmt
from tray_app.watch.spool import Mode, Post

# Icon states
OK, ATTENTION, TROUBLE, PAUSED, NOT_TRADING = "ok", "attention", "trouble", "paused", "not-trading"
ICONS = (OK, ATTENTION, TROUBLE, PAUSED, NOT_TRADING)
# How bad a reason is. NOTE colours nothing: it only says.
NOTE, ATTEND, ALARM = 0, 1, 2

UNHEARD = 300.0  # session seconds without a valid 200 with alerts.ok until the icon is red
LINK_PATIENCE = 10.0  # seconds: one failed try is no news
CONNECTING = 15.0  # seconds after the start until it is news that the receiver was not reached yet
SCRIPT_SILENT = 180.0  # session seconds; design.md
TICK_OLD = 60.0  # session seconds between a heartbeat and the last quote that it knew of; design.md: tick_max_age
OUTBOX_OLD = 60.0  # seconds
CAUGHT_UP = 2 * qmt.BIG_GAP  # seconds: more than a clock can be set back between two ticks without a gap being noted
MOST_LINES = 8


class State(NamedTuple):
    """A snapshot of all that decide() looks at. Times are epoch seconds."""

    config: Config
    started_at: float
    link: Link = Link()
    qmt: qmt.Seen = qmt.Seen()
    post: Post | None = None
    mode: Mode | None = None  # as the trading strategy last said; None: it never did
    outbox: Figures = Figures(0, 0.0, 0, 0, 0, "")
    rejected_before: int = 0  # set aside in earlier runs: told then
    dropped_before: int = 0
    dead: Sequence[str] = ()
    inbox_why: str = ""  # why the inbox is not open although it should be
    paused_until: float | None = None
    answer: str = ""  # of 重启心跳, shown for a minute
    orders: Sequence[Order] = ()  # today's, and those of earlier days that have not ended
    answers: Mapping[str, Answer] = {}  # what the owner said of unknown orders, by their id
    stop: bool = False  # control/STOP is there
    shutdown_at: float | None = None  # when the PC goes down, as planned
    last_resort_why: str = ""  # why the last resort's vendor refuses for good
    findings: Sequence[findings.Finding] = ()  # what lasts and is not well with QMT or the machine
    awake_since: float = 0.0  # before it the machine slept, or its clock was another one


class Question(NamedTuple):
    """An order that needs the owner's word; `answer`: given, but the strategy has not acted on it yet."""

    order: Order
    answer: Answer | None


class View(NamedTuple):
    """What is drawn. key changes when the view is worth a new line of text: not with each second of an age."""

    icon: str
    title: str
    lines: tuple[str, ...]
    key: tuple[str, ...]
    stop: bool = False
    questions: tuple[Question, ...] = ()
    shutdown: bool = False  # planned: it can be cancelled


FIRST_VIEW = View(NOT_TRADING, zh.NAME, (), ())  # until the first look
STUCK_VIEW = View(TROUBLE, f"{zh.NAME} · {zh.STUCK}", (zh.STUCK,), (TROUBLE, "stuck"))  # when looks have stopped


class Reason(NamedTuple):
    level: int
    code: str
    text: str


def decide(state: State, now: float) -> View:
    """The view of this moment."""
    reasons = [reason for reason in (rule(state, now) for rule in _RULES) if reason]
    worst = max((reason.level for reason in reasons), default=NOTE)
    trading = in_session(state, now)
    if state.paused_until is not None and now < state.paused_until:
        icon = PAUSED
    elif worst > NOTE:
        icon = TROUBLE if worst == ALARM else ATTENTION
    else:
        # Green says that the way to the phone is known to work, and that QMT has been seen.
        icon = OK if trading and state.link.ok_at is not None and state.qmt.state else NOT_TRADING
    lines = [reason.text for reason in reasons][:MOST_LINES]
    if icon == OK and not lines:
        lines = [zh.ALL_WELL + _facts(state, now)]
    if state.answer:
        lines.insert(0, state.answer)
    first = reasons[0].text if reasons else lines[0]
    key = (icon, *(reason.code for reason in reasons))
    title = f"{zh.NAME} · {first}"
    return View(icon, title, tuple(lines), key, state.stop, tuple(questions(state)), state.shutdown_at is not None)


def questions(state: State) -> list[Question]:
    """The orders of unknown outcome, the oldest first, with the answers that the strategy has not acted on."""
    found = []
    for order in orders.unknown(state.orders):
        answer = state.answers.get(order.flag)
        found.append(Question(order, answer if answers.is_waiting(order, answer) else None))
    return found


def is_trading_day(config: Config, link: Link) -> Callable[[float], bool]:
    """The receiver knows the holidays; what it said holds for its day. Otherwise Monday to Friday."""

    def judge(epoch: float) -> bool:
        if config.every_day:
            return True
        told_at = link.trading_at
        if link.trading is None or told_at is None or trading_time.day_of(told_at) != trading_time.day_of(epoch):
            return trading_time.is_weekday(epoch)
        return link.trading

    return judge


def in_session(state: State, now: float) -> bool:
    return trading_time.in_session(state.config.sessions, now, is_trading_day(state.config, state.link))


def _session_seconds(state: State, since: float, now: float) -> float:
    awake = min(state.awake_since, now)  # no age grows while the machine sleeps
    # What lies far ahead was noted before the clock was set back: it counts from then on, or it would never be old. No
    # gap is noted for a clock that is put right by a moment: that is caught up with soon.
    heard = max(since, awake) if since <= now else now if since - now <= CAUGHT_UP else awake or now
    return trading_time.session_seconds(state.config.sessions, heard, now, is_trading_day(state.config, state.link))


# The rules, the most urgent first ------------------------------------------------------------------------------------


def _unpaired(state: State, now: float) -> Reason | None:
    return None if state.config.receiver else Reason(ALARM, "unpaired", zh.UNPAIRED + "。")


def _receiver(state: State, now: float) -> Reason | None:
    link = state.link
    if not state.config.receiver:
        return None
    heard = link.alerts_ok_at if link.alerts_ok_at is not None else state.started_at
    unheard = _session_seconds(state, heard, now) >= UNHEARD
    if link.state == "retry" and (unheard or now - (link.since or now) >= LINK_PATIENCE):
        since = show_day_time(link.since or now, now)
        text = f"{since} 起消息送不到接收端：{link.why}。会自动重试，记录不会丢。"
        return Reason(ALARM if unheard else ATTEND, "unreachable", text)
    if link.ok_at is not None or link.state == "denied":
        return None
    if unheard:
        return Reason(ALARM, "unreachable", "启动后还没有连上过接收端：请检查网络和 sentry.ini 的 receiver。")
    level = ATTEND if now - state.started_at >= CONNECTING else NOTE
    return Reason(level, f"connecting-{level}", "正在连接接收端。")


def _denied(state: State, now: float) -> Reason | None:
    if state.link.state != "denied":
        return None
    return Reason(ALARM, "denied", state.link.why + "。")


def _alerts(state: State, now: float) -> Reason | None:
    link = state.link
    if link.state != "ok" or link.alerts_ok is not False:
        return None
    heard = link.alerts_ok_at if link.alerts_ok_at is not None else state.started_at
    level = ALARM if _session_seconds(state, heard, now) >= UNHEARD else ATTEND
    return Reason(level, "alerts", f"接收端发不出告警：{link.alerts_why}。请登录服务器检查。")


def _qmt(state: State, now: float) -> Reason | None:
    seen = state.qmt
    name = seen.process.name if seen.process else state.config.qmt_names[0]
    since = show_day_time(seen.since, now)
    level = ALARM if in_session(state, now) else NOTE
    if not seen.state:
        return Reason(NOTE, "qmt-looking", "正在查看 QMT。")
    if seen.state == qmt.MISSING:
        return Reason(level, "qmt-missing", f"QMT 不在运行（{name}，{since} 起）：请打开 QMT 并登录。")
    if seen.state == qmt.HUNG:
        return Reason(ALARM, "qmt-hung", f"QMT 没有响应（{since} 起）：看它是否卡住；卡住就重启 QMT 并登录。")
    if seen.state == qmt.ELSEWHERE:
        path = seen.process.path if seen.process else ""
        return Reason(
            level, "qmt-elsewhere", f"运行的 QMT 不在设定的文件夹里（{path}）：请核对 sentry.ini 的 [qmt] folder。"
        )
    return None


def _dialog(state: State, now: float) -> Reason | None:
    """Nobody needs QMT's login outside the sessions: then it is only said."""
    waiting = [one for one in state.findings if one.code == "qmt-dialog"]
    return _told(waiting, ALARM if in_session(state, now) else NOTE)


def _grave(state: State, now: float) -> Reason | None:
    """What the phone is told again while it lasts."""
    return _told([one for one in state.findings if one.code in findings.GRAVE and one.code != "qmt-dialog"], ALARM)


def _findings(state: State, now: float) -> Reason | None:
    """All others together; of two steps of one thing only the graver is said."""
    graver = [one.code for one in state.findings if one.code in findings.GRAVE]
    others = [one for one in state.findings if one.code not in graver and findings.STEPS.get(one.code) not in graver]
    return _told(others, ATTEND)


def _told(some: Sequence[findings.Finding], level: int) -> Reason | None:
    if not some:
        return None
    return Reason(level, "+".join(one.code for one in some), "".join(one.text for one in some) + some[0].todo)


def _script(state: State, now: float) -> Reason | None:
    if not in_session(state, now):
        return None
    post = state.post
    # Two ages, not the later of two times: after the clock was set back, our start may lie ahead of every post.
    heard = [state.started_at, post.at] if post else [state.started_at]
    allowed = max(SCRIPT_SILENT, 3 * post.every) if post else SCRIPT_SILENT
    if min(_session_seconds(state, each, now) for each in heard) < allowed:
        return None
    if post is None:
        return Reason(ATTEND, "script-never", "策略还没有心跳：请在 QMT 里运行 heartbeat 策略。")
    text = f"策略没有心跳（{show_day_time(post.at, now)} 起）：看 QMT 里它是否在运行，停了就重新运行。"
    return Reason(ALARM, "script-silent", text)


def _account(state: State, now: float) -> Reason | None:
    post = state.post
    if post is None or post.logged_in is not False or not in_session(state, now):
        return None
    return Reason(ALARM, "logged-out", "QMT 没有登录资金账号：请登录。")


def _quotes(state: State, now: float) -> Reason | None:
    """Judged at the heartbeat's own time: its `tick_at` is as old as the heartbeat itself by now."""
    post = state.post
    if post is None or post.tick_at is None or post.logged_in is False or not in_session(state, now):
        return None
    # By the exchange's clock: where this PC's is slow, it lies ahead of the heartbeat.
    if post.tick_at >= post.at or _session_seconds(state, post.tick_at, post.at) <= TICK_OLD:
        return None
    return Reason(ATTEND, "ticks", f"行情停了（{show_day_time(post.tick_at, now)} 起）：看 QMT 右下角的行情是否连上。")


def _unknown(state: State, now: float) -> Reason | None:
    asked = questions(state)
    if not asked:
        return None
    unanswered = [question for question in asked if question.answer is None]
    if not unanswered:
        return Reason(ATTEND, "answered", f"{len(asked)} 笔结果不明的委托{zh.ANSWERED}。")
    what = order_name(unanswered[0].order, now)
    more = f"等 {len(unanswered)} 笔" if len(unanswered) > 1 else ""
    return Reason(ALARM, "unknown-order", f"委托结果不明：{what}{more}。请核对 QMT 的委托，再点“{zh.SETTLE}”。")


def _observe(state: State, now: float) -> Reason | None:
    """It should trade, and does not. What the owner set himself is no reason, only a fact."""
    mode = _mode_today(state, now)
    if mode is None or mode.live or mode.chosen or not in_session(state, now):
        return None
    return Reason(ATTEND, "observe", f"策略只观察，不下单：{mode.why or '没有说明原因'}。")


def _mode_today(state: State, now: float) -> Mode | None:
    """The strategy says its mode each day: yesterday's word does not count."""
    mode = state.mode
    return mode if mode and trading_time.day_of(mode.at) == trading_time.day_of(now) else None


def _shutdown(state: State, now: float) -> Reason | None:
    if state.shutdown_at is None:
        return None
    return Reason(ATTEND, "shutdown", zh.SHUTDOWN_AT.format(time=show_time(state.shutdown_at)))


def _stop(state: State, now: float) -> Reason | None:
    return Reason(ATTEND, "stop", zh.STOPPED) if state.stop else None


def _rejected(state: State, now: float) -> Reason | None:
    found = orders.rejected(state.orders, trading_time.day_of(now))
    if not found:
        return None
    last = max(found, key=lambda order: order.at or 0.0)
    more = f"，今天共 {len(found)} 笔" if len(found) > 1 else ""
    why = last.reason or "没有说明原因"
    return Reason(ATTEND, "rejected-order", f"委托被拒：{order_name(last, now)}，{why}{more}。请打开 QMT 看看。")


def order_name(order: Order, now: float) -> str:
    """An order as the owner would name it."""
    at = order.placed if order.placed is not None else order.at
    when = f"（{show_day_time(at, now)}）" if at is not None else ""
    size = f" {order.shares} 股" if order.shares else ""
    return f"{order.side} {order.fund}{size}{when}"


def _outbox(state: State, now: float) -> Reason | None:
    figures = state.outbox
    if figures.error:
        return Reason(ALARM, "outbox-error", figures.error)
    if figures.rejected > state.rejected_before:
        count = figures.rejected - state.rejected_before
        return Reason(ATTEND, "set-aside", f"有 {count} 条记录被接收端拒收，已放到一边：请看日志。")
    if figures.dropped > state.dropped_before:
        count = figures.dropped - state.dropped_before
        return Reason(ATTEND, "dropped", f"发件箱太满或太旧，丢弃了 {count} 条记录：请检查接收端能否连通。")
    if figures.waiting and figures.oldest_age >= OUTBOX_OLD:
        minutes = int(figures.oldest_age // 60)
        return Reason(ATTEND, "outbox", f"有 {figures.waiting} 条记录等待送出，最早的已等 {minutes} 分钟：会自动重试。")
    return None


def _workers(state: State, now: float) -> Reason | None:
    if not state.dead:
        return None
    return Reason(ALARM, "workers", f"哨兵的{zh.parts(state.dead)}停了，正在自动重启；不恢复就退出再打开。")


def _inbox(state: State, now: float) -> Reason | None:
    return Reason(ATTEND, "inbox", state.inbox_why) if state.inbox_why else None


def _last_resort(state: State, now: float) -> Reason | None:
    if not state.last_resort_why:
        return None
    text = f"最后手段用不了：{state.last_resort_why}。请核对 sentry.ini 的 [last_resort]。"
    return Reason(ATTEND, "last-resort", text)


def _paused(state: State, now: float) -> Reason | None:
    if state.paused_until is None or now >= state.paused_until:
        return None
    return Reason(NOTE, "paused", zh.PAUSED_UNTIL.format(time=show_day_time(state.paused_until, now)))


def _not_now(state: State, now: float) -> Reason | None:
    return None if in_session(state, now) else Reason(NOTE, "not-now", zh.NOT_NOW + _facts(state, now))


_RULES: tuple[Callable[[State, float], Reason | None], ...] = (
    _shutdown,
    _unpaired,
    _receiver,
    _denied,
    _alerts,
    _unknown,
    _qmt,
    _dialog,
    _script,
    _account,
    _quotes,
    _observe,
    _stop,
    _rejected,
    _outbox,
    _workers,
    _grave,
    _findings,
    _inbox,
    _last_resort,
    _paused,
    _not_now,
)


def in_short(seen: qmt.Seen, known: Sequence[Order]) -> str:
    """How QMT and the orders are, in a few words, for a message that leaves this machine: no fund, share or amount."""
    words = _QMT_WORDS.get(seen.state, "还没有看到 QMT")
    unknown = len(orders.unknown(known))
    return words + (f"，有 {unknown} 笔委托结果不明" if unknown else "")


_QMT_WORDS = {
    qmt.RUNNING: "QMT 在运行",
    qmt.RESTARTED: "QMT 在运行",
    qmt.MISSING: "QMT 不在运行",
    qmt.HUNG: "QMT 没有响应",
    qmt.ELSEWHERE: "运行的 QMT 不在设定的文件夹里",
}


def _facts(state: State, now: float) -> str:
    facts: list[str] = []
    if state.qmt.state in (qmt.RUNNING, qmt.RESTARTED):
        facts.append("QMT 运行中")
    mode = _mode_today(state, now)
    if mode is not None:
        facts.append("策略可下单" if mode.live else "策略只观察")
    if state.link.ok_at is not None and state.link.state == "ok":
        facts.append(f"已送达 {show_time(state.link.ok_at)}")
    return "".join(" · " + fact for fact in facts)
