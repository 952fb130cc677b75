"""Does a figure grow steadily? A slope per hour, not a level: what is large may be well, what never stops is
not. Pure.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

HOUR = 3600.0
WARM_UP = 600.0  # seconds after QMT's start that do not count: it loads its data then
SAMPLE_EVERY = 60.0  # seconds
SPAN = HOUR  # what is judged
BLOCKS = 6  # the span in equal parts; each part's median has to be above the one before
LEAST_SPAN = 0.9 * SPAN
FEWEST = 30  # samples
GAP = 300.0  # seconds without a sample (sleep, a stuck worker): begin anew
STILL = 0.5  # what was told as growing goes on being so above this share of the limit


class Sample(NamedTuple):
    """At one moment, QMT and its children together: memory in bytes, handles, cpu in percent of one core."""

    at: float
    memory: float | None
    handles: float | None
    cpu: float | None


class History(NamedTuple):
    """The samples of one run of QMT (its pid and start), the newest last."""

    run: tuple[int, float] | None = None
    samples: tuple[Sample, ...] = ()


def add(history: History, run: tuple[int, float] | None, sample: Sample) -> History:
    """With one more sample, where it is time for one. Another run, a gap or a clock set back begins anew."""
    if run is None or sample.at < run[1] + WARM_UP:
        return History(run)
    if history.run != run:
        return History(run, (sample,))
    if not history.samples:
        return History(run, (sample,))
    passed = sample.at - history.samples[-1].at
    if not 0 <= passed <= GAP:
        return History(run, (sample,))
    if passed < SAMPLE_EVERY:
        return history
    kept = tuple(one for one in history.samples if one.at > sample.at - SPAN)
    return History(run, (*kept, sample))


def per_hour(values: Sequence[tuple[float, float | None]]) -> float | None:
    """Least squares slope of (epoch seconds, value) per hour; None where they are too few or span too little."""
    known = [(at, value) for at, value in values if value is not None]
    if len(known) < FEWEST or known[-1][0] - known[0][0] < LEAST_SPAN:
        return None
    middle_at = sum(at for at, _ in known) / len(known)
    middle = sum(value for _, value in known) / len(known)
    spread = sum((at - middle_at) ** 2 for at, _ in known)
    return HOUR * sum((at - middle_at) * (value - middle) for at, value in known) / spread


def grows(values: Sequence[tuple[float, float | None]], limit: float, was: bool) -> float | None:
    """The slope per hour if it is at least `limit` and the figure grew in every part of the span; else None. `was`: it
    was told as growing, which ends only when the slope falls below a share of the limit. limit 0: never."""
    slope = per_hour(values)
    if slope is None or not limit:
        return None
    if was:
        return slope if slope >= limit * STILL else None
    return slope if slope >= limit and _every_part_higher(values) else None


def _every_part_higher(values: Sequence[tuple[float, float | None]]) -> bool:
    known = [(at, value) for at, value in values if value is not None]
    start, span = known[0][0], known[-1][0] - known[0][0]
    parts: list[list[float]] = [[] for _ in range(BLOCKS)]
    for at, value in known:
        parts[min(BLOCKS - 1, int((at - start) / span * BLOCKS))].append(value)
    if not all(parts):
        return False
    middles = [sorted(part)[len(part) // 2] for part in parts]
    return all(later > earlier for earlier, later in zip(middles, middles[1:]))
