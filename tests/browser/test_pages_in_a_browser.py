"""Every page of the receiver with a past behind it, as its owner opens it: on a phone, on a desktop, in both themes."""

import json
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from receiver import receiver as program
from rehearsal import pastyear
from tests.receiver.receiver_bench import PASSWORD, PUSHPLUS, WECOM, at
from tests.receiver.served import Served

DESKTOP, PHONE = (1280, 900), (390, 844)
MORE = "".join(f"[machine:{name}]\ntoken = token-of-{name}-0123456789\n" for name in pastyear.MACHINES[1:])
PAGES = {
    "": "一切正常",
    "trade": "持仓",
    "charts": "配置",
    "day": "时间线",
    "messages": "通道",
    "host": "磁盘余量",
    "machines": "配对码",
}
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A receiver with half a year of three machines; it is 10:40 on a trading day. Nothing in it runs by itself."""
    served = Served(tmp_path_factory.mktemp("past"), channels=WECOM + PUSHPLUS + MORE)
    served.time = at("2026-06-11 10:40:00")
    pastyear.fill(served.config.database, served.time, days=130, minute_days=2)
    yield served
    served.close()


@pytest.fixture
def owner(browser, past, resize):
    """open(page, size, dark): the logged-in owner goes there."""
    browser.get_log("performance"), browser.get_log("browser")

    def go(path="", size=PHONE, dark=False):
        resize(size, dark)
        browser.get(f"{past.url}/{path}")
        if browser.find_elements(By.NAME, "password"):
            browser.find_element(By.NAME, "password").send_keys(PASSWORD + Keys.ENTER)
            wait(browser, lambda b: b.find_elements(By.ID, "live"))
            browser.get(f"{past.url}/{path}")
        return browser

    return go


def wait(browser, condition):
    """A page that is just being left or renewed makes the driver stumble; it is asked again."""
    return WebDriverWait(browser, 30, ignored_exceptions=[WebDriverException]).until(condition)


def text_of(browser):
    return browser.find_element(By.TAG_NAME, "body").text


def hosts_asked(browser):
    """Every host that the browser sent a request to since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in asked} - {""}


def errors_of(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("name", PAGES, ids=lambda name: name or "now")
def test_a_page_fits_phone_and_desktop_asks_nobody_else_and_makes_no_error(owner, past, name, resize, picture):
    browser = owner(name)
    for size, word in ((PHONE, "phone"), (DESKTOP, "desktop")):
        resize(size)
        assert PAGES[name] in text_of(browser)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.execute_script(SMALLEST_CHART_TEXT) >= 11
        picture(f"page-{name or 'now'}-{word}")
    assert browser.find_element(By.CSS_SELECTOR, ".tabs [aria-current=page]").text == program.PAGES[name].title
    assert hosts_asked(browser) <= {urlsplit(past.url).netloc}
    assert errors_of(browser) == []


SMALLEST_CHART_TEXT = """return Math.min(99, ...[...document.querySelectorAll('svg.chart text')].map(
    text => text.getBoundingClientRect().height))"""


def press(browser, text):
    """Clicks the button or link with this text. The page may renew it in that moment, so look anew."""

    def clicked(_):
        found = [e for e in browser.find_elements(By.CSS_SELECTOR, "button, a") if e.text == text]
        if found:
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[0])
            found[0].click()
        return bool(found)

    wait(browser, clicked)


@pytest.fixture
def trouble(past):
    """QMT of the first machine is gone; afterwards it is back."""
    past.post("qmt.process", state="missing", name="XtItClient.exe", change=True)
    past.run(10)
    yield past
    past.post("qmt.process", state="running", name="XtItClient.exe", change=True)
    past.run(5)


def test_trouble_is_read_muted_and_acknowledged_on_the_phone(owner, trouble, picture):
    browser = owner()
    assert "要处理" in text_of(browser)
    lamp = browser.find_element(By.CSS_SELECTOR, ".lamp.down").text
    assert "QMT 进程" in lamp and "中断" in lamp and "10:40 起" in lamp and "见上面的 #" in lamp
    picture("page-now-trouble-phone")
    Select(browser.find_element(By.NAME, "hours")).select_by_visible_text("4 小时")
    press(browser, "先不提醒")
    wait(browser, lambda b: "前不提醒" in text_of(b))
    press(browser, "恢复提醒")
    wait(browser, lambda b: "又会提醒了" in text_of(b))
    press(browser, "知道了")
    wait(browser, lambda b: "恢复前不再提醒" in text_of(b))
    assert trouble.rows("SELECT acknowledged IS NOT NULL, muted_until FROM incident WHERE resolved IS NULL") == [
        (1, None)
    ]
    assert errors_of(browser) == []


def test_a_test_message_is_sent_and_its_delivery_appears_without_a_reload(owner, past):
    browser = owner("messages", DESKTOP)
    press(browser, "发送测试告警")
    wait(browser, lambda b: "测试告警已交给每个通道" in text_of(b))
    assert urlsplit(browser.current_url).path == "/messages"
    newest = "return document.querySelector('.msg').innerText"
    assert "等待发送" in browser.execute_script(newest)
    past.deliver()
    wait(browser, lambda b: "对方已收下" in b.execute_script(newest))


def test_a_past_day_is_opened_by_the_arrow_and_by_its_date(owner, picture):
    browser = owner("day")
    press(browser, "← 前一天")
    wait(browser, lambda b: "2026-06-10 周三" in text_of(b))
    browser.execute_script("document.querySelector('input[type=date]').value = '2026-03-05'")
    press(browser, "查看")
    wait(browser, lambda b: "2026-03-05 周四" in text_of(b))
    assert "卖" in text_of(browser) and browser.find_elements(By.CSS_SELECTOR, "svg.chart path.l0")
    picture("page-day-past-phone")


def test_both_themes_are_drawn_and_the_charts_follow(owner, resize, picture):
    browser = owner("charts")
    colours = """return ['body', '.card', '.chart .l0', '.chart text'].map(function (name) {
        const style = getComputedStyle(document.querySelector(name));
        return style.backgroundColor + style.stroke + style.fill + style.color })"""
    light = browser.execute_script(colours)
    resize(PHONE, True)
    dark = browser.execute_script(colours)
    assert all(one != other for one, other in zip(light, dark))
    picture("page-charts-phone-dark")
    owner("", DESKTOP, True)
    picture("page-now-desktop-dark")


def test_the_keyboard_reaches_every_page_and_the_focus_stays_where_it_is(owner, past):
    browser = owner("messages")
    active = browser.switch_to
    active.active_element.send_keys(Keys.TAB)
    assert active.active_element.text == "跳到内容"
    reached = []
    for _ in program.PAGES:
        active.active_element.send_keys(Keys.TAB)
        reached.append(active.active_element.text)
    assert reached == [kind.title for kind in program.PAGES.values()]
    ring = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.execute_script(ring) == "solid"
    button = next(e for e in browser.find_elements(By.TAG_NAME, "button") if e.text == "发送测试告警")
    browser.execute_script("arguments[0].focus()", button)
    past.time += 1
    wait(
        browser,
        lambda b: "10:40" in text_of(b) and b.find_element(By.CSS_SELECTOR, "header p").text.endswith(now_text(past)),
    )
    assert active.active_element.text == "发送测试告警"


def now_text(past):
    return program.clock(past.time, past.time)


def test_without_script_the_pages_say_the_same(browser, owner):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        owner("trade")
        assert "持仓" in text_of(browser) and "中证500ETF" in text_of(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
