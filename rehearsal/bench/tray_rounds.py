"""One round of each of the tray's watchers, and what 重启心跳 takes, with the app in this process."""

import time
from typing import Any, Dict, List

from rehearsal.bench.tray_chain import PATIENCE, Chain
from tray_app import config
from tray_app.app import TrayApp
from tray_app.home import Home
from tray_app.sender import Link
from tray_app.watch.qmt_log import LONGEST_REST
from tray_app.worker import Lease

WARM = 3  # rounds that do not count: first looks, imports
RESTS = {"qmt-log": LONGEST_REST}  # s that a watcher rests by its clock, which therefore goes on by them each turn


def of_each_watcher(chain: Chain, count: int) -> Dict[str, Dict[str, List[float]]]:
    """{worker: {wall, cpu: milliseconds of each round}}, in turns. Before each turn the strategy has posted once, QMT
    has written into its log, and whoever only works when it is due has been hurried: each round has work in it."""
    app = _app(chain)
    found: Dict[str, Dict[str, List[float]]] = {worker.name: {"wall": [], "cpu": []} for worker in app.parts.all}
    # A worker's thread would run the rounds when it likes: the parts are made as it makes them, and run here.
    parts = [(worker.name, worker._make(Lease(app.outbox, app.board))) for worker in app.parts.all]
    try:
        for turn in range(WARM + count):
            chain.post(1)
            chain.log()
            for name, part in parts:
                getattr(part, "hurry", lambda: None)()
                wall, cpu = time.perf_counter(), time.thread_time()
                try:
                    part.round(time.time() + turn * RESTS.get(name, 0.0))
                except Exception:
                    continue  # as its worker does: the next round is another try, and this one is no figure
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                if turn >= WARM:
                    found[name]["wall"].append(wall * 1e3)
                    found[name]["cpu"].append(cpu * 1e3)
    finally:
        for _, part in parts:
            getattr(part, "close", lambda: None)()
        app.outbox.close()
    return found


def of_restart_heartbeat(chain: Chain, count: int) -> List[float]:
    """Milliseconds until the menu's 重启心跳 has the receiver's answer."""
    app, found = _app(chain), []
    app.start()
    try:
        if not app.board.wait("link", lambda link: link.state == "ok", PATIENCE):
            raise RuntimeError("没有连上接收端：%s" % app.board.get("link", Link()).answer)
        for _ in range(count):
            began = time.perf_counter()
            app.restart_heartbeat()  # without an answer in time it comes back all the same: that is a bad figure
            found.append((time.perf_counter() - began) * 1e3)
    finally:
        app.stop("bench")
    return found


def _app(chain: Chain) -> TrayApp:
    home = Home(chain.road.home)
    home.make_folders()
    settings: Any = config.load(home.ini)
    return TrayApp(home, settings)
