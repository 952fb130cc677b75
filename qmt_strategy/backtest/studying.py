"""The command `compare`: which kind of 复权 each series is, and what the rule would have done with it.

Compared with the ratio series are the four other kinds made from our own events, or another source's series, or QMT's
live ones. Fills are at raw prices whatever the signal.
"""

import argparse
import html
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..dingtou import grid
from . import adjust, comparing, csvlines, engine, figures, metrics, money, prices
from .comparing import Study
from .setup import Setup
from .summary import percent, yuan

REFERENCE = "ratio_back"
KINDS = {
    "ratio_back": "等比后复权",
    "ratio_front": "等比前复权",
    "additive_back": "等差后复权（东方财富后复权、累计净值）",
    "additive_front": "等差前复权（东方财富前复权、QMT 的 front）",
    "none": "不复权",
    "unknown": "不是已知的任何一种，请核对来源",
}


class Signals(NamedTuple):
    """One series for each of some funds."""

    name: str  # for the reader
    kind: str  # of adjust.KINDS, '' where it comes from elsewhere
    funds: List[prices.Fund]  # on the days of the series
    series: Dict[str, List[float]]


class Outcome(NamedTuple):
    """What the rule would have done with it."""

    buys: int
    sells: int
    injected: float  # yuan, as the next two
    final_value: float
    profit: float
    xirr: Optional[float]
    max_drawdown: Optional[float]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--series", help="另一来源的复权收盘价文件夹（每只基金一个 510300.SH.csv：date,close），逐个对照"
    )
    parser.add_argument("--qmt", help="QMT 实盘序列的文件夹（哨兵上传的 chart-510300.SH.csv，或 date,close）")
    parser.add_argument("--out", help="把 compare.html（图和表）和 compare.json 写进这个文件夹")


def run(given: argparse.Namespace, data: prices.Prices, setup: Setup) -> int:
    """The kinds made from our own events, or the series of another source, or QMT's."""
    found: Dict[str, Any] = {}
    text: List[str] = []
    compared = signals_of(given, data, text)
    studies: Dict[str, Dict[str, Study]] = {}
    for one in compared:
        for fund in one.funds:
            studies.setdefault(fund.code, {})[one.name] = comparing.study(fund, one.series[fund.code], setup.rule)
    for code, by_name in studies.items():
        text.append(code)
        for name, study in by_name.items():
            text += ["  " + line for line in words(name, study)]
        found[code] = {name: study._asdict() for name, study in by_name.items()}
    if given.qmt:
        text += [_verdict(fund, one, setup) for one in compared for fund in one.funds]
    # All series are compared over the same funds: those made here, or the one from elsewhere.
    ours = engine.run(compared[0].funds, setup._replace(signals=REFERENCE))
    worth = {one.name: outcomes(one, setup, ours) for one in compared}
    for name, (reference, other, matched) in worth.items():
        text += outcome_words(name, reference, other, matched)
        found.setdefault("outcomes", {})[name] = {
            "reference": reference._asdict(),
            "series": other._asdict(),
            "orders": {code: one._asdict() for code, one in matched.items()},
        }
    print("\n".join(text))
    if given.out:
        os.makedirs(given.out, exist_ok=True)
        with open(os.path.join(given.out, "compare.json"), "w", encoding="utf-8") as file:
            json.dump(figures.clean(found), file, ensure_ascii=False, indent=1)
        _write_page(os.path.join(given.out, "compare.html"), text, compared, worth, studies, setup)
        print("对照：%s" % os.path.join(given.out, "compare.html"))
    return 0


