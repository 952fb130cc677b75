"""Order flag files: each complete line once, with the id of its file and number; the files are only read."""

import json
import uuid

import pytest

from tests.tray_app.helpers import MONDAY_10_00, order, stored, troubles
from tray_app.outbox import OutboxError
from tray_app.watch.flags import FlagWatcher
from tray_app.worker import Lease

FLAG = "20260105-510300-B-01"


@pytest.fixture
def watcher(home, lease):
    return FlagWatcher(home.flags, lease)


@pytest.fixture
def file(home):
    path = home.flags / "20260105" / (FLAG + ".jsonl")
    path.parent.mkdir(parents=True)
    return path


def line(state, at=MONDAY_10_00):
    return json.dumps({"state": state, "at": at}).encode() + b"\n"


def append(path, raw):
    with open(str(path), "ab") as handle:
        handle.write(raw)


def states(home):
    return [(event["data"]["state"], event["data"]["line"]) for event in stored(home.outbox)]


def test_a_line_becomes_an_event_with_flag_line_time_and_the_agreed_id(watcher, home, file, clock):
    append(file, line("intent", at=MONDAY_10_00 - 5))
    watcher.round(clock.now)
    (event,) = stored(home.outbox)
    assert event["data"] == {"state": "intent", "at": MONDAY_10_00 - 5, "flag": FLAG, "line": 1}
    assert (event["kind"], event["at"]) == ("order.state", MONDAY_10_00 - 5)
    assert event["id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, f"qmt-sentry:flag:{FLAG}:1"))


def test_each_line_is_forwarded_once(watcher, home, file, clock):
    append(file, line("intent"))
    watcher.round(clock.now)
    append(file, line("sent") + line("working"))
    watcher.round(clock.now)
    watcher.round(clock.now)
    assert states(home) == [("intent", 1), ("sent", 2), ("working", 3)]


def test_a_torn_last_line_waits_for_its_rest(watcher, home, file, clock):
    whole = line("sent")
    append(file, line("intent") + whole[:10])
    watcher.round(clock.now)
    assert states(home) == [("intent", 1)]
    append(file, whole[10:])
    watcher.round(clock.now)
    assert states(home) == [("intent", 1), ("sent", 2)]


def test_after_a_restart_it_goes_on_where_it_was(watcher, home, file, clock, outbox, board):
    append(file, line("intent"))
    watcher.round(clock.now)
    outbox.settle([stored(home.outbox)[0]["id"]], {})
    append(file, line("sent"))
    FlagWatcher(home.flags, Lease(outbox, board)).round(clock.now)
    assert states(home) == [("sent", 2)]


def test_a_line_read_a_second_time_is_still_one_event(watcher, home, file, clock, outbox, board):
    append(file, line("intent"))
    watcher.round(clock.now)
    outbox.put_many([], {"flag:20260105/" + FLAG + ".jsonl": "[0, 0]"})
    FlagWatcher(home.flags, Lease(outbox, board)).round(clock.now)
    assert states(home) == [("intent", 1)]


def test_nothing_is_marked_while_the_outbox_refuses(watcher, home, file, clock, outbox, monkeypatch):
    append(file, line("intent"))
    put_many = outbox.put_many

    def refuse(new, marks=None, may=None):
        raise OutboxError("full")

    monkeypatch.setattr(outbox, "put_many", refuse)
    with pytest.raises(OutboxError):
        watcher.round(clock.now)
    monkeypatch.setattr(outbox, "put_many", put_many)
    watcher.round(clock.now)
    assert states(home) == [("intent", 1)]


@pytest.mark.parametrize("garbage", [b"nonsense\n", b"[]\n", b"\xff\xfe\n", b'{"state": "int{"state": "sent"}\n'])
def test_a_garbled_line_is_told_once_and_counts_as_a_line(watcher, home, file, clock, garbage):
    append(file, garbage)
    watcher.round(clock.now)
    append(file, line("sent"))
    watcher.round(clock.now)
    assert troubles(home.outbox) == ["flag-garbled"]
    assert [event["data"]["line"] for event in stored(home.outbox) if event["kind"] == "order.state"] == [2]


def test_a_file_cut_short_is_told_once_and_its_numbers_go_on(watcher, home, file, clock):
    append(file, line("intent") + line("sent"))
    watcher.round(clock.now)
    file.write_bytes(line("intent"))
    watcher.round(clock.now)
    watcher.round(clock.now)
    assert troubles(home.outbox) == ["flag-cut"]
    append(file, line("filled"))
    watcher.round(clock.now)
    assert [e["data"]["line"] for e in stored(home.outbox) if e["kind"] == "order.state"] == [1, 2, 3]


def test_a_file_that_vanished_is_borne(watcher, home, file, clock):
    append(file, line("intent"))
    watcher.round(clock.now)
    file.unlink()
    watcher.round(clock.now)
    assert states(home) == [("intent", 1)]


def test_other_files_and_folders_are_left_alone(watcher, home, file, clock):
    (file.parent / "notes.txt").write_bytes(line("intent"))
    (home.flags / "backup").mkdir()
    (home.flags / "backup" / (FLAG + ".jsonl")).write_bytes(line("intent"))
    watcher.round(clock.now)
    assert stored(home.outbox) == []


def test_an_old_days_file_is_still_looked_at_each_minute(watcher, home, file, clock):
    append(file, line("intent"))
    for day in ("20260106", "20260107", "20260108"):
        (home.flags / day).mkdir()
    watcher.round(clock.now)
    append(file, line("filled"))
    watcher.round(clock.now + 1)
    assert states(home) == [("intent", 1)]
    watcher.round(clock.now + 60)
    assert states(home) == [("intent", 1), ("filled", 2)]


def make_files(home, day, count):
    folder = home.flags / day
    folder.mkdir(parents=True)
    for n in range(count):
        (folder / f"{day}-{n:06d}-B-01.jsonl").write_bytes(line("intent"))


def flag_days(home):
    return [event["data"]["flag"][:8] for event in stored(home.outbox)]


def test_a_long_history_comes_in_pieces_and_the_newest_day_first(watcher, home, clock, monkeypatch):
    monkeypatch.setattr("tray_app.watch.flags.MOST_STORED", 5)
    days = ["20260105", "20260104", "20260103", "20260102", "20260101"]
    for day in days:
        make_files(home, day, 3)
    assert watcher.round(clock.now) is True
    assert flag_days(home) == ["20260105"] * 3 + ["20260104"] * 2
    fresh = home.flags / "20260105" / "20260105-510300-S-01.jsonl"
    rounds = 1
    append(fresh, line("intent"))
    while watcher.round(clock.now):
        rounds += 1
        assert fresh.stem in [event["data"]["flag"] for event in stored(home.outbox)]  # not behind the old ones
    assert rounds >= 3
    assert sorted(flag_days(home)) == sorted([*days * 3, "20260105"])


def test_marks_of_old_files_that_are_gone_are_forgotten(watcher, home, file, clock, outbox):
    append(file, line("intent"))
    make_files(home, "20251101", 2)
    make_files(home, "20260101", 1)
    while watcher.round(clock.now):
        pass
    assert len(outbox.marks("flag:")) == 4
    (home.flags / "20251101" / "20251101-000000-B-01.jsonl").unlink()
    (home.flags / "20260101" / "20260101-000000-B-01.jsonl").unlink()
    watcher.round(clock.now + 61)
    kept = ["20251101/20251101-000001-B-01", "20260101/20260101-000000-B-01", "20260105/" + FLAG]
    assert sorted(outbox.marks("flag:")) == [f"flag:{name}.jsonl" for name in kept]


def test_no_flags_folder_is_no_fault(watcher, home, clock, outbox):
    watcher.round(clock.now)
    assert outbox.put(order()) is True


def test_the_files_are_not_touched(watcher, home, file, clock):
    append(file, line("intent") + b'{"torn')
    before = (file.read_bytes(), file.stat().st_mtime)
    watcher.round(clock.now)
    assert (file.read_bytes(), file.stat().st_mtime) == before
