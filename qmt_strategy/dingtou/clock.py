"""Trading day and time of day as epoch + 8 h, never the PC's time zone: a PC set to UTC must keep the same hours."""

import calendar
import datetime
import functools
import time
from typing import Iterable, Optional, Tuple

CHINA = 8 * 3600  # Asia/Shanghai has had no daylight saving time since 1991

_STAMP = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))  # where the parts of YYYYMMDDhhmmss stand

Hours = Tuple[Tuple[int, int], ...]  # (first second, last second) of the day, both inside


def day(epoch: float) -> str:
    """The trading day 'YYYYMMDD' of an epoch time in seconds."""
    return _day(int((epoch + CHINA) // 86400))


@functools.lru_cache(maxsize=64)
def _day(number: int) -> str:
    """Of the day with this number since 1970: asked dozens of times in every call of handlebar."""
    return time.strftime("%Y%m%d", time.gmtime(number * 86400))


def weekday(day_text: str) -> int:
    """0 = Monday to 6 = Sunday of 'YYYYMMDD'."""
    return datetime.date(int(day_text[:4]), int(day_text[4:6]), int(day_text[6:])).weekday()


def stamp(epoch: float) -> str:
    """'YYYYMMDDhhmmss' of an epoch time in seconds."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(epoch + CHINA))


def second_of_day(epoch: float) -> int:
    """Seconds since midnight in China."""
    return int(epoch + CHINA) % 86400


def inside(hours: Iterable[Tuple[int, int]], epoch: float) -> bool:
    """Whether `epoch` lies in one of the spans of `hours`, ends included."""
    now = second_of_day(epoch)
    return any(first <= now <= last for first, last in hours)


def tick_time(tick: object) -> Optional[float]:
    """Epoch seconds of one entry of get_full_tick, or None.

    Older clients give 'timetag' ('20231106 15:00:04', China time), newer ones 'time' (epoch milliseconds) and 'stime'
    (qmt-facts 1.8, vendor's data_structure page).
    """
    if not isinstance(tick, dict):
        return None
    milliseconds = tick.get("time")
    if isinstance(milliseconds, (int, float)) and not isinstance(milliseconds, bool) and 1e12 < milliseconds < 1e13:
        return milliseconds / 1000.0
    for name in ("timetag", "stime"):
        found = _moment(str(tick.get(name) or ""))
        if found is not None:
            return found
    return None


@functools.lru_cache(maxsize=64)  # all funds' ticks show the same second, and each is asked several times
def _moment(text: str) -> Optional[float]:
    """Epoch seconds of a China time whose digits are YYYYMMDDhhmmss; None where it is no time."""
    digits = "".join(c for c in text if c in "0123456789")[:14]
    if len(digits) < 14:
        return None
    year, month, date, hour, minute, second = (int(digits[start:end]) for start, end in _STAMP)
    try:
        moment = datetime.datetime(year, month, date, hour, minute, second)
    except ValueError:  # '00000000000000' before the first tick of a day
        return None
    return float(calendar.timegm(moment.timetuple()) - CHINA)
