"""Are the files on the disk still what we left there? Looked at once a minute, before each intent and each write.

What was lost or changed behind our back stops the funds it concerns for the day; what we still know is written again,
so that a crash right after leaves no gap. A ledger that only grew or was saved by an editor is read again. A file that
is there but cannot be read (a virus scanner, a backup) is no loss: no intents until it can, and nobody is stopped.
"""

from typing import TYPE_CHECKING, Callable

from . import ledger, notices

if TYPE_CHECKING:
    from .desk import Desk

GRID, BOOK, STARTS, LEDGER = "格子记录", "持仓账", "起始记录", "成交记录"  # what the owner reads for each file


def changed(name: str, folder: str) -> str:
    """What is told, and what the owner does, when the record `name` in our `folder` was lost or changed."""
    return "%s丢了或被改动，今天不再下单。请核对委托和持仓；别动哨兵文件夹里的 %s" % (name, folder)


def run(desk: "Desk") -> bool:
    """True where everything is as we left it. What is not is told, and its funds are stopped."""
    looked = [
        sound(desk, look) for look in (grid, book, starts, flags, deals)
    ]  # at all of them, whatever the first says
    return all(looked)


def sound(desk: "Desk", look: "Callable[[Desk], bool]") -> bool:
    """look(desk), one of the functions below; False, and no new intents for now, where a file cannot be read."""
    try:
        return look(desk)
    except OSError as error:
        desk.refused(error)
        return False


def readable(desk: "Desk") -> None:
    """Raises OSError while a file of ours cannot be read."""
    desk.grid_file.there()
    desk.book.there()
    desk.book.starts_there()
    desk.ledger.there()
    for flag in desk.today() + desk.unended():
        desk.flags.there(flag)


def grid(desk: "Desk") -> bool:
    """state/grid.json: when lost, no fund's cell is believed any more."""
    if desk.grid_file.there():
        return True
    words = changed(GRID, "state")
    desk.grid_file.state = desk.grid._replace(cells={}, problem=words)
    desk.grid_file.see()
    desk.stop_all(words)
    return False


def book(desk: "Desk") -> bool:
    """state/book.json."""
    if desk.trouble or not desk.book.accounts or desk.book.there():
        return True
    desk.book.see()
    desk.stop_all(changed(BOOK, "state"))
    desk.write(desk.save_book)
    return False


def starts(desk: "Desk") -> bool:
    """flags/started.jsonl."""
    if desk.trouble or desk.book.starts_there():
        return True
    desk.stop_all(changed(STARTS, "flags"))
    desk.write(desk.book.restore_starts)
    return False


def flags(desk: "Desk") -> bool:
    """The flag files of today, and of orders whose end is not known."""
    sound = True
    for flag in {flag.name: flag for flag in desk.today() + desk.unended()}.values():
        if desk.unwritten(flag) or desk.flags.there(flag):
            continue
        sound = False
        if not desk.write(desk.flags.rewrite, flag):
            desk.note_unwritten(flag)
        desk.stop(desk.full(flag.id.code), changed("委托记录 %s " % flag.name, "flags"))
    return sound


def deals(desk: "Desk") -> bool:
    """deals/transaction.csv."""
    if desk.trouble or desk.ledger.there():
        return True
    before = {entry.key for entry in desk.ledger.entries[: desk.ledger.written]}
    fresh = ledger.Ledger(desk.home)
    if not desk.write(fresh.load):
        return False
    if not fresh.problem and before <= {entry.key for entry in fresh.entries}:
        desk.ledger.see()
        return True
    desk.book.lost_day = desk.day
    if fresh.problem:
        desk.ledger.problem = fresh.problem
        desk.ledger.see()
    else:
        desk.ledger.mend()  # rows are gone: what we know is written again
        desk.write(desk.ledger.flush)
    desk.stop_all(changed(LEDGER, "deals"))
    words = "成交记录被改动，看不懂，没有补写" if fresh.problem else "成交记录丢了或被改动，能补的已补写"
    desk.teller.once("ledger", notices.STATE, words, stage="ledger")
    return False
