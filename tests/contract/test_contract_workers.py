"""Section 3, host.heartbeat: each part of the tray that may stop has a name of its own on the receiver's page."""

from receiver import receiver
from tests.tray_app.helpers import settings
from tray_app.app import TrayApp
from tray_app.home import Home


def test_the_page_has_words_for_every_part_of_the_tray_and_no_other(tmp_path):
    home = Home(tmp_path / "home")
    home.make_folders()
    webhook = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k"
    app = TrayApp(home, settings(inbox="port = 0\ntoken = x", last_resort=f"webhook = {webhook}"))
    assert {worker.name for worker in app.parts.all} == set(receiver.WORKER_WORDS)
