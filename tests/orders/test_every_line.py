"""The strategy dies at every line of the order path (every_line.py says how); in CI each line once, in 90 seconds."""

import os

import pytest

from tests.orders import every_line

SECONDS = 75.0  # then it stops where it is: a slow machine tries fewer lines


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: the strategy dies by os._exit in a forked child")
def test_whatever_line_it_dies_at_no_order_is_placed_twice_and_the_books_agree():
    every_line.warm()
    deaths, lines = every_line.every_line_once(SECONDS)
    assert lines > 1000 and deaths >= lines // 4
