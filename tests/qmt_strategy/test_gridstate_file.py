"""state/grid.json: what was saved comes back, and nothing damaged, lost or old is ever taken for "no trade yet"."""

import json
import os

import pytest

from qmt_strategy.dingtou import atomic, gridstate, params
from qmt_strategy.dingtou.gridstate import Cell

CODE = "512690.SH"
CELLS = {CODE: Cell(-12, "20240129", "20240129-512690-B-01"), "159915.SZ": Cell(0, "20240126", "start")}
TODAY = "20240201"


def fund(start="", cell=0, day=""):
    return params.parse("").fund(CODE)._replace(start=start, start_cell=cell, start_day=day)


def no_pause(seconds):
    pass


def raw_of(home):
    with open(gridstate.path(home), "rb") as file:
        return file.read()


def put(home, raw):
    os.makedirs(os.path.dirname(gridstate.path(home)), exist_ok=True)
    with open(gridstate.path(home), "wb") as file:
        file.write(raw)


def test_what_is_saved_is_loaded(home):
    gridstate.save(home, CELLS)
    assert gridstate.load(home) == gridstate.GridState(CELLS, "", False)


def test_a_missing_file_has_no_cells_and_is_no_damage(home):
    assert gridstate.load(home) == gridstate.GridState({}, "", False)


def test_a_second_save_replaces_the_first_and_leaves_nothing_beside(home):
    gridstate.save(home, CELLS)
    gridstate.save(home, {CODE: Cell(-13, "20240130", "x")})
    assert gridstate.load(home).cells == {CODE: Cell(-13, "20240130", "x")}
    assert os.listdir(os.path.join(home, "state")) == ["grid.json"]


def test_a_move_changes_one_fund_and_not_the_state_it_came_from(home):
    before = gridstate.GridState(dict(CELLS), "", False)
    after = gridstate.moved(before, CODE, Cell(-13, "20240130", "x"))
    assert after.cells[CODE].cell == -13
    assert after.cells["159915.SZ"] == CELLS["159915.SZ"]
    assert before.cells == CELLS


# ---- damage


def test_every_truncation_is_noticed(home):
    gridstate.save(home, CELLS)
    raw = raw_of(home)
    for length in range(len(raw)):
        put(home, raw[:length])
        found = gridstate.load(home)
        assert found.cells == {}
        assert "已损坏" in found.problem


def test_every_garbled_byte_is_noticed_or_harmless(home):
    gridstate.save(home, CELLS)
    raw = raw_of(home)
    noticed = 0
    for at in range(len(raw)):
        for change in (1, 16, 128):
            put(home, raw[:at] + bytes([raw[at] ^ change]) + raw[at + 1 :])
            found = gridstate.load(home)
            assert found.cells in ({}, CELLS)  # whitespace may change without harm
            assert bool(found.cells) != bool(found.problem)
            noticed += bool(found.problem)
    assert noticed > 2 * len(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": 1, "funds": []}',
        b'{"version": 1, "funds": {}}',
        b"[" * 100000,
        b"\x00" * 4096,
    ],
)
def test_what_is_no_grid_state_is_damage_not_an_empty_state(home, raw):
    put(home, raw)
    found = gridstate.load(home)
    assert found.cells == {}
    assert "所有基金停止下单" in found.problem
    assert gridstate.why_not(found, fund(), TODAY, "") == found.problem


@pytest.mark.parametrize(
    "entry",
    [
        {"cell": None, "day": "20240129", "by": ""},
        {"cell": "-12", "day": "20240129", "by": ""},
        {"cell": -12.5, "day": "20240129", "by": ""},
        {"cell": True, "day": "20240129", "by": ""},
        {"cell": 99999, "day": "20240129", "by": ""},
        {"cell": -12, "day": 20240129, "by": ""},
        {"cell": -12, "day": "20240129", "by": None},
        {"cell": -12, "day": "20240129"},
        {"cell": -12, "day": "20240129", "by": "", "more": 1},
        [-12, "20240129", ""],
    ],
)
def test_an_entry_of_another_shape_is_damage_even_with_a_right_checksum(home, entry):
    funds = {CODE: entry}
    put(home, json.dumps({"version": 1, "funds": funds, "sha256": gridstate._checksum(funds)}).encode())
    assert CODE in gridstate.load(home).problem


def test_a_file_of_a_newer_version_is_not_guessed_at(home):
    gridstate.save(home, CELLS)
    put(home, raw_of(home).replace(b'"version": 1', b'"version": 2'))
    found = gridstate.load(home)
    assert found.cells == {}
    assert "版本是 2" in found.problem


def test_a_file_that_cannot_be_opened_is_locked_and_never_written_over(home):
    os.makedirs(gridstate.path(home))  # a folder in its place
    found = gridstate.load(home, no_pause)
    assert found.locked
    assert "打不开" in found.problem
    assert not gridstate.may_start(found, fund("none", day=TODAY), TODAY, "")
    with pytest.raises(OSError):
        gridstate.moved(found, CODE, Cell(-1, TODAY, "start"))


