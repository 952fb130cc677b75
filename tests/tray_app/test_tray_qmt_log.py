"""QMT's logs become qmt.log events: found, read across restarts of the program, stored with how far it has read."""

from pathlib import Path

import pytest

from tests.tray_app.helpers import settings, stored
from tray_app.outbox import OutboxError
from tray_app.watch import qmt_log
from tray_app.watch.qmt_log import MARK, LogWatcher, log_folders


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "userdata" / "log"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def make(lease, logs):
    def build(account="", folders=None, cpu=lambda: 0.0):
        config = settings()
        wanted, patterns = config.qmt_log_files, config.qmt_log_patterns
        return LogWatcher(folders or (lambda: [logs]), wanted, patterns, account, lease, cpu)

    return build


def write(folder, text, name="XtClient_20260105.log", encoding="gbk"):
    with open(str(folder / name), "ab") as file:
        file.write(text.encode(encoding))


def told(home):
    return [
        (event["data"]["pattern"], event["data"]["count"], event["data"].get("over", False))
        for event in stored(home.outbox)
    ]


def test_a_line_becomes_an_event_with_the_account_cut(make, logs, home, clock):
    part = make(account="12345678")
    part.round(clock.now)
    write(logs, "2026-01-05 10:00:01 资金账号 12345678 登录失败\n")
    part.round(clock.now + 2)
    (event,) = stored(home.outbox)
    assert event["kind"] == "qmt.log"
    assert event["data"] == {
        "file": "XtClient_20260105.log",
        "line": "2026-01-05 10:00:01 资金账号 *5678 登录失败",
        "pattern": "登录失败",
        "count": 1,
    }


