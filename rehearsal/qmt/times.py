"""China's dates and times of an epoch time, in the forms that QMT uses. The PC's zone plays no part.

Nothing here calls time.strftime with the present: while a script runs, time's own functions may be those of simtime.
"""

import calendar
import time
from typing import Dict

CHINA = 8 * 3600
_gmtime, _strftime = time.gmtime, time.strftime
_days: Dict[int, str] = {}


def text(epoch: float, form: str) -> str:
    """time.strftime of China's time."""
    return _strftime(form, _gmtime(epoch + CHINA))


def day(epoch: float) -> str:
    """'20240220'"""
    number = int((epoch + CHINA) // 86400)
    if number not in _days:
        _days[number] = _strftime("%Y%m%d", _gmtime(number * 86400))
    return _days[number]


def midnight(day_text: str) -> float:
    """Epoch time of '20240220' 00:00:00 in China."""
    year, month, date = int(day_text[:4]), int(day_text[4:6]), int(day_text[6:8])
    return float(calendar.timegm((year, month, date, 0, 0, 0)) - CHINA)


def at(day_text: str, clock: str) -> float:
    """Epoch time of ('20240220', '14:57' or '14:57:30')."""
    parts = [int(part) for part in clock.split(":")] + [0]
    return midnight(day_text) + parts[0] * 3600 + parts[1] * 60 + parts[2]


def second_of_day(epoch: float) -> float:
    return (epoch + CHINA) % 86400


def second(epoch: float) -> str:
    """'172341'"""
    return text(epoch, "%H%M%S")


def timetag(epoch: float) -> str:
    """'20231106 15:00:04', as in get_full_tick of older clients."""
    return text(epoch, "%Y%m%d %H:%M:%S")
