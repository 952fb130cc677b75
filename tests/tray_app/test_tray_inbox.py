"""The inbox: the two old posts over real HTTP, and every bad one refused with a clear answer."""

import hashlib
import json
import socket
import threading

import pytest
import requests

from rehearsal.network import free_port
from tests.tray_app.helpers import MONDAY_10_00, short, stored
from tray_app import inbox, old_posts
from tray_app.home import Home
from tray_app.inbox import Inbox
from tray_app.old_posts import form_events, heartbeat_events, label
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
    files = [("f", ("one", b"1")), ("f", ("two", b"x" * old_posts.LARGEST_FILE))]
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


def test_ten_mebibytes_get_413(url, home):
    answer = post(url, data=b"x" * (10 * 1024 * 1024))
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["msg"]


def test_ten_mebibytes_in_chunks_get_413(url, home):
    answer = post(url, data=(b"x" * 65536 for _ in range(160)))
    assert answer.status_code == 413


def begin_post(url, token, length=10**6):
    """A connection with the head of a post on it, and the first byte of its body."""
    connection = socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0])), timeout=20)
    head = f"POST /api?token={token} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n["
    connection.sendall(head.encode("ascii"))
    return connection


def answer_of(connection):
    """All bytes until the other side closes; b'' where it just cut the line."""
    parts = []
    with connection:
        try:
            while True:
                parts.append(connection.recv(65536))
                if not parts[-1]:
                    return b"".join(parts)
        except ConnectionError:
            return b"".join(parts)


def test_without_the_token_nobody_is_waited_for(url, monkeypatch):
    monkeypatch.setattr(inbox, "REFUSED_WITHIN", 0.3)
    monkeypatch.setattr(inbox, "REQUEST_WITHIN", 3600)
    monkeypatch.setattr(inbox, "IDLE_TIMEOUT", 3600)
    strangers = [begin_post(url, "wrong") for _ in range(inbox.THREADS)]
    answers = [answer_of(connection) for connection in strangers]
    assert all(b" 400 " in answer and b"token" in answer for answer in answers)


def test_without_the_token_a_large_body_is_not_read(url, monkeypatch):
    connection = begin_post(url, "wrong", 15 * 1024 * 1024)
    sent, part = 0, b"x" * 65536
    try:
        for _ in range(230):
            connection.sendall(part)
            sent += len(part)
    except OSError:
        pass
    connection.close()
    assert sent < 14 * 1024 * 1024
    assert post(url, json=GOOD).status_code == 200


def test_a_body_that_drips_is_given_up(url, home, monkeypatch):
    monkeypatch.setattr(inbox, "REQUEST_WITHIN", 1.0)
    connection = begin_post(url, "old-token")
    ended = threading.Event()

    def drip():
        try:
            while not ended.wait(0.2):
                connection.sendall(b" ")
        except OSError:
            pass

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    answer = answer_of(connection)
    ended.set()
    dripping.join(20)
    assert b" 400 " in answer or answer == b""
    assert stored(home.outbox) == []


def test_a_body_that_ends_early_gets_400_even_if_what_came_is_a_post(url, home):
    body = json.dumps(GOOD).encode("utf-8")
    connection = socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0])), timeout=20)
    head = f"POST /api?token=old-token HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 5}\r\n\r\n"
    connection.sendall(head.encode("ascii") + body)
    connection.shutdown(socket.SHUT_WR)
    assert b" 400 " in answer_of(connection)
    assert stored(home.outbox) == []


def test_what_the_receiver_could_not_take_gets_413_and_no_yes(url, home):
    form = {"action": "heartbeat", "name": "server"}
    zeros = post(url, data=form, files=[("f", ("zeros", b"\0" * 255 * 1024))])
    assert (zeros.status_code, zeros.json()["code"]) == (413, 1)
    body = json.dumps({**GOOD, "info": [{"name": "x", "data": "\x01" * 170_000}]})
    assert len(body) < inbox.LARGEST_POST
    grown = post(url, data=body.replace("\\u0001", "é").encode("utf-8"))
    assert grown.status_code == 200
    deals = [{"n": 1e15}] * 60_000  # each number is written longer than it was posted
    large = {"action": "heartbeat", "name": "qmt", "info": [{"name": "deals", "data": deals}]}
    body = json.dumps(large, separators=(",", ":")).replace("1000000000000000.0", "1e15")
    assert len(body) < inbox.LARGEST_POST
    assert post(url, data=body).status_code == 413
    gbk = post(url, data=form, files=[("f", ("gbk.csv", "中".encode("gbk") * 120_000))])
    assert gbk.status_code == 413
    assert [event["kind"] for event in stored(home.outbox)] == ["old.heartbeat"]


