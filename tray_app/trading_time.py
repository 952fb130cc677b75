"""Trading days and sessions as plain arithmetic: a day and its clock are epoch + 8 h, never the PC's zone."""

from __future__ import annotations

import datetime
import re
from typing import Callable, Tuple

SHANGHAI = 8 * 3600
DAY = 86400
# Session time is only ever compared with minutes; beyond this many days the exact sum does not matter.
MOST_DAYS = 30

Session = Tuple[int, int]  # seconds of the day: from (included) to (excluded)

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\Z")


def parse_clock(text: str) -> int:
    """'09:25' or '09:25:30' -> seconds of the day; 24:00 is the day's end. ValueError otherwise."""
    match = _CLOCK.match(text.strip())
    if not match:
        raise ValueError(text)
    hour, minute, second = int(match.group(1)), int(match.group(2)), int(match.group(3) or 0)
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > DAY:
        raise ValueError(text)
    return seconds


def parse_sessions(text: str) -> tuple[Session, ...]:
    """'09:30-11:30, 13:00-15:00' -> sessions in order, without overlap. ValueError otherwise."""
    sessions: list[Session] = []
    for part in text.split(","):
        start, dash, end = part.partition("-")
        if not dash:
            raise ValueError(part)
        session = (parse_clock(start), parse_clock(end))
        if session[0] >= session[1] or (sessions and session[0] < sessions[-1][1]):
            raise ValueError(part)
        sessions.append(session)
    return tuple(sessions)


def second_of_day(epoch: float) -> float:
    return (epoch + SHANGHAI) % DAY


def start_of_day(epoch: float) -> float:
    """Epoch of 00:00 in Shanghai on the day of `epoch`."""
    return epoch - second_of_day(epoch)


def day_of(epoch: float) -> str:
    """Trading day 'YYYYMMDD' (epoch + 8 h)."""
    return _shanghai(epoch).strftime("%Y%m%d")


def is_weekday(epoch: float) -> bool:
    return _shanghai(epoch).weekday() < 5


def show_time(epoch: float) -> str:
    """'14:02:13' as people are shown it."""
    return _shanghai(epoch).strftime("%H:%M:%S")


def show_day_time(epoch: float, now: float) -> str:
    """'14:02', with month and day where it is not today."""
    moment = _shanghai(epoch)
    if day_of(epoch) == day_of(now):
        return moment.strftime("%H:%M")
    return f"{moment.month} 月 {moment.day} 日 {moment:%H:%M}"


def in_session(sessions: tuple[Session, ...], now: float, is_trading: Callable[[float], bool]) -> bool:
    second = second_of_day(now)
    return is_trading(now) and any(start <= second < end for start, end in sessions)


def session_seconds(
    sessions: tuple[Session, ...], since: float, until: float, is_trading: Callable[[float], bool]
) -> float:
    """How many seconds of sessions lie between two epochs; is_trading(epoch) says whether a day counts."""
    total = 0.0
    midnight = start_of_day(max(since, until - MOST_DAYS * DAY))
    while midnight < until:
        if is_trading(midnight):
            for start, end in sessions:
                total += max(0.0, min(until, midnight + end) - max(since, midnight + start))
        midnight += DAY
    return total


def next_clock(clock: int, now: float) -> float:
    """Epoch of the next time the day's clock shows `clock` seconds, always after `now`."""
    today = start_of_day(now) + clock
    return today if today > now else today + DAY


def _shanghai(epoch: float) -> datetime.datetime:
    # Not fromtimestamp: on Windows that refuses small and large epochs.
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=epoch + SHANGHAI)
