"""Everything that shapes a run besides the prices: the rule's numbers, how orders are filled, paid and limited."""

from typing import Any, Dict, NamedTuple

from ..dingtou.rule import Rule

FILLS = {
    "minute": "每分钟看一次，当场成交（实盘默认）",
    "once": "每天看一次（默认 14:50），当场成交",
    "close": "收盘价决定、同一收盘价成交（做不到，只供对照）",
    "next-open": "收盘价决定，下一交易日开盘成交",
    "next-close": "收盘价决定，下一交易日收盘成交",
}
NO_CAP = 1e15  # yuan


class Setup(NamedTuple):
    """One run. Days 'YYYYMMDD' ('' = as far as the data goes), amounts in yuan, rates as fractions."""

    rule: Rule = Rule()  # its daily_limit is taken from the code
    start: str = ""
    end: str = ""
    fill: str = "minute"
    once_at: int = 53400  # second of the day for `once`: 14:50
    signals: str = "ratio_back"  # adjust.KINDS: the closes that averages and thresholds are made of
    full_sample: bool = False  # thresholds from all days up to `end`: they know the future
    average_today: bool = False  # the average includes today's close, from the first bar on (min_periods 1)
    bank: bool = True  # money is injected when it is short, each time counted as a flow
    cash: float = 0.0  # at the start
    fee_rate: float = 0.0001
    fee_min: float = 0.2  # an order
    slippage: int = 0  # price ticks of 0.001 yuan
    lot: int = 100
    next_day: bool = True  # T+1
    limits: bool = True  # nothing bought at limit-up, nothing sold at limit-down
    attempts: int = 3  # orders per fund and day, as live; so are the caps
    order_cap: float = 100000.0
    day_cap: float = 300000.0
    cash_rate: float = 0.0  # a year, on idle cash
    start_cell: str = "none"  # none = no trade yet, current = the cell of the last close before the start
    risk_free: float = 0.02  # a year, for Sharpe


LEGACY: Dict[str, Any] = {
    "full_sample": True,
    "average_today": True,
    "fill": "close",
    "signals": "ratio_back",
    "bank": True,
    "cash": 0.0,
    "fee_rate": 0.0001,
    "fee_min": 0.2,
    "lot": 100,
    "next_day": False,
    "limits": False,
    "attempts": 1000000,
    "order_cap": NO_CAP,
    "day_cap": NO_CAP,
    "start_cell": "none",
}
