"""An order's life as one table: (state, what was observed) -> (next state, what to do). Free of I/O. Pure.

    intent --passorder returned--> sent --seen in ORDER--> working --> filled
      |  (crash here: never resent)   |                       |--> cancelled (53, 54)
      |                               |                       |--> rejected (57, orderError_callback)
      +--> never seen ----------------+--> unknown            +--> expired (alive at 15:00, or booked from POSITION)

Statuses are those of qmt-facts 1.4: only 53, 54, 56 and 57 are final, 55 (partly filled) is alive, and a number nobody
knows is alive too. What cancel() returns is no observation: it is wrong both ways (1.2). Rows may be older than what a
callback already said, so an order that the counter called final is never opened again by a row that says alive; one
that is final by anybody else's word (orderError, the owner, the clock, POSITION) is.
"""

from typing import Dict, NamedTuple, Optional, Tuple

# ---- states

VOID = "void"  # the flag file has no complete first line, or says so: passorder was never called
INTENT = "intent"
SENT = "sent"
WORKING = "working"
FILLED = "filled"
CANCELLED = "cancelled"
REJECTED = "rejected"
EXPIRED = "expired"
UNKNOWN = "unknown"

ENDED = frozenset((FILLED, CANCELLED, REJECTED, EXPIRED))  # the counter holds nothing of it any more
STATES = frozenset((VOID, INTENT, SENT, WORKING, UNKNOWN)) | ENDED
UNSEEN = frozenset((INTENT, SENT))

# ---- observations

RETURNED = "returned"  # passorder came back
ALIVE = "alive"  # an ORDER row, or order_callback
DONE = "done"
WITHDRAWN = "withdrawn"
REFUSED = "refused"
DEALT = "dealt"  # a deal of it; `filled` is the sum of all its deals that we know
ERROR = "error"  # orderError_callback
LOST = "lost"  # enough good looks without it (lookout.py)
CLOSED = "closed"  # 15:00
POSITION = "position"  # the next session's POSITION explains it; `filled` is all of it
OWNER_NOTHING = "owner-nothing"
OWNER_FILLED = "owner-filled"
OWNER_CANCELLED = "owner-cancelled"

OBSERVATIONS = (
    RETURNED, ALIVE, DONE, WITHDRAWN, REFUSED, DEALT, ERROR, LOST, CLOSED, POSITION,
    OWNER_NOTHING, OWNER_FILLED, OWNER_CANCELLED,
)  # fmt: skip

_FINAL_STATUS = {53: WITHDRAWN, 54: WITHDRAWN, 56: DONE, 57: REFUSED}
PART_CANCELLED = 53  # some of it was traded
CANCEL_ASKED = frozenset((51, 52))  # alive, and already on its way out


def kind_of(status: Optional[int]) -> str:
    """The observation that a row's m_nOrderStatus is. Everything but 53, 54, 56, 57 is alive, None (no value) too."""
    return _FINAL_STATUS.get(status if status is not None else -1, ALIVE)


# ---- what is to be done

TELL_ENDED = "ended"  # filled, cancelled or expired: what came of it
TELL_REJECTED = "rejected"
TELL_UNKNOWN = "unknown"
TELL_LATE = "late"  # seen after it was given up, or after it had ended otherwise
TELL_POSITION = "from-position"
TELL_OWNER = "owner-settled"
STOP_FUND = "stop-fund"  # no further intent of that fund today

COUNTER = "counter"  # Order.by: who ended it

_LATE = (TELL_LATE, STOP_FUND)


class Order(NamedTuple):
    """What is known of one order. Volumes in shares, `average` in yuan (0.0 = not known)."""

    state: str
    expected: int
    filled: int = 0
    average: float = 0.0
    sysid: str = ""
    reason: str = ""
    by: str = ""


class Seen(NamedTuple):
    """One observation. `filled` is the volume traded so far as it tells (0 where it says nothing)."""

    kind: str
    filled: int = 0
    average: float = 0.0
    sysid: str = ""
    reason: str = ""


class Step(NamedTuple):
    order: Order
    changed: bool  # it is to be recorded as one more line
    actions: Tuple[str, ...]


# ---- the table

PAST_CLOSE = "past-close"  # alive at 15:00: the closing auction may have filled it after all
CLAIMED = "claimed"  # the row of a state that ended by orderError or by the owner's word, not the counter's

