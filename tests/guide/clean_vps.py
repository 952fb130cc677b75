"""An empty folder that stands in for an empty VPS: the guide's commands run in it as they are written.

Substituted: absolute folders lie in this folder; the network address and the domain are loopback; the port is free;
`python3 -m venv` gives the tests' own Python with a pip that only notes what it is asked for; runuser, useradd,
install's owner, apt-get, nano and journalctl are left out. systemctl is noted, then done as the unit files say; what
it says of the receiver (active, inactive, ...) is in state.txt.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time

from rehearsal.network import free_port
from tests.guide.pages import ROOT

TIMEOUT = 120.0  # seconds for one command
FOLDERS = ("/opt/qmt-sentry", "/var/lib/qmt-sentry", "/etc/", "/usr/local/bin", "/root/")
DATA = "var/lib/qmt-sentry"

STUBS = {
    "systemctl": '[ "$1" = is-active ] || { echo "$*" >> "$CLEAN_VPS/systemctl.txt"; exit; }\n'
    'cat "$CLEAN_VPS/state.txt"\ngrep -qx active "$CLEAN_VPS/state.txt"',
    "runuser": '[ "$1 $2 $3" = "-u qmt-sentry --" ] || exit 9\nshift 3\nexec "$@"',
    "id": '[ "$1" = -u ] && echo 0',  # root, and no user qmt-sentry yet
    "useradd": "exit 0",
    "apt-get": "exit 0",
    "nano": '[ -f "$1" ]',
    "journalctl": '[ "$1" = -u ] && [ -f "$CLEAN_VPS/etc/systemd/system/$2.service" ]',
    "install": 'for a; do shift; case $a in -o|-g) skip=1;; *) [ -n "$skip" ] || set -- "$@" "$a"; skip=;; esac; done\n'
    f'exec {shutil.which("install")} "$@"',
    "python3": f'[ "$1 $2" = "-m venv" ] || exec {sys.executable} "$@"\nmkdir -p "$3/bin"\n'
    f'printf \'#!/bin/sh\\nexec {sys.executable} "$@"\\n\' > "$3/bin/python"\n'
    'printf \'#!/bin/sh\\necho "$*" >> "$CLEAN_VPS/pip.txt"\\n\' > "$3/bin/pip"\nchmod 755 "$3"/bin/*',
}


class CleanVps:
    """`folder` must not exist yet. A context: its server is ended with it."""

    def __init__(self, folder, port=None):
        self.folder, self.port = folder, port or free_port()
        self.home = folder / "root"
        self.server = None
        folder.mkdir()
        self.say("inactive")
        for part in ("root", "stubs", "etc/caddy", "etc/systemd/system", "usr/local/bin", "var/lib", "opt"):
            (folder / part).mkdir(parents=True)
        for name, script in STUBS.items():
            (folder / "stubs" / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (folder / "stubs" / name).chmod(0o755)
        self.upload()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def upload(self):
        """What `scp -r receiver` does."""
        shutil.copytree(ROOT / "receiver", self.home / "receiver", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (self.home / "receiver" / "deploy").iterdir():
            path.write_text(self.here(path.read_text(encoding="utf-8")), encoding="utf-8")

    def here(self, text):
        """The text with everything that belongs to a VPS replaced by what stands in for it here."""
        for folder in FOLDERS:
            text = re.sub(rf"(?<![\w/]){re.escape(folder)}", str(self.folder) + folder, text)
        text = text.replace(":8780", f":{self.port}").replace("0.0.0.0", "127.0.0.1")
        return text.replace("203.0.113.9", "127.0.0.1").replace("您的域名", "sentry.test")

    def run(self, command):
        """What a command prints. Fails the test unless it ends with 0."""
        path = os.pathsep.join([str(self.folder / "stubs"), str(self.folder / "usr/local/bin"), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "HOME": str(self.home), "CLEAN_VPS": str(self.folder)}
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=str(self.home),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
        )
        said = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, f"{command}\n{said}"
        self.obey()
        return said

    # systemd's part

    def obey(self):
        """Do what systemctl was asked for."""
        noted = self.folder / "systemctl.txt"
        asked = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
        noted.write_text("", encoding="utf-8")
        for line in asked:
            words = [word for word in line.split() if not word.startswith("--")]
            if words == ["daemon-reload"] or words[1:] == ["caddy"]:
                continue
            units = [name if "." in name else name + ".service" for name in words[1:]]
            for unit in units:
                assert (self.folder / "etc/systemd/system" / unit).exists(), line
            if "qmt-sentry.service" not in units:
                continue  # the timer
            if words[0] in ("stop", "restart") or (words[0] == "disable" and "--now" in line):
                self.stop()
            if words[0] in ("start", "restart") or (words[0] == "enable" and "--now" in line):
                self.start()

    def start(self):
        """As qmt-sentry.service says."""
        if self.server is not None:
            return
        unit = (self.folder / "etc/systemd/system/qmt-sentry.service").read_text(encoding="utf-8")
        command = shlex.split(re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE).group(1))
        where = re.search(r"^WorkingDirectory=(.*)$", unit, re.MULTILINE).group(1)
        log = self.folder / "serve.txt"
        with open(str(log), "wb") as out:
            self.server = subprocess.Popen(command, cwd=where, stdout=out, stderr=subprocess.STDOUT)
        self.say("active")
        deadline = time.monotonic() + TIMEOUT
        while b"listening on" not in log.read_bytes():
            assert self.server.poll() is None and time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.02)

    def say(self, state):
        """What `systemctl is-active` says of the receiver from now on."""
        (self.folder / "state.txt").write_text(state + "\n", encoding="utf-8")

    def stop(self):
        server, self.server = self.server, None
        if server is not None:
            self.say("inactive")
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
                raise

    def ini(self):
        return self.folder / DATA / "receiver.ini"
