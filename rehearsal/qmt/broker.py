"""The simulated broker and exchange: an order's way 49 -> 50 -> 55 -> 56, rejects, cancels, several deals per order.

The client does not see this book itself but a copy of it that is refreshed now and then (`view`), as
get_trade_detail_data reads the client's cache (qmt-facts 1.3); orders and deals are also pushed, as events. Time and
randomness are passed in.
"""

import random
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from rehearsal.market import Market, Tick

from . import statement, times
from .behaviours import Behaviours
from .holdings import Holding, Holdings

ACCEPTED, PARTLY, FILLED, REJECTED = 50, 55, 56, 57
WAITING, CANCELLING, PARTLY_CANCELLING, PARTLY_CANCELLED, CANCELLED = 49, 51, 52, 53, 54
ALIVE = (WAITING, ACCEPTED, CANCELLING, PARTLY_CANCELLING, PARTLY)

Event = Tuple[str, Any]  # ('order' | 'deal' | 'account' | 'position', QMT object)


class Request(NamedTuple):
    """What reaches the counter; `price` is the limit in yuan."""

    code: str
    buy: bool
    shares: int
    price: float
    remark: str = ""
    source: str = ""  # the strategy file's name; '' = by hand
    strategy: str = ""


class BookedOrder:
    """One order at the counter."""

    def __init__(self, request: Request, ref: int, at: float) -> None:
        self.request = request
        self.ref = ref
        self.at = at
        self.sysid = ""
        self.status = WAITING
        self.traded = 0
        self.amount = 0.0
        self.reason = ""
        self.next_at = at  # when its next step is due

    @property
    def rest(self) -> int:
        return self.request.shares - self.traded

    @property
    def alive(self) -> bool:
        return self.status in ALIVE


class BookedDeal(NamedTuple):
    order: BookedOrder
    trade_id: str
    at: float
    shares: int
    price: float
    fee: float


