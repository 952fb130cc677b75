"""python3 run.py fortnight: the fortnight's orders by the rule and by the strategy, side by side.

Also `python -m rehearsal.fortnight`, which runs on QMT's own Python 3.6.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from typing import List, Optional

from . import report
from .scenarios import REAL_PRICES


def main(argv: Optional[List[str]] = None) -> int:
    """0 where every order is as the rule gives it."""
    options = arguments(argv)
    # In memory where that can be: every order is synced to the disk several times.
    folder = tempfile.mkdtemp(prefix="qmt-sentry-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        result = report.run(folder, options.seed, options.full, options.data)
    except KeyboardInterrupt:
        print("已中断。")
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.keep:
        print("行情、设置和委托记录在 %s" % folder)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump(result, file, ensure_ascii=False, indent=1)
    print("PASS" if not result["problems"] else "FAIL")
    return 1 if result["problems"] else 0


def arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    words = "run a fortnight through the simulated QMT and compare every order with the pure rule's"
    parser = argparse.ArgumentParser(prog="run.py fortnight", description=words)
    parser.add_argument("--full", action="store_true", help="every 3-second tick, more seeds, all ex-dates (minutes)")
    parser.add_argument("--seed", type=int, default=1, help="of the synthetic fortnight (default 1)")
    parser.add_argument("--data", metavar="DIR", default=REAL_PRICES, help="folder of the real prices")
    parser.add_argument("--report", metavar="FILE", help="write all orders as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the folder with prices and flag files")
    return parser.parse_args(argv)


if __name__ == "__main__":
    for _stream in (sys.stdout, sys.stderr):
        if hasattr(_stream, "reconfigure"):
            _stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr,unused-ignore]
    sys.exit(main())
