"""The strategy in a home folder against a tiny QMT, on a clock that only the test moves."""

import glob
import json
import os

from qmt_strategy.dingtou import dayplans, instance, notices, trader

from .tiny_qmt import ACCOUNT, AVERAGE_BARS, Broker, Context, at

DAY = "20260105"  # a Monday
NEXT = "20260106"
AFTER = "20260107"
CODES = ("510300.SH", "159915.SZ", "512690.SH")

INI = """[account]
id = %s
[strategy]
mode = live
funds = %s
ma = %d
%s
"""


def write_ini(home, codes=CODES, start="none", more=""):
    lines = [INI % (ACCOUNT, ", ".join(codes), AVERAGE_BARS, more)]
    lines.extend(f"[fund:{code}]\nstart_cell = {start}\n" for code in codes)
    with open(os.path.join(home, "sentry.ini"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


class World:
    """`tick` is three seconds of QMT: what the broker pushes, then handlebar."""

    def __init__(self, home, broker=None, codes=CODES, start="none " + DAY, more=""):
        self.home = str(home)
        self.codes = codes
        self.broker = broker or Broker()
        self.context = Context(codes)
        self.now = at(DAY, "09:29:00")
        self.said = []
        self.account = ACCOUNT  # that QMT injects
        self.free = 10**12
        self.trader = None
        self.clock = lambda: self.now  # the PC's
        self.account_type = "STOCK"
        self.passorder_raises = None
        self.before_passorder = None
        write_ini(self.home, codes, start, more)

    # ---- the client

    def start(self, **named):
        """QMT runs the script from init."""
        self._sync()
        api = {
            "account": self.account,
            "accountType": self.account_type,
            "get_trade_detail_data": lambda account, kind, table: self.broker.table(table, self.now),
            "passorder": self._passorder,
            "cancel": lambda sysid, account, kind, context: self.broker.cancel(self.now, sysid),
        }
        named.setdefault("free", lambda path: self.free)
        self.trader = trader.Trader(
            api, now=lambda: self.clock(), environ={"QMT_SENTRY_HOME": self.home}, tell=self.said.append, **named
        )
        self.trader.init(self.context)
        return self

    def restart(self):
        """The client is started anew: nothing is left of the process."""
        notices._told.clear()
        instance._newest.clear()
        return self.start()

    def _passorder(self, op, order_type, account, code, price_type, price, volume, name, quick, remark, context):
        assert account == self.account and quick == 1 and context is self.context and len(remark) == 20
        if self.before_passorder:
            self.before_passorder(remark)
        self.broker.passorder(self.now, op, order_type, code, price_type, volume, remark)
        if self.passorder_raises:
            raise self.passorder_raises

    def _sync(self):
        from qmt_strategy.dingtou import clock

        self.context.day = clock.day(self.now)
        self.context.now = self.now
        self.broker.ticks = self.context.get_full_tick(self.codes)

    def tick(self, seconds=3.0):
        self.now += seconds
        self._sync()
        self.push(self.broker.advance(self.now))
        self.trader.handlebar(self.context)

    def push(self, events):
        for event in events:
            if event[0] == "order":
                self.trader.order_callback(self.context, self.broker.order_row(event[1]))
            elif event[0] == "deal":
                self.trader.deal_callback(self.context, self.broker.deal_row(event[1]))
            else:
                self.trader.orderError_callback(self.context, event[1], event[2])

    def run(self, seconds, step=3.0):
        for _ in range(int(seconds / step)):
            self.tick(step)
        return self

    def go(self, day, time):
        """The clock jumps: nothing is called in between."""
        self.now = at(day, time)
        self._sync()
        return self

    def overnight(self, day, time="09:29:00"):
        self.broker.advance(at(self.context.day, "15:00:00"))
        self.broker.end_day()
        return self.go(day, time)

    # ---- what is left behind

    def flags(self):
        """{id: [lines]} of every flag file."""
        found = {}
        for path in sorted(glob.glob(os.path.join(self.home, "flags", "*", "*.jsonl"))):
            with open(path, "rb") as file:
                lines = [json.loads(line.decode()) for line in file.read().split(b"\n") if line.strip()]
            found[os.path.basename(path)[:-6]] = lines
        return found

    def states(self):
        return {name: lines[-1]["state"] for name, lines in self.flags().items()}

    def notices(self, what=None):
        found = []
        for path in sorted(glob.glob(os.path.join(self.home, "spool", "*.json"))):
            with open(path, "rb") as file:
                event = json.loads(file.read().decode())
            if event["kind"] in ("strategy.notice", "strategy.error"):
                data = event["data"]
                code = data.get("what", "error")
                if what in (None, code):
                    found.append((code, data.get("text") or data.get("traceback")))
        return found

    def posts(self, kind):
        """The data of every post of this kind, oldest first."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.home, "spool", "*.json"))):
            with open(path, "rb") as file:
                event = json.loads(file.read().decode())
            if event["kind"] == kind:
                found.append(event["data"])
        return found

    def errors(self):
        return [text for code, text in self.notices("error")]

    def calls(self):
        return [call[1] for call in self.broker.calls]

    def cell(self, code="510300.SH"):
        with open(os.path.join(self.home, "state", "grid.json"), "rb") as file:
            return json.loads(file.read().decode())["funds"][code]["cell"]


def forget_plans():
    dayplans._plans.clear()


def drop(world, price=0.93, code="510300.SH"):
    """The price moves right before the rule is asked again: the next tick begins a minute."""
    while (world.now + 3) % 60 >= 3:
        world.tick()
    world.context.prices[code] = price
    return world
