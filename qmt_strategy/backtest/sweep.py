"""The search over parameters: many sets over the same prices, in one process, on all cores, or on a Dask cluster.

Whatever runs it, the work is `evaluate(task, sets)`: plain values in, plain values out. Each finished set is a line of
results.jsonl, so that a search that was broken off goes on where it stopped.
"""

import concurrent.futures
import hashlib
import itertools
import json
import os
import random
import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from . import board, booking, compiled, engine, levels, metrics, money, options, prices
from .setup import Setup

Values = Dict[str, float]
CHUNK = 64  # sets a piece of work
SIDE_BY_SIDE = 16  # sets
FILE = "results.jsonl"


class Task(NamedTuple):
    """What is the same for all sets."""

    funds: List[prices.Fund]
    setup: Setup
    split: str  # sets are chosen on the days before it and shown on those from it on; '' = one stretch
    engine: str  # 'auto', 'numba' or 'python'


class Range(NamedTuple):
    """The values of one parameter: listed ones, or anything between two ends (for random draws)."""

    name: str
    listed: Tuple[float, ...]
    ends: Tuple[float, ...]


def parse(text: str) -> Range:
    """'ma=250,500,850', 'grid_height=0.005:0.02:0.005' (from:to:step) or 'ma=200..1200' (random draws).

    Raises options.UsageError.
    """
    name, _, rest = text.partition("=")
    name = name.strip().lstrip("-").replace("-", "_")
    if name not in options.RULE:
        raise options.UsageError("--vary 里没有 %s 这个参数，可用的是：%s" % (name[:40], "、".join(options.RULE)))
    kind = options.RULE[name][0]
    ends: Tuple[float, ...] = ()
    listed: Tuple[float, ...] = ()
    try:
        if ".." in rest:
            ends = tuple(kind(one) for one in rest.split(".."))
            if len(ends) != 2 or ends[0] >= ends[1]:
                raise ValueError
        elif ":" in rest:
            first, last, step = (float(one) for one in rest.split(":"))
            if step <= 0 or first > last or (last - first) / step > 10000:
                raise ValueError
            count = int((last - first) / step + 1e-9) + 1
            listed = tuple(kind(round(first + number * step, 10)) for number in range(count))
        else:
            listed = tuple(kind(one) for one in re.split("[,，]", rest))
    except ValueError:
        words = "--vary %s 读不懂：应如 ma=250,500,850 或 grid_height=0.005:0.02:0.005 或 ma=200..1200（配合 --random）"
        raise options.UsageError(words % text[:60]) from None
    for value in listed + ends:
        options.check(name, value)
    return Range(name, listed, ends)


def sets_of(ranges: Sequence[Range], draws: int, seed: int) -> List[Values]:
    """All combinations of the listed values or, with `draws`, so many random ones. Raises options.UsageError."""
    if not ranges:
        raise options.UsageError("请用 --vary 给出要试的参数，如 --vary ma=250,500,850")
    if len({one.name for one in ranges}) < len(ranges):
        raise options.UsageError("--vary 里同一个参数只写一次")
    if draws:
        chance = random.Random(seed)
        return [{one.name: _draw(one, chance) for one in ranges} for _ in range(draws)]
    if any(one.ends for one in ranges):
        raise options.UsageError("有 .. 的范围要配合 --random 次数")
    names = [one.name for one in ranges]
    return [dict(zip(names, values)) for values in itertools.product(*(one.listed for one in ranges))]


def _draw(one: Range, chance: random.Random) -> float:
    if one.listed:
        return chance.choice(one.listed)
    value = chance.uniform(*one.ends)
    return int(round(value)) if one.name == "ma" else round(value, 6)


# ---- the work


_boards: Dict[Any, Any] = {}  # of the task in work: another one replaces it


def boards(task: Task) -> List[board.Board]:
    """The task's one or two stretches, ready to run."""
    chosen = compiled.engine(task.engine)
    setups = [task.setup]
    if task.split:
        day_before = max(day for fund in task.funds for day in fund.dates if day < task.split)
        setups = [task.setup._replace(end=day_before), task.setup._replace(start=task.split)]
    return [board.Board(task.funds, setup, chosen) for setup in setups]


def evaluate(task: Task, sets: Sequence[Values]) -> List[Values]:
    """One row for each set: its values and what it was worth, that of the later days with the prefix after_."""
    key = (id(task.funds),) + task[1:]
    if key not in _boards:
        _boards.clear()
        _boards[key] = (task, boards(task))
    ready = _boards[key][1]
    rows = []
    for several in _together(task.setup, sets):
        rows += evaluate_some(task.setup, ready, several)
    return rows


def _together(setup: Setup, sets: Sequence[Values]) -> Iterator[List[Values]]:
    """Neighbours that share the length of the average, not too many at once: each has its own tables in memory."""
    for _, group in itertools.groupby(sets, lambda one: one.get("ma", setup.rule.ma)):
        several = list(group)
        for at in range(0, len(several), SIDE_BY_SIDE):
            yield several[at : at + SIDE_BY_SIDE]


def known_boards() -> List[board.Board]:
    """The boards of the task in work."""
    return [stretch for _, ready in _boards.values() for stretch in ready]


