"""Following QMT's logs: growth, rotation, a new date, truncation, what cannot be read just now."""

import os
import sys

import pytest

from tray_app.watch import log_tail
from tray_app.watch.log_tail import follow

WANTED = ("XtClient_2*.log", "XtClient_Formula*.log")
NOW = 1767578400.0


class Follower:
    """Follows one folder, look by look."""

    def __init__(self, folder):
        self.folder = folder
        self.places = None

    def look(self, read=None):
        look = follow([self.folder], WANTED, self.places, NOW, read)
        self.places = look.places
        self.more = look.more
        return [line.raw.decode() for line in look.lines]

    def write(self, text, name="XtClient_20260105.log", mode="a"):
        with open(str(self.folder / name), mode + "b") as file:
            file.write(text.encode())
        os.utime(str(self.folder / name), (NOW, NOW))


@pytest.fixture
def log(tmp_path):
    made = Follower(tmp_path)
    made.write("yesterday's news\n")
    assert made.look() == []
    return made


def test_what_stood_there_at_the_very_first_look_is_no_news(log):
    log.write("new\n")
    assert log.look() == ["new"]
    assert log.look() == []


def test_a_line_is_read_once_it_is_complete(log):
    log.write("half")
    assert log.look() == []
    log.write(" and half\nnext")
    assert log.look() == ["half and half"]


def test_a_line_may_end_as_windows_ends_it(log):
    log.write("one\r\ntwo\r\n")
    assert log.look() == ["one", "two"]


def test_the_next_days_file_is_read_from_its_beginning(log):
    log.write("first of the day\n", "XtClient_20260106.log")
    assert log.look() == ["first of the day"]


def test_a_file_that_is_renamed_is_read_to_its_end_and_the_new_one_from_its_start(log):
    log.write("a\n", "XtClient_FormulaOutput.log")
    assert log.look() == ["a"]
    log.write("b\n", "XtClient_FormulaOutput.log")
    os.rename(str(log.folder / "XtClient_FormulaOutput.log"), str(log.folder / "old.1"))
    os.utime(str(log.folder / "old.1"), (NOW - 5, NOW - 5))
    log.write("c\n", "XtClient_FormulaOutput.log")
    assert log.look() == ["b", "c"]
    assert log.look() == []


def test_a_file_that_shrank_is_read_from_its_start(log):
    log.write("x\n", mode="w")
    assert log.look() == ["x"]


def test_a_file_that_was_rewritten_longer_is_read_from_its_start(log):
    log.write("another beginning, and longer than before\nsecond\n")
    log.look()
    log.write("rewritten: " + "x" * 100 + "\nsecond\n", mode="w")
    assert log.look() == ["rewritten: " + "x" * 100, "second"]


def test_other_files_are_left_alone(log):
    log.write("断开\n", "XtClient_PerformanceFile_20260105.log")
    log.write("断开\n", "XtClient_datasource_20260105.log")
    assert log.look() == []


def test_an_old_file_that_turns_up_is_no_news(log):
    log.write("x\n", "XtClient_20251201.log")
    os.utime(str(log.folder / "XtClient_20251201.log"), (NOW - 86400, NOW - 86400))
    assert log.look() == []


def test_one_look_reads_a_bounded_part_and_says_that_there_is_more(log):
    line = "x" * 99
    log.write((line + "\n") * 6000)  # 600,000 bytes
    found, looks = [], 0
    while looks == 0 or log.more:
        part = log.look()
        assert sum(len(one) + 1 for one in part) <= log_tail.MOST_BYTES
        found, looks = found + part, looks + 1
    assert (found, looks) == ([line] * 6000, 3)


def test_of_a_huge_backlog_only_the_end_is_read(log, monkeypatch):
    monkeypatch.setattr(log_tail, "MOST_BEHIND", 1000)
    log.write("x" * 5000 + "\nlast\n")
    assert log.look()[-1] == "last"
    assert log.look() == []


def test_an_endless_line_holds_nothing_up(log):
    log.write("x" * log_tail.LONGEST_LINE)
    assert [len(line) for line in log.look()] == [log_tail.LONGEST_LINE]
    log.write("\nnext\n")
    assert log.look() == ["next"]


def test_a_file_that_is_held_for_a_moment_is_read_in_the_next_look(log):
    def held(path, offset, most):
        raise PermissionError(13, "sharing violation")

    log.write("new\n")
    assert log.look(held) == []
    assert log.look() == ["new"]


def test_a_folder_that_cannot_be_listed_makes_nothing_known_anew(log, monkeypatch):
    def refused(path):
        raise PermissionError(13, "access denied")

    with monkeypatch.context() as patch:
        patch.setattr(log_tail.os, "listdir", refused)
        with pytest.raises(OSError):
            log.look()
    log.write("new\n")
    assert log.look() == ["new"]


def test_a_folder_that_is_not_there_has_no_lines(tmp_path):
    assert follow([tmp_path / "none"], WANTED, None, NOW).lines == []


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere an open file can always be renamed")
def test_the_file_may_be_renamed_while_it_is_open(log):
    from tray_app import windows_seen

    path = str(log.folder / "XtClient_20260105.log")
    descriptor = windows_seen.open_shared(path)
    try:
        os.rename(path, path + ".1")
    finally:
        os.close(descriptor)


@pytest.mark.skipif(sys.platform != "win32", reason="uses the call of Windows")
def test_a_file_that_is_not_there_is_an_os_error():
    from tray_app import windows_seen

    with pytest.raises(FileNotFoundError):
        windows_seen.open_shared("C:\\no\\such\\file.log")


def test_a_folder_that_is_named_twice_is_read_once(tmp_path):
    """sentry.ini may spell QMT's folder otherwise than Windows does."""
    folder = tmp_path / "log"
    folder.mkdir()
    other = tmp_path / "log" / ".." / "log"
    (folder / "XtClient_20260105.log").write_bytes(b"one\n")
    os.utime(str(folder / "XtClient_20260105.log"), (NOW, NOW))
    assert [line.raw for line in follow([folder, other], WANTED, {}, NOW).lines] == [b"one"]


def test_a_file_that_cannot_be_asked_for_a_moment_is_not_read_again(log, monkeypatch):
    log.write("told\n")
    assert log.look() == ["told"]
    with monkeypatch.context() as patch:
        patch.setattr(log_tail, "_stat", lambda name, path: [])
        assert log.look() == []
    log.write("new\n")
    assert log.look() == ["new"]


def test_a_file_of_which_only_its_folder_tells_is_left_for_the_next_look(log, monkeypatch):
    """Windows refuses to open it: Python then tells what the folder says, without an id."""
    log.write("told\n")
    assert log.look() == ["told"]
    real = os.stat

    def without_id(path, *args, **kwargs):
        status = list(real(path, *args, **kwargs))
        return os.stat_result([status[0], 0, 0, *status[3:]]) if str(path).endswith(".log") else real(path)

    with monkeypatch.context() as patch:
        patch.setattr(log_tail.os, "stat", without_id)
        assert log.look() == []
    assert log.look() == []


def test_a_file_that_stays_away_is_forgotten(log):
    log.write("told\n")
    assert log.look() == ["told"]
    os.remove(str(log.folder / "XtClient_20260105.log"))
    for _ in range(log_tail.LOOKS_MISSED + 1):
        log.look()
    assert log.places == {}
