"""What a soak leaves to be judged: everything that happened, gathered from the independent books as plain values, so
that it can be kept as JSON and judged again."""

import csv
import io
import json
import pickle
import subprocess

from rehearsal import oracle
from rehearsal.road import ROOT, SHARES
from rehearsal.soak.troubles import KINDS


def gather(field, mode, began):
    """The record of a run that has settled. All times are epoch s by the parts' clocks."""
    road = field.road
    field.keep_stored()
    return {
        "mode": mode,
        "seed": road.seed,
        "commit": commit(),
        "times": road.times,
        "channels": list(road.channels),
        "began": began,
        "ended": road.now(),
        "troubles": field.troubles,
        "receiver_kills": field.receiver_kills,
        "samples": field.samples,
        "books": field.books,
        "messages": road.messages(),
        "posted": oracle.read_lines(road.qmt_folder / "posted.jsonl"),
        "stored": [_short(event) for event in field.stored],
        "calls": oracle.calls(road.qmt_folder),
        "counter": counter_orders(road.qmt_folder),
    }


_KEPT = ("flag", "line", "state", "filled", "instance", "n")


def _short(event):
    """An event without what nobody asks for: accounts and tables make most of it."""
    data = {name: event["data"][name] for name in _KEPT if name in event["data"]}
    return {"id": event["id"], "kind": event["kind"], "at": event["at"], "received": event["received"], "data": data}


def books(road, day):
    """One day's end: what the broker holds, and what the strategy's own ledger says of it."""
    return {"day": day, "at": road.now(), "holdings": holdings(road.qmt_folder), "ledger": ledger(road.home)}


def _book(qmt_folder):
    _, _, _, saved = pickle.loads((qmt_folder / "broker.bin").read_bytes())
    return pickle.loads(saved)


def holdings(qmt_folder):
    """{'510300.SH': shares} at the broker."""
    return {code: holding.volume for code, holding in _book(qmt_folder)["holdings"].shares.items()}


def counter_orders(qmt_folder):
    """oracle.counter_orders with the side, and when the order came."""
    found = {order["flag"] for order in oracle.counter_orders(qmt_folder)}
    book = _book(qmt_folder)
    listed = []
    for order in [order for of_day, _ in book["past"].values() for order in of_day] + book["orders"]:
        request = order.request
        if request.remark in found:
            of_request = {"flag": request.remark, "code": request.code, "buy": request.buy, "shares": request.shares}
            listed.append(dict(of_request, status=order.status, traded=order.traded, deals=order.deals, at=order.at))
    return listed


def ledger(home):
    """The rows of deals/transaction.csv: {code (six digits), flag, shares (signed)}."""
    path = home / "deals" / "transaction.csv"
    if not path.exists():
        return []
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    found = []
    for row in rows:
        shares = int(float(row["成交数量"]))
        sign = 1 if row["买/卖"].startswith("买") else -1
        found.append({"code": row["证券代码"][:6].zfill(6), "flag": row["备注"], "shares": sign * shares})
    return found


def started_with(codes):
    """{code: shares} of the account on the first morning."""
    return dict.fromkeys(codes, SHARES)


def commit():
    """The commit of this tree; '' where git cannot say."""
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, timeout=30)
        changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, stdout=subprocess.PIPE, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    name = done.stdout.decode().strip()
    return name + (" (changed)" if name and changed.stdout.strip() else "")


def write(record, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file, ensure_ascii=False)


def read(path):
    """A record to be judged again. What a kind of trouble explains may have been learned since: that counts too."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    for trouble in found["troubles"]:
        if trouble["kind"] in KINDS:
            trouble["may"] = sorted({*trouble["may"], *KINDS[trouble["kind"]].may})
    return found
