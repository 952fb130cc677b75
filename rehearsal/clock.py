"""Times as people read them: Asia/Shanghai, which is epoch + 8 h all year."""

import time

SHANGHAI_OFFSET = 8 * 3600
DAY = 86400


def clock_text(at: float) -> str:
    """HH:MM:SS in Shanghai of an epoch second."""
    return time.strftime("%H:%M:%S", time.gmtime(at + SHANGHAI_OFFSET))


def day_text(at: float) -> str:
    """YYYYMMDD in Shanghai of an epoch second."""
    return time.strftime("%Y%m%d", time.gmtime(at + SHANGHAI_OFFSET))


def shift_to(clock: str, now: float, days_ago: int = 0) -> float:
    """Seconds (never positive) to add to `now` (epoch) so that a clock shows HH:MM:SS `clock` in Shanghai.

    Of the newest day that was at least 10 hours old, or `days_ago` days before it; so a morning up to 10:00 follows the
    afternoon of `days_ago=1` whatever time it is now.
    """
    hour, minute, second = (int(part) for part in clock.split(":"))
    day = (now + SHANGHAI_OFFSET - 10 * 3600) // DAY - days_ago
    shift = day * DAY - SHANGHAI_OFFSET + hour * 3600 + minute * 60 + second - now
    return shift if shift <= 0 else shift - DAY


def shift_to_weekday(clock: str, now: float) -> float:
    """shift_to() the newest such moment that lies on no Saturday or Sunday."""
    shifts = (shift_to(clock, now, days_ago) for days_ago in range(4))  # the first two may be the same
    return next(shift for shift in shifts if time.gmtime(now + shift + SHANGHAI_OFFSET).tm_wday < 5)
