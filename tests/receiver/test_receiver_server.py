"""The doors over real HTTP: answers, refusals, idle connections."""

import gzip
import json
import socket
import sqlite3
import time

import pytest
import requests

from tests.receiver.receiver_bench import event


def post(served, body, **headers):
    return requests.post(served.events_url, data=body, headers={**served.bearer, **headers}, timeout=30)


def test_a_post_is_answered_in_the_protocols_shape(served):
    one = event("host.heartbeat", served.time)
    answer = requests.post(served.events_url, json=served.envelope(one), headers=served.bearer, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {
        "accepted": [one["id"]],
        "rejected": [],
        "now": served.time,
        "alerts": {"ok": True, "why": ""},
        "day": {"trading": True, "covered_until": "2026-12-31"},
    }
    assert served.rows("SELECT id FROM event") == [(one["id"],)]


def test_gzip_is_understood(served):
    body = gzip.compress(json.dumps(served.envelope(event("qmt.log", served.time))).encode())
    assert post(served, body, **{"Content-Encoding": "gzip"}).json()["rejected"] == []


def test_a_chunked_post_is_understood(served):
    body = json.dumps(served.envelope(event("qmt.log", served.time))).encode()
    chunks = (body[n : n + 40] for n in range(0, len(body), 40))
    assert post(served, chunks).json()["rejected"] == []


@pytest.mark.parametrize(
    "body, headers, status",
    [
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {}, 400),
        (b"x", {"Content-Encoding": "br"}, 415),
        (b"x", {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"{}", {"Authorization": "Bearer "}, 401),
        (b"{}", {"Authorization": "Basic machine-token"}, 401),
        (b"{}", {"Authorization": "Bearer old-token"}, 401),
        (b"{}", {"Authorization": "Bearer \xff\xfe"}, 401),
        (gzip.compress(b"0" * (60 << 20)), {"Content-Encoding": "gzip"}, 413),
        (b'{"machine":"other","run":"","sent_at":1,"events":[]}', {}, 403),
    ],
)
def test_a_bad_post_has_a_clear_json_answer(served, body, headers, status):
    answer = post(served, body, **headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert "Traceback" not in answer.text
    assert served.rows("SELECT count(*) FROM event") == [(0,)]


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_mebibytes_are_refused_with_an_answer(served, chunked):
    body = b" " * (10 << 20)
    answer = post(served, iter([body]) if chunked else body)
    assert answer.status_code == 413
    assert answer.json()["error"]


def test_a_refused_body_is_not_read_first(served):
    """The answer is there although only the head of the request was sent."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {served.bearer['Authorization']}\r\n"
        client.sendall(f"{head}Content-Length: 10485760\r\n\r\n".encode())
        assert b" 413 " in client.recv(4096)


def test_a_body_that_is_cut_off_stores_nothing(served):
    body = json.dumps(served.envelope(event("qmt.log", served.time))).encode()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {served.bearer['Authorization']}\r\n"
        client.sendall(f"{head}Content-Length: {len(body) + 10}\r\n\r\n".encode() + body)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(4096)
    assert b" 200 " not in answer
    assert served.rows("SELECT count(*) FROM event") == [(0,)]


def test_a_database_that_refuses_is_503_with_retry_after(served):
    served.receiver.store.db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(str(served.config.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    one = event("qmt.log", served.time)
    answer = requests.post(served.events_url, json=served.envelope(one), headers=served.bearer, timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["error"]
    assert requests.get(served.url + "/healthz", timeout=30).status_code == 503
    assert requests.post(served.old_url, json={"action": "heartbeat", "name": "qmt"}, timeout=30).status_code == 503
    other.execute("ROLLBACK")
    other.close()
    again = requests.post(served.events_url, json=served.envelope(one), headers=served.bearer, timeout=30)
    assert again.json()["accepted"] == [one["id"]]
    assert requests.get(served.url + "/healthz", timeout=30).status_code == 200


def test_healthz_is_503_when_the_checker_is_dead(served):
    assert requests.get(served.url + "/healthz", timeout=30).json()["ok"] is True
    served.receiver.checked_at = time.monotonic() - 31
    answer = requests.get(served.url + "/healthz", timeout=30)
    assert (answer.status_code, answer.json()["checker"]) == (503, False)
    told = requests.post(served.events_url, json=served.envelope(), headers=served.bearer, timeout=30).json()["alerts"]
    assert told == {"ok": False, "why": "接收端不再检查，请重启它"}


def test_healthz_is_503_when_a_channels_worker_is_dead(served):
    class Dead:
        def healthy(self):
            return False

    served.receiver.senders["wecom"] = Dead()
    assert requests.get(served.url + "/healthz", timeout=30).status_code == 503


def test_idle_connections_block_nobody(served):
    idle = [socket.create_connection(("127.0.0.1", served.port), timeout=30) for _ in range(60)]
    assert requests.get(served.url + "/healthz", timeout=30).status_code == 200
    for client in idle:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):  # it is still there: nobody waited until it was hung up on
            client.recv(1)
        client.close()


def test_a_kept_alive_connection_serves_many_posts(served):
    with requests.Session() as session:
        for _ in range(20):
            answer = session.post(served.events_url, json=served.envelope(), headers=served.bearer, timeout=30)
            assert answer.status_code == 200


def test_two_posts_in_one_packet_are_both_answered(served):
    """The second one is in the server's buffer already, where no selector sees it."""
    ids = []
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as line:
        packet = b""
        for _ in range(2):
            one = event("qmt.log", served.time)
            ids.append((one["id"],))
            body = json.dumps(served.envelope(one)).encode()
            head = f"Host: x\r\nAuthorization: {served.bearer['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
            packet += b"POST /api/v1/events HTTP/1.1\r\n" + head.encode() + body
        line.sendall(packet)
        got = b""
        while got.count(b'"covered_until"') < 2:
            piece = line.recv(65536)
            assert piece, got
            got += piece
    assert got.count(b"HTTP/1.1 200 OK") == 2
    assert served.rows("SELECT id FROM event ORDER BY rowid") == ids


def test_an_unknown_path_is_json_for_machines_and_a_page_for_people(served):
    assert list(requests.get(served.url + "/api/v2", timeout=30).json()) == ["error"]
    assert list(requests.get(served.events_url, timeout=30).json()) == ["error"]
    page = requests.get(served.url + "/nothing/<script>", timeout=30)
    assert page.status_code == 404
    assert "没有这个页面" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "line, head",
    [
        ("GET /%ff%fe HTTP/1.1", b"X: y"),
        ("GET /\xff HTTP/1.1", b"X: y"),
        ("GET /api?token=%ff&action=%fe HTTP/1.1", b"X: y"),
        ("GET / HTTP/1.1", b"Cookie: sentry_login=\xff\xfe; \xff=1"),
        ("GET / HTTP/1.1", b"X-Forwarded-For: \xff"),
        ("POST /login HTTP/1.1", b"Content-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 0"),
        ("POST /login HTTP/1.1", b"Content-Length: -5"),
        ("POST /api/v1/events HTTP/1.1", b"Authorization: Bearer machine-token\r\nContent-Length: -5"),
        ("POST /api/v1/events HTTP/1.1", b"Authorization: Bearer machine-token\r\nContent-Length: 9x"),
        ("BREW /pot HTTP/1.1", b"X: y"),
        ("nonsense", b""),
    ],
)
def test_strange_bytes_get_an_answer_below_500_and_no_traceback(served, line, head):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        client.sendall(line.encode("latin-1") + b"\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n\r\n")
        answer = client.recv(65536)
    assert int(answer.split()[1]) < 500
    assert b"Traceback" not in answer


def test_a_bug_shows_no_traceback(served, monkeypatch):
    def broken(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr("receiver.receiver.take_batch", broken)
    answer = requests.post(served.events_url, json=served.envelope(), headers=served.bearer, timeout=30)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})


def test_a_callback_path_that_nobody_made_is_404(served):
    body = {"event": "message_complate", "messageInfo": {"sendStatus": 2}}
    assert requests.post(served.url + "/cb/guess", json=body, timeout=30).status_code == 404
    assert requests.post(served.url + "/cb/guess", json=[1], timeout=30).status_code == 400
    assert requests.post(served.url + "/cb/guess", data=b"\xff", timeout=30).status_code == 400
