"""Fault test, point 10: SQLite in trouble. 503 and Retry-After, never a yes for what is not on the disk."""

import shutil
import sqlite3
import threading

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, event, wait_until


def heartbeat(bench, **data):
    return event("host.heartbeat", bench.time, **data)


def post(served, *events):
    return requests.post(served.events_url, json=served.envelope(*events), headers=served.bearer, timeout=30)


def stored(served):
    return served.rows("SELECT count(*) FROM event")[0][0]


def refused(answer):
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json() == {"error": "cannot store now"}


def test_a_foreign_lock_of_ten_seconds_is_503_and_the_same_ids_are_taken_afterwards(served):
    posted = heartbeat(served)
    foreign = sqlite3.connect(str(served.config.database), isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    refused(post(served, posted))  # after our own five seconds of waiting
    assert requests.get(served.url + "/healthz", timeout=10).status_code == 503
    foreign.execute("ROLLBACK")
    foreign.close()
    assert post(served, posted).json()["accepted"] == [posted["id"]]
    assert stored(served) == 1


def test_a_full_disk_is_503_and_nothing_is_half_stored(served):
    db = served.receiver.store.db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    many = [heartbeat(served, filler="x" * 5000) for _ in range(40)]
    refused(post(served, *many))
    assert stored(served) == 0
    old = requests.post(
        served.old_url,
        json={"action": "heartbeat", "name": "qmt", "info": [{"name": "x", "data": "y" * 90000}]},
        timeout=30,
    )
    assert old.status_code == 503
    assert requests.get(served.url + "/healthz", timeout=10).status_code == 503
    db.execute("PRAGMA max_page_count = 1000000")
    assert len(post(served, *many).json()["accepted"]) == 40
    assert stored(served) == 40


def test_a_file_that_may_only_be_read_is_503_until_it_may_be_written_again(served):
    served.receiver.store.db.execute("PRAGMA query_only = ON")
    posted = heartbeat(served)
    refused(post(served, posted))
    served.receiver.store.db.execute("PRAGMA query_only = OFF")
    assert post(served, posted).status_code == 200


def test_our_own_trouble_accuses_nobody(bench):
    bench.run(60, every=bench.alive)
    bench.receiver.store.db.execute("PRAGMA query_only = ON")
    for _ in range(200):
        bench.time += 1
        with pytest.raises(program.StoreRefused):
            bench.receiver.check_once()
    bench.receiver.store.db.execute("PRAGMA query_only = OFF")
    bench.run(120, every=bench.alive)
    assert bench.accused() == []


def test_a_copy_taken_amid_writing_with_half_its_log_is_whole(tmp_path):
    """What a crash of the machine leaves: the file and a log whose last frames are missing."""
    (tmp_path / "live").mkdir()
    bench = Bench(tmp_path / "live")
    for _ in range(60):
        bench.post("strategy.error", strategy="g", where="i", traceback="E: x" * 200)
    database = bench.config.database
    size = (tmp_path / "live" / "receiver.db-wal").stat().st_size
    assert size > 50_000
    for cut in (0, 1000, 24_000, size // 2, size - 1):
        copy = tmp_path / f"copy{cut}.db"
        shutil.copy(str(database), str(copy))
        whole = (tmp_path / "live" / "receiver.db-wal").read_bytes()
        (tmp_path / f"copy{cut}.db-wal").write_bytes(whole[:cut])
        store = program.Store(copy)
        with store.read() as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            events, incidents = (db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("event", "incident"))
            assert (events > 0) == (incidents > 0)  # one transaction: both or none
        store.close()
    bench.receiver.store.close()


def test_a_vacuum_from_outside_disturbs_no_post_for_good(served):
    done = threading.Event()

    def vacuum():
        with sqlite3.connect(str(served.config.database), timeout=30) as db:
            db.execute("VACUUM")
        done.set()

    for _ in range(50):
        served.post("strategy.error", strategy="g", where="i", traceback="E: x" * 500)
    thread = threading.Thread(target=vacuum, daemon=True)
    thread.start()
    posted = [heartbeat(served) for _ in range(20)]
    for one in posted:
        wait_until(lambda one=one: post(served, one).status_code == 200)
    assert done.wait(30)
    thread.join(10)
    assert stored(served) == 70
