"""What WeCom and pushplus answer to a request: pure rules over the request and what came before it.

Sources: WeCom group robot (developer.work.weixin.qq.com, paths 91770, 99110, 90455); pushplus (api.html V1.9.0,
lockdown.html).
None of it was tried against the live services; the tables here are the place to correct.
"""

from __future__ import annotations

import json
from typing import Any, Sequence

WECOM_TEXT_BYTES = 2048
WECOM_MARKDOWN_BYTES = 4096
WECOM_PER_MINUTE = 20
PUSHPLUS_CHARACTERS = 20_000
PUSHPLUS_PER_DAY = 200
DAY_SECONDS = 86_400
SHANGHAI_OFFSET = 8 * 3600


def shanghai_day(at: float) -> int:
    """The day number in Shanghai of an epoch second."""
    return int((at + SHANGHAI_OFFSET) // DAY_SECONDS)


class Answer:
    """What the vendor says: HTTP status, JSON body, and the message that reaches the phone, if one does."""

    def __init__(self, body: dict[str, Any], shown: dict[str, str] | None = None, status: int = 200) -> None:
        self.body = body
        self.shown = shown
        self.status = status


def parse_json_object(raw: bytes) -> dict[str, Any] | None:
    """The object in these bytes, or None."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def split_message(text: str) -> dict[str, str]:
    """First line and the rest: a robot's text has no title of its own."""
    title, _, body = text.partition("\n")
    return {"title": title.strip(), "body": body.strip()}


def wecom(raw: bytes, key: str, right_key: str, now: float, accepted_at: Sequence[float]) -> Answer:
    """WeCom's answer; `accepted_at` are the epoch seconds at which this robot took messages."""

    def error(code: int, text: str) -> Answer:
        return Answer({"errcode": code, "errmsg": text})

    if key != right_key:
        return error(93000, "invalid webhook url")
    message = parse_json_object(raw)
    kind = str(message.get("msgtype")) if message else ""
    limit = {"text": WECOM_TEXT_BYTES, "markdown": WECOM_MARKDOWN_BYTES}.get(kind, 0)
    part = message.get(kind) if message and limit else None
    content = part.get("content") if isinstance(part, dict) else None
    if not isinstance(content, str) or not content:
        return error(40008, "invalid message type")
    if len(content.encode("utf-8")) > limit:
        return error(40058, f"{kind}.content exceed max length {limit}")
    if sum(1 for at in accepted_at if at > now - 60) >= WECOM_PER_MINUTE:
        return error(45009, "api freq out of limit")
    return Answer({"errcode": 0, "errmsg": "ok"}, shown=split_message(content))


def pushplus(
    raw: bytes, content_type: str, right_token: str, now: float, requested_at: Sequence[float], short_code: str
) -> Answer:
    """pushplus's answer; `requested_at`: epoch seconds of all requests with this token, failed ones too."""

    def error(code: int, text: str) -> Answer:
        return Answer({"code": code, "msg": text, "data": None})

    if not content_type.startswith("application/json"):
        return error(999, "服务端验证错误")
    message = parse_json_object(raw)
    if message is None or not message.get("content"):
        return error(600, "数据异常，操作失败")
    if message.get("token") != right_token:
        return error(903, "无效的用户令牌")
    if sum(1 for at in requested_at if shanghai_day(at) == shanghai_day(now)) > PUSHPLUS_PER_DAY:
        return error(900, "用户账号使用受限")
    if len(str(message["content"])) > PUSHPLUS_CHARACTERS:
        return error(999, "内容过长")
    expires = message.get("timestamp")
    expired = isinstance(expires, (int, float)) and expires < now * 1000
    shown = None if expired else {"title": str(message.get("title") or ""), "body": str(message["content"])}
    return Answer({"code": 200, "msg": "请求成功", "data": short_code}, shown=shown)
