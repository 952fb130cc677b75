"""sentry.ini: what is taken, and how each mistake is refused."""

import subprocess
import sys

import pytest

from tests.tray_app.helpers import settings
from tray_app import config

GOOD = "[sentry]\nreceiver = https://sentry.example.com/\ntoken = abc\n"


def test_two_lines_are_enough_and_the_rest_has_defaults():
    found = config.parse(GOOD, "sentry.ini")
    assert (found.machine, found.receiver, found.dashboard) == ("mini-pc", "https://sentry.example.com", found.receiver)
    assert found.sessions == ((34200, 41400), (46800, 54000))
    assert (found.inbox_port, found.host_every, found.outbox_max_bytes) == (8765, 30, 200 * 1024 * 1024)


def test_the_deep_watch_of_qmt_has_defaults_and_each_part_can_be_switched_off():
    found = config.parse(GOOD, "sentry.ini")
    assert ("start simulation mode", "start trading mode") in found.qmt_log_patterns
    assert [pattern.text for pattern in found.qmt_log_patterns][:3] == ["登录失败", "断开", "Traceback"]
    assert "登录" in found.qmt_dialogs and "miniquote.exe" in found.qmt_children
    assert (found.qmt_memory_per_hour, found.host_disk_low) == (300 * 1024**2, 2 * 1024**3)
    off = config.parse(GOOD + "[qmt]\nchildren =\ndialogs =\nlog_patterns =\nmemory_per_hour = 0\n", "sentry.ini")
    assert (off.qmt_children, off.qmt_dialogs, off.qmt_log_patterns, off.qmt_memory_per_hour) == ((), (), (), 0)


def test_comments_behind_values_are_not_part_of_them():
    found = config.parse(
        GOOD + "[qmt]\nfolder =            ; install folder; empty: any\nlook_every = 5 ; seconds\n", "x"
    )
    assert (found.qmt_folder, found.qmt_look_every) == ("", 5)


def test_a_byte_order_mark_of_notepad_is_borne(tmp_path):
    path = tmp_path / "sentry.ini"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert config.load(path).token == "abc"


def test_the_strategies_own_section_is_left_to_them():
    assert config.parse(GOOD + "[strategy]\nwhatever = 1\n", "x").machine == "mini-pc"


def test_sessions_may_be_the_whole_day():
    assert config.parse(GOOD + "sessions = 00:00-24:00\n", "x").sessions == ((0, 86400),)


@pytest.mark.parametrize(
    "text, words",
    [
        (GOOD + "[nonsense]\n", ["[nonsense]", "[sentry]", "[outbox]"]),
        (GOOD + "[qmt]\nname = a.exe\n", ["[qmt]", "name", "names", "folder"]),
        (GOOD + "[DEFAULT]\ntoken = x\n", ["[DEFAULT]"]),
        ("[sentry]\ntoken = abc\n", ["[sentry]", "receiver"]),
        ("[sentry]\nreceiver = https://x.example\n", ["[sentry]", "token"]),
        ("[sentry]\nreceiver = ftp://x\ntoken = abc\n", ["[sentry] receiver", "ftp://x", "https://"]),
        ("[sentry]\nreceiver = http://x:99999\ntoken = abc\n", ["[sentry] receiver"]),
        (GOOD + "[host]\nevery = soon\n", ["[host] every", "soon", "300"]),
        (GOOD + "[host]\nevery = nan\n", ["[host] every", "nan"]),
        (GOOD + "[host]\nevery = 0\n", ["[host] every"]),
        (GOOD + "every_day = maybe\n", ["[sentry] every_day", "yes", "no"]),
        (GOOD + "sessions = 13:00-15:00, 09:30-11:30\n", ["[sentry] sessions", "09:30-11:30"]),
        (GOOD + "ready_at = 25:00\n", ["[sentry] ready_at", "09:25"]),
        (GOOD + "[inbox]\nport = 70000\n", ["[inbox] port", "65535", "off"]),
        (GOOD + "[qmt]\nnames = ,\n", ["[qmt] names", "XtItClient.exe"]),
        (GOOD + "[qmt]\nlog_files = C:\\logs\\x.log\n", ["[qmt] log_files", "XtClient_2*.log"]),
        (GOOD + "[qmt]\nlog_patterns = a -> \n", ["[qmt] log_patterns", "->"]),
        (GOOD + "[qmt]\nmemory_per_hour = -1\n", ["[qmt] memory_per_hour", "MB"]),
        (GOOD + "[qmt]\nchildren = a/b.exe\n", ["[qmt] children", ".exe"]),
        (GOOD + "[host]\ndisk_low = 0\n", ["[host] disk_low", "GB"]),
        (GOOD + "machine = a b\n", ["[sentry] machine", "mini-pc"]),
        (GOOD + "token = again\n", ["4", "token"]),
        (GOOD + "[sentry]\n", ["4", "[sentry]"]),
        ("receiver = x\n", ["1", "[sentry]"]),
        (GOOD + "what is this\n", ["4"]),
    ],
)
def test_a_mistake_is_refused_with_file_section_key_and_what_is_valid(text, words):
    with pytest.raises(config.ConfigError) as caught:
        config.parse(text, "C:/home/sentry.ini")
    message = str(caught.value)
    assert "C:/home/sentry.ini" in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_wrong_token_is_never_repeated_in_the_message():
    with pytest.raises(config.ConfigError) as caught:
        config.parse("[sentry]\nreceiver = http://x\ntoken = pass word\n", "x")
    assert "pass word" not in str(caught.value)


def test_a_missing_and_a_gbk_file_are_named(tmp_path):
    with pytest.raises(config.ConfigError, match="sentry.ini"):
        config.load(tmp_path / "sentry.ini")
    (tmp_path / "sentry.ini").write_bytes("[sentry]\nmachine = 小主机\n".encode("gbk"))
    with pytest.raises(config.ConfigError, match="UTF-8"):
        config.load(tmp_path / "sentry.ini")


def test_the_program_ends_with_2_and_one_sentence(tmp_path):
    (tmp_path / "sentry.ini").write_text(GOOD + "[host]\nevery = soon\n", encoding="utf-8")
    command = [sys.executable, "-m", "tray_app", "--headless", "--home", str(tmp_path)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert run.returncode == 2
    assert b"[host] every" in run.stdout
    assert b"Traceback" not in run.stdout


@pytest.mark.parametrize("hours", ["09:10:30-11:35", "09:10-11:35:00", "9-10", "", "11:00-09:00", "09:61-10:00"])
def test_hours_that_the_strategy_refuses_are_refused(hours):
    with pytest.raises(config.ConfigError) as caught:
        settings(heartbeat=f"hours = {hours}")
    assert "[heartbeat] hours" in str(caught.value)


@pytest.mark.parametrize("hours", ["09:10-24:00", "12:55-15:05, 09:10-11:35"])
def test_hours_that_the_strategy_takes_are_taken(hours):
    settings(heartbeat=f"hours = {hours}")
