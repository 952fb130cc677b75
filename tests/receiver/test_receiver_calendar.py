import sqlite3
from contextlib import closing
from datetime import date, timedelta

import chinese_calendar
import pytest

from receiver.receiver import CLOSED_WEEKDAYS, Calendar, built_in_closed_days, main, make_calendar
from tests.receiver.receiver_bench import Bench, at, write_ini
from tests.receiver.test_receiver_status_at import calendar


@pytest.mark.parametrize("year", sorted(CLOSED_WEEKDAYS))
def test_the_table_is_that_of_the_package(year):
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    expected = {d for d in days if d.year == year and d.weekday() < 5 and not chinese_calendar.is_workday(d)}
    assert {d for d in built_in_closed_days() if d.year == year} == expected


def test_a_make_up_saturday_is_a_working_day_but_no_trading_day():
    assert chinese_calendar.is_workday(date(2026, 10, 10))
    assert not calendar().is_trading_day(date(2026, 10, 10))


def test_every_day_makes_sundays_trading_days():
    assert calendar(every_day=True).is_trading_day(date(2026, 1, 4))


def test_session_seconds_count_only_sessions():
    days = calendar()
    assert days.session_seconds(at("2026-01-05 11:29:00"), at("2026-01-05 13:01:00")) == 120
    assert days.session_seconds(at("2026-01-05 14:59:00"), at("2026-01-06 09:26:00")) == 120
    assert days.session_seconds(at("2026-01-09 14:59:00"), at("2026-01-12 09:26:00")) == 120
    assert days.session_seconds(at("2026-01-05 15:00:00"), at("2026-01-05 14:00:00")) == 0


def test_the_deadline_is_the_inverse_of_session_seconds():
    days, start = calendar(), at("2026-01-05 11:29:00")
    for seconds in (1, 60, 61, 7200 + 60, 7200 + 61, 20000):
        assert days.session_seconds(start, days.deadline(start, seconds)) == seconds


def test_a_session_around_the_clock_has_no_gap_at_midnight():
    days = calendar(sessions=((0, 86400),), every_day=True)
    assert days.session_seconds(at("2026-01-05 23:59:00"), at("2026-01-06 00:01:00")) == 120
    assert days.in_session(at("2026-01-06 00:00:00"))


def test_a_long_silence_is_counted_quickly():
    assert calendar().session_seconds(0.0, at("2026-01-05 10:00:00")) > 100000


def test_the_next_session_is_after_lunch_or_the_weekend():
    days = calendar()
    assert days.next_session(at("2026-01-05 12:00:00")) == at("2026-01-05 13:00:00")
    assert days.next_session(at("2026-01-09 15:00:00")) == at("2026-01-12 09:25:00")


@pytest.mark.parametrize(
    "now, told", [("08:59:59", False), ("09:00:00", True), ("12:00:00", True), ("15:09:59", True), ("15:10:00", False)]
)
def test_the_window_for_telling(now, told):
    assert calendar().in_tell(at(f"2026-01-05 {now}")) is told


def test_night_news_are_told_when_the_next_window_opens():
    assert calendar().next_tell(at("2026-01-09 20:00:00")) == at("2026-01-12 09:00:00")
    assert calendar().next_tell(at("2026-01-12 09:30:00")) == at("2026-01-12 09:30:00")


def test_the_page_warns_from_thirty_days_before_the_table_ends():
    days = calendar()
    assert days.coverage_warning(at("2026-12-01 10:00:00")) == ""
    assert "2026-12-31" in days.coverage_warning(at("2026-12-02 10:00:00"))
    assert "用完" in days.coverage_warning(at("2027-01-04 10:00:00"))


def test_days_added_on_the_command_line_are_closed_and_can_extend_the_table(tmp_path):
    bench = Bench(tmp_path)
    days = make_calendar(bench.config, frozenset([date(2027, 1, 1)]), date(2027, 12, 31))
    assert isinstance(days, Calendar)
    assert not days.is_trading_day(date(2027, 1, 1))
    assert days.covered_until == date(2027, 12, 31)
    assert days.coverage_warning(at("2027-01-04 10:00:00")) == ""


def run_calendar(folder, *words):
    write_ini(folder)
    return main(["calendar", *words, "--config", str(folder / "receiver.ini")])


def test_a_day_that_was_added_by_mistake_can_be_removed(tmp_path, capsys):
    assert run_calendar(tmp_path, "add", "2098-01-01") == 0
    assert run_calendar(tmp_path, "remove", "2098-01-01") == 0
    assert "已删除休市日：2098-01-01" in capsys.readouterr().out
    with closing(sqlite3.connect(str(tmp_path / "receiver.db"))) as db:
        assert db.execute("SELECT count(*) FROM closed_day").fetchone() == (0,)


@pytest.mark.parametrize("day, why", [("2020-01-01", "已经过去"), ("2098-01-04", "是周末")])
def test_a_day_that_can_only_be_a_mistake_is_not_added(tmp_path, capsys, day, why):
    assert run_calendar(tmp_path, "add", "2098-01-01", day) == 2
    assert f"{day} {why}" in capsys.readouterr().err
