"""The orders that the pure rule gives, from price CSVs alone: no simulated QMT, no etf_grid.py, no file but the CSVs.

`dingtou.replay` walks the days. What it is told of the exchange is what rehearsal documents: a snapshot every 3 s from
09:30:00 to 11:30 and from 13:00 to 14:57 on the path open, low, high, close; a book one price tick wide, so that 卖2
stands two price ticks above the last price and 买2 one below it.
"""

import csv
import os
from typing import Any, Dict, List, Sequence, Tuple

from qmt_strategy.dingtou import plan, replay
from qmt_strategy.dingtou.rule import Rule, daily_limit

from .scenarios import Line, Scenario, clock_text

SNAPSHOT = 3  # seconds
SEGMENT = 1580  # snapshots of each of the path's three straight lines
MORNING = 2400  # snapshots before the break
DEFAULT = Rule()  # the customer's, as sentry.ini has it without a word about it
ABOVE, BELOW = 2, -1  # price ticks from the last price to 卖2 and to 买2


def rule_of(code: str, rule: Rule = DEFAULT) -> Rule:
    return rule._replace(daily_limit=daily_limit(code))


def bars(folder: str, code: str) -> List[replay.Bar]:
    """All bars of one fund with their factors (backward, by ratio) from events.csv; high and low hold open and close,
    which some sources' do not."""
    events = _events(folder, code)
    found: List[replay.Bar] = []
    factor = 1.0
    with open(os.path.join(folder, code + ".csv"), newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            split = 1.0
            if found:  # an event counts from the first bar that its date reaches
                before = found[-1].close
                for day in sorted(day for day in events if found[-1].date < day <= _day(row["date"])):
                    for kind, value in sorted(events[day]):  # a dividend comes before a split of the same day
                        if kind == "split":
                            split *= value
                            factor *= value
                        else:
                            factor *= before / (before - value)
            prices = [float(row[name]) for name in ("open", "high", "low", "close")]
            high, low = max(prices), min(prices)
            found.append(replay.Bar(_day(row["date"]), prices[0], high, low, prices[3], factor, split))
    return found


def cell_before(folder: str, code: str, day: str) -> int:
    """The cell of the last close before `day`: where an owner stands who begins with `start_cell = current` the evening
    before. 0 where the average cannot be computed yet."""
    known = [bar for bar in bars(folder, code) if bar.date < day]
    rule = rule_of(code)
    if len(known) <= rule.ma:
        return 0
    # The plan of the day after has the average up to that close; its own bar plays no part in it.
    plans = list(replay.plans(known + [known[-1]._replace(split=1.0)], rule))
    return plan.wish(plans[-1], rule, known[-1].close, 0).cell


def ticks(bar: replay.Bar, every: int, quiet: bool = False) -> replay.Ticks:
    """What a chart with a tick each `every` seconds shows of that day.

    `quiet`: the strategy first sees the account at 09:30:00, and again at 13:00:00, and orders nothing before it has
    seen it for 10 s; asked once a minute, it answers from 09:31 and from 13:01 on.
    """
    step = every // SNAPSHOT
    prices = [price for _, price in replay.walk(bar, SEGMENT)]
    found = [(_second(number), prices[number]) for number in range(0, len(prices), step)]
    return [tick for tick in found if not quiet or tick[0] // 60 * 60 not in (replay.OPEN, replay.AGAIN)]


def _second(number: int) -> int:
    """The second of the day of one snapshot; 11:30:00 and 13:00:00 are one: 13:00:00."""
    if number < MORNING:
        return replay.OPEN + number * SNAPSHOT
    return replay.AGAIN + (number - MORNING) * SNAPSHOT


def orders(scenario: Scenario, held: int, rule: Rule = DEFAULT) -> Tuple[List[Line], Dict[str, int]]:
    """(the orders from scenario.first to scenario.last, the cell of each fund afterwards)."""
    funds = []
    for code in scenario.codes:
        known = [bar for bar in bars(scenario.folder, code) if bar.date <= scenario.last]
        funds.append((code, replay.Walked(known, rule_of(code, rule), scenario.cells[code], held)))
    found = replay.replay_funds(
        funds,
        path=lambda bar: ticks(bar, scenario.every, scenario.quiet),
        decide_at=scenario.decide_at,
        first_day=scenario.first,
        caps=scenario.caps,
    )
    return [line_of(code, order) for code, order in found], {code: walked.cell for code, walked in funds}


def line_of(code: str, order: replay.Order) -> Line:
    """An order of the rule as the counter must get it."""
    level = int(round(order.price * replay.TICKS_A_YUAN)) + (ABOVE if order.side > 0 else BELOW)
    shares = int(round(order.yuan * replay.TICKS_A_YUAN)) // (100 * level) * 100
    price = level / float(replay.TICKS_A_YUAN)
    side = "B" if order.side > 0 else "S"
    return Line(order.day, clock_text(order.second), code, side, order.yuan, price, shares, order.cell)


def events_of(folder: str, codes: Sequence[str]) -> List[Tuple[str, str]]:
    """(code, ex-date) of each event of these funds, oldest first."""
    return sorted(((code, day) for code in codes for day in _events(folder, code)), key=lambda pair: pair[::-1])


def _events(folder: str, code: str) -> Dict[str, List[Tuple[str, float]]]:
    """{ex-date: [(kind, value)]} of one fund."""
    path = os.path.join(folder, "events.csv")
    found: Dict[str, List[Tuple[str, float]]] = {}
    if os.path.exists(path):
        with open(path, newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row["code"].strip()[:6] == code[:6]:
                    found.setdefault(_day(row["ex_date"]), []).append((row["kind"].strip(), float(row["value"])))
    return found


def _day(text: Any) -> str:
    return str(text).strip().replace("-", "")
