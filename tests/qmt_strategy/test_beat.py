"""What the heartbeat posts, when, and which copy of it does."""

import os

import pytest

from qmt_strategy.dingtou import beat, instance


@pytest.fixture
def tables(thing):
    return {"ACCOUNT": [thing(m_strAccountID="2000567", m_dBalance=10.0)], "POSITION": [], "ORDER": [], "DEAL": []}


@pytest.fixture
def said():
    return []


@pytest.fixture
def start(home, clock, tables, said, monkeypatch):
    """start(ini_text, **globals): a Beat whose init has not run yet."""
    monkeypatch.setattr(instance, "_newest", {})
    monkeypatch.setattr(beat, "_noticed", set())

    def start(ini="[heartbeat]\nevery = 60\n", **api):
        with open(os.path.join(home, "sentry.ini"), "w") as file:
            file.write(ini)
        scope = {"account": "2000567", "accountType": "STOCK"}
        scope["get_trade_detail_data"] = lambda account, kind, table: tables[table]
        scope.update(api)
        return beat.Beat(scope, now=clock, environ={"QMT_SENTRY_HOME": home}, tell=said.append)

    return start


@pytest.fixture
def running(start, context):
    made = start()
    made.init(context)
    return made


def test_init_sets_the_account_and_a_timer_that_starts_in_the_past(running, context, spooled):
    assert context.accounts == ["2000567"]
    assert context.timers == [("heartbeat_timer", "5nSecond", "2019-10-14 13:20:00")]
    assert spooled.names() == []


def test_a_heartbeat_has_what_the_protocol_lists(running, context, spooled, clock):
    running.after_init(context)
    (event,) = spooled.events()
    data = event["data"]
    assert event["kind"] == "qmt.heartbeat"
    keys = {"strategy", "instance", "n", "pruned", "day", "tick_at", "tick_code", "logged_in", "every"}
    assert set(data) == keys | {"accounts", "positions", "orders", "deals"}
    assert (data["strategy"], data["n"], data["day"], data["every"]) == ("heartbeat", 1, "20260105", 60)
    assert (data["tick_at"], data["tick_code"], data["logged_in"]) == (clock.now - 3, "510300.SH", True)
    assert data["accounts"][0]["账号"] == "0567"


def test_the_timer_posts_every_sixty_seconds(running, context, spooled, clock):
    for _ in range(0, 600, 5):
        running.timer(context)
        clock.now += 5
    assert [event["at"] % 60 for event in spooled.events()] == [0] * 10


def test_a_timer_that_comes_a_little_early_still_keeps_the_rate(start, context, spooled, clock):
    made = start("[heartbeat]\nevery = 2\n")
    made.init(context)
    for _ in range(10):
        made.timer(context)
        clock.now += 1.99
    assert len(spooled.names()) == 10


def test_nothing_is_posted_outside_the_hours(running, context, spooled, clock):
    clock.now -= 1200  # 09:00
    running.timer(context)
    assert spooled.names() == []
    clock.now += 600  # 09:10
    running.timer(context)
    assert len(spooled.names()) == 1


def test_timer_and_handlebar_together_make_no_second_post(running, context, spooled):
    running.timer(context)
    running.handlebar(context)
    running.timer(context)
    assert len(spooled.names()) == 1


def test_history_bars_make_no_post(running, context, spooled):
    context.last_bar = False
    running.handlebar(context)
    assert spooled.names() == []


def test_a_deal_is_posted_at_once(running, context, spooled, clock, deal):
    running.timer(context)
    clock.now += 7
    running.deal_callback(context, deal("1"))
    assert [row["订单编号"] for row in spooled.events()[-1]["data"]["deals"]] == ["1"]
    assert len(spooled.names()) == 2


def test_a_deal_outside_the_hours_is_posted_too(running, context, spooled, clock, deal):
    clock.now += 8 * 3600
    running.deal_callback(context, deal("1"))
    assert len(spooled.names()) == 1


def test_a_deal_that_the_list_does_not_show_yet_stays_in_every_heartbeat(
    running, context, spooled, clock, tables, deal
):
    running.deal_callback(context, deal("1"))
    clock.now += 60
    running.timer(context)
    tables["DEAL"].append(deal("1"))
    clock.now += 60
    running.timer(context)
    assert [len(event["data"]["deals"]) for event in spooled.events()] == [1, 1, 1]


def test_many_deals_in_one_second_are_two_posts(running, context, spooled, clock, deal):
    for i in range(40):
        running.deal_callback(context, deal(str(i)))
        clock.now += 0.01
    clock.now += 1
    running.timer(context)
    assert [len(event["data"]["deals"]) for event in spooled.events()] == [1, 40]


def test_deals_replayed_after_a_reconnect_make_no_post(running, context, spooled, clock, tables, deal):
    tables["DEAL"] = [deal(str(i)) for i in range(5)]
    running.timer(context)
    clock.now += 10
    for replayed in tables["DEAL"]:
        running.deal_callback(context, replayed)
    assert len(spooled.names()) == 1


