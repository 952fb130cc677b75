"""The whole chain on this machine: phone, receiver, line, tray and simulated QMT, real processes on free ports.

    QMT (process XtItClient.exe) --spool--> tray --line (can be cut)--> receiver --HTTP, SMTP--> phone

Used by the rehearsal, the drills and the end-to-end tests. Nothing listens beyond 127.0.0.1. Where etf_grid.py trades,
all parts' clocks are set back alike, to a time at which the exchange is open (`set_clock`, rehearsal/shifted.py).
"""

import configparser
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from rehearsal import oracle, shifted
from rehearsal.children import Child
from rehearsal.clock import day_text, shift_to
from rehearsal.network import Line, free_port
from rehearsal.qmt import install

ROOT = Path(__file__).resolve().parent.parent
ALWAYS_OPEN = "00:00-24:00"
MACHINE = "mini-pc"
ACCOUNT = "2000567"
SHARES = 20000  # of each fund, in the account of a rehearsal that trades

TIMES = {
    "heartbeat_every": 2,  # s between the strategy's posts (60 in real life)
    "host_every": 3,  # s between host.heartbeat posts (30)
    "hung_after": 6,  # s (60)
    "host_silent": 90,  # s, as in real life
    "script_silent": 20,  # s (180)
    "companions": 5,  # s, as in real life
    "tick": 1.0,  # s between the simulated QMT's ticks (3)
}


# [strategy] of a rehearsal that trades: a rule that finds something to do on nearly every series of prices.
RULE = {
    "mode": "live",
    "ma": 60,
    "grid_height": 0.01,
    "grid_amount": 2000,
    "quantile_positive": 0.05,
    "quantile_negative": 0.05,
}


