"""When which trouble comes: a pure function of the seed."""

import random
from typing import NamedTuple

FIRST, LAST = 240, 780  # s from the start to the first trouble, from the last one to the end of a run of hours
KILLS = ("tray-killed", "receiver-killed", "qmt-killed")
KILLS_GAP = 240  # s between these: early, so that every process then runs on for the rest of the time
OTHERS = (
    "network-cut",
    "qmt-frozen",
    "script-silent",
    "wecom-errors",
    "wecom-hangs",
    "mail-refuses",
    "strategy-error",
    "reinit",
    "replay",
    "quote-reconnect",
    "no-fills",
    "cancel-lies",
    "stop",
)
QMT_ENDS = ("wecom-errors", "wecom-hangs", "mail-refuses")  # these kill QMT: they belong to the kills


class Planned(NamedTuple):
    at: float  # s after the start
    kind: str


def of_hours(seed, seconds):
    """The troubles of one long run, oldest first. Those that end a process come first; the rest are spread evenly."""
    chance = random.Random(f"soak hours {seed}")
    first = [*KILLS, *QMT_ENDS]
    rest = [kind for kind in OTHERS if kind not in QMT_ENDS]
    chance.shuffle(first)
    chance.shuffle(rest)
    plan = [Planned(FIRST + number * KILLS_GAP, kind) for number, kind in enumerate(first)]
    begin = FIRST + len(first) * KILLS_GAP + KILLS_GAP
    gap = (seconds - LAST - begin) / max(1, len(rest) - 1)
    plan += [
        Planned(round(begin + number * gap + chance.uniform(0, gap / 4), 1), kind) for number, kind in enumerate(rest)
    ]
    return plan
