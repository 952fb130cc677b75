"""python -m rehearsal.qmt --dir DIR --script FILE: the simulated QMT as a process; prints `qmt ready` when it runs."""

import argparse
import contextlib
import os
import signal
import sys
import time
from typing import Any, List, Optional

from rehearsal import market

from . import behaviours, control, imports
from .host import Host
from .script import Source

_LOOK = 0.2  # seconds between two looks into the control folder


def arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.qmt", description="模拟的 QMT：照真的那样运行策略文件")
    parser.add_argument("--dir", required=True, help="QMT 的安装目录（日志、控制命令和记录都在里面）")
    parser.add_argument("--script", required=True, action="append", help="策略文件，可以给多个")
    parser.add_argument("--data", help="行情 CSV 的文件夹；不给就用合成行情")
    parser.add_argument("--seed", type=int, default=1, help="随机种子")
    parser.add_argument("--tick-seconds", type=float, default=3.0, help="两个 tick 之间的秒数")
    parser.add_argument("--owner-seconds", type=float, default=5.0, help="主人手动下单的平均间隔秒数，0 = 不下单")
    parser.add_argument("--account", default="2000567", help="资金账号")
    parser.add_argument("--site-packages", help="策略可导入的包，默认 DIR/bin.x64/Lib/site-packages")
    parser.add_argument("--behave", action="append", default=[], metavar="名称=值", help="改变一种行为")
    return parser.parse_args(argv)


def build(options: argparse.Namespace) -> Host:
    """The host that the command line asks for; ValueError or OSError where it cannot be made."""
    if not 0.05 <= options.tick_seconds <= 3600:
        raise ValueError("--tick-seconds 应在 0.05 到 3600 之间")
    chosen = behaviours.from_words(options.behave)
    prices = market.from_folder(options.data) if options.data else market.synthetic(options.seed)
    sources = []
    for path in options.script:
        with open(path, "rb") as file:
            sources.append(Source(os.path.splitext(os.path.basename(path))[0], file.read()))
    packages = options.site_packages or os.path.join(options.dir, "bin.x64", "Lib", "site-packages")
    imports.prepare(os.path.abspath(packages), chosen.forbidden)
    return Host(
        options.dir,
        sources,
        prices,
        account=options.account,
        behaviours=chosen,
        seed=options.seed,
        tick_seconds=options.tick_seconds,
        owner_seconds=options.owner_seconds,
    )


def obey(host: Host, folder: str) -> None:
    """Carry out the waiting commands; each file goes when its command is done."""
    for path, command in control.waiting(folder):
        if not host.command(command):
            host.logs.client("[control] 没有命令 %s" % command)
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


class End:
    """Whether the process was asked to end. No threading.Event: set in a signal handler while this same thread waits on
    it, it can lock itself up."""

    asked = False


def run(host: Host, folder: str, end: End) -> None:
    """The client's loop until its end is asked for."""
    host.ledger.watch()
    try:
        host.start()
        print("qmt ready", flush=True)
        while not end.asked:
            obey(host, folder)
            host.step()
            time.sleep(max(0.0, min(_LOOK, host.next_due() - time.time())))
    finally:
        host.close()


def main(argv: Optional[List[str]] = None) -> int:
    options = arguments(argv)
    try:
        host = build(options)
    except (ValueError, OSError) as error:
        print("模拟的 QMT 无法启动：%s" % error, file=sys.stderr)
        return 2
    end = End()

    def ask(*_: Any) -> None:
        end.asked = True

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask)
    run(host, os.path.join(options.dir, "control"), end)
    return 0


if __name__ == "__main__":
    sys.exit(main())
