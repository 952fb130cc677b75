"""From a wish (yuan, or the rest of one) to the order that passorder is given, or the reason why there is none. Pure.

Buy at 卖2 (prType 3), sell at 买2 (prType 7), by amount (orderType 1102) with QMT rounding down to lots of 100; a sale
that the holding binds, or that would leave an odd lot, goes by shares (1101): odd lots can only be sold as a whole.
"""

from typing import NamedTuple

BUY, SELL = 23, 24  # passorder's opType
BY_SHARES, BY_YUAN = 1101, 1102  # orderType
ASK_2, BID_2 = 3, 7  # prType
AT_ONCE = 1  # quickTrade: sent at once, ignored on history bars
LOT = 100


class Ticket(NamedTuple):
    """passorder's numbers, and what is expected of them."""

    op: int
    order_type: int
    price_type: int
    volume: float  # yuan or shares, as order_type says
    price: float  # yuan, what the price type stands for now
    shares: int  # expected; 0 = no order
    yuan: float  # what the order is worth, for the caps


def buy(yuan: float, ask_2: float) -> Ticket:
    """An order for at most `yuan` at `ask_2`."""
    shares = _lots(yuan / ask_2)
    return Ticket(BUY, BY_YUAN, ASK_2, round(yuan, 2), ask_2, shares, round(yuan, 2))


def sell(yuan: float, bid_2: float, held: int, sellable: int) -> Ticket:
    """An order that sells shares for `yuan` at `bid_2` out of `held`, of which `sellable` may be sold today."""
    sellable = max(0, min(sellable, held))
    wanted = _lots(yuan / bid_2)
    whole = sellable == held
    if whole and wanted > 0 and held - wanted < LOT:  # binds, or leaves an odd lot: all of it
        shares = held
    elif most_shares(wanted, True) > sellable:
        shares = min(wanted, _lots(sellable))
    else:
        return Ticket(SELL, BY_YUAN, BID_2, round(yuan, 2), bid_2, wanted, round(yuan, 2))
    return Ticket(SELL, BY_SHARES, BID_2, shares, bid_2, shares, round(shares * bid_2, 2))


def most_shares(ticket_shares: int, by_yuan: bool) -> int:
    """The most that an order may have filled: by yuan, QMT may have converted at a price a little lower than ours."""
    return ticket_shares + max(LOT, _lots(ticket_shares * 0.02)) if by_yuan else ticket_shares


def _lots(shares: float) -> int:
    return int((shares + 1e-9) // LOT) * LOT
