"""etf_grid.py in the simulated QMT orders exactly what the pure rule gives: every order, its minute, price and size."""

import sys

import pytest

from qmt_strategy.dingtou.rule import Rule
from rehearsal.fortnight import live_orders, report, rule_orders
from rehearsal.fortnight.scenarios import HELD, NO_CAPS, differences, shown

OLD_PYTHON = sys.version_info < (3, 8)


def short(scenario, days):
    """On QMT's own Python a few days will do: the long form runs on the others."""
    return scenario._replace(last=days) if OLD_PYTHON else scenario


@pytest.fixture(scope="module")
def one_day(tmp_path_factory):
    """The first day of a synthetic fortnight, from the empty grid state."""
    scenario = report.made_up(str(tmp_path_factory.mktemp("prices")), seed=1)
    return scenario._replace(last=scenario.first, cells=dict.fromkeys(scenario.cells, 0))


def sides(lines):
    return [line.side for line in lines]


def test_the_real_fortnight_gives_the_orders_of_the_pure_rule(folders, real_prices, capsys):
    scenario = short(report.real(real_prices), "20240131")
    expected, cells = rule_orders.orders(scenario, HELD)
    seen = live_orders.run(scenario, folders())
    with capsys.disabled():
        print("\n%s to %s, real prices, default caps: %d orders" % (scenario.first, scenario.last, len(seen.lines)))
        for line in seen.lines:
            print("  " + shown(line))
    assert differences(expected, seen.lines) == [] and seen.trouble == []
    assert seen.cells == cells
    assert len(seen.lines) >= (10 if OLD_PYTHON else 20)


def test_a_synthetic_fortnight_with_purchases_and_sales_does_so_without_caps(folders):
    scenario = short(report.made_up(folders(), seed=1), "20260107")._replace(caps=NO_CAPS)
    expected, cells = rule_orders.orders(scenario, HELD)
    seen = live_orders.run(scenario, folders())
    assert differences(expected, seen.lines) == [] and seen.trouble == []
    assert seen.cells == cells
    assert min(sides(seen.lines).count("B"), sides(seen.lines).count("S")) >= (5 if OLD_PYTHON else 20)
    assert len({line.code for line in seen.lines}) >= 6


def test_nothing_is_ordered_before_the_account_was_seen_for_a_while(folders):
    # No tick in the minute before a session: the rule is then asked from its second minute on.
    scenario = report.made_up(folders(), seed=2)._replace(first="20260116", quiet=True)
    expected, _ = rule_orders.orders(scenario, HELD)
    loud, _ = rule_orders.orders(scenario._replace(quiet=False), HELD)
    seen = live_orders.run(scenario, folders())
    assert differences(expected, seen.lines) == [] and seen.trouble == []
    assert expected != loud


def test_orders_that_fill_in_several_deals_are_the_same_orders(folders):
    scenario = report.made_up(folders(), seed=1)._replace(last="20260105", deals=5)
    expected, cells = rule_orders.orders(scenario, HELD)
    seen = live_orders.run(scenario, folders())
    assert differences(expected, seen.lines) == [] and seen.trouble == []
    assert seen.cells == cells


def test_asked_once_a_day_it_orders_once_a_day(folders):
    scenario = report.made_up(folders(), seed=1)._replace(first="20260115", decide_at=report.ONCE)
    expected, cells = rule_orders.orders(scenario, HELD)
    seen = live_orders.run(scenario, folders())
    assert differences(expected, seen.lines) == [] and seen.trouble == []
    assert seen.cells == cells
    assert len(expected) >= 5 and {line.time for line in expected} == {"14:50:00"}


@pytest.mark.parametrize(
    "changed",
    [Rule(quantile_negative=0.95), Rule(quantile_positive=0.95), Rule(grid_height=0.011), Rule(ma=849)],
    ids=["threshold of purchases", "threshold of sales", "height of a cell", "average"],
)
def test_another_rule_gives_other_orders(one_day, changed):
    # What the comparison is worth: a small change on one side is a difference.
    wrong, _ = rule_orders.orders(one_day, HELD, changed)
    assert differences(rule_orders.orders(one_day, HELD)[0], wrong)


@pytest.mark.parametrize("side, changed", [("B", "quantile_negative = 0.99"), ("S", "quantile_positive = 0.99")])
def test_a_strategy_with_another_threshold_is_found_out(one_day, folders, side, changed):
    expected, _ = rule_orders.orders(one_day, HELD)
    seen = live_orders.run(one_day._replace(rule=(changed,)), folders())
    assert seen.lines and seen.trouble == []
    missing = [line for line in expected if line not in seen.lines]
    assert {line.side for line in missing} == {side}
    assert any("没有下" in words for words in differences(expected, seen.lines))


def test_the_same_seed_is_the_same_folder_and_another_seed_another(folders):
    first, again, other = (report.made_up(folders(), seed) for seed in (1, 1, 2))
    bars = [rule_orders.bars(scenario.folder, "510500.SH") for scenario in (first, again, other)]
    assert bars[0] == bars[1] != bars[2]


def test_a_line_on_one_side_only_or_twice_is_a_difference(one_day):
    lines, _ = rule_orders.orders(one_day, HELD)
    assert differences(lines, lines) == []
    assert len(differences(lines, lines[1:])) == len(differences(lines, lines + lines[:1])) == 1
    assert differences(lines, lines[1:] + lines[:1]) == ["两边的委托相同，先后不同"]
