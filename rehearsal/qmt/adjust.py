"""复权: what splits and dividends do to older prices, and the exchange's reference price on an ex-date.

Four kinds, by the vendor's names (qmt-facts 1.8): front and back are additive (等差), front_ratio and back_ratio keep
ratios (等比). Front kinds leave the newest prices as they are, back kinds the oldest. Results are not rounded.
"""

from typing import Any, List, NamedTuple, Sequence, Tuple

KINDS = ("none", "front", "back", "front_ratio", "back_ratio")


class Event(NamedTuple):
    """Takes effect at the open of bar number `at`. split: new shares for one old; dividend: yuan a share."""

    at: int
    kind: str
    value: float


def reference(close: float, events: Sequence[Event]) -> float:
    """The close before an ex-date as it counts on the ex-date (除权参考价): dividends first, then splits."""
    for event in sorted(events, key=lambda event: event.kind):  # 'dividend' < 'split'
        close = close - event.value if event.kind == "dividend" else close / event.value
    return close


def factors(bars: Sequence[Any], events: Sequence[Event]) -> List[Tuple[int, float]]:
    """(bar index, price after / price before) of each ex-date, oldest first."""
    found = []
    for index in sorted({event.at for event in events}):
        close = bars[index - 1].close
        found.append((index, reference(close, [event for event in events if event.at == index]) / close))
    return found


def adjusted(bars: Sequence[Any], events: Sequence[Event], kind: str) -> List[Any]:
    """All `bars` adjusted by all `events`, newest form of `kind`."""
    lines = lines_of(bars, events, kind)
    starts = [0] + sorted({event.at for event in events})
    made: List[Any] = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(bars)
        a, b = lines[number]
        made.extend(
            bar._replace(open=bar.open * a + b, high=bar.high * a + b, low=bar.low * a + b, close=bar.close * a + b)
            for bar in bars[start:end]
        )
    return made


def lines_of(bars: Sequence[Any], events: Sequence[Event], kind: str) -> List[Tuple[float, float]]:
    """(a, b) of price * a + b for each stretch between two ex-dates, oldest first: one more than ex-dates."""
    steps = []
    for index, ratio in factors(bars, events):
        if kind.endswith("_ratio"):
            steps.append((ratio, 0.0))
        else:  # price -> price * a + b carries a price over this ex-date
            shift = reference(0.0, [event for event in events if event.at == index])
            scale = reference(1.0, [event for event in events if event.at == index]) - shift
            steps.append((scale, shift))
    lines = [(1.0, 0.0)]
    if kind.startswith("front"):
        for a, b in reversed(steps):
            later_a, later_b = lines[0]
            lines.insert(0, (a * later_a, b * later_a + later_b))
    else:
        for a, b in steps:
            # Backwards over this ex-date first, then as the stretch before it: x -> ((x - b) / a) * a0 + b0.
            before_a, before_b = lines[-1]
            lines.append((before_a / a, before_b - b * before_a / a))
    return lines
