"""The Win32 calls of tray_app/winapi.py, seen from another process under Wine."""

from pathlib import Path

import pytest

from installer import wine_desktop

START = 60.0  # seconds for a program to come up
WINDOW = Path(__file__).resolve().parent / "freezing_window.py"


@pytest.fixture
def window(windows, tmp_path):
    """A process with one window, "QMT 交易端", listed as XtItClient.exe."""
    exe = windows.stand_in(tmp_path / "QMT", "XtItClient.exe")
    with windows.start([wine_desktop.windows_path(WINDOW)], exe=exe) as program:
        assert program.wait_for("up", START), program.output()
        yield program


PRINT_TITLES = """
from tray_app import winapi
found = [process for process in winapi.processes() if process.name == "XtItClient.exe"]
assert len(found) == 1, found
assert (found[0].pid, found[0].name) in winapi.process_names()
print("titles:", winapi.window_titles([found[0].pid]), winapi.window_titles([0xFFFFFFF0]))
"""


def test_titles_of_a_process_are_read_even_while_it_hangs(windows, window):
    assert titles(windows) == "titles: ['QMT 交易端'] []"
    window.type_line("freeze")
    assert window.wait_for("frozen", START), window.output()
    assert titles(windows) == "titles: ['QMT 交易端'] []"


PRINT_WALKS = """
from tray_app import winapi
walk, walks = winapi._EnumWindows, []
winapi._EnumWindows = lambda *arguments: walks.append(1) or walk(*arguments)
titles = winapi.window_titles([process.pid for process in winapi.processes()])
print(titles.count("QMT 交易端"), len(walks))
"""


def test_however_many_processes_are_asked_for_the_windows_are_walked_once(windows, window):
    done = windows.run(["-c", PRINT_WALKS], timeout=START)
    assert done.stdout.strip() == "1 1", done.stdout


PRINT_CHILD = """
import os, subprocess, sys
from tray_app import winapi
with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
    print((child.pid, os.getpid(), "python.exe") in winapi.processes())
    child.communicate(b"\\n", timeout=60)
"""


def test_the_list_of_processes_names_each_ones_parent(windows):
    done = windows.run(["-c", PRINT_CHILD], timeout=START)
    assert done.stdout.strip() == "True"


def titles(windows):
    done = windows.run(["-c", PRINT_TITLES], timeout=START)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()
