"""Who is accused when, in how many messages, and when it is over. The clock is set by hand."""

import re

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench, at, event


def test_a_killed_qmt_is_told_once_with_what_since_and_what_to_do(bench):
    bench.run(60, every=bench.alive)
    bench.post("qmt.process", state="missing", name="XtItClient.exe", change=True, last_ok=bench.time - 2)
    bench.run(4)
    assert bench.told() == []  # waits for companions
    bench.run(60, every=lambda: bench.alive(qmt="missing", script=False))
    (text,) = bench.texts()
    assert text.title == "❗ QMT 不在运行 · mini-pc"
    assert text.body.splitlines() == [
        "怎么办：远程登录小主机，打开 QMT 并登录。",
        "10:01 起，XtItClient.exe 不见了。",
    ]
    assert bench.began() == "10:01:00"
    assert text.tail == "http://127.0.0.1:8780 #1"


def test_when_qmt_was_last_well_is_said_where_that_is_another_minute(bench):
    bench.run(60, every=bench.alive)
    bench.time += 240  # the tray could not look, and has nothing to say about that time
    bench.post("qmt.process", state="missing", name="XtItClient.exe", change=True)
    bench.run(10, every=lambda: bench.alive(qmt="missing", script=False))
    assert "10:05 起，XtItClient.exe 不见了（最后正常 10:00）。" in bench.texts()[0].body


