"""The file layer that loses un-synced writes: it must lose what a disk can lose, and nothing that was synced."""

import io
import os
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from rehearsal.powercut import python_files
from rehearsal.powercut.disk import HERE, NTFS, POSIX, disk_after_cut, disk_at, image_after_cut, image_at, unrecorded
from rehearsal.powercut.recorder import record
from rehearsal.powercut.recording import Recording
from rehearsal.powercut.sqlite_vfs import ShimUnavailable, shim

CUTS = 200
KINDS = sorted({HERE, NTFS})


@pytest.fixture(autouse=True)
def needs_the_shim():
    try:
        shim()
    except ShimUnavailable as error:
        pytest.skip(str(error))


def after_cuts(recording, kind, cuts=CUTS, moment=None):
    """Images of the only disk after `cuts` seeded cuts, with their moments."""
    rng = random.Random(20260105)
    for _ in range(cuts):
        at = rng.randint(0, recording.now()) if moment is None else moment
        yield at, image_after_cut(recording, at, rng, kind=kind)


# ---- SQLite


def committed_rows(tmp_path, synchronous, rows=30):
    """Record commits of numbered rows. Returns the session and [(moment after the commit, row)]."""
    folder = tmp_path / "recorded"
    folder.mkdir()
    answered = []
    with record({"disk": folder}) as session:
        connection = sqlite3.connect(str(folder / "some.db"))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=" + synchronous)
        connection.execute("PRAGMA wal_autocheckpoint=8")  # pages: so that the cuts meet checkpoints too
        connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)")
        connection.commit()
        for k in range(rows):
            connection.execute("INSERT INTO t VALUES (?, ?)", (k, "x" * 500))
            connection.commit()
            answered.append((session.recording.now(), k))
        connection.close()
    assert unrecorded(session.recording) == []
    return session, answered


def cuts_that_lost_a_row(session, answered, kind, tmp_path):
    losses = 0
    for number, (moment, image) in enumerate(after_cuts(session.recording, kind)):
        folder = tmp_path / f"cut-{number}"
        image.write_to(folder)
        connection = sqlite3.connect(str(folder / "some.db"))
        try:
            stored = {row[0] for row in connection.execute("SELECT k FROM t")}
        except sqlite3.DatabaseError:  # not even the table is there, or the file is garbled: all rows are lost
            stored = set()
        connection.close()
        losses += not {k for at, k in answered if at <= moment} <= stored
    return losses


@pytest.mark.parametrize("kind", KINDS)
def test_with_synchronous_full_no_committed_row_is_ever_lost(tmp_path, kind):
    session, answered = committed_rows(tmp_path, "FULL")
    assert cuts_that_lost_a_row(session, answered, kind, tmp_path) == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_with_less_than_full_the_layer_does_lose_rows(tmp_path, synchronous):
    session, answered = committed_rows(tmp_path, synchronous)
    assert cuts_that_lost_a_row(session, answered, HERE, tmp_path) > 10


@pytest.mark.skipif(os.name != "posix", reason="Windows' SQLite cannot sync the folder after it deletes a journal")
@pytest.mark.parametrize(("synchronous", "loses"), [("FULL", True), ("EXTRA", False)])
def test_a_rollback_journal_needs_extra_as_the_manual_of_sqlite_says(tmp_path, synchronous, loses):
    # sqlite.org/pragma.html#pragma_synchronous: only EXTRA syncs the folder after the deletion that commits.
    folder = tmp_path / "recorded"
    folder.mkdir()
    answered = []
    with record({"disk": folder}) as session:
        connection = sqlite3.connect(str(folder / "some.db"))
        connection.execute("PRAGMA synchronous=" + synchronous)
        connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY)")
        for k in range(10):
            connection.execute("INSERT INTO t VALUES (?)", (k,))
            connection.commit()
            answered.append((session.recording.now(), k))
        connection.close()
    assert unrecorded(session.recording) == []
    assert (cuts_that_lost_a_row(session, answered, POSIX, tmp_path) > 0) == loses


def test_connections_that_are_not_full_are_named(tmp_path):
    session, _ = committed_rows(tmp_path, "NORMAL", rows=1)
    (problem,) = session.connection_problems()
    assert "some.db" in problem
    assert "synchronous=1" in problem


