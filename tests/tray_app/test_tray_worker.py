"""Workers under watch: one that hangs, one that dies, one that fails; and what an abandoned one may still do."""

import contextlib
import threading

import pytest

from tests.tray_app.helpers import Clock
from tray_app import events
from tray_app.outbox import OutboxError
from tray_app.worker import Abandoned, Board, Lease, Watchdog, Worker

WAIT = 30  # seconds at most; every wait here is for an event


class Part:
    """Counts its rounds; does what `act` says."""

    def __init__(self, lease, act):
        self.lease = lease
        self.act = act
        self.closed = threading.Event()

    def round(self, now):
        return self.act(self)

    def close(self):
        self.closed.set()


class Bench:
    """A worker with a stopped clock, its parts and what the watchdog told."""

    def __init__(self, outbox, acts):
        self.clock = Clock()
        self.parts = []
        self.told = []
        self._acts = list(acts)

        def make(lease):
            act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
            self.parts.append(Part(lease, act))
            return self.parts[-1]

        clocks = {"wall": self.clock.wall, "mono": self.clock.mono}
        self.worker = Worker("spool", make, 0.01, lambda: Lease(outbox, Board()), **clocks)
        self.watchdog = Watchdog([self.worker], self.told.append, self.clock.wall, self.clock.mono)
        self.worker.start()

    def pass_time(self, seconds):
        """As the real ticks do: never a gap that looks like sleep."""
        restarted = []
        for _ in range(int(seconds)):
            self.clock.advance(1)
            restarted += self.watchdog.look()
        return restarted


@pytest.fixture
def bench(outbox):
    made = []

    def build(*acts):
        made.append(Bench(outbox, acts))
        return made[-1]

    yield build
    for found in made:
        found.worker.stop(WAIT)


def fine(part):
    pass


class Hang:
    def __init__(self):
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.outcome = []
        self.ended = threading.Event()

    def __call__(self, part):
        self.entered.set()
        self.let_go.wait(WAIT)
        try:
            part.lease.put(events.make("strategy.notice", {}, 1767578400.0))
            self.outcome.append("wrote")
        except Abandoned:
            self.outcome.append("abandoned")
            raise
        finally:
            self.ended.set()


def test_a_worker_that_works_is_left_alone(bench):
    found = bench(fine)
    for _ in range(20):
        assert found.worker.wait_round(found.worker.rounds, WAIT)
        assert found.pass_time(1) == []
    assert found.told == []


def test_a_hung_worker_is_replaced_counted_and_told(bench):
    hang = Hang()
    found = bench(hang, fine)
    assert hang.entered.wait(WAIT)
    assert found.pass_time(10) == []
    assert found.pass_time(1) == ["spool"]
    assert found.worker.wait_round(0, WAIT)  # the new one works
    assert found.watchdog.restarts() == {"spool": 1}
    assert [event["data"]["code"] for event in found.told] == ["worker-restarted"]
    hang.let_go.set()


def test_the_thread_left_behind_can_write_nothing(bench, outbox):
    hang = Hang()
    found = bench(hang, fine)
    assert hang.entered.wait(WAIT)
    found.pass_time(11)
    hang.let_go.set()
    assert hang.ended.wait(WAIT)
    assert hang.outcome == ["abandoned"]
    assert outbox.figures().waiting == 0
    assert found.parts[0].closed.wait(WAIT)


def test_a_right_revoked_while_the_write_waits_for_its_turn_stores_nothing(outbox, monkeypatch):
    lease = Lease(outbox, Board())
    begin = outbox._transaction

    @contextlib.contextmanager
    def another_writes_first():
        lease.revoke()
        with begin() as db:
            yield db

    monkeypatch.setattr(outbox, "_transaction", another_writes_first)
    with pytest.raises(Abandoned):
        lease.put(events.make("host.stats", {}, 1.0))
    monkeypatch.undo()
    assert outbox.figures().waiting == 0


def test_the_rounds_of_a_thread_left_behind_do_not_count(bench):
    entered, let_go, block = threading.Event(), threading.Event(), Hang()

    def slow(part):
        entered.set()
        let_go.wait(WAIT)  # and then ends well, only too late

    found = bench(slow, block)
    assert entered.wait(WAIT)
    left_behind = found.worker._thread
    found.pass_time(11)
    assert block.entered.wait(WAIT)
    let_go.set()
    left_behind.join(WAIT)
    assert found.worker.rounds == 0
    block.let_go.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_replaced_at_once(bench):
    def die(part):
        raise SystemExit

    found = bench(die, fine)
    found.worker._thread.join(WAIT)
    assert found.pass_time(1) == ["spool"]
    assert found.worker.wait_round(0, WAIT)


def test_a_part_that_always_fails_counts_as_stuck(bench):
    failed = threading.Event()

    def fail(part):
        failed.set()
        raise RuntimeError("again")

    found = bench(fail, fine)
    assert failed.wait(WAIT)
    assert found.pass_time(11) == ["spool"]


def test_an_outbox_that_refuses_is_not_the_workers_fault(bench):
    def refuse(part):
        raise OutboxError("full")

    found = bench(refuse)
    assert found.worker.wait_round(3, WAIT)


def test_a_worker_that_never_recovers_is_restarted_at_growing_distances(bench):
    hangs = [Hang() for _ in range(8)]
    found = bench(*hangs)
    assert hangs[0].entered.wait(WAIT)
    count = len(found.pass_time(300))
    assert 3 <= count <= 5
    for hang in hangs:
        hang.let_go.set()


def test_after_a_gap_of_the_watchdog_itself_nobody_is_accused(bench):
    hang = Hang()
    found = bench(hang)
    assert hang.entered.wait(WAIT)
    found.clock.advance(3600)  # the machine slept
    assert found.watchdog.look() == []
    assert found.worker.age() == 0
    hang.let_go.set()


def test_the_owner_can_have_the_stuck_ones_restarted_now(bench):
    hang = Hang()
    found = bench(hang, fine)
    assert hang.entered.wait(WAIT)
    assert found.watchdog.restart_dead() == []
    found.clock.advance(11)
    assert found.watchdog.restart_dead() == ["spool"]
    hang.let_go.set()


def test_hurry_makes_the_next_round_come_now(bench):
    found = bench(fine)
    found.worker._every = WAIT * 10
    assert found.worker.wait_round(0, WAIT)
    before = found.worker.rounds
    found.worker.hurry()
    assert found.worker.wait_round(before, WAIT)


def test_a_part_with_more_to_do_goes_on_at_once_and_every_piece_counts_as_a_round(bench):
    backlog = list(range(5))

    def one_piece(part):
        if backlog:
            backlog.pop()
        return bool(backlog)

    found = bench(one_piece)
    found.worker._every = WAIT * 10
    assert found.worker.wait_round(4, WAIT)
    assert backlog == []


def test_stop_ends_the_thread_and_closes_the_part(bench):
    found = bench(fine)
    assert found.worker.wait_round(0, WAIT)
    found.worker.stop(WAIT)
    assert found.parts[0].closed.is_set()
    assert found.parts[0].lease.revoked


def test_the_limit_is_three_rounds_but_not_below_ten_seconds(outbox):
    def limit(every):
        return Worker("x", lambda lease: None, every, lambda: Lease(outbox, Board())).limit

    assert (limit(0.25), limit(2), limit(30)) == (10, 10, 90)
