"""What the icon shows: every state and every reason, at its edges."""

import pytest

from tests.tray_app.helpers import MONDAY_10_00, heartbeat, settings
from tray_app import state
from tray_app.outbox import Figures
from tray_app.sender import Link
from tray_app.state import State, decide
from tray_app.watch import findings, qmt, spool
from tray_app.watch.findings import Finding
from tray_app.watch.qmt import Found, Seen
from tray_app.watch.spool import Mode, Post

NOW = MONDAY_10_00
EVENING = NOW + 10 * 3600
SUNDAY = NOW - 86400
GB = 1024**3

PROCESS = Found(10, 1000.0, "XtItClient.exe", "D:\\QMT\\XtItClient.exe", True)


def well(now=NOW, **changes):
    """Everything as it should be at `now`."""
    link = Link("ok", "", now - 3600, now - 5, True, "", now - 5, True, now - 5, 0.1, 9, "")
    good = State(
        config=settings(),
        started_at=now - 3600,
        link=link,
        qmt=Seen(qmt.RUNNING, now - 3600, now - 1, PROCESS),
        post=Post(now - 20, 60.0, "grid"),
    )
    return good._replace(**changes)


def linked(now=NOW, **changes):
    return well(now)._replace(link=well(now).link._replace(**changes))


def codes(found, now=NOW):
    return decide(found, now).key[1:]


def test_all_is_well_in_a_session():
    view = decide(well(), NOW)
    assert (view.icon, view.key) == (state.OK, ("ok",))
    assert "一切正常" in view.title
    assert "QMT 运行中" in view.lines[0]


def test_outside_the_sessions_it_says_so_whatever_the_script_does():
    view = decide(well(EVENING, post=None), EVENING)
    assert (view.icon, view.key[1:]) == (state.NOT_TRADING, ("not-now",))


def test_a_sunday_is_no_trading_day_unless_the_receiver_says_so():
    assert decide(linked(SUNDAY, trading=None), SUNDAY).icon == state.NOT_TRADING
    assert decide(well(SUNDAY), SUNDAY).icon == state.OK


def test_a_holiday_told_by_the_receiver_holds_for_its_day_only():
    assert decide(linked(trading=False), NOW).icon == state.NOT_TRADING
    assert decide(linked(trading=False, trading_at=NOW - 86400), NOW).icon == state.OK


def test_every_day_trades_in_the_rehearsal():
    found = linked(SUNDAY, trading=False)._replace(config=settings(sentry="every_day = yes"))
    assert decide(found, SUNDAY).icon == state.OK


def test_one_failed_try_is_no_news_but_a_lasting_failure_is():
    failing = linked(state="retry", why="连不上", since=NOW - 9)
    assert decide(failing, NOW).icon == state.OK
    view = decide(failing, NOW + 1)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("unreachable",))
    assert "09:59" in view.lines[0] and "连不上" in view.lines[0]


def finding(code, text="有情况。"):
    return Finding(code, NOW - 60, text, "请处理。")


def test_a_login_window_of_qmt_is_an_alarm_in_a_session_and_a_note_outside():
    view = decide(well(findings=[finding("qmt-dialog", "QMT 开着窗口“登录”。")]), NOW)
    assert (view.icon, view.key[1:]) == (state.TROUBLE, ("qmt-dialog",))
    assert "QMT 开着窗口“登录”。请处理。" in view.lines[0]
    assert decide(well(EVENING, findings=[finding("qmt-dialog")]), EVENING).icon == state.NOT_TRADING


def test_the_other_findings_ask_for_attention_together():
    view = decide(well(findings=[finding("qmt-memory", "甲。"), finding("restart-pending", "乙。")]), NOW)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("qmt-memory+restart-pending",))
    assert "甲。乙。" in view.lines[0]


def test_the_icon_says_of_disk_and_clock_what_the_findings_say():
    near = well(findings=[finding("disk", "磁盘只剩 900 MB。")])
    assert (decide(near, NOW).icon, codes(near)) == (state.ATTENTION, ("disk",))
    assert decide(near, NOW).lines[0] == "磁盘只剩 900 MB。请处理。"
    unsteady = linked(clock_offset=40.0)  # one slow answer: no finding yet, so no word on the phone either
    assert decide(unsteady, NOW).icon == state.OK


