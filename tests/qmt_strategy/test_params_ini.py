"""sentry.ini's trading settings: all defaults observe, every mistake has a sentence and stops what it touches."""

import os

import pytest

from qmt_strategy.dingtou import params
from qmt_strategy.dingtou.rule import Rule

SEVEN = ("512690.SH", "512580.SH", "512660.SH", "159915.SZ", "159928.SZ", "510330.SH", "510500.SH")
LIVE = "[account]\nid = 2000567\n[strategy]\nmode = live\n"


def strategy(line):
    return params.parse(LIVE + line + "\n")


def fund(lines, code="512690.SH"):
    return params.parse(LIVE + "[fund:%s]\n%s\n" % (code, lines))


def assert_observing(found, *words):
    assert not found.live
    assert found.why_observe
    assert found.why_observe in found.problems
    for part in words:
        assert part in " ".join(found.problems)


def test_an_empty_file_observes_with_the_customers_defaults():
    found = params.parse("")
    assert not found.live
    assert "mode = observe" in found.why_observe
    assert found.problems == ()
    assert tuple(one.code for one in found.funds) == SEVEN
    assert found.funds[0].rule == Rule(850, 0.01, 1000.0, 0.8, 0.4, 1.0, 2.0, 0.10)
    assert (found.max_attempts, found.max_order_amount, found.max_day_amount) == (3, 100000, 300000)
    assert (found.fill_timeout, found.tick_max_age, found.cash_warning, found.decide_at) == (60, 60, 80000, -1)


def test_live_with_an_account_is_live():
    found = params.parse(LIVE)
    assert (found.live, found.why_observe, found.problems, found.account_id) == (True, "", (), "2000567")


def test_live_without_an_account_observes():
    assert_observing(params.parse("[strategy]\nmode = live\n"), "还需要 [account] id")


@pytest.mark.parametrize("line", ["id = 12 34", "id = 账号", "id = 2000567\ntype = 股票"])
def test_an_account_typed_wrong_observes(line):
    assert_observing(params.parse("[account]\n%s\n[strategy]\nmode = live\n" % line), "[account]")


def test_a_mistake_of_another_script_does_not_stop_trading():
    assert params.parse(LIVE + "[heartbeat]\nevery = never\n").live


def test_the_trays_sections_are_not_ours():
    assert params.parse(LIVE + "[sentry]\nmachine = x\n[qmt]\n[host]\n[inbox]\n[outbox]\n[something new]\n").live


def test_every_value_is_read():
    found = strategy(
        "funds = 510300.sh, 159915.SZ ; two\nma = 250\ngrid_height = 0.02\ngrid_amount = 500\n"
        "quantile_positive = 0.7\nquantile_negative = 0.5\nbuy_factor = 1.5\nsell_factor = 3\ndecide = once 14:50\n"
        "max_attempts = 2\nmax_order_amount = 5000\nmax_day_amount = 9000\nfill_timeout = 30\ntick_max_age = 20\n"
        "cash_warning = 0"
    )
    assert found.problems == ()
    assert [one.code for one in found.funds] == ["510300.SH", "159915.SZ"]
    assert found.funds[0].rule == Rule(250, 0.02, 500.0, 0.7, 0.5, 1.5, 3.0, 0.10)
    assert found.funds[1].rule.daily_limit == 0.20
    assert found.decide_at == 14 * 3600 + 50 * 60
    assert (found.max_attempts, found.max_order_amount, found.max_day_amount) == (2, 5000, 9000)
    assert (found.fill_timeout, found.tick_max_age, found.cash_warning) == (30, 20, 0)


@pytest.mark.parametrize(
    "line",
    [
        "ma = 1",
        "ma = 2001",
        "ma = 850.5",
        "ma = eight hundred",
        "ma = 850 # days",
        "ma = 8_50",
        "ma = ８５０",
        "ma = -850",
        "grid_height = 1",
        "grid_height = 0",
        "grid_height = 1%",
        "grid_height = nan",
        "grid_amount = 0",
        "grid_amount = 1,000",
        "grid_amount = 1e3",
        "grid_amount = inf",
        "quantile_positive = 80",
        "quantile_negative = 1.0",
        "buy_factor = 0",
        "sell_factor = -2",
        "decide = daily",
        "decide = once",
        "decide = once 12:00",
        "decide = once 14:54",
        "decide = once 13:60",
        "decide = once 24:50",
        "funds = 512690",
        "funds = 512690.SH 512580.SH",
        "funds = SH512690",
        "funds = 512690.SH, 512690.sh",
        "funds = 512690.SH,",
        "max_attempts = 0",
        "max_attempts = 11",
        "max_order_amount = 99",
        "max_day_amount = none",
        "fill_timeout = 9",
        "tick_max_age = 121",
        "cash_warning = -1",
    ],
)
def test_a_wrong_value_observes_and_says_so(line):
    assert_observing(strategy(line), "[strategy] %s 不对，不下单，只观察。应为" % line)


@pytest.mark.parametrize("mode", ["Live", "on", "LIVE", "live, please"])
def test_a_mode_that_is_not_known_observes(mode):
    assert_observing(params.parse("[account]\nid = 1\n[strategy]\nmode = %s\n" % mode), "mode = %s 不对" % mode)


