"""akshare's tables as `fetching.Sources`. The library is given, not imported: only `fetch` loads it (Python 3.9+).

Column and parameter names are those of akshare 1.18 and 1.19 (its own documentation and source); tables are taken
apart without pandas, by column name, so that a column more or another order does no harm.
"""

import datetime
import math
from typing import Any, Callable, Dict, List, Tuple

from .fetching import Bars, Source, Sources

EVENT_TABLES = (("分红送配详情", "dividend"), ("拆分详情", "split"))
FIRST_ETF = 2004  # the year of the first ETF: no split is older


def sources(akshare: Any, today: Callable[[], datetime.date] = datetime.date.today) -> Sources:
    """`akshare`: the module, or anything with its functions."""
    all_splits: Dict[int, List[Dict[str, Any]]] = {}  # of all funds, by year: asked once for all codes

    def em(code: str, first: str, last: str, adjust: str = "") -> Bars:
        table = akshare.fund_etf_hist_em(
            symbol=code[:6], period="daily", start_date=first, end_date=last, adjust=adjust
        )
        return bars(table, ("日期", "开盘", "最高", "最低", "收盘"), first, last)

    def sina(code: str, first: str, last: str) -> Bars:
        table = akshare.fund_etf_hist_sina(symbol=market_symbol(code))
        return bars(table, ("date", "open", "high", "low", "close"), first, last)

    def events(code: str) -> List[Tuple[str, str, float]]:
        found = []
        for indicator, kind in EVENT_TABLES:
            table = net_value_table(akshare, code, indicator)
            found += dividends(table) if kind == "dividend" else splits(table)
        return sorted(found)

    def net_values(code: str) -> List[Tuple[str, float]]:
        table = net_value_table(akshare, code, "累计净值走势")
        return [(day(row["净值日期"]), float(row["累计净值"])) for row in rows(table)]

    def events_elsewhere(code: str) -> List[Tuple[str, str, float]]:
        """Sina's dividends, and the splits from the list of all funds' splits."""
        for year in range(FIRST_ETF, today().year + 1):
            if year not in all_splits:
                all_splits[year] = rows(akshare.fund_cf_em(year=str(year)))
        found = [row for year in sorted(all_splits) for row in all_splits[year] if str(row["基金代码"]) == code[:6]]
        splits_of = [(day(row["拆分折算日"]), "split", number_in(row["拆分折算"])) for row in found]
        paid = paid_since(akshare.fund_etf_dividend_sina(symbol=market_symbol(code)))
        if splits_of and paid and paid[-1][0] >= min(splits_of)[0]:
            # Nothing says whether the sum counts later dividends for the shares of before a split.
            raise ValueError("拆分以后的累计分红含义不明")
        return sorted(splits_of + paid)

    def net_values_elsewhere(code: str) -> List[Tuple[str, float]]:
        table = akshare.fund_etf_fund_info_em(fund=code[:6], start_date="20000101", end_date="20500101")
        return [(day(row["净值日期"]), float(row["累计净值"])) for row in rows(table)]

    def index_em(symbol: str) -> Bars:
        table = akshare.stock_zh_index_daily_em(symbol=symbol, start_date="19900101", end_date="20500101")
        return bars(table, ("date", "open", "high", "low", "close"), "", "9")

    def index(symbol: str) -> Bars:
        return bars(akshare.stock_zh_index_daily(symbol=symbol), ("date", "open", "high", "low", "close"), "", "9")

    def calendar_sina() -> List[str]:
        return [day(row["trade_date"]) for row in rows(akshare.tool_trade_date_hist_sina())]

    def calendar_offline() -> List[str]:
        return [str(one) for one in akshare.futures.cons.get_calendar()]

    return Sources(
        str(getattr(akshare, "__version__", "?")),
        (Source("东方财富 fund_etf_hist_em", em), Source("新浪 fund_etf_hist_sina", sina)),
        (Source("东方财富 fund_etf_hist_em hfq", lambda code, first, last: em(code, first, last, "hfq")),),
        (
            Source("天天基金 fund_open_fund_info_em", events),
            Source("新浪 fund_etf_dividend_sina 和天天基金 fund_cf_em", events_elsewhere),
        ),
        (
            Source("天天基金 fund_open_fund_info_em", net_values),
            Source("天天基金 fund_etf_fund_info_em", net_values_elsewhere),
        ),
        (Source("新浪 stock_zh_index_daily", index), Source("东方财富 stock_zh_index_daily_em", index_em)),
        (
            Source("新浪 tool_trade_date_hist_sina", calendar_sina),
            Source("akshare 自带的日历", calendar_offline),
        ),
    )


