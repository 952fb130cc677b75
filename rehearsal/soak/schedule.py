"""When which trouble comes: a pure function of the seed."""

import random
from typing import List, NamedTuple

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


# ---- days

COSTS = {  # s that each takes at the rehearsal's quick times, about
    "qmt-killed": 12,
    "tray-killed": 55,
    "receiver-killed": 20,
    "qmt-frozen": 18,
    "script-silent": 32,
    "network-cut": 80,
    "short-cut": 32,
    "wecom-errors": 42,
    "wecom-limit": 80,
    "wecom-hangs": 90,
    "mail-slow": 38,
    "mail-refuses": 42,
    "strategy-error": 8,
    "reinit": 5,
    "quote-reconnect": 5,
    "replay": 24,
    "no-fills": 85,
    "cancel-lies": 85,
    "half-fills": 85,
    "rejects": 85,
    "silent-refusals": 140,
    "unseen-orders": 140,
    "logged-out": 85,
    "double-mount": 35,
    "receiver-clock": 40,
    "state-lost": 45,
    "home-full": 75,
    "vps-full": 40,
    "stop": 15,
}
BUDGET = 110  # s of troubles on one day; a day with one that takes longer has little besides
FEWEST, MOST = 2, 5
SHORT = 20  # s: what may stand beside a trouble that takes the whole day
# On one day at most one of each group: they would explain, or spoil, each other's messages.
GROUPS = (
    ("no-fills", "cancel-lies", "half-fills", "rejects", "silent-refusals", "unseen-orders", "stop"),
    ("replay", "logged-out"),
    ("receiver-killed", "receiver-clock", "vps-full"),
    ("state-lost", "home-full", "double-mount", "silent-refusals", "unseen-orders"),
)
# 20 s before a full minute: by then the strategy believes the account, and decides.
CLOCKS = ("09:31:40", "10:14:40", "11:05:40", "13:01:40", "13:40:40", "14:30:40")
NIGHTS = ("calm", "power")  # everything is stopped, or everything loses its power


class Day(NamedTuple):
    number: int  # 1 is the first
    clock: str  # HH:MM:SS in Shanghai at which the parts are started
    kinds: List[str]  # troubles in their order
    night: str  # one of NIGHTS


def of_days(seed, days, left_out=(), seconds=BUDGET):
    """The days of a soak of days. With 20 days every kind comes at least once, but those that are `left_out`. Days of
    fewer `seconds` of troubles have only the short ones."""
    chance = random.Random(f"soak days {seed}")
    kinds = [kind for kind, cost in COSTS.items() if kind not in left_out and cost <= 1.5 * seconds]
    chosen = [[] for _ in range(days)]
    longest_first = sorted(chance.sample(kinds, len(kinds)), key=lambda kind: -COSTS[kind])
    for kind in longest_first:
        fitting = [of_day for of_day in chosen if fits(of_day, kind, seconds)]
        if fitting:
            min(fitting, key=lambda of_day: (sum(COSTS[k] for k in of_day), chance.random())).append(kind)
    for of_day in chosen:
        for kind in chance.sample(kinds, len(kinds)):
            few = len(of_day) < FEWEST and COSTS[kind] < SHORT and kind not in of_day and not clashes(of_day, kind)
            if few or len(of_day) < MOST and fits(of_day, kind, seconds):
                of_day.append(kind)
        chance.shuffle(of_day)
    return [
        Day(number + 1, chance.choice(CLOCKS), of_day, chance.choice(NIGHTS)) for number, of_day in enumerate(chosen)
    ]


def fits(of_day, kind, seconds):
    total = sum(COSTS[k] for k in of_day)
    return kind not in of_day and not clashes(of_day, kind) and (not of_day or total + COSTS[kind] <= seconds)


def clashes(of_day, kind):
    return any(kind in group and set(group) & set(of_day) for group in GROUPS)
