"""What the soak writes into the ini files in the morning: the hours of the day, and the grid."""

from types import SimpleNamespace

import pytest

from rehearsal.road import ALWAYS_OPEN, read_ini
from rehearsal.soak import days, sessions


@pytest.fixture
def road(tmp_path):
    (tmp_path / "receiver.ini").write_text(
        f"[calendar]\nsessions = {ALWAYS_OPEN}\ntell = {ALWAYS_OPEN}\nevery_day = yes\n"
    )
    ini = f"[sentry]\nsessions = {ALWAYS_OPEN}\n[heartbeat]\nhours = {ALWAYS_OPEN}\n[strategy]\nfunds = 510300.SH\n"
    (tmp_path / "sentry.ini").write_text(ini)
    options = ["--replay-from", "20260105"]
    return SimpleNamespace(receiver_ini=tmp_path / "receiver.ini", home=tmp_path, qmt_options=options)


def hours(road):
    receiver, sentry = read_ini(road.receiver_ini)["calendar"], read_ini(road.home / "sentry.ini")
    return receiver["sessions"], receiver["tell"], sentry["sentry"]["sessions"], sentry["heartbeat"]["hours"]


def test_a_day_of_real_hours_has_them_in_every_part_and_the_next_day_is_open_again(road):
    sessions.keep(road, real=True)
    assert hours(road) == (sessions.SESSIONS, sessions.TELL, sessions.SESSIONS, sessions.BEATS)
    assert road.qmt_options == ["--replay-from", "20260105", "--hours", "exchange"]
    sessions.keep(road, real=False)
    assert hours(road) == (ALWAYS_OPEN,) * 4
    assert road.qmt_options == ["--replay-from", "20260105"]


def test_what_else_stands_in_the_files_stays(road):
    sessions.keep(road, real=True)
    assert read_ini(road.receiver_ini)["calendar"]["every_day"] == "yes"
    assert read_ini(road.home / "sentry.ini")["strategy"]["funds"] == "510300.SH"


def test_the_grid_becomes_finer_each_day_down_to_what_the_strategy_takes(road):
    heights = []
    for day in range(1, 61):
        days.set_grid(road, day)
        heights.append(float(read_ini(road.home / "sentry.ini")["strategy"]["grid_height"]))
    assert heights[:21] == sorted(set(heights[:21]), reverse=True)
    assert heights[0] == 0.01 and min(heights) == 0.001  # the strategy's own least