@pytest.mark.parametrize("code", sorted(set(findings.GRAVE) - {"qmt-dialog"}))
def test_what_is_grave_on_the_phone_is_red_on_the_icon(code):
    assert decide(well(findings=[finding(code)]), NOW).key == (state.TROUBLE, code)


@pytest.mark.parametrize("less, graver", sorted(findings.STEPS.items()))
def test_of_two_steps_of_one_thing_the_icon_says_the_graver_once(less, graver):
    assert codes(well(findings=[finding(less, "甲。"), finding(graver, "乙。")])) == (graver,)


def test_no_age_grows_while_the_machine_sleeps():
    old = well(post=Post(NOW - 600, 60.0, "grid"))
    assert codes(old) == ("script-silent",)
    assert codes(old._replace(awake_since=NOW - 170)) == ()
    assert codes(old._replace(awake_since=NOW - 180)) == ("script-silent",)


def test_after_the_clock_was_set_back_a_silent_script_is_found_out_all_the_same():
    ahead = well(post=Post(NOW + 5 * 3600, 60.0, "grid"))
    assert codes(ahead._replace(awake_since=NOW - 170)) == ()
    assert codes(ahead._replace(awake_since=NOW - 180)) == ("script-silent",)


def test_a_clock_that_was_set_back_below_our_own_start_accuses_no_script_that_posts():
    # Its battery was empty: started at 12:00 by the PC's clock, which was put right to 10:00 ten minutes ago.
    found = well(started_at=NOW + 2 * 3600, post=Post(NOW - 20, 60.0, "grid"), awake_since=NOW - 600)
    assert codes(found) == ()
    assert codes(found._replace(post=Post(NOW + 2 * 3600, 60.0, "grid"))) == ("script-silent",)


@pytest.mark.parametrize("ahead", [0.001, 2.0, 30.0])
def test_what_lies_a_moment_ahead_is_not_as_old_as_the_last_sleep(ahead):
    # A clock that is put right by a second or two: no gap is noted then, and the last one was in the morning.
    slept = well(awake_since=NOW - 1800, post=Post(NOW + ahead, 60.0, "grid"))
    assert codes(slept) == ()
    away = slept._replace(link=slept.link._replace(state="retry", since=NOW - 1, alerts_ok_at=NOW + ahead))
    assert codes(away) == ()


@pytest.mark.parametrize("ahead", [2.0, 90.0])
def test_a_quote_by_an_exchange_clock_ahead_of_this_pcs_has_not_stopped(ahead):
    post = Post(NOW - 20, 60.0, "grid", True, NOW - 20 + ahead)
    assert codes(well(post=post, awake_since=NOW - 1800)) == ()


@pytest.mark.parametrize("heard_ago, icon", [(299, state.ATTENTION), (300, state.TROUBLE)])
def test_five_session_minutes_without_a_yes_are_red(heard_ago, icon):
    found = linked(state="retry", why="x", since=NOW - 200, alerts_ok_at=NOW - heard_ago)
    assert decide(found, NOW).icon == icon


def test_minutes_outside_sessions_do_not_count_towards_red():
    at = NOW + 3 * 3600 + 60  # 13:01; 11:31 was in the lunch break already
    failing = linked(at, state="retry", why="x", since=at - 3600, alerts_ok_at=at - 5400)
    assert decide(failing, at).icon == state.ATTENTION


def test_never_having_reached_the_receiver_is_red_after_five_minutes():
    assert codes(well(link=Link(), started_at=NOW - 299, post=Post(NOW, 60, ""))) == ("connecting-1",)
    assert codes(well(link=Link(), started_at=NOW - 300)) == ("unreachable",)


@pytest.mark.parametrize("link", [Link(), Link("retry", "连不上", NOW - 1)], ids=["untried", "tried"])
@pytest.mark.parametrize("running, icon", [(14, state.NOT_TRADING), (15, state.ATTENTION)])
def test_before_the_first_contact_it_is_never_green(link, running, icon):
    view = decide(well(link=link, started_at=NOW - running), NOW)
    assert view.icon == icon
    assert view.lines[0] == "正在连接接收端。"
    assert "一切正常" not in view.title


