"""Days walked and orders booked, in whole numbers: one source, compiled by numba when it is there, plain when not.

Money and prices are whole ten-thousandths of a yuan ("units"), so every day's books balance exactly. What is bought and
sold is asked of dingtou/grid.py. Rows are lists in plain Python, arrays under numba (compiled.py).
No classes but tuples, no None, no dict in here: what numba does not know.
"""

import math
from bisect import bisect_left
from typing import Any, List, NamedTuple, Tuple

import numpy as np

from ..dingtou import grid

UNIT = 10000  # units a yuan
CENT = 100  # units
EDGE = 1e-6  # yuan: nearer to a threshold only the rule itself can tell the side
MIL = 10  # units: the price tick of ETFs
AT_CLOSE, NEXT_OPEN, NEXT_CLOSE, ON_PATH = 0, 1, 2, 3  # fill models
FILLED, NO_CASH, AT_LIMIT, NO_SHARES, TOO_SMALL, TOO_MANY, ORDER_CAP, DAY_CAP = 0, 1, 2, 3, 4, 5, 6, 7
OPEN_SECOND, CLOSE_SECOND = 34200, 54000


class Market(NamedTuple):
    """What is known of each fund on each day of the calendar, in one row: a spot is day * number of funds + fund."""

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
    notes: bool  # whether orders that were not made are written down
    heights: Any
    amounts: Any
    buy_factors: Any
    sell_factors: Any


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
    """Units after `step` ticks of the day's path (open, low, high, close, `steps` ticks each), as replay.walk."""
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


def shares_to_sell(wanted: int, held: int, sellable: int, lot: int) -> int:
    """As sizing.sell: at most what is sellable, and no odd lot stays behind."""
    if sellable == held and wanted > 0 and held - wanted < lot:
        return held
    return wanted if wanted <= sellable else whole_lots(float(sellable), lot)


def note(
    terms: Terms, books: Books, day: int, fund: int, side: int, price: int, cell: int, second: int, outcome: int
) -> int:
    """An order that was not made, once a day for each fund and reason; returns the reason."""
    bit = 1 << (2 * outcome + (1 if side < 0 else 0))
    if terms.notes and not books.told[fund] & bit:
        books.told[fund] |= bit
        books.orders.append((day, fund, side, 0, price, 0, cell, second, 0, outcome))
    return outcome


def fill(
    market: Market,
    terms: Terms,
    books: Books,
    day: int,
    fund: int,
    spot: int,
    side: int,
    cell: int,
    at: int,
    second: int,
) -> int:
    """Book the order that the rule asks for in `cell` at `at` units, or note why it cannot be; returns the outcome."""
    if terms.limits and (
        (side > 0 and 0 < market.limit_ups[spot] <= at) or (side < 0 and at <= market.limit_downs[spot])
    ):
        return note(terms, books, day, fund, side, at, cell, second, AT_LIMIT)
    if books.attempts[fund] >= terms.attempts:
        return note(terms, books, day, fund, side, at, cell, second, TOO_MANY)
    price = at + terms.slippage if side > 0 else max(MIL, at - terms.slippage)
    yuan = grid.order_size(cell, terms.amounts[fund], terms.buy_factors[fund], terms.sell_factors[fund])
    held = books.holdings[fund]
    wanted = whole_lots(yuan / (price / UNIT), terms.lot)
    if side > 0:
        shares = wanted
    else:
        shares = shares_to_sell(wanted, held, min(books.sellable[fund], held) if terms.next_day else held, terms.lot)
        if shares < wanted:
            yuan = shares * price / UNIT
    if shares <= 0:
        return note(
            terms, books, day, fund, side, price, cell, second, TOO_SMALL if side > 0 or held > 0 else NO_SHARES
        )
    if yuan > terms.order_cap:
        return note(terms, books, day, fund, side, price, cell, second, ORDER_CAP)
    if books.purse[3] / UNIT + yuan > terms.day_cap:
        return note(terms, books, day, fund, side, price, cell, second, DAY_CAP)
    value = shares * price
    fee = fee_of(value, terms.fee_rate, terms.fee_min)
    injected = 0
    if side > 0 and value + fee > books.purse[0]:
        if not terms.bank:
            return note(terms, books, day, fund, side, price, cell, second, NO_CASH)
        injected = value + fee - books.purse[0]
    books.purse[0] += injected - side * value - fee
    books.purse[1] += injected
    books.purse[2] += fee
    books.purse[3] += int(round(yuan * UNIT))
    books.holdings[fund] = held + side * shares
    if side < 0:
        books.sellable[fund] -= shares
    books.cells[fund] = cell
    books.attempts[fund] += 1
    books.orders.append((day, fund, side, shares, price, fee, cell, second, injected, FILLED))
    return FILLED