def signals_of(given: argparse.Namespace, data: prices.Prices, text: List[str]) -> List[Signals]:
    """What is to be compared; what is missing is added to `text`. Raises DataError."""
    if not given.series and not given.qmt:
        return [
            Signals(
                KINDS[kind],
                kind,
                data.funds,
                {fund.code: [round(one, 3) for one in adjust.closes(fund, kind)] for fund in data.funds},
            )
            for kind in adjust.KINDS
        ]
    folder, name = (given.qmt, "QMT 的序列") if given.qmt else (given.series, given.series)
    funds, series = [], {}
    for fund in data.funds:
        names = ["%s.csv" % fund.code]
        if given.qmt:
            names.insert(0, "chart-" + names[0])
        path = next((os.path.join(folder, one) for one in names if os.path.exists(os.path.join(folder, one))), "")
        if not path:
            text.append("%s：%s 里没有 %s，跳过" % (fund.code, folder, " 或 ".join(names)))
            continue
        theirs = dict(zip(*csvlines.read_closes(path)))
        known = [at for at, day in enumerate(fund.dates) if day in theirs]
        if not known:
            raise prices.DataError("%s 和行情没有共同的日期" % path)
        funds.append(fund.at(known))
        series[fund.code] = [theirs[day] for day in funds[-1].dates]
    if not funds:
        raise prices.DataError("%s 里没有任何一只基金的序列，请检查文件夹" % folder)
    return [Signals(name, "", funds, series)]


def outcomes(one: Signals, setup: Setup, ours: engine.Result) -> Tuple[Outcome, Outcome, Dict[str, comparing.Matched]]:
    """(the ratio series' outcome, this series', {code: orders of both}); `ours` is the ratio series' run."""
    if one.kind == REFERENCE:
        theirs = ours
    elif one.kind:
        theirs = engine.run(one.funds, setup._replace(signals=one.kind))
    else:
        theirs = engine.run(one.funds, setup, series=one.series)
    matched = {
        fund.code: comparing.matched(
            [order for order in ours.orders if order.code == fund.code],
            [order for order in theirs.orders if order.code == fund.code],
        )
        for fund in one.funds
    }
    return _outcome(ours), _outcome(theirs), matched


def _outcome(result: engine.Result) -> Outcome:
    invested, final = float(result.flows.sum()), float(result.equity[-1])
    falls = metrics.drawdown_curve(money.unit_returns(result.equity, result.flows))
    found = Outcome(
        sum(order.side > 0 for order in result.orders),
        sum(order.side < 0 for order in result.orders),
        invested,
        final,
        final - invested,
        money.xirr(money.flow_list(result.days, result.flows, final)),
        float(falls.min()),
    )
    return Outcome(*figures.clean(found))


# ---- in words


def words(name: str, study: Study) -> List[str]:
    """A study in a few Chinese lines."""
    if not study.days:
        return ["%s：行情不足一条均线，无法对照" % name]
    missed = [day for day in study.published if day not in study.found]
    extra = [day for day in study.found if day not in study.published]
    return [
        "%s：%s；拟合误差最大 %.4f 元" % (name, KINDS[study.kind], max(one.error for one in study.stretches)),
        "  除权日：序列里 %d 个，公布 %d 个%s%s"
        % (
            len(study.found),
            len(study.published),
            "，序列里没有 " + "、".join(missed) if missed else "",
            "，公布里没有 " + "、".join(extra) if extra else "",
        ),
        "  离均线的距离：最多差 %.4f，平均差 %.4f；%s 的天在另一格%s；%d 天在均线另一侧"
        % (
            study.most,
            study.mean,
            percent(study.other_cell),
            "（最早 %s）" % study.first_other if study.first_other else "",
            study.sign_differs,
        ),
        "  门槛：卖 %s -> %s，买 %s -> %s" % tuple(_threshold(one) for one in study.hi + study.lo),
    ]


def outcome_words(name: str, reference: Outcome, other: Outcome, matched: Dict[str, comparing.Matched]) -> List[str]:
    line = "%s：和等比复权同日同向的委托 %d 笔（其中 %d 笔份额也相同），只有等比才有 %d 笔，只有它才有 %d 笔"
    found = [line % ((name,) + comparing.together(matched.values()))]
    for label, one in (("等比", reference), ("它", other)):
        found.append(
            "  %s：买 %d 卖 %d，投入 %s 元，期末 %s 元，XIRR %s，最大回撤 %s"
            % (
                label,
                one.buys,
                one.sells,
                yuan(one.injected),
                yuan(one.final_value),
                percent(one.xirr),
                percent(one.max_drawdown),
            )
        )
    return found


