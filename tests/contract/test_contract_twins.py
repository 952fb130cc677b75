"""Rules that stand twice because the three programs ship apart: each pair says the same."""

import ast
import os
from pathlib import Path

import pytest

from qmt_strategy.dingtou import clock, control, ids
from qmt_strategy.dingtou import home as strategy_home
from receiver import receiver
from tray_app import home, orders, pushplus, stop, trading_time, wecom

REPO = Path(__file__).resolve().parents[2]


def home_of_script(name, environ):
    """What `_home` of a script gives: a script cannot import dingtou before it has found it."""
    tree = ast.parse((REPO / "qmt_strategy" / name).read_bytes().decode("ascii"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_home"]

    class Os:
        path = os.path

    Os.environ = environ
    scope = {"os": Os}
    exec(compile(tree, name, "exec"), scope)
    return scope["_home"]()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LOCALAPPDATA": "/local"},
        {"LOCALAPPDATA": " ", "QMT_SENTRY_HOME": ""},
        {"QMT_SENTRY_HOME": " /x/../y ", "LOCALAPPDATA": "/local"},
        {"QMT_SENTRY_HOME": "~/sentry"},
        {"QMT_SENTRY_HOME": "relative"},
    ],
)
def test_tray_package_and_scripts_find_the_same_home(environ):
    found = str(home.find(None, environ, os.path.expanduser("~")))
    assert strategy_home.folder(environ) == found
    assert [home_of_script(name, environ) for name in ("heartbeat.py", "etf_grid.py")] == [found] * 2


@pytest.mark.parametrize("made", [(), ("STOP",), ("STOP.txt",), ("stop.md",), ("STOP", "STOP.txt")])
@pytest.mark.parametrize("as_folder", [False, True])
def test_tray_and_strategy_see_the_same_stop(tmp_path, made, as_folder):
    folder = tmp_path / "control"
    folder.mkdir()
    for name in made:
        (folder / name).mkdir() if as_folder else (folder / name).touch()
    assert stop.is_on(folder) == control.stop_asked(str(tmp_path)) == bool({"STOP", "STOP.txt"} & set(made))
    assert stop.NAMES == control.STOP


@pytest.mark.parametrize(
    "name",
    [
        "20260105-510300-B-01", "20260105-510300-S-99", "20260105-510300-B-00", "20260105-510300-X-01",
        "20260105-51030-B-01", "20260105-510300-B-1", "20260105-510300-B-01 ", "20260105-510300-B-01\n",
        " 20260105-510300-B-01",
        "２0260105-510300-B-01", "20260105-510300-b-01", "20260105-510300-B-001", "", "x",
    ],
)  # fmt: skip
def test_all_three_know_the_same_order_ids(name):
    known = ids.parse(name) is not None
    assert orders.is_flag(name) == known
    assert (receiver.ORDER_ID.fullmatch(name) is not None) == known


@pytest.mark.parametrize("second", [-1, 0, 1, 43200])
def test_all_three_call_it_the_same_day(second):
    midnight = 1767542400.0  # 2026-01-05 00:00 in Shanghai
    days = {clock.day(midnight + second), trading_time.day_of(midnight + second), receiver.day_of(midnight + second)}
    assert days == {"20260104" if second < 0 else "20260105"}


def test_last_resort_and_receiver_read_the_vendors_answers_alike():
    assert set(pushplus.NEVER) == set(receiver.PUSHPLUS_NEVER)
    assert set(wecom.NEVER) == set(receiver.WECOM_NEVER)
    assert (pushplus.RESTRICTED, wecom.MOST_BYTES) == (receiver.PUSHPLUS_RESTRICTED, receiver.WECOM_BYTES)
