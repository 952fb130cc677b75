"""The soak's oracle on what the phone got: each trouble told once on each channel, its end once, nothing else. Pure."""

from collections import Counter

from rehearsal.promised import TOLERANCE
from rehearsal.soak.flapping import SUMMED_UP, counted_only
from rehearsal.soak.telling import AGAIN, BAD, GOOD, LINE, numbers, says, tellings

GAP = 0.2 * TOLERANCE  # s after the vendor's yes in which a kill of the receiver excuses a repeat
# What a strategy that trades says of itself on any day, and the receiver of its orders.
ROUTINE = ("策略下单", "成交", "账户", "可用资金不足", "达到下单上限", "应下单而没有下单", "策略的记录") + (
    "委托没有成交",
    "委托没有全部成交",
    "委托没有按时成交",
    "委托有结果了",
    "委托已核清",
)
FUND_STOPPED, FUND_AGAIN = "有基金停止下单", ("不再停止", "基金不再全部停止")  # it may last until another day
LATE = 300.0  # s that a summing up may take
MARK_WORDS = {BAD: "告警", GOOD: "恢复", AGAIN: "提醒"}


def findings(record):
    return not_told_once(record) + not_summed_up(record) + unexplained(record) + repeated(record)


def windows(troubles):
    """[(trouble, from, to)]: what is told from a trouble's begin to the next one's belongs to it."""
    ends = [trouble["at"] for trouble in troubles[1:]] + [float("inf")]
    return [(trouble, trouble["at"], end) for trouble, end in zip(troubles, ends)]


def not_told_once(record):
    """Troubles, and their ends, that a channel did not tell, or told more than once. Of what comes and goes the later
    ones may be counted only (soak/flapping.py)."""
    found = []
    quiet, _ = counted_only(record["troubles"])
    for position, (trouble, begin, end) in enumerate(windows(record["troubles"])):
        mine = excuse_repeats([m for m in record["messages"] if begin <= m["at"] < end], record["receiver_kills"])
        for mark, words in ((BAD, Counter(trouble["told"])), (GOOD, Counter(trouble["well"]))):
            for word, times in words.items():
                for channel in record["channels"]:
                    count = sum(m["channel"] == channel and says(m, mark, word) for m in mine)
                    if count != times and not (position in quiet and count < times):
                        what = f"{channel} 收到 {count} 条{MARK_WORDS[mark]}“{word}”（应为 {times} 条）"
                        found.append(f"第 {trouble['day']} 天 {trouble['kind']}：{what}")
    return found


def not_summed_up(record):
    """Of what came and went, the line an hour later that says how often."""
    found, (_, sums) = [], counted_only(record["troubles"])
    for at, thing in sums:
        for channel in record["channels"]:
            count = sum(
                m["channel"] == channel and m["at"] >= at and says(m, LINE, SUMMED_UP) for m in record["messages"]
            )
            if at + LATE < record["ended"] and not count:
                found.append(f"{channel} 没有说 {thing} 时断时续")
    return found


def excuse_repeats(messages, kills):
    """Without the messages that say again what an earlier one of their channel said, where a kill of the receiver fell
    between the vendor's beginning to answer that one and our mark."""
    kept = []
    for message in messages:
        twin = [m for m in kept if m["channel"] == message["channel"] and m["shown"] == message["shown"]]
        if not any(m["at"] <= kill <= m["answered_at"] + GAP for m in twin for kill in kills):
            kept.append(message)
    return kept


def unexplained(record):
    """Messages that tell something which neither routine nor a trouble of that time explains."""
    found, spans = [], windows(record["troubles"])
    _, sums = counted_only(record["troubles"])
    told = set()  # (channel, what) of all alerts so far: what may be reminded of
    for message in record["messages"]:
        allowed = []
        current = [number for number, (_, begin, end) in enumerate(spans) if begin <= message["at"] < end]
        for number in current:
            trouble = spans[number][0]
            allowed += trouble["told"] + trouble["well"] + trouble["may"]
            if number:
                allowed += spans[number - 1][0]["may"]  # news of the one before may still be on their way
        strange = [
            what
            for mark, what in tellings(message)
            if what not in ROUTINE
            and not any(word in what for word in allowed)
            and not (mark == AGAIN and (message["channel"], what) in told)
            and not (_fund_again(mark, what) and (message["channel"], FUND_STOPPED) in told)
            and not (SUMMED_UP in what and any(message["at"] >= at - LATE for at, _ in sums))
        ]
        told |= {(message["channel"], what) for mark, what in tellings(message) if mark == BAD}
        if strange or not tellings(message):
            shown = "、".join(strange) or message["shown"]["title"]
            kind = record["troubles"][current[0]]["kind"] if current else "开始时"
            found.append(f"{message['channel']} 多了一条“{shown}”（{kind}）")
    return found


def _fund_again(mark, what):
    return mark == GOOD and any(word in what for word in FUND_AGAIN)


def repeated(record):
    """The same message twice on one channel, or one incident told twice under its number."""
    kept = excuse_repeats(record["messages"], record["receiver_kills"])
    found, seen = [], {}
    for message in kept:
        for number in numbers(message):
            for mark in {mark for mark, _ in tellings(message)} - {AGAIN}:
                seen.setdefault((message["channel"], number, mark), []).append(message["shown"]["title"])
    for (channel, number, _), titles in seen.items():
        if len(titles) > 1:
            found.append(f"{channel} 把 #{number} 说了 {len(titles)} 遍：{titles[0]}")
    return found
