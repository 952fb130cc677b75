"""`run.py soak`: hours at normal speed, or weeks of short days; prints the report; exit code 0 only where the oracle
has nothing to say."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.rehearse import trade_settings
from rehearsal.road import ROOT
from rehearsal.soak import days, hours, judge, record, report, troubles
from rehearsal.soak.schedule import BUDGET

REAL_PRICES = ROOT.parent / "shared" / "data" / "etf"


def main(words):
    options = parse(words)
    if options.judge:
        return conclude(record.read(options.judge), options)
    if os.name == "nt":  # there a frozen process cannot be told from a busy one, and no small disk be mounted
        print("长跑要冻结进程、挂小磁盘，请在 Linux 上运行。", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="qmt-sentry-soak-"))
    data = options.data or (str(REAL_PRICES) if any(REAL_PRICES.glob("*.csv")) else None)
    trade = trade_settings(data, None)
    if trade is None:
        print("长跑要下单，需要 numpy 和 pandas：请用 python3 run.py soak 运行。", file=sys.stderr)
        return 2
    print(f"行情：{data or '合成'}；基金：{trade['funds']}；数据和日志在 {folder}", flush=True)
    began = time.time()
    if options.days:
        found = days.run(folder, options.days, options.seed, data, trade, options.slice, options.only)
    else:
        found = hours.run(folder, options.hours, options.seed, data, trade)
    codes = [code.strip() for code in trade["funds"].split(",")]
    found.update(real_seconds=time.time() - began, real_ended=time.time(), started_with=record.started_with(codes))
    record.write(found, folder / "record.json")
    code = conclude(found, options)
    if code == 0 and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"数据和日志在 {folder}（重新判断：run.py soak --judge {folder / 'record.json'}）")
    return code


def conclude(found, options):
    """Judge a record, print the report, keep it where that was asked for."""
    problems = judge.findings(found)
    load = " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else None
    lines = report.lines(found, problems, load)
    print("\n".join(lines), flush=True)
    if options.report:
        Path(options.report).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if problems else 0


def parse(words):
    parser = argparse.ArgumentParser(prog="run.py soak", description="the whole chain for hours, or for weeks")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--hours", type=float, help=f"at normal speed, at most {hours.LONGEST:g}")
    length.add_argument("--days", type=int, help="short days at quick times, at most 60")
    length.add_argument("--judge", metavar="RECORD", help="judge the record.json of a run that is over")
    parser.add_argument("--slice", type=float, default=BUDGET, help="s of troubles on each day (default %(default)g)")
    parser.add_argument("--only", metavar="KIND,...", default="", help="on each day these troubles and no others")
    parser.add_argument("--seed", type=int, default=1, help="of the schedule, prices and trades (default 1)")
    parser.add_argument("--data", metavar="DIR", help="folder of price CSVs (default: the shared ones, else synthetic)")
    parser.add_argument("--report", metavar="FILE", help="write the report as text")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    options = parser.parse_args(words)
    if options.hours is not None and not 0 < options.hours <= hours.LONGEST:
        parser.error(f"--hours 应大于 0、不超过 {hours.LONGEST:g}")
    if options.days is not None and not 0 < options.days <= 60:
        parser.error("--days 应为 1 到 60")
    options.only = [kind for kind in options.only.split(",") if kind]
    unknown = [kind for kind in options.only if kind not in troubles.KINDS]
    if unknown or (options.only and not options.days):
        kinds = "、".join(troubles.KINDS)
        parser.error(
            f"--only 只和 --days 一起用；没有 {'、'.join(unknown)}，可用的有：{kinds}"
            if unknown
            else "--only 只和 --days 一起用"
        )
    return options
