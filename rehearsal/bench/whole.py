"""Everything of `run.py bench` without a name: measures part by part and puts the figures under promises.py's keys."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from rehearsal.bench import backtest, handlebar, limits, machine, receiver, tray, tray_outbox
from rehearsal.bench.figures import as_plain, figures
from rehearsal.bench.posting import KeptAlive
from rehearsal.bench.promises import PARTS
from tray_app.sender import EVENTS_PATH

QMT_PYTHON = "3.6"
ROUNDS, FULL_ROUNDS = 5, 10  # of the receiver's posts and events
RUNS, FULL_RUNS = 15, 51  # of a backtest
Found = Dict[str, Dict[str, Any]]


def gather(command: str, full: bool, here: bool, vectorbt: str, tell: Callable[[str], None]) -> Dict[str, Any]:
    """All parts, as table.py wants them. here: the strategy on this Python, not on QMT's. A part that cannot be
    measured says why and leaves the others alone. Takes minutes."""
    with tempfile.TemporaryDirectory(prefix="qmt-sentry-bench-") as folder:
        about = dict(machine.facts(folder), **machine.described(folder))
        about["date"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        found: Dict[str, Any] = {"machine": about, "command": command, "full": full, "parts": {}, "lines": {}}
        works: Dict[str, Callable[[Path], Tuple[str, Found]]] = {
            "strategy": lambda _: strategy(full, here),
            "tray": lambda inside: of_tray(inside, full),
            "receiver": lambda inside: of_receiver(inside, full),
            "backtest": lambda _: of_backtest(full, vectorbt),
        }
        for part, zh, _ in PARTS:
            tell("正在量：%s……" % zh)
            inside = Path(folder) / part
            inside.mkdir()
            before, said = machine.cpu_so_far(), ""
            python = "%d.%d.%d" % sys.version_info[:3]
            try:
                python, lines = works[part](inside)
                found["lines"].update(lines)
            except Exception as problem:
                # Whatever one part lacks on this machine, the figures of the others stand.
                said = "没有量成：%s" % (str(problem).splitlines() or [type(problem).__name__])[0][:200]
                tell(said)
            after = machine.cpu_so_far()
            found["parts"][part] = {
                "python": python,
                "others": round(machine.others(before, after), 3),
                "seconds": round(after[0] - before[0], 1),
                "problem": said,
            }
    return found


def measured(samples: Sequence[float], limit: Optional[float] = None, cpu: Optional[float] = None) -> Dict[str, Any]:
    """One line's figures. cpu: ms of the processor for one."""
    return dict(as_plain(figures(samples)), limit=limit, cpu=cpu)


def strategy(full: bool, here: bool) -> Tuple[str, Found]:
    """etf_grid.py and heartbeat.py on QMT's Python where this machine has it."""
    import run  # of the repository's root

    days, result = 2 if full else 1, None
    if not here and run.find_python(QMT_PYTHON):
        result = handlebar.elsewhere(QMT_PYTHON, ["--days", str(days)])
    if result is None:
        result = handlebar.measure(days)
    lines = {}
    for key, half, sort in (
        ("call-up", "tray_up", "all"),
        ("call-away", "tray_away", "all"),
        ("call-order", "tray_up", "placed"),
        ("call-load", "tray_up", "loads"),
    ):
        one = result[half][sort]
        limit = result["reading"]["median"] if sort == "all" else one["fsync"]["median"]
        lines[key] = dict(one["wall"], cpu=one["cpu"]["median"], limit=limit)
    # Of a loaded machine the wait for a core is the larger part of a call's time, and its p99 nothing else.
    lines["call-cpu"] = dict(result["tray_up"]["all"]["cpu"], limit=result["reading"]["median"])
    for key in ("post_up", "post_away"):
        one = result[key]
        lines[key.replace("_", "-")] = dict(one["wall"], cpu=one["cpu"]["median"], limit=result["renaming"]["median"])
    return result["python"], lines


def of_tray(folder: Path, full: bool) -> Tuple[str, Found]:
    result = tray.measure(folder, tray.FULL if full else tray.QUICK)

    def middle(name: str) -> float:
        return float(result[name]["median"])

    there_and_back = 2 * middle("commit") + middle("round_trip")
    bare_limits = {
        "sender": there_and_back,
        "spool": middle("commit"),
        "flags": middle("list_folder"),
        "qmt": middle("process_list"),
        "host": middle("commit"),
        "health": middle("process_state"),
        "qmt-log": middle("list_folder"),
        "inbox": middle("round_trip"),
    }
    lines: Found = {
        "latency": dict(result["latency"], limit=there_and_back),
        "ready": dict(result["ready"], limit=middle("bare_start")),
        "restart-heartbeat": dict(result["restart_heartbeat"], limit=there_and_back),
        "tray-memory": measured(_known(result["memory"]["resident"]), result["bare_memory"]),
        "tray-private": measured(_known(result["memory"]["private"]), result["bare_memory"]),
        "tray-processor": dict(result["processor"], limit=middle("process_list") / 2000.0 * 100.0),
    }
    for key in ("put", "spool", "sent"):
        lines[key] = dict(result[key], limit=middle(key + "_bare"), p99=None)
    for name, of_one in result["rounds"].items():
        lines["round-" + name] = dict(of_one["wall"], cpu=of_one["cpu"]["median"], limit=bare_limits.get(name))
    return result["python"], lines


