"""Daily bars, trading days and reference prices from QMT, whatever shape it gives them in (qmt-facts 1.7 and 1.8).

Frames may be missing, empty, -1, without the column, with zeros, NaN or QMT's 'no value', dated as strings, numbers or
times, and end with today's bar, which is still forming. Nothing here judges prices: what is no number becomes NaN, and
plan.py refuses it.
"""

import math
from typing import Any, Iterable, List, NamedTuple

from . import clock, rows
from .guard import say

_CHECK = "请在 QMT 里补充下载日线，再看行情连接"


class Series(NamedTuple):
    """Complete daily bars, oldest first."""

    dates: List[str]  # 'YYYYMMDD'
    closes: List[float]  # yuan; NaN where QMT gave no number
    why_not: str  # Chinese: why there is nothing; '' otherwise


def daily(
    context: Any, code: str, count: int, today: str, subscribe: bool = True, adjusted: str = "front_ratio"
) -> Series:
    """The last `count` complete closes, front_ratio or as `adjusted` says ('none': as traded),
    of '512690.SH' before `today` ('YYYYMMDD').

    Asks QMT for one bar more, for today's. Never raises. In init QMT gives local data only, and `subscribe` False needs
    a download before (vendor's get_market_data_ex page).
    """
    try:
        answer = context.get_market_data_ex(
            ["close"],
            [code],
            period="1d",
            count=count + 1,
            dividend_type=adjusted,
            subscribe=subscribe,
        )
    except Exception as error:  # QMT's own functions raise anything; one fund without data is not a dead strategy
        say("[QMT 哨兵] %s: get_market_data_ex: %s: %s" % (code, type(error).__name__, str(error)[:200]))
        return _nothing("QMT 取日线出错。" + _CHECK)
    return from_answer(answer, code, count, today)


def from_answer(answer: Any, code: str, count: int, today: str) -> Series:
    """The Series in what get_market_data_ex returned. Never raises."""
    try:
        frame = answer[code]
        closes = [_close(value) for value in frame["close"]]
        dates = [_day(stamp) for stamp in frame.index]
    except Exception:  # -1, None, {}, a frame without the column, or anything else that is no frame
        return _nothing("QMT 没有给出日线。" + _CHECK)
    if not closes:
        return _nothing("QMT 给的日线是空的。" + _CHECK)
    if len(dates) != len(closes) or "" in dates:
        return _nothing("QMT 给的日线日期读不懂。" + _CHECK)
    if max(dates) > today:
        return _nothing("QMT 给的日线里有 %s，比今天（%s）还晚。请校准电脑日期" % (max(dates), today))
    complete = [i for i, day in enumerate(dates) if day < today][-count:]
    if not complete:
        return _nothing("QMT 只给了今天的日线。" + _CHECK)
    return Series([dates[i] for i in complete], [closes[i] for i in complete], "")


def previous_trading_day(context: Any, code: str, today: str) -> str:
    """The trading day before `today` as 'YYYYMMDD'; '' where QMT does not say. Never raises."""
    try:
        return last_before(context.get_trading_dates(code, "", today, 20, "1d"), today)
    except Exception:  # QMT's own functions raise anything; plan.py refuses an unknown day
        return ""


def is_trading_day(context: Any, code: str, today: str) -> bool:
    """Whether QMT's calendar has `today`; False where it does not say. Never raises."""
    try:
        return today in [_day(day) for day in context.get_trading_dates(code, "", today, 20, "1d")]
    except Exception:  # as above
        return False


def last_before(days: Iterable[Any], today: str) -> str:
    """The latest of `days` that is before `today`; '' where there is none."""
    return max((day for day in map(_day, days) if day < today), default="")


def field(entry: Any, name: str) -> Any:
    """`name` of a tick or of get_instrument_detail's answer ('lastClose', 'PreClose', 'PriceTick'), or None."""
    return rows.number(entry.get(name)) if isinstance(entry, dict) else None


def _nothing(words: str) -> Series:
    return Series([], [], words)


def _close(value: Any) -> float:
    """Not rows.number: that rounds to 6 digits, and a close adjusted by ratio has more."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if abs(number) < 1e300 else math.nan


def _day(stamp: Any) -> str:
    """'20240129', '20240129150000', '2024-01-29', 20240129, epoch milliseconds or a Timestamp as 'YYYYMMDD', or ''."""
    if hasattr(stamp, "strftime"):
        return str(stamp.strftime("%Y%m%d"))
    if not isinstance(stamp, str) and rows.number(stamp) is not None and 1e11 < float(stamp) < 1e13:
        return clock.day(float(stamp) / 1000.0)
    digits = "".join(c for c in str(stamp).split(".")[0] if c in "0123456789")
    return digits[:8] if len(digits) >= 8 and digits[:2] in ("19", "20") else ""
