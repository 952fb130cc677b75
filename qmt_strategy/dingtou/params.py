"""The trading settings of sentry.ini: [strategy], one optional [fund:512690.SH] per fund, and the account.

Fails closed and never raises: whatever is wrong in [strategy], in the account or in the shape of the file makes the
mode `observe`; whatever is wrong in a fund's section keeps that fund from being traded. Each has its Chinese sentence
in `problems`.
"""

import configparser
import difflib
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import settings
from .rule import HOURS, Rule, daily_limit

DEFAULT_FUNDS = "512690.SH, 512580.SH, 512660.SH, 159915.SZ, 159928.SZ, 510330.SH, 510500.SH"
FUND = "fund:"  # what a fund's section begins with

CURRENT = "current"  # start_cell: the cell of the price when the fund is first looked at
NONE = "none"  # start_cell: as if nothing had been traded yet
NUMBER = "number"  # start_cell: the cell that stands there


class Fund(NamedTuple):
    """One fund as the owner set it up."""

    code: str  # '512690.SH'
    rule: Rule
    start: str  # CURRENT, NONE or NUMBER; '' = the owner has not chosen yet
    start_cell: int  # with NUMBER, else 0
    start_day: str  # the date behind start_cell ('YYYYMMDD') or '': which choice counts is for gridstate.py
    why_not: str  # Chinese: why it may not be traded at all; '' = it may


class Params(NamedTuple):
    """Everything the strategy reads from sentry.ini. Amounts in yuan, times in seconds."""

    live: bool  # False: observe mode
    why_observe: str  # Chinese; '' in live mode
    chosen: bool  # it observes because mode = observe stands there, and for no other reason
    account_id: str
    account_type: str
    funds: Tuple[Fund, ...]
    decide_at: int  # second of the day for `once`; -1 = every minute
    max_attempts: int  # per fund and day
    max_order_amount: float
    max_day_amount: float
    fill_timeout: float
    tick_max_age: float
    cash_warning: float
    problems: Tuple[str, ...]  # Chinese sentences

    def fund(self, code: str) -> Optional[Fund]:
        return next((fund for fund in self.funds if fund.code == code), None)


