"""get_market_data and get_market_data_ex: rows as scalars, Series and DataFrames, shaped as qmt-facts 1.8 says.

pandas is imported only where a frame is asked for, since it takes a second to load.
"""

from typing import Any, Dict, List, Sequence

from . import times
from .quotes import Quotes, Row

PERIODS = ("tick", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "1d", "1w", "1mon", "1q", "1hy", "1y")
DIVIDEND_TYPES = ("none", "front", "back", "front_ratio", "back_ratio")
FIELDS = ("time", "open", "high", "low", "close", "volume", "amount", "settelementPrice", "openInterest", "preClose")
_TICK_FIELDS = ("time", "lastPrice", "open", "high", "low", "lastClose", "amount", "volume", "askPrice", "bidPrice")


def market_data_ex(
    quotes: Quotes,
    fields: Sequence[str],
    codes: Sequence[str],
    period: str,
    start: str,
    end: str,
    count: int,
    kind: str,
    now: float,
) -> Dict[str, Any]:
    """{code: DataFrame}, index 'stime' of strings, one column a field; an empty frame for a code without data."""
    _check(period, kind)
    if period == "tick":
        return {code: _tick_frame(quotes, fields, code, now) for code in codes}
    found = {}
    for code in codes:
        rows = _cut(quotes.rows(code, period, kind, now, _most(start, end, count)), start, end, count)
        found[code] = _frame(rows, fields or FIELDS, "stime")
    return found


def market_data(
    quotes: Quotes,
    fields: Sequence[str],
    codes: Sequence[str],
    period: str,
    start: str,
    end: str,
    count: int,
    kind: str,
    now: float,
) -> Any:
    """The deprecated get_market_data: its shape depends on what is asked for."""
    import pandas  # type: ignore[import-untyped,unused-ignore]

    _check(period, kind)
    ranged = bool(start or end)
    fields = [fields] if isinstance(fields, str) else list(fields)
    if not ranged and count < 0:
        newest = {code: quotes.rows(code, period, kind, now, 1)[-1:] for code in codes}
        if len(codes) == 1 and len(fields) == 1:
            return _value(newest[codes[0]][0], fields[0]) if newest[codes[0]] else -1
        if len(codes) == 1:
            row = newest[codes[0]]
            return pandas.Series([_value(row[0], field) if row else float("nan") for field in fields], index=fields)
        values = {
            code: [_value(row[0], field) if row else float("nan") for field in fields] for code, row in newest.items()
        }
        return pandas.DataFrame([values[code] for code in codes], index=list(codes), columns=fields)
    most = _most(start, end, count)
    frames = {
        code: _frame(_cut(quotes.rows(code, period, kind, now, most), start, end, count), fields, "") for code in codes
    }
    if len(codes) == 1:
        return frames[codes[0]]
    return pandas.Panel(frames) if hasattr(pandas, "Panel") and pandas.__version__ < "0.25" else frames


def _check(period: str, kind: str) -> None:
    if period not in PERIODS:
        raise ValueError("get_market_data: unknown period %r" % period)
    if kind not in DIVIDEND_TYPES:
        raise ValueError("get_market_data: unknown dividend_type %r" % kind)


def _most(start: str, end: str, count: int) -> int:
    """How many of the newest bars are enough to answer."""
    return count if count >= 0 and not start and not end else 1 << 30


def _cut(rows: List[Row], start: str, end: str, count: int) -> List[Row]:
    """Those between start and end ('YYYYMMDD' or 'YYYYMMDDHHMMSS', both included), of these the newest `count`."""
    if start:
        rows = [row for row in rows if row.stime >= start[: len(row.stime)]]
    if end:
        rows = [row for row in rows if row.stime[: len(end)] <= end[: len(row.stime)]]
    if count < 0:
        return rows
    return rows[-count:] if count else []


def _value(row: Row, field: str) -> float:
    """One field of a bar; NaN for a field that QMT does not have."""
    if field in ("open", "high", "low", "close", "volume"):
        return float(getattr(row, field))
    if field == "amount":
        return round(row.volume * 100 * row.close, 2)
    if field == "preClose":
        return row.pre_close
    if field == "time":
        return _epoch(row.stime) * 1000
    return 0.0 if field in ("settelementPrice", "openInterest", "suspendFlag") else float("nan")


def _epoch(stime: str) -> float:
    digits = stime.ljust(14, "0")
    seconds = int(digits[8:10]) * 3600 + int(digits[10:12]) * 60 + int(digits[12:14])
    return times.midnight(stime[:8]) + seconds


def _frame(rows: List[Row], fields: Sequence[str], name: str) -> Any:
    import pandas

    index = pandas.Index([row.stime for row in rows], name=name or None, dtype=object)
    columns = {field: [_value(row, field) for row in rows] for field in fields}
    return pandas.DataFrame(columns, index=index, columns=list(fields), dtype=float)


def _tick_frame(quotes: Quotes, fields: Sequence[str], code: str, now: float) -> Any:
    """The newest tick as a frame of one row: this simulation keeps no others."""
    import pandas

    entry = quotes.full_tick([code], now).get(code)
    moment = quotes.moment(now)
    index = [times.text(moment.tick_at, "%Y%m%d%H%M%S")] if entry else []
    values = dict(entry or {}, time=int(moment.tick_at * 1000))
    chosen = list(fields or _TICK_FIELDS)
    rows = [[values.get(field) for field in chosen]] if entry else []
    return pandas.DataFrame(rows, index=pandas.Index(index, name="stime", dtype=object), columns=chosen)
