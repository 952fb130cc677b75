"""One rule, two runtimes: the same days through etf_grid.py in the simulated QMT and through the backtest.

`python -m rehearsal.onerule --full` takes 250 trading days from 2022-11-02 and from 2025-07-01 of the real prices
beside the repository, and a made-up market, each for `minute` and `once 14:50`: a quarter of an hour.
Without `--full` it takes six days of each, and the tests take some more.
Caps, cash and the length of holdings are out of the way; each fund begins in the cell of the last close.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from qmt_strategy.backtest import board, compiled, engine, prices, synthetic
from qmt_strategy.backtest.setup import NO_CAP, Setup
from qmt_strategy.dingtou import grid
from qmt_strategy.dingtou.rule import Rule
from rehearsal import market
from rehearsal.fortnight import live_orders
from rehearsal.fortnight.scenarios import HELD, NO_CAPS, REAL_PRICES, REPOSITORY, Scenario
from rehearsal.qmt import times
from rehearsal.qmt.adjust import Event
from rehearsal.qmt.book import FILLED

WINDOWS = ("20221102", "20250701")
DAYS, FEW = 250, 6
LEAST = (40, 20, 5)  # buys, sells and funds of all full windows together
MODES = ("once 14:50", "minute")


class Ordered(NamedTuple):
    """One order as both sides have it. Shares are left out: live they follow from 卖2 and 买2, a tick or two away; and
    with them the yuan of a sale of all that is left (0.0)."""

    day: str
    time: str
    code: str
    side: str
    yuan: float
    cell: int


class Compared(NamedTuple):
    """Both sides' orders of a window."""

    name: str
    backtest: List[Ordered]
    live: List[Ordered]
    trouble: List[str]  # orders that did not fill, errors of the strategy
    missing: List[str]  # funds without a bar on some days, in words

    @property
    def buys(self) -> int:
        return sum(order.side == "B" for order in self.live)

    @property
    def sells(self) -> int:
        return sum(order.side == "S" for order in self.live)

    @property
    def codes(self) -> int:
        return len({order.code for order in self.live})

    @property
    def same(self) -> bool:
        return self.backtest == self.live and not self.trouble

    def lines(self) -> List[str]:
        words = "%s: %d buys, %d sells, %d funds, %s"
        found = [
            words % (self.name, self.buys, self.sells, self.codes, "the same orders" if self.same else "DIFFERENT")
        ]
        found += ["  only the backtest: {}".format(order) for order in self.backtest if order not in self.live]
        found += ["  only the strategy: {}".format(order) for order in self.live if order not in self.backtest]
        return found + ["  " + one for one in self.trouble + self.missing]


def compare(
    home: str, funds: Sequence[prices.Fund], first: str, count: int, decide: str, rule: Optional[Rule] = None
) -> Compared:
    """`count` trading days from `first` on through both; `home` is an empty folder for the strategy."""
    rule = rule or Rule()
    funds = sorted(funds, key=lambda fund: fund.code)  # as sentry.ini has them: at one second, who comes first
    setup = setup_of(funds, first, count, decide, rule)
    made = board.Board(funds, setup)
    cut = [fund.until(setup.end) for fund in funds]
    live, trouble = by_strategy(home, cut, made.days, made.start_cells(setup), decide, rule)
    missing = []
    for fund in cut:
        without = len(set(made.days) - set(fund.dates))
        if without:
            missing.append("%s has no bar on %d of %d days" % (fund.code, without, len(made.days)))
    name = "{} to {}, {}".format(made.days[0], made.days[-1], decide)
    return Compared(name, by_backtest(funds, setup), live, trouble, missing)


def setup_of(funds: Sequence[prices.Fund], first: str, count: int, decide: str, rule: Rule) -> Setup:
    days = sorted({day for fund in funds for day in fund.dates if day >= first})[:count]
    return Setup(
        rule=rule,
        start=days[0],
        end=days[-1],
        fill="minute" if decide == "minute" else "once",
        attempts=NO_CAPS.attempts,
        order_cap=NO_CAP,
        day_cap=NO_CAP,
        start_cell="current",
    )