# ---- who may begin


def state(*codes, **more):
    return gridstate.GridState({code: CELLS[code] for code in codes}, more.get("problem", ""), False)


def test_a_first_run_needs_the_owners_choice():
    assert not gridstate.may_start(state(), fund(), TODAY, "")
    assert "还没有选起始格" in gridstate.why_not(state(), fund(), TODAY, "")
    for start in ("none", "current", "number"):
        assert gridstate.may_start(state(), fund(start), TODAY, "")
        assert gridstate.why_not(state(), fund(start), TODAY, "") == ""


def test_a_lost_file_of_a_fund_that_traded_is_no_first_run():
    for start in ("none", "current", "number"):
        assert not gridstate.may_start(state(), fund(start), TODAY, "20240129")
        words = gridstate.why_not(state(), fund(start), TODAY, "20240129")
        assert "交易过，格子记录里却没有它" in words
        assert "20240129" in words


def test_damage_is_no_first_run_either():
    assert not gridstate.may_start(state(problem="x"), fund("none"), TODAY, "")
    assert gridstate.why_not(state(problem="x"), fund("none"), TODAY, "") == "x"


@pytest.mark.parametrize(
    "day, expected",
    [("", False), ("20240128", False), ("20240129", False), ("20240130", True), (TODAY, True), ("20240202", False)],
)
def test_a_choice_after_trading_counts_with_a_date_after_the_last_trace_up_to_today(day, expected):
    for known in (state(), state(problem="x"), state(CODE)):
        assert gridstate.may_start(known, fund("number", -15, day), TODAY, "20240129") is expected


def test_a_cell_stands_against_a_choice_made_before_it():
    assert not gridstate.may_start(state(CODE), fund("none"), TODAY, "")
    assert not gridstate.may_start(state(CODE), fund("none", day="20240129"), TODAY, "")
    assert gridstate.why_not(state(CODE), fund("none"), TODAY, "20240129") == ""


def test_a_choice_counts_once(home):
    chosen = fund("number", -15, TODAY)
    known = state(CODE)
    assert gridstate.may_start(known, chosen, TODAY, "20240129")
    gridstate.save(home, gridstate.moved(known, CODE, Cell(-15, TODAY, "start")).cells)
    assert not gridstate.may_start(gridstate.load(home), chosen, TODAY, "20240129")
    assert not gridstate.may_start(gridstate.load(home), chosen, "20240305", "20240129")


# ---- the disk


def refuse(monkeypatch, name, error, times):
    """Make os.`name` fail the first `times` times; the list of calls made."""
    real, calls = getattr(os, name), []

    def stubborn(*args):
        calls.append(args)
        if len(calls) <= times:
            raise error
        return real(*args)

    monkeypatch.setattr(os, name, stubborn)
    return calls


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_state_and_raises(home, monkeypatch, name):
    gridstate.save(home, CELLS)
    refuse(monkeypatch, name, OSError(28, "No space left on device"), 99)
    with pytest.raises(OSError):
        gridstate.save(home, {CODE: Cell(-13, "20240130", "x")}, no_pause)
    monkeypatch.undo()
    assert gridstate.load(home).cells == CELLS
    assert os.listdir(os.path.join(home, "state")) == ["grid.json"]


def test_a_file_held_for_a_moment_is_replaced_in_the_end(home, monkeypatch):
    gridstate.save(home, CELLS)
    calls = refuse(monkeypatch, "replace", PermissionError(13, "WinError 5"), 3)
    waits = []
    gridstate.save(home, {CODE: Cell(-13, "20240130", "x")}, waits.append)
    assert (len(calls), len(waits)) == (4, 3)
    assert sum(waits) < 0.05  # QMT has one thread
    assert gridstate.load(home).cells[CODE].cell == -13


def test_a_file_held_for_good_raises_and_leaves_the_old_state(home, monkeypatch):
    gridstate.save(home, CELLS)
    refuse(monkeypatch, "replace", PermissionError(13, "WinError 32"), 99)
    with pytest.raises(PermissionError):
        gridstate.save(home, {}, no_pause)
    monkeypatch.undo()
    assert gridstate.load(home).cells == CELLS


def test_the_content_is_synced_before_the_rename_and_the_name_after_it(home, monkeypatch):
    done = []

    def recorded(name, real):
        return lambda *args: (done.append(name), real(*args))

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    atomic.write_whole(os.path.join(home, "state", "x"), b"1")
    assert done[:3] == ["fsync", "replace", "fsync"]


def test_a_leftover_of_a_crash_is_written_over(home):
    gridstate.save(home, CELLS)
    with open(gridstate.path(home) + ".tmp", "wb") as file:
        file.write(b"half")
    gridstate.save(home, {})
    assert gridstate.load(home) == gridstate.GridState({}, "", False)


def test_a_huge_file_is_not_read_into_memory(home):
    put(home, b" " * (atomic.LARGEST + 1))
    assert gridstate.load(home).problem
