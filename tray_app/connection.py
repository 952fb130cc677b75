"""How the tray speaks to the receiver: one requests session that carries the token, and what a failure means in words.

Two ways to know that it is the receiver. Without a fingerprint the usual checks hold: the system's roots and certifi's,
host name, dates. With one (from the pairing code) exactly that certificate is accepted and no other, whatever any root
says; host name and dates are then not looked at, because a self-signed certificate on a plain address has neither worth
trusting (docs/protocol.md section 8). urllib3 compares it right after the handshake, before a byte of the request.
"""

from __future__ import annotations

import ssl
import time
from typing import Any, Callable, NamedTuple

import certifi
import requests  # type: ignore[import-untyped,unused-ignore]
from requests.adapters import HTTPAdapter  # type: ignore[import-untyped,unused-ignore]

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
LONGEST_ANSWER = 20.0  # seconds for the whole answer: a read timeout alone lets one byte a time go on for ever
LARGEST_ANSWER = 1024 * 1024  # bytes
OTHER_CERTIFICATE = "接收端的证书和配对时的不是同一张（换过证书，或有人冒充）：请用 receiver.py pair 名字 重新配对"
BAD_CERTIFICATE = "接收端的证书不对（请核对网址和这台电脑的时间）"
NO_TLS = "和接收端谈不成加密连接（端口上说的可能不是 HTTPS，请核对网址和端口）"


class Answer(NamedTuple):
    """An HTTP answer, read to its end. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Trusting(HTTPAdapter):  # type: ignore[misc,unused-ignore]
    """The usual checks, against the system's roots as well as certifi's: a program that is not upgraded for years must
    still know the roots of its day."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.create_default_context()  # with the system's roots; beside a context requests adds none itself
        context.load_verify_locations(certifi.where())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        super().init_poolmanager(*args, ssl_context=context, **kwargs)


class _Pinned(HTTPAdapter):  # type: ignore[misc,unused-ignore]
    """Only the certificate with this SHA-256. The chain is not verified, but only here, where the pin is."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, assert_fingerprint=self._fingerprint, **kwargs)

    def send(self, request: Any, **kwargs: Any) -> Any:
        return super().send(request, **{**kwargs, "verify": False})


def open_session(address: str, token: str, fingerprint: str = "") -> requests.Session:
    """A session with the machine's token for the receiver's address. With a fingerprint (64 hex digits) it speaks
    https only."""
    session = requests.Session()
    session.trust_env = False  # a proxy or a netrc of the user's environment is not ours to follow
    if fingerprint:
        session.mount("https://", _Pinned(fingerprint))
        del session.adapters["http://"]  # a pin says that the way is encrypted: never the token in the clear
    elif address.startswith("https://"):  # only then: reading all roots takes a tenth of a second
        session.mount("https://", _Trusting())
    session.headers.update(
        {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "qmt-sentry-tray",
        }
    )
    return session


def post(
    session: requests.Session,
    url: str,
    payload: bytes,
    headers: dict[str, str] | None = None,
    mono: Callable[[], float] = time.monotonic,
) -> Answer:
    """Post and read the whole answer, within bounds. Raises FAILURES. A redirect is an answer like any other: followed,
    it would take the token elsewhere."""
    response = session.post(
        url,
        data=payload,
        headers=headers or {},
        timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        allow_redirects=False,
        stream=True,
    )
    try:
        body, deadline = b"", mono() + LONGEST_ANSWER
        for chunk in response.iter_content(65536):
            body += chunk
            if len(body) > LARGEST_ANSWER or mono() > deadline:
                raise requests.RequestException("回答太长或太慢")
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
    finally:
        response.close()  # read to its end, the connection is kept for the next post


# What post() raises. ValueError: what urllib3 raises for a broken answer before requests can wrap it.
FAILURES = (requests.RequestException, OSError, ValueError)


def explain(error: BaseException) -> str:
    """Why a post failed, as the owner can act on it (Chinese, no full stop). Never the error's own text: it may name
    the whole address."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        if is_other_certificate(error):
            return OTHER_CERTIFICATE
        return BAD_CERTIFICATE if is_certificate(error) else NO_TLS
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "配对时约定了加密，网址却是 http://（请重新配对）"
    if isinstance(error, requests.exceptions.Timeout):
        return "接收端没有及时回答"
    if "Name or service" in text or "getaddrinfo" in text or "NameResolution" in text:
        return "找不到接收端的网址（请检查网络和 sentry.ini 的 receiver）"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "连不上接收端（网络断了或接收端没有运行）"
    return f"发送失败（{type(error).__name__}）"


def is_certificate(error: BaseException) -> bool:
    """Whether a certificate was shown that the usual checks do not take."""
    return isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)


def is_other_certificate(error: BaseException) -> bool:
    """Whether the pin did not match. urllib3 has no class of its own for it."""
    return isinstance(error, requests.exceptions.SSLError) and "ingerprints did not match" in str(error)
