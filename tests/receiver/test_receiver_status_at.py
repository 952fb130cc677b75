"""The table of status_at: each row is a time, what was last heard, and the verdict."""

from datetime import date

import pytest

from receiver.receiver import (
    DOWN,
    LATE,
    NEW,
    OFF,
    PAUSED,
    UNKNOWN,
    UP,
    Calendar,
    Check,
    built_in_closed_days,
    status_at,
)
from tests.receiver.receiver_bench import at

SESSIONS = ((33900, 41400), (46800, 54000))  # 09:25-11:30, 13:00-15:00


def calendar(**changes):
    values = {"sessions": SESSIONS, "tell": (32400, 54600), "closed": built_in_closed_days()}
    return Calendar(**{**values, "covered_until": date(2026, 12, 31), **changes})


def verdict(now, last_seen, silent=90.0, **more):
    seen = at(last_seen) if last_seen else None
    return status_at(Check(silent, seen, **more), at(now), calendar())


@pytest.mark.parametrize(
    "now, last_seen, expected",
    [
        # Monday: the first session begins at 09:25:00
        ("2026-01-05 09:24:59", "2026-01-02 14:59:59", OFF),
        ("2026-01-05 09:25:00", "2026-01-05 09:24:59", UP),
        ("2026-01-05 09:25:01", "2026-01-05 09:24:59", UP),
        ("2026-01-05 09:25:00", "2026-01-05 09:00:00", LATE),  # not heard for long, but not yet accused
        ("2026-01-05 09:26:29", "2026-01-05 09:00:00", LATE),
        ("2026-01-05 09:26:30", "2026-01-05 09:00:00", DOWN),  # 90 s of session time
        ("2026-01-05 09:26:31", "2026-01-05 09:00:00", DOWN),
        # two thirds of the allowed silence: late
        ("2026-01-05 10:00:59", "2026-01-05 10:00:00", UP),
        ("2026-01-05 10:01:00", "2026-01-05 10:00:00", LATE),
        ("2026-01-05 10:01:29", "2026-01-05 10:00:00", LATE),
        ("2026-01-05 10:01:30", "2026-01-05 10:00:00", DOWN),
        # lunch
        ("2026-01-05 11:29:59", "2026-01-05 11:29:30", UP),
        ("2026-01-05 11:30:00", "2026-01-05 11:29:30", OFF),
        ("2026-01-05 11:30:01", "2026-01-05 11:29:30", OFF),
        ("2026-01-05 12:59:59", "2026-01-05 11:29:30", OFF),
        ("2026-01-05 13:00:00", "2026-01-05 12:59:59", UP),
        ("2026-01-05 13:00:59", "2026-01-05 11:29:30", LATE),  # 30 s before lunch + 59 s after
        ("2026-01-05 13:01:00", "2026-01-05 11:29:30", DOWN),
        ("2026-01-05 12:30:00", "2026-01-05 11:20:00", DOWN),  # down before lunch stays down over lunch
        # the close
        ("2026-01-05 14:59:59", "2026-01-05 14:59:30", UP),
        ("2026-01-05 15:00:00", "2026-01-05 14:59:30", OFF),
        ("2026-01-05 15:00:01", "2026-01-05 14:58:31", OFF),  # 89 s of session time
        ("2026-01-05 15:00:00", "2026-01-05 14:58:30", DOWN),
        ("2026-01-05 23:59:59", "2026-01-05 15:00:00", OFF),
        ("2026-01-06 00:00:00", "2026-01-05 15:00:00", OFF),
        # a weekend, a holiday, a make-up Saturday
        ("2026-01-03 10:30:00", "2026-01-02 14:59:59", OFF),
        ("2026-01-01 10:30:00", "2025-12-31 14:59:59", OFF),
        ("2026-10-10 10:30:00", "2026-10-09 14:59:59", OFF),
        ("2026-10-08 09:26:29", "2026-09-30 15:00:00", LATE),  # the first day after the national holiday
        ("2026-10-08 09:26:30", "2026-09-30 15:00:00", DOWN),
        # beyond the table every weekday counts: 2027-01-01 is a Friday
        ("2027-01-01 09:26:30", "2026-12-31 15:00:00", DOWN),
        ("2027-01-02 10:30:00", "2027-01-01 15:00:00", OFF),
    ],
)
def test_status_by_silence(now, last_seen, expected):
    assert verdict(now, last_seen) == expected


