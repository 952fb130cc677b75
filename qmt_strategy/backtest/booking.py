"""Orders booked in whole numbers, and what the walk over the days is made of.

Money and prices are whole ten-thousandths of a yuan ("units"), so every day's books balance exactly. Compiled by numba
when it is there, plain when not (compiled.py): no classes but tuples, no None, no dict. Rows are lists in plain Python,
arrays under numba.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ..dingtou import grid

UNIT = 10000  # units a yuan
CENT = 100  # units
MIL = 10  # units: the price tick of ETFs
AT_CLOSE, NEXT_OPEN, NEXT_CLOSE, ON_PATH = 0, 1, 2, 3  # fill models
FILLED, NO_CASH, AT_LIMIT, NO_SHARES, TOO_SMALL, TOO_MANY, ORDER_CAP, DAY_CAP = 0, 1, 2, 3, 4, 5, 6, 7


class Market(NamedTuple):
    """One row for each day of each fund, by day and then by fund."""

    days: Any  # place on the calendar
    funds: Any  # place among the funds
    stirring: Any  # false where no price of that day can ask for anything
    opens: Any  # units, as are the other prices
    highs: Any
    lows: Any
    closes: Any
    splits: Any  # new shares for one old
    dividends: Any  # yuan a share
    limit_ups: Any  # units; 0 = no limit known
    limit_downs: Any
    lowests: Any  # yuan: below it a price is a mistake
    highests: Any
    averages: Any  # yuan of that day; 0.0 = not traded
    his: Any  # cells; grid.NEVER where a side is not traded
    los: Any


class Terms(NamedTuple):
    """How orders are filled and paid; the rule's numbers are the same for all funds."""

    model: int
    steps: int  # of a segment of the day's path
    open_second: int  # of the day, for fills at the open and at the close
    close_second: int
    bank: bool  # money is injected when it is short
    fee_rate: float
    fee_min: int  # units an order
    slippage: int  # units: bought above, sold below
    lot: int
    next_day: bool  # shares bought today are sold from tomorrow on (T+1)
    limits: bool  # nothing is bought at limit-up or sold at limit-down
    attempts: int
    order_cap: float  # yuan
    day_cap: float  # yuan over all funds
    cash_rate: float  # a year, on idle cash
    notes: bool  # whether orders that were not made are written down
    height: float
    amount: float
    buy_factor: float
    sell_factor: float


class Books(NamedTuple):
    """What is written on the way, all lists of whole numbers; `purse` is [cash, injected, fees, ordered today]."""

    purse: Any
    cells: Any  # by fund, as the next ones
    holdings: Any
    sellable: Any
    attempts: Any
    told: Any  # bit set of reasons already noted today
    no_buy: Any  # cells up to this one are not bought today any more, cells from the next one on not sold
    no_sell: Any
    orders: Any  # (day, fund, side, shares, price, fee, cell, second, injected, outcome)
    moves: Any  # (day, fund, shares more, cells more)
    days: Any  # (day, cash, injected, fees, paid) of each day that changed something


def fee_of(value: int, rate: float, least: int) -> int:
    """The fee of an order worth `value` units, in whole cents."""
    return max(least, int(math.floor(value * rate / CENT + 0.5)) * CENT)


def whole_lots(shares: float, lot: int) -> int:
    return int((shares + 1e-9) // lot) * lot


def shares_to_sell(wanted: int, held: int, sellable: int, lot: int) -> int:
    """As sizing.sell: at most what is sellable, and no odd lot stays behind."""
    if sellable == held and wanted > 0 and held - wanted < lot:
        return held
    return wanted if wanted <= sellable else whole_lots(float(sellable), lot)


def fill(market: Market, terms: Terms, books: Books, row: int, side: int, cell: int, at: int, second: int) -> int:
    """Book the order that the rule asks for in `cell` at `at` units, or note why it cannot be; returns the outcome."""
    day, fund = market.days[row], market.funds[row]
    price = at + side * terms.slippage
    if terms.limits and side > 0 and market.limit_ups[row] > 0:
        price = min(price, market.limit_ups[row])  # nobody sells above it
    price = max(MIL, market.limit_downs[row] if terms.limits and side < 0 else MIL, price)
    yuan = grid.order_size(cell, terms.amount, terms.buy_factor, terms.sell_factor)
    held = books.holdings[fund]
    shares = whole_lots(yuan / (price / UNIT), terms.lot)
    if side < 0:
        wanted = shares
        shares = shares_to_sell(wanted, held, min(books.sellable[fund], held) if terms.next_day else held, terms.lot)
        if shares != wanted:
            yuan = shares * price / UNIT
    value = shares * price
    fee = fee_of(value, terms.fee_rate, terms.fee_min)
    short = value + fee - books.purse[0] if side > 0 else 0

    stuck = 0 < market.limit_ups[row] <= at if side > 0 else at <= market.limit_downs[row]
    outcome = FILLED
    if terms.limits and stuck:
        outcome = AT_LIMIT
    elif books.attempts[fund] >= terms.attempts:
        outcome = TOO_MANY
    elif shares <= 0:
        outcome = TOO_SMALL if side > 0 or held > 0 else NO_SHARES
    elif yuan > terms.order_cap:
        outcome = ORDER_CAP
    elif books.purse[3] / UNIT + yuan > terms.day_cap:
        outcome = DAY_CAP
    elif short > 0 and not terms.bank:
        outcome = NO_CASH

    if outcome != FILLED:
        # Once a day for each fund, side and reason.
        bit = 1 << (2 * outcome + (1 if side < 0 else 0))
        if terms.notes and not books.told[fund] & bit:
            books.told[fund] |= bit
            books.orders.append((day, fund, side, 0, price, 0, cell, second, 0, outcome))
        return outcome
    injected = max(0, short)
    books.purse[0] += injected - side * value - fee
    books.purse[1] += injected
    books.purse[2] += fee
    books.purse[3] += int(round(yuan * UNIT))
    books.holdings[fund] = held + side * shares
    if side < 0:
        books.sellable[fund] -= shares
    books.attempts[fund] += 1
    books.orders.append((day, fund, side, shares, price, fee, cell, second, injected, FILLED))
    books.moves.append((day, fund, side * shares, cell - books.cells[fund]))
    books.cells[fund] = cell
    return FILLED


def events(market: Market, books: Books, row: int) -> int:
    """Splits and dividends of the day's open; returns the units paid. Parts of a share are dropped."""
    fund = market.funds[row]
    held = books.holdings[fund]
    paid = 0
    if market.dividends[row] > 0.0:
        paid = int(math.floor(held * market.dividends[row] * 100 + 0.5)) * CENT
        books.purse[0] += paid
    if market.splits[row] != 1.0:
        after = int(held * market.splits[row] + 1e-9)
        books.holdings[fund] = after
        books.moves.append((market.days[row], fund, after - held, 0))
    return paid


def interest(terms: Terms, books: Books, gap: int) -> int:
    """Idle cash's interest over `gap` calendar days, in whole cents rounded down; returns the units paid."""
    if books.purse[0] <= 0:
        return 0
    paid = int(math.floor(books.purse[0] * terms.cash_rate * gap / 365 / CENT)) * CENT
    books.purse[0] += paid
    return paid


def table(rows: Any, width: int) -> Any:
    """Rows of `width` whole numbers as one array: handing lists of tuples over to Python costs numba much more."""
    found = np.empty((len(rows), width), np.int64)
    for at in range(len(rows)):
        row = rows[at]
        for column in range(width):
            found[at, column] = row[column]
    return found
