"""What really happened, read from independent books: what QMT posted, what the receiver stored, what the phone shows.

The posts are counted by the simulated QMT at the file system's border (posted.jsonl), not by the strategy or the tray;
the orders come from the simulated counter's book, the calls of passorder from the simulated QMT (passorders.jsonl).
"""

import json
import pickle
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, Collection, Dict, Iterable, List, Optional, Sequence, Tuple, Union

Row = Dict[str, Any]  # an event, a post, a message or an order, as its book has it
File = Union[str, Path]

FLAG = re.compile(r"\d{8}-\d{6}-[BS]-\d{2}")
FINAL = {53: "cancelled", 54: "cancelled", 56: "filled", 57: "rejected"}  # the counter's last words, as flag files say
HEARTBEATS = ("host.heartbeat", "qmt.process", "qmt.heartbeat", "old.heartbeat")


def stored_events(database: File) -> List[Row]:
    """The receiver's events in the order of storing: {id, machine, run, seq, kind, at, received, data}."""
    if not Path(database).exists():
        return []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        rows = connection.execute(
            "SELECT id, machine, run, seq, kind, at, received, data FROM event ORDER BY rowid"
        ).fetchall()
    finally:
        connection.close()
    names = ("id", "machine", "run", "seq", "kind", "at", "received", "data")
    events: List[Row] = [dict(zip(names, row)) for row in rows]
    for event in events:
        event["data"] = json.loads(event["data"])
    return events


def deliveries_open(database: File) -> int:
    """How many deliveries the receiver has yet to make, or to mark after the vendor's yes."""
    if not Path(database).exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        (count,) = connection.execute("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')").fetchone()
        return int(count)
    finally:
        connection.close()