def test_too_many_or_too_large_files_are_refused_whole(url, home):
    form = {"action": "heartbeat", "name": "server"}
    many = [("f", (str(n), b"1")) for n in range(old_posts.MOST_FILES + 1)]
    assert post(url, data=form, files=many).status_code == 400
    large = [("f", ("ok", b"1")), ("f", ("large", b"x" * (old_posts.LARGEST_FILE + 1)))]
    assert post(url, data=form, files=large).status_code == 413
    assert stored(home.outbox) == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_gets_400(url, home, content_type):
    answer = post(url, data=b"--x\r\nnonsense", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_while_the_disk_refuses_the_poster_hears_503(url, outbox, monkeypatch):
    def refuse(new, marks=None, may=None):
        raise OutboxError("磁盘满了")

    monkeypatch.setattr(outbox, "put_many", refuse)
    answer = post(url, json=GOOD)
    assert (answer.status_code, answer.json()) == (503, {"code": 1, "msg": "磁盘满了"})


def test_an_inner_fault_is_no_traceback_to_the_poster(url, outbox, monkeypatch):
    def fail(new, marks=None, may=None):
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


def test_the_same_files_posted_again_are_the_same_events_and_changed_ones_are_new():
    def ids(content, now=MONDAY_10_00, file="a.csv", name="server"):
        return [event["id"] for event in form_events("heartbeat", name, [(file, content)], now)]

    first, again = ids(b"1"), ids(b"1", MONDAY_10_00 + 60)
    assert first[0] == again[0]
    assert first[1] != again[1]
    others = [ids(b"2"), ids(b"1", MONDAY_10_00 + 86400), ids(b"1", file="b.csv"), ids(b"1", name="qmt")]
    assert len({first[0], *(other[0] for other in others)}) == 5


@pytest.mark.parametrize(
    "content, text",
    [("值".encode("utf-8-sig"), "值"), ("代码".encode("gbk"), "代码"), ("㐀€".encode("gb18030"), "㐀€")],
    ids=short,
)
def test_text_of_a_file_is_read_in_the_usual_encodings(content, text):
    data = form_events("heartbeat", "server", [("a", content)], MONDAY_10_00)[0]["data"]
    assert data["content"] == text
    assert "binary" not in data


def test_a_file_that_is_no_text_says_so():
    data = form_events("heartbeat", "server", [("a.zip", b"PK\xff\xff\x00")], MONDAY_10_00)[0]["data"]
    assert data["binary"] is True
    assert data["content"].startswith("PK\ufffd")


def test_a_form_without_files_is_a_heartbeat():
    (event,) = form_events("heartbeat", "server", [], MONDAY_10_00)
    assert event["kind"] == "old.heartbeat"


def test_it_listens_on_loopback_only_and_tells_its_port(server, home, board):
    assert server._server.bind_addr[0] == "127.0.0.1"
    assert json.loads(home.inbox.read_text())["port"] == board.get("inbox_port") > 0


def test_a_taken_port_is_told_and_tried_again(home, lease, board, clock):
    taken = socket.create_server(("127.0.0.1", free_port()))
    part = Inbox(taken.getsockname()[1], "t", home, lease, clock.wall)
    part.round(clock.now)
    assert str(taken.getsockname()[1]) in board.get("inbox_why")
    taken.close()
    part.round(clock.now)
    assert board.get("inbox_why") == ""
    part.round(clock.now)  # it answers itself
    part.close()


def test_a_port_file_that_cannot_be_written_is_no_taken_port_and_is_tried_again(home, lease, board, clock, monkeypatch):
    def held(path, text):
        raise PermissionError(13, "sharing violation")

    board.show(inbox_why="端口被占用")
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "write_whole", held)
        part = Inbox(0, "t", home, lease, clock.wall)
        part.round(clock.now)
        assert (board.get("inbox_why"), board.get("inbox_port") > 0) == ("", True)
        assert not home.inbox.exists()
        part.round(clock.now)
    part.round(clock.now)
    assert json.loads(home.inbox.read_text())["port"] == board.get("inbox_port")
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
