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
