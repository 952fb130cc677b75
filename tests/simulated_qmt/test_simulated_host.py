"""The client as a whole: what can happen to it, its logs, drills' commands, and the books that judge a rehearsal."""

import os

import pytest

from rehearsal.qmt import control, times
from rehearsal.qmt.ledger import Ledger
from rehearsal.qmt.owner import Owner

LIVE = """
def init(ContextInfo):
    seen.append('init')
    ContextInfo.set_account(account)
    ContextInfo.run_time('on_time', '1nSecond', '2019-10-14 13:20:00')
def handlebar(ContextInfo):
    ContextInfo.is_last_bar()
    seen.append('bar')
def on_time(ContextInfo):
    seen.append('timer')
def deal_callback(ContextInfo, dealInfo):
    seen.append(('deal', dealInfo.m_strTradeID))
"""
CODE = "510300.SH"


@pytest.fixture
def live(client):
    made = client(LIVE, history_bars=0, fill_after=(0.1, 0.2)).started()
    made.world.owner_order(CODE, True, 1000)
    made.ticks(4)
    made.seen[:] = []
    return made


def deals(made):
    return [what[1] for what in made.seen if what[0] == "deal"]


def test_a_silent_client_calls_nothing_until_it_speaks(live):
    assert control.obey(live, "silent")
    live.ticks(10)
    assert live.seen == []
    control.obey(live, "speak")
    live.ticks(2)
    assert {"bar", "timer"} <= set(live.seen)
    assert live.seen.count("timer") <= 8


def test_a_silent_client_does_not_keep_its_loop_busy(live):
    control.obey(live, "silent")
    live.wait(30)
    assert live.next_due() > live.world.now()


def test_frozen_quotes_stop_handlebar_and_not_the_timers(live):
    control.obey(live, "freeze-quotes")
    live.ticks(3)
    assert "bar" not in live.seen and "timer" in live.seen
    control.obey(live, "thaw-quotes")
    live.ticks(1)
    assert "bar" in live.seen


def test_while_disconnected_deals_are_lost_and_the_log_says_so(live):
    control.obey(live, "disconnect")
    live.world.owner_order(CODE, True, 1000)
    live.wait(10)
    assert deals(live) == [] and "连接断开" in live.client_log()
    control.obey(live, "login")
    live.world.owner_order(CODE, True, 1000)
    live.wait(10)
    assert deals(live)


def test_a_reconnect_replays_the_deals(live):
    known = [deal.trade_id for deal in live.world.broker.deals]
    control.obey(live, "reconnect")
    live.wait(1)
    assert deals(live) == known != []


def test_a_quote_reconnect_runs_the_scripts_from_init(live):
    control.obey(live, "quote-reconnect")
    assert live.seen == ["init"]


def test_raise_strikes_one_api_call_of_the_next_handlebar(live):
    control.obey(live, "raise")
    live.ticks(2)
    assert "RuntimeError: 模拟的 QMT 内部错误" in live.log()
    assert live.scripts[0].stopped


def test_handlebar_may_run_at_any_hour(live):
    live.go("20:00")
    live.seen[:] = []
    control.obey(live, "handlebar")
    assert live.seen == ["bar"]


def test_a_behaviour_can_be_switched_by_a_command(live):
    assert control.obey(live, "behaviour no-fills")
    assert live.behaviours.no_fills is True
    assert control.obey(live, "behaviour no_fills=no")
    assert live.behaviours.no_fills is False


def test_the_owners_hand_can_be_led(live):
    assert control.obey(live, "owner sell 510300.SH 300 4.0")
    request = live.orders()[-1].request
    assert (request.buy, request.shares, request.price, request.remark) == (False, 300, 4.0, "")


@pytest.mark.parametrize("command", ["dance", "behaviour nothing", "owner buy", "owner buy 600000.SH 100", ""])
def test_an_unknown_command_is_refused(live, command):
    assert control.obey(live, command) is False


# ---- the life of the client


