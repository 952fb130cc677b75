"""Daily prices of funds from a folder of CSVs, checked line by line: refused with file, line and reason, or noted.

<code>.csv (510300.SH.csv): date,open,high,low,close, raw (不复权) yuan. events.csv: code,ex_date,kind,value; kind is
split (new shares for one old) or dividend (yuan a share). Dates 2024-01-31 or 20240131. UTF-8.
"""

import bisect
import datetime
import os
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..dingtou.plan import LIMIT_MARGIN, LONGEST_GAP
from ..dingtou.rule import daily_limit
from .csvlines import DataError, day_of, price_of, rows

__all__ = ["DataError", "Event", "Fund", "Prices", "load", "read_events", "read_fund", "reference", "with_events"]

_NAME = re.compile(r"^(\d{6}\.(?:SH|SZ))\.csv$")
_COLUMNS = ("date", "open", "high", "low", "close")
SEEN = 0.03  # of the price: an event of that size shows in the opening price
ROUNDING = 0.0015  # yuan: highs and lows of some sources are rounded apart from the close


class Event(NamedTuple):
    """A split (new shares for one old) or a dividend (yuan a share), in force at the open of `date`."""

    date: str  # 'YYYYMMDD'
    kind: str  # 'split' or 'dividend'
    value: float


class Fund(NamedTuple):
    """One fund's days, oldest first, raw prices in yuan; `splits` and `dividends` hold 1.0 and 0.0 on plain days."""

    code: str  # '510300.SH'
    dates: List[str]  # 'YYYYMMDD'
    opens: List[float]
    highs: List[float]
    lows: List[float]
    closes: List[float]
    splits: List[float]
    dividends: List[float]

    def until(self, day: str) -> "Fund":
        """The days up to and including `day`."""
        end = bisect.bisect_right(self.dates, day)
        return self.at(range(end))

    def at(self, places: Iterable[int]) -> "Fund":
        """Only the days at these places."""
        chosen = list(places)
        columns: List[Any] = [[column[place] for place in chosen] for column in self[1:]]
        return Fund(self.code, *columns)

    def events(self) -> List[Event]:
        found = []
        for date, split, dividend in zip(self.dates, self.splits, self.dividends):
            if dividend:
                found.append(Event(date, "dividend", dividend))
            if split != 1.0:
                found.append(Event(date, "split", split))
        return found


class Prices(NamedTuple):
    """What a folder holds: the funds in the order asked for, and what the user should know of them (Chinese)."""

    funds: List[Fund]
    source: str
    notes: List[str]

    def fund(self, code: str) -> Optional[Fund]:
        return next((fund for fund in self.funds if fund.code == code), None)


def load(folder: str, codes: Sequence[str] = (), accept_jumps: bool = False) -> Prices:
    """The funds in `folder`, by default all of them. Raises DataError.

    `accept_jumps`: a day's move beyond the daily limit is noted instead of refused.
    """
    if not os.path.isdir(folder):
        raise DataError("数据文件夹 %s 不存在，请检查 --data" % folder)
    found = [match.group(1) for match in map(_NAME.match, sorted(os.listdir(folder))) if match]
    for code in codes:
        if code not in found:
            there = "、".join(found) or "没有任何 510300.SH.csv 这样的文件"
            raise DataError("数据文件夹 %s 里没有 %s.csv（有：%s），请检查 --funds 或先 fetch" % (folder, code, there))
    chosen = list(codes) or found
    if not chosen:
        raise DataError("数据文件夹 %s 里没有 510300.SH.csv 这样的文件，请检查 --data" % folder)
    events = read_events(os.path.join(folder, "events.csv"))
    notes: List[str] = []
    funds = [
        with_events(read_fund(folder, code), events.get(code[:6], []), folder, notes, accept_jumps) for code in chosen
    ]
    notes.extend(_unused(folder, found, events))
    notes.extend(_holes(funds, _calendar(folder)))
    return Prices(funds, folder, notes)


