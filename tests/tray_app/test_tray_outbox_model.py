"""The outbox against a model (two dicts), in any order of put, send, answer, failure and reopening."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.tray_app.helpers import Clock, heartbeat, notice, order, stored
from tray_app import events
from tray_app.outbox import Outbox


class OutboxMachine(RuleBasedStateMachine):
    """Model: `waiting` ids in order with their keys, `flying` ids whose answer is open."""

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.db"
        self.clock = Clock()
        self.waiting = {}
        self.flying = []
        self.superseded = 0
        self.known = []
        self.open()

    def open(self):
        self.outbox = Outbox(self.path, 10**7, 10**7, self.clock.wall)

    @rule(kind=st.sampled_from(["order", "notice", "a", "b"]))
    def put(self, kind):
        makers = {"order": order, "notice": notice, "a": lambda: heartbeat("a"), "b": lambda: heartbeat("b")}
        event = makers[kind]()
        key = events.replace_key(event)
        for known, old in list(self.waiting.items()):
            if key is not None and old == key and known not in self.flying:
                del self.waiting[known]
                self.superseded += 1
        self.waiting[event["id"]] = key
        self.known.append(event)
        assert self.outbox.put(event) is True

    @precondition(lambda self: any(event["id"] in self.waiting for event in self.known))
    @rule(data=st.data())
    def put_again(self, data):
        event = data.draw(st.sampled_from([event for event in self.known if event["id"] in self.waiting]))
        assert self.outbox.put(event) is False

    @rule(most=st.integers(1, 5))
    def take(self, most):
        self.back_to_waiting()
        batch = self.outbox.take(most, 10**6)
        self.flying = list(self.waiting)[:most]
        assert [row.id for row in batch] == self.flying

    @rule(data=st.data())
    def answer(self, data):
        named = data.draw(st.lists(st.sampled_from(self.flying), unique=True)) if self.flying else []
        refused = set(data.draw(st.lists(st.sampled_from(named), unique=True))) if named else set()
        self.outbox.settle([name for name in named if name not in refused], dict.fromkeys(refused, "bad"))
        for name in named:
            del self.waiting[name]
        self.flying = [name for name in self.flying if name not in named]
        self.back_to_waiting()

    @rule()
    def no_answer(self):
        self.outbox.release()
        self.back_to_waiting()

    @rule()
    def reopen(self):
        self.outbox.close()
        self.flying = []  # after a restart nothing is in flight; two of one key may wait, the newer put replaces both
        self.open()

    def back_to_waiting(self):
        order_of = list(self.waiting)
        for name in self.flying:
            key = self.waiting.get(name)
            later = order_of[order_of.index(name) + 1 :] if name in self.waiting else []
            if key is not None and any(self.waiting[other] == key for other in later):
                del self.waiting[name]
                self.superseded += 1
        self.flying = []

    @invariant()
    def file_and_model_agree(self):
        if hasattr(self, "outbox"):
            figures = self.outbox.figures()
            assert [event["id"] for event in stored(self.path)] == list(self.waiting)
            assert (figures.waiting, figures.superseded) == (len(self.waiting), self.superseded)

    def teardown(self):
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.folder.cleanup()


TestOutboxAgainstModel = OutboxMachine.TestCase
TestOutboxAgainstModel.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
