"""The real prices beside the project (../shared/data/etf), for tests; nothing of them is in the repository."""

import csv
import os

import pytest

from qmt_strategy.dingtou.replay import Bar

FOLDER = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))),
    "shared",
    "data",
    "etf",
)
needs_them = pytest.mark.skipif(not os.path.isdir(FOLDER), reason="no real prices at ../shared/data/etf")


def codes():
    return sorted(name[:-4] for name in os.listdir(FOLDER) if name != "events.csv" and name.endswith(".csv"))


def rows(name):
    with open(os.path.join(FOLDER, name), newline="") as file:
        return list(csv.DictReader(file))


def events(code):
    """[(day, kind, value)] of one fund, oldest first; a split's value is new shares per old share."""
    found = [
        (row["ex_date"].replace("-", ""), row["kind"], float(row["value"]))
        for row in rows("events.csv")
        if row["code"] == code[:6]
    ]
    return sorted(found)


def bars(code, without=""):
    """Bars with the ratio factors made from the events; the event of day `without` is not known yet."""
    known = {day: (kind, value) for day, kind, value in events(code) if day != without}
    found = []
    factor, before = 1.0, 0.0
    for row in rows(code + ".csv"):
        day = row["date"].replace("-", "")
        kind, value = known.get(day, ("", 0.0))
        split = value if kind == "split" else 1.0
        factor *= split
        if kind == "dividend":
            factor *= before / (before - value)
        before = float(row["close"])
        prices = [float(row[name]) for name in ("open", "high", "low", "close")]
        found.append(Bar(day, *prices, factor=factor, split=split))
    return found


def reference(code, index, of_bars):
    """The exchange's reference price (昨收价) of bar `index`: yesterday's close less what is paid or split today."""
    close = of_bars[index - 1].close
    for day, kind, value in events(code):
        if day == of_bars[index].date:
            close = close / value if kind == "split" else close - value
    return round(close, 3)


def frame(of_bars, index):
    """(dates, closes) before bar `index` as front_ratio shows them on that day."""
    today = of_bars[index].factor
    before = of_bars[:index]
    return [bar.date for bar in before], [bar.close * bar.factor / today for bar in before]
