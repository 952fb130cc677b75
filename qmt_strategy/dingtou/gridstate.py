"""state/grid.json: per fund the cell of its last trade. What cannot be trusted is never read as "no trade yet".

From an empty state the rule would buy at once what it bought over years, so a fund whose cell is missing or damaged is
stopped. The file carries a checksum over its content: one garbled digit is found as well as half a file. Whether a cell
agrees with ledger and flag files is for reconcile.py to say; `by` names the order it came from.

The owner's start_cell counts on a first run: no cell, and no trace that the fund was ever traded. Later it counts only
with a date behind it, after the fund's last trace and not after today: so a lost file is never taken for a first run,
and one choice is never used twice. Where everything of ours may be gone, shares in the account are a trace as well:
then the choice is to be made today.
"""

import hashlib
import json
import os
import time
from typing import Any, Callable, Dict, NamedTuple

from . import disk
from .atomic import read_whole, write_whole
from .params import Fund

VERSION = 1
_LARGEST = 1000  # cells: a price at ten times its average


class Cell(NamedTuple):
    """Where one fund stands."""

    cell: int  # of the last trade; 0 = none yet, because the owner chose so
    day: str  # 'YYYYMMDD' when it moved there
    by: str  # the flag id of the order that moved it there, or 'start' for the owner's choice


class GridState(NamedTuple):
    """What the file holds."""

    cells: Dict[str, Cell]  # only what can be trusted
    problem: str  # Chinese: why nothing in it can be trusted; '' = it is sound, or missing
    locked: bool  # it could not be read just now: it may be sound, and must not be written over


def path(home: str) -> str:
    return os.path.join(home, "state", "grid.json")


def load(home: str, pause: Callable[[float], None] = time.sleep) -> GridState:
    """Read `home`/state/grid.json. Never raises: unreadable, damaged or of another version is a `problem`."""
    try:
        raw = read_whole(path(home), pause)
    except OSError as error:
        words = "格子记录打不开（%s），所有基金停止下单。请检查哨兵文件夹里 state 的权限"
        return GridState({}, words % disk.why(error), True)
    try:
        return GridState(_cells(raw) if raw is not None else {}, "", False)
    except ValueError as error:
        words = "格子记录已损坏（%s），所有基金停止下单。" % error
        return GridState({}, words + "请核对持仓，再在 sentry.ini 给每只基金写 start_cell = 格子号 当天日期", False)


def save(home: str, cells: Dict[str, Cell], pause: Callable[[float], None] = time.sleep) -> None:
    """Replace the file by `cells`; on disk when this returns. OSError if not: then the old file stands."""
    funds = {code: {"cell": cell.cell, "day": cell.day, "by": cell.by} for code, cell in cells.items()}
    document = {"version": VERSION, "funds": funds, "sha256": _checksum(funds)}
    raw = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")
    write_whole(path(home), raw, pause)


def moved(state: GridState, code: str, cell: Cell) -> GridState:
    """`state` after `code` moved to `cell`, not saved yet. OSError from a locked state: it would drop the others."""
    if state.locked:
        raise OSError(state.problem)
    cells = dict(state.cells)
    cells[code] = cell
    return GridState(cells, "", False)


def may_start(state: GridState, fund: Fund, today: str, trace: str, held: bool = False) -> bool:
    """Whether the owner's start_cell of `fund` is to be used now. Days are 'YYYYMMDD'.

    `trace`: the last day that flag files or ledger show the fund was traded; '' = they know nothing of it. `held`: the
    account has shares of it.
    """
    if not fund.start or state.locked:
        return False
    known = fund.code in state.cells
    if not known and not trace and not state.problem and not held:
        return True  # a first run
    if not known and not trace and held:
        return fund.start_day == today
    since = max(trace, state.cells[fund.code].day if known else "")
    return since < fund.start_day <= today


def why_not(state: GridState, fund: Fund, today: str, trace: str, held: bool = False) -> str:
    """Chinese sentence why `fund` has no cell to trade from; '' = it has one, or may_start."""
    if fund.code in state.cells or may_start(state, fund, today, trace, held):
        return ""
    if state.problem:
        return state.problem
    if not trace and fund.start:
        words = "账户里有持仓，哨兵却没有它的记录，不下单。"
        return words + "请核对持仓，再在 sentry.ini 写 start_cell = 格子号 当天日期（如 -15 %s）" % today
    if not trace:
        words = "还没有选起始格，只观察。请在 sentry.ini 的 [fund:%s] 写 start_cell = "
        words += "current（当前格）、none（没交易过）或格子号"
        return (words + ("，再写当天日期" if held else "")) % fund.code
    words = "交易过，格子记录里却没有它，停止下单。请核对持仓，再在 sentry.ini 写 start_cell = 格子号 日期"
    return (words + "（%s 之后、不晚于今天）") % trace


# ---- the file's content; ValueError says in Chinese what is wrong


def _cells(raw: bytes) -> Dict[str, Cell]:
    cells = {}
    for code, entry in _checked(raw).items():
        if not (isinstance(entry, dict) and set(entry) == set(Cell._fields)):
            raise ValueError("%s 的记录不对" % code)
        cell = Cell(**entry)
        if type(cell.cell) is not int or abs(cell.cell) > _LARGEST:  # True is an int as well
            raise ValueError("%s 的格子不对" % code)
        if not isinstance(cell.day, str) or not isinstance(cell.by, str):
            raise ValueError("%s 的记录不对" % code)
        cells[code] = cell
    return cells


def _checked(raw: bytes) -> Dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise ValueError("内容不完整") from None
    if not isinstance(document, dict) or not isinstance(document.get("funds"), dict):
        raise ValueError("内容不对")
    if document.get("version") != VERSION:
        raise ValueError("版本是 %s，本程序只懂 %d" % (str(document.get("version"))[:20], VERSION))
    funds: Dict[str, Any] = document["funds"]
    if document.get("sha256") != _checksum(funds):
        raise ValueError("被改过")
    return funds


def _checksum(funds: Any) -> str:
    return hashlib.sha256(json.dumps(funds, sort_keys=True).encode("utf-8")).hexdigest()
