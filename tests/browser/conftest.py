"""A headless Chromium (Debian's, with its driver), and the whole chain running for it to look at."""

import io
import os
import shutil
from pathlib import Path

import pytest

from rehearsal import rehearse
from rehearsal.road import Road

PHONE = (390, 844)  # CSS pixels, as phones of these years have
DESKTOP = (1280, 900)
TALLEST = {True: 1500, False: 1150}  # CSS pixels of a phone's picture, and of a desktop's
BROWSER_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=zh-CN",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A selenium driver. Skipped without Chromium; under CI that is a failure."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        reason = "needs Debian's packages chromium and chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    running = webdriver.Chrome(options=options, service=service)
    running.set_page_load_timeout(30)
    yield running
    running.quit()


@pytest.fixture(scope="session")
def road(tmp_path_factory):
    with Road(tmp_path_factory.mktemp("road"), times=rehearse.TIMES, trade=rehearse.trade_settings(None, 60)) as road:
        road.set_clock(rehearse.SHORT.clock)  # the exchange is open then
        yield road.start()


@pytest.fixture
def shot(browser):
    """shot(name): a picture of the page, into docs/img when QMT_SENTRY_SCREENSHOTS names that folder."""
    folder = os.environ.get("QMT_SENTRY_SCREENSHOTS")

    def take(name):
        if folder:
            shrink(browser.get_screenshot_as_png(), Path(folder) / f"{name}.png")

    return take


@pytest.fixture
def resize(browser):
    """resize((width, height), dark=False): a phone's or a desktop's viewport and colour scheme."""

    def apply(size, dark=False):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2, "mobile": size == PHONE}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    return apply


@pytest.fixture
def picture(browser):
    """picture(name): the whole page, small enough for docs/img, where QMT_SENTRY_SCREENSHOTS names that folder."""
    folder = os.environ.get("QMT_SENTRY_SCREENSHOTS")

    def take(name):
        if not folder:
            return
        size = browser.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
        metrics = {
            "width": size[0],
            "height": min(size[1], TALLEST[size[0] < 600]),
            "deviceScaleFactor": 1.25,
            "mobile": False,
        }
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        shrink(browser.get_screenshot_as_png(), Path(folder) / f"{name}.png")

    return take


def shrink(png, path):
    """Saves a picture with few colours: a page has no more."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(144, kmeans=1).save(path, optimize=True)
