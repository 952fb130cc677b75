"""The strategy dies at a line of the order path, by os._exit in a forked child; the broker lives on in the parent.

Then it is started again against the same broker, and the day and the next one end. `judge` says what must hold after
any such death. Run as a program it goes through every line, each visit up to the third:

    python -m tests.orders.every_line --full
"""

import ast
import glob
import os
import pickle
import random
import shutil
import socket
import struct
import sys
import tempfile
import time

from qmt_strategy.dingtou import dayplans, flags, gridstate, ids, instance, ledger, notices, orders
from qmt_strategy.dingtou.book import Book
from tests.orders.tiny_qmt import Broker, Fate, at
from tests.orders.world import CODES, DAY, NEXT, World

PACKAGE = os.path.dirname(os.path.abspath(orders.__file__))
# What the strategy imports and no death in it can matter to an order: it computes, or is read once before the first
# call, and touches neither QMT nor the disk. Every other file is on the path, one that is added tomorrow too.
NOT_ON_PATH = {
    "__init__": "the version",
    "chart": "computes", "clock": "computes", "grid": "computes", "plan": "computes", "rows": "computes",
    "rule": "computes", "series": "computes; bars are loaded before the children begin (warm)",
    "summary": "computes", "dayplans": "plans are made before the children begin (warm)",
    "home": "init", "params": "init", "settings": "init", "instance": "init",
}  # fmt: skip


