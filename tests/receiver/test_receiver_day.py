"""The trading day: the ready line before it, the report behind it, the day that is none."""

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event

DAY = "[calendar]\nready_at = 09:25\nreport_at = 15:05\n"
ACCOUNT = {"总资产": 123456.78, "可用金额": 45678.9, "总市值": 77777.88, "总盈亏": 1200.0, "账号": "880012340567"}


def open_bench(tmp_path, now="2026-01-05 09:20:00", **ini):
    return Bench(tmp_path, now=now, calendar=DAY, **ini)


def well(bench, qmt="running", tick=True, account=ACCOUNT, **more):
    data = {"strategy": "grid", "logged_in": True, "tick_at": bench.time - 1 if tick else None, **more}
    bench.batch(
        event("host.heartbeat", bench.time, stop_orders=False),
        event("qmt.process", bench.time, state=qmt, since=bench.time - 900, change=False),
        event("qmt.heartbeat", bench.time, accounts=[account] if account else [], **data),
    )


def of_kind(bench, kind):
    return bench.rows("SELECT title, body FROM message WHERE kind = ? ORDER BY id", kind)


def test_a_machine_that_is_ready_says_so_once_at_ready_at(tmp_path):
    bench = open_bench(tmp_path)
    bench.run(600, every=lambda: well(bench), step=5)
    assert bench.told() == ["✅ 准备好了，可以交易 · mini-pc"]
    [(_, body)] = of_kind(bench, "ready")
    assert "✗" not in body
    for word in ("哨兵：在线", "QMT：在运行", "策略：在运行", "尾号 0567", "待发：0 条", "时钟：准", "休市日表：到"):
        assert word in body


def test_what_is_missing_stands_in_the_title(tmp_path):
    bench = open_bench(tmp_path)
    bench.run(310, every=lambda: well(bench, qmt="missing", logged_in=False), step=5)
    [(title, body)] = of_kind(bench, "ready")
    assert title == "⚠️ 还没准备好：QMT 不在运行、没有登录 · mini-pc"
    assert "✗ QMT：不在运行" in body


def test_a_machine_that_is_off_is_told_as_missing(tmp_path):
    bench = open_bench(tmp_path)
    well(bench)
    bench.run(320)
    assert "哨兵没有消息" in of_kind(bench, "ready")[0][0]


def test_a_pause_a_stop_and_a_wrong_pc_clock_are_named(tmp_path):
    bench = open_bench(tmp_path)
    bench.batch(
        event("host.heartbeat", bench.time + 600, stop_orders=True, paused_until=bench.time + 4200),
        sent_at=bench.time + 600,
    )
    bench.run(301, every=lambda: bench.batch(sent_at=bench.time + 600), step=5)
    [(title, body)] = of_kind(bench, "ready")
    assert title.startswith("⚠️ 还没准备好：已暂停、QMT 状态未知")
    for word in ("✗ 监视：已暂停到", "✗ 下单：已停止", "✗ 时钟：差 10 分"):
        assert word in body


