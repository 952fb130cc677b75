"""The simulated counter with one account: an order's way 49 -> 50 -> 55 -> 56, rejects, cancels, several deals.

It lives on while clients come and go. A client sees copies only: `snapshot` (what a refresh of its cache would show)
and `events_since` (what is pushed). Time is passed in and may not go back; randomness comes from the world's seed.
"""

import pickle
import random
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from . import hours as phases
from . import times
from .book import (
    ACCEPTED,
    CANCEL_REFUSED,
    CANCEL_SUBMITTED,
    CANCELLED,
    CANCELLING,
    FILLED,
    PARTLY,
    PARTLY_CANCELLED,
    PARTLY_CANCELLING,
    REFUSED,
    REJECTED,
    TAKEN,
    WAITING,
    BookedDeal,
    BookedOrder,
    BookedTask,
)
from .exchange import LOT, Exchange, Fill, Request
from .holdings import Holding, Holdings

Event = Tuple[str, Any]  # ('order', BookedOrder) | ('deal', BookedDeal) | ('money', None)
_RESTING_POLL = 3.0  # seconds: the book changes with each snapshot
_SOONEST = 0.02  # seconds between two steps of one order, whatever the behaviours say


class Snapshot(NamedTuple):
    """Everything a client can know, as it stood at one moment. Nobody changes it."""

    day: str
    orders: List[BookedOrder]
    deals: List[BookedDeal]
    tasks: List[BookedTask]
    holdings: Holdings


