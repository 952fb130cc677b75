"""A real receiver on loopback with a certificate of its own, as a process, and what it has stored."""

import re
import subprocess
import sys

from rehearsal import oracle
from rehearsal.children import Child
from rehearsal.network import free_port
from rehearsal.road import ROOT, read_ini, write_ini


class SecureReceiver:
    """`code`: the pairing code that init printed."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        command = [sys.executable, str(ROOT / "receiver" / "receiver.py"), "init", "--dir", str(folder)]
        command += [
            "--self-signed",
            "--listen",
            f"0.0.0.0:{self.port}",
            "--public-url",
            f"https://127.0.0.1:{self.port}",
        ]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout.decode("utf-8")
        self.code = re.search(r"^\s*(QS1\.\S+)", said, re.MULTILINE).group(1)
        self.ini = folder / "receiver.ini"
        ini = read_ini(self.ini)
        ini["receiver"]["listen"] = f"127.0.0.1:{self.port}"  # a test listens to nobody else
        write_ini(ini, self.ini)
        self.database = folder / ini["receiver"].get("database", "receiver.db")
        self._child = None

    def __enter__(self):
        command = [sys.executable, ROOT / "receiver" / "receiver.py", "serve", "--config", self.ini]
        self._child = Child("receiver", command, self.folder / "receiver.log", cwd=self.folder)
        self._child.wait_for("listening on")
        return self

    def __exit__(self, *unused):
        self._child.stop()

    def stored(self):
        return oracle.stored_events(self.database)