def net_value_table(akshare: Any, code: str, indicator: str) -> Any:
    """fund_open_fund_info_em under its newer (symbol) or its older name of the parameter (fund)."""
    try:
        return akshare.fund_open_fund_info_em(symbol=code[:6], indicator=indicator)
    except TypeError:
        return akshare.fund_open_fund_info_em(fund=code[:6], indicator=indicator)


def rows(table: Any) -> List[Dict[str, Any]]:
    """A DataFrame's rows as dicts; None and an empty frame give none."""
    return list(table.to_dict("records")) if table is not None and len(table) else []


def bars(table: Any, columns: Tuple[str, str, str, str, str], first: str, last: str) -> Bars:
    """KeyError where a column is missing: the source has changed."""
    found = []
    for row in rows(table):
        at = day(row[columns[0]])
        if first <= at <= last:
            opened, high, low, close = (float(row[name]) for name in columns[1:])
            found.append((at, opened, high, low, close))
    return found


def dividends(table: Any) -> List[Tuple[str, str, float]]:
    """每份分红 is text like '每份派现金0.0720元'."""
    found = []
    for row in rows(table):
        if _is_date(row.get("除息日")):
            found.append((day(row["除息日"]), "dividend", number_in(row["每份分红"])))
    return found


def splits(table: Any) -> List[Tuple[str, str, float]]:
    """拆分折算比例 is a number or text like '1:2.0000'."""
    found = []
    for row in rows(table):
        if _is_date(row.get("拆分折算日")):
            text = str(row["拆分折算比例"])
            found.append((day(row["拆分折算日"]), "split", number_in(text.split(":")[-1])))
    return found


def paid_since(table: Any) -> List[Tuple[str, str, float]]:
    """Sina's 累计分红 as single dividends. ValueError where it is no such table (akshare gives an empty one then)."""
    if table is None or "累计分红" not in list(table.columns):
        raise ValueError("没有累计分红")
    found = []
    before = 0.0
    for row in sorted(rows(table), key=lambda row: day(row["日期"])):
        total = float(row["累计分红"])
        if not total >= before:  # NaN too
            raise ValueError("累计分红变少：%s" % day(row["日期"]))
        if total > before:
            found.append((day(row["日期"]), "dividend", round(total - before, 6)))
        before = total
    return found


def number_in(text: Any) -> float:
    """The number in '每份派现金0.0720元'. ValueError where there is none."""
    digits = "".join(one if one in "0123456789." else " " for one in str(text)).split()
    if not digits:
        raise ValueError("没有数字：%s" % text)
    return float(digits[0])


def _is_date(value: Any) -> bool:
    """Tables without an event hold a row of words (暂无...) or NaN instead."""
    try:
        day(value)
        return True
    except ValueError:
        return False


def day(value: Any) -> str:
    """'20240131' of a date, a Timestamp or '2024-01-31'. ValueError for anything else."""
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("没有日期")
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y%m%d"))
    return datetime.datetime.strptime(str(value)[:10].replace("-", ""), "%Y%m%d").strftime("%Y%m%d")


def market_symbol(code: str) -> str:
    """'sh510300' of '510300.SH'."""
    return code[7:].lower() + code[:6]
