"""The deep watch as a worker: what it shows the board, when it hurries, and what it looks at in real processes."""

import subprocess
import sys

import pytest

from tests.tray_app.helpers import settings
from tray_app.watch import health, qmt, qmt_depth
from tray_app.watch.findings import GB
from tray_app.watch.health import Edges, HealthWatcher, Memory
from tray_app.watch.qmt import Found, Seen
from tray_app.watch.qmt_depth import Child, Depth, DepthLooker

PROCESS = Found(10, 1000.0, "XtItClient.exe", "/qmt/bin.x64/XtItClient.exe", True)
RUNNING = Seen(qmt.RUNNING, 1000.0, 1000.0, PROCESS)


class World:
    """What the edges see; all well at first."""

    def __init__(self):
        self.seen = RUNNING
        self.titles = ("国金证券QMT交易端",)
        self.children = ()
        self.memory = 1e9
        self.offset = 0.1
        self.pending = False
        self.disks = {}
        self.changes = 0
        self.unstored = ""

    def depth(self, found, now):
        return Depth((found.pid, found.started), self.children, self.memory, 500.0, 1.0, self.titles)

    def changed(self):
        self.changes += 1

    def edges(self):
        return Edges(
            lambda: self.seen,
            self.depth,
            lambda: self.offset,
            lambda: self.pending,
            lambda path: self.disks.get("qmt" if "XtItClient" in path else "home", (1, 50 * GB)),
            lambda: self.unstored,
            self.changed,
        )


@pytest.fixture
def world():
    return World()


@pytest.fixture
def rounds(world, lease, board, clock, tmp_path):
    def make(before=Memory(), **sections):  # noqa: B008 - a tuple, never changed
        part = HealthWatcher(tmp_path, settings(**sections), lease, world.edges(), before)

        def run(seconds):
            for _ in range(int(seconds / 5)):
                clock.advance(5)
                part.round(clock.now)
            return [one.code for one in board.get("findings")]

        return run

    return make


def test_where_all_is_well_nothing_is_found_and_nothing_hurries(rounds, world):
    assert rounds()(300) == []
    assert world.changes == 0


def test_a_login_window_is_found_after_a_while_and_told_at_once_and_so_is_its_end(rounds, world):
    run = rounds()
    run(10)
    world.titles = ("用户登录",)
    assert run(30) == []
    assert run(5) == ["qmt-dialog"]
    assert world.changes == 1
    world.titles = ("国金证券QMT交易端",)
    assert run(5) == []
    assert world.changes == 2


def test_an_account_in_a_title_is_cut_to_its_last_digits(rounds, world, board):
    world.titles = ("QMT 88812345678 登录",)
    rounds()(35)
    assert board.get("depth").titles == ("QMT *5678 登录",)
    assert "88812345678" not in board.get("findings")[0].text


def test_its_patience_is_set_in_sentry_ini(rounds, world):
    world.titles = ("用户登录",)
    assert rounds(qmt="dialog_after = 0")(5) == ["qmt-dialog"]


def test_a_qmt_that_is_gone_has_no_window_to_wait_for(rounds, world):
    world.titles = ("用户登录",)
    run = rounds()
    run(60)
    world.seen = RUNNING._replace(state=qmt.MISSING)
    assert run(5) == []


def test_the_time_before_sleep_does_not_count(rounds, world, clock):
    world.titles = ("用户登录",)
    run = rounds()
    run(20)
    clock.now += 3600
    assert run(20) == []


def test_memory_that_grows_for_an_hour_is_found_and_ends_with_a_restart(rounds, world, clock):
    run = rounds()
    for _ in range(61 * 12):
        world.memory += 30e6 / 12
        found = run(5)
    assert found == ["qmt-memory"]
    world.seen = RUNNING._replace(process=PROCESS._replace(pid=11, started=clock.now))
    assert run(5) == []


def test_a_worker_that_replaces_another_goes_on_with_what_that_knew(rounds, world, board):
    world.titles = ("用户登录",)
    rounds()(35)
    assert rounds(before=board.get("health"))(5) == ["qmt-dialog"]


