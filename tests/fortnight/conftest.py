"""A home folder in memory where that can be, and the real prices where they are."""

import os
import shutil
import tempfile

import pytest

from rehearsal.fortnight.scenarios import REAL_PRICES


@pytest.fixture
def folders():
    """folders(): a new empty folder. In memory where possible: a power cut is not what these tests are about."""
    root = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    yield lambda: tempfile.mkdtemp(dir=root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def real_prices():
    """Skips where they are not on this machine; under CI that is a failure."""
    if not os.path.isdir(REAL_PRICES):
        words = "the real prices (../shared/data/etf) are not on this machine"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(words)
    return REAL_PRICES
