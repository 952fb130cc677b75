"""Posts as files: the form, the order, what survives crashes and full disks."""

import errno
import json
import os
import re
import subprocess
import sys

import pytest

from qmt_strategy.dingtou import spool

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BEAT = spool.HEARTBEAT


@pytest.fixture
def make(home, clock, monkeypatch):
    monkeypatch.setattr(spool, "_last_ms", 0)
    waits = []

    def make(strategy="heartbeat", instance="abc"):
        made = spool.Spool(home, strategy, instance, clock, waits.append)
        made.waits = waits
        return made

    return make


def no_space(*args, **named):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_post_is_one_event_under_the_name_that_the_protocol_gives(make, spooled, clock):
    assert make().post(BEAT, {"day": "20260105"})
    (name,) = spooled.names()
    assert name == "%d-000001-qmt.heartbeat.json" % (clock.now * 1000)
    (event,) = spooled.events()
    assert sorted(event) == ["at", "data", "id", "kind"]
    assert re.match(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", event["id"])
    assert (event["kind"], event["at"]) == (BEAT, clock.now)
    assert event["data"] == {"day": "20260105", "strategy": "heartbeat", "instance": "abc", "n": 1, "pruned": 0}


def test_chinese_stays_readable_in_the_file(make, spooled):
    make().post("strategy.notice", {"text": "现金不足"})
    with open(os.path.join(spooled.folder, spooled.names()[0]), "rb") as file:
        assert "现金不足".encode() in file.read()


def test_names_keep_the_order_of_the_posts_even_if_the_clock_is_set_back(make, spooled, clock):
    posts = make()
    for i in range(30):
        posts.post("strategy.notice", {"i": i})
        clock.now -= 1 if i % 2 else 0
    assert [event["data"]["i"] for event in spooled.events()] == list(range(30))


def test_the_order_holds_over_a_new_init_in_the_same_millisecond(make, spooled):
    first = make()
    for i in range(5):
        first.post("strategy.notice", {"i": i})
    make(instance="def").post("strategy.notice", {"i": 5})
    assert [event["data"]["i"] for event in spooled.events()] == list(range(6))


def test_a_name_that_another_process_took_is_not_overwritten(make, spooled, clock):
    posts = make()
    taken = "%d-000001-strategy.error.json" % (clock.now * 1000)
    with open(os.path.join(spooled.folder, taken), "w") as file:
        json.dump({"kind": "other", "data": {}}, file)
    assert posts.post("strategy.error", {})
    assert sorted(event["kind"] for event in spooled.events()) == ["other", "strategy.error"]


def test_an_event_is_synced_before_and_after_it_gets_its_name_and_then_the_folder(make, monkeypatch):
    steps = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: steps.append("fsync") or real_sync(handle))
    monkeypatch.setattr(os, "replace", lambda a, b: steps.append("replace") or real_replace(a, b))
    make().post("strategy.error", {"traceback": "x"})
    assert steps == ["fsync", "replace", "fsync"] + ([] if os.name == "nt" else ["fsync"])


def test_a_post_that_the_tray_took_before_its_second_sync_is_made(make, monkeypatch):
    real_replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: real_replace(a, b) or os.remove(b))
    assert make().post("strategy.error", {"traceback": "x"})


def test_a_heartbeat_is_not_synced(make, monkeypatch):
    monkeypatch.setattr(os, "fsync", no_space)
    assert make().post(BEAT, {})


def test_numbers_that_json_has_not_become_null(make, spooled):
    make().post("strategy.notice", {"a": float("nan"), "b": [float("inf"), 1.5], "c": {1: object}})
    data = spooled.events()[0]["data"]
    assert (data["a"], data["b"], data["c"]) == (None, [None, 1.5], {"1": str(object)})


def test_half_a_character_does_not_stop_a_post(make, spooled):
    assert make().post("strategy.notice", {"text": "路径 \udcff"})
    assert spooled.events()[0]["data"]["text"] == "路径 ?"


# ---- crashes


def test_a_crash_between_write_and_rename_leaves_nothing_that_the_tray_would_take(home, spooled, make):
    program = (
        "import os, sys\n"
        "sys.path.insert(0, %r)\n"
        "from qmt_strategy.dingtou import spool\n"
        "os.replace = lambda a, b: os._exit(9)\n"
        "spool.Spool(%r, 'heartbeat', 'x').post('strategy.error', {})\n" % (REPOSITORY, home)
    )
    assert subprocess.call([sys.executable, "-c", program], timeout=30) == 9
    assert spooled.names() == []
    assert [name for name in os.listdir(spooled.folder) if name.endswith(".tmp")]
    assert make().post("strategy.error", {})
    assert len(spooled.names()) == 1


def test_an_old_temporary_file_goes_at_the_next_start_and_a_fresh_one_stays(make, spooled, clock):
    make()
    for name, age in ((".old.tmp", 601), (".fresh.tmp", 5)):
        path = os.path.join(spooled.folder, name)
        open(path, "w").close()
        os.utime(path, (clock.now - age, clock.now - age))
    make()
    assert os.listdir(spooled.folder) == [".fresh.tmp"]


