"""What a second start asks of the running copy, with real processes: --shutdown."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tray_app import asked, single_instance
from tray_app import main as program

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60


def start(home, *options):
    command = [sys.executable, "-m", "tray_app", "--home", str(home.root), *options]
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(ROOT), env=environ)


@pytest.fixture
def running(home, receiver):
    settings = "token = abc\nsessions = 00:00-24:00\n[inbox]\nport = off\n"
    home.ini.write_text(f"[sentry]\nreceiver = {receiver.url}\n{settings}", encoding="utf-8")
    copy = start(home, "--headless")
    try:
        assert copy.stdout.readline().startswith(b"tray ready")
        yield copy
    finally:
        copy.kill()
        copy.communicate(timeout=WAIT)


def test_shutdown_ends_the_running_copy_as_a_clean_stop_and_waits_for_it(home, receiver, running):
    asking = start(home, "--shutdown")
    said = asking.communicate(timeout=WAIT)[0].decode("utf-8")
    assert (asking.returncode, "已退出" in said) == (0, True), said
    assert not single_instance.is_held(home.root, home.lock)
    assert running.wait(WAIT) == 0
    told = [event["data"] for post in receiver.posts for event in post["events"] if event["kind"] == "host.stopping"]
    assert told == [{"reason": "signal"}]


def test_without_a_running_copy_shutdown_has_nothing_to_do(home, capsys):
    assert program.main(["--shutdown", "--home", str(home.root)]) == 0
    assert "没有在运行" in capsys.readouterr().out


def test_a_copy_that_does_not_end_is_told_with_1(home):
    """It holds the home folder, but nobody looks whether it is asked."""
    held = single_instance.acquire(home.root, home.lock)
    said = []
    try:
        with asked.listening(home):
            assert asked.stop_running(home, said.append, within=0.0) == 1
    finally:
        held.release()
    assert "任务管理器" in said[0]


def test_a_copy_that_does_not_listen_yet_is_asked_again(home, monkeypatch):
    """It holds the home folder a moment before it listens; an installer would wait for it in vain."""
    asks = []
    monkeypatch.setattr(asked, "ask", lambda home, what: asks.append(what) or len(asks) > 1)
    monkeypatch.setattr(asked, "is_running", lambda home: len(asks) < 2)
    assert asked.stop_running(home, lambda text: None, within=1.0) == 0


def test_what_is_asked_is_heard_once_and_stop_comes_first(home):
    held = single_instance.acquire(home.root, home.lock)
    try:
        with asked.listening(home) as heard:
            assert heard() is None
            assert asked.ask(home, asked.SHUTDOWN) and asked.ask(home, asked.STOP)
            assert [heard(), heard(), heard()] == [asked.STOP, asked.SHUTDOWN, None]
    finally:
        held.release()


def test_what_was_asked_of_a_copy_that_is_gone_does_not_stop_the_next_one(home):
    held = single_instance.acquire(home.root, home.lock)
    try:
        with asked.listening(home):
            asked.ask(home, asked.STOP)
        with asked.listening(home) as heard:
            assert heard() is None
    finally:
        held.release()


def test_nobody_listens_in_an_empty_house(home):
    assert not asked.ask(home, asked.STOP)
    assert not asked.is_running(home)


def test_the_names_hold_for_ever(home):
    assert asked.event_name(home.root, asked.STOP) == single_instance.mutex_name(home.root) + "-stop"


def test_without_a_running_copy_nobody_decides_and_the_pc_stays_on(home, capsys):
    assert program.main(["--request-shutdown", "--home", str(home.root)]) == 1
    assert "不关机" in capsys.readouterr().out


def test_the_request_of_the_task_reaches_the_running_copy(home, running):
    """Its sessions never end, so it never shuts down the PC that runs this test: it says why not."""
    done = start(home, "--request-shutdown")
    said = done.communicate(timeout=WAIT)[0].decode("utf-8")
    assert (done.returncode, "已请" in said) == (0, True), said
    deadline = time.monotonic() + WAIT
    while "no shutdown: " not in (home.logs / "tray.log").read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert running.poll() is None
