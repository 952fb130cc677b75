"""Prices for rehearsals: daily bars from a folder of CSVs or from a seeded synthetic series, raw (不复权), with the
splits and dividends between them, and the path that a day's bar becomes.

The path of a day: open, then straight to the low, then to the high, then to the close, an equal share of the session
each. `price_at(bar, step, steps)` is that path; `path(bar)` lists it with 20 ticks a segment (61 prices), a full
trading day has 1,580 a segment (4,741). Prices are rounded half up to the price tick in whole numbers, so every way to
walk the same path meets the same prices. Nothing here knows the time. Python 3.6, the standard library alone.
"""

import bisect
import csv
import datetime
import math
import os
import random
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from rehearsal.qmt import adjust
from rehearsal.qmt.adjust import Event

PRICE_TICK = 0.001  # yuan, of ETFs
STEPS = 20  # ticks a segment in `path`
REPLAYED_DAYS = 250  # a replay begins this many days before the end of the series
LEVELS = 5  # of the order book

ETFS = (
    ("510300.SH", "沪深300ETF", 4.0),
    ("510500.SH", "中证500ETF", 6.0),
    ("159915.SZ", "创业板ETF", 2.2),
    ("159928.SZ", "消费ETF", 0.8),
    ("512660.SH", "军工ETF", 1.1),
    ("512690.SH", "酒ETF", 0.7),
)
_OTHER_NAMES = {"512580.SH": "环保ETF", "510330.SH": "沪深300ETF华夏"}
_TWENTY_PERCENT = re.compile(r"^(588\d{3}|589\d{3}|159915)\.")  # ETFs of 科创板 and 创业板
_NAME = re.compile(r"^(\d{6}\.(SH|SZ|BJ))\.csv$")


class Bar(NamedTuple):
    """One day, raw prices in yuan; volume in lots of 100."""

    date: str  # YYYYMMDD
    open: float
    high: float
    low: float
    close: float
    volume: float = 244000.0


class PriceError(ValueError):
    """A data folder that cannot be used; the text is a Chinese sentence for the user."""


class Tick(NamedTuple):
    """One look at the market: prices in yuan (0.0 = none), volumes in lots of 100."""

    last: float
    open: float
    high: float
    low: float
    last_close: float
    volume: int
    ask: Tuple[float, ...]
    bid: Tuple[float, ...]
    ask_volume: Tuple[int, ...]
    bid_volume: Tuple[int, ...]