def test_a_deal_whose_post_met_a_full_disk_is_posted_later(running, context, spooled, clock, deal, monkeypatch):
    def no_space(a, b):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "replace", no_space)
        running.deal_callback(context, deal("1"))
    clock.now += 5
    running.timer(context)
    assert spooled.events("qmt.heartbeat")[0]["data"]["deals"][0]["订单编号"] == "1"


def test_yesterdays_deals_are_not_in_todays_heartbeat(running, context, spooled, clock, deal):
    running.deal_callback(context, deal("1"))
    clock.now += 86400
    running.timer(context)
    assert spooled.events()[-1]["data"]["deals"] == []


def test_a_logged_out_account_is_told(running, context, spooled, tables):
    for table in tables:
        tables[table] = []
    running.timer(context)
    assert spooled.events()[0]["data"]["logged_in"] is False


def test_a_table_that_raises_leaves_the_others_and_is_named(running, context, spooled, tables):
    def fail(account, kind, table):
        if table == "POSITION":
            raise RuntimeError("no")
        return tables[table]

    running._api["get_trade_detail_data"] = fail
    running.timer(context)
    (beat_event,) = spooled.events("qmt.heartbeat")
    assert (beat_event["data"]["positions"], beat_event["data"]["failed"]) == ([], ["positions"])
    assert beat_event["data"]["logged_in"] is True
    assert spooled.events("strategy.error")[0]["data"]["where"] == "get_trade_detail_data"


def test_a_very_long_day_is_cut_to_its_newest_deals(running, context, spooled, tables, deal):
    tables["DEAL"] = [deal(str(i), m_strTradeTime="%06d" % i) for i in range(250)]
    running.timer(context)
    data = spooled.events()[0]["data"]
    assert (len(data["deals"]), data["left_out"]) == (200, {"deals": 50})
    assert data["deals"][-1]["时间"] == "000249"


def test_a_clock_set_back_does_not_stop_the_heartbeat(running, context, spooled, clock):
    running.timer(context)
    clock.now -= 300
    running.timer(context)
    assert len(spooled.names()) == 2


# ---- accounts and modes


def test_without_an_account_nothing_happens_but_one_sentence(start, context, spooled, said):
    made = start(account=None)
    made.init(context)
    made.timer(context)
    made.handlebar(context)
    assert context.timers == []
    assert not os.path.exists(spooled.folder)
    assert len(said) == 1 and "没有资金账号" in said[0]


def test_a_trial_run_in_the_editor_does_not_silence_the_real_one(running, start, context, spooled):
    start(account=None).init(context)
    running.timer(context)
    assert len(spooled.names()) == 1


def test_a_backtest_posts_nothing(start, context, spooled):
    context.do_back_test = True
    made = start()
    made.init(context)
    made.handlebar(context)
    assert not os.path.exists(spooled.folder)


def test_the_account_of_the_settings_goes_first_and_a_difference_is_told(start, context, spooled):
    asked = []
    made = start("[account]\nid = 999\ntype = CREDIT\n", get_trade_detail_data=lambda *args: asked.append(args) or [])
    made.init(context)
    made.timer(context)
    assert asked[0] == ("999", "CREDIT", "ACCOUNT")
    assert [event["data"]["what"] for event in spooled.events("strategy.notice")] == ["account_differs"]


def test_a_wrong_setting_is_told_once_a_day_however_often_init_runs(start, context, spooled, clock):
    for _ in range(3):
        start("[heartbeat]\nevery = 0\n").init(context)
    assert len(spooled.events("strategy.notice")) == 1
    clock.now += 86400
    start("[heartbeat]\nevery = 0\n").init(context)
    assert len(spooled.events("strategy.notice")) == 2


def test_a_set_account_that_raises_leaves_the_timer(start, context, spooled):
    def fail(account):
        raise RuntimeError("no")

    context.set_account = fail
    made = start()
    made.init(context)
    assert len(context.timers) == 1
    assert spooled.events("strategy.error")[0]["data"]["where"] == "set_account"


# ---- two copies


def test_after_a_new_init_the_old_timer_is_silent(start, context, spooled):
    old, new = start(), start()
    old.init(context)
    new.init(context)
    old.timer(context)
    assert spooled.names() == []
    new.timer(context)
    assert [event["kind"] for event in spooled.events()] == ["qmt.heartbeat"]


def test_a_second_copy_that_is_still_called_is_told_once(start, context, spooled, deal):
    old, new = start(), start()
    old.init(context)
    new.init(context)
    for _ in range(3):
        old.handlebar(context)
        old.deal_callback(context, deal())
    (notice,) = spooled.events()
    assert (notice["kind"], notice["data"]["what"]) == ("strategy.notice", "old_copy")


def test_every_init_has_an_instance_of_its_own(start, context, spooled):
    for _ in range(2):
        made = start()
        made.init(context)
        made.timer(context)
    first, second = spooled.events()
    assert first["data"]["instance"] != second["data"]["instance"]
    assert (first["data"]["n"], second["data"]["n"]) == (1, 1)
