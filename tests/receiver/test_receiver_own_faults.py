"""The receiver's own outages, clocks and pauses must neither accuse the innocent nor excuse the dead."""

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event


def test_its_own_outage_of_70_seconds_accuses_nobody(bench):
    bench.run(90, every=bench.alive)
    bench.time += 70
    bench.restart()
    bench.run(60)
    bench.run(30, every=bench.alive)
    assert bench.accused() == []


def test_a_database_that_refused_for_5_minutes_accuses_nobody(bench):
    bench.run(90, every=bench.alive)
    bench.time += 300
    bench.receiver.check_once()
    bench.run(50)
    bench.run(30, every=bench.alive)
    assert bench.accused() == []


def test_a_post_that_comes_before_the_first_check_after_an_outage_accuses_nobody(bench):
    bench.run(90, every=bench.alive)
    bench.time += 300
    bench.batch(event("host.heartbeat", bench.time))
    bench.run(60)
    assert bench.accused() == []


def test_after_its_own_outage_who_stays_silent_is_accused(bench):
    bench.run(90, every=bench.alive)
    bench.time += 300
    bench.run(110)
    assert bench.accused() == ["❗ 哨兵没有消息 · mini-pc"]


def test_explicit_bad_news_is_told_at_once_after_an_outage(bench):
    bench.run(90, every=bench.alive)
    bench.time += 300
    bench.restart()
    bench.alive(qmt="missing")
    bench.run(7)
    assert bench.accused() == ["❗ QMT 不在运行 · mini-pc"]


def test_a_clock_set_back_while_settling_does_not_end_the_watch(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 09:00:00")
    bench.run(60, every=bench.alive)
    real = at("2026-01-05 09:20:00")
    bench.time = real + 8 * 3600  # the VPS started with its clock 8 h ahead
    bench.restart()
    bench.time = real + 5
    bench.receiver.clock_jumped(-8 * 3600.0)
    bench.run(400, every=bench.alive, step=5)
    bench.run(120)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_goodbye_moves_along_with_the_clock(bench):
    bench.alive()
    bench.post("host.stopping", reason="menu")
    bench.time -= 7200
    bench.receiver.clock_jumped(-7200.0)
    bench.alive()
    assert bench.rows("SELECT stopped FROM machine") == [(None,)]


def test_a_queue_that_never_empties_does_not_switch_off_the_watch_over_scripts(bench):
    bench.run(60, every=bench.alive)

    def never_empty():
        running = event("qmt.process", bench.time, state="running")
        bench.batch(event("host.heartbeat", bench.time), running, waiting=5)

    bench.run(580, every=never_empty, step=2)
    assert bench.told() == []
    bench.run(60, every=never_empty)
    assert bench.told() == ["❗ 策略没有心跳：heartbeat · mini-pc"]


def test_nobody_is_accused_in_the_second_a_pause_ends(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 14:10:00")
    bench.alive()
    until = at("2026-01-06 09:25:00")
    bench.post("host.paused", until=until)
    bench.run(20)
    bench.jump("2026-01-06 09:24:00")

    def beat():
        bench.alive(script=False, paused_until=until if bench.time < until else None)

    bench.run(230, every=beat)
    assert bench.told() == ["ℹ️ 已暂停监视到 01-06 09:25 · mini-pc"]
    bench.run(60, every=beat)
    assert bench.told()[1:] == ["❗ 策略没有心跳：heartbeat · mini-pc"]


def test_a_host_that_is_silent_when_its_pause_ends_has_its_interval_too(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 14:10:00")
    bench.alive()
    bench.post("host.paused", until=at("2026-01-06 09:25:00"))
    bench.run(20)
    bench.jump("2026-01-06 09:24:50")
    bench.run(90)
    assert len(bench.told()) == 1
    bench.run(20)
    assert bench.told()[1:] == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_qmt_closed_after_the_last_session_is_missed_only_when_it_is_expected_again(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 15:00:30")
    bench.run(210, every=bench.alive)
    bench.post("qmt.process", state="missing", change=True)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    bench.jump("2026-01-06 08:59:00")
    bench.run(120, every=lambda: bench.alive(qmt="missing"))
    assert bench.told() == []
    bench.jump("2026-01-06 09:24:55")
    bench.run(30, every=lambda: bench.alive(qmt="missing"))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]


def test_a_qmt_that_died_in_the_session_is_reminded_of_only_when_it_is_expected(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 14:58:00")
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    bench.jump("2026-01-06 08:59:30")
    bench.run(120, every=lambda: bench.alive(qmt="missing"))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]
    bench.jump("2026-01-06 09:24:50")
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    assert bench.told()[1:] == ["⏰ 仍未恢复：QMT 不在运行 · mini-pc"]


def test_a_huge_count_of_waiting_rows_is_clamped(bench):
    body = b'{"machine":"mini-pc","run":"r","sent_at":1,"waiting":%d,"events":[]}' % 2**70
    assert 0 < program.read_batch(body, "mini-pc").waiting < 2**62


def test_a_clock_that_jumps_ahead_while_a_post_comes_does_not_settle_for_ever(bench):
    bench.run(60, every=bench.alive)
    bench.time += 86400
    bench.alive()  # before the checker has noticed the jump
    bench.receiver.clock_jumped(86400.0)
    assert bench.receiver.settling_until <= bench.time + program.SETTLE_LEAST