def test_a_killed_client_loses_its_modules_and_the_broker_keeps_its_book(client, tmp_path):
    (tmp_path / "helper_of_qmt.py").write_text("count = 0\n")
    text = """
    import helper_of_qmt
    def init(C):
        helper_of_qmt.count += 1
        seen.append((helper_of_qmt.count, len(get_trade_detail_data(account, 'STOCK', 'ORDER'))))
    """
    made = client(text, named={"site_packages": [str(tmp_path)]}).started()
    made.reinit()
    made.world.owner_order(CODE, True, 1000)
    made.wait(10)
    made.kill()
    made.start()
    assert made.seen == [(1, 0), (2, 0), (1, 1)]


def test_what_happened_before_a_client_ran_is_not_pushed_to_it(client):
    made = client(LIVE, history_bars=0).started()
    made.world.owner_order(CODE, True, 1000)
    made.wait(20)
    made.kill()
    made.seen[:] = []
    made.start()
    made.world.owner_order(CODE, True, 100)
    made.wait(20)
    assert len(deals(made)) == len([deal for deal in made.world.broker.deals if deal.ref == made.orders()[-1].ref])


def test_a_refresh_does_not_show_what_happened_in_the_same_moment(client):
    made = client("", visible_after=(1.0, 1.0), sysid_after=(60.0, 60.0)).started()
    rows = lambda: len(made.cache.rows("order", made.world.now()))  # noqa: E731
    made.world.owner_order(CODE, True, 100)
    made.wait(0.99)
    made.world.owner_order(CODE, True, 100)
    made.wait(0.02)
    assert rows() == 0
    made.wait(0.1)
    assert rows() == 2


def test_while_the_client_is_dead_the_world_goes_on(client):
    made = client(LIVE, history_bars=0).started()
    made.world.owner_order(CODE, True, 1000)
    made.kill()
    made.seen[:] = []
    made.world.run_to(made.world.now() + 60)
    assert made.orders()[0].status == 56 and made.seen == []


def test_two_clients_have_modules_of_their_own(world, tmp_path, client):
    (tmp_path / "helper_of_qmt.py").write_text("count = 0\n")
    text = "import helper_of_qmt\ndef init(C):\n    helper_of_qmt.count += 1\n    seen.append(helper_of_qmt.count)\n"
    first, second = (client(text, named={"site_packages": [str(tmp_path)]}).started() for _ in range(2))
    first.reinit()
    assert (first.seen, second.seen) == ([1, 2], [1])


def test_scripts_see_the_environment_that_is_given(client):
    text = "import os\ndef init(C):\n    seen.append(os.environ.get('QMT_SENTRY_HOME'))\n"
    assert client(text, named={"environ": {"QMT_SENTRY_HOME": "/there"}}).started().seen == ["/there"]
    assert os.environ.get("QMT_SENTRY_HOME") != "/there"


def test_a_whole_day_runs_through_with_its_ticks(client):
    text = "def handlebar(C):\n    seen.append(clock.now)\n"
    made = client(text, history_bars=0, at="08:00").started()
    made.run_day("20260105", ticks=61)
    assert len(made.seen) == 3 + 61 + 2
    assert made.world.now() == times.at("20260105", "15:30")


def test_the_owner_trades_a_little_and_the_same_for_the_same_seed(world):
    books = []
    for _ in range(2):
        made = world()
        owner = Owner(made, 3)
        for _ in range(240):
            made.run_to(made.now() + 0.25)
            owner.act()
        books.append([(o.request.code, o.request.buy, o.request.shares) for o in made.broker.orders])
    assert books[0] == books[1]
    assert 12 <= len(books[0]) <= 34
    assert all(shares <= 300 for _, _, shares in books[0])


def test_the_owner_stops_after_two_hundred_orders_a_day(world):
    made = world()
    owner = Owner(made, 0.1)
    for _ in range(600):
        made.run_to(made.now() + 0.2)
        owner.act()
    assert len(made.broker.orders) == 200


