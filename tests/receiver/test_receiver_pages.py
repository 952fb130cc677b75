"""What the owner sees, and that nothing a machine sends can do harm there."""

import re

import pytest
import requests

from receiver import receiver as program
from receiver.receiver import Never
from tests.receiver.receiver_bench import PASSWORD
from tests.receiver.served import Served

XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{7*7}}"
POSITION = {
    "代码": "510300",
    "名称": "沪深300ETF",
    "股数": 1200,
    "成本价": 3.9,
    "最新价": 4.1,
    "盈亏": 240.0,
    "市值": 4920.0,
}
LOSS = {**POSITION, "代码": "159915", "名称": "创业板ETF", "盈亏": -240.0}


@pytest.fixture
def owner(served):
    with requests.Session() as session:
        served.log_in(session)
        yield session


def page(served, owner, path="/"):
    return owner.get(served.url + path, timeout=30).text


def csrf(text):
    return re.search(r'name="csrf" value="(\w+)"', text).group(1)


def press(served, owner, path, **fields):
    data = {"csrf": csrf(page(served, owner, "/messages")), **fields}
    return owner.post(served.url + path, data=data, timeout=30)


def test_without_login_there_is_only_the_login_page(served):
    answer = requests.get(served.url + "/", timeout=30)
    assert answer.url.endswith("/login")
    assert requests.get(served.url + "/fragment", timeout=30).status_code == 401
    assert requests.get(served.url + "/api/v1/status", timeout=30).status_code == 401
    for path in ("/test", "/ack", "/forget", "/logout"):
        assert requests.post(served.url + path, data={"csrf": "x"}, timeout=30).status_code == 403


def test_the_cookie_is_signed_and_closed_to_scripts(served):
    answer = requests.post(served.url + "/login", data={"password": PASSWORD}, allow_redirects=False, timeout=30)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    value = answer.cookies["sentry_login"]
    expires, rest = value.split(".", 1)
    for forged in (
        f"{int(expires) + 1}.{rest}",
        value[:-1] + "0" * (value[-1] != "0") + "1" * (value[-1] == "0"),
        "",
        "a.b.c",
    ):
        answer = requests.get(served.url + "/fragment", cookies={"sentry_login": forged}, timeout=30)
        assert answer.status_code == 401


def test_a_login_ends_after_thirty_days(served, owner):
    served.time += 31 * 86400
    assert owner.get(served.url + "/fragment", timeout=30).status_code == 401


def test_with_https_the_cookie_is_secure(tmp_path):
    served = Served(tmp_path, public_url="https://s.example.com")
    answer = requests.post(served.url + "/login", data={"password": PASSWORD}, allow_redirects=False, timeout=30)
    assert "Secure" in answer.headers["Set-Cookie"]
    served.close()


def test_wrong_passwords_are_counted_and_stopped(served):
    codes = [requests.post(served.url + "/login", data={"password": "guess"}, timeout=30).status_code for _ in range(7)]
    assert codes == [403] * 5 + [429] * 2
    assert requests.post(served.url + "/login", data={"password": PASSWORD}, timeout=30).status_code == 429
    other = {"X-Forwarded-For": "203.0.113.9"}
    assert (
        requests.post(served.url + "/login", data={"password": PASSWORD}, headers=other, timeout=30).status_code == 200
    )


def test_another_site_can_neither_log_in_nor_press_a_button(served, owner):
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (
        requests.post(served.url + "/login", data={"password": PASSWORD}, headers=cross, timeout=30).status_code == 403
    )
    assert owner.post(served.url + "/test", data={}, timeout=30).status_code == 403
    assert owner.post(served.url + "/test", data={"csrf": "0" * 40}, timeout=30).status_code == 403
    assert served.rows("SELECT count(*) FROM message") == [(0,)]


def test_all_is_well(served, owner):
    served.alive(cpu=12, memory=40, disk_free=120e9)
    text = page(served, owner)
    for words in ("一切正常", "哨兵", "QMT 进程", "策略 heartbeat", "告警通道", "休市日表到 2026-12-31"):
        assert words in text


def test_trouble_says_what_since_when_and_what_to_do(served, owner):
    served.alive()
    served.post("qmt.process", state="missing", name="XtItClient.exe", change=True)
    served.run(10)
    text = page(served, owner)
    assert "要处理" in text
    assert "10:00:00 起" in text
    assert "远程登录小主机，打开 QMT" in text
    assert "❗ QMT 不在运行 · mini-pc" in text
    assert "✓ wecom 对方已收下" in text


def test_every_state_is_a_word_and_a_shape(served, owner):
    shapes = set(program.SHAPES.values())
    assert len(shapes) == len(program.STATUS_WORDS) == len(set(program.STATUS_WORDS.values()))
    text = page(served, owner)
    assert all(f'id="i-{shape}"' in text for shape in shapes)


def test_profit_is_red_and_loss_is_green(served, owner):
    served.post("qmt.heartbeat", strategy="heartbeat", positions=[POSITION, LOSS])
    text = page(served, owner, "/trade")
    assert '<td class="gain">+240.00<small class="gain">+5.13%</small>' in text
    assert '<td class="loss">-240.00<small class="loss">-4.65%</small>' in text


def test_old_data_say_how_old_they_are(served, owner):
    served.post("qmt.heartbeat", strategy="heartbeat", accounts=[{"总资产": 1234567.891}])
    assert "1,234,567.89" in page(served, owner)
    served.time += 7200
    assert "下面的数据是 2 小时前的（10:00:00）" in page(served, owner)


