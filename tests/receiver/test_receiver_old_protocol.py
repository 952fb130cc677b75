"""The old protocol as people's scripts speak it, over real HTTP."""

import json

import pytest
import requests

from receiver import receiver as program
from receiver.receiver import label
from tests.receiver.receiver_bench import event

HEARTBEAT = {
    "action": "heartbeat",
    "name": "qmt",
    "info": [
        {"name": "accounts", "data": [{"总资产": 1000.5, "可用金额": 200, "总市值": 800.5, "总盈亏": -3}]},
        {"name": "positions", "data": [{"代码": "510300", "名称": "沪深300ETF", "股数": 100, "市值": 400}]},
        {"name": "deals", "data": [{"代码": "510300", "订单编号": "1", "合同编号": "2", "日期": "20260105"}]},
    ],
}
FORM = {"action": "heartbeat", "name": "server"}


def ask(served, **query):
    return requests.get(served.old_url, params=query, timeout=30).json()


def test_a_heartbeat_posted_as_json_is_kept_and_answered(served):
    answer = requests.post(served.old_url, json=HEARTBEAT, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})
    assert served.rows("SELECT kind, last_seen, behind FROM source") == [("old.qmt", served.time, 0)]


def test_a_json_post_without_a_content_type_works(served):
    assert requests.post(served.old_url, data=json.dumps(HEARTBEAT), timeout=30).json()["code"] == 0


def test_of_posts_that_share_a_commit_the_newest_stands_and_every_extreme_is_kept(bench):
    """As if each had been committed alone; a v1 event that comes between them sees what was posted before it."""

    def old(total):
        info = [{"name": "accounts", "data": [{"总资产": total}]}]
        return lambda tx: program.old_json_post(tx, "mini-pc", {"action": "heartbeat", "name": "qmt", "info": info})

    relayed = event("old.heartbeat", bench.time, name="qmt", info=[{"name": "accounts", "data": [{"总资产": 5.0}]}])
    batch = program.Batch("r", bench.time, 0, [relayed])
    works = [old(30.0), old(10.0), lambda tx: program.take_batch(tx, "mini-pc", batch), old(20.0)]
    bench.receiver.take_together([program.Post(work) for work in works])
    query = "SELECT low, high, last FROM sample WHERE series = 'account.asset' AND step = 60"
    assert bench.rows(query) == [(5.0, 30.0, 20.0)]
    for table, where in (("archive", "source = 'old.qmt'"), ("source", "kind = 'old.qmt'")):
        assert '{"\\u603b\\u8d44\\u4ea7":20.0}' in bench.rows(f"SELECT data FROM {table} WHERE {where}")[0][0]


def test_a_form_with_any_files_is_kept(served):
    files = [("file", ("持仓.csv", b"a,b")), ("other", ("../../x", b"evil")), ("third", ("C:\\a\\b.txt", b""))]
    assert requests.post(served.old_url, data=FORM, files=files, timeout=30).json() == {"code": 0, "msg": "ok"}
    stored = dict(served.rows("SELECT name, content FROM file"))
    assert stored == {"持仓.csv": b"a,b", "x": b"evil", "b.txt": b""}
    assert {path.name for path in served.config.path.parent.iterdir()} <= {
        "receiver.ini",
        "receiver.db",
        "receiver.db-wal",
        "receiver.db-shm",
    }


def test_a_form_without_files_works(served):
    assert requests.post(served.old_url, data=FORM, timeout=30).json()["code"] == 0


@pytest.mark.parametrize("url", ["/api", "/api?token=", "/api?token=wrong", "/api?token=machine-token"])
def test_a_wrong_token_is_400(served, url):
    for answer in (
        requests.post(served.url + url, json=HEARTBEAT, timeout=30),
        requests.post(served.url + url, data=FORM, files={"f": ("a", b"b")}, timeout=30),
        requests.get(served.url + url, params={"action": "query_qmt"}, timeout=30),
    ):
        assert (answer.status_code, answer.json()) == (400, {"code": 1, "msg": "token 不对"})
    assert served.rows("SELECT count(*) FROM source") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xff",
        b"null",
        json.dumps({**HEARTBEAT, "action": "delete"}).encode(),
        json.dumps({**HEARTBEAT, "name": "other"}).encode(),
        json.dumps({**HEARTBEAT, "name": ["qmt"]}).encode(),
        json.dumps({**HEARTBEAT, "info": "x"}).encode(),
        json.dumps({**HEARTBEAT, "info": [1]}).encode(),
        b'{"action":"heartbeat","name":"qmt","info":[{"name":"accounts","data":[{"x":NaN}]}]}',
        b'{"action":"heartbeat","name":"qmt","info":[{"name":"accounts","data":[{"x":1.797e308}]}]}',
    ],
)
def test_a_bad_post_is_400_with_a_msg_and_stores_nothing(served, body):
    answer = requests.post(served.old_url, data=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["code"] == 1
    assert answer.json()["msg"]
    assert served.rows("SELECT count(*) FROM source") == [(0,)]


@pytest.mark.parametrize(
    "files",
    [
        [("f", (f"{n}.txt", b"x")) for n in range(21)],
        [("f", ("big", b"x" * (257 << 10)))],
        [("f", (f"{n}", b"x" * (250 << 10))) for n in range(5)],
    ],
)
def test_too_many_or_too_large_files_are_refused_as_a_whole(served, files):
    answer = requests.post(served.old_url, data=FORM, files=files, timeout=30)
    assert answer.status_code in (400, 413)
    assert served.rows("SELECT count(*) FROM file") == [(0,)]


def test_a_broken_form_is_400(served):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x\r\nnonsense", b"--x--\r\n", b"--y\r\n\r\n"):
        assert requests.post(served.old_url, data=body, headers=headers, timeout=30).status_code == 400


def test_the_queries_answer_in_the_old_shapes(served):
    requests.post(served.old_url, json=HEARTBEAT, timeout=30)
    requests.post(served.old_url, data=FORM, files={"f": ("a.csv", b"1")}, timeout=30)
    assert ask(served, action="heartbeat_query", name="qmt") == {
        "code": 0,
        "name": "qmt",
        "lastime": "2026-01-05 10:00:00",
        "status": "online",
    }
    answer = ask(served, action="query_qmt")
    assert (answer["code"], answer["msg"]) == (0, "ok")
    assert [(block["title"], block["type"], len(block["data"])) for block in answer["data"]] == [
        ("账户", "table", 1),
        ("持仓", "table", 1),
        ("今日成交", "table", 1),
    ]
    assert ask(served, action="market_value")["data"][0]["data"]["总资产"] == 1000.5
    assert ask(served, action="portfolio")["data"][0]["data"][0]["名称"] == "沪深300ETF"
    assert ask(served, action="query_server")["data"][0]["data"][0]["文件"] == "a.csv"


def test_a_query_for_what_was_never_heard_is_offline(served):
    assert ask(served, action="heartbeat_query", name="server")["lastime"] == ""
    assert ask(served, action="heartbeat_query", name="server")["status"] == "offline"


def test_an_unknown_query_is_400(served):
    assert requests.get(served.old_url, params={"action": "rm"}, timeout=30).status_code == 400


@pytest.mark.parametrize(
    "name, expected",
    [
        ("a.csv", "a.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x", "x"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\nc", "abc"),
        ("持仓" * 100, ("持仓" * 50)),
        ("\ud800.csv", "?.csv"),
    ],
)
def test_a_file_name_is_only_a_label(name, expected):
    assert label(name) == expected
