"""The Windows edge of the tray program, on the real program under Wine: 1,000 changes, --shutdown, --selftest, a loop
that ends, messages that Windows sends."""

import re
import time
from pathlib import Path

import pytest

from installer import tray_shot, wine_desktop

HERE = Path(__file__).resolve().parent
REPOSITORY = wine_desktop.windows_path(HERE.parent.parent)
START = 60.0  # seconds for a program to come up or to end; usually 2, but the machine may be busy
WM_POWERBROADCAST, WM_SETTINGCHANGE, WM_DPICHANGED, WM_THEMECHANGED = 0x0218, 0x001A, 0x02E0, 0x031A
SUSPEND, RESUME = 0x04, 0x12


def script(name):
    return wine_desktop.windows_path(HERE / name)


@pytest.fixture
def tray(windows, home):
    with windows.start(["-m", "tray_app"], home=home) as program:
        tray_shot.wait_for_icon(windows.desktop, program)
        yield program


def send(windows, *messages):
    """The answers of the icon's windows to (message, wParam)."""
    arguments = [hex(number) for message in messages for number in message]
    done = windows.run([script("send_to_tray_window.py"), *arguments], timeout=START)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_thousand_icon_changes_keep_the_handle_count_flat(windows):
    done = windows.run([script("icon_changer.py")], env={"PYTHONPATH": REPOSITORY}, timeout=120)
    found = re.search(r"handles: (\d+) (\d+) windows: (\d+) (\d+) made: (\d+)", done.stdout)
    assert found, done.stdout
    handles, handles_after, place, place_after, made = map(int, found.groups())
    assert handles > 0 and handles_after <= handles + 5, done.stdout
    assert place_after <= place + 20, done.stdout
    assert made == 5  # one for each state


def test_shutdown_ends_the_running_program_and_waits_for_it(windows, home, receiver, tray):
    done = windows.run(["-m", "tray_app", "--shutdown"], home=home, timeout=START)
    assert done.returncode == 0 and "已退出" in done.stdout, done.stdout
    assert tray.wait(START) == 0, tray.output()
    stopping = receiver.wait_for(lambda event: event["kind"] == "host.stopping", START)
    assert stopping and stopping["data"]["reason"] == "signal"


def test_shutdown_without_a_running_program_is_0_at_once(windows, home):
    done = windows.run(["-m", "tray_app", "--shutdown"], home=home, timeout=START)
    assert done.returncode == 0 and "没有在运行" in done.stdout, done.stdout


def test_a_loop_that_ends_by_itself_is_a_crash_with_1_and_the_next_start_tells_of_it(windows, home, receiver, tray):
    assert receiver.wait_for(lambda event: event["kind"] == "host.started", START), tray.output()
    assert windows.run([script("end_the_loop.py")], timeout=START).returncode == 0
    assert tray.wait(START) == 1, tray.output()
    with windows.start(["-m", "tray_app", "--headless"], home=home) as again:
        crashed = receiver.wait_for(
            lambda event: event["kind"] == "host.started" and event["data"]["reason"] == "crash", START
        )
        assert crashed, again.output()


def test_theme_scaling_and_waking_are_answered_and_the_program_goes_on(windows, home, receiver, tray):
    send(windows, (WM_SETTINGCHANGE, 0), (WM_THEMECHANGED, 0), (WM_DPICHANGED, 0x00780078))
    send(windows, (WM_POWERBROADCAST, SUSPEND), (WM_POWERBROADCAST, RESUME))
    newest = max((event["seq"] for event in receiver.events), default=0)
    assert receiver.wait_for(lambda event: event["seq"] > newest + 1, START), tray.output()
    tray_shot.wait_for_icon(windows.desktop, tray)
    log = (home / "logs" / "tray.log").read_text(encoding="utf-8")
    assert "ERROR" not in log, log


def test_the_selftest_finds_nothing_missing(windows, tmp_path):
    report = tmp_path / "自检.txt"
    arguments = ["-m", "tray_app", "--selftest", "--report", wine_desktop.windows_path(report)]
    done = windows.run(arguments, timeout=START)
    assert done.returncode == 0, done.stdout
    assert "自检通过" in report.read_text(encoding="utf-8")


def test_the_doctor_says_in_chinese_what_is_not_set_up(windows, home):
    done = windows.run(["-m", "tray_app", "--doctor"], home=home, timeout=START)
    assert done.returncode == 1, done.stdout
    report = (home / "doctor.txt").read_text(encoding="utf-8")
    for words in ("sentry.ini 没有错", "接收端", "哨兵没有在运行", "里没有 QMT", "开机后启动"):
        assert words in report and words in done.stdout, report


def test_the_request_to_shut_down_is_heard_by_the_running_program(windows, home, tray):
    """The fixture's sessions last until 23:59: it says that the market has not closed, and shuts nothing down."""
    done = windows.run(["-m", "tray_app", "--request-shutdown"], home=home, timeout=START)
    assert done.returncode == 0, done.stdout
    log = home / "logs" / "tray.log"
    deadline = time.monotonic() + START
    while "no shutdown: " not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, tray.output()
        time.sleep(0.1)
    assert tray.running()
