"""Fault test, point 1: killed at any step between a post and the vendor's yes: nothing lost, hardly anything twice.

Here the receiver is killed inside this process, at exact steps, with a model beside it that knows nothing of it; the
real kill -9 of a real process is `run.py drill receiver-faults`. QMT_SENTRY_FULL=1 runs a thousand rounds.
"""

import os
import random
import sqlite3

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import MAIL, WECOM, Bench, event

ROUNDS = 1000 if os.environ.get("QMT_SENTRY_FULL") else 60
ALWAYS = "[calendar]\nevery_day = yes\ntell = 00:00-24:00\nsessions = 00:00-24:00"
STEPS = ("before commit", "after commit", "before the yes", "after the yes", "after the mark", "never")


class Killed(BaseException):
    """kill -9: nothing after it runs, nothing catches it."""


class Vendor(program.Channel):
    """Keeps what it accepted; may kill its caller just before or just after its yes."""

    label = "假"

    def __init__(self, config, accepted):
        super().__init__(config)
        self.accepted = accepted
        self.kill = ""

    def pace(self, attempts, now, priority):
        return 0.0

    def send(self, message):
        kill, self.kill = self.kill, ""
        if kill == "before the yes":
            raise Killed
        self.accepted.append(message)
        if kill == "after the yes":
            raise Killed
        return program.Sent("1")


class Chain(Bench):
    """A receiver with two vendors that outlive it."""

    def __init__(self, folder):
        self.accepted = {"wecom": [], "mail": []}
        super().__init__(folder, channels=WECOM + MAIL, calendar=ALWAYS)

    def restart(self):
        super().restart()
        for name, sender in self.receiver.senders.items():
            sender.channel = Vendor(self.config.channels[name], self.accepted[name])

    def kill(self):
        self.receiver.store.roll_back()
        self.time += 1
        self.restart()

    def post_until_yes(self, posted, step):
        """The tray: posts again until it has a yes."""
        if step == "before commit":
            try:
                with self.receiver.transaction() as tx:
                    program.take_batch(tx, "mini-pc", program.Batch("r", self.time, 0, [posted]))
                    raise Killed
            except Killed:
                self.kill()
        accepted, _ = self.batch(posted)
        assert accepted == [posted["id"]]


def run_round(chain, rng, number):
    """One order that is rejected, one kill. Returns the flag and whether a repeat would be excused, by channel."""
    flag, step = f"20260105-{number:06}-B-01", rng.choice(STEPS)
    victim = rng.choice(("wecom", "mail"))
    posted = event("order.state", chain.time, flag=flag, line=1, state="rejected", reason=f"原因{chr(0x4E00 + number)}")
    chain.post_until_yes(posted, step)
    if step == "after commit":
        chain.kill()
    chain.receiver.senders[victim].channel.kill = step
    for _ in range(8):
        chain.time += 1
        try:
            chain.receiver.check_once()
            chain.deliver()
        except Killed:
            chain.kill()
    if step == "after the mark":
        chain.kill()
    chain.time += 20
    return flag, victim if step == "after the yes" else ""


def test_killed_at_every_step_nothing_is_lost_and_repeats_are_only_those_of_the_gap(tmp_path):
    chain, rng = Chain(tmp_path), random.Random(20260105)
    rounds = [run_round(chain, rng, number) for number in range(ROUNDS)]
    for _ in range(10):
        chain.time += 1
        chain.receiver.check_once()
        chain.deliver()
    for name, accepted in chain.accepted.items():
        for flag, gap in rounds:
            times = [message for message in accepted if flag in message.text.body]
            assert len(times) == (2 if gap == name else 1), (name, flag, len(times))
            assert len({(message.id, message.text) for message in times}) == 1  # the repeat is the very same
    assert chain.rows("SELECT DISTINCT state FROM outbox WHERE message IN (SELECT message FROM incident)") == [
        ("sent",)
    ]


@pytest.mark.parametrize("version", range(len(program.MIGRATIONS)))
def test_a_kill_in_the_middle_of_an_upgrade_leaves_the_old_version_whole(tmp_path, monkeypatch, version):
    path, steps = tmp_path / "r.db", list(program.MIGRATIONS)
    monkeypatch.setattr(program, "MIGRATIONS", steps[:version])
    store = program.Store(path)
    if version:
        with store.write() as db:
            db.execute("INSERT INTO meta (key, value) VALUES ('kept', 'yes')")
    store.close()
    for after in range(steps[version].count(";")):
        torn = ";".join(steps[version].split(";")[: after + 1] + [" SELECT killed_here()"])
        monkeypatch.setattr(program, "MIGRATIONS", [*steps[:version], torn])
        with pytest.raises(program.StoreRefused):
            program.Store(path)
        with sqlite3.connect(str(path)) as db:
            assert db.execute("PRAGMA user_version").fetchone()[0] == version
    monkeypatch.setattr(program, "MIGRATIONS", steps)
    store = program.Store(path)
    with store.read() as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(steps)
        assert db.execute("SELECT count(*) FROM machine").fetchone()[0] == 0
        assert program.get_meta(db, "kept") == ("yes" if version else None)
    store.close()


def test_a_clean_stop_repeats_nothing(tmp_path):
    chain = Chain(tmp_path)
    for number in range(5):
        chain.post("strategy.error", strategy=f"s{number}", where="init", traceback="E: x")
        chain.run(7)
        chain.receiver.stop()
        chain.restart()
        chain.run(3)
    texts = [message.text for message in chain.accepted["wecom"] if "出错" in message.text.title]
    assert len(texts) == len(set(texts)) == 5
