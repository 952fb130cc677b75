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
    "pc-clock": 95,
    "pc-clock-jumps": 95,
    "state-lost": 45,
    "home-full": 80,
    "vps-full": 40,
    "stop": 15,
}
PAIRS = {  # each pair of troubles (soak/pairs.py): the single ones that it is made of, what it costs
    "cut-qmt-killed": (("short-cut", "qmt-killed"), 28),
    "long-cut-qmt-killed": (("network-cut", "qmt-killed"), 110),
    "long-cut-qmt-restarted": (("network-cut", "qmt-killed"), 75),
    "cut-power-lost": (("network-cut", "qmt-killed", "tray-killed"), 60),
    "cut-receiver-killed": (("short-cut", "receiver-killed", "strategy-error"), 35),
    "cut-fills": (("short-cut", "no-fills"), 60),
    "receiver-down-tray-killed": (("receiver-killed", "tray-killed"), 55),
    "channels-fail": (("wecom-errors", "mail-refuses"), 45),
    "wecom-fails-receiver-killed": (("wecom-errors", "receiver-killed"), 28),
    "replay-qmt-killed": (("replay", "qmt-killed"), 28),
    "cancel-lies-reinit": (("no-fills", "cancel-lies", "reinit"), 95),
    "logged-out-quote-reconnect": (("logged-out", "quote-reconnect"), 85),
    "half-filled-stop": (("half-fills", "stop"), 65),
    "home-full-qmt-killed": (("home-full", "qmt-killed"), 110),
    "lunch": (("short-cut", "qmt-killed"), 190),
    "close": (("short-cut", "qmt-killed"), 190),
}
# These keep the exchange's hours, and have a day to themselves, which begins at that clock.
WHOLE_DAY = {"lunch": "11:29:15", "close": "14:59:15"}
COSTS.update({name: cost for name, (_, cost) in PAIRS.items()})
BUDGET = 120  # s of troubles on one day; a day with one that takes longer has little besides
FEWEST, MOST = 2, 5
SHORT = 20  # s: what may stand beside a trouble that takes the whole day
# On one day at most one of each group: they would explain, or spoil, each other's messages.
GROUPS = (
    ("no-fills", "cancel-lies", "half-fills", "rejects", "silent-refusals", "unseen-orders", "stop"),
    ("replay", "logged-out"),
    ("receiver-killed", "receiver-clock", "vps-full"),
    ("state-lost", "home-full", "double-mount", "silent-refusals", "unseen-orders"),
    ("strategy-error",),  # alone, or in a pair: of the same error twice in half an hour the second is only counted
    tuple(PAIRS),
)
# 20 s before a full minute: by then the strategy believes the account, and decides.
CLOCKS = ("09:31:40", "10:14:40", "11:05:40", "13:01:40", "13:40:40", "14:30:40")
NIGHTS = ("calm", "power")  # everything is stopped, or everything loses its power


class Day(NamedTuple):
    number: int  # 1 is the first
    clock: str  # HH:MM:SS in Shanghai at which the parts are started
    kinds: List[str]  # troubles in their order
    night: str  # one of NIGHTS


def of_days(seed, days, left_out=(), seconds=BUDGET, only=()):
    """The days of a soak of days. With 20 days every pair comes at least once, and every kind alone or in a pair, but
    those that are `left_out`. Days of fewer `seconds` of troubles have only the short ones. `only`: these on each day,
    in this order."""
    chance = random.Random(f"soak days {seed}")
    if only:
        return [
            Day(number + 1, WHOLE_DAY.get(only[0]) or chance.choice(CLOCKS), list(only), chance.choice(NIGHTS))
            for number in range(days)
        ]
    least = {kind: BUDGET if kind in PAIRS else COSTS[kind] / 1.5 for kind in COSTS}  # s of a day on which it comes
    kinds = [kind for kind in COSTS if kind not in left_out and least[kind] <= seconds]
    chosen = [[] for _ in range(days)]
    in_pairs = {part for kind in kinds if kind in PAIRS for part in PAIRS[kind][0]}
    needed = [kind for kind in kinds if kind not in in_pairs]
    longest_first = sorted(chance.sample(needed, len(needed)), key=lambda kind: (kind not in PAIRS, -COSTS[kind]))
    for kind in longest_first:
        fitting = [of_day for of_day in chosen if fits(of_day, kind, seconds)]
        if fitting:
            min(fitting, key=lambda of_day: (sum(COSTS[k] for k in of_day), chance.random())).append(kind)
    for of_day in chosen:
        for kind in chance.sample(kinds, len(kinds)):
            if set(of_day) & set(WHOLE_DAY):
                break
            few = len(of_day) < FEWEST and COSTS[kind] < SHORT and kind not in of_day and not clashes(of_day, kind)
            if few or len(of_day) < MOST and fits(of_day, kind, seconds):
                of_day.append(kind)
        chance.shuffle(of_day)
    found = [
        Day(number + 1, chance.choice(CLOCKS), of_day, chance.choice(NIGHTS)) for number, of_day in enumerate(chosen)
    ]
    return [day._replace(clock=WHOLE_DAY.get(day.kinds[0], day.clock)) for day in found]


def fits(of_day, kind, seconds):
    if of_day and set(WHOLE_DAY) & {kind, *of_day}:
        return False
    total = sum(COSTS[k] for k in of_day)
    return kind not in of_day and not clashes(of_day, kind) and (not of_day or total + COSTS[kind] <= seconds)


def clashes(of_day, kind):
    that_day = {part for other in of_day for part in parts(other)}
    return any(set(group) & set(parts(kind)) and set(group) & that_day for group in GROUPS)


def parts(kind):
    """A kind, and of a pair also what it is made of."""
    return (kind, *PAIRS[kind][0]) if kind in PAIRS else (kind,)