def test_the_end_of_the_holiday_table_is_shown(served, owner):
    served.time = program.datetime(2026, 12, 20, 2, tzinfo=program.SHANGHAI).timestamp()
    served.log_in(owner)
    assert "休市日表只到 2026-12-31" in page(served, owner)


def test_a_dead_channel_is_shown_with_its_reason(served, owner):
    served.phones["wecom"].answers = [Never("机器人已停用")]
    served.post("host.test_alert")
    served.run(3)
    text = page(served, owner)
    assert "机器人已停用" in text
    assert "✕ wecom 失败" in text


def poison(served):
    row = dict.fromkeys(("代码", "名称", "买卖", "状态", "时间", "日期", "账号", "总资产", "盈亏", "市值", "股数"), XSS)
    beat = {key: [row] for key in ("accounts", "positions", "orders", "deals")}
    served.post("host.heartbeat", cpu=XSS, memory=[XSS], workers={XSS: 100}, limits={XSS: 1}, version=XSS)
    served.post("qmt.heartbeat", strategy=XSS[:80], tick_at=XSS, tick_code=XSS, logged_in=XSS, **beat)
    served.post("qmt.process", state="missing", name=XSS, path=XSS)
    served.post("order.state", state="rejected", flag=XSS, code=XSS, name=XSS, reason=XSS)
    served.post("strategy.error", strategy=XSS, where=XSS, traceback=XSS + "\n" + XSS)
    served.post("strategy.notice", strategy=XSS, what=XSS, text=XSS)
    served.post("host.trouble", what=XSS, code=XSS)
    served.post("host.stopping", reason=XSS)
    served.post("qmt.heartbeat", strategy="\ud800", accounts=[{"总资产": 1, "账号": "\udfff"}], deals=["x", 1, None])
    with served.receiver.transaction() as tx:
        program.old_json_post(
            tx, "mini-pc", {"action": "heartbeat", "name": "qmt", "info": [{"name": XSS, "data": XSS}]}
        )
    served.phones["wecom"].answers = [Never(XSS)]
    served.run(10)


def test_nothing_that_a_machine_sends_becomes_markup(served, owner):
    poison(served)
    for path in ("/", "/fragment"):
        answer = owner.get(served.url + path, timeout=30)
        assert answer.status_code == 200
        assert "&lt;script&gt;" in answer.text
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert not re.search(r"<[^>]*\son\w+=", answer.text)


def test_the_json_of_the_page_has_the_same_content(served, owner):
    poison(served)
    data = owner.get(served.url + "/api/v1/status", timeout=30).json()
    assert {"overall", "machines", "incidents", "messages", "channels", "day"} <= set(data)
    assert data["machines"][0]["name"] == "mini-pc"


def test_the_headers_are_strict_and_nothing_comes_from_elsewhere(served, owner):
    answer = owner.get(served.url + "/", timeout=30)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy).group(1)
    assert f'<script nonce="{nonce}">' in answer.text
    assert not re.findall(r'(?:src|href)="(?!/|#|data:,)', answer.text)
    assert "style=" not in answer.text
    assert owner.get(served.url + "/", timeout=30).headers["Content-Security-Policy"] != policy


def test_a_full_page_stays_below_60_kilobytes(served, owner):
    orders = [{**POSITION, "委托价": 4.051, "委托量": 2400, "状态": "已成", "时间": "101502"} for _ in range(100)]
    deals = [{**POSITION, "订单编号": str(n), "日期": "20260105", "成交均价": 4.0} for n in range(100)]
    served.alive(cpu=1)
    served.post(
        "qmt.heartbeat", strategy="heartbeat", accounts=[{}], positions=[POSITION] * 60, orders=orders, deals=deals
    )
    for number in range(12):
        served.post("order.state", state="rejected", flag=f"20260105-510300-B-{number:02}", reason="可用资金不足" * 10)
        served.run(7)
    for path in ("/", "/trade", "/charts", "/day", "/messages", "/host", "/machines"):
        assert len(page(served, owner, path).encode()) < 60000
    assert "最近 30 条，共 100 条" in page(served, owner, "/trade")


def test_the_test_button_sends_to_every_channel(served, owner):
    assert "测试告警已交给每个通道" in press(served, owner, "/test").text
    served.run(3)
    assert served.told() == ["🔔 测试告警"]


def test_known_is_known(served, owner):
    served.alive()
    served.post("qmt.process", state="missing")
    served.run(10)
    assert "恢复前不再提醒" in press(served, owner, "/ack", id="1").text
    assert served.rows("SELECT acknowledged IS NOT NULL, resolved FROM incident") == [(1, None)]
    assert press(served, owner, "/ack", id="x").status_code == 400


def test_a_script_that_is_no_longer_used_is_taken_off_the_watch(served, owner):
    served.run(60, every=served.alive)
    served.run(260, every=lambda: served.alive(script=False))
    assert served.incidents() == [("qmt.heartbeat", "heartbeat")]
    press(served, owner, "/forget", machine="mini-pc", kind="qmt.heartbeat", name="heartbeat")
    served.run(300, every=lambda: served.alive(script=False))
    assert served.incidents() == []
    assert "策略 heartbeat" not in page(served, owner, "/fragment").split("最近的消息")[0]


def test_log_out_ends_the_login(served, owner):
    press(served, owner, "/logout")
    assert owner.get(served.url + "/fragment", timeout=30).status_code == 401


def test_a_database_in_trouble_is_a_plain_page(served, owner, monkeypatch):
    def broken(*_):
        raise program.StoreRefused("no")

    monkeypatch.setattr("receiver.receiver.status_data", broken)
    answer = owner.get(served.url + "/", timeout=30)
    assert answer.status_code == 503
    assert "数据库暂时不能用" in answer.text
