"""The backtest stays out of what trades and of what watches."""

import ast
import glob
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAVY = {"numba", "matplotlib", "dask", "distributed", "scipy", "empyrical", "akshare"}


def imported(path):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "") + "." + alias.name for alias in node.names)


def test_neither_tray_nor_receiver_nor_the_qmt_side_imports_the_backtest():
    folders = ("tray_app", "receiver", "qmt_strategy/dingtou")
    paths = glob.glob(os.path.join(ROOT, "qmt_strategy", "*.py"))
    for folder in folders:
        paths += glob.glob(os.path.join(ROOT, folder, "**", "*.py"), recursive=True)
    assert len(paths) > 50
    for path in paths:
        for name in imported(path):
            assert "backtest" not in name.split("."), path
            assert name.split(".")[0] not in HEAVY, path
