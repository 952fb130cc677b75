"""Strangers at the doors: slow ones, huge ones, guessing ones. The tray must still get its answer."""

import socket
import time

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import PASSWORD, event


def connect(served, text):
    client = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    client.sendall(text.encode())
    return client


@pytest.mark.parametrize(
    "head", ["GET / HTTP/1.1\r\nX: ", "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n"]
)
def test_clients_that_never_finish_are_cut_off(served, head, monkeypatch):
    monkeypatch.setattr(program, "REQUEST_SECONDS", 1.0)
    slow = [connect(served, head) for _ in range(10)]
    until = time.monotonic() + 20
    answered = []

    def ask():
        answered.append(requests.post(served.events_url, json=served.envelope(), headers=served.bearer, timeout=15))

    asker = program.threading.Thread(target=ask, daemon=True)
    asker.start()
    while asker.is_alive() and time.monotonic() < until:
        for client in slow:
            try:
                client.sendall(b"a")
            except OSError:
                pass  # cut off
        asker.join(0.3)
    assert [answer.status_code for answer in answered] == [200]
    for client in slow:
        client.close()


@pytest.mark.parametrize("path", ["/api/v1/events", "/healthz"])
def test_a_huge_body_that_nobody_wants_is_not_read_into_memory(served, path):
    """The answer comes although the announced body does not."""
    verb = "GET" if path == "/healthz" else "POST"
    with connect(served, f"{verb} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {200 << 20}\r\n\r\n") as client:
        client.settimeout(5)
        assert client.recv(100).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("size", [f"{200 << 20:x}", "ffffffffffffff"])
def test_a_huge_chunk_is_refused_before_it_is_read(served, size):
    head = f"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n"
    with connect(served, head) as client:
        client.settimeout(5)
        assert b" 413 " in client.recv(100)


def test_half_a_surrogate_pair_in_an_id_gets_its_answer(served):
    bad = '{"id":"\\ud800","kind":"qmt.log","at":1,"data":{}}'
    body = f'{{"machine":"mini-pc","run":"r","sent_at":{served.time},"waiting":0,"events":[{bad}]}}'
    answer = requests.post(served.events_url, data=body, headers=served.bearer, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["rejected"][0]["id"] == "\ud800"


def test_half_a_surrogate_pair_in_an_old_post_can_be_asked_for(served):
    post = '{"action":"heartbeat","name":"qmt","info":[{"name":"positions","data":[{"x":"\\ud800"}]}]}'
    headers = {"Content-Type": "application/json"}
    assert requests.post(served.old_url, data=post, headers=headers, timeout=30).status_code == 200
    assert requests.get(served.old_url + "&action=portfolio", timeout=30).json()["code"] == 0


def test_the_status_door_answers_json_when_the_database_refuses(served, monkeypatch):
    session = requests.Session()
    served.log_in(session)

    def broken(*_):
        raise program.StoreRefused("no")

    monkeypatch.setattr(program, "status_data", broken)
    answer = session.get(served.url + "/api/v1/status", timeout=30)
    assert (answer.status_code, list(answer.json())) == (503, ["error"])


def guess(served, address, session=requests):
    headers = {"X-Forwarded-For": address}
    return session.post(served.url + "/login", data={"password": "wrong"}, headers=headers, timeout=30).status_code


def test_addresses_of_one_ipv6_network_are_one_guesser(served):
    codes = [guess(served, f"2001:db8:1:2::{n:x}") for n in range(program.LOGIN_TRIES + 1)]
    assert codes[-1] == 429


def test_many_guessers_do_not_lock_out_the_owners_phone(served):
    phone = requests.Session()
    served.log_in(phone)
    phone.cookies.pop(program.COOKIE)  # expired
    codes = {guess(served, f"2001:db8:{n:x}::1") for n in range(program.LOGIN_TRIES * 12 + 1)}
    assert 429 in codes
    answer = phone.post(served.url + "/login", data={"password": PASSWORD}, timeout=30, allow_redirects=False)
    assert answer.status_code == 303
    assert [guess(served, "2001:db8::1", phone) for _ in range(program.LOGIN_TRIES + 1)][-1] == 429


def test_a_hung_up_on_vendor_does_not_hold_the_sender_for_ever(monkeypatch):
    monkeypatch.setattr(program, "ATTEMPT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            client, _ = listening.accept()
            client.recv(9999)
            try:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
                while True:
                    client.sendall(b" ")
                    time.sleep(0.2)
            except OSError:
                client.close()

        program.threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        found = program.post_json(f"http://127.0.0.1:{listening.getsockname()[1]}/", {})
    assert isinstance(found, program.Later)
    assert time.monotonic() - began < 60, "it drips for ever"


def test_every_version_of_a_file_is_kept_for_a_week(bench):
    for content in ("first", "second"):
        bench.batch(event("file", bench.time, name="deals.csv", content=content, source="t"))
    assert bench.rows("SELECT content FROM file") == [(b"second",)]
    assert bench.rows("SELECT count(*) FROM event WHERE data LIKE '%first%'") == [(1,)]
    bench.time += 8 * 86400
    bench.receiver.purged_at = 0.0
    bench.receiver.check_once()
    assert bench.rows("SELECT count(*) FROM event WHERE kind = 'file'") == [(0,)]


def test_old_files_deals_and_incidents_are_tidied_up(bench):
    bench.batch(event("file", bench.time, name="a", content="x", source="t"))
    bench.post("old.deals", name="qmt", deals=[{"日期": "20260105", "订单编号": "1"}])
    bench.post("strategy.notice", strategy="g", what="state", text="x")
    bench.time += 7 * 366 * 86400
    bench.receiver.check_once()
    counts = [
        bench.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("file", "deal", "incident WHERE machine != ''")
    ]
    assert counts == [0, 0, 0]


def test_files_take_a_bounded_room(bench, monkeypatch):
    monkeypatch.setattr(program, "FILES_TOTAL", 5000)
    for number in range(8):
        bench.batch(event("file", bench.time, name=f"f{number}", content="x" * 1000, source="t"))
        bench.time += 1
    bench.receiver.purged_at = 0.0
    bench.receiver.check_once()
    assert bench.rows("SELECT name FROM file ORDER BY name") == [(f"f{n}",) for n in range(3, 8)]


def test_two_partial_fills_without_a_trade_id_are_two_deals(bench):
    rows = [{"日期": "20260105", "合同编号": "77", "成交量": n, "时间": f"10000{n}"} for n in (1, 2)]
    for _ in range(2):
        bench.post("old.deals", name="qmt", deals=rows)
        bench.time += 1
    assert bench.rows("SELECT count(*) FROM deal") == [(2,)]


FORGED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "javascript",
    "X-Original-URL": "https://evil.example/",
    "Forwarded": "host=evil.example",
}


@pytest.mark.parametrize("path", ["/", "/login", "/trade", "/logout", "/healthz", "/nowhere", "//evil.example/x"])
def test_a_forged_host_stands_in_no_answer_and_no_redirect_leaves(served, path):
    # A name turned to our address (DNS rebinding), or a shared cache, would carry it to others.
    answer = requests.get(served.url + path, headers=FORGED, allow_redirects=False, timeout=30)
    assert "evil.example" not in answer.text and "evil.example" not in str(answer.headers)
    assert answer.headers.get("Location", "/login").startswith("/login")
