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
def test_in_twenty_days_every_pair_comes_and_every_trouble_alone_or_in_a_pair(seed):
    kinds = {kind for day in schedule.of_days(seed, 20) for kind in day.kinds}
    assert kinds >= set(schedule.PAIRS)
    assert {part for kind in kinds for part in schedule.parts(kind)} == set(schedule.COSTS)


def test_a_pair_is_made_of_troubles_that_also_come_alone():
    assert {part for parts, _ in schedule.PAIRS.values() for part in parts} <= set(schedule.COSTS) - set(schedule.PAIRS)


def test_a_day_has_two_to_five_troubles_and_none_twice_or_one_that_takes_it_whole():
    for day in schedule.of_days(1, 20):
        assert schedule.FEWEST <= len(day.kinds) <= schedule.MOST or day.kinds[0] in schedule.WHOLE_DAY
        assert max(Counter(day.kinds).values()) == 1


def test_a_day_that_keeps_the_exchanges_hours_has_nothing_else_and_begins_before_the_break():
    whole = [day for day in schedule.of_days(1, 20) if set(day.kinds) & set(schedule.WHOLE_DAY)]
    assert sorted((day.kinds, day.clock) for day in whole) == [(["close"], "14:59:15"), (["lunch"], "11:29:15")]


def test_only_some_troubles_come_on_each_day_in_their_order():
    days = schedule.of_days(1, 2, only=("stop", "cut-fills"))
    assert [day.kinds for day in days] == [["stop", "cut-fills"]] * 2


def test_troubles_that_would_spoil_each_other_are_on_different_days():
    for day in schedule.of_days(1, 20):
        for group in schedule.GROUPS:
            assert sum(bool(set(group) & set(schedule.parts(kind))) for kind in day.kinds) <= 1


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
