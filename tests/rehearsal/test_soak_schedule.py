"""The soak's schedule is a function of the seed; the table of troubles and its costs name the same kinds."""

from collections import Counter

import pytest

from rehearsal.soak import schedule
from rehearsal.soak.troubles import KINDS


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another():
    assert schedule.of_days(1, 20) == schedule.of_days(1, 20)
    assert schedule.of_hours(1, 7200) == schedule.of_hours(1, 7200)
    assert schedule.of_days(1, 20) != schedule.of_days(2, 20)
    assert schedule.of_hours(1, 7200) != schedule.of_hours(2, 7200)


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_kind_of_trouble_comes_in_twenty_days(seed):
    assert {kind for day in schedule.of_days(seed, 20) for kind in day.kinds} == set(schedule.COSTS)


def test_a_day_has_two_to_five_troubles_and_none_twice():
    for day in schedule.of_days(1, 20):
        assert schedule.FEWEST <= len(day.kinds) <= schedule.MOST
        assert max(Counter(day.kinds).values()) == 1


def test_troubles_that_would_spoil_each_other_are_on_different_days():
    for day in schedule.of_days(1, 20):
        assert all(len(set(group) & set(day.kinds)) <= 1 for group in schedule.GROUPS)


def test_what_cannot_be_made_here_is_left_out():
    days = schedule.of_days(1, 20, left_out=("home-full",))
    assert "home-full" not in {kind for day in days for kind in day.kinds}


def test_short_days_have_only_short_troubles():
    for day in schedule.of_days(1, 2, seconds=20):
        assert sum(schedule.COSTS[kind] for kind in day.kinds) <= 20 + schedule.SHORT


def test_two_hours_have_their_kills_first_and_end_in_peace():
    plan = schedule.of_hours(1, 7200)
    assert set(schedule.KILLS) <= {planned.kind for planned in plan[:6]}
    assert [planned.at for planned in plan] == sorted(planned.at for planned in plan)
    assert plan[-1].at <= 7200 - 300
    assert {planned.kind for planned in plan} == {*schedule.KILLS, *schedule.OTHERS}


def test_every_trouble_that_is_planned_can_be_made():
    assert set(schedule.COSTS) >= {*schedule.KILLS, *schedule.OTHERS}
    assert set(KINDS) == set(schedule.COSTS)
