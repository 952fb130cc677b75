"""Fault test, points 7, 8, 9 and 12: what comes together, what comes and goes, storms, and a backlog of hours."""

import uuid

from receiver import receiver as program
from tests.receiver.receiver_bench import MAIL, WECOM, Bench, at, event


def test_a_host_that_goes_down_is_exactly_one_message_that_lists_the_rest(bench):
    bench.run(120, every=bench.alive)
    bench.run(600, step=2)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc"]
    assert "QMT 进程、策略 heartbeat：未知" in bench.texts()[0].body


def test_what_was_down_before_its_host_still_gets_its_recovery_and_the_host_its_own(bench):
    bench.run(60, every=bench.alive)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    bench.run(300, step=2)
    bench.run(60, every=bench.alive)
    assert bench.told()[:2] == ["❗ QMT 不在运行 · mini-pc", "❗ 哨兵没有消息 · mini-pc"]
    recovered = "".join(bench.told()[2:])
    assert "QMT 在运行" in recovered
    assert "哨兵有消息了" in recovered
    assert bench.incidents() == []


def test_an_acknowledgement_ends_with_the_recovery_and_the_next_fall_is_told(tmp_path):
    bench = Bench(tmp_path, alerts="[alerts]\nreminders = 5")
    bench.run(30, every=bench.alive)
    for fall in (1, 2):
        bench.run(20, every=lambda: bench.alive(qmt="missing"))
        with bench.receiver.transaction() as tx:
            program.acknowledge(tx, fall)
        bench.run(1200, every=lambda: bench.alive(qmt="missing"), step=5)
        bench.run(30, every=bench.alive)
    fallen, back = "❗ QMT 不在运行 · mini-pc", "✅ 已恢复：QMT 在运行 · mini-pc"
    assert bench.told() == [fallen, back, fallen, back]


def test_a_thousand_falls_in_an_hour_are_all_recorded_and_a_handful_told(bench):
    bench.alive()
    for number in range(1000):
        bench.post("qmt.process", state="missing" if number % 2 == 0 else "running", change=True)
        if number % 100 > 90:
            bench.run(18, step=6)
        bench.time += 1.8
        bench.receiver.check_once()
        bench.deliver()
    bench.run(3700, every=bench.alive, step=20)
    assert len(bench.rows("SELECT 1 FROM incident WHERE kind = 'qmt.process'")) == 500
    assert len(bench.told()) <= 10


def test_500_posts_in_ten_seconds_are_all_stored_told_in_few_messages_and_a_grave_one_is_not_behind_them(tmp_path):
    bench = Bench(tmp_path, channels=WECOM)
    phone = bench.phones["wecom"]
    phone.pace = program.WeComRobot(bench.config.channels["wecom"]).pace
    bench.alive()
    for second in range(10):
        for number in range(5):
            posts = [
                event("strategy.notice", bench.time, strategy="g", what="fill", text=f"成交 {second}-{number}-{n}")
                for n in range(10)
            ]
            accepted, rejected = bench.batch(*posts)
            assert (len(accepted), rejected) == (10, [])
        if second == 9:
            bench.post("order.state", flag="20260105-510300-B-01", line=1, state="unknown")
        bench.time += 1
        bench.receiver.check_once()
        bench.deliver()
    bench.run(30, every=bench.alive)
    grave = next(i for i, text in enumerate(bench.texts()) if "20260105-510300-B-01" in text.body)
    assert grave <= 4
    bench.run(1500, every=bench.alive, step=5)
    assert len(bench.rows("SELECT 1 FROM event WHERE kind = 'strategy.notice'")) == 500
    assert bench.rows("SELECT count(*) FROM outbox WHERE state = 'waiting'") == [(0,)]
    told = "\n".join(text.title + text.body for text in bench.texts())
    assert [1 for s in range(10) for n in range(5) for m in range(10) if f"成交 {s}-{n}-{m}" not in told] == []
    assert len(bench.told()) < 200


def test_eight_hours_of_backlog_arrive_in_order_once_and_as_history(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 09:30:00", channels=WECOM + MAIL)
    bench.run(60, every=bench.alive)
    waiting = []
    for minute in range(0, 480, 10):
        when = at("2026-01-05 09:31:00") + minute * 60
        waiting.append(event("qmt.process", when, state="missing" if minute % 20 else "running", change=True))
        waiting.append(event("strategy.notice", when, strategy="g", what="fill", text=f"成交 {minute}"))
    waiting.append(event("qmt.process", at("2026-01-05 17:29:00"), state="running", change=True))
    bench.jump("2026-01-05 17:31:00")
    half = len(waiting) // 2
    bench.batch(*waiting[:half], waiting=half)
    bench.batch(*waiting[:half], waiting=half)  # our yes was lost on the way: posted again
    bench.batch(*waiting[half:])
    bench.run(60, every=bench.alive)
    stored = bench.rows(
        "SELECT id FROM event WHERE kind IN ('qmt.process', 'strategy.notice') AND at > ? ORDER BY rowid",
        at("2026-01-05 09:30:59"),
    )
    assert [row[0] for row in stored][: len(waiting)] == [one["id"] for one in waiting]
    assert not any("❗" in title for title in bench.told())


def test_an_event_far_in_the_past_or_the_future_is_history_not_an_alarm(bench):
    bench.alive()
    old = event("qmt.process", bench.time - 400 * 86400, state="missing", change=True)
    ahead = {
        "id": str(uuid.uuid4()),
        "seq": 1,
        "kind": "qmt.heartbeat",
        "at": bench.time + 9e7,
        "data": {"strategy": "g"},
    }
    accepted, _ = bench.batch(old, ahead)
    assert len(accepted) == 2
    bench.run(30, every=bench.alive)
    assert bench.told() == []
