"""A clock that is set, found wrong or followed: over kills and restarts nothing moves twice, no outage is made up."""

import sqlite3
from contextlib import contextmanager

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event

OUTAGE = "ℹ️ 接收端中断过"
UNSURE = "中断了多久不清楚"


class Killed(BaseException):
    """kill -9."""


def chain(bench, real):
    """A round of a mini PC whose clock, like the exchange's, shows `real`."""
    script = event("qmt.heartbeat", real, strategy="grid", tick_at=real - 1, logged_in=True)
    running = event("qmt.process", real, state="running", change=False)
    bench.batch(event("host.heartbeat", real), running, script, sent_at=real)


def outages(bench):
    """The texts of its own outages."""
    return [body for (body,) in bench.rows("SELECT body FROM message WHERE title = ?", OUTAGE)]


def reboot(bench, away=0.0, clock=0.0):
    """The server is off for `away` seconds and comes up with its clock put on by `clock` seconds."""
    bench.time += away
    bench.set_clock(clock)
    bench.boot = "two"
    bench.restart()


def kill_at_commit(receiver, number, when):
    """kill -9 just before or just after the commit of the `number`th transaction from here on."""
    write, count = receiver.store.write, [0]

    @contextmanager
    def killing():
        count[0] += 1
        mine = count[0] == number
        with write() as db:
            yield db
            if mine and when == "before":
                raise Killed
        if mine:
            raise Killed

    receiver.store.write = killing


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("off", [3600.0, -3600.0])
def test_a_kill_while_it_begins_to_follow_another_clock_moves_no_time_twice(bench, off, number, when):
    bench.alive()
    bench.post("host.paused", until=bench.time + 7200)
    bench.time += 1
    kill_at_commit(bench.receiver, number, when)
    with pytest.raises(Killed):
        bench.receiver.follow_clock(off)
        bench.receiver.check_once()
    bench.restart()
    now = bench.receiver.now()
    [(heard, paused)] = bench.rows("SELECT heard, paused_until FROM machine")
    assert (now - heard, paused - now) == (1.0, 7199.0)
    assert bench.receiver.correction == (0.0 if (number, when) == (1, "before") else off)


class Refusing:
    """A connection whose disk is full when it comes to the commit."""

    def __init__(self, db):
        self.db = db

    def execute(self, statement, *values):
        if statement == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self.db.execute(statement, *values)

    def __getattr__(self, name):
        return getattr(self.db, name)


def test_a_clock_that_could_not_be_written_down_is_not_followed(bench):
    bench.alive()
    store, real = bench.receiver.store, bench.receiver.store.db
    before = (bench.receiver.correction, bench.receiver.settling_until)
    store.db = Refusing(real)
    with pytest.raises(program.StoreRefused):
        bench.receiver.follow_clock(-3600.0)
    store.db = real
    assert (bench.receiver.correction, bench.receiver.settling_until) == before
    bench.run(5)
    assert bench.rows("SELECT heard FROM machine") == [(bench.time - 5,)]


@pytest.mark.parametrize("delta", [3600, -3600, 86400])
@pytest.mark.parametrize(("away", "told"), [(20, []), (600, ["10 分"])])
def test_a_clock_set_while_it_was_off_is_no_part_of_the_outage(bench, delta, away, told):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    bench.time += away
    bench.set_clock(delta)
    bench.restart()
    bench.run(120, every=bench.alive)
    bodies = outages(bench)
    assert len(bodies) == len(told) and all(span in body for span, body in zip(told, bodies))
    assert bench.accused() == []


def test_the_dead_are_found_in_time_after_the_clock_was_set_while_it_was_off(bench):
    bench.boot = "one"
    bench.run(30, every=bench.alive)
    bench.time += 20
    bench.set_clock(3600)
    bench.restart()
    bench.run(100)
    assert bench.accused() == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_reboot_with_a_clock_that_nobody_doubts_names_the_outage_by_the_clock(bench):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    reboot(bench, 600)
    assert ["10:01 – 10:11（10 分）" in body for body in outages(bench)] == [True]


