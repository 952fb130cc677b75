"""The real program on a full disk, in a folder that it cannot use, with a damaged outbox.db or sentry.ini, and with
each of its workers killed: a clear word, and it goes on or says how to go on."""

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.tray_app.helpers import settings, stored
from tray_app import strings_zh as zh
from tray_app.app import TrayApp

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60
INI = "[sentry]\nreceiver = {url}\ntoken = abc\nsessions = 00:00-24:00\nevery_day = yes\n[inbox]\nport = off\n"
# A program that may write no byte to any file: what a full disk does, for every file of the real process.
ON_A_FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
from tray_app.main import main
sys.exit(main())
"""
linux = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")


class Program:
    """The real process, headless."""

    def __init__(self, folder, start=("-m", "tray_app")):
        environ = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *start, "--headless", "--home", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=str(ROOT),
            env=environ,
        )
        self._timer = threading.Timer(WAIT, self.process.kill)
        self._timer.start()

    def line_with(self, words):
        """The first line that has them; what was said instead fails the test."""
        said = []
        for raw in self.process.stdout:
            said.append(raw.decode("utf-8").rstrip())
            if words in said[-1]:
                return said[-1]
        return pytest.fail("\n".join(said))

    def end(self):
        self._timer.cancel()
        self.process.kill()
        self.process.communicate(timeout=WAIT)


@pytest.fixture
def start():
    made = []

    def build(*args):
        made.append(Program(*args))
        return made[-1]

    yield build
    for program in made:
        program.end()


@linux
def test_on_a_full_disk_it_starts_says_so_and_goes_on(home, receiver, start):
    home.ini.write_text(INI.format(url=receiver.url), encoding="utf-8")
    program = start(home.root, ("-c", ON_A_FULL_DISK))
    line = program.line_with("[TROUBLE]")
    assert "磁盘" in line
    assert program.process.poll() is None


@linux
def test_a_folder_that_cannot_be_made_is_2_and_says_what_to_do(start):
    program = start("/proc/qmt-sentry")
    assert "请检查权限" in program.line_with("不能使用文件夹 /proc/qmt-sentry")
    assert program.process.wait(WAIT) == 2


def test_a_file_where_the_folder_should_be_is_2_and_says_what_to_do(tmp_path, start):
    (tmp_path / "home").write_text("x")
    program = start(tmp_path / "home")
    assert "请检查权限" in program.line_with("不能使用文件夹")
    assert program.process.wait(WAIT) == 2


def test_a_damaged_outbox_is_put_aside_told_and_the_program_goes_on(home, receiver, start):
    home.ini.write_text(INI.format(url=receiver.url), encoding="utf-8")
    home.outbox.write_bytes(b"this is no database" * 1000)
    told = threading.Event()
    codes = []
    accept = receiver.answers[0]

    def answer(envelope):
        codes.extend(event["data"]["code"] for event in envelope["events"] if event["kind"] == "host.trouble")
        if codes:
            told.set()
        return accept(envelope)

    receiver.answers = [answer]
    program = start(home.root)
    program.line_with("tray ready")
    assert told.wait(WAIT) and codes == ["outbox-salvaged"]
    assert list(home.root.glob("outbox.*.corrupt"))
    assert program.process.poll() is None


@pytest.mark.parametrize(
    "content, words",
    [
        (b"[sentry]\nreceiver = https://x\n", "缺少 token"),
        (b"\x00\x01\x02" * 50, "sentry.ini"),
        ("[sentry]\nmachine = 小主机 1\n".encode("gbk"), "UTF-8"),
        (b"receiver = https://x\n", "[sentry]"),
    ],
    ids=["half", "garbage", "gbk", "no section"],
)
def test_a_damaged_sentry_ini_is_2_and_one_sentence_that_names_it(home, start, content, words):
    home.ini.write_bytes(content)
    line = start(home.root).line_with("sentry.ini")
    assert words in line and "Traceback" not in line


def kill(thread):
    """As if a library had ended it: SystemExit at its next step, which nothing in a worker catches."""
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_each_worker_killed_in_turn_is_begun_again_and_told(home):
    webhook = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k"
    app = TrayApp(home, settings(inbox="port = 0\ntoken = x", last_resort=f"webhook = {webhook}"))
    app.start()
    try:
        names = [worker.name for worker in app.parts.all]
        assert {"sender", "spool", "flags", "qmt", "host", "inbox", "last-resort"} <= set(names)
        for worker in app.parts.all:
            assert worker.wait_round(0, WAIT)
            victim, rounds = worker._thread, worker.rounds
            kill(victim)
            worker.wake()
            victim.join(WAIT)
            assert not victim.is_alive(), worker.name
            assert app.watchdog.look() == [worker.name]
            assert worker.wait_round(rounds, WAIT), worker.name
    finally:
        app.stop("menu")
    told = [event["data"] for event in stored(home.outbox) if event["kind"] == "host.trouble"]
    assert [data["code"] for data in told] == ["worker-restarted"] * len(names)
    assert all(zh.PARTS[name] in data["what"] for name, data in zip(names, told))
