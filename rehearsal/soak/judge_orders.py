"""The soak's oracle on orders: passorder, the counter, the receiver, the phone and the strategy's ledger agree."""

from collections import Counter, defaultdict

from rehearsal import oracle
from rehearsal.clock import day_text
from rehearsal.soak.telling import BAD, says

NOT_KNOWN = "unknown"


def findings(record):
    called, counter, stored = record["calls"], record["counter"], record["stored"]
    found = oracle.wrong_orders(called, [o for o in counter if o["flag"] not in unknown(stored)], stored)
    found += [f"{order['flag']} 在柜台，却没有调用过 passorder" for order in not_called(called, counter)]
    found += [
        f"{order['flag']} 委托 {order['shares']} 股，成交了 {order['traded']} 股"
        for order in counter
        if order["traded"] > order["shares"]
    ]
    found += not_told(record)
    for books in record["books"]:
        found += wrong_books(books, record["counter"], record["started_with"], open_on(record, books["at"]))
    return found


def unknown(stored):
    """Flags whose end the strategy does not know: it says so, and the owner answers."""
    return {flag for flag, lines in oracle.told_states(stored).items() if lines[-1]["state"] == NOT_KNOWN}


def open_on(record, at):
    """Flags whose end the strategy did not know at `at` (epoch s): on the way, or unknown."""
    told = oracle.told_states([event for event in record["stored"] if event["at"] <= at])
    return {flag for flag, lines in told.items() if lines[-1]["state"] in ("intent", "sent", "working", NOT_KNOWN)}


def not_called(called, counter):
    flags = {call["remark"] for call in called}
    return [order for order in counter if order["flag"] not in flags]


def not_told(record):
    """What the owner must learn of each order: that it filled, was refused, or that its end is not known."""
    texts = {
        channel: [
            m["shown"]["title"] + "\n" + m["shown"]["body"] for m in record["messages"] if m["channel"] == channel
        ]
        for channel in record["channels"]
    }
    # A fill in parts that was cancelled is told with what is left, in words of its own.
    wanted = [
        (order["flag"], "成交" if order["status"] == 56 else "") for order in record["counter"] if order["traded"]
    ]
    wanted += [(flag, "") for flag in unknown(record["stored"])]
    found = [
        f"{channel} 没有说委托 {flag} {word}".rstrip()
        for flag, word in wanted
        for channel in record["channels"]
        if not any(flag in text and word in text for text in texts[channel])
    ]
    return found + refusals_not_told(record)


def refusals_not_told(record):
    """Orders refused for one cause on one day share a message, so the flags are not asked for."""
    days = {day_text(order["at"]) for order in record["counter"] if order["status"] == 57}
    told = {
        (message["channel"], day_text(message["at"]))
        for message in record["messages"]
        if says(message, BAD, "委托被拒")
    }
    return [
        f"{channel} 没有说 {day} 的废单"
        for day in sorted(days)
        for channel in record["channels"]
        if (channel, day) not in told
    ]


def wrong_books(books, counter, started_with, excused):
    """Where one day's end finds the strategy's ledger and the broker's book apart. `excused`: flags whose end was not
    known then; their funds are left out."""
    left_out = {order["code"] for order in counter if order["flag"] in excused}
    found, by_fund, by_flag = [], defaultdict(int), Counter()
    for row in books["ledger"]:
        by_fund[row["code"]] += row["shares"]
        by_flag[row["flag"]] += abs(row["shares"])
    for code in sorted(started_with):
        if code in left_out:
            continue
        mine, brokers = started_with[code] + by_fund[code[:6]], books["holdings"].get(code, 0)
        if mine != brokers:
            found.append(f"第 {books['day']} 天收盘 {code}：成交记录算出 {mine} 股，柜台 {brokers} 股")
    for order in counter:
        mine = by_flag[order["flag"]]
        if order["at"] <= books["at"] and order["code"] not in left_out and mine != order["traded"]:
            found.append(f"第 {books['day']} 天收盘 {order['flag']}：成交记录 {mine} 股，柜台 {order['traded']} 股")
    return found
