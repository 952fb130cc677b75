"""What the tests under Wine share: the Windows Python, a home folder, a receiver that notes what it gets."""

import gzip
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from installer import build, tray_shot, windows_python
from installer.py38_folder import SetupError
from tests.windows.installed_copy import InstalledCopy
from tests.windows.secure_receiver import SecureReceiver

GCC = "x86_64-w64-mingw32-gcc"
START = 60.0  # seconds for a program to start; usually 2, but the machine may be busy


@pytest.fixture(scope="session")
def windows():
    """The Windows Python, with a desktop. Nothing is installed here: `installer/windows_python.py` does that before."""
    try:
        python = windows_python.prepare(windows_python.default_folder(), use_apt=False)
    except SetupError as error:
        # A skip that nobody reads would let CI pass without ever starting the program on Windows.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"Windows 版 Python 用不了：{error}")
    with python:
        yield python


@pytest.fixture
def receiver():
    with RecordingReceiver() as running:
        yield running


@pytest.fixture
def home(tmp_path, receiver):
    """A home folder whose sentry.ini names the recording receiver and a QMT folder that is empty so far."""
    folder = tmp_path / "哨兵"
    qmt_folder = windows_python.wine_desktop.windows_path(tmp_path / "QMT 交易端" / "bin.x64")
    tray_shot.write_sentry_ini(folder, receiver.address, qmt_folder)
    return folder


class RecordingReceiver:
    """Answers yes to every batch of docs/protocol.md section 3 and keeps the events in the order of their arrival."""

    def __init__(self):
        self.events = []
        self._arrived = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                answer = json.dumps(outer.take(json.loads(body))).encode("utf-8")
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()

    def take(self, batch):
        with self._arrived:
            self.events.extend(batch["events"])
            self._arrived.notify_all()
        return {
            "accepted": [event["id"] for event in batch["events"]],
            "rejected": [],
            "now": time.time(),
            "alerts": {"ok": True, "why": ""},
            "day": {"trading": True, "covered_until": "2099-12-31"},
        }

    def wait_for(self, wanted, timeout):
        """The first event, here or still to come, for which wanted(event) holds; None after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._arrived.wait(left)


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    """XtItClient.exe, which stands in for QMT's, built now."""
    if shutil.which(GCC) is None:
        pytest.skip(f"{GCC} is not installed")
    exe = tmp_path_factory.mktemp("built") / "XtItClient.exe"
    source = str(Path(__file__).resolve().parent / "qmt_stand_in.c")
    subprocess.run([GCC, "-O1", "-finput-charset=UTF-8", "-o", str(exe), source], check=True, timeout=120)
    return exe


@pytest.fixture
def start_qmt(windows, qmt_exe):
    """Starts the stand-in, `qmt_exe` of the test's own file or the one given; all are ended with the test."""
    started = []

    def start(exe=qmt_exe):
        program = windows.start([], exe=exe, cwd=exe.parent)
        started.append(program)
        assert program.wait_for("up", START), program.output()
        return program

    yield start
    for program in started:
        program.kill()


@pytest.fixture(scope="session")
def built():
    """The folder with the setup program, made from the sources as they are now by `run.py windows`."""
    out = Path(os.environ.get("QMT_SENTRY_DIST") or build.REPO / "dist")
    if not build.is_fresh(out):
        reason = f"no setup program of these sources in {out}: run python3 run.py windows --test"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return out


@pytest.fixture(scope="session")
def pc(built, windows):
    """The Wine prefix with the program installed by its setup program, silently."""
    copy = InstalledCopy(windows, built)
    assert copy.setup() == 0
    yield copy
    copy.kill()


@pytest.fixture
def installed(pc):
    """The program installed as it is now, whatever an earlier test did, and none of it running."""
    if not pc.is_as_built():
        assert pc.setup("/DOWNGRADE") == 0
    pc.kill()
    yield pc
    pc.kill()


@pytest.fixture
def secure_receiver(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    with SecureReceiver(tmp_path / "vps") as running:
        yield running
