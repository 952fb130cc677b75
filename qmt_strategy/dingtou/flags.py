"""Order flag files: flags/YYYYMMDD/ID.jsonl, the memory that makes a second order for one intent impossible.

A file is created with O_EXCL, its first line (the intent) written and synced before passorder is called: whoever
created it owns the one call. Each later state is one more line, written and synced. A torn last line is ignored; a file
without a complete first line means that passorder was never called (void), and still counts as an attempt. A file that
cannot be what we wrote (a complete line that is no JSON, a beginning that is not ours) is damaged: what happened is not
known. Nothing here is ever moved, renamed or deleted.

What each line holds is in docs/protocol.md.
"""

import json
import os
from typing import Any, Callable, Dict, List, Optional

from . import disk, ids, orders

_DAY_LENGTH = 8
_SUFFIX = ".jsonl"

Line = Dict[str, Any]


class Flag:
    """One flag file in memory: `lines` as written, `order` what they add up to."""

    def __init__(self, ident: ids.Id, lines: List[Line], damaged: str = "", torn: bool = False) -> None:
        self.id = ident
        self.name = ident.text
        self.lines = lines
        self.damaged = damaged  # Chinese; '' = sound
        self.raw = b""  # the file's bytes as we left them
        self.torn = torn  # the file does not end with a line feed: the next line begins with one
        self.order = orders.Order(orders.VOID, 0)
        self._newest: Line = {}  # of every key the newest value: asked for several times in every call of handlebar
        for line in lines:
            self._fold(line)
        if damaged and self.order.state not in orders.ENDED:
            self.order = self.order._replace(state=orders.UNKNOWN, reason=damaged)

    def get(self, key: str, default: Any = None) -> Any:
        """The newest value of `key` in any line."""
        return self._newest.get(key, default)

    def number(self, key: str, default: float = 0.0) -> float:
        """`get` of a number; `default` where what stands there is none, whoever wrote it."""
        return _float(self.get(key), default)

    def placed(self, default: float) -> float:
        """Epoch seconds of the intent."""
        return _float(self.lines[0].get("at"), default) if self.lines else default

    @property
    def code(self) -> str:
        """'510300.SH'; only the six digits where no line tells."""
        return str(self.get("code", self.id.code))

    @property
    def buy(self) -> bool:
        return self.id.side == "B"

    @property
    def ended(self) -> bool:
        return self.order.state in orders.ENDED or self.order.state == orders.VOID

    @property
    def settled(self) -> bool:
        """Its outcome has moved the grid state, or was found to leave it."""
        return bool(self.get("settled", False)) or (self.order.state == orders.VOID and not self.get("root"))

    def stops(self, day: str) -> bool:
        """It forbids its fund further intents on `day`."""
        return self.order.state == orders.UNKNOWN or any(line.get("stop") == day for line in self.lines)

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self._fold(line)

    def _fold(self, line: Line) -> None:
        self._newest.update(line)
        state = line.get("state")
        if state not in orders.STATES:
            return
        before = self.order
        self.order = orders.Order(
            state=state,
            expected=_int(line.get("shares"), before.expected),
            filled=_int(line.get("filled"), before.filled),
            average=_float(line.get("average"), before.average),
            sysid=str(line.get("sysid") or before.sysid),
            reason=str(line.get("reason") or before.reason),
            by=str(line.get("by") or (before.by if state == before.state else "")) if state in orders.ENDED else "",
        )


