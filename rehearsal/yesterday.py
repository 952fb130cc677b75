"""What a strategy that has been trading leaves behind at the end of a day: state/ and flags/started.jsonl in a home.

A rehearsal begins on such a morning. (On a first run the owner has to choose each fund's start_cell.)
"""

from typing import Iterable

from qmt_strategy.dingtou import gridstate
from qmt_strategy.dingtou.book import Account, Book, Start
from qmt_strategy.dingtou.copies import Copies
from qmt_strategy.dingtou.gridstate import Cell


def write(home: str, codes: Iterable[str], shares: int, day: str, cell: int = 0) -> None:
    """Each fund of `codes` stands in `cell` (0 = started, not traded yet) with `shares` since `day` ('YYYYMMDD')."""
    book = Book(str(home))
    for code in codes:
        book.add_start(Start(code, cell, shares, day))
        book.accounts[code] = Account(shares, day, [], started=day)
    book.save()
    Copies(str(home), "etf_grid").claim()
    gridstate.save(str(home), {code: Cell(cell, day, "start") for code in codes})
