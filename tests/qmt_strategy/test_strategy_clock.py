"""Trading day and time of day by China's time, whatever the PC's zone."""

import pytest

from qmt_strategy.dingtou import clock

MIDNIGHT = 1767542400.0  # 2026-01-05 00:00:00 in China


def test_the_trading_day_changes_at_midnight_in_china():
    assert clock.day(MIDNIGHT - 1) == "20260104"
    assert clock.day(MIDNIGHT) == "20260105"


def test_the_time_of_day_is_chinas():
    assert clock.second_of_day(MIDNIGHT) == 0
    assert clock.second_of_day(MIDNIGHT + 86399) == 86399


@pytest.mark.parametrize("second, open_", [(32999, False), (33000, True), (41700, True), (41701, False)])
def test_hours_include_both_their_ends(second, open_):
    assert clock.inside(((33000, 41700),), MIDNIGHT + second) is open_


@pytest.mark.parametrize(
    "tick, epoch",
    [
        ({"timetag": "20260105 09:30:00"}, MIDNIGHT + 34200),
        ({"timetag": "20260105 09:30:00.500"}, MIDNIGHT + 34200),
        ({"time": 1767576600500, "stime": "20260105093000.500"}, MIDNIGHT + 34200.5),
        ({"time": 0, "stime": "20260105093000"}, MIDNIGHT + 34200),
        ({"timetag": "00000000 00:00:00"}, None),
        ({"timetag": "20261345 99:00:00"}, None),
        ({"timetag": ""}, None),
        ({"timetag": None, "time": None}, None),
        ({"time": float("nan")}, None),
        ({"time": True}, None),
        ({}, None),
        (None, None),
        ("x", None),
    ],
)
def test_a_ticks_time_is_read_in_both_clients_forms(tick, epoch):
    assert clock.tick_time(tick) == epoch
