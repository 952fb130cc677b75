"""An order's id: YYYYMMDD-CODE-S-NN, 20 characters, also its flag file's name and passorder's userOrderId. Pure.

The remark that comes back in ORDER and DEAL must stay under 24 characters (qmt-facts 1.1).
"""

import re
from typing import Iterable, NamedTuple, Optional, Tuple

_PATTERN = re.compile(r"^(\d{8})-(\d{6})-([BS])-(\d{2})\Z", re.ASCII)
MOST = 99  # the highest NN of a day and fund


class Id(NamedTuple):
    day: str  # trading day, 'YYYYMMDD'
    code: str  # six digits
    side: str  # 'B' or 'S'
    number: int  # 1 to 99, over both sides

    @property
    def place(self) -> Tuple[str, int]:
        """Where it stands among the ids of its fund."""
        return (self.day, self.number)

    @property
    def text(self) -> str:
        return "%s-%s-%s-%02d" % self


def parse(text: Optional[str]) -> Optional[Id]:
    """The id that `text` is, or None: a remark may be anybody's."""
    match = _PATTERN.match(text or "")
    if match is None or int(match.group(4)) < 1:
        return None
    return Id(match.group(1), match.group(2), match.group(3), int(match.group(4)))


def following(day: str, code: str, side: str, taken: Iterable[Id]) -> Optional[Id]:
    """The next id of that day and fund: 1 + the highest number taken over both sides; None past 99.

    `code` is the six digits; ids of other days and funds in `taken` do not count.
    """
    highest = max((known.number for known in taken if known.day == day and known.code == code), default=0)
    return Id(day, code, side, highest + 1) if highest < MOST else None
