"""The made-up past: the same each time, and such that a receiver could have taken it in."""

import sqlite3

from rehearsal import pastyear
from tests.receiver.receiver_bench import MONDAY, Bench

TABLES = ("sample", "archive", "deal", "orders", "incident", "message", "event", "file")


def past(folder):
    folder.mkdir()
    bench = Bench(folder, MONDAY + " 10:40:00")
    pastyear.fill(bench.config.database, bench.time, ("mini-pc",), days=8, minute_days=1)
    bench.receiver.store.close()
    with sqlite3.connect(str(bench.config.database)) as db:
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def test_the_same_seed_gives_the_same_past(tmp_path):
    assert past(tmp_path / "one") == past(tmp_path / "two")


def test_every_table_that_a_page_reads_has_rows_and_nothing_lies_ahead(tmp_path):
    found = past(tmp_path / "one")
    assert all(found[table] for table in TABLES if table != "incident")
    newest = max(row[3] for row in found["sample"] if row[2] == 60)
    assert newest <= pastyear.trading_days(newest, 1)[0] + 10 * 3600 + 40 * 60
