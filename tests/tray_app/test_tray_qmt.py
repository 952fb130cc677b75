"""Is QMT running? The judgement as a table of looks, and the looking at real processes."""

import os
import shutil
import subprocess
import sys

import psutil
import pytest

from tests.tray_app.helpers import stored
from tray_app.outbox import OutboxError
from tray_app.watch import qmt, qmt_look
from tray_app.watch.qmt import Found, QmtWatcher, Seen, judge
from tray_app.watch.qmt_look import Looker

NAMES = ("XtItClient.exe", "XtMiniQmt.exe")
HUNG_AFTER = 60


def client(pid=10, started=1000.0, here=True, answering=True, name="XtItClient.exe"):
    return Found(pid, started, name, "D:\\QMT\\bin.x64\\" + name, here, answering)


def run_looks(*looks, every=2.0):
    """States after each look; a look is a list of processes, or (seconds later, list)."""
    seen, now, told = Seen(), 5000.0, []
    for look in looks:
        pause, found = look if isinstance(look, tuple) else (every, look)
        now += pause
        seen, changed = judge(seen, found, now, HUNG_AFTER)
        told.append((seen.state, changed))
    return told


def test_the_first_look_is_always_told():
    assert run_looks([client()]) == [("running", True)]
    assert run_looks([]) == [("missing", True)]


def test_the_same_state_is_told_once():
    assert run_looks([client()], [client()], [], []) == [
        ("running", True),
        ("running", False),
        ("missing", True),
        ("missing", False),
    ]


def test_it_comes_back_as_another_process_of_the_same_name():
    assert run_looks([client()], [], [client(pid=11, started=5003.0)])[-1] == ("running", True)


def test_a_new_process_without_a_gap_is_a_restart_and_then_runs():
    new = client(pid=11, started=5003.0)
    assert run_looks([client()], [new], [new])[1:] == [("restarted", True), ("running", True)]


def test_the_same_pid_with_another_start_is_a_restart():
    assert run_looks([client()], [client(started=5003.0)])[-1] == ("restarted", True)


def test_a_start_time_that_flutters_by_a_second_is_the_same_process():
    assert run_looks([client()], [client(started=1001.0)])[-1] == ("running", False)


def test_a_mini_client_that_had_run_beside_it_does_not_stand_in():
    mini = client(pid=20, started=1500.0, name="XtMiniQmt.exe")
    assert run_looks([client(), mini], [mini])[-1] == ("missing", True)


def test_a_mini_client_started_instead_is_running():
    mini = client(pid=20, started=5003.0, name="XtMiniQmt.exe")
    assert run_looks([client()], [], [mini])[-1] == ("running", True)


def test_only_elsewhere_is_told_as_such():
    other = client(here=False)
    assert run_looks([other]) == [("elsewhere", True)]
    assert run_looks([other], [client(pid=11), other])[-1] == ("running", True)
    assert run_looks([client()], [client(pid=11, here=False)])[-1] == ("elsewhere", True)


def test_hung_needs_three_looks_and_the_whole_time():
    dead = [client(answering=False)]
    assert run_looks([client()], dead, (30.0, dead), (29.0, dead))[-1] == ("running", False)
    assert run_looks([client()], dead, (30.0, dead), (30.0, dead))[-1] == ("hung", True)
    assert run_looks([client()], dead, (100.0, dead))[-1] == ("running", False)


def test_one_answer_in_between_starts_the_count_again():
    dead = [client(answering=False)]
    looks = [[client()], dead, (30.0, dead), (20.0, [client()]), (10.0, dead), (20.0, dead), (20.0, dead)]
    assert run_looks(*looks)[-1] == ("running", False)


def test_the_seconds_before_windows_says_so_count_as_hung():
    dead, seen = [client(answering=False)], judge(Seen(), [client()], 5000.0, 60.0, 5.0)[0]
    for now in (5002.0, 5030.0, 5056.0):
        seen = judge(seen, dead, now, 60.0, 5.0)[0]
    assert seen.state == "running"
    assert judge(seen, dead, 5057.0, 60.0, 5.0)[0].state == "hung"


