"""The command line: what may stand there, and how it becomes a Setup."""

import argparse
import re
from typing import Any, Dict, List

from ..dingtou.rule import Rule
from . import adjust
from .setup import FILLS, LEGACY, NO_CAP, Setup

# Rule fields by their switch; the help is what the user sees.
RULE = {
    "ma": (int, "均线天数"),
    "grid_height": (float, "格高，0.01 = 1%%"),
    "grid_amount": (float, "每格金额（元）"),
    "quantile_positive": (float, "卖出分位 0.01-0.99"),
    "quantile_negative": (float, "买入分位 0.01-0.99"),
    "buy_factor": (float, "买入系数"),
    "sell_factor": (float, "卖出系数"),
}
LIMITS = {
    "ma": (2, 2000),
    "grid_height": (0.001, 0.2),
    "grid_amount": (1, 1000000),
    "quantile_positive": (0.01, 0.99),
    "quantile_negative": (0.01, 0.99),
    "buy_factor": (0.01, 100),
    "sell_factor": (0.01, 100),
}  # as in sentry.ini


class UsageError(ValueError):
    """A switch that makes no sense; the text is a Chinese sentence."""


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="数据文件夹（每只基金一个 510300.SH.csv，加 events.csv）")
    parser.add_argument("--synthetic", type=int, metavar="种子", help="不用数据文件夹，用随机生成的合成行情")
    parser.add_argument("--funds", default="", help="基金代码，逗号分开；默认文件夹里全部")
    parser.add_argument("--accept-jumps", action="store_true", help="超过涨跌幅限制的价格变化只提示，不拒绝")


def add_setup(parser: argparse.ArgumentParser) -> None:
    """Every switch of a Setup. None = not given, so that --legacy only fills what is left open."""
    parser.add_argument("--start", type=day, help="从哪天开始交易（此前的行情用于均线和门槛），如 2016-01-01")
    parser.add_argument("--end", type=day, help="到哪天为止")
    parser.add_argument(
        "--legacy", action="store_true", help="原策略的算法（知道未来，仅供对照）；下面每一项都可单独覆盖"
    )
    for name, (kind, words) in RULE.items():
        parser.add_argument("--" + name.replace("_", "-"), type=kind, help=words)
    parser.add_argument("--fill", choices=sorted(FILLS), help="；".join("%s %s" % pair for pair in FILLS.items()))
    parser.add_argument("--once-at", type=_second, help="once 的时间，如 14:50")
    parser.add_argument("--signals", choices=adjust.KINDS, help="均线和门槛用哪种复权价，默认 ratio_back（等比后复权）")
    parser.add_argument("--full-sample", type=_yes, metavar="yes|no", help="门槛用全部历史的分位数（知道未来）")
    parser.add_argument("--average-today", type=_yes, metavar="yes|no", help="均线含当天，从第一天起就有")
    parser.add_argument("--bank", action="store_const", const=True, help="钱不够时补，每次记一笔投入（默认）")
    parser.add_argument("--cash", type=float, help="本金（元）；给了本金而没有 --bank 就不再补钱")
    parser.add_argument("--fee-rate", type=float, help="手续费率，默认 0.0001")
    parser.add_argument("--fee-min", type=float, help="每单最低手续费（元），默认 0.2")
    parser.add_argument("--slippage", type=int, help="滑点，几个最小价位（0.001 元）")
    parser.add_argument("--lot", type=int, help="一手多少份，默认 100")
    parser.add_argument("--t-plus-1", type=_yes, metavar="yes|no", dest="next_day", help="当天买的明天才能卖，默认 yes")
    parser.add_argument("--limits", type=_yes, metavar="yes|no", help="涨停不买、跌停不卖，默认 yes")
    parser.add_argument("--no-caps", action="store_true", help="不限每天次数和金额")
    parser.add_argument("--cash-rate", type=float, help="闲置现金年利率，默认 0")
    parser.add_argument("--start-cell", choices=("none", "current"), help="开始时的格：none 没交易过，current 当前格")
    parser.add_argument("--risk-free", type=float, help="夏普用的无风险年利率，默认 0.02")


def setup_of(given: argparse.Namespace) -> Setup:
    """The Setup of parsed switches. Raises UsageError."""
    values: Dict[str, Any] = dict(LEGACY) if given.legacy else {}
    for name in Setup._fields:
        if getattr(given, name, None) not in (None, ""):
            values[name] = getattr(given, name)
    if given.cash is not None and given.bank is None:
        values["bank"] = False
    if given.no_caps:
        values.update(attempts=1000000, order_cap=NO_CAP, day_cap=NO_CAP)
    rule = {name: getattr(given, name) for name in RULE if getattr(given, name) is not None}
    for name, value in rule.items():
        check(name, value)
    setup = Setup(**values)._replace(rule=Rule(**rule))
    if setup.start and setup.end and setup.start > setup.end:
        raise UsageError("--start 比 --end 晚，请改正")
    for name in ("cash", "fee_rate", "fee_min", "slippage", "cash_rate"):
        if not 0 <= getattr(setup, name) < 1e12:
            raise UsageError("--%s 不能是负数" % name.replace("_", "-"))
    if not 1 <= setup.lot <= 10000:
        raise UsageError("--lot 应在 1 到 10000 之间")
    return setup


def check(name: str, value: float) -> None:
    """Raise UsageError where a rule's number is outside what sentry.ini allows."""
    low, high = LIMITS[name]
    if not low <= value <= high:
        raise UsageError("--%s 应在 %g 到 %g 之间" % (name.replace("_", "-"), low, high))


def codes_of(text: str) -> List[str]:
    """['510300.SH'] of '510300.SH, 159915.SZ'. Raises UsageError."""
    codes = [part.strip().upper() for part in re.split("[,，]", text) if part.strip()]
    for code in codes:
        if not re.match(r"^\d{6}\.(SH|SZ)$", code):
            raise UsageError("--funds 里的 %s 不对：代码带上市场，如 512690.SH,159915.SZ" % code[:20])
    if len(set(codes)) < len(codes):
        raise UsageError("--funds 里每个代码只写一次")
    return codes


def day(text: str) -> str:
    match = re.match(r"^(20\d\d|19\d\d)-?(\d\d)-?(\d\d)$", text)
    if not match:
        raise argparse.ArgumentTypeError("%s 不是日期，应如 2016-01-01" % text)
    return "".join(match.groups())


def _second(text: str) -> int:
    match = re.match(r"^(\d{1,2}):(\d\d)$", text)
    at = int(match.group(1)) * 3600 + int(match.group(2)) * 60 if match else 0
    if not (34200 <= at < 41400 or 46800 <= at < 53640):
        raise argparse.ArgumentTypeError("%s 不在交易时间，应如 14:50（9:30-11:30 或 13:00-14:54）" % text)
    return at


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError("应为 yes 或 no")
    return text == "yes"
