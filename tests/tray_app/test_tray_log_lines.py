"""Lines of QMT's logs: which are told, how often, and what of them."""

import pytest

from tray_app.watch.log_lines import LONGEST_SHOWN, Hit, Pattern, Teller, decode, mask, match, with_cause

PATTERNS = (Pattern("登录失败"), Pattern("Traceback"), Pattern("start simulation mode", "start trading mode"))
LINE = "2026-01-05 10:00:00 账号 登录失败"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_line_is_read_whether_it_is_gbk_or_utf_8(encoding):
    assert decode(LINE.encode(encoding)) == LINE


def test_bytes_that_are_neither_are_replaced_and_the_rest_is_read():
    assert "Traceback" in decode(b"\xff\xfe\x80 Traceback \xff")


def test_a_line_fits_each_pattern_it_holds_however_it_is_capitalised():
    found = match("[trade]Start Simulation Mode 登录失败", PATTERNS)
    assert [(hit.pattern, hit.over) for hit in found] == [("登录失败", False), ("start simulation mode", False)]
    assert match("all is well", PATTERNS) == []


def test_what_ends_a_pattern_is_told_as_its_end():
    assert match("[trade]start trading mode", PATTERNS) == [
        Hit("start simulation mode", "[trade]start trading mode", over=True, lasting=True)
    ]


@pytest.mark.parametrize(
    "line, shown",
    [
        ("account 410038217 logged out", "account *8217 logged out"),
        ("资金账号:88812345678 登录失败", "资金账号:*5678 登录失败"),
        ("账号 [26114] 断开", "账号 [*6114] 断开"),
        ("2____11194____114911____49____2000567____ x", "2____11194____114911____49____*0567____ x"),
        ("20260105 093001 order 12", "20260105 093001 order 12"),
        ("20260105093001 断开 600519.SH", "20260105093001 断开 600519.SH"),
    ],
)
def test_of_account_numbers_only_the_last_four_digits_leave(line, shown):
    assert mask(line) == shown


def test_the_account_of_sentry_ini_is_cut_though_it_is_short_or_looks_like_a_date():
    assert mask("x 20260105 y", "20260105") == "x *0105 y"
    assert mask("id=123456", "123456") == "id=*3456"


@pytest.mark.parametrize("prefix", ["", "[10:00:00] "])
def test_a_traceback_is_told_with_its_cause(prefix):
    lines = [
        "Traceback (most recent call last):",
        '  File "<string>", line 7',
        "    x = 1 / 0",
        "ZeroDivisionError: by 0",
    ]
    first, *following = [prefix + line for line in lines]
    assert with_cause(first, [*following, "next"]) == first + " ZeroDivisionError: by 0"
    assert with_cause(first, following[:2]) == first
    assert with_cause("断开", following) == "断开"


def test_a_long_line_is_cut():
    assert len(mask("断开 " * 1000)) == LONGEST_SHOWN


def hit(pattern="断开", over=False):
    return Hit(pattern, pattern + "!", over, lasting=True)


def test_the_first_line_is_told_at_once_and_repeats_as_one_with_a_count():
    teller = Teller()
    told = [tell.times for tell in teller.heard(hit(), "a.log", 1000.0)]
    for second in range(1, 50):
        told += [tell.times for tell in teller.heard(hit(), "a.log", 1000.0 + second) + teller.due(1000.0 + second)]
    assert told == [1]
    assert [(tell.times, tell.file) for tell in teller.due(1060.0)] == [(49, "a.log")]
    assert teller.due(1200.0) == []


def test_two_patterns_do_not_hide_each_other():
    teller = Teller()
    teller.heard(hit(), "a.log", 1000.0)
    assert [tell.pattern for tell in teller.heard(hit("Traceback"), "a.log", 1000.0)] == ["Traceback"]


def test_a_clock_that_was_set_back_silences_nothing():
    teller = Teller()
    teller.heard(hit(), "a.log", 1000.0)
    assert teller.heard(hit(), "a.log", 500.0)


def test_an_end_is_told_once_and_only_after_its_beginning():
    teller = Teller()
    assert teller.heard(hit(over=True), "a.log", 1000.0) == []
    teller.heard(hit(), "a.log", 1001.0)
    assert [tell.over for tell in teller.heard(hit(over=True), "a.log", 1002.0)] == [True]
    assert teller.heard(hit(over=True), "a.log", 1003.0) == []


def test_a_beginning_right_after_the_end_is_told_at_once():
    teller = Teller()
    for over in (False, True):
        teller.heard(hit(over=over), "a.log", 1000.0)
    assert [tell.over for tell in teller.heard(hit(), "a.log", 1001.0)] == [False]
