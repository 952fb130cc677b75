"""Is a text of the strategy fit for a phone? Short, and no word in it that only its programmers know."""

import re

from qmt_strategy.dingtou import params, settings

MOST_LITERAL = 80  # characters of one string in the source
MOST_TEXT = 130  # characters of a whole text, a fund's code or an order's id and the numbers included

# What the owner reads elsewhere, or types into sentry.ini, or has to go to.
NAMES = frozenset(["QMT", "ETF", "MB", "SH", "SZ", "STOCK", "CREDIT", "FUTURE", "sentry.ini", "etf_grid"])
SETTINGS = frozenset(
    ["account", "heartbeat", "strategy", "fund", "DEFAULT", "live", "observe", "current", "none", "minute", "once"]
    + list(params.STRATEGY)
    + list(params.FUND_KEYS)
    + [entry[1] for entry in settings._KEYS]
)
PLACES = frozenset(("flags", "state", "deals"))  # folders in the sentry's: only behind 哨兵文件夹
JARGON = re.compile("意图|账本|校验|程序包|回调|线程|序列|异常|字段|标志文件|网格状态|券商那里")
WINDOW = "[QMT 哨兵]"  # begins what is printed in QMT's window alone
ORDER_ID = re.compile(r"\d{8}-\d{6}-[BS]-\d\d")
FUND = re.compile(r"\d{6}\.(SH|SZ)")
FORMAT = re.compile(r"%[-+0-9.]*[sdfx%]")
LATIN = re.compile(r"[A-Za-z_][\w./\\():]*", re.ASCII)


def strange(text):
    """The words in `text` that no owner knows."""
    plain = FUND.sub("", ORDER_ID.sub("", text))
    words = [word.rstrip(".:()") for word in LATIN.findall(plain)]
    unknown = [word for word in words if word not in NAMES | PLACES and not set(word.split(":")) <= SETTINGS]
    placed = re.search("哨兵文件夹", plain)
    unknown += [word for word in words if word in PLACES and not placed]
    return unknown + JARGON.findall(plain)


def faults(text):
    """What is wrong with a whole text, [] where nothing is."""
    found = strange(text)
    if len(text) > MOST_TEXT:
        found.append("%d characters" % len(text))
    if WINDOW in text or "%" in re.sub(r"\d%", "", text) or "。。" in text or "：：" in text or text != text.strip():
        found.append("put together wrongly")
    return found
