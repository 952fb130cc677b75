"""What both sides of a comparison are given, and one line of what both must come to."""

import os
from typing import Dict, List, NamedTuple, Tuple

from qmt_strategy.dingtou import replay

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REAL_PRICES = os.path.join(os.path.dirname(REPOSITORY), "shared", "data", "etf")

DEFAULT_CAPS = replay.CAPS  # 3 attempts a fund and day, 100,000 yuan an order, 300,000 yuan a day
NO_CAPS = replay.Caps(10, 100000000.0, 100000000.0)  # the most that sentry.ini takes
HELD = 1000000  # shares of each fund at the beginning: no sale is cut short
CASH = 100000000.0  # yuan: no purchase is refused


class Scenario(NamedTuple):
    name: str
    folder: str  # of <code>.csv and events.csv
    first: str  # 'YYYYMMDD', as all days
    last: str
    caps: replay.Caps
    cells: Dict[str, int]  # the grid state in which each fund begins; 0 = no trade yet
    every: int = 60  # seconds between two ticks of the main chart; a divisor of 60
    quiet: bool = False  # no tick in the last minute before 09:30 and before 13:00
    deals: int = 1  # an order fills in one to this many deals
    decide_at: int = -1  # `decide`: every minute, or once a day at this second of the day
    rule: Tuple[str, ...] = ()  # lines of sentry.ini's [strategy] that change the rule

    @property
    def codes(self) -> Tuple[str, ...]:
        """The funds, in the order of sentry.ini: with the cap of a day, it matters who comes first."""
        return tuple(sorted(self.cells))


class Line(NamedTuple):
    """One order, as both sides write it."""

    day: str
    time: str  # 'HH:MM:SS'
    code: str
    side: str  # B or S
    yuan: float  # what the rule asks for
    price: float  # of the order: 卖2 of a purchase, 买2 of a sale
    shares: int
    cell: int  # where the fund's grid state stands afterwards


def codes_in(folder: str) -> List[str]:
    return sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".csv") and name[:6].isdigit())


def clock_text(second: int) -> str:
    return "%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60)


def differences(expected: List[Line], seen: List[Line]) -> List[str]:
    """Every order that only one side has, as Chinese sentences; [] where both are the same, one for one."""
    found = ["规则要下、没有下：%s" % shown(line) for line in _left_over(expected, seen)]
    found += ["规则没有要、却下了：%s" % shown(line) for line in _left_over(seen, expected)]
    if not found and expected != seen:
        found = ["两边的委托相同，先后不同"]
    return found


def shown(line: Line) -> str:
    words = "%s-%s-%s %s %s %s %9.0f yuan %7d at %.3f -> cell %d"
    return words % ((line.day[:4], line.day[4:6], line.day[6:], line.time) + line[2:5] + (line.shares,) + line[5::2])


def _left_over(these: List[Line], those: List[Line]) -> List[Line]:
    rest = list(those)
    found = []
    for line in these:
        if line in rest:
            rest.remove(line)
        else:
            found.append(line)
    return found
