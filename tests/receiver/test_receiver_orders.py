"""Orders of the strategy: what is told, what lasts, what the page shows."""

import sqlite3

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, at, event

FLAG, SECOND = "20260105-510300-B-01", "20260105-159915-S-02"
XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>"


def line(bench, number, state, flag=FLAG, when=None, **more):
    """One line of a flag file, as the tray forwards it."""
    return event("order.state", bench.time if when is None else when, flag=flag, line=number, state=state, **more)


def notice(bench, what, text, when=None, **more):
    said = bench.time if when is None else when
    return event("strategy.notice", said, strategy="etf_grid", what=what, text=text, **more)


def placed(bench, flag=FLAG):
    known = {"code": flag[9:15] + ".SH", "side": flag[16], "shares": 1200, "price": 4.05, "yuan": 4860.0, "id": flag}
    bench.batch(line(bench, 1, "intent", flag, **known), line(bench, 2, "sent", flag))


def one_order(bench):
    with bench.receiver.store.read() as db:
        (machine,) = program.status_data(bench.receiver, db, bench.time)["machines"]
    return machine["strategy_orders"][0]


def status(bench):
    with bench.receiver.store.read() as db:
        return program.status_data(bench.receiver, db, bench.time)


# Unknown -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["filled", "cancelled", "rejected", "expired", "working"])
def test_an_unknown_order_lasts_until_any_later_state_of_it(bench, state):
    bench.alive()
    placed(bench)
    bench.batch(line(bench, 3, "unknown"))
    bench.run(1700, every=bench.alive, step=5)
    assert bench.told() == ["❗ 委托结果不明 · mini-pc"]
    assert FLAG in bench.texts()[0].body and "处理未知委托" in bench.texts()[0].body
    bench.batch(line(bench, 4, state))
    bench.run(10, every=bench.alive)
    assert "✅ 已恢复：委托有结果了 · mini-pc" in bench.told()
    assert ("order", FLAG) not in bench.incidents()


def test_the_notice_and_the_line_about_one_unknown_order_are_one_message(bench):
    placed(bench)
    for first, then in ((0, 1), (1, 0)):
        both = [line(bench, 3, "unknown"), notice(bench, "unknown", "找不到", flag=FLAG, code="510300.SH")]
        bench.batch(both[first])
        bench.batch(both[then])
    bench.run(10, every=bench.alive)
    assert bench.told() == ["❗ 委托结果不明 · mini-pc"]


def test_a_notice_that_comes_after_the_result_opens_nothing_lasting(bench):
    bench.alive()
    placed(bench)
    bench.batch(line(bench, 3, "unknown"), line(bench, 4, "filled", when=bench.time + 1))
    bench.batch(notice(bench, "unknown", "找不到", flag=FLAG))
    bench.run(20, every=bench.alive)
    assert ("order", FLAG) not in bench.incidents()


@pytest.mark.parametrize("odd", ["moon", "", None, 7, ["filled"], "已成交"])
def test_a_state_that_nobody_knows_makes_an_order_unknown_unless_it_has_ended(bench, odd):
    placed(bench)
    placed(bench, SECOND)
    bench.batch(line(bench, 3, "filled", SECOND, filled=1200))
    bench.batch(line(bench, 3, odd), line(bench, 4, odd, SECOND, filled=7))
    assert bench.incidents() == [("order", FLAG)]
    (machine,) = status(bench)["machines"]
    shown = {one["flag"]: (one["word"], one["filled"]) for one in machine["strategy_orders"]}
    assert shown == {FLAG: ("结果不明", 0), SECOND: ("已成交", 1200)}


def test_an_older_line_that_comes_again_changes_nothing(bench):
    bench.batch(line(bench, 5, "filled", filled=1200), line(bench, 3, "unknown"))
    assert one_order(bench)["state"] == "filled"
    assert bench.incidents() == []


# Rejected ------------------------------------------------------------------------------------------------------------


def test_a_rejected_order_is_told_with_the_counters_words(bench):
    placed(bench)
    bench.batch(line(bench, 3, "rejected", reason="[251005] 可用资金不足", settled=False))
    bench.run(10)
    assert bench.told() == ["❗ 委托被拒 · mini-pc"]
    body = bench.texts()[0].body
    assert "[251005] 可用资金不足" in body and "买入 510300.SH 1200 股" in body and "10:00 " in body


