"""For the tests of the installed exe: run setup and uninstaller under Wine, start the exe, look at what it left."""

import os
import re
import signal
import time
from pathlib import Path

from installer import build, wine_desktop
from installer.windows_program import WindowsProgram

SETUP_SECONDS = 240.0
GONE_SECONDS = 180.0
UNINSTALL_KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\QMTSentry"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
READ_REGISTRY = """
import sys, winreg
try:
    key = winreg.OpenKey(winreg.HKEY_CURRENT_USER, sys.argv[1])
    print("=" + str(winreg.QueryValueEx(key, sys.argv[2])[0]))
except OSError:
    print("none")
"""


class InstalledCopy:
    """One Wine prefix in which setup programs are run. `home`: the folder that the exe uses unless told otherwise."""

    def __init__(self, windows, out):
        self.windows, self.out = windows, out
        self.last_setup = None
        self.prefix = windows.folder / "prefix"
        users = [path for path in (self.prefix / "drive_c" / "users").iterdir() if path.name != "Public"]
        self.local = users[0] / "AppData" / "Local"
        self.root = self.local / "Programs" / "QMTSentry"
        self.exe = self.root / "app" / "QMTSentry.exe"
        self.home = self.local / "QMTSentry"
        self.menu = users[0] / "AppData" / "Roaming" / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "QMT 哨兵"

    def start(self, *arguments, exe=None, home=None):
        env = dict(self.windows.desktop.env)
        if home is not None:
            env["QMT_SENTRY_HOME"] = wine_desktop.windows_path(home)
        return WindowsProgram(["wine", str(exe or self.exe), *arguments], env, Path("/"), False)

    def run(self, *arguments, exe=None, home=None, timeout=SETUP_SECONDS):
        """The exit code, and what it printed."""
        with self.start(*arguments, exe=exe, home=home) as program:
            return program.wait(timeout), program.output()

    def setup(self, *arguments, file=None, home=None):
        """Run a setup program silently; its exit code."""
        file = file or build.setup_file(self.out)
        code = self.run("/S", *arguments, exe=file, home=home)[0]
        if code == 0:
            self.last_setup = file
        return code

    def uninstall(self, *arguments):
        """The uninstaller goes on in a copy of itself after its first process has ended: wait for its last act."""
        self.run("/S", *arguments, exe=self.root / "uninstall.exe")
        wait_until(lambda: not self.root.exists() and self.registry(UNINSTALL_KEY, "DisplayVersion") is None)

    def pids(self):
        """Processes of this prefix that run a program of the installation, as this machine numbers them."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and self._is_ours(folder):
                found.append(int(folder.name))
        return found

    def _is_ours(self, folder):
        try:
            command = (folder / "cmdline").read_bytes().decode("utf-8", "replace").replace("\\", "/")
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            return False  # it has ended
        here = f"WINEPREFIX={self.prefix}".encode() in environment
        return here and "Programs/QMTSentry/app/QMTSentry.exe" in command.split("\0")[0]

    def kill(self):
        """As a crash or the task manager would. Whether there was one."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.pids())
        return bool(pids)

    def is_as_built(self):
        """Whether the program of the last build stands there, whole."""
        built = build.app_folder(self.out)
        return self.exe.exists() and self.exe.read_bytes() == (built / "QMTSentry.exe").read_bytes() and self._whole()

    def _whole(self):
        return self.last_setup == build.setup_file(self.out) and not (self.root / "previous").exists()

    def registry(self, key, name):
        """A value of HKEY_CURRENT_USER, None where there is none."""
        said = self.windows.run(["-c", READ_REGISTRY, key, name]).stdout
        found = re.search(r"^=(.*)$", said, re.MULTILINE)
        return found.group(1).strip() if found else None


def wait_until(condition, seconds=GONE_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
