import pytest

from tests.receiver.receiver_bench import Bench
from tests.receiver.served import Served


@pytest.fixture
def bench(tmp_path):
    """A receiver at 10:00 on a trading day with one channel."""
    made = Bench(tmp_path)
    yield made
    made.receiver.store.close()


@pytest.fixture
def served(tmp_path):
    """The same behind a real HTTP server on a free port."""
    made = Served(tmp_path)
    yield made
    made.close()
