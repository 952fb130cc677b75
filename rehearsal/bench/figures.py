"""What the benches print: medians and percentiles of samples, and tables that line up with Chinese words. Pure."""

import unicodedata
from typing import Any, Dict, List, NamedTuple, Sequence


class Figures(NamedTuple):
    """Of some samples; None where there are none. low, high: the quartiles."""

    count: int
    median: Any
    p99: Any
    most: Any
    low: Any
    high: Any


def figures(samples: Sequence[float]) -> Figures:
    low, median, high, p99 = (share(samples, part) for part in (0.25, 0.5, 0.75, 0.99))
    return Figures(len(samples), median, p99, max(samples, default=None), low, high)


def share(samples: Sequence[float], part: float) -> Any:
    """The smallest sample that at least `part` (0 to 1) of all samples do not exceed; None where there are none."""
    if not samples:
        return None
    ordered = sorted(samples)
    needed = -(
        -round(part * len(ordered) * 1e9) // 1000000000
    )  # rounded up, but not for 0.99 * 100 = 99.00000000000001
    return ordered[max(0, int(needed) - 1)]


def table(rows: Sequence[Sequence[Any]]) -> List[str]:
    """Rows of words and numbers as lines: the first column to the left, the others to the right."""
    words = [[shown(cell) for cell in row] for row in rows]
    widths = [max(width(row[column]) for row in words) for column in range(len(words[0]))]
    lines = []
    for row in words:
        first = row[0] + " " * (widths[0] - width(row[0]))
        rest = [" " * (widths[column] - width(row[column])) + row[column] for column in range(1, len(row))]
        lines.append("  ".join([first] + rest).rstrip())
    return lines


def shown(cell: Any) -> str:
    """A cell's words: two decimals for a float, '-' for None."""
    if cell is None:
        return "-"
    return "%.2f" % cell if isinstance(cell, float) else str(cell)


def width(words: str) -> int:
    """Columns on a screen: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def as_plain(found: Figures) -> Dict[str, Any]:
    """For a report in JSON."""
    return dict(found._asdict())
