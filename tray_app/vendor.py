"""One message to a phone by a vendor's HTTP interface, and what came of it.

HTTP 200 says nothing: a number inside the answer decides. Addresses and messages hold keys: neither goes into a log,
and neither does an error's own text, which may quote them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Union

import requests  # type: ignore[import-untyped,unused-ignore]

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0  # seconds
LARGEST_ANSWER = 65536  # bytes


class Sent(NamedTuple):
    """The vendor took it."""


class Later(NamedTuple):
    """Not now: try again after `pause` seconds."""

    why: str
    pause: float = 60.0


class Tomorrow(NamedTuple):
    """Nothing more until midnight in Shanghai: each further request would make it worse."""

    why: str


class Never(NamedTuple):
    """Refused until the owner changes something."""

    why: str


Result = Union[Sent, Later, Tomorrow, Never]


def post(url: str, message: dict[str, Any], vendor: str) -> tuple[int, bytes] | Later:
    """(status, body) of the answer. Never raises for what the network or the vendor does."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                url,
                data=json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"),
                headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return response.status_code, response.raw.read(LARGEST_ANSWER, decode_content=True)
    except (requests.RequestException, OSError, ValueError) as error:
        return Later(f"连不上{vendor}（{type(error).__name__}）")
    except Exception as error:
        # urllib3's own errors come through where the raw answer is read; what they say may quote the address.
        return Later(f"{vendor}没有好好回答（{type(error).__name__}）")


def number_in(body: bytes, key: str) -> int | None:
    """The whole number under `key` of a JSON answer; None where there is none."""
    try:
        answer = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    value = answer.get(key) if isinstance(answer, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
