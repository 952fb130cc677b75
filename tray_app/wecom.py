"""One message to a WeCom group robot (企业微信群机器人), and what its answer means.

`errcode` decides (developer.work.weixin.qq.com, document paths 91770 and 90455).
"""

from __future__ import annotations

from tray_app.vendor import Later, Never, Result, Sent, number_in, post

NAME = "企业微信"
MOST_BYTES = 2048  # of a text message, in UTF-8
# errcode -> why nothing will ever come through until the owner changes something
NEVER = {
    93000: "机器人的地址（key）不对，或机器人已被移出群",
    93004: "机器人已停用",
    93008: "机器人不在群里",
    40008: "消息类型不对",
    40058: "消息内容不合要求",
}


def send(webhook: str, text: str) -> Result:
    """Post one text message; longer ones are cut. Never raises for what the network or the vendor does."""
    answer = post(webhook, {"msgtype": "text", "text": {"content": cut(text, MOST_BYTES)}}, NAME)
    return answer if isinstance(answer, Later) else judge(*answer)


def judge(status: int, body: bytes) -> Result:
    """What an answer means. Pure. After errcode 45009 a pause of less than a minute is not enough."""
    code = number_in(body, "errcode")
    if status != 200 or code is None:
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