def asked(
    at: int, lowest: float, highest: float, average: float, height: float, last_cell: int, lo: int, hi: int
) -> Tuple[int, int]:
    """(side, cell) that the rule asks for at a price of `at` units; side 0 = nothing. As plan.wish."""
    price = at / UNIT
    if not lowest <= price <= highest:
        return 0, 0
    cell = grid.cell(price, average, height)
    return grid.decide(cell, last_cell, lo, hi), cell


def events(market: Market, books: Books, fund: int, spot: int) -> int:
    """Splits and dividends of the day's open; returns the units paid."""
    paid = 0
    held = books.holdings[fund]
    if market.dividends[spot] > 0.0:
        paid = int(math.floor(held * market.dividends[spot] * 100 + 0.5)) * CENT
        books.purse[0] += paid
    if market.splits[spot] != 1.0:
        held = int(held * market.splits[spot] + 1e-9)
        books.holdings[fund] = held
    return paid


def simulate(
    market: Market, terms: Terms, looks: Any, gaps: Any, cells: Any, held: int, cash: int
) -> Tuple[Any, Any, Any, Any, Any, Any, Any]:
    """Walk all days. `looks`: (step, second) pairs of the path as two rows; `gaps`: calendar days since the day before;
    `cells`: each fund's last cell, `held`: its shares, `cash`: units at the start.

    Returns (cash, injected, fees, paid: units of each day; holdings and cells of each spot; the orders).
    """
    funds = len(cells)
    days = len(gaps)
    steps_of, seconds_of = looks[0], looks[1]
    cash_of, injected_of = np.zeros(days, np.int64), np.zeros(days, np.int64)
    fees_of, paid_of = np.zeros(days, np.int64), np.zeros(days, np.int64)
    held_of, cells_of = np.zeros(days * funds, np.int64), np.zeros(days * funds, np.int64)
    zeros = [0 for _ in range(funds)]
    books = Books(
        [cash, 0, 0, 0],
        [int(cells[fund]) for fund in range(funds)],
        [held for _ in range(funds)],
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        [(0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(0)],
    )
    waiting = zeros.copy()  # side of an order that waits for the next bar
    waiting_cell = zeros.copy()
    purse, holdings, sellable, attempts = books.purse, books.holdings, books.sellable, books.attempts
    told, no_buy, no_sell = books.told, books.no_buy, books.no_sell
    awake = [0 for _ in range(0)]
    for day in range(days):
        purse[3] = 0
        paid = 0
        if terms.cash_rate > 0.0 and purse[0] > 0:
            paid = int(math.floor(purse[0] * terms.cash_rate * gaps[day] / 365 / CENT)) * CENT
            purse[0] += paid
        awake.clear()
        for fund in range(funds):
            spot = day * funds + fund
            if market.present[spot]:
                if market.dividends[spot] > 0.0 or market.splits[spot] != 1.0:
                    paid += events(market, books, fund, spot)
                if market.stirring[spot] or waiting[fund] != 0:
                    sellable[fund] = holdings[fund]
                    attempts[fund] = 0
                    told[fund] = 0
                    no_buy[fund] = -grid.NEVER
                    no_sell[fund] = grid.NEVER
                if waiting[fund] != 0:
                    opening = terms.model == NEXT_OPEN
                    at = market.opens[spot] if opening else market.closes[spot]
                    second = OPEN_SECOND if opening else CLOSE_SECOND
                    fill(market, terms, books, day, fund, spot, waiting[fund], waiting_cell[fund], at, second)
                    waiting[fund] = 0
                # A price asks for something only beyond its threshold and beyond the last cell: most days end here.
                if market.stirring[spot]:
                    average, height, last = market.averages[spot], terms.heights[fund], books.cells[fund]
                    low = market.lows[spot] if terms.model == ON_PATH else market.closes[spot]
                    high = market.highs[spot] if terms.model == ON_PATH else market.closes[spot]
                    buys = low / UNIT <= average * (1.0 + min(market.los[spot], last) * height) + EDGE
                    sells = high / UNIT >= average * (1.0 + max(market.his[spot], last) * height) - EDGE
                    if buys or (sells and (holdings[fund] > 0 or terms.notes)):
                        awake.append(fund)
        if len(awake) > 0:
            if terms.model == ON_PATH:
                walk_day(market, terms, books, day, funds, awake, steps_of, seconds_of)
            else:
                for fund in awake:
                    spot = day * funds + fund
                    at = market.closes[spot]
                    side, cell = asked(
                        at,
                        market.lowests[spot],
                        market.highests[spot],
                        market.averages[spot],
                        terms.heights[fund],
                        books.cells[fund],
                        market.los[spot],
                        market.his[spot],
                    )
                    if side != 0 and terms.model == AT_CLOSE:
                        fill(market, terms, books, day, fund, spot, side, cell, at, CLOSE_SECOND)
                    elif side != 0:
                        waiting[fund], waiting_cell[fund] = side, cell
        cash_of[day], injected_of[day], fees_of[day], paid_of[day] = purse[0], purse[1], purse[2], paid
        for fund in range(funds):
            held_of[day * funds + fund] = holdings[fund]
            cells_of[day * funds + fund] = books.cells[fund]
    return cash_of, injected_of, fees_of, paid_of, held_of, cells_of, books.orders


def walk_day(
    market: Market, terms: Terms, books: Books, day: int, funds: int, awake: List[int], steps_of: Any, seconds_of: Any
) -> None:
    """The looks of one day: at each second, the funds in their order."""
    end = len(steps_of)
    due = [end for _ in awake]  # each fund's next look that asks for an order that may be made
    starting = len(awake)
    place, look = 0, 0
    while True:
        fund = awake[place]
        spot = day * funds + fund
        # Numbers only: handing the tuples on would cost more than the search.
        due[place] = search(
            market.opens[spot],
            market.lows[spot],
            market.highs[spot],
            market.closes[spot],
            market.lowests[spot],
            market.highests[spot],
            market.averages[spot],
            terms.heights[fund],
            books.cells[fund],
            market.los[spot],
            market.his[spot],
            books.no_buy[fund],
            books.no_sell[fund],
            steps_of,
            look,
            terms.steps,
        )
        if place + 1 < starting:
            place += 1
            continue
        starting = 0
        place = 0
        for other in range(1, len(awake)):
            if due[other] < due[place]:
                place = other
        look = due[place]
        if look == end:
            return
        fund = awake[place]
        spot = day * funds + fund
        at = path_price(
            market.opens[spot],
            market.lows[spot],
            market.highs[spot],
            market.closes[spot],
            steps_of[look],
            terms.steps,
        )
        cell = grid.cell(at / UNIT, market.averages[spot], terms.heights[fund])
        side = 1 if cell < 0 else -1
        outcome = fill(market, terms, books, day, fund, spot, side, cell, at, seconds_of[look])
        if outcome != FILLED:
            give_up(market, terms, books, fund, spot, side, cell, outcome)
        look += 1


def give_up(
    market: Market, terms: Terms, books: Books, fund: int, spot: int, side: int, cell: int, outcome: int
) -> None:
    """Where the same refusal would meet every later look of the day, don't ask again (`no_buy`, `no_sell`)."""
    if outcome == TOO_MANY:
        books.no_buy[fund] = grid.NEVER
        books.no_sell[fund] = -grid.NEVER
    elif outcome == NO_SHARES and terms.next_day:
        books.no_sell[fund] = -grid.NEVER
    elif outcome in (ORDER_CAP, DAY_CAP):
        # A cell further out asks for more yuan. A sale may be bound by the shares: then their worth must be too much.
        left = terms.order_cap if outcome == ORDER_CAP else terms.day_cap - books.purse[3] / UNIT
        bound = (books.sellable[fund] - 2 * terms.lot) * (market.lows[spot] - terms.slippage) / UNIT
        if side > 0:
            books.no_buy[fund] = max(books.no_buy[fund], cell)
        elif bound > left:
            books.no_sell[fund] = min(books.no_sell[fund], cell)


def search(
    opened: int,
    low: int,
    high: int,
    close: int,
    lowest: float,
    highest: float,
    average: float,
    height: float,
    last_cell: int,
    lo: int,
    hi: int,
    no_buy: int,
    no_sell: int,
    steps_of: Any,
    look: int,
    steps: int,
) -> int:
    """The first look from `look` on that asks for an order that may be made; the number of looks = none."""
    end = len(steps_of)
    if end - look > 2 and low / UNIT >= lowest and high / UNIT <= highest:
        # Cells rise with the price: if neither end of the day asks for anything, nothing between does.
        buy, _ = asked(low, lowest, highest, average, height, last_cell, lo, hi)
        sell, _ = asked(high, lowest, highest, average, height, last_cell, lo, hi)
        if (buy <= 0 or no_buy == grid.NEVER) and (sell >= 0 or no_sell == -grid.NEVER):
            return end
    while look < end:
        at = path_price(opened, low, high, close, steps_of[look], steps)
        side, cell = asked(at, lowest, highest, average, height, last_cell, lo, hi)
        if (side > 0 and cell > no_buy) or (side < 0 and cell < no_sell):
            return look
        look += 1
    return end
