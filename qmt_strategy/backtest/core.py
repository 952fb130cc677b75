"""Days walked and orders booked, in whole numbers: one source, compiled by numba when it is there, plain when not.

Money and prices are whole ten-thousandths of a yuan ("units"), so every day's books balance exactly. What is bought and
sold is asked of dingtou/grid.py. Containers are rows by fund: lists in plain Python, arrays under numba (compiled.py).
No classes but tuples, no None, no dict in here: what numba does not know.
"""

import math
from bisect import bisect_left
from typing import Any, List, NamedTuple, Tuple

import numpy as np

from ..dingtou import grid

UNIT = 10000  # units a yuan
CENT = 100  # units
MIL = 10  # units: the price tick of ETFs
AT_CLOSE, NEXT_OPEN, NEXT_CLOSE, ON_PATH = 0, 1, 2, 3  # fill models
FILLED, NO_CASH, AT_LIMIT, NO_SHARES, TOO_SMALL, TOO_MANY, ORDER_CAP, DAY_CAP = 0, 1, 2, 3, 4, 5, 6, 7
OPEN_SECOND, CLOSE_SECOND = 34200, 54000


class Market(NamedTuple):
    """What is known of each fund on each day of the calendar: rows [fund][day]."""

    present: Any  # 1 where the fund has a bar
    opens: Any  # units, as are the other prices
    highs: Any
    lows: Any
    closes: Any
    splits: Any  # new shares for one old
    dividends: Any  # yuan a share
    limit_ups: Any  # units; 0 = no limit known
    limit_downs: Any
    averages: Any  # yuan of that day; 0.0 = not traded
    lowests: Any  # yuan: below it a price is a mistake
    highests: Any
    his: Any  # cells; grid.NEVER where a side is not traded
    los: Any
    stirring: Any  # 0 where no price of that day can ask for anything


class Terms(NamedTuple):
    """How orders are filled and paid; the rule's numbers as rows by fund."""

    model: int
    steps: int  # of a segment of the day's path
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
    heights: Any
    amounts: Any
    buy_factors: Any
    sell_factors: Any


class Books(NamedTuple):
    """What is written on the way, all lists of whole numbers; `purse` is [cash, injected, fees, fees today, spent]."""

    purse: Any
    cells: Any  # by fund, as the next ones
    holdings: Any
    sellable: Any
    attempts: Any
    told: Any  # bit set of reasons already noted today
    orders: Any  # (day, fund, side, shares, price, fee, cell, second, injected, outcome)


def day_bounds(
    distances: Any, first: int, window: int, least: int, part_above: float, part_below: float, height: float
) -> Tuple[Any, Any]:
    """(his, los) of each day from the `window` distances before it; `first` is the first day that has one before it.

    A side with fewer than `least` distances gets a threshold that no price reaches.
    """
    days = len(distances)
    his = np.full(days, grid.NEVER)
    los = np.full(days, -grid.NEVER)
    above = [0.0 for _ in range(0)]
    below = [0.0 for _ in range(0)]
    for day in range(first, days):
        one = distances[day - 1]
        if one > grid.NOISE:
            above.insert(bisect_left(above, one), one)
        elif one < -grid.NOISE:
            below.insert(bisect_left(below, one), one)
        if day - first >= window:
            oldest = distances[day - 1 - window]
            if oldest > grid.NOISE:
                above.pop(bisect_left(above, oldest))
            elif oldest < -grid.NOISE:
                below.pop(bisect_left(below, oldest))
        hi, lo, days_above, days_below = grid.bounds(above, below, part_above, part_below, height)
        if days_above >= least:
            his[day] = hi
        if days_below >= least:
            los[day] = lo
    return his, los


