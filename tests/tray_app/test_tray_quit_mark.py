"""退出 holds against the keep-alive task: for the day, and until the PC is started again."""

import time

import pytest

from tests.tray_app.helpers import MONDAY_10_00
from tray_app import main, quit_mark, runs
from tray_app.home import Home

BOOT = MONDAY_10_00 - 3600
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def mark(tmp_path):
    quit_mark.write(tmp_path / "quit.json", MONDAY_10_00)
    return tmp_path / "quit.json"


def test_it_holds_for_the_rest_of_the_day(mark):
    assert quit_mark.holds(mark, MONDAY_10_00 + 13 * HOUR, BOOT)


def test_it_ends_with_the_day(mark):
    assert not quit_mark.holds(mark, MONDAY_10_00 + DAY, BOOT)


def test_it_ends_when_the_pc_is_started_again(mark):
    assert not quit_mark.holds(mark, MONDAY_10_00 + HOUR, MONDAY_10_00 + 60)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "x"}', '{"at": true}', '{"at": NaN}'])
def test_an_unreadable_mark_holds_nothing(tmp_path, text):
    (tmp_path / "quit.json").write_text(text)
    assert not quit_mark.holds(tmp_path / "quit.json", MONDAY_10_00, BOOT)


def test_without_a_mark_nothing_holds(tmp_path):
    assert not quit_mark.holds(tmp_path / "quit.json", MONDAY_10_00, BOOT)


def test_the_task_starts_nothing_after_a_quit_and_the_owner_does(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.make_folders()
    home.ini.write_text("[sentry]\n", encoding="utf-8")
    quit_mark.write(home.quit, time.time())
    monkeypatch.setattr(runs, "boot_time", lambda: 0.0)
    started = []
    monkeypatch.setattr(main, "_run", lambda app, headless: started.append(headless) or 0)
    assert main.main(["--home", str(tmp_path), "--headless", "--keep-alive"]) == 0
    assert started == [] and home.quit.exists()
    assert main.main(["--home", str(tmp_path), "--headless"]) == 0
    assert started == [True] and not home.quit.exists()
    assert main.main(["--home", str(tmp_path), "--headless", "--keep-alive"]) == 0
    assert started == [True, True]