def test_hung_ends_with_the_first_answer_or_with_the_process():
    dead = [client(answering=False)]
    hang = [[client()], dead, (30.0, dead), (30.0, dead)]
    assert run_looks(*hang, [client()])[-1] == ("running", True)
    assert run_looks(*hang, [])[-1] == ("missing", True)
    assert run_looks(*hang, [client(pid=11, started=6000.0)])[-1] == ("restarted", True)


def test_over_a_sleep_nobody_answers_and_nobody_is_hung(lease, board):
    found = [client()]
    watcher = QmtWatcher(NAMES, HUNG_AFTER, lease, lambda: found, Seen())
    watcher.round(5000.0)
    found = [client(answering=False)]
    for now in (5002.0, 5004.0, 8600.0, 8602.0):  # the machine slept for an hour in between
        watcher.round(now)
    assert board.get("qmt").state == "running"
    for now in range(8604, 8662, 2):
        watcher.round(float(now))
    assert board.get("qmt").state == "hung"


def test_what_a_deeper_look_adds_goes_with_each_change(home, lease):
    watcher = QmtWatcher(NAMES, HUNG_AFTER, lease, lambda: [], Seen(), lambda seen: {"left": [seen.state]})
    watcher.round(5000.0)
    assert stored(home.outbox)[0]["data"]["left"] == ["missing"]


def test_not_knowing_whether_it_answers_is_no_hang():
    assert run_looks([client()], *[(60.0, [client(answering=None)])] * 3)[-1] == ("running", False)


def test_last_ok_is_when_it_was_last_seen_well():
    seen, _ = judge(Seen(), [client()], 5000.0, HUNG_AFTER)
    seen, _ = judge(seen, [client(answering=False)], 5002.0, HUNG_AFTER)
    seen, _ = judge(seen, [], 5004.0, HUNG_AFTER)
    assert (seen.since, seen.last_ok, seen.process.pid) == (5004.0, 5000.0, 10)


def test_the_event_of_a_missing_client_names_it_but_no_pid():
    seen, _ = judge(Seen(), [client()], 5000.0, HUNG_AFTER)
    seen, _ = judge(seen, [], 5004.0, HUNG_AFTER)
    data = qmt.event_of(seen, NAMES, 5004.0, change=True)["data"]
    assert (data["state"], data["name"], data["pid"], data["last_ok"]) == ("missing", "XtItClient.exe", None, 5000.0)


def test_a_change_is_stored_at_once_and_again_if_it_could_not_be(home, lease, board, outbox, monkeypatch, clock):
    watcher = QmtWatcher(NAMES, HUNG_AFTER, lease, lambda: [client()], Seen())
    put_many = outbox.put_many

    def refuse(new, marks=None, may=None):
        raise OutboxError("disk")

    monkeypatch.setattr(outbox, "put_many", refuse)
    with pytest.raises(OutboxError):
        watcher.round(clock.now)
    assert board.get("qmt").state == "running"  # the icon shows it all the same
    assert board.get("qmt_stored") is None
    monkeypatch.setattr(outbox, "put_many", put_many)
    watcher.round(clock.now)
    watcher.round(clock.now + 2)
    assert [(e["kind"], e["data"]["change"]) for e in stored(home.outbox)] == [("qmt.process", True)]


def test_a_change_that_waits_for_a_full_disk_keeps_the_time_at_which_it_was_first_seen(
    home, lease, board, outbox, monkeypatch
):
    found = [client()]
    watcher = QmtWatcher(NAMES, HUNG_AFTER, lease, lambda: found, Seen())
    watcher.round(5000.0)
    found, put_many = [], outbox.put_many

    def refuse(new, marks=None, may=None):
        raise OutboxError("disk")

    monkeypatch.setattr(outbox, "put_many", refuse)
    for now in (5002.0, 5100.0):
        with pytest.raises(OutboxError):
            watcher.round(now)
    assert board.get("qmt").since == 5002.0  # on the icon
    monkeypatch.setattr(outbox, "put_many", put_many)
    watcher.round(5200.0)
    missing = stored(home.outbox)[-1]["data"]
    assert (missing["state"], missing["since"]) == ("missing", 5002.0)


