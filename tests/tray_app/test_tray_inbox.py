"""The inbox: the two old posts over real HTTP, and every bad one refused with a clear answer."""

import hashlib
import json
import socket

import pytest
import requests

from tests.tray_app.helpers import MONDAY_10_00, short, stored
from tray_app import inbox
from tray_app.home import Home
from tray_app.inbox import Inbox, form_events, heartbeat_events, label
from tray_app.outbox import OutboxError

GOOD = {
    "action": "heartbeat",
    "name": "qmt",
    "info": [{"name": "accounts", "data": [{"总资产": 1}]}, {"name": "deals", "data": [{"代码": "510300"}]}],
}


class Switch:
    """The lease of the test that runs now: closing a server takes half a second, so all tests share one."""

    def __init__(self):
        self.lease = None

    def put(self, *new, marks=None):
        return self.lease.put(*new, marks=marks)

    def show(self, **values):
        if self.lease is not None:
            self.lease.show(**values)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    switch, home = Switch(), Home(tmp_path_factory.mktemp("inbox"))
    home.make_folders()
    part = Inbox(0, "old-token", home, switch, lambda: MONDAY_10_00)
    part.round(MONDAY_10_00)
    yield switch, f"http://127.0.0.1:{json.loads(home.inbox.read_text())['port']}/api"
    part.close()


@pytest.fixture
def url(shared, lease):
    switch, address = shared
    switch.lease = lease
    return address


@pytest.fixture
def server(home, lease, clock):
    part = Inbox(0, "old-token", home, lease, clock.wall)
    part.round(clock.now)
    yield part
    part.close()


def post(url, token="old-token", **kwargs):
    session = requests.Session()
    session.trust_env = False
    with session:
        return session.post(url, params={"token": token} if token is not None else None, timeout=20, **kwargs)


def test_the_old_heartbeat_is_stored_with_its_deals_split_off(url, home):
    answer = post(url, json=GOOD)
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})
    deals, heartbeat = stored(home.outbox)
    assert (deals["kind"], deals["data"]) == ("old.deals", {"name": "qmt", "deals": [{"代码": "510300"}]})
    assert heartbeat["kind"] == "old.heartbeat"
    assert heartbeat["data"] == {"name": "qmt", "info": [{"name": "accounts", "data": [{"总资产": 1}]}]}


def test_the_multipart_form_is_stored_with_its_files(url, home):
    files = [("a", ("a.csv", "代码,名称".encode("gbk"))), ("b", ("b.txt", "值".encode()))]
    answer = post(url, data={"action": "heartbeat", "name": "server"}, files=files)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    a, b, heartbeat = stored(home.outbox)
    assert a["data"] == {
        "name": "a.csv",
        "sha256": hashlib.sha256("代码,名称".encode("gbk")).hexdigest(),
        "content": "代码,名称",
        "source": "old.server",
    }
    assert b["data"]["content"] == "值"
    assert heartbeat["data"] == {"name": "server", "info": []}


def test_two_files_of_one_field_and_a_large_one_are_all_there(url, home):
    files = [("f", ("one", b"1")), ("f", ("two", b"x" * inbox.LARGEST_FILE))]
    assert post(url, data={"action": "heartbeat", "name": "server"}, files=files).status_code == 200
    assert [event["data"].get("name") for event in stored(home.outbox)] == ["one", "two", "server"]


def test_a_file_name_is_only_a_label(url, home):
    files = [("f", ("../../x", b"1"))]
    assert post(url, data={"action": "heartbeat", "name": "server"}, files=files).status_code == 200
    assert stored(home.outbox)[0]["data"]["name"] == "x"
    assert not (home.root.parent / "x").exists()


@pytest.mark.parametrize(
    "name, expected",
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.csv", "b.csv"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\x00\nb", "ab"),
        ("x" * 300, "x" * 100),
        ("成交.csv", "成交.csv"),
    ],
)
def test_labels(name, expected):
    assert label(name) == expected