def test_connections_that_are_full_are_not_named(tmp_path):
    session, _ = committed_rows(tmp_path, "FULL", rows=1)
    assert session.connection_problems() == []


def test_a_database_elsewhere_does_not_concern_us(tmp_path):
    (tmp_path / "disk").mkdir()
    with record({"disk": tmp_path / "disk"}) as session:
        sqlite3.connect(str(tmp_path / "elsewhere.db")).close()
        sqlite3.connect(":memory:").close()
        assert session.connection_problems() == []


def test_an_open_connection_is_asked_too_whatever_its_rows_look_like(tmp_path):
    with record({"disk": tmp_path}) as session:
        connection = sqlite3.connect(str(tmp_path / "some.db"), timeout=1)
        connection.row_factory = lambda cursor, row: {"row": row}
        (problem,) = session.connection_problems()
        connection.close()
    assert "journal_mode='delete'" in problem


def test_a_database_opened_past_sqlite3_connect_is_named(tmp_path):
    with record({"disk": tmp_path}) as session:
        connection = sqlite3.Connection(str(tmp_path / "hidden.db"))
        connection.execute("CREATE TABLE t (k)")
        connection.close()
    (problem,) = session.connection_problems()
    assert "hidden.db" in problem


# ---- files written by Python


def post(folder, sync, name="000001-order.state.json"):
    """A post as the spool makes it: temporary name, sync, rename, sync of the folder."""
    temporary = folder / ("." + name + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write("content " * 200)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    os.replace(temporary, folder / name)
    if sync and os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def whole_posts(recording, kind):
    return [
        image.contents.get("000001-order.state.json") == b"content " * 200
        for _, image in after_cuts(recording, kind, moment=recording.now())
    ]


@pytest.mark.skipif(os.name != "posix", reason="a folder can be synced on POSIX only")
def test_a_synced_post_always_survives(tmp_path):
    with record({"disk": tmp_path}) as session:
        post(tmp_path, sync=True)
    assert unrecorded(session.recording) == []
    assert all(whole_posts(session.recording, POSIX))


def test_a_post_without_sync_is_lost_or_damaged_sometimes_but_not_always(tmp_path):
    with record({"disk": tmp_path}) as session:
        post(tmp_path, sync=False)
    survived = whole_posts(session.recording, POSIX)
    assert 10 < sum(survived) < CUTS - 10


def test_on_ntfs_a_rename_after_the_last_sync_may_come_undone_but_the_content_is_there(tmp_path):
    with record({"disk": tmp_path}) as session:
        post(tmp_path, sync=True)
    names = set()
    for _, image in after_cuts(session.recording, NTFS, moment=session.recording.now()):
        ((name, content),) = image.contents.items()
        assert content == b"content " * 200
        names.add(name)
    assert names == {"000001-order.state.json", ".000001-order.state.json.tmp"}


def test_on_ntfs_a_sync_after_the_rename_makes_it_stay(tmp_path):
    with record({"disk": tmp_path}) as session:
        post(tmp_path, sync=True)
        with open(tmp_path / "000001-order.state.json", "r+b") as file:
            os.fsync(file.fileno())
    assert all(whole_posts(session.recording, NTFS))


def test_names_come_back_in_order_so_a_later_one_never_survives_an_earlier_one(tmp_path):
    with record({"disk": tmp_path}) as session:
        for number in range(6):
            (tmp_path / str(number)).write_bytes(b"x")
    seen = {tuple(sorted(image.contents)) for _, image in after_cuts(session.recording, POSIX)}
    assert seen <= {tuple("012345"[:count]) for count in range(7)}
    assert len(seen) == 7


def test_a_delete_without_sync_of_the_folder_may_come_undone(tmp_path):
    (tmp_path / "old").write_bytes(b"content")
    with record({"disk": tmp_path}) as session:
        os.unlink(tmp_path / "old")
    outcomes = {
        image.contents.get("old") for _, image in after_cuts(session.recording, POSIX, moment=session.recording.now())
    }
    assert outcomes == {None, b"content"}


def test_a_lost_truncation_keeps_the_old_content_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"a" * 2000)
    with record({"disk": tmp_path}) as session, open(tmp_path / "file", "wb") as file:
        file.write(b"b" * 3000)
    for _, image in after_cuts(session.recording, POSIX):
        content = image.contents["file"]
        assert content == b"a" * 2000 or set(content) <= set(b"b")


