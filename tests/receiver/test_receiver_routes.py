"""Who is told what, in which words: severities, what is private, what comes and goes, what was never confirmed."""

import pytest

from receiver import receiver as program
from receiver.receiver import Sent
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench, at, event


def rejected(bench, flag="F1"):
    bench.post("order.state", flag=flag, line=3, state="rejected", reason="可用资金不足")


def notice(bench, text, what="fill"):
    bench.post("strategy.notice", strategy="grid", what=what, text=text)


def test_a_channel_gets_only_what_is_grave_enough_for_it(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL + "level = grave\n")
    notice(bench, "成交 100 股")
    bench.run(10)
    rejected(bench)
    bench.run(10)
    assert len(bench.told("wecom")) == 2
    assert bench.told("mail") == ["❗ 委托被拒 · mini-pc"]


def test_when_only_channels_for_grave_news_work_they_get_all(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL + "level = grave\n")
    bench.phones["wecom"].answers = [program.Never("93000")]
    rejected(bench)
    bench.run(10)
    notice(bench, "成交 100 股")
    bench.run(10)
    assert "ℹ️ 成交 · mini-pc" in bench.told("mail")


def test_a_quiet_message_that_a_grave_one_joins_reaches_the_graves_channels(tmp_path):
    bench = Bench(tmp_path, channels=WECOM + MAIL + "level = grave\n")
    notice(bench, "成交 100 股")
    bench.run(2)
    rejected(bench)
    bench.run(10)
    assert len(bench.told("wecom")) == 1
    assert "委托被拒" in bench.told("mail")[0]


def test_what_pushplus_only_accepted_goes_out_by_another_channel_when_it_is_grave(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS + MAIL + "level = grave\n")
    bench.phones["pushplus"].answers = [Sent("1", False)] * 9
    bench.post("host.trouble", code="x", what="某事")  # NORMAL: mail is not asked
    bench.run(20)
    assert bench.told("mail") == []
    with bench.receiver.transaction() as tx:
        text = program.Text("❗ t", "b", "u")
        program.post_message(tx, "alert", "mini-pc", program.GRAVE, text, ["pushplus"], tx.now)
    bench.run(5)
    assert bench.told("mail") == ["❗ t"]


def test_without_a_callback_in_two_minutes_the_others_tell_it_once(tmp_path):
    bench = Bench(tmp_path, channels=PUSHPLUS + MAIL + "level = grave\n", public_url="https://x.cn")
    bench.phones["pushplus"].confirms = True
    bench.phones["pushplus"].answers = [Sent("1", False)] * 9
    bench.post("host.trouble", code="x", what="某事")
    bench.run(100, every=bench.alive)
    assert bench.told("mail") == []
    bench.run(200, every=bench.alive)
    assert bench.told("mail") == ["❗ 哨兵报告了问题 · mini-pc"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("资金账号 880012340567 掉线", "资金账号 *0567 掉线"),
        ("account: 12345678", "account: *5678"),
        ("总资产 123,456.78 元，可用 45.6 元", "总资产 *** 元，可用 *** 元"),
        ("买入约 20000 元", "买入约 *** 元"),
        ("委托 20260105-510300-B-01：100 股，价 4.012", "委托 20260105-510300-B-01：100 股，价 4.012"),
        ("20260105 休市", "20260105 休市"),
        ("断了 3 分 12 秒，第 12 次", "断了 3 分 12 秒，第 12 次"),
    ],
)
def test_account_numbers_and_amounts_stay_out_of_messages(text, shown):
    assert program.hide_private(text, show_amounts=False) == shown


def test_amounts_are_shown_when_the_owner_wants_them_and_account_numbers_never():
    assert program.hide_private("账号 880012340567 总资产 1.5 元", True) == "账号 *0567 总资产 1.5 元"


def test_no_message_of_any_kind_holds_a_full_account_number(tmp_path):
    bench = Bench(tmp_path)
    bench.post("strategy.error", strategy="g", where="init", traceback="KeyError: '880012340567'")
    notice(bench, "账号 880012340567 可用 12.5 元", "cash-low")
    bench.run(10)
    assert "880012340567" not in str(bench.texts())
    assert "12.5" not in str(bench.texts())