def read_lines(path: File) -> List[Row]:
    """The complete JSON lines of a file that may just now be written; [] where there is none."""
    if not Path(path).exists():
        return []
    text = Path(path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def percentile(values: Sequence[float], share: float) -> Optional[float]:
    """Nearest-rank percentile of a list (share 0..1); None for an empty one."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def lost_posts(posted: Sequence[Row], stored_ids: Collection[str]) -> List[str]:
    """Ids of posts that are in no book: any event; of heartbeats only the newest, since a newer one replaces it."""
    lost = [post["id"] for post in posted if post["kind"] not in HEARTBEATS and post["id"] not in stored_ids]
    heartbeats = [post for post in posted if post["kind"] in HEARTBEATS]
    if heartbeats and heartbeats[-1]["id"] not in stored_ids:
        lost.append(heartbeats[-1]["id"])
    return lost


def doubled_posts(stored: Iterable[Row]) -> List[Tuple[Any, Any]]:
    """Posts that stand in the receiver twice under different ids: the same running number of one strategy instance."""
    keys = Counter(
        (event["data"].get("instance"), event["data"].get("n"))
        for event in stored
        if event["kind"] == "qmt.heartbeat" and event["data"].get("n") is not None
    )
    return [key for key, count in keys.items() if count > 1]


def doubled_messages(messages: Iterable[Row]) -> List[Tuple[str, str, str]]:
    """(channel, title, body) that one channel shows more than once."""
    counts = Counter((m["channel"], m["shown"]["title"], m["shown"]["body"]) for m in messages)
    return [key for key, count in counts.items() if count > 1]


def latencies(stored: Iterable[Row]) -> List[float]:
    """Seconds from the strategy's post to the receiver's commit, of what was never held up by design."""
    return [event["received"] - event["at"] for event in stored if event["kind"] in ("qmt.heartbeat", "strategy.error")]


def post_costs(qmt_folder: File, skip: int = 0) -> List[float]:
    """Milliseconds of heartbeat.py's own time for each of its calls that made a post, but the first `skip` of them."""
    lines = read_lines(Path(qmt_folder) / "costs.jsonl")
    return [line["ms"] for line in lines if line.get("posted") and line["script"] == "heartbeat"][skip:]


# ---- orders


def calls(qmt_folder: File) -> List[Row]:
    """Every call of passorder: {script, code, remark, at}."""
    return read_lines(Path(qmt_folder) / "passorders.jsonl")


def counter_orders(qmt_folder: File) -> List[Row]:
    """The simulated counter's orders with one of our ids, of all days: {flag, code, shares, status, traded, deals}."""
    path = Path(qmt_folder) / "broker.bin"
    if not path.exists():
        return []
    _, _, _, saved = pickle.loads(path.read_bytes())
    book = pickle.loads(saved)
    orders = [order for of_day, _ in book["past"].values() for order in of_day] + book["orders"]
    return [
        {
            "flag": order.request.remark,
            "code": order.request.code,
            "shares": order.request.shares,
            "status": order.status,
            "traded": order.traded,
            "deals": order.deals,
        }
        for order in orders
        if FLAG.fullmatch(order.request.remark)
    ]


def told_states(stored: Iterable[Row]) -> Dict[str, List[Row]]:
    """{flag: [its lines' data, in the order of storing]} as the receiver has them."""
    found: Dict[str, List[Row]] = {}
    for event in stored:
        if event["kind"] == "order.state":
            found.setdefault(event["data"]["flag"], []).append(event["data"])
    return found


def wrong_orders(called: Iterable[Row], counter: Sequence[Row], stored: Iterable[Row]) -> List[str]:
    """Chinese sentences: an intent ordered twice, an order missing at the receiver, told twice or otherwise than it
    ended at the counter. `counter` is to be read when the strategy has seen everything."""
    wrong = [f"{flag} 调用了 {n} 次 passorder" for flag, n in Counter(c["remark"] for c in called).items() if n > 1]
    wrong += [f"{flag} 在柜台有 {n} 笔" for flag, n in Counter(o["flag"] for o in counter).items() if n > 1]
    told = told_states(stored)
    for order in counter:
        lines = told.get(order["flag"], [])
        numbers = [line["line"] for line in lines]
        if not lines:
            wrong.append(f"{order['flag']} 没有到接收端")
            continue
        if numbers != sorted(set(numbers)):
            wrong.append(f"{order['flag']} 的状态重复或次序不对")
        ending = FINAL.get(order["status"])
        said = (lines[-1]["state"], max(line.get("filled", 0) for line in lines))
        if ending and said != (ending, order["traded"]):
            wrong.append(f"{order['flag']} 在柜台是 {ending} {order['traded']} 股，接收端是 {said[0]} {said[1]} 股")
    return wrong


def orders_told_wrong(road: Any) -> List[str]:
    """`wrong_orders` of a road as it is now."""
    return wrong_orders(calls(road.qmt_folder), counter_orders(road.qmt_folder), road.stored())


def report(road: Any, seconds: float, ended: float, causes: Sequence[Tuple[float, str]] = ()) -> Row:
    """The figures of a run that ended at `ended` (epoch s).

    `causes`: (epoch s, text in the title) of what was done on purpose, newest last.
    """
    stored = road.stored()
    messages = road.messages()
    posted = read_lines(road.qmt_folder / "posted.jsonl")
    ids = {event["id"] for event in stored}
    heartbeats = [post for post in posted if post["kind"] in HEARTBEATS]
    delays = latencies(stored)
    costs = post_costs(road.qmt_folder)
    orders = counter_orders(road.qmt_folder)
    return {
        "seconds": round(seconds, 1),
        "events": dict(Counter(event["kind"] for event in stored)),
        "posted": dict(Counter(post["kind"] for post in posted)),
        "lost": len(lost_posts(posted, ids)),
        "superseded": sum(1 for post in heartbeats if post["id"] not in ids),
        "duplicates": len(doubled_posts(stored)) + len(doubled_messages(messages)),
        "alerts": [
            {
                "channel": message["channel"],
                "title": message["shown"]["title"],
                "seconds": seconds_since_cause(message, causes),
            }
            for message in messages
        ],
        "latency_p50": percentile(delays, 0.5),
        "latency_p99": percentile(delays, 0.99),
        "post_cost_ms_p50": percentile(costs, 0.5),
        "post_cost_ms_p99": percentile(costs, 0.99),
        "orders": len(orders),
        "orders_filled": sum(1 for order in orders if FINAL.get(order["status"]) == "filled"),
        "fills": sum(order["deals"] for order in orders),
        "orders_wrong": orders_told_wrong(road),
        "causes": [{"title": title, "seconds_left": round(ended - at, 1)} for at, title in causes],
    }


def seconds_since_cause(message: Row, causes: Iterable[Tuple[float, str]]) -> Optional[float]:
    """Seconds from the last matching cause before this message, or None where nothing was done on purpose."""
    before = [at for at, text in causes if text in message["shown"]["title"] and at <= message["at"]]
    return round(float(message["at"]) - before[-1], 2) if before else None