def test_a_lost_child_a_pending_restart_and_a_wrong_clock_are_found(rounds, world):
    world.children = (Child(11, 1001.0, "miniquote.exe"),)
    run = rounds()
    run(70)
    world.children, world.pending, world.offset = (), True, 40.0
    assert run(65) == ["qmt-child", "clock", "clock-far"]
    assert run(300) == ["qmt-child", "clock", "clock-far", "restart-pending"]


def test_an_outbox_that_refuses_for_a_minute_is_found_unless_the_full_disk_says_it_all(rounds, world):
    world.unstored = "发件箱不能写入：请检查它的权限。"
    run = rounds()
    assert run(55) == [] and run(10) == ["outbox"]
    world.disks["home"] = (1, 0)
    assert run(5) == ["disk", "disk-full"]
    world.disks, world.unstored = {}, ""
    assert run(5) == []


def test_the_disk_of_qmt_is_watched_where_it_is_another_one(rounds, world):
    world.disks = {"home": (1, GB), "qmt": (1, GB)}
    assert rounds()(5) == ["disk"]
    world.disks = {"home": (1, 50 * GB), "qmt": (2, GB)}
    assert rounds()(5) == ["qmt-disk"]


def test_how_little_is_little_is_set_in_sentry_ini(rounds, world):
    world.disks = {"home": (1, 4 * GB)}
    assert rounds(host="disk_low = 5")(5) == ["disk"]


def test_the_process_event_carries_the_depth_of_that_process_only(rounds, world, board):
    world.children = (Child(11, 1001.0, "miniquote.exe"),)
    rounds()(5)
    more = health.beyond(board, RUNNING)
    assert more["children"] == [{"name": "miniquote.exe", "pid": 11}]
    assert (more["handles"], more["titles"], more["memory_per_hour"]) == (500.0, ["国金证券QMT交易端"], None)
    assert health.beyond(board, RUNNING._replace(process=PROCESS._replace(pid=99))) == {}


def test_of_a_qmt_that_is_gone_the_event_names_what_it_left_behind(board, monkeypatch):
    board.show(children=(Child(11, 1001.0, "miniquote.exe"),))
    monkeypatch.setattr(health, "still_there", lambda children: [child.name for child in children])
    assert health.beyond(board, Seen(qmt.MISSING)) == {"left": ["miniquote.exe"]}


def test_a_folder_that_is_not_there_has_no_disk(tmp_path):
    assert health.free_of(str(tmp_path / "none")) is None
    assert health.free_of(str(tmp_path))[1] > 0


# The edge, with real processes ---------------------------------------------------------------------------------------

PARENT = """
import subprocess, sys
code = "import time; print(flush=True); time.sleep(120)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.readline()
child.kill()
child.wait()
"""


@pytest.fixture
def family():
    """A process with one child: (process, pid of the child). Both end with the test."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    yield parent, child
    end(parent)


def end(parent):
    if parent.poll() is None:
        parent.communicate(b"\n", 30)


def found_of(pid):
    return Found(pid, qmt_depth.psutil.Process(pid).create_time(), "XtItClient.exe", None, True)


def test_real_children_memory_and_handles_are_seen(family):
    parent, child = family
    asked = []
    looker = DepthLooker(lambda pids: asked.append(set(pids)) or ["a title"])
    seen = looker.look(found_of(parent.pid), 1000.0)
    assert child in [one.pid for one in seen.children]
    assert seen.memory > 0 and seen.cpu is None
    assert sys.platform == "win32" or seen.handles > 0  # Wine does not count those of another process
    assert asked[0] >= {parent.pid, child} and seen.titles == ("a title",)
    assert looker.look(found_of(parent.pid), 1010.0).cpu >= 0.0


def test_a_process_that_is_gone_is_no_error(family):
    parent, child = family
    looker = DepthLooker(lambda pids: [])
    found = found_of(parent.pid)
    left = looker.look(found, 1000.0).children
    assert qmt_depth.still_there([one for one in left if one.pid == child])
    end(parent)
    assert looker.look(found, 1010.0) is None
    assert qmt_depth.still_there([one for one in left if one.pid == child]) == []


def test_everything_below_a_process_is_found_even_in_a_table_with_a_loop():
    table = [(2, 1, "a"), (3, 2, "b"), (4, 9, "c"), (1, 3, "root"), (5, 5, "own parent")]
    assert qmt_depth.below(1, table) == [(2, "a"), (3, "b")]
