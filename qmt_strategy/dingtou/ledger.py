"""deals/transaction.csv: every deal of the account once, keyed (day, trade id, contract number, security): the two
exchanges number for themselves.

Deals come from deal_callback and from the DEAL list, replayed as often as the client likes. A row that POSITION
proved (an order whose deals nobody saw) is booked once as well, its 成交编号 beginning with POSITION. The file is the
owner's to open: it begins with a BOM for Excel, and while Excel holds it rows wait in memory. A last line without its
line feed is half written, and dropped; the DEAL list gives that deal again.
"""

import csv
import functools
import io
import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from . import disk, ids, rows

COLUMNS = ("证券代码", "买/卖", "合同编号", "成交日期", "成交时间", "成交价格", "成交数量", "手续费", "成交额") + (
    "备注",
    "成交编号",
)
PROVED = "POSITION"  # begins the 成交编号 of a row that POSITION proved

Key = Tuple[str, str, str, str]


class Entry(NamedTuple):
    """One row. `volume` in shares; price, fee and amount in yuan, None = not known."""

    code: str  # six digits
    buy: bool
    sysid: str
    day: str
    time: str
    price: Optional[float]
    volume: int
    fee: Optional[float]
    amount: Optional[float]
    remark: str
    trade_id: str

    @property
    def key(self) -> Key:
        return (self.day, _number(self.trade_id), _number(self.sysid), self.code)

    @property
    def signed(self) -> int:
        return self.volume if self.buy else -self.volume


class Sums:
    """What the deals of one order add up to; asked for at every look, so kept."""

    def __init__(self) -> None:
        self.volume = 0  # shares
        self.priced = 0  # shares whose price is known
        self.yuan = 0.0  # of these

    def add(self, entry: Entry) -> None:
        self.volume += entry.volume
        if entry.price:
            self.priced += entry.volume
            self.yuan += entry.volume * entry.price


_NONE = Sums()


def from_deal(row: rows.Row, today: str) -> Optional[Entry]:
    """rows.deal()'s row as an entry; None while it lacks what makes it one deal (the sysid is '' at first, 1.5).

    What comes out reads back from the file as it is: an odd row must not make the ledger unreadable. A volume below
    zero is a cancel that some counters list among the deals, and no deal.
    """
    sysid, trade_id = _clean(rows.contract(row["合同编号"])), _clean(row["订单编号"])
    if not row["代码"] or not sysid or not trade_id or row["买卖"] is None:
        return None
    if not row["成交量"] or row["成交量"] < 0:
        return None
    return Entry(
        code=_code(row["代码"]),
        buy=row["买卖"] == "买",
        sysid=sysid,
        day=_day(row["日期"], _day_of_remark(row["投资备注"]) or today),
        time=_clean(row["时间"]),
        price=row["成交均价"],
        volume=row["成交量"],
        fee=row["手续费"],
        amount=row["成交额"],
        remark=_clean(row["投资备注"]),
        trade_id=trade_id,
    )


@functools.lru_cache(maxsize=1024)  # the day's deals are compared with the file at every look
def _code(text: str) -> str:
    """A security's code as the file has it: Excel drops leading zeros, and they are put back at reading."""
    return _clean(_clean(text).partition(".")[0][:6]).zfill(6)


@functools.lru_cache(maxsize=64)
def _day(text: Optional[str], today: str) -> str:
    """YYYYMMDD out of what a counter calls a date; what is none is today."""
    digits = "".join(sign for sign in text or "" if sign in "0123456789")
    return digits if len(digits) == 8 else today


def _number(text: str) -> str:
    """What Excel leaves of a contract or trade number when it saves the file: no zeros at its front."""
    return text.lstrip("0") or text


def _day_of_remark(remark: Optional[str]) -> str:
    """The day of our order, for a counter that gives its deals no date; '' where the remark is no id of ours."""
    ident = ids.parse(remark)
    return ident.day if ident is not None else ""


def _clean(text: Optional[str]) -> str:
    """Without what a line of the file cannot hold: control characters, halves of surrogate pairs, blanks around it."""
    if not text or text.isalnum():
        return text or ""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


