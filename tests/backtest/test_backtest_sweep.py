"""The search: the same rows whoever works, goes on where it stopped, and never chooses by what it shows."""

import functools
import json
import math
import pathlib

import pytest

from qmt_strategy.backtest import commands, compiled, engine, money, options, sweep, sweeping, synthetic
from qmt_strategy.backtest.setup import LEGACY, Setup

SETUP = Setup(fill="once")
RANGES = [sweep.parse("ma=60,120"), sweep.parse("quantile_negative=0.3,0.6")]


@pytest.fixture(scope="module")
def funds():
    return synthetic.funds(2, days=600)


@pytest.fixture
def task(funds):
    return sweep.Task(funds, SETUP, "", "python")


def same(one, other):
    return json.dumps(one) == json.dumps(other)  # NaN is NaN here


def test_a_grid_is_all_combinations():
    assert sweep.sets_of(RANGES, 0, 1) == [
        {"ma": 60, "quantile_negative": 0.3},
        {"ma": 60, "quantile_negative": 0.6},
        {"ma": 120, "quantile_negative": 0.3},
        {"ma": 120, "quantile_negative": 0.6},
    ]
    assert sweep.parse("grid_height=0.005:0.02:0.005").listed == (0.005, 0.01, 0.015, 0.02)


def test_random_draws_are_the_same_for_a_seed_and_inside_their_ends():
    ranges = [sweep.parse("ma=200..1200"), sweep.parse("sell_factor=1,2,3")]
    drawn = sweep.sets_of(ranges, 50, 7)
    assert drawn == sweep.sets_of(ranges, 50, 7) != sweep.sets_of(ranges, 50, 8)
    assert all(200 <= one["ma"] <= 1200 and one["sell_factor"] in (1, 2, 3) for one in drawn)
    assert len({one["ma"] for one in drawn}) > 30


@pytest.mark.parametrize("text", ["height=1", "ma=", "ma=abc", "ma=1,850", "ma=900..200", "grid_height=0.1:0.05:0.01"])
def test_a_mistake_in_a_range_is_refused(text):
    with pytest.raises(options.UsageError):
        sweep.parse(text)


def test_a_row_is_what_a_single_run_gives(task, funds):
    (row,) = sweep.evaluate(task, [{"ma": 120, "quantile_negative": 0.6}])
    rule = SETUP.rule._replace(ma=120, quantile_negative=0.6)
    result = engine.run(funds, SETUP._replace(rule=rule))
    assert row["buys"] == sum(order.side > 0 for order in result.orders) > 0
    assert row["profit"] == round(float(result.equity[-1] - result.flows.sum()), 2)


@pytest.mark.parametrize("chosen", ["python", "numba"])
@pytest.mark.parametrize("setup", [SETUP, Setup(), Setup(**LEGACY)], ids=["once", "minute", "legacy"])
def test_a_set_gives_the_same_row_whatever_was_tried_before_or_beside_it(task, funds, chosen, setup):
    if chosen == "numba":
        pytest.importorskip("numba")
    task = task._replace(setup=setup, engine=chosen)
    ranges = RANGES + [sweep.parse("grid_height=0.01,0.02"), sweep.parse("sell_factor=1,2")]
    sets = sweep.sets_of(ranges, 0, 1)
    for one, row in zip(sets, sweep.evaluate(task, sets)):
        sweep._boards.clear()
        assert same(sweep.evaluate(task, [one])[0], row)
        rule = setup.rule._replace(**one)
        result = engine.run(funds, setup._replace(rule=rule), compiled.engine(chosen))
        assert row["buys"] == sum(order.side > 0 for order in result.orders)
        assert row["fees"] == round(float(result.fees[-1]), 2)
        assert row["profit"] == round(float(result.equity[-1] - result.flows.sum()), 2)
        alone = money.xirr(money.flow_list(result.days, result.flows, result.equity[-1]))
        assert row["xirr"] == pytest.approx(alone, abs=1e-9, nan_ok=True)


def test_processes_give_the_rows_of_one_process(task, tmp_path):
    sets = sweep.sets_of(RANGES, 0, 1)
    alone = sweep.search(task, sets, str(tmp_path / "one"), sweep.in_one_process)
    many = functools.partial(sweep.on_all_cores, workers=2)
    assert same(sweep.search(task, sets, str(tmp_path / "two"), many), alone)


