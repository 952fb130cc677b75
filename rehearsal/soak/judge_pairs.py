"""The soak's oracle on what a deed has noted while it was done (Field.expect): told not before it could be, with the
time at which it happened, no order where there must be none. Whether it was told, and once, is judged as
for every trouble (soak/judge_messages.py). Pure."""

from rehearsal.clock import clock_text
from rehearsal.soak.flapping import counted_only
from rehearsal.soak.judge_messages import MARK_WORDS, excuse_repeats, windows
from rehearsal.soak.telling import says


def findings(record):
    quiet, _ = counted_only(record["troubles"])
    found = []
    for position, (trouble, begin, end) in enumerate(windows(record["troubles"])):
        name = f"第 {trouble['day']} 天 {trouble['kind']}："
        mine = excuse_repeats([m for m in record["messages"] if begin <= m["at"] < end], record["receiver_kills"])
        for expected in trouble.get("expected", []):
            for channel in expected["channels"] or record["channels"]:
                heard = [m for m in mine if m["channel"] == channel]
                found += [name + text for text in not_as_expected(expected, channel, heard, position in quiet)]
        for since, until in trouble.get("no_orders", []):
            found += [
                f"{name}{clock_text(call['at'])} 调用了 passorder（{call['remark']}），这段时间不该下单"
                for call in record["calls"]
                if since <= call["at"] < until
            ]
    return found


def not_as_expected(expected, channel, messages, quiet):
    """Sentences about one expectation on one channel. What may be counted only (`quiet`) need not be told."""
    text = expected["text"]
    told = [m for m in messages if says(m, expected["mark"], expected["word"]) and (not text or text in whole_text(m))]
    what = f"{channel} 的{MARK_WORDS.get(expected['mark'], '消息')}“{expected['word']}”"
    found = []
    if text and len(told) != 1:
        found.append(f"{what}（{text}）有 {len(told)} 条（应为 1 条）")
    if not told and not text and not quiet:
        found.append(f"{what}没有来")
    for message in told:
        if expected["not_before"] is not None and message["at"] < expected["not_before"]:
            found.append(f"{what}在 {clock_text(message['at'])} 就来了，早于 {clock_text(expected['not_before'])}")
        if expected.get("not_after") is not None and message["at"] > expected["not_after"]:
            found.append(f"{what}在 {clock_text(message['at'])} 才来，晚于 {clock_text(expected['not_after'])}")
        if expected["since"] and not any(
            f"{minute} 起" in whole_text(message) for minute in minutes(*expected["since"])
        ):
            found.append(f"{what}没有说是 {minutes(*expected['since'])[0]} 起")
    return found


def whole_text(message):
    return message["shown"]["title"] + "\n" + message["shown"]["body"]


def minutes(first, last):
    """['10:14', '10:15']: the minutes of a span of some seconds."""
    return list(dict.fromkeys(clock_text(at)[:-3] for at in (first, last)))
