"""停止下单: while control/STOP is there the strategy makes no new order and cancels its live ones.

Also made and removed by hand, so it is looked at rather than remembered; Windows hides .txt, so STOP.txt counts too.
"""

from __future__ import annotations

import os
from pathlib import Path

from tray_app.home import remove, sync_folder, write_whole
from tray_app.trading_time import show_day_time

NAMES = ("STOP", "STOP.txt")


def is_on(control: Path) -> bool:
    """Whether a STOP is there; what cannot be looked at counts as there, as it does for the strategy."""
    for name in NAMES:
        try:
            os.lstat(control / name)
            return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
    return False


def turn_on(control: Path, now: float) -> None:
    """Raises OSError."""
    control.mkdir(parents=True, exist_ok=True)
    text = f"停止下单：{show_day_time(now, now)} 由哨兵的菜单写下。删除这个文件，或点“恢复下单”，策略才会再下单。\n"
    write_whole(control / NAMES[0], text)


def turn_off(control: Path) -> None:
    """Raises OSError where a file stays: then orders stay stopped."""
    for name in NAMES:
        remove(control / name)
    sync_folder(control)