@pytest.mark.parametrize(
    "line",
    [
        "ma = 2",
        "ma = 2000",
        "grid_height = 0.001",
        "grid_height = 0.2",
        "grid_amount = 1",
        "quantile_positive = 0.99",
        "quantile_negative = 0.01",
        "buy_factor = 0.01",
        "sell_factor = 100",
        "decide = once 9:30",
        "decide = once 11:29",
        "decide = once 13:00",
        "decide = once 14:53",
        "max_attempts = 1",
        "max_attempts = 10",
        "max_order_amount = 100",
        "max_day_amount = 100",
        "fill_timeout = 10",
        "fill_timeout = 600",
        "tick_max_age = 5",
        "tick_max_age = 120",
        "funds = 512690.SH",
    ],
)
def test_the_ends_of_each_range_are_inside(line):
    assert strategy(line).live


def test_an_unknown_key_observes_and_lists_what_there_is():
    assert_observing(strategy("grid_amont = 10"), "没有 grid_amont 这一项", "grid_amount")


@pytest.mark.parametrize(
    "text",
    [
        LIVE + "ma = 850\nma = 85\n",
        LIVE + "[strategy]\nma = 85\n",
        LIVE + "[fund:512690.SH]\namount = 1\n[fund:512690.SH]\namount = 2\n",
        LIVE + "no value here\n",
        "no section\n" + LIVE,
        LIVE + "[fund:512690.SH\namount = 1\n",
        "\x00" + LIVE,
    ],
)
def test_a_file_that_cannot_be_understood_or_says_it_twice_observes(text):
    assert_observing(params.parse(text))


def test_a_default_section_observes():
    assert_observing(params.parse("[DEFAULT]\nma = 85\n" + LIVE), "[DEFAULT]")


@pytest.mark.parametrize(
    "name",
    [
        "fund:512691.SH",
        "fund:512690",
        "fund 512690.SH",
        "found:512690.SH",
        "Fund:512690.SH",
        "fund:512690 .SH",
        "fund",
        "Strategy",
        "stratgy",
        "strategy ",
    ],
)
def test_a_section_that_would_be_passed_over_observes(name):
    assert_observing(params.parse(LIVE + "[%s]\namount = 1\n" % name), "[%s]" % name)


def test_two_sections_of_one_fund_that_differ_in_case_observe():
    assert_observing(params.parse(LIVE + "[fund:512690.SH]\namount = 1\n[fund:512690.sh]\namount = 2\n"))


# ---- one fund


def test_a_funds_own_amount_start_and_limit():
    found = fund("amount = 2500\nstart_cell = -15\ndaily_limit = 20")
    assert found.problems == ()
    assert found.fund("512690.SH").rule == Rule(grid_amount=2500.0, daily_limit=0.20)
    assert found.fund("512690.SH")[2:] == ("number", -15, "", "")
    assert found.fund("512580.SH").rule == Rule()
    assert found.fund("512691.SH") is None


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", ("", 0, "")),
        ("current", ("current", 0, "")),
        ("None", ("none", 0, "")),
        ("12", ("number", 12, "")),
        ("-15  20260105", ("number", -15, "20260105")),
        ("none 20260105", ("none", 0, "20260105")),
    ],
)
def test_the_three_ways_to_start(text, expected):
    found = fund("start_cell = " + text)
    assert found.problems == ()
    assert (found.funds[0].start, found.funds[0].start_cell, found.funds[0].start_day) == expected


@pytest.mark.parametrize(
    "line",
    [
        "start_cell = 0",
        "start_cell = -0",
        "start_cell = 1.5",
        "start_cell = now",
        "start_cell = -15 today",
        "start_cell = +5",
        "start_cell = -1500",
        "amount = 0",
        "amount = -1000",
        "amount = 1000 yuan",
        "daily_limit = 10%",
        "daily_limit = 0.2",
        "ma = 250",
        "ammount = 5",
    ],
)
def test_a_mistake_in_a_funds_section_stops_that_fund_alone(line):
    found = fund(line)
    assert found.live
    assert [one.code for one in found.funds if one.why_not] == ["512690.SH"]
    assert "[fund:512690.SH]" in found.funds[0].why_not
    assert "这只基金不交易" in found.funds[0].why_not
    assert found.problems == (found.funds[0].why_not,)


# ---- the file


def write(home, raw):
    with open(os.path.join(home, "sentry.ini"), "wb") as file:
        file.write(raw)


def test_a_missing_file_observes(home):
    found = params.load(home)
    assert (found.live, found.problems) == (False, ())


def test_a_file_that_cannot_be_opened_observes(home):
    os.mkdir(os.path.join(home, "sentry.ini"))
    assert_observing(params.load(home), "打不开")


def test_a_file_of_notepad_is_read(home):
    write(home, b"\xef\xbb\xbf" + LIVE.replace("\n", "\r\n").encode())
    assert params.load(home).live


def test_a_file_in_the_pcs_own_encoding_is_read(home):
    write(home, ("; 我的设置\n" + LIVE + "; 金额\n").encode("gbk"))
    assert params.load(home).live


@pytest.mark.parametrize("cut", range(len(LIVE) - 1))
def test_half_a_file_never_goes_live(cut):
    assert not params.parse(LIVE[:cut]).live