def of_receiver(folder: Path, full: bool) -> Tuple[str, Found]:
    bare = str(folder / "bare.db")
    one, thousand = limits.sqlite_commits(bare, 1, 200), limits.sqlite_commits(bare, 1000, 10)
    with tray_outbox.Stub() as stub:
        connection = KeptAlive(stub.http)
        empty = limits.timed(lambda: _ask_nothing(connection), 200)
        connection.socket.close()
    result = receiver.measure(folder, full, FULL_ROUNDS if full else ROUNDS)
    one += limits.sqlite_commits(bare, 1, 200)  # before and after: the disk is others' too
    thousand += limits.sqlite_commits(bare, 1000, 10)
    each, visits = result["each"], result["visits"]
    worst = max(visits, key=lambda path: figures(visits[path][0]).p99)
    all_times = [one for times, _, _ in visits.values() for one in times]
    trip, all_cpu = figures(empty).median, [cpu for _, _, cpu in visits.values()]
    largest = [size for size in (result["memory_events"], result["memory_pages"]) if size]
    python = limits.bare_python(1)[1]
    return result["python"], {
        "posts": _rate(each["posts"], 1e3 / figures(one).median, figures(each["post_cpu_ms"]).median),
        "events": _rate(each["events"], 1e6 / figures(thousand).median, figures(each["event_cpu_us"]).median / 1e3),
        "page-all": measured(all_times, trip, sum(all_cpu) / len(all_cpu)),
        "page-worst": dict(measured(visits[worst][0], trip, visits[worst][2]), note=worst),
        "receiver-memory": measured(_known(max(largest, default=None)), python),
    }


def of_backtest(full: bool, vectorbt: str) -> Tuple[str, Found]:
    runs = FULL_RUNS if full else RUNS
    lines: Found = {}
    sizes = []
    arrays = limits.numpy_work(backtest.FUNDS, backtest.DAYS, 850, 50)
    once = figures(arrays["sorted"]).median
    for engine, prefix in (("numba", "run"), ("python", "plain")):
        result = backtest.part(engine, runs if prefix == "run" else max(5, runs // 3), only_runs=prefix == "plain")
        if result is None:
            continue
        for fill in backtest.FILLS:
            lines["%s-%s" % (prefix, fill)] = _in_ms(result["one run, " + fill], once)
        for name, words, count in (("grid", backtest.GRID, 0), ("random", backtest.RANDOM, backtest.HUNDRED)):
            found = next((value for key, value in result.items() if key.endswith("sets, " + name)), None)
            if found is not None:
                averages = len({one["ma"] for one in backtest.searched(words, count)})
                lines["sets-" + name] = _in_ms(found, once * averages)
        sizes.append(result["peak MB"])
    if sizes:
        lines["backtest-memory"] = measured([max(sizes)], limits.bare_python(1)[1])
    many = backtest.part("many", 1) if full else None
    if many:
        wall, cpu = next(iter(many.values()))
        averages = len({one["ma"] for one in backtest.searched(backtest.RANDOM, backtest.MANY)})
        lines["sets-many"] = measured([wall], once * averages / 1e3, cpu * 1e3 / backtest.MANY)
    beside = backtest.part("vectorbt", 1, vectorbt=vectorbt) if vectorbt else None
    if beside:
        lines["vectorbt"] = measured([beside["times faster (CPU)"]])
    return "%d.%d.%d" % sys.version_info[:3], lines


def _in_ms(found: Sequence[float], limit: float) -> Dict[str, Any]:
    wall, cpu, low, high = (one * 1e3 for one in found)
    return {"median": wall, "low": low, "high": high, "p99": None, "cpu": cpu, "limit": limit}


def _rate(samples: List[float], limit: float, cpu: float) -> Dict[str, Any]:
    return dict(measured(samples, limit, cpu), p99=None)  # of a rate the p99 would be its best round


def _known(size: Any) -> List[float]:
    return [] if size is None else [float(size)]


def _ask_nothing(connection: KeptAlive) -> None:
    connection.ask(EVENTS_PATH, b"{}", {"Content-Type": "application/json"})
    connection.answer()
