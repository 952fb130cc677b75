"""Times as people read them: Asia/Shanghai, which is epoch + 8 h all year."""

import time

SHANGHAI_OFFSET = 8 * 3600
DAY = 86400


def clock_text(at):
    """HH:MM:SS in Shanghai of an epoch second."""
    return time.strftime("%H:%M:%S", time.gmtime(at + SHANGHAI_OFFSET))


def day_text(at):
    """YYYYMMDD in Shanghai of an epoch second."""
    return time.strftime("%Y%m%d", time.gmtime(at + SHANGHAI_OFFSET))


def shift_to(clock, now, days_ago=0):
    """Seconds (never positive) to add to `now` (epoch) so that a clock shows the newest past HH:MM:SS `clock` in
    Shanghai, or that of `days_ago` days before it."""
    hour, minute, second = (int(part) for part in clock.split(":"))
    midnight = (now + SHANGHAI_OFFSET) // DAY * DAY - SHANGHAI_OFFSET
    wanted = midnight + hour * 3600 + minute * 60 + second
    if wanted > now:
        wanted -= DAY
    return wanted - days_ago * DAY - now
