"""The command `fetch`: prices, events, 累计净值, index and calendar into a folder of CSVs, with where from and when.

The sources stand behind `Source`: akshare.py's functions in production, anything in the tests. Each table is asked of
its sources in turn, each with growing pauses; what none gives stays as it was in the folder and is told.
"""

import csv
import datetime
import json
import os
import random
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import adjust, prices

PAUSES = (2.0, 8.0, 30.0)  # seconds before each further attempt, with as much again at random
ABOUT = "sources.json"  # {file: {source, version, fetched_at, rows}}
INDEX = "sh000001"

Row = Tuple[str, ...]
Bars = List[Tuple[str, float, float, float, float]]  # day, open, high, low, close


class Source(NamedTuple):
    """Where one kind of table comes from: a name to tell, and what asks for it. Any exception means: not now."""

    name: str
    ask: Callable[..., Any]


class Sources(NamedTuple):
    """All that fetch asks for; each list in the order in which it is tried."""

    version: str  # of the library behind them
    bars: Sequence[Source]  # ask(code, first, last) -> Bars, raw
    adjusted: Sequence[Source]  # the same, backward adjusted, for `compare`
    events: Sequence[Source]  # ask(code) -> [(day, kind, value)]
    net_values: Sequence[Source]  # ask(code) -> [(day, 累计净值)]
    index_bars: Sequence[Source]  # ask(symbol) -> Bars
    calendar: Sequence[Source]  # ask() -> [day]


class Fetcher(NamedTuple):
    """What fetch needs of the world."""

    sources: Sources
    folder: str
    now: Callable[[], datetime.datetime]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    chance: Callable[[], float] = random.random


def fetch(fetcher: Fetcher, codes: Sequence[str], first: str, last: str, fresh_hours: float = 12.0) -> List[str]:
    """Fetch everything for `codes`; returns what went wrong, in Chinese. A file younger than `fresh_hours` is kept."""
    os.makedirs(fetcher.folder, exist_ok=True)
    about = read_about(fetcher.folder)
    problems: List[str] = []
    _table(fetcher, about, problems, "calendar.csv", fetcher.sources.calendar, (), _calendar, fresh_hours)
    events: Dict[str, List[Any]] = {}
    for code in codes:
        name = code + ".csv"
        _table(fetcher, about, problems, name, fetcher.sources.bars, (code, first, last), _bars, fresh_hours)
        _table(
            fetcher, about, problems, "hfq-" + name, fetcher.sources.adjusted, (code, first, last), _bars, fresh_hours
        )
        _table(fetcher, about, problems, "nav-" + name, fetcher.sources.net_values, (code,), _values, fresh_hours)
        found = _asked(fetcher, problems, "%s 的分红拆分" % code, fetcher.sources.events, (code,))
        if found is not None:
            events[code[:6]] = found[1]
            about["events.csv"] = _about(fetcher, found[0], len(found[1]))
    _table(fetcher, about, problems, "index.csv", fetcher.sources.index_bars, (INDEX,), _bars, fresh_hours)
    _write_events(fetcher.folder, events)
    _write(os.path.join(fetcher.folder, ABOUT), json.dumps(about, ensure_ascii=False, indent=1))
    return problems + check(fetcher.folder, codes)


def check(folder: str, codes: Sequence[str]) -> List[str]:
    """What `run` would refuse or note of the folder, holes against the calendar among it."""
    problems = []
    for code in codes:
        if not os.path.exists(os.path.join(folder, code + ".csv")):
            continue
        try:
            loaded = prices.load(folder, [code])
        except prices.DataError as error:
            problems.append(str(error))
            continue
        problems.extend(loaded.notes)
        problems.extend(_against_hfq(folder, loaded.funds[0]))
    return problems


def _against_hfq(folder: str, fund: prices.Fund) -> List[str]:
    """Events that the published adjusted prices know and events.csv does not, or the other way round."""
    path = os.path.join(folder, "hfq-" + fund.code + ".csv")
    if not os.path.exists(path):
        return []
    theirs = prices.read_fund(folder, "hfq-" + fund.code)
    published = dict(zip(theirs.dates, theirs.closes))
    ours = adjust.closes(fund, "additive_back")
    apart = [day for day, one in zip(fund.dates, ours) if abs(published.get(day, one) - one) > 0.002 * max(1.0, one)]
    if not apart:
        return []
    words = "%s 的后复权和来源不一致，从 %s 起：请核对 events.csv 里的分红和拆分"
    return [words % (fund.code, apart[0])]


# ---- one table


