"""Everything outside the trader's PC: the clock, the market, the exchange, the broker with its one account.

Clients come and go; the world stays. In-process it runs on a SimClock, as a process on time.time:

    clock = SimClock(times.at("20240131", "09:00"))
    world = World(clock, market.from_folder(folder), Behaviours(), seed=1)
    client = Client(world, environ={"QMT_SENTRY_HOME": home}, site_packages=["qmt_strategy"])
    client.mount_file("qmt_strategy/etf_grid.py")
    client.start()
    client.run_day("20240131", ticks=61)
    client.kill()
    client.start()
"""

import pickle
import random
from typing import Any, Callable, Mapping, Optional, Tuple

from rehearsal.market import Market, Tick

from .behaviours import Behaviours
from .broker import Broker
from .exchange import Exchange, Request
from .hours import ExchangeHours


class World:
    def __init__(
        self,
        clock: Callable[[], float],
        market: Market,
        behaviours: Optional[Behaviours] = None,
        seed: int = 1,
        account: str = "2000567",
        cash: float = 500000.0,
        shares: Optional[Mapping[str, Tuple[int, float]]] = None,
        hours: Any = None,
    ) -> None:
        """`clock()`: the exchange's time, epoch seconds. `shares`: {code: (shares, price paid)}, by default 20,000 of
        the market's first two codes. `hours`: ExchangeHours(market) unless given."""
        self.clock = clock
        self.market = market
        self.behaviours = behaviours or Behaviours()
        self.seed = seed
        self.account = account
        self.hours = hours or ExchangeHours(market)
        self.exchange = Exchange(market, self.hours, self.behaviours)
        chance = random.Random("broker %d" % seed)
        self.broker: Any = Broker(account, self.exchange, chance, clock(), cash, shares)
        self.clients = 0
        self.after_order: Callable[[], None] = lambda: None  # called when a client has sent an order or a cancel

    def now(self) -> float:
        return self.clock()

    @property
    def simulated(self) -> bool:
        """Whether the clock is one that can be moved."""
        return hasattr(self.clock, "advance")

    def next_client(self) -> int:
        self.clients += 1
        return self.clients

    def tick(self, code: str) -> Tick:
        """The exchange's own quote now, whatever clients see."""
        return self.exchange.quote(code, self.now())

    def owner_order(self, code: str, buy: bool, shares: int, price: float = 0.0) -> int:
        """The owner's own hand, from another client of the same account: no remark. price 0.0: the second level."""
        tick = self.tick(code)
        limit = price or (tick.ask[1] if buy else tick.bid[1]) or tick.last
        number: int = self.broker.submit(Request(code=code, buy=buy, shares=shares, price=limit), self.now())
        return number

    def save(self) -> bytes:
        """The broker's book and the number of clients so far, for another process."""
        return pickle.dumps((self.account, self.market.codes, self.clients, self.broker.save()), 4)

    def restore(self, saved: bytes) -> None:
        """Go on from `save()`; a book of another account or another market is left alone."""
        account, codes, clients, book = pickle.loads(saved)
        if (account, codes) == (self.account, self.market.codes):
            self.clients = clients
            self.broker.restore(book)

    def run_to(self, at: float) -> None:
        """Let the world go on to `at` without any client; SimClock only."""
        clock: Any = self.clock
        while True:
            due = self.broker.next_due()
            if due >= at:
                break
            clock.set(due)
            self.broker.advance(self.now())
        clock.set(at)
        self.broker.advance(self.now())