def evaluate_some(setup: Setup, ready: Sequence[board.Board], several: Sequence[Values]) -> List[Values]:
    """The rows of sets that share the length of the average."""
    rows = [dict(values) for values in several]
    chosen = [setup._replace(rule=setup.rule._replace(**_numbers(values))) for values in several]
    for stretch, prefix in zip(ready, ("", "after_")):
        for row, one, made in zip(rows, chosen, levels.markets_of(stretch, chosen)):
            written = engine.walk(stretch, one, notes=False, ready=made)
            row.update({prefix + name: value for name, value in worth(stretch, written, one).items()})
    return rows


def _numbers(values: Values) -> Dict[str, Any]:
    return dict(values)


def worth(stretch: board.Board, written: engine.Written, setup: Setup) -> Values:
    """A set's figures, without what a report needs."""
    unit, count = float(booking.UNIT), len(stretch.days)
    days, _, injected, fees, _ = written.days.T
    equity = stretch.engine.valuing.equities(
        written.days, written.moves, stretch.close_rows, written.held, written.cash, count
    )
    equity = equity / unit
    more = injected.copy()
    more[1:] -= injected[:-1]
    flows = np.zeros(count)
    flows[days] = more / unit
    flows[0] += setup.cash
    at = np.flatnonzero(flows)
    sides = written.orders[:, 2]
    return {
        "xirr": money.rate_of(stretch.ordinals[np.append(at, -1)], np.append(-flows[at], equity[-1])),
        "profit": round(float(equity[-1] - flows.sum()), 2),
        "injected": round(float(flows.sum()), 2),
        "max_drawdown": float(metrics.drawdown_curve(money.unit_returns(equity, flows)).min()),
        "buys": int((sides == 1).sum()),
        "sells": int((sides == -1).sum()),
        "fees": round(float(fees[-1]) / unit, 2) if len(fees) else 0.0,
    }


# ---- who does it


def in_one_process(task: Task, chunks: Sequence[List[Values]]) -> Iterator[List[Values]]:
    for chunk in chunks:
        yield evaluate(task, chunk)


def on_all_cores(task: Task, chunks: Sequence[List[Values]], workers: int) -> Iterator[List[Values]]:
    """Each process gets the prices once."""
    with concurrent.futures.ProcessPoolExecutor(workers, initializer=_begin, initargs=(task,)) as pool:
        waiting = [pool.submit(_work, chunk) for chunk in chunks]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()


_task: List[Task] = []


def _begin(task: Task) -> None:
    _task[:] = [task]


def _work(chunk: List[Values]) -> List[Values]:
    return evaluate(_task[0], chunk)


def on_dask(client: Any, task: Task, chunks: Sequence[List[Values]]) -> Iterator[List[Values]]:
    """On the workers of a dask.distributed client; each gets the prices once."""
    import distributed

    (everywhere,) = client.scatter([task], broadcast=True, hash=False)
    waiting = [client.submit(evaluate, everywhere, chunk, pure=False) for chunk in chunks]
    for done in distributed.as_completed(waiting):
        yield done.result()


# ---- results that last


def search(
    task: Task,
    sets: Sequence[Values],
    folder: str,
    work: Callable[[Task, Sequence[List[Values]]], Iterable[List[Values]]],
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> List[Values]:
    """All rows, in the order of `sets`; those that `folder` already holds are not worked out again.

    Raises options.UsageError where the folder holds another search's results.
    """
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, FILE)
    known = _read(path, fingerprint(task))
    missing: Dict[str, Values] = {}
    for one in sets:
        if _key(one) not in known:
            missing[_key(one)] = one
    progress(len(sets) - len(missing), len(sets))
    if missing:
        # Sets of one average length side by side: the averages are worked out once.
        ordered = sorted(missing.values(), key=lambda one: sorted(one.items()))
        ordered.sort(key=lambda one: one.get("ma", 0))
        size = max(1, min(CHUNK, len(ordered) // 8))
        chunks = [ordered[at : at + size] for at in range(0, len(ordered), size)]
        with open(path, "a", encoding="utf-8") as file:
            for rows in work(task, chunks):
                for row in rows:
                    known[_key({name: row[name] for name in sets[0]})] = row
                    file.write(json.dumps({k: None if v != v else v for k, v in row.items()}) + "\n")
                file.flush()
                progress(len(known), len(sets))
    return [known[_key(one)] for one in sets]


def fingerprint(task: Task) -> str:
    """Changes with the prices, the setup and the split."""
    digest = hashlib.sha256()
    for part in (task.funds, task.setup, task.split):
        digest.update(repr(part).encode("utf-8"))
    return digest.hexdigest()[:16]


def _key(values: Values) -> str:
    return json.dumps(sorted(values.items()))


def _read(path: str, mark: str) -> Dict[str, Values]:
    """The rows of an earlier, broken-off search of the same kind; a torn last line is cut off."""
    if not os.path.exists(path) or not os.path.getsize(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"search": mark}) + "\n")
        return {}
    with open(path, "rb") as file:
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with open(path, "rb+") as file:
            file.truncate(len(whole))
    lines = [json.loads(line) for line in whole.decode("utf-8").splitlines()]
    if not lines or lines[0].get("search") != mark:
        raise options.UsageError("%s 里是另一次搜索的结果（数据或设置不同），请换一个 --out 文件夹" % path)
    known = {}
    for row in lines[1:]:
        values = {name: row[name] for name in options.RULE if name in row}
        known[_key(values)] = {name: float("nan") if one is None else one for name, one in row.items()}
    return known
