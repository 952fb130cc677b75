"""Posts that wait share one transaction and one sync of the disk; each is answered after it, and fails alone."""

import threading
from contextlib import contextmanager, suppress

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import event, wait_until


def taking(machine, *events, now=0.0):
    return program.Post(lambda tx: program.take_batch(tx, machine, program.Batch("r", now or tx.now, 0, list(events))))


def error_event(bench, strategy):
    return event("strategy.error", bench.time, strategy=strategy, where="i", traceback="E: x")


@contextmanager
def writer_busy(bench):
    """A post that has nothing to store holds the writer."""
    over = threading.Event()

    def hold():
        with suppress(program.StoreRefused):
            bench.receiver.take(lambda tx: over.wait(60))

    holder = threading.Thread(target=hold, name="holder", daemon=True)
    holder.start()
    wait_until(lambda: bench.receiver.writing and not bench.receiver.posts, 60)
    try:
        yield
    finally:
        over.set()
        holder.join(60)


def outcomes(bench, works):
    """Every work in a thread of its own, all waiting for one turn; [result or exception]."""
    found = [None] * len(works)

    def post(number, work):
        try:
            found[number] = bench.receiver.take(work)
        except BaseException as error:  # a kill too
            found[number] = error

    threads = [threading.Thread(target=post, args=one, daemon=True) for one in enumerate(works)]
    with writer_busy(bench):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: len(bench.receiver.posts) == n + 1, 60)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return found


def stored(bench):
    """Of the strategies whose error is stored, told and not: seen by another connection, so committed."""
    events = bench.rows("SELECT json_extract(data, '$.strategy') FROM event ORDER BY rowid")
    incidents = bench.rows("SELECT name FROM incident WHERE kind = 'strategy.error' ORDER BY id")
    assert [name for (name,) in events] == [name.split("/")[0] for (name,) in incidents]
    return [name for (name,) in events]


def test_posts_that_wait_share_one_commit_and_each_has_its_answer_after_it(bench):
    said = []
    bench.receiver.store.db.set_trace_callback(said.append)
    works = [taking("mini-pc", error_event(bench, f"s{n}")).work for n in range(6)]
    found = outcomes(bench, works)
    bench.receiver.store.db.set_trace_callback(None)
    assert said.count("COMMIT") == 2  # one of the post that held the writer
    assert [len(accepted) for accepted, _ in found] == [1] * 6
    assert stored(bench) == [f"s{n}" for n in range(6)]


def test_a_machine_is_judged_once_for_all_that_it_posted(bench, monkeypatch):
    judged, judge = [], program.judge
    monkeypatch.setattr(program, "judge", lambda tx, name: judged.append(name) or judge(tx, name))
    posts = [taking(name, error_event(bench, "s")) for name in ("a", "b", "a", "a")]
    bench.receiver.take_together(posts)
    assert judged == ["a", "b"]


@pytest.mark.parametrize("error", [program.OldRefuse("no"), ZeroDivisionError(), KeyError("x")])
def test_a_post_that_fails_fails_alone_and_leaves_nothing_half(bench, error):
    def failing(tx):
        taking("mini-pc", error_event(bench, "half")).work(tx)
        raise error

    works = [taking("mini-pc", error_event(bench, name)).work for name in ("before", "behind")]
    found = outcomes(bench, [works[0], failing, works[1]])
    assert found[1] is error
    assert stored(bench) == ["before", "behind"]


def test_where_one_does_not_fit_on_the_disk_the_others_are_stored(bench):
    db = bench.receiver.store.db
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 12}")
    large = event("file", bench.time, name="f", content="x" * 200_000, source="t")
    found = outcomes(
        bench,
        [
            taking("mini-pc", error_event(bench, "before")).work,
            taking("mini-pc", large).work,
            taking("mini-pc", error_event(bench, "behind")).work,
        ],
    )
    assert isinstance(found[1], program.StoreRefused)
    assert stored(bench) == ["before", "behind"]


def test_where_the_commit_fails_nobody_gets_a_yes(bench, monkeypatch):
    whole = program.Store.write

    @contextmanager
    def torn(store):
        with whole(store) as db:
            yield db
            raise program.sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(program.Store, "write", torn)
    found = outcomes(bench, [taking("mini-pc", error_event(bench, f"s{n}")).work for n in range(3)])
    assert [type(one) for one in found] == [program.StoreRefused] * 3
    assert stored(bench) == []


