"""One fund's day: may it trade, at which thresholds, and what does the rule wish at a price. Numbers in, numbers out.

Nothing of today but the reference price goes in: the average is yesterday's, the thresholds come from the last
`rule.WINDOW` complete bars. QMT's data is believed only where it proves itself (qmt-facts 1.8: frames that are short,
zero or stale, factors that come late on ex-dividend days); otherwise the fund is not traded that day.
"""

import datetime
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from . import grid, rows
from .rule import LEAST_A_SIDE, Rule, bars_needed

LIMIT_MARGIN = 0.01  # a daily limit of 10 % with its rounding: a jump of more than 11 % is a mistake in the data
FROZEN = 10  # equal closes at the end; in the whole life of seven real ETFs the longest such run was 3
LONGEST_GAP = 20  # calendar days between two bars; the longest holiday (2020) left 11
SCALE = 0.001  # of the reference price: beyond it the adjustment factors are late
PRICE_TICK = 0.001  # yuan, of ETFs; where the instrument gives no credible one
WIDEST_TICK = 0.01  # yuan, of shares

_DOWNLOAD = "请在 QMT 的“数据管理”里补充下载日线"


class Plan(NamedTuple):
    """A fund's thresholds of one day. Of a fund that is refused, the average is 0 and the cells are out of reach."""

    average: float  # yuan, of the last `ma` complete bars
    lowest: float  # yuan; a price beyond the exchange's daily limit is a mistake and asks for nothing
    highest: float
    hi: int  # sell above this cell
    lo: int  # buy below this one
    may_buy: bool
    may_sell: bool
    why_not: str  # Chinese: which side is not traded today and what to do; '' = both are
    days_above: int
    days_below: int
    late: float = 0.0  # yuan: the reference price that contradicted the bars, 0 = they agree


class Late(NamedTuple):
    """A day whose adjustment factor was late: from then on the bars must show it before the fund is traded again."""

    day: str  # 'YYYYMMDD', the ex-date
    reference: float  # yuan: the exchange's reference price of that day, the close before it adjusted


class Wish(NamedTuple):
    """What the rule asks for at a price; side 0 = nothing."""

    side: int  # 1 buy, -1 sell
    cell: int  # the price's cell: where the grid state moves to when the order has filled
    yuan: float


def day_plan(
    closes: Sequence[float],
    dates: Sequence[str],
    rule: Rule,
    today: str,
    previous_day: str,
    tick_last_close: Any,
    pre_close: Any,
    price_tick: Any,
    late: Sequence[Late] = (),
    raw: Optional[Mapping[str, float]] = None,
) -> Plan:
    """The plan of `today` ('YYYYMMDD', as all dates) from complete daily bars, oldest first, none of them today's.

    `closes` are front_ratio closes in yuan; `previous_day` is the trading day before today ('' = unknown). The last
    three may be whatever QMT gave: lastClose of a tick dated today, the instrument's PreClose, its PriceTick.
    `late`: what contradicted the bars on earlier days; `raw`: closes by date as traded, needed only with `late`.
    """
    needed = bars_needed(rule.ma)
    closes, dates = list(closes[-needed:]), list(dates[-needed:])
    reason = (
        _wrong_bars(closes, dates, rule)
        or _wrong_day(dates, today, previous_day)
        or still_late(closes, dates, late, raw or {})
    )
    if reason:
        return refused(reason)
    reference = _price(rows.number(tick_last_close)) or _price(rows.number(pre_close))
    reason = _wrong_scale(closes[-1], reference, rows.number(price_tick))
    if reason:
        return refused(reason)._replace(late=reference)
    averages = grid.averages(closes, rule.ma, rule.ma)
    full = rule.ma - 1
    return from_bounds(
        rule,
        float(averages[-1]),
        closes[-1],
        *grid.thresholds(
            grid.distances(closes[full:], averages[full:]),
            rule.quantile_positive,
            rule.quantile_negative,
            rule.grid_height,
        ),
    )


def refused(reason: str) -> Plan:
    """The plan of a fund that is not traded today; `reason` is a Chinese sentence."""
    return Plan(0.0, 0.0, 0.0, grid.NEVER, -grid.NEVER, False, False, "今天不交易：" + reason, 0, 0)


def from_bounds(
    rule: Rule, average: float, last_close: float, hi: int, lo: int, days_above: int, days_below: int
) -> Plan:
    """The plan of sound data: a side with too few days behind its threshold is not traded.

    `average` and `last_close` (of the day before) in today's prices, the rest as from grid.bounds.
    """
    may_sell, may_buy = days_above >= LEAST_A_SIDE, days_below >= LEAST_A_SIDE
    reasons = []
    if not may_buy:
        reasons.append("今天不买：均线下方只有 %d 天，少于 %d 天，买入门槛不可靠" % (days_below, LEAST_A_SIDE))
    if not may_sell:
        reasons.append("今天不卖：均线上方只有 %d 天，少于 %d 天，卖出门槛不可靠" % (days_above, LEAST_A_SIDE))
    limit = rule.daily_limit + LIMIT_MARGIN
    lowest, highest = last_close * (1.0 - limit), last_close * (1.0 + limit)
    return Plan(average, lowest, highest, hi, lo, may_buy, may_sell, "；".join(reasons), days_above, days_below)


