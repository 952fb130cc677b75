"""What is known about one intended order, gathered for gate.py; and the order itself. Reads, changes nothing."""

from typing import Any, List, NamedTuple

from . import clock, dayplans, gate, gridstate, lookout, orders, plan, rows, settle, sizing
from .desk import Desk
from .flags import Flag
from .looks import Look
from .morning import Morning
from .params import Fund

CASH_SEEN = 10.0  # seconds after an order's first row until ACCOUNT surely shows it


class Scene(NamedTuple):
    """One fund at one moment."""

    desk: Desk
    morning: Morning
    fund: Fund
    tick: Any  # an entry of get_full_tick
    look: Look
    now: float  # epoch seconds
    live: bool
    newest_copy: bool
    stop: bool
    free_space: int  # bytes


def ticket(scene: Scene, wish: plan.Wish) -> sizing.Ticket:
    """The order for a wish at the book's second level; without shares where there is no price."""
    price = level(scene.tick, "askPrice" if wish.side > 0 else "bidPrice", 1)
    if price <= 0:
        return sizing.Ticket(0, 0, 0, 0.0, 0.0, 0, wish.yuan)
    if wish.side > 0:
        return sizing.buy(wish.yuan, price)
    holding = scene.look.holding(scene.fund.code)
    return sizing.sell(wish.yuan, price, holding.volume, holding.sellable)


def gather(scene: Scene, wish: plan.Wish, made: sizing.Ticket) -> gate.Facts:
    """Everything that gate.refuse asks."""
    desk, look, tick = scene.desk, scene.look, scene.tick
    day_plan = dayplans.get(scene.fund, desk.day)
    code = scene.fund.code[:6]
    tick_at = clock.tick_time(tick)
    today = desk.today()
    mine = [flag for flag in today if flag.id.code == code]
    of_fund = [row for row in look.orders if row.code == code]
    alive = [row for row in of_fund if orders.kind_of(row.status) == orders.ALIVE]
    unseen = [flag for flag in today if flag.buy and _cash_not_seen(desk, flag, scene.now)]
    return gate.Facts(
        live=scene.live,
        newest_copy=scene.newest_copy,
        stop=scene.stop,
        disk_ok=not desk.trouble,
        free_space=scene.free_space,
        logged_in=look.good and scene.morning.steady.seconds >= lookout.SETTLE,
        second=clock.second_of_day(scene.now),
        now=scene.now,
        today=desk.day,
        tick_at=tick_at,
        tick_day=clock.day(tick_at) if tick_at is not None else "",
        trading_date=look.trading_date,
        phase=rows.whole(tick.get("openInt")),
        suspended=day_plan.suspended,
        bid=level(tick, "bidPrice", 0),
        ask=level(tick, "askPrice", 0),
        price=made.price,
        up_limit=day_plan.up_limit,
        down_limit=day_plan.down_limit,
        buy=wish.side > 0,
        shares=made.shares,
        yuan=made.yuan,
        own_live=any(not flag.ended for flag in desk.flags.of(code)) or any(desk.flag_of(row) for row in alive),
        other_live=any(desk.flag_of(row) is None for row in alive),
        attempts=gate.attempts(len(mine), len(of_fund)),
        day_yuan=sum(yuan_of(flag) for flag in today if flag.order.state != orders.VOID),
        free_cash=gate.free_cash(look.available, sum(yuan_of(flag) for flag in unseen)),
        stopped=_stopped(scene, mine, wish.side > 0),
        waiting=_waiting(scene, mine, wish.side > 0),
        last=rows.number(tick.get("lastPrice")) or 0.0,
    )


def why_no_cell(scene_desk: Desk, fund: Fund) -> str:
    """Chinese: why a fund has no grid state to trade from; '' = it has."""
    if fund.code in scene_desk.grid.cells:
        return ""
    trace, held = scene_desk.last_trace(fund.code), fund.code[:6] in scene_desk.held
    return gridstate.why_not(scene_desk.grid, fund, scene_desk.day, trace, held)


def _cash_not_seen(desk: Desk, flag: Flag, now: float) -> bool:
    """Whether m_dAvailable may not show yet what this buy costs: ACCOUNT is up to 6 s behind (qmt-facts 1.3)."""
    since = desk.row_since.get(flag.name)
    return not flag.ended if since is None else flag.order.state != orders.VOID and 0 <= now - since < CASH_SEEN


def why_stopped(desk: Desk, fund: Fund) -> str:
    """Chinese: why a fund gets no order any more today; '' = it may."""
    return fund.why_not or desk.stopped(fund.code) or why_no_cell(desk, fund)


def yuan_of(flag: Flag) -> float:
    """What an intent was worth; 0.0 where its file does not tell."""
    return flag.number("yuan")


def level(tick: Any, name: str, number: int) -> float:
    """Price (yuan) of one level of the book; 0.0 where there is none."""
    try:
        return rows.number(tick[name][number]) or 0.0
    except (KeyError, IndexError, TypeError):
        return 0.0


def _stopped(scene: Scene, mine: List[Flag], buy: bool) -> str:
    """Why the fund gets no order any more today, Chinese."""
    desk, fund = scene.desk, scene.fund
    why = why_stopped(desk, fund)
    if not why and any(settle.for_money(flag) and flag.buy == buy for flag in mine):
        why = "今天因资金或股数不足被拒过，不再重试"
    return why


def _waiting(scene: Scene, mine: List[Flag], buy: bool) -> str:
    """What passes by itself, Chinese."""
    if scene.fund.code not in scene.desk.grid.cells:
        return "等待第一次核对"
    for flag in mine:
        rejected = flag.order.state == orders.REJECTED and flag.buy == buy
        if rejected and scene.now < flag.number("ended_at") + settle.RETRY_AFTER:
            return "刚被拒过，5 分钟后再试"
    return scene.morning.why_not(scene.fund)