class Broker:
    """The counter's book of one account. Call `advance` often."""

    def __init__(
        self,
        account: str,
        exchange: Exchange,
        chance: random.Random,
        now: float,
        cash: float = 500000.0,
        shares: Optional[Mapping[str, Tuple[int, float]]] = None,
    ) -> None:
        """`shares`: {code: (shares, price paid)}; by default 20,000 of the first two codes at the last close."""
        self.account = account
        self.exchange = exchange
        self.version = 0  # changes with every change that a client could see
        self.orders: List[BookedOrder] = []
        self.deals: List[BookedDeal] = []
        self.tasks: List[BookedTask] = []
        self.past: Dict[str, Tuple[List[BookedOrder], List[BookedDeal]]] = {}  # by day
        self.refused = 0  # passorders that ended in a dialog
        self._chance = chance
        self._day = times.day(now)
        market = exchange.market
        if shares is None:
            shares = {code: (20000, market.last_close(code, self._day) or 1.0) for code in market.codes[:2]}
        self.holdings = Holdings(cash, {code: Holding(volume, price) for code, (volume, price) in shares.items()})
        # Counters go on over days; beginning at the time of day keeps two brokers of one day apart.
        self._number = int(now * 10) % 864000 * 10
        self._events: List[Event] = []
        self._snapshot: Tuple[int, Any] = (-1, None)
        self._fixing: float = exchange.hours.next_fixing(now)

    # ---- what a client does

    def submit(self, request: Request, now: float) -> int:
        """An order arrives; returns the client's own number for it (m_nRef)."""
        self.advance(now)
        order = BookedOrder(request, self._next_number(), now)
        order.next_at = now + self._within("sysid_after")
        order.unseen = self.exchange.behaviours.unseen_orders
        self.orders.append(order)
        if request.task:
            self.tasks.append(BookedTask(request.task, request, now, 2))
        self.version += 1
        return order.ref

    def cancel(self, sysid: str, now: float) -> bool:
        """Ask for a cancel; True = the request was sent, which says nothing about the order (qmt-facts 1.2)."""
        self.advance(now)
        behaviours = self.exchange.behaviours
        lie = behaviours.cancel_lies
        if lie == "both":
            lie = self._chance.choice(["no", "yes", ""])
        order = next((order for order in self.orders if order.sysid == sysid and sysid), None)
        if lie == "yes" or order is None:
            return bool(lie == "yes")
        if behaviours.no_cancel_in_auctions and not self.exchange.hours.takes_cancels(now):
            order.submit_status = CANCEL_REFUSED
            self.version += 1
        elif order.status in (ACCEPTED, PARTLY):
            order.status = CANCELLING if order.status == ACCEPTED else PARTLY_CANCELLING
            order.submit_status = CANCEL_SUBMITTED
            order.next_at = now + self._within("cancel_after")
            self._note(order)
        return bool(lie != "no")

    def can_cancel(self, sysid: str) -> bool:
        return any(order.sysid == sysid and sysid and order.status in (ACCEPTED, PARTLY) for order in self.orders)

    def set_task(self, number: int, status: int) -> bool:
        """Pause, resume or cancel a task of algo_passorder; False for an unknown or finished one."""
        for at, task in enumerate(self.tasks):
            if task.number == number and task.status not in (6, 7):
                self.tasks[at] = task._replace(status=status)
                self.version += 1
                return True
        return False

    def note_dialog(self) -> None:
        """A passorder ended in a dialog at the client: nothing arrived here."""
        self.refused += 1

    def past_days(self) -> Dict[str, Tuple[List[BookedOrder], List[BookedDeal]]]:
        return self.past

    def current_version(self) -> int:
        return self.version

    def snapshot(self) -> Snapshot:
        if self._snapshot[0] != self.version:
            orders = [order.copy() for order in self.orders if not order.unseen]
            deals = [deal for deal in self.deals if not deal.unseen]
            made = Snapshot(self._day, orders, deals, list(self.tasks), self.holdings.copy())
            self._snapshot = (self.version, made)
        found: Snapshot = self._snapshot[1]
        return found

    def events_since(self, number: int) -> Tuple[int, List[Event]]:
        """(number to go on from, events after `number`)."""
        return len(self._events), self._events[number:]

    # ---- what time does

    def advance(self, now: float) -> None:
        """Do everything that is due at `now`."""
        if times.day(now) != self._day:
            self._begin_day(now)
        if now >= self._fixing:
            self._fix(now)
        for order in self.orders:
            if order.next_at <= now and order.alive:
                self._step(order, now)

    def next_due(self) -> float:
        """When `advance` is worth calling next."""
        due: List[float] = [order.next_at for order in self.orders if order.alive]
        return min(due + [self._fixing])

    def save(self) -> bytes:
        """The whole book, to go on from in another process (`restore`)."""
        kept = {name: value for name, value in vars(self).items() if name not in ("exchange", "_snapshot")}
        return pickle.dumps(kept, 4)

    def restore(self, saved: bytes) -> None:
        vars(self).update(pickle.loads(saved))
        self._snapshot = (-1, None)

    def _begin_day(self, now: float) -> None:
        self.past[self._day] = (self.orders, self.deals)
        before, self._day = self._day, times.day(now)
        self.orders, self.deals, self.tasks = [], [], []
        self.holdings.new_day()
        self._fixing = self.exchange.hours.next_fixing(now)
        market = self.exchange.market
        for code in list(self.holdings.shares):
            for day in market.days:
                if before < day <= self._day:
                    for event in market.events_on(code, day):
                        change = self.holdings.split if event.kind == "split" else self.holdings.dividend
                        change(code, event.value)
            if self.holdings.shares[code].volume == 0:
                del self.holdings.shares[code]
        self.version += 1
        self._events.append(("money", None))

    def _fix(self, now: float) -> None:
        """An auction is fixed: every order that reaches its price trades at it, as far as it is asked for."""
        at, self._fixing = self._fixing, self.exchange.hours.next_fixing(now)
        for order in self.orders:
            if order.status in (ACCEPTED, PARTLY, CANCELLING, PARTLY_CANCELLING):
                price = self.exchange.fixing_price(order.request.code, at)
                request = order.request
                reached = price <= request.price if request.buy else price >= request.price
                if price > 0 and reached and not self.exchange.behaviours.no_fills:
                    self._fill(order, at, Fill(order.rest, price))

    def _step(self, order: BookedOrder, now: float) -> None:
        order.next_at = now + max(_SOONEST, self._within("fill_after"))
        if order.status == WAITING:
            self._arrive(order, now)
        elif order.refused_later:
            order.reason = order.refused_later
            self._end(order, REJECTED)
        elif order.status in (CANCELLING, PARTLY_CANCELLING):
            if self.exchange.behaviours.cancel_too_late:
                self._trade(order, now, order.rest)
            if order.alive:
                self._end(order, CANCELLED if order.traded == 0 else PARTLY_CANCELLED)
        else:
            self._match(order, now)

    def _arrive(self, order: BookedOrder, now: float) -> None:
        behaviours, request = self.exchange.behaviours, order.request
        sellable = self.holdings.sellable(request.code, behaviours.settle_next_day)
        order.sysid = str(self._next_number())
        reason = behaviours.reject or self.exchange.refusal(request, sellable, now) or self._freeze(request, sellable)
        order.status = ACCEPTED
        order.submit_status = TAKEN
        if reason and behaviours.reject_late:
            order.refused_later = reason
        elif reason:
            order.reason, order.status, order.submit_status = reason, REJECTED, REFUSED
            order.next_at = float("inf")
        if reason:
            order.request = request._replace(kind="refused")  # nothing is frozen for it
        self._note(order)

    def _freeze(self, request: Request, sellable: int) -> str:
        """Freeze what the order needs; the counter's words where it cannot (texts from qmt-facts 1.5)."""
        if request.buy:
            if not self.holdings.freeze_cash(request.shares * request.price):
                return "[COUNTER][260200][可用资金不足][enable_balance=%.2f]" % self.holdings.available
            if not self.exchange.behaviours.freeze_cash:
                self.holdings.release_cash(request.shares, request.price)
        elif request.shares > sellable:
            return "[COUNTER][251005][证券可用数量不足][v_stock_code=%s]" % request.code[:6]
        else:
            self.holdings.shares[request.code].frozen += request.shares
        return ""

    def _match(self, order: BookedOrder, now: float) -> None:
        behaviours = self.exchange.behaviours
        if behaviours.no_fills or (behaviours.half_fills and order.traded):
            order.next_at = now + _RESTING_POLL
            return
        phase = self.exchange.phase(now)
        if phase != phases.CONTINUOUS:
            order.next_at = now + _RESTING_POLL
            return
        wanted = order.rest
        if behaviours.half_fills:
            wanted = max(LOT, order.rest // 2 // LOT * LOT)
        elif order.request.kind != "all-or-none":
            lots, pieces = order.rest // LOT, behaviours.most_deals - order.deals
            if pieces > 1 and lots > 1 and order.request.kind != "rest-cancelled":
                wanted = LOT * self._chance.randint(1, lots)
        if not self._trade(order, now, min(wanted, order.rest)):
            order.resting = True
            order.next_at = now + _RESTING_POLL
        if order.alive and order.request.kind in ("rest-cancelled", "all-or-none"):
            self._end(order, CANCELLED if order.traded == 0 else PARTLY_CANCELLED)

    def _trade(self, order: BookedOrder, now: float, wanted: int) -> bool:
        """Trade up to `wanted` shares with the book; False: nothing there."""
        fills = self.exchange.fills(order.request, wanted, now, order.resting)
        if order.request.kind == "all-or-none" and sum(fill.shares for fill in fills) < order.rest:
            return False
        for fill in fills:
            self._fill(order, now, fill)
        return bool(fills)

    def _fill(self, order: BookedOrder, now: float, fill: Fill) -> None:
        request = order.request
        self._release(order, fill.shares)
        fee = self.holdings.book(request.code, request.buy, fill.shares, fill.price)
        order.traded += fill.shares
        order.amount += fill.shares * fill.price
        order.deals += 1
        if order.rest == 0:
            order.status = FILLED
        elif order.status == ACCEPTED:
            order.status = PARTLY
        elif order.status == CANCELLING:
            order.status = PARTLY_CANCELLING
        deal = BookedDeal(
            order.ref, request, order.sysid, str(self._next_number()), now, fill.shares, fill.price, fee, order.unseen
        )
        self.deals.append(deal)
        self._note(order)
        if not order.unseen:
            self._events.append(("deal", deal))
        if order.rest == 0 and request.task:
            self.set_task(request.task, 7)

    def _end(self, order: BookedOrder, status: int) -> None:
        self._release(order, order.rest)
        order.status = status
        if status == REJECTED:
            order.submit_status = REFUSED
        self._note(order)

    def _release(self, order: BookedOrder, shares: int) -> None:
        request = order.request
        if request.kind == "refused" or not order.sysid:
            return
        if not request.buy:
            self.holdings.shares[request.code].frozen -= shares
        elif self.exchange.behaviours.freeze_cash:
            self.holdings.release_cash(shares, request.price)

    def _note(self, order: BookedOrder) -> None:
        """A client may now learn of this order's new state."""
        self.version += 1
        if not order.unseen:
            self._events.append(("order", order.copy()))
            self._events.append(("money", None))

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _within(self, name: str) -> float:
        span = getattr(self.exchange.behaviours, name)
        return self._chance.uniform(*span) if span[1] > 0 else 0.0
