"""`python -m rehearsal [drill NAME | bench NAME | test ...]`: what run.py hands over to in the environment."""

import argparse
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearsal import pictures, rehearse
from rehearsal.clock import shift_to_weekday
from rehearsal.drills import DRILLS, run_drill
from rehearsal.road import ROOT, Road

EPILOG = """examples:
  python3 run.py                          the rehearsal, until Ctrl-C
  python3 run.py --for 40 --report r.json the rehearsal for 40 seconds, figures into r.json
  python3 run.py drill qmt-killed         one drill; PASS or FAIL, exit code 0 or 1
  python3 run.py bench                    speed and size in one table, 4 minutes; bench --list: single ones
  python3 run.py fortnight                a fortnight's orders, by the rule and by the strategy in the simulated QMT
  python3 run.py soak --hours 2           two hours at normal speed, full of troubles, then judged; or --days 20
  python3 run.py test                     all tests that this machine can run
  python3 run.py test --clock 14:59:20    the same at another hour, on a weekday (Shanghai): none may depend on it
  python3 run.py --python 3.8 test        the tests on another Python; 3.6: the QMT side
  python3 run.py windows [--test]         the mini PC's setup program, into dist/; tried as installed (Debian, root)
  python3 run.py pictures                 the pictures in docs/img, taken anew (Debian, root, chromium)
"""


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # a Windows console may be set to anything
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the children are ended on the way out
    if sys.argv[1:2] == ["test"]:
        sys.exit(run_tests(sys.argv[2:]))
    if sys.argv[1:2] in (["bench"], ["fortnight"], ["soak"]):
        # Imported only now: they need numpy, which a rehearsal of the heartbeat alone does without.
        tool = importlib.import_module(f"rehearsal.{sys.argv[1]}.__main__")
        sys.exit(tool.main(sys.argv[2:]))
    if sys.argv[1:2] == ["pictures"]:
        sys.exit(pictures.main(sys.argv[2:]))
    options = parse(sys.argv[1:])
    folder = Path(tempfile.mkdtemp(prefix="qmt-sentry-"))
    try:
        if options.command == "drill":
            passed = run_drill(options.name, folder, options.seed, options.report, options.full)
        else:
            passed = run_rehearsal(options, folder)
    except KeyboardInterrupt:
        print(f"已中断，子进程都已结束。日志在 {folder}", file=sys.stderr)
        sys.exit(130)
    except Exception as problem:
        # Whatever went wrong, the logs are what helps: say where they are, then show the error.
        print(f"没有成功：{problem}\n日志在 {folder}", file=sys.stderr)
        sys.exit(1)
    if passed and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"数据和日志在 {folder}")
    sys.exit(0 if passed else 1)


def run_tests(arguments):
    """pytest in a process of its own, in front: its exit code is ours, its options are passed through untouched.

    `--clock HH:MM:SS` before them: as if begun then (rehearsal/shifted.py; programs that a test starts go by the real
    clock). A test that mixes a fixed moment with the machine's clock fails at some hours only.
    """
    start = [sys.executable]
    if arguments[:1] == ["--clock"]:
        try:
            shift = shift_to_weekday(" ".join(arguments[1:2]), time.time())
        except ValueError:
            print("--clock 后面要写开始的钟点（上海时间），例如：python3 run.py test --clock 14:59:20", file=sys.stderr)
            return 2
        start += ["-m", "rehearsal.shifted", str(shift)]
        arguments = arguments[2:]
    return subprocess.call([*start, "-m", "pytest", *arguments], cwd=ROOT)


def parse(arguments):
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    shared.add_argument("--seed", type=int, default=1, help="of prices, trades and random moments (default 1)")
    shared.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    parser = argparse.ArgumentParser(
        prog="run.py", parents=[shared], epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end after this time")
    parser.add_argument("--data", metavar="DIR", help="folder of price CSVs; without it a synthetic series")
    parser.add_argument("--calm", action="store_true", help="leave out the story in which QMT is killed")
    parser.add_argument("--headless", action="store_true", help="no tray icon even where there is a screen")
    commands = parser.add_subparsers(dest="command")
    drill = commands.add_parser("drill", parents=[shared], help="run one drill")
    drill.add_argument("name", choices=sorted(DRILLS))
    drill.add_argument("--full", action="store_true", help="the long form")
    commands.add_parser("bench", help="measure something (see bench --help)")
    commands.add_parser("fortnight", help="compare a fortnight's orders with the pure rule's (see fortnight --help)")
    commands.add_parser("soak", help="hours or weeks full of troubles, then judged (see soak --help)")
    commands.add_parser("pictures", help="take the pictures in docs/img anew (see pictures --help)")
    commands.add_parser("test", help="run the tests (further arguments go to pytest)")
    return parser.parse_args(arguments)


def run_rehearsal(options, folder):
    has_screen = os.name == "nt" or bool(os.environ.get("DISPLAY"))
    if options.data and not any(Path(options.data).glob("*.csv")):
        print(
            f"{options.data} 里没有 CSV 行情文件：请给出每只基金一个 代码.csv 的文件夹，或去掉 --data。",
            file=sys.stderr,
        )
        return False
    with_story = not options.calm and (options.seconds is None or options.seconds >= rehearse.STORY_NEEDS)
    headless = options.headless or not has_screen
    trade = rehearse.trade_settings(options.data, options.seconds)
    with Road(folder, options.seed, options.data, headless=headless, times=rehearse.TIMES, trade=trade) as road:
        result = rehearse.rehearse(road, options.seconds, with_story)
    problems = rehearse.shortfalls(result, road.channels)
    for line in rehearse.summary(result) + [f"没有做到：{problem}。" for problem in problems]:
        print(line)
    if options.report:
        rehearse.write_report(result, options.report)
    return not problems


if __name__ == "__main__":
    main()
