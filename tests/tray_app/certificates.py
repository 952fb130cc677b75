"""Certificates made at test time: the receiver's own way, and two that it never makes."""

import shutil
import subprocess

import pytest

from receiver import receiver as program

OPENSSL = shutil.which("openssl")


class Certificate:
    def __init__(self, folder):
        self.folder = folder
        self.tls = (folder / "certificate.pem", folder / "certificate-key.pem")

    @property
    def fingerprint(self):
        return program.fingerprint_of(self.tls[0])


def make(folder):
    """Self-signed for 127.0.0.1, as `receiver.py init --self-signed` makes it."""
    if OPENSSL is None:
        pytest.skip("no openssl here (Wine); the program under Wine is tested from outside, in tests/windows")
    folder.mkdir()
    program.make_certificate(folder, "127.0.0.1")
    return Certificate(folder)


def make_expired(folder):
    """Self-signed, its last day is over."""
    made = make(folder)
    certificate, key = map(str, made.tls)
    again = [OPENSSL, "x509", "-in", certificate, "-signkey", key, "-days", "-1", "-out", certificate + ".old"]
    subprocess.run(again, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    (folder / "certificate.pem.old").replace(certificate)
    return made
