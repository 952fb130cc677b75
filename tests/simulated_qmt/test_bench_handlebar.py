"""The bench of handlebar's own cost: its figures and its table from made-up numbers, and a few minutes of it for real.

What it measures is not judged here: machines that run tests are slow and shared.
"""

import json
import os
import sqlite3

import pytest

from rehearsal.bench import __main__ as bench
from rehearsal.bench import figures, handlebar, machine, taker, tradingday
from rehearsal.bench.tradingday import Call

HANDLEBAR = Call("handlebar", 1.0, 0.5, 0, 0.0, placed=False, loads=False)


@pytest.mark.parametrize("part, expected", [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed(part, expected):
    assert figures.share(list(range(100, 0, -1)), part) == expected


def test_two_dear_calls_in_a_hundred_are_seen_in_the_p99_and_one_is_not():
    assert figures.figures([1.0] * 98 + [9.0] * 2).p99 == 9.0
    assert figures.figures([1.0] * 99 + [9.0]) == (100, 1.0, 1.0, 9.0, 1.0, 1.0)


def test_no_samples_have_no_figures():
    assert figures.figures([]) == (0, None, None, None, None, None)


def test_a_tables_columns_line_up_behind_chinese_words():
    lines = figures.table([("次", 1.0, None), ("委托回报", 123.456, 7)])
    assert lines == ["次          1.00  -", "委托回报  123.46  7"]


def test_the_days_first_load_of_data_stands_apart():
    calls = [HANDLEBAR] * 3 + [HANDLEBAR._replace(wall=80.0, loads=True, fsyncs=6)]
    found = handlebar.summed_up(calls)
    assert found["all"]["wall"] == figures.as_plain(figures.figures([1.0] * 3))
    assert found["loads"]["wall"]["most"] == 80.0


def test_calls_that_place_an_order_and_callbacks_are_told_apart():
    placed = HANDLEBAR._replace(wall=6.0, placed=True, fsyncs=9)
    fill = Call("deal_callback", 2.0, 1.0, 2, 0.5, placed=False, loads=False)
    found = handlebar.summed_up([HANDLEBAR, placed, fill])
    counts = {name: found[name]["wall"]["count"] for name in found}
    assert counts == {"all": 2, "quiet": 1, "placed": 1, "wrote": 0, "callbacks": 1, "loads": 0}


@pytest.mark.parametrize("wall, verdict", [(4.9, "做到"), (5.0, "没有做到")])
def test_the_promise_is_told_with_its_verdict(wall, verdict):
    half = handlebar.summed_up([HANDLEBAR._replace(wall=wall)])
    fsync = {"median": 0.25, "p99": 1.0}
    found = {"python": "3.6.8", "days": 1, "minutes": 0, "load": 0.5, "fsync": fsync}
    posts = handlebar.posts_of([HANDLEBAR._replace(posts=1)])
    found.update(tray_up=half, tray_away=half, post_up=posts, post_away=posts)
    lines = handlebar.lines(found)
    assert lines[0] == "Python 3.6.8：1 个交易日，每 3 秒一次；本机 fsync 中位 0.25，p99 1.00 毫秒；负载 0.5"
    assert lines[-1] == "托盘不在：全部 handlebar 的 p99 %.2f 毫秒，承诺 5 毫秒以内：%s" % (wall, verdict)


def test_the_time_inside_the_simulated_api_and_of_fsync_is_told_apart():
    now = [0.0]

    def passing(seconds):
        now[0] += seconds

    meter = tradingday.Meter(timer=lambda: now[0])
    meter.watch()
    try:
        with open(os.devnull, "wb") as file:
            meter.entry("etf_grid", "handlebar", lambda: (passing(0.002), meter.inside(passing, 7.0), _sync(file)))
    finally:
        meter.close()
    (call,) = meter.calls
    assert abs(call.wall - 2.0) < 1e-6 and call.fsyncs == 1 and not call.placed and not call.loads


def _sync(file):
    try:
        os.fsync(file.fileno())
    except OSError:  # /dev/null takes none; it is counted all the same
        pass


def test_the_stand_in_for_the_tray_takes_whole_posts_and_leaves_the_rest(tmp_path):
    home = str(tmp_path)
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "1767576000001-000001-strategy.notice.json").write_text("{}")
    (spool / ".half.tmp").write_text("{")
    database = taker.opened(home)
    assert taker.take(home, database) == 1
    database.close()
    assert os.listdir(str(spool)) == [".half.tmp"]
    assert sqlite3.connect(os.path.join(home, "taken.db")).execute("SELECT COUNT(*) FROM post").fetchone() == (1,)


def test_the_machines_own_fsync_leaves_nothing_behind(tmp_path):
    assert len(machine.fsync_times(str(tmp_path), 3)) == 3
    assert os.listdir(str(tmp_path)) == []


def test_the_benches_are_listed_by_name(capsys):
    assert bench.main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed[:4] == ["backtest", "handlebar", "receiver", "tray"]


def test_what_each_call_posts_is_counted(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()

    def posting(name, target):
        (tmp_path / name).write_text("{}")
        os.replace(str(tmp_path / name), str(target / name))

    meter = tradingday.Meter()
    meter.watch()
    try:
        meter.entry("heartbeat", "timer", posting, "post.json", spool)
        meter.entry("heartbeat", "timer", posting, "state.json", tmp_path)
    finally:
        meter.close()
    assert [call.posts for call in meter.calls] == [1, 0]
    assert handlebar.posts_of(meter.calls)["wall"]["count"] == 1


def test_a_post_that_the_script_removes_itself_is_no_trouble_for_the_stand_in(tmp_path, monkeypatch):
    home = str(tmp_path)
    (tmp_path / "spool").mkdir()
    database = taker.opened(home)
    monkeypatch.setattr(taker, "_listed", lambda folder: ["gone.json"])
    assert taker.take(home, database) == 0
    database.close()


def test_three_minutes_of_a_day_place_orders_and_make_a_report(tmp_path, capsys):
    report = tmp_path / "report.json"
    arguments = ["handlebar", "--here", "--days", "1", "--minutes", "3", "--report", str(report)]
    assert bench.main(arguments) == 0
    (found,) = json.loads(report.read_text(encoding="utf-8"))["handlebar"]
    for half in (found["tray_up"], found["tray_away"]):
        assert half["all"]["wall"]["count"] > 50 and half["loads"]["wall"]["count"] == len(tradingday.FUNDS)
        assert half["placed"]["wall"]["count"] > 0 and half["callbacks"]["wall"]["count"] > 0
        # The intent, its trace and what follows are on the disk: no order without a sync.
        assert half["placed"]["fsyncs"]["most"] >= 4
    assert found["post_up"]["wall"]["count"] > 100 and found["post_away"]["wall"]["count"] > 100
    out = capsys.readouterr().out
    assert "handlebar 全部" in out and "不与承诺比" in out and "做到" not in out
