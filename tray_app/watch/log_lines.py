"""What the lines of QMT's logs mean: which are worth telling, and how they are shown. Pure."""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Sequence

LONGEST_SHOWN = 300  # characters of a line that are told
TELL_AGAIN = 60.0  # seconds: what repeats within them is told as one line with a count
STALE = 600.0  # seconds after which what a run before had still to count is no news any more


class Pattern(NamedTuple):
    """`text` in a line makes it worth telling, however it is capitalised; `ends`, where given, is what says that it is
    over (QMT says `start simulation mode` or `start trading mode`; qmt-facts.md section 2)."""

    text: str
    ends: str = ""


class Hit(NamedTuple):
    pattern: str
    line: str
    over: bool  # the line says that it is over
    lasting: bool = False  # the pattern has an end


def decode(raw: bytes) -> str:
    """A line as text. QMT's encoding is not documented: strict UTF-8 tells itself apart, everything else is GBK."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gbk", "replace")


def match(line: str, patterns: Sequence[Pattern]) -> list[Hit]:
    """The patterns that this line fits."""
    lower = line.lower()
    hits = []
    for pattern in patterns:
        if pattern.text.lower() in lower:
            hits.append(Hit(pattern.text, line, over=False, lasting=bool(pattern.ends)))
        elif pattern.ends and pattern.ends.lower() in lower:
            hits.append(Hit(pattern.text, line, over=True, lasting=True))
    return hits


TRACEBACK = "Traceback (most recent call last)"
LONGEST_TRACEBACK = 100  # lines


def with_cause(line: str, following: Sequence[str]) -> str:
    """A traceback's first line says nothing: with its last one, the exception, where that is among the lines that
    follow. They are indented as the first line is and more; the exception stands as far left as the first line."""
    start = line.find(TRACEBACK)
    if start < 0:
        return line
    for later in following[:LONGEST_TRACEBACK]:
        rest = later[start:] if len(later) > start else later
        if rest.strip() and not rest.startswith((" ", "\t")):
            return f"{line.strip()} {rest.strip()}"
    return line


# An account number has 7 digits and more; a date or a date with time (QMT's lines begin with one) is none. The word
# 账号 before it makes shorter ones an account as well.
_LONG = re.compile(r"(?<!\d)(?!20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d))\d{3,}(\d{4})(?!\d)")
_NAMED = re.compile(r"((?:账号|账户|帐号|account)\D{0,12}?)\d+(\d{4})(?!\d)", re.IGNORECASE)


def mask(line: str, account: str = "") -> str:
    """The line as it may leave this machine: of account numbers only the last four digits, at most LONGEST_SHOWN
    characters. `account`: the one that sentry.ini names, however short it is or much it looks like a date."""
    if len(account) > 4:
        line = line.replace(account, "*" + account[-4:])
    return _LONG.sub(r"*\1", _NAMED.sub(r"\1*\2", line)).strip()[:LONGEST_SHOWN]


class Told(NamedTuple):
    """What of one pattern was told: when, and how often it came since."""

    at: float
    more: int = 0
    line: str = ""
    file: str = ""
    lasting: bool = False


class Tell(NamedTuple):
    """A line to tell, for `times` lines of its pattern."""

    pattern: str
    file: str
    line: str
    times: int
    over: bool = False
    lasting: bool = False


class Teller:
    """Decides what to tell: the first line of a pattern at once, what follows within TELL_AGAIN as one. Where a pattern
    has an end, that is told once after each beginning."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}
        self._open: set[str] = set()

    def heard(self, hit: Hit, file: str, now: float) -> list[Tell]:
        if hit.over:
            if hit.pattern not in self._open:
                return []
            self._open.discard(hit.pattern)
            self._told.pop(hit.pattern, None)  # what was still to be counted is over as well
            return [Tell(hit.pattern, file, hit.line, 1, over=True, lasting=True)]
        if hit.lasting:
            self._open.add(hit.pattern)
        before = self._told.get(hit.pattern)
        if before is not None and 0 <= now - before.at < TELL_AGAIN:
            self._told[hit.pattern] = Told(before.at, before.more + 1, hit.line, file, hit.lasting)
            return []
        self._told[hit.pattern] = Told(now)
        count = 1 + (before.more if before else 0)
        return [Tell(hit.pattern, file, hit.line, count, lasting=hit.lasting)]

    def due(self, now: float) -> list[Tell]:
        """What came in the meantime and is to be told now."""
        ready = [name for name, told in self._told.items() if told.more and not 0 <= now - told.at < TELL_AGAIN]
        found = []
        for name in ready:
            told = self._told[name]
            found.append(Tell(name, told.file, told.line, told.more, lasting=told.lasting))
            self._told[name] = Told(now)
        return found

    def begun(self) -> list[str]:
        """Patterns that began and have not ended, for the next run of the program."""
        return sorted(self._open)

    def counting(self, account: str) -> dict[str, Told]:
        """What came since it was told last, for the next run of the program; lines as they may leave this machine."""
        return {
            name: told._replace(line=mask(told.line, account), file=mask(told.file, account))
            for name, told in self._told.items()
            if told.more
        }

    def remember(self, begun: Sequence[str], counting: Mapping[str, Told], now: float) -> None:
        """What the run before left. A count that is STALE is dropped: its first line was told, and the rest of it would
        be told as if it came now."""
        self._open.update(begun)
        self._told.update({name: told for name, told in counting.items() if 0 <= now - told.at < STALE})
