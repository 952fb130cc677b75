"""What grows is bounded: the database, the samples, the scripts of one machine, the strangers' connections."""

import socket
import sys
import threading

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import event, wait_until

DAY = program.DAY


def purge(bench):
    bench.receiver.purged_at = 0.0
    bench.receiver.check_once()


def test_beyond_its_size_the_database_forgets_the_oldest_events_and_keeps_orders(bench, monkeypatch):
    bench.post("order.state", flag="20260105-510300-B-01", line=1, state="filled", filled=100)
    for number in range(30):
        bench.post("strategy.error", strategy=f"s{number}", where="i", traceback="E: " + "x" * 5000)
    monkeypatch.setattr(program, "PURGE_BITE", 10)
    with bench.receiver.store.read() as db:
        monkeypatch.setattr(program, "DATABASE_MOST", program.used_bytes(db) - 100_000)
    purge(bench)
    assert bench.rows("SELECT count(*), min(rowid) FROM event") == [(21, 11)]
    bench.time += 1
    bench.receiver.check_once()  # goes on with the next bite without being asked
    kept = bench.rows("SELECT count(*) FROM event")[0][0]
    assert 0 < kept < 21
    for _ in range(5):
        bench.time += 1
        bench.receiver.check_once()
    assert bench.rows("SELECT count(*) FROM event")[0][0] > 0
    assert bench.rows("SELECT count(*) FROM orders") == [(1,)]


def test_each_kind_of_event_is_kept_for_its_time(bench):
    for kind, data in (("host.heartbeat", {}), ("qmt.heartbeat", {"strategy": "g"}), ("host.resumed", {})):
        bench.post(kind, **data)
    kept = []
    for days in (1, 3, 8, 401):
        bench.jump("2026-01-05 10:00:00")
        bench.time += days * DAY
        purge(bench)
        kept.append([kind for (kind,) in bench.rows("SELECT kind FROM event ORDER BY rowid")])
    assert kept[0] == ["host.heartbeat", "qmt.heartbeat", "host.resumed"]
    assert kept[1:] == [["qmt.heartbeat", "host.resumed"], ["host.resumed"], []]


def test_samples_thin_out_series_by_series(bench):
    for machine, series in (("a", "x"), ("a", "y"), ("b", "x")):
        with bench.receiver.transaction() as tx:
            for days in (0, 10, 500):
                program.keep_samples(tx, machine, {series: 1.0}, bench.time - days * DAY)
    purge(bench)
    for machine, series in (("a", "x"), ("a", "y"), ("b", "x")):
        steps = "SELECT step, count(*) FROM sample WHERE machine = ? AND series = ? GROUP BY step ORDER BY step"
        assert bench.rows(steps, machine, series) == [(60, 1), (3600, 2), (DAY, 3)]


def test_purging_looks_at_no_table_of_events_or_samples_row_by_row(bench):
    """A million rows are looked through in seconds, in which no post could be stored."""
    asked = []
    bench.receiver.store.db.set_trace_callback(asked.append)
    purge(bench)
    bench.receiver.store.db.set_trace_callback(None)
    for query in asked:
        if query.startswith(("DELETE FROM event", "DELETE FROM sample", "SELECT machine, series")):
            plan = " ".join(row[3] for row in bench.rows("EXPLAIN QUERY PLAN " + query))
            assert "SCAN event" not in plan, query
            assert "SCAN sample" not in plan or "USING" in plan or "LIMIT 1" in query, query


def test_more_scripts_than_are_watched_are_stored_and_told_once(bench, monkeypatch):
    monkeypatch.setattr(program, "SOURCES_MOST", 3)
    for number in range(6):
        bench.post("qmt.heartbeat", strategy=f"s{number}")
    assert bench.rows("SELECT name FROM source ORDER BY name") == [("s0",), ("s1",), ("s2",)]
    assert bench.rows("SELECT count(*) FROM event") == [(6,)]
    assert bench.incidents() == [("host.trouble", "sources")]
    bench.post("qmt.heartbeat", strategy="s1", tick_at=bench.time)  # a known one is heard as before
    assert bench.receiver.store.db.execute("SELECT data FROM source WHERE name = 's1'").fetchone()[0] != "{}"


# Strangers' connections -----------------------------------------------------------------------------------------------

other_loopback = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the whole of 127/8 on loopback")


def stranger(served, text, number=2):
    client = socket.create_connection(("127.0.0.1", served.port), timeout=60, source_address=(f"127.0.0.{number}", 0))
    client.sendall(text)
    return client


@other_loopback
def test_one_stranger_with_many_slow_requests_holds_up_nobody_else(served):
    slow = [stranger(served, b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n") for _ in range(40)]
    wait_until(lambda: served.server.parked)
    posted = event("host.heartbeat", served.time)
    answer = requests.post(served.events_url, json=served.envelope(posted), headers=served.bearer, timeout=60)
    assert answer.json()["accepted"] == [posted["id"]]
    assert served.server.working[program.network_of("127.0.0.2")] == program.SAME_WORKING
    for client in slow:
        client.close()
    wait_until(lambda: not served.server.parked and not served.server.working, 60)


@other_loopback
def test_a_stranger_who_waits_for_his_own_gets_his_answer(served):
    slow = [stranger(served, b"GET / HTTP/1.1\r\nX: ") for _ in range(program.SAME_WORKING)]
    network = program.network_of("127.0.0.2")
    wait_until(lambda: served.server.working[network] == program.SAME_WORKING)
    with stranger(served, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as patient:
        wait_until(lambda: served.server.parked)
        for client in slow:
            client.close()
        patient.settimeout(60)
        assert patient.recv(100).startswith(b"HTTP/1.1 ")


@other_loopback
def test_connections_of_one_network_and_altogether_are_bounded(served, monkeypatch):
    monkeypatch.setattr(program, "SAME_OPEN", 8)
    served.server.timeout = 600  # idle ones stay
    monkeypatch.setattr(program, "ALL_OPEN", 20)
    idle = [stranger(served, b"", number) for number in (2, 3, 4) for _ in range(12)]
    wait_until(lambda: sum(served.server.open.values()) == 20)
    monkeypatch.setattr(program, "ALL_OPEN", 100)
    assert requests.get(served.url + "/healthz", timeout=60).status_code in (200, 503)
    for client in idle:
        client.close()
    wait_until(lambda: not served.server.open, 60)


# Guessing -------------------------------------------------------------------------------------------------------------


def test_guesses_made_at_the_same_time_are_counted_before_they_are_looked_at(served, monkeypatch):
    looked, wait = [], threading.Event()

    def slow(given, stored):
        looked.append(given)
        wait.wait(60)
        return False

    monkeypatch.setattr(program, "right_password", slow)
    codes = []

    def guess():
        codes.append(requests.post(served.url + "/login", data={"password": "x"}, timeout=60).status_code)

    threads = [threading.Thread(target=guess, daemon=True) for _ in range(program.LOGIN_TRIES + 4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: codes.count(429) == 4, 60)
    wait.set()
    for thread in threads:
        thread.join(60)
    assert len(looked) == program.LOGIN_TRIES


def test_a_right_password_does_not_count_as_a_wrong_one(served):
    for _ in range(program.LOGIN_TRIES * 2):
        served.log_in(requests.Session())