def test_ten_rejected_orders_at_once_are_one_message_with_a_count(bench):
    for number in range(10):
        flag = f"20260105-5103{number:02}-B-01"
        bench.batch(line(bench, 3, "rejected", flag, reason=f"[2510{number:02}] 可用资金不足 {number}00.5 元"))
        bench.run(0.4, step=0.2)
    bench.run(700, every=bench.alive, step=5)
    assert bench.told() == ["❗ 10 笔委托被拒 · mini-pc"]


def test_rejected_orders_that_go_on_are_told_in_groups_and_each_is_named(bench):
    flags = [f"20260105-5103{number:02}-B-01" for number in range(10)]
    for flag in flags:
        bench.batch(line(bench, 3, "rejected", flag, reason="可用资金不足"))
        bench.run(6)
    bench.run(60, every=bench.alive)
    assert bench.told()[:2] == ["❗ 委托被拒 · mini-pc", "❗ 4 笔委托被拒 · mini-pc"]
    assert len(bench.told()) <= 4
    bodies = "".join(text.body for text in bench.texts())
    assert [bodies.count(flag) for flag in flags] == [1] * 10


def test_a_flood_of_rejected_orders_is_counted_but_not_listed_to_the_end(bench):
    for number in range(99):
        bench.batch(line(bench, 3, "rejected", f"20260105-5103{number:02}-B-01", reason="可用资金不足"))
    bench.run(10)
    (text,) = bench.texts()
    assert text.title == "❗ 99 笔委托被拒 · mini-pc"
    assert text.body.count("可用资金不足") == program.REJECTS_LISTED


def test_another_cause_is_told_too(bench):
    bench.batch(line(bench, 3, "rejected", reason="可用资金不足"))
    bench.run(60)
    bench.batch(line(bench, 3, "rejected", SECOND, reason="价格超出涨跌停"))
    bench.run(10)
    assert len(bench.told()) == 2


def test_a_further_line_of_a_rejected_order_and_its_notice_are_no_second_reject(bench):
    text = f"买入 510300.SH（委托 {FLAG}）被拒：可用资金不足"
    bench.batch(notice(bench, "rejected", text, flag=FLAG, code="510300.SH"))
    bench.batch(line(bench, 3, "rejected", reason="可用资金不足"), line(bench, 4, "rejected", settled=True))
    bench.run(10)
    assert bench.told() == ["❗ 委托被拒 · mini-pc"]
    assert bench.rows("SELECT count FROM incident") == [(1,)]


def test_orders_from_a_backlog_are_told_with_their_time(bench):
    then = bench.time - 1800
    bench.batch(line(bench, 3, "rejected", when=then, reason="资金"), line(bench, 3, "unknown", SECOND, when=then))
    bench.run(10)
    assert bench.texts()[0].body.count("09:30 ") == 2


# Unfilled ------------------------------------------------------------------------------------------------------------

CANCELLING = f"委托 {FLAG} 超过 60 秒没有全部成交，正在撤单"


def test_a_cancel_that_works_at_once_is_not_worth_an_alert(bench):
    placed(bench)
    bench.batch(line(bench, 3, "working"), notice(bench, "unfilled", CANCELLING, flag=FLAG, stage="cancelling"))
    bench.run(3)
    bench.batch(line(bench, 4, "cancelled"))
    bench.run(30, every=bench.alive)
    assert bench.told() == []


def test_a_cancel_that_is_not_confirmed_is_told_and_lasts_until_the_order_ends(bench):
    bench.alive()
    placed(bench)
    bench.batch(line(bench, 3, "working"), notice(bench, "unfilled", CANCELLING, flag=FLAG, stage="cancelling"))
    bench.run(60, every=bench.alive)
    assert bench.told() == ["❗ 委托没有按时成交 · mini-pc"]
    bench.batch(line(bench, 4, "working", filled=300))
    bench.run(5)
    assert bench.incidents() == [("order.unfilled", FLAG)]
    bench.batch(line(bench, 5, "cancelled", filled=300))
    bench.run(5)
    assert bench.told()[1:] == ["✅ 已恢复：委托有结果了 · mini-pc"]
    assert "部分成交已撤，成交 300 股" in bench.texts()[-1].body


