"""The mini PC in one process: who posts (strategy, order flag files, somebody's old script), and the real tray parts.

The tray parts are driven round by round instead of by their worker threads, so that a run can be repeated exactly.
"""

import itertools
import json
import os
import random
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from qmt_strategy.dingtou.spool import Spool
from rehearsal.powercut.inprocess import Answer, call
from rehearsal.powercut.promises import Promises
from tray_app import config, events, inbox
from tray_app.home import Home
from tray_app.outbox import Outbox
from tray_app.sender import Sender
from tray_app.watch.flags import FlagWatcher
from tray_app.watch.spool import SpoolWatcher
from tray_app.worker import Board, Lease

MACHINE = "mini-pc"
TOKEN = "replay-machine-token"
OLD_TOKEN = "replay-old-token"
STATES = ("intent", "sent", "working", "filled")  # an order's life, one line of its flag file each
BOUNDARY = "replay-form-boundary"


class Clock:
    """Simulated time, epoch seconds; it moves only when told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def prepare(folder: Path) -> None:
    """The home folder as the installer leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"[sentry]\nmachine = {MACHINE}\nreceiver = http://receiver.invalid\ntoken = {TOKEN}\nevery_day = yes\n"
    (folder / "sentry.ini").write_text(text + f"[inbox]\ntoken = {OLD_TOKEN}\n", encoding="utf-8")


class Tray:
    """One run of the tray program, from start to close()."""

    def __init__(self, folder: Path, clock: Clock, rng: random.Random) -> None:
        home = Home(folder)
        home.make_folders()
        settings = config.load(home.ini)
        self._clock = clock
        self._spool = home.spool
        self._outbox = Outbox(home.outbox, settings.outbox_max_bytes, settings.outbox_max_age, clock)
        self._lease = Lease(self._outbox, Board())
        self._watchers: List[Any] = [SpoolWatcher(home, self._lease), FlagWatcher(home.flags, self._lease)]
        self._sender = Sender(
            settings, self._outbox, self._lease, str(uuid.uuid4()), wall=clock, mono=clock, rng=rng.random
        )
        self.inbox = inbox.make_app(settings.inbox_token, self._store, clock)

    def _store(self, found: List[events.Event]) -> None:
        self._lease.put(*found)

    def look(self) -> None:
        """One round of the watchers."""
        for watcher in self._watchers:
            watcher.round(self._clock())

    def beat(self) -> None:
        """The tray's own heartbeat, without the figures: its outbox row is what matters here."""
        self._lease.put(events.make("host.heartbeat", {"every": 30}, self._clock()))

    def send(self) -> None:
        self._sender.round(self._clock())

    def idle(self) -> bool:
        """Nothing waits any more, in the outbox or in the spool."""
        return self._outbox.figures().waiting == 0 and not list(self._spool.glob("*.json"))

    def close(self) -> None:
        self._sender.close()
        self._outbox.close()


def start_strategy(folder: Path, clock: Clock) -> Spool:
    """The strategy's side of the spool at its start: it tidies up what an earlier run left."""
    return Spool(str(folder), "heartbeat", "replay", now=clock, pause=clock.pass_)


