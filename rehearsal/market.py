"""Prices for rehearsals: daily bars from a folder of CSVs or from a seeded synthetic series, walked tick by tick.

A day's bar becomes ticks on a fixed path: open, then straight to the low, then to the high, then to the close, with
`STEPS` ticks a segment (61 in all); the day after follows at once, and after the last day the series begins again. Tick
numbers may be negative: they walk back into the days before. Nothing here knows the time; whoever asks counts ticks.
Runs on Python 3.6 with the standard library alone.
"""

import csv
import math
import os
import random
import re
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

PRICE_TICK = 0.001  # yuan, of ETFs
STEPS = 20  # ticks a segment
TICKS_A_DAY = 3 * STEPS + 1
REPLAYED_DAYS = 250  # the replay begins this many days before the end of the series
LEVELS = 5  # of the order book

ETFS = (
    ("510300.SH", "沪深300ETF", 4.0),
    ("510500.SH", "中证500ETF", 6.0),
    ("159915.SZ", "创业板ETF", 2.2),
    ("159928.SZ", "消费ETF", 0.8),
    ("512660.SH", "军工ETF", 1.1),
    ("512690.SH", "酒ETF", 0.7),
)


class Bar(NamedTuple):
    """One day, prices in yuan."""

    date: str
    open: float
    high: float
    low: float
    close: float


class PriceError(ValueError):
    """A data folder that cannot be used; the text is a Chinese sentence for the user."""


class Tick(NamedTuple):
    """One look at the market: prices in yuan, volumes in lots of 100."""

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
    """The daily bars of some codes ('510300.SH') and the ticks made from them."""

    def __init__(self, bars: Dict[str, List[Bar]], source: str, synthetic: bool) -> None:
        self.bars = bars
        self.source = source  # one Chinese sentence that says where the prices come from
        self.synthetic = synthetic
        self.codes = tuple(sorted(bars))

    def name(self, code: str) -> str:
        return next((name for known, name, _ in ETFS if known == code), "ETF" + code[:6])

    def day_index(self, code: str, number: int) -> int:
        """Which bar of `code` tick `number` belongs to; never the first, which has no close before it."""
        days = len(self.bars[code]) - 1
        first = max(0, days - REPLAYED_DAYS)
        return 1 + (first + number // TICKS_A_DAY) % days

    def tick(self, code: str, number: int) -> Tick:
        """Tick `number` of the replay of `code`."""
        index = self.day_index(code, number)
        step = number % TICKS_A_DAY
        walked = path(self.bars[code][index])[: step + 1]
        last = walked[-1]
        chance = random.Random(f"{code} {number}")  # the same tick has the same book, whoever asks and how often
        return Tick(
            last=last,
            open=walked[0],
            high=max(walked),
            low=min(walked),
            last_close=self.bars[code][index - 1].close,
            volume=(step + 1) * 4000 + chance.randrange(4000),
            ask=tuple(_round(last + PRICE_TICK * (i + 1)) for i in range(LEVELS)),
            bid=tuple(_round(max(PRICE_TICK, last - PRICE_TICK * i)) for i in range(LEVELS)),
            ask_volume=tuple(chance.randrange(100, 9000) for _ in range(LEVELS)),
            bid_volume=tuple(chance.randrange(100, 9000) for _ in range(LEVELS)),
        )


def path(bar: Bar) -> List[float]:
    """The prices of a day's ticks: open, low, high, close, straight lines between them, STEPS ticks each."""
    prices = [bar.open]
    for start, end in ((bar.open, bar.low), (bar.low, bar.high), (bar.high, bar.close)):
        prices.extend(_round(start + (end - start) * step / STEPS) for step in range(1, STEPS + 1))
    return prices


def synthetic(seed: int, days: int = 1200, codes: Sequence[Tuple[str, str, float]] = ETFS) -> Market:
    """A made-up market: a random walk per code, the same for the same seed on every Python."""
    bars = {code: _walk(random.Random(f"{seed} {code}"), price, days) for code, _, price in codes}
    return Market(bars, f"合成行情（随机生成，种子 {seed}，不是真实价格）", True)


def from_folder(folder: str) -> Market:
    """The market in `folder`: one <code>.csv per code with the columns date, open, high, low, close."""
    if not os.path.isdir(folder):
        raise PriceError(f"行情文件夹 {folder} 不存在，请检查 --data")
    names = sorted(name for name in os.listdir(folder) if re.match(r"^\d{6}\.(SH|SZ|BJ)\.csv$", name))
    if not names:
        raise PriceError(f"行情文件夹 {folder} 里没有 510300.SH.csv 这样的文件，请检查 --data")
    bars = {name[:-4]: _read(os.path.join(folder, name)) for name in names}
    return Market(bars, f"行情来自 {folder}", False)


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
    if not re.match(r"^\d{4}-\d{2}-\d{2}$", row["date"]):
        raise ValueError(row["date"])
    values = [float(row[column]) for column in ("open", "high", "low", "close")]
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError("价格必须是正数")
    opened, high, low, close = values
    # Some sources' highs and lows exclude the opening auction.
    return Bar(row["date"].replace("-", ""), opened, max(values), min(values), close)


def _walk(chance: random.Random, price: float, days: int) -> List[Bar]:
    bars = []
    close = price
    for day in range(days):
        opened = _round(close * (1 + chance.gauss(0, 0.004)))
        # A weak pull towards the first price keeps a long series from running away to nothing.
        drift = -0.002 * math.log(close / price)
        move = max(-0.09, min(0.09, chance.gauss(drift, 0.012)))
        close = _round(max(0.1 * price, close * (1 + move)))
        high = _round(max(opened, close) * (1 + abs(chance.gauss(0, 0.004))))
        low = _round(min(opened, close) * (1 - abs(chance.gauss(0, 0.004))))
        bars.append(Bar(f"D{day:05d}", opened, high, low, close))
    return bars


def _round(price: float) -> float:
    return round(price, 3)