def test_the_alert_is_stored_with_the_post_that_brought_it(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    assert bench.rows("SELECT state, channel FROM outbox") == [("waiting", "wecom")]


def test_a_recovery_says_how_long_it_took(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(192, every=lambda: bench.alive(qmt="missing"))
    bench.post("qmt.process", state="running", change=True)
    bench.run(2)
    title, body, tail = bench.texts()[-1]
    assert title == "✅ 已恢复：QMT 在运行 · mini-pc"
    assert body == "历时 3 分 12 秒（10:00 – 10:03）"
    assert tail.endswith("#1")
    assert bench.incidents() == []


def test_what_is_over_before_its_first_message_is_recorded_but_not_told(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(3)
    bench.post("qmt.process", state="running", change=True)
    bench.run(60, every=bench.alive)
    assert bench.told() == []
    assert bench.incidents(still_open=False) == [("qmt.process", "")]


def test_companions_of_one_machine_share_a_message(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(2)
    bench.post("order.state", flag="20260105-510300-B-01", line=3, state="rejected", reason="可用资金不足")
    bench.run(20, every=lambda: bench.alive(qmt="missing"))
    (text,) = bench.texts()
    assert text.title == "❗ QMT 不在运行、委托被拒 · mini-pc"
    assert "可用资金不足" in text.body
    assert text.tail.endswith("#1 #2")


def test_a_restarted_qmt_resolves_the_missing_one(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(10)
    bench.post("qmt.process", state="restarted", change=True)
    bench.run(10)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc", "✅ 已恢复：QMT 在运行 · mini-pc"]


def test_a_restart_that_nobody_saw_is_one_notice(bench):
    bench.alive()
    bench.post("qmt.process", state="restarted", change=True)
    bench.post("qmt.process", state="restarted", change=False)  # the periodic repeat, with a host.heartbeat
    bench.run(60, every=bench.alive)
    assert bench.told() == ["ℹ️ QMT 重新启动过 · mini-pc"]
    assert "".join(text.body for text in bench.texts()).count("重新启动过，") == 1
    assert bench.incidents() == []


def test_a_silent_script_is_told_while_qmt_lives(bench):
    bench.run(60, every=bench.alive)
    bench.run(200, every=lambda: bench.alive(script=False))
    (text,) = bench.texts()
    assert text.title == "❗ 策略没有心跳：heartbeat · mini-pc"
    assert "QMT 还在运行" in text.body
    assert "10:00 起" in text.body and bench.began() == "10:00:30"
    bench.run(40, every=bench.alive)
    assert bench.told()[-1] == "✅ 已恢复：策略 heartbeat 有心跳了 · mini-pc"


def test_a_missing_qmt_stands_for_its_silent_script(bench):
    bench.run(60, every=bench.alive)
    bench.run(400, every=lambda: bench.alive(qmt="missing", script=False))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]


def test_the_script_has_its_own_grace_after_qmt_is_back(bench):
    bench.run(60, every=bench.alive)
    bench.run(400, every=lambda: bench.alive(qmt="missing", script=False))
    bench.run(170, every=lambda: bench.alive(script=False))
    assert bench.told()[1:] == ["✅ 已恢复：QMT 在运行 · mini-pc"]
    bench.run(60, every=lambda: bench.alive(script=False))
    assert bench.told()[2:] == ["❗ 策略没有心跳：heartbeat · mini-pc"]


def test_a_silent_host_is_one_message_that_lists_the_rest_as_unknown(bench):
    bench.run(60, every=bench.alive)
    bench.run(600)
    (text,) = bench.texts()
    assert text.title == "❗ 哨兵没有消息 · mini-pc"
    assert "QMT 进程、策略 heartbeat：未知" in text.body
    assert "关机" not in text.body
    assert bench.incidents() == [("host", "")]


def test_host_back_but_qmt_not_is_a_new_accusation_after_its_own_grace(bench):
    bench.run(60, every=bench.alive)
    bench.run(300)
    bench.batch(event("host.started", bench.time, reason="boot"), event("host.heartbeat", bench.time))
    bench.run(100, every=lambda: bench.alive(qmt="missing", script=False))
    assert bench.told()[1:] == ["✅ 已恢复：哨兵有消息了 · mini-pc"]
    bench.run(60, every=lambda: bench.alive(qmt="missing", script=False))
    assert bench.told()[2:] == ["❗ QMT 不在运行 · mini-pc"]


@pytest.mark.parametrize("reason, words", [("crash", "异常退出"), ("boot", "重新开过机"), ("clean", "正常退出")])
def test_the_hosts_recovery_says_what_became_of_the_program(bench, reason, words):
    bench.run(60, every=bench.alive)
    bench.run(120)
    bench.batch(event("host.started", bench.time, reason=reason), event("host.heartbeat", bench.time))
    bench.run(5)
    assert words in bench.texts()[-1].body


def test_a_cut_line_is_not_called_a_restart(bench):
    bench.run(60, every=bench.alive)
    bench.run(120)
    bench.run(5, every=bench.alive)
    assert "断的是网络" in bench.texts()[-1].body


def test_qmt_going_down_before_the_host_still_gets_its_recovery(bench):
    bench.run(60, every=bench.alive)
    bench.post("qmt.process", state="missing", change=True)
    bench.run(300)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc", "❗ 哨兵没有消息 · mini-pc"]
    bench.run(40, every=bench.alive)
    assert bench.told()[2:] == ["✅ 已恢复：QMT 在运行、哨兵有消息了 · mini-pc"]


def test_a_clean_stop_in_a_session_is_told_at_once_and_only_once(bench):
    bench.alive()
    bench.post("host.stopping", reason="menu")
    bench.run(300)
    assert bench.told() == ["❗ 哨兵已退出 · mini-pc"]
    bench.batch(event("host.started", bench.time, reason="clean"))
    bench.run(5)
    assert len(bench.told()) == 2


def test_a_stop_after_the_close_is_silent_until_the_next_session(bench):
    bench.jump("2026-01-05 15:05:00")
    bench.alive()
    bench.post("host.stopping", reason="shutdown-task")
    bench.run(300)
    bench.jump("2026-01-06 09:25:00")
    bench.run(88)
    assert bench.told() == []
    bench.run(10)
    assert bench.told() == ["❗ 哨兵已退出 · mini-pc"] or bench.told() == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_backlog_accuses_nobody(bench):
    """Cut for 10 minutes in which QMT was restarted: the bad news is in the queue before the good news."""
    bench.run(60, every=bench.alive)
    cut = bench.time
    bench.time += 80  # shorter than the host's own limit
    gone = event("qmt.process", cut + 5, state="missing", change=True)
    back = event("qmt.process", cut + 40, state="running", change=True)
    bench.batch(gone, waiting=2)
    bench.run(3)
    bench.batch(
        back, event("qmt.heartbeat", bench.time - 20, strategy="heartbeat"), event("host.heartbeat", bench.time)
    )
    bench.run(60, every=bench.alive)
    assert bench.told() == []


def test_history_that_newer_news_do_not_contradict_is_told_after_15_seconds(bench):
    bench.run(60, every=bench.alive)
    bench.time += 80
    bench.batch(event("qmt.process", bench.time - 61, state="missing", change=True))
    bench.run(14)
    assert bench.incidents() == []
    bench.run(10)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]
    assert "10:01 起" in bench.texts()[0].body and bench.began() == "10:01:19"


def test_old_orders_and_errors_are_told_with_their_time(bench):
    bench.alive()
    bench.batch(event("order.state", bench.time - 3600, flag="20260105-510300-B-01", state="rejected", reason="资金"))
    bench.run(10)
    body = bench.texts()[0].body
    assert "09:00 委托 20260105-510300-B-01\n买入 510300：资金" in body


def test_a_heartbeat_out_of_the_queue_does_not_look_fresh(bench):
    bench.run(60, every=bench.alive)
    spoke = bench.time
    bench.run(230, every=lambda: bench.batch(event("qmt.heartbeat", spoke, strategy="heartbeat")))
    assert bench.told() == ["❗ 策略没有心跳：heartbeat · mini-pc"]


def test_a_wrong_pc_clock_does_not_matter(bench):
    def three_hours_ahead():
        later = bench.time + 10800
        posts = [event("host.heartbeat", later), event("qmt.heartbeat", later - 1, strategy="heartbeat")]
        bench.batch(*posts, event("qmt.process", later, state="running", change=False), sent_at=later)

    bench.run(300, every=three_hours_ahead)
    later = bench.time + 10800
    gone = event("qmt.process", later, state="missing", change=True, since=later, last_ok=later - 2)
    bench.batch(gone, sent_at=later)
    bench.run(10)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]
    assert "10:05 起" in bench.texts()[0].body and bench.began() == "10:05:00"


def test_while_the_queue_is_not_empty_no_script_is_judged_but_the_host_is(bench):
    bench.run(60, every=bench.alive)
    bench.run(300, every=lambda: bench.batch(event("host.heartbeat", bench.time), waiting=5))
    assert bench.told() == []
    bench.run(120)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_queue_that_never_empties_does_not_switch_the_watch_off(bench):
    bench.run(60, every=bench.alive)
    bench.batch(event("qmt.process", bench.time, state="missing", change=True), waiting=5)
    bench.run(580, every=lambda: bench.batch(event("host.heartbeat", bench.time), waiting=5))
    assert bench.told() == []
    bench.run(60, every=lambda: bench.batch(event("host.heartbeat", bench.time), waiting=5))
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]


def test_qmt_that_was_not_seen_today_is_judged_when_the_session_begins(bench):
    bench.jump("2026-01-06 09:10:00")
    missing = lambda: bench.alive(qmt="missing", script=False)  # noqa: E731 (a name for the loop's beat)
    bench.run(890, every=missing, step=5)
    assert bench.told() == []
    bench.run(40, every=missing)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]