def test_flapping_is_summed_up_in_one_line_an_hour(bench):
    bench.alive()
    for _ in range(150):
        bench.post("qmt.process", state="missing", change=True)
        bench.run(10, step=5)
        bench.alive()
        bench.run(20, step=5)
    summaries = [text for text in bench.texts() if text.title.startswith("📊")]
    assert [text.title for text in summaries] == ["📊 时断时续：QMT 不在运行 · mini-pc"]
    assert "次，合计" in summaries[0].body
    assert len(bench.told()) == 7


def test_a_mute_silences_reminders_for_its_time_and_never_the_recovery(tmp_path):
    bench = Bench(tmp_path, alerts="[alerts]\nreminders = 10")
    bench.alive()
    bench.post("qmt.process", state="missing", change=True)
    bench.run(60, every=lambda: bench.alive(qmt="missing"))
    with bench.receiver.transaction() as tx:
        program.mute(tx, 1, 1500)
    bench.run(1440, every=lambda: bench.alive(qmt="missing"), step=5)
    assert len(bench.told()) == 1
    bench.run(300, every=lambda: bench.alive(qmt="missing"), step=5)
    assert bench.told()[1:] == ["⏰ 仍未恢复：QMT 不在运行 · mini-pc"]
    with bench.receiver.transaction() as tx:
        program.mute(tx, 1, 86400 * 300)
    bench.alive()
    bench.run(10)
    assert bench.told()[-1] == "✅ 已恢复：QMT 在运行 · mini-pc"


def test_its_own_outage_is_one_line_with_its_times(bench):
    bench.run(60, every=bench.alive)
    bench.time = at("2026-01-05 10:40:00")
    bench.restart()
    bench.run(200, every=bench.alive)
    assert bench.told() == ["ℹ️ 接收端中断过"]
    assert "10:01 – 10:40（39 分）" in bench.texts()[0].body


@pytest.mark.parametrize("off", [3600, -3600, 45, -45])
def test_a_clock_that_pc_and_exchange_agree_against_is_told_and_followed(bench, off):
    """`off`: seconds that the receiver's own clock is behind."""
    true = [bench.time]  # what PC and exchange say

    def live():
        bench.batch(
            event("host.heartbeat", true[0]),
            event("qmt.process", true[0], state="running", change=False),
            event("qmt.heartbeat", true[0], strategy="grid", tick_at=true[0] - 1, logged_in=True),
            sent_at=true[0],
        )

    bench.time -= off
    with bench.receiver.store.write() as db:
        program.put_meta(db, "last_alive", bench.time)
    for _ in range(120):
        if _ % 5 == 0:
            live()
        bench.time += 1
        true[0] += 1
        bench.receiver.check_once()
        bench.deliver()
    assert abs(bench.receiver.now() - true[0]) < 3
    clock_told = [title for title in bench.told() if "时钟" in title]
    assert clock_told == ["❗ 接收端的时钟不准"]
    assert [kind for kind, _ in bench.incidents()] == ["clock"]
    bench.time += off  # its administrator sets it
    bench.receiver.clock_jumped(off)
    for _ in range(60):
        if _ % 5 == 0:
            live()
        bench.time += 1
        true[0] += 1
        bench.receiver.check_once()
        bench.deliver()
    assert bench.receiver.correction == 0.0
    assert bench.incidents() == []
    assert bench.told()[-1].startswith("✅ 已恢复：接收端的时钟准了")


def test_a_followed_clock_survives_a_restart(bench):
    bench.receiver.follow_clock(600.0)
    bench.restart()
    assert bench.receiver.correction == 600.0


