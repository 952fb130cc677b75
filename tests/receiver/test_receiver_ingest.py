"""POST /api/v1/events without sockets: shapes, limits, repeats. Real HTTP is in test_receiver_server."""

import gzip
import json
import math
import sqlite3
import zlib

import pytest

from receiver.receiver import BATCH_BYTES, EFFECTS, Refuse, StoreRefused, read_batch, unpack
from tests.receiver.receiver_bench import event


def body(**changes):
    post = {"machine": "mini-pc", "run": "r", "sent_at": 1767576000.0, "waiting": 0, "events": [], **changes}
    return json.dumps({key: value for key, value in post.items() if value is not None}).encode()


def refused(raw):
    with pytest.raises(Refuse) as caught:
        read_batch(raw, "mini-pc")
    return caught.value.status


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 500000,
        body(events=None),
        body(events={}),
        body(machine=None),
        body(machine=7),
        body(sent_at=None),
        body(sent_at="now"),
        body(sent_at=True),
        body(sent_at=math.nan),
        body(sent_at=1767576000000.0),
        body(waiting=-1),
        body(waiting="many"),
        body(waiting=math.inf),
    ],
)
def test_what_is_no_batch_is_400(raw):
    assert refused(raw) == 400


def test_another_machines_token_is_403():
    assert refused(body(machine="other")) == 403


def test_too_many_events_are_413():
    assert refused(body(events=[1] * 5001)) == 413


def test_a_gzip_bomb_is_cut_off_at_the_limit():
    bomb = zlib.compress(b"0" * (BATCH_BYTES * 50))
    stream = gzip.compress(b"0" * (BATCH_BYTES * 50))
    for raw, status in ((stream, 413), (bomb, 400), (b"no gzip", 400), (stream[: len(stream) // 2], 413)):
        with pytest.raises(Refuse) as caught:
            unpack(raw, "gzip")
        assert caught.value.status == status


def test_a_cut_off_gzip_is_400():
    with pytest.raises(Refuse) as caught:
        unpack(gzip.compress(b"hello" * 100)[:-9], "gzip")
    assert caught.value.status == 400


def test_an_unknown_encoding_is_415():
    with pytest.raises(Refuse) as caught:
        unpack(b"", "br")
    assert caught.value.status == 415


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        None,
        {"kind": "qmt.log", "at": 1.0, "data": {}},
        {"id": "", "kind": "qmt.log", "at": 1.0, "data": {}},
        {"id": "a b", "kind": "qmt.log", "at": 1.0, "data": {}},
        {"id": ["x"], "kind": "qmt.log", "at": 1.0, "data": {}},
        {"id": "1", "kind": "qmt.lgo", "at": 1.0, "data": {}},
        {"id": "1", "kind": ["qmt.log"], "at": 1.0, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": []},
        {"id": "1", "kind": "qmt.log", "at": "x", "data": {}},
        {"id": "1", "kind": "qmt.log", "at": -1, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": 1767576000000, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": True, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": math.nan, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "seq": 2**63, "data": {}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": math.nan}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": [{"y": math.inf}]}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": 1.7976931348623157e308}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": 10**301}},
        {"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": deep(60)}},
        {"id": "1", "kind": "qmt.process", "at": 1.0, "data": {"state": "fine"}},
        {"id": "1", "kind": "qmt.process", "at": 1.0, "data": {"state": ["running"]}},
        {"id": "1", "kind": "qmt.heartbeat", "at": 1.0, "data": {}},
        {"id": "1", "kind": "host.paused", "at": 1.0, "data": {"until": "noon"}},
        {"id": "1", "kind": "old.heartbeat", "at": 1.0, "data": {"name": "x"}},
        {"id": "1", "kind": "file", "at": 1.0, "data": {"name": "a", "content": "x" * 300000}},
    ],
)
def test_one_impossible_event_is_rejected_and_the_rest_is_taken(bench, wrong):
    good = event("qmt.log", bench.time, line="x")
    accepted, rejected = bench.batch(wrong, good)
    assert accepted == [good["id"]]
    assert len(rejected) == 1
    assert rejected[0]["error"]
    assert bench.rows("SELECT id FROM event") == [(good["id"],)]


def test_a_number_of_5000_digits_rejects_its_event_not_the_batch(bench):
    raw = body(events=[{"id": "1", "kind": "qmt.log", "at": 1.0, "data": {"x": 0}}]).replace(
        b'"x": 0', b'"x": ' + b"9" * 5000
    )
    batch = read_batch(raw, "mini-pc")
    accepted, rejected = bench.batch(*batch.events)
    assert (accepted, [one["id"] for one in rejected]) == ([], ["1"])


