"""Setup with its windows, in Chinese, by mouse and keyboard: 安装, paste the code, 下一步."""

import os

import pytest

from installer import build
from installer.windows_program import WindowsProgram
from tests.windows.installed_copy import wait_until

FULL = bool(os.environ.get("QMT_SENTRY_FULL"))
PICTURES = build.REPO / "docs" / "img" if os.environ.get("QMT_SENTRY_KEEP") else build.REPO / ".run" / "installed"
WINDOW = (226, 164, 572, 440)
FIELD = (500, 360, 100, 15)  # inside the pairing page's field; white on the first page, grey on the second
NEXT = (643, 563)
SECONDS = 120


def is_white(pixels):
    return set(pixels) == {255}


@pytest.mark.skipif(not FULL, reason="long form only: setup with its windows")
def test_three_clicks_and_a_pasted_code_install_and_pair(installed, secure_receiver):
    desktop = installed.windows.desktop
    installed.uninstall()
    env = {**desktop.env, "LC_ALL": "zh_CN.UTF-8"}
    command = ["wine", str(build.setup_file(installed.out))]
    with WindowsProgram(command, env, build.REPO, False) as setup:
        wait_until(lambda: is_white(desktop.pixels(*FIELD)), SECONDS)
        desktop.photograph(PICTURES / "windows-setup.png", WINDOW)
        desktop.press("Return")
        wait_until(lambda: not is_white(desktop.pixels(*FIELD)), SECONDS)
        wait_until(lambda: is_white(desktop.pixels(*FIELD)), SECONDS)
        desktop.click(FIELD[0], FIELD[1])
        desktop.type(secure_receiver.code)
        desktop.photograph(PICTURES / "windows-setup-pairing.png", WINDOW)
        desktop.click(*NEXT)
        wait_until(lambda: any(event["kind"] == "host.heartbeat" for event in secure_receiver.stored()), SECONDS)
        assert setup.running(), "the last page is for the user to close"
    installed.last_setup = build.setup_file(installed.out)
