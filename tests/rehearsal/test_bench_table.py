"""The one table of `run.py bench`: every promised line stands in it, its words, and when it says not to believe it.

From made-up figures: what is measured is not judged here.
"""

import re
import types

import pytest

from rehearsal.bench import __main__ as bench
from rehearsal.bench import backtest, handlebar, limits, machine, promises, receiver, table, whole, whole_table
from rehearsal.bench.promises import LINES, Line
from rehearsal.bench.tradingday import Call

EVERY = [line for lines in LINES.values() for line in lines]


def measured(lines=EVERY, **changed):
    figures = {"count": 9, "median": 2.0, "low": 1.0, "high": 3.0, "p99": 4.0, "cpu": 1.5, "limit": 0.5}
    about = {"python": "3.11.7", "others": 0.01, "seconds": 30.0, "problem": ""}
    here = {
        "date": "2026-01-05 10:00 UTC",
        "commit": "abc1234",
        "cores": 2,
        "processor": "EPYC",
        "memory_gb": 23.5,
        "system": "Linux 6.1",
        "files": "ext4",
        "python": "3.11.7",
        "load": 0.3,
        "fsync": {"median": 0.2, "p99": 0.6},
    }
    return {
        "machine": dict(here, **changed),
        "command": "python3 run.py bench",
        "full": False,
        "parts": {part: dict(about) for part, _, _ in promises.PARTS},
        "lines": {line.key: dict(figures) for line in lines},
    }


@pytest.mark.parametrize("line", EVERY, ids=lambda line: line.key)
def test_every_line_stands_in_both_tables_with_its_promise_and_its_limit(line):
    found = measured()
    (shown,) = [row for row in table.screen(found) if row.startswith("  " + line.zh + "  ")]
    (written,) = [row for row in table.markdown(found) if row.startswith("| " + line.en + " |")]
    for row, limit in ((shown, line.limit_zh), (written, line.limit_en)):
        assert limit in row and "2.00" in row and "1.00–3.00" in row and "0.50" in row
        assert line.promise is None or f"{line.promise:g}" in row


def test_what_the_issues_promise_of_speed_and_size_is_all_there():
    promised = {(line.key, line.promise, line.of, line.more) for line in EVERY if line.promise is not None}
    assert promised == {
        ("call-up", 5.0, "p99", False),
        ("call-away", 5.0, "p99", False),
        ("post-up", 5.0, "p99", False),
        ("post-away", 5.0, "p99", False),
        ("latency", 1000.0, "p99", False),
        ("restart-heartbeat", 2000.0, "p99", False),
        ("tray-private", 60.0, "median", False),
        ("tray-processor", 1.0, "median", False),
        ("posts", 1000, "median", True),
        ("events", 15000, "median", True),
        ("page-worst", 50, "p99", False),
        ("receiver-memory", 48, "median", False),
        ("run-minute", 10.0, "cpu", False),
        ("run-once", 10.0, "cpu", False),
        ("run-close", 10.0, "cpu", False),
        ("plain-minute", 60.0, "cpu", False),
        ("plain-once", 60.0, "cpu", False),
        ("plain-close", 60.0, "cpu", False),
        ("sets-grid", 250.0, "cpu", False),
        ("sets-random", 250.0, "cpu", False),
        ("sets-many", 20.0, "median", False),
        ("backtest-memory", 250.0, "median", False),
        ("vectorbt", 10.0, "median", True),
    }


def test_no_two_lines_share_a_key():
    assert len({line.key for line in EVERY}) == len(EVERY)


@pytest.mark.parametrize(
    "more, value, expected",
    [(False, 5.0, True), (False, 5.1, False), (True, 5.0, True), (True, 4.9, False), (False, None, None)],
)
def test_a_promise_is_kept_up_to_its_very_figure(more, value, expected):
    line = Line("k", "甲", "a", promises.MS, "无", "none", 5.0, "p99", more)
    assert promises.kept(line, {"p99": value, "median": 0.0}) is expected


