"""The four commands. What a user did wrong ends as one Chinese sentence on stderr and exit code 2."""

import argparse
import datetime
import sys
import time
from typing import List, Sequence

from ..dingtou.params import DEFAULT_FUNDS
from . import options, prices


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m qmt_strategy.backtest", description="ETF 网格的回测：和实盘是同一份规则"
    )
    commands = parser.add_subparsers(dest="command", metavar="fetch|run|sweep|compare")
    commands.required = True
    _add_fetch(commands.add_parser("fetch", help="下载行情、分红拆分、净值、指数、日历"))
    _add_run(commands.add_parser("run", help="跑一次回测，写报告"))
    _add_sweep(commands.add_parser("sweep", help="搜索参数"))
    _add_compare(commands.add_parser("compare", help="复权对照"))
    given = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a Windows console may know no Chinese
    try:
        return int(given.action(given))
    except (prices.DataError, options.UsageError) as error:
        print("错误：%s" % error, file=sys.stderr)
        return 2


def _add_run(parser: argparse.ArgumentParser) -> None:
    options.add_data(parser)
    options.add_setup(parser)
    parser.add_argument(
        "--benchmark",
        default="",
        help="数据里的一只基金（默认 510300.SH 或第一只）、index（fetch 存的上证指数）或 none",
    )
    parser.add_argument("--out", help="把报告（HTML）、CSV 和 JSON 写到这个文件夹")
    parser.add_argument("--json", action="store_true", help="只在屏幕上输出 JSON")
    parser.add_argument("--engine", choices=("auto", "numba", "python"), default="auto", help="默认装了 numba 就用")
    parser.set_defaults(action=_run)


def load(given: argparse.Namespace) -> prices.Prices:
    """The prices that the switches name. Raises DataError or UsageError."""
    codes: List[str] = options.codes_of(given.funds)
    if given.synthetic is not None:
        from . import synthetic

        made = synthetic.funds(given.synthetic, codes=codes or synthetic.CODES)
        return prices.Prices(made, "合成行情，种子 %d，不是真实价格" % given.synthetic, [])
    if not given.data:
        raise options.UsageError("请给出 --data 数据文件夹，或用 --synthetic 1 试一试；数据可用 fetch 下载")
    return prices.load(given.data, codes, given.accept_jumps)


def _run(given: argparse.Namespace) -> int:
    from . import running

    return running.run(given, load(given), options.setup_of(given))


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    from . import sweeping

    options.add_data(parser)
    options.add_setup(parser)
    sweeping.add(parser)
    parser.set_defaults(action=lambda given: sweeping.run(given, load(given), options.setup_of(given)))


def _add_compare(parser: argparse.ArgumentParser) -> None:
    from . import studying

    options.add_data(parser)
    options.add_setup(parser)
    studying.add(parser)
    parser.set_defaults(action=lambda given: studying.run(given, load(given), options.setup_of(given)))


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help="存到这个文件夹")
    parser.add_argument("--funds", default=DEFAULT_FUNDS, help="基金代码，逗号分开；默认实盘的七只")
    parser.add_argument("--start", type=options.day, default="20100101", help="从哪天起")
    parser.add_argument("--end", type=options.day, default="20991231", help="到哪天")
    parser.add_argument("--hours", type=float, default=12.0, help="多少小时内取过的文件不再取，默认 12")
    parser.add_argument("--synthetic", type=int, metavar="种子", help="不联网，写一套随机生成的合成行情")
    parser.set_defaults(action=_fetch)


def _fetch(given: argparse.Namespace) -> int:
    codes = options.codes_of(given.funds)
    if given.synthetic is not None:
        from . import synthetic

        synthetic.write(given.data, synthetic.funds(given.synthetic, codes=codes))
        print("合成行情（不是真实价格）写到 %s" % given.data)
        return 0
    from . import akshare_source, fetching

    try:
        import akshare
    except ImportError:
        raise options.UsageError(
            "没有 akshare（需要 Python 3.9 以上）：请 pip install akshare，或自己准备 CSV，或用 --synthetic 1"
        ) from None
    fetcher = fetching.Fetcher(
        akshare_source.sources(akshare), given.data, datetime.datetime.now, time.sleep, lambda words: print(words)
    )
    problems = fetching.fetch(fetcher, codes, given.start, given.end, given.hours)
    for problem in problems:
        print("注意：" + problem)
    return 1 if any("没有取到" in problem for problem in problems) else 0
