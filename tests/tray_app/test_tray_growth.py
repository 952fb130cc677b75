"""Steady growth: a slope over an hour, not a level, not a jump, not what QMT loads at its start."""

import pytest

from tray_app.watch import growth
from tray_app.watch.growth import History, Sample, add, grows, per_hour

RUN = (10, 1000.0)
START = RUN[1] + growth.WARM_UP


def values(of, minutes=60):
    return [(60.0 * minute, of(minute)) for minute in range(minutes + 1)]


def test_the_slope_is_per_hour():
    assert per_hour(values(lambda minute: 100.0 + 5 * minute)) == pytest.approx(300.0)


def test_less_than_an_hour_says_nothing():
    assert per_hour(values(lambda minute: 5.0 * minute, minutes=50)) is None
    assert per_hour([(0.0, 1.0), (3600.0, 2.0)]) is None


def test_figures_that_the_machine_does_not_tell_are_left_out():
    assert per_hour(values(lambda minute: None)) is None
    assert per_hour(values(lambda minute: None if minute % 3 == 1 else 5.0 * minute)) == pytest.approx(300.0, rel=0.02)


@pytest.mark.parametrize(
    "of, told",
    [
        (lambda minute: 5.0 * minute, True),
        (lambda minute: 5.0 * minute + 20 * (minute % 2), True),  # growth with a saw's teeth
        (lambda minute: 4.9 * minute, False),  # below the limit
        (lambda minute: 10_000.0, False),  # large and still
        (lambda minute: 1000.0 if minute > 30 else 0.0, False),  # a jump
        (lambda minute: 20.0 * minute if minute < 45 else 900.0 - 20 * (minute - 45), False),  # it falls again
    ],
)
def test_only_what_grows_in_every_part_of_the_hour_is_told(of, told):
    assert (grows(values(of), 300.0, was=False) is not None) is told


def test_what_was_told_ends_only_well_below_the_limit():
    assert grows(values(lambda minute: 3.0 * minute), 300.0, was=True) == pytest.approx(180.0)
    assert grows(values(lambda minute: 2.0 * minute), 300.0, was=True) is None


def test_a_limit_of_zero_judges_nothing():
    assert grows(values(lambda minute: 1e9 * minute), 0.0, was=False) is None


def collect(times, run=RUN, history=None):
    history = history or History()
    for at in times:
        history = add(history, run, Sample(at, at, at, None))
    return history


def test_a_sample_is_kept_once_a_minute_and_for_an_hour():
    history = collect(START + 5.0 * n for n in range(2 * 720))
    gaps = {later.at - earlier.at for earlier, later in zip(history.samples, history.samples[1:])}
    assert gaps == {60.0}
    assert 60 <= len(history.samples) <= 61


def test_what_qmt_loads_at_its_start_does_not_count():
    assert collect([START - 1]).samples == ()
    assert len(collect([START - 1, START]).samples) == 1


def test_another_run_of_qmt_begins_anew():
    history = collect([START, START + 60])
    assert len(collect([START + 5000], (10, START), history).samples) == 1
    assert add(history, None, Sample(START + 120, 1.0, 1.0, None)).samples == ()


@pytest.mark.parametrize("passed", [301.0, -1.0])
def test_after_sleep_or_a_clock_set_back_it_begins_anew(passed):
    assert len(collect([START, START + 60, START + 60 + passed]).samples) == 1