def test_an_id_that_is_stored_is_accepted_again_and_changes_nothing(bench):
    error = event("strategy.error", bench.time, strategy="etf", where="init", traceback="KeyError: 1")
    assert bench.batch(error) == ([error["id"]], [])
    assert bench.batch(error, error) == ([error["id"], error["id"]], [])
    assert bench.rows("SELECT count FROM incident") == [(1,)]
    assert bench.rows("SELECT count(*) FROM event") == [(1,)]


def test_half_a_surrogate_pair_is_stored_and_shown(bench):
    accepted, rejected = bench.post("host.trouble", what="bad \ud800 text", code="\udfff")
    assert rejected == []
    bench.run(10)
    assert "bad ? text" in bench.texts()[0].body


@pytest.mark.parametrize(
    "data", [{}, {"state": 7}, {"state": None, "flag": []}, {"state": "rejected", "flag": {}, "reason": 1}]
)
def test_an_order_is_kept_however_odd_it_is(bench, data):
    assert bench.post("order.state", **data)[1] == []


@pytest.mark.parametrize(
    "kind", ["host.heartbeat", "host.started", "host.stopping", "host.resumed", "host.trouble", "qmt.log"]
)
@pytest.mark.parametrize("value", [7, "text", [1], {"a": {}}, None, True])
def test_odd_types_inside_never_break_the_door(bench, kind, value):
    keys = ("workers", "limits", "cpu", "reason", "boot_at", "what", "code", "paused_until", "outbox", "slept")
    assert bench.post(kind, **dict.fromkeys(keys, value))[1] == []
    bench.run(3)


def test_a_bug_in_an_effect_does_not_jam_the_queue(bench, monkeypatch):
    def broken(tx, machine, _event):
        machine.paused_until = 1.0
        tx.db.execute("INSERT INTO deal (machine, day, key) VALUES ('half', 'half', 'half')")
        raise KeyError("bug")

    monkeypatch.setitem(EFFECTS, "qmt.log", broken)
    good = event("host.heartbeat", bench.time, cpu=7)
    accepted, rejected = bench.batch(event("qmt.log", bench.time), good)
    assert (len(accepted), rejected) == (2, [])
    assert bench.rows("SELECT count(*) FROM deal") == [(0,)]
    assert bench.rows("SELECT paused_until, beat FROM machine") == [(None, '{"cpu":7}')]
    bench.run(10)
    assert "接收端处理 qmt.log 时出错" in bench.texts()[0].body


def test_deals_are_kept_once_each(bench):
    deal = {"日期": "20260105", "订单编号": "13", "合同编号": "24500", "成交量": 100}
    for _ in range(3):
        bench.post("qmt.heartbeat", strategy="heartbeat", deals=[deal, {**deal, "订单编号": "14"}, "odd"])
    assert bench.rows("SELECT key FROM deal ORDER BY key") == [("13|24500",), ("14|24500",)]


def test_a_database_held_by_another_process_stores_nothing_and_says_so(bench):
    bench.receiver.store.db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(str(bench.config.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreRefused):
        bench.post("qmt.log", line="x")
    assert not bench.receiver.health()[0]
    other.execute("ROLLBACK")
    bench.post("qmt.log", line="x")
    assert bench.receiver.health()[0]
    other.close()


def test_a_failing_post_leaves_nothing_half_stored(bench, monkeypatch):
    def broken(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("receiver.receiver.judge", broken)
    with pytest.raises(StoreRefused):
        bench.post("qmt.process", state="missing")
    assert bench.rows("SELECT count(*) FROM event") == [(0,)]
    assert bench.rows("SELECT count(*) FROM machine") == [(0,)]


def test_every_connection_syncs_fully(bench):
    with bench.receiver.store.read() as reader:
        for db in (reader, bench.receiver.store.db):
            assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
            assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_database_of_a_newer_program_is_refused(bench):
    bench.receiver.store.db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreRefused, match="newer"):
        bench.restart()


def test_old_heartbeats_are_thrown_away_and_orders_kept(bench):
    bench.post("host.heartbeat")
    bench.post("order.state", state="filled", flag="x")
    bench.time += 3 * 86400
    bench.receiver.check_once()
    assert bench.rows("SELECT kind FROM event") == [("order.state",)]