def test_the_client_log_shows_trading_mode_and_where_prices_come_from(live):
    assert "[trade]start trading mode" in live.client_log()
    assert "合成行情" in live.client_log()


def test_logs_are_files_where_there_is_a_folder(client, tmp_path):
    made = client("def init(C):\n    print('心跳，开始')\n", named={"folder": str(tmp_path)}).started()
    made.close()
    log = tmp_path / "userdata" / "log" / "XtClient_FormulaOutput_20260105.log"
    assert "[script0] 心跳，开始" in log.read_text(encoding="utf-8")


def test_stop_is_called_at_the_end(client):
    made = client("def stop(ContextInfo):\n    seen.append('stopped')\n").started()
    made.stop()
    assert made.seen == ["stopped"]


# ---- the ledger


@pytest.fixture
def ledger(tmp_path):
    ticks = []
    made = Ledger(str(tmp_path / "books"), timer=lambda: sum(ticks))
    made.ticks = ticks
    made.folder = str(tmp_path / "books")
    made.watch()
    yield made
    made.close()


def post(folder, name="1-000001-qmt.heartbeat.json", text='{"id": "x", "kind": "qmt.heartbeat", "at": 1.5}'):
    os.makedirs(folder, exist_ok=True)
    temporary = os.path.join(folder, ".tmp")
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, os.path.join(folder, name))


def read(ledger, name):
    with open(os.path.join(ledger.folder, name)) as file:
        return file.read().splitlines()


def test_a_file_that_lands_in_the_spool_is_noted_at_once(ledger, tmp_path):
    post(str(tmp_path / "spool"))
    assert read(ledger, "posted.jsonl") == [
        '{"id": "x", "kind": "qmt.heartbeat", "at": 1.5, "name": "1-000001-qmt.heartbeat.json"}'
    ]


def test_other_files_are_not_posts(ledger, tmp_path):
    post(str(tmp_path / "state"))
    post(str(tmp_path / "spool"), name="x.txt")
    assert read(ledger, "posted.jsonl") == []


def test_a_rename_that_fails_is_no_post(ledger, tmp_path):
    (tmp_path / "spool" / "x.json").mkdir(parents=True)
    with pytest.raises(OSError):
        post(str(tmp_path / "spool"), name="x.json")
    assert read(ledger, "posted.jsonl") == []


def test_after_close_os_replace_is_the_real_one(tmp_path):
    real = os.replace
    made = Ledger(str(tmp_path / "books"))
    made.watch()
    assert os.replace is not real
    made.close()
    assert os.replace is real


def test_a_calls_cost_is_its_time_less_that_of_the_api(ledger, tmp_path):
    def spend(seconds):
        ledger.ticks.append(seconds)

    def api():
        spend(2.0)
        ledger.inside(spend, 1.0)

    def entry():
        spend(0.004)
        ledger.inside(api)
        post(str(tmp_path / "spool"))
        spend(0.003)

    ledger.entry("heartbeat", "timer", entry)
    assert read(ledger, "costs.jsonl") == ['{"script": "heartbeat", "entry": "timer", "ms": 7.0, "posted": 1}']


def test_the_cost_of_a_call_that_raises_is_noted_too(ledger):
    with pytest.raises(ZeroDivisionError):
        ledger.entry("heartbeat", "init", lambda: 1 / 0)
    assert len(read(ledger, "costs.jsonl")) == 1


# ---- commands as files


def test_commands_are_taken_in_order_by_text_or_by_name(tmp_path):
    (tmp_path / "2.cmd").write_text("speak\n")
    (tmp_path / "1.cmd").write_text(" silent ")
    (tmp_path / "raise.cmd").touch()
    (tmp_path / "note.txt").write_text("no command")
    assert [command for _, command in control.waiting(str(tmp_path))] == ["silent", "speak", "raise"]


def test_without_a_folder_there_are_no_commands(tmp_path):
    assert list(control.waiting(str(tmp_path / "none"))) == []
