"""A day's path of prices, and the first look on it at which the rule asks for an order.

Compiled by numba when it is there, plain when not. The rule itself is asked (dingtou/grid.py); the legs of the path
only rise or only fall, and cells rise with the price, so that not every look has to be.
"""

import math
from typing import Any, Tuple

from ..dingtou import grid
from .booking import MIL, UNIT

TOO_HIGH = 1 << 60  # units: no price is


def path_price(opened: int, low: int, high: int, close: int, step: int, steps: int) -> int:
    """Units after `step` ticks of the day's path (open, low, high, close, `steps` ticks each), as replay.walk."""
    if step == 0:
        return opened // MIL * MIL
    leg = (step - 1) // steps
    if leg == 0:
        start, end = opened // MIL, low // MIL
    elif leg == 1:
        start, end = low // MIL, high // MIL
    else:
        start, end = high // MIL, close // MIL
    return (start + (2 * (end - start) * (step - leg * steps) + steps) // (2 * steps)) * MIL


def asked(
    at: int, lowest: float, highest: float, average: float, height: float, last_cell: int, lo: int, hi: int
) -> Tuple[int, int]:
    """(side, cell) that the rule asks for at a price of `at` units; side 0 = nothing. As plan.wish."""
    price = at / UNIT
    if not lowest <= price <= highest:
        return 0, 0
    cell = grid.cell(price, average, height)
    return grid.decide(cell, last_cell, lo, hi), cell


def edge(
    guess: int,
    side: int,
    lowest: float,
    highest: float,
    average: float,
    height: float,
    last_cell: int,
    lo: int,
    hi: int,
) -> int:
    """The price nearest to the average (units) at which the rule asks for `side`, near `guess`; 0 = not there."""
    if asked(guess, lowest, highest, average, height, last_cell, lo, hi)[0] == side:
        # A rule that asks sooner than at its threshold is not this one: then every look is asked.
        nearer = asked(guess + side * MIL, lowest, highest, average, height, last_cell, lo, hi)[0]
        return 0 if nearer == side else guess
    near = guess - side * MIL
    return near if asked(near, lowest, highest, average, height, last_cell, lo, hi)[0] == side else 0


def beginning(cell: int, average: float, height: float) -> int:
    """The lowest price (units) in `cell` or above it; 0 = not where it should be."""
    if cell == 0:
        cell = 1
    guess = ticks_below(average * (1.0 + (cell if cell < 0 else cell - 1) * height))
    for near in (guess, guess + MIL):
        if grid.cell(near / UNIT, average, height) >= cell:
            return near if grid.cell((near - MIL) / UNIT, average, height) < cell else 0
    return 0


def ticks_below(yuan: float) -> int:
    """A price in units, whole ticks, rounded down."""
    return int(math.floor(yuan * UNIT)) // MIL * MIL


def reached(
    opened: int,
    low: int,
    high: int,
    close: int,
    steps_of: Any,
    steps: int,
    look: int,
    last: int,
    target: int,
    rising: bool,
) -> int:
    """The first look after `look`, up to `last` on the same leg, whose price has come to `target`; `look` = none.

    The price at `look` has not.
    """
    at = path_price(opened, low, high, close, steps_of[last], steps)
    if (at < target) if rising else (at > target):
        return look
    first = look + 1
    while first < last:
        middle = (first + last) // 2
        at = path_price(opened, low, high, close, steps_of[middle], steps)
        if (at < target) if rising else (at > target):
            first = middle + 1
        else:
            last = middle
    return last


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
    turns: Any,
    look: int,
    steps: int,
) -> int:
    """The first look from `look` on that asks for an order that may be made; the number of looks = none.

    `turns`: the first look after each of the path's legs. Numbers only: handing tuples on would cost more than this.
    """
    end = len(steps_of)
    # Prices from the first to the second ask for a purchase, from the third to the fourth for a sale.
    buy_low, buy_high, sell_low, sell_high = 0, 0, TOO_HIGH, TOO_HIGH
    sure = lowest <= low / UNIT and high / UNIT <= highest and end - look > 2
    if sure and no_buy != grid.NEVER:
        guess = ticks_below(average * (1.0 + min(last_cell, lo) * height))
        if low <= guess + MIL:
            if high < guess:  # all prices of the day
                buy_high = high
            else:
                buy_high = edge(guess, 1, lowest, highest, average, height, last_cell, lo, hi)
            sure = buy_high > 0
            if sure and no_buy > -grid.NEVER:
                buy_low = beginning(no_buy + 1, average, height)
                sure = buy_low > 0
    if sure and no_sell != -grid.NEVER:
        guess = ticks_below(average * (1.0 + max(last_cell, hi) * height))
        if high >= guess:
            if low > guess + MIL:
                sell_low = low
            else:
                sell_low = edge(guess, -1, lowest, highest, average, height, last_cell, lo, hi)
            sure = sell_low > 0
            if sure and no_sell < grid.NEVER:
                sell_high = beginning(no_sell, average, height) - MIL
                sure = sell_high > 0
    if sure and (buy_high < max(low, buy_low)) and (sell_low > min(high, sell_high)):
        return end
    while look < end:
        at = path_price(opened, low, high, close, steps_of[look], steps)
        if sure:
            if buy_low <= at <= buy_high or sell_low <= at <= sell_high:
                return look
            leg = 0 if look < turns[0] else 1 if look < turns[1] else 2
            last = turns[leg] - 1
            rising = leg == 1
            # The first bound of a stretch that the price comes to, and the stretch's other bound.
            for target, other in (
                ((buy_low, buy_high), (sell_low, sell_high)) if rising else ((sell_high, sell_low), (buy_high, buy_low))
            ):
                if (at < target) if rising else (at > target):
                    found = reached(opened, low, high, close, steps_of, steps, look, last, target, rising)
                    at_found = path_price(opened, low, high, close, steps_of[found], steps)
                    if found > look and ((at_found <= other) if rising else (at_found >= other)):
                        return found
            look = last
        else:
            side, cell = asked(at, lowest, highest, average, height, last_cell, lo, hi)
            if (side > 0 and cell > no_buy) or (side < 0 and cell < no_sell):
                return look
        look += 1
    return end
