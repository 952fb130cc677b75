"""Pairing on the Windows Python under Wine: the installer's --pair-file, then heartbeats over pinned TLS."""

import json
import threading

import pytest

from installer import wine_desktop
from tests.tray_app import certificates
from tests.tray_app.helpers import StubReceiver, accept
from tests.tray_app.test_tray_pairing import packed
from tray_app import pairing

START = 60.0  # seconds for a program to come up


@pytest.fixture
def secure(tmp_path):
    """A receiver with a self-signed certificate; `told`: the kinds of all events that it got."""
    certificate = certificates.make(tmp_path / "tls")
    stub = StubReceiver(certificate.tls)
    stub.fingerprint = certificate.fingerprint
    yield stub
    stub.close()


def pair(windows, home, tmp_path, code):
    file = tmp_path / "配对码.txt"
    file.write_bytes(code.encode("utf-16"))  # as PowerShell writes it
    arguments = ["-m", "tray_app", "--pair-file", wine_desktop.windows_path(file)]
    done = windows.run(arguments, home=home, timeout=START)
    assert not file.exists()
    return done


def test_paired_by_the_installers_file_the_tray_speaks_over_the_pinned_certificate(windows, tmp_path, secure):
    home = tmp_path / "哨兵"
    home.mkdir()
    (home / "sentry.ini").write_bytes("; 我的\r\n[sentry]\r\nmachine = x ; 名字\r\n[inbox]\r\nport = 0\r\n".encode())
    done = pair(windows, home, tmp_path, packed(url=secure.url, fingerprint=secure.fingerprint))
    assert done.returncode == pairing.CONNECTED, done.stdout
    assert (home / "sentry.ini").read_bytes().startswith("; 我的\r\n[sentry]\r\nmachine = mini-pc ; 名字\r\n".encode())
    with windows.start(["-m", "tray_app", "--headless"], home=home) as tray:
        assert tray.wait_for("tray ready", START), tray.output()
        assert wait_for_event(secure, "host.heartbeat"), tray.output()
    assert {headers["Authorization"] for headers in secure.headers} == {"Bearer tok-en_1"}


def test_a_wrong_certificate_is_the_exit_code_4_and_nothing_is_written(windows, tmp_path, secure):
    home = tmp_path / "哨兵"
    home.mkdir()
    done = pair(windows, home, tmp_path, packed(url=secure.url, fingerprint="0" * 64))
    assert done.returncode == pairing.OTHER_CERTIFICATE, done.stdout
    assert not (home / "sentry.ini").exists()
    assert secure.headers == []


def wait_for_event(secure, kind):
    """Whether an event of that kind came, or comes within START seconds."""
    came = threading.Event()

    def answer(envelope):
        if any(event["kind"] == kind for event in envelope["events"]):
            came.set()
        return accept(envelope)

    secure.answers = [answer]
    if kind in json.dumps(secure.posts):
        return True
    return came.wait(START)
