"""The program as a whole: start reasons, the menu's actions, a clean stop, and the real process headless."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.tray_app.helpers import StubReceiver, accept, fails_with, kinds, order, settings, stored
from tray_app import events, pause
from tray_app import main as program
from tray_app.app import TrayApp
from tray_app.outbox import OutboxError
from tray_app.runs import start_reason
from tray_app.watch.spool import Post

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"
WAIT = 30


@pytest.mark.parametrize(
    "marks, reason",
    [
        ({}, "first"),
        ({"boot_at": "1000.0", "stopped": "menu"}, "clean"),
        ({"boot_at": "1000.0", "stopped": ""}, "crash"),
        ({"boot_at": "1030.0", "stopped": ""}, "crash"),
        ({"boot_at": "400.0", "stopped": ""}, "boot"),
        ({"boot_at": "400.0", "stopped": "session-end"}, "clean"),
    ],
)
def test_why_a_run_begins(marks, reason):
    assert start_reason(marks, 1000.0) == reason


@pytest.fixture
def start(home):
    made = []

    def build(receiver=NOBODY, **sections):
        sections.setdefault("inbox", "port = off")
        found = TrayApp(home, settings(receiver, **sections))
        made.append(found)
        found.start()
        return found

    yield build
    for found in made:
        found.stop("menu")


def test_a_start_is_told_before_anything_else_with_what_the_run_before_left(start, home):
    first = start()
    assert first.parts.host.wait_round(0, WAIT)
    first.stop("menu")
    start().stop("signal")
    started = [event["data"] for event in stored(home.outbox) if event["kind"] == "host.started"]
    assert [data["reason"] for data in started] == ["first", "clean"]
    assert started[0]["last_seen"] is None
    assert started[1]["last_seen"] > 1e9
    assert kinds(home.outbox)[0] == "host.started"


def test_a_run_that_did_not_stop_cleanly_is_called_a_crash(start, home):
    first = start()
    first._stopped.acquire()  # as killed: nothing more is written
    for worker in first.parts.all:
        worker.stop(WAIT)
    first.outbox.close()
    start()
    reasons = [event["data"]["reason"] for event in stored(home.outbox) if event["kind"] == "host.started"]
    assert reasons == ["first", "crash"]


def test_a_stop_reaches_the_receiver_and_leaves_nothing_waiting(start, home, receiver):
    found = start(receiver.url)
    found.stop("menu")
    sent = [event for post in receiver.posts for event in post["events"]]
    assert sent[-1]["kind"] == "host.stopping"
    assert sent[-1]["data"] == {"reason": "menu"}
    assert stored(home.outbox) == []


def test_a_post_in_the_spool_is_at_the_receiver_soon(start, home, receiver):
    start(receiver.url)
    event = order()
    got = receiver.expect(event)
    (home.spool / "1767578400001-000001-order.state.json").write_bytes(events.dumps(event))
    assert got.wait(WAIT)


def test_restart_heartbeat_shows_the_receivers_answer(start, receiver):
    found = start(receiver.url)
    assert found.parts.host.wait_round(0, WAIT)
    before = len(receiver.posts)
    answer = found.restart_heartbeat()
    assert answer.startswith("接收端已答复")
    assert len(receiver.posts) > before
    assert found.view().lines[0] == answer


def test_restart_heartbeat_says_when_nobody_answers(start):
    found = start()
    assert "没有送到接收端" in found.restart_heartbeat()


def test_restart_heartbeat_waits_no_longer_than_two_seconds(start, receiver):
    let_go = threading.Event()

    def slow(envelope):
        let_go.wait(WAIT)
        return accept(envelope)

    receiver.answers = [slow]
    found = start(receiver.url)
    try:
        assert "2 秒" in found.restart_heartbeat()
    finally:
        let_go.set()


def test_a_test_alert_is_an_event_and_its_way_is_told(start, home, receiver):
    found = start(receiver.url)
    assert "请看手机" in found.send_test_alert()
    assert "host.test_alert" in [event["kind"] for post in receiver.posts for event in post["events"]]
    receiver.answers = [fails_with(500)]
    assert "已存下" in found.send_test_alert()


def test_a_test_alert_goes_by_the_last_resort_too(start, receiver):
    robot = StubReceiver()
    robot.answers = [lambda message: (200, {}, b'{"errcode":0}')]
    found = start(receiver.url, last_resort=f"webhook = {robot.url}/send?key=K")
    found.send_test_alert()
    assert found.board.wait("answer", lambda said: "最后手段也发了一条" in said, WAIT)
    assert "测试" in robot.posts[0]["text"]["content"]
    robot.close()


def test_a_pause_survives_a_restart_and_can_be_ended(start, home):
    found = start()
    found.toggle_pause()
    until = found.paused_until()
    assert (until + 8 * 3600) % 86400 == 9 * 3600 + 25 * 60
    found.stop("menu")
    again = start()
    assert again.paused_until() == until
    assert again.view().icon == "paused"
    again.toggle_pause()
    assert again.paused_until() is None
    paused = [event["data"] for event in stored(home.outbox) if event["kind"] == "host.paused"]
    assert paused == [{"until": until}, {"until": None}]


def test_after_a_gap_in_its_own_time_the_strategy_is_not_called_silent(home, clock):
    """On Windows the monotonic clock may run on while the machine sleeps, and with Modern Standby nobody says so."""
    found = TrayApp(home, settings(inbox="port = off"), clock.wall, clock.mono)
    try:
        found.board.show(post=Post(clock.now, 60.0, "grid"))
        found.tick()
        clock.advance(3600)
        assert "script-silent" in found.view().key
        found.tick()
        assert "script-silent" not in found.view().key
    finally:
        found.stop("menu")


def test_a_clock_that_is_set_back_begins_all_ages_anew(home, clock):
    found = TrayApp(home, settings(inbox="port = off"), clock.wall, clock.mono)
    try:
        found.tick()
        clock.now -= 3600
        found.tick()
        assert found.snapshot().awake_since == clock.now
    finally:
        found.stop("menu")


def refuse_put(event):
    raise OutboxError("磁盘满了")


@pytest.mark.parametrize("was_paused", [False, True])
def test_a_pause_that_cannot_be_told_does_not_hold_and_the_answer_says_so(start, monkeypatch, was_paused):
    found = start()
    if was_paused:
        found.toggle_pause()
    before = found.paused_until()
    monkeypatch.setattr(found.outbox, "put", refuse_put)
    assert "没有存下" in found.toggle_pause()
    assert found.paused_until() == before


def test_a_pause_that_can_neither_be_told_nor_undone_is_called_so(start, monkeypatch):
    found = start()

    def held(path):
        raise PermissionError(13, "sharing violation")

    monkeypatch.setattr(found.outbox, "put", refuse_put)
    monkeypatch.setattr("tray_app.home.remove", held)
    answer = found.toggle_pause()
    assert found.paused_until() is not None
    assert "已暂停" in answer and "磁盘满了" in answer
    monkeypatch.undo()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until": "soon"}', '{"until": NaN}'])
def test_an_unreadable_pause_is_none(home, text):
    home.paused.write_text(text)
    assert pause.read(home.paused) is None


def test_a_pause_begins_and_ends_while_a_worker_reads_it(home):
    """On Windows, and there only, this failed: an open file can be neither replaced nor removed."""
    done = threading.Event()

    def look():
        while not done.is_set():
            pause.read(home.paused)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for until in range(1, 41):
            pause.write(home.paused, until, 0.0)
            assert pause.read(home.paused) == until
            pause.end(home.paused)
            assert pause.read(home.paused) is None
    finally:
        done.set()
        reader.join()


def test_the_host_heartbeat_tells_of_outbox_workers_and_restarts(start, home):
    found = start()
    assert found.parts.host.wait_round(0, WAIT)
    (data,) = [event["data"] for event in stored(home.outbox) if event["kind"] == "host.heartbeat"]
    assert set(data["outbox"]) == {"waiting", "oldest_age", "dropped", "superseded", "rejected"}
    assert set(data["workers"]) == set(data["limits"]) == {worker.name for worker in found.parts.all}
    assert (data["restarts"], data["paused_until"], data["clock_offset"]) == ({}, None, None)


def test_while_the_outbox_cannot_be_opened_the_program_runs_and_says_so(home, monkeypatch):
    home.outbox.mkdir()
    found = TrayApp(home, settings(inbox="port = off"))
    found.start()
    try:
        assert found.view().icon == "trouble"
        home.outbox.rmdir()
        found.tick()
        assert "host.started" in kinds(home.outbox)
    finally:
        found.stop("menu")


def test_the_inbox_needs_a_port_and_a_token(home):
    def names(**sections):
        return [worker.name for worker in TrayApp(home, settings(**sections)).parts.all]

    assert "inbox" in names(inbox="port = 0\ntoken = x")
    assert "inbox" not in names(inbox="port = off\ntoken = x")
    assert "inbox" not in names(inbox="port = 0")


# The real process ----------------------------------------------------------------------------------------------------


@pytest.fixture
def process(home, receiver):
    text = f"[sentry]\nreceiver = {receiver.url}\ntoken = abc\nsessions = 00:00-24:00\nevery_day = yes\n"
    home.ini.write_text(text + "[inbox]\nport = 0\ntoken = old\n", encoding="utf-8")
    command = [sys.executable, "-m", "tray_app", "--headless", "--home", str(home.root)]
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(ROOT), env=environ)
    timer = threading.Timer(60, running.kill)
    timer.start()
    yield running
    timer.cancel()
    running.kill()
    running.wait(WAIT)
    running.stdout.close()


def test_headless_it_says_that_it_is_ready_and_what_it_sees(process, home):
    ready = process.stdout.readline().decode("utf-8").strip()
    port = json.loads(home.inbox.read_text())["port"]
    assert ready == f"tray ready home={home.root} inbox={port}"
    assert process.stdout.readline().decode("utf-8").startswith("[")


def test_a_second_start_ends_with_0_and_says_so(process, home):
    process.stdout.readline()
    command = [sys.executable, "-m", "tray_app", "--headless", "--home", str(home.root)]
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    second = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, cwd=str(ROOT), env=environ)
    assert second.returncode == 0
    assert "已经在运行" in second.stdout.decode("utf-8")
    assert process.poll() is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send on Windows")
def test_a_sigterm_is_a_clean_stop_told_to_the_receiver(process, home, receiver):
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT) == 0
    sent = [event for post in receiver.posts for event in post["events"]]
    assert [event["data"] for event in sent if event["kind"] == "host.stopping"] == [{"reason": "signal"}]
    assert not home.inbox.exists()
    assert "ERROR" not in (home.logs / "tray.log").read_text(encoding="utf-8")


def test_without_a_console_a_wrong_file_is_refused_quietly(home, monkeypatch):
    home.ini.write_text("[sentry]\ntoken = half\n", encoding="utf-8")
    monkeypatch.setattr(program.logs, "start", lambda *where: None)
    monkeypatch.setattr(sys, "stdout", None)
    assert program.main(["--headless", "--home", str(home.root)]) == 2


@pytest.mark.parametrize("argv", [["--home", "a\0b"], ["--nonsense"], ["--home"]])
@pytest.mark.parametrize("console", [True, False])
def test_a_wrong_command_line_is_refused_in_one_sentence(monkeypatch, capsys, argv, console):
    if not console:
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        monkeypatch.setattr(program.sys, "platform", "linux")  # no message box in a test
    assert program.main(argv) == 2
    if console:
        assert capsys.readouterr().out.count("\n") == 1


def test_a_crash_ends_with_1_and_stands_in_the_log(home, monkeypatch, capsys):
    home.ini.write_text(f"[sentry]\nreceiver = {NOBODY}\ntoken = x\n", encoding="utf-8")

    def fail(app, headless):
        raise RuntimeError("unexpected")

    monkeypatch.setattr(program, "_run", fail)
    assert program.main(["--headless", "--home", str(home.root)]) == 1
    assert "RuntimeError: unexpected" in (home.logs / "tray.log").read_text(encoding="utf-8")
    assert "Traceback" not in capsys.readouterr().out
