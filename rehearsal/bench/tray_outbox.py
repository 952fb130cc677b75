"""The tray's outbox and sender against stub.py, in turns with bare SQLite and bare sockets doing the same."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from rehearsal.bench import limits
from rehearsal.bench.posting import KeptAlive
from tray_app import config, events
from tray_app.outbox import Outbox, Row
from tray_app.sender import EVENTS_PATH, MOST_EVENTS, Sender, envelope
from tray_app.watch.spool import MOST_FILES
from tray_app.worker import Board, Lease

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 5  # of single posts
PATIENCE = 60.0  # s for all batches
_SETTINGS = "[sentry]\nreceiver = http://127.0.0.1:%d\ntoken = bench\nmachine = mini-pc\n"


class Stub:
    """stub.py as a process of its own. Use as a context manager."""

    def __init__(self) -> None:
        environ = dict(os.environ, PYTHONPATH=str(ROOT))
        command = [sys.executable, "-m", "rehearsal.bench.stub"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline().decode("ascii")
        if not ready.startswith("stub ready"):
            self._process.communicate(timeout=30)
            raise RuntimeError("代替接收端的进程没有起来")
        ports = dict(part.split("=") for part in ready.split()[2:])
        self.http, self.echo = int(ports["http"]), int(ports["echo"])

    def __enter__(self) -> "Stub":
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            self._process.communicate(timeout=30)  # it ends when its standard input does
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class Rates(NamedTuple):
    """Events a second, one sample a round."""

    put: List[float]  # each committed by itself
    put_bare: List[float]  # bare SQLite: one row, one commit
    spool: List[float]  # committed as the spool's watcher does, MOST_FILES at a time
    spool_bare: List[float]
    sent: List[float]  # taken, sent, answered, deleted, batches of MOST_EVENTS
    sent_bare: List[float]  # the same bytes over a bare socket
    left: int  # events that still wait at the end: none


def measure(folder: Path, stub: Stub, count: int) -> Rates:
    """`count` events through one outbox, a fifth of them put one by one."""
    board, now = Board(), time.time()
    outbox = Outbox(folder / "outbox.db", 1 << 30, 86400.0)
    sender = Sender(config.parse(_SETTINGS % stub.http, "sentry.ini"), outbox, Lease(outbox, board), "bench")
    made = [_event(number, now) for number in range(count)]
    found = Rates([], [], [], [], [], [], 0)
    bare = str(folder / "bare.db")
    try:
        singles = max(1, count // 5 // ROUNDS)
        for turn in range(ROUNDS):
            one_by_one = made[turn * singles : (turn + 1) * singles]
            found.put.append(_rate(singles, lambda some=one_by_one: [outbox.put(one) for one in some]))
            found.put_bare.append(_rate(singles, lambda: limits.sqlite_commits(bare, 1, singles)))
        for at in range(ROUNDS * singles, count, MOST_FILES):
            batch = made[at : at + MOST_FILES]
            found.spool.append(_rate(len(batch), lambda some=batch: outbox.put_many(some)))
            found.spool_bare.append(_rate(len(batch), lambda some=batch: limits.sqlite_commits(bare, len(some), 1)))
        connection = KeptAlive(stub.http)
        body = envelope(
            "mini-pc", "bench", now, 0, [_row(number, one) for number, one in enumerate(made[:MOST_EVENTS])]
        )
        patience = time.perf_counter() + PATIENCE
        while outbox.figures().waiting:
            waiting, began = outbox.figures().waiting, time.perf_counter()
            sender.round(time.time())
            took = time.perf_counter() - began
            left = outbox.figures().waiting
            if left >= waiting:
                if time.perf_counter() > patience:
                    raise RuntimeError("代替接收端的进程没有收下：" + board.get("link").answer)
                sender.hurry()
            elif waiting - left == MOST_EVENTS or not found.sent:  # a last small batch is no measure
                found.sent.append((waiting - left) / took)
                found.sent_bare.append(_rate(min(count, MOST_EVENTS), lambda: _post(connection, body)))
        connection.socket.close()
        return found._replace(left=outbox.figures().waiting)
    finally:
        sender.close()
        outbox.close()


def _event(number: int, now: float) -> Dict[str, Any]:
    """An order's state: what the tray carries where it matters."""
    data = {"flag": "20260105-510300-B-%02d" % (number % 100), "line": number, "state": "working", "code": "510300.SH",
            "shares": 2500, "price": 3.987, "amount": 10000.0, "traded": 0, "sysid": "1000%06d" % number,
            "why": "已报，等待成交", "attempt": 1}  # fmt: skip
    return events.make("order.state", data, now)


def _row(number: int, event: Dict[str, Any]) -> Row:
    return Row(number, event["id"], events.grade(event), events.dumps(event))


def _post(connection: KeptAlive, body: bytes) -> None:
    connection.ask(EVENTS_PATH, body, {"Content-Type": "application/json"})
    status, _ = connection.answer()
    if status != 200:
        raise RuntimeError("the stub answered %d" % status)


def _rate(count: int, work: Any) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)