def test_qmt_seen_this_morning_is_missed_before_the_session(bench):
    bench.jump("2026-01-06 09:10:00")
    bench.alive(script=False)
    bench.run(10)
    bench.post("qmt.process", state="missing", change=True)
    bench.run(10)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]


def test_qmt_closed_in_the_evening_is_nobodys_business(bench):
    bench.jump("2026-01-05 15:10:00")
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(600, every=lambda: bench.alive(qmt="missing"), step=5)
    assert bench.told() == []


def test_yesterdays_missing_qmt_is_not_held_against_a_pc_that_is_off(bench):
    bench.jump("2026-01-05 15:20:00")
    bench.alive(qmt="missing")
    bench.jump("2026-01-06 09:24:50")
    bench.run(200)
    assert bench.told() == ["❗ 哨兵没有消息 · mini-pc"]


def test_a_pause_is_said_once_and_silences_until_it_ends(bench):
    bench.run(60, every=bench.alive)
    bench.post("host.paused", until=at("2026-01-05 13:00:00"))
    bench.run(600, every=lambda: bench.alive(qmt="missing", script=False, paused_until=at("2026-01-05 13:00:00")))
    assert bench.told() == ["ℹ️ 已暂停监视到 01-05 13:00 · mini-pc"]
    bench.post("host.paused", until=None)
    bench.run(40, every=lambda: bench.alive(qmt="missing", script=False, paused_until=None))
    assert bench.told()[1:] == ["❗ QMT 不在运行 · mini-pc"]