def test_an_order_that_nobody_ends_is_told_although_the_strategy_is_silent(bench):
    bench.alive()
    placed(bench)
    bench.run(170, every=bench.alive)
    assert bench.told() == []
    bench.run(40, every=bench.alive)
    assert bench.told() == ["❗ 委托没有按时成交 · mini-pc"]
    assert "策略是否在运行" in bench.texts()[0].body


def test_an_order_alive_at_the_close_is_told_the_next_morning(bench):
    bench.jump("2026-01-05 14:59:00")
    bench.alive()
    placed(bench)
    bench.run(120, every=bench.alive)
    bench.jump("2026-01-06 09:24:00")
    bench.run(300, every=bench.alive, step=5)
    assert "❗ 委托没有按时成交 · mini-pc" in bench.told()


def test_that_an_order_ended_unfilled_is_said(bench):
    bench.batch(notice(bench, "unfilled", "买入 510300.SH 没有成交，已撤单", flag=FLAG, stage="ended"))
    bench.run(10)
    assert bench.told() == ["ℹ️ 委托没有成交 · mini-pc"]


def test_an_order_that_expired_at_the_close_may_be_unknown_in_the_morning(bench):
    placed(bench)
    bench.batch(line(bench, 3, "expired", by="clock"))
    bench.jump("2026-01-06 09:31:00")
    bench.batch(line(bench, 4, "unknown", reason="隔夜没有结果"))
    assert bench.incidents() == [("order", FLAG)] and one_order(bench)["word"] == "结果不明"
    bench.batch(line(bench, 5, "filled", by="owner", filled=1200))
    assert bench.incidents() == []


def test_an_order_of_an_earlier_day_is_looked_for_in_the_history(bench):
    bench.batch(line(bench, 3, "unknown", "20260102-510300-B-01"))
    bench.run(10)
    assert "那一天的历史委托" in bench.texts()[0].body and "处理未知委托" in bench.texts()[0].body


def test_an_order_that_is_told_by_its_notice_is_named_once(bench):
    why = "在委托列表里找不到，结果不明"
    text = f"买入 510300.SH（委托 {FLAG}）{why}。不会重发，这只基金停止下单。请核对"
    bench.batch(notice(bench, "unknown", text, flag=FLAG, code="510300.SH", reason=why))
    bench.batch(notice(bench, "unfilled", CANCELLING.replace("-01", "-02"), flag=SECOND, stage="cancelling"))
    bench.run(10)
    body = bench.texts()[0].body
    assert why in body and body.count(FLAG) == 1 and body.count("不会重发") == 1
    assert body.count(SECOND) == 2  # what is to be looked for in QMT stands in 怎么办 as well


def test_several_of_a_kind_stand_below_one_heading(bench):
    for number in range(3):
        bench.batch(notice(bench, "trade-triggered", f"买入 51030{number}.SH"), notice(bench, "fill", f"成交 {number}"))
    bench.run(10)
    (text,) = bench.texts()
    heads = [line for line in text.body.splitlines() if line.startswith("ℹ️")]
    assert heads == ["ℹ️ 策略下单", "ℹ️ 成交"] and text.title == "ℹ️ 策略下单、成交 · mini-pc"
    assert text.body.count("买入") == 3 and text.body.count("成交 ") == 3


def test_a_fund_is_named_where_the_account_knows_its_name(bench):
    bench.post("qmt.heartbeat", strategy="heartbeat", positions=[{"代码": "510300", "名称": "沪深300ETF"}])
    bench.batch(notice(bench, "trade-triggered", "买入 510300.SH 约 7000 元", code="510300.SH"))
    bench.batch(line(bench, 3, "rejected", reason="资金", code="510300.SH"))
    stopped(bench)
    bench.run(10)
    body = bench.texts()[0].body
    assert "买入 510300.SH 沪深300ETF 约 *** 元" in body and body.count("沪深300ETF") == 3


# STOP, mode, funds, other notices ------------------------------------------------------------------------------------


