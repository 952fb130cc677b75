"""The orders that reach the broker when etf_grid.py runs in the simulated QMT, from the same folder and grid state.

The script is executed from its file as QMT does, over every minute of every day. Code, side, shares, price and time of
an order are the broker's; what the rule asked for and the cell are read from the flag file of its remark.
"""

import glob
import json
import os
from typing import Any, Dict, List, NamedTuple

from qmt_strategy.dingtou import gridstate
from rehearsal import market
from rehearsal.qmt import times
from rehearsal.qmt.behaviours import Behaviours
from rehearsal.qmt.book import FILLED
from rehearsal.qmt.client import Client
from rehearsal.qmt.simtime import SimClock
from rehearsal.qmt.world import World

from .scenarios import CASH, HELD, NO_CAPS, REPOSITORY, Line, Scenario, clock_text

SCRIPT = os.path.join(REPOSITORY, "qmt_strategy", "etf_grid.py")
ACCOUNT = "2000567"
AUCTION = ("09:15", "09:20", "09:25")
BEFORE_SESSIONS = ("09:29", "09:29:30", "12:59", "12:59:30")
CLOSING = ("14:58:30", "15:00")
FIRST_EVENING = ("14:45", "14:53")  # of the day before, when the strategy is mounted for the first time


class Seen(NamedTuple):
    """What came of one run."""

    lines: List[Line]
    cells: Dict[str, int]  # grid.json at the end
    trouble: List[str]  # Chinese: orders that were no one's or did not fill, posts that tell of an error
    calls: int  # of handlebar on the newest bar


def ini(scenario: Scenario, start_day: str) -> str:
    """sentry.ini: live, the stated grid state since `start_day`; else as installed: default caps are not written."""
    lines = ["[account]", "id = " + ACCOUNT, "[strategy]", "mode = live", "funds = " + ", ".join(scenario.codes)]
    if scenario.caps == NO_CAPS:
        lines.append("max_attempts = %d" % scenario.caps.attempts)
        lines.append("max_order_amount = %.0f" % scenario.caps.order_yuan)
        lines.append("max_day_amount = %.0f" % scenario.caps.day_yuan)
    if scenario.decide_at >= 0:
        lines.append("decide = once " + clock_text(scenario.decide_at)[:5])
    lines.extend(scenario.rule)
    for code, cell in sorted(scenario.cells.items()):
        lines += ["[fund:%s]" % code, "start_cell = %s %s" % (cell or "none", start_day)]
    return "\n".join(lines) + "\n"


def started(home: str, scenario: Scenario, prices: market.Market, mounts: int = 1, **behaviours: Any) -> Client:
    """A client in which every fund has begun in its stated cell the evening before `scenario.first`, without an order:
    control/STOP lay there until the close. `home`: an empty folder."""
    day = prices.day_before(scenario.first)
    with open(os.path.join(home, "sentry.ini"), "w", encoding="utf-8") as file:
        file.write(ini(scenario, day))
    stop = os.path.join(home, "control", "STOP")
    os.makedirs(os.path.dirname(stop))
    open(stop, "w").close()
    client = client_of(home, prices, day, mounts, **behaviours)
    client.run_to(times.at(day, FIRST_EVENING[0]))
    client.start()
    while client.world.now() < times.at(day, FIRST_EVENING[1]):
        client.tick(client.world.now() + 15)
    client.run_to(times.at(day, "15:30"))
    os.remove(stop)
    return client


def client_of(home: str, prices: market.Market, day: str, mounts: int = 1, **behaviours: Any) -> Client:
    """A client with etf_grid.py mounted, at 09:00 of `day`, not started. By default an order fills in one deal."""
    behaviours.setdefault("most_deals", 1)
    behaviours.setdefault("history_bars", 10)
    world = World(
        SimClock(times.at(day, "09:00")),
        prices,
        Behaviours(**behaviours),
        account=ACCOUNT,
        cash=CASH,
        shares=dict.fromkeys(prices.codes, (HELD, 1.0)),
    )
    client = Client(
        world,
        code=prices.codes[0],
        environ={"QMT_SENTRY_HOME": home},
        site_packages=[os.path.join(REPOSITORY, "qmt_strategy")],
    )
    for _ in range(mounts):
        client.mount_file(SCRIPT)
    return client


def tick_times(client: Client, day: str, every: int, quiet: bool = False) -> List[float]:
    """The times of that day's ticks, the auctions included; `quiet` as in Scenario.

    The first tick of trading comes once for each fund and twice more: the strategy loads one fund's bars a call, and no
    price shall have moved before all of them are loaded.
    """
    trading = client.world.hours.tick_times(day)[:: every // 3]
    opening = [trading[0]] * (len(client.world.market.codes) + 2)
    others = AUCTION + CLOSING + (() if quiet else BEFORE_SESSIONS)
    return sorted(opening + trading[1:] + [times.at(day, clock) for clock in others])


def run(scenario: Scenario, home: str) -> Seen:
    """The scenario's days through the simulated QMT; `home` is an empty folder."""
    prices = market.from_folder(scenario.folder, scenario.codes)
    client = started(home, scenario, prices, most_deals=scenario.deals)
    calls = 0
    for day in [day for day in prices.days if scenario.first <= day <= scenario.last]:
        for at in tick_times(client, day, scenario.every, scenario.quiet):
            client.tick(at)
            calls += 1
        client.run_to(times.at(day, "15:30"))
    booked = booked_orders(client)
    client.close()
    flags = first_lines(home)
    trouble = ["策略出错：" + text for text in posts(home, "error")]
    trouble += [
        "经纪商有一笔不是策略的委托：%s" % order.request.code for order in booked if order.request.remark not in flags
    ]
    trouble += ["没有全部成交：%s" % order.request.remark for order in booked if order.status != FILLED]
    sent = [order.request.remark for order in booked]
    trouble += ["记录里有、经纪商没有：%s" % name for name in flags if name not in sent]
    lines = [line_of(order, flags[order.request.remark]) for order in booked if order.request.remark in flags]
    cells = gridstate.load(home).cells
    return Seen(lines, {code: cells[code].cell if code in cells else 0 for code in scenario.codes}, trouble, calls)


def booked_orders(client: Client) -> List[Any]:
    """Every order that reached the counter, oldest first."""
    broker = client.world.broker
    past = [order for _, (orders, _) in sorted(broker.past_days().items()) for order in orders]
    return past + list(broker.orders)


def line_of(order: Any, flag: Dict[str, Any]) -> Line:
    request = order.request
    return Line(
        times.day(order.at),
        times.text(order.at, "%H:%M:%S"),
        request.code,
        "B" if request.buy else "S",
        flag["yuan"],
        request.price,
        request.shares,
        flag["cell"],
    )


def first_lines(home: str) -> Dict[str, Dict[str, Any]]:
    """{id: the intent} of every flag file."""
    found = {}
    for path in sorted(glob.glob(os.path.join(home, "flags", "*", "*.jsonl"))):
        with open(path, "rb") as file:
            found[os.path.basename(path)[:-6]] = json.loads(file.readline().decode("utf-8"))
    return found


def posts(home: str, what: str) -> List[str]:
    """The texts of the notices with that code, and with 'error' the tracebacks."""
    found = []
    for path in sorted(glob.glob(os.path.join(home, "spool", "*.json"))):
        with open(path, "rb") as file:
            event = json.loads(file.read().decode("utf-8"))
        if event["kind"] == "strategy.error" and what == "error":
            found.append(event["data"].get("traceback", ""))
        elif event["kind"] == "strategy.notice" and event["data"].get("what") == what:
            found.append(event["data"].get("text", ""))
    return found
