"""Fixtures for the tray's tests: a home folder, a clock that stands still, a real outbox."""

import os

# Before any test imports pystray: without a display its own choice raises (windows-facts.md section 2).
os.environ["PYSTRAY_BACKEND"] = "dummy"

import pytest  # noqa: E402

from tests.tray_app import helpers  # noqa: E402
from tray_app.home import Home  # noqa: E402
from tray_app.outbox import Outbox  # noqa: E402
from tray_app.worker import Board, Lease  # noqa: E402


@pytest.fixture
def clock():
    return helpers.Clock()


@pytest.fixture
def home(tmp_path):
    found = Home(tmp_path / "home")
    found.make_folders()
    return found


@pytest.fixture
def outbox(home, clock):
    box = Outbox(home.outbox, 10**7, 30 * 86400, clock.wall)
    box.figures()  # opens the file
    yield box
    box.close()


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def lease(outbox, board):
    return Lease(outbox, board)


@pytest.fixture
def receiver():
    stub = helpers.StubReceiver()
    yield stub
    stub.close()
