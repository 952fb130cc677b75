"""The command `run`: prices and a Setup in, summary on the screen, files in a folder."""

import argparse
import csv
import json
import os
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import adjust, board, compiled, csvlines, engine, figures, options, prices, summary
from .setup import Setup


def run(given: argparse.Namespace, data: prices.Prices, setup: Setup) -> int:
    try:
        chosen = compiled.engine(given.engine)
    except ImportError:
        raise options.UsageError("没有安装 numba：请去掉 --engine numba，或 pip install numba") from None
    made = board.Board(data.funds, setup, chosen)
    result = engine.result(made, setup, engine.walk(made, setup))
    level, name = benchmark(data, result.days, given.benchmark)
    found = figures.figures(result, level, name)
    notes = summary.warnings(setup) + data.notes
    if given.json:
        print(json.dumps(document(found, setup, data, notes), ensure_ascii=False, indent=1))
    else:
        print("\n".join(summary.lines(found, setup, notes)))
    if given.out:
        write(given.out, result, found, setup, data, notes)
        _write_page(given.out, made, result, found, data, notes, level, name)
        print("报告：%s" % os.path.join(given.out, "report.html"))
    return 0


def benchmark(data: prices.Prices, days: List[str], wanted: str) -> Tuple[Optional[Any], str]:
    """(the adjusted closes of a fund on `days`, its code); (None, '') for 'none', what fetch stored for 'index'.

    Raises UsageError or prices.DataError.
    """
    if wanted == "none":
        return None, ""
    if wanted == "index":
        dates, values = csvlines.read_closes(os.path.join(data.source, "index.csv"))
        return _on(days, dict(zip(dates, values))), "上证指数（不含分红）"
    fund = data.fund(wanted.upper()) if wanted else data.fund("510300.SH") or data.funds[0]
    if fund is None:
        raise options.UsageError(
            "--benchmark %s 不在数据里（有：%s）" % (wanted, "、".join(one.code for one in data.funds))
        )
    return _on(days, dict(zip(fund.dates, adjust.closes(fund, "ratio_back")))), fund.code


def _on(days: List[str], closes: Dict[str, float]) -> Any:
    """The value of each day, or the last one known before; NaN before the first."""
    row = np.array([closes.get(day, 0.0) for day in days])
    level = board.known_closes(row[None, :])[0]
    return np.where(level > 0, level, np.nan)


def document(found: Dict[str, Any], setup: Setup, data: prices.Prices, notes: List[str]) -> Dict[str, Any]:
    """What report.json holds."""
    shown = dict(setup._asdict(), rule=setup.rule._asdict())
    return {"figures": found, "setup": shown, "source": data.source, "notes": notes}


def write(
    folder: str,
    result: engine.Result,
    found: Dict[str, Any],
    setup: Setup,
    data: prices.Prices,
    notes: List[str],
) -> None:
    """report.json, orders.csv and days.csv."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(document(found, setup, data, notes), file, ensure_ascii=False, indent=1)
    # With a byte order mark, so that Excel shows the Chinese.
    with open(os.path.join(folder, "orders.csv"), "w", newline="", encoding="utf-8-sig") as file:
        orders = csv.writer(file)
        orders.writerow(
            ["日期", "时间", "代码", "买卖", "份额", "价格", "金额", "手续费", "格", "补入现金", "没下的原因"]
        )
        for one in sorted(result.orders + result.skipped, key=lambda order: (order.day, order.second)):
            clock = "%02d:%02d:%02d" % (one.second // 3600, one.second // 60 % 60, one.second % 60)
            side = "买" if one.side > 0 else "卖"
            orders.writerow(
                [one.day, clock, one.code, side, one.shares, one.price, round(one.yuan, 2), one.fee, one.cell]
                + [one.injected, one.reason]
            )
    with open(os.path.join(folder, "days.csv"), "w", newline="", encoding="utf-8-sig") as file:
        days = csv.writer(file)
        days.writerow(["日期", "总值", "现金", "补入", "手续费累计", "分红利息"] + result.codes)
        worth = result.holdings
        for at, day in enumerate(result.days):
            row = [result.equity[at], result.cash[at], result.flows[at], result.fees[at], result.income[at]]
            days.writerow([day] + [round(float(value), 2) for value in row + list(worth[:, at])])


def _write_page(
    folder: str,
    made: board.Board,
    result: engine.Result,
    found: Dict[str, Any],
    data: prices.Prices,
    notes: List[str],
    level: Optional[Any],
    name: str,
) -> None:
    from . import report

    drawing = report.pictures()  # here, so that a run without a report does not wait for matplotlib
    pictures = drawing.all_pictures(result, made, level, name) if drawing else {}
    with open(os.path.join(folder, "report.html"), "w", encoding="utf-8") as file:
        file.write(report.page(found, result.setup, "行情：" + data.source, notes, pictures, result.orders))
