"""Strangers and pipelines at a receiver that serves its own certificate."""

import json
import socket
import ssl
import struct

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import TOKEN, wait_until
from tests.receiver.served import Served


@pytest.fixture
def served_tls(tmp_path):
    program.make_certificate(tmp_path, "127.0.0.1")
    made = Served(tmp_path, tls=(tmp_path / "certificate.pem", tmp_path / "certificate-key.pem"))
    made.pem = str(tmp_path / "certificate.pem")
    yield made
    made.close()


def connect(served):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", served.port), timeout=60))


def request(served, size=0):
    """A post that is so many bytes long with its headers, at least."""
    body = json.dumps(served.envelope()).encode()
    head = f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    head += f"Content-Length: {len(body)}\r\n".encode()
    padding = size - len(head + body) - len(b"X: \r\n\r\n")
    return head + b"X: " + b"x" * padding + b"\r\n\r\n" + body


def test_a_second_post_behind_a_full_buffer_is_answered_at_once(served_tls):
    with connect(served_tls) as line:
        line.sendall(request(served_tls, 8192) + request(served_tls))  # one TLS record; a buffer has 8192 bytes
        answers = b""
        while answers.count(b"200 OK") < 2:
            piece = line.recv(65536)
            assert piece
            answers += piece


def test_strangers_who_speak_no_tls_or_hang_up_write_no_traceback(served_tls, caplog):
    for _ in range(5):
        line = connect(served_tls)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # hang up at once
        line.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
        line.close()
    with socket.create_connection(("127.0.0.1", served_tls.port), timeout=60) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while line.recv(1000):
            pass
    wait_until(lambda: not served_tls.server.open)
    assert "Traceback" not in caplog.text
    url = served_tls.events_url.replace("http:", "https:")
    assert requests.post(
        url, json=served_tls.envelope(), headers=served_tls.bearer, verify=served_tls.pem, timeout=60
    ).ok
