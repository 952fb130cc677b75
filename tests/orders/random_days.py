"""Random days: hypothesis walks a strategy through days full of trouble, and what must hold is checked all along.

A day is six stretches of handlebar calls; before each, hypothesis draws a trouble, prices, and the fates of the orders
to come. The last day is quiet, so that everything can come to its end. Run as a program for more than CI has time for:

    python -m tests.orders.random_days --full [--runs 20000] [--seed 1] [--shrink]

The same seed walks the same days; a failure prints the steps, and with --shrink the fewest that still fail.
"""

import collections
import json
import os
import shutil
import sys
import tempfile
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from qmt_strategy.dingtou import atomic, dayplans, flags, gridstate, ids, instance, notices, orders
from tests.orders.tiny_qmt import Broker, Fate, at, trading_days
from tests.orders.world import CODES, World

DAYS = 3  # at least, and a quiet one at the end
FIRST = "20260105"
STEP = 5.0  # seconds between two calls
# (from, calls): five of 15 calls and the end of the day
STRETCHES = (("09:29:40", 15), ("09:45:00", 15), ("10:30:00", 15), ("13:05:00", 15), ("14:00:00", 15), ("14:52:30", 56))
MOST_ATTEMPTS = 3
CAP_ORDER, CAP_DAY = 12000.0, 60000.0

TROUBLES = (
    "re-init", "kill", "kill-in-a-write", "delay", "partial", "reject", "order-error", "lying-cancel", "deaf-cancel",
    "silent-refusal", "replay", "disconnection", "wrong-clock", "wrong-day", "damaged-file", "locked-file",
    "full-disk", "lost-state", "lost-flag", "other-orders", "no-remarks",
)  # fmt: skip

# What ends a fund's day is drawn less often than what its orders suffer.
DRAWN = TROUBLES + tuple(TROUBLES[:12] + ("other-orders",)) * 2

PRICES = st.sampled_from([round(0.895 + 0.005 * step, 3) for step in range(17)] + [1.0, 1.0]
                         + [round(1.03 + 0.005 * step, 3) for step in range(15)])  # fmt: skip
INI = "grid_height = 0.005\ngrid_amount = 400\nmax_order_amount = %d\nmax_day_amount = %d"
SECONDS = st.sampled_from((0.0, 1.0, 3.0, 6.0, 12.0, 25.0, 75.0))


class Killed(BaseException):
    """The process is gone: nothing of the package catches this."""