def test_a_pause_cannot_last_longer_than_a_holiday(bench):
    bench.post("host.paused", until=4102444799)
    assert bench.rows("SELECT paused_until FROM machine") == [(bench.time + program.PAUSE_LIMIT,)]


def test_a_worker_beyond_its_limit_is_told_and_recovers(bench):
    limits = {"spool": 10}
    bench.alive(workers={"spool": 3}, limits=limits)
    bench.run(40, every=lambda: bench.alive(workers={"spool": 11}, limits=limits))
    assert bench.told() == ["❗ 哨兵的“收策略消息”停了 · mini-pc"]
    bench.run(5, every=lambda: bench.alive(workers={"spool": 1}, limits=limits))
    assert bench.told()[1:] == ["✅ 已恢复：哨兵的“收策略消息”在转了 · mini-pc"]


def test_the_same_error_again_only_counts_up_and_another_is_told(bench):
    for _ in range(3):
        bench.post("strategy.error", strategy="etf", where="handlebar", traceback="Traceback\nKeyError: 'x'")
        bench.run(10)
    bench.post("strategy.error", strategy="etf", where="handlebar", traceback="Traceback\nValueError: 1")
    bench.run(10)
    assert len(bench.told()) == 2
    assert bench.rows("SELECT count FROM incident") == [(3,), (1,)]


def test_an_error_closes_quietly_after_half_an_hour(bench):
    bench.alive()
    bench.post("strategy.error", strategy="etf", where="init", traceback="KeyError: 'x'")
    bench.run(1790, every=bench.alive, step=5)
    assert bench.incidents() == [("strategy.error", "etf/init/KeyError")]
    bench.run(30, every=bench.alive)
    assert bench.incidents() == []
    assert len(bench.told()) == 1


def test_an_unknown_order_stays_open_until_its_result_is_known(bench):
    bench.alive()
    bench.post("order.state", flag="20260105-510300-B-01", line=3, state="unknown")
    bench.run(1700, every=bench.alive, step=5)
    assert bench.told() == ["❗ 委托结果不明 · mini-pc"]
    bench.post("order.state", flag="20260105-510300-B-01", line=4, state="filled")
    bench.run(5)
    assert bench.told()[1:] == ["✅ 已恢复：委托有结果了 · mini-pc"]
    assert "已成交" in bench.texts()[-1].body


def test_an_error_at_night_is_told_in_the_morning(bench):
    bench.jump("2026-01-05 20:00:00")
    bench.post("strategy.error", strategy="etf", where="init", traceback="KeyError: 'x'")
    bench.run(60)
    assert bench.told() == []
    bench.jump("2026-01-06 08:59:50")
    bench.run(20)
    assert "20:00（init）：KeyError" in bench.texts()[0].body


def test_a_notice_is_told_once_a_day(bench):
    for _ in range(3):
        bench.post("strategy.notice", strategy="etf", what="cash", text="可用资金不足 80000 元")
        bench.run(10)
    assert bench.told() == ["ℹ️ 策略 etf 的通知 · mini-pc"]


