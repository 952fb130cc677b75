"""The log file: rotated, and nothing lost while another program holds it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tray_app import logs


@pytest.fixture
def handler(tmp_path):
    made = logs.TolerantHandler(str(tmp_path / "tray.log"), maxBytes=100, backupCount=3, encoding="utf-8", delay=True)
    yield made
    made.close()


def say(handler, text):
    handler.emit(logging.LogRecord("x", logging.INFO, "x", 1, text.ljust(80, "."), None, None))


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8").rstrip(".\n") for path in folder.iterdir()}


def test_a_full_log_moves_up_and_the_oldest_goes(handler, tmp_path):
    for n in range(6):
        say(handler, str(n))
    assert contents(tmp_path) == {"tray.log": "5", "tray.log.1": "4", "tray.log.2": "3", "tray.log.3": "2"}


@pytest.mark.parametrize("held", ["tray.log", "tray.log.1", "tray.log.2"])
def test_while_a_file_is_held_no_old_one_is_lost_and_lines_go_on(handler, tmp_path, monkeypatch, held):
    for n in range(4):
        say(handler, str(n))
    replace, tries = os.replace, []

    def refuse(source, target):
        if os.path.basename(source) == held:
            tries.append(source)
            raise PermissionError(13, "sharing violation")
        replace(source, target)

    monkeypatch.setattr(logs.os, "replace", refuse)
    for n in range(5):
        say(handler, "held" + str(n))
    assert len(tries) == 1  # not at each line
    for _ in range(3):
        handler._rotate_from = 0.0
        say(handler, "later")
    found = contents(tmp_path)
    assert "1" in found.values() and "2" in found.values()
    assert "held4" in found["tray.log"] and found["tray.log"].startswith("3")


def test_once_the_file_is_free_it_is_rotated_again(handler, tmp_path, monkeypatch):
    say(handler, "first")
    with monkeypatch.context() as patch:
        patch.setattr(logs.os, "replace", lambda source, target: os.stat("/no/such/file"))
        say(handler, "second")
    handler._rotate_from = 0.0
    say(handler, "third")
    assert set(contents(tmp_path)) == {"tray.log", "tray.log.1"}


DIES = """
import ctypes, sys
from pathlib import Path
from tray_app import logs
logs.keep_fatal(Path(sys.argv[1]))
ctypes.string_at(0)
"""


def test_a_death_in_a_library_leaves_its_stack_in_a_file(tmp_path):
    root = Path(logs.__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], cwd=str(root), timeout=60)
    assert done.returncode != 0
    text = (tmp_path / logs.FATAL).read_text(encoding="utf-8")
    assert "string_at" in text


BROKEN = """
import sys
sys.modules["psutil"] = None  # as where its DLL is missing
sys.argv = ["tray_app"]
from tray_app import __main__ as start
sys.exit(start.start())
"""


def test_a_program_with_a_part_missing_ends_with_1_says_so_and_logs_it(tmp_path):
    root = Path(logs.__file__).resolve().parents[1]
    (tmp_path / "logs").mkdir()
    environ = {**os.environ, "QMT_SENTRY_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], cwd=str(root), env=environ, stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == 1
    assert "重新运行安装程序" in done.stdout.decode("utf-8")
    assert "psutil" in (tmp_path / "logs" / "tray.log").read_text(encoding="utf-8")
