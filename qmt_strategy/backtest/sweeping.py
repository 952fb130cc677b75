"""The command `sweep`: which sets, who works, the table and the heat map."""

import argparse
import contextlib
import csv
import functools
import html
import math
import os
import sys
from typing import Any, Callable, Dict, Iterator, List, Sequence

from . import options, prices, sweep
from .setup import Setup
from .summary import percent, yuan


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="参数=值",
        help="如 ma=250,500,850 或 grid_height=0.005:0.02:0.005 或 ma=200..1200；可写多次",
    )
    parser.add_argument("--random", type=int, default=0, metavar="次数", help="随机抽这么多组，而不是全部组合")
    parser.add_argument("--seed", type=int, default=1, help="随机种子")
    parser.add_argument("--split", type=options.day, help="用这天之前的行情挑选，用这天及以后的检验")
    parser.add_argument("--workers", type=int, default=0, help="进程数，默认全部核；1 = 只用本进程")
    parser.add_argument("--scheduler", default="", help="Dask 集群，如 tcp://192.168.1.10:8786")
    parser.add_argument("--by", choices=("xirr", "profit", "max_drawdown"), default="xirr", help="按什么挑选")
    parser.add_argument("--out", required=True, help="结果文件夹；中断后用同样的命令接着算")
    parser.add_argument("--engine", choices=("auto", "numba", "python"), default="auto", help="默认装了 numba 就用")


def run(given: argparse.Namespace, data: prices.Prices, setup: Setup) -> int:
    ranges = [sweep.parse(text) for text in given.vary]
    sets = sweep.sets_of(ranges, given.random, given.seed)
    task = sweep.Task(data.funds, setup, given.split or "", given.engine)
    days = sorted(day for fund in data.funds for day in fund.dates)
    if given.split and not max(days[0], setup.start) < given.split <= min(days[-1], setup.end or days[-1]):
        raise options.UsageError("--split %s 不在回测的日期之内" % given.split)
    with _work(given) as work:
        rows = sweep.search(task, sets, given.out, work, _bar)
    ordered = ranked(rows, given.by)
    names = [one.name for one in ranges]
    _write_table(os.path.join(given.out, "table.csv"), ordered)
    _write_page(os.path.join(given.out, "sweep.html"), ordered, names, given)
    print("\n".join(lines(ordered, names, given.by)))
    print("全部结果：%s 和 sweep.html" % os.path.join(given.out, "table.csv"))
    return 0


@contextlib.contextmanager
def _work(given: argparse.Namespace) -> Iterator[Callable[..., Any]]:
    """Who works, as sweep.search wants it."""
    if given.scheduler:
        try:
            import distributed

            client = distributed.Client(given.scheduler, timeout=20)
        except ImportError:
            raise options.UsageError("没有安装 dask：请 pip install 'dask[distributed]'") from None
        except (OSError, ValueError) as error:
            raise options.UsageError("连不上 Dask 集群 %s（%s），请检查地址" % (given.scheduler, error)) from None
        with client:
            yield functools.partial(sweep.on_dask, client)
        return
    workers = given.workers or os.cpu_count() or 1
    yield sweep.in_one_process if workers == 1 else functools.partial(sweep.on_all_cores, workers=workers)


def _bar(done: int, every: int) -> None:
    """A progress bar on a terminal, nothing in a file."""
    if sys.stderr.isatty():
        full = 30 * done // max(1, every)
        sys.stderr.write(
            "\r[%s%s] %d/%d%s" % ("#" * full, "." * (30 - full), done, every, "\n" if done == every else "")
        )
        sys.stderr.flush()


def ranked(rows: Sequence[sweep.Values], by: str) -> List[sweep.Values]:
    """Best first by what was known before the split; undefined ones last. A drawdown is best when it is nearest 0."""
    return sorted(rows, key=lambda row: -row[by] if not math.isnan(row[by]) else math.inf)


def lines(ordered: Sequence[sweep.Values], names: Sequence[str], by: str) -> List[str]:
    after = "after_xirr" in ordered[0]
    found = ["%d 组，按 %s 从好到差的前 10 组%s：" % (len(ordered), by, "（用检验期之前挑选）" if after else "")]
    for row in ordered[:10]:
        words = "  %s：XIRR %s，盈亏 %s 元，回撤 %s" % (
            " ".join("%s=%g" % (name, row[name]) for name in names),
            percent(_known(row["xirr"])),
            yuan(row["profit"]),
            percent(row["max_drawdown"]),
        )
        if after:
            words += "；检验期 XIRR %s，回撤 %s" % (
                percent(_known(row["after_xirr"])),
                percent(row["after_max_drawdown"]),
            )
        found.append(words)
    if after:
        best = [row["after_" + by] for row in ordered[: max(1, len(ordered) // 10)]]
        every = [row["after_" + by] for row in ordered]
        words = "挑出的前 10%% 在检验期的中位数 %s，全部组的中位数 %s：差得不多就说明挑选没有用"
        found.append(words % (_shown(by, _median(best)), _shown(by, _median(every))))
    return found


def _median(values: Sequence[float]) -> float:
    known = sorted(value for value in values if not math.isnan(value))
    return known[len(known) // 2] if known else math.nan


def _shown(by: str, value: float) -> str:
    return yuan(_known(value)) if by == "profit" else percent(_known(value))


def _known(value: float) -> Any:
    return None if math.isnan(value) else value


def _write_table(path: str, ordered: Sequence[sweep.Values]) -> None:
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(ordered[0]))
        writer.writeheader()
        writer.writerows(ordered)


def _write_page(path: str, ordered: Sequence[sweep.Values], names: Sequence[str], given: argparse.Namespace) -> None:
    """Table and, over the first two parameters, heat maps of the mean over the others."""
    from . import report

    plots = report.pictures()  # here, so that a search's workers never load matplotlib

    parts = ["<h1>参数搜索</h1><p>%s</p>" % html.escape(lines(ordered, names, given.by)[0])]
    stretches = [("", "挑选期")] + ([("after_", "检验期（%s 起）" % given.split)] if given.split else [])
    if not plots:
        parts.append('<div class="note">%s</div>' % report.NO_PICTURES)
    elif len(names) > 1 and all(len({row[name] for row in ordered}) <= 40 for name in names[:2]):
        for number, (prefix, title) in enumerate(stretches):
            table, values = means(ordered, names[:2], prefix + "xirr")
            picture = plots.heat_map(title + " XIRR", names[:2], values, table, "%", "heat%d" % number)
            parts.append('<div class="wide heat">%s</div>' % picture)
    heads = list(ordered[0])
    rows = [["%g" % row[name] for name in heads] for row in ordered[:200]]
    parts.append(report.table(heads, rows))
    with open(path, "w", encoding="utf-8") as file:
        file.write(report.document("参数搜索", "".join(parts)))


def means(rows: Sequence[sweep.Values], names: Sequence[str], figure: str) -> Any:
    """(table in percent, [row values, column values]): the mean of `figure` over all other parameters."""
    values = [sorted({row[name] for row in rows}) for name in names]
    sums: Dict[Any, List[float]] = {}
    for row in rows:
        if not math.isnan(row[figure]):
            sums.setdefault((row[names[0]], row[names[1]]), []).append(row[figure] * 100)
    table = [[_mean(sums.get((one, other), [])) for other in values[1]] for one in values[0]]
    return table, values


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