def test_the_last_unsynced_write_is_torn_only_at_512_byte_borders(tmp_path):
    with record({"disk": tmp_path}) as session, open(tmp_path / "file", "wb", buffering=0) as file:
        file.write(b"1" * 100)
        os.fsync(file.fileno())
        file.write(b"2" * 2000)
    sizes = {
        len(image.contents.get("file", b""))
        for _, image in after_cuts(session.recording, NTFS, moment=session.recording.now())
    }
    assert sizes == {100, 512, 1024, 1536, 2048, 2100}


def test_writes_are_lost_out_of_order_and_leave_zeros(tmp_path):
    with record({"disk": tmp_path}) as session, open(tmp_path / "file", "wb", buffering=0) as file:
        file.write(b"1" * 10)
        file.write(b"2" * 10)
    contents = {image.contents.get("file") for _, image in after_cuts(session.recording, POSIX)}
    assert b"\0" * 10 + b"2" * 10 in contents
    assert b"1" * 10 in contents


def test_a_sync_covers_only_what_was_written_before_it_began(tmp_path):
    recording = Recording({"disk": tmp_path})
    file = recording.opened("disk", "file")
    began = recording.now()
    recording.wrote("disk", file, 0, b"late")
    recording.synced("disk", file, began)
    contents = {image.contents.get("file", b"") for _, image in after_cuts(recording, NTFS, moment=recording.now())}
    assert contents == {b"", b"late"}


# ---- the record is complete


def every_way_to_write(folder):
    with open(folder / "text", "w", encoding="utf-8", newline="\n") as text:
        text.write("一\n二\n")
    with open(str(folder / "text"), "a", encoding="utf-8", newline="\n") as text:
        text.write("三\n")
    with io.open(folder / "both", "w+b") as both:  # noqa: UP020 - the name that os.fdopen and pathlib use
        both.write(b"0123456789")
        both.seek(3)
        both.write(b"x")
        both.truncate(6)
    descriptor = os.open(folder / "low", os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0))
    os.write(descriptor, b"first\n")
    os.close(descriptor)
    descriptor = os.open(folder / "low", os.O_APPEND | os.O_WRONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "wb") as low:
        low.write(b"second\n")
    (folder / "inner" / "deep").mkdir(parents=True)
    path = folder / "inner" / "path.txt"
    path.write_text("by pathlib", encoding="utf-8")
    path.replace(folder / "inner" / "moved.txt")
    os.rename(folder / "inner", folder / "renamed")
    (folder / "gone").write_bytes(b"x")
    (folder / "gone").unlink()
    os.makedirs(str(folder / "a" / "b"))
    os.rmdir(folder / "a" / "b")
    os.truncate(folder / "low", 8)


def test_every_usual_way_to_write_is_recorded(tmp_path):
    (tmp_path / "both").write_bytes(b"was here before")
    with record({"disk": tmp_path}) as session:
        every_way_to_write(tmp_path)
    assert unrecorded(session.recording) == []
    contents = image_at(session.recording, session.recording.now()).contents
    assert contents["text"].decode() == "一\n二\n三\n"
    assert contents["both"] == b"012x45"
    assert contents["low"] == b"first\nse"
    assert contents["renamed/moved.txt"] == b"by pathlib"


def test_several_threads_at_once_are_recorded_completely(tmp_path):
    def connect():
        return sqlite3.connect(str(tmp_path / "shared.db"), timeout=30, isolation_level=None)

    def work(number):
        connection = connect()
        for k in range(20):
            connection.execute("INSERT INTO t VALUES (?)", (k,))
            (tmp_path / f"{number}-{k}.tmp").write_bytes(b"x" * k)
            os.replace(tmp_path / f"{number}-{k}.tmp", tmp_path / f"{number}-{k}")
        connection.close()

    with record({"disk": tmp_path}) as session:
        first = connect()
        first.execute("PRAGMA journal_mode=WAL")  # once: two that change the mode at the same time do not wait but fail
        first.execute("CREATE TABLE t (k)")
        first.close()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert unrecorded(session.recording) == []
    assert len(image_at(session.recording, session.recording.now()).contents) == 81