def _table(
    fetcher: Fetcher,
    about: Dict[str, Any],
    problems: List[str],
    name: str,
    sources: Sequence[Source],
    arguments: Tuple[Any, ...],
    rows_of: Callable[[Any], Tuple[Row, List[Any]]],
    fresh_hours: float,
) -> Optional[List[str]]:
    """Fetch one file unless it is fresh; returns its days, None where there is no such file."""
    path = os.path.join(fetcher.folder, name)
    if not (os.path.exists(path) and _fresh(fetcher, about.get(name), fresh_hours)):
        found = _asked(fetcher, problems, name, sources, arguments, rows_of)
        if found is not None:
            heads, rows = rows_of(found[1])
            _write_rows(path, heads, rows)
            about[name] = _about(fetcher, found[0], len(rows))
            fetcher.say("%s：%d 行，来自 %s" % (name, len(rows), found[0]))
    if not os.path.exists(path):
        return None
    with open(path, newline="", encoding="utf-8") as file:
        return [row[0].replace("-", "") for row in list(csv.reader(file))[1:]]


def _asked(
    fetcher: Fetcher,
    problems: List[str],
    what: str,
    sources: Sequence[Source],
    arguments: Tuple[Any, ...],
    check_rows: Callable[[Any], Any] = lambda answer: answer,
) -> Optional[Tuple[str, Any]]:
    """(source's name, answer) of the first source whose answer is sound, each asked up to four times."""
    last = ""
    for source in sources:
        for pause in PAUSES + (None,):
            try:
                answer = source.ask(*arguments)
                check_rows(answer)
                return source.name, answer
            except Exception as error:  # sources break in every way there is: network, blocked, page changed
                last = "%s（%s: %s）" % (source.name, type(error).__name__, str(error)[:80])
            if pause is not None:
                fetcher.sleep(pause * (1 + fetcher.chance()))
    kept = os.path.exists(os.path.join(fetcher.folder, what))
    problems.append("%s 没有取到：%s%s" % (what, last or "没有来源", "。保留旧文件" if kept else "。请稍后再试"))
    return None


def _bars(answer: Any) -> Tuple[Row, List[Any]]:
    return ("date", "open", "high", "low", "close"), _ordered(answer, 5)


def _values(answer: Any) -> Tuple[Row, List[Any]]:
    return ("date", "net_value"), _ordered(answer, 2)


def _calendar(answer: Any) -> Tuple[Row, List[Any]]:
    return ("date",), _ordered([(day,) for day in answer], 1)


def _ordered(rows: Any, width: int) -> List[Any]:
    """The rows if they are sound: not empty, days ascending and unique, all numbers positive. Raises ValueError."""
    found = [tuple(row)[:width] for row in rows]
    if not found:
        raise ValueError("空表")
    for before, after in zip(found, found[1:]):
        if after[0] <= before[0]:
            raise ValueError("日期重复或没有递增：%s" % after[0])
    for row in found:
        if len(row[0]) != 8 or not row[0].isdigit():
            raise ValueError("日期 %s 不对" % row[0])
        if not all(0 < float(value) < 1e7 for value in row[1:]):
            raise ValueError("%s 的数值不对：%s" % (row[0], row[1:]))
    return found


# ---- files


def read_about(folder: str) -> Dict[str, Any]:
    try:
        with open(os.path.join(folder, ABOUT), encoding="utf-8") as file:
            found = json.load(file)
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _about(fetcher: Fetcher, source: str, rows: int) -> Dict[str, Any]:
    at = fetcher.now().strftime("%Y-%m-%d %H:%M:%S")
    return {"source": source, "version": fetcher.sources.version, "fetched_at": at, "rows": rows}


def _fresh(fetcher: Fetcher, about: Optional[Dict[str, Any]], hours: float) -> bool:
    try:
        at = datetime.datetime.strptime((about or {})["fetched_at"], "%Y-%m-%d %H:%M:%S")
    except (KeyError, TypeError, ValueError):
        return False
    return 0 <= (fetcher.now() - at).total_seconds() < hours * 3600


def _write_events(folder: str, fetched: Dict[str, List[Any]]) -> None:
    """events.csv with the fetched funds' events in place of their old ones."""
    path = os.path.join(folder, "events.csv")
    if not fetched:
        return
    known = prices.read_events(path)
    rows = [
        (code, event.date, event.kind, event.value)
        for code, events in known.items()
        if code not in fetched
        for _, event in events
    ]
    rows += [(code, day, kind, value) for code, events in fetched.items() for day, kind, value in events]
    _write_rows(path, ("code", "ex_date", "kind", "value"), sorted(rows))


def _write_rows(path: str, heads: Sequence[str], rows: Sequence[Any]) -> None:
    lines = [",".join(heads)] + [",".join(str(value) for value in row) for row in rows]
    _write(path, "\n".join(lines) + "\n")


def _write(path: str, text: str) -> None:
    """A half-written file is never found: written beside and renamed."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)
