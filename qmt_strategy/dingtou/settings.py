"""sentry.ini as the strategies read it: [account], [heartbeat], [strategy]; the rest is the tray program's.

Nothing here raises for what stands in the file: a wrong value is replaced by its default, and `problems` holds one
Chinese sentence for each, to be posted as a strategy.notice. (The tray program is the one that refuses a wrong file.)
"""

import configparser
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from . import disk
from .clock import Hours

_HOURS = "09:10-11:35, 12:55-15:05"


class Settings(NamedTuple):
    account_id: str  # '' = the account that QMT injects
    account_type: str  # '' = the type that QMT injects, else STOCK
    every: float  # seconds between two heartbeats
    hours: Hours
    tick_code: str
    strategy: Dict[str, str]  # [strategy] as text; its readers judge it
    problems: List[str]


def parse_hours(text: str) -> Hours:
    """'09:10-11:35, 12:55-15:05' as pairs of seconds of the day; 24:00 is a valid end. ValueError otherwise."""
    spans: List[Tuple[int, int]] = []
    for part in text.split(","):
        match = re.match(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$", part)
        if not match:
            raise ValueError(part)
        h1, m1, h2, m2 = (int(x) for x in match.groups())
        first, last = h1 * 3600 + m1 * 60, h2 * 3600 + m2 * 60
        if not (m1 < 60 and m2 < 60 and first < last <= 86400):
            raise ValueError(part)
        spans.append((first, last))
    return tuple(spans)


def _every(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 3600:  # also refuses nan
        raise ValueError(text)
    return value


def _code(text: str) -> str:
    if not re.match(r"^\d{6}\.(SH|SZ|BJ)$", text.upper()):
        raise ValueError(text)
    return text.upper()


def _account(text: str) -> str:
    if not re.match(r"^[0-9A-Za-z_-]{0,40}$", text):
        raise ValueError(text)
    return text


def _account_type(text: str) -> str:
    if not re.match(r"^[A-Za-z_]{0,30}$", text):
        raise ValueError(text)
    return text.upper()


# section, key, default as text, reader, what is valid
_KEYS: Tuple[Tuple[str, str, str, Callable[[str], Any], str], ...] = (
    ("account", "id", "", _account, "资金账号（字母、数字），可留空"),
    ("account", "type", "", _account_type, "如 STOCK"),
    ("heartbeat", "every", "60", _every, "1 到 3600 的秒数"),
    ("heartbeat", "hours", _HOURS, parse_hours, "如 " + _HOURS),
    ("heartbeat", "tick_code", "510300.SH", _code, "如 510300.SH"),
)


def read_ini(text: str, strict: bool) -> configparser.ConfigParser:
    """The sections of `text`; `strict` refuses what stands there twice. configparser.Error if it is wrong."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), strict=strict)
    parser.read_string(text)
    return parser


def fault(error: configparser.Error) -> str:
    """What is wrong with a file that configparser refuses, and in which line, in Chinese."""
    if isinstance(error, configparser.DuplicateSectionError):
        return "第 %d 行的 [%s] 写了两遍" % (error.lineno or 0, error.section[:60])
    if isinstance(error, configparser.DuplicateOptionError):
        return "第 %d 行：[%s] 的 %s 写了两遍" % (error.lineno or 0, error.section[:60], error.option[:60])
    if isinstance(error, configparser.MissingSectionHeaderError):
        return "第 %d 行的前面没有 [节]" % error.lineno
    if isinstance(error, configparser.ParsingError) and error.errors:
        return "第 %d 行看不懂" % error.errors[0][0]
    return "格式不对"


def parse(text: str) -> Settings:
    """Settings from the text of a sentry.ini; '' gives all defaults."""
    problems: List[str] = []
    try:
        parser = read_ini(text, strict=False)
    except configparser.Error as error:
        problems.append("sentry.ini 读不懂（%s），全部用默认值。请改正，再重新运行策略" % fault(error))
        parser = configparser.ConfigParser(interpolation=None)
    values: Dict[str, Any] = {}
    for section, key, default, reader, valid in _KEYS:
        given = parser.get(section, key, fallback=default).strip() or default
        try:
            values[section + "." + key] = reader(given)
        except ValueError:
            problems.append(
                "sentry.ini [%s] %s = %s 不对，先用默认值 %s。请改为：%s"
                % (section, key, given[:60], default or "（空）", valid)
            )
            values[section + "." + key] = reader(default)
    return Settings(
        account_id=values["account.id"],
        account_type=values["account.type"],
        every=values["heartbeat.every"],
        hours=values["heartbeat.hours"],
        tick_code=values["heartbeat.tick_code"],
        strategy=dict(parser.items("strategy")) if parser.has_section("strategy") else {},
        problems=problems,
    )


def read(home: str) -> Tuple[str, str]:
    """(text of `home`/sentry.ini, Chinese sentence why it could not be read or ''). A missing file is empty text."""
    path = os.path.join(home, "sentry.ini")
    try:
        with open(path, "rb") as file:
            raw = file.read(1 << 20)
    except OSError as error:
        words = "sentry.ini 打不开（%s），全部用默认值。请检查文件权限"
        return "", words % disk.why(error) if os.path.exists(path) else ""
    # Keys are ASCII: a file saved in the PC's own encoding still reads, only its Chinese comments are garbled.
    return raw.decode("utf-8-sig", "replace"), ""


def load(home: str) -> Settings:
    """Settings from `home`/sentry.ini. A missing file is all defaults; an unreadable one too, and told."""
    text, problem = read(home)
    found = parse(text)
    if problem:
        found.problems.append(problem)
    return found
