"""Orders whose flag files are gone: known from book.json, or from a row in ORDER with our id pattern."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from . import checkup, ids, notices, orders
from .book import Start
from .flags import Flag, first_line
from .looks import OrderRow

if TYPE_CHECKING:
    from .desk import Desk


def restore(desk: "Desk") -> None:
    """An id that book.json names and no file has: passorder may have been called, and nobody knows."""
    for code, account in desk.book.accounts.items():
        for trace in account.traces:
            ident = ids.parse(trace.id)
            flag = desk.flags.flags.get(trace.id)
            if ident is None or (flag is not None and flag.lines):
                continue
            words = "委托记录丢了，不知道下没下"
            line = first_line(
                ident,
                desk.now(),
                code=code,
                side=ident.side,
                shares=trace.shares,
                yuan=trace.yuan,
                cell=trace.cell,
                root=trace.root,
                stop=desk.day,
                reason=words,
            )
            _make(desk, ident, [dict(line, state=orders.UNKNOWN)], words)


def tell_damaged(desk: "Desk") -> None:
    """A flag file with lines that nobody can read: what else it says may be wrong, so its fund does not trade today."""
    for flag in desk.flags.flags.values():
        code = desk.full(flag.id.code)
        account = desk.book.accounts.get(code)
        known = account is not None and (flag.name in account.stop_why or (flag.ended and flag.id.day < account.day))
        if flag.damaged and not known:
            words = "委托 %s 的记录被改动过（%s），今天不再下单。请在 QMT 里核对委托" % (flag.name, flag.damaged)
            desk.stop(code, words)


def mend_starts(desk: "Desk") -> None:
    """Each fund's start stands in started.jsonl; where it is gone, the fund stops today and a new line is written."""
    for code, account in sorted(desk.book.accounts.items()):
        if not account.started or desk.book.started(code, account.started):
            continue
        desk.stop(code, checkup.changed(checkup.STARTS, "flags"))
        cell = desk.grid.cells.get(code)
        if cell is not None:
            desk.book.add_start(Start(code, cell.cell, account.shares, account.day))
            desk.book.accounts[code] = desk.book.accounts[code]._replace(started=account.day)
            desk.save_book()


def check_account(desk: "Desk", name: str) -> None:
    """`name` is the account's digest. The funds of another one stop until start_cell, or until it is back."""
    book = desk.book
    before = book.account or name
    for code, account in book.accounts.items():
        if not account.owner:
            book.accounts[code] = account._replace(owner=before)
    if book.account != name:
        book.account = name
        if book.accounts:
            desk.write(desk.save_book)


def adopt(desk: "Desk", row: OrderRow) -> Optional[Flag]:
    """A row with our id pattern and no flag file becomes an order of ours, and stops its fund for today."""
    ident = ids.parse(row.remark)
    if ident is None or ident.day != desk.day or ident.code != row.code or row.remark in desk.flags.flags:
        return None
    for flag in desk.flags.load_day(desk.day):
        if flag.name == row.remark:  # another process wrote it meanwhile
            return flag
    line = first_line(
        ident,
        desk.now(),
        code=desk.full(row.code),
        side=ident.side,
        shares=row.volume,
        yuan=round(row.volume * row.price, 2),
        root=ident.text,
        adopted=True,
        stop=desk.day,
    )
    return _make(desk, ident, [line], "哨兵没有它的记录，已按 QMT 的委托补记")


def _make(desk: "Desk", ident: ids.Id, lines: List[Dict[str, Any]], words: str) -> Flag:
    flag = Flag(ident, lines)
    desk.flags.flags[ident.text] = flag
    if not desk.write(desk.flags.rewrite, flag):
        desk.note_unwritten(flag)
    about = {"code": flag.code, "flag": ident.text, "reason": words}
    told = "委托 %s：%s。这只基金今天不再下单，请在 QMT 里核对这笔委托" % (ident.text, words)
    desk.teller.once(ident.text, notices.UNKNOWN, told, **about)
    return flag
