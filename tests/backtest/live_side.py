"""The other side of "one rule": the same days through etf_grid.py in the simulated QMT, from the same prices."""

import os
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from qmt_strategy.backtest import prices
from rehearsal import market
from rehearsal.fortnight import live_orders
from rehearsal.fortnight.scenarios import NO_CAPS, Scenario
from rehearsal.qmt import times
from rehearsal.qmt.adjust import Event


class Ordered(NamedTuple):
    """One order as both sides have it. Shares are left out: live they follow from 卖2 and 买2, a tick or two away."""

    day: str
    time: str
    code: str
    side: str
    yuan: float
    cell: int


def as_market(funds: Sequence[prices.Fund]) -> market.Market:
    """The simulated exchange's form of the backtest's funds."""
    bars: Dict[str, List[market.Bar]] = {}
    events: Dict[str, List[Event]] = {}
    for fund in funds:
        bars[fund.code] = [market.Bar(*row) for row in zip(*fund[1:6])]
        events[fund.code] = [Event(fund.dates.index(one.date), one.kind, one.value) for one in fund.events()]
    return market.Market(bars, "回测的价格", True, events)


def orders(
    home: str,
    funds: Sequence[prices.Fund],
    days: Sequence[str],
    cells: Sequence[int],
    decide: str,
    rule: Tuple[str, ...] = (),
) -> Tuple[List[Ordered], List[str]]:
    """(the orders that reached the counter, what went wrong) over `days`; each fund begins in its one of `cells`.

    A tick a minute, as on the backtest's path. For `once` only those around its time: nothing is asked before.
    """
    trading = as_market(funds)
    words = tuple(rule) + ("decide = " + decide,)
    codes = [fund.code for fund in funds]
    scenario = Scenario("", "", days[0], days[-1], NO_CAPS, dict(zip(codes, cells)), rule=words)
    client = live_orders.started(home, scenario, trading, visible_after=(0.0, 0.2), cash_after=(0.0, 0.2))
    for day in days:
        for at in _tick_times(client, day, decide):
            client.tick(at)
        client.run_to(times.at(day, "15:30"))
    booked = live_orders.booked_orders(client)
    client.close()
    flags = live_orders.first_lines(home)
    lines = [live_orders.line_of(order, flags[order.request.remark]) for order in booked]
    trouble = live_orders.posts(home, "error")
    trouble += ["not filled: " + order.request.remark for order in booked if order.status != live_orders.FILLED]
    trouble += ["never sent: " + name for name in flags if name not in {order.request.remark for order in booked}]
    return [Ordered(line.day, line.time, line.code, line.side, line.yuan, line.cell) for line in lines], trouble


def _tick_times(client: Any, day: str, decide: str) -> List[float]:
    """The path's ticks, and some looks at the account just before trading."""
    every = live_orders.tick_times(client, day, 60)
    if decide == "minute":
        return every
    opening, asked = times.at(day, "09:30"), times.at(day, "14:47")
    return [at for at in every if at <= opening or at >= asked]


def in_memory() -> Any:
    """Where every order's syncs are cheap."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None
