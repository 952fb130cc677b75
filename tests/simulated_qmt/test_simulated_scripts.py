"""How scripts are run: as in the real client (qmt-facts 1.6, 1.7, 1.9)."""

import datetime
import sys
import time

import pytest

from rehearsal.qmt import script

COUNTING = """
def init(ContextInfo):
    seen.append('init')
def after_init(ContextInfo):
    seen.append('after_init')
def handlebar(ContextInfo):
    seen.append(('bar', ContextInfo.barpos, ContextInfo.is_last_bar(), ContextInfo.is_new_bar()))
"""


def test_init_then_after_init_then_history_bars_then_ticks(client):
    made = client(COUNTING, history_bars=3).started().ticks(3)
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


def test_a_new_minute_is_a_new_bar(client):
    made = client(COUNTING, history_bars=0).started().ticks(21)
    assert made.seen[-1][1] == 1
    assert [bar[3] for bar in made.seen[2:]].count(True) == 2


def test_a_script_in_gbk_prints_chinese_into_the_formula_log(client):
    made = client(
        "def init(ContextInfo):\n    # 注释\n    print('心跳，开始')\n    print('没有换行', end='')\n"
    ).started()
    assert "[script0] 心跳，开始\n" in made.log()
    assert "[script0] 没有换行" in made.log()


def test_the_source_is_decoded_by_its_cookie():
    assert script.decode("#coding:utf-8\n# 中".encode()).endswith("中")
    assert script.decode("#!x\n# -*- coding: gbk -*-\n# 中".encode("gbk")).endswith("中")
    assert script.decode("# 中".encode("gbk")).endswith("中")
    with pytest.raises(UnicodeDecodeError):
        script.decode("#coding:gbk\n# 心".encode() + b"\xff")


def test_a_script_that_cannot_be_decoded_stops_itself_only(client):
    made = client("x = '\xff'", encoding="latin-1").started().ticks(1)
    assert made.scripts[0].stopped
    assert "UnicodeDecodeError" in made.log()


def test_there_is_no_file_and_the_source_is_a_string(client):
    made = client("def init(ContextInfo):\n    seen.append('__file__' in globals())\n    print(1 / 0)\n").started()
    assert made.seen == [False]
    assert 'File "<string>", line 4, in init' in made.log()


def test_the_globals_of_live_trading_are_injected(client):
    made = client(
        "def init(ContextInfo):\n    seen.append((account, accountType, callable(passorder), callable(cancel),"
        " callable(get_trade_detail_data), timetag_to_datetime(1767576600000, '%Y%m%d%H%M%S')))\n"
    ).started()
    assert made.seen == [("2000567", "STOCK", True, True, True, "20260105093000")]


def test_an_exception_silences_the_strategy_for_good_and_no_other(client):
    bad = "def handlebar(ContextInfo):\n    seen.append('bad')\n    raise KeyError('oops')\n"
    made = client(bad, "def handlebar(ContextInfo):\n    seen.append('good')\n", history_bars=0).started().ticks(3)
    assert made.seen.count("bad") == 1
    assert made.seen.count("good") == 3
    assert "KeyError: 'oops'" in made.log()


def test_a_script_that_calls_exit_does_not_end_the_client(client):
    made = client("import sys\ndef handlebar(ContextInfo):\n    seen.append(1)\n    sys.exit(3)\n").started().ticks(2)
    assert made.seen == [1]


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


def test_only_what_the_last_tick_of_a_bar_set_survives(client):
    made = client(COUNTER, history_bars=2).started().ticks(3, every=30)
    # two history bars, then the ticks of 09:30:30, and 09:31:00 and 09:31:30 of the next bar
    assert made.seen == [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (4, 4, 5)]


def test_without_rollback_every_change_stays(client):
    made = client(COUNTER, history_bars=0, rollback=False).started().ticks(3)
    assert made.seen == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_an_attribute_that_cannot_be_copied_is_kept(client):
    text = (
        "import threading\ndef init(ContextInfo):\n    ContextInfo.lock = threading.Lock()\n"
        "def handlebar(ContextInfo):\n    seen.append(ContextInfo.lock.locked())\n"
    )
    assert client(text, history_bars=0).started().ticks(2).seen == [False, False]


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
    made = client(TIMED).started()
    made.reinit()
    assert made.seen == [("init", 1, 1), ("init", 1, 2)]


@pytest.mark.parametrize("survive, scopes", [(True, 2), (False, 1)])
def test_the_timers_of_the_run_before_go_on_or_not(client, forget_module, survive, scopes):
    made = client(TIMED, timers_survive_reinit=survive).started()
    made.reinit()
    made.seen[:] = []
    made.wait(3.5)
    assert len({scope for _, scope in made.seen}) == scopes
    assert len(made.seen) == 3 * scopes


def test_a_reinit_revives_a_stopped_script(client):
    made = client("def handlebar(ContextInfo):\n    seen.append(1)\n    raise ValueError\n", history_bars=0).started()
    made.ticks(2)
    made.reinit()
    made.ticks(2)
    assert made.seen == [1, 1]


# ---- timers and callbacks