def _threshold(cell: int) -> str:
    return "无" if abs(cell) >= grid.NEVER else str(cell)


def _verdict(fund: prices.Fund, one: Signals, setup: Setup) -> str:
    verdict = comparing.live_verdict(fund, fund.dates, one.series[fund.code], setup.rule)
    if verdict is None:
        return "%s：共同的日子不足 %d 天，无法对照" % (fund.code, setup.rule.ma)
    asks = {1: "买", -1: "卖", 0: "不动"}
    cells = tuple(_threshold(cell) for cell in verdict.cell + verdict.hi + verdict.lo)
    return "%s %s：格 %s / %s，卖出门槛 %s / %s，买入门槛 %s / %s（回测 / QMT）；没有上次成交时：%s / %s，%s" % (
        (fund.code, verdict.day)
        + cells
        + (asks[verdict.side[0]], asks[verdict.side[1]], "一致" if verdict.same else "不一致，请核对复权数据")
    )


# ---- the page


def _write_page(path: str, text: List[str], compared: List[Signals], worth: Any, studies: Any, setup: Setup) -> None:
    from . import report  # here: it wants matplotlib where there is one

    heads = ["信号", "买", "卖", "投入", "期末", "盈亏", "XIRR", "最大回撤", "相同委托", "只有等比", "只有它"]
    rows: List[List[Any]] = []
    for name, (reference, other, matched) in worth.items():
        all_funds = comparing.together(matched.values())
        counts: List[Any] = [all_funds.both, all_funds.ours, all_funds.theirs]
        if not rows or compared[0].kind == "":
            rows.append(["等比（对照的标准）"] + _cells(reference) + ["", "", ""])
        rows.append([name] + _cells(other) + counts)
    body = ["<h1>复权对照</h1><h2>同一规则，不同信号</h2>", report.table(heads, rows)]
    pictures = report.pictures()
    for code, by_name in studies.items():
        body.append("<h2>%s</h2>" % html.escape(code))
        if pictures:
            lines, bounds = _distances(code, compared, setup)
            body.append('<div class="wide">%s</div>' % pictures.distances(lines, bounds, "d" + code[:6]))
        for name, study in by_name.items():
            body.append("<p>%s</p>" % "<br>".join(html.escape(line) for line in words(name, study)))
        heads = ["信号", "相同委托", "份额也同", "只有等比", "只有它"]
        table = [[name] + list(matched[code]) for name, (_, _, matched) in worth.items() if code in matched]
        body.append(report.table(heads, table))
    if not pictures:
        body.insert(1, '<div class="note">%s</div>' % report.NO_PICTURES)
    with open(path, "w", encoding="utf-8") as file:
        file.write(report.document("复权对照", "".join(body)))


def _cells(one: Outcome) -> List[Any]:
    money_of = [yuan(value) for value in (one.injected, one.final_value, one.profit)]
    return [one.buys, one.sells] + money_of + [percent(one.xirr), percent(one.max_drawdown)]


def _distances(code: str, compared: List[Signals], setup: Setup) -> Tuple[List[Any], Tuple[float, float]]:
    """([(name, days, distances)], the reference's (buy, sell) thresholds as distances, NaN = none) of one fund."""
    found: List[Any] = []
    bounds = (float("nan"), float("nan"))
    for one in compared:
        fund = next((fund for fund in one.funds if fund.code == code), None)
        if fund is None:
            continue
        if not found:
            reference = comparing.distances(adjust.closes(fund, REFERENCE), setup.rule.ma)
            bounds = comparing.band(reference, setup.rule)
            found.append(("等比", fund.dates, reference))
        if one.kind not in ("ratio_back", "ratio_front"):
            found.append((one.name, fund.dates, comparing.distances(one.series[code], setup.rule.ma)))
    return found, bounds