def test_a_write_that_went_by_unseen_is_reported(tmp_path):
    with record({"disk": tmp_path}) as session:
        (tmp_path / "seen").write_bytes(b"x")
    (tmp_path / "seen").write_bytes(b"y")
    assert unrecorded(session.recording) == ["disk/seen differs from what was recorded"]


def test_a_moment_without_a_cut_gives_back_everything_done_so_far(tmp_path):
    folder, target = tmp_path / "recorded", tmp_path / "rebuilt"
    folder.mkdir()
    with record({"disk": folder}) as session:
        (folder / "file").write_bytes(b"early")
        moment = session.recording.mark("here")
        (folder / "file").write_bytes(b"late")
    disk_at(session.recording, moment, target)
    assert (target / "file").read_bytes() == b"early"


def test_the_same_seed_gives_the_same_disk_and_it_lands_in_an_empty_folder(tmp_path):
    folder = tmp_path / "recorded"
    folder.mkdir()
    with record({"disk": folder}) as session:
        post(folder, sync=False)
        post(folder, sync=False, name="2.json")
    moment = session.recording.now()
    first = disk_after_cut(session.recording, moment, random.Random(7), tmp_path / "first")
    assert image_after_cut(session.recording, moment, random.Random(7)) == first
    assert {path.name for path in (tmp_path / "first").iterdir()} == set(first.contents)
    with pytest.raises(ValueError, match="must be empty"):
        disk_after_cut(session.recording, moment, random.Random(7), folder)


def test_two_disks_are_kept_apart(tmp_path):
    (tmp_path / "pc").mkdir()
    (tmp_path / "vps").mkdir()
    with record({"pc": tmp_path / "pc", "vps": tmp_path / "vps"}) as session:
        (tmp_path / "pc" / "a").write_bytes(b"1")
        (tmp_path / "vps" / "b").write_bytes(b"2")
        (tmp_path / "elsewhere").write_bytes(b"3")
    moment = session.recording.now()
    assert image_at(session.recording, moment, "pc").contents == {"a": b"1"}
    assert image_at(session.recording, moment, "vps").contents == {"b": b"2"}


# ---- the process is left clean


def test_nothing_stays_patched_and_open_connections_go_on_working(tmp_path):
    before = {name: getattr(os, name) for name in dir(os)}, open, io.open, sqlite3.connect, Path.open
    with record({"disk": tmp_path}) as session:
        connection = sqlite3.connect(str(tmp_path / "some.db"))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (k)")
        assert shim().is_default()
    after = {name: getattr(os, name) for name in dir(os)}, open, io.open, sqlite3.connect, Path.open
    assert after == before
    assert not shim().is_default()
    count = session.recording.now()
    connection.execute("INSERT INTO t VALUES (1)")
    connection.commit()
    connection.close()
    assert session.recording.now() == count
    fresh = sqlite3.connect(str(tmp_path / "some.db"))
    assert fresh.execute("SELECT k FROM t").fetchall() == [(1,)]
    fresh.close()


def test_it_is_left_clean_after_an_exception_and_can_be_started_again(tmp_path):
    with pytest.raises(KeyError), record({"disk": tmp_path}):
        raise KeyError("from the block")
    assert not shim().is_default()
    with record({"disk": tmp_path}) as session:
        (tmp_path / "x").write_bytes(b"1")
    assert unrecorded(session.recording) == []


def test_two_recordings_at_once_are_refused(tmp_path):
    with record({"disk": tmp_path}), pytest.raises(RuntimeError, match="another recording"), record({"disk": tmp_path}):
        pass
    assert not shim().is_default()


def test_files_off_the_disk_go_straight_to_the_real_functions(tmp_path):
    (tmp_path / "disk").mkdir()
    with record({"disk": tmp_path / "disk"}), open(tmp_path / "elsewhere", "wb") as file:
        assert not isinstance(file.raw, python_files._RecordedFile)
