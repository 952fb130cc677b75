"""A fund's close series with its average and bands, once a day, as the `file` post that the receiver draws.

CSV, one line a day: date,close,average,lower,upper. Prices are front_ratio, in yuan of the last day; average, lower and
upper are empty before the first full average. lower and upper are today's thresholds as prices: the rule buys below
average * (1 + lo * height) and sells from average * (1 + hi * height) on; empty where a side has no threshold.
"""

import hashlib
from typing import Any, Dict, Sequence

from . import grid
from .plan import Plan
from .rule import Rule

HEADER = "date,close,average,lower,upper\n"
LARGEST = 256 * 1024  # bytes of a post's content (docs/protocol.md, kind `file`)
DAYS = 1250  # five years: more does not fit on a phone


def chart_file(
    code: str, dates: Sequence[str], closes: Sequence[float], plan: Plan, rule: Rule, days: int = DAYS
) -> Dict[str, Any]:
    """The data of the `file` post 'chart-512690.SH.csv' from complete bars, the last `days` of them at most."""
    content = chart_csv(dates, closes, plan, rule, days)
    digest = hashlib.sha256(content.encode("utf-8")).hexdigest()
    return {"name": "chart-%s.csv" % code, "sha256": digest, "content": content, "source": "strategy"}


def chart_csv(dates: Sequence[str], closes: Sequence[float], plan: Plan, rule: Rule, days: int = DAYS) -> str:
    """The CSV text, at most 256 KiB: the oldest days are left out first. A close that is no price is an empty field."""
    sound = all(0.0 < close < 1e9 for close in closes)
    averages = grid.averages(closes, rule.ma, rule.ma) if sound else [float("nan")] * len(closes)
    lower = 1.0 + plan.lo * rule.grid_height if plan.lo > -grid.NEVER else float("nan")
    upper = 1.0 + plan.hi * rule.grid_height if plan.hi < grid.NEVER else float("nan")
    lines = []
    size = len(HEADER)
    for i in reversed(range(max(0, len(closes) - days), len(closes))):
        average = float(averages[i])
        fields = [dates[i], _field(closes[i]), _field(average), _field(average * lower), _field(average * upper)]
        line = ",".join(fields) + "\n"
        size += len(line)  # ASCII
        if size > LARGEST:
            break
        lines.append(line)
    return HEADER + "".join(reversed(lines))


def _field(price: float) -> str:
    return "%.4f" % price if 0.0 < price < 1e9 else ""
