"""The rule's numbers against values worked out by hand."""

import math

import numpy
import pandas
import pytest

from qmt_strategy.dingtou import grid


@pytest.mark.parametrize(
    "price, average, expected",
    [
        (1.0, 1.0, 1),  # on the average: the first cell above it, [0, 1 %)
        (1.0099, 1.0, 1),
        (1.01, 1.0, 2),
        (1.03, 1.0, 4),
        (1.29, 1.0, 30),
        (0.9999, 1.0, -1),  # [-1 %, 0)
        (0.99, 1.0, -1),
        (0.9899, 1.0, -2),
        (0.97, 1.0, -3),
        (0.71, 1.0, -29),
        (2.06, 2.0, 4),
        (0.5, 2.0, -75),
    ],
)
def test_the_cell_of_a_price(price, average, expected):
    assert grid.cell(price, average, 0.01) == expected


def test_every_cell_border_belongs_to_the_cell_above_it():
    for k in range(1, 60):  # k / 100 // 0.01 is one too small for 31 of these
        assert grid.floor_cells(k / 100.0, 0.01) == k
        assert grid.floor_cells(-k / 100.0, 0.01) == -k


@pytest.mark.parametrize("noise", [-1e-15, 1e-15, -3e-17])
def test_rounding_noise_around_the_average_never_gives_cell_0_or_another_cell(noise):
    assert grid.cell(1.0 + noise, 1.0, 0.01) == 1


@pytest.mark.parametrize("wrong", [float("nan"), 0.0, -1.0, float("inf"), float("-inf")])
def test_what_is_no_price_has_no_cell_and_asks_for_nothing(wrong):
    assert grid.cell(wrong, 1.0, 0.01) == 0
    assert grid.cell(1.0, wrong, 0.01) in (0, -100)  # an infinite average lies above every price
    assert grid.cell(1.0, 1.0, 0.0) == 0
    assert [grid.decide(0, last, lo, hi) for last in (-5, 0, 5) for lo in (-9, 9) for hi in (-9, 9)] == [0] * 12


def test_an_order_is_as_large_as_its_cell_is_far_out():
    assert grid.order_size(-7, 1000.0, 1.0, 2.0) == 7000.0
    assert grid.order_size(9, 1000.0, 1.0, 2.0) == 18000.0
    assert grid.order_size(-7, 500.0, 1.5, 2.0) == 5250.0


@pytest.mark.parametrize(
    "cell, last, expected",
    [
        (-11, -10, 1),  # deeper than the last trade and below lo = -8
        (-10, -10, 0),  # the same cell
        (-9, -10, 0),  # shallower
        (-9, 0, 1),  # nothing traded yet
        (-8, 0, 0),  # lo itself is not below lo
        (-9, 5, 1),  # after a sale
        (21, -10, -1),  # above hi = 20
        (20, -10, 0),  # hi itself is not above hi
        (21, 21, 0),
        (21, 25, 0),
        (26, 25, -1),
        (1, 0, 0),  # between lo and hi
        (-1, 0, 0),
    ],
)
def test_the_latch(cell, last, expected):
    assert grid.decide(cell, last, -8, 20) == expected


def test_a_threshold_on_the_wrong_side_of_the_average_does_not_turn_a_side_round():
    assert grid.decide(3, 5, 4, 20) == 0  # cell 3 is below lo = 4, but not below the average
    assert grid.decide(-3, -5, -8, -4) == 0
    assert grid.decide(1, -5, -8, 0) == -1  # as near to the average as a sale can be
    assert grid.decide(-1, 5, 0, 8) == 1


def test_averages_are_of_the_last_bars_and_empty_before_enough_of_them():
    found = grid.averages([1.0, 2.0, 3.0, 6.0, 9.0], 3, 3)
    assert [math.isnan(value) for value in found[:2]] == [True, True]
    assert list(found[2:]) == pytest.approx([2.0, 11.0 / 3.0, 6.0])


def test_averages_with_one_bar_enough_begin_at_once():
    assert list(grid.averages([1.0, 2.0, 6.0, 3.0], 3, 1)) == pytest.approx([1.0, 1.5, 3.0, 11.0 / 3.0])


@pytest.mark.parametrize("least", [1, 7, 50])
def test_averages_are_pandas_rolling_means(least):
    closes = numpy.random.RandomState(2).uniform(0.5, 5.0, 300)
    rolled = pandas.Series(closes).rolling(50, min_periods=least).mean()
    assert numpy.allclose(grid.averages(closes, 50, least), rolled, rtol=1e-12, equal_nan=True)


def test_distances_are_fractions_of_the_average():
    assert list(grid.distances([1.1, 0.8], [1.0, 1.0])) == pytest.approx([0.1, -0.2])


def test_quantiles_are_linear_between_neighbours():
    assert grid.quantile([1.0, 2.0, 4.0, 8.0], 0.0) == 1.0
    assert grid.quantile([1.0, 2.0, 4.0, 8.0], 0.5) == 3.0
    assert grid.quantile([1.0, 2.0, 4.0, 8.0], 0.9) == pytest.approx(6.8)  # position 2.7
    assert grid.quantile([1.0, 2.0, 4.0, 8.0], 1.0) == 8.0
    assert grid.quantile([5.0], 0.3) == 5.0


def test_quantiles_are_numpys():
    values = numpy.sort(numpy.random.RandomState(1).normal(size=1001))
    for part in (0.0, 0.2, 0.4, 0.6, 0.8, 0.999, 1.0):
        assert grid.quantile(values, part) == pytest.approx(numpy.percentile(values, part * 100), abs=1e-12)


def test_thresholds_worked_out_by_hand():
    # Above: 2 %, 4 %, ..., 20 %; 0.8 of 9 steps is 7.2: 16 % + 0.2 * 2 % = 16.4 %, the 17th cell.
    # Below: -1 %, -3 %, -5 %, -7 %, -9 %, -11 %; the 0.6 quantile is step 3 of 5 from the lowest: -5 %, cell -5.
    distances = [k / 100.0 for k in range(2, 21, 2)] + [-k / 100.0 for k in range(1, 12, 2)]
    assert grid.thresholds(numpy.array(distances), 0.8, 0.4, 0.01) == (17, -5, 10, 6)


def test_a_distance_of_0_is_on_neither_side():
    assert grid.thresholds(numpy.array([0.0, 1e-17, -1e-17, 0.05, -0.05]), 0.8, 0.4, 0.01)[2:] == (1, 1)


def test_one_day_on_a_side_is_its_threshold():
    assert grid.thresholds(numpy.array([0.055, -0.055]), 0.8, 0.4, 0.01) == (6, -6, 1, 1)


def test_a_side_without_a_day_has_a_threshold_that_no_price_reaches():
    hi, lo, above, below = grid.thresholds(numpy.array([-0.05, -0.04]), 0.8, 0.4, 0.01)
    assert (hi, above, below) == (grid.NEVER, 0, 2)
    assert grid.decide(10**6, 0, lo, hi) == 0
    hi, lo, above, below = grid.thresholds(numpy.array([0.05]), 0.8, 0.4, 0.01)
    assert grid.decide(-100, 0, lo, hi) == 0
