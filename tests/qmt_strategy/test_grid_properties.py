"""What must hold for any prices: scale does not matter, deeper is never less, tomorrow changes nothing today."""

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qmt_strategy.dingtou import grid, replay
from qmt_strategy.dingtou.rule import Rule

MOVES = st.lists(st.floats(-0.08, 0.08), min_size=30, max_size=120)
CELLS = st.integers(-60, 60).filter(bool)
SHORT = Rule(ma=5, grid_height=0.01, daily_limit=10.0)


def closes_of(moves, first=1.0):
    return list(first * numpy.cumprod(1.0 + numpy.array(moves)))


def distances_of(closes, ma=10):
    averages = grid.averages(closes, ma, ma)
    return grid.distances(closes[ma - 1 :], averages[ma - 1 :])


@given(MOVES, st.floats(0.01, 1000.0))
@settings(deadline=None, max_examples=50)
def test_a_series_times_c_has_the_same_cells_and_thresholds(moves, c):
    closes = closes_of(moves)
    scaled = [close * c for close in closes]
    ours, theirs = distances_of(closes), distances_of(scaled)
    assert ours == pytest.approx(theirs, abs=1e-9)
    averages, scaled_averages = grid.averages(closes, 10, 10), grid.averages(scaled, 10, 10)
    for i in range(9, len(closes)):
        border = ours[i - 9] / 0.01
        assume(abs(border - round(border)) < 1e-10 or abs(border - round(border)) > 1e-8)
        assert grid.cell(closes[i], averages[i], 0.01) == grid.cell(scaled[i], scaled_averages[i], 0.01)
    assert grid.thresholds(ours, 0.8, 0.4, 0.01)[2:] == grid.thresholds(theirs, 0.8, 0.4, 0.01)[2:]


@given(MOVES, st.integers(-20, 20))
@settings(deadline=None, max_examples=50)
def test_a_series_times_a_power_of_two_gives_exactly_the_same(moves, power):
    closes = closes_of(moves)
    scaled = [close * 2.0**power for close in closes]
    assert list(distances_of(closes)) == list(distances_of(scaled))
    assert grid.thresholds(distances_of(closes), 0.8, 0.4, 0.01) == grid.thresholds(
        distances_of(scaled), 0.8, 0.4, 0.01
    )


@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.01, 100.0))
@settings(deadline=None)
def test_a_higher_price_is_never_in_a_lower_cell(price, other, average):
    low, high = sorted((price, other))
    assert grid.cell(low, average, 0.01) <= grid.cell(high, average, 0.01)


@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.001, 0.2))
@settings(deadline=None)
def test_a_price_has_a_cell_and_it_is_never_0(price, average, height):
    assert grid.cell(price, average, height) != 0


@given(CELLS, st.integers(-60, 60), st.integers(-60, 0), st.integers(1, 60))
@settings(deadline=None)
def test_who_would_buy_here_would_also_buy_deeper_and_more(cell, last, lo, hi):
    if grid.decide(cell, last, lo, hi) == 1:
        assert grid.decide(cell - 1, last, lo, hi) == 1
        assert grid.order_size(cell - 1, 1000.0, 1.0, 2.0) > grid.order_size(cell, 1000.0, 1.0, 2.0)
    if grid.decide(cell, last, lo, hi) == -1:
        assert grid.decide(cell + 1, last, lo, hi) == -1


@given(CELLS, st.integers(-60, 60), st.integers(-60, 0), st.integers(1, 60))
@settings(deadline=None)
def test_after_an_order_the_same_price_asks_for_nothing(cell, last, lo, hi):
    if grid.decide(cell, last, lo, hi):
        assert grid.decide(cell, cell, lo, hi) == 0


@given(MOVES, st.floats(0.5, 0.9), st.floats(0.01, 0.09))
@settings(deadline=None, max_examples=50)
def test_a_stricter_quantile_never_trades_sooner(moves, quantile, more):
    distances = distances_of(closes_of(moves))
    hi, lo, _, _ = grid.thresholds(distances, quantile, quantile, 0.01)
    stricter_hi, stricter_lo, _, _ = grid.thresholds(distances, quantile + more, quantile + more, 0.01)
    assert stricter_hi >= hi
    assert stricter_lo <= lo


def bars_of(moves):
    return [
        replay.Bar("%08d" % (20200101 + i), c, c * 1.02, c * 0.98, c, 1.0) for i, c in enumerate(closes_of(moves, 2.0))
    ]


@given(MOVES, st.integers(10, 29), st.floats(0.2, 5.0))
@settings(deadline=None, max_examples=50)
def test_changing_tomorrow_changes_nothing_today(moves, today, factor):
    bars = bars_of(moves)
    changed = bars[: today + 1] + [
        bar._replace(open=bar.open * factor, high=bar.high * factor, low=bar.low * factor, close=bar.close * factor)
        for bar in bars[today + 1 :]
    ]
    assert list(replay.plans(bars, SHORT))[: today + 1] == list(replay.plans(changed, SHORT))[: today + 1]


@given(MOVES, st.integers(10, 29), st.floats(0.2, 5.0))
@settings(deadline=None, max_examples=50)
def test_changing_todays_close_changes_no_threshold_of_today(moves, today, factor):
    bars = bars_of(moves)
    changed = list(bars)
    changed[today] = bars[today]._replace(close=bars[today].close * factor)
    assert list(replay.plans(bars, SHORT))[today] == list(replay.plans(changed, SHORT))[today]
