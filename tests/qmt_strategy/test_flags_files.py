"""Flag files: made once, on the disk before anything else happens, readable after any crash."""

import os

import pytest

from qmt_strategy.dingtou import disk, flags, ids, orders

IDENT = ids.Id("20260105", "510300", "B", 1)
NAME = "20260105-510300-B-01"


@pytest.fixture
def book(home):
    return flags.FlagBook(home, lambda: 1767576000.0)


def intent(**more):
    return flags.first_line(IDENT, 1767576000.0, code="510300.SH", side="B", shares=1000, **more)


def path_of(home):
    return os.path.join(home, "flags", "20260105", NAME + ".jsonl")


def again(home):
    book = flags.FlagBook(home, lambda: 0.0)
    book.load("")
    return book


def test_ids_are_twenty_characters_and_come_back_from_a_remark():
    assert IDENT.text == NAME and len(NAME) == 20 and ids.parse(NAME) == IDENT


@pytest.mark.parametrize(
    "text", ["", None, "grid", NAME + "x", "20260105-510300-X-01", "20260105-510300-B-00", "20260105-510300-B-1"]
)
def test_other_remarks_are_no_ids(text):
    assert ids.parse(text) is None


def test_numbers_run_over_both_sides_of_a_fund_and_day():
    taken = [ids.parse(name) for name in (NAME, "20260105-510300-S-04", "20260105-159915-B-07", "20260104-510300-B-09")]
    assert ids.following("20260105", "510300", "B", taken).text == "20260105-510300-B-05"
    assert ids.following("20260105", "510300", "B", [ids.parse("20260105-510300-S-99")]) is None


def test_a_file_is_made_once(book):
    book.create(IDENT, intent())
    with pytest.raises(FileExistsError):
        book.create(IDENT, intent())


def test_file_and_folders_are_synced_before_create_returns(book, home, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(handle):
        synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    book.create(IDENT, intent())
    folders = [home, os.path.join(home, "flags"), os.path.dirname(path_of(home))]
    for path in [path_of(home)] + (folders if os.name == "posix" else []):
        assert os.stat(path).st_ino in synced, path


def test_each_line_is_synced(book, monkeypatch):
    flag = book.create(IDENT, intent())
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(handle))
    book.append(flag, {"state": "sent", "at": 1.0})
    assert len(synced) == 1


def test_what_was_written_is_read_again(book, home):
    flag = book.create(IDENT, intent(cell=-7))
    book.append(flag, {"state": "sent", "at": 1.0})
    book.append(flag, {"state": "working", "at": 2.0, "filled": 300, "average": 1.5, "sysid": "88"})
    found = again(home).flags[NAME]
    assert found.order == flag.order and found.order.filled == 300 and found.order.sysid == "88"
    assert found.get("cell") == -7 and found.code == "510300.SH" and not found.damaged


def test_at_every_byte_of_a_torn_file_it_is_void_or_one_of_its_states(book, home):
    flag = book.create(IDENT, intent())
    book.append(flag, {"state": "sent", "at": 1.0})
    book.append(flag, {"state": "filled", "at": 2.0, "filled": 1000, "by": "counter"})
    with open(path_of(home), "rb") as file:
        raw = file.read()
    ends = [place + 1 for place in range(len(raw)) if raw[place : place + 1] == b"\n"]
    for size in range(len(raw) + 1):
        found = flags.parse(IDENT, raw[:size])
        complete = sum(1 for end in ends if end <= size)
        assert found.order.state == ["void", "intent", "sent", "filled"][complete], size
        assert not found.damaged


def test_a_line_after_a_torn_one_is_read(book, home):
    book.create(IDENT, intent())
    with open(path_of(home), "ab") as file:
        file.write(b'{"state": "se')
    second = again(home)
    second.append(second.flags[NAME], {"state": "rejected", "at": 3.0, "by": "counter"})
    third = again(home).flags[NAME]
    assert third.order.state == "rejected" and not third.damaged


@pytest.mark.parametrize("raw", [b"\x00" * 50, b"garbage", b"garbage\n", b"[]\n", b'{"state": "flying"}\n'])
def test_a_file_that_cannot_be_ours_is_unknown_and_never_void(raw):
    found = flags.parse(IDENT, raw)
    assert found.damaged and found.order.state == orders.UNKNOWN and found.stops("20260105")


def test_a_void_file_counts_as_an_attempt_and_keeps_its_number(book, home):
    os.makedirs(os.path.dirname(path_of(home)))
    open(path_of(home), "w").close()
    found = again(home).flags
    assert found[NAME].order.state == orders.VOID and found[NAME].ended
    assert ids.following("20260105", "510300", "S", [flag.id for flag in found.values()]).number == 2


def test_a_file_that_was_deleted_is_not_made_anew_by_an_append(book, home):
    flag = book.create(IDENT, intent())
    os.remove(path_of(home))
    with pytest.raises(FileNotFoundError):
        book.append(flag, {"state": "sent", "at": 1.0})
    assert not os.path.exists(path_of(home)) and not book.there(flag)


def test_a_file_changed_behind_our_back_is_noticed(book, home):
    flag = book.create(IDENT, intent())
    assert book.there(flag)
    with open(path_of(home), "r+b") as file:
        file.write(b"[")
    assert not book.there(flag)


def test_a_full_disk_is_an_oserror_and_memory_still_knows(book, monkeypatch):
    flag = book.create(IDENT, intent())

    def full(handle, raw):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "write", full)
    with pytest.raises(OSError):
        book.append(flag, {"state": "sent", "at": 1.0})
    assert flag.order.state == "sent"


def test_other_files_in_the_folders_are_passed_over(book, home):
    book.create(IDENT, intent())
    for name in ("notes.txt", "20260105-510300-B-02.json", "20260106-510300-B-01.jsonl"):
        open(os.path.join(os.path.dirname(path_of(home)), name), "w").close()
    assert list(again(home).flags) == [NAME]