def test_a_reboot_with_a_clock_that_was_found_wrong_names_no_length(bench):
    bench.boot = "one"
    for _ in range(30):
        chain(bench, bench.time + 1200)
        bench.run(1)
    assert [kind for kind, _ in bench.incidents()] == ["clock"]
    reboot(bench, 40, clock=1200)
    assert [UNSURE in body for body in outages(bench)] == [True]


def test_a_reboot_with_a_clock_that_only_the_pc_contradicts_names_no_length(bench):
    bench.boot = "one"
    bench.batch(event("host.heartbeat", bench.time + 3600), sent_at=bench.time + 3600)
    reboot(bench, 40, clock=3600)
    assert [UNSURE in body for body in outages(bench)] == [True]
    assert "这台服务器的时钟可能不准或调过" in outages(bench)[0]  # or it is the PC's


def test_a_reboot_after_its_clock_was_called_right_again_names_the_outage(bench):
    bench.boot = "one"
    bench.receiver.follow_clock(1200.0)
    bench.receiver.follow_clock(-1180.0)  # set right by hand, to some seconds: told as right again
    assert bench.incidents() == [] and bench.receiver.correction == 20.0
    reboot(bench, 600)
    assert ["（10 分）" in body for body in outages(bench)] == [True]


def test_a_pc_that_was_given_up_long_ago_contradicts_no_clock(bench):
    bench.boot = "one"
    bench.batch(event("host.heartbeat", bench.time + 3600), sent_at=bench.time + 3600)
    bench.jump("2026-01-09 10:00:00")
    reboot(bench, 600)
    assert ["10:00 – 10:10（10 分）" in body for body in outages(bench)] == [True]


def test_a_reboot_with_its_clock_behind_names_no_length_and_only_once(bench):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    reboot(bench, clock=-3600)
    bench.run(60, every=bench.alive)
    assert [UNSURE in body for body in outages(bench)] == [True]
    bench.restart()
    bench.time += 300  # the database refuses
    bench.run(60, every=bench.alive)
    assert [UNSURE in body for body in outages(bench)] == [True, False]


def test_a_post_between_the_jump_of_the_clock_and_its_notice_makes_no_outage(bench):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    bench.set_clock(3600)
    bench.alive()
    bench.receiver.clock_jumped(3600.0)
    bench.run(60, every=bench.alive)
    assert outages(bench) == [] and bench.told() == []


def test_a_mark_left_by_an_older_program_is_not_counted_from(bench):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    bench.time += 7200
    with bench.receiver.store.write() as db:
        program.put_meta(db, "last_alive", bench.time)  # as the version before did, for two hours
    bench.time += 20
    bench.restart()
    bench.run(60, every=bench.alive)
    assert bench.told() == []
    assert bench.rows("SELECT heard > ? FROM machine", bench.time - 60) == [(1,)]


def test_a_count_that_began_anew_under_the_same_name_is_not_counted_from(bench):
    bench.boot = "one"
    bench.run(60, every=bench.alive)
    bench.time += 600
    bench.clock_was_set = bench.time - 5  # a container with a count of its own, but with the host's name of the boot
    bench.restart()
    assert ["10:01 – 10:11（10 分）" in body for body in outages(bench)] == [True]
    assert bench.rows("SELECT heard FROM machine") == [(bench.time - 630,)]


def test_this_machine_counts_since_its_boot_and_no_start_changes_its_name():
    name, up = program.boot_clock()
    again, later = program.boot_clock()
    assert name == again and later >= up


def test_a_container_with_a_count_of_its_own_is_another_boot(monkeypatch):
    outside, _ = program.boot_clock()
    monkeypatch.setattr(program.os, "readlink", lambda path: "time:[1]")
    inside, _ = program.boot_clock()
    monkeypatch.setattr(program.os, "readlink", lambda path: "time:[2]")
    assert len({outside, inside, program.boot_clock()[0]}) == 3 or outside == ""  # none where the clock is shifted


def test_an_outage_over_midnight_names_both_days(tmp_path):
    bench = Bench(tmp_path, now="2026-12-31 23:50:00")
    bench.boot = "one"
    bench.run(15, every=bench.alive)
    bench.time = at("2027-01-01 00:10:00")
    bench.restart()
    assert ["2026-12-31 23:50 – 00:10" in body for body in outages(bench)] == [True]
    bench.receiver.store.close()