@pytest.mark.parametrize("at", ["while it works", "before the commit", "while each is tried alone"])
def test_a_kill_in_the_middle_of_a_group_gives_nobody_a_yes(bench, monkeypatch, at):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    works = [taking("mini-pc", error_event(bench, f"s{n}")).work for n in range(3)]
    if at == "while it works":
        works[1] = killed
    elif at == "before the commit":
        monkeypatch.setattr(program, "judge", killed)
    else:
        rounds = [ZeroDivisionError(), Killed()]
        monkeypatch.setattr(program, "judge", lambda *_: (_ for _ in ()).throw(rounds.pop(0)))
    found = outcomes(bench, works)
    assert {type(one) for one in found} == {Killed, program.StoreRefused}
    assert stored(bench) == []


def test_a_machine_that_cannot_be_judged_does_not_hold_up_the_others(bench, monkeypatch):
    judge = program.judge

    def broken(tx, name):
        if name == "bad":
            raise ZeroDivisionError
        return judge(tx, name)

    monkeypatch.setattr(program, "judge", broken)
    posts = [taking(name, error_event(bench, name)) for name in ("one", "bad", "two")]
    bench.receiver.take_together(posts)
    assert [type(post.error) for post in posts] == [type(None), ZeroDivisionError, type(None)]
    assert stored(bench) == ["one", "two"]


def test_a_post_whose_turn_does_not_come_is_refused_and_not_stored_later(bench, monkeypatch):
    monkeypatch.setattr(program, "TURN_SECONDS", 0.05)
    with writer_busy(bench), pytest.raises(program.StoreRefused):
        bench.receiver.take(taking("mini-pc", error_event(bench, "late")).work)
    bench.receiver.take(taking("mini-pc", error_event(bench, "next")).work)
    assert stored(bench) == ["next"]


def test_a_locked_database_refuses_a_whole_group_at_once(bench, monkeypatch):
    """Not one after the other, each after its own five seconds."""
    begun, whole = [], program.Store.write

    @contextmanager
    def locked(store):
        if threading.current_thread().name == "holder":
            with whole(store) as db:
                yield db
            return
        begun.append(1)
        raise program.StoreRefused("database is locked")
        yield

    monkeypatch.setattr(program.Store, "write", locked)
    found = outcomes(bench, [taking("mini-pc").work for _ in range(4)])
    assert [type(one) for one in found] == [program.StoreRefused] * 4
    assert begun == [1]


def test_an_event_that_breaks_its_effect_takes_none_of_its_batch_with_it(bench, monkeypatch):
    def broken(tx, machine, _event):
        machine.stop_reason = "half"
        tx.db.execute("DELETE FROM event")
        raise ZeroDivisionError

    monkeypatch.setitem(program.EFFECTS, "host.resumed", broken)
    batch = [error_event(bench, "before"), event("host.resumed", bench.time), error_event(bench, "behind")]
    accepted, _ = bench.batch(*batch)
    assert len(accepted) == 3
    assert bench.rows("SELECT count(*) FROM event") == [(3,)]
    assert [kind for kind, _ in bench.incidents()] == ["strategy.error", "host.trouble", "strategy.error"]
    assert bench.rows("SELECT stop_reason FROM machine") == [("",)]


def test_an_id_that_stands_twice_in_a_post_or_was_stored_before_counts_once(bench):
    old, new = error_event(bench, "old"), error_event(bench, "new")
    bench.batch(old)
    accepted, _ = bench.batch(new, old, new)
    assert accepted == [new["id"], old["id"], new["id"]]
    assert stored(bench) == ["old", "new"]
    assert bench.rows("SELECT max(count) FROM incident") == [(1,)]


def test_posts_that_give_up_while_others_are_taken_are_refused_and_nothing_worse(bench, monkeypatch):
    """Each thread's post finds others giving up between the look at the queue and the taking out of it."""
    monkeypatch.setattr(program, "TURN_SECONDS", 0.0003)
    worse = []

    def post_many():
        for _ in range(150):
            try:
                bench.receiver.take(lambda tx: None)
            except program.StoreRefused:
                pass
            except BaseException as error:
                worse.append(error)

    threads = [threading.Thread(target=post_many, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert worse == []
    assert bench.receiver.take(lambda tx: "still taken") == "still taken"
