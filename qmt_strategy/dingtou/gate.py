"""May this intent be made? Plain values in, the first reason against it out. Pure.

Everything that is not known counts against the intent. Each reason says whether waiting can help today (`passing`): a
retry of an unfinished order waits for what passes and ends at what does not.
"""

from typing import NamedTuple, Optional

from . import clock

MORNING = (9 * 3600 + 30 * 60, 11 * 3600 + 30 * 60)  # seconds of the day, both inside
AFTERNOON = (13 * 3600, 14 * 3600 + 54 * 60)  # the last attempt begins at 14:54:00
BY_FEE = 1.001  # cash set aside for an order of 1 yuan
FREE_SPACE = 200 * 1024 * 1024
_HALTED = (1, 17, 20)  # openInt: halted, halted for a while, halted till the close (qmt-facts 1.8)
_OTHER_PHASES = (11, 12, 14, 15, 18)  # before the open, call auctions, break, closed
FAR = 0.02  # of the last price: the exchange's price cage; an order further away is decided on a torn tick or thin book


class Limits(NamedTuple):
    """From sentry.ini; the defaults are design.md's."""

    attempts: int = 3  # per fund and day
    order_yuan: float = 100000.0
    day_yuan: float = 300000.0
    tick_age: float = 60.0  # seconds


class Facts(NamedTuple):
    """What is known about one intended order. None = not known."""

    live: bool  # mode = live, the account matches, no back test, script and package fit
    newest_copy: bool
    stop: bool  # control/STOP
    disk_ok: bool  # no write has failed since the last probe that succeeded
    free_space: int  # bytes
    logged_in: bool  # ACCOUNT is not empty
    second: int  # of the day in China, PC clock
    now: float  # epoch
    today: str
    tick_at: Optional[float]  # epoch
    tick_day: str
    trading_date: str  # the account's m_strTradingDate, '' = not set
    phase: Optional[int]  # the tick's openInt
    suspended: bool  # the instrument says so
    bid: float
    ask: float
    price: float  # yuan, what the order's price type stands for
    up_limit: float  # 0 = not known
    down_limit: float
    buy: bool
    shares: int
    yuan: float
    own_live: bool  # an order of ours of that fund is not ended
    other_live: bool  # an ORDER row of that fund is alive that is not ours
    attempts: int
    day_yuan: float  # of all our intents of today, all funds
    free_cash: float
    stopped: str  # Chinese: why the fund gets no order any more today, '' = it may
    waiting: str  # Chinese: what passes by itself
    last: float = 0.0  # the tick's last price, yuan; 0 = not known


class Reason(NamedTuple):
    code: str
    words: str  # Chinese, without the fund's name
    passing: bool


def free_cash(available: Optional[float], unseen_yuan: float) -> float:
    """Cash for a new order: m_dAvailable less our buys that ORDER does not show yet."""
    return (available if available is not None else 0.0) - unseen_yuan * BY_FEE


def attempts(flag_files: int, order_rows: int) -> int:
    """Attempts of a fund today: our flag files, or all of today's ORDER rows of that code, whoever placed them."""
    return max(flag_files, order_rows)


def in_hours(second: int) -> bool:
    """Whether an intent may be made at this second of the day."""
    return MORNING[0] <= second <= MORNING[1] or AFTERNOON[0] <= second <= AFTERNOON[1]


def refuse(facts: Facts, limits: Limits) -> Optional[Reason]:
    """The first reason why this order must not be placed now; None where there is none."""
    return _machine(facts) or _fund(facts, limits) or _market(facts, limits) or _money(facts, limits)


def _machine(f: Facts) -> Optional[Reason]:
    if not f.live:
        return Reason("observe", "现在是观察模式", False)
    if not f.newest_copy:
        return Reason("second-copy", "另有一份更新的策略在运行", False)
    if f.stop:
        return Reason("stop", "已停止下单", True)
    if not f.disk_ok:
        return Reason("disk", "磁盘写不进去", True)
    if f.free_space < FREE_SPACE:
        return Reason("space", "磁盘剩余不到 200 MB。请清理磁盘", True)
    if not in_hours(f.second):
        return Reason("hours", "不在下单时间内（9:30-11:30、13:00-14:54）", f.second < AFTERNOON[1])
    if not f.logged_in:
        return Reason("logged-out", "QMT 没有登录资金账号", True)
    if f.trading_date and f.trading_date != f.today:
        return Reason(
            "trading-date",
            "QMT 的交易日是 %s，电脑日期是 %s。请校准电脑日期；没错就重启 QMT" % (f.trading_date, f.today),
            True,
        )
    return None


def _fund(f: Facts, limits: Limits) -> Optional[Reason]:
    if f.stopped:
        return Reason("stopped-fund", f.stopped, False)
    if f.waiting:
        return Reason("waiting", f.waiting, True)
    if f.own_live:
        return Reason("own-live", "上一笔委托还没有结束", True)
    if f.other_live:
        return Reason("other-live", "这只基金有别处下的委托还没有结束，先等它", True)
    if f.attempts >= limits.attempts:
        return Reason("attempts", "今天这只基金已有 %d 次委托（含手动），达到上限" % f.attempts, False)
    return None


def _market(f: Facts, limits: Limits) -> Optional[Reason]:
    if f.tick_at is None or f.tick_day != f.today:
        return Reason("tick-day", "没有今天的行情", True)
    if not abs(f.now - f.tick_at) <= limits.tick_age:
        return Reason("tick-age", "行情与电脑时间相差超过 %.0f 秒" % limits.tick_age, True)
    if not in_hours(clock.second_of_day(f.tick_at)):
        return Reason("hours", "行情的时间不在下单时间内（9:30-11:30、13:00-14:54）", True)
    if f.phase in _HALTED or f.suspended:
        return Reason("halted", "停牌", True)
    if not (f.bid > 0 and f.ask > 0 and f.price > 0):
        return Reason("no-quote", "没有买卖盘价格（涨跌停，或 QMT 没有选五档行情）", True)
    if f.phase in _OTHER_PHASES:
        return Reason("phase", "行情显示现在不是连续交易时段", True)
    if f.bid > f.ask or (f.last > 0 and abs(f.price / f.last - 1.0) > FAR):
        words = "盘口不对：买一 %.3f，卖一 %.3f，委托价 %.3f，最新价 %.3f"
        return Reason("far", words % (f.bid, f.ask, f.price, f.last), True)
    if (f.up_limit > 0 and f.price > f.up_limit + 1e-9) or (f.down_limit > 0 and f.price < f.down_limit - 1e-9):
        return Reason("price-limit", "委托价超出涨跌停", True)
    return None


def _money(f: Facts, limits: Limits) -> Optional[Reason]:
    if f.shares <= 0:
        if f.buy:
            return Reason("zero-shares", "%.0f 元不够买 100 股" % f.yuan, False)
        return Reason("no-shares", "没有可卖的股数", False)
    if not f.yuan <= limits.order_yuan:
        return Reason("cap", "超过单笔上限 %.0f 元" % limits.order_yuan, False)
    if not f.day_yuan + f.yuan <= limits.day_yuan:
        return Reason(
            "day-cap",
            "今天已委托 %.0f 元，再加 %.0f 元就超过全天上限 %.0f 元" % (f.day_yuan, f.yuan, limits.day_yuan),
            False,
        )
    if f.buy and not f.yuan * BY_FEE <= f.free_cash:
        return Reason("cash", "可用资金 %.0f 元，不够：含费用要 %.0f 元" % (f.free_cash, f.yuan * BY_FEE), False)
    return None
