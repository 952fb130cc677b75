"""A year of data must not slow a page down: what it asks the database runs along an index and is bounded."""

import pytest

from receiver import receiver as program
from rehearsal import pastyear
from tests.receiver.receiver_bench import MONDAY, PUSHPLUS, WECOM, Bench

# Tables that grow with the years. Of incident the index of the few open ones may be walked, and its newest end.
GROWING = ("sample", "event", "deal", "orders", "incident", "message", "outbox", "archive", "attempt")
ASKED = [(name, query) for name in program.PAGES for query in ({}, {"r": "d"}, {"r": "y"}, {"d": "20251202"})]


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("past"), MONDAY + " 10:40:00", channels=WECOM + PUSHPLUS)
    pastyear.fill(bench.config.database, bench.time, ("mini-pc",), days=40, minute_days=1)
    yield bench
    bench.receiver.store.close()


def gather(past, name, query, watch=None):
    with past.receiver.store.read() as db:
        db.set_trace_callback(watch)
        return program.PAGES[name].gather(program.Ask(past.receiver, db, past.time, query))


def plan(past, query):
    """The steps by which SQLite answers; unknown values are NULL."""
    with past.receiver.store.read() as db:
        rows = db.execute("EXPLAIN QUERY PLAN " + query, [None] * query.count("?")).fetchall()
    return [row["detail"] for row in rows]


@pytest.mark.parametrize("name, query", ASKED)
def test_no_page_looks_at_a_whole_table(past, name, query):
    asked = []
    gather(past, name, query, asked.append)
    assert asked
    for text in {text for text in asked if text.startswith("SELECT")}:
        for step in plan(past, text):
            table = step.split()[1] if step.startswith("SCAN") else ""
            few = "USING INDEX incident_open" in step or (table == "incident" and "ORDER BY id DESC LIMIT" in text)
            assert table not in GROWING or few, f"{step}: {text}"


@pytest.mark.parametrize("name, query", ASKED)
def test_no_page_looks_at_all_that_a_machine_ever_sent(past, name, query):
    asked = []
    gather(past, name, query, asked.append)
    for text in {text for text in asked if text.startswith("SELECT")}:
        for step in plan(past, text):
            table = step.split()[1] if step.startswith("SEARCH") else ""
            few = "USING INDEX incident_open" in step
            assert table not in GROWING or few or not step.endswith("(machine=?)"), f"{step}: {text}"


@pytest.mark.parametrize("name", program.CSV_TABLES)
def test_a_download_walks_along_an_index_too(past, name):
    asked = []
    with past.receiver.store.read() as db:
        db.set_trace_callback(asked.append)
        list(program.CSV_TABLES[name](program.Ask(past.receiver, db, past.time, {})).rows)
    for text in {text for text in asked if text.startswith("SELECT")}:
        assert not any("TEMP B-TREE" in step for step in plan(past, text)), text


@pytest.mark.parametrize("name, query", ASKED)
def test_no_page_is_larger_than_60_kilobytes(past, name, query):
    inside = program.PAGES[name].render(gather(past, name, query), "x" * 40)
    assert len(program.page("t", inside, "n", program.SCRIPT, program.navigation(name, "")).encode()) < 60_000


def test_the_points_of_a_chart_are_bounded_however_many_there_are(past):
    assert len(gather(past, "charts", {"r": "a"})["price"]["rows"]) <= program.CHART_POINTS + 1
    for series in gather(past, "host", {"r": "d"})["series"]:
        assert 2 < len(series["points"]) <= program.HOST_POINTS + 1
