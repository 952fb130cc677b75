"""What becomes of a message between the incident and the phones: nothing is swallowed, nothing is told for ever."""

import re

import pytest

from receiver import receiver as program
from receiver.receiver import Later, Never, Sent
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench, event


def rejected(bench, flag="F1", **more):
    bench.post("order.state", flag=flag, line=3, state="rejected", reason="可用资金不足", **more)


def broken(bench, strategy):
    """An incident of its own for each strategy."""
    bench.post("strategy.error", strategy=strategy, where="handlebar", traceback="ValueError: x")


def real_wecom(bench, monkeypatch):
    """The real channel class; what would go to the vendor is kept. `down` True: the vendor is out of reach."""
    posts, down = [], []

    def vendor(_url, body):
        if down:
            return Later(None, "超时")
        posts.append(body["text"]["content"])
        return {"errcode": 0}

    monkeypatch.setattr(program, "post_json", vendor)
    bench.receiver.senders["wecom"].channel = program.WeComRobot(bench.config.channels["wecom"])
    return posts, down


def test_an_unknown_order_that_turns_out_rejected_is_told_as_rejected(bench):
    bench.alive()
    bench.post("order.state", flag="F1", line=3, state="unknown")
    bench.run(20, every=bench.alive)
    bench.post("order.state", flag="F1", line=4, state="rejected", reason="资金不足")
    bench.run(20, every=bench.alive)
    assert bench.told() == [
        "❗ 委托结果不明 · mini-pc",
        "✅ 已恢复：委托有结果了 · mini-pc",
        "❗ 委托被拒 · mini-pc",
    ]
    assert "委托 F1 的结果：被拒" in bench.texts()[1].body
    assert "资金不足" in bench.texts()[2].body


def test_a_rejected_order_that_becomes_unknown_is_told_and_stays_open(bench):
    bench.alive()
    rejected(bench)
    bench.run(20, every=bench.alive)
    bench.post("order.state", flag="F1", line=4, state="unknown")
    bench.run(1900, every=bench.alive, step=5)
    assert bench.told()[:2] == ["❗ 委托被拒 · mini-pc", "❗ 委托结果不明 · mini-pc"]
    assert bench.incidents() == [("order", "F1")]


def test_an_alert_of_friday_evening_is_tried_for_a_day_from_its_first_try(tmp_path):
    bench = Bench(tmp_path, now="2026-01-09 15:20:00")
    bench.alive()
    rejected(bench)
    bench.jump("2026-01-12 08:59:50")
    bench.phones["wecom"].answers = [Later(None, "超时")] * 3
    bench.run(60, every=bench.alive)
    assert bench.rows("SELECT state, tries FROM outbox") == [("sent", 4)]


def test_an_alert_is_given_up_a_day_after_its_first_try(bench):
    bench.phones["wecom"].answers = [Later(None, "超时")] * 10000
    rejected(bench)
    bench.run(10)
    bench.time += program.GIVE_UP_AFTER + 60
    bench.deliver()
    assert bench.rows("SELECT state FROM outbox WHERE message = 1") == [("failed",)]


def test_a_clock_that_jumps_a_week_gives_no_alert_up(bench):
    bench.phones["wecom"].answers = [Later(None, "超时")] * 3
    rejected(bench)
    bench.run(6)
    bench.time += 7 * 86400
    bench.receiver.clock_jumped(7 * 86400.0)
    bench.run(60)
    assert bench.rows("SELECT state FROM outbox") == [("sent",)]


def test_a_recovery_on_a_good_channel_does_not_wait_for_a_bad_one(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + PUSHPLUS)
    bench.alive()
    bench.phones["pushplus"].answers = [Later(program.UNTIL_MIDNIGHT, "900")]
    bench.post("qmt.process", state="missing", change=True)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    bench.alive()
    bench.run(5)
    assert bench.told("wecom")[-1] == "✅ 已恢复：QMT 在运行 · mini-pc"


def test_a_message_that_its_only_channel_refuses_for_good_goes_to_the_others(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Never("550")]
    rejected(bench, "F0")
    bench.run(60)
    bench.phones["wecom"].answers = [Never("93000")]
    bench.phones["mail"].got.clear()
    rejected(bench)
    bench.run(10)
    assert bench.told("mail")[0] == "❗ 委托被拒 · mini-pc"
    assert "F1" in bench.texts("mail")[0].body


