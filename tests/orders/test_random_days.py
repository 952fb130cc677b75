"""200 runs of random_days.py in CI; the program walks more (python -m tests.orders.random_days --full)."""

import os

from tests.orders import random_days

RUNS = int(os.environ.get("RANDOM_DAYS", "200"))
SEED = int(os.environ.get("RANDOM_DAYS_SEED", "1"))


def test_whatever_a_day_brings_no_order_is_placed_twice_and_the_books_agree():
    random_days.run(RUNS, SEED)