def test_before_the_first_look_at_qmt_it_is_never_green():
    view = decide(well(qmt=Seen()), NOW)
    assert (view.icon, view.key[1:]) == (state.NOT_TRADING, ("qmt-looking",))
    assert "一切正常" not in view.title


def test_a_client_without_an_account_is_red_in_a_session_only():
    assert decide(well(post=Post(NOW - 20, 60.0, "grid", False)), NOW).key == (state.TROUBLE, "logged-out")
    assert codes(well(EVENING, post=Post(EVENING - 20, 60.0, "grid", False)), EVENING) == ("not-now",)
    assert codes(well(post=Post(NOW - 20, 60.0, "grid", True))) == ()


@pytest.mark.parametrize("age, expected", [(60, ()), (61, ("ticks",))])
def test_quotes_that_stand_still_are_told(age, expected):
    assert codes(well(post=Post(NOW - 20, 60.0, "grid", True, NOW - 20 - age))) == expected


def test_the_lunch_break_does_not_make_quotes_old():
    at = NOW + 3 * 3600 + 30  # 13:00:30
    post = Post(at - 5, 60.0, "grid", True, at - 5400 - 30)  # the last quote of the morning, 11:30
    assert codes(well(at, post=post), at) == ()


def test_what_was_dropped_in_this_run_is_shown():
    assert codes(well(outbox=Figures(0, 0, 0, 4, 0, ""), dropped_before=1)) == ("dropped",)
    assert codes(well(outbox=Figures(0, 0, 0, 4, 0, ""), dropped_before=4)) == ()


def test_a_post_from_the_future_does_not_keep_the_icon_green():
    assert codes(well(post=Post(NOW + 3600, 60.0, "grid"))) == ()
    post = spool.post_of(heartbeat(at=NOW + 3600), NOW)
    assert codes(well(NOW + 300, post=post), NOW + 300) == ("script-silent",)


