"""The client as a whole: drills' commands, its logs, and the books that judge a rehearsal."""

import os

import pytest

from rehearsal.qmt import control
from rehearsal.qmt.ledger import Ledger

LIVE = """
def init(ContextInfo):
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


@pytest.fixture
def live(client):
    made = client(LIVE, history_bars=0, owner_seconds=2).start()
    made.run(10)
    made.seen[:] = []
    return made


def test_a_silent_client_calls_nothing_until_it_speaks(live):
    live.host.command("silent")
    live.run(30)
    assert live.seen == []
    live.host.command("speak")
    live.run(6)
    assert {"bar", "timer"} <= set(live.seen)
    assert live.seen.count("timer") <= 7


def test_a_silent_client_does_not_keep_its_loop_busy(live, clock):
    live.host.command("silent")
    live.run(30)
    assert live.host.next_due() > clock.now


def test_frozen_quotes_stop_handlebar_and_not_the_timers(live):
    live.host.command("freeze-quotes")
    live.run(10)
    assert "bar" not in live.seen and "timer" in live.seen
    live.host.command("thaw-quotes")
    live.run(6)
    assert "bar" in live.seen


def test_quotes_can_be_frozen_from_the_start(client):
    made = client(LIVE, history_bars=0, quotes_frozen=True).start().run(9)
    assert "bar" not in made.seen and "timer" in made.seen


def test_logged_out_there_are_no_deals_and_the_log_says_so(live):
    live.host.command("logout")
    live.run(20)
    assert [seen for seen in live.seen if seen[0] == "deal"] == []
    assert "连接断开" in live.log("XtClient")
    live.host.command("login")
    live.run(20)
    assert [seen for seen in live.seen if seen[0] == "deal"]


def test_a_reconnect_replays_the_deals(live):
    known = [deal.trade_id for deal in live.host.broker.deals]
    live.host.command("reconnect")
    live.run(0.25)
    assert [seen[1] for seen in live.seen if seen[0] == "deal"][: len(known)] == known


def test_raise_strikes_one_api_call_of_the_next_handlebar(live):
    live.host.command("raise")
    live.run(6)
    assert "RuntimeError: 模拟的 QMT 内部错误" in live.log()
    assert live.host.scripts[0].stopped


def test_an_unknown_command_is_refused(live):
    assert live.host.command("dance") is False


def test_the_owner_trades_a_little_and_the_same_for_the_same_seed(client, clock):
    start = clock.now
    books = []
    for _ in range(2):
        clock.now = start
        made = client(LIVE, owner_seconds=3).start().run(60)
        books.append([(o.request.code, o.request.buy, o.request.shares) for o in made.host.broker.orders])
    assert books[0] == books[1]
    assert 12 <= len(books[0]) <= 34
    assert all(shares <= 300 for _, _, shares in books[0])


def test_the_owner_stops_after_two_hundred_orders_a_day(client):
    made = client("", owner_seconds=0.1).start().run(120, step=0.1)
    assert len(made.host.broker.orders) == 200


def test_the_client_log_shows_trading_mode_orders_and_where_prices_come_from(live):
    log = live.log("XtClient")
    assert "[trade]start trading mode" in log
    assert "CTradeClient::order" in log
    assert "合成行情" in log


def test_stop_is_called_at_the_end(client):
    made = client("def stop(ContextInfo):\n    seen.append('stopped')\n").start()
    made.host.close()
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