class Market:
    """The daily bars of some codes ('510300.SH') and their events. Never changes once made; share it between worlds."""

    def __init__(
        self, bars: Dict[str, List[Bar]], source: str, synthetic: bool, events: Optional[Dict[str, List[Event]]] = None
    ) -> None:
        self.bars = bars
        self.source = source  # one Chinese sentence that says where the prices come from
        self.synthetic = synthetic
        self.codes = tuple(sorted(bars))
        self.events = events or {}
        self.days = sorted({bar.date for of_code in bars.values() for bar in of_code})
        self._dates = {code: [bar.date for bar in of_code] for code, of_code in bars.items()}
        self._day_set = frozenset(self.days)
        self._adjusted: Dict[Tuple[str, str, int], List[Bar]] = {}

    def name(self, code: str) -> str:
        known = next((name for known, name, _ in ETFS if known == code), "")
        return known or _OTHER_NAMES.get(code) or "ETF" + code[:6]

    def is_trading_day(self, day: str) -> bool:
        return day in self._day_set

    def day_before(self, day: str) -> str:
        """The last trading day before `day`; '' where there is none."""
        at = bisect.bisect_left(self.days, day)
        return self.days[at - 1] if at else ""

    def index(self, code: str, day: str) -> Optional[int]:
        """Which bar of `code` is that day's; None: no trade in it that day."""
        dates = self._dates.get(code, [])
        at = bisect.bisect_left(dates, day)
        return at if at < len(dates) and dates[at] == day else None

    def bars_before(self, code: str, day: str) -> int:
        """How many bars of `code` are older than `day`."""
        return bisect.bisect_left(self._dates.get(code, []), day)

    def last_close(self, code: str, day: str) -> float:
        """昨收 as the exchange gives it: the close before `day`, on an ex-date less what is cut off. 0.0: no close."""
        at = self.bars_before(code, day)
        if at == 0:
            return 0.0
        price = self.bars[code][at - 1].close
        if self.index(code, day) is not None:
            price = adjust.reference(price, [event for event in self.events.get(code, ()) if event.at == at])
        return _round(price)

    def limits(self, code: str, day: str) -> Tuple[float, float]:
        """(跌停价, 涨停价) of that day."""
        rate = 0.2 if _TWENTY_PERCENT.match(code) else 0.1
        base = self.last_close(code, day)
        return _round(base * (1 - rate)), _round(base * (1 + rate))

    def events_on(self, code: str, day: str) -> List[Event]:
        """The splits and dividends that take effect at that day's open."""
        at = self.index(code, day)
        return [event for event in self.events.get(code, ()) if event.at == at] if at is not None else []

    def adjusted(self, code: str, kind: str, day: str, late_factors: bool = False) -> List[Bar]:
        """All bars of `code` older than `day`, adjusted as a client sees them on `day`.

        kind: none, front, back (additive, 等差), front_ratio, back_ratio (等比). `late_factors`: an event of `day`
        itself is not known yet, as on the ex-dates of a client whose factors come a day late.
        """
        end = self.bars_before(code, day)
        events = self._known(code, day, late_factors)
        if kind == "none" or not events:
            return self.bars[code][:end]
        key = (code, kind, len(events))
        if key not in self._adjusted:
            self._adjusted[key] = adjust.adjusted(self.bars[code], events, kind)
        return self._adjusted[key][:end]

    def todays_scale(self, code: str, kind: str, day: str, late_factors: bool = False) -> Tuple[float, float]:
        """(a, b): a raw price of `day` stands in an adjusted frame as price * a + b."""
        events = self._known(code, day, late_factors)
        return adjust.lines_of(self.bars[code], events, kind)[-1] if kind != "none" else (1.0, 0.0)

    def _known(self, code: str, day: str, late_factors: bool) -> List[Event]:
        end = self.bars_before(code, day)
        known = end if self.index(code, day) is not None and not late_factors else end - 1
        return [event for event in self.events.get(code, ()) if event.at <= known]

    def replayed_from(self, day: str) -> "Market":
        """The same bars under other dates: one of the last REPLAYED_DAYS is `day`, weekdays before, then every day."""
        bars = {}
        for code, of_code in self.bars.items():
            first = max(1, len(of_code) - REPLAYED_DAYS)
            dates = weekdays_until(day, first + 1) + days_after(day, len(of_code) - first - 1)
            bars[code] = [bar._replace(date=date) for bar, date in zip(of_code, dates)]
        return Market(bars, self.source, self.synthetic, self.events)


# ---- the path of a day