def test_what_was_never_heard_is_new_and_accuses_nobody():
    assert verdict("2026-01-05 10:00:00", None) == NEW


def test_a_pause_ends_by_the_clock():
    until = at("2026-01-05 10:05:00")
    assert verdict("2026-01-05 10:04:59", "2026-01-05 10:00:00", paused_until=until) == PAUSED
    assert verdict("2026-01-05 10:05:00", "2026-01-05 10:00:00", paused_until=until) == UP
    assert verdict("2026-01-05 10:06:29", "2026-01-05 10:00:00", paused_until=until) == LATE
    assert verdict("2026-01-05 10:06:30", "2026-01-05 10:00:00", paused_until=until) == DOWN


def test_what_runs_on_a_host_that_is_down_is_unknown():
    assert verdict("2026-01-05 10:30:00", "2026-01-05 10:00:00", parent_down=True) == UNKNOWN


@pytest.mark.parametrize(
    "stopped, now, expected",
    [
        ("2026-01-05 10:00:00", "2026-01-05 10:00:00", DOWN),  # at once
        ("2026-01-05 12:00:00", "2026-01-05 12:00:01", DOWN),  # a session is still to come
        ("2026-01-05 14:59:59", "2026-01-05 15:30:00", DOWN),
        ("2026-01-05 15:00:00", "2026-01-05 15:00:01", OFF),
        ("2026-01-05 15:00:00", "2026-01-06 09:24:59", OFF),
        ("2026-01-05 15:00:00", "2026-01-06 09:26:29", LATE),
        ("2026-01-05 15:00:00", "2026-01-06 09:26:30", DOWN),  # it ought to be back
        ("2026-01-05 08:30:00", "2026-01-05 08:30:01", OFF),  # a restart before anything matters
        ("2026-01-03 10:00:00", "2026-01-03 10:00:01", OFF),  # Saturday
    ],
)
def test_a_goodbye_is_bad_news_only_while_sessions_are_left(stopped, now, expected):
    assert verdict(now, stopped, stopped=at(stopped)) == expected


@pytest.mark.parametrize(
    "witness, holding, expected",
    [
        (None, False, LATE),
        ("2026-01-05 10:03:00", False, LATE),  # spoke at the deadline, not after it
        ("2026-01-05 10:03:01", False, DOWN),
        ("2026-01-05 10:03:01", True, LATE),  # older news may still be queued
    ],
)
def test_a_script_is_accused_only_by_a_host_that_is_heard(witness, holding, expected):
    more = {"needs_witness": True, "witness": at(witness) if witness else None, "holding": holding}
    assert verdict("2026-01-05 10:10:00", "2026-01-05 10:00:00", silent=180.0, **more) == expected


def test_the_deadline_that_a_witness_must_pass_skips_lunch():
    more = {"silent": 180.0, "needs_witness": True}
    seen, now = "2026-01-05 11:29:00", "2026-01-05 13:05:00"  # deadline 13:02:00
    assert verdict(now, seen, witness=at("2026-01-05 12:30:00"), **more) == LATE
    assert verdict(now, seen, witness=at("2026-01-05 13:02:01"), **more) == DOWN


def test_silence_counts_from_the_hosts_return():
    back = at("2026-01-05 10:30:00")
    more = {"silent": 180.0, "needs_witness": True, "grace_from": back, "witness": at("2026-01-05 10:40:00")}
    assert verdict("2026-01-05 10:32:59", "2026-01-05 10:00:00", **more) == LATE
    assert verdict("2026-01-05 10:33:00", "2026-01-05 10:00:00", **more) == DOWN
