"""The replayed power cuts: the real parts keep every promise, and the replay does notice when they don't."""

import os
import sqlite3
import uuid

import pytest

from qmt_strategy.dingtou import durable, spool
from rehearsal.powercut import disk
from rehearsal.powercut.replay import replay
from rehearsal.powercut.sqlite_vfs import ShimUnavailable, shim
from tray_app import events
from tray_app.outbox import Outbox

CUTS = 60


@pytest.fixture(autouse=True)
def needs_the_shim():
    try:
        shim()
    except ShimUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.skipif(os.name != "posix", reason="on Windows the next test is this one")
def test_no_post_that_was_answered_yes_is_lost_or_doubled(tmp_path):
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert report.passed, str(report)
    assert report.posts > 50
    assert report.promised > 100


def test_the_same_holds_where_no_folder_can_be_synced_as_on_windows(tmp_path):
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.NTFS)
    assert report.passed, str(report)


class LyingConnection(sqlite3.Connection):
    """Says FULL and is OFF."""

    def execute(self, sql, *parameters):
        words = sql.replace(" ", "").upper()
        if words == "PRAGMASYNCHRONOUS":
            return super().execute("SELECT 2")
        if words.startswith("PRAGMASYNCHRONOUS="):
            return super().execute("PRAGMA synchronous=OFF")
        return super().execute(sql, *parameters)


def test_a_database_without_sync_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "Connection", LyingConnection)
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert report.lost > 0
    assert any("outbox.db" in line and "synchronous=0" in line for line in report.not_full)
    assert any("receiver.db" in line and "synchronous=0" in line for line in report.not_full)
    assert not report.passed


class OsWithoutSync:
    """The module `os` with an fsync that does nothing."""

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, handle):
        pass


def test_a_spool_without_sync_is_found_out(tmp_path, monkeypatch):
    for module in (spool, durable):  # before the rename and after it
        monkeypatch.setattr(module, "os", OsWithoutSync())
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert report.lost > 0
    assert set(report.lost_by) == {"spool"}
    assert not report.not_full


def test_failed_cuts_are_left_for_looking_at_and_nothing_else(tmp_path, monkeypatch):
    for module in (spool, durable):  # before the rename and after it
        monkeypatch.setattr(module, "os", OsWithoutSync())
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert sorted(report.folders) == sorted(str(path) for path in tmp_path.iterdir())


def test_the_same_seed_gives_the_same_report(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "Connection", LyingConnection)
    first, second = (replay(10, 7, tmp_path / name) for name in ("first", "second"))
    assert [line for line in first.details if "cut after event" in line]
    assert (first.lost, first.promised, first.details) == (second.lost, second.promised, second.details)


def test_an_outbox_that_says_yes_before_it_commits_is_found_out(tmp_path, monkeypatch):
    put_many, held_back = Outbox.put_many, []

    def late(self, new, *more):
        ready, held_back[:] = list(held_back), list(new)
        return put_many(self, ready, *more)

    monkeypatch.setattr(Outbox, "put_many", late)
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert set(report.lost_by) == {"spool", "flag", "inbox"}


def test_ids_made_anew_after_a_cut_are_found_out_as_doubling(tmp_path, monkeypatch):
    check = events.check
    monkeypatch.setattr(events, "check", lambda value: dict(check(value), id=str(uuid.uuid4())))
    report = replay(CUTS, 1, tmp_path, pc_disk=disk.HERE)
    assert report.doubled > 0
    assert not report.passed