def test_what_was_not_measured_says_why():
    found = measured([line for line in EVERY if line.key != "sets-many"])
    (shown,) = [row for row in table.screen(found) if "10000 组" in row]
    assert shown.endswith("只在 --full 里量")
    (written,) = [row for row in table.markdown(found) if "10,000 sets" in row]
    assert "not measured" in written


def test_a_part_that_failed_says_so_once():
    found = measured(LINES["tray"])
    found["parts"]["receiver"]["problem"] = "没有量成：没有 cheroot"
    (said,) = [row for row in table.screen(found) if row.endswith("没有量成：没有 cheroot")]
    assert said.startswith("接收端")


def test_a_quiet_machine_gives_no_warning():
    assert table.warnings(measured()) == []
    assert not any("？" in row for row in table.screen(measured()))


def test_a_loaded_start_puts_every_figure_in_doubt():
    found = measured(load=1.1)
    assert "1.1" in table.warnings(found)[0]
    assert sum(row.endswith("？") for row in table.screen(found)) == len(EVERY)


def test_other_peoples_work_puts_only_its_part_in_doubt():
    found = measured()
    found["parts"]["tray"]["others"] = 0.4
    (said,) = table.warnings(found)
    assert "托盘" in said and "0.40" in said
    assert sum(row.endswith("？") for row in table.screen(found)) == len(LINES["tray"])
    assert "too much" in "\n".join(table.markdown(found))


def test_a_folder_in_memory_is_no_disk():
    assert "tmpfs" in table.warnings(measured(files="tmpfs"))[0]