def path():
    """The names of the package's files that trader.py imports, directly or not, without NOT_ON_PATH."""
    found, left = set(), ["trader"]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        with open(os.path.join(PACKAGE, name + ".py"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                left.extend(known for known in names if os.path.exists(os.path.join(PACKAGE, known + ".py")))
    return sorted(found - set(NOT_ON_PATH))


PATH = path()
FILES = {os.path.join(PACKAGE, name + ".py"): name for name in PATH}
VISITS = 3
STEP = 6.0  # seconds between two calls of handlebar
LONGEST = 60.0  # seconds that a child may take
A, B, C = CODES


def fates():
    """Those of a run; made anew for each, for the broker uses them up."""
    return {
        A[:6]: [Fate(fills=((3, 2000), (9, None))), Fate(refused=True)],
        B[:6]: [Fate(fills=()), Fate(fills=((2, 3000),)), Fate()],
        C[:6]: [Fate(reject="[COUNTER][1] busy"), Fate(fills=()), Fate(error="no")],
    }


def timeline():
    """[(now, what)]: 'tick', 'init' or 'night' before the tick."""
    spans = [
        (DAY, "09:29:30", "09:40:30"),
        (DAY, "14:52:30", "14:57:30"),
        (DAY, "15:00:00", "15:00:12"),
        (NEXT, "09:29:30", "09:34:30"),
        (NEXT, "14:55:24", "14:57:00"),
        (NEXT, "15:00:00", "15:00:12"),
    ]
    found = []
    for day, first, last in spans:
        now = at(day, first)
        while now <= at(day, last):
            what = "night" if day == NEXT and first == "09:29:30" and now == at(day, first) else "tick"
            found.append((now, "init" if now == at(DAY, "09:37:00") else what))
            now += STEP
    return found


TIMELINE = timeline()
EPILOGUE = [(TIMELINE[-1][0] + STEP * number, "tick") for number in range(1, 6)]  # of a run that died in its last tick
PRICES = (
    (at(DAY, "09:31:00"), A, 0.93),
    (at(DAY, "09:31:00"), B, 0.93),
    (at(DAY, "09:33:00"), C, 0.93),
    (at(DAY, "09:38:00"), A, 0.91),
    (at(DAY, "14:53:00"), C, 0.90),
    (at(NEXT, "09:29:00"), C, 0.95),
    (at(NEXT, "09:31:00"), B, 1.08),
)


# ---- the parent's side


class Parent:
    """The broker, and the life of the children that trade at it."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="line-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.broker = Broker()
        self.place = 0  # in the timeline: the next entry
        self.double = []  # passorders while an order of that fund was alive
        queues = fates()
        self.broker.fate = lambda call: queues[call[5][:6]].pop(0) if queues[call[5][:6]] else Fate()

    def live(self, target):
        """One child from where the last one died; True when it reached the timeline's end. `target`: (file, line,
        visit) at which it dies, or None."""
        mine, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            mine.close()
            code = 1
            try:
                code = run_child(theirs, self.home, self.place, target)
            finally:
                os._exit(code)
        theirs.close()
        mine.settimeout(LONGEST)
        try:
            while True:
                message = receive(mine)
                if message is None:
                    break
                send(mine, self.answer(*message))
        finally:
            mine.close()
            _, status = os.waitpid(child, 0)
        code = os.WEXITSTATUS(status)
        assert code in (0, DEATH), f"the child ended with {code} at {target}, begun at place {self.place}"
        return code == 0

    def answer(self, what, now, *args):
        broker = self.broker
        broker.ticks = ticks(now)
        if what == "tick":
            self.place = args[0]
            pushed = [self._rendered(event) for event in broker.advance(now)]
            return pushed, {kind: broker.table(kind, now) for kind in ("ACCOUNT", "ORDER", "DEAL", "POSITION")}
        if what == "night":
            broker.end_day()
        elif what == "passorder":
            if any(order.alive and order.code == args[2][:6] for order in broker.orders):
                self.double.append(args[5])
            broker.passorder(now, *args)
        elif what == "cancel":
            return broker.cancel(now, *args)
        return None

    def _rendered(self, event):
        if event[0] == "order":
            return "order", self.broker.order_row(event[1])
        if event[0] == "deal":
            return "deal", self.broker.deal_row(event[1])
        return event

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


def send(sock, value):
    raw = pickle.dumps(value, 2)
    sock.sendall(struct.pack(">I", len(raw)) + raw)


def receive(sock):
    head = _exactly(sock, 4)
    return pickle.loads(_exactly(sock, struct.unpack(">I", head)[0])) if head else None


def _exactly(sock, count):
    raw = b""
    while len(raw) < count:
        more = sock.recv(count - len(raw))
        if not more:
            return None
        raw += more
    return raw


def prices(now):
    found = dict.fromkeys(CODES, 1.0)
    for since, code, price in PRICES:
        if now >= since:
            found[code] = price
    return found


def ticks(now):
    return {
        code: {"askPrice": [price + 0.001, price + 0.002], "bidPrice": [price - 0.001, price - 0.002]}
        for code, price in prices(now).items()
    }


# ---- the child's side

DEATH = 77


class Remote:
    """The broker as the child has it: what the last tick showed, and calls over the socket."""

    def __init__(self, sock):
        self.sock = sock
        self.tables = {}
        self.ticks = {}

    def call(self, *message):
        send(self.sock, message)
        return receive(self.sock)

    def table(self, kind, now):
        return list(self.tables.get(kind, []))

    def passorder(self, now, *args):
        self.call("passorder", now, *args)

    def cancel(self, now, sysid):
        return self.call("cancel", now, sysid)


def run_child(sock, home, place, target):
    notices._told.clear()
    instance._newest.clear()
    remote = Remote(sock)
    world = World(home, broker=remote)
    left, target = (TIMELINE[place:], target) if place < len(TIMELINE) else (EPILOGUE, None)
    world.now = left[0][0]
    killer = Killer(target)
    killer.watch()
    world.start()
    for now, what in left:
        killer.place = place
        place += 1
        world.now = now
        if what == "night":
            remote.call("night", now)
        world.context.prices.update(prices(now))
        world._sync()
        pushed, remote.tables = remote.call("tick", now, place)
        if what == "init":
            world.start()
        for event in pushed:
            entry = {"order": "order_callback", "deal": "deal_callback", "orderError": "orderError_callback"}[event[0]]
            getattr(world.trader, entry)(world.context, *event[1:])
        world.trader.handlebar(world.context)
    sys.settrace(None)
    if killer.census is not None:
        with open(os.path.join(home, "census"), "wb") as file:
            pickle.dump(killer.census, file)
    return 0


class Killer:
    """Ends the process at a line; or, as the target 'census', notes every line's visits and where it is met first."""

    def __init__(self, target):
        self.census = {} if target == "census" else None
        self.target = target if target != "census" else None
        self.visits = 0
        self.place = 0

    def watch(self):
        if self.census is not None:
            sys.settrace(self._count_calls)
        elif self.target is not None:
            self.file, self.line, self.wanted = self.target
            self.file = os.path.join(PACKAGE, self.file + ".py")
            sys.settrace(self._calls)

    def _calls(self, frame, event, arg):
        # A function that begins after the line cannot hold it; the others are followed.
        code = frame.f_code
        return self._lines if code.co_filename == self.file and code.co_firstlineno <= self.line else None

    def _lines(self, frame, event, arg):
        if event == "line" and frame.f_lineno == self.line:
            self.visits += 1
            if self.visits == self.wanted:
                os._exit(DEATH)
        return self._lines

    def _count_calls(self, frame, event, arg):
        return self._count_lines if frame.f_code.co_filename in FILES else None

    def _count_lines(self, frame, event, arg):
        if event == "line":
            key = (FILES[frame.f_code.co_filename], frame.f_lineno)
            visits, place = self.census.get(key, (0, self.place))
            self.census[key] = (visits + 1, place)
        return self._count_lines


# ---- runs


def warm():
    """The plans of both days, made once: every child inherits them."""
    made = {}
    for day in (DAY, NEXT):
        parent = Parent()
        world = World(parent.home).go(day, "09:29:30").start().run(60)
        assert len(dayplans._plans) >= len(CODES), world.errors()
        made.update(dayplans._plans)
        parent.close()
    dayplans._plans.update(made)


def census():
    """{(file, line): (visits, place in the timeline of the first)} of a run without a death, which is judged too."""
    parent = Parent()
    try:
        assert parent.live("census")
        judge(parent, "no death")
        with open(os.path.join(parent.home, "census"), "rb") as file:
            return pickle.load(file)
    finally:
        parent.close()


def run(targets):
    """One run whose lives die at `targets`, one after the other, then end; returns those that were reached."""
    parent = Parent()
    reached = []
    try:
        for target in targets:
            if parent.live(target):
                break
            reached.append(target)
        else:
            parent.live(None)
        judge(parent, targets)
        return reached
    finally:
        parent.close()


def judge(parent, about):
    """Everything that must hold at the end, whatever line the strategy died at."""
    broker, home = parent.broker, parent.home
    problems = []
    remarks = [call[1] for call in broker.calls]
    if len(set(remarks)) < len(remarks):
        problems.append(f"passorder twice for one intent: {remarks}")
    if parent.double:
        problems.append(f"two live orders of a fund: {parent.double}")
    for day in (DAY, NEXT):
        for code in CODES:
            if sum(1 for remark in remarks if remark.startswith(f"{day}-{code[:6]}")) > 3:
                problems.append(f"more than three attempts: {remarks}")
    known = read_flags(home)
    for remark in remarks:
        if remark not in known:
            problems.append(f"passorder without a flag file: {remark}")
    told = all_told(home)
    for name, flag in known.items():
        if flag.damaged:
            problems.append(f"{name}: {flag.damaged}")
        if flag.order.state == orders.UNKNOWN:
            if not {"unknown", "stopped-fund"} & set(told):
                problems.append(f"{name} is unknown and nobody was told")
        elif not flag.ended:
            problems.append(f"{name} ends as {flag.order.state}")
    if "error" in told:
        problems.append("a strategy.error: {}".format(told["error"]))
    problems.extend(books(broker, home, known))
    assert not problems, "{}: {}".format(about, "; ".join(problems))


def books(broker, home, known):
    """What is wrong with ledger, books and grid state, as a restart would read them."""
    book, deals, grid = Book(home), ledger.Ledger(home), gridstate.load(home)
    book.load()
    deals.load()
    for problem in (book.problem, deals.problem, grid.problem):
        if problem:
            yield problem
    for code in CODES:
        booked, true = deals.signed(code, "", "99999999"), broker.volume.get(code[:6], 0)
        if booked != true:
            yield f"{code}: ledger {booked}, broker {true}"
        filled = [flag for flag in known.values() if flag.id.code == code[:6] and flag.order.filled and flag.ended]
        filled.sort(key=lambda flag: (flag.id.day, flag.id.number))
        wanted = filled[-1].get("cell") if filled else 0
        if code in grid.cells and grid.cells[code].cell != wanted:
            yield f"{code}: grid state {grid.cells[code]}, fills say {wanted}"


def read_flags(home):
    found = {}
    for path in glob.glob(os.path.join(home, "flags", "2*", "*.jsonl")):
        ident = ids.parse(os.path.basename(path)[:-6])
        with open(path, "rb") as file:
            found[ident.text] = flags.parse(ident, file.read())
    return found


def all_told(home):
    """{notice code: its texts} of the spool."""
    probe = World.__new__(World)
    probe.home = home
    found = {}
    for code, text in probe.notices():
        found.setdefault(code, []).append(text)
    return found


def every_visit():
    """One death a run: every line, each visit up to the third."""
    counted = census()
    todo = [
        (name, line, visit)
        for (name, line), (times, _) in sorted(counted.items())
        for visit in range(1, min(times, VISITS) + 1)
    ]
    began = time.time()
    missed = []
    for number, target in enumerate(todo, 1):
        if not run([target]):
            missed.append(target)
        if number % 200 == 0:
            print(f"{number} of {len(todo)} deaths, {time.time() - began:.0f} s", flush=True)
    print(SUMMARY % (len(counted), "each visit up to the third", len(todo) - len(missed), time.time() - began))
    print("not met again (the census ran at another speed): %s" % missed)
    assert len(missed) <= len(todo) // 200, "the runs are not the census's: what was meant to be tried was not"


def every_line_once(seconds, seed=1, deaths=30):
    """Several deaths a run, spread over the timeline: every line once, or as many as fit into `seconds`.

    Returns (deaths, lines in all).
    """
    chance = random.Random(seed)
    counted = census()
    left = {key: place for key, (_, place) in counted.items()}
    died = 0
    began = time.time()
    while left and time.time() - began < seconds:
        chosen = chance.sample(sorted(left), min(deaths, len(left)))
        chosen.sort(key=lambda key: left[key])
        reached = run([key + (1,) for key in chosen])
        died += len(reached)
        for key in [target[:2] for target in reached] or chosen[:1]:  # a first one that is not met never will be
            del left[key]
    print(SUMMARY % (len(counted), "once", died, time.time() - began))
    return died, len(counted)


SUMMARY = "every line: %d lines of the order path, %s: %d deaths in %.0f s, no order twice, books agree"


if __name__ == "__main__":
    warm()
    if "--full" in sys.argv:
        every_visit()
    else:
        every_line_once(float("inf"))
