"""The owner's own hand: small manual orders every few seconds, so that orders and deals appear without any strategy."""

import random
from typing import Optional

from .broker import Broker, Request

MOST_A_DAY = 200  # a long rehearsal must not pile up more orders than a person places
_EARLIEST = 0.6  # of the mean gap between two orders
_LATEST = 1.4


class Owner:
    """Trades 100 to 300 shares about every `seconds`; 0 = never. Nothing while the client is logged out."""

    def __init__(self, seconds: float, chance: random.Random, now: float) -> None:
        self._seconds = seconds
        self._chance = chance
        self.next_at = now + seconds if seconds > 0 else float("inf")

    def act(self, broker: Broker, now: float, number: int) -> None:
        if now < self.next_at:
            return
        self.next_at = now + self._seconds * self._chance.uniform(_EARLIEST, _LATEST)
        request = self._wish(broker, number)
        if request is not None and broker.connected and len(broker.orders) < MOST_A_DAY:
            broker.submit(request, now)

    def _wish(self, broker: Broker, number: int) -> Optional[Request]:
        code = self._chance.choice(broker.market.codes)
        shares = 100 * self._chance.randint(1, 3)
        buy = self._chance.random() < 0.5
        if not buy and broker.holdings.sellable(code) < shares:
            buy = True
        tick = broker.market.tick(code, number)
        price = tick.ask[1] if buy else tick.bid[1]  # a level deeper, so that it trades soon
        if buy and broker.holdings.available < 2 * shares * price:
            return None
        return Request(code=code, buy=buy, shares=shares, price=price)
