"""When has an order that cannot be seen been looked for long enough? Pure; the time is passed in.

At least 60 s of watching and 3 looks at least 5 s apart, each with a non-empty account. Looks while logged out, or
within 10 s after a gap of more than 10 s, do not count: the client's cache is then older than it seems (qmt-facts 1.3).
Watching is the sum of the small steps between looks, so a clock that jumps neither shortens nor stops it.
"""

from typing import Optional

SECONDS = 60.0
LOOKS = 3
APART = 5.0
GAP = 10.0  # seconds without a good look after which the next ones are not believed
SETTLE = 10.0  # seconds for which they are not


class Watch:
    """The clock of good looks: `look(now, good)` at every look; `watched` seconds grow while looks are believable."""

    def __init__(self) -> None:
        self.watched = 0.0
        self.believable = False
        self._last: Optional[float] = None  # of the last good look
        self._settling = SETTLE

    def look(self, now: float, good: bool) -> None:
        self.believable = False
        if not good:
            return
        passed = now - self._last if self._last is not None else GAP + 1
        self._last = now
        if not 0 <= passed <= GAP:
            self._settling = SETTLE
            return
        if self._settling > 0:
            self._settling -= passed
            if self._settling > 0:
                return
        self.watched += passed
        self.believable = True


class Search:
    """The search for one order that is not in ORDER, against the account's Watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._since = watch.watched
        self._looks = 0
        self._last = float("-inf")

    def missed(self) -> bool:
        """A look without it; True when that is enough."""
        if not self._watch.believable:
            return False
        if self._watch.watched - self._last >= APART:
            self._last = self._watch.watched
            self._looks += 1
        return self._looks >= LOOKS and self._watch.watched - self._since >= SECONDS


class Steady:
    """How long the account has been there without a break: no intent before `SETTLE` seconds of that."""

    BREAK = 60.0  # seconds; slow charts call every 10 s or so

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: Optional[float] = None

    def look(self, now: float, good: bool) -> None:
        passed = now - self._last if good and self._last is not None else -1.0
        self.seconds = self.seconds + passed if 0 <= passed <= self.BREAK else 0.0
        self._last = now if good else None
