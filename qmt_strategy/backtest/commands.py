"""The four commands. What a user did wrong ends as one Chinese sentence on stderr and exit code 2."""

import argparse
import sys
from typing import List, Sequence

from . import options, prices


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m qmt_strategy.backtest", description="ETF 网格的回测：和实盘是同一份规则"
    )
    commands = parser.add_subparsers(dest="command", metavar="fetch|run|sweep|compare")
    commands.required = True
    _add_run(commands.add_parser("run", help="跑一次回测，写报告"))
    _add_sweep(commands.add_parser("sweep", help="搜索参数"))
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
    parser.add_argument("--benchmark", default="", help="基准：数据里的一只基金（默认 510300.SH 或第一只），或 none")
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
