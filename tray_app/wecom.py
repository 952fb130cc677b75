"""One message to a WeCom group robot (企业微信群机器人), and what its answer means.

HTTP 200 says nothing: `errcode` decides (developer.work.weixin.qq.com, document paths 91770 and 90455). The address
holds the robot's key: it never goes into a log, and neither does an error's own text, which may quote the address.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Union

import requests  # type: ignore[import-untyped,unused-ignore]

MOST_BYTES = 2048  # of a text message, in UTF-8
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0  # seconds
LARGEST_ANSWER = 65536  # bytes
PAUSE = 60.0  # seconds until the next try: after errcode 45009 less is not enough
# errcode -> why nothing will ever come through until the owner changes something
NEVER = {
    93000: "机器人的网址不对，或机器人已被移出群",
    93004: "机器人已被停用",
    93008: "机器人不在群里",
    40008: "消息类型不被接受",
    40058: "消息太长",
}


class Sent(NamedTuple):
    """The robot took it."""


class Later(NamedTuple):
    """Not now: try again after PAUSE."""

    why: str


class Never(NamedTuple):
    """Refused for good."""

    why: str


Result = Union[Sent, Later, Never]


def send(webhook: str, text: str) -> Result:
    """Post one text message; longer ones are cut. Never raises for what the network or the vendor does."""
    payload = json.dumps({"msgtype": "text", "text": {"content": cut(text, MOST_BYTES)}}, ensure_ascii=False)
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                webhook,
                data=payload.encode("utf-8"),
                headers={"Content-Type": "application/json"},
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return judge(response.status_code, response.raw.read(LARGEST_ANSWER))
    except (requests.RequestException, OSError, ValueError) as error:
        return Later(f"连不上企业微信（{type(error).__name__}）")
    except Exception as error:
        # urllib3's own errors come through where the raw answer is read; what they say may quote the address.
        return Later(f"企业微信没有好好回答（{type(error).__name__}）")


def judge(status: int, body: bytes) -> Result:
    """What an answer means. Pure."""
    try:
        answer = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        answer = None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    if status != 200 or isinstance(code, bool) or not isinstance(code, int):
        return Later(f"企业微信没有好好回答（HTTP {status}）")
    if code == 0:
        return Sent()
    if code in NEVER:
        return Never(f"{NEVER[code]}（errcode {code}）")
    return Later(f"企业微信没有收下（errcode {code}）")


def cut(text: str, most: int) -> str:
    """At most `most` bytes of UTF-8, never half a character."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode("utf-8")
    return raw[: most - len("…".encode())].decode("utf-8", "ignore") + "…"
