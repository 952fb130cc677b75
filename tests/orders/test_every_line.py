"""The strategy dies at every line of the order path (every_line.py says how); in CI at each once, in a minute."""

import os

import pytest

from tests.orders import every_line

SECONDS = 50.0  # then it stops where it is: a slow machine tries fewer lines


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: the strategy dies by os._exit in a forked child")
def test_whatever_line_it_dies_at_no_order_is_placed_twice_and_the_books_agree():
    every_line.warm()
    deaths, lines = every_line.every_line_once(SECONDS)
    assert lines > 1000 and deaths >= lines // 8  # a machine under load tries fewer


def test_every_file_that_the_strategy_imports_is_on_the_path_or_explained():
    folder = every_line.PACKAGE
    files = {name[:-3] for name in os.listdir(folder) if name.endswith(".py")}
    assert set(every_line.NOT_ON_PATH) <= files
    assert {"trader", "placing", "desk", "flags", "durable", "lost", "gridfile", "dayfiles"} <= set(every_line.PATH)
    assert not set(every_line.PATH) & set(every_line.NOT_ON_PATH)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: the strategy dies by os._exit in a forked child")
def test_two_runs_meet_the_same_lines():
    every_line.warm()
    first, second = every_line.census(), every_line.census()
    differing = {key for key in set(first) | set(second) if (key in first) != (key in second)}
    assert len(differing) <= 5, sorted(differing)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: the strategy dies by os._exit in a forked child")
def test_after_a_death_in_the_very_last_tick_it_is_started_once_more_and_the_books_agree():
    every_line.warm()
    census = every_line.census()
    ticks = len(every_line.TIMELINE)
    each_tick = sorted(key for key, (visits, place) in census.items() if key[0] == "trader" and visits == ticks)
    last = each_tick[-1] + (ticks,)
    assert every_line.run([last]) == [last]