class Ledger:
    """The file under `home`/deals and what it says."""

    def __init__(self, home: str) -> None:
        self.folder = os.path.join(home, "deals")
        self.path = os.path.join(self.folder, "transaction.csv")
        self.entries: List[Entry] = []
        self.problem = ""  # Chinese: rows that cannot be read
        self._keys: Set[Key] = set()
        self._by_order: Dict[str, Sums] = {}
        self._own_day: Dict[str, str] = {}  # code -> the last day in an id among its remarks
        self._waiting: List[Entry] = []  # booked in memory, not on the disk yet
        self._left = (0, 0)

    def load(self) -> None:
        """Read the file; a missing one is made at the first deal. Raises OSError."""
        disk.make_folder(self.folder)
        try:
            raw = disk.read(self.path)
        except FileNotFoundError:
            raw = b""
        whole, _, torn = raw.rpartition(b"\n")
        found, self.problem = parse(whole if whole else raw)
        if torn and not self.problem:
            disk.replace(self.path, whole + b"\n")
        self._left = self._mark()
        waiting, self._waiting = self._waiting, []
        self.entries = []
        self._keys = set()
        self._by_order = {}
        self._own_day = {}
        for entry in found:
            self._take(entry)
        self.take(waiting)

    def knows(self, row: rows.Row, today: str) -> bool:
        """Whether rows.deal()'s row is booked already."""
        if not row["代码"]:
            return False
        day = _day(row["日期"], _day_of_remark(row["投资备注"]) or today)
        key = (day, _number(_clean(row["订单编号"])), _number(_clean(row["合同编号"])), _code(row["代码"]))
        return key in self._keys

    def take(self, entries: Iterable[Entry]) -> List[Entry]:
        """Add what is new, in memory; returns that. `flush` writes it."""
        new = [entry for entry in entries if self._take(entry)]
        self._waiting.extend(new)
        return new

    def flush(self) -> None:
        """Write what waits. Raises OSError: then it goes on waiting."""
        if self._waiting:
            self._write()

    @property
    def written(self) -> int:
        """How many rows are on the disk."""
        return len(self.entries) - len(self._waiting)

    def see(self) -> None:
        """The file as it is now is one that we know."""
        self._left = self._mark()

    def mend(self) -> None:
        """Rows are gone from the file: all that we know is to be written again."""
        self._waiting = list(self.entries)

    def there(self) -> bool:
        """Whether the file is as we left it. Raises OSError where that cannot be seen right now."""
        return self._mark() == self._left

    def _mark(self) -> Tuple[int, int]:
        """(size, time of the last change) of the file; zeros where there is none. Raises OSError: held right now."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return (0, 0)
        return (found.st_size, found.st_mtime_ns)

    def signed(self, code: str, first_day: str, last_day: str) -> int:
        """Shares bought less shares sold of a fund on the days from `first_day` to `last_day`, both inside."""
        return sum(e.signed for e in self.entries if e.code == code[:6] and first_day <= e.day <= last_day)

    def last_own_day(self, code: str) -> str:
        """The last day on which an order of ours for this fund had a deal; '' = none."""
        return self._own_day.get(code[:6], "")

    def remarks(self, code: str) -> List[str]:
        """The remarks of a fund's rows."""
        return [e.remark for e in self.entries if e.code == code[:6] and e.remark]

    def volume_of(self, code: str, remark: str, sysid: str, day: str) -> Tuple[int, float]:
        """(shares, average price in yuan) of one order's deals: by its remark; without one, by its sysid on its day."""
        named = self._by_order.get(remark, _NONE)
        nameless = self._by_order.get(_nameless(code[:6], sysid, day), _NONE) if sysid else _NONE
        priced = named.priced + nameless.priced
        return named.volume + nameless.volume, (named.yuan + nameless.yuan) / priced if priced else 0.0

    def _take(self, entry: Entry) -> bool:
        if entry.key in self._keys:
            return False
        self._keys.add(entry.key)
        self.entries.append(entry)
        ident = ids.parse(entry.remark)
        # A remark that is no id of ours, cut or changed by the client, says nothing: the sysid does.
        order = entry.remark if ident is not None else _nameless(entry.code, entry.sysid, entry.day)
        self._by_order.setdefault(order, Sums()).add(entry)
        if ident is not None:
            self._own_day[entry.code] = max(ident.day, self._own_day.get(entry.code, ""))
        return True

    def _write(self) -> None:
        if self.problem:  # the owner's to look at: nothing is written over it
            raise OSError(self.problem)
        if len(self._waiting) == len(self.entries) or not os.path.exists(self.path):  # the first rows, or all again
            disk.make_folder(self.folder)
            lines = [_line(COLUMNS)] + [_line(_texts(entry)) for entry in self.entries]
            raw = ("\ufeff" + "".join(lines)).encode("utf-8")
            disk.replace(self.path, raw)
        else:
            if not self.there():  # half a line of a failed write
                self.load()
            raw = "".join(_line(_texts(entry)) for entry in self._waiting).encode("utf-8")
            disk.append(self.path, raw)
        self._waiting = []
        self._left = self._mark()


def _nameless(code: str, sysid: str, day: str) -> str:
    """What stands for the remark of an order whose deals have none."""
    return "|".join((code, sysid, day))


def parse(raw: bytes) -> Tuple[List[Entry], str]:
    """(entries, what is wrong in Chinese) of a file's content. Pure; never raises."""
    text = raw.decode("utf-8-sig", "replace")
    found: List[Entry] = []
    problem = ""
    try:
        table = list(csv.reader(io.StringIO(text.replace("\0", "?"))))
    except csv.Error:
        return [], "成交记录读不懂"
    if table and tuple(cell.strip() for cell in table[0]) != COLUMNS:
        return [], "成交记录的表头不对"
    for number, cells in enumerate(table[1:], 2):
        if not any(cells):
            continue
        entry = _entry(cells)
        if entry is None:
            problem = problem or "成交记录第 %d 行看不懂" % number
        else:
            found.append(entry)
    return found, problem


def _entry(cells: List[str]) -> Optional[Entry]:
    if len(cells) != len(COLUMNS):
        return None
    value: Dict[str, str] = dict(zip(COLUMNS, (cell.strip() for cell in cells)))
    volume = rows.whole(value["成交数量"])
    day = value["成交日期"]
    if value["买/卖"] not in ("买", "卖") or not volume or volume < 0 or len(day) != 8 or not day.isdigit():
        return None
    return Entry(
        code=_code(value["证券代码"]),
        buy=value["买/卖"] == "买",
        sysid=value["合同编号"],
        day=day,
        time=value["成交时间"],
        price=rows.number(value["成交价格"]),
        volume=volume,
        fee=rows.number(value["手续费"]),
        amount=rows.number(value["成交额"]),
        remark=value["备注"],
        trade_id=value["成交编号"],
    )


def _texts(e: Entry) -> Tuple[Any, ...]:
    side = "买" if e.buy else "卖"
    return (e.code, side, e.sysid, e.day, e.time, _plain(e.price), e.volume, _plain(e.fee), _plain(e.amount), e.remark,
            e.trade_id)  # fmt: skip


def _plain(value: Optional[float]) -> str:
    return "" if value is None else ("%.6f" % value).rstrip("0").rstrip(".")


def _line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(list(cells))
    return out.getvalue()