def test_a_callback_that_says_failed_sends_the_message_through_the_others(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS + WECOM, public_url="https://x.cn")
    phone = bench.phones["pushplus"]
    phone.confirms = True
    bench.phones["wecom"].answers = [Never("93000")]
    rejected(bench, "F0")
    bench.run(20)
    bench.phones["wecom"].got.clear()
    phone.answers = [Sent("1", False)]
    rejected(bench)
    bench.run(6)
    key = phone.got[-1].callback.rpartition("/")[2]
    with bench.receiver.transaction() as tx:
        assert program.confirm(tx, key, 3)
    bench.run(3)
    assert "F1" in bench.texts("wecom")[0].body


def test_a_backlog_names_every_incident_within_the_robots_limit(bench, monkeypatch):
    posts, down = real_wecom(bench, monkeypatch)
    down.append(True)
    for number in range(60):
        broken(bench, f"grid-5103{number:02}")
        bench.run(10, step=5)
    down.clear()
    bench.run(240)
    told = "\n".join(posts)
    assert [n for n in range(60) if f"grid-5103{n:02}" not in told] == []
    errors = [row[0] for row in bench.rows("SELECT id FROM incident WHERE kind = 'strategy.error'")]
    assert len(errors) == 60
    assert [n for n in errors if not re.search(rf"#{n}\b", told)] == []
    assert max(len(post.encode()) for post in posts) <= program.WECOM_BYTES
    assert not any("…\nhttp" in post for post in posts)


def test_a_digest_names_every_order_and_says_why(bench):
    flags = [f"20260105-5103{number:02}-B-01" for number in range(3)]
    for flag in flags:
        bench.post("order.state", flag=flag, code=f"{flag[9:15]}.SH", state="unknown", reason="没有见到")
    with bench.receiver.transaction() as tx:
        rows = tx.db.execute("SELECT *, id message FROM message").fetchall()
        body = program.digest_text(rows, tx).body
    assert all(flag in body for flag in flags) and body.count("没有见到") == 3


def test_a_digest_names_all_orders_that_were_rejected_for_one_cause(bench):
    flags = [f"20260105-5103{number:02}-B-01" for number in range(6)]
    for flag in flags:
        rejected(bench, flag, code=f"{flag[9:15]}.SH", name="某某宽基指数", side="B", shares=1200)
    with bench.receiver.transaction() as tx:
        rows = tx.db.execute("SELECT *, id message FROM message").fetchall()
        body = program.digest_text(rows, tx).body
    assert [row["title"] for row in rows] == ["❗ 6 笔委托被拒 · mini-pc"]
    assert [flag for flag in flags if flag not in body] == []


def test_a_digest_names_the_order_of_a_reminder_and_of_what_is_over_already(bench):
    flag = "20260105-510300-B-01"
    bench.post("order.state", flag=flag, code="510300.SH", state="unknown", reason="没有见到")
    bench.run(4000, every=lambda: bench.alive(script=False), step=10)
    bench.post("order.state", flag=flag, line=2, state="filled", filled=200)
    bench.run(3)
    with bench.receiver.transaction() as tx:
        kinds = ("alert", "reminder")
        rows = tx.db.execute("SELECT *, id message FROM message WHERE kind IN (?, ?)", kinds).fetchall()
        assert {row["kind"] for row in rows} == set(kinds)
        assert [program.digest_text([row], tx).body.count(flag) for row in rows] == [1] * len(rows)


def test_a_digest_takes_only_what_fits_and_leaves_the_rest_waiting(bench, monkeypatch):
    posts, _ = real_wecom(bench, monkeypatch)
    with bench.receiver.transaction() as tx:
        for number in range(30):
            title = program.title_of("⏰", f"仍未恢复：策略没有心跳：网格策略{number:02}", "mini-pc")
            text = program.Text(title, "已经 2 小时 5 分，这是第 3 次通知。", f"http://x #{number + 1}")
            program.post_message(tx, "reminder", "mini-pc", 1, text, ["wecom"], tx.now)
    bench.run(60)
    told = "\n".join(posts)
    assert [n for n in range(30) if f"网格策略{n:02}" not in told] == []
    assert bench.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]


def test_incidents_share_a_message_only_as_long_as_all_fit(bench, monkeypatch):
    posts, _ = real_wecom(bench, monkeypatch)
    trace = "ValueError: 可用资金不足，委托金额 20000 元，可用 12.34 元，某某宽基指数基金"
    names = [f"grid-20260105-5103{n:02}" for n in range(12)]
    bench.batch(*[event("strategy.error", bench.time, strategy=name, where="init", traceback=trace) for name in names])
    bench.run(30)
    told = "\n".join(posts)
    assert len(posts) > 1
    assert [name for name in names if name not in told] == []


