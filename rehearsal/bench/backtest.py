"""一次回测和一次参数搜索要多久、占多少内存：有 numba 和没有。

Seven made-up funds over 2,400 days, the customer's rule (ma 850), loading not counted: for each set averages,
thresholds, the walk, the books and the figures of a search. Medians; where the machine is shared, look at the CPU time.
Python 3.8 and later.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from rehearsal.bench.figures import share

FUNDS, DAYS, HUNDRED, MANY = 7, 2400, 100, 10000
FILLS = ("minute", "once", "close")
GRID = ("ma=400,600,850,1000", "quantile_positive=0.7:0.9:0.05", "quantile_negative=0.3:0.7:0.1")
RANDOM = ("ma=200..1200", "quantile_positive=0.6..0.95", "quantile_negative=0.2..0.8", "grid_height=0.005..0.03")


def timed(work: Callable[[], Any], rounds: int) -> Tuple[float, ...]:
    """(wall, CPU) seconds, medians; then the wall's quartiles."""
    found = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    walls = [wall for wall, _ in found]
    return statistics.median(walls), statistics.median(cpu for _, cpu in found), share(walls, 0.25), share(walls, 0.75)


def peak_megabytes() -> float:
    """This process's largest resident size; 0.0 where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def measure(engine_name: str, rounds: int, searching: bool = True) -> Dict[str, Any]:
    """One engine in this process; `searching`: sets of parameters as well."""
    from qmt_strategy.backtest import board, compiled, engine, sweep, synthetic
    from qmt_strategy.backtest.setup import Setup

    funds = synthetic.funds(1, DAYS)
    chosen = compiled.engine(engine_name)
    found: Dict[str, Any] = {"engine": chosen.name}
    for fill in FILLS:
        setup = Setup(fill=fill)
        made = board.Board(funds, setup, chosen)

        def one_run(made: Any = made, setup: Any = setup) -> None:
            made.forget()
            engine.walk(made, setup)

        one_run()
        found["one run, " + fill] = timed(one_run, rounds)
    for name, words, count in (("grid", GRID, 0), ("random", RANDOM, HUNDRED)) if searching else ():
        sets = searched(words, count)
        task = sweep.Task(funds, Setup(fill="once"), "", engine_name)
        sweep.evaluate(task, sets[:1])

        def hundred(task: Any = task, sets: Any = sets) -> None:
            for made in sweep.known_boards():
                made.forget()
            sweep.evaluate(task, sets)

        found["%d sets, %s" % (len(sets), name)] = timed(hundred, max(1, rounds // 2))
    found["peak MB"] = peak_megabytes()
    return found


def searched(words: Sequence[str], count: int) -> List[Dict[str, float]]:
    """The sets of parameters of a search, those with one average beside each other."""
    from qmt_strategy.backtest import sweep

    return sorted(sweep.sets_of([sweep.parse(one) for one in words], count, 1), key=lambda one: one["ma"])


def many(engine_name: str, workers: int) -> Dict[str, Any]:
    """10,000 sets on all cores, once, results written as a search writes them."""
    import functools
    import tempfile

    from qmt_strategy.backtest import sweep, synthetic
    from qmt_strategy.backtest.setup import Setup

    sets = sweep.sets_of([sweep.parse(one) for one in RANDOM], MANY, 1)
    task = sweep.Task(synthetic.funds(1, DAYS), Setup(fill="once"), "", engine_name)
    with tempfile.TemporaryDirectory() as folder:
        wall = time.perf_counter()
        sweep.search(task, sets, folder, functools.partial(sweep.on_all_cores, workers=workers))
        wall = time.perf_counter() - wall
    spent = os.times()
    return {"%d sets on %d cores" % (MANY, workers): (wall, spent.children_user + spent.children_system)}


def beside_vectorbt(python: str, count: int) -> Dict[str, Any]:
    """(wall, CPU) of a set of the legacy rule, medians: vectorbt's from_order_func run by `python`, and ours.

    Both from the same adjusted closes, one set after the other; `agree`: sets with as many buys and sells.
    """
    import tempfile

    import numpy as np

    from qmt_strategy.backtest import board, compiled, engine, sweep, synthetic
    from qmt_strategy.backtest.setup import LEGACY, Setup
    from qmt_strategy.dingtou.rule import Rule

    # Without splits and dividends, which from_order_func does not know.
    funds = [
        fund._replace(splits=[1.0] * DAYS, dividends=[0.0] * DAYS, closes=list(board_closes(fund)))
        for fund in synthetic.funds(1, DAYS)
    ]
    sets = sweep.sets_of([sweep.parse(one) for one in RANDOM], count, 1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("prices.npz", "sets.json")]
        np.savez(paths[0], closes=np.array([fund.closes for fund in funds]).T)
        with open(paths[1], "w", encoding="utf-8") as file:
            json.dump(sets, file)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "with_vectorbt.py")
        done = subprocess.run([python, script] + paths, stdout=subprocess.PIPE, timeout=1800, check=True)
    theirs = json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    setup = Setup(**LEGACY)
    made = board.Board(funds, setup, compiled.engine())
    engine.walk(made, setup)
    spent, orders = [], []
    for one in sets:
        chosen = setup._replace(rule=Rule(**one))
        wall, cpu = time.perf_counter(), time.process_time()
        written = engine.walk(made, chosen, notes=False)
        sweep.worth(made, written, chosen)
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
        sides = written.orders[:, 2].tolist()
        orders.append([sides.count(1), sides.count(-1)])
    ours = tuple(statistics.median(column) for column in zip(*spent))
    return {
        "engine": "vectorbt %s beside %s, legacy rule" % (theirs["version"], made.engine.name),
        "a set, vectorbt": (theirs["wall"], theirs["cpu"]),
        "a set, ours": ours,
        "times faster (CPU)": theirs["cpu"] / ours[1],
        "sets that agree, of %d" % count: float(sum(one == other for one, other in zip(orders, theirs["orders"]))),
    }


def board_closes(fund: Any) -> List[float]:
    """Comparable over splits and dividends, in whole ticks as the core wants them."""
    from qmt_strategy.backtest import adjust

    return [round(one, 3) for one in adjust.closes(fund, "ratio_back")]


def lines(found: Dict[str, Any]) -> List[str]:
    """For reading."""
    said = [str(found.get("engine", ""))] if "engine" in found else []
    for name, value in found.items():
        if isinstance(value, (tuple, list)):
            said.append("  %-28s %9.1f ms wall %9.1f ms CPU" % (name, value[0] * 1000, value[1] * 1000))
        elif name != "engine":
            said.append("  %-28s %9.1f" % (name, value))
    return said


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="run.py bench backtest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--many", action="store_true", help="10,000 sets as well")
    parser.add_argument("--vectorbt", metavar="PYTHON", help="an interpreter that has vectorbt: measured beside")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--only", choices=("numba", "python", "many", "vectorbt"), help="one part, in this process")
    parser.add_argument("--only-runs", action="store_true", help="with --only: no sets of parameters")
    options = parser.parse_args(argv)
    if options.only:
        print(json.dumps(_part(options)))
        return 0
    results = []
    for name in ["numba", "python"] + (["many"] if options.many else []) + (["vectorbt"] if options.vectorbt else []):
        found = part(name, options.rounds, options.workers, options.vectorbt)
        if found is None:
            print("%s: not measured (not installed?)" % name)
        else:
            results.append(found)
            print("\n".join(lines(found)), flush=True)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return 0 if results else 1


def part(
    name: str, rounds: int, workers: int = 2, vectorbt: str = "", only_runs: bool = False
) -> Optional[Dict[str, Any]]:
    """One part in a process of its own, so that memory is that of the part alone; None: it is not installed."""
    command = [sys.executable, "-m", "rehearsal.bench.backtest", "--only", name]
    command += ["--rounds", str(rounds), "--workers", str(workers)]
    command += (["--vectorbt", vectorbt] if vectorbt else []) + (["--only-runs"] if only_runs else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=1800)
    return json.loads(done.stdout.decode("utf-8").splitlines()[-1]) if done.returncode == 0 else None


def _part(options: argparse.Namespace) -> Dict[str, Any]:
    if options.only == "many":
        return many("auto", options.workers)
    if options.only == "vectorbt":
        return beside_vectorbt(options.vectorbt, 30)
    return measure(options.only, options.rounds, not options.only_runs)


if __name__ == "__main__":
    sys.exit(main())
