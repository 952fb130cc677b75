"""The status page and the simulated phone, opened as their reader opens them."""

import json
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

DESKTOP, PHONE = (1280, 900), (390, 844)
pytestmark = pytest.mark.browser


def page_text(browser):
    return browser.find_element(By.TAG_NAME, "body").text


def wait_for_text(browser, text, seconds=30):
    # The page renews its own content, so an element may be gone between finding and reading it.
    waiting = WebDriverWait(browser, seconds, ignored_exceptions=[StaleElementReferenceException])
    waiting.until(lambda b: text in page_text(b), f"{text!r} did not appear")


def log_in(browser, road):
    browser.get(road.receiver_url + "/")
    if browser.find_elements(By.NAME, "password"):
        browser.find_element(By.NAME, "password").send_keys(road.password)
        browser.find_element(By.CSS_SELECTOR, "form button, form input[type=submit]").click()


def hosts_asked(browser):
    """Every host that the browser sent a request to since the last call."""
    hosts = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            hosts.add(urlsplit(message["params"]["request"]["url"]).netloc)
    return {host for host in hosts if host}


def console_errors(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_stranger_sees_only_the_login(browser, road, resize):
    browser.delete_all_cookies()
    resize(PHONE)
    browser.get(road.receiver_url + "/")
    assert browser.find_elements(By.NAME, "password")
    assert "总资产" not in page_text(browser)


def test_the_page_shows_lamps_account_and_the_strategys_orders_at_phone_width(browser, road, resize, shot):
    resize(PHONE)
    browser.get_log("performance"), browser.get_log("browser")
    log_in(browser, road)
    wait_for_text(browser, "一切正常", 60)
    wait_for_text(browser, "总资产", 60)
    wait_for_text(browser, "实盘", 60)
    shot("status-phone")
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    browser.get(road.receiver_url + "/trade")
    wait_for_text(browser, "策略的委托", 90)
    wait_for_text(browser, "已成交", 60)
    assert hosts_asked(browser) <= {urlsplit(road.receiver_url).netloc}
    assert console_errors(browser) == []


def test_the_page_has_a_dark_side_and_a_desktop_width(browser, road, resize, shot):
    log_in(browser, road)
    resize(PHONE, dark=True)
    shot("status-phone-dark")
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    resize(PHONE, dark=False)
    assert background != browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    resize(DESKTOP)
    shot("status-desktop")


def test_trouble_shows_on_the_page_and_on_the_phone(browser, road, resize, shot):
    log_in(browser, road)
    resize(PHONE)
    road.qmt.kill()
    wait_for_text(browser, "不在运行", 30)  # the page refreshes itself
    shot("status-phone-trouble")
    browser.get(road.phone_url + "/")
    wait_for_text(browser, "QMT 不在运行", 30)
    road.start_qmt()
    wait_for_text(browser, "已恢复", 60)
    shot("phone")
    assert console_errors(browser) == []


def test_the_page_stays_small(browser, road):
    log_in(browser, road)
    size = browser.execute_async_script(
        "const done = arguments[0]; fetch('/').then(r => r.arrayBuffer()).then(b => done(b.byteLength))"
    )
    assert 1000 < size < 60_000