def read_fund(folder: str, code: str) -> Fund:
    """One fund's file without its events. Raises DataError."""
    path = os.path.join(folder, code + ".csv")
    fund = Fund(code, [], [], [], [], [], [], [])
    for line, row in rows(path, _COLUMNS):
        day = day_of(path, line, "date", row["date"])
        if _date(day).weekday() >= 5:
            raise DataError("%s 第 %d 行：%s 是周末，没有交易，请核对日期" % (path, line, day))
        if fund.dates and day <= fund.dates[-1]:
            words = "重复了" if day in fund.dates else "比上一行 %s 早" % fund.dates[-1]
            raise DataError("%s 第 %d 行：日期 %s %s，请删去或按日期排好" % (path, line, day, words))
        values = [price_of(path, line, name, row[name]) for name in _COLUMNS[1:]]
        opened, high, low, close = values
        # Of the open nothing is asked: some sources' highs and lows leave out the opening auction.
        if low > close + ROUNDING or high < close - ROUNDING or low > high:
            raise DataError("%s 第 %d 行：最高、最低价与收盘价矛盾，请核对这一行" % (path, line))
        fund.dates.append(day)
        for column, value in zip(fund[2:6], (opened, max(values), min(values), close)):
            column.append(value)
        fund.splits.append(1.0)
        fund.dividends.append(0.0)
    if len(fund.dates) < 2:
        raise DataError("%s 至少要有两天的价格" % path)
    return fund


def read_events(path: str) -> Dict[str, List[Tuple[int, Event]]]:
    """{'510300': [(line, Event)]} of events.csv; a missing file means no events."""
    found: Dict[str, List[Tuple[int, Event]]] = {}
    if not os.path.exists(path):
        return found
    for line, row in rows(path, ("code", "ex_date", "kind", "value")):
        code, kind = row["code"].strip()[:6], row["kind"].strip()
        if not re.match(r"^\d{6}$", code):
            raise DataError("%s 第 %d 行：基金代码 %s 不对，应是 6 位数字" % (path, line, row["code"].strip()[:20]))
        if kind not in ("split", "dividend"):
            raise DataError("%s 第 %d 行：kind 是 %s，应为 split（拆分）或 dividend（分红）" % (path, line, kind[:20]))
        day, value = day_of(path, line, "ex_date", row["ex_date"]), price_of(path, line, "value", row["value"])
        if any(one.date == day and one.kind == kind for _, one in found.get(code, [])):
            raise DataError("%s 第 %d 行：%s 在 %s 的 %s 重复了，请删去一行" % (path, line, code, day, kind))
        found.setdefault(code, []).append((line, Event(day, kind, value)))
    return found


def with_events(
    fund: Fund, events: Sequence[Tuple[int, Event]], folder: str, notes: List[str], accept_jumps: bool = False
) -> Fund:
    """The fund with its events on its days, each checked against the prices. Raises DataError, adds to `notes`."""
    path = os.path.join(folder, "events.csv")
    for line, event in sorted(events, key=lambda pair: pair[1].date):
        at = bisect.bisect_left(fund.dates, event.date)
        if at == 0 or at == len(fund.dates):
            continue  # before the first bar or after the last: touches no price here
        if fund.dates[at] != event.date:
            notes.append(
                "%s 第 %d 行：%s 在 %s 没有行情，按下一个有行情的日子 %s 处理"
                % (path, line, fund.code, event.date, fund.dates[at])
            )
        if event.kind == "dividend":
            if event.value >= fund.closes[at - 1]:
                raise DataError(
                    "%s 第 %d 行：每份分红 %.4f 不小于前收盘价 %.4f，请核对"
                    % (path, line, event.value, fund.closes[at - 1])
                )
            fund.dividends[at] += event.value
        else:
            fund.splits[at] *= event.value
        _check_event(fund, at, event, path, line, notes)
    _check_jumps(fund, os.path.join(folder, fund.code + ".csv"), notes, accept_jumps)
    return fund


def reference(fund: Fund, at: int) -> float:
    """The close before day `at` as it counts on that day (除权参考价): dividends off first, then splits."""
    return (fund.closes[at - 1] - fund.dividends[at]) / fund.splits[at]