@pytest.mark.parametrize("token", ["wrong", "", None, "old-token ", "旧"])
def test_a_wrong_token_gets_400_and_nothing_is_stored(url, home, token):
    answer = post(url, token=token, json=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert "token" in answer.json()["msg"]
    assert stored(home.outbox) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"action": "heartbeat"}',
        b'{"action": "fly", "name": "qmt", "info": []}',
        b'{"action": "heartbeat", "name": "other", "info": []}',
        b'{"action": "heartbeat", "name": "qmt", "info": {}}',
        b'{"action": "heartbeat", "name": "qmt", "info": [1]}',
        b'{"action": "heartbeat", "name": "qmt", "info": [{"name": 7}]}',
        b'{"action": "heartbeat", "name": "qmt", "info": [{"name": "deals", "data": 7}]}',
        b'{"action": ["heartbeat"], "name": {}, "info": []}',
        b"[" * 100_000,
        b'{"action": "heartbeat", "name": "qmt", "info": [{"name": "x", "data": ' + b"[" * 60 + b"]" * 60 + b"}]}",
    ],
    ids=short,
)
def test_a_bad_post_gets_400_without_a_traceback_and_the_next_one_works(url, home, body):
    answer = post(url, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert "Traceback" not in answer.text
    assert stored(home.outbox) == []
    assert post(url, json=GOOD).status_code == 200


def test_nan_infinity_and_no_value_become_null(url, home):
    body = b'{"action":"heartbeat","name":"qmt","info":[{"name":"accounts","data":[NaN,Infinity,1.797e308]}]}'
    assert post(url, data=body).status_code == 200
    assert stored(home.outbox)[0]["data"]["info"][0]["data"] == [None, None, None]


def test_ten_mebibytes_get_400(url, home):
    answer = post(url, data=b"x" * (10 * 1024 * 1024))
    assert answer.status_code == 400
    assert "1 MiB" in answer.json()["msg"]


def test_ten_mebibytes_in_chunks_get_400(url, home):
    answer = post(url, data=(b"x" * 65536 for _ in range(160)))
    assert answer.status_code == 400


def test_too_many_or_too_large_files_are_refused_whole(url, home):
    form = {"action": "heartbeat", "name": "server"}
    many = [("f", (str(n), b"1")) for n in range(inbox.MOST_FILES + 1)]
    assert post(url, data=form, files=many).status_code == 400
    large = [("f", ("ok", b"1")), ("f", ("large", b"x" * (inbox.LARGEST_FILE + 1)))]
    assert post(url, data=form, files=large).status_code == 400
    assert stored(home.outbox) == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_gets_400(url, home, content_type):
    answer = post(url, data=b"--x\r\nnonsense", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_while_the_disk_refuses_the_poster_hears_503(url, outbox, monkeypatch):
    def refuse(new, marks=None):
        raise OutboxError("磁盘满了")

    monkeypatch.setattr(outbox, "put_many", refuse)
    answer = post(url, json=GOOD)
    assert (answer.status_code, answer.json()) == (503, {"code": 1, "msg": "磁盘满了"})


def test_an_inner_fault_is_no_traceback_to_the_poster(url, outbox, monkeypatch):
    def fail(new, marks=None):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(outbox, "put_many", fail)
    answer = post(url, json=GOOD)
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_other_addresses_are_404_as_json(url):
    assert requests.get(url.replace("/api", "/x"), timeout=20).json()["code"] == 1


def test_the_same_deals_posted_again_are_the_same_event():
    first = heartbeat_events(GOOD, MONDAY_10_00)
    again = heartbeat_events(GOOD, MONDAY_10_00 + 60)
    next_day = heartbeat_events(GOOD, MONDAY_10_00 + 86400)
    assert first[0]["id"] == again[0]["id"] != next_day[0]["id"]
    assert first[1]["id"] != again[1]["id"]


def test_a_form_without_files_is_a_heartbeat():
    (event,) = form_events("heartbeat", "server", [], MONDAY_10_00)
    assert event["kind"] == "old.heartbeat"


def test_it_listens_on_loopback_only_and_tells_its_port(server, home, board):
    assert server._server.bind_addr[0] == "127.0.0.1"
    assert json.loads(home.inbox.read_text())["port"] == board.get("inbox_port") > 0


def test_a_taken_port_is_told_and_tried_again(home, lease, board, clock):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(1)
    part = Inbox(taken.getsockname()[1], "t", home, lease, clock.wall)
    part.round(clock.now)
    assert str(taken.getsockname()[1]) in board.get("inbox_why")
    taken.close()
    part.round(clock.now)
    assert board.get("inbox_why") == ""
    part.round(clock.now)  # it answers itself
    part.close()


def test_a_server_that_no_longer_answers_makes_the_round_fail(server, clock):
    server._server.stop()
    with pytest.raises(OSError):
        server.round(clock.now)


def test_idle_connections_do_not_block_the_others(url):
    port = int(url.split(":")[2].split("/")[0])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(inbox.THREADS // 2)]
    assert post(url, json=GOOD).elapsed.total_seconds() < inbox.IDLE_TIMEOUT / 2
    for connection in idle:
        connection.close()


def test_the_old_scripts_heartbeat_is_shown_on_the_board(url, board):
    post(url, json=GOOD)
    assert board.get("post").at == MONDAY_10_00
