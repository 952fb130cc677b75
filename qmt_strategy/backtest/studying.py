"""The command `compare`: the adjustment study of each fund in words, and QMT's live series against the backtest's."""

import argparse
import json
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..dingtou import grid
from . import adjust, comparing, engine, figures, prices
from .comparing import Study
from .setup import Setup
from .summary import percent

KINDS = {
    "ratio_back": "等比后复权",
    "ratio_front": "等比前复权",
    "additive_back": "等差后复权（东方财富后复权、累计净值）",
    "additive_front": "等差前复权（东方财富前复权、QMT 的 front）",
    "none": "不复权",
    "unknown": "不是已知的任何一种，请核对来源",
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--series", help="另一来源的复权收盘价文件夹（每只基金一个 510300.SH.csv：date,close），逐个对照"
    )
    parser.add_argument("--qmt", help="QMT 实盘序列的文件夹（哨兵上传的 chart-510300.SH.csv，或 date,close）")
    parser.add_argument("--out", help="把结果写成 compare.json 放进这个文件夹")


def run(given: argparse.Namespace, data: prices.Prices, setup: Setup) -> int:
    """The four kinds made from our own events, or the series of another source, or QMT's."""
    found: Dict[str, Any] = {}
    orders = _orders(data, setup) if not given.series and not given.qmt else {}
    for fund in data.funds:
        print(fund.code)
        if given.qmt:
            print("  " + _live(fund, given.qmt, setup))
            continue
        for name, one, series in _series(fund, given.series):
            study = comparing.study(one, series, setup.rule)
            found.setdefault(fund.code, {})[name] = study._asdict()
            print("\n".join("  " + line for line in words(name, study)))
    for kind, (both, ours, theirs) in orders.items():
        line = "%s：和等比复权相同的委托 %d 笔，只有等比才有 %d 笔，只有它才有 %d 笔"
        print(line % (KINDS[kind], both, ours, theirs))
    if given.out:
        os.makedirs(given.out, exist_ok=True)
        with open(os.path.join(given.out, "compare.json"), "w", encoding="utf-8") as file:
            json.dump(figures.clean(found), file, ensure_ascii=False, indent=1)
    return 0


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


def _threshold(cell: int) -> str:
    return "无" if abs(cell) >= grid.NEVER else str(cell)


def _series(fund: prices.Fund, folder: Optional[str]) -> List[Tuple[str, prices.Fund, List[float]]]:
    """(name, the fund on the series' days, the series)."""
    if not folder:
        return [(kind, fund, [round(one, 3) for one in adjust.closes(fund, kind)]) for kind in adjust.KINDS]
    path = os.path.join(folder, fund.code + ".csv")
    if not os.path.exists(path):
        return []
    dates, closes = read_closes(path)
    theirs = dict(zip(dates, closes))
    keep = fund.until(max(dates))
    known = [at for at, day in enumerate(keep.dates) if day in theirs]
    if not known:
        raise prices.DataError("%s 和行情没有共同的日期" % path)
    cut = keep.at(known)
    return [(path, cut, [theirs[day] for day in cut.dates])]


def read_closes(path: str) -> Tuple[List[str], List[float]]:
    """(dates, closes) of a CSV with date and close: another source's series, or a chart file of the strategy."""
    dates, closes = [], []
    for line, row in prices.rows(path, ("date", "close")):
        if row["close"].strip():
            dates.append(prices.day_of(path, line, "date", row["date"]))
            closes.append(prices.price_of(path, line, "close", row["close"]))
    if not dates:
        raise prices.DataError("%s 里没有价格" % path)
    return dates, closes


def _live(fund: prices.Fund, folder: str, setup: Setup) -> str:
    names = ["chart-%s.csv" % fund.code, "%s.csv" % fund.code]
    path = next((os.path.join(folder, name) for name in names if os.path.exists(os.path.join(folder, name))), "")
    if not path:
        return "没有 QMT 的序列（%s），跳过" % " 或 ".join(names)
    dates, closes = read_closes(path)
    verdict = comparing.live_verdict(fund, dates, closes, setup.rule)
    if verdict is None:
        return "共同的日子不足 %d 天，无法对照" % setup.rule.ma
    asks = {1: "买", -1: "卖", 0: "不动"}
    return "%s：格 %d / %d，卖出门槛 %d / %d，买入门槛 %d / %d（回测 / QMT）；没有上次成交时：%s / %s，%s" % (
        (verdict.day,)
        + verdict.cell
        + verdict.hi
        + verdict.lo
        + (asks[verdict.side[0]], asks[verdict.side[1]], "一致" if verdict.same else "不一致，请核对复权数据")
    )


def _orders(data: prices.Prices, setup: Setup) -> Dict[str, Tuple[int, int, int]]:
    """{kind: orders matched against the ratio series'}; fills at raw prices whatever the signal."""
    reference = engine.run(data.funds, setup._replace(signals="ratio_back")).orders
    kinds: Sequence[str] = [kind for kind in adjust.KINDS if kind != "ratio_back"]
    found = {}
    for kind in kinds:
        other = engine.run(data.funds, setup._replace(signals=kind)).orders
        found[kind] = comparing.matched(reference, other)
    return found
