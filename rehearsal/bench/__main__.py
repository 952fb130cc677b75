"""`python -m rehearsal.bench [NAME]`: what `run.py bench` hands over to; without a name it lists the benches."""

import argparse
import io
import json
import sys
from typing import Any, List, Optional

from . import backtest, handlebar

BENCHES: Any = {"handlebar": handlebar}
VERSIONS = ("3.6", "3.8", "3.11")  # what QMT brings, what the mini PC runs, the newest that is supported


def main(argv: Optional[List[str]] = None) -> int:
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["backtest"]:
        return backtest.main(words[1:])  # has switches of its own, and runs on 3.8 and later alone
    if words[:1] == ["receiver"]:  # the VPS's program: only on this Python, with options of its own
        from . import receiver

        return int(receiver.main(words[1:]))
    options = parse(words)
    if not options.name:
        for name, module in sorted(dict(BENCHES, backtest=backtest).items()):
            print("%s  %s" % (name, (module.__doc__ or "").splitlines()[0]))
        print("receiver  接收端的速度和大小")  # 3.6 cannot import it
        return 0
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


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py bench", description="measure; without a name the benches are listed")
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES), help="which one")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--here", action="store_true", help="on this Python alone")
    parser.add_argument("--days", type=int, default=2, help="trading days (default 2)")
    parser.add_argument("--minutes", type=int, default=0, help="only so many of each day (default all)")
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