def test_no_ready_line_on_a_closed_day_nor_for_a_machine_that_was_never_heard(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-03 09:20:00")  # a Saturday
    well(bench)
    bench.run(400, step=5)
    bench.jump("2026-01-05 09:26:00")
    with bench.receiver.transaction() as tx:
        tx.db.execute("DELETE FROM machine")
        tx.db.execute("DELETE FROM source")
    bench.run(10)
    assert of_kind(bench, "ready") == []


def test_a_machine_that_is_first_heard_after_ready_at_gets_its_line_once_all_the_same(tmp_path):
    bench = open_bench(tmp_path)
    bench.jump("2026-01-05 10:00:00")
    bench.run(10)
    assert of_kind(bench, "ready") == []
    bench.run(200, every=lambda: well(bench), step=5)
    assert len(of_kind(bench, "ready")) == 1


def test_after_a_late_start_of_the_receiver_the_line_comes_late_but_comes(tmp_path):
    bench = open_bench(tmp_path)
    well(bench)
    bench.time = at("2026-01-05 10:10:00")
    bench.restart()
    bench.run(200, every=lambda: well(bench), step=5)
    assert len(of_kind(bench, "ready")) == 1


def test_the_report_tells_the_day_and_no_amount(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-02 14:00:00")
    well(bench, account={**ACCOUNT, "总资产": 100000.0})
    bench.jump("2026-01-05 14:50:00")
    deal = {"日期": "20260105", "订单编号": "1", "买卖": "买入", "成交额": 4000.0}
    bench.run(920, every=lambda: well(bench, deals=[deal], account={**ACCOUNT, "总资产": 101000.0}), step=5)
    [(title, body)] = of_kind(bench, "report")
    assert title == "📈 01-05 收盘小结 · mini-pc"
    assert "+1.00%" in body
    assert "成交：1 笔（买 1，卖 0）" in body
    assert "没有结束的委托：0 笔" in body
    assert "在线：交易时段的 " in body
    assert "101" not in body.replace("01-05", "")


def test_an_account_that_two_scripts_tell_of_is_not_counted_twice(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-02 14:00:00")
    well(bench, account={**ACCOUNT, "总资产": 100000.0})
    bench.jump("2026-01-05 15:04:50")
    bench.post("old.heartbeat", name="qmt", info=[{"name": "accounts", "data": [{**ACCOUNT, "总资产": 100500.0}]}])
    bench.run(1)
    well(bench, account={**ACCOUNT, "总资产": 101000.0})
    bench.run(20)
    [(_, body)] = of_kind(bench, "report")
    assert "+1.00%" in body


def test_with_show_amounts_the_report_has_them(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-05 15:04:00", alerts="[alerts]\nshow_amounts = yes")
    well(bench)
    bench.run(70)
    assert "总资产 123,456.78 元" in of_kind(bench, "report")[0][1]


def test_the_report_counts_what_happened_and_the_time_lost(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-05 13:00:00")
    bench.run(1800, every=lambda: well(bench), step=10)
    bench.run(720, every=lambda: well(bench, qmt="missing"), step=10)
    bench.jump("2026-01-05 15:04:50")
    well(bench)
    bench.run(20)
    [(_, body)] = of_kind(bench, "report")
    assert "QMT 不在运行" in body
    assert "在线：交易时段的 100%" not in body


def test_uptime_counts_overlapping_incidents_once_and_only_session_time(tmp_path):
    bench = open_bench(tmp_path)
    with bench.receiver.store.read() as db:
        calendar = program.load_calendar(db, bench.config)

    def down(kind, first, last):
        times = [at("2026-01-05 " + text) for text in (first, last)]
        return program.Incident(1, "m", kind, "", times[0], times[0], 0, "", "", "", "", "", 2, 0, resolved=times[1])

    incidents = [down("host", "11:00:00", "12:30:00"), down("qmt.process", "11:15:00", "13:15:00")]
    start, end = at("2026-01-05 00:00:00"), at("2026-01-05 15:05:00")
    share = program.uptime(incidents, calendar, start, end)
    assert abs(share - (1 - 45 * 60 / (245 * 60))) < 1e-9


def test_a_day_without_quotes_is_asked_about_once_and_then_quiet(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-05 09:20:00")
    old = at("2026-01-02 15:00:00")
    bench.run(1800, every=lambda: well(bench, tick_at=old), step=10)
    bench.run(600, step=10)  # the PC is switched off: nobody minds on a closed day
    asked = [title for title in bench.told() if "休市" in title]
    assert asked == ["❓ 今天休市？ · mini-pc"]
    assert ("host", "") not in bench.incidents(still_open=False)


def test_the_first_quote_of_today_ends_the_quiet(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-05 09:30:00")
    bench.run(900, every=lambda: well(bench, tick=False), step=10)
    bench.run(60, every=lambda: well(bench), step=10)
    bench.run(300, step=10)
    assert [t for t in bench.told() if "今天开市" in t] == ["ℹ️ 今天开市，恢复监视 · mini-pc"]
    assert ("host", "") in bench.incidents()


def test_a_day_with_quotes_or_a_qmt_that_is_not_well_raises_no_question(tmp_path):
    bench = open_bench(tmp_path, now="2026-01-05 09:30:00")
    bench.run(600, every=lambda: well(bench, tick=False, qmt="missing"), step=10)
    bench.run(600, every=lambda: well(bench), step=10)
    assert [t for t in bench.told() if "休市" in t] == []
