"""The real tray program on the Windows Python under Wine: notification area, menu, single instance, watching QMT."""

import json
import time
import uuid
from pathlib import Path

import pytest

from installer import tray_shot, wine_desktop

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parent.parent / ".run" / "tray-under-wine"
WM_CLOSE, WM_QUERYENDSESSION, WM_ENDSESSION = 0x0010, 0x0011, 0x0016
START = 60.0  # seconds for a program to come up; usually 2, but the machine may be busy


@pytest.fixture
def headless(windows, home):
    with windows.start(["-m", "tray_app", "--headless"], home=home) as tray:
        assert tray.wait_for("tray ready", START), tray.output()
        yield tray


@pytest.fixture
def qmt(windows, tmp_path):
    """A process with a window that Windows lists as XtItClient.exe, in the install folder that sentry.ini names."""
    exe = windows.stand_in(tmp_path / "QMT 交易端" / "bin.x64", "XtItClient.exe")
    with windows.start([wine_desktop.windows_path(HERE / "freezing_window.py")], exe=exe) as program:
        assert program.wait_for("up", START), program.output()
        yield program


def qmt_is(state):
    return lambda event: event["kind"] == "qmt.process" and event["data"]["state"] == state


def mostly_red(pixels):
    return sum(red > 180 and green < 90 and blue < 90 for red, green, blue in pixels) > len(pixels) / 3


@pytest.fixture
def watched(windows, home):
    """The tray program with its icon, which prints what stands in its menu when that opens."""
    observer = wine_desktop.windows_path(HERE / "menu_observer.py")
    repository = wine_desktop.windows_path(HERE.parent.parent)
    with windows.start([observer], home=home, env={"PYTHONPATH": repository}) as tray:
        yield tray


def menu_lines(windows, tray):
    tray_shot.open_menu(windows.desktop, tray)
    assert tray.wait_for("menu complete", START), tray.output()
    return [line.split(": ", 1)[1] for line in tray.output().splitlines() if line.startswith("menu line: ")]


def test_the_icon_stands_in_the_notification_area_and_its_menu_is_chinese(windows, watched):
    tray_shot.wait_until_drawn(windows.desktop, watched, mostly_red, START)
    windows.desktop.photograph(PICTURES / "icon.png")
    lines = menu_lines(windows, watched)
    windows.desktop.photograph(PICTURES / "menu.png", tray_shot.CORNER)
    assert lines[0].startswith("greyed QMT 不在运行")
    for text in ("重启心跳", "打开看板", "发送测试告警", "查看日志", "退出"):
        assert f"active {text}" in lines
    assert lines[-1] == "active 退出"


def test_icon_and_menu_follow_when_qmt_starts(windows, watched, request):
    tray_shot.wait_until_drawn(windows.desktop, watched, mostly_red, START)
    request.getfixturevalue("qmt")  # starts it only now
    tray_shot.wait_until_drawn(windows.desktop, watched, lambda pixels: not mostly_red(pixels), START)
    assert not any("QMT 不在运行" in line for line in menu_lines(windows, watched))


def test_choosing_quit_in_the_menu_ends_the_program_with_0(windows, home):
    with windows.start(["-m", "tray_app"], home=home) as tray:
        tray_shot.wait_for_icon(windows.desktop, tray)
        tray_shot.open_menu(windows.desktop, tray)
        assert tray_shot.close_by_menu(windows.desktop, tray) == 0, tray.output()


def send(windows, *messages):
    script = wine_desktop.windows_path(HERE / "send_to_tray_window.py")
    done = windows.run([script, *(hex(number) for message in messages for number in message)], timeout=START)
    assert done.returncode == 0, done.stdout
    return [int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("answer:")]


def stopping(reason):
    return lambda event: event["kind"] == "host.stopping" and event["data"]["reason"] == reason


def test_a_shutdown_of_windows_is_not_refused_and_the_receiver_hears_of_it(windows, home, receiver):
    with windows.start(["-m", "tray_app"], home=home) as tray:
        tray_shot.wait_for_icon(windows.desktop, tray)
        assert all(send(windows, (WM_QUERYENDSESSION, 0)))
        send(windows, (WM_ENDSESSION, 1))
        assert receiver.wait_for(stopping("session-end"), START), tray.output()


def test_an_installer_can_close_it(windows, home, receiver):
    with windows.start(["-m", "tray_app"], home=home) as tray:
        tray_shot.wait_for_icon(windows.desktop, tray)
        send(windows, (WM_CLOSE, 0))
        assert tray.wait(START) == 0, tray.output()
        assert receiver.wait_for(stopping("signal"), START)


def test_it_tells_the_receiver_that_it_started(headless, receiver):
    started = receiver.wait_for(lambda event: event["kind"] == "host.started", START)
    assert started and started["data"]["reason"] == "first", headless.output()


def test_a_second_start_exits_with_0_and_leaves_the_first_alone(windows, home, headless, receiver):
    second = windows.run(["-m", "tray_app", "--headless"], home=home, timeout=START)
    assert second.returncode == 0, second.stdout
    assert "tray ready" not in second.stdout
    assert headless.running()
    newest = max((event["seq"] for event in receiver.events), default=0)
    assert receiver.wait_for(lambda event: event["seq"] > newest, START), "the first one posts no more"


def test_without_sentry_ini_it_ends_with_2_and_says_in_chinese_what_to_do(windows, tmp_path):
    done = windows.run(["-m", "tray_app", "--headless"], home=tmp_path, timeout=START)
    assert done.returncode == 2, done.stdout
    assert "没有设置文件" in done.stdout and "sentry.ini" in done.stdout and "安装程序" in done.stdout


def test_qmt_is_seen_as_running_and_as_missing_after_it_is_killed(qmt, headless, receiver):
    running = receiver.wait_for(qmt_is("running"), START)
    assert running and running["data"]["name"] == "XtItClient.exe", headless.output()
    qmt.kill()
    missing = receiver.wait_for(qmt_is("missing"), START)
    assert missing, headless.output()
    assert missing["data"]["since"] >= running["data"]["since"]


def test_qmt_whose_window_stops_answering_is_seen_as_hung(qmt, headless, receiver):
    assert receiver.wait_for(qmt_is("running"), START), headless.output()
    qmt.type_line("freeze")
    assert qmt.wait_for("frozen", START), qmt.output()
    assert receiver.wait_for(qmt_is("hung"), START), headless.output()


def test_a_post_in_the_spool_reaches_the_receiver_and_its_file_goes(home, headless, receiver):
    post = {"id": str(uuid.uuid4()), "kind": "strategy.notice", "at": 1767576000.0, "data": {"text": "现金不足"}}
    temporary = home / "spool" / ".1767576000000-000001-strategy.notice.json.tmp"
    temporary.write_text(json.dumps(post), encoding="utf-8")
    spooled = temporary.rename(temporary.with_name(temporary.name[1:-4]))
    arrived = receiver.wait_for(lambda event: event["id"] == post["id"], START)
    assert arrived and arrived["data"] == post["data"], headless.output()
    deadline = time.monotonic() + START
    while spooled.exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # it is deleted after the commit; the receiver may have it a moment earlier
    assert not spooled.exists()