@pytest.mark.parametrize(
    "value, words", [(None, "-"), (0.0123, "0.012"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_figures_have_three_digits_or_so(value, words):
    assert table.brief(value) == words


def test_the_table_replaces_what_stands_between_its_marks_and_nothing_else():
    text = f"# before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.put_into(text, ["new"]) == text.replace("old", "new")


def test_a_document_without_the_marks_is_refused_before_anything_is_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(whole, "gather", lambda *_: pytest.fail("it measured first"))
    document = tmp_path / "page.md"
    document.write_text("no marks", encoding="utf-8")
    assert bench.main(["--into", str(document)]) == 2
    assert "请先加上这两行" in capsys.readouterr().err


def test_one_command_prints_the_table_and_writes_report_and_document(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(whole, "gather", lambda *_: measured())
    document, report = tmp_path / "page.md", tmp_path / "r.json"
    document.write_text(f"{table.BEGIN}\n{table.END}\n", encoding="utf-8")
    assert bench.main(["--into", str(document), "--report", str(report)]) == 0
    assert "handlebar，托盘在" in capsys.readouterr().out
    assert "| handlebar, tray up |" in document.read_text(encoding="utf-8")
    assert report.exists()


def test_a_part_that_could_not_be_measured_is_an_exit_code_of_one(capsys, monkeypatch):
    found = measured()
    found["parts"]["tray"]["problem"] = "没有量成"
    monkeypatch.setattr(whole, "gather", lambda *_: found)
    assert whole_table.run([], types.SimpleNamespace(into=None, report=None, full=False, here=False, vectorbt="")) == 1


def test_a_part_that_fails_leaves_the_others_alone(monkeypatch):
    def broken(*_):
        raise OSError("no space\nmore")

    monkeypatch.setattr(machine, "facts", lambda folder: {})
    for name in ("strategy", "of_tray", "of_receiver"):
        monkeypatch.setattr(whole, name, broken)
    monkeypatch.setattr(whole, "of_backtest", lambda *_: ("3.8.18", {"vectorbt": whole.measured([11.0])}))
    found = whole.gather("bench", False, True, "", lambda said: None)
    assert found["parts"]["tray"]["problem"] == "没有量成：no space"
    assert found["parts"]["backtest"]["problem"] == "" and found["lines"]["vectorbt"]["median"] == 11.0


@pytest.mark.parametrize(
    "path, kind", [("/tmp/x", "ext4"), ("/dev/shm/x", "tmpfs"), ("/dev/shmem", "devtmpfs"), ("/dev/shm", "tmpfs")]
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(path, kind):
    mounts = "tmpfs /dev/shm tmpfs rw 0 0\nudev /dev devtmpfs rw 0 0\n/dev/vda / ext4 rw 0 0\n"
    assert machine._file_system(mounts, path) == kind


def test_other_programs_are_what_the_machine_did_and_we_did_not():
    assert machine.others((10.0, 100.0, 50.0), (20.0, 118.0, 63.0)) == 0.5
    assert machine.others((10.0, 100.0, 50.0), (20.0, 105.0, 56.0)) == 0.0


def test_the_named_benches_are_still_there(capsys):
    assert bench.main(["--list"]) == 0
    names = re.findall(r"^(\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert names == ["backtest", "handlebar", "receiver", "tray"]
    for words in [[name] for name in names] + [["--here", name] for name in names]:  # --here: run.py --python 3.8
        with pytest.raises(SystemExit) as ended:
            bench.main([*words, "--help"])
        assert ended.value.code == 0


def test_beside_a_call_that_writes_stands_what_the_disk_took_inside_it(monkeypatch):
    placing = Call("handlebar", 7.0, 5.0, 9, 2.5, placed=True, loads=False)
    half, posts = handlebar.summed_up([placing]), handlebar.posts_of([placing._replace(posts=1)])
    limits = {"reading": {"median": 0.1}, "renaming": {"median": 0.2}}
    halves = {"tray_up": half, "tray_away": half, "post_up": posts, "post_away": posts}
    monkeypatch.setattr(handlebar, "measure", lambda days: dict(limits, python="3.6.15", **halves))
    python, lines = whole.strategy(full=False, here=True)
    assert python == "3.6.15" and set(lines) == {line.key for line in LINES["strategy"]}
    assert lines["call-order"]["limit"] == 2.5 and lines["call-up"]["limit"] == 0.1
    assert lines["post-up"]["limit"] == 0.2 and lines["post-up"]["cpu"] == 5.0


def test_every_line_of_the_backtest_gets_its_figure(monkeypatch):
    timed = [0.004, 0.003, 0.003, 0.005]
    runs = {"one run, " + fill: timed for fill in backtest.FILLS}
    sets = {"108 sets, grid": timed, "100 sets, random": timed}

    def part(name, rounds, workers=2, vectorbt="", only_runs=False):
        answers = {"many": {"10000 sets on 2 cores": [9.0, 17.0]}, "vectorbt": {"times faster (CPU)": 11.0}}
        return answers.get(name) or dict(runs, **({} if only_runs else sets), **{"peak MB": 169.0})

    monkeypatch.setattr(backtest, "part", part)
    _, lines = whole.of_backtest(True, "python-with-vectorbt")
    assert set(lines) == {line.key for line in LINES["backtest"]}
    assert lines["run-minute"]["median"] == 4.0 and lines["run-minute"]["cpu"] == 3.0
    assert lines["sets-many"]["median"] == 9.0 and lines["sets-random"]["limit"] > lines["sets-grid"]["limit"]


def test_every_line_of_the_receiver_gets_its_figure_and_the_slowest_page_is_found(monkeypatch, tmp_path):
    each = {"posts": [900.0, 1100.0], "post_cpu_ms": [0.5, 0.7], "events": [20000, 30000], "event_cpu_us": [20.0, 22.0]}
    visits = {"/": ([2.0, 3.0], 999, 2.5), "/day": ([4.0, 60.0], 999, 5.0)}
    result = {"python": "3.8.18", "each": each, "visits": visits, "memory_events": 43.0, "memory_pages": 38.0}
    monkeypatch.setattr(receiver, "measure", lambda *_: result)
    monkeypatch.setattr(limits, "sqlite_commits", lambda path, rows, count: [0.5 if rows == 1 else 4.0])
    _, lines = whole.of_receiver(tmp_path, False)
    assert set(lines) == {line.key for line in LINES["receiver"]}
    assert lines["posts"]["limit"] == 2000 and lines["events"]["limit"] == 250000
    assert lines["page-worst"]["p99"] == 60.0 and lines["receiver-memory"]["median"] == 43.0
