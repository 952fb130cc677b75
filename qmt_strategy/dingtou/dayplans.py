"""Each fund's plan and instrument of the day, loaded once: plan.py decides, this asks QMT for what it needs.

Kept in the module, which outlives a re-init: QMT runs init again at every quote reconnect, and frames take time.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from . import chart, clock, plan, rows, rule, series
from .params import Fund

LATE_DAYS = 30  # how long a factor that was late is looked for


class DayPlan(NamedTuple):
    """One fund's day."""

    plan: plan.Plan
    up_limit: float  # yuan, 0 = not known
    down_limit: float
    suspended: bool
    chart: Dict[str, Any]  # the `file` post of its closes and bands; {} where there is none


_plans: Dict[Tuple[str, str, rule.Rule], DayPlan] = {}  # by day, code and rule


def known(fund: Fund, day: str) -> bool:
    return (day, fund.code, fund.rule) in _plans


def get(fund: Fund, day: str) -> DayPlan:
    return _plans[(day, fund.code, fund.rule)]


def load(fund: Fund, day: str, context: Any, tick: Any, late: Sequence[plan.Late] = ()) -> DayPlan:
    """Ask QMT for the fund's bars and instrument and make today's plan. Never raises for what QMT gives.

    `late`: days whose factors were late when they began; then the bars as traded are asked for as well.
    """
    for old in [key for key in _plans if key[0] != day]:
        del _plans[old]
    found = _load(fund, day, context, tick, late)
    _plans[(day, fund.code, fund.rule)] = found
    return found


def _load(fund: Fund, day: str, context: Any, tick: Any, late: Sequence[plan.Late]) -> DayPlan:
    try:
        detail = context.get_instrument_detail(fund.code)
    except Exception:  # QMT's own functions raise anything; plan.py goes by the tick's lastClose then
        detail = None
    detail = detail if isinstance(detail, dict) else {}
    bars = series.daily(context, fund.code, rule.bars_needed(fund.rule.ma), day)
    if clock.weekday(day) >= 5 and not series.is_trading_day(context, fund.code, day):
        made = plan.refused("今天是周末，QMT 的交易日历里没有今天")
    elif bars.why_not:
        made = plan.refused(bars.why_not)
    else:
        made = plan.day_plan(
            bars.closes,
            bars.dates,
            fund.rule,
            day,
            series.previous_trading_day(context, fund.code, day),
            series.field(tick, "lastClose"),
            series.field(detail, "PreClose"),
            series.field(detail, "PriceTick"),
            late,
            _as_traded(context, fund.code, day) if late else None,
        )
    return DayPlan(
        plan=made,
        up_limit=_price(series.field(detail, "UpStopPrice")),
        down_limit=_price(series.field(detail, "DownStopPrice")),
        suspended=(rows.whole(detail.get("InstrumentStatus")) or 0) >= 1,
        chart={} if bars.why_not else chart.chart_file(fund.code, bars.dates, bars.closes, made, fund.rule),
    )


def _as_traded(context: Any, code: str, day: str) -> Dict[str, float]:
    """Closes by date without any adjustment, of the days for which a late factor is remembered."""
    bars = series.daily(context, code, LATE_DAYS, day, adjusted="none")
    return dict(zip(bars.dates, bars.closes))


def splits(context: Any, code: str, after: str, until: str) -> List[float]:
    """New shares per old share of each split after the day `after` up to `until`, as get_divid_factors says.

    Its values are [dividend, bonus, transfer, rights, rights price, reform, factor] by epoch milliseconds (qmt-facts
    1.7): bonus and transfer shares are per old share. [] where QMT does not say: then POSITION will not agree, and the
    owner is asked.
    """
    try:
        factors = context.get_divid_factors(code)
        found = []
        for stamp in sorted(factors, key=float):
            day = clock.day(float(stamp) / 1000.0)
            values = factors[stamp]
            more = (rows.number(values[1]) or 0.0) + (rows.number(values[2]) or 0.0)
            if after < day <= until and more:
                found.append(1.0 + more)
        return found
    except Exception:  # as above: QMT's own functions raise anything
        return []


def _price(value: Any) -> float:
    return value if isinstance(value, float) and 0.0 < value < 1e9 else 0.0
