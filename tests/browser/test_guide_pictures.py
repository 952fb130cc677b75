"""What docs/guide shows of phone and browser, as it looks today; `python3 run.py pictures` keeps it in docs/img."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from receiver import receiver as program
from rehearsal import rehearse
from rehearsal.phone.server import Phone
from rehearsal.road import ROOT, Road, read_ini, write_ini
from tests.browser.conftest import shrink
from tests.receiver.receiver_bench import write_ini as write_receiver_ini

FOLDER = os.environ.get("QMT_SENTRY_SCREENSHOTS")
WIDTH, MARGIN = 390, 8  # CSS pixels
KEY, TOKEN, MAIL, CODE = "the-key", "the-token", "12345@qq.com", "the-code"
CHANNELS = """
[channel:wecom]
type = wecom
url = http://127.0.0.1:{http}/cgi-bin/webhook/send
key = the-key
[channel:pushplus]
type = pushplus
url = http://127.0.0.1:{http}/send
token = the-token
[channel:mail]
type = smtp
host = 127.0.0.1
port = {smtp}
security = none
user = 12345@qq.com
password = the-code
from = 12345@qq.com
to = 12345@qq.com
"""
pytestmark = pytest.mark.browser


@pytest.fixture
def picture_until(browser):
    """picture_until(name, selector, width, scale): the page from its top to the end of the last such element."""

    def take(name, selector, width=WIDTH, scale=1.5):
        if not FOLDER:
            return
        metrics = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        end = browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].pop().getBoundingClientRect().bottom", selector
        )
        metrics["height"] = int(end) + MARGIN
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        shrink(browser.get_screenshot_as_png(), Path(FOLDER) / f"{name}.png")

    return take


def titles(browser):
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, "article h2")]


def test_the_test_alert_stands_on_the_phone_once_for_each_channel(tmp_path, browser, picture_until):
    phone = Phone(KEY, TOKEN, MAIL, CODE)
    try:
        channels = CHANNELS.format(http=phone.http_port, smtp=phone.smtp_port)
        ini = write_receiver_ini(tmp_path, channels=channels, public_url="https://203.0.113.9:8780")
        command = [sys.executable, str(ROOT / "receiver" / "receiver.py"), "test-alert", "--config", str(ini)]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
        browser.get(f"http://127.0.0.1:{phone.http_port}/")
        WebDriverWait(browser, 30).until(lambda b: len(titles(b)) == 3)
        assert set(titles(browser)) == {"🔔 测试告警"}
        picture_until("guide-test-alert", "article")
    finally:
        phone.close()


def test_the_page_about_importing_fits_a_narrow_window(browser, picture_until, resize):
    browser.get((ROOT / "installer" / "import-into-qmt.html").as_uri())
    resize((640, 900))
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert [heading.text[:1] for heading in browser.find_elements(By.TAG_NAME, "h2")] == list("一二三四")
    picture_until("guide-import", "ul", width=640, scale=1.25)


class TradingDay(Road):
    """The rehearsal's road on the newest trading day on which the receiver did not ask for next year's holidays yet;
    with one channel and one word of the day."""

    def __init__(self, folder, clock, word):
        trade = rehearse.trade_settings(None, 60)
        super().__init__(folder, times=dict(rehearse.TIMES, tick=3.0), channels=("wecom",), trade=trade)
        self.word = word
        days = program.make_calendar(program.load_config(write_receiver_ini(self.folder)))
        days_ago = 0
        self.set_clock(clock)
        while not days.trades_on(self.now()) or days.coverage_warning(self.now()):
            days_ago += 1
            self.set_clock(clock, days_ago)

    def write_receiver_ini(self):
        super().write_receiver_ini()
        ini = read_ini(self.receiver_ini)
        ini.read_dict({"calendar": {**self.word, "every_day": "no"}})
        write_ini(ini, self.receiver_ini)


@pytest.mark.skipif(not FOLDER, reason="makes pictures only: it waits for the minute of the daily word, 15 minutes")
@pytest.mark.parametrize(
    "name, clock, word, title",
    [
        ("guide-ready", "09:23:30", {"ready_at": "09:25"}, "准备好了，可以交易"),
        ("guide-report", "14:52:00", {"report_at": "15:05"}, "收盘小结"),  # there still are orders then
    ],
)
def test_the_word_of_the_morning_and_of_the_evening(tmp_path, browser, picture_until, name, clock, word, title):
    with TradingDay(tmp_path / "road", clock, word) as road:
        road.start()
        browser.get(road.phone_url)
        WebDriverWait(browser, 1200).until(lambda b: any(title in one for one in titles(b)), f"no {title}")
        assert title in titles(browser)[0]
        picture_until(name, "article:first-child")
