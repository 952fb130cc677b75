"""Fault test, points 13 and 14: the watch over the watch, and a month of days by an injected clock.

QMT_SENTRY_FULL=1 takes 30 days instead of 2. The 20 real minutes are part of `run.py bench receiver --full`.
"""

import os
import random

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event

FULL = bool(os.environ.get("QMT_SENTRY_FULL"))
DAYS = 30 if FULL else 2
PAUSE = 20 if FULL else 60  # seconds between two looks: what is promised in seconds is tested elsewhere
ACCOUNT = {"总资产": 100000.0, "可用金额": 40000.0, "总市值": 60000.0, "总盈亏": 1200.0}
POSITIONS = [{"代码": f"5{n:05}.SH", "股数": 100, "最新价": 1.0 + n, "市值": 100.0} for n in range(8)]


def test_days_of_trading_with_accidents_lose_nothing_and_the_file_stays_bounded(tmp_path):
    bench = Bench(tmp_path, now="2026-03-02 09:00:00", calendar="[calendar]\nready_at = 09:25\nreport_at = 15:05\n")
    rng, posted, fallen, sizes = random.Random(14), set(), 0, []
    for day in range(DAYS):
        start = at("2026-03-02 09:00:00") + day * 86400
        bench.time = start
        with bench.receiver.store.write() as db:
            program.put_meta(db, "last_alive", start)
        trading = program.shanghai(start).weekday() < 5
        falls_at = start + rng.uniform(3600, 7000)
        fallen += trading
        while bench.time < start + 6.3 * 3600:
            bench.time += PAUSE
            down = trading and falls_at <= bench.time < falls_at + 400
            beat = [event("host.heartbeat", bench.time, cpu=rng.random() * 100, disk_free=1e11)]
            beat.append(event("qmt.process", bench.time, state="missing" if down else "running", change=False, rss=1e9))
            if int(bench.time) % 60 < PAUSE:
                heart = {
                    "strategy": "grid",
                    "logged_in": True,
                    "tick_at": bench.time,
                    "accounts": [ACCOUNT],
                    "positions": POSITIONS,
                }
                beat.append(event("qmt.heartbeat", bench.time, **heart))
            accepted, rejected = bench.batch(*beat)
            assert rejected == []
            posted.update(accepted)
            bench.receiver.check_once()
            bench.deliver()
        with bench.receiver.store.write() as db:
            db.execute("SELECT 1")
        sizes.append(bench.rows("SELECT count(*) FROM event")[0][0])
    told = bench.told()
    assert sum("QMT 不在运行" in title and title.startswith("❗") for title in told) == fallen
    assert sum(title.startswith("✅ 已恢复") for title in told) == fallen
    trading_days = fallen
    assert sum("收盘小结" in title for title in told) == trading_days
    assert sum("可以交易" in title or "还没准备好" in title for title in told) == trading_days
    if DAYS > 10:
        assert max(sizes[-3:]) <= max(sizes[9:12]) * 1.2  # what is kept stops growing once the week is full


def test_a_dead_checker_and_a_dead_worker_turn_health_and_the_trays_answer(bench):
    with bench.receiver.store.read() as db:
        assert bench.receiver.alerts(db, bench.time) == {"ok": True, "why": ""}
    bench.receiver.checked_at -= program.CHECKER_DEAD + 1
    with bench.receiver.store.read() as db:
        assert bench.receiver.alerts(db, bench.time) == {"ok": False, "why": "接收端不再检查，请重启它"}
    assert bench.receiver.health()[0] is False


def test_a_bug_met_with_one_machine_blinds_the_watch_over_no_other_and_turns_health(tmp_path, monkeypatch):
    more = "[calendar]\nready_at =\nreport_at =\n[machine:another]\ntoken = another-token\n"
    bench = Bench(tmp_path, calendar=more)
    judge = program.judge

    def broken(tx, name):
        if name == "another":
            raise ZeroDivisionError
        return judge(tx, name)

    bench.alive()
    monkeypatch.setattr(program, "judge", broken)
    bench.receiver.checked_at -= program.CHECKER_DEAD + 1
    bench.run(120)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc"]
    assert bench.receiver.health()[0] is False
    bench.receiver.store.close()


def test_an_error_inside_the_checker_does_not_end_it(bench, monkeypatch):
    rounds = []

    def broken(receiver):
        rounds.append(1)
        if len(rounds) == 2:
            receiver.stop_event.set()
        raise ZeroDivisionError

    monkeypatch.setattr(program.Receiver, "check_once", broken)
    bench.receiver.run_checker()
    assert len(rounds) == 2


@pytest.mark.parametrize("kind", ["ready", "report"])
def test_each_trading_day_has_one_proof_of_life_on_every_channel(tmp_path, kind):
    bench = Bench(tmp_path, now="2026-01-09 09:24:00", calendar="[calendar]\nready_at = 09:25\nreport_at = 15:05\n")
    for day in ("2026-01-09", "2026-01-10", "2026-01-11", "2026-01-12"):
        bench.jump(day + (" 09:24:50" if kind == "ready" else " 15:04:50"))
        bench.run(30, every=bench.alive, step=5)
    assert bench.rows("SELECT count(*) FROM message WHERE kind = ?", kind) == [(2,)]
