"""托盘程序：多快送到接收端、发件箱多快、每次查看多久、启动多久、占多少"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence

from rehearsal.bench import limits, machine, tray_chain, tray_outbox, tray_rounds
from rehearsal.bench.figures import Figures, as_plain, figures, shown

WINDOWS = "Windows 上装好的程序的内存、处理器和大小：tests/windows/test_installed_cost.py，结果见 docs/windows.md"


class Size(NamedTuple):
    """How much is measured."""

    events: int  # through the outbox
    latencies: int
    starts: int
    rounds: int  # of each watcher
    clicks: int
    posts: int  # before memory is looked at
    seconds: float  # of doing nothing
    probes: int = 200  # of the machine itself


QUICK = Size(10000, 60, 5, 40, 10, 1000, 20.0)
FULL = Size(50000, 500, 20, 200, 50, 1000, 600.0)


def measure(folder: Path, size: Size = QUICK) -> Dict[str, Any]:
    """All figures as plain values; {name: as figures.Figures} and the limits beside them."""
    found: Dict[str, Any] = dict(machine.facts(str(folder), size.probes), size=size._asdict())
    with tray_outbox.Stub() as stub:
        rates = tray_outbox.measure(folder, stub, size.events)
        found["round_trip"] = _plain(limits.round_trips(stub.echo, size.probes))
    found.update({name: _plain(getattr(rates, name)) for name in rates._fields if name != "left"})
    commits = limits.sqlite_commits(str(folder / "commit.db"), 1, size.probes)
    with tray_chain.Chain(folder / "chain") as chain:
        ready, bare = chain.starts(size.starts)
        found["ready"], found["bare_start"] = _plain(ready), _plain(bare)
        chain.start_tray()
        found["latency"] = _plain(chain.latencies(size.latencies))
        found["memory"] = chain.size_after(size.posts)
        found["processor"] = _plain(chain.processor_share(size.seconds, 4))
        chain.stop_tray()
        found["restart_heartbeat"] = _plain(tray_rounds.of_restart_heartbeat(chain, size.clicks))
        rounds = tray_rounds.of_each_watcher(chain, size.rounds)
        found["list_folder"] = _plain(limits.folder_lists(str(chain.road.home / "spool"), size.probes))
    commits += limits.sqlite_commits(str(folder / "commit.db"), 1, size.probes)  # before and after: others use the disk
    found["commit"] = _plain(commits)
    found["rounds"] = {
        name: {kind: _plain(samples) for kind, samples in of_one.items()} for name, of_one in rounds.items()
    }
    found["bare_memory"] = limits.bare_python(1)[1]
    found["process_state"] = _plain(limits.process_states(size.probes))
    found["process_list"] = _plain(limits.process_lists(max(1, size.probes // 10)))
    return found


def lines(found: Dict[str, Any]) -> Iterator[str]:
    """The figures for people, each beside its limit."""
    fsync, memory = found["fsync"], found["memory"]
    yield f"Python {found['python']}，开始时负载 {found['load']}，本机 fsync 中位 {fsync['median']:.2f} 毫秒"
    yield f"策略发出到接收端落盘（毫秒）：{_said(found['latency'])}，p99 {shown(found['latency']['p99'])}"
    yield f"发件箱逐条存入（每秒）：{_said(found['put'])}；SQLite 自己：{_said(found['put_bare'])}"
    yield f"发件箱成批存入（每秒）：{_said(found['spool'])}；SQLite 自己：{_said(found['spool_bare'])}"
    yield f"送出并删除（每秒）：{_said(found['sent'])}；同样的字节直接走本机：{_said(found['sent_bare'])}"
    for name, of_one in found["rounds"].items():
        yield f"{name} 看一次（毫秒）：{_said(of_one['wall'])}，处理器中位 {shown(of_one['cpu']['median'])}"
    yield f"启动到就绪（毫秒）：{_said(found['ready'])}；空的 Python：{_said(found['bare_start'])}"
    yield f"重启心跳到接收端答复（毫秒）：{_said(found['restart_heartbeat'])}"
    words = [shown(memory[name]) for name in ("start", "resident", "private")]
    yield "内存（MB）：刚启动 %s，%d 条之后 %s，其中独占 %s" % (words[0], found["size"]["posts"], words[1], words[2])
    yield f"什么都不发生时占一个核的百分之：{_said(found['processor'])}"
    yield WINDOWS


def _said(one: Dict[str, Any]) -> str:
    return f"中位 {shown(one['median'])}（{shown(one['low'])} 到 {shown(one['high'])}）"


def _plain(samples: Sequence[float]) -> Dict[str, Any]:
    found: Figures = figures(samples)
    return as_plain(found)


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="run.py bench tray", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="more of everything, 10 minutes of doing nothing")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="qmt-sentry-bench-", dir=os.environ.get("TMPDIR")) as folder:
        found = measure(Path(folder), FULL if options.full else QUICK)
    for line in lines(found):
        print(line)
    if options.report:
        Path(options.report).write_text(json.dumps({"tray": found}, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0
