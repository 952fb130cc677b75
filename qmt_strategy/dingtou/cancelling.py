"""Asks for the cancels of our own live orders that are due, and tells what stays unfilled. cancels.py decides."""

from typing import Any, Callable, Dict

from . import cancels, notices, orders
from .desk import Desk
from .flags import Flag

_MAYBE_ALIVE = (orders.SENT, orders.WORKING, orders.UNKNOWN)
UNCONFIRMED = 60.0  # seconds after the first request without a final status: told


class Canceller:
    """`cancel(sysid)` is QMT's; what it returns is not looked at: only the order's status tells."""

    def __init__(self, desk: Desk, fill_timeout: float, cancel: Callable[[str], Any]) -> None:
        self._desk = desk
        self._fill_timeout = fill_timeout
        self._cancel = cancel
        self._asked: Dict[str, float] = {}  # flag id -> when cancel was last called
        self._first: Dict[str, float] = {}  # flag id -> when it was first called
        self._since: Dict[str, float] = {}  # flag id -> when it was first seen here

    def run(self, now: float, second: int, stop: bool, allowed: Callable[[], bool]) -> None:
        """One call of handlebar; `allowed` is asked right before a cancel."""
        for flag in self._desk.today():
            row = self._desk.rows.get(flag.name)
            if flag.order.state not in _MAYBE_ALIVE or (row is None and not flag.order.sysid):
                continue  # of an unknown one too: to cancel what is final does no harm
            placed = flag.placed(now)
            age = max(now - placed, now - self._since.setdefault(flag.name, now))
            # abs: a clock that was set back must not keep an order from being asked again
            asked = abs(now - self._asked[flag.name]) if flag.name in self._asked else float("inf")
            status = row.status or 0 if row is not None else 0
            live = cancels.Live(flag.order.sysid, status, age, asked)
            stop_it = stop or (row is not None and self._desk.oversized(flag, row))
            why = cancels.why(live, second, stop_it, self._fill_timeout)
            if not why:
                continue
            self._tell(flag, why, second, now)
            if cancels.may_ask(live, second) and allowed():
                self._asked[flag.name] = now
                self._first.setdefault(flag.name, now)
                self._cancel(flag.order.sysid)

    def _tell(self, flag: Flag, why: str, second: int, now: float) -> None:
        about = {"code": flag.code, "flag": flag.name}
        teller = self._desk.teller
        if why == "timeout":
            words = "委托 %s 超过 %.0f 秒没有全部成交，正在撤单" % (flag.name, self._fill_timeout)
            teller.once(flag.name, notices.UNFILLED, words, stage="cancelling", **about)
        waited = abs(now - self._first.get(flag.name, now))
        if second >= cancels.CONFIRMED_BY:
            words = "委托 %s 到 14:56:30 还没有确认撤单。请在 QMT 里查这笔委托" % flag.name
            teller.once(flag.name + " end", notices.UNFILLED, words, stage="unconfirmed", **about)
        elif waited >= UNCONFIRMED:
            words = "委托 %s 要求撤单 %.0f 秒还没有确认。请在 QMT 里看，还挂着就手工撤单" % (flag.name, waited)
            teller.once(flag.name + " deaf", notices.UNFILLED, words, stage="unconfirmed", **about)
