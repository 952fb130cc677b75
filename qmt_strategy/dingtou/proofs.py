"""What flags, ledger, books and grid state say of one fund, as the morning's check weighs it. Changes nothing."""

from typing import TYPE_CHECKING, Dict, List, Set, Tuple

from . import gridstate, ids, ledger, orders, reconcile, sizing
from .flags import Flag

if TYPE_CHECKING:
    from .desk import Desk


def item_of(desk: "Desk", flag: Flag) -> reconcile.Item:
    """A flag as reconcile.judge wants it."""
    booked, _ = desk.ledger.volume_of(flag.code, flag.name, flag.order.sysid, flag.id.day)
    by_yuan = flag.get("order_type") == sizing.BY_YUAN
    return reconcile.Item(
        id=flag.name,
        buy=flag.buy,
        booked=booked,
        filled=flag.order.filled if not is_open(desk, flag) else booked,
        most=max(sizing.most_shares(flag.order.expected, by_yuan), flag.order.filled),
        open=is_open(desk, flag),
        others=flag.get("others") is True,
    )


def is_open(desk: "Desk", flag: Flag) -> bool:
    """Its end is not known: one that was alive at the close may have been filled in the closing auction."""
    past_close = flag.order.state == orders.EXPIRED and flag.order.by == "clock" and flag.id.day != desk.day
    return past_close or not flag.ended


def proved(code: str, buy: bool, shares: int, day: str, remark: str, name: str) -> ledger.Entry:
    """A ledger row that POSITION proved."""
    return ledger.Entry(code, buy, "", day, "", None, shares, None, None, remark, name)


def answered(desk: "Desk", code: str, flags: List[Flag], flag: Flag) -> reconcile.Item:
    """item_of, where deals that nobody owns are taken for those of an order that the owner said has filled."""
    item = item_of(desk, flag)
    if flag.order.by != "owner" or item.filled <= item.booked:
        return item
    spare = nameless(desk, code, flags, {flag.id.day})[item.buy]
    return item._replace(booked=item.booked + min(spare, item.filled - item.booked))


def nameless(desk: "Desk", code: str, flags: List[Flag], days: Set[str]) -> Dict[bool, int]:
    """Shares by side of deals on `days` that may have been an open order's: neither id nor sysid of a flag.

    Whatever their remark says: a client that cuts or changes remarks must not make an order look as if it did nothing.
    """
    sysids = {(flag.id.day, flag.order.sysid) for flag in flags if flag.order.sysid}
    found: Dict[bool, int] = {True: 0, False: 0}
    for entry in desk.ledger.entries:
        foreign = entry.remark not in desk.flags.flags and not entry.trade_id.startswith(ledger.PROVED)
        if entry.code == code[:6] and entry.day in days and foreign and (entry.day, entry.sysid) not in sysids:
            found[entry.buy] += entry.volume
    return found


def newer(desk: "Desk", code: str, cell: gridstate.Cell) -> str:
    """What shows that grid.json is an older one put back (a backup, a sync program): the newer move; '' = nothing."""
    place = place_of(cell.by, cell.day)
    moved = desk.book.accounts[code].moved if code in desk.book.accounts else None
    if moved and (
        place_of(moved[0], moved[1]) > place or (tuple(moved[:2]) == (cell.by, cell.day) and moved[2] != cell.cell)
    ):
        return str(moved[0])
    for known in map(ids.parse, desk.ledger.remarks(code)):
        if known is None or known.place <= place:
            continue
        flag = desk.flags.flags.get(known.text)
        if flag is None or flag.get("grid") is not None:
            return known.text
    return ""


def place_of(by: str, day: str) -> Tuple[str, int]:
    """Where the order (or start) that moved a cell stands among the ids of its fund."""
    ident = ids.parse(by)
    return ident.place if ident is not None else (day, 0)


def contradicts(flag: Flag, cell: gridstate.Cell) -> bool:
    """Whether a settled fill says something else than grid.json."""
    by = ids.parse(cell.by)
    if by is None:  # a start, or rebuilt: newer than what had moved nothing up to its day
        return flag.id.day > cell.day or (flag.id.day == cell.day and flag.get("grid") not in (None, cell.cell))
    if flag.id.place > by.place:
        return True
    return flag.name == cell.by and flag.get("grid") != cell.cell


def day_before(today: str, since: str) -> str:
    """A split is booked on the last day before today: `since` where nothing is nearer."""
    return since if since < today else today
