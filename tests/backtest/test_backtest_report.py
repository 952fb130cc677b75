"""The report is one file, in Chinese, with everything in it; the adjustment study names what it sees."""

import csv
import html.parser
import json
import math
import sys

import numpy
import pandas
import pytest

from qmt_strategy.backtest import adjust, commands, comparing, compiled, engine, figures, synthetic
from qmt_strategy.backtest.setup import LEGACY, Setup
from qmt_strategy.dingtou.rule import Rule

SWITCHES = ["--synthetic", "4", "--funds", "510300.SH,510500.SH,512690.SH", "--ma", "250", "--engine", "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("matplotlib")
    found = tmp_path_factory.mktemp("report")
    assert commands.main(["run"] + SWITCHES + ["--fill", "once", "--out", str(found)]) == 0
    return found


class Loads(html.parser.HTMLParser):
    """What a page would load from elsewhere."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and value and not value.startswith(("#", "data:")):
                self.found.append((tag, value))
        if tag in ("script", "link", "iframe"):
            self.found.append((tag, ""))


def test_the_report_is_one_file_that_loads_nothing(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    loads = Loads()
    loads.feed(page)
    assert loads.found == []
    assert "url(http" not in page and "@import" not in page
    assert len(page) < 3_000_000


def test_the_report_shows_figures_pictures_and_funds(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    shown = "XIRR 期末单位净值 单位净值年化 年波动 夏普（无风险 索提诺 卡玛 最大回撤 占用资金最高 闲置现金 手续费"
    parts = "净值和基准 同样的钱 回撤 恢复 现金和持仓 每月收益 全年 卖出胜率 年换手 没下的单 基金和天数 成交明细"
    for words in (shown + " " + parts).split():
        assert words in page, words
    assert page.count("<svg") == 5 + 2 * 3  # equity, unit value, drawdown, cash, months; of each fund price and cell
    assert "合成行情" in page


def test_ids_of_pictures_do_not_collide(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_files_hold_the_same_figures(folder):
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    with open(folder / "orders.csv", newline="", encoding="utf-8-sig") as file:
        orders = [row for row in csv.DictReader(file) if not row["没下的原因"]]
    found = document["figures"]
    assert found["buys"] + found["sells"] == len(orders) > 10
    with open(folder / "days.csv", newline="", encoding="utf-8-sig") as file:
        days = list(csv.DictReader(file))
    assert float(days[-1]["总值"]) == found["final_value"]
    assert document["setup"]["rule"]["ma"] == 250


def test_json_on_the_screen_is_nothing_but_json(capsys):
    assert commands.main(["run"] + SWITCHES + ["--fill", "close", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "收盘价" in document["notes"][0]


def test_legacy_says_what_it_prints_and_each_part_is_a_switch(capsys):
    assert commands.main(["run", "--legacy"] + SWITCHES) == 0
    whole = capsys.readouterr().out
    for words in ("买", "卖", "投入", "XIRR", "原策略的年化算法", "含未来"):
        assert words in whole
    switches = ["--full-sample", "yes", "--average-today", "yes", "--fill", "close", "--bank", "--t-plus-1", "no"]
    assert commands.main(["run"] + SWITCHES + switches + ["--limits", "no", "--no-caps"]) == 0
    assert capsys.readouterr().out == whole
    assert commands.main(["run", "--legacy", "--full-sample", "no"] + SWITCHES) == 0
    assert capsys.readouterr().out != whole


def test_the_benchmark_gets_the_same_flows(folder):
    funds = synthetic.funds(4, codes=("510300.SH", "510500.SH"))
    result = engine.run(funds, Setup(rule=Rule(ma=250), fill="once"))
    level = adjust.closes(funds[0], "ratio_back")
    found = figures.figures(result, level, "x")["benchmark"]
    shares = sum(flow / one for flow, one in zip(result.flows, level))
    assert found["final_value"] == pytest.approx(shares * level[-1], abs=0.01)


# ---- 复权对照


@pytest.mark.parametrize("kind", adjust.KINDS)
def test_the_study_names_the_kind_and_finds_the_events(kind):
    fund = synthetic.funds(1, days=800, codes=("510300.SH", "510500.SH"))[0]
    events = sorted({event.date for event in fund.events()})
    assert len(events) >= 3
    series = [round(one, 4) for one in adjust.closes(fund, kind)]
    study = comparing.study(fund, series, Rule(ma=100))
    assert study.kind == kind
    assert study.found == ([] if kind == "none" else events)
    assert (study.other_cell < 0.02) is kind.startswith("ratio")


def test_the_study_shows_each_series_thresholds_and_the_first_day_in_another_cell():
    fund = synthetic.funds(1, days=800, codes=("510300.SH",))[0]
    rule = Rule(ma=100)
    cells, bounds = [], []
    for kind in ("ratio_back", "none"):
        closes = pandas.Series(adjust.closes(fund, kind))
        away = (closes / closes.rolling(rule.ma).mean() - 1.0).dropna()
        cells.append(numpy.floor((away / rule.grid_height).round(9)))
        hi = numpy.quantile(away[away > 0], rule.quantile_positive) / rule.grid_height
        lo = numpy.quantile(away[away < 0], 1.0 - rule.quantile_negative) / rule.grid_height
        bounds.append((1 + math.floor(hi), math.floor(lo)))
    differ = cells[0].index[cells[0] != cells[1]]
    study = comparing.study(fund, adjust.closes(fund, "none"), rule)
    assert study.first_other == fund.dates[differ[0]]
    assert study.other_cell == len(differ) / len(cells[0])
    assert (study.hi, study.lo) == tuple(zip(*bounds))
    assert bounds[0] != bounds[1]


def test_a_missing_event_shows_as_one_that_is_published_only():
    fund = synthetic.funds(1, days=800, codes=("510300.SH",))[0]
    events = fund.events()
    without = fund._replace(
        dividends=[0.0 if day == events[0].date else one for day, one in zip(fund.dates, fund.dividends)]
    )
    study = comparing.study(fund, adjust.closes(without, "additive_back"), Rule(ma=100))
    assert study.kind == "unknown"
    assert set(study.published) - set(study.found) == {events[0].date}


def test_a_live_series_of_the_ratio_kind_agrees_and_of_another_scale_too():
    fund = synthetic.funds(1, days=800, codes=("510300.SH",))[0]
    rule = Rule(ma=100)
    live = [one * 0.5 for one in adjust.closes(fund, "ratio_front")]
    verdict = comparing.live_verdict(fund, fund.dates, live, rule)
    assert verdict.same and verdict.cell[0] == verdict.cell[1]
    assert comparing.live_verdict(fund, fund.dates[:50], live[:50], rule) is None
    raw = comparing.live_verdict(fund, fund.dates, [one - 0.4 for one in live], rule)
    assert raw.cell[0] != raw.cell[1]


def test_without_matplotlib_there_is_a_report_without_pictures_that_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "qmt_strategy.backtest.plots", raising=False)
    monkeypatch.delattr("qmt_strategy.backtest.plots", raising=False)
    assert commands.main(["run"] + SWITCHES + ["--fill", "close", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<svg" not in page
    assert "pip install matplotlib" in page and "XIRR" in page


def test_peak_capital_is_what_was_out_of_the_purse_at_once(fund, before, rule):
    # 9,991.00 out for 11,100 shares at 0.9; a sale brings money back; what the shares were worth at most is more.
    made = fund(list(before) + [0.9, 0.95, 1.05, 1.09, 1.0])
    setup = Setup(rule=rule, start=made.dates[len(before)], fill="close", bank=False, cash=20000.0)
    found = figures.figures(engine.run([made], setup, compiled.PLAIN))
    assert found["peak_capital"] == 9991.0
    assert found["peak_holdings"] == round(11100 * 0.95, 2)
    assert (found["injected"], found["injections"]) == (20000.0, 1)


def test_each_injection_is_counted(fund, before, rule):
    made = fund(list(before) + [0.9, 0.85])
    found = figures.figures(
        engine.run([made], Setup(rule=rule, start=made.dates[len(before)], fill="close"), compiled.PLAIN)
    )
    assert (found["buys"], found["injections"]) == (2, 2)


def test_the_stored_index_can_be_the_benchmark(tmp_path, capsys):
    funds = synthetic.funds(4, days=300, codes=("510300.SH",))
    synthetic.write(str(tmp_path), funds)
    switches = ["run", "--data", str(tmp_path), "--ma", "60", "--fill", "close", "--benchmark", "index"]
    assert commands.main(switches) == 2
    assert "index.csv" in capsys.readouterr().err
    lines = ["date,open,high,low,close"] + ["%s,1,1,1,%d" % (day, 3000 + at) for at, day in enumerate(funds[0].dates)]
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    assert commands.main(switches) == 0
    assert "上证指数" in capsys.readouterr().out


def test_compare_shows_value_and_drawdown_of_each_series_and_a_picture_of_each_fund(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert commands.main(["compare"] + SWITCHES[:-2] + ["--fill", "once", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    for words in ("期末", "XIRR", "最大回撤", "只有等比", "不复权"):
        assert words in page
    found = json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))["outcomes"]
    ratio, raw = found["等比前复权"], found["不复权"]
    assert ratio["series"] == ratio["reference"]
    assert raw["series"]["final_value"] != raw["reference"]["final_value"]
    assert all(one["ours"] == one["theirs"] == 0 for one in ratio["orders"].values())
    assert sum(one["ours"] for one in raw["orders"].values()) > 0


def test_a_series_from_elsewhere_trades_as_the_same_series_made_here():
    funds = synthetic.funds(4, days=900, codes=("510300.SH", "510500.SH"))
    series = {fund.code: adjust.closes(fund, "additive_back") for fund in funds}
    setup = Setup(rule=Rule(ma=200), fill="once")
    ours = engine.run(funds, setup._replace(signals="additive_back"), compiled.PLAIN).orders
    theirs = engine.run(funds, setup, compiled.PLAIN, series=series).orders
    assert len(ours) > 5
    assert comparing.matched(ours, theirs) == (len(ours), len(ours), 0, 0)


def test_orders_are_matched_one_for_one():
    one = engine.Order("20240102", "510300.SH", 1, 100, 1.0, 100.0, 0.2, -9, 54000, 0.0)
    other = one._replace(shares=200)
    assert comparing.matched([one, one], [one, other]) == (2, 1, 0, 0)
    assert comparing.matched([one, one], [one._replace(side=-1)]) == (0, 0, 2, 1)


def test_compare_prints_a_study_for_each_fund_and_the_orders(capsys, tmp_path):
    assert commands.main(["compare"] + SWITCHES[:-2] + ["--fill", "once", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("拟合误差") == 15
    assert "只有等比才有" in said
    assert set(json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))) == {
        "510300.SH",
        "510500.SH",
        "512690.SH",
        "outcomes",
    }


def test_compare_reads_the_chart_files_of_the_live_strategy(capsys, tmp_path):
    fund = synthetic.funds(4, codes=("510300.SH",))[0]
    lines = ["date,close,average,lower,upper"]
    lines += ["%s,%.4f,,," % pair for pair in zip(fund.dates, adjust.closes(fund, "ratio_front"))]
    (tmp_path / "chart-510300.SH.csv").write_text("\n".join(lines) + "\n")
    switches = ["compare", "--synthetic", "4", "--funds", "510300.SH", "--ma", "250", "--qmt", str(tmp_path)]
    assert commands.main(switches) == 0
    assert "一致" in capsys.readouterr().out


def test_legacy_is_what_it_says():
    assert LEGACY["full_sample"] and LEGACY["average_today"] and LEGACY["bank"]
    assert (LEGACY["fee_rate"], LEGACY["fee_min"], LEGACY["lot"]) == (0.0001, 0.2, 100)
