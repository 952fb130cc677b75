"""What is left out to be fast: days on which no price is near a threshold. What the rule could ask for must be left."""

import numpy as np
import pytest

from qmt_strategy.backtest import board, bounding, compiled, levels, synthetic
from qmt_strategy.backtest.setup import Setup
from qmt_strategy.dingtou import grid
from qmt_strategy.dingtou.rule import Rule

PARTS = [(0.8, 0.5), (0.0, 1.0), (1.0, 0.0), (0.95, 0.05), (0.5, 0.5)]


def exact(made, setup, number):
    """(hi, lo) of each bar of a fund inside the run from all distances before it, by the rule's own word."""
    line, (_, distances) = made.lines[number], made.means(setup.rule.ma, False)[number]
    found = []
    for at in range(line.first, len(distances)):
        hi, lo, above, below = grid.thresholds(np.asarray(distances[:at]), *levels._parts(setup))
        found.append((hi if above >= 120 else grid.NEVER, lo if below >= 120 else -grid.NEVER))
    return found


@pytest.mark.parametrize("engine", ["python", "auto"])
@pytest.mark.parametrize("parts", PARTS)
def test_every_day_on_which_the_rule_could_ask_has_its_exact_threshold(parts, engine):
    funds = synthetic.funds(5, days=700, codes=("510300.SH", "512690.SH"))
    rule = Rule(ma=60, grid_height=0.007, quantile_positive=parts[0], quantile_negative=parts[1])
    setup = Setup(rule=rule, fill="once")
    made = board.Board(funds, setup, compiled.engine(engine))
    market = levels.market_of(made, setup).market
    low, high = made.extremes[False]
    asked = 0
    for number in range(len(funds)):
        spots = np.asarray(made.spots[number])
        for spot, (hi, lo) in zip(spots, exact(made, setup, number)):
            average = market.averages[spot]
            if average <= 0.0:
                continue
            if grid.cell(high[spot], average, rule.grid_height) > hi:
                asked += 1
                assert market.his[spot] == hi and market.stirring[spot]
            if grid.cell(low[spot], average, rule.grid_height) < lo:
                asked += 1
                assert market.los[spot] == lo and market.stirring[spot]
    assert asked >= 20 or parts in ((1.0, 0.0), (0.0, 1.0))


def test_a_day_far_from_its_threshold_is_left_out():
    funds = synthetic.funds(5, days=700, codes=("510300.SH",))
    setup = Setup(rule=Rule(ma=60), fill="once")
    made = board.Board(funds, setup, compiled.PLAIN)
    market = levels.market_of(made, setup).market
    known = sum(hi < grid.NEVER for hi in market.his)
    above = sum(high >= average > 0.0 for high, average in zip(made.extremes[False][1], market.averages))
    assert 0 < known < above / 2


def test_a_price_on_the_very_threshold_is_asked_of_the_rule():
    """One place nearer than the rule's quantile, and a hair: rounding cannot hide a day."""
    distances = [0.01 * (1 + at % 7) for at in range(140)] + [-0.01 * (1 + at % 7) for at in range(140)] + [0.0]
    count = len(distances)
    for part in (0.0, 0.3, 0.5, 0.8, 1.0):
        hi, lo, _, _ = grid.thresholds(np.array(distances[:-1]), part, part, 0.01)
        above = grid.quantile(sorted(one for one in distances if one > 0), part)
        below = grid.quantile(sorted(one for one in distances if one < 0), 1.0 - part)
        his, los = [grid.NEVER], [-grid.NEVER]
        reached = [True], [True], [1.0], [1.0 + below], [1.0 + above]
        bounding.day_bounds(distances, 1, 2400, 120, [part], [part], [0.01], count - 1, [0], *reached, his, los)
        assert (his, los) == ([hi], [lo])
