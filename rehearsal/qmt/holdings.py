"""Cash (yuan) and shares of the simulated account: freezing, fees, T+1. The broker says when a day begins."""

import copy
from typing import Dict, Mapping

FEE_RATE = 0.0002  # of a deal's amount, as in the published dumps (982.00 -> 0.1964)


class Holding:
    """Shares of one code. `cost` is what was paid less what came in, as m_dPositionCost counts it."""

    def __init__(self, volume: int = 0, price: float = 0.0) -> None:
        self.volume = volume
        self.today = 0  # bought today: 在途, not sellable until tomorrow
        self.frozen = 0  # in live sell orders
        self.cost = volume * price
        self.bought_volume = volume
        self.bought_cost = volume * price


class Holdings:
    def __init__(self, cash: float, shares: Mapping[str, Holding]) -> None:
        self.cash = cash
        self.frozen_cash = 0.0
        self.commission = 0.0
        self.pre_balance = cash + sum(holding.cost for holding in shares.values())
        self.shares: Dict[str, Holding] = dict(shares)

    @property
    def available(self) -> float:
        return round(self.cash - self.frozen_cash, 4)

    def sellable(self, code: str, settle_next_day: bool = True) -> int:
        holding = self.shares.get(code)
        if holding is None:
            return 0
        unsettled = holding.today if settle_next_day else 0
        return max(0, holding.volume - unsettled - holding.frozen)

    def freeze_cash(self, amount: float) -> float:
        """Set `amount` and its fee aside; returns what is frozen, 0.0 where the cash does not suffice."""
        needed = amount * (1 + FEE_RATE)
        if needed > self.available:
            return 0.0
        self.frozen_cash += needed
        return needed

    def release_cash(self, shares: int, limit: float) -> None:
        """Give back what was frozen for `shares` at `limit`."""
        self.frozen_cash = max(0.0, self.frozen_cash - shares * limit * (1 + FEE_RATE))

    def book(self, code: str, buy: bool, shares: int, price: float) -> float:
        """Book one deal (its frozen part already released); returns the fee."""
        amount = shares * price
        fee = round(amount * FEE_RATE, 4)
        self.commission += fee
        holding = self.shares.setdefault(code, Holding())
        if buy:
            self.cash -= amount + fee
            holding.volume += shares
            holding.today += shares
            holding.cost += amount + fee
            holding.bought_volume += shares
            holding.bought_cost += amount
        else:
            self.cash += amount - fee
            holding.volume -= shares
            holding.cost -= amount - fee
        return fee

    def split(self, code: str, ratio: float) -> None:
        """`ratio` new shares for one old; fractions are dropped."""
        holding = self.shares.get(code)
        if holding is not None:
            holding.volume = int(holding.volume * ratio + 1e-6)
            holding.bought_volume = int(holding.bought_volume * ratio + 1e-6)

    def dividend(self, code: str, yuan: float) -> None:
        """Paid at once on the ex-date (in life some days later)."""
        holding = self.shares.get(code)
        if holding is not None:
            self.cash += holding.volume * yuan
            holding.cost -= holding.volume * yuan

    def new_day(self) -> None:
        """Yesterday's purchases become sellable; nothing is frozen over night."""
        self.frozen_cash = 0.0
        self.commission = 0.0
        for holding in self.shares.values():
            holding.today = 0
            holding.frozen = 0

    def copy(self) -> "Holdings":
        made = copy.copy(self)
        made.shares = {code: copy.copy(holding) for code, holding in self.shares.items()}
        return made