def cell_of(plan: Plan, rule: Rule, price: float) -> int:
    """The cell of `price` (yuan) on the plan's day; 0 where the exchange does not allow such a price, or it is none."""
    return grid.cell(price, plan.average, rule.grid_height) if plan.lowest <= price <= plan.highest else 0


def wish(plan: Plan, rule: Rule, price: float, last_cell: int) -> Wish:
    """What the rule asks for at `price` (yuan) after a last trade in `last_cell` (0 = none yet)."""
    cell = cell_of(plan, rule, price)
    side = grid.decide(cell, last_cell, plan.lo, plan.hi)
    if (side > 0 and not plan.may_buy) or (side < 0 and not plan.may_sell):
        side = 0
    return Wish(side, cell, grid.order_size(cell, rule.grid_amount, rule.buy_factor, rule.sell_factor) if side else 0.0)


# ---- what makes the data unfit


def _wrong_bars(closes: List[float], dates: List[str], rule: Rule) -> str:
    if len(closes) != len(dates):
        return "日线有 %d 个收盘价、%d 个日期，对不上。%s" % (len(closes), len(dates), _DOWNLOAD)
    bad = [i for i, close in enumerate(closes) if not 0.0 < close < 1e9]  # NaN is bad as well
    if bad and len(bad) == len(closes):
        return "日线的收盘价全是 0 或空，多半是没有下载日线或复权数据。" + _DOWNLOAD
    if bad:
        return "日线里有 %d 天的收盘价是 0、负数或空（如 %s）。%s" % (len(bad), dates[bad[0]], _DOWNLOAD)
    if len(closes) < rule.ma:
        return "日线只有 %d 根，%d 日均线还算不出来。%s" % (len(closes), rule.ma, _DOWNLOAD)
    for i in range(1, len(closes)):
        gap = _days_between(dates[i - 1], dates[i])
        if gap is None or not 0 < gap <= LONGEST_GAP:
            return "日线的日期不连续（%s 之后是 %s）。%s" % (dates[i - 1], dates[i], _DOWNLOAD)
    return _frozen(closes) or _jump(closes, dates, rule.daily_limit + LIMIT_MARGIN)


def _frozen(closes: List[float]) -> str:
    if len(closes) >= FROZEN and len(set(closes[-FROZEN:])) == 1:
        return "最近 %d 根日线的收盘价完全相同，行情可能停住了。请重启 QMT，看行情连接" % FROZEN
    return ""


def _jump(closes: List[float], dates: List[str], limit: float) -> str:
    for i in range(1, len(closes)):
        change = closes[i] / closes[i - 1] - 1.0
        if abs(change) > limit + 1e-9:
            return "%s 的日线比前一天变了 %+.1f%%，超过 %.0f%%，多半是复权因子缺失。%s（含除权数据）" % (
                dates[i],
                change * 100,
                limit * 100,
                _DOWNLOAD,
            )
    return ""


def _wrong_day(dates: List[str], today: str, previous_day: str) -> str:
    gap = _days_between(previous_day, today)
    if gap is None or not 0 < gap <= LONGEST_GAP:
        return "不知道上一个交易日是哪天（QMT 说是“%s”）。请检查 QMT 的行情连接" % previous_day
    if dates[-1] != previous_day:
        words = "日线的最后一天是 %s，上一个交易日却是 %s。%s；昨天停牌就不用管，明天会自动再核对"
        return words % (dates[-1], previous_day, _DOWNLOAD)
    return ""


def still_late(closes: List[float], dates: List[str], late: Sequence[Late], raw: Mapping[str, float]) -> str:
    """A factor that is late by more than its own day no longer shows in the last close: the bars around that day do.

    What the fund moved by on that day, as traded, is its close over the reference price; adjusted bars must show the
    same move, whatever came after.
    """
    for day, reference in late:
        if day not in dates[1:] or day < min(raw, default=""):
            continue  # before the bars that count, or that day was not traded
        place = dates.index(day)
        true = raw.get(day, 0.0) / reference
        shown = closes[place] / closes[place - 1]
        if not true > 0.0 or abs(shown / true - 1.0) > 2 * SCALE:
            words = "%s 除权，QMT 的日线还没有算进去（应变动 %+.2f%%，日线是 %+.2f%%）。%s（含除权数据）"
            return words % (day, (true - 1.0) * 100, (shown - 1.0) * 100, _DOWNLOAD)
    return ""


def _wrong_scale(close: float, reference: float, price_tick: Optional[float]) -> str:
    """On an ex-dividend day the exchange's reference price is adjusted at once, QMT's factors may not be."""
    if not reference:
        return "没有昨收价，无法核对复权。请检查 QMT 的行情连接"
    tick = _price(price_tick)
    if not 0.0 < tick <= WIDEST_TICK:
        tick = PRICE_TICK
    if abs(close - reference) > max(tick, SCALE * reference) + 1e-9:
        return "日线的收盘价是 %.4f，昨收价却是 %.4f，多半是今天除权而 QMT 的复权因子还没更新。明天会自动再核对" % (
            close,
            reference,
        )
    return ""


def _price(value: Optional[float]) -> float:
    return value if value is not None and 0.0 < value < 1e9 else 0.0


def _days_between(first: str, second: str) -> Optional[int]:
    """Calendar days from one 'YYYYMMDD' to another; None where one is no date."""
    try:
        return _date(second).toordinal() - _date(first).toordinal()
    except ValueError:
        return None


def _date(text: str) -> datetime.date:
    if len(text) != 8:
        raise ValueError(text)
    return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