@pytest.mark.parametrize("period, start", [("5nSecond", "09:35"), ("5 seconds", "2019-10-14 13:20:00"), ("", "")])
def test_a_timer_with_a_wrong_time_never_fires(client, period, start):
    text = "def init(C):\n    C.run_time('f', %r, %r)\ndef f(C):\n    seen.append(1)\n" % (period, start)
    assert client(text).started().wait(20).seen == []


def test_a_timer_of_milliseconds_fires_that_often(client):
    text = (
        "def init(C):\n    C.run_time('f', '500nMilliSecond', '2019-10-14 13:20:00')\ndef f(C):\n    seen.append(1)\n"
    )
    assert len(client(text).started().wait(3).seen) == 6


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


def called_back(client, line):
    made = client(CALLBACKS % line).started()
    made.world.owner_order("510300.SH", True, 1000)
    return {kind for kind, _ in made.wait(10).seen}


def test_callbacks_come_only_after_set_account(client):
    assert called_back(client, "pass") == set()
    assert called_back(client, "ContextInfo.set_account(account)") == {"deal", "order", "account", "position"}


def test_set_account_for_another_account_brings_no_callbacks(client):
    assert called_back(client, "ContextInfo.set_account('1')") == set()


def test_a_timer_that_starts_later_waits_for_its_time(client):
    text = (
        "def init(C):\n    C.run_time('f', '5nSecond', '2026-01-05 09:31:00')\ndef f(C):\n    seen.append(clock.now)\n"
    )
    made = client(text).started()
    began = made.world.now()
    made.wait(66)
    assert made.seen == [began + 60, began + 65]


SCHEDULED = """
import datetime
def init(C):
    C.schedule_run(f, %s, %d, datetime.timedelta(seconds=10), 'mine')
def f(C):
    seen.append(clock.now)
    if len(seen) == 4:
        C.cancel_schedule_run('mine')
"""


@pytest.mark.parametrize(
    "point, repeat, calls",
    [
        ("'20260105093005'", 0, [5]),
        ("datetime.datetime(2026, 1, 5, 9, 30, 5)", 2, [5, 15, 25]),
        ("'20200101000000'", 1, [0, 10]),
        ("'20260105093005'", -1, [5, 15, 25, 35]),
    ],
)
def test_schedule_run_calls_at_its_time_and_again(client, point, repeat, calls):
    made = client(SCHEDULED % (point, repeat)).started()
    began = made.world.now()
    made.wait(100)
    assert made.seen == [began + seconds for seconds in calls]


def test_a_subscription_is_called_with_each_tick(client):
    text = "def got(data):\n    seen.append(data)\ndef init(C):\n    C.subscribe_quote('510300.SH', callback=got)\n"
    made = client(text).started().ticks(2)
    assert [set(data) for data in made.seen] == [{"510300.SH"}] * 2


# ---- the clock, and imports

CLOCKS = """
import datetime, time
def init(C):
    now = datetime.datetime.now()
    seen.append((time.time(), time.strftime('%Y%m%d %H%M%S'), now.strftime('%Y%m%d %H%M%S'),
                 datetime.date.today().isoformat(), time.localtime().tm_hour, time.gmtime().tm_hour))
    time.sleep(30)
    seen.append((time.time(), isinstance(now, datetime.datetime)))
"""


def test_pythons_clocks_show_the_simulated_time_as_on_a_pc_in_china(client):
    made = client(CLOCKS).started()
    assert made.seen[0] == (1767576600.0, "20260105 093000", "20260105 093000", "2026-01-05", 9, 1)
    assert made.seen[1] == (1767576630.0, True)


def test_outside_of_scripts_the_clocks_are_real(client):
    real = (time.time, time.sleep, datetime.datetime)
    client(CLOCKS).started()
    assert (time.time, time.sleep, datetime.datetime) == real
    assert abs(time.time() - datetime.datetime.now().timestamp()) < 60


def test_a_module_of_the_client_that_binds_the_clock_keeps_the_simulated_one(client, tmp_path):
    (tmp_path / "binds_the_clock.py").write_text("import time\ndef now(read=time.time):\n    return read()\n")
    text = "import binds_the_clock\ndef handlebar(C):\n    seen.append(binds_the_clock.now() - clock.now)\n"
    made = client(text, named={"site_packages": [str(tmp_path)]}, history_bars=0).started().ticks(2)
    assert made.seen == [0.0, 0.0]


def test_packages_in_qmts_site_packages_can_be_imported_there_only(client, tmp_path):
    (tmp_path / "only_in_qmt.py").write_text("x = 7\n")
    text = "import only_in_qmt\ndef init(C):\n    seen.append(only_in_qmt.x)\n"
    assert client(text, named={"site_packages": [str(tmp_path)]}).started().seen == [7]
    with pytest.raises(ImportError):
        __import__("only_in_qmt")


def test_a_folder_that_a_script_adds_to_the_path_stays_with_it(client, tmp_path):
    (tmp_path / "dingtou").mkdir()
    (tmp_path / "dingtou" / "__init__.py").write_text("where = 'home'\n")
    text = "import sys\nsys.path.insert(0, %r)\nimport dingtou\ndef init(C):\n    seen.append(dingtou.where)\n"
    path = list(sys.path)
    assert client(text % str(tmp_path)).started().seen == ["home"]
    assert sys.path == path