# The edge, with real processes ---------------------------------------------------------------------------------------

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins for QMT are made otherwise on Windows")


@pytest.fixture
def stand_in(tmp_path):
    """A process whose executable is called XtItClient.exe and lies in tmp_path/bin."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "XtItClient.exe"
    shutil.copy(shutil.which("sleep"), str(path))
    process = subprocess.Popen([str(path), "60"])
    yield process
    process.kill()
    process.wait(10)


def pids(looker):
    return [found.pid for found in looker.look()]


@posix_only
def test_a_process_is_found_by_its_executables_name_and_folder(stand_in, tmp_path):
    (found,) = [f for f in Looker(NAMES, str(tmp_path), qmt_look.posix_answering).look() if f.pid == stand_in.pid]
    assert (found.name, found.here, found.answering) == ("XtItClient.exe", True, True)
    assert found.path == str(tmp_path / "bin" / "XtItClient.exe")
    assert found.rss > 0


@posix_only
def test_another_folder_is_elsewhere_and_a_similar_one_too(stand_in, tmp_path):
    for folder in ("/opt/qmt", str(tmp_path / "bi")):
        (found,) = [f for f in Looker(NAMES, folder, qmt_look.posix_answering).look() if f.pid == stand_in.pid]
        assert found.here is False


@posix_only
def test_a_script_that_calls_itself_so_is_found_by_argv0(tmp_path):
    process = subprocess.Popen(
        [str(tmp_path / "XtItClient.exe"), "-c", "import time; print(1, flush=True); time.sleep(60)"],
        executable=sys.executable,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdout.readline()
        (found,) = [f for f in Looker(NAMES, str(tmp_path), qmt_look.posix_answering).look() if f.pid == process.pid]
        assert found.here is True
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@posix_only
def test_a_stopped_process_does_not_answer_and_a_killed_one_is_gone_even_unburied(stand_in):
    looker = Looker(NAMES, "", qmt_look.posix_answering)
    psutil.Process(stand_in.pid).suspend()
    wait_for_status(stand_in.pid, psutil.STATUS_STOPPED)
    (found,) = [f for f in looker.look() if f.pid == stand_in.pid]
    assert found.answering is False
    stand_in.kill()
    wait_for_status(stand_in.pid, psutil.STATUS_ZOMBIE)
    assert stand_in.pid not in pids(looker)


def wait_for_status(pid, status):
    for _ in range(1000):
        if psutil.Process(pid).status() == status:
            return
        os.sched_yield()
    pytest.fail(f"process {pid} did not become {status}")


def test_one_odd_process_never_stops_the_scan(monkeypatch):
    class Odd:
        pid = 1

        def __getattr__(self, name):
            raise OSError(87, "wrong parameter")  # as under Wine

    monkeypatch.setattr(qmt_look, "_candidates", lambda names: [(Odd(), "XtItClient.exe")])
    assert Looker(NAMES, "", lambda process: True).look() == []


def test_an_unreadable_path_is_not_called_elsewhere(monkeypatch):
    """As of a QMT that runs as administrator while we do not."""
    me = psutil.Process()
    monkeypatch.setattr(qmt_look, "_candidates", lambda names: [(me, "XtItClient.exe")])
    monkeypatch.setattr(qmt_look, "_paths", lambda process: [])
    (found,) = Looker(NAMES, "D:\\QMT" if os.name == "nt" else "/opt/qmt", lambda process: True).look()
    assert (found.here, found.path) == (True, None)