# ---- reading one value; ValueError says what is valid


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        # Digits as people type them: float() alone would take '1_000', 'inf' and '1e5'.
        if not re.match(r"^\d{1,12}(\.\d{1,6})?$", text, re.ASCII) or not low <= float(text) <= high:
            raise ValueError("%s 到 %s 的数，不带逗号和单位" % (_plain(low), _plain(high)))
        return float(text)

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.match(r"^\d{1,9}$", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError("%d 到 %d 的整数" % (low, high))
        return int(text)

    return read


def _plain(value: float) -> str:
    return ("%.6f" % value).rstrip("0").rstrip(".")


def _mode(text: str) -> str:
    if text not in ("observe", "live"):
        raise ValueError("observe（只观察）或 live（实盘下单）")
    return text


def _funds(text: str) -> Tuple[str, ...]:
    codes = [part.strip().upper() for part in text.split(",")]
    if not all(re.match(r"^\d{6}\.(SH|SZ)$", code, re.ASCII) for code in codes):
        raise ValueError("基金代码带上市场，用英文逗号分开，如 512690.SH, 159915.SZ")
    if len(set(codes)) < len(codes):
        raise ValueError("每个基金代码只写一次")
    return tuple(codes)


def _decide(text: str) -> int:
    if text == "minute":
        return -1
    match = re.match(r"^once\s+(\d{1,2}):(\d{2})$", text, re.ASCII)
    at = int(match.group(1)) * 3600 + int(match.group(2)) * 60 if match and int(match.group(2)) < 60 else -1
    if not any(first <= at < end for first, end in HOURS):
        raise ValueError("minute（每分钟看一次），或 once 14:50（每天看一次，9:30-11:30 或 13:00-14:54 之间）")
    return at


def _start(text: str) -> Tuple[str, int, str]:
    """'current', 'none' or '-15', each with the date of the choice behind it where it is made anew."""
    match = re.match(r"^(current|none|-?[1-9]\d{0,2})(?:\s+(20\d{6}))?$", text.lower(), re.ASCII)
    if text and not match:
        raise ValueError("current（当前格）、none（没交易过）或格子号如 -15；重新选择时后面写当天日期，如 -15 20260105")
    if not match:
        return "", 0, ""
    word, day = match.group(1), match.group(2) or ""
    return (word, 0, day) if word in (CURRENT, NONE) else (NUMBER, int(word), day)


def _limit(text: str) -> float:
    if text not in ("", "10", "20"):
        raise ValueError("10 或 20（每天涨跌幅限制的百分数），可留空")
    return int(text) / 100.0 if text else 0.0


_Key = Tuple[str, Callable[[str], Any]]  # default as text, reader

STRATEGY: Dict[str, _Key] = {
    "mode": ("observe", _mode),
    "funds": (DEFAULT_FUNDS, _funds),
    "ma": ("850", _whole(2, 2000)),
    "grid_height": ("0.01", _number(0.001, 0.2)),
    "grid_amount": ("1000", _number(1, 1000000)),
    "quantile_positive": ("0.8", _number(0.01, 0.99)),
    "quantile_negative": ("0.4", _number(0.01, 0.99)),
    "buy_factor": ("1", _number(0.01, 100)),
    "sell_factor": ("2", _number(0.01, 100)),
    "decide": ("minute", _decide),
    "max_attempts": ("3", _whole(1, 10)),
    "max_order_amount": ("100000", _number(100, 100000000)),
    "max_day_amount": ("300000", _number(100, 100000000)),
    "fill_timeout": ("60", _number(10, 600)),
    "tick_max_age": ("60", _number(5, 120)),
    "cash_warning": ("80000", _number(0, 100000000)),
}
FUND_KEYS: Dict[str, _Key] = {
    "amount": ("", lambda text: _number(1, 1000000)(text) if text else 0.0),
    "start_cell": ("", _start),
    "daily_limit": ("", _limit),
}


# ---- the whole file


def load(home: str) -> Params:
    """Params from `home`/sentry.ini; a missing or unreadable file is observe mode with all defaults."""
    text, problem = settings.read(home)
    found = parse(text)
    return _observing(found, problem) if problem else found


def parse(text: str) -> Params:
    """Params from the text of a sentry.ini; '' gives all defaults, in observe mode."""
    problems: List[str] = []
    try:
        ini = settings.read_ini(text, strict=True)
    except configparser.Error as error:
        words = "sentry.ini 读不懂（%s），不下单，只观察。请改正，再重新运行策略" % settings.fault(error)
        return _observing(_params(configparser.ConfigParser(interpolation=None), "", problems), words)
    return _params(ini, text, problems)


def _params(ini: configparser.ConfigParser, text: str, problems: List[str]) -> Params:
    account = settings.parse(text)
    values = _section(ini, "strategy", STRATEGY, "不下单，只观察", problems)
    problems.extend(words for words in account.problems if "[account]" in words)
    problems.extend(_stray_sections(ini, values["funds"]))
    if values["mode"] == "live" and not account.account_id:
        problems.append("sentry.ini [strategy] mode = live 还需要 [account] id：请填上资金账号，再重新运行策略")
    why_observe = ""
    chosen = not problems and values["mode"] == "observe"
    if problems:
        why_observe = problems[0]
    elif values["mode"] == "observe":
        why_observe = "sentry.ini [strategy] mode = observe：只观察，不下单"
    shared = Rule(**{name: values[name] for name in Rule._fields if name in values})
    funds = tuple(_fund(ini, code, shared, problems) for code in values["funds"])
    return Params(
        live=not why_observe,
        why_observe=why_observe,
        chosen=chosen,
        account_id=account.account_id,
        account_type=account.account_type,
        funds=funds,
        decide_at=values["decide"],
        max_attempts=values["max_attempts"],
        max_order_amount=values["max_order_amount"],
        max_day_amount=values["max_day_amount"],
        fill_timeout=values["fill_timeout"],
        tick_max_age=values["tick_max_age"],
        cash_warning=values["cash_warning"],
        problems=tuple(problems),
    )


def _fund(ini: configparser.ConfigParser, code: str, shared: Rule, problems: List[str]) -> Fund:
    own: List[str] = []
    # Only its name's case is free: two sections that differ in it are refused by _stray_sections.
    name = next((name for name in ini.sections() if name.upper() == (FUND + code).upper()), FUND + code)
    values = _section(ini, name, FUND_KEYS, "这只基金不交易", own)
    problems.extend(own)
    rule = shared._replace(
        grid_amount=values["amount"] or shared.grid_amount, daily_limit=values["daily_limit"] or daily_limit(code)
    )
    start, start_cell, start_day = values["start_cell"]
    return Fund(code, rule, start, start_cell, start_day, own[0] if own else "")


def _section(
    ini: configparser.ConfigParser, name: str, keys: Dict[str, _Key], until: str, problems: List[str]
) -> Dict[str, Any]:
    """The values of one section; what is wrong becomes its default and a sentence (`until` mended, this happens)."""
    given = dict(ini.items(name)) if ini.has_section(name) else {}
    for key in sorted(set(given) - set(keys)):
        problems.append("sentry.ini [%s] 里没有 %s 这一项，%s。%s" % (name, key[:60], until, _mend(key, keys)))
    values = {}
    for key, (default, reader) in keys.items():
        text = (given.get(key) or "").strip()
        try:
            values[key] = reader(text or default)
        except ValueError as error:
            values[key] = reader(default)
            problems.append("sentry.ini [%s] %s = %s 不对，%s。应为：%s" % (name, key, text[:60], until, error))
    return values


def _mend(key: str, keys: Dict[str, _Key]) -> str:
    """What to do about a key that is none: the one that was probably meant, not all sixteen."""
    close = difflib.get_close_matches(key, keys, 1)
    return "应为 %s" % close[0] if close else "请改正或删掉它"


def _stray_sections(ini: configparser.ConfigParser, codes: Tuple[str, ...]) -> List[str]:
    """Sections meant for a fund or the strategy that would be passed over: a slip must not trade at defaults."""
    problems = []
    wanted = {(FUND + code).upper() for code in codes}
    seen = set()
    for name in ini.sections():
        if name.upper() in wanted and name.startswith(FUND) and name.upper() not in seen:
            seen.add(name.upper())
        elif re.search(r"\d{6}|fund", name, re.IGNORECASE):
            words = "sentry.ini 的 [%s] 不是 funds 里哪只基金的，不下单，只观察。应如 [fund:512690.SH]，且 funds 里有它"
            problems.append(words % name[:60])
        elif name != "strategy" and difflib.get_close_matches(name.lower().strip(), ["strategy"], 1, 0.75):
            problems.append("sentry.ini 的 [%s] 应写成 [strategy]，不下单，只观察" % name[:60])
    if ini.defaults():
        problems.append("sentry.ini 里不能有 [DEFAULT] 这一节，不下单，只观察。请删掉它")
    return problems


def _observing(params: Params, problem: str) -> Params:
    return params._replace(live=False, chosen=False, why_observe=problem, problems=(problem,) + params.problems)
