"""Fault test, points 5 and 6: the receiver's own outages, everybody's clocks, and the edges of days and sessions."""

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event

OUTAGE = "ℹ️ 接收端中断过"


@pytest.mark.parametrize(
    "until", ["2026-01-05 10:04:30", "2026-01-05 10:41:00", "2026-01-05 14:30:00", "2026-01-08 10:00:00"]
)
def test_clients_that_live_are_not_accused_after_an_outage_which_is_one_line(bench, until):
    bench.run(60, every=bench.alive)
    bench.time = at(until)
    bench.restart()
    bench.run(300, every=bench.alive)
    assert bench.told() == [OUTAGE]
    assert bench.incidents() == []


def test_an_outage_over_a_long_holiday_accuses_nobody_and_the_dead_are_found_with_the_right_time(tmp_path):
    bench = Bench(tmp_path, now="2026-09-30 14:00:00")
    bench.run(60, every=bench.alive)
    bench.time = at("2026-10-08 10:00:00")  # the exchange was closed from 1 to 7 October
    bench.restart()
    bench.run(300)
    assert bench.accused() == ["❗ 哨兵没有消息 · mini-pc"]
    assert "09-30 14:00 起" in bench.texts()[-1].body and bench.began() == "09-30 14:00:30"


@pytest.mark.parametrize("step", [1, -1, 4, -4, 60, -60, 3600, -3600, 86400, -86400])
def test_the_receivers_clock_may_jump_without_a_false_alarm_and_the_dead_are_still_found(bench, step):
    bench.run(120, every=bench.alive)
    bench.time += step
    if abs(step) > program.CLOCK_NOISE:  # as its own checker sees it
        bench.receiver.clock_jumped(float(step))
    bench.run(120, every=bench.alive)
    assert bench.accused() == []
    bench.run(60 if abs(step) < 86400 else 1)
    bench.jump("2026-01-05 10:20:00")
    bench.run(200, every=bench.alive)
    bench.run(200)
    assert bench.incidents() == [("host", "")]


@pytest.mark.parametrize("hours", [-9, -1, 1, 9])
def test_a_senders_clock_that_is_hours_off_changes_nothing(bench, hours):
    def alive():
        sent = bench.time + hours * 3600
        bench.batch(event("host.heartbeat", sent), event("qmt.heartbeat", sent - 1, strategy="g"), sent_at=sent)

    bench.run(400, every=alive, step=5)
    assert bench.told() == []
    bench.run(100)
    assert bench.incidents() == [("host", "")]
    assert "10:06 起" in bench.texts()[0].body and bench.began() == "10:06:30"


def test_a_pc_that_slept_is_back_without_a_flood(bench):
    bench.run(120, every=bench.alive)
    bench.run(600, step=5)
    bench.batch(event("host.resumed", bench.time, slept=600), event("host.heartbeat", bench.time))
    bench.run(120, every=bench.alive)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc", "✅ 已恢复：哨兵有消息了 · mini-pc"]


CALENDAR = "[calendar]\nready_at =\nreport_at =\n"


@pytest.mark.parametrize(
    ("moment", "second_before", "from_here"),
    [
        ("2026-01-05 09:25:00", False, True),
        ("2026-01-05 11:30:00", True, False),
        ("2026-01-05 13:00:00", False, True),
        ("2026-01-05 15:00:00", True, False),
        ("2026-01-10 09:25:00", False, False),  # a Saturday
        ("2026-10-10 09:25:00", False, False),  # a make-up Saturday: offices work, the exchange does not
        ("2026-10-08 09:25:00", False, True),
        ("2027-01-04 09:25:00", False, True),  # beyond the holiday table: every weekday counts
        ("2026-01-01 09:25:00", False, False),
    ],
)
def test_sessions_begin_and_end_on_the_second(bench, moment, second_before, from_here):
    with bench.receiver.store.read() as db:
        calendar = program.load_calendar(db, bench.config)
    assert calendar.in_session(at(moment) - 1) is second_before
    assert calendar.in_session(at(moment)) is from_here


@pytest.mark.parametrize(
    "moment", ["2026-01-05 23:59:59", "2026-01-06 00:00:00", "2025-12-31 23:59:59", "2026-01-01 00:00:00"]
)
def test_days_change_at_midnight_in_shanghai_not_in_london(moment):
    assert program.day_of(at(moment)) == moment[:10].replace("-", "")
    assert program.midnight_after(at(moment)) - at(moment) <= 86400
    assert program.day_of(program.midnight_after(at(moment))) != program.day_of(at(moment))


def test_at_night_nothing_is_expected_and_a_silent_machine_is_found_when_the_session_has_run_its_time(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 14:59:00")
    bench.run(50, every=bench.alive)
    bench.run(3600, step=60)
    bench.jump("2026-01-06 09:24:50")
    bench.run(60)
    assert bench.accused() == []
    bench.run(60)
    assert bench.accused() == ["❗ 哨兵没有消息 · mini-pc"]


def test_beyond_the_holiday_table_it_watches_and_says_so_30_days_before(bench):
    with bench.receiver.store.read() as db:
        calendar = program.load_calendar(db, bench.config)
    assert calendar.coverage_warning(at("2026-12-01 10:00:00")) == ""
    assert "calendar add" in calendar.coverage_warning(at("2026-12-05 10:00:00"))
    assert calendar.in_session(at("2027-02-08 10:00:00"))


def test_detection_is_at_most_two_seconds_after_the_deadline_and_told_five_later(bench):
    bench.alive()
    heard = bench.time
    bench.run(200)
    [(opened, sent)] = bench.rows(
        "SELECT opened, sent FROM incident JOIN outbox USING (message) WHERE incident.kind = 'host'"
    )
    assert 0 <= opened - (heard + 90) <= 2
    assert sent - opened <= 5 + 1


@pytest.mark.parametrize("times", [2, 5])
def test_a_crash_loop_is_one_line_and_nobody_else_is_accused(bench, times):
    bench.run(60, every=bench.alive)
    for _ in range(times):
        bench.time += 20
        bench.restart()
        bench.run(10, every=bench.alive)
    bench.run(60, every=bench.alive)
    assert bench.rows("SELECT title FROM message") == [("ℹ️ 接收端反复重启",)]
    assert bench.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


@pytest.mark.parametrize("back", [60, 3600])
def test_a_receiver_that_starts_with_its_clock_set_back_still_hears_that_qmt_is_gone(bench, back):
    bench.run(120, every=bench.alive)
    bench.time -= back
    bench.restart()
    bench.run(20, every=bench.alive)
    assert bench.accused() == []
    bench.run(20, every=lambda: bench.alive(qmt="missing", script=False))
    assert [title for title in bench.accused() if "QMT 不在运行" in title]


def test_a_receiver_that_starts_with_its_clock_set_back_waits_for_the_trays_as_after_any_outage(bench):
    bench.run(60, every=bench.alive)
    bench.run(25)
    bench.time -= 600
    bench.restart()
    bench.run(85)  # the trays' longest pause while nobody answered
    bench.run(60, every=bench.alive)
    assert bench.accused() == []
