"""Are the files on the disk still what we left there? Looked at once a minute and before each intent.

What was lost or changed behind our back stops the funds it concerns for the day; what we still know is written again,
so that a crash right after leaves no gap. A ledger that only grew or was saved by an editor is read again.
"""

from . import ledger, notices
from .desk import Desk

_ASK = "今天不再下单，请不要改动哨兵文件夹里的文件"


def run(desk: Desk) -> bool:
    """True where everything is as we left it. What is not is told, and its funds are stopped."""
    found = [_grid(desk), _book(desk), _flags(desk), _ledger(desk)]
    return all(found)


def _grid(desk: Desk) -> bool:
    if desk.grid_there():
        return True
    desk.grid = desk.grid._replace(cells={}, problem="网格状态 state/grid.json 丢了或被改动，" + _ASK)
    desk.forget_grid()
    for code in desk.codes:
        if code in desk.book.accounts:
            desk.stop(code, desk.grid.problem)
    return False


def _book(desk: Desk) -> bool:
    if desk.trouble or not desk.book.accounts or desk.book.there():
        return True
    for code in desk.codes:
        if code in desk.book.accounts:
            desk.stop(code, "state/book.json 丢了或被改动，" + _ASK)
    desk.write(desk.save_book)
    return False


def _flags(desk: Desk) -> bool:
    sound = True
    for flag in desk.today():
        if desk.unwritten(flag) or desk.flags.there(flag):
            continue
        sound = False
        if not desk.write(desk.flags.rewrite, flag):
            desk.note_unwritten(flag)
        words = "委托记录 flags/%s/%s.jsonl 丢了或被改动，已补写，" % (flag.id.day, flag.name)
        desk.stop(desk.full(flag.id.code), words + _ASK)
    return sound


def _ledger(desk: Desk) -> bool:
    if desk.trouble or desk.ledger.there():
        return True
    before = {entry.key for entry in desk.ledger.entries}
    fresh = ledger.Ledger(desk.home)
    if not desk.write(fresh.load):
        return False
    missing = before - {entry.key for entry in fresh.entries}
    if not missing and not fresh.problem:
        desk.ledger = fresh
        return True
    if not fresh.problem:  # rows are gone: what we know is written again
        desk.ledger.mend()
        desk.write(desk.ledger.flush)
    else:
        desk.ledger.problem = fresh.problem
    for code in desk.codes:
        if code in desk.book.accounts:
            desk.stop(code, "deals/transaction.csv 丢了或被改动，" + _ASK)
    desk.teller.once("ledger", notices.STATE, "deals/transaction.csv 丢了或被改动，已补写能补的")
    return False
