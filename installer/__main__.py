"""`run.py windows`: build the setup program; with --test, try the exe as installed under Wine."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Sequence

from installer import build, windows_python
from installer.py38_folder import SetupError

TEST_SECONDS, FULL_SECONDS = 900.0, 3600.0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="run.py windows", description="制作 Windows 安装程序")
    parser.add_argument("--out", type=Path, default=build.REPO / "dist", help="放安装程序的文件夹（默认 dist）")
    parser.add_argument("--no-apt", action="store_true", help="缺软件包时不自动安装")
    parser.add_argument("--test", action="store_true", help="安装到 Wine 里并测试（已有新做的安装程序就不再做）")
    parser.add_argument("--full", action="store_true", help="测试的长版本：内存和 CPU 量 10 分钟，断网 2 分钟")
    parser.add_argument("--keep", action="store_true", help="把测试拍的照片放进 docs/img")
    parser.add_argument("pytest", nargs="*", help="其余参数交给 pytest，例如 -k upgrade（前面加 --）")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))  # Xvfb and Wine must not outlive us
    began = time.monotonic()
    out = options.out.resolve()
    try:
        if not (options.test and build.is_fresh(out)):
            print(build.build(out, windows_python.default_folder(), not options.no_apt), flush=True)
    except SetupError as error:
        print(f"错误：{error}", file=sys.stderr)
        return 1
    code = run_tests(out, options) if options.test else 0
    print(f"共 {time.monotonic() - began:.0f} 秒", flush=True)
    return code


def run_tests(out: Path, options: argparse.Namespace) -> int:
    """pytest on tests/windows/test_installed_*.py. On Windows there is no Wine to try it in: it is said."""
    if os.name == "nt":
        print("安装后的测试只在 Debian 的 Wine 里跑；在 Windows 上请照 docs/windows.md 的清单检查。")
        return 0
    env = {**os.environ, "QMT_SENTRY_DIST": str(out)}
    env.update(QMT_SENTRY_FULL="yes" if options.full else "", QMT_SENTRY_KEEP="yes" if options.keep else "")
    tests = sorted(str(file) for file in (build.REPO / "tests" / "windows").glob("test_installed_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--durations", "10", *options.pytest, *tests]
    child = subprocess.Popen(command, cwd=str(build.REPO), env=env)
    try:
        return child.wait(FULL_SECONDS if options.full else TEST_SECONDS)
    except subprocess.TimeoutExpired:
        print("测试没有按时结束，已中止", flush=True)
        return 124
    finally:
        if child.poll() is None:  # too late, or we are told to end: pytest then still ends its Xvfb and its Wine
            child.send_signal(signal.SIGINT)
            child.wait(120)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
