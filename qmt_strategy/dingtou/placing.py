"""The one call of passorder. Nothing else in this package calls it, and only handlebar leads here.

The flag file comes first, then its trace in book.json, then the call: whatever happens after the flag file's first
line, a crash or an exception, passorder is never called for that id again.
"""

from typing import Any, Callable, Mapping, Optional

from . import clock, control, gate, ids, notices, orders, plan, settle, sizing
from .desk import Desk
from .flags import Flag, first_line
from .looks import Look
from .params import Fund

STRATEGY = "etf_grid"  # passorder's strategyName


class Placer:
    """`api` is the script's globals, `account` the injected one."""

    def __init__(self, desk: Desk, api: Mapping[str, Any], account: str, now: Callable[[], float]) -> None:
        self._desk = desk
        self._api = api
        self._account = account
        self._now = now

    def place(
        self,
        ContextInfo: Any,
        fund: Fund,
        wish: plan.Wish,
        ticket: sizing.Ticket,
        look: Look,
        first: Optional[Flag],
        until: float,
    ) -> None:
        """Write the intent and call passorder, once. `first`: the intent's first attempt, where this is a further one.

        `until`: epoch seconds after which the tick that it was decided at is too old.

        May raise what passorder raises: then nobody knows whether the order went out, and the flag file says so.
        """
        desk = self._desk
        ident = self._next_id(fund, wish, look)
        if ident is None:
            return
        target = first.number("target") if first is not None else wish.yuan
        line = first_line(
            ident,
            self._now(),
            code=fund.code,
            side=ident.side,
            shares=ticket.shares,
            price=ticket.price,
            yuan=ticket.yuan,
            volume=ticket.volume,
            order_type=ticket.order_type,
            target=round(target, 2),
            cell=wish.cell,
            from_cell=desk.grid.cells[fund.code].cell,
            root=first.name if first is not None else ident.text,
        )
        flag = desk.intend(ident, line)
        if flag is None:
            return
        if not self._still_in_time(ident, until):
            desk.append(flag, state=orders.VOID, reason="写记录时过了时间，或刚被停止下单，没有下单")
            return
        self._api["passorder"](
            ticket.op,
            ticket.order_type,
            self._account,
            fund.code,
            ticket.price_type,
            -1,
            ticket.volume,
            STRATEGY,
            sizing.AT_ONCE,
            flag.name,
            ContextInfo,
        )
        desk.record(flag, orders.Seen(orders.RETURNED))
        words = "%s %s 约 %.0f 元（预计 %d 股，第 %d 格），委托 %s"
        words = words % (settle.side(flag), fund.code, ticket.yuan, ticket.shares, wish.cell, flag.name)
        desk.teller.tell(notices.TRIGGERED, words, code=fund.code, flag=flag.name)

    def _still_in_time(self, ident: ids.Id, until: float) -> bool:
        """Writing may have taken long."""
        now = self._now()
        in_time = now <= until and clock.day(now) == ident.day and gate.in_hours(clock.second_of_day(now))
        return in_time and not control.stop_asked(self._desk.home)

    def _next_id(self, fund: Fund, wish: plan.Wish, look: Look) -> Optional[ids.Id]:
        """1 + the highest number of today and this fund, from flag files, their traces and remarks in ORDER."""
        desk = self._desk
        names = list(desk.flags.flags) + [row.remark for row in look.orders]
        names.extend(trace.id for trace in desk.book.accounts[fund.code].traces)
        taken = [known for known in map(ids.parse, names) if known is not None]
        return ids.following(desk.day, fund.code[:6], "B" if wish.side > 0 else "S", taken)