@pytest.mark.parametrize(
    "data, expected",
    [
        ({"logged_in": False, "tick_at": NOW - 3}, (False, NOW - 3)),
        ({"logged_in": "no", "tick_at": "soon"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_what_a_heartbeat_says_of_account_and_quotes(data, expected):
    assert spool.post_of(heartbeat(**data), NOW)[3:] == expected


def test_a_wrong_token_is_red_at_once_day_and_night():
    assert decide(linked(state="denied", why="token 不对"), NOW).icon == state.TROUBLE
    assert decide(linked(EVENING, state="denied", why="token 不对"), EVENING).icon == state.TROUBLE


@pytest.mark.parametrize("heard_ago, icon", [(100, state.ATTENTION), (300, state.TROUBLE)])
def test_a_receiver_that_cannot_alert_is_shown_with_its_reason(heard_ago, icon):
    view = decide(linked(alerts_ok=False, alerts_why="微信通道不通", alerts_ok_at=NOW - heard_ago), NOW)
    assert (view.icon, view.key[1:]) == (icon, ("alerts",))
    assert "微信通道不通" in view.lines[0]


@pytest.mark.parametrize("name, code", [(qmt.MISSING, "qmt-missing"), (qmt.ELSEWHERE, "qmt-elsewhere")])
def test_a_missing_client_is_red_in_a_session_and_only_said_in_the_evening(name, code):
    assert decide(well(qmt=Seen(name, NOW - 5, NOW - 7, PROCESS)), NOW).key == (state.TROUBLE, code)
    view = decide(well(EVENING, qmt=Seen(name, EVENING - 5, None, PROCESS)), EVENING)
    assert view.key == (state.NOT_TRADING, code, "not-now")


def test_a_hung_client_is_red():
    assert codes(well(qmt=Seen(qmt.HUNG, NOW - 5, NOW - 70, PROCESS))) == ("qmt-hung",)


def test_a_restarted_client_is_no_trouble():
    assert decide(well(qmt=Seen(qmt.RESTARTED, NOW, NOW, PROCESS)), NOW).icon == state.OK


@pytest.mark.parametrize("age, expected", [(179, ()), (180, ("script-silent",))])
def test_a_silent_script_is_red_after_three_session_minutes(age, expected):
    assert codes(well(post=Post(NOW - age, 60.0, "grid"))) == expected


def test_a_slow_script_gets_three_of_its_own_rounds():
    assert codes(well(post=Post(NOW - 500, 200.0, "grid"))) == ()


def test_a_script_that_never_posted_is_asked_for_once_the_program_ran_a_while():
    assert codes(well(post=None, started_at=NOW - 100)) == ()
    view = decide(well(post=None), NOW)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("script-never",))


def test_the_night_does_not_make_a_script_silent():
    opening = NOW - 10 * 3600 + 9.5 * 3600 + 60
    found = well(opening, post=Post(opening - 18 * 3600, 60.0, "grid"))
    assert codes(found, opening) == ()


@pytest.mark.parametrize("age, expected", [(59, ()), (60, ("outbox",))])
def test_a_waiting_outbox_is_shown_with_its_age(age, expected):
    assert codes(well(outbox=Figures(12, age, 0, 0, 0, ""))) == expected


def test_an_outbox_that_cannot_write_is_red():
    view = decide(well(outbox=Figures(0, 0, 0, 0, 0, "磁盘满了")), NOW)
    assert (view.icon, view.lines[0]) == (state.TROUBLE, "磁盘满了")


def test_events_set_aside_in_this_run_are_shown_and_older_ones_are_not():
    assert codes(well(outbox=Figures(0, 0, 0, 0, 3, ""), rejected_before=1)) == ("set-aside",)
    assert codes(well(outbox=Figures(0, 0, 0, 0, 3, ""), rejected_before=3)) == ()


def test_a_dead_worker_is_red():
    view = decide(well(dead=["spool"]), NOW)
    assert view.key == (state.TROUBLE, "workers")
    assert "“收策略消息”" in view.lines[0]


def test_a_taken_inbox_port_is_attention():
    assert decide(well(inbox_why="端口被占用"), NOW).key == (state.ATTENTION, "inbox")


def test_paused_is_shown_whatever_else_is_wrong_until_it_ends():
    found = well(paused_until=NOW + 60, qmt=Seen(qmt.MISSING, NOW, NOW, PROCESS))
    assert decide(found, NOW).key == (state.PAUSED, "qmt-missing", "paused")
    assert decide(found, NOW + 60).icon == state.TROUBLE


def test_reasons_come_in_order_of_urgency_and_the_first_is_the_title():
    found = well(
        link=Link("retry", "断网", NOW - 900, None, None, "", NOW - 900),
        qmt=Seen(qmt.MISSING, NOW - 5, NOW - 7, PROCESS),
        dead=["spool"],
        inbox_why="端口被占用",
        outbox=Figures(12, 900, 0, 0, 0, ""),
    )
    view = decide(found, NOW)
    assert view.key[1:] == ("unreachable", "qmt-missing", "outbox", "workers", "inbox")
    assert view.lines[0] in view.title


def test_the_answer_to_a_click_stands_on_top():
    assert decide(well(answer="接收端已答复"), NOW).lines[0] == "接收端已答复"


def test_the_key_does_not_change_with_each_second():
    found = well(outbox=Figures(12, 120, 0, 0, 0, ""))
    later = found._replace(outbox=Figures(13, 121, 0, 0, 0, ""))
    assert decide(found, NOW).key == decide(later, NOW + 1).key


# The strategy's mode -------------------------------------------------------------------------------------------------


def test_a_strategy_that_observes_against_its_owners_wish_is_amber_with_its_reason():
    view = decide(well(mode=Mode(NOW - 60, False, False, "账号不同，请改成一致")), NOW)
    assert (view.icon, view.key[1:]) == (state.ATTENTION, ("observe",))
    assert "账号不同，请改成一致" in view.lines[0]


def test_observing_as_set_and_live_are_only_said():
    for mode, said in ((Mode(NOW, False, True, "mode = observe"), "策略只观察"), (Mode(NOW, True), "策略可下单")):
        view = decide(well(mode=mode), NOW)
        assert view.icon == state.OK and said in view.lines[0] and "一切正常" in view.lines[0]


def test_yesterdays_mode_and_the_night_are_no_reason():
    assert codes(well(mode=Mode(NOW - 86400, False, False, "账号不同"))) == ()
    assert codes(well(EVENING, mode=Mode(EVENING, False, False, "账号不同")), EVENING) == ("not-now",)