def _check_event(fund: Fund, at: int, event: Event, path: str, line: int, notes: List[str]) -> None:
    """An event that the prices do not show: with it the day's move is beyond the limit, without it it is not. A smaller
    one that the opening price does not show is noted; one below SEEN is lost in a day's usual moves."""
    limit = daily_limit(fund.code) + LIMIT_MARGIN
    plain = fund.closes[at] / fund.closes[at - 1] - 1
    with_it = fund.closes[at] / reference(fund, at) - 1
    if abs(with_it) > limit and abs(plain) < abs(with_it):
        words = "%s 第 %d 行：%s 在 %s 的 %s %s 在价格里看不到（当天原始价格只变了 %+.1f%%），请核对日期和数值"
        raise DataError(words % (path, line, fund.code, event.date, event.kind, event.value, plain * 100))
    due = reference(fund, at) / fund.closes[at - 1]
    opened = fund.opens[at] / fund.closes[at - 1]
    if abs(due - 1) >= SEEN and abs(opened - 1) < abs(opened - due):
        words = "%s 第 %d 行：%s 在 %s 的 %s %s 在开盘价里看不到（应变 %+.1f%%，只变了 %+.1f%%），请核对"
        change = (due - 1) * 100, (opened - 1) * 100
        notes.append(words % ((path, line, fund.code, event.date, event.kind, event.value) + change))


def _check_jumps(fund: Fund, path: str, notes: List[str], accept: bool) -> None:
    limit = daily_limit(fund.code) + LIMIT_MARGIN
    for at in range(1, len(fund.dates)):
        change = fund.closes[at] / reference(fund, at) - 1
        if abs(change) > limit + 1e-9:
            words = "%s 第 %d 行：%s 比前一天变了 %+.1f%%，超过 %.0f%%，多半是 events.csv 缺一次拆分或分红"
            words = words % (path, at + 2, fund.dates[at], change * 100, limit * 100)
            if not accept:
                raise DataError(words + "。请补上，或确认无误后加 --accept-jumps")
            notes.append(words)


def _unused(folder: str, codes: Sequence[str], events: Dict[str, List[Tuple[int, Event]]]) -> List[str]:
    """Files and events that belong to no fund: a code mistyped, or without its market."""
    notes = []
    for name in sorted(os.listdir(folder)):
        if re.match(r"^\d.*\.csv$", name, re.I) and not _NAME.match(name):
            notes.append("%s 没有用：文件名应像 510300.SH.csv（6 位代码和市场）" % os.path.join(folder, name))
    there = {code[:6] for code in codes}
    for code in sorted(set(events) - there):
        words = "%s 第 %d 行：代码 %s 没有行情文件，这条没有用"
        notes.append(words % (os.path.join(folder, "events.csv"), events[code][0][0], code))
    return notes


def _calendar(folder: str) -> List[str]:
    """The trading days that fetch stored, [] where it did not."""
    path = os.path.join(folder, "calendar.csv")
    if not os.path.exists(path):
        return []
    return [day_of(path, line, "date", row["date"]) for line, row in rows(path, ("date",))]


def _holes(funds: Sequence[Fund], trading_days: Sequence[str] = ()) -> List[str]:
    """Days of the calendar or of other funds that a fund has not, between its first and its last."""
    calendar = sorted({day for fund in funds for day in fund.dates} | set(trading_days))
    notes = []
    for fund in funds:
        own = set(fund.dates)
        missing = [day for day in calendar if fund.dates[0] < day < fund.dates[-1] and day not in own]
        if missing:
            notes.append(
                "%s 缺 %d 天（如 %s），可能停牌；这些天和之后第一天不交易（实盘也这样），按前一天的价格估值"
                % (fund.code, len(missing), missing[0])
            )
        for before, after in zip(fund.dates, fund.dates[1:]):
            if (_date(after) - _date(before)).days > LONGEST_GAP:
                notes.append("%s 在 %s 和 %s 之间没有行情" % (fund.code, before, after))
    return notes


def _date(day: str) -> datetime.date:
    return datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