class Broker:
    """The counter's book of one account. Call `advance` often; what it returns is pushed to the client."""

    def __init__(
        self,
        account: str,
        market: Market,
        behaviours: Behaviours,
        chance: random.Random,
        now: float,
        cash: float = 500000.0,
    ) -> None:
        self.account = account
        self.market = market
        self.behaviours = behaviours
        self.connected = True  # the client is logged in
        self.orders: List[BookedOrder] = []
        self.deals: List[BookedDeal] = []
        opening = {code: Holding(20000, market.tick(code, 0).last_close) for code in market.codes[:2]}
        self.holdings = Holdings(cash, opening, behaviours.settle_next_day)
        self._chance = chance
        self._day = times.day(now)
        # Counters go on over days and restarts of the client; beginning at the time of day keeps restarts apart.
        self._number = int(now * 10) % 864000 * 10
        self._view: Dict[str, List[Any]] = {}
        self._refresh_at = now
        self._pushes: List[Event] = []

    # ---- what the client does

    def submit(self, request: Request, now: float) -> BookedOrder:
        order = BookedOrder(request, self._next_number(), now)
        order.next_at = now + self._within(self.behaviours.sysid_after)
        self.orders.append(order)
        return order

    def cancel(self, sysid: str, now: float) -> bool:
        """Ask for a cancel; True = the request was sent, which says nothing about the order."""
        order = next((order for order in self.orders if order.sysid == sysid and sysid), None)
        if order is not None and order.status in (ACCEPTED, PARTLY):
            order.status = CANCELLING if order.status == ACCEPTED else PARTLY_CANCELLING
            order.next_at = now + self._within(self.behaviours.fill_after)
            self._push_order(order)
        return order is not None

    def replay(self) -> None:
        """Push all of today's orders and deals again, as brokers do after a reconnect (qmt-facts 1.6)."""
        for order in self.orders:
            self._push_order(order)
        for deal in self.deals:
            self._push("deal", statement.deal(self, deal))

    def view(self, kind: str, strategy: str = "") -> List[Any]:
        """The client's copy of 'account', 'position', 'order' or 'deal'; [] while not logged in.

        `strategy`: only the orders and deals placed under exactly this strategyName; '' = all.
        """
        rows = self._view.get(kind, []) if self.connected else []
        if strategy and kind in ("order", "deal"):
            mine = {order.ref for order in self.orders if order.request.strategy == strategy}
            return [row for row in rows if row.m_nRef in mine]
        return list(rows)

    # ---- what time does

    def advance(self, now: float, number: int) -> List[Event]:
        """Do what is due at `now`, with the market at tick `number`; returns what is pushed to the client."""
        if times.day(now) != self._day:
            self._begin_day(now)
        for order in self.orders:
            if order.alive and order.next_at <= now:
                self._step(order, now, self.market.tick(order.request.code, number))
        if now >= self._refresh_at:
            self._refresh(now, number)
        pushes, self._pushes = self._pushes, []
        return pushes if self.connected else []

    def next_due(self) -> float:
        """When `advance` is worth calling next."""
        return min([self._refresh_at] + [order.next_at for order in self.orders if order.alive])

    def _begin_day(self, now: float) -> None:
        self._day = times.day(now)
        self.orders = []
        self.deals = []
        self.holdings.new_day()

    def _refresh(self, now: float, number: int) -> None:
        before = self._view
        self._view = statement.view(self, now, number)
        self._refresh_at = now + max(0.05, self._within(self.behaviours.visible_after))
        if before:
            for kind in ("account", "position"):
                for fresh, old in zip(self._view[kind], before[kind]):
                    if vars(fresh) != vars(old):
                        self._push(kind, fresh)

    def _step(self, order: BookedOrder, now: float, tick: Tick) -> None:
        request = order.request
        order.next_at = now + max(0.05, self._within(self.behaviours.fill_after))
        if order.status == WAITING:
            order.sysid = str(self._next_number())
            order.reason = self._refusal(request)
            order.status = REJECTED if order.reason else ACCEPTED
            self._push_order(order)
        elif order.status in (CANCELLING, PARTLY_CANCELLING):
            order.status = CANCELLED if order.traded == 0 else PARTLY_CANCELLED
            self.holdings.release(request.code, request.buy, order.rest, request.price)
            self._push_order(order)
        else:
            price = _match(request, tick)
            if price is not None:
                self._fill(order, now, price)

    def _refusal(self, request: Request) -> str:
        """Freeze what the order needs; the counter's words where it cannot (texts from qmt-facts 1.5)."""
        if request.buy:
            if not self.holdings.freeze_for_buy(request.shares * request.price):
                return "[COUNTER][260200][可用资金不足][enable_balance=%.2f]" % self.holdings.available
        elif not self.holdings.freeze_for_sell(request.code, request.shares):
            return "[COUNTER][251005][证券可用数量不足][v_stock_code=%s]" % request.code[:6]
        return ""

    def _fill(self, order: BookedOrder, now: float, price: float) -> None:
        request = order.request
        lots = max(1, order.rest // 100)
        pieces = max(1, self.behaviours.most_deals - sum(1 for deal in self.deals if deal.order is order))
        shares = order.rest if pieces == 1 or lots == 1 else 100 * self._chance.randint(1, lots)
        shares = min(shares, order.rest)
        self.holdings.release(request.code, request.buy, shares, request.price)
        fee = self.holdings.book(request.code, request.buy, shares, price)
        order.traded += shares
        order.amount += shares * price
        order.status = FILLED if order.rest == 0 else PARTLY
        deal = BookedDeal(order, str(self._next_number()), now, shares, price, fee)
        self.deals.append(deal)
        self._push_order(order)
        self._push("deal", statement.deal(self, deal))

    def _push_order(self, order: BookedOrder) -> None:
        self._push("order", statement.order(self, order))

    def _push(self, kind: str, obj: Any) -> None:
        self._pushes.append((kind, obj))

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _within(self, span: Tuple[float, float]) -> float:
        return self._chance.uniform(*span)


def _match(request: Request, tick: Tick) -> Optional[float]:
    """The price at which the order trades now, or None."""
    if request.buy:
        return tick.ask[0] if request.price >= tick.ask[0] > 0 else None
    return tick.bid[0] if 0 < request.price <= tick.bid[0] else None
