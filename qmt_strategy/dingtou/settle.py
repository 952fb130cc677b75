"""From ended orders to the grid state, and the words that tell the owner.

An intent may take several attempts (the same `root`): cancelled after fill_timeout, then the rest once more. When it is
over, any fill moves its fund to the intent's cell; none leaves the fund where it was.
"""

from typing import TYPE_CHECKING, Dict, List, Tuple

from . import notices, orders
from .flags import Flag

if TYPE_CHECKING:
    from .desk import Desk

_MONEY = ("资金不足", "资金余额不足", "260200", "数量不足", "可用不足", "余额不足", "251005")
CONFIRM_FOR = 10.0  # seconds after a cancel: its deals may come later than its status (qmt-facts 1.5)
RETRY_AFTER = 300.0  # seconds after a reject that is neither for money nor for volume


def chains(flags: List[Flag]) -> List[List[Flag]]:
    """Flags grouped by intent, oldest first."""
    found: Dict[str, List[Flag]] = {}
    for flag in flags:
        found.setdefault(str(flag.get("root") or flag.name), []).append(flag)
    return list(found.values())


def over(chain: List[Flag]) -> bool:
    """No order of it is live or unknown."""
    return all(flag.ended for flag in chain)


def pending(chain: List[Flag]) -> bool:
    """It is over, and has not moved (or left) the grid state yet."""
    return over(chain) and not all(flag.settled for flag in chain)


def done(chain: List[Flag]) -> Tuple[int, float]:
    """(shares filled, yuan) of all its attempts."""
    shares = sum(flag.order.filled for flag in chain)
    yuan = sum(flag.order.filled * (flag.order.average or flag.number("price")) for flag in chain)
    return shares, yuan


def for_money(flag: Flag) -> bool:
    """Rejected for lack of money or shares: no retry today."""
    return flag.order.state == orders.REJECTED and any(words in flag.order.reason for words in _MONEY)


def retry_at(chain: List[Flag], day: str) -> float:
    """Epoch seconds from when the rest may be tried again; infinity where it may not."""
    last = chain[-1]
    if last.id.day != day or any(flag.stops(day) for flag in chain):
        return float("inf")
    if last.order.state == orders.CANCELLED:
        return last.number("ended_at") + CONFIRM_FOR
    if last.order.state == orders.REJECTED and not for_money(last):
        return last.number("ended_at") + RETRY_AFTER
    return float("inf")


def settle(desk: "Desk", chain: List[Flag]) -> None:
    """Move the grid state by what a finished intent filled; told where that is less than it wanted."""
    shares, _ = done(chain)
    first = chain[0]
    cell = first.get("cell")
    moved = None
    code = desk.full(first.code)
    if shares > 0 and not _overtaken(desk, chain):
        by = [flag for flag in chain if flag.order.filled > 0][-1].name
        if isinstance(cell, int) and not isinstance(cell, bool) and cell != 0:
            moved = cell
            saved = desk.move_grid(code, cell, by)
        else:
            saved = desk.drop_cell(code)
            words = "委托 %s 成交了，但不知道属于哪一格，停止下单。" % by
            desk.stop(code, words + "请核对持仓，再在 sentry.ini 写 start_cell = 格子号 当天日期")
        if not saved:
            return  # it stays pending, and with it the fund, until the disk takes it
        _tell_shortfall(desk, chain)
    for flag in chain:
        if not flag.settled:
            desk.append(flag, settled=True, grid=moved)


def _overtaken(desk: "Desk", chain: List[Flag]) -> bool:
    """A newer intent has filled and moved the grid state already: a late fill of this one leaves it there."""
    newest = chain[-1].id.place
    return any(flag.id.place > newest and flag.get("grid") is not None for flag in desk.flags.of(chain[0].code))


def _tell_shortfall(desk: "Desk", chain: List[Flag]) -> None:
    """Filled less than wanted, by a lot or more."""
    first = chain[0]
    shares, yuan = done(chain)
    missing = first.order.expected - shares
    rest = first.number("target") - yuan
    price = first.number("price")
    if missing >= 100 and rest >= 100 * price:
        words = "%s %s 只成交 %d 股，差 %d 股" % (side(first), first.code, shares, missing)
        desk.teller.tell(notices.UNFILLED, words, stage="short", code=first.code, flag=first.name)


# ---- words


def side(flag: Flag) -> str:
    return "买入" if flag.buy else "卖出"


def tell(teller: notices.Teller, flag: Flag, actions: Tuple[str, ...]) -> None:
    """Tell what a change of state asks to be told."""
    order = flag.order
    about = {"code": flag.code, "flag": flag.name}
    name = "%s %s（委托 %s）" % (side(flag), flag.code, flag.name)
    for action in actions:
        if action == orders.TELL_ENDED and order.filled:
            words = "%s成交 %d 股，均价 %.4f" % (name, order.filled, order.average)
            if order.filled < order.expected:
                words += "，没有全部成交（委托 %d 股）" % order.expected
            teller.tell(notices.FILL, words, **about)
        elif action == orders.TELL_ENDED:
            words = "到收盘没有成交" if order.state == orders.EXPIRED else "没有成交，已撤单"
            teller.tell(notices.UNFILLED, name + words, stage="ended", **about)
        elif action == orders.TELL_REJECTED:
            words = "%s被拒：%s" % (name, order.reason or "没有说明原因")
            teller.tell(notices.REJECTED, words, reason=order.reason, **about)
        elif action == orders.TELL_UNKNOWN:
            why, where = "委托列表里一直查不到", "当日委托"
            if flag.id.day != teller.day:
                why, where = "隔夜没有结果，持仓也说明不了", "历史委托"
            words = "。不会重发，这只基金停止下单。请在 QMT 里查%s，再右键点哨兵图标，选“处理未知委托”" % where
            teller.tell(notices.UNKNOWN, name + why + words, reason=why, **about)
        elif action == orders.TELL_LATE and flag.id.day != teller.day:  # the closing auction's, shown by POSITION
            words = "按今天的持仓核对：共成交 %d 股" % order.filled
            teller.tell(notices.SETTLED, name + words, **about)
        elif action == orders.TELL_LATE:
            words = "后来查到：%s，到现在成交 %d 股。已补记，这只基金今天不再下单" % (_STATE[order.state], order.filled)
            teller.once(flag.name + order.state, notices.LATE, name + words, **about)  # forty deals are one message
        elif action == orders.TELL_POSITION:
            words = "按今天的持仓核对：共成交 %d 股" % order.filled
            teller.tell(notices.SETTLED, name + words, **about)
        elif action == orders.TELL_OWNER:
            words = "已按您的答复处理：%s，成交 %d 股" % (_STATE[order.state], order.filled)
            teller.tell(notices.SETTLED, name + words, **about)


_STATE = {
    orders.VOID: "没有下单",
    orders.INTENT: "准备下单",
    orders.SENT: "已下单",
    orders.WORKING: "还在委托中",
    orders.FILLED: "已成交",
    orders.CANCELLED: "已撤",
    orders.REJECTED: "被拒",
    orders.EXPIRED: "已过期",
    orders.UNKNOWN: "结果不明",
}
