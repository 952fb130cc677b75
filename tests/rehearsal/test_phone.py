"""The simulated phone follows the vendors' rules."""

import json
import smtplib
import threading
import urllib.request
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rehearsal.phone import vendors
from rehearsal.phone.server import Phone


@pytest.fixture
def phone():
    phone = Phone("the-key", "the-token", "me@example.com", "secret")
    yield phone
    phone.close()


def post(phone, path, value, kind="application/json"):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    url = f"http://127.0.0.1:{phone.http_port}{path}"
    with urllib.request.urlopen(
        urllib.request.Request(url, data=raw, headers={"Content-Type": kind}), timeout=30
    ) as answer:
        return json.loads(answer.read().decode())


def text(content):
    return {"msgtype": "text", "text": {"content": content}}


def wecom(phone, content):
    return post(phone, "/cgi-bin/webhook/send?key=the-key", text(content))["errcode"]


def test_wecom_says_no_with_http_200(phone):
    assert post(phone, "/cgi-bin/webhook/send?key=wrong", text("x"))["errcode"] == 93000
    assert post(phone, "/cgi-bin/webhook/send?key=the-key", {"msgtype": "poem"})["errcode"] == 40008
    assert post(phone, "/cgi-bin/webhook/send?key=the-key", b"{nonsense")["errcode"] == 40008


def test_wecom_counts_bytes_not_characters(phone):
    assert wecom(phone, "汉" * 682 + "ab") == 0  # 2048 bytes
    assert wecom(phone, "汉" * 682 + "abc") == 40058


def test_wecom_takes_twenty_in_a_minute():
    raw = json.dumps(text("x")).encode()
    taken = [1000.0 + i for i in range(20)]
    assert vendors.wecom(raw, "k", "k", 1030.0, taken).body["errcode"] == 45009
    assert vendors.wecom(raw, "k", "k", 1060.5, taken).body["errcode"] == 0


def test_pushplus_wants_json_a_token_and_content(phone):
    good = {"token": "the-token", "content": "x", "title": "t"}
    assert post(phone, "/send", good)["code"] == 200
    assert post(phone, "/send", dict(good, token="no"))["code"] == 903
    assert post(phone, "/send", dict(good, content=""))["code"] == 600
    assert post(phone, "/send", good, kind="text/plain")["code"] == 999


def test_pushplus_closes_the_day_after_200_requests_and_opens_at_midnight_in_shanghai():
    raw = json.dumps({"token": "t", "content": "x"}).encode()
    noon = 1767576000.0
    times = [noon] * 201
    assert vendors.pushplus(raw, "application/json", "t", noon, times, "c").body["code"] == 900
    assert vendors.pushplus(raw, "application/json", "t", noon + 86400, times, "c").body["code"] == 200


def test_pushplus_does_not_show_what_has_expired():
    raw = json.dumps({"token": "t", "content": "x", "timestamp": 1000}).encode()
    answer = vendors.pushplus(raw, "application/json", "t", 1767576000.0, [1767576000.0], "c")
    assert answer.body["code"] == 200
    assert answer.shown is None


def test_pushplus_calls_back_with_the_short_code(phone):
    told, arrived = [], threading.Event()

    class Callback(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/cb"
    answer = post(phone, "/send", {"token": "the-token", "content": "x", "callbackUrl": url})
    assert arrived.wait(10)
    server.server_close()
    assert told[0]["messageInfo"] == {"message": "", "shortCode": answer["data"], "sendStatus": 2}


def mail(subject, body):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "me@example.com", "me@example.com"
    message.set_content(body)
    return message


def test_mail_arrives_after_login_and_a_wrong_password_is_535(phone):
    with smtplib.SMTP("127.0.0.1", phone.smtp_port, timeout=30) as client:
        client.login("me@example.com", "secret")
        client.send_message(mail("❗ 标题", "正文"))
    assert phone.inbox.log()[-1]["shown"] == {"title": "❗ 标题", "body": "正文"}
    with smtplib.SMTP("127.0.0.1", phone.smtp_port, timeout=30) as client, pytest.raises(
        smtplib.SMTPAuthenticationError
    ) as refused:
        client.login("me@example.com", "wrong")
    assert refused.value.smtp_code == 535


def test_a_request_that_is_being_answered_can_be_seen(phone):
    with phone.inbox.answering("wecom"):
        assert phone.inbox.busy() == ["wecom"]
    assert phone.inbox.busy() == []


def test_a_fault_is_obeyed_and_ends(phone):
    post(phone, "/control", {"channel": "wecom", "mode": "errcode", "code": 45009})
    assert wecom(phone, "x") == 45009
    post(phone, "/control", {"channel": "wecom", "mode": "ok"})
    assert wecom(phone, "x") == 0
    assert [r["shown"] is not None for r in phone.inbox.log()] == [False, True]
