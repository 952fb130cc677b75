"""The exe as installed: self-test, pairing, heartbeats over pinned TLS, a second start, kills, a session's end."""

import json
import os
import time
import uuid

import pytest

from installer import wine_desktop
from rehearsal.network import Line
from tests.windows.installed_copy import RUN_KEY, UNINSTALL_KEY, wait_until
from tests.windows.test_tray_under_wine import WM_ENDSESSION, WM_QUERYENDSESSION, send, stopping
from tray_app import VERSION, config, pairing

FULL = bool(os.environ.get("QMT_SENTRY_FULL"))

KILLS, POSTS = 3, 5  # kills of the program; posts before each


def code_file(receiver, tmp_path):
    file = tmp_path / "配对码.txt"
    file.write_bytes(receiver.code.encode("utf-16"))  # as PowerShell writes it
    return file


@pytest.fixture
def paired(installed, secure_receiver, tmp_path):
    """The program paired with a real receiver, not yet running."""
    file = code_file(secure_receiver, tmp_path)
    assert installed.run("--pair-file", wine_desktop.windows_path(file))[0] == pairing.CONNECTED
    return installed


def heard(receiver, wanted):
    wait_until(lambda: any(wanted(event) for event in receiver.stored()), 90)


def post(home, number):
    """A strategy's post, left in the spool as dingtou/spool.py leaves it; its id."""
    event = {
        "id": str(uuid.uuid4()),
        "kind": "strategy.notice",
        "at": 1767576000.0,
        "data": {"text": f"第 {number} 条"},
    }
    temporary = home / "spool" / f".1767576000000-{number:06d}-strategy.notice.json.tmp"
    temporary.write_text(json.dumps(event), encoding="utf-8")
    temporary.rename(temporary.with_name(temporary.name[1:-4]))
    return event["id"]


def test_setup_installs_for_the_user_alone_and_starts_in_observe_mode(installed):
    assert installed.exe.exists() and (installed.root / "app" / "qmt" / "dingtou" / "trader.py").exists()
    assert (installed.root / "app" / "qmt" / "import-into-qmt.html").exists()
    assert installed.registry(UNINSTALL_KEY, "DisplayVersion") == VERSION
    ini = (installed.home / "sentry.ini").read_text(encoding="utf-8")
    assert "\nmode = observe\n" in ini
    config.parse(ini, "sentry.ini")
    notices = (installed.root / "app" / "THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")
    for part in ("pystray", "OpenSSL", "pyinstaller", "CPython", "pillow"):
        assert part in notices


def test_where_no_task_can_be_made_the_run_value_starts_it(installed):
    command = installed.registry(RUN_KEY, "QMTSentry")
    assert command.strip('"').endswith("QMTSentry\\app\\QMTSentry.exe")


def test_the_selftest_of_the_installed_exe_passes(installed):
    assert installed.run("--selftest")[0] == 0


def test_paired_by_setup_its_heartbeats_arrive_over_the_pinned_certificate(installed, secure_receiver, tmp_path):
    file = code_file(secure_receiver, tmp_path)
    assert installed.setup("/PAIRFILE=" + wine_desktop.windows_path(file)) == 0
    assert not file.exists()
    heard(secure_receiver, lambda event: event["kind"] == "host.heartbeat" and event["data"]["version"] == VERSION)
    settings = config.load(installed.home / "sentry.ini")
    assert settings.receiver.startswith("https://") and len(settings.fingerprint) == 64


def test_a_second_start_ends_with_0_and_leaves_the_first_alone(paired, secure_receiver):
    with paired.start() as first:
        heard(secure_receiver, lambda event: event["kind"] == "host.started")
        assert paired.run(timeout=60)[0] == 0
        assert first.running() and len(paired.pids()) == 1


def test_killed_again_and_again_it_loses_no_post(paired, secure_receiver):
    (paired.home / "spool").mkdir(parents=True, exist_ok=True)
    posted = []
    for turn in range(KILLS):
        with paired.start():
            posted += [post(paired.home, turn * POSTS + number) for number in range(POSTS)]
            # Once the file is gone the program has said yes to it: from then on it must survive.
            wait_until(lambda: not list((paired.home / "spool").glob("[0-9]*.json")))
            assert paired.kill()
    with paired.start():
        wait_until(lambda: set(posted) <= {event["id"] for event in secure_receiver.stored()}, 90)
    ids = [event["id"] for event in secure_receiver.stored()]
    assert len(ids) == len(set(ids))


def test_at_the_end_of_the_windows_session_the_receiver_hears_a_clean_stop(paired, windows, secure_receiver):
    with paired.start():
        heard(secure_receiver, lambda event: event["kind"] == "host.heartbeat")
        assert all(send(windows, (WM_QUERYENDSESSION, 0)))
        send(windows, (WM_ENDSESSION, 1))
        heard(secure_receiver, stopping("session-end"))


@pytest.mark.skipif(not FULL, reason="long form only: two minutes without network")
def test_a_network_that_is_away_loses_nothing_that_was_posted_meanwhile(paired, secure_receiver):
    ini = paired.home / "sentry.ini"
    line = Line(secure_receiver.port)
    try:
        text = ini.read_text(encoding="utf-8")
        ini.write_text(text.replace(f"127.0.0.1:{secure_receiver.port}", f"127.0.0.1:{line.port}"), encoding="utf-8")
        with paired.start():
            heard(secure_receiver, lambda event: event["kind"] == "host.started")
            line.cut("swallow")
            posted = []
            ends = time.monotonic() + 120
            while time.monotonic() < ends:
                posted.append(post(paired.home, len(posted)))
                time.sleep(0.5)  # what the network's absence is made of
            line.restore()
            wait_until(lambda: set(posted) <= {event["id"] for event in secure_receiver.stored()}, 180)
    finally:
        line.close()
