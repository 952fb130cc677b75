"""The account in one sentence at 9:30 and at 14:58, and whether cash runs low. Pure."""

from typing import NamedTuple

from .looks import Look

AT = (9 * 3600 + 30 * 60, 14 * 3600 + 58 * 60)  # seconds of the day
FOR = 300  # seconds in which it may still be told: a restart at 10:00 tells nothing about 9:30


class Summary(NamedTuple):
    key: str  # '' = nothing is due
    words: str
    cash_low: str  # Chinese, '' = enough
    last: bool  # it is the day's last one


def due(second: int) -> str:
    """'0930' or '1458' while that summary may be told, else ''."""
    for at in AT:
        if at <= second < at + FOR:
            return "%02d%02d" % (at // 3600, at % 3600 // 60)
    return ""


def make(look: Look, second: int, warning: float) -> Summary:
    """What is due at this second of a good look."""
    key = due(second)
    if not key or look.available is None:
        return Summary("", "", "", False)
    parts = ["总资产 %s 元" % _yuan(look.total), "可用 %s 元" % _yuan(look.available)]
    parts += ["市值 %s 元" % _yuan(look.market_value), "盈亏 %s 元" % _yuan(look.profit)]
    low = ""
    if look.available < warning:
        low = "可用资金 %s 元，低于提醒线 %s 元" % (_yuan(look.available), _yuan(warning))
    return Summary(key, "，".join(parts), low, second >= AT[-1])


def _yuan(value: object) -> str:
    return "%.2f" % value if isinstance(value, (int, float)) else "未知"