def test_a_dask_cluster_of_two_workers_gives_the_rows_of_one_process(task, tmp_path):
    distributed = pytest.importorskip("distributed")
    sets = sweep.sets_of(RANGES, 0, 1)
    alone = sweep.search(task, sets, str(tmp_path / "one"), sweep.in_one_process)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster, distributed.Client(cluster.scheduler_address, timeout=60) as client:
        work = functools.partial(sweep.on_dask, client)
        assert same(sweep.search(task, sets, str(tmp_path / "two"), work), alone)
        switches = ["sweep", "--synthetic", "2", "--funds", "510300.SH", "--fill", "once", "--engine", "python"]
        switches += ["--vary", "ma=250,400", "--vary", "quantile_negative=0.4,0.6"]
        here, there = str(tmp_path / "here"), str(tmp_path / "there")
        assert commands.main(switches + ["--workers", "1", "--out", here]) == 0
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
        assert commands.main(switches + ["--scheduler", cluster.scheduler_address, "--out", there]) == 0
    tables = [pathlib.Path(folder, "table.csv").read_text(encoding="utf-8-sig") for folder in (here, there)]
    assert tables[0] == tables[1]


def test_a_broken_off_search_goes_on_where_it_stopped(task, tmp_path):
    sets = sweep.sets_of(RANGES, 0, 1)
    worked = []

    def breaks_off(task, chunks):
        for chunk in chunks:
            if len(worked) == 2:
                raise KeyboardInterrupt
            worked.extend(chunk)
            yield sweep.evaluate(task, chunk)

    with pytest.raises(KeyboardInterrupt):
        sweep.search(task, sets, str(tmp_path), breaks_off)
    with open(tmp_path / "results.jsonl", "a", encoding="utf-8") as file:
        file.write('{"ma": 60, "quan')  # torn by a power cut
    later = []

    def goes_on(task, chunks):
        for chunk in chunks:
            later.extend(chunk)
            yield sweep.evaluate(task, chunk)

    rows = sweep.search(task, sets, str(tmp_path), goes_on)
    assert len(worked) == 2 and len(later) == 2
    assert same(rows, sweep.evaluate(task, sets))
    assert same(sweep.search(task, sets, str(tmp_path), lambda task, chunks: pytest.fail("all is known")), rows)


def test_results_of_another_search_are_not_mixed_in(task, tmp_path):
    sweep.search(task, sweep.sets_of(RANGES, 0, 1), str(tmp_path), sweep.in_one_process)
    other = task._replace(setup=SETUP._replace(fee_min=5.0))
    with pytest.raises(options.UsageError, match="另一次搜索"):
        sweep.search(other, sweep.sets_of(RANGES, 0, 1), str(tmp_path), sweep.in_one_process)


def test_what_comes_after_the_split_does_not_choose(task, funds):
    split = funds[0].dates[400]
    sets = sweep.sets_of(RANGES, 0, 1)
    rows = sweep.evaluate(task._replace(split=split), sets)
    changed = []
    for fund in funds:
        columns = [column[:400] + [value * 0.9 for value in column[400:]] for column in fund[2:6]]
        changed.append(type(fund)(fund.code, fund.dates, *columns, fund.splits, fund.dividends))
    others = sweep.evaluate(sweep.Task(changed, SETUP, split, "python"), sets)
    before = [{name: value for name, value in row.items() if not name.startswith("after_")} for row in rows]
    assert same(before, [{name: row[name] for name in known} for row, known in zip(others, before)])
    assert not same(rows, others)


def test_the_best_stand_first_and_the_undefined_last():
    rows = [{"xirr": 0.1}, {"xirr": math.nan}, {"xirr": 0.3}]
    assert [row["xirr"] for row in sweeping.ranked(rows, "xirr")][:2] == [0.3, 0.1]


def test_the_command_writes_table_and_heat_map(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    code = commands.main(
        ["sweep", "--synthetic", "1", "--funds", "510300.SH,510500.SH", "--fill", "once", "--engine", "python"]
        + ["--vary", "ma=250,400", "--vary", "quantile_negative=0.4,0.6", "--split", "2023-01-02"]
        + ["--workers", "1", "--out", str(tmp_path)]
    )
    assert code == 0
    said = capsys.readouterr().out
    assert "4 组" in said and "检验期" in said
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert (tmp_path / "table.csv").read_text(encoding="utf-8-sig").count("\n") == 5


def test_without_a_split_there_is_one_stretch_and_the_same_command_goes_on(tmp_path, capsys, monkeypatch):
    switches = ["sweep", "--synthetic", "1", "--funds", "510300.SH", "--fill", "once", "--engine", "python"]
    switches += ["--vary", "ma=250,400", "--workers", "1", "--out", str(tmp_path)]
    assert commands.main(switches) == 0
    said = capsys.readouterr().out
    assert "2 组" in said and "检验期" not in said
    monkeypatch.setattr(sweep, "evaluate", lambda task, sets: pytest.fail("all is known"))
    assert commands.main(switches) == 0
    assert capsys.readouterr().out == said