def test_stop_is_told_once_by_whoever_says_it_first_and_resolved_when_it_is_gone(bench):
    bench.alive(stop_orders=False)
    bench.post("host.stop_orders", on=True)
    bench.batch(notice(bench, "stop", "已停止下单：control/STOP 存在", on=True))
    bench.run(60, every=lambda: bench.alive(stop_orders=True))
    assert bench.told() == ["❗ 已停止下单 · mini-pc"]
    bench.post("host.stop_orders", on=False)
    bench.batch(notice(bench, "stop", "已恢复下单", on=False))
    bench.run(60, every=lambda: bench.alive(stop_orders=False))
    assert bench.told()[1:] == ["✅ 已恢复：可以下单 · mini-pc"]


def test_a_heartbeat_alone_tells_of_a_stop_and_of_its_end(bench):
    bench.run(40, every=lambda: bench.alive(stop_orders=True))
    assert bench.told() == ["❗ 已停止下单 · mini-pc"]
    bench.run(10, every=lambda: bench.alive(stop_orders=False))
    assert bench.incidents() == []


def test_an_old_heartbeat_does_not_bring_a_stop_back(bench):
    bench.post("host.stop_orders", on=False)
    bench.batch(event("host.heartbeat", bench.time - 20, stop_orders=True))
    bench.run(10)
    assert bench.incidents() == []


@pytest.mark.parametrize(
    "what, title",
    [
        ("cap", "❗ 达到下单上限 · mini-pc"),
        ("second-copy", "❗ 同一策略运行了两份 · mini-pc"),
        ("cash-low", "❗ 可用资金不足 · mini-pc"),
        ("disk", "❗ 策略读写磁盘失败 · mini-pc"),
        ("spool_failed", "❗ 策略有消息没记下 · mini-pc"),
        ("account_differs", "❗ 两处资金账号不同 · mini-pc"),
        ("old_copy", "❗ 同一策略运行了两份 · mini-pc"),
        ("fill", "ℹ️ 成交 · mini-pc"),
        ("new-code", "ℹ️ 策略 etf_grid 的通知 · mini-pc"),
    ],
)
def test_each_notice_is_told_once_a_day_in_its_own_words(bench, what, title):
    for _ in range(3):
        bench.batch(notice(bench, what, "为什么"))
        bench.run(2000, every=bench.alive, step=10)
    assert bench.told() == [title]
    assert "为什么" in bench.texts()[0].body and "10:00 " in bench.texts()[0].body


def disk(bench, on, instance="a"):
    bench.batch(notice(bench, "disk", "读写磁盘失败" if on else "磁盘又能写了", on=on, instance=instance))


def test_a_disk_that_refuses_lasts_until_it_works_again(bench):
    disk(bench, True)
    bench.run(300, every=bench.alive, step=10)
    assert bench.incidents() == [("disk", "a")]
    assert "检查磁盘空间" in bench.texts()[0].body
    disk(bench, False)
    bench.run(10, every=bench.alive)
    assert bench.told()[0] == "❗ 策略读写磁盘失败 · mini-pc"
    assert bench.told()[-1] == "✅ 已恢复：策略能读写磁盘了 · mini-pc"


@pytest.mark.parametrize("instance, left", [("a", [("disk", "a")]), ("b", [])])
def test_only_a_newer_start_of_the_strategy_forgets_a_disk_that_refused(bench, instance, left):
    disk(bench, True)
    mode(bench, "live", instance=instance)
    assert bench.incidents() == left


def mode(bench, word, why="", chosen=False, funds=None, **more):
    known = {"mode": word, "why": why, "chosen": chosen, "funds": funds or {}, "instance": "a"}
    bench.batch(notice(bench, "mode", "现在" + word, **{**known, **more}))


def test_observing_although_live_was_wished_lasts_until_it_is_live(bench):
    bench.alive()
    mode(bench, "observe", "账号不同，请改成一致")
    bench.batch(notice(bench, "observe", "账号不同，请改成一致", why="账号不同，请改成一致"))
    bench.run(300, every=bench.alive, step=10)
    assert bench.incidents() == [("observe", "")]
    assert bench.told()[0] == "❗ 策略只观察，不下单 · mini-pc"
    assert "账号不同，请改成一致" in bench.texts()[0].body and "重新运行策略" in bench.texts()[0].body
    mode(bench, "live")
    bench.run(10, every=bench.alive)
    assert bench.told()[-1] == "✅ 已恢复：策略可以下单了 · mini-pc"


