"""Orders and deals as they stand in the counter's book. Plain and picklable: they are copied to clients and to disk."""

from typing import NamedTuple

from .exchange import Request

WAITING, ACCEPTED, CANCELLING, PARTLY_CANCELLING, PARTLY_CANCELLED, CANCELLED = 49, 50, 51, 52, 53, 54
PARTLY, FILLED, REJECTED = 55, 56, 57
ALIVE = (WAITING, ACCEPTED, CANCELLING, PARTLY_CANCELLING, PARTLY)
# m_nOrderSubmitStatus (qmt-facts 1.4)
SUBMITTED, CANCEL_SUBMITTED, TAKEN, REFUSED, CANCEL_REFUSED = 48, 49, 51, 52, 53


class BookedOrder:
    """One order at the counter."""

    def __init__(self, request: Request, ref: int, at: float) -> None:
        self.request = request
        self.ref = ref
        self.at = at
        self.sysid = ""
        self.status = WAITING
        self.submit_status = SUBMITTED
        self.traded = 0
        self.amount = 0.0
        self.deals = 0
        self.reason = ""
        self.refused_later = ""  # accepted first, refused with these words at the next step
        self.resting = False  # it has stood in the book without a match
        self.unseen = False  # no client ever sees its row
        self.next_at = at  # when its next step is due

    @property
    def rest(self) -> int:
        return self.request.shares - self.traded

    @property
    def alive(self) -> bool:
        return self.status in ALIVE

    def copy(self) -> "BookedOrder":
        made = BookedOrder.__new__(BookedOrder)
        made.__dict__.update(self.__dict__)
        return made


class BookedDeal(NamedTuple):
    ref: int  # of its order
    request: Request
    sysid: str
    trade_id: str
    at: float
    shares: int
    price: float
    fee: float
    unseen: bool


class BookedTask(NamedTuple):
    """One algo_passorder; m_eStatus 7 = done, 2 = running, 5 = paused, 6 = cancelled (only 7 is in qmt-facts)."""

    number: int
    request: Request
    at: float
    status: int
