"""What the pages say: honest about age, about what is missing, about values that are none."""

import csv
import io
import re

import pytest
import requests

from receiver import receiver as program
from rehearsal import pastyear
from tests.receiver.receiver_bench import MONDAY, PUSHPLUS, WECOM, at, event
from tests.receiver.served import Served

POSITION = {"代码": "510300", "名称": "沪深300ETF", "股数": 1200, "最新价": 4.1, "市值": 4920.0, "盈亏": 240.0}
DEAL = {"代码": "510300", "名称": "沪深300ETF", "买卖": "买入", "成交均价": 4.0, "成交量": 100, "成交额": 400.0}
SENTINELS = [1.7976931348623157e308 / 10**9, 2147483647, 1e299, -1e200]


@pytest.fixture
def owner(served):
    with requests.Session() as session:
        served.log_in(session)
        yield lambda path="/": session.get(served.url + path, timeout=30)


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Two machines with three months behind them, and their owner."""
    more = "[machine:study]\ntoken = token-of-study-0123456789\n"
    served = Served(tmp_path_factory.mktemp("past"), channels=WECOM + PUSHPLUS + more)
    served.time = at(MONDAY + " 10:40:00")
    pastyear.fill(served.config.database, served.time, ("mini-pc", "study"), days=60, minute_days=2)
    with requests.Session() as session:
        served.log_in(session)
        served.get = lambda path: session.get(served.url + path, timeout=30)
        yield served
    served.close()


def heartbeat(served, **tables):
    served.post("qmt.heartbeat", strategy="heartbeat", **tables)


def rows_of(answer):
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("name", [name for name in program.PAGES if name])
def test_every_page_has_its_json_and_wants_a_login(served, owner, name):
    assert owner("/" + name).status_code == 200
    assert owner("/api/v1/" + name).json()["machine"] == "mini-pc"
    assert owner("/fragment?page=" + name).status_code == 200
    assert requests.get(f"{served.url}/{name}", timeout=30).url.endswith("/login")
    assert requests.get(f"{served.url}/api/v1/{name}", timeout=30).status_code == 401
    assert requests.get(f"{served.url}/fragment?page={name}", timeout=30).status_code == 401


def test_before_anything_was_heard_every_page_says_so(owner):
    assert "还没有送来账户数据" in owner("/trade").text
    assert "还没有数据" in owner("/charts").text
    assert "没有收到账户数据" in owner("/day").text
    assert "还没有收到哨兵的数据" in owner("/host").text
    assert "还没有发过消息" in owner("/messages").text


@pytest.mark.parametrize("value", SENTINELS)
def test_a_value_that_is_none_reaches_no_sum_and_no_chart(served, owner, value):
    bad = {**POSITION, "代码": "512690", "市值": value, "最新价": value, "盈亏": value, "股数": value}
    for minute in range(3):
        served.time += 60
        account = {"总资产": 9000.0 if minute else value, "可用金额": 4080.0, "总市值": value}
        heartbeat(served, accounts=[account], positions=[POSITION, bad], deals=[{**DEAL, "成交额": value}])
    trade = owner("/api/v1/trade").json()
    assert (trade["positions_value"], trade["positions_profit"]) == (4920.0, 240.0)
    charts = owner("/api/v1/charts?r=d").json()
    assert [share["share"] for share in charts["allocation"]] == pytest.approx([4920 / 9000, 4080 / 9000])
    assert [last for _, last in charts["equity"]["asset"]] == [9000.0, 9000.0]
    assert charts["equity"]["market"] == []
    for path in ("/trade", "/charts?r=d", "/charts?r=d&f=512690", "/day", "/host"):
        assert not re.search(r"\d{16}|\binf\b|\bnan\b", owner(path).text)


def test_old_data_say_how_old_they_are_on_trade_and_host(served, owner):
    served.alive(cpu=3)
    heartbeat(served, accounts=[{"总资产": 1.0}])
    served.time += 7200
    assert "下面的数据是 2 小时前的" in owner("/trade").text
    assert "下面是 2 小时前的数据" in owner("/host").text


def test_the_charts_say_when_their_last_values_are_old(served, owner):
    heartbeat(served, accounts=[{"总资产": 1.0}], positions=[POSITION])
    served.time += 7200
    assert "下面的数据是 2 小时前的" in owner("/charts").text


def test_a_table_that_qmt_did_not_give_is_said_to_be_old(served, owner):
    heartbeat(served, accounts=[{"总资产": 1.0}], failed=["positions"], left_out={"deals": 12, "orders": "x"})
    text = owner("/trade").text
    assert "QMT 没有给持仓，下面可能是以前的" in text
    assert "成交太多，少列了 12 条" in text


def test_a_chart_of_one_day_names_the_day(served, owner):
    for _ in range(3):
        served.time += 60
        heartbeat(served, accounts=[{"总资产": 1.0}])
    served.jump("2026-01-10 10:00:00")
    assert "2026-01-05的总资产" in owner("/charts?r=d").text


def test_an_account_shows_its_last_four_digits_only(served, owner):
    heartbeat(served, accounts=[{"总资产": 1.0, "账号": "880012346688"}])
    for path in ("/", "/trade"):
        assert "尾号 6688" in owner(path).text
        assert "88001234" not in owner(path).text


def test_a_lamp_that_is_not_well_says_since_when_and_what_to_do(served, owner):
    served.alive()
    served.time += 100
    text = owner("/").text
    assert "10:00 起没有消息，已 1 分 40 秒" in text
    assert program.HOST_TODO in text


def test_that_nobody_watches_the_server_is_said(owner):
    assert "没有人看着这台服务器（receiver.ini 没有设 watchdog_url）" in owner("/").text


def test_the_change_of_the_assets_is_against_the_last_day_with_data(served, owner):
    heartbeat(served, accounts=[{"总资产": 1000.0}])
    served.jump("2026-01-07 10:00:00")
    heartbeat(served, accounts=[{"总资产": 1010.0}])
    text = owner("/trade").text
    assert "总资产比 2026-01-05" in text
    assert "+10.00（+1.00%）" in text


def test_a_day_in_review_tells_orders_deals_incidents_and_starts_in_their_order(served, owner):
    flag = "20260105-510300-B-01"
    served.post("host.started", reason="clean")
    served.run(30, every=served.alive)
    served.post("order.state", flag=flag, line=1, state="intent", side="B", code="510300.SH", shares=100)
    served.time += 5
    heartbeat(
        served, deals=[{**DEAL, "时间": "100033", "日期": "20260105", "订单编号": "1"}], accounts=[{"总资产": 7.0}]
    )
    served.post("order.state", flag=flag, line=2, state="filled", filled=100)
    served.time += 5
    served.post("qmt.process", state="missing", name="XtItClient.exe", change=True)
    served.run(10)
    served.post("qmt.process", state="running", name="XtItClient.exe", change=True)
    served.jump("2026-01-08 10:00:00")
    data = owner("/api/v1/day?d=20260105").json()
    whats = [entry["what"] for entry in data["timeline"]]
    assert whats == [
        "哨兵启动",
        "买入510300.SH 委托",
        "买入沪深300ETF",
        "买入510300.SH 已成交",
        "QMT 不在运行",
        "QMT 在运行",
    ]
    assert data["accounts"] == [{"总资产": 7.0}]
    assert "2026-01-05 周一" in owner("/day?d=2026-01-05").text


def test_what_came_a_day_late_stands_on_the_day_on_which_it_happened(served, owner):
    yesterday = served.time - 86400
    served.batch(event("host.resumed", yesterday, slept=60), sent_at=served.time)
    assert owner("/api/v1/day?d=20260104").json()["timeline"][0]["what"] == "小主机从睡眠中醒来"
    assert owner("/api/v1/day?d=20260105").json()["timeline"] == []


@pytest.mark.parametrize("word", ["00000000", "20260230", "../etc", "2026-1-5", "'", "９９９９９９９９"])
def test_a_day_that_is_none_is_taken_as_none_given(owner, word):
    assert owner(f"/api/v1/day?d={word}").json()["shown"] == "20260105"


def test_of_a_day_without_records_the_uptime_is_unknown(owner):
    data = owner("/api/v1/day?d=20251230").json()
    assert data["uptime"] is None
    assert "不知道" in owner("/day?d=20251230").text


def test_an_incident_of_months_stands_on_each_of_its_days(served, owner):
    with served.receiver.transaction() as tx:
        for opened, resolved in (("2025-09-01", "2025-12-01"), ("2025-10-09", None)):
            told = program.notice("qmt.process", opened, at(opened + " 10:00:00"), "QMT 不在运行", "")
            program.open_incident(tx, "mini-pc", told, 0.0)
            ended = at(resolved + " 10:00:00") if resolved else None
            change = "UPDATE incident SET opened = since, resolved = ?, one_off = 0 WHERE name = ?"
            tx.db.execute(change, (ended, opened))

    def shown(day):
        return [(one["kind"], one["detail"]) for one in owner(f"/api/v1/day?d={day}").json()["timeline"]]

    first, second = ("事件", "09-01 10:00 起"), ("事件", "10-09 10:00 起")
    assert shown("20250829") == []
    assert shown("20250901") == [("事件", "")]
    assert shown("20251103") == [first, second]
    assert shown("20251201") == [first, second, ("恢复", "历时 91 天")]
    assert shown("20251202") == [second]
    assert "10-09 10:00 起" in owner("/day?d=20251202").text


def test_the_arrows_lead_to_the_days_of_which_something_is_kept(past):
    data = past.get("/api/v1/day?d=20251231").json()
    assert (data["previous"], data["next"]) == ("20251230", "20260101")
    assert past.get("/api/v1/day?d=20260105").json()["next"] == ""


def test_a_funds_chart_has_the_strategys_average_and_bands_and_its_trades(past):
    price = past.get("/api/v1/charts?r=y&f=510300").json()["price"]
    last = price["last"]
    assert last[3] < last[2] < last[4]
    assert price["rows"][-1][0] == "20260105"  # today's price, from the account
    assert price["deals"] and all(deal["day"] > "20250101" for deal in price["deals"])
    text = past.get("/charts?r=y&f=510300").text
    for word in ("收盘", "均线", "买入线", "卖出线", 'class="buys"', 'class="sells"'):
        assert word in text


def test_a_fund_without_a_posted_series_is_drawn_from_the_accounts_prices(served, owner):
    for day in ("2026-01-05", "2026-01-06", "2026-01-07"):
        served.jump(day + " 10:00:00")
        heartbeat(served, positions=[POSITION])
    data = owner("/api/v1/charts?r=m").json()
    assert [row[0] for row in data["price"]["rows"]] == ["20260105", "20260106", "20260107"]
    assert "只有持仓里的价格" in owner("/charts?r=m").text


def test_a_posted_series_with_nonsense_in_it_is_drawn_without_the_nonsense():
    text = "date,close,average,lower,upper\n20260105,4.1,,,\nx,y\n20269905,1,1,1,1\n2026-01-06,nan,inf,-1,1e300\n,,,,\n"
    rows = program.parse_chart(text)
    assert rows == [program.ChartRow("20260105", 4.1), program.ChartRow("20260106", None)]


def test_another_machine_is_shown_when_it_is_asked_for(past):
    assert past.get("/api/v1/trade?m=study").json()["machine"] == "study"
    assert past.get("/api/v1/trade?m=stranger").json()["machine"] == "mini-pc"
    assert past.get("/api/v1/trade").json()["accounts"] != past.get("/api/v1/trade?m=study").json()["accounts"]


def test_older_messages_are_a_page_further(past):
    first = past.get("/api/v1/messages").json()
    second = past.get(f"/api/v1/messages?before={first['older']}").json()
    numbers = [message["id"] for message in first["messages"] + second["messages"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers) > program.LISTED_MESSAGES


def test_messages_that_do_not_fit_are_on_the_next_page(served, owner):
    with served.receiver.transaction() as tx:
        for _ in range(40):
            program.post_message(tx, "alert", "", 2, program.Text("题", "长" * 399, "u"), ["wecom"], tx.now)
    pages, address = [], "/messages"
    while address:
        text = owner(address).text
        pages += re.findall(r'id="m(\d+)"', text)
        found = re.search(r'href="(/messages\?before=\d+)"', text)
        address = found.group(1) if found else ""
    assert pages == [str(number) for number in range(40, 0, -1)]


def test_each_vendors_answer_stands_at_its_message(served, owner):
    served.phones["wecom"].answers = [program.Later(1, "企业微信系统繁忙"), program.Sent("77")]
    served.post("host.test_alert")
    served.run(5)
    text = owner("/messages").text
    assert "wecom：试了 2 次" in text
    assert "对方的编号 77" in text


def test_how_to_pair_is_said_and_no_code_is_shown(owner):
    text = owner("/machines").text
    assert "receiver.py pair 名字" in text
    assert "machine-token" not in text
    assert "sha256:" not in text


@pytest.mark.parametrize("name", program.CSV_TABLES)
def test_a_download_is_a_table_that_a_spreadsheet_opens(past, name):
    answer = past.get("/csv/" + name)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{name}-')
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = rows_of(answer)
    assert len(rows) > 5
    assert len({len(row) for row in rows}) == 1


def test_the_download_of_a_day_has_that_day_only(past):
    days = {row[0] for row in rows_of(past.get("/csv/positions?d=20251231"))[1:]}
    assert days == {"20251231"}


def test_no_cell_of_a_download_is_a_formula(served, owner):
    heartbeat(served, deals=[{**DEAL, "名称": "=HYPERLINK(1)", "买卖": "+1", "订单编号": "@x", "成交额": -5.5}])
    row = rows_of(owner("/csv/deals"))[1]
    assert "'=HYPERLINK(1)" in row and "'+1" in row and "'@x" in row
    assert "-5.5" in row


def test_an_unknown_table_and_a_stranger_get_nothing(served, owner):
    assert owner("/csv/secrets").status_code == 404
    assert requests.get(served.url + "/csv/deals", timeout=30).url.endswith("/login")


def test_the_fullest_pages_stay_below_60_kilobytes(served, owner):
    long = "长" * 1900
    rows = [
        {**POSITION, "代码": f"{510000 + n}", "名称": "长" * 20, "成交量": 1, "状态": "长" * 12} for n in range(190)
    ]
    heartbeat(served, accounts=[{"总资产": 1.0}] * 30, positions=rows, orders=rows, deals=rows)
    for number in range(25):
        served.post("strategy.error", strategy=f"s{number}", where="handlebar", traceback=long)
        served.post("order.state", flag=f"20260105-510300-B-{number + 1:02}", state="unknown", line=1, reason=long)
    for _ in range(40):
        with served.receiver.transaction() as tx:
            program.post_message(tx, "alert", "mini-pc", 2, program.Text("长" * 60, long, "u"), ["wecom"], tx.now)
    with served.receiver.transaction() as tx:
        tx.db.execute("UPDATE outbox SET error = ?", ("长" * 200,))
    for address in ("/", "/trade", "/charts", "/charts?r=d", "/day", "/messages", "/host", "/machines"):
        assert len(owner(address).content) < 60_000, address
    assert "还有 " in owner("/").text and "最近 " in owner("/trade").text