@pytest.mark.parametrize("pc", [0.0, 4.0, -4.0])
def test_a_clock_that_was_set_right_while_we_were_off_is_believed_once_the_pc_agrees(bench, pc):
    """Quotes come first in the next session: until then the night's messages would all carry a wrong time."""
    bench.receiver.follow_clock(600.0)
    bench.jump("2026-01-05 20:00:00")  # the correction of the day is still applied, but our own clock is right now
    bench.restart()
    for _ in range(30):
        bench.batch(event("host.heartbeat", bench.time + pc), sent_at=bench.time + pc)
        bench.time += 1
        bench.receiver.check_once()
    assert abs(bench.receiver.correction) <= abs(pc)
    bench.deliver()
    assert [title for title in bench.told() if "没有消息" in title] == []


def test_a_clock_that_was_set_right_by_a_restart_is_told_as_right_and_no_quotes_are_accused(bench):
    def live(behind):
        true = bench.time + behind
        script = event("qmt.heartbeat", true, strategy="grid", tick_at=true - 1, logged_in=True)
        bench.batch(event("host.heartbeat", true), script, sent_at=true)

    for _ in range(60):
        live(1200)
        bench.run(1)
    assert [title for title in bench.told() if "时钟" in title] == ["❗ 接收端的时钟不准"]
    bench.time += 1200
    bench.restart()
    for _ in range(60):
        live(0)
        bench.run(1)
    assert bench.told()[-1] == "✅ 已恢复：接收端的时钟准了"
    assert [title for title in bench.told() if "行情" in title] == []


def test_quotes_that_stop_are_told_in_time_though_the_pcs_clock_alone_is_slow(bench):
    last = bench.time
    for second in range(0, 360, 10):
        slow = bench.time - 200
        last = bench.time - 1 if second < 100 else last
        script = event("qmt.heartbeat", slow, strategy="grid", tick_at=last, logged_in=True)
        bench.batch(event("host.heartbeat", slow), script, sent_at=slow)
        bench.run(10)
        if bench.time - last > 140:
            break
    assert "❗ 行情停了 · mini-pc" in bench.told()


def test_a_pc_that_disagrees_with_both_our_clocks_moves_nothing(bench):
    bench.receiver.follow_clock(600.0)
    for _ in range(30):
        bench.batch(event("host.heartbeat", bench.time + 300), sent_at=bench.time + 300)
        bench.time += 1
        bench.receiver.check_once()
    assert bench.receiver.correction == 600.0


def test_a_batch_that_was_held_up_on_its_way_does_not_move_the_clock(bench):
    for number in range(40):
        late = 45 if number == 20 else 0
        sent = bench.time - late
        bench.batch(event("qmt.heartbeat", sent, strategy="g", tick_at=sent - 1), sent_at=sent)
        bench.run(5)
    assert bench.receiver.correction == 0.0
    assert bench.told() == []


def test_a_pc_clock_that_is_wrong_alone_moves_nothing(bench):
    for _ in range(30):
        bench.batch(
            event("qmt.heartbeat", bench.time + 900, strategy="g", tick_at=bench.time - 1), sent_at=bench.time + 900
        )
        bench.run(2)
    assert bench.receiver.correction == 0.0


def test_the_watchdog_is_asked_only_while_all_is_well(bench, monkeypatch):
    asked = []

    def ping(url):
        asked.append(url)
        bench.receiver.stop_event.set()
        return ""

    monkeypatch.setattr(program, "ping", ping)
    monkeypatch.setattr(program.Receiver, "health", lambda self: (False, {}))
    monkeypatch.setattr(program, "WATCHDOG_EVERY", 0.01)
    waited = []
    real_wait = bench.receiver.stop_event.wait

    def wait(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            assert asked == []
            monkeypatch.setattr(program.Receiver, "health", lambda self: (True, {}))
        return real_wait(seconds)

    monkeypatch.setattr(bench.receiver.stop_event, "wait", wait)
    bench.receiver.run_watchdog()
    assert len(asked) == 1


def test_healthz_is_bad_when_the_disk_is_almost_full(bench, monkeypatch):
    assert bench.receiver.health()[0]
    monkeypatch.setattr(program.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 20})())
    assert bench.receiver.health() == (
        False,
        {"ok": False, "checker": True, "channels": {"wecom": True}, "database": True, "disk": False},
    )
