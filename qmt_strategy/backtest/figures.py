"""All figures of one run, as plain values for JSON, summary and report."""

import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from . import metrics, money
from .engine import Order, Result


def figures(result: Result, benchmark: Optional[Any] = None, benchmark_name: str = "") -> Dict[str, Any]:
    """Everything that is told of a run. `benchmark`: a level for each day (adjusted price or index), or None.

    The clock starts with the first money brought in. Undefined figures are None.
    """
    equity, flows = result.equity, result.flows
    began = int(np.argmax(flows > 0)) if (flows > 0).any() else 0
    days = result.days[began:]
    returns = money.unit_returns(equity, flows)[began:]
    invested, final, fees = float(flows.sum()), float(equity[-1]), float(result.fees[-1])
    rate = result.setup.risk_free
    falls = metrics.drawdowns(days, returns)
    growth = metrics.cagr(returns, days[0], days[-1])
    deepest = falls[0].depth if falls else 0.0
    years = whole_years(result.setup.start or result.days[0], result.setup.end or result.days[-1])
    worth = result.equity[began:]
    idle = np.divide(result.cash[began:], worth, out=np.zeros(len(worth)), where=worth > 0)
    found: Dict[str, Any] = {
        "first_day": result.days[0],
        "last_day": result.days[-1],
        "first_money": days[0],
        "engine": result.engine,
        "buys": sum(order.side > 0 for order in result.orders),
        "sells": sum(order.side < 0 for order in result.orders),
        "injections": sum(order.injected > 0 for order in result.orders) + (result.setup.cash > 0),
        "injected": round(invested, 2),
        "final_value": round(final, 2),
        "final_cash": round(float(result.cash[-1]), 2),
        "profit": round(final - invested, 2),
        "fees": round(fees, 2),
        "income": round(float(result.income.sum()), 2),
        "xirr": money.xirr(money.flow_list(result.days, flows, final)),
        "original_annualised": metrics.original_annualised(invested, final, fees, years),
        "total_return": metrics.total(returns),
        "unit_value": 1.0 + metrics.total(returns),
        "cagr": growth,
        "volatility": metrics.volatility(returns),
        "sharpe": metrics.sharpe(returns, rate),
        "risk_free": rate,
        "sortino": metrics.sortino(returns, rate),
        "calmar": growth / -deepest if deepest < 0 else math.nan,
        "max_drawdown": deepest,
        "drawdowns": [fall._asdict() for fall in falls],
        "months": metrics.by_month(days, returns),
        "years": metrics.by_year(days, returns),
        # The most that was out of the purse at once: paid for funds, less what sales and dividends brought back.
        "peak_capital": round(float(max(0.0, (np.cumsum(flows) - result.cash).max())), 2),
        "peak_holdings": round(float((result.holdings.sum(axis=0)).max()), 2),
        "idle_cash_share": float(idle.mean()),
        "idle_cash_at_end": float(idle[-1]),
        "funds": [of_fund(result, number) for number in range(len(result.codes))],
        "skipped": skipped(result.skipped),
    }
    if benchmark is not None:
        found["benchmark"] = against(result, np.asarray(benchmark, float), benchmark_name, returns, began)
    return clean(found)


def whole_years(first: str, last: str) -> float:
    """Years between two days in whole months, as the original counts them; the nearest month."""
    return round(money.years_between(first, last) * 12) / 12.0


def against(result: Result, level: Any, name: str, returns: Any, began: int) -> Dict[str, Any]:
    """The same flows in the benchmark, and its own growth over the same days."""
    worth = money.same_flows(result.flows, level)
    steps = level[began + 1 :] / level[began:-1] - 1.0
    other = np.concatenate([[0.0], steps])
    known = bool(np.isfinite(other).all())
    return {
        "name": name,
        "final_value": round(float(worth[-1]), 2) if math.isfinite(worth[-1]) else math.nan,
        "xirr": money.xirr(money.flow_list(result.days, result.flows, worth[-1])) if known else math.nan,
        "cagr": metrics.cagr(other, result.days[began], result.days[-1]) if known else math.nan,
        "max_drawdown": float(metrics.drawdown_curve(other).min()) if known else math.nan,
        "correlation": float(np.corrcoef(returns, other)[0, 1]) if known and np.std(returns) > 0 else math.nan,
    }


def of_fund(result: Result, number: int) -> Dict[str, Any]:
    """One fund's trades; gains are against the average cost of what was held, without dividends and fees."""
    code = result.codes[number]
    orders = [order for order in result.orders if order.code == code]
    trades = round_trips(orders, result, number)
    bought = sum(order.yuan for order in orders if order.side > 0)
    sold = sum(order.yuan for order in orders if order.side < 0)
    worth = result.holdings[number]
    wins = [gain for gain in trades if gain > 0]
    years = max(1 / 365.0, money.years_between(result.days[0], result.days[-1]))
    mean = float(worth[worth > 0].mean()) if (worth > 0).any() else 0.0
    return {
        "code": code,
        "buys": sum(order.side > 0 for order in orders),
        "sells": sum(order.side < 0 for order in orders),
        "bought": round(bought, 2),
        "sold": round(sold, 2),
        "fees": round(sum(order.fee for order in orders), 2),
        "shares": int(result.held[number][-1]),
        "value": round(float(worth[-1]), 2),
        "win_rate": len(wins) / len(trades) if trades else math.nan,
        "realised": round(sum(trades), 2),
        "turnover": (bought + sold) / 2 / mean / years if mean else math.nan,
        "cell": int(result.cells[number][-1]),
        "skipped": sum(order.code == code for order in result.skipped),
    }


def round_trips(orders: Sequence[Order], result: Result, number: int) -> List[float]:
    """The gain of each sale in yuan against the average cost; a split changes the shares, not what they cost."""
    place = {day: at for at, day in enumerate(result.days)}
    cost = 0.0
    gains = []
    for index, order in enumerate(orders):
        rest = [one for one in orders[index:] if one.day == order.day]
        held = result.held[number][place[order.day]] - sum(one.side * one.shares for one in rest)
        if order.side > 0:
            cost += order.yuan
        elif held > 0:
            part = min(1.0, order.shares / float(held))
            gains.append(order.yuan - cost * part)
            cost *= 1.0 - part
    return gains


def skipped(orders: Sequence[Order]) -> Dict[str, Any]:
    """{reason: {count, codes}}."""
    found: Dict[str, Any] = {}
    for order in orders:
        one = found.setdefault(order.reason, {"buys": 0, "sells": 0, "codes": {}})
        one["buys" if order.side > 0 else "sells"] += 1
        one["codes"][order.code] = one["codes"].get(order.code, 0) + 1
    return found


def clean(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {key: clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
