"""A made-up set of prices, the same for the same seed: for trying things out and for the tests."""

import csv
import datetime
import math
import os
import random
from typing import List, Sequence

from . import prices

CODES = ("510300.SH", "510500.SH", "512580.SH", "512660.SH", "512690.SH", "159915.SZ", "159928.SZ")


def funds(seed: int, days: int = 2430, codes: Sequence[str] = CODES, last_day: str = "20251231") -> List[prices.Fund]:
    """`codes` over the `days` weekdays up to `last_day`; every second has a split, every third pays dividends."""
    dates = _weekdays(days, last_day)
    return [_fund(random.Random("%d %s" % (seed, code)), code, number, dates) for number, code in enumerate(codes)]


def write(folder: str, made: Sequence[prices.Fund]) -> None:
    """As the CSVs that prices.load reads."""
    os.makedirs(folder, exist_ok=True)
    for fund in made:
        with open(os.path.join(folder, fund.code + ".csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["date", "open", "high", "low", "close"])
            writer.writerows(zip(fund.dates, fund.opens, fund.highs, fund.lows, fund.closes))
    with open(os.path.join(folder, "events.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "ex_date", "kind", "value"])
        for fund in made:
            writer.writerows([fund.code[:6], event.date, event.kind, event.value] for event in fund.events())


def _fund(chance: random.Random, code: str, number: int, dates: Sequence[str]) -> prices.Fund:
    fund = prices.Fund(code, list(dates), [], [], [], [], [1.0] * len(dates), [0.0] * len(dates))
    close, level, speed = 1.0 + number * 0.4, 0.0, 0.0
    for at in range(len(dates)):
        if at and number % 2 == 1 and at == len(dates) * 2 // 5:
            fund.splits[at] = 2.0
            close /= 2.0
        if at and number % 3 == 0 and at % 240 == 120 and close > 0.5:
            fund.dividends[at] = round(close * 0.02, 3)
            close -= fund.dividends[at]
        # A slow swing around a level, as indices have it, so that both sides of the average are seen.
        speed = 0.98 * speed + chance.gauss(0, 0.0006) - 0.00006 * level
        move = max(-0.09, min(0.09, speed + chance.gauss(0, 0.013)))
        level += move
        opened = _mil(close * (1 + chance.gauss(0, 0.003)))
        close = _mil(close * math.exp(move)) if at else _mil(close)
        fund.opens.append(opened)
        fund.highs.append(_mil(max(opened, close) * (1 + abs(chance.gauss(0, 0.004)))))
        fund.lows.append(_mil(min(opened, close) * (1 - abs(chance.gauss(0, 0.004)))))
        fund.closes.append(close)
    return fund


def _mil(price: float) -> float:
    return round(max(price, 0.05), 3)


def _weekdays(count: int, last: str) -> List[str]:
    at = datetime.datetime.strptime(last, "%Y%m%d")
    found: List[str] = []
    while len(found) < count:
        if at.weekday() < 5:
            found.append(at.strftime("%Y%m%d"))
        at -= datetime.timedelta(days=1)
    return found[::-1]