class Posters:
    """Those who post on the mini PC. A yes is entered in `promises` with `moment()`."""

    def __init__(self, folder: Path, clock: Clock, promises: Promises, moment: Callable[[], int]) -> None:
        self._folder = folder
        self._clock = clock
        self._promises = promises
        self._moment = moment
        self._strategy = start_strategy(folder, clock)
        self._orders = itertools.count(1)
        self._order: List[str] = []  # flag id and the states still to come

    def heartbeat(self) -> None:
        """No promise: a heartbeat in the spool is not synced, the next one replaces it."""
        token = self._promises.new_token("qmt.heartbeat")
        self._strategy.post("qmt.heartbeat", {"accounts": [{"账号": token}], "positions": [], "every": 60})

    def error(self) -> None:
        token = self._promises.new_token()
        self._spooled(token, "strategy.error", {"where": "handlebar", "traceback": f"ValueError: {token}"})

    def notice(self) -> None:
        token = self._promises.new_token()
        self._spooled(token, "strategy.notice", {"what": "cash_low", "text": f"可用资金不足 {token}"})

    def _spooled(self, token: str, kind: str, data: Dict[str, Any]) -> None:
        if self._strategy.post(kind, data):
            self._promises.answered_yes(self._moment(), "spool", token)

    def order_line(self) -> None:
        """One more line of an order's flag file, synced before the strategy goes on (design.md, An order's life)."""
        token = self._promises.new_token()
        if not self._order:
            day = "20260105"
            self._order = [f"{day}-510300-B-{next(self._orders) % 100:02d}", *STATES]
        flag, state = self._order[0], self._order.pop(1)
        if len(self._order) == 1:
            self._order = []
        folder = self._folder / "flags" / flag[:8]
        folder.mkdir(parents=True, exist_ok=True)
        how = os.O_CREAT | os.O_EXCL if state == STATES[0] else os.O_APPEND
        handle = os.open(str(folder / f"{flag}.jsonl"), os.O_WRONLY | how | getattr(os, "O_BINARY", 0), 0o644)
        line = json.dumps({"state": state, "at": self._clock(), "note": token})
        try:
            os.write(handle, line.encode("ascii") + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        if os.name == "posix":
            for made in (folder, folder.parent, folder.parent.parent):
                handle = os.open(str(made), os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
        self._promises.answered_yes(self._moment(), "flag", token)

    def old_heartbeat(self, tray: Tray, with_deal: bool) -> None:
        """A heartbeat of somebody's old script; the deal in it is a promise of its own."""
        token = self._promises.new_token("old.heartbeat qmt")
        info = [{"name": "accounts", "data": [{"总资产": 100000.0, "账号": token}]}]
        tokens = [token]
        if with_deal:
            tokens.append(self._promises.new_token())
            info.append({"name": "deals", "data": [{"代码": "510300", "成交量": 100, "订单编号": tokens[-1]}]})
        body = json.dumps({"action": "heartbeat", "name": "qmt", "info": info}).encode("ascii")
        self._posted(call(tray.inbox, "POST", f"/api?token={OLD_TOKEN}", body, JSON_TYPE), tokens)

    def old_form(self, tray: Tray) -> None:
        """The old multipart form with one file."""
        token = self._promises.new_token()
        parts = [
            'Content-Disposition: form-data; name="action"\r\n\r\nheartbeat',
            'Content-Disposition: form-data; name="name"\r\n\r\nserver',
            f'Content-Disposition: form-data; name="file"; filename="log.txt"\r\n\r\n{token}',
        ]
        body = "".join(f"--{BOUNDARY}\r\n{part}\r\n" for part in parts) + f"--{BOUNDARY}--\r\n"
        answer = call(tray.inbox, "POST", f"/api?token={OLD_TOKEN}", body.encode("ascii"), FORM_TYPE)
        self._posted(answer, [token])

    def _posted(self, answer: Answer, tokens: List[str]) -> None:
        if answer.status == 200 and json.loads(answer.body.decode("utf-8")).get("code") == 0:
            for token in tokens:
                self._promises.answered_yes(self._moment(), "inbox", token)

    def anything(self, rng: random.Random, tray: Optional[Tray]) -> None:
        """One post of a random sort. Without a tray nobody listens at its inbox."""
        choices: List[Callable[[], None]] = [
            self.heartbeat,
            self.heartbeat,
            self.error,
            self.notice,
            self.order_line,
            self.order_line,
        ]
        if tray is not None:
            running = tray
            choices += [
                lambda: self.old_heartbeat(running, with_deal=False),
                lambda: self.old_heartbeat(running, with_deal=True),
                lambda: self.old_form(running),
            ]
        rng.choice(choices)()


JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
