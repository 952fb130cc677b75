"""A folder of made-up prices, as the real one: six funds whose last fortnight asks for purchases and for sales.

Each price swings slowly around 850 days and is noisy from day to day; in the last days half of the funds climb out of
the top of their swing and half sink out of the bottom. One fund was split, one pays a dividend within the fortnight.
Drawn with random.Random(seed).gauss alone, so that the same seed is the same folder on every Python.
"""

import csv
import math
import os
import random
from typing import Dict, List, NamedTuple, Tuple

from rehearsal.market import weekdays_until

DAYS = 1400
SWING_DAYS = 560
FORTNIGHT = 10
LAST_DAY = "20260116"


class Made(NamedTuple):
    code: str
    price: float  # yuan, about which it swings
    rises: bool  # in the end


FUNDS = (
    Made("159915.SZ", 2.2, True),
    Made("159928.SZ", 0.8, False),
    Made("510300.SH", 4.0, True),
    Made("510500.SH", 6.0, False),
    Made("512660.SH", 1.1, False),
    Made("512690.SH", 0.7, True),
)
# code -> (days before the last one, kind, value): 510500 pays within the fortnight, 512660 was split a year before.
EVENTS = {"510500.SH": (5, "dividend", 0.09), "512660.SH": (250, "split", 2.0)}


def write(folder: str, seed: int) -> Tuple[str, str]:
    """Write the CSVs into `folder`; returns the fortnight's (first day, last day)."""
    days = weekdays_until(LAST_DAY, DAYS)
    events: List[Dict[str, object]] = []
    for fund in FUNDS:
        back, kind, value = EVENTS.get(fund.code, (0, "", 0.0))
        at = DAYS - 1 - back if kind else -1
        if kind:
            events.append({"code": fund.code[:6], "ex_date": _dashed(days[at]), "kind": kind, "value": value})
        _write_bars(os.path.join(folder, fund.code + ".csv"), fund, seed, days, at, kind, value)
    with open(os.path.join(folder, "events.csv"), "w", newline="") as file:
        table = csv.DictWriter(file, ("code", "ex_date", "kind", "value"))
        table.writeheader()
        table.writerows(events)
    return days[-FORTNIGHT], days[-1]


def _write_bars(path: str, fund: Made, seed: int, days: List[str], at: int, kind: str, value: float) -> None:
    chance = random.Random("fortnight %d %s" % (seed, fund.code))
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("date", "open", "high", "low", "close", "volume"))
        # A swing that ends a tenth of its length before its top or its bottom.
        ends_at = (0.25 if fund.rises else 0.75) - 0.1
        noise, before, close = 0.0, 0.0, fund.price * (2.0 if kind == "split" else 1.0)
        for number, day in enumerate(days):
            swing = 0.2 * math.sin(2 * math.pi * ((number - DAYS + 1) / float(SWING_DAYS) + ends_at))
            swing += (1 if fund.rises else -1) * 0.012 * max(0, number - DAYS + 1 + FORTNIGHT)
            noise = 0.9 * noise + chance.gauss(0, 0.008)
            base = close
            if number == at:
                base = close / value if kind == "split" else close - value
            opened = base * math.exp(chance.gauss(0, 0.003))
            close = base * math.exp(swing + noise - before) if number else base
            before = swing + noise
            high = max(opened, close) * (1 + abs(chance.gauss(0, 0.006)))
            low = min(opened, close) * (1 - abs(chance.gauss(0, 0.006)))
            close = round(close, 3)
            table.writerow([_dashed(day)] + ["%.3f" % price for price in (opened, high, low, close)] + [1000000])


def _dashed(day: str) -> str:
    return "%s-%s-%s" % (day[:4], day[4:6], day[6:])
