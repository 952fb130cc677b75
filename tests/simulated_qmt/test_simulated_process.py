"""The simulated QMT as a process: what run.py starts, what a watcher sees, how it ends."""

import json
import os
import signal
import subprocess
import time

import pytest

from rehearsal.qmt import __main__ as process
from rehearsal.qmt import install
from rehearsal.qmt.owner import Owner

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEARTBEAT = os.path.join(REPOSITORY, "qmt_strategy", "heartbeat.py")
PATIENCE = 30.0


class Running:
    def __init__(self, folder, home, *options):
        self.folder, self.home = str(folder), str(home)
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, "sentry.ini"), "w") as file:
            file.write("[heartbeat]\nevery = 1\nhours = 00:00-24:00\n")
        install.lay_out(self.folder)
        environment = dict(install.environment(self.folder), QMT_SENTRY_HOME=self.home)
        usual = ["--script", HEARTBEAT, "--tick-seconds", "0.5", "--owner-seconds", "0.5"]
        command = install.command(self.folder, usual + list(options))
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.first_line = self.process.stdout.readline().decode("utf-8").strip()

    def lines(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError("not within %g s" % PATIENCE)

    def tell(self, command):
        path = os.path.join(self.folder, "control", command + ".cmd")
        open(path, "w").close()
        self.wait(lambda: not os.path.exists(path))

    def posted(self, kind):
        return [line for line in self.lines("posted.jsonl") if line["kind"] == kind]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self.rest = self.process.stdout.read().decode("utf-8", "replace")
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path / "QMT", tmp_path / "home")
    yield made
    made.kill()


def test_the_heartbeat_runs_in_it_and_posts_deals(running):
    assert running.first_line == "qmt ready"
    running.wait(lambda: len(running.posted("qmt.heartbeat")) >= 5)
    assert running.posted("strategy.error") == []
    spool = os.path.join(running.home, "spool")

    def deals():
        for name in sorted(os.listdir(spool)):
            with open(os.path.join(spool, name), "rb") as file:
                event = json.loads(file.read().decode("utf-8"))
            if event["data"].get("deals"):
                return event["data"]
        return None

    data = running.wait(deals)
    assert data["logged_in"] is True and data["accounts"][0]["账号"] == "0567"
    assert data["deals"][0]["手续费"] > 0
    assert [line for line in running.lines("costs.jsonl") if line["posted"]]


def test_every_post_in_the_spool_is_in_the_ledger(running):
    running.wait(lambda: len(running.posted("qmt.heartbeat")) >= 3)
    running.end()
    spooled = {name for name in os.listdir(os.path.join(running.home, "spool")) if name.endswith(".json")}
    assert spooled <= {line["name"] for line in running.lines("posted.jsonl")}


def test_raise_becomes_an_error_post_and_the_heartbeat_goes_on(running):
    running.tell("raise")
    running.wait(lambda: running.posted("strategy.error"))
    before = len(running.posted("qmt.heartbeat"))
    running.wait(lambda: len(running.posted("qmt.heartbeat")) > before)


def test_a_reinit_does_not_double_the_heartbeat(running):
    for _ in range(3):
        running.tell("reinit")
    started = len(running.posted("qmt.heartbeat"))
    running.wait(lambda: len(running.posted("qmt.heartbeat")) >= started + 4)
    assert running.posted("strategy.error") == []
    assert running.posted("strategy.notice") == []