def test_reminders_come_at_growing_intervals_in_other_words(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 09:30:00", alerts="[alerts]\nreminders = 30, 60")
    bench.alive()
    missing = lambda: bench.alive(qmt="missing")  # noqa: E731
    bench.run(1700, every=missing, step=5)
    assert len(bench.told()) == 1
    bench.run(200, every=missing, step=5)
    assert bench.told()[1:] == ["⏰ 仍未恢复：QMT 不在运行 · mini-pc"]
    assert "第 2 次通知" in bench.texts()[-1].body
    bench.run(3400, every=missing, step=5)
    assert len(bench.told()) == 2
    bench.run(200, every=missing, step=5)
    assert "第 3 次通知" in bench.texts()[-1].body


def test_a_host_that_is_down_silences_the_reminders_of_what_runs_on_it(tmp_path):
    bench = Bench(tmp_path, alerts="[alerts]\nreminders = 10")
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(1000, step=5)
    assert bench.told()[1:] == ["❗ 哨兵没有消息 · mini-pc", "⏰ 仍未恢复：哨兵没有消息 · mini-pc"]


def test_after_its_own_outage_the_receiver_waits_one_interval(bench):
    bench.run(60, every=bench.alive)
    bench.time = at("2026-01-05 10:30:00")
    bench.restart()
    bench.run(80)
    assert bench.incidents() == []
    bench.run(20)
    assert bench.incidents() == [("host", "")]
    assert "10:00 起" in bench.texts()[-1].body and bench.began() == "10:00:30"


def test_after_its_own_outage_those_who_speak_are_not_accused(bench):
    bench.run(60, every=bench.alive)
    bench.time = at("2026-01-05 10:30:00")
    bench.restart()
    bench.run(400, every=bench.alive)
    assert bench.accused() == []


def test_a_receiver_that_keeps_crashing_settles_only_once_in_ten_minutes(bench):
    bench.run(60, every=bench.alive)
    bench.time += 200
    bench.restart()
    bench.time += 200
    bench.restart()
    bench.run(2)
    assert bench.incidents() == [("host", "")]


def test_the_third_start_in_ten_minutes_is_told(bench):
    for _ in range(2):
        bench.time += 5
        bench.restart()
    bench.run(10)
    assert bench.told() == ["ℹ️ 接收端反复重启"]


def test_a_clock_that_jumps_accuses_nobody_and_still_finds_the_dead(bench):
    bench.run(60, every=bench.alive)
    for delta in (86400.0, -86400.0 * 2):
        bench.time += delta
        bench.receiver.clock_jumped(delta)
        bench.run(30)
    assert bench.incidents() == []
    bench.jump("2026-01-05 10:10:00")
    bench.receiver.clock_jumped(86400.0)
    bench.run(100)
    assert bench.incidents() == [("host", "")]


def test_an_old_script_that_posts_directly_stands_on_its_own(bench):
    post = {"action": "heartbeat", "name": "qmt", "info": []}
    with bench.receiver.transaction() as tx:
        program.old_json_post(tx, "mini-pc", post)
    bench.run(200)
    assert bench.told() == ["❗ 旧脚本 qmt 没有心跳 · mini-pc"]


def test_a_machine_that_was_never_heard_accuses_nobody(bench):
    bench.run(600, step=5)
    assert bench.told() == []


def test_on_a_holiday_nothing_is_expected(bench):
    bench.run(60, every=bench.alive)
    bench.jump("2026-02-17 10:00:00")
    bench.run(600, step=5)
    assert bench.told() == []


def test_a_day_added_on_the_command_line_is_closed_at_once(bench):
    bench.run(60, every=bench.alive)
    with bench.receiver.store.write() as db:
        db.execute("INSERT INTO closed_day (day) VALUES ('2026-01-05')")
    bench.run(600, step=5)
    assert bench.told() == []


def test_recovery_goes_to_the_channels_that_were_told(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [program.Never("授权码失效")]
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(20)
    bench.post("qmt.process", state="running", change=True)
    bench.run(20, every=bench.alive)
    assert "✅ 已恢复：QMT 在运行 · mini-pc" in bench.told("wecom")
    assert bench.told("mail") == ["❗ QMT 不在运行 · mini-pc"]


def test_each_channel_gets_each_alert(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL + PUSHPLUS)
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(10)
    assert [len(bench.told(name)) for name in ("wecom", "mail", "pushplus")] == [1, 1, 1]


def test_an_acknowledged_incident_is_quiet_until_it_is_over(tmp_path):
    bench = Bench(tmp_path, alerts="[alerts]\nreminders = 10")
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(60)
    with bench.receiver.transaction() as tx:
        tx.db.execute("UPDATE incident SET acknowledged = ?", (tx.now,))
    bench.run(900, every=lambda: bench.alive(qmt="missing"), step=5)
    assert len(bench.told()) == 1
    bench.run(5, every=bench.alive)
    assert len(bench.told()) == 2


def test_what_to_do_points_to_no_place_for_the_page_shows_it_below_and_a_message_above():
    source = program.Path(program.__file__).read_text("utf-8")
    assert re.findall('按[上下]面的?[^，。”"]*', source) == []
