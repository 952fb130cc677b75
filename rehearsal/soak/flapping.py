"""What comes and goes: the receiver tells the first three alerts of a thing within an hour, then only counts, and sums
up an hour after it began to count. The same error is told once: the script posts it once a minute at most (guard.py),
and the receiver counts it until it has not come for half an hour. The oracle's own reckoning of these rules, from the
troubles alone. Pure."""

ALERTS, WINDOW = 3, 3600.0  # told of one thing within so many seconds
THINGS = {"QMT 不在运行": "qmt", "QMT 没有响应": "qmt"}  # two alerts of one thing; any other word is a thing of its own
ERROR, ERROR_QUIET = "出错", 1800.0  # s without one, after which it is news again
SUMMED_UP = "时断时续"


def counted_only(troubles):
    """(the positions of the troubles of which nothing may be told, [(epoch s of a summing up, the thing)]).

    A trouble that is told more than once counts as often.
    """
    quiet, sums, alerts, begun, last_error = set(), [], {}, {}, float("-inf")
    for position, trouble in enumerate(troubles):
        at = trouble["at"]
        for word in trouble["told"]:
            if word == ERROR:
                if at - last_error < ERROR_QUIET:
                    quiet.add(position)
                last_error = at
                continue
            thing = THINGS.get(word, word)
            _sum_up(thing, at, alerts, begun, sums)
            recent = [earlier for earlier in alerts.setdefault(thing, []) if at - earlier < WINDOW]
            if thing not in begun and len(recent) >= ALERTS:
                begun[thing] = at
            if thing in begun:
                quiet.add(position)
            alerts[thing].append(at)
    for thing in list(begun):
        _sum_up(thing, float("inf"), alerts, begun, sums)
    return quiet, sorted(sums)


def _sum_up(thing, now, alerts, begun, sums):
    """What has been counted for an hour is told in one line; it goes on where there was enough of it."""
    while thing in begun and now - begun[thing] >= WINDOW:
        start = begun.pop(thing)
        count = sum(start <= at < start + WINDOW for at in alerts[thing])
        if count:
            sums.append((start + WINDOW, thing))
        if count >= ALERTS:
            begun[thing] = start + WINDOW
