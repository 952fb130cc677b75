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
