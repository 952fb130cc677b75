"""Nothing that a machine sends, a vendor answers or a stranger asks for becomes markup, a script or a click."""

import re

import pytest
import requests

from receiver import receiver as program
from receiver.receiver import Never
from tests.receiver.receiver_bench import event

XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{7*7}}"
ADDRESSES = ["/", "/trade", "/day", "/messages", "/host", "/machines"]
ADDRESSES += [f"/charts?r={span}" for span in program.RANGES]
ROW_KEYS = (
    "代码", "名称", "买卖", "状态", "时间", "日期", "账号",
    "总资产", "可用金额", "总市值", "总盈亏", "盈亏", "市值", "股数",
    "成本价", "最新价", "委托价", "委托量", "成交量", "成交均价", "成交额", "订单编号", "合同编号", "原因", "投资备注",
)  # fmt: skip


@pytest.fixture
def owner(served):
    with requests.Session() as session:
        served.log_in(session)
        yield session


def poison(served):
    """A hostile text in every field of every kind that a page shows, also beside values that get it drawn."""
    rows = [{**dict.fromkeys(ROW_KEYS, XSS), **more} for more in ({}, {"市值": 5.0, "最新价": 1.0}, {"总资产": 9.0})]
    tables = dict.fromkeys(("accounts", "positions", "orders", "deals"), rows)
    chart = f"date,close,average,lower,upper\n20260102,1,1,1,1\n{XSS},1,1,1,1\n20260104,{XSS},1,1,1\n"
    file = {"sha256": "x", "content": chart, "source": XSS}
    served.batch(event("file", served.time, name="chart-510300.csv", **file))
    served.batch(event("file", served.time, name=f"chart-{XSS}.csv", **file))
    beat = {"workers": {XSS: 100}, "limits": {XSS: 1}, "restarts": {XSS: XSS}, "outbox": {"dropped": XSS}}
    for _ in range(3):
        served.time += 60
        served.post("host.heartbeat", cpu=XSS, memory=1.0, boot_at=XSS, clock_offset=XSS, version=XSS, **beat)
        served.post("qmt.heartbeat", strategy=XSS[:80], tick_at=XSS, tick_code=XSS, logged_in=XSS, **tables)
    served.post("qmt.process", state="missing", name=XSS, path=XSS, rss=XSS)
    served.post("order.state", state="rejected", flag=XSS, code=XSS, name=XSS, side=XSS, shares=XSS, reason=XSS)
    served.post("order.state", state="filled", flag="20260105-510300-B-01", name=XSS, filled=1, shares=1)
    served.post("strategy.error", strategy=XSS, where=XSS, traceback=XSS)
    served.post("strategy.notice", strategy=XSS, what="fill", text=XSS)
    served.post("qmt.log", pattern=XSS, line=XSS, file=XSS)
    served.post("host.trouble", what=XSS, code=XSS)
    served.post("host.started", reason=XSS, version=XSS)
    served.post("host.paused", until=XSS)
    served.post("host.stopping", reason=XSS)
    served.phones["wecom"].answers = [Never(XSS)]
    served.run(10)


def test_no_text_of_a_machine_or_a_vendor_is_markup_on_any_page(served, owner):
    poison(served)
    for address in ADDRESSES:
        text = owner.get(served.url + address, timeout=30).text
        fragment = owner.get(served.url + "/fragment?page=" + address[1:].replace("?", "&"), timeout=30).text
        for found in (text, fragment):
            assert "<script>alert" not in found and "<img" not in found
            assert not re.search(r"<[^>]*\son\w+=", found)
        assert "&lt;script&gt;" in text or address == "/machines", address


@pytest.mark.parametrize("key", [*program.QUERY_WORDS, "said", "page"])
def test_no_word_of_an_address_is_markup(served, owner, key):
    served.alive()
    for address in ADDRESSES:
        answer = owner.get(served.url + address, params={key: XSS}, timeout=30)
        assert answer.status_code == 200
        assert "alert(" not in answer.text


def test_every_page_has_strict_headers_and_asks_nobody_else(served, owner):
    poison(served)
    for address in ADDRESSES:
        answer = owner.get(served.url + address, timeout=30)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.findall(r'(?:src|href|action)="(?!/|#|data:,)', answer.text)
        assert not re.search(r'(?:src|href|action)="//', answer.text)
        assert "style=" not in answer.text


def test_the_downloads_are_closed_to_scripts_too(served, owner):
    poison(served)
    for name in program.CSV_TABLES:
        answer = owner.get(f"{served.url}/csv/{name}", timeout=30)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].startswith("text/csv")


def csrf(served, owner):
    text = owner.get(served.url + "/messages", timeout=30).text
    return re.search(r'name="csrf" value="(\w+)"', text).group(1)


def mute(served, owner, **fields):
    data = {"csrf": csrf(served, owner), "id": "1", "hours": "4", "back": "messages", **fields}
    return owner.post(served.url + "/mute", data=data, allow_redirects=False, timeout=30)


@pytest.fixture
def trouble(served):
    served.alive()
    served.post("qmt.process", state="missing", name="XtItClient.exe", change=True)
    served.run(10)
    return served


def muted(served):
    return served.rows("SELECT muted_until FROM incident")[0][0]


def test_a_muted_incident_is_muted_for_that_long_and_its_page_comes_back(trouble, owner):
    answer = mute(trouble, owner)
    assert answer.headers["Location"].endswith("/messages?said=muted")
    assert muted(trouble) == trouble.time + 4 * 3600
    assert "14:00:10 前不提醒" in owner.get(trouble.url + "/", timeout=30).text
    mute(trouble, owner, hours="0")
    assert muted(trouble) is None


@pytest.mark.parametrize("fields", [{"hours": "x"}, {"hours": "-1"}, {"hours": ""}, {"hours": "٣"}, {"id": ""}])
def test_a_mute_without_sense_is_refused(trouble, owner, fields):
    assert mute(trouble, owner, **fields).status_code == 400
    assert muted(trouble) is None


def test_another_site_can_mute_nothing(trouble, owner):
    assert mute(trouble, owner, csrf="0" * 40).status_code == 403
    assert requests.post(trouble.url + "/mute", data={"id": "1", "hours": "4"}, timeout=30).status_code == 403
    assert muted(trouble) is None


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", XSS, "\r\nX: y", "csv/deals"])
def test_a_button_leads_to_no_strange_place(trouble, owner, back):
    assert mute(trouble, owner, back=back).headers["Location"].endswith("/?said=muted")
    assert "evil" not in str(mute(trouble, owner, back=back).headers)