_Cell = Tuple[str, Tuple[str, ...]]

_SIGHTED: Dict[str, _Cell] = {
    ALIVE: (WORKING, ()),
    DEALT: (WORKING, ()),
    DONE: (FILLED, (TELL_ENDED,)),
    WITHDRAWN: (CANCELLED, (TELL_ENDED,)),
    REFUSED: (REJECTED, (TELL_REJECTED,)),
}
_LATE_SIGHTED: Dict[str, _Cell] = {kind: (state, _LATE) for kind, (state, _) in _SIGHTED.items()}
_LOST: _Cell = (UNKNOWN, (TELL_UNKNOWN, STOP_FUND))
_BOOKED: _Cell = (EXPIRED, (TELL_POSITION,))
_SETTLED: Tuple[str, ...] = (TELL_OWNER, STOP_FUND)

TABLE: Dict[str, Dict[str, _Cell]] = {
    VOID: _LATE_SIGHTED,
    INTENT: {
        RETURNED: (SENT, ()),
        ERROR: (REJECTED, (TELL_REJECTED,)),
        LOST: _LOST,
        CLOSED: _LOST,
        POSITION: _BOOKED,
    },
    SENT: {ERROR: (REJECTED, (TELL_REJECTED,)), LOST: _LOST, CLOSED: _LOST, POSITION: _BOOKED},
    WORKING: {LOST: _LOST, CLOSED: (EXPIRED, (TELL_ENDED,)), POSITION: _BOOKED},
    UNKNOWN: {
        ERROR: (REJECTED, _LATE),
        POSITION: _BOOKED,
        OWNER_NOTHING: (CANCELLED, _SETTLED),
        OWNER_FILLED: (FILLED, _SETTLED),
        OWNER_CANCELLED: (CANCELLED, _SETTLED),
    },
    CLAIMED: _LATE_SIGHTED,
    # After 15:00 the day's list may say alive for ever; the counter's last word is still welcome.
    EXPIRED: {kind: _SIGHTED[kind] for kind in (DONE, WITHDRAWN, REFUSED)},
    # Ended by the counter itself: only more volume is news (see `step`), and it keeps the state.
    FILLED: {},
    CANCELLED: {},
    REJECTED: {},
}
for _state in (INTENT, SENT, WORKING):
    TABLE[_state].update(_SIGHTED)
TABLE[UNKNOWN].update(_LATE_SIGHTED)
TABLE[PAST_CLOSE] = dict(TABLE[EXPIRED])
TABLE[PAST_CLOSE][LOST] = _LOST  # the next morning's POSITION does not explain it

_BY: Dict[str, str] = {
    DONE: COUNTER,
    WITHDRAWN: COUNTER,
    REFUSED: COUNTER,
    ERROR: "call",
    CLOSED: "clock",
    POSITION: "position",
    OWNER_NOTHING: "owner",
    OWNER_FILLED: "owner",
    OWNER_CANCELLED: "owner",
}


def row_of(order: Order) -> str:
    """The table's row for an order."""
    if order.state == EXPIRED and order.by == "clock":
        return PAST_CLOSE
    return CLAIMED if order.by in ("call", "owner") else order.state


def step(order: Order, seen: Seen) -> Step:
    """The order after `seen`, whether that is to be recorded, and what to do. What the counter said never gets less."""
    sighting = seen.kind in _SIGHTED
    believed = order.filled if order.by != "owner" or not sighting else 0
    found = TABLE[row_of(order)].get(seen.kind)
    if found is not None and row_of(order) == CLAIMED and seen.kind != ALIVE:
        if seen.kind == DEALT and seen.filled <= order.filled:
            return Step(order, False, ())  # no more than was thought already
        if found[0] == order.state and seen.filled == order.filled:
            found = (found[0], ())  # the counter's seal on what was believed
    elif found is None and sighting and seen.filled > believed:
        found = (order.state, _LATE)  # more was traded than had been said when it ended
    if found is None:
        return Step(order, False, ())
    state, actions = found
    after = Order(
        state=state,
        expected=order.expected,
        filled=max(believed, seen.filled),
        average=seen.average if seen.average and seen.filled >= believed else order.average,
        sysid=seen.sysid or order.sysid,
        reason=seen.reason or order.reason,
        by=_BY.get(seen.kind, order.by) if state in ENDED else "",
    )
    return Step(after, after != order, actions if after != order else ())