def test_the_notice_alone_opens_the_incident_and_the_setting_of_the_owner_ends_it(bench):
    bench.alive()
    bench.batch(notice(bench, "observe", "账号不同", why="账号不同"))
    bench.run(10, every=bench.alive)
    assert bench.incidents() == [("observe", "")]
    mode(bench, "observe", "mode = observe", chosen=True)
    assert bench.incidents() == []


def test_observing_by_the_owners_own_setting_is_one_quiet_line_a_day(bench):
    bench.alive()
    for _ in range(3):
        mode(bench, "observe", "mode = observe", chosen=True)
        bench.batch(notice(bench, "observe", "mode = observe", chosen=True))
        bench.batch(notice(bench, "stopped-fund", "510300.SH：还没有 start_cell", code="510300.SH"))
        bench.run(1000, every=bench.alive, step=10)
    assert bench.incidents() == []
    assert len(bench.told()) == 1 and bench.told()[0].startswith("ℹ️ ")
    assert status(bench)["overall"]["state"] == "up"


def test_that_it_observes_is_no_trouble_after_the_session(bench):
    bench.jump("2026-01-05 15:05:00")
    bench.alive()
    mode(bench, "observe", "账号不同")
    bench.run(30, every=bench.alive)
    assert bench.told() == []


def quotes(bench, started="2026-01-05 09:00:00"):
    """A heartbeat with a fresh quote, through a QMT that was started then."""
    qmt = event("qmt.process", bench.time, state="running", name="XtItClient.exe", change=False, started=at(started))
    beat = event("qmt.heartbeat", bench.time, strategy="heartbeat", tick_at=bench.time, logged_in=True)
    bench.batch(event("host.heartbeat", bench.time), qmt, beat)


def next_day(bench, time="09:26:00"):
    quotes(bench)
    mode(bench, "live")
    bench.jump("2026-01-06 " + time)


def test_a_trading_strategy_that_says_nothing_on_the_next_day_is_told_until_it_does(bench):
    next_day(bench)
    bench.run(800, every=lambda: quotes(bench), step=10)
    assert bench.told() == []
    bench.run(400, every=lambda: quotes(bench), step=10)
    assert bench.told() == ["❗ 交易策略没有运行 · mini-pc"]
    assert "重新运行 etf_grid" in bench.texts()[0].body
    mode(bench, "observe", "mode = observe", chosen=True)
    bench.run(10, every=lambda: quotes(bench))
    assert bench.told()[1:] == ["✅ 已恢复：交易策略在运行 · mini-pc"]


def test_a_trading_strategy_that_does_not_come_back_with_qmt_is_told(bench):
    quotes(bench)
    mode(bench, "live")
    bench.jump("2026-01-05 10:10:00")
    bench.run(1000, every=lambda: quotes(bench, "2026-01-05 10:09:00"), step=10)
    assert bench.incidents() == [("grid", "")]


def test_a_trading_strategy_that_dies_in_the_session_is_told_and_lunch_does_not_count(bench):
    bench.jump("2026-01-05 11:10:00")
    quotes(bench)
    mode(bench, "live")
    bench.run(6600 + 500, every=lambda: quotes(bench), step=10)  # to 13:08:20
    assert ("grid", "") not in bench.incidents()
    bench.run(200, every=lambda: quotes(bench), step=10)
    assert ("grid", "") in bench.incidents()


@pytest.mark.parametrize("tick_age", [None, 86400])
def test_on_a_day_without_quotes_no_strategy_is_missed(bench, tick_age):
    next_day(bench)
    tick = None if tick_age is None else bench.time - tick_age
    beats = lambda: bench.batch(  # noqa: E731
        event("host.heartbeat", bench.time), event("qmt.heartbeat", bench.time, strategy="heartbeat", tick_at=tick)
    )
    bench.run(1500, every=beats, step=10)
    assert ("grid", "") not in bench.incidents()


def test_a_strategy_that_never_was_or_was_given_up_is_not_missed(bench):
    bench.run(1500, every=lambda: quotes(bench), step=10)
    assert bench.incidents() == []
    mode(bench, "live")
    bench.jump("2026-01-19 09:26:00")
    bench.run(1500, every=lambda: quotes(bench), step=10)
    assert ("grid", "") not in bench.incidents()


