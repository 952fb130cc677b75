"""QMT runs and its script beats, and yet all is not well: nobody logged in, no quotes, bad lines in its log."""

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, event


def beat(bench, **more):
    def round_():
        ticked = more.get("tick_at", bench.time - 3)
        heartbeat = {"strategy": "heartbeat", **more, "tick_at": ticked}
        running = event("qmt.process", bench.time, state="running", change=False)
        bench.batch(event("host.heartbeat", bench.time), running, event("qmt.heartbeat", bench.time, **heartbeat))

    return round_


def test_an_account_that_is_not_logged_in_for_a_minute_is_told_and_recovers(bench):
    bench.run(60, every=beat(bench, logged_in=True))
    bench.run(59, every=beat(bench, logged_in=False))
    assert bench.told() == []
    bench.run(31, every=beat(bench, logged_in=False))
    assert bench.told() == ["❗ QMT 没有登录资金账号 · mini-pc"]
    bench.run(10, every=beat(bench, logged_in=True))
    assert bench.told()[1:] == ["✅ 已恢复：QMT 已登录资金账号 · mini-pc"]


def test_a_login_lost_before_qmt_was_restarted_accuses_nobody_until_its_script_has_spoken(bench):
    """What the script said before QMT died is no news of the QMT that was started since."""
    bench.run(60, every=beat(bench, logged_in=True))
    bench.run(10, every=beat(bench, logged_in=False))
    bench.run(120, every=lambda: bench.alive(qmt="missing", script=False))
    bench.run(40, every=lambda: bench.alive(script=False))  # in real life its first heartbeat takes up to a minute
    bench.run(40, every=beat(bench, logged_in=True))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc", "✅ 已恢复：QMT 在运行 · mini-pc"]


def test_a_qmt_that_was_started_again_has_its_own_minute_to_log_in(bench):
    bench.run(10, every=beat(bench, logged_in=False))
    bench.run(120, every=lambda: bench.alive(qmt="missing", script=False))
    bench.run(40, every=beat(bench, logged_in=False))
    bench.run(40, every=beat(bench, logged_in=True))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc", "✅ 已恢复：QMT 在运行 · mini-pc"]


def test_a_login_lost_just_before_a_short_cut_accuses_nobody_during_the_cut(bench):
    """Nobody has heard of QMT since: whether its account is still logged out is not known."""
    bench.run(60, every=beat(bench, logged_in=True))
    bench.run(5, every=beat(bench, logged_in=False))
    bench.run(80)
    bench.run(40, every=beat(bench, logged_in=True))
    assert bench.told() == []