def test_silent_is_silent_while_the_process_lives(running):
    running.wait(lambda: running.posted("qmt.heartbeat"))
    running.tell("silent")
    before = len(running.lines("posted.jsonl"))
    running.tell("logout")  # the loop goes on, and makes no post
    assert len(running.lines("posted.jsonl")) == before
    running.tell("login")
    running.tell("speak")
    running.wait(lambda: len(running.lines("posted.jsonl")) > before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to ask a process to end")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_sigterm_and_on_ctrl_c(running, number):
    assert running.end(number) == 0
    assert running.rest == ""


def test_a_watcher_sees_xtitclient_exe_under_the_install_folder(running):
    psutil = pytest.importorskip("psutil", reason="psutil is not installed on this Python")
    seen = psutil.Process(running.process.pid)
    client = os.path.join(running.folder, "bin.x64", "XtItClient.exe")
    assert seen.name() == "XtItClient.exe"
    assert seen.cmdline()[0] == client
    assert os.path.realpath(seen.exe()) == os.path.realpath(client)


def test_an_installation_can_be_refreshed_while_it_runs(running):
    client = install.lay_out(running.folder)
    assert os.path.basename(client) == "XtItClient.exe"
    assert running.process.poll() is None


@pytest.mark.parametrize(
    "options, words",
    [
        (["--tick-seconds", "0"], "--tick-seconds"),
        (["--behave", "nothing=1"], "没有行为"),
        (["--behaviour", "rollback=maybe"], "rollback"),
        (["--speed", "0"], "--speed"),
        (["--start-at", "9:30"], "--start-at"),
        (["--replay-from", "yesterday"], "--replay-from"),
        (["--data", "/nowhere"], "不存在"),
        (["--script", "/nowhere.py"], "nowhere.py"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path, capsys, options, words):
    base = ["--dir", str(tmp_path)] + ([] if "--script" in options else ["--script", HEARTBEAT])
    assert process.main(base + options) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1


def test_quotes_can_come_from_a_folder(tmp_path):
    rows = "".join("2024-01-%02d,1.0,1.2,0.9,1.1,5\n" % day for day in range(1, 6))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "510300.SH.csv").write_text("date,open,high,low,close,volume\n" + rows)
    made = Running(tmp_path / "QMT", tmp_path / "home", "--data", str(tmp_path / "data"))
    try:
        assert made.first_line == "qmt ready"
        assert made.end() in (0, 1 if os.name == "nt" else 0)
        log = os.path.join(made.folder, "userdata", "log")
        names = [name for name in os.listdir(log) if name.startswith("XtClient_2")]
        with open(os.path.join(log, names[0]), encoding="utf-8") as file:
            assert "行情来自" in file.read()
    finally:
        made.kill()


SEEING = """#coding:gbk
import os, time
def handlebar(C):
    rows = get_trade_detail_data(account, 'STOCK', 'ORDER')
    print('tick', time.strftime('%Y%m%d %H:%M'), len(rows), C.get_full_tick()['510300.SH']['timetag'][:14])
"""


def started(folder, *options):
    script = os.path.join(str(folder), "seeing.py")
    with open(script, "w") as file:
        file.write(SEEING)
    usual = ["--dir", str(folder), "--script", script, "--tick-seconds", "0.2", "--owner-seconds", "0"]
    return process.build(process.arguments(usual + list(options)))


class EndWhen:
    """Asks for the end as soon as a condition holds, or patience is at its end."""

    def __init__(self, condition):
        self._condition = condition
        self._deadline = time.monotonic() + PATIENCE

    @property
    def asked(self):
        assert time.monotonic() < self._deadline
        return self._condition()


def test_it_can_start_at_another_time_and_run_faster(tmp_path):
    client = started(tmp_path, "--start-at", "2026-01-05 10:00", "--speed", "60", "--hours", "exchange")
    process.run(client, str(tmp_path), Owner(client.world, 0), EndWhen(lambda: len(client.logs.formula_lines) > 130))
    assert client.logs.formula_lines[-1].startswith("[seeing] tick 20260105 10:0")
    assert "20260105 10:0" in client.logs.formula_lines[-1][30:]


def test_a_replay_that_began_yesterday_goes_on_with_the_next_days_prices(tmp_path):
    yesterday = started(tmp_path, "--start-at", "2027-01-05 10:00").world.market
    goes_on = started(tmp_path, "--start-at", "2027-01-06 10:00", "--replay-from", "20270105").world.market
    anew = started(tmp_path, "--start-at", "2027-01-06 10:00").world.market
    assert goes_on.bars == yesterday.bars
    assert anew.bars != yesterday.bars


def test_a_client_that_was_killed_finds_the_account_as_it_left_it(tmp_path):
    client = started(tmp_path)
    client.world.owner_order("510300.SH", True, 1000)
    process.run(client, str(tmp_path), Owner(client.world, 0), EndWhen(lambda: client.world.broker.orders[0].traded))
    again = started(tmp_path)
    assert again.world.broker.orders[0].sysid == client.world.broker.orders[0].sysid
    assert started(tmp_path, "--fresh").world.broker.orders == []


@pytest.mark.parametrize("book", [b"nonsense", b"", b"\x80\x04N."])
def test_a_damaged_book_is_no_book_and_said(tmp_path, capsys, book):
    (tmp_path / "broker.bin").write_bytes(book)
    assert started(tmp_path).world.broker.orders == []
    assert "账户从头开始" in capsys.readouterr().err


def test_an_order_is_kept_before_passorder_returns(tmp_path):
    client = started(tmp_path)
    process.Book(client.world, str(tmp_path))
    client.world.owner_order("510300.SH", True, 1000)
    client.world.after_order()
    assert len(started(tmp_path).world.broker.orders) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows takes its zone from the system, not from TZ")
def test_local_time_in_the_process_is_chinas(tmp_path):
    install.lay_out(tmp_path)
    client = os.path.join(str(tmp_path), "bin.x64", "XtItClient.exe")
    code = "import time; print(time.strftime('%H', time.localtime(0)))"
    told = subprocess.check_output([client, "-c", code], env=install.environment(tmp_path), timeout=PATIENCE)
    assert told.strip() == b"08"


def test_every_fund_can_begin_with_shares(tmp_path):
    world = started(tmp_path, "--shares", "700").world
    assert {holding.volume for holding in world.broker.holdings.shares.values()} == {700}
    assert set(world.broker.holdings.shares) == set(world.market.codes)


ORDERING = """#coding:gbk
done = []
def handlebar(C):
    if C.is_last_bar() and not done:
        done.append(1)
        passorder(23, 1101, account, '510300.SH', 5, -1, 100, 'name', 1, 'my remark', C)
"""


def test_every_call_of_passorder_is_noted_even_where_no_order_comes_of_it(tmp_path):
    client = started(tmp_path, "--behaviour", "silent_refusals")
    client.mount("ordering", ORDERING.encode())
    noted = tmp_path / "passorders.jsonl"
    process.run(client, str(tmp_path), Owner(client.world, 0), EndWhen(lambda: noted.exists() and noted.read_text()))
    (line,) = [json.loads(text) for text in noted.read_text().splitlines()]
    assert (line["script"], line["code"], line["remark"]) == ("ordering", "510300.SH", "my remark")
    assert client.world.broker.orders == []
