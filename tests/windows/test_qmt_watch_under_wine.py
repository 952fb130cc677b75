"""The real tray program watches a real Windows program under QMT's name: started, hung, killed, restarted, waiting for
a login, leaving a child behind, writing its log; and another program of the same name elsewhere."""

import shutil
import subprocess
import time

import pytest

START = 60.0  # seconds for anything to happen; usually 2, but the machine may be busy


@pytest.fixture
def install(client, tmp_path):
    """QMT's install folder as sentry.ini names it."""
    folder = tmp_path / "QMT 交易端"
    (folder / "bin.x64").mkdir(parents=True)
    (folder / "userdata" / "log").mkdir(parents=True)
    for name in ("XtItClient.exe", "miniquote.exe"):
        shutil.copy2(str(client), str(folder / "bin.x64" / name))
    return folder


@pytest.fixture
def qmt_exe(install):
    return install / "bin.x64" / "XtItClient.exe"


@pytest.fixture
def tray(windows, home):
    ini = home / "sentry.ini"
    text = ini.read_text(encoding="utf-8")
    ini.write_text(text.replace("[qmt]\n", "[qmt]\ndialog_after = 1\n"), encoding="utf-8")
    with windows.start(["-m", "tray_app", "--headless"], home=home) as program:
        assert program.wait_for("tray ready", START), program.output()
        yield program


def do(qmt, line):
    qmt.type_line(line)
    assert qmt.wait_for("done " + line, START), qmt.output()


def qmt_is(state):
    return lambda event: event["kind"] == "qmt.process" and event["data"]["state"] == state


def beat(found):
    """A host.heartbeat whose list of findings fits."""

    def fits(event):
        findings = event["data"].get("findings")
        return event["kind"] == "host.heartbeat" and findings is not None and found(findings)

    return fits


def gone(event):
    """As it is told of a QMT that had been running."""
    return qmt_is("missing")(event) and event["data"]["last_ok"] is not None


# Each start of a program under Wine takes seconds: so each test tells a story.


def test_started_killed_restarted_and_hung_are_each_seen_and_a_namesake_elsewhere_is_not_qmt(
    start_qmt, client, tmp_path, tray, receiver
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(str(client), str(elsewhere / "XtItClient.exe"))
    start_qmt(elsewhere / "XtItClient.exe")
    assert receiver.wait_for(qmt_is("elsewhere"), START), tray.output()
    assert not any(qmt_is("running")(event) for event in receiver.events)
    first = start_qmt()
    running = receiver.wait_for(qmt_is("running"), START)
    assert running and running["data"]["path"].endswith("QMT 交易端\\bin.x64\\XtItClient.exe"), tray.output()
    first.kill()
    # Now only the other one runs.
    dead = receiver.wait_for(lambda e: qmt_is("elsewhere")(e) and e["seq"] > running["seq"], START)
    assert dead, tray.output()
    second = start_qmt()
    again = receiver.wait_for(lambda e: qmt_is("running")(e) and e["data"]["pid"] != running["data"]["pid"], START)
    assert again, tray.output()
    second.type_line("hang")
    assert receiver.wait_for(qmt_is("hung"), START), tray.output()


def test_its_children_a_window_that_wants_a_login_and_what_it_left_behind_are_seen(start_qmt, tray, receiver):
    qmt = start_qmt()
    do(qmt, "child miniquote.exe")
    found = receiver.wait_for(lambda e: qmt_is("running")(e) and e["data"].get("children"), START)
    assert found and "miniquote.exe" in [one["name"] for one in found["data"]["children"]], tray.output()
    assert found["data"]["memory"] > 0 and any("QMT" in title for title in found["data"]["titles"])
    do(qmt, "title 用户登录")
    told = receiver.wait_for(beat(lambda found: [one["code"] for one in found] == ["qmt-dialog"]), START)
    assert told and "用户登录" in told["data"]["findings"][0]["text"], tray.output()
    do(qmt, "title 国金证券QMT交易端 1.0.0.29456")
    later = beat(lambda found: found == [])
    assert receiver.wait_for(lambda e: later(e) and e["seq"] > told["seq"], START), tray.output()
    qmt.kill()
    missing = receiver.wait_for(gone, START)
    assert missing and "miniquote.exe" in missing["data"]["left"], tray.output()


def test_a_line_in_its_log_is_told_and_what_comes_after_the_log_was_renamed(start_qmt, install, tray, receiver):
    start_qmt()
    folder = install / "userdata" / "log"
    now = receiver.wait_for(qmt_is("running"), START)["at"]
    log = folder / time.strftime("XtClient_%Y%m%d.log", time.gmtime(now + 8 * 3600))
    told, deadline = None, time.monotonic() + START
    while told is None and time.monotonic() < deadline:  # what stands there at the tray's very first look is no news
        with open(str(log), "ab") as file:
            file.write("10:00:01 资金账号 88812345678 登录失败\r\n".encode("gbk"))
        told = receiver.wait_for(lambda event: event["kind"] == "qmt.log", 1.0)
    assert told, tray.output()
    assert (told["data"]["pattern"], told["data"]["line"]) == ("登录失败", "10:00:01 资金账号 *5678 登录失败")
    log.rename(log.with_name("XtClient_old.1"))
    log.write_bytes("[trade]start simulation mode\r\n".encode("gbk"))
    assert receiver.wait_for(lambda event: event["data"].get("pattern") == "start simulation mode", START)


def test_a_restart_that_windows_waits_for_is_told(windows, start_qmt, home, receiver):
    key = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
    windows_reg(windows, "add", key, "/f")
    try:
        with windows.start(["-m", "tray_app", "--headless"], home=home) as tray:
            codes = beat(lambda found: "restart-pending" in [one["code"] for one in found])
            assert receiver.wait_for(codes, START), tray.output()
    finally:
        windows_reg(windows, "delete", key, "/f")


def windows_reg(windows, *arguments):
    subprocess.run(
        ["wine", "reg", *arguments], env=windows.desktop.env, check=True, timeout=120, stdin=subprocess.DEVNULL
    )