def test_a_list_of_rejected_orders_is_no_longer_than_a_message_that_it_shares(bench, monkeypatch):
    posts, _ = real_wecom(bench, monkeypatch)
    broken(bench, "grid")
    more = {"state": "rejected", "reason": "可用资金不足，" * 20, "code": "510300.SH", "name": "某某宽基指数基金"}
    for number in range(9):
        bench.batch(event("order.state", bench.time, flag=f"20260105-5103{number:02}-B-01", **more))
    bench.run(30)
    assert len(posts) == 1
    assert "9 笔委托被拒" in posts[0]
    assert "策略 grid 出错" in posts[0]
    assert "…\nhttp" not in posts[0]


def test_a_rejection_after_the_clock_was_set_back_is_told_at_once(bench):
    bench.alive()
    rejected(bench)
    bench.run(20, every=bench.alive)
    bench.time -= 7 * 86400
    bench.receiver.clock_jumped(-7 * 86400.0)
    rejected(bench, "F2")
    bench.run(60, every=bench.alive)
    assert any("F2" in text.body for text in bench.texts())


def test_a_late_no_cannot_undo_a_delivery_that_the_vendor_has_confirmed(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS, public_url="https://x.cn")
    phone = bench.phones["pushplus"]
    phone.confirms = True
    rejected(bench)

    def confirmed_but_no_answer(message):
        phone.got.append(message)
        with bench.receiver.transaction() as tx:
            assert program.confirm(tx, message.callback.rpartition("/")[2], 2)
        return Later(None, "超时")

    phone.send = confirmed_but_no_answer
    bench.run(30)
    assert len(phone.got) == 1
    assert bench.rows("SELECT state FROM outbox") == [("sent",)]


@pytest.mark.parametrize("status", [2, 3])
def test_news_of_an_old_message_does_not_end_the_silence_until_midnight(tmp_path, status):
    bench = Bench(tmp_path, channels=WECOM + PUSHPLUS, public_url="https://x.cn")
    phone = bench.phones["pushplus"]
    phone.confirms = True
    phone.answers = [Sent("1", False), Later(program.UNTIL_MIDNIGHT, "900")]
    for _ in range(2):
        bench.post("host.test_alert")
        bench.run(3)
    with bench.receiver.transaction() as tx:
        program.confirm(tx, phone.got[0].callback.rpartition("/")[2], status)
    bench.post("host.test_alert")
    bench.run(3)
    assert len(phone.got) == 2


def test_a_channel_that_got_the_shared_alert_late_gets_the_recovery_too(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + PUSHPLUS)
    bench.alive()
    bench.phones["pushplus"].pace = lambda *_: 30.0
    bench.post("qmt.process", state="missing", change=True)
    rejected(bench)
    bench.run(10, every=lambda: bench.alive(qmt="missing"))
    bench.alive()
    bench.run(5)
    bench.phones["pushplus"].pace = lambda *_: 0.0
    bench.run(5)
    assert bench.told("pushplus") == bench.told("wecom")
    assert bench.told("pushplus")[-1] == "✅ 已恢复：QMT 在运行 · mini-pc"


def test_a_quota_that_is_used_up_is_told_by_the_others_and_to_the_tray(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS + WECOM)
    bench.phones["pushplus"].pace = lambda *_: 14 * 3600.0
    rejected(bench)
    bench.run(20)
    assert "❗ 告警通道 pushplus 不能用" in bench.told("wecom")
    with bench.receiver.store.read() as db:
        assert "额度" in bench.receiver.alerts(db, bench.time)["why"]


def test_a_qmt_that_flaps_is_told_a_few_times_and_then_only_when_it_stays_away(bench):
    bench.alive()
    for _ in range(10):
        bench.post("qmt.process", state="missing", change=True)
        bench.run(20, step=2)
        bench.post("qmt.process", state="running", change=True)
        bench.run(20, step=2)
    alerts = [text for text in bench.texts() if text.title.startswith("❗")]
    assert len(alerts) == program.FLAPS_TOLD
    assert "第 3 次" in alerts[-1].body
    assert len(bench.told()) == 2 * program.FLAPS_TOLD
    bench.post("qmt.process", state="missing", change=True)
    bench.run(400, every=lambda: bench.alive(qmt="missing"), step=2)
    assert len([title for title in bench.told() if title.startswith("❗")]) == program.FLAPS_TOLD + 1


