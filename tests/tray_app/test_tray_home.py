"""The home folder is found by the same rule as in the strategies, or the two would not meet."""

import os
from pathlib import Path

import pytest

from qmt_strategy.dingtou import home as strategys
from tray_app import home


@pytest.mark.parametrize(
    "environ",
    [
        {"QMT_SENTRY_HOME": " /srv/sentry "},
        {"QMT_SENTRY_HOME": "~/sentry"},
        {"QMT_SENTRY_HOME": "sentry/../other"},
        {"QMT_SENTRY_HOME": "  ", "LOCALAPPDATA": " /local "},
        {"LOCALAPPDATA": "/local"},
        {"LOCALAPPDATA": "  "},
        {},
    ],
    ids=str,
)
def test_tray_and_strategy_find_the_same_folder(environ):
    assert home.find(None, environ, os.path.expanduser("~")) == Path(strategys.folder(environ))


class HeldFor:
    """os.replace or a removal that Windows refuses a few times because somebody is reading the file."""

    def __init__(self, times, call):
        self.left, self.call = times, call

    def __call__(self, *arguments):
        if self.left:
            self.left -= 1
            raise PermissionError(13, "sharing violation")
        return self.call(*arguments)


@pytest.fixture
def waits(monkeypatch):
    found = []
    monkeypatch.setattr(home.time, "sleep", found.append)
    return found


def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, monkeypatch, waits):
    monkeypatch.setattr(home.os, "replace", HeldFor(2, os.replace))
    home.write_whole(tmp_path / "some.json", "{}")
    assert (tmp_path / "some.json").read_text() == "{}"
    assert waits == list(home.HELD_WAITS[:2])


def test_a_file_that_is_being_read_is_removed_a_moment_later(tmp_path, monkeypatch, waits):
    (tmp_path / "some.json").write_text("{}")
    held = HeldFor(len(home.HELD_WAITS), Path.unlink)
    monkeypatch.setattr(Path, "unlink", lambda path: held(path))
    home.remove(tmp_path / "some.json")
    assert not (tmp_path / "some.json").exists()


def test_a_file_that_stays_held_is_an_error(tmp_path, monkeypatch, waits):
    monkeypatch.setattr(home.os, "replace", HeldFor(100, os.replace))
    with pytest.raises(PermissionError):
        home.write_whole(tmp_path / "some.json", "{}")
    assert waits == list(home.HELD_WAITS)