def by_backtest(funds: Sequence[prices.Fund], setup: Setup, chosen: Optional[compiled.Engine] = None) -> List[Ordered]:
    made = board.Board(funds, setup, chosen)
    result = engine.result(made, setup, engine.walk(made, setup, held=HELD))
    return [
        Ordered(
            order.day,
            "%02d:%02d:%02d" % (order.second // 3600, order.second // 60 % 60, order.second % 60),
            order.code,
            "B" if order.side > 0 else "S",
            _yuan(order.yuan + setup.lot * order.price, order.cell, setup.rule),
            order.cell,
        )
        for order in result.orders
    ]


def by_strategy(
    home: str, funds: Sequence[prices.Fund], days: Sequence[str], cells: Sequence[int], decide: str, rule: Rule
) -> Tuple[List[Ordered], List[str]]:
    """(the orders that reached the counter, what went wrong) over `days`; each fund begins in its one of `cells`.

    A tick a minute, as on the backtest's path. For `once` only those around its time: nothing is asked before.
    """
    names = [name for name in Rule._fields if name != "daily_limit"]
    words = tuple("{} = {:g}".format(name, getattr(rule, name)) for name in names) + ("decide = " + decide,)
    beginning = dict(zip([fund.code for fund in funds], cells))
    scenario = Scenario("", "", days[0], days[-1], NO_CAPS, beginning, rule=words)
    client = live_orders.started(home, scenario, as_market(funds))
    flags: Dict[str, Any] = {}  # taken each evening: the strategy deletes old ones
    for day in days:
        for at in _tick_times(client, day, decide):
            client.tick(at)
        client.run_to(times.at(day, "15:30"))
        flags.update(_flags_of(home, day))
    booked = live_orders.booked_orders(client)
    client.close()
    sent = {order.request.remark for order in booked}
    trouble = live_orders.posts(home, "error")
    trouble += ["not filled: " + order.request.remark for order in booked if order.status != FILLED]
    trouble += ["never sent: " + name for name in flags if name not in sent]
    lines = [live_orders.line_of(order, flags[order.request.remark]) for order in booked]
    return [
        Ordered(line.day, line.time, line.code, line.side, _yuan(line.yuan, line.cell, rule), line.cell)
        for line in lines
    ], trouble


def _yuan(worth: float, cell: int, rule: Rule) -> float:
    """What the rule asks for in `cell`; 0.0 where an order of at most `worth` cannot be that: all that was left."""
    asked = grid.order_size(cell, rule.grid_amount, rule.buy_factor, rule.sell_factor)
    return round(asked, 2) if worth > asked - 0.01 else 0.0


def _flags_of(home: str, day: str) -> Dict[str, Any]:
    """{id: the intent} of one day's flag files."""
    found = {}
    for path in glob.glob(os.path.join(home, "flags", day, "*.jsonl")):
        with open(path, "rb") as file:
            found[os.path.basename(path)[:-6]] = json.loads(file.readline().decode("utf-8"))
    return found


def as_market(funds: Sequence[prices.Fund]) -> market.Market:
    """The simulated exchange's form of the backtest's funds."""
    bars: Dict[str, List[market.Bar]] = {}
    events: Dict[str, List[Event]] = {}
    for fund in funds:
        bars[fund.code] = [market.Bar(*row) for row in zip(*fund[1:6])]
        events[fund.code] = [Event(fund.dates.index(one.date), one.kind, one.value) for one in fund.events()]
    return market.Market(bars, "回测的价格", True, events)


def _tick_times(client: Any, day: str, decide: str) -> List[float]:
    """The path's ticks, and some looks at the account just before trading."""
    every = live_orders.tick_times(client, day, 60)
    if decide == "minute":
        return every
    opening, asked = times.at(day, "09:30"), times.at(day, "14:47")
    return [at for at in every if at <= opening or at >= asked]


def in_memory() -> Optional[str]:
    """Where every order's syncs are cheap."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def main(argv: Optional[Sequence[str]] = None) -> int:
    """0 where all windows give the same orders and, with --full, there are at least 40 buys, 20 sells and 5 funds."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.onerule", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--full", action="store_true", help="%d trading days of each window instead of %d" % (DAYS, FEW)
    )
    parser.add_argument("--data", default=REAL_PRICES, help="folder of real prices")
    parser.add_argument("--modes", default=",".join(MODES), help="once 14:50, minute or both")
    options = parser.parse_args(argv)
    days = DAYS if options.full else FEW
    made_up = synthetic.funds(5, days=1300)
    windows: List[Any] = [(made_up, made_up[0].dates[-days], "made-up prices")]
    if os.path.isdir(options.data):
        real = prices.load(options.data).funds
        windows += [(real, first, "real prices") for first in WINDOWS]
    else:
        print("no real prices in %s: the made-up window alone" % options.data)
    print("%s, commit %s, %d days a window" % (time.strftime("%Y-%m-%d %H:%M"), _commit(), days), flush=True)
    found = []
    for funds, first, name in windows:
        for decide in options.modes.split(","):
            home = tempfile.mkdtemp(dir=in_memory())
            try:
                found.append(compare(home, funds, first, days, decide.strip()))
            finally:
                shutil.rmtree(home, ignore_errors=True)
            print(name + ", " + "\n".join(found[-1].lines()), flush=True)
    buys, sells = sum(one.buys for one in found), sum(one.sells for one in found)
    codes = len({order.code for one in found for order in one.live})
    same = all(one.same for one in found)
    enough = not options.full or all(one >= least for one, least in zip((buys, sells, codes), LEAST))
    print("in total %d buys, %d sells, %d funds: %s" % (buys, sells, codes, "PASS" if same and enough else "FAIL"))
    if not enough:
        print("a full comparison wants at least %d buys, %d sells and %d funds" % LEAST)
    return 0 if same and enough else 1


def _commit() -> str:
    """The commit that is tried, with a plus where files differ from it; '?' without git."""
    try:
        asked = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
        return subprocess.check_output(asked, cwd=REPOSITORY, stderr=subprocess.DEVNULL, timeout=30).decode().strip()
    except (OSError, subprocess.SubprocessError):
        return "?"


if __name__ == "__main__":
    sys.exit(main())