def test_recoveries_leave_the_last_of_the_quota_to_alerts(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(10)
    bench.alive()
    assert bench.rows("SELECT kind, priority FROM message") == [("alert", program.GRAVE), ("recovery", program.NORMAL)]


def test_a_reminder_never_comes_before_the_alert(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 20:00:00")
    bench.alive()
    bench.post("order.state", flag="F1", line=3, state="unknown")
    bench.run(5)
    bench.jump("2026-01-06 08:59:50")
    bench.run(60, every=bench.alive)
    assert bench.told() == ["❗ 委托结果不明 · mini-pc"]


def test_the_same_rows_have_the_same_mail_id_and_other_rows_another(tmp_path):
    bench = Bench(tmp_path, channels=MAIL)
    phone = bench.phones["mail"]
    phone.answers = [Later(None, "超时"), Later(None, "超时")]
    rejected(bench)
    bench.run(9)
    with bench.receiver.transaction() as tx:
        for number in range(5):
            text = program.Text(f"t{number}", "b", "u")
            program.post_message(tx, "reminder", "mini-pc", 1, text, ["mail"], tx.now)
    bench.run(10)
    first, second, third = (message.id for message in phone.got[:3])
    assert first == second != third
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other", channels=MAIL)
    rejected(other)
    other.run(9)
    assert other.phones["mail"].got[0].id != first


def test_a_sender_that_hangs_is_told_by_the_others_and_its_messages_too(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.phones["mail"].answers = [Never("550")]
    rejected(bench, "F0")
    bench.run(20)
    bench.phones["mail"].got.clear()
    bench.receiver.senders["wecom"].healthy = lambda: False
    rejected(bench)
    bench.time += 6
    bench.receiver.check_once()
    bench.time += 6
    bench.receiver.senders["mail"].step()
    bench.receiver.senders["mail"].step()
    told = "\n".join(text.title + text.body for text in bench.texts("mail"))
    assert "F1" in told
    assert "告警通道 wecom 不能用" in told
    with bench.receiver.store.read() as db:
        assert "卡住" in bench.receiver.alerts(db, bench.time)["why"]


def test_a_channel_that_failed_by_callback_is_well_again_only_by_a_callback(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + PUSHPLUS, public_url="https://x.cn")
    phone = bench.phones["pushplus"]
    phone.confirms = True
    phone.answers = [Sent("1", False), Sent("2", False)]

    def answer(status):
        bench.post("host.test_alert")
        bench.run(10)
        with bench.receiver.transaction() as tx:
            assert program.confirm(tx, phone.got[-1].callback.rpartition("/")[2], status)
        bench.run(10)

    answer(3)
    answer(3)
    assert bench.told().count("❗ 告警通道 pushplus 不能用") == 1
    assert not any("能用了" in title for title in bench.told())
    phone.answers = [Sent("3", False)]
    answer(2)
    assert bench.told()[-1] == "✅ 已恢复：告警通道 pushplus 能用了"


def test_a_start_gives_a_hung_sender_a_new_chance(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.receiver.senders["wecom"].healthy = lambda: False
    bench.run(2)
    assert ("channel", "wecom") in bench.incidents()
    bench.restart()
    bench.run(2)
    assert bench.incidents() == []


def test_a_start_gives_a_sender_a_new_chance_that_hung_in_the_version_before(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL)
    bench.receiver.senders["wecom"].healthy = lambda: False
    bench.run(2)
    with bench.receiver.store.write() as db:
        db.execute("UPDATE channel SET why = '发送线程没有响应' WHERE name = 'wecom'")  # as that one called it
    bench.restart()
    bench.run(2)
    assert bench.incidents() == []


def test_a_recovery_of_many_names_each_within_the_robots_limit(bench, monkeypatch):
    posts, _ = real_wecom(bench, monkeypatch)
    names = [f"一个名字很长很长的网格交易策略第{n:02}号" for n in range(20)]

    def beats():
        running = event("qmt.process", bench.time, state="running", change=False)
        more = [event("qmt.heartbeat", bench.time, strategy=name) for name in names]
        bench.batch(event("host.heartbeat", bench.time), running, *more)

    bench.run(60, every=beats)
    bench.run(260, every=lambda: bench.alive(script=False))
    posts.clear()
    bench.run(60, every=beats)
    assert [name for name in names if name not in "\n".join(posts)] == []


def test_blips_that_nobody_was_told_of_do_not_delay_the_alert_that_lasts(bench):
    bench.alive()
    for _ in range(5):
        bench.post("qmt.process", state="missing", change=True)
        bench.run(2)
        bench.post("qmt.process", state="running", change=True)
        bench.run(20, step=2)
    bench.post("qmt.process", state="missing", change=True)
    bench.run(10)
    assert bench.told() == ["❗ QMT 不在运行 · mini-pc"]
