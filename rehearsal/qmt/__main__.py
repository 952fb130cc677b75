"""python -m rehearsal.qmt --dir DIR --script FILE: the simulated QMT as a process; prints `qmt ready` when it runs.

The broker's book is kept in DIR/broker.bin, so that a client that was killed finds its account as it left it.
"""

import argparse
import contextlib
import os
import re
import signal
import sys
import time
from typing import Any, Callable, List, Optional

from rehearsal import market

from . import behaviours, control, times
from .client import Client
from .hours import AlwaysOpen
from .owner import Owner
from .script import Source
from .world import World

_LOOK = 0.2  # seconds between two looks into the control folder
_BOOK = "broker.bin"
_monotonic = time.monotonic  # while a script runs, time.monotonic is the shifted one


def arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.qmt", description="模拟的 QMT：照真的那样运行策略文件")
    parser.add_argument("--dir", required=True, help="QMT 的安装目录（日志、控制命令和记录都在里面）")
    parser.add_argument("--script", required=True, action="append", help="策略文件，可以给多个")
    parser.add_argument("--data", help="行情 CSV 的文件夹；不给就用合成行情")
    parser.add_argument("--seed", type=int, default=1, help="随机种子")
    parser.add_argument("--tick-seconds", type=float, default=3.0, help="两个 tick 之间的秒数")
    parser.add_argument("--owner-seconds", type=float, default=5.0, help="主人手动下单的平均间隔秒数，0 = 不下单")
    parser.add_argument("--account", default="2000567", help="资金账号")
    parser.add_argument("--shares", type=int, metavar="股数", help="一开始每只基金各有多少股；默认只有前两只各 20000")
    parser.add_argument("--site-packages", help="策略可导入的包，默认 DIR/bin.x64/Lib/site-packages")
    parser.add_argument("--period", default="1m", choices=("1m", "5m", "1d"), help="主图周期")
    parser.add_argument("--hours", default="always", choices=("always", "exchange"), help="全天交易，或按交易所的时间")
    parser.add_argument("--start-at", metavar="'YYYY-MM-DD HH:MM'", help="从这个时间开始（中国时间），默认现在")
    parser.add_argument("--replay-from", metavar="YYYYMMDD", help="行情从这一天开始重放，默认就是开始的那天")
    parser.add_argument("--speed", type=float, default=1.0, help="时间快多少倍，默认 1")
    parser.add_argument("--fresh", action="store_true", help="不接着用上次的账户")
    parser.add_argument(
        "--behaviour",
        "--behave",
        action="append",
        default=[],
        metavar="名称[=值]",
        help="打开一种行为（名称、名称=no、名称=值）：" + "、".join(behaviours.names()),
    )
    return parser.parse_args(argv)


def build(options: argparse.Namespace) -> Client:
    """The client that the command line asks for; ValueError or OSError where it cannot be made."""
    if not 0.05 <= options.tick_seconds <= 3600:
        raise ValueError("--tick-seconds 应在 0.05 到 3600 之间")
    if options.replay_from and not re.match(r"^\d{8}$", options.replay_from):
        raise ValueError("--replay-from 应写成 20240131")
    chosen = behaviours.from_words(options.behaviour)
    prices = market.from_folder(options.data) if options.data else market.synthetic(options.seed)
    clock = clock_of(options)
    start = clock()
    if not (options.start_at and prices.is_trading_day(times.day(start))):
        prices = prices.replayed_from(options.replay_from or times.day(start))
    hours = AlwaysOpen(start, options.tick_seconds) if options.hours == "always" else None
    shares = None
    if options.shares is not None:
        shares = {code: (options.shares, prices.last_close(code, times.day(start)) or 1.0) for code in prices.codes}
    world = World(clock, prices, chosen, options.seed, options.account, shares=shares, hours=hours)
    if not options.fresh:
        restore(world, os.path.join(options.dir, _BOOK))
    packages = options.site_packages or os.path.join(options.dir, "bin.x64", "Lib", "site-packages")
    sources = []
    for path in options.script:
        with open(path, "rb") as file:
            sources.append(Source(os.path.splitext(os.path.basename(path))[0], file.read()))
    return Client(
        world,
        sources,
        folder=options.dir,
        period=options.period,
        site_packages=[packages],
        tick_seconds=options.tick_seconds,
    )


class Shifted:
    """A clock that began at another time, or runs at another speed."""

    def __init__(self, start: float, speed: float) -> None:
        self.speed = speed
        self._start = start
        self._real_start = time.monotonic()

    def __call__(self) -> float:
        return self._start + (_monotonic() - self._real_start) * self.speed


def clock_of(options: argparse.Namespace) -> Callable[[], float]:
    """time.time, or what --start-at and --speed ask for; scripts see the same."""
    if not 0.01 <= options.speed <= 10000:
        raise ValueError("--speed 应在 0.01 到 10000 之间")
    if not options.start_at and options.speed == 1.0:
        return time.time
    if not options.start_at:
        return Shifted(time.time(), options.speed)
    match = re.match(r"^(\d{4})-(\d{2})-(\d{2}) (\d{2}:\d{2}(:\d{2})?)$", options.start_at)
    if not match:
        raise ValueError("--start-at 应写成 '2024-01-31 09:25'")
    return Shifted(times.at("".join(match.group(1, 2, 3)), match.group(4)), options.speed)


def restore(world: World, path: str) -> None:
    """Take up the book that an earlier run left; a missing or unreadable one is no book."""
    try:
        with open(path, "rb") as file:
            world.restore(file.read())
    except FileNotFoundError:
        pass
    except Exception as error:  # what a damaged pickle raises can be anything
        print("模拟的 QMT：%s 读不懂（%s），账户从头开始" % (path, error), file=sys.stderr)


class Book:
    """Keeps the world's book on disk, written anew whenever it changed."""

    def __init__(self, world: World, folder: str) -> None:
        self._world = world
        self._path = os.path.join(folder, _BOOK)
        self._version = -1
        world.after_order = self.keep  # an order outlives a client that is killed in the very next line

    def keep(self) -> None:
        version = self._world.broker.current_version()
        if version == self._version:
            return
        self._version = version
        temporary = self._path + ".tmp"
        with open(temporary, "wb") as file:
            file.write(self._world.save())
        os.replace(temporary, self._path)


class End:
    """Whether the process was asked to end. No threading.Event: set in a signal handler while this same thread waits on
    it, it can lock itself up."""

    asked = False


def run(client: Client, folder: str, owner: Owner, end: End) -> None:
    """The client's loop until its end is asked for."""
    client.ledger.watch()
    book = Book(client.world, folder)
    speed = getattr(client.world.clock, "speed", 1.0)
    try:
        client.start()
        print("qmt ready", flush=True)
        while not end.asked:
            for path, command in control.waiting(os.path.join(folder, "control")):
                if not control.obey(client, command):
                    client.logs.client("[control] 没有命令 %s" % command)
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            now = client.world.now()
            if client.logged_in(now):
                owner.act()
            client.step()
            book.keep()
            due = min(client.next_due(), owner.next_at) - client.world.now()
            time.sleep(max(0.0, min(_LOOK, due / speed)))
    finally:
        client.close()


def main(argv: Optional[List[str]] = None) -> int:
    options = arguments(argv)
    try:
        client = build(options)
    except (ValueError, OSError) as error:
        print("模拟的 QMT 无法启动：%s" % error, file=sys.stderr)
        return 2
    end = End()

    def ask(*_: Any) -> None:
        end.asked = True

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask)
    run(client, options.dir, Owner(client.world, options.owner_seconds), end)
    return 0


if __name__ == "__main__":
    sys.exit(main())
