"""China's dates and times of an epoch time, in the forms that QMT uses. The PC's zone plays no part."""

import time

CHINA = 8 * 3600


def text(epoch: float, form: str) -> str:
    """time.strftime of China's time."""
    return time.strftime(form, time.gmtime(epoch + CHINA))


def day(epoch: float) -> str:
    """'20240220'"""
    return text(epoch, "%Y%m%d")


def second(epoch: float) -> str:
    """'172341'"""
    return text(epoch, "%H%M%S")


def timetag(epoch: float) -> str:
    """'20231106 15:00:04', as in get_full_tick of older clients."""
    return text(epoch, "%Y%m%d %H:%M:%S")
