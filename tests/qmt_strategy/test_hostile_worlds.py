"""Nothing is raised into QMT, whatever the PC, the settings and QMT's own functions do.

Each world breaks one thing; in each the script's entry points are called as QMT calls them, over two simulated minutes.
The script is the real file, executed from its bytes; an exception from any entry point fails the test.
"""

import os
import sys
import time

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRATEGY = os.path.join(REPOSITORY, "qmt_strategy")
OPEN = "[heartbeat]\nevery = 1\nhours = 00:00-24:00\n"


class Raises:
    """Every attribute and every call raises."""

    def __getattr__(self, name):
        raise RuntimeError("QMT: " + name)


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Odd:
    """An object whose every attribute is `value`."""

    def __init__(self, value):
        self.__dict__["value"] = value

    def __getattr__(self, name):
        return self.__dict__["value"]


class World:
    """What a world may break."""

    def __init__(self, home, context):
        self.home = home
        self.environ_home = home
        self.ini = OPEN.encode()
        self.context = context
        self.scope = {"account": "2000567", "accountType": "STOCK", "get_trade_detail_data": lambda *args: []}
        self.deal = object()
        self.patches = []  # (object, name, value) set after init
        self.read_only = False
        self.now = 1767576000.0


def raiser(error):
    def fail(*args, **named):
        raise error

    return fail


def settings_are(raw):
    def change(world):
        world.ini = raw

    change.__name__ = "settings_are_%r" % raw[:12]
    return change


def tables_are(value):
    def change(world):
        world.scope["get_trade_detail_data"] = lambda *args: value

    change.__name__ = "tables_are_%s" % type(value).__name__
    return change


def ticks_are(value):
    def change(world):
        world.context.get_full_tick = lambda codes: value

    change.__name__ = "ticks_are_%r" % (value,)
    return change


def os_call_fails(name, error):
    def change(world):
        world.patches.append((os, name, raiser(error)))

    change.__name__ = "os_%s_fails" % name
    return change


def the_usual(world):
    pass


def home_lies_below_a_file(world):
    path = os.path.join(world.home, "file")
    open(path, "w").close()
    world.environ_home = os.path.join(path, "home")


def home_is_read_only(world):
    world.read_only = True


def settings_are_a_folder(world):
    world.ini = None
    os.mkdir(os.path.join(world.home, "sentry.ini"))


def spool_is_a_file(world):
    open(os.path.join(world.home, "spool"), "w").close()


def account_is_missing(world):
    del world.scope["account"]


def account_is_a_number(world):
    world.scope["account"] = 2000567


def functions_are_missing(world):
    del world.scope["get_trade_detail_data"]


def functions_raise(world):
    world.scope["get_trade_detail_data"] = raiser(RuntimeError("contextinfo could not be found in the stack"))


def functions_raise_what_has_no_words(world):
    world.scope["get_trade_detail_data"] = raiser(Unspeakable())


def memory_is_out(world):
    world.scope["get_trade_detail_data"] = raiser(MemoryError())


def context_raises(world):
    world.context = Raises()


def context_is_none(world):
    world.context = None


def context_is_a_backtest(world):
    world.context.do_back_test = True


def bars_raise(world):
    world.context.is_last_bar = raiser(RuntimeError("no chart"))


def ticks_raise(world):
    world.context.get_full_tick = raiser(OSError("no quotes"))


def timers_raise(world):
    world.context.run_time = raiser(TypeError("no timer in this client"))


def deal_raises(world):
    world.deal = Raises()


def deal_is_none(world):
    world.deal = None


def deal_is_full_of_lists(world):
    world.deal = Odd([1])


def clock_stands_in_1970(world):
    world.now = 0.0


WORLDS = [
    the_usual,
    settings_are(b""),
    settings_are(b"garbage"),
    settings_are(b"\xff\xfe\x00"),
    settings_are(os.urandom(4096)),
    settings_are(b"[heartbeat]\nevery = nan\nhours = never\ntick_code = x\n[account]\nid = !\n"),
    settings_are_a_folder,
    home_lies_below_a_file,
    home_is_read_only,
    spool_is_a_file,
    account_is_missing,
    account_is_a_number,
    functions_are_missing,
    functions_raise,
    functions_raise_what_has_no_words,
    memory_is_out,
    tables_are(None),
    tables_are(7),
    tables_are("text"),
    tables_are([None, 7, object()]),
    tables_are([Raises()]),
    tables_are([Odd(float("nan"))]),
    tables_are([Odd(1.7976931348623157e308)]),
    tables_are([Odd("\udcff")]),
    tables_are([Odd([])]),
    tables_are([Odd({})] * 300),
    context_raises,
    context_is_none,
    context_is_a_backtest,
    bars_raise,
    ticks_raise,
    ticks_are(None),
    ticks_are({}),
    ticks_are({"510300.SH": None}),
    ticks_are({"510300.SH": {"timetag": "00000000 00:00:00", "lastPrice": 0.0}}),
    ticks_are([1, 2]),
    timers_raise,
    deal_raises,
    deal_is_none,
    deal_is_full_of_lists,
    clock_stands_in_1970,
    os_call_fails("replace", PermissionError(13, "in use")),
    os_call_fails("replace", OSError(28, "No space left on device")),
    os_call_fails("fsync", OSError(5, "Input/output error")),
    os_call_fails("remove", PermissionError(13, "in use")),
    os_call_fails("makedirs", OSError(30, "Read-only file system")),
    os_call_fails("listdir", OSError(5, "Input/output error")),
]
POSTS_EXPECTED = {the_usual, account_is_a_number, bars_raise, ticks_raise, timers_raise, deal_raises, deal_is_none}


@pytest.fixture
def dingtou_at_home(monkeypatch):
    monkeypatch.syspath_prepend(STRATEGY)
    yield
    for name in [name for name in sys.modules if name == "dingtou" or name.startswith("dingtou.")]:
        del sys.modules[name]


@pytest.mark.parametrize("change", WORLDS, ids=lambda change: change.__name__)
def test_nothing_is_raised_into_qmt(change, home, context, spooled, monkeypatch, dingtou_at_home):
    world = World(home, context)
    change(world)
    monkeypatch.setenv("QMT_SENTRY_HOME", world.environ_home)
    if world.ini is not None:
        with open(os.path.join(home, "sentry.ini"), "wb") as file:
            file.write(world.ini)
    if world.read_only:
        os.chmod(home, 0o500)  # root may write all the same; home_lies_below_a_file covers that
    try:
        with monkeypatch.context() as patched:
            live(world, patched)
    finally:
        os.chmod(home, 0o700)
    if change in POSTS_EXPECTED:
        assert len(spooled.events("qmt.heartbeat")) >= 3


def live(world, patched):
    """Init, history and a minute of ticks, timers and deals; then a re-init and some more."""
    moment = [world.now]
    patched.setattr(time, "time", lambda: moment[0])
    for _ in range(2):
        scope = dict(world.scope)
        with open(os.path.join(STRATEGY, "heartbeat.py"), "rb") as file:
            exec(compile(file.read().decode("gbk"), "<string>", "exec"), scope)
        scope["init"](world.context)
        for target, name, value in world.patches:
            patched.setattr(target, name, value)
        scope["after_init"](world.context)
        for _ in range(12):
            moment[0] += 5
            scope["handlebar"](world.context)
            scope["heartbeat_timer"](world.context)
            scope["deal_callback"](world.context, world.deal)
