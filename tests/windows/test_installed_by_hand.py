"""Setup with its windows, in Chinese, by mouse and keyboard: 安装, paste the code, 下一步; then 检查设置."""

import os
import shutil
import time

import pytest

from installer import build
from installer.windows_program import WindowsProgram
from rehearsal.phone.server import Phone
from rehearsal.road import read_ini, write_ini
from tests.windows.installed_copy import wait_until
from tests.windows.secure_receiver import SecureReceiver

FULL = bool(os.environ.get("QMT_SENTRY_FULL"))
PICTURES = build.REPO / "docs" / "img" if os.environ.get("QMT_SENTRY_KEEP") else build.REPO / ".run" / "installed"
WINDOW = (226, 164, 572, 440)
FIELD = (500, 360, 100, 15)  # inside the pairing page's field; white on the first page, grey on the second
NEXT = (643, 563)
DOCTOR = (252, 204, 520, 360)
SECONDS = 120


def is_white(pixels):
    return set(pixels) == {255}


@pytest.fixture
def receiver_with_a_phone(tmp_path):
    phone = Phone("the-key", "the-token", "me@example.com", "the-code")
    made = SecureReceiver(tmp_path / "vps")
    ini = read_ini(made.ini)
    url = f"http://127.0.0.1:{phone.http_port}/cgi-bin/webhook/send"
    ini.read_dict({"channel:wecom": {"type": "wecom", "url": url, "key": "the-key"}})
    write_ini(ini, made.ini)
    with made:
        yield made
    phone.close()


@pytest.fixture
def qmt_folder(installed):
    """A QMT where setup looks for one, installed but not running."""
    folder = installed.prefix / "drive_c" / "QMT"
    (folder / "bin.x64").mkdir(parents=True)
    (folder / "bin.x64" / "XtItClient.exe").write_bytes(b"MZ")
    yield folder
    shutil.rmtree(str(folder))


def is_still(desktop, area):
    """Nothing is being drawn there just now: a window comes in several strokes."""
    before = desktop.pixels(*area)
    time.sleep(0.5)
    return desktop.pixels(*area) == before


def photograph_doctor(installed, env):
    """By `start`, as the start menu does it: without a console, so that it answers in a window."""
    desktop = installed.windows.desktop
    empty = desktop.pixels(*DOCTOR)
    command = ["wine", "start", "/unix", str(installed.exe), "--doctor"]
    with WindowsProgram(command, env, build.REPO, False):
        wait_until(lambda: desktop.pixels(*DOCTOR) != empty and is_still(desktop, DOCTOR), SECONDS)
        desktop.photograph(PICTURES / "guide-doctor.png", DOCTOR)
    desktop.press("Return")
    wait_until(lambda: desktop.pixels(*DOCTOR) == empty, SECONDS)


@pytest.mark.skipif(not FULL, reason="long form only: setup with its windows")
def test_three_clicks_and_a_pasted_code_install_and_pair(installed, receiver_with_a_phone, qmt_folder):
    desktop = installed.windows.desktop
    installed.uninstall("/PURGE")  # a newcomer has no settings
    env = {**desktop.env, "LC_ALL": "zh_CN.UTF-8"}
    command = ["wine", str(build.setup_file(installed.out))]
    with WindowsProgram(command, env, build.REPO, False) as setup:
        wait_until(lambda: is_white(desktop.pixels(*FIELD)), SECONDS)
        desktop.photograph(PICTURES / "windows-setup.png", WINDOW)
        desktop.press("Return")
        wait_until(lambda: not is_white(desktop.pixels(*FIELD)), SECONDS)
        wait_until(lambda: is_white(desktop.pixels(*FIELD)), SECONDS)
        desktop.click(FIELD[0], FIELD[1])
        desktop.type(receiver_with_a_phone.code)
        desktop.photograph(PICTURES / "windows-setup-pairing.png", WINDOW)
        desktop.click(*NEXT)
        wait_until(lambda: any(event["kind"] == "host.heartbeat" for event in receiver_with_a_phone.stored()), SECONDS)
        assert setup.running(), "the last page is for the user to close"
    installed.last_setup = build.setup_file(installed.out)
    assert (qmt_folder / "bin.x64" / "Lib" / "site-packages" / "dingtou").is_dir()
    photograph_doctor(installed, env)
    assert "没有要改的地方。" in (installed.home / "doctor.txt").read_text(encoding="utf-8")