def price_at(bar: Bar, step: int, steps: int) -> float:
    """The price after `step` of `steps` equal parts of the day (`steps` a multiple of 3): open, low, high, close."""
    part = steps // 3
    corners = (bar.open, bar.low, bar.high, bar.close)
    segment = min(2, step // part)
    start, end = _in_ticks(corners[segment]), _in_ticks(corners[segment + 1])
    return (start + (2 * (end - start) * (step - segment * part) + part) // (2 * part)) / 1000


def extremes_at(bar: Bar, step: int, steps: int) -> Tuple[float, float]:
    """(highest, lowest) price of the path up to that step."""
    part, price = steps // 3, price_at(bar, step, steps)
    low = price if step < part else bar.low
    high = bar.open if step <= part else max(bar.open, price) if step < 2 * part else bar.high
    return high, low


def path(bar: Bar, steps: int = STEPS) -> List[float]:
    """The prices of a day's ticks: 3 * `steps` + 1 of them."""
    return [price_at(bar, step, 3 * steps) for step in range(3 * steps + 1)]


# ---- where bars come from


def synthetic(
    seed: int, days: int = 1200, codes: Sequence[Tuple[str, str, float]] = ETFS, last_day: str = "20260630"
) -> Market:
    """A made-up market: a random walk per code over the weekdays up to `last_day`, the same on every Python."""
    dates = weekdays_until(last_day, days)
    bars = {code: _walk(random.Random(f"{seed} {code}"), price, dates) for code, _, price in codes}
    return Market(bars, f"合成行情（随机生成，种子 {seed}，不是真实价格）", True)


def from_folder(folder: str, codes: Sequence[str] = ()) -> Market:
    """The market in `folder`: one <code>.csv per code with the columns date, open, high, low, close[, volume], and an
    optional events.csv (code, ex_date, kind split|dividend, value). `codes`: only these; default all."""
    if not os.path.isdir(folder):
        raise PriceError(f"行情文件夹 {folder} 不存在，请检查 --data")
    found = [match.group(1) for match in map(_NAME.match, sorted(os.listdir(folder))) if match]
    chosen = [code for code in found if not codes or code in codes]
    if not chosen:
        raise PriceError(f"行情文件夹 {folder} 里没有 510300.SH.csv 这样的文件，请检查 --data")
    bars = {code: _read(os.path.join(folder, code + ".csv")) for code in chosen}
    return Market(bars, f"行情来自 {folder}", False, _read_events(os.path.join(folder, "events.csv"), bars))


def weekdays_until(day: str, count: int) -> List[str]:
    """The last `count` days that are no Saturday or Sunday, the last of them `day` itself, whatever day it is."""
    found: List[str] = []
    at = datetime.datetime.strptime(day, "%Y%m%d")
    while len(found) < count:
        if not found or at.weekday() < 5:
            found.append(at.strftime("%Y%m%d"))
        at -= datetime.timedelta(days=1)
    return found[::-1]


def days_after(day: str, count: int) -> List[str]:
    first = datetime.datetime.strptime(day, "%Y%m%d")
    return [(first + datetime.timedelta(days=number + 1)).strftime("%Y%m%d") for number in range(count)]


def _read(file_path: str) -> List[Bar]:
    bars: List[Bar] = []
    try:
        with open(file_path, newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                bars.append(_bar(row))
                if len(bars) > 1 and bars[-1].date <= bars[-2].date:
                    raise ValueError("日期没有递增")
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise PriceError(
            f"{file_path} 第 {len(bars) + 2} 行读不懂（{error}），应有列 date,open,high,low,close，日期如 2024-01-31"
        ) from None
    if len(bars) < 2:
        raise PriceError(f"{file_path} 至少要有两天的价格")
    return bars


def _bar(row: Dict[str, Any]) -> Bar:
    values = [float(row[column]) for column in ("open", "high", "low", "close")]
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError("价格必须是正数")
    opened, high, low, close = values
    # Some sources' highs and lows exclude the opening auction.
    return Bar(_date(row["date"]), opened, max(values), min(values), close)


def _date(text: str) -> str:
    if not re.match(r"^\d{4}-\d{2}-\d{2}$", text):
        raise ValueError(text)
    return text.replace("-", "")


def _read_events(file_path: str, bars: Dict[str, List[Bar]]) -> Dict[str, List[Event]]:
    """Events by code, each at the first bar that its ex_date reaches; events of other codes or after the bars' end are
    left out."""
    if not os.path.exists(file_path):
        return {}
    by_number = {code[:6]: code for code in bars}
    events: Dict[str, List[Event]] = {}
    line = 1
    try:
        with open(file_path, newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                line += 1
                event = Event(0, row["kind"].strip(), float(row["value"]))
                date = _date(row["ex_date"])
                if event.kind not in ("split", "dividend") or not 0 < event.value < 1000:
                    raise ValueError("{} {}".format(row["kind"], row["value"]))
                code = by_number.get(row["code"].strip()[:6])
                dates = [bar.date for bar in bars[code]] if code else []
                at = bisect.bisect_left(dates, date)
                if code and 0 < at < len(dates):
                    events.setdefault(code, []).append(event._replace(at=at))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, AttributeError, ValueError) as error:
        raise PriceError(
            f"{file_path} 第 {line} 行读不懂（{error}），应有列 code,ex_date,kind,value，kind 为 split 或 dividend"
        ) from None
    return {code: sorted(found) for code, found in events.items()}


def _walk(chance: random.Random, price: float, dates: Iterable[str]) -> List[Bar]:
    bars = []
    close = price
    for date in dates:
        opened = _round(close * (1 + chance.gauss(0, 0.004)))
        # A weak pull towards the first price keeps a long series from running away to nothing.
        drift = -0.002 * math.log(close / price)
        move = max(-0.09, min(0.09, chance.gauss(drift, 0.012)))
        close = _round(max(0.1 * price, close * (1 + move)))
        high = _round(max(opened, close) * (1 + abs(chance.gauss(0, 0.004))))
        low = _round(min(opened, close) * (1 - abs(chance.gauss(0, 0.004))))
        bars.append(Bar(date, opened, high, low, close))
    return bars


def _in_ticks(price: float) -> int:
    return int(round(price * 1000))


def _round(price: float) -> float:
    return round(price, 3)
