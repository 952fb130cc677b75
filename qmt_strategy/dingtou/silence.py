"""What keeps a fund from being looked at at all, told once it has lasted: silence must not look like a quiet market.

The gate tells why a wish was refused; without quotes, an account or frequent calls there is no wish. Pure.
"""

from typing import Dict

LASTS = 300.0  # seconds in trading hours


class Silence:
    """`note(key, words, now)` at every call in trading hours; `words` Chinese, '' = all is well."""

    def __init__(self) -> None:
        self._since: Dict[str, float] = {}

    def note(self, key: str, words: str, now: float) -> str:
        """`words`, once they have stood for LASTS seconds without a break; '' before."""
        if not words:
            self._since.pop(key, None)
            return ""
        since = self._since.setdefault(key, now)
        if now < since:  # the clock was set back
            self._since[key] = now
        return words if now - since >= LASTS else ""

    def forget(self) -> None:
        """A break, or a new session: what was seen before it says nothing."""
        self._since.clear()


class Skew:
    """Is the PC's clock far from the market's? Only ticks that move count: those of yesterday stand all night."""

    FAR = 300.0  # seconds
    MOVES = 3

    def __init__(self) -> None:
        self._newest = 0.0
        self._moves = 0

    def note(self, now: float, tick_at: float) -> float:
        """Seconds that the PC is ahead of `tick_at`, the newest tick (behind: negative), once sure; 0.0 before that."""
        moved = self._newest and tick_at > self._newest
        self._newest = max(self._newest, tick_at)
        if abs(now - tick_at) <= self.FAR:
            self._moves = 0
        elif moved:
            self._moves += 1
        return now - tick_at if self._moves >= self.MOVES else 0.0
