"""Does POSITION agree with what we know, and if not, does an open order explain it? Pure.

POSITION - (last reconciled position + ledger, with split events) must be 0, or what an intent explains whose end nobody
saw: then that is booked as one fill "from position". Anything else stops the fund until the owner settles it. What is
not unique explains nothing: two open orders, somebody else's order whose end nobody saw, or deals of the fund that may
have been the order's without saying so.
"""

from typing import Dict, List, NamedTuple, Sequence


class Item(NamedTuple):
    """One order whose volume the ledger may not have in full."""

    id: str
    buy: bool
    booked: int  # shares that the ledger has
    filled: int  # shares that are known to have been traded
    most: int  # shares that may have been traded
    open: bool  # its end is not known
    others: bool = False  # another order of the fund stood beside it, and its end was not seen either


class Verdict(NamedTuple):
    ok: bool
    fills: Dict[str, int]  # id -> shares to be booked "from position"
    split: int  # shares that a split brought (or took)
    words: str  # Chinese; '' where nothing is to be told


def judge(
    before: int,
    ledger: int,
    splits: Sequence[float],
    position: int,
    items: List[Item],
    nameless: Dict[bool, int],
    sure: bool = True,
) -> Verdict:
    """Compare `position` with `before` (last reconciled) + `ledger` (signed shares since).

    `splits`: new shares per old share of each split since. `nameless`: shares by side (True = buy) in the ledger since
    that carry no id and no known sysid: with an open order of that side they may be its own. `sure`: the ledger has
    lost no rows since; otherwise POSITION proves nothing about an open order.
    """
    expected = before + ledger
    certain = {item.id: item.filled - item.booked for item in items if item.filled > item.booked}
    by_id = {item.id: item for item in items}
    expected += sum(shares if by_id[name].buy else -shares for name, shares in certain.items())
    factor = 1.0
    for split in splits:
        factor *= split
    split_shares = int(round(expected * factor)) - expected
    slack = len(splits)  # an odd share may have been rounded away at each
    rest = position - expected - split_shares
    if splits and abs(rest) <= slack:
        split_shares, rest = split_shares + rest, 0
    open_items = [item for item in items if item.open]
    if open_items and not sure:
        return _stopped(position, expected + split_shares, "成交记录丢过，查不清未完的委托")
    if any(nameless.get(item.buy, 0) for item in open_items):
        return _stopped(position, expected + split_shares, "当天有成交没有备注，分不清是谁的")
    if any(item.others for item in open_items):
        return _stopped(position, expected + split_shares, "当天还有委托没看到结果，分不清是哪一笔的")
    if rest == 0:
        return Verdict(True, certain, split_shares, "")
    explaining = [item for item in open_items if item.buy == (rest > 0) and _left(item) >= abs(rest)]
    if len(open_items) == 1 and len(explaining) == 1 and not splits:
        fills = dict(certain)
        name = explaining[0].id
        fills[name] = fills.get(name, 0) + abs(rest)
        return Verdict(True, fills, 0, "")
    return _stopped(position, expected + split_shares, "")


def _left(item: Item) -> int:
    return item.most - max(item.booked, item.filled)


def _stopped(position: int, expected: int, why: str) -> Verdict:
    found = "核对不了（%s）" % why if why else "对不上"
    return Verdict(False, {}, 0, "持仓 %d 股，按记录应为 %d 股，%s，停止下单" % (position, expected, found))