def test_an_account_that_is_logged_out_at_night_is_nobodys_business(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 20:00:00")
    bench.run(300, every=beat(bench, logged_in=False))
    assert bench.told() == []


def test_quotes_that_stop_while_the_script_beats_are_told_and_recover(bench):
    bench.run(60, every=beat(bench))
    stopped = bench.time
    bench.run(100, every=beat(bench, tick_at=stopped))
    assert bench.told() == []
    bench.run(80, every=beat(bench, tick_at=stopped))
    assert bench.told() == ["❗ 行情停了 · mini-pc"]
    assert "10:01 起" in bench.texts()[0].body and bench.began() == "10:01:00"
    bench.run(10, every=beat(bench))
    assert bench.told()[1:] == ["✅ 已恢复：行情恢复了 · mini-pc"]


@pytest.mark.parametrize("start", ["2026-01-05 09:25:10", "2026-01-05 13:00:00", "2026-01-05 14:56:30"])
def test_hours_without_quotes_accuse_nobody(tmp_path, start):
    bench = Bench(tmp_path, now="2026-01-05 09:25:00")
    bench.run(5, every=beat(bench))
    bench.jump(start)
    bench.run(5, every=beat(bench, tick_at=bench.time - 60))
    bench.run(115, every=beat(bench, tick_at=bench.time - 60))
    assert bench.told() == []


def test_quotes_that_were_never_fresh_today_accuse_nobody(bench):
    bench.run(300, every=beat(bench, tick_at=bench.time - 86400))
    assert bench.told() == []


def log_line(bench, pattern, line="一行日志", count=1, **more):
    bench.post("qmt.log", file="XtClient.log", pattern=pattern, line=line, count=count, **more)


def test_lines_of_one_pattern_in_qmts_log_are_one_incident_with_their_count(bench):
    for _ in range(4):
        log_line(bench, "断开", "行情服务器连接断开", count=5)
        bench.run(200, every=bench.alive, step=2)
    log_line(bench, "拒绝", "柜台拒绝")
    bench.run(10, every=bench.alive)
    assert bench.told() == ["❗ QMT 连接断开 · mini-pc", "❗ QMT 日志：拒绝 · mini-pc"]
    assert "行情服务器连接断开" in bench.texts()[0].body and "怎么办：" in bench.texts()[0].body
    assert bench.rows("SELECT name, count FROM incident") == [("断开", 20), ("拒绝", 1)]
    bench.run(1900, every=bench.alive, step=10)
    assert bench.incidents() == []


@pytest.mark.parametrize("pattern, grave", [("登录失败", 2), ("断开", 1), ("Traceback", 1), ("something", 1)])
def test_a_failed_login_in_the_log_is_grave_and_the_rest_is_not(bench, pattern, grave):
    log_line(bench, pattern)
    assert bench.rows("SELECT priority FROM incident") == [(grave,)]


def test_simulation_mode_lasts_until_the_log_says_trading_mode(bench):
    log_line(bench, "start simulation mode", lasting=True)
    bench.run(30, every=bench.alive)
    assert bench.incidents() == [("qmt.log", "start simulation mode")]
    log_line(bench, "start simulation mode", "start trading mode", lasting=True, over=True)
    bench.run(10, every=bench.alive)
    assert bench.incidents() == []
    assert bench.told() == [
        "❗ QMT 的策略转为模拟 · mini-pc",
        "✅ 已恢复：QMT 的策略转为模拟，已结束 · mini-pc",
    ]


def test_what_lasts_is_told_after_a_pause_and_what_does_not_is_not(bench):
    bench.batch(event("host.paused", bench.time, until=bench.time + 300))
    log_line(bench, "start simulation mode", lasting=True)
    log_line(bench, "断开")
    bench.run(290, every=bench.alive, step=5)
    assert [title for title in bench.told() if "连接断开" in title or "转为模拟" in title] == []
    bench.run(30, every=bench.alive)
    assert [title for title in bench.told() if "连接断开" in title or "转为模拟" in title] == [
        "❗ QMT 的策略转为模拟 · mini-pc"
    ]


def test_while_the_pc_starts_qmt_is_waited_for(bench):
    bench.batch(event("host.started", bench.time, reason="boot"), event("host.heartbeat", bench.time))
    bench.alive(qmt="missing", script=False)
    with bench.receiver.store.read() as db:
        data = program.status_data(bench.receiver, db, bench.time)
    lamps = {one["kind"]: one["word"] for one in data["machines"][0]["lamps"]}
    assert lamps["qmt.process"] == "等待启动"
    assert data["overall"]["word"] == "等待启动" and "QMT" in data["overall"]["text"]


def test_all_is_well_is_said_only_of_those_that_were_heard(bench):
    bench.batch(event("host.heartbeat", bench.time))
    bench.receiver.check_once()
    with bench.receiver.store.read() as db:
        first = program.status_data(bench.receiver, db, bench.time)["overall"]
    bench.alive()
    with bench.receiver.store.read() as db:
        second = program.status_data(bench.receiver, db, bench.time)["overall"]
    assert (first["state"], first["text"]) == (program.NEW, "QMT 进程还没有消息")
    assert (second["state"], second["text"]) == (program.UP, "小主机、QMT、策略都有消息")


def test_only_the_run_id_proves_that_the_program_never_stopped(bench):
    bench.run(60, every=bench.alive)
    bench.run(200)
    # The PC has started anew with its clock an hour behind, which was set before the post.
    bench.batch(
        event("host.started", bench.time - 3600, reason="boot"), event("host.heartbeat", bench.time), run="run-2"
    )
    bench.run(5)
    assert "重新开过机" in bench.texts()[-1].body


def test_after_an_outage_of_our_own_the_network_is_not_blamed(bench):
    bench.run(60, every=bench.alive)
    bench.time += 100
    bench.run(120)
    bench.run(5, every=bench.alive)
    assert "接收端自己也中断过" in bench.texts()[-1].body


def test_an_acknowledged_error_that_goes_on_stays_quiet(bench):
    for _ in range(4):
        bench.post("strategy.error", strategy="g", where="h", traceback="ValueError: x")
        bench.run(60, every=bench.alive)
        with bench.receiver.transaction() as tx:
            program.acknowledge(tx, 1)
    assert len(bench.told()) == 1
    bench.run(1900, every=bench.alive, step=5)
    assert bench.incidents() == []


@pytest.mark.parametrize("word", ["host.paused", "host.heartbeat"])
def test_a_pause_that_ends_early_ends_for_what_it_kept_back_too(bench, word):
    bench.batch(event("host.paused", bench.time, until=bench.time + 4 * 3600))
    log_line(bench, "start simulation mode", lasting=True)
    bench.run(60, every=lambda: bench.alive(paused_until=bench.time + 3600))
    over = {"until": None} if word == "host.paused" else {"paused_until": None}
    bench.batch(event(word, bench.time, **over))
    bench.run(60, every=bench.alive)
    assert [title for title in bench.told() if "连接断开" in title or "转为模拟" in title] == [
        "❗ QMT 的策略转为模拟 · mini-pc"
    ]


def test_what_lasts_without_an_end_closes_quietly_a_day_after_the_owner_knows(bench):
    log_line(bench, "start simulation mode", lasting=True)
    bench.run(60, every=bench.alive)
    with bench.receiver.transaction() as tx:
        program.acknowledge(tx, 1)
    bench.jump("2026-01-06 09:50:00")
    bench.receiver.check_once()
    assert ("qmt.log", "start simulation mode") in bench.incidents()
    bench.jump("2026-01-06 10:10:00")
    bench.receiver.check_once()
    assert ("qmt.log", "start simulation mode") not in bench.incidents()
    assert [title for title in bench.told() if "结束" in title] == []
    log_line(bench, "start simulation mode", lasting=True)
    bench.run(60, every=bench.alive)
    assert bench.told().count("❗ QMT 的策略转为模拟 · mini-pc") == 2
