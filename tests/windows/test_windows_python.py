"""The Windows Python itself: that it is the official one, and that what the tray needs works in it."""

import pytest

from installer import py38_folder, windows_python

IMPORTS = "pystray._win32, PIL.Image, psutil, requests, bottle, cheroot.wsgi, pytest, hypothesis, ssl, sqlite3, ctypes"


def run(windows, code, **options):
    done = windows.run(["-c", code], timeout=60, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def test_it_is_the_official_build_of_3_8_10(windows):
    version = run(windows, "import sys; print(sys.platform, sys.version)")
    assert version.startswith("win32 3.8.10 (tags/v3.8.10:3d8993a") and "MSC" in version


def test_everything_that_the_tray_imports_loads(windows):
    run(windows, f"import {IMPORTS}")


def test_sqlite_keeps_a_write_ahead_log_with_full_sync_in_a_chinese_folder(windows, tmp_path):
    code = (
        "import sqlite3; db = sqlite3.connect('出箱.db'); "
        "print(db.execute('pragma journal_mode=wal').fetchone()[0], db.execute('pragma synchronous').fetchone()[0])"
    )
    assert run(windows, code, cwd=tmp_path) == "wal 2"


def test_the_home_folder_arrives_as_a_windows_path(windows, tmp_path):
    code = "import os; print(os.path.isdir(os.environ['QMT_SENTRY_HOME']), os.environ['QMT_SENTRY_HOME'][:2])"
    assert run(windows, code, home=tmp_path) == "True Z:"


def test_an_exit_code_comes_back(windows):
    assert windows.run(["-c", "raise SystemExit(7)"], timeout=60).returncode == 7


def test_nothing_of_our_own_python_settings_leaks_in(windows, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/leaked")
    assert "leaked" not in run(windows, "import sys; print(sys.path)")


def test_a_second_preparation_of_the_same_folder_makes_nothing_again(windows, monkeypatch):
    monkeypatch.setattr(windows_python, "_build", lambda *unused: pytest.fail("built again"))
    windows_python.prepare(windows.folder, use_apt=False)


def test_wheels_are_pinned_as_in_requirements():
    text = "".join(f"{name}==1.0\n" for name in py38_folder.FROM_REQUIREMENTS) + 'other==2; python_version >= "3.9"\n'
    wheels = py38_folder.pinned_wheels(text)
    assert "psutil==1.0" in wheels and not any("other" in wheel for wheel in wheels)


def test_a_pin_that_is_missing_in_requirements_is_named():
    with pytest.raises(py38_folder.SetupError, match="psutil"):
        py38_folder.pinned_wheels("".join(f"{n}==1.0\n" for n in py38_folder.FROM_REQUIREMENTS if n != "psutil"))
