"""The real tray program between the strategy's spool and the real receiver, all on loopback: how fast, how large."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List, Tuple

from qmt_strategy.dingtou.spool import Spool
from rehearsal.bench import limits
from rehearsal.bench.receiver import cpu_seconds
from rehearsal.children import Child
from rehearsal.drills import flagfiles
from rehearsal.fuzz_receiver import memory_mb
from rehearsal.qmt import install
from rehearsal.road import ROOT, Road

AS_IN_LIFE = {
    "heartbeat_every": 60,
    "host_every": 30,
    "hung_after": 60,
    "last_resort_after": 3600,
    "last_resort_every": 3600,
}
PATIENCE = 60.0  # s for anything that should take less than one
FLAGS = 20  # orders of today on the disk


class Direct:
    """In place of the rehearsal's line: the tray speaks to the receiver itself."""

    def __init__(self, port: int) -> None:
        self.port = port

    def close(self) -> None:
        pass


class Chain:
    """Receiver, a process called XtItClient.exe, the day's flag files; the tray is started by start_tray(). Use as a
    context manager."""

    def __init__(self, folder: Path) -> None:
        self.road = Road(folder, channels=(), times=AS_IN_LIFE)
        self.spool = Spool(str(self.road.home), "bench", "one")
        self._posted = 0
        self._tray: Any = None
        self._stand_in: Any = None

    def __enter__(self) -> "Chain":
        try:
            self._start()
        except BaseException:  # whatever it was, what has begun must not stay behind
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        road = self.road
        road.phone_url, road.smtp_port = "http://127.0.0.1:9", 9  # no channel: nothing is sent there
        road.write_receiver_ini()
        road.start_receiver()
        road.line = Direct(road.receiver_port)
        road.write_sentry_ini()
        install.lay_out(road.qmt_folder)
        client = os.path.join(str(road.qmt_folder), "bin.x64", install.CLIENT)
        code = "import time; print('qmt ready', flush=True); time.sleep(36000)"
        environ = install.environment(road.qmt_folder)
        self._stand_in = Child("qmt", [client, "-c", code], road.folder / "qmt.log", environ)
        self._stand_in.wait_for("qmt ready")
        now = time.time()
        for number in range(1, FLAGS + 1):
            flag = flagfiles.flag_id(number, now)
            flagfiles.append_state(road.home, flag, "intent", now, code="510300.SH", amount=10000.0)
            flagfiles.append_state(road.home, flag, "filled", now, traded=2500, shares=2500)

    def __exit__(self, *_: Any) -> None:
        self.stop_tray()
        if self._stand_in is not None:
            self._stand_in.stop()
        self.road.stop()

    def start_tray(self) -> float:
        """Milliseconds until the program says that it is ready."""
        environ = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1")
        command = [sys.executable, "-m", "tray_app", "--home", str(self.road.home), "--headless"]
        began = time.perf_counter()
        self._tray = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ, cwd=str(ROOT)
        )
        hung = threading.Timer(PATIENCE, self._tray.kill)  # or reading would wait for ever
        hung.start()
        try:
            for line in self._tray.stdout:
                if line.startswith(b"tray ready"):
                    return (time.perf_counter() - began) * 1e3
        finally:
            hung.cancel()
        raise RuntimeError("托盘程序没有起来：请看 %s" % (self.road.home / "logs"))

    def stop_tray(self) -> None:
        tray, self._tray = self._tray, None
        if tray is None:
            return
        tray.terminate()
        try:
            tray.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            tray.kill()
            tray.communicate()

    def starts(self, count: int) -> Tuple[List[float], List[float]]:
        """Milliseconds from start to ready, and of an empty Python, in turns."""
        ready, bare = [], []
        for _ in range(count):
            ready.append(self.start_tray())
            self.stop_tray()
            bare.extend(limits.bare_python(1)[0])
        return ready, bare

    def latencies(self, count: int, seed: int = 1) -> List[float]:
        """Milliseconds from the strategy's post until the receiver has committed it, each at a random moment of the
        tray's quarter of a second."""
        moments, found = random.Random(seed), []
        with closing(sqlite3.connect(self.road.database.as_uri() + "?mode=ro", uri=True)) as db:
            for _ in range(count):
                time.sleep(moments.uniform(0.0, 0.25))
                began = time.perf_counter()
                self.post(1)
                self._wait_stored(db)
                found.append((time.perf_counter() - began) * 1e3)
        return found

    def post(self, count: int) -> None:
        """Notices of a strategy: each is kept, none replaces another."""
        for _ in range(count):
            self._posted += 1
            self.spool.post("strategy.notice", {"code": "bench", "n": self._posted, "text": "量速度用的一条消息"})

    def log(self) -> None:
        """QMT writes an ordinary line into today's log."""
        folder = self.road.qmt_folder / "userdata" / "log"
        with open(folder / ("XtClient_%s.log" % time.strftime("%Y%m%d")), "a", encoding="utf-8") as file:
            file.write(time.strftime("[%H:%M:%S] ") + "[quote] 510300.SH 3.987 一切正常\n")

    def wait_all_stored(self) -> None:
        with closing(sqlite3.connect(self.road.database.as_uri() + "?mode=ro", uri=True)) as db:
            self._wait_stored(db)

    def _wait_stored(self, db: sqlite3.Connection) -> None:
        """Until the receiver's database holds every post. data_version moves with each commit of another connection."""
        deadline, seen = time.monotonic() + PATIENCE, None
        while time.monotonic() < deadline:
            (version,) = db.execute("PRAGMA data_version").fetchone()
            if version != seen:
                seen = version
                (stored,) = db.execute("SELECT count(*) FROM event WHERE kind = 'strategy.notice'").fetchone()
                if stored >= self._posted:
                    return
            time.sleep(0.0005)
        raise RuntimeError("接收端 %d 秒内没有收全" % PATIENCE)

    def size_after(self, posts: int) -> Dict[str, Any]:
        """Resident and private memory in MB after so many posts; None where there is no /proc."""
        before = memory_mb(self._tray.pid)
        self.post(posts)
        self.wait_all_stored()
        return {"start": before, "resident": memory_mb(self._tray.pid), "private": private_mb(self._tray.pid)}

    def processor_share(self, seconds: float, slices: int) -> List[float]:
        """Percent of one core that the tray takes while nothing happens, one sample a slice of the time."""
        found = []
        for _ in range(slices):
            used, began = cpu_seconds(self._tray.pid), time.perf_counter()
            time.sleep(seconds / slices)
            found.append((cpu_seconds(self._tray.pid) - used) / (time.perf_counter() - began) * 100)
        return found


def private_mb(pid: int) -> Any:
    """What ending the program would give back; None where the system does not tell."""
    try:
        lines = Path("/proc/%d/smaps_rollup" % pid).read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean"))) / 1024.0
