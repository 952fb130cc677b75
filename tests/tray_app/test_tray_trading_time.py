"""Sessions and days as arithmetic, at their edges."""

import pytest

from tests.tray_app.helpers import MONDAY_10_00
from tray_app import trading_time as tt

MIDNIGHT = MONDAY_10_00 - 10 * 3600
SESSIONS = tt.parse_sessions("09:30-11:30, 13:00-15:00")


def always(epoch):
    return True


@pytest.mark.parametrize(
    "clock, inside",
    [
        ("09:29:59", False),
        ("09:30:00", True),
        ("11:29:59", True),
        ("11:30:00", False),
        ("12:59:59", False),
        ("13:00:00", True),
        ("14:59:59", True),
        ("15:00:00", False),
    ],
)
def test_a_session_begins_on_its_second_and_ends_before_its_last(clock, inside):
    assert tt.in_session(SESSIONS, MIDNIGHT + tt.parse_clock(clock), always) is inside


def test_no_session_on_a_day_that_is_none():
    assert not tt.in_session(SESSIONS, MONDAY_10_00, lambda epoch: False)


def test_session_seconds_leave_out_the_lunch_and_the_night():
    assert tt.session_seconds(SESSIONS, MIDNIGHT, MIDNIGHT + 86400, always) == 4 * 3600
    assert tt.session_seconds(SESSIONS, MIDNIGHT + 11.25 * 3600, MIDNIGHT + 13.25 * 3600, always) == 1800
    assert tt.session_seconds(SESSIONS, MIDNIGHT + 14.75 * 3600, MIDNIGHT + 86400 + 9.75 * 3600, always) == 1800


def test_session_seconds_ask_for_each_day():
    weekend = MIDNIGHT + 4 * 86400 + 15 * 3600  # Friday 15:00 to Monday 09:30
    assert tt.session_seconds(SESSIONS, weekend, weekend + 66.5 * 3600, tt.is_weekday) == 0


def test_the_next_clock_time_is_always_in_the_future():
    assert tt.next_clock(tt.parse_clock("09:25"), MONDAY_10_00) == MIDNIGHT + 86400 + 9 * 3600 + 25 * 60
    assert tt.next_clock(tt.parse_clock("10:00"), MONDAY_10_00) == MONDAY_10_00 + 86400
    assert tt.next_clock(tt.parse_clock("15:00"), MONDAY_10_00) == MIDNIGHT + 15 * 3600


def test_the_day_is_shanghais_whatever_the_pcs_zone():
    assert tt.day_of(MIDNIGHT) == "20260105"
    assert tt.day_of(MIDNIGHT - 1) == "20260104"


def test_a_time_of_another_day_is_shown_with_its_date():
    assert tt.show_day_time(MONDAY_10_00, MONDAY_10_00 + 60) == "10:00"
    assert tt.show_day_time(MONDAY_10_00, MONDAY_10_00 + 86400) == "1 月 5 日 10:00"