def test_an_older_word_about_the_mode_changes_nothing(bench):
    bench.alive()
    mode(bench, "live")
    mode(bench, "observe", "账号不同", when=bench.time - 30)
    bench.run(10, every=bench.alive)
    assert bench.incidents() == []


def stopped(bench):
    bench.batch(notice(bench, "stopped-fund", "510300.SH：网格状态丢了", code="510300.SH"))


def test_a_stopped_fund_lasts_until_it_trades(bench):
    stopped(bench)
    bench.run(3000, every=bench.alive, step=10)
    assert bench.incidents() == [("stopped-fund", "510300.SH")]
    placed(bench)
    assert bench.incidents() == []


def test_a_fund_is_free_when_the_strategy_says_so(bench):
    stopped(bench)
    bench.run(10, every=bench.alive)
    bench.jump("2026-01-06 09:30:00")
    mode(bench, "live", funds={"510300.SH": "正在核对持仓，还不能下单"})
    assert bench.incidents() == [("stopped-fund", "510300.SH")]
    mode(bench, "live", funds={"510300.SH": ""})
    bench.run(10, every=bench.alive)
    assert bench.told()[-1] == "✅ 已恢复：510300.SH 不再停止 · mini-pc"


def test_a_fund_that_is_traded_no_more_is_not_stopped(bench):
    stopped(bench)
    mode(bench, "live", funds={"159915.SZ": ""})
    assert bench.incidents() == []


def test_no_fund_is_free_while_the_strategy_only_observes(bench):
    stopped(bench)
    mode(bench, "observe", "账号不同", funds={"510300.SH": ""})
    assert ("stopped-fund", "510300.SH") in bench.incidents()


def test_all_funds_stopped_at_once_is_over_with_the_first_that_may_trade(bench):
    bench.batch(notice(bench, "stopped-fund", "网格状态已损坏，所有基金停止交易"))
    mode(bench, "live", funds={"510300.SH": "停", "159915.SZ": "停"})
    assert bench.incidents() == [("stopped-fund", "")]
    mode(bench, "live", funds={"510300.SH": "停", "159915.SZ": ""})
    assert bench.incidents() == []


def test_funds_that_are_freed_together_are_one_message(bench):
    for code in range(5):
        bench.batch(notice(bench, "stopped-fund", "账丢了", code=f"5103{code:02}.SH"))
    bench.run(10, every=bench.alive)
    mode(bench, "live", funds={f"5103{code:02}.SH": "" for code in range(5)})
    bench.run(10, every=bench.alive)
    assert [title[0] for title in bench.told()] == ["❗", "✅"]


def test_seven_stopped_funds_are_one_message(bench):
    for code in range(7):
        bench.batch(notice(bench, "stopped-fund", f"5103{code:02}.SH：账丢了", code=f"5103{code:02}.SH"))
    bench.run(10)
    assert bench.told() == ["❗ 有基金停止下单 · mini-pc"]
    assert bench.texts()[0].body.count("账丢了") == 7


# The page ------------------------------------------------------------------------------------------------------------


def test_todays_orders_have_their_newest_state_in_chinese(bench):
    placed(bench)
    bench.batch(line(bench, 3, "working", filled=300, average=4.04))
    shown = one_order(bench)
    assert (shown["code"], shown["side"], shown["shares"], shown["filled"]) == ("510300.SH", "买入", 1200, 300)
    assert (shown["word"], shown["time"]) == ("部分成交", "10:00:00")


def test_yesterdays_unended_orders_are_shown_and_ended_ones_are_not(bench):
    placed(bench)
    placed(bench, SECOND)
    bench.batch(line(bench, 3, "unknown"), line(bench, 3, "filled", SECOND))
    bench.jump("2026-01-06 10:00:00")
    (machine,) = status(bench)["machines"]
    assert [order["flag"] for order in machine["strategy_orders"]] == [FLAG]
    assert "01-05 的委托" in program.render_orders(machine["strategy_orders"])


