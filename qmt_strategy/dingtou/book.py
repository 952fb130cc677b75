"""The strategy's own books: state/book.json and flags/started.jsonl.

book.json holds per fund the last reconciled position, the ids of that day on (a second trace of every flag file, made
before passorder), and the day on which it is stopped with the reason. started.jsonl has one line for each start of a
fund, kept apart from state/ so that a lost state folder is never taken for a first run.
"""

import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from . import disk

VERSION = 1
FILE = "book.json"
STARTS = "started.jsonl"


class Trace(NamedTuple):
    """What book.json remembers of one intent."""

    id: str
    root: str  # the first attempt's id
    cell: int
    shares: int  # expected
    yuan: float


class Account(NamedTuple):
    """One fund's account."""

    shares: int  # POSITION as last reconciled, before the trades of `day`
    day: str  # 'YYYYMMDD'
    traces: List[Trace]  # intents since `day`
    started: str = ""  # the day of its last start
    stop_day: str = ""
    stop_why: str = ""
    owner: str = ""  # digest of the account that has these shares; '' = not known
    moved: Sequence[Any] = ()  # (by, day, cell) of the last move of the grid state: grid.json's second witness
    late: Sequence[Any] = ()  # (day, reference price) of ex-dates whose factors the bars did not show yet
    decided: str = ""  # with `decide = once`: the last day on which the rule was asked


class Start(NamedTuple):
    """One line of started.jsonl."""

    code: str  # '510300.SH'
    cell: int
    shares: int  # POSITION then, before the trades of `day`
    day: str


class Book:
    """Both files under `home`."""

    def __init__(self, home: str) -> None:
        self._path = os.path.join(home, "state", FILE)
        self._starts_path = os.path.join(home, "flags", STARTS)
        self.accounts: Dict[str, Account] = {}  # by '510300.SH'
        self.starts: List[Start] = []
        self.problem = ""  # Chinese: book.json cannot be trusted
        self.rows = 0  # of the ledger, when book.json was last written: it never has fewer
        self.account = ""  # digest of the account that these books are of; '' = not known yet
        self.lost_day = ""  # the last day on which the ledger was found to have lost rows
        self._raw = b""  # as last read or written
        self._starts_raw = b""

    def load(self) -> None:
        """Read both. Raises OSError; a damaged book.json is a `problem`, with no accounts."""
        self.accounts = {}
        self.problem = ""
        self.rows = 0
        self.lost_day = ""
        self._starts_raw = _read(self._starts_path)
        self.starts = _starts(self._starts_raw)
        self._raw = _read(self._path)
        if not self._raw:
            if self.starts:
                self.problem = "持仓账丢了"
            return
        try:
            self.accounts, self.rows, self.lost_day, self.account = _accounts(self._raw)
        except (ValueError, KeyError, TypeError):
            self.problem = "持仓账读不懂"

    def save(self) -> None:
        """Write book.json, synced. Raises OSError."""
        body = {code: account._asdict() for code, account in self.accounts.items()}
        for account in body.values():
            account["traces"] = [list(trace) for trace in account["traces"]]
        whole = {"funds": body, "rows": self.rows, "lost_day": self.lost_day, "account": self.account}
        document = dict(whole, version=VERSION, sha256=_checksum(whole))
        raw = json.dumps(document, ensure_ascii=True, sort_keys=True).encode("ascii")
        disk.make_folder(os.path.dirname(self._path))
        disk.replace(self._path, raw)
        self._raw = raw

    def see(self) -> None:
        """The file as it is now is one that we know: what is wrong with it is being told."""
        try:
            self._raw = _read(self._path)
        except OSError:
            self._raw = b""

    def there(self) -> bool:
        """Whether book.json is as we left it. Raises OSError where that cannot be seen right now."""
        return _read(self._path) == self._raw

    def add_start(self, start: Start) -> None:
        """One more line, synced. Raises OSError."""
        disk.make_folder(os.path.dirname(self._starts_path))
        raw = (json.dumps(start._asdict(), ensure_ascii=True, sort_keys=True) + "\n").encode("ascii")
        try:
            disk.create(self._starts_path, raw)
        except FileExistsError:
            disk.append(self._starts_path, b"\n" + raw)  # the line feed first: an older line may be torn
        self.starts.append(start)
        self._starts_raw = _read(self._starts_path)

    def starts_there(self) -> bool:
        """Whether started.jsonl is as we left it. Raises OSError where that cannot be seen right now."""
        return _read(self._starts_path) == self._starts_raw

    def restore_starts(self) -> None:
        """Write started.jsonl as we left it. Raises OSError."""
        disk.make_folder(os.path.dirname(self._starts_path))
        disk.replace(self._starts_path, self._starts_raw)

    def started(self, code: str, day: str) -> bool:
        """Whether a start of this fund on `day` is on record."""
        return any(start.code == code and start.day == day for start in self.starts)

    def last_start(self, code: str) -> Start:
        """The newest start of a fund; one with day '' where there is none."""
        mine = [start for start in self.starts if start.code == code]
        return mine[-1] if mine else Start(code, 0, 0, "")


def _read(path: str) -> bytes:
    try:
        return disk.read(path)
    except FileNotFoundError:
        return b""


def _starts(raw: bytes) -> List[Start]:
    found = []
    for part in raw.split(b"\n"):
        try:
            found.append(Start(**json.loads(part.decode("ascii"))))
        except (ValueError, TypeError):  # torn, empty or damaged: the others still stand
            continue
    return found


def digest(account: str) -> str:
    """What book.json keeps of an account number."""
    return hashlib.sha256(("book " + account).encode("utf-8")).hexdigest()[:16]


def _accounts(raw: bytes) -> Tuple[Dict[str, Account], int, str, str]:
    document = json.loads(raw.decode("ascii"))
    names = ("funds", "rows", "lost_day") + (("account",) if "account" in document else ())
    whole = {name: document[name] for name in names}
    if document["version"] != VERSION or document["sha256"] != _checksum(whole):
        raise ValueError("checksum")
    found = {}
    for code, entry in whole["funds"].items():
        account = Account(**entry)
        found[code] = account._replace(traces=[Trace(*trace) for trace in account.traces])
    return found, int(whole["rows"]), str(whole["lost_day"]), str(whole.get("account", ""))


def _checksum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8")).hexdigest()
