"""The way to the receiver over real TLS on loopback: the pin, the usual checks, and never a token in the clear."""

import pytest
import requests

from tests.tray_app import certificates
from tests.tray_app.helpers import StubReceiver, accept, fails_with, order, settings, stored
from tray_app import config, connection
from tray_app.sender import Sender

BODY = b'{"events": []}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture
def secure(certificate):
    stub = StubReceiver(certificate.tls)
    yield stub
    stub.close()


def post(url, fingerprint=""):
    session = connection.open_session(url, "secret", fingerprint)
    try:
        return connection.post(session, url + "/api/v1/events", BODY)
    finally:
        session.close()


def refused(url, fingerprint=""):
    """How a post that must not succeed is explained."""
    with pytest.raises(connection.FAILURES) as caught:
        post(url, fingerprint)
    return connection.explain(caught.value)


def test_the_pinned_certificate_is_taken_although_nobody_signed_it(secure, certificate):
    assert post(secure.url, certificate.fingerprint).status == 200
    assert secure.headers[0]["Authorization"] == "Bearer secret"


def test_another_certificate_gets_neither_token_nor_events(secure):
    assert refused(secure.url, "0" * 64) == connection.OTHER_CERTIFICATE
    assert (secure.posts, secure.headers) == ([], [])


def test_a_self_signed_certificate_without_a_pin_is_refused(secure):
    assert refused(secure.url) == connection.BAD_CERTIFICATE
    assert secure.headers == []


def test_a_pinned_certificate_may_have_expired(tmp_path):
    expired = certificates.make_expired(tmp_path / "old")
    stub = StubReceiver(expired.tls)
    try:
        assert post(stub.url, expired.fingerprint).status == 200
        assert refused(stub.url, "0" * 64) == connection.OTHER_CERTIFICATE
    finally:
        stub.close()


def test_with_a_pin_nothing_is_sent_over_plain_http(receiver):
    assert "http://" in refused(receiver.url, "0" * 64)
    assert receiver.headers == []


def test_a_redirect_to_plain_http_is_not_followed(secure, receiver, certificate):
    secure.answers = [fails_with(307, Location=receiver.url + "/api/v1/events")]
    assert post(secure.url, certificate.fingerprint).status == 307
    assert receiver.headers == []


def test_a_port_that_speaks_no_tls_is_named_as_such(receiver):
    assert refused(receiver.url.replace("http:", "https:"), "0" * 64) == connection.NO_TLS


def test_a_certificate_that_a_known_root_signed_needs_no_pin(secure, certificate, monkeypatch):
    # Our own certificate as a root: the chain and the name (127.0.0.1) are then as with a public one.
    monkeypatch.setattr("certifi.where", lambda: str(certificate.tls[0]))
    assert post(secure.url).status == 200
    assert refused(secure.url.replace("127.0.0.1", "localhost")) == connection.BAD_CERTIFICATE


def test_verification_is_off_only_where_the_pin_is():
    pinned, usual = (connection.open_session("https://x", "t", pin) for pin in ("0" * 64, ""))
    assert list(pinned.adapters) == ["https://"]
    assert pinned.verify is True and usual.verify is True  # nobody else may switch it off by this
    assert isinstance(usual.get_adapter("https://x"), connection._Trusting)
    with pytest.raises(requests.exceptions.InvalidSchema):
        pinned.get_adapter("http://x")


def test_the_environment_cannot_switch_verification_off_or_route_elsewhere(secure, certificate, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert post(secure.url, certificate.fingerprint).status == 200


def test_the_sender_sends_over_the_pin_and_keeps_everything_when_it_is_wrong(
    secure, certificate, outbox, lease, board, home
):
    outbox.put(order())
    wrong = settings(secure.url, sentry=f"fingerprint = {'0' * 64}")
    Sender(wrong, outbox, lease, "run").round(0.0)
    assert board.get("link").why == connection.OTHER_CERTIFICATE
    assert len(stored(home.outbox)) == 1
    secure.answers = [accept]
    right = settings(secure.url, sentry=f"fingerprint = {certificate.fingerprint.upper()}")
    Sender(right, outbox, lease, "run").round(0.0)
    assert board.get("link").state == "ok"
    assert stored(home.outbox) == []


@pytest.mark.parametrize(
    "lines, word",
    [
        ("receiver = http://x\ntoken = t\nfingerprint = " + "0" * 64, "https://"),
        ("receiver = https://x\ntoken = t\nfingerprint = 12ab", "SHA-256"),
        ("receiver = https://x\ntoken = t\nfingerprint = " + "g" * 64, "SHA-256"),
        ("fingerprint = " + "0" * 64, "https://"),
    ],
)
def test_a_pin_that_cannot_hold_is_refused_at_start(lines, word):
    with pytest.raises(config.ConfigError, match=word):
        config.parse("[sentry]\n" + lines, "sentry.ini")


def test_a_fingerprint_may_stand_as_openssl_prints_it():
    colons = ":".join(["AB"] * 32)
    found = config.parse(f"[sentry]\nreceiver = https://x\ntoken = t\nfingerprint = {colons}", "sentry.ini")
    assert found.fingerprint == "ab" * 32
