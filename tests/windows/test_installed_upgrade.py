"""Setup over an installed program: upgrade, a new version that is broken, an older one; and the uninstaller."""

import os
import shutil
import subprocess

import pytest

from installer import build, wine_desktop
from tests.windows.installed_copy import RUN_KEY, UNINSTALL_KEY, wait_until
from tray_app import VERSION

FULL = bool(os.environ.get("QMT_SENTRY_FULL"))
OLDER, NEWER = "0.0.1", "9.9.9"
DOWNGRADE_REFUSED, SELFTEST_FAILED = 3, 4
ENDS_WITH_1 = "int main(void) { return 1; }\n"


@pytest.fixture(scope="module")
def older(built, tmp_path_factory):
    """The same program as an older version's setup."""
    file = tmp_path_factory.mktemp("older") / "older-setup.exe"
    build.make_setup(build.app_folder(built), file, OLDER, fast=True)
    return file


@pytest.fixture(scope="module")
def broken(built, tmp_path_factory):
    """A newer version's setup whose program fails in its self-test."""
    folder = tmp_path_factory.mktemp("broken")
    app = folder / "QMTSentry"
    shutil.copytree(str(build.app_folder(built)), str(app))
    (folder / "build").mkdir()
    shutil.copy2(str(build.app_folder(built).parent / "build" / "QMTSentry.ico"), str(folder / "build"))
    (folder / "fail.c").write_text(ENDS_WITH_1, encoding="ascii")
    compiler = ["x86_64-w64-mingw32-gcc", "-mwindows", "-o", str(app / "QMTSentry.exe"), str(folder / "fail.c")]
    subprocess.run(compiler, check=True, timeout=60)
    build.make_setup(app, folder / "broken-setup.exe", NEWER, fast=True)
    return folder / "broken-setup.exe"


def waiting_posts(home):
    from tests.tray_app.helpers import kinds

    return kinds(home / "outbox.db")


def test_an_upgrade_of_a_running_older_version_keeps_settings_and_unsent_posts(installed, older):
    assert installed.setup("/DOWNGRADE", file=older) == 0
    assert installed.registry(UNINSTALL_KEY, "DisplayVersion") == OLDER
    ini = installed.home / "sentry.ini"
    mine = ini.read_text(encoding="utf-8").replace("ready_at = 09:25", "ready_at = 09:20") + "; 我的一行\n"
    ini.write_text(mine, encoding="utf-8", newline="")
    wait_until(lambda: (installed.home / "outbox.db").exists() and "host.started" in waiting_posts(installed.home))
    before = installed.pids()
    assert len(before) == 1
    assert installed.setup() == 0
    assert installed.registry(UNINSTALL_KEY, "DisplayVersion") == VERSION
    assert ini.read_text(encoding="utf-8") == mine
    assert "host.started" in waiting_posts(installed.home)
    wait_until(lambda: len(installed.pids()) == 1 and installed.pids() != before)
    assert not (installed.root / "previous").exists() and not (installed.root / "next").exists()


def test_a_new_version_whose_selftest_fails_is_rolled_back_and_the_old_one_runs(installed, broken):
    size = installed.exe.stat().st_size
    assert installed.setup(file=broken) == SELFTEST_FAILED
    assert installed.exe.stat().st_size == size
    assert installed.registry(UNINSTALL_KEY, "DisplayVersion") == VERSION
    assert installed.registry(RUN_KEY, "QMTSentry")
    wait_until(lambda: len(installed.pids()) == 1)


def test_an_older_version_is_refused(installed, older):
    assert installed.setup(file=older) == DOWNGRADE_REFUSED
    assert installed.registry(UNINSTALL_KEY, "DisplayVersion") == VERSION


@pytest.mark.skipif(not FULL, reason="long form only: it waits for an answer that does not come")
def test_a_copy_that_does_not_answer_is_killed_by_its_path(installed, tmp_path):
    """An old program that knows no --shutdown: any exe at the program's place that runs and runs."""
    source = tmp_path / "deaf.c"
    source.write_text("#include <windows.h>\nint main(void) { Sleep(INFINITE); return 0; }\n", encoding="ascii")
    deaf = tmp_path / "deaf.exe"
    subprocess.run(["x86_64-w64-mingw32-gcc", "-mwindows", "-o", str(deaf), str(source)], check=True, timeout=60)
    shutil.copy2(str(deaf), str(installed.exe))
    with installed.start():
        wait_until(lambda: len(installed.pids()) == 1)
        deaf_pid = installed.pids()
        assert installed.setup() == 0
        assert not set(deaf_pid) & set(installed.pids())


def test_the_package_goes_into_the_qmt_that_is_named_and_the_uninstaller_leaves_nothing_but_the_data(
    installed, tmp_path
):
    qmt = tmp_path / "国金 QMT 交易端"
    (qmt / "bin.x64").mkdir(parents=True)
    (qmt / "bin.x64" / "XtItClient.exe").write_bytes(b"")
    assert installed.setup("/QMT=" + wine_desktop.windows_path(qmt)) == 0
    package = qmt / "bin.x64" / "Lib" / "site-packages" / "dingtou"
    source = installed.root / "app" / "qmt" / "dingtou"
    assert {file.name for file in source.iterdir()} < {file.name for file in package.iterdir()}
    assert "folder = " + wine_desktop.windows_path(qmt) in (installed.home / "sentry.ini").read_text(encoding="utf-8")
    wait_until(lambda: (installed.home / "outbox.db").exists())
    installed.uninstall()
    assert installed.pids() == []
    assert installed.registry(RUN_KEY, "QMTSentry") is None
    assert not installed.menu.exists()
    assert not package.exists()
    assert (installed.home / "sentry.ini").exists() and (installed.home / "outbox.db").exists()


@pytest.mark.skipif(not FULL, reason="long form only: it installs once more")
def test_with_purge_the_uninstaller_takes_the_data_as_well(installed):
    installed.uninstall("/PURGE")
    assert not installed.home.exists()
