"""Which of our live orders to cancel now, and why. Pure.

Only orders of our own flag files come here. cancel()'s answer says nothing (qmt-facts 1.2): the order is asked again
until its status is final. 09:20-09:25 and 14:57-15:00 take no cancels, nor does the break.
"""

from typing import NamedTuple

from . import orders

FROM, UNTIL = 9 * 3600 + 30 * 60, 14 * 3600 + 57 * 60  # seconds of the day
BREAK = (11 * 3600 + 30 * 60, 13 * 3600)
END_OF_DAY = 14 * 3600 + 55 * 60 + 30
CONFIRMED_BY = 14 * 3600 + 56 * 60 + 30
ASK_AGAIN = 10.0  # seconds
ASK_AGAIN_ON_ITS_WAY = 30.0  # where its status says that a cancel is under way


class Live(NamedTuple):
    """One order of ours that ORDER shows alive."""

    sysid: str
    status: int
    age: float  # seconds since it was placed
    asked: float  # seconds since cancel() was last called; infinity = never


def why(live: Live, second: int, stop: bool, fill_timeout: float) -> str:
    """'stop', 'end', 'timeout', or '' where the order may stay."""
    if stop:
        return "stop"
    if second >= END_OF_DAY:
        return "end"
    return "timeout" if live.age >= fill_timeout else ""


def may_ask(live: Live, second: int) -> bool:
    """Whether cancel() makes sense at this second."""
    if not live.sysid or not FROM <= second < UNTIL or BREAK[0] < second < BREAK[1]:
        return False
    wait = ASK_AGAIN_ON_ITS_WAY if live.status in orders.CANCEL_ASKED else ASK_AGAIN
    return live.asked >= wait