class Road:
    """All parts, their folders and how to reach them. `folder` is made if missing. Use as a context manager."""

    def __init__(
        self, folder, seed=1, data=None, headless=True, times=None, channels=("wecom", "pushplus", "mail"), trade=None
    ):
        """`trade`: further settings of [strategy], with `funds`; None: etf_grid.py is not mounted."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = self.folder / "sentry-home"
        self.qmt_folder = self.folder / "QMT"
        self.receiver_ini = self.folder / "vps" / "receiver.ini"
        self.database = self.folder / "vps" / "receiver.db"
        self.seed, self.data, self.headless, self.channels = seed, data, headless, channels
        self.times = dict(TIMES, **(times or {}))
        self.trade = None if trade is None else dict(RULE, **trade)
        self.qmt_options = []  # further words for the simulated QMT's command line
        self.told = 0  # words to the simulated QMT so far
        self.shift = 0.0  # s by which the clocks of all parts are off
        self.shifts = [(0.0, 0.0)]  # (real epoch from which it counts, shift)
        self.phone = self.receiver = self.tray = self.qmt = self.line = None
        self.secrets = {name: secrets.token_hex(8) for name in ("wecom", "pushplus", "mail")}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def set_clock(self, clock, days_ago=0):
        """What the parts' clocks show when they are started next: HH:MM:SS in Shanghai. Set it while none runs but the
        phone, which keeps its own (`messages` translates)."""
        self.shift = shift_to(clock, time.time(), days_ago)
        self.shifts.append((time.time(), self.shift))

    def now(self):
        """Epoch seconds by the parts' clocks."""
        return time.time() + self.shift

    # Starting, in the order in which things need each other

    def start(self):
        self.start_phone()
        self.write_receiver_ini()
        self.start_receiver()
        self.line = Line(self.receiver_port)
        self.write_sentry_ini()
        self.start_tray()
        self.start_qmt()
        return self

    def start_phone(self):
        command = [sys.executable, "-m", "rehearsal.phone", "--mail-user", "me@example.com"]
        command += ["--wecom-key", self.secrets["wecom"], "--pushplus-token", self.secrets["pushplus"]]
        command += ["--mail-password", self.secrets["mail"]]
        self.phone_shift = self.shift
        self.phone = self._child("phone", command)
        ports = dict(part.split("=") for part in self.phone.wait_for("phone ready").split()[2:])
        self.phone_port, self.smtp_port = int(ports["http"]), int(ports["smtp"])
        self.phone_url = f"http://127.0.0.1:{self.phone_port}"

    def write_receiver_ini(self):
        """`receiver.py init`, as its owner would, then the rehearsal's times and channels."""
        self.receiver_port = free_port()
        self.receiver_url = f"http://127.0.0.1:{self.receiver_port}"
        folder = self.receiver_ini.parent
        folder.mkdir(exist_ok=True)
        command = [sys.executable, ROOT / "receiver" / "receiver.py", "init", "--dir", folder, "--machine", MACHINE]
        command += ["--listen", f"127.0.0.1:{self.receiver_port}", "--public-url", self.receiver_url]
        done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE)
        said = done.stdout.decode("utf-8").replace("\r\n", "\n")  # the ini keeps only hashes
        ini = read_ini(self.receiver_ini)
        for section in [name for name in ini.sections() if name.startswith("channel:")]:
            ini.remove_section(section)
        ini.read_dict(
            {
                "receiver": {"database": str(self.database)},
                "calendar": {
                    "sessions": ALWAYS_OPEN,
                    "tell": ALWAYS_OPEN,
                    "every_day": "yes",
                    "ready_at": "",  # these two come at a time of the day: a drill counts its own messages
                    "report_at": "",
                },
                "check:host": {"silent": self.times["host_silent"]},
                "check:qmt.heartbeat": {"silent": self.times["script_silent"]},
                "alerts": {"companions": self.times["companions"]},
            }
        )
        sections = {
            "wecom": {"type": "wecom", "url": self.phone_url + "/cgi-bin/webhook/send", "key": self.secrets["wecom"]},
            "pushplus": {"type": "pushplus", "url": self.phone_url + "/send", "token": self.secrets["pushplus"]},
            "mail": {
                "type": "smtp",
                "host": "127.0.0.1",
                "port": self.smtp_port,
                "security": "none",
                "user": "me@example.com",
                "password": self.secrets["mail"],
                "from": "me@example.com",
                "to": "me@example.com",
            },
        }
        ini.read_dict({f"channel:{name}": sections[name] for name in self.channels})
        write_ini(ini, self.receiver_ini)
        self.password = re.search(r"^密码：(\S+)$", said, re.MULTILINE).group(1)
        self.token, self.old_token = re.findall(r"^token = (\S+)$", said, re.MULTILINE)

    def start_receiver(self):
        command = [sys.executable, ROOT / "receiver" / "receiver.py", "serve", "--config", self.receiver_ini]
        self.receiver = self._child("receiver", command)
        self.receiver.wait_for("listening on")

    def write_sentry_ini(self):
        self.home.mkdir(exist_ok=True)
        ini = configparser.ConfigParser(interpolation=None)
        ini.read_dict(
            {
                "sentry": {
                    "machine": MACHINE,
                    "receiver": f"http://127.0.0.1:{self.line.port}",
                    "dashboard": self.receiver_url,
                    "token": self.token,
                    "sessions": ALWAYS_OPEN,
                    "every_day": "yes",
                },
                "qmt": {"folder": str(self.qmt_folder), "hung_after": self.times["hung_after"]},
                "host": {"every": self.times["host_every"]},
                "inbox": {"port": "0", "token": self.old_token},
                "heartbeat": {"every": self.times["heartbeat_every"], "hours": ALWAYS_OPEN},
            }
        )
        if "last_resort_after" in self.times:  # only where a drill is about it: elsewhere one more voice would confuse
            webhook = f"{self.phone_url}/cgi-bin/webhook/send?key={self.secrets['wecom']}"
            after, every = self.times["last_resort_after"], self.times["last_resort_every"]
            ini.read_dict({"last_resort": {"webhook": webhook, "after": after, "every": every}})
        if self.trade is not None:
            ini.read_dict({"account": {"id": ACCOUNT}, "strategy": self.trade})
            funds = [code.strip() for code in self.trade["funds"].split(",")]
            from rehearsal import yesterday  # needs numpy, which only a Python that trades has

            yesterday.write(self.home, funds, SHARES, day_text(self.now() - 86400))
        write_ini(ini, self.home / "sentry.ini")

    def start_tray(self):
        command = [sys.executable, "-m", "tray_app", "--home", self.home]
        self.tray = self._child("tray", command + (["--headless"] if self.headless else []))
        ready = self.tray.wait_for("tray ready")
        self.inbox_port = int(ready.split("inbox=")[1].split()[0])

    def start_qmt(self):
        """The simulated QMT: a process that really is called XtItClient.exe and lies in QMT's folder."""
        if not self.qmt_folder.exists():
            install.lay_out(self.qmt_folder)
        options = ["--script", ROOT / "qmt_strategy" / "heartbeat.py", "--account", ACCOUNT]
        options += ["--seed", self.seed, "--tick-seconds", self.times["tick"], *self.qmt_options]
        if self.trade is not None:
            # The owner's own orders of a fund would count as the strategy's attempts.
            options += ["--script", ROOT / "qmt_strategy" / "etf_grid.py", "--owner-seconds", 0, "--shares", SHARES]
        if self.data:
            options += ["--data", self.data]
        environment = dict(install.environment(self.qmt_folder), QMT_SENTRY_HOME=str(self.home))
        self.qmt = self._child("qmt", install.command(self.qmt_folder, options), environment)
        self.qmt.wait_for("qmt ready")

    def _child(self, name, command, environment=None):
        environment = dict(os.environ if environment is None else environment, PYTHONIOENCODING="utf-8")
        environment["PYTHONUNBUFFERED"] = "1"
        if self.shift:
            command = [command[0], "-m", "rehearsal.shifted", self.shift, *command[1:]]
            environment[shifted.FILE] = str(self.folder / f"{name}.clock")
        return Child(name, command, self.folder / f"{name}.log", environment, ROOT)

    def set_clock_of(self, child, off):
        """The clock of one running part is set to `off` seconds beside the others'. POSIX, and after set_clock only."""
        (self.folder / f"{child.name}.clock").write_text(str(self.shift + off), encoding="ascii")
        os.kill(child.pid, signal.SIGUSR1)

    # What one may ask and do while it runs

    def messages(self):
        """All that the phone shows, oldest first: {channel, at, answered_at, shown: {title, body}, answer}."""
        found = [entry for entry in self._ask_phone("/log.json") if entry["shown"]]
        for entry in found:
            real = entry["at"] - self.phone_shift
            moved = [shift for since, shift in self.shifts if since <= real][-1] - self.phone_shift
            entry.update(at=entry["at"] + moved, answered_at=entry["answered_at"] + moved)
        return found

    def phone_busy(self):
        """Channels of the requests that the phone is answering right now (WeCom and pushplus)."""
        return self._ask_phone("/busy.json")

    def _ask_phone(self, path):
        with urllib.request.urlopen(self.phone_url + path, timeout=30) as answer:
            return json.loads(answer.read().decode("utf-8"))

    def phone_fault(self, channel, mode, **more):
        """Switch one channel of the phone to a fault mode (see rehearsal.phone.server)."""
        body = json.dumps(dict(more, channel=channel, mode=mode)).encode()
        urllib.request.urlopen(urllib.request.Request(self.phone_url + "/control", data=body), timeout=30).close()

    def tell_qmt(self, command):
        """A word to the simulated QMT (silent, speak, behaviour no_fills, ...); it looks for them at each turn."""
        control = self.qmt_folder / "control"
        control.mkdir(exist_ok=True)
        self.told += 1
        whole = control / f"{self.told:03d}.tmp"
        whole.write_text(command, encoding="utf-8")
        whole.rename(whole.with_suffix(".cmd"))

    def stored(self):
        """The events in the receiver's database."""
        return oracle.stored_events(self.database)

    def children(self):
        return [child for child in (self.qmt, self.tray, self.receiver, self.phone) if child is not None]

    def stop(self):
        """End every child: first what makes posts, then what carries them."""
        for child in self.children():
            child.stop()
        if self.line is not None:
            self.line.close()


def read_ini(path):
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(path, encoding="utf-8")
    return ini


def write_ini(ini, path):
    with open(path, "w", encoding="utf-8") as file:
        ini.write(file)
