"""`python -m rehearsal.bench [NAME]`: what `run.py bench` hands over to; without a name it prints the one table."""

import argparse
import io
import json
import sys
from typing import Any, List, Optional

from . import backtest, handlebar

BENCHES: Any = {"handlebar": handlebar}
OWN = ("backtest", "receiver", "tray")  # each with options of its own, on 3.8 and later alone
VERSIONS = ("3.6", "3.8", "3.11")  # what QMT brings, what the mini PC runs, the newest that is supported


def main(argv: Optional[List[str]] = None) -> int:
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["--here"] and words[1:2] and words[1] in OWN:
        words = words[1:]  # they know nothing but this Python
    if words[:1] == ["backtest"]:
        return backtest.main(words[1:])
    if words[:1] == ["receiver"]:
        from . import receiver

        return int(receiver.main(words[1:]))
    if words[:1] == ["tray"]:
        from . import tray

        return tray.main(words[1:])
    options = parse(words)
    if options.list:
        print("\n".join(listed()))
        return 0
    if not options.name:
        if sys.version_info < (3, 8):
            print("整张表要 Python 3.8 以上：请去掉 --python 3.6，或写 bench handlebar。", file=sys.stderr)
            return 2
        from . import whole_table

        return whole_table.run(words, options)
    results = []
    for version in [""] if options.here else wanted():
        if version:
            more = ["--days", str(options.days), "--minutes", str(options.minutes)]
            found = BENCHES[options.name].elsewhere(version, more)
        else:
            found = BENCHES[options.name].measure(options.days, options.minutes)
        if found is not None:
            results.append(found)
            print("\n".join(BENCHES[options.name].lines(found)) + "\n", flush=True)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump({options.name: results}, file, ensure_ascii=False, indent=1)
    return 0 if results else 1


def listed() -> List[str]:
    """What `--list` prints: each bench by its name."""
    found = [
        "%s  %s" % (name, (module.__doc__ or "").splitlines()[0])
        for name, module in (("backtest", backtest), ("handlebar", handlebar))
    ]
    # 3.6 cannot import these two.
    return found + [
        "receiver  接收端的速度和大小",
        "tray  托盘程序的速度和大小",
        "（不写名字：全部量一遍，打印一张表）",
    ]


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py bench", description="measure; without a name: all, in one table")
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES), help="which one (see --list)")
    parser.add_argument("--list", action="store_true", help="the benches by name")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--here", action="store_true", help="on this Python alone")
    parser.add_argument("--days", type=int, default=2, help="handlebar: trading days (default 2)")
    parser.add_argument("--minutes", type=int, default=0, help="handlebar: only so many of each day (default all)")
    parser.add_argument("--full", action="store_true", help="the table: the long forms too (about an hour)")
    parser.add_argument("--vectorbt", metavar="PYTHON", default="", help="the table: an interpreter that has vectorbt")
    parser.add_argument("--into", metavar="FILE", help="the table: into a Markdown file as well, between its two marks")
    return parser.parse_args(argv)


def wanted() -> List[str]:
    """The versions to be measured: '' is this interpreter, others are those that run.py finds."""
    import run  # of the repository's root; only here, since 3.6 has no need of it

    here = "%d.%d" % sys.version_info[:2]
    found = [version for version in VERSIONS if version != here and run.find_python(version)]
    return found + [""]


if __name__ == "__main__":
    for name in ("stdout", "stderr"):
        # Python 3.6 has no reconfigure(); a Windows pipe may know no Chinese.
        stream = getattr(sys, name)
        setattr(sys, name, io.TextIOWrapper(stream.buffer, encoding="utf-8", errors="replace", line_buffering=True))
    sys.exit(main())
