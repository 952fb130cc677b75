"""How scripts are run: as in the real client (qmt-facts 1.6, 1.7, 1.9)."""

import sys

import pytest

from rehearsal.qmt import imports, script

COUNTING = """
def init(ContextInfo):
    seen.append('init')
def after_init(ContextInfo):
    seen.append('after_init')
def handlebar(ContextInfo):
    seen.append(('bar', ContextInfo.barpos, ContextInfo.is_last_bar(), ContextInfo.is_new_bar()))
"""


def test_init_then_after_init_then_history_bars_then_ticks(client):
    made = client(COUNTING, history_bars=3).start().run(6.25)
    assert made.seen == [
        "init",
        "after_init",
        ("bar", 0, False, True),
        ("bar", 1, False, True),
        ("bar", 2, False, True),
        ("bar", 3, True, True),
        ("bar", 3, True, False),
        ("bar", 3, True, False),
    ]


def test_a_new_minute_is_a_new_bar(client, clock):
    made = client(COUNTING, history_bars=0).start().run(63)
    assert made.seen[-1][1] == 1
    assert [bar[3] for bar in made.seen[2:]].count(True) == 2


def test_a_script_in_gbk_prints_chinese_into_the_formula_log(client):
    made = client(
        "def init(ContextInfo):\n    # 注释\n    print('心跳，开始')\n    print('没有换行', end='')\n"
    ).start()
    assert "[script0] 心跳，开始\n" in made.log()
    assert "[script0] 没有换行\n" in made.log()


def test_the_source_is_decoded_by_its_cookie():
    assert script.decode("#coding:utf-8\n# 中".encode()).endswith("中")
    assert script.decode("#!x\n# -*- coding: gbk -*-\n# 中".encode("gbk")).endswith("中")
    assert script.decode("# 中".encode("gbk")).endswith("中")
    with pytest.raises(UnicodeDecodeError):
        script.decode("#coding:gbk\n# 心".encode() + b"\xff")


def test_a_script_that_cannot_be_decoded_stops_itself_only(client):
    made = client("x = '\xff'", encoding="latin-1").start().run(3)
    assert made.host.scripts[0].stopped
    assert "UnicodeDecodeError" in made.log()


def test_there_is_no_file_and_the_source_is_a_string(client):
    made = client("def init(ContextInfo):\n    seen.append('__file__' in globals())\n    print(1 / 0)\n").start()
    assert made.seen == [False]
    assert 'File "<string>", line 4, in init' in made.log()


def test_the_globals_of_live_trading_are_injected(client):
    made = client(
        "def init(ContextInfo):\n    seen.append((account, accountType, callable(passorder), callable(cancel),"
        " callable(get_trade_detail_data), timetag_to_datetime(1767576600000, '%Y%m%d%H%M%S')))\n"
    ).start()
    assert made.seen == [("2000567", "STOCK", True, True, True, "20260105093000")]


def test_an_exception_silences_the_strategy_for_good_and_no_other(client):
    bad = "def handlebar(ContextInfo):\n    seen.append('bad')\n    raise KeyError('oops')\n"
    made = client(bad, "def handlebar(ContextInfo):\n    seen.append('good')\n", history_bars=0).start().run(8)
    assert made.seen.count("bad") == 1
    assert made.seen.count("good") == 3
    assert "KeyError: 'oops'" in made.log()


def test_a_script_that_calls_exit_does_not_end_the_client(client):
    made = client("import sys\ndef handlebar(ContextInfo):\n    seen.append(1)\n    sys.exit(3)\n").start().run(6)
    assert made.seen == [1]


def test_one_strategy_that_blocks_holds_up_the_others(client, clock):
    slow = "def handlebar(ContextInfo):\n    clock.now += 20\n"
    made = client(slow, "def handlebar(ContextInfo):\n    seen.append(clock.now)\n", history_bars=0).start()
    before = clock.now
    made.run(0.25)
    assert made.seen == [before + 20.25]


# ---- rollback

COUNTER = """
plain = [0]
def init(ContextInfo):
    ContextInfo.count = 0
    ContextInfo.deep = {'a': []}
def handlebar(ContextInfo):
    ContextInfo.count += 1
    ContextInfo.deep['a'].append(ContextInfo.count)
    plain[0] += 1
    seen.append((ContextInfo.count, len(ContextInfo.deep['a']), plain[0]))
"""


def test_only_what_the_last_tick_of_a_bar_set_survives(client, clock):
    made = client(COUNTER, history_bars=2, tick_seconds=30.0).start()
    made.run(90, step=30)
    # two history bars, then the ticks of 09:30:30, and 09:31:00 and 09:31:30 of the next bar
    assert made.seen == [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (4, 4, 5)]


