"""The owner's own hand: small manual orders every few seconds, so that orders and deals appear without any strategy."""

import random

from .world import World

MOST_A_DAY = 200  # a long rehearsal must not pile up more orders than a person places
_EARLIEST = 0.6  # of the mean gap between two orders
_LATEST = 1.4


class Owner:
    """Trades 100 to 300 shares about every `seconds`; 0 = never."""

    def __init__(self, world: World, seconds: float) -> None:
        self.seconds = seconds
        self._world = world
        self._chance = random.Random("owner %d" % world.seed)
        self.next_at = world.now() + seconds if seconds > 0 else float("inf")

    def act(self) -> None:
        """Place an order if one is due."""
        now = self._world.now()
        if now < self.next_at:
            return
        self.next_at = now + self.seconds * self._chance.uniform(_EARLIEST, _LATEST)
        snapshot = self._world.broker.snapshot()
        if len(snapshot.orders) >= MOST_A_DAY:
            return
        code = self._chance.choice(self._world.market.codes)
        shares = 100 * self._chance.randint(1, 3)
        buy = self._chance.random() < 0.5 or snapshot.holdings.sellable(code) < shares
        if not buy or snapshot.holdings.available >= 2 * shares * self._world.tick(code).ask[1]:
            self._world.owner_order(code, buy, shares)