def test_a_file_that_a_scanner_holds_for_a_moment_is_renamed_all_the_same(make, spooled, monkeypatch):
    real, tries = os.replace, []

    def held(a, b):
        tries.append(a)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "in use")
        real(a, b)

    monkeypatch.setattr(os, "replace", held)
    posts = make()
    assert posts.post("strategy.error", {})
    assert len(spooled.names()) == 1
    assert posts.waits == [0.001, 0.002]


def test_a_file_that_stays_held_is_given_up_in_milliseconds(make, spooled, monkeypatch):
    def held(a, b):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(os, "replace", held)
    posts = make()
    assert not posts.post("strategy.error", {})
    assert sum(posts.waits) < 0.02
    assert os.listdir(spooled.folder) == []


# ---- the tray is away


def test_twenty_heartbeats_are_kept_and_every_other_is_counted_once(make, spooled):
    posts = make()
    for _ in range(75):
        posts.post(BEAT, {})
    events = spooled.events()
    assert [event["data"]["n"] for event in events] == list(range(56, 76))
    assert len(events) + sum(event["data"]["pruned"] for event in events) == 75


def test_events_are_never_pruned(make, spooled):
    posts = make()
    posts.post("strategy.error", {})
    for _ in range(40):
        posts.post(BEAT, {})
    assert len(spooled.events("strategy.error")) == 1


def test_another_strategys_heartbeats_are_left_alone(make, spooled):
    make(strategy="etf_grid").post(BEAT, {})
    posts = make()
    for _ in range(40):
        posts.post(BEAT, {})
    assert [e["data"]["strategy"] for e in spooled.events()].count("etf_grid") == 1


def test_what_the_tray_took_is_not_counted(make, spooled):
    posts = make()
    for _ in range(60):
        posts.post(BEAT, {})
        for name in spooled.names():
            os.remove(os.path.join(spooled.folder, name))
    posts.post(BEAT, {})
    assert spooled.events()[0]["data"]["pruned"] == 0


def test_the_bound_and_the_count_hold_over_a_restart(make, spooled):
    for run in range(3):
        posts = make(instance="run %d" % run)
        for _ in range(15):
            posts.post(BEAT, {})
    events = spooled.events()
    assert len(events) == 20
    assert 20 + sum(event["data"]["pruned"] for event in events) == 45


def test_an_unreadable_leftover_does_not_stop_a_start(make, spooled):
    make()
    for name in ("1-000001-qmt.heartbeat.json", "2-000001-qmt.heartbeat.json"):
        with open(os.path.join(spooled.folder, name), "wb") as file:
            file.write(b"\xff{" if name[0] == "1" else b'{"data": 7}')
    assert make().post("strategy.error", {})


# ---- the disk refuses


def test_a_full_disk_is_told_by_the_next_post_that_succeeds(make, spooled, monkeypatch):
    posts = make()
    with monkeypatch.context() as full:
        full.setattr(os, "replace", no_space)
        for _ in range(3):
            assert not posts.post(BEAT, {})
    assert posts.post(BEAT, {})
    (notice,) = spooled.events("strategy.notice")
    assert notice["data"]["what"] == "spool_failed"
    assert "3 条消息写不进磁盘" in notice["data"]["text"]
    assert "其中 3 条已丢失" in notice["data"]["text"]
    posts.post(BEAT, {})
    assert len(spooled.events("strategy.notice")) == 1


def test_events_that_met_a_full_disk_are_written_later_in_order(make, spooled, monkeypatch, clock):
    posts = make()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_space)
        for i in range(3):
            assert not posts.post("strategy.error", {"i": i})
            clock.now += 1
        assert posts.last_error.startswith("[Errno 28]")
    assert spooled.names() == []
    posts.post("strategy.error", {"i": 3})
    errors = spooled.events("strategy.error")
    assert [event["data"]["i"] for event in errors] == [0, 1, 2, 3]
    assert errors[0]["at"] == clock.now - 3
    assert "其中 0 条已丢失" in spooled.events("strategy.notice")[0]["data"]["text"]


def test_what_is_kept_in_memory_is_bounded_and_the_rest_is_counted(make, spooled, monkeypatch):
    posts = make()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_space)
        for i in range(130):
            posts.post("strategy.error", {"i": i})
    posts.post(BEAT, {})
    assert len(spooled.events("strategy.error")) == 100
    assert "其中 30 条已丢失" in spooled.events("strategy.notice")[0]["data"]["text"]


def test_a_full_disk_leaves_no_temporary_files(make, spooled, monkeypatch):
    posts = make()
    monkeypatch.setattr(os, "fsync", no_space)
    posts.post("strategy.error", {})
    monkeypatch.setattr(os, "replace", no_space)
    posts.post(BEAT, {})
    assert os.listdir(spooled.folder) == []


def test_a_spool_folder_that_was_deleted_is_made_again(make, spooled):
    posts = make()
    os.rmdir(spooled.folder)
    assert posts.post(BEAT, {})
    assert len(spooled.names()) == 1


def test_a_home_that_cannot_be_made_is_no_exception(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    posts = spool.Spool(str(tmp_path / "file" / "home"), "heartbeat", "abc")
    assert not posts.post(BEAT, {})
    assert not posts.post("strategy.error", {})
    assert posts.last_error