def test_the_page_says_observe_with_its_reason_live_and_stop(bench):
    def lamps():
        (machine,) = status(bench)["machines"]
        return [(one["word"], one["detail"]) for one in machine["lamps"] if one["kind"] == "trading"]

    bench.alive()
    assert lamps() == []
    mode(bench, "observe", "mode 是 observe", chosen=True)
    assert lamps() == [("只观察", "mode 是 observe")]
    mode(bench, "live")
    assert lamps()[0][0] == "实盘"
    mode(bench, "observe", "mode 是 observe", chosen=True)
    placed(bench)
    assert lamps()[0][0] == "实盘"
    bench.post("host.stop_orders", on=True)
    assert lamps()[0][0] == "已停止"
    assert status(bench)["machines"][0]["trading"]["stop"] is True


def test_one_wish_that_was_only_observed_does_not_say_the_mode(bench):
    placed(bench)
    bench.batch(notice(bench, "observe", "本应买入，没有下单：只观察", code="510300.SH"))
    assert status(bench)["machines"][0]["trading"]["mode"] == "live"


def test_what_lasts_is_named_before_what_only_happened(bench):
    bench.alive()
    bench.batch(line(bench, 3, "rejected", reason="资金"), line(bench, 3, "unknown", SECOND))
    assert status(bench)["overall"]["text"].startswith("委托结果不明")


def test_hostile_orders_do_no_harm_on_the_page_and_in_its_json(served):
    with requests.Session() as owner:
        served.log_in(owner)
        for flag in (XSS, FLAG, None, 7, [], "\ud800"):
            for state in ("unknown", "rejected", XSS, None, 3):
                values = dict.fromkeys(("code", "name", "side", "shares", "price", "filled", "line", "reason"), XSS)
                served.post("order.state", **{**values, "flag": flag, "state": state, "reason": XSS + "长" * 9999})
        served.post("order.state", flag=FLAG, state="working", line=1e300, shares=-1e299, filled=1e299, side=["B"])
        for what in (*program.TELLINGS, *program.NOTICE_EFFECTS):
            more = {"mode": "observe", "why": XSS, "funds": {XSS: XSS, "510300.SH": [], "": None}, "on": XSS}
            served.post("strategy.notice", strategy=XSS, what=what, text=XSS, instance=XSS, **more)
            served.post("strategy.notice", strategy=XSS, what=what, text=XSS, code=XSS, flag=XSS)
            served.post("strategy.notice", strategy=1, what=what, text="x" + XSS, code=[], flag={})
        served.run(10)
        answer = owner.get(served.url + "/fragment?page=trade", timeout=30)
        assert answer.status_code == 200
        assert "策略的委托" in answer.text and "&lt;script&gt;" in answer.text
        assert "<script>alert" not in answer.text and "<img" not in answer.text
        assert owner.get(served.url + "/api/v1/status", timeout=30).json()["machines"][0]["strategy_orders"]
        assert not served.rows("SELECT 1 FROM incident WHERE kind = 'host.trouble'")


def test_a_database_of_the_version_before_is_taken_over(tmp_path):
    bench = Bench(tmp_path)
    path = bench.config.database
    bench.receiver.store.close()
    for old in path.parent.glob(path.name + "*"):
        old.unlink()
    with sqlite3.connect(str(path)) as db:
        for statement in program.MIGRATIONS[0].split(";"):
            db.execute(statement)
        db.execute("INSERT INTO machine (name, heard, waiting, stop_reason, run, start_reason, beat) VALUES"
                   " ('mini-pc', ?, 0, '', '', '', '{}')", (at("2026-01-05 09:59:00"),))  # fmt: skip
        db.execute("PRAGMA user_version = 1")
    db.close()
    bench.restart()
    placed(bench)
    assert one_order(bench)["word"] == "已下单"
    bench.receiver.store.close()


def test_what_a_strategy_may_do_is_not_known_while_qmt_is_down(bench):
    quotes(bench)
    mode(bench, "live")
    lamps = lambda: [one["word"] for one in status(bench)["machines"][0]["lamps"] if one["kind"] == "trading"]  # noqa: E731
    assert lamps() == ["实盘"]
    gone = event("qmt.process", bench.time, state="missing", name="XtItClient.exe", change=True)
    bench.batch(event("host.heartbeat", bench.time), gone)
    assert lamps() == ["未知"]
