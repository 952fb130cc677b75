"""sentry.ini as strategies read it: whatever stands in it, they get usable settings and words for the owner."""

import os

import pytest

from qmt_strategy.dingtou import home, settings

GARBAGE = [
    "no section here",
    "[heartbeat",
    "[heartbeat]\nevery = 60\n= 3\n:::\n",
    "\x00\x01\x02",
    "[heartbeat]\n every\n  = what\n",
    "[DEFAULT]\nx=%(y)s\n[heartbeat]\nevery=%(x)s",
]


def test_an_empty_file_is_all_defaults_without_complaint():
    found = settings.parse("")
    assert (found.account_id, found.account_type, found.every, found.tick_code) == ("", "", 60, "510300.SH")
    assert found.hours == ((33000, 41700), (46500, 54300))
    assert found.problems == []


def test_the_page_of_the_protocol_is_understood_with_its_comments():
    found = settings.parse(
        "[account]\nid =      ; account number; empty: the one QMT injects\ntype = STOCK\n"
        "[heartbeat]\nevery = 5    ; seconds\nhours = 00:00-24:00\ntick_code = 159915.sz\n"
        "[strategy]\nmode = observe\n[sentry]\nwhatever = 1\n"
    )
    assert (found.account_id, found.every, found.hours, found.tick_code) == ("", 5, ((0, 86400),), "159915.SZ")
    assert found.strategy == {"mode": "observe"}
    assert found.problems == []


@pytest.mark.parametrize(
    "section, key, value",
    [
        ("heartbeat", "every", "0"),
        ("heartbeat", "every", "-3"),
        ("heartbeat", "every", "nan"),
        ("heartbeat", "every", "1e99"),
        ("heartbeat", "every", "每分钟"),
        ("heartbeat", "hours", "9点到11点"),
        ("heartbeat", "hours", "11:30-09:30"),
        ("heartbeat", "hours", "09:30-11:30,"),
        ("heartbeat", "hours", "09:61-11:30"),
        ("heartbeat", "hours", "09:30-24:01"),
        ("heartbeat", "tick_code", "510300"),
        ("heartbeat", "tick_code", "SH510300"),
        ("account", "id", "12 34"),
        ("account", "type", "股票"),
    ],
)
def test_a_wrong_value_is_replaced_by_its_default_and_told(section, key, value):
    found = settings.parse("[%s]\n%s = %s\n" % (section, key, value))
    assert found._replace(problems=[]) == settings.parse("")
    assert len(found.problems) == 1
    assert "[%s] %s = %s" % (section, key, value) in found.problems[0]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_gives_defaults_and_one_sentence(text):
    found = settings.parse(text)
    assert found.every == 60
    assert found.problems


def test_a_doubled_key_counts_once_and_is_no_error():
    assert settings.parse("[heartbeat]\nevery = 5\nevery = 7\n").every == 7


def test_a_missing_file_is_no_problem(home):
    assert settings.load(home).problems == []


def test_a_file_with_a_byte_order_mark_is_read(home):
    with open(os.path.join(home, "sentry.ini"), "wb") as file:
        file.write(b"\xef\xbb\xbf[heartbeat]\r\nevery = 7\r\n")
    assert settings.load(home).every == 7


def test_a_file_saved_in_the_pcs_own_encoding_is_read(home):
    with open(os.path.join(home, "sentry.ini"), "wb") as file:
        file.write("[heartbeat] \n; 心跳间隔\nevery = 7\n".encode("gbk"))
    assert settings.load(home).every == 7


def test_a_file_that_cannot_be_opened_is_told(home):
    os.mkdir(os.path.join(home, "sentry.ini"))
    found = settings.load(home)
    assert found.every == 60
    assert "sentry.ini 打不开" in found.problems[0]


def test_the_home_folder_is_named_by_the_environment():
    assert home_folder({"QMT_SENTRY_HOME": " /x/y ", "LOCALAPPDATA": "/local"}) == os.path.abspath("/x/y")
    assert home_folder({"QMT_SENTRY_HOME": "", "LOCALAPPDATA": "/local"}) == os.path.join("/local", "QMTSentry")
    assert home_folder({}).endswith(os.path.join(".local", "share", "qmt-sentry"))


home_folder = home.folder
