import pytest

from tests.receiver.receiver_bench import Bench


@pytest.fixture
def bench(tmp_path):
    """A receiver at 10:00 on a trading day with one channel."""
    made = Bench(tmp_path)
    yield made
    made.receiver.store.close()
