"""The walk over the days: what the rule asks for, in which order, and what becomes of it.

One source, compiled by numba when it is there, plain when not (compiled.py). What is bought and sold is asked of
dingtou/grid.py.
"""

from typing import Any, List, Tuple

from ..dingtou import grid
from . import booking, pathing
from .booking import AT_CLOSE, FILLED, NEXT_OPEN, ON_PATH, Books, Market, Terms
from .bounding import EDGE


def simulate(
    market: Market, busy: Any, terms: Terms, looks: Any, turns: Any, gaps: Any, cells: Any, held: int, cash: int
) -> Tuple[Any, Any, Any]:
    """Walk the `busy` rows of `market`, those on which something may happen. `looks`: steps and seconds of the path,
    `turns` as pathing.search; `gaps`: calendar days since the day before, of all days; `cells`: each fund's last cell,
    `held`: its shares, `cash`: units at first.

    Returns (days, moves, orders) as in booking.Books, each a table.
    """
    funds = len(cells)
    zeros = [0 for _ in range(funds)]
    purse = [cash, 0, 0, 0]  # by a name of its own: numba 0.58 loses `books.purse[3] = 0` in this very function
    books = Books(
        purse,
        [int(cells[fund]) for fund in range(funds)],
        [held for _ in range(funds)],
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        zeros.copy(),
        [(0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(0)],
        [(0, 0, 0, 0) for _ in range(0)],
        [(0, 0, 0, 0, 0) for _ in range(0)],
    )
    waiting = zeros.copy()  # side of an order that waits for the next bar
    waiting_cell = zeros.copy()
    awake = [0 for _ in range(0)]  # rows of today's funds whose prices are beyond a threshold
    last_cells, holdings = books.cells, books.holdings
    on_path = terms.model == ON_PATH
    rows, days = len(busy), len(gaps)
    reached = 0  # days before it have had their interest
    at_row = 0
    while at_row < rows:
        day = market.days[busy[at_row]]
        paid = 0
        if terms.cash_rate > 0.0:
            idle_days(terms, books, gaps, reached, day)
            paid = booking.interest(terms, books, gaps[day])
            reached = day + 1
        purse[3] = 0
        moved = len(books.moves)
        awake.clear()
        while at_row < rows and market.days[busy[at_row]] == day:
            row = busy[at_row]
            if market.dividends[row] > 0.0 or market.splits[row] != 1.0:
                paid += booking.events(market, books, row)
            fund = market.funds[row]
            if waiting[fund] != 0:
                begin(books, fund)
                opening = terms.model == NEXT_OPEN
                at = market.opens[row] if opening else market.closes[row]
                second = terms.open_second if opening else terms.close_second
                booking.fill(market, terms, books, row, waiting[fund], waiting_cell[fund], at, second)
                waiting[fund] = 0
            if market.stirring[row]:
                low = market.lows[row] if on_path else market.closes[row]
                high = market.highs[row] if on_path else market.closes[row]
                average, last = market.averages[row], last_cells[fund]
                buys, sells = beyond(low, high, average, terms.height, last, market.los[row], market.his[row])
                if buys or (sells and (holdings[fund] > 0 or terms.notes)):
                    begin(books, fund)
                    awake.append(row)
            at_row += 1
        if len(awake) > 0 and on_path:
            walk_day(market, terms, books, awake, looks[0], looks[1], turns)
        elif len(awake) > 0:
            for one in awake:
                fund = market.funds[one]
                at = market.closes[one]
                side, cell = pathing.asked(
                    at,
                    market.lowests[one],
                    market.highests[one],
                    market.averages[one],
                    terms.height,
                    books.cells[fund],
                    market.los[one],
                    market.his[one],
                )
                if side != 0 and terms.model == AT_CLOSE:
                    booking.fill(market, terms, books, one, side, cell, at, terms.close_second)
                elif side != 0:
                    waiting[fund], waiting_cell[fund] = side, cell
        if paid != 0 or len(books.moves) > moved:
            books.days.append((day, purse[0], purse[1], purse[2], paid))
    if terms.cash_rate > 0.0:
        idle_days(terms, books, gaps, reached, days)
    return booking.table(books.days, 5), booking.table(books.moves, 4), booking.table(books.orders, 10)


def idle_days(terms: Terms, books: Books, gaps: Any, first: int, end: int) -> None:
    """The interest of days on which nothing else happens."""
    for day in range(first, end):
        paid = booking.interest(terms, books, gaps[day])
        if paid != 0:
            books.days.append((day, books.purse[0], books.purse[1], books.purse[2], paid))


def begin(books: Books, fund: int) -> None:
    """A fund's new trading day."""
    books.sellable[fund] = books.holdings[fund]
    books.attempts[fund] = 0
    books.told[fund] = 0
    books.no_buy[fund] = -grid.NEVER
    books.no_sell[fund] = grid.NEVER


def beyond(low: int, high: int, average: float, height: float, last: int, lo: int, hi: int) -> Tuple[bool, bool]:
    """Whether the day's (low, high) is beyond its threshold and beyond the last cell, a hair wider than rounding: else
    the rule need not be asked. Numbers only: numba counts references for each tuple that is handed on."""
    buys = low / booking.UNIT <= average * (1.0 + min(lo, last) * height) + EDGE
    return buys, high / booking.UNIT >= average * (1.0 + max(hi, last) * height) - EDGE


def walk_day(
    market: Market, terms: Terms, books: Books, awake: List[int], steps_of: Any, seconds_of: Any, turns: Any
) -> None:
    """The looks of one day: at each second, the funds in their order."""
    end = len(steps_of)
    due = [end for _ in awake]  # each fund's next look that asks for an order that may be made
    starting = len(awake)
    place = look = end - len(steps_of)  # 0, but no literal: numba would compile everything for that one value again
    while True:
        row = awake[place]
        fund = market.funds[row]
        due[place] = pathing.search(
            market.opens[row],
            market.lows[row],
            market.highs[row],
            market.closes[row],
            market.lowests[row],
            market.highests[row],
            market.averages[row],
            terms.height,
            books.cells[fund],
            market.los[row],
            market.his[row],
            books.no_buy[fund],
            books.no_sell[fund],
            steps_of,
            turns,
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
        row = awake[place]
        fund = market.funds[row]
        at = pathing.path_price(
            market.opens[row],
            market.lows[row],
            market.highs[row],
            market.closes[row],
            steps_of[look],
            terms.steps,
        )
        side, cell = pathing.asked(
            at,
            market.lowests[row],
            market.highests[row],
            market.averages[row],
            terms.height,
            books.cells[fund],
            market.los[row],
            market.his[row],
        )
        if side != 0:
            outcome = booking.fill(market, terms, books, row, side, cell, at, seconds_of[look])
            if outcome != FILLED:
                give_up(market, terms, books, row, side, cell, outcome)
        look += 1


def give_up(market: Market, terms: Terms, books: Books, row: int, side: int, cell: int, outcome: int) -> None:
    """Where the same refusal would meet every later look of the day, don't ask again (`no_buy`, `no_sell`)."""
    fund = market.funds[row]
    if outcome == booking.TOO_MANY:
        books.no_buy[fund] = grid.NEVER
        books.no_sell[fund] = -grid.NEVER
    elif outcome == booking.NO_SHARES and terms.next_day:
        books.no_sell[fund] = -grid.NEVER
    elif outcome in (booking.ORDER_CAP, booking.DAY_CAP):
        # A cell further out asks for more yuan. A sale may be bound by the shares: then their worth must be too much.
        left = terms.order_cap if outcome == booking.ORDER_CAP else terms.day_cap - books.purse[3] / booking.UNIT
        bound = (books.sellable[fund] - 2 * terms.lot) * (market.lows[row] - terms.slippage) / booking.UNIT
        if side > 0:
            books.no_buy[fund] = max(books.no_buy[fund], cell)
        elif bound > left:
            books.no_sell[fund] = min(books.no_sell[fund], cell)
