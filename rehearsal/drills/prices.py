"""Prices for the drills with orders: a slow wave in which today is the trough of one fund and the crest of the other.

Today's price does not move: the rule wishes one buy of BUYS and one sale of SELLS, and, once they are filled, nothing.
"""

import math
from datetime import date, timedelta

from rehearsal.market import REPLAYED_DAYS

BUYS, SELLS = "510300.SH", "159915.SZ"
_FUNDS = ((BUYS, 4.0, -1), (SELLS, 2.2, 1))  # code, average in yuan, today's end of the wave
_BEFORE = 450  # bars before the day on which a replay begins
_WAVE = 60  # bars
_HEIGHT = 0.04  # of the average: four cells


def write(folder):
    """One CSV per fund into `folder`, as for run.py --data."""
    folder.mkdir()
    for code, average, end in _FUNDS:
        lines, day = ["date,open,high,low,close"], date(2020, 1, 1)
        for number in range(_BEFORE + REPLAYED_DAYS):
            part = math.cos(2 * math.pi * (number - _BEFORE) / _WAVE)
            price = f"{average * (1 + end * _HEIGHT * part):.3f}"
            lines.append(",".join([day.isoformat()] + [price] * 4))
            day += timedelta(days=1)
        (folder / f"{code}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