def path_price(opened: int, low: int, high: int, close: int, step: int, steps: int) -> int:
    """Units after `step` ticks of the day's path (open, low, high, close; `steps` ticks each), as replay.walk has it."""
    segment = (step - 1) // steps
    if step == 0:
        return opened // MIL * MIL
    if segment == 0:
        start, end = opened // MIL, low // MIL
    elif segment == 1:
        start, end = low // MIL, high // MIL
    else:
        start, end = high // MIL, close // MIL
    return (start + (2 * (end - start) * (step - segment * steps) + steps) // (2 * steps)) * MIL


def fee_of(value: int, rate: float, least: int) -> int:
    """The fee of an order worth `value` units, in whole cents."""
    return max(least, int(math.floor(value * rate / CENT + 0.5)) * CENT)


def whole_lots(shares: float, lot: int) -> int:
    return int((shares + 1e-9) // lot) * lot


def shares_to_sell(yuan: float, price: float, held: int, sellable: int, lot: int) -> int:
    """As sizing.sell: at most what is sellable, and no odd lot stays behind."""
    wanted = whole_lots(yuan / price, lot)
    if sellable == held and wanted > 0 and held - wanted < lot:
        return held
    return wanted if wanted <= sellable else whole_lots(float(sellable), lot)


def note(books: Books, day: int, fund: int, side: int, price: int, cell: int, second: int, outcome: int) -> None:
    """An order that was not made, once a day for each fund and reason."""
    bit = 1 << (2 * outcome + (1 if side < 0 else 0))
    if not books.told[fund] & bit:
        books.told[fund] |= bit
        books.orders.append((day, fund, side, 0, price, 0, cell, second, 0, outcome))


def fill(
    market: Market,
    terms: Terms,
    books: Books,
    day: int,
    fund: int,
    side: int,
    yuan: float,
    cell: int,
    at: int,
    second: int,
) -> None:
    """Book an order for `yuan` at `at` units, or note why it cannot be."""
    price = at + terms.slippage if side > 0 else max(MIL, at - terms.slippage)
    if terms.limits and (
        (side > 0 and 0 < market.limit_ups[fund][day] <= at)
        or (side < 0 and at <= market.limit_downs[fund][day])
    ):
        note(books, day, fund, side, price, cell, second, AT_LIMIT)
        return
    if books.attempts[fund] >= terms.attempts:
        note(books, day, fund, side, price, cell, second, TOO_MANY)
        return
    held = books.holdings[fund]
    if side > 0:
        shares = whole_lots(yuan / (price / UNIT), terms.lot)
    else:
        sellable = books.sellable[fund] if terms.next_day else held
        shares = shares_to_sell(yuan, price / UNIT, held, min(sellable, held), terms.lot)
        if shares < whole_lots(yuan / (price / UNIT), terms.lot):
            yuan = shares * price / UNIT
    if shares <= 0:
        note(books, day, fund, side, price, cell, second, TOO_SMALL if side > 0 or held > 0 else NO_SHARES)
        return
    if yuan > terms.order_cap or books.purse[4] / UNIT + yuan > terms.day_cap:
        note(books, day, fund, side, price, cell, second, ORDER_CAP if yuan > terms.order_cap else DAY_CAP)
        return
    value = shares * price
    fee = fee_of(value, terms.fee_rate, terms.fee_min)
    injected = 0
    if side > 0:
        short = value + fee - books.purse[0]
        if short > 0:
            if not terms.bank:
                note(books, day, fund, side, price, cell, second, NO_CASH)
                return
            injected = short
    books.purse[0] += injected - side * value - fee
    books.purse[1] += injected
    books.purse[2] += fee
    books.purse[4] += int(round(yuan * UNIT))
    books.holdings[fund] = held + side * shares
    if side < 0:
        books.sellable[fund] -= shares
    books.cells[fund] = cell
    books.attempts[fund] += 1
    books.orders.append((day, fund, side, shares, price, fee, cell, second, injected, FILLED))


def wish(market: Market, terms: Terms, day: int, fund: int, at: int, last_cell: int) -> Tuple[int, int, float]:
    """(side, cell, yuan) that the rule asks for at a price of `at` units; side 0 = nothing. As plan.wish."""
    price = at / UNIT
    if not market.lowests[fund][day] <= price <= market.highests[fund][day]:
        return 0, 0, 0.0
    height = terms.heights[fund]
    cell = grid.cell(price, market.averages[fund][day], height)
    side = grid.decide(cell, last_cell, market.los[fund][day], market.his[fund][day])
    if side == 0:
        return 0, cell, 0.0
    return side, cell, grid.order_size(cell, terms.amounts[fund], terms.buy_factors[fund], terms.sell_factors[fund])


def begin_day(market: Market, books: Books, day: int, fund: int) -> int:
    """Splits and dividends of the day's open; returns the units paid."""
    paid = 0
    held = books.holdings[fund]
    if market.dividends[fund][day] > 0.0:
        paid = int(math.floor(held * market.dividends[fund][day] * 100 + 0.5)) * CENT
        books.purse[0] += paid
    if market.splits[fund][day] != 1.0:
        held = int(held * market.splits[fund][day] + 1e-9)
        books.holdings[fund] = held
    books.sellable[fund] = held
    books.attempts[fund] = 0
    books.told[fund] = 0
    return paid


def simulate(
    market: Market, terms: Terms, looks: Any, gaps: Any, cells: Any, cash: int
) -> Tuple[Any, Any, Any, Any, Any, Any, Any]:
    """Walk all days. `looks`: (step, second) pairs of the path as two rows; `gaps`: calendar days since the day before;
    `cells`: each fund's last cell at the start; `cash`: units at the start.

    Returns (cash, injected, fees, paid: units of each day; holdings and cells [fund][day]; the orders).
    """
    funds = len(market.present)
    days = len(market.present[0])
    cash_of, injected_of = np.zeros(days, np.int64), np.zeros(days, np.int64)
    fees_of, paid_of = np.zeros(days, np.int64), np.zeros(days, np.int64)
    held_of, cells_of = np.zeros((funds, days), np.int64), np.zeros((funds, days), np.int64)
    zeros = [0 for _ in range(funds)]
    books = Books(
        [cash, 0, 0, 0, 0],
        [int(cells[fund]) for fund in range(funds)],
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        [(0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(0)],
    )
    waiting = zeros.copy()  # side of an order that waits for the next bar
    waiting_yuan = [0.0 for _ in range(funds)]
    waiting_cell = zeros.copy()
    purse = books.purse
    awake = [0 for _ in range(0)]
    for day in range(days):
        purse[4] = 0
        paid = 0
        if terms.cash_rate > 0.0 and purse[0] > 0:
            paid = int(math.floor(purse[0] * terms.cash_rate * gaps[day] / 365 / CENT)) * CENT
            purse[0] += paid
        awake.clear()
        for fund in range(funds):
            if market.present[fund][day]:
                paid += begin_day(market, books, day, fund)
                if waiting[fund]:
                    opening = terms.model == NEXT_OPEN
                    at = market.opens[fund][day] if opening else market.closes[fund][day]
                    second = OPEN_SECOND if opening else CLOSE_SECOND
                    fill(
                        market, terms, books, day, fund, waiting[fund], waiting_yuan[fund], waiting_cell[fund], at, second
                    )
                    waiting[fund] = 0
                if market.stirring[fund][day]:
                    awake.append(fund)
        if len(awake) > 0:
            if terms.model == ON_PATH:
                walk_day(market, terms, books, day, awake, looks)
            else:
                for fund in awake:
                    at = market.closes[fund][day]
                    side, cell, yuan = wish(market, terms, day, fund, at, books.cells[fund])
                    if side != 0 and terms.model == AT_CLOSE:
                        fill(market, terms, books, day, fund, side, yuan, cell, at, CLOSE_SECOND)
                    elif side != 0:
                        waiting[fund], waiting_yuan[fund], waiting_cell[fund] = side, yuan, cell
        cash_of[day], injected_of[day], fees_of[day], paid_of[day] = purse[0], purse[1], purse[2], paid
        for fund in range(funds):
            held_of[fund][day] = books.holdings[fund]
            cells_of[fund][day] = books.cells[fund]
    return cash_of, injected_of, fees_of, paid_of, held_of, cells_of, books.orders


def walk_day(market: Market, terms: Terms, books: Books, day: int, awake: List[int], looks: Any) -> None:
    """The looks of one day, all funds at each second in their order."""
    moving = [0 for _ in range(0)]
    for fund in awake:
        # Cells rise with the price: if neither end of the day asks for anything, nothing between does. With several
        # looks the last cell only moves with an order, so this holds until the first.
        last = books.cells[fund]
        low, _, _ = wish(market, terms, day, fund, market.lows[fund][day], last)
        high, _, _ = wish(market, terms, day, fund, market.highs[fund][day], last)
        if low != 0 or (high != 0 and books.holdings[fund] > 0) or outside(market, day, fund):
            moving.append(fund)
        elif high != 0:
            note(books, day, fund, high, market.highs[fund][day], 0, CLOSE_SECOND, NO_SHARES)
    if len(moving) == 0:
        return
    for look in range(len(looks[0])):
        for fund in moving:
            at = path_price(
                market.opens[fund][day],
                market.lows[fund][day],
                market.highs[fund][day],
                market.closes[fund][day],
                looks[0][look],
                terms.steps,
            )
            side, cell, yuan = wish(market, terms, day, fund, at, books.cells[fund])
            if side != 0:
                fill(market, terms, books, day, fund, side, yuan, cell, at, looks[1][look])


def outside(market: Market, day: int, fund: int) -> bool:
    """Whether an end of the day is beyond what counts as a price, so that it says nothing about what lies between."""
    return bool(
        market.lows[fund][day] / UNIT < market.lowests[fund][day]
        or market.highs[fund][day] / UNIT > market.highests[fund][day]
    )
