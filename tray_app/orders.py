"""What the flag files say about each order, for the icon and the menu (docs/protocol.md). Pure: lines in, orders out.

It follows the strategy's own reading: a complete line that is no line of ours makes an order that has not ended unknown
(dingtou/flags.py), a torn line that a later one was written after does not count.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, NamedTuple

from tray_app.events import time_of

VOID, INTENT, SENT, WORKING, UNKNOWN = "void", "intent", "sent", "working", "unknown"
FILLED, CANCELLED, REJECTED, EXPIRED = "filled", "cancelled", "rejected", "expired"
ENDED = frozenset((VOID, FILLED, CANCELLED, REJECTED, EXPIRED))
STATES = ENDED | {INTENT, SENT, WORKING, UNKNOWN}

MOST_SHARES = 100_000_000
MOST_TEXT = 200  # characters of a reason that are kept
_ID = re.compile(r"(\d{8})-(\d{6})-([BS])-(?!00)(\d{2})\Z", re.ASCII)
_TORN = b'{"state": "'  # how a line of the strategy begins


class Order(NamedTuple):
    """One order. Times are epoch seconds (None: no line tells), volumes shares, price and yuan as intended."""

    flag: str
    state: str = VOID
    code: str = ""
    shares: int = 0
    price: float = 0.0
    yuan: float = 0.0
    filled: int = 0
    average: float = 0.0
    reason: str = ""
    placed: float | None = None
    at: float | None = None
    lines: int = 0  # complete lines of the file, whatever stands in them
    known: int = 0  # those that we could read
    damaged: str = ""  # Chinese: why the file cannot be believed

    @property
    def day(self) -> str:
        return self.flag[:8]

    @property
    def fund(self) -> str:
        return self.code or self.flag[9:15]

    @property
    def side(self) -> str:
        return "买入" if self.flag[16] == "B" else "卖出"

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def is_flag(name: str) -> bool:
    """Whether a name is an order's id: YYYYMMDD-CODE-S-NN."""
    return _ID.match(name) is not None


def fold(order: Order, raw: bytes) -> Order:
    """The order after one more complete line of its file. Whatever stands in it: never raises."""
    order = order._replace(lines=order.lines + 1)
    if not raw.strip():
        return order
    line = _decode(raw)
    if line is None:
        if not is_torn(raw):
            return _judge(order, f"委托记录第 {order.lines} 行看不懂")
        return order if order.known else order._replace(state=UNKNOWN, reason="委托记录的第一行看不懂")
    after = order._replace(
        state=line["state"],
        code=_text(line.get("code")) or order.code,
        shares=_shares(line.get("shares"), order.shares),
        price=_number(line.get("price"), order.price),
        yuan=_number(line.get("yuan"), order.yuan),
        filled=_shares(line.get("filled"), order.filled),
        average=_number(line.get("average"), order.average),
        reason=_text(line.get("reason")) or order.reason,
        placed=order.placed if order.known else time_of(line.get("at")),
        at=time_of(line.get("at")) or order.at,
        known=order.known + 1,
    )
    strange = not order.known and line.get("id") != order.flag
    return _judge(after, "委托记录的第一行看不懂" if strange else "")


def fold_all(order: Order, raws: Iterable[bytes]) -> Order:
    for raw in raws:
        order = fold(order, raw)
    return order


def is_torn(raw: bytes) -> bool:
    """Half a line that a crash left and a later line was written after."""
    return _TORN.startswith(raw[: len(_TORN)]) and not raw.rstrip().endswith(b"}")


def is_foreign(flag: str, rest: bytes) -> bool:
    """What stands in a file without any complete line is not the beginning of ours: nobody knows what happened."""
    begins = f'{{"state": "intent", "id": "{flag}"'.encode("ascii")
    return not (begins.startswith(rest) or rest.startswith(begins))


def foreign(order: Order) -> Order:
    return _judge(order, "委托记录的开头不是本策略写的")


def matters(order: Order, today: str) -> bool:
    """Worth keeping in memory: of today, or not ended on an earlier day."""
    return order.day == today or not order.ended


def unknown(orders: Iterable[Order]) -> list[Order]:
    """Orders that need the owner's word, the oldest first."""
    return sorted((order for order in orders if order.state == UNKNOWN), key=lambda order: order.flag)


def rejected(orders: Iterable[Order], today: str) -> list[Order]:
    """Today's rejected orders that no later order of the same fund and side made good."""
    mine = [order for order in orders if order.day == today]
    good = [order for order in mine if order.state == FILLED]
    return sorted(
        order
        for order in mine
        if order.state == REJECTED
        and not any(order.flag[:17] == other.flag[:17] and other.flag > order.flag for other in good)
    )


def _judge(order: Order, damaged: str) -> Order:
    """A damaged file's order is unknown, unless its last word is an end."""
    damaged = order.damaged or damaged
    order = order._replace(damaged=damaged)
    if not damaged or (order.ended and order.state != VOID):
        return order
    return order._replace(state=UNKNOWN, reason=damaged)


def _decode(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    state = value.get("state") if isinstance(value, dict) else None
    return value if isinstance(state, str) and state in STATES else None


def _text(value: Any) -> str:
    """One printable line: a reason comes from the counter, and stands in a menu."""
    if not isinstance(value, str):
        return ""
    clean = value.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(char if char.isprintable() else " " for char in clean[:MOST_TEXT]).split())


def _shares(value: Any, default: int) -> int:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_SHARES
    return value if good else default


def _number(value: Any, default: float) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if good else default
