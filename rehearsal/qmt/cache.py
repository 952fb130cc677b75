"""The client's own copy of the account's tables, and what is pushed to it (qmt-facts 1.3, 1.5).

get_trade_detail_data reads this copy, not the counter: a change shows some time later, each table in its own time, so
that an order can be visible while the cash is still the old. Prices in positions are those of the newest tick.
"""

import random
from typing import Any, Callable, Dict, List, Tuple

from rehearsal.market import Tick

from . import times
from .behaviours import Behaviours
from .broker import Broker, Snapshot
from .statement import Statement

TABLES = ("account", "position", "order", "deal", "task")
_NEVER = float("inf")
_SOONEST = 0.05  # seconds: the fastest counters push that often (qmt-facts 1.3)


class Cache:
    """What one run of the client knows. `quote(code)` gives the client's newest tick."""

    def __init__(
        self,
        broker: Broker,
        statement: Statement,
        behaviours: Behaviours,
        chance: random.Random,
        quote: Callable[[str], Tick],
        now: float,
    ) -> None:
        self._broker = broker
        self._statement = statement
        self._behaviours = behaviours
        self._chance = chance
        self._quote = quote
        self._version = broker.current_version()
        self._changed_at = now
        self._due = dict.fromkeys(TABLES, _NEVER)
        self._next_refresh = _NEVER
        self._shown: Dict[str, Snapshot] = {table: broker.snapshot() for table in TABLES}
        self._rows: Dict[str, List[Any]] = {}
        self._strategies: Dict[int, str] = {}  # m_nRef -> strategyName, as far as this client knows it
        self._event = broker.events_since(1 << 60)[0]  # what happened before this client ran is not pushed
        self._pushes: List[Tuple[float, str, Any]] = []

    # ---- tables

    def rows(self, table: str, now: float, strategy: str = "") -> List[Any]:
        """Objects of their own for one table; `strategy`: only orders, deals under exactly this strategyName."""
        shown = self._shown[table]
        if table in ("account", "position"):
            holdings, day = shown.holdings, shown.day
            if table == "position":
                return self._statement.positions(holdings, day, self._quote)
            return [self._statement.account(holdings, times.day(now), self._quote)]
        if shown.day != times.day(now):  # ORDER and DEAL are today's only
            return []
        if table not in self._rows:
            self._rows[table] = self._make(table, shown)
        rows = self._rows[table]
        if strategy and table in ("order", "deal"):
            rows = [row for row in rows if self._strategies.get(row.m_nRef) == strategy]
        return [row.twin() for row in rows]

    def _make(self, table: str, shown: Snapshot) -> List[Any]:
        if table == "task":
            return [self._statement.task(task) for task in shown.tasks]
        booked: Any = shown.orders if table == "order" else shown.deals
        self._strategies.update(
            {each.ref: each.request.strategy for each in booked if self._statement.knows(each.request)}
        )
        make: Any = self._statement.order if table == "order" else self._statement.deal
        return [make(each) for each in booked]

    # ---- time

    def advance(self, now: float) -> None:
        """Notice what changed at the counter, and show what is due."""
        version = self._broker.current_version()
        if version != self._version:
            self._version = version
            self._changed_at = now
            for table in TABLES:
                if self._due[table] == _NEVER:
                    self._due[table] = now + self._delay(table)
            self._next_refresh = min(self._due.values())
            self._take_events(now)
        if now >= self._next_refresh:
            self._refresh(now)

    def _refresh(self, now: float) -> None:
        for table in TABLES:
            if self._due[table] > now:
                continue
            if now < self._changed_at + self._least(table):  # the newest change is too fresh to be seen
                self._due[table] = self._changed_at + self._least(table)
                continue
            self._due[table] = _NEVER
            self._shown[table] = self._broker.snapshot()
            self._rows.pop(table, None)
        self._next_refresh = min(self._due.values())

    def next_due(self) -> float:
        return min(self._next_refresh, self._pushes[0][0] if self._pushes else _NEVER)

    def _delay(self, table: str) -> float:
        span = self._span(table)
        return self._chance.uniform(*span) if span[1] > 0 else 0.0

    def _least(self, table: str) -> float:
        return min(_SOONEST, self._span(table)[0])

    def _span(self, table: str) -> Tuple[float, float]:
        money = table in ("account", "position")
        span: Tuple[float, float] = self._behaviours.cash_after if money else self._behaviours.visible_after
        return span

    # ---- pushes

    def take_pushes(self, now: float) -> List[Tuple[str, Any]]:
        """(kind, object) of each push that is due: order, deal, task, account, position."""
        due = [(kind, obj) for at, kind, obj in self._pushes if at <= now]
        if due:
            self._pushes = [push for push in self._pushes if push[0] > now]
        return due

    def replay(self, now: float) -> None:
        """All of today's orders and deals once more, as brokers do after a reconnect (qmt-facts 1.6)."""
        known = self._broker.snapshot()
        for order in known.orders:
            self._push(now, "order", self._statement.order(order))
        for deal in known.deals:
            self._push(now, "deal", self._statement.deal(deal))

    def forget_pushes(self) -> None:
        """The connection is cut: what was on its way is lost."""
        self._pushes = []
        self._event = self._broker.events_since(1 << 60)[0]

    def _take_events(self, now: float) -> None:
        self._event, events = self._broker.events_since(self._event)
        money = False
        for kind, booked in events:
            if kind == "order":
                self._push(now, "order", self._statement.order(booked))
            elif kind == "deal":
                self._push(now, "deal", self._statement.deal(booked))
            money = money or kind == "money"
        if money:
            holdings, day = self._broker.snapshot().holdings, times.day(now)
            self._push(now, "account", self._statement.account(holdings, day, self._quote))
            for position in self._statement.positions(holdings, day, self._quote):
                self._push(now, "position", position)
            for task in self._broker.snapshot().tasks:
                self._push(now, "task", self._statement.task(task))

    def _push(self, now: float, kind: str, obj: Any) -> None:
        span = self._behaviours.push_after
        at = now + (self._chance.uniform(*span) if span[1] > 0 else 0.0)
        if self._pushes:
            at = max(at, self._pushes[-1][0])  # they come in order
        self._pushes.append((at, kind, obj))