def test_without_rollback_every_change_stays(client):
    made = client(COUNTER, history_bars=0, rollback=False).start().run(8)
    assert made.seen == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_an_attribute_that_cannot_be_copied_is_kept(client):
    text = (
        "import threading\ndef init(ContextInfo):\n    ContextInfo.lock = threading.Lock()\n"
        "def handlebar(ContextInfo):\n    seen.append(ContextInfo.lock.locked())\n"
    )
    assert client(text, history_bars=0).start().run(5).seen == [False, False]


# ---- re-init

TIMED = """
import sys, types
kept = sys.modules.setdefault('kept_by_the_client', types.ModuleType('kept_by_the_client'))
kept.inits = getattr(kept, 'inits', 0)
mine = 0
def init(ContextInfo):
    global mine
    kept.inits += 1
    mine += 1
    seen.append(('init', mine, kept.inits))
    ContextInfo.run_time('on_time', '1nSecond', '2019-10-14 13:20:00')
def on_time(ContextInfo):
    seen.append(('timer', id(globals())))
"""


@pytest.fixture
def forget_module():
    yield
    sys.modules.pop("kept_by_the_client", None)


def test_a_reinit_rebuilds_the_globals_and_keeps_imported_modules(client, forget_module):
    made = client(TIMED).start()
    made.host.command("reinit")
    assert made.seen == [("init", 1, 1), ("init", 1, 2)]


@pytest.mark.parametrize("survive, scopes", [(True, 2), (False, 1)])
def test_the_timers_of_the_run_before_go_on_or_not(client, forget_module, survive, scopes):
    made = client(TIMED, timers_survive_reinit=survive).start()
    made.host.command("reinit")
    made.seen[:] = []
    made.run(3)
    assert len({scope for _, scope in made.seen}) == scopes
    assert len(made.seen) == 3 * scopes


def test_a_reinit_revives_a_stopped_script(client):
    made = client("def handlebar(ContextInfo):\n    seen.append(1)\n    raise ValueError\n", history_bars=0).start()
    made.run(6)
    made.host.command("reinit")
    made.run(6)
    assert made.seen == [1, 1]


# ---- timers and callbacks


@pytest.mark.parametrize("period, start", [("5nSecond", "09:35"), ("5 seconds", "2019-10-14 13:20:00"), ("", "")])
def test_a_timer_with_a_wrong_time_never_fires(client, period, start):
    text = "def init(C):\n    C.run_time('f', %r, %r)\ndef f(C):\n    seen.append(1)\n" % (period, start)
    assert client(text).start().run(20).seen == []


def test_a_timer_of_milliseconds_fires_that_often(client):
    text = (
        "def init(C):\n    C.run_time('f', '500nMilliSecond', '2019-10-14 13:20:00')\ndef f(C):\n    seen.append(1)\n"
    )
    assert len(client(text).start().run(3).seen) == 6


CALLBACKS = """
def init(ContextInfo):
    %s
def deal_callback(ContextInfo, dealInfo):
    seen.append(('deal', dealInfo.m_nVolume))
def order_callback(ContextInfo, orderInfo):
    seen.append(('order', orderInfo.m_nOrderStatus))
def account_callback(ContextInfo, accountInfo):
    seen.append(('account', accountInfo.m_dAvailable))
def position_callback(ContextInfo, positionInfo):
    seen.append(('position', positionInfo.m_strInstrumentID))
"""


def test_callbacks_come_only_after_set_account(client):
    silent = client(CALLBACKS % "pass", owner_seconds=2).start().run(20)
    assert silent.seen == []
    heard = client(CALLBACKS % "ContextInfo.set_account(account)", owner_seconds=2).start().run(20)
    assert {kind for kind, _ in heard.seen} == {"deal", "order", "account", "position"}


def test_set_account_for_another_account_brings_no_callbacks(client):
    assert client(CALLBACKS % "ContextInfo.set_account('1')", owner_seconds=2).start().run(20).seen == []


# ---- imports


@pytest.fixture
def import_state():
    paths, finders, modules = list(sys.path), list(sys.meta_path), dict(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = paths, finders
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]
    sys.modules.update(modules)


def test_a_module_outside_the_brokers_whitelist_is_refused_in_its_words(import_state):
    imports.prepare("", "requests, colorsys")
    with pytest.raises(ImportError) as refusal:
        __import__("requests")
    assert str(refusal.value) == "Forbidden: Module requests not in whitelist!"
    with pytest.raises(ImportError):
        __import__("colorsys")
    __import__("json")


def test_packages_in_qmts_site_packages_can_be_imported(import_state, tmp_path):
    (tmp_path / "only_in_qmt.py").write_text("x = 7\n")
    imports.prepare(str(tmp_path), "")
    assert __import__("only_in_qmt").x == 7