class FlagBook:
    """The flag files under `home`/flags. `now()` is epoch seconds."""

    def __init__(self, home: str, now: Callable[[], float]) -> None:
        self.folder = os.path.join(home, "flags")
        self.flags: Dict[str, Flag] = {}
        self._now = now

    # ---- reading

    def load(self, since: str) -> None:
        """Read every file of the days from `since` ('YYYYMMDD', '' = all) on. Raises OSError."""
        self.flags = {}
        self.load_more(since)

    def load_more(self, since: str) -> None:
        """The same, without forgetting what is in memory."""
        for day in self._days():
            if day >= since:
                self.load_day(day)

    def load_day(self, day: str) -> List[Flag]:
        """Read the files of `day` that are not in memory yet; returns these."""
        found = []
        for name in self.names(day):
            if name not in self.flags:
                found.append(self._read(name))
        return found

    def names(self, day: str) -> List[str]:
        """The ids that have a file on `day`, as the disk says now."""
        try:
            listed = os.listdir(os.path.join(self.folder, day))
        except FileNotFoundError:
            return []
        stems = [name[: -len(_SUFFIX)] for name in listed if name.endswith(_SUFFIX)]
        return sorted(stem for stem in stems if (ids.parse(stem) or _NOBODY).day == day)

    def of(self, code: str) -> List[Flag]:
        """The flags of a fund ('510300.SH' or its six digits) in memory, oldest first."""
        mine = [flag for flag in self.flags.values() if flag.id.code == code[:6]]
        return sorted(mine, key=lambda flag: (flag.id.day, flag.id.number, flag.id.side))

    def _days(self) -> List[str]:
        try:
            listed = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(name for name in listed if len(name) == _DAY_LENGTH and name.isdigit())

    def _read(self, name: str) -> Flag:
        ident = ids.parse(name)
        assert ident is not None
        raw = disk.read(self._path(ident))
        flag = parse(ident, raw)
        flag.raw = raw
        self.flags[name] = flag
        return flag

    # ---- writing

    def create(self, ident: ids.Id, line: Line) -> Flag:
        """Make the file with its first line, synced, folders too. FileExistsError where another copy was faster."""
        path = self._path(ident)
        disk.make_folder(os.path.dirname(path))
        disk.create(path, encode(line))
        flag = Flag(ident, [line])
        flag.raw = encode(line)
        self.flags[ident.text] = flag
        return flag

    def append(self, flag: Flag, line: Line) -> None:
        """One more line, synced; in memory whether the disk takes it or not. Raises OSError."""
        flag.add(line)
        raw = b"\n" + encode(line) if flag.torn else encode(line)
        flag.torn = True  # until the disk has said yes: a failed write may leave half a line
        disk.append(self._path(flag.id), raw)
        flag.torn = False
        flag.raw += raw

    def rewrite(self, flag: Flag) -> None:
        """All that is known of an order is in its file: made anew where it is gone, else as one more line."""
        path = self._path(flag.id)
        disk.make_folder(os.path.dirname(path))
        try:
            disk.create(path, b"".join(encode(line) for line in flag.lines))
        except FileExistsError:
            known: Line = {}
            for line in flag.lines:
                known.update(line)
            disk.append(path, b"\n" + encode(known))
        flag.torn = False
        flag.raw = disk.read(path)

    def there(self, flag: Flag) -> bool:
        """Whether the file is as we left it. Raises OSError where that cannot be seen right now."""
        try:
            return disk.read(self._path(flag.id)) == flag.raw
        except FileNotFoundError:
            return False

    def _path(self, ident: ids.Id) -> str:
        return os.path.join(self.folder, ident.day, ident.text + _SUFFIX)


_NOBODY = ids.Id("", "", "", 0)


def first_line(ident: ids.Id, at: float, **known: Any) -> Line:
    """The intent. It begins with state and id, so that a torn beginning can be told from a damaged one."""
    line: Line = {"state": orders.INTENT, "id": ident.text, "at": round(at, 3)}
    line.update(known)
    return line


def encode(line: Line) -> bytes:
    """One line of the file. ASCII, so that a torn line is never half a character."""
    return (json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")


def parse(ident: ids.Id, raw: bytes) -> Flag:
    """A file's content as a Flag. Pure; never raises."""
    whole, _, rest = raw.rpartition(b"\n")
    complete = [part for part in whole.split(b"\n") if part.strip()] if whole else []
    if not complete:
        begins = ('{"state": "intent", "id": "%s"' % ident.text).encode("ascii")
        ours = begins.startswith(rest) or rest.startswith(begins)
        return Flag(ident, [], damaged="" if ours else "委托记录的开头不是本策略写的", torn=bool(rest))
    lines: List[Line] = []
    damaged = ""
    for number, part in enumerate(complete, 1):
        line = _decode(part)
        if line is None:
            if not _is_torn(part):
                damaged = damaged or "委托记录第 %d 行看不懂" % number
            continue
        lines.append(line)
    if not lines or lines[0].get("id") != ident.text:
        damaged = damaged or "委托记录的第一行看不懂"
    return Flag(ident, lines, damaged, torn=bool(rest))


def _is_torn(part: bytes) -> bool:
    """Half a line that a later line was written after: it begins as ours do. Only state lines are torn this way."""
    return b'{"state": "'.startswith(part[:11]) and not part.rstrip().endswith(b"}")


def _decode(part: bytes) -> Optional[Line]:
    try:
        value = json.loads(part.decode("ascii"))
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("state"), str):
        return None
    return value if value["state"] in orders.STATES else None


def _int(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _float(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