def test_a_hundred_lines_are_two_events(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    for second in range(100):
        write(logs, "行情服务器断开\n")
        part.round(clock.now + 0.5 * second)
    part.round(clock.now + 120)
    assert told(home) == [("断开", 1, False), ("断开", 99, False)]


def test_a_traceback_is_told_with_its_cause(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    write(logs, 'Traceback (most recent call last):\n  File "<string>", line 7, in f\nKeyError: 510300\n')
    part.round(clock.now + 2)
    assert stored(home.outbox)[0]["data"]["line"] == "Traceback (most recent call last): KeyError: 510300"


def test_simulation_mode_begins_and_ends(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    write(logs, "[trade]start trading mode\n[trade]start simulation mode\n[trade]start trading mode\n")
    part.round(clock.now + 2)
    assert told(home) == [("start simulation mode", 1, False), ("start simulation mode", 1, True)]


@pytest.mark.parametrize("tail, last", [("", True), ("start simulation mode\n", False)], ids=["ended", "open"])
def test_a_mode_that_changes_without_end_is_told_by_its_last_words(make, logs, home, clock, tail, last):
    """A strategy that restarts in a loop must not fill the outbox, nor the phone."""
    part = make()
    part.round(clock.now)
    write(logs, "start simulation mode\nstart trading mode\n" * 500 + tail)
    part.round(clock.now + 2)
    assert len(told(home)) == 2 and told(home)[-1][2] is last
    assert sum(count for _, count, over in told(home) if not over) == 500 + bool(tail)


def test_a_restarted_program_reads_on_and_knows_what_had_begun(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    write(logs, "start simulation mode\n")
    part.round(clock.now + 2)
    write(logs, "Traceback (most recent call last):\nstart trading mode\n", encoding="utf-8")
    make().round(clock.now + 60)
    assert told(home)[1:] == [("Traceback", 1, False), ("start simulation mode", 1, True)]


def test_a_repeat_that_was_held_back_when_the_tray_stopped_is_no_news_of_the_next_morning(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    write(logs, "2026-01-05 15:14:20 连接断开\n")
    part.round(clock.now + 2)
    write(logs, "2026-01-05 15:14:32 连接断开，重新连接成功\n")
    part.round(clock.now + 14)  # less than TELL_AGAIN later: held back, and how far it has read is not stored
    make().round(clock.now + 18 * 3600)
    assert all(event["at"] <= clock.now + 60 for event in stored(home.outbox))


def test_repeats_that_were_held_back_are_counted_on_by_a_tray_that_is_begun_again_at_once(make, logs, home, clock):
    part = make()
    part.round(clock.now)
    for second in range(4):
        write(logs, "行情服务器断开\n")
        part.round(clock.now + 2 * second)
    begun_again = make()
    write(logs, "行情服务器断开\n")
    begun_again.round(clock.now + 20)
    begun_again.round(clock.now + 80)
    assert told(home) == [("断开", 1, False), ("断开", 4, False)]


@pytest.mark.parametrize("counting", ['{"断开": [1]}', '{"断开": [1, "x", "", "", 0]}', '{"断开": "later"}', "[]", "7"])
def test_a_mark_of_which_nothing_can_be_counted_on_stops_nothing(make, logs, home, clock, outbox, counting):
    part = make()
    part.round(clock.now)
    write(logs, "行情服务器断开\n")
    part.round(clock.now + 2)
    mark = outbox.marks(MARK)[MARK].replace('"counting": {}', '"counting": ' + counting)
    outbox.put_many([], {MARK: mark})
    again = make()
    again.round(clock.now + 60)
    write(logs, "行情服务器断开\n")
    again.round(clock.now + 200)
    assert [pattern for pattern, _, _ in told(home)] == ["断开", "断开"]


def test_a_line_that_could_not_be_stored_is_told_in_the_next_round(make, logs, home, clock, outbox, monkeypatch):
    def refuse(new, marks=None, may=None):
        raise OutboxError("disk")

    part = make()
    part.round(clock.now)
    write(logs, "登录失败\n")
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put_many", refuse)
        with pytest.raises(OutboxError):
            part.round(clock.now + 2)
    part.round(clock.now + 4)
    assert told(home) == [("登录失败", 1, False)]


def test_lines_without_news_are_not_written_to_the_disk_each_round(make, logs, clock, outbox, monkeypatch):
    writes = []
    put_many = outbox.put_many
    monkeypatch.setattr(outbox, "put_many", lambda *args: writes.append(1) or put_many(*args))
    part = make()
    for second in range(0, 60, 2):
        write(logs, "all is well\n")
        part.round(clock.now + second)
    assert len(writes) == 1


def test_qmt_that_is_found_only_later_is_followed_from_then_on(make, logs, home, clock):
    found = []
    part = make(folders=lambda: found)
    write(logs, "断开\n")
    part.round(clock.now)
    found.append(logs)
    part.round(clock.now + 2)
    write(logs, "登录失败\n")
    part.round(clock.now + 4)
    assert told(home) == [("登录失败", 1, False)]


def test_looks_that_cost_much_come_seldom(make, logs, home, clock):
    """A folder with the logs of years: each look asks every file."""
    used = iter([0.0, 0.05, 0.05, 0.05])  # seconds of cpu at the beginning and the end of each look
    part = make(cpu=lambda: next(used))
    part.round(clock.now)
    write(logs, "断开\n")
    part.round(clock.now + 9)
    assert told(home) == []
    part.round(clock.now + 11)
    assert told(home) == [("断开", 1, False)]


def test_a_damaged_mark_begins_anew(make, logs, home, clock, outbox):
    outbox.put_many([], {qmt_log.MARK: '{"places": 3'})
    part = make()
    write(logs, "断开\n")
    part.round(clock.now)
    assert told(home) == []


def test_the_logs_lie_below_the_install_folder_whichever_way_it_is_written():
    wanted = [Path("/qmt/userdata/log"), Path("/qmt/userdata_mini/log")]
    assert log_folders("", "/qmt", None) == wanted
    assert log_folders("", "/qmt/bin.x64/", None) == wanted
    assert log_folders("", "", "/qmt/bin.x64/XtItClient.exe") == wanted
    assert log_folders("", "/qmt", "/qmt/bin.x64/XtItClient.exe") == wanted
    assert log_folders("/elsewhere", "/qmt", None) == [Path("/elsewhere")]
    assert log_folders("", "", None) == []
