"""One message by pushplus, and what its answer means.

`code` decides; 200 means accepted, not delivered (www.pushplus.plus/doc/guide/api.html, api.pushplus.plus/doc-3034446).
"""

from __future__ import annotations

from tray_app.vendor import Later, Never, Result, Sent, Tomorrow, number_in, post

NAME = "pushplus"
URL = "https://www.pushplus.plus/send"
MOST_CHARS = 18000  # of a message; the vendor takes 20000
TITLE_CHARS = 60
PAUSE = 300.0  # seconds between tries: failed ones count against the 200 a day that are free
RESTRICTED = 900  # too many requests
NEVER = {
    302: "未登录",
    401: "没有权限",
    403: "没有权限，或 IP 不在白名单",
    600: "请求数据不对（token 是不是抄错了）",
    805: "没有权限",
    888: "积分不足",
    903: "token 不对",
    905: "账号没有实名认证",
    999: "参数不对",
}


def send(token: str, text: str, url: str = "") -> Result:
    """Send one text, whose first line is the title too. Never raises for what the network or the vendor does."""
    title = text.partition("\n")[0][:TITLE_CHARS]
    message = {"token": token, "title": title, "content": text[:MOST_CHARS], "template": "txt"}
    answer = post(url or URL, message, NAME)
    return Later(answer.why, PAUSE) if isinstance(answer, Later) else judge(*answer)


def judge(status: int, body: bytes) -> Result:
    """What an answer means. Pure."""
    code = number_in(body, "code")
    if status != 200 or code is None:
        return Later(f"pushplus 没有好好回答（HTTP {status}）", PAUSE)
    if code == 200:
        return Sent()
    if code == RESTRICTED:
        return Tomorrow("pushplus 说请求太多，今天停发（code 900）")
    if code in NEVER:
        return Never(f"{NEVER[code]}（code {code}）")
    return Later(f"pushplus 没有收下（code {code}）", PAUSE)
