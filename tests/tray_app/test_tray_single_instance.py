"""One program per home folder."""

import subprocess
import sys
from pathlib import Path

from tray_app import single_instance

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tray_app.home import Home
from tray_app import single_instance
home = Home(Path(sys.argv[2]))
held = single_instance.acquire(home.root, home.lock)
print("held" if held else "refused", flush=True)
sys.stdin.readline()
"""


def test_a_second_program_is_refused_until_the_first_ends_even_by_a_kill(home):
    command = [sys.executable, "-c", HOLDER, str(ROOT), str(home.root)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline().strip() == b"held"
        assert single_instance.acquire(home.root, home.lock) is None
    finally:
        holder.kill()
        holder.communicate(timeout=30)
    held = single_instance.acquire(home.root, home.lock)
    assert held is not None
    held.release()


def test_another_home_is_another_program(home, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    one = single_instance.acquire(home.root, home.lock)
    two = single_instance.acquire(other, other / "lock")
    assert one is not None and two is not None
    one.release()
    two.release()


def test_a_released_home_can_be_taken_again(home):
    single_instance.acquire(home.root, home.lock).release()
    held = single_instance.acquire(home.root, home.lock)
    assert held is not None
    held.release()


def test_the_mutex_of_a_home_keeps_its_name(home):
    assert single_instance.mutex_name(home.root) == single_instance.mutex_name(home.root / "spool" / "..")
    assert single_instance.mutex_name(home.root) != single_instance.mutex_name(home.spool)
