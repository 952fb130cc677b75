"""What the strategy tells: strategy.notice posts with a code, most of them once a day.

Told-today is kept in the module, which outlives a re-init: QMT re-runs init at every quote reconnect.
"""

from typing import Any, Callable, Dict, Set, Tuple

from . import gate, plan

TRIGGERED = "trade-triggered"
FILL = "fill"
REJECTED = "rejected"
UNKNOWN = "unknown"
UNFILLED = "unfilled"
LATE = "late"
SETTLED = "settled"
CAP = "cap"
STOP = "stop"
SECOND_COPY = "second-copy"
OBSERVE = "observe"
STOPPED_FUND = "stopped-fund"
CASH_LOW = "cash-low"
ACCOUNT = "account-summary"
BLOCKED = "blocked"
DISK = "disk"
STATE = "state"
SETTINGS = "settings"
MODE = "mode"

_told: Set[Tuple[str, str, str]] = set()


class Teller:
    """`post(kind, data)` makes the post; `home` keeps two homes in one process apart. Set `day` when a day begins."""

    def __init__(self, post: Callable[[str, Dict[str, Any]], Any], say: Callable[[str], None], home: str) -> None:
        self.day = ""
        self._post = post
        self._say = say
        self._home = home

    def tell(self, what: str, text: str, **more: Any) -> None:
        """One notice: `what` is its code, `text` Chinese; `more` e.g. code and flag."""
        self._say("[QMT 哨兵] " + text)
        self._post("strategy.notice", dict(more, what=what, text=text))

    def once(self, key: str, what: str, text: str, **more: Any) -> bool:
        """`tell`, but only the first time today for this `key`."""
        entry = (self._home, self.day, what + ":" + key)
        if entry in _told:
            return False
        _told.add(entry)
        if len(_told) > 2000:  # days of them: yesterday's are never asked for again
            for old in [told for told in _told if told[1] != self.day]:
                _told.discard(old)
        self.tell(what, text, **more)
        return True

    def refused(self, key: str, words: str, error: OSError, **more: Any) -> None:
        """`once`, of a disk that refused: `words` are for the phone, the system's own for QMT's window alone."""
        if self.once(key, DISK, words, **more):
            self._say("[QMT 哨兵] %s" % error)

    def forget(self, key: str, what: str) -> None:
        """Let `once` tell it again today: it had ended and begins anew."""
        _told.discard((self._home, self.day, what + ":" + key))


_REFUSED = {"cap": CAP, "day-cap": CAP, "attempts": CAP, "stopped-fund": STOPPED_FUND, "observe": OBSERVE}
# Told elsewhere, or passing by itself:
_QUIET = frozenset(
    ("hours", "own-live", "second-copy", "stop", "logged-out", "tick-age", "tick-day", "disk", "waiting")
)


def tell_stopped(teller: Teller, code: str, words: str) -> None:
    """Tell, once a day for each reason, why a fund gets no order."""
    text = "%s：%s" % (code, words)
    teller.once(text, STOPPED_FUND, text, code=code)


def tell_refusal(teller: Teller, code: str, wish: plan.Wish, reason: gate.Reason) -> None:
    """Tell, once a day for each reason, that an order the rule wished was not placed."""
    if reason.code in _QUIET:
        return
    side = "买入" if wish.side > 0 else "卖出"
    key = "%s %s" % (code, reason.code)
    if reason.code == "observe":
        key = "%s %d" % (code, wish.cell)
    words = "本应%s %s 约 %.0f 元（第 %d 格），没有下单：%s" % (side, code, wish.yuan, wish.cell, reason.words)
    teller.once(key, _REFUSED.get(reason.code, BLOCKED), words, code=code)