class Faults:
    """What the system calls do: refuse, or end the process at the n-th of them."""

    def __init__(self):
        self.full = False
        self.locked = ()  # ends of paths
        self.kill_after = 0  # calls; 0 = never
        self.torn = False  # the write at which it dies is half done
        self._real = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace")}
        for name in self._real:
            setattr(os, name, getattr(self, "_" + name))

    def undo(self):
        for name, function in self._real.items():
            setattr(os, name, function)

    def point(self):
        """One place where the process may end."""
        if self.kill_after:
            self.kill_after -= 1
            if not self.kill_after:
                raise Killed

    def _is_locked(self, path):
        return any(str(path).endswith(name) for name in self.locked)

    def _open(self, path, mode, *more, **named):
        if self._is_locked(path) and mode & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "locked", path)
        self.point()
        return self._real["open"](path, mode, *more, **named)

    def _write(self, handle, raw):
        if self.full:
            raise OSError(28, "No space left on device")
        if self.torn and self.kill_after == 1:
            self._real["write"](handle, raw[: len(raw) // 2])
        self.point()
        return self._real["write"](handle, raw)

    def _fsync(self, handle):
        if self.full:
            raise OSError(28, "No space left on device")
        self.point()

    def _replace(self, old, new):
        if self._is_locked(new):
            raise PermissionError(13, "locked", new)
        self.point()
        self._real["replace"](old, new)


class Tally:
    """Over all runs."""

    def __init__(self):
        self.runs = self.days = self.calls = self.orders = self.filled = 0
        self.with_trouble = collections.Counter()
        self.stopped_at_the_end = self.funds_at_the_end = self.answered = 0

    def words(self):
        lines = [
            f"random days: {self.runs} runs, {self.days} days, {self.calls} handlebar calls, {self.orders} orders, "
            f"{self.filled} of them with a fill; at the end {self.stopped_at_the_end} of {self.funds_at_the_end} funds "
            f"were stopped, and told; {self.answered} orders were unknown until their owner answered"
        ]
        for name in TROUBLES:
            count = self.with_trouble[name]
            lines.append(f"  {name:16} on {count:6d} days ({100.0 * count / max(1, self.days):4.1f} %)")
        return "\n".join(lines)

    def too_rare(self, least=0.02):
        return [name for name in TROUBLES if self.with_trouble[name] < least * self.days]


TALLY = Tally()


class RandomDays(RuleBasedStateMachine):
    """One run."""

    @initialize(cash=st.sampled_from((30000.0, 200000.0)), held=st.sampled_from((0, 3000, 12050)))
    def begin(self, cash, held):
        self.home = tempfile.mkdtemp(prefix="days-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.faults = Faults()
        self.skew = 0.0
        notices._told.clear()
        instance._newest.clear()
        self.start_shares = {CODES[0][:6]: held} if held else {}
        self.broker = Broker(cash, self.start_shares)
        self.broker.fate = self._fate
        self.fates = []
        self.world = World(self.home, self.broker, more=INI % (CAP_ORDER, CAP_DAY))
        self.world.clock = lambda: self.world.now + self.skew
        self.world.before_passorder = self._placing
        self.day = FIRST
        self.stretch_number = 0
        self.troubles = set()
        self.intents = {}  # id -> its first line, as it was on the disk when passorder was called
        self.disturbed = set()  # days on which files were lost or damaged
        self.calls_today = 0
        self.days_done = 0
        self.world.go(self.day, STRETCHES[0][0])
        self._alive(self.world.start)

    # ---- what hypothesis draws

    @rule(
        troubles=st.lists(st.sampled_from(DRAWN), min_size=1, max_size=2, unique=True),
        prices=st.tuples(PRICES, PRICES, PRICES),
        seconds=SECONDS,
        share=st.sampled_from((0.0, 0.3, 0.7)),
        when=st.integers(1, 40),
        which=st.integers(0, 3),
    )
    def stretch(self, troubles, prices, seconds, share, when, which):
        self._stretch(troubles, prices, seconds, share, when, which)

    def _stretch(self, troubles, prices, seconds, share, when, which):
        time_of_day, calls = STRETCHES[self.stretch_number]
        self.world.go(self.day, time_of_day)
        self.world.context.prices.update(zip(CODES, prices))
        self.troubles.update(troubles)
        for trouble in troubles:
            self._prepare(trouble, seconds, share, when, which)
        for number in range(calls):
            for trouble in troubles if number == when % 12 else ():
                self._strike(trouble, which)
            if number == calls - 2 and self.stretch_number == len(STRETCHES) - 1:
                self.world.go(self.day, "15:00:00")
            self._alive(self.world.tick, STEP)
            self.calls_today += 1
        self._end_troubles()
        self.check()
        self.stretch_number += 1
        if self.stretch_number == len(STRETCHES):
            self._next_day()

    def _prepare(self, trouble, seconds, share, when, which):
        """What lasts for the stretch."""
        fate = {
            "delay": {"visible": seconds, "sysid": seconds, "fills": ((seconds / 2, None),)},
            "partial": {"fills": ((2.0, 100 + 700 * which), (9.0, 300))},
            "reject": {"reason": "[COUNTER][260200][可用资金不足]" if which == 0 else "[COUNTER][1] busy"},
            "order-error": {"error": "无法下单"},
            "lying-cancel": {"fills": ((2.0, int(5000 * share)),) if share else (), "cancel": "lies"},
            "deaf-cancel": {"fills": ((70.0, None),) if which else (), "cancel": "deaf"},
            "silent-refusal": {"refused": True},
        }.get(trouble)
        if fate is not None:
            self.fates = [fate] * (1 + which)
        if trouble == "disconnection":
            self.broker.logged_in = False
        elif trouble == "wrong-clock":
            self.skew = (-3600.0, 3600.0, 18000.0, 70.0)[which]
        elif trouble == "wrong-day":
            self.skew = (86400.0, -86400.0, 3 * 86400.0, -3600.0 * 10)[which]
        elif trouble in ("kill", "kill-in-a-write"):
            self.faults.kill_after = when
            self.faults.torn = trouble == "kill-in-a-write"
        elif trouble == "full-disk":
            self.faults.full = True
        elif trouble == "locked-file":
            self.faults.locked = (("grid.json",), ("book.json",), ("transaction.csv",), (".jsonl",))[which]

    def _strike(self, trouble, which):
        """What happens in the middle of it."""
        if trouble == "re-init":
            self._alive(self.world.start)
        elif trouble == "replay":
            events = [("order", order) for order in self.broker.orders] + [("deal", deal) for deal in self.broker.deals]
            self._alive(self.world.push, events)
        elif trouble == "other-orders":
            self.world._sync()
            for number in range(which + 1):
                self.fates = [{"fills": ((40.0, None),) if number % 2 else ()}]
                self.broker.passorder(self.world.now, 23, 1101, CODES[number % 3], 3, 100, "", ours=False)
            self.fates = []
        elif trouble == "no-remarks":
            self.broker.remarks = False
            self._alive(self.world.restart)
        elif trouble == "lost-state":
            self._lose(("state/grid.json", "state/book.json", "deals/transaction.csv", "state")[which], None)
        elif trouble == "damaged-file":
            self._lose(
                ("state/grid.json", "state/book.json", "deals/transaction.csv", "state/copies.json")[which], b"#"
            )
        elif trouble == "lost-flag":
            folder = os.path.join(self.home, "flags", self.day)
            names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            if names:
                self._lose(f"flags/{self.day}/{names[which % len(names)]}", None)
        elif trouble == "disconnection" and which:
            self.broker.logged_in = True

    def _lose(self, name, damage):
        path = os.path.join(self.home, *name.split("/"))
        if not os.path.exists(path):
            return
        self.disturbed.add(self.day)
        armed, self.faults.kill_after = self.faults.kill_after, 0  # this is not the strategy's doing
        if damage is not None:
            with open(path, "r+b") as file:
                file.write(damage * 20)
        elif os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
        self.faults.kill_after = armed

    def _end_troubles(self):
        self.broker.logged_in = True
        self.skew = 0.0
        self.fates = []
        self.faults.full = False
        self.faults.locked = ()
        self.faults.kill_after = 0
        self.faults.torn = False

    def _fate(self, call):
        if self.fates:
            fate = dict(self.fates.pop(0))
            fate["reject"] = fate.pop("reason", "")
            return Fate(**fate)
        return Fate(fills=((2.0, None),))

    def _next_day(self):
        TALLY.days += 1
        TALLY.calls += self.calls_today
        assert self.calls_today >= 60
        TALLY.with_trouble.update(self.troubles)
        self.troubles = set()
        self.calls_today = 0
        self.days_done += 1
        self.stretch_number = 0
        self.broker.remarks = True
        days = trading_days()
        self.day = days[days.index(self.day) + 1]
        self.world.overnight(self.day, STRETCHES[0][0])

    # ---- the process

    def _alive(self, function, *args):
        """function(*args) in the strategy's process; where it ends, QMT and the script are started again."""
        try:
            function(*args)
        except Killed:
            self.faults.kill_after = 0
            self.faults.torn = False
            self.world.restart()

    def _placing(self, remark):
        """Right before the broker gets the order: what must hold of it."""
        self.faults.point()
        broker, now = self.broker, self.world.now
        path = os.path.join(self.home, "flags", remark[:8], remark + ".jsonl")
        with open(path, "rb") as file:
            flag = flags.parse(ids.parse(remark), file.read())
        assert flag.lines and flag.lines[0]["state"] == "intent", "passorder before its intent is on the disk"
        code = flag.code[:6]
        assert remark not in self.intents, "passorder twice for " + remark
        live = [order for order in broker.orders if order.alive and order.ours and order.code == code]
        assert not live, f"a second live order of {code}: {[order.remark for order in live]}"
        today = [name for name in self.intents if name[:15] == remark[:15]]
        assert len(today) < MOST_ATTEMPTS, "a fourth attempt: " + remark
        yuan = float(flag.get("yuan"))
        spent = sum(float(line["yuan"]) for name, line in self.intents.items() if name[:8] == remark[:8])
        assert yuan <= CAP_ORDER and spent + yuan <= CAP_DAY, f"over a cap: {remark}"
        assert self.skew == 0 or abs(self.skew) < 60, "an order under a wrong clock"
        assert broker.logged_in, "an order while logged out"
        if not flag.buy:
            assert flag.get("shares") <= broker.sellable(code), "more than may be sold: " + remark
        elif "other-orders" not in self.troubles:  # theirs may not be in the client's cache yet
            frozen = sum(
                order.price * (order.shares - order.traded) for order in broker.orders if order.alive and order.buy
            )
            assert yuan <= broker.cash - frozen, "more than the cash: " + remark
        self.intents[remark] = flag.lines[0]
        assert at(remark[:8], "09:30:00") <= now <= at(remark[:8], "14:54:00")

    # ---- what must hold

    def check(self):
        """After each stretch."""
        errors = self.world.errors()
        assert not errors, errors[-1]
        remarks = [call[1] for call in self.broker.calls]
        assert len(remarks) == len(set(remarks)), "passorder twice"
        assert all(self.broker.sellable(code) >= 0 for code in self.broker.volume)
        assert self.broker.cash >= -1e-6

    def teardown(self):
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:
                self._finish()
        finally:
            self.faults.undo()
            shutil.rmtree(self.home, ignore_errors=True)

    def _finish(self):
        """To the end of the third day, then a quiet one, then the books."""
        while self.days_done < DAYS or self.stretch_number:
            self._stretch((), (1.0, 1.0, 1.0), 0.0, 0.0, 1, 0)
        self._alive(self.world.restart)
        self.world.run(300, STEP)
        self.calls_today += 60
        self.check()
        self._check_ends()
        if self._answer():
            self.world.run(300, STEP)
            self.check()
            self._check_ends()
        for code in CODES:
            self._check_books(code)
        TALLY.runs += 1
        TALLY.days += 1
        TALLY.calls += self.calls_today
        TALLY.orders += len(self.intents)
        TALLY.filled += sum(1 for name in self.intents if self._filled(name))

    def _answer(self):
        """The owner looks at the broker's own list and answers for each order that is still unknown; how many."""
        folder = os.path.join(self.home, "control", "answers")
        os.makedirs(folder, exist_ok=True)
        unknown = [flag for flag in self.world.trader._desk.unended() if flag.order.state == orders.UNKNOWN]
        for flag in unknown:
            shares = self._filled(flag.name)
            words = {"flag": flag.name, "answer": "filled" if shares else "nothing", "shares": shares}
            with open(os.path.join(folder, flag.name + ".json"), "w") as file:
                json.dump(words, file)
        TALLY.answered += len(unknown)
        return len(unknown)

    def _check_ends(self):
        """Every intent filled, cancelled, rejected, expired, or unknown and told."""
        known = {}
        for name in self.intents:
            path = os.path.join(self.home, "flags", name[:8], name + ".jsonl")
            assert os.path.exists(path) or name[:8] in self.disturbed, "no flag file of " + name
            if os.path.exists(path):
                with open(path, "rb") as file:
                    known[name] = flags.parse(ids.parse(name), file.read())
        told = {code for code, _ in self.world.notices()}
        for name, flag in known.items():
            state = flag.order.state
            if state == orders.UNKNOWN or not flag.ended:
                assert told & {"unknown", "stopped-fund"}, f"{name} is {state} and nobody was told"
                assert self.world.trader._desk.stopped(flag.code) or not self._ready(flag.code), name

    def _ready(self, code):
        trader = self.world.trader
        desk = trader._desk
        return code in trader._morning._ready and code in desk.grid.cells and not desk.stopped(code)

    def _filled(self, name):
        return self.broker.filled.get(name, 0)

    def _check_books(self, code):
        """A fund that may trade has books that agree with the broker's; one that may not has been told."""
        desk = self.world.trader._desk
        TALLY.funds_at_the_end += 1
        if not self._ready(code):
            self._check_stopped(code)
            return
        account = desk.book.accounts[code]
        booked = account.shares + desk.ledger.signed(code, account.day, desk.day)
        assert booked == self.broker.volume.get(code[:6], 0), f"books of {code}: {booked}"
        if not self.disturbed:
            whole = self.start_shares.get(code[:6], 0) + desk.ledger.signed(code, "", "99999999")
            assert whole == self.broker.volume.get(code[:6], 0), f"ledger of {code}: {whole}"
        cell = gridstate.load(self.home).cells[code].cell
        assert cell == self._justified(code), f"grid state of {code}: {cell}"

    def _check_stopped(self, code):
        """A stopped fund is told, with its true position where that is why; and what its books claim is true."""
        TALLY.stopped_at_the_end += 1
        world, desk = self.world, self.world.trader._desk
        told = [text for what, text in world.notices() if what in ("stopped-fund", "observe", "state") and code in text]
        assert told, f"{code} is stopped and nobody was told"
        volume = self.broker.volume.get(code[:6], 0)
        account = desk.book.accounts.get(code)
        if account is not None and account.day == desk.day:  # reconciled today
            booked = account.shares + desk.ledger.signed(code, account.day, desk.day)
            assert booked == volume, f"books of {code}, which is stopped: {booked}"
        elif account is not None:
            why = desk.ledger.problem or "start_cell"  # a ledger that cannot be read says so until it is mended
            assert any(f"持仓 {volume} 股" in text or why in text for text in told), f"{code}: {told}"
        cell = desk.grid.cells.get(code)
        if cell is not None and account is not None and account.day == desk.day and not desk.trouble:
            assert cell.cell == self._justified(code), f"grid state of {code}, which is stopped: {cell}"

    def _justified(self, code):
        """The cell that the broker's fills justify: that of the newest intent with any."""
        mine = sorted((name for name in self.intents if name[9:15] == code[:6]), key=lambda n: (n[:8], n[-2:]))
        filled = [name for name in mine if self._filled(name)]
        return self.intents[filled[-1]]["cell"] if filled else 0


def warm():
    """The plans of the days ahead, made once, and no waiting for locked files."""
    atomic.write_whole.__defaults__ = atomic.read_whole.__defaults__ = (lambda seconds: None,)
    home = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    made = {}
    days = trading_days()
    first = days.index(FIRST)
    for day in days[first : first + 40]:
        world = World(home, more=INI % (CAP_ORDER, CAP_DAY))
        world.go(day, "09:29:40").start().run(40)
        made.update(dayplans._plans)
    shutil.rmtree(home)
    dayplans._plans.update(made)


def run(runs, chosen_seed=None, shrink=False):
    """`runs` runs; prints the tally; AssertionError where something did not hold or a trouble was too rare."""
    global TALLY
    TALLY = Tally()
    warm()
    began = time.time()
    machine = seed(chosen_seed)(RandomDays) if chosen_seed is not None else RandomDays
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=DAYS * len(STRETCHES),
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(TALLY.words())
    print("  in %.0f s" % (time.time() - began))
    assert not TALLY.too_rare(), f"on less than 2 % of the days: {TALLY.too_rare()}"


def _number(arguments, name, default):
    return int(arguments[arguments.index(name) + 1]) if name in arguments else default


if __name__ == "__main__":
    _full = 20000 if "--full" in sys.argv else 200
    run(_number(sys.argv, "--runs", _full), _number(sys.argv, "--seed", 1), "--shrink" in sys.argv)
