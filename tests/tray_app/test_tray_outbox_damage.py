"""A damaged outbox: never refuses to start, never deletes, gives back what can be read. And kill -9 loses nothing."""

import io
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from tests.tray_app.helpers import heartbeat, notice, order, short, stored, troubles
from tray_app import outbox_file
from tray_app.outbox import Outbox, OutboxUnavailable

ROOT = Path(__file__).resolve().parents[2]


def fill(home, clock, orders=60):
    outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall)
    put = [order(n) for n in range(orders)]
    outbox.put_many(put)
    outbox.put(heartbeat())
    outbox.put_many([], {"flag:20260105/a.jsonl": "[10, 2]", "superseded": "7"})
    outbox.close()
    return {event["id"] for event in put}


def reopen(home, clock):
    """Open, put one more, and return the ids that wait."""
    outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall)
    assert outbox.put(notice()) is True
    outbox.close()
    return {event["id"] for event in stored(home.outbox)}


def corrupt_files(home):
    return sorted(path.name for path in home.root.glob("outbox.*.corrupt"))


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 4000], ids=short
)
def test_a_file_that_is_none_is_kept_under_another_name_and_told(home, clock, content):
    home.outbox.write_bytes(content)
    reopen(home, clock)
    assert troubles(home.outbox) == ["outbox-salvaged"]
    (kept,) = corrupt_files(home)
    assert (home.root / kept).read_bytes() == content


def test_rows_marks_and_numbers_of_a_damaged_file_move_to_the_new_one(home, clock):
    put = fill(home, clock)
    last = stored(home.outbox)[-1]["seq"]
    raw = bytearray(home.outbox.read_bytes())
    damage_index_page(raw)
    home.outbox.write_bytes(raw)
    outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall)
    outbox.put(notice())
    assert outbox.marks("flag:") == {"flag:20260105/a.jsonl": "[10, 2]"}
    outbox.close()
    waiting = stored(home.outbox)
    assert put <= {event["id"] for event in waiting}
    assert waiting[-1]["seq"] > last


def damage_index_page(raw):
    """Spoil one index page (type 10): the rows are whole, the file is not."""
    size = int.from_bytes(raw[16:18], "big")
    page = next(number for number in range(1, len(raw) // size) if raw[number * size] == 10)
    raw[page * size + 8 : page * size + 40] = b"\xff" * 32


def test_orders_are_found_as_text_where_the_tree_is_gone(home, clock):
    put = fill(home, clock)
    raw = bytearray(home.outbox.read_bytes())
    raw[:100] = b"\x00" * 100  # the header: SQLite sees no database any more
    home.outbox.write_bytes(raw)
    assert put <= reopen(home, clock)


@pytest.mark.parametrize("seed", range(12))
def test_damage_anywhere_never_stops_the_start_and_never_invents(home, clock, seed):
    put = fill(home, clock)
    rng = random.Random(seed)
    raw = bytearray(home.outbox.read_bytes())
    if seed % 2:
        del raw[rng.randrange(len(raw)) :]
    else:
        start = rng.randrange(len(raw))
        raw[start : start + 600] = bytes(rng.randrange(256) for _ in range(len(raw[start : start + 600])))
    before = bytes(raw)
    home.outbox.write_bytes(raw)
    reopen(home, clock)
    orders = [event for event in stored(home.outbox) if event["kind"] == "order.state"]
    assert {event["id"] for event in orders} <= put
    for name in corrupt_files(home):
        assert (home.root / name).read_bytes() == before


def test_damage_that_shows_while_running_is_salvaged_at_the_next_put(home, clock):
    put = fill(home, clock)
    outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall)
    outbox.figures()
    outbox.close()
    outbox._checked = True
    raw = bytearray(home.outbox.read_bytes())
    raw[:100] = b"\x00" * 100
    home.outbox.write_bytes(raw)
    for _ in range(2):  # the first call finds the damage, the next one mends it
        try:
            outbox.put(notice())
        except Exception as error:
            assert type(error).__name__ == "OutboxUnavailable"
    outbox.close()
    assert put <= {event["id"] for event in stored(home.outbox)}


def break_header(home):
    raw = bytearray(home.outbox.read_bytes())
    raw[:100] = b"\x00" * 100
    home.outbox.write_bytes(raw)


def disk_full(*args, **kwargs):
    raise OSError(28, "No space left on device")


def sqlite_full(*args, **kwargs):
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize(
    "step, fault", [("_copy", disk_full), ("_read_tree", sqlite_full), ("_fill", sqlite_full)], ids=short
)
def test_a_disk_that_is_full_in_the_middle_of_a_salvage_loses_nothing(home, clock, monkeypatch, step, fault):
    put = fill(home, clock)
    break_header(home)
    before = home.outbox.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(outbox_file, step, fault)
        outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall, clock.mono)
        for _ in range(3):
            with pytest.raises(OutboxUnavailable):
                outbox.put(notice())
        assert outbox.figures().error
        outbox.close()
    assert home.outbox.read_bytes() == before
    assert put <= reopen(home, clock)
    assert troubles(home.outbox) == ["outbox-salvaged"]


