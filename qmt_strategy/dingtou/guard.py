"""The wrapper of every entry point: whatever goes wrong is posted as strategy.error, nothing is raised into QMT.

An exception that reaches QMT stops the strategy for good while the client still shows it as running (qmt-facts 1.9).
"""

import sys
import traceback
from typing import Any, Callable, Dict, List, Optional

MAX_TRACEBACK = 8 * 1024  # bytes of UTF-8
SAME_AGAIN = 60.0  # seconds before the same traceback is posted again
MOST_IN_A_MINUTE = 10  # different tracebacks: a storm of ever-changing texts must not fill the disk
_MOST_REMEMBERED = 100


def say(words: str) -> None:
    """Print into QMT's output window; never raises."""
    try:
        print(words)
    except Exception:  # the window may be gone or unable to show Chinese, and there is nobody else to tell
        pass


def shorten(words: str, limit: int = MAX_TRACEBACK) -> str:
    """The end of a traceback, where the error stands, in at most `limit` bytes of UTF-8."""
    raw = words.encode("utf-8", "replace")
    return raw[-limit:].decode("utf-8", "ignore")


class Guard:
    """`post(kind, data)` makes the post; `now()` is epoch seconds."""

    def __init__(
        self, post: Callable[[str, Dict[str, Any]], Any], now: Callable[[], float], tell: Callable[[str], None] = say
    ) -> None:
        self._post = post
        self._now = now
        self._tell = tell
        self._seen: Dict[str, List[float]] = {}  # traceback -> [when posted, how often since]
        self._posted: List[float] = []

    def run(self, where: str, function: Callable[..., Any], *args: Any) -> Any:
        """function(*args), or None after reporting what it raised."""
        try:
            return function(*args)
        except Exception:  # the purpose of this class: nothing may be raised into QMT
            self.report(where)
            return None

    def report(self, where: str) -> None:
        """Post the exception being handled, at most once a minute for the same traceback. Never raises."""
        try:
            words = shorten(traceback.format_exc())
            count = self._count_if_due(where + "\n" + words)
            if count is None:
                return
            error = sys.exc_info()[1]
            self._tell("[QMT 哨兵] %s 出错，已记录并上报：%s: %s" % (where, type(error).__name__, str(error)[:200]))
            self._post("strategy.error", {"where": where, "traceback": words, "count": count})
        except Exception:  # even the report failed (out of memory, a broken str()): QMT must still not see it
            self._tell("[QMT 哨兵] %s 出错，而且无法上报" % where)

    def _count_if_due(self, key: str) -> Optional[int]:
        """How many times it happened since it was last posted, or None when it is not yet time to post again."""
        now = self._now()
        # abs: after the clock was set back, an old time in the future must not silence errors for hours
        self._posted = [at for at in self._posted if abs(now - at) < 60]
        entry = self._seen.setdefault(key, [-1e18, 0])
        entry[1] += 1
        if len(self._seen) > _MOST_REMEMBERED:
            del self._seen[min((at[0], old) for old, at in self._seen.items() if old != key)[1]]
        if abs(now - entry[0]) < SAME_AGAIN or len(self._posted) >= MOST_IN_A_MINUTE:
            return None
        count = int(entry[1])
        self._seen[key] = [now, 0]
        self._posted.append(now)
        return count