class Killed(BaseException):
    """Stands for the end of the process at that very step."""


@pytest.mark.parametrize("survived", range(4))
def test_a_kill_between_any_two_renames_of_a_salvage_loses_nothing_and_is_told(home, clock, monkeypatch, survived):
    put = fill(home, clock)
    break_header(home)
    calls, replace = [], os.replace

    def rename(source, target):
        if len(calls) == survived:
            raise Killed
        if not calls:  # only now, or SQLite itself would have swept them away
            for suffix in ("-wal", "-shm"):
                home.outbox.with_name("outbox.db" + suffix).write_bytes(b"left behind")
        calls.append(source)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(outbox_file.os, "replace", rename)
        with pytest.raises(Killed):
            Outbox(home.outbox, 10**8, 30 * 86400, clock.wall).put(notice())
    assert put <= reopen(home, clock)
    assert troubles(home.outbox) == ["outbox-salvaged"]
    assert not home.outbox.with_name("outbox.new.db").exists()
    assert len([name for name in corrupt_files(home) if not name.endswith(("-wal", "-shm"))]) == 1


def test_a_kill_before_the_salvage_is_told_is_told_at_the_next_start(home, clock, monkeypatch):
    fill(home, clock)
    break_header(home)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "_insert", disk_full)
        with pytest.raises(OutboxUnavailable):
            Outbox(home.outbox, 10**8, 30 * 86400, clock.wall).put(notice())
    for _ in range(2):
        reopen(home, clock)
    assert troubles(home.outbox) == ["outbox-salvaged"]


def test_a_salvage_works_in_the_home_folder_and_leaves_nothing_there(home, clock, monkeypatch):
    put = fill(home, clock)
    break_header(home)
    monkeypatch.setattr(tempfile, "mkdtemp", disk_full)
    assert put <= reopen(home, clock)
    names = [path.name for path in home.root.iterdir() if path.name.startswith("outbox") and path.is_file()]
    assert sorted(names) == sorted([*corrupt_files(home), "outbox.db"])


def test_half_of_a_new_file_is_not_taken_for_the_queue(home, clock):
    home.outbox.with_name("outbox.new.db").write_bytes(b"SQLite format 3\x00")
    reopen(home, clock)
    assert troubles(home.outbox) == []


def test_a_salvage_that_fails_slowly_is_not_tried_again_at_each_call(home, clock, monkeypatch):
    fill(home, clock)
    break_header(home)
    tries = []

    def slow(path):
        tries.append(path)
        clock.advance(3)
        disk_full()

    monkeypatch.setattr(outbox_file, "_read_damaged", slow)
    outbox = Outbox(home.outbox, 10**8, 30 * 86400, clock.wall, clock.mono)
    for _ in range(5):
        outbox.figures()
    assert len(tries) == 1
    clock.advance(7)
    outbox.figures()
    assert len(tries) == 2


def test_a_sector_that_cannot_be_read_does_not_end_the_salvage(home, clock, monkeypatch):
    put = fill(home, clock)
    break_header(home)

    class BadDisk(io.FileIO):
        def read(self, size=-1):
            if self.tell() == 0:
                raise OSError(5, "Input/output error")
            return super().read(size)

    def open_bad(path, mode="r", **kwargs):
        return BadDisk(str(path)) if mode == "rb" and kwargs.get("buffering") == 0 else open(path, mode, **kwargs)

    monkeypatch.setattr(outbox_file, "open", open_bad, raising=False)
    assert put & reopen(home, clock)


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tray_app import events
from tray_app.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), 10**8, 86400)
n = 0
while True:
    n += 1
    event = events.make("order.state", {"n": n}, time.time())
    outbox.put(event)
    sys.stdout.write(event["id"] + "\\n")
    sys.stdout.flush()
"""


def test_what_was_acknowledged_before_a_kill_is_there_afterwards(home, clock):
    acknowledged = set()
    rng = random.Random(1)
    for _ in range(10):
        command = [sys.executable, "-c", WRITER, str(home.outbox), str(ROOT)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE)
        timer = threading.Timer(30, writer.kill)  # whatever happens, this test ends
        timer.start()
        for _ in range(rng.randrange(1, 60)):
            acknowledged.add(writer.stdout.readline().decode().strip())
        psutil.Process(writer.pid).kill()
        acknowledged.update(line for line in writer.stdout.read().decode().split("\n") if len(line) == 36)
        writer.wait(30)
        writer.stdout.close()
        timer.cancel()
    acknowledged.discard("")
    assert len(acknowledged) > 10
    assert acknowledged <= reopen(home, clock)
    assert corrupt_files(home) == []
