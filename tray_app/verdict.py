"""What the receiver's answer to a batch means (docs/protocol.md section 3). Pure."""

from __future__ import annotations

import email.utils
import json
import math
from typing import Any, Mapping, NamedTuple, Sequence, Union

# seconds. Not 60: a cut of a minute and another minute's pause are more than the 90 s after which the receiver tells
# that the sentry is silent, so a short cut would be told as an outage.
LONGEST_BACKOFF = 20.0
LONGEST_RETRY_AFTER = 300.0  # seconds: a proxy's wild number must not silence us for hours


class Taken(NamedTuple):
    """A JSON 200 of the receiver that names ids of ours."""

    accepted: list[str]
    rejected: dict[str, str]
    now: float  # the receiver's clock, epoch seconds
    alerts_ok: bool
    alerts_why: str
    trading: bool | None  # None: it did not say


class Retry(NamedTuple):
    """Send the same again later. after: seconds asked for by the receiver, or None."""

    why: str
    after: float | None = None


class TooBad(NamedTuple):
    """Something in this batch cannot be taken: halve it; alone it is set aside (if `alone_too`, else sent again)."""

    why: str
    alone_too: bool


class Denied(NamedTuple):
    """The token is wrong: nothing gets through until the owner corrects it."""

    why: str


Verdict = Union[Taken, Retry, TooBad, Denied]


def judge(status: int, headers: Mapping[str, str], body: bytes, ids: Sequence[str], now: float) -> Verdict:
    """`headers` with lower-case names; `ids` of the batch; `now` epoch seconds (for a Retry-After that is a date)."""
    answer = _parse(body)
    if status == 200:
        return _taken(answer, set(ids)) or Retry("回答不是接收端的（可能是代理或登录页面）")
    if status in (401, 403) and _error(answer) is None:
        return Retry(f"半路的代理或网关不放行（HTTP {status}）", retry_after(headers.get("retry-after"), now))
    if status in (401, 403):
        return Denied("接收端不认这台小主机，请重新粘贴配对码")
    if status in (400, 413, 422):
        # A size refusal is about this event, whoever says it. Other refusals count against an event only when they are
        # the receiver's own: a proxy that answers 400 to everything must not empty the queue event by event.
        why = _error(answer)
        is_ours = why is not None and _has_our_headers(headers)
        return TooBad(why[:200] if why else f"HTTP {status}", alone_too=is_ours or status == 413)
    return Retry(_why(status), retry_after(headers.get("retry-after"), now))


def retry_after(text: str | None, now: float) -> float | None:
    """Retry-After as seconds or as an HTTP date -> seconds, at most LONGEST_RETRY_AFTER; None where it is neither."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    if not math.isfinite(seconds):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def backoff(failures: int, random: float) -> float:
    """Full jitter: anything between nothing and 1, 2, 4 ... LONGEST_BACKOFF, so that many senders do not beat in time.
    `random` in [0, 1); never under 0.2 s, so that a quick refusal is no busy loop."""
    return max(0.2, min(LONGEST_BACKOFF, 2.0 ** min(failures - 1, 10)) * random)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _error(answer: Any) -> str | None:
    """The text of the receiver's error body, which is {"error": "..."} and nothing else; None: not of that shape."""
    if not isinstance(answer, dict) or set(answer) != {"error"} or not isinstance(answer["error"], str):
        return None
    return answer["error"]


def _has_our_headers(headers: Mapping[str, str]) -> bool:
    """As the receiver marks each of its JSON answers; a gateway's own page of the same shape is not marked so."""
    return "application/json" in headers.get("content-type", "") and "no-store" in headers.get("cache-control", "")


def _taken(answer: Any, ids: set[str]) -> Taken | None:
    if not isinstance(answer, dict):
        return None
    accepted, rejected, now = answer.get("accepted"), answer.get("rejected"), _time(answer.get("now"))
    if not isinstance(accepted, list) or not isinstance(rejected, list) or now is None:
        return None
    yes = [item for item in accepted if isinstance(item, str) and item in ids]
    no = dict(pair for pair in (_refusal(item) for item in rejected) if pair and pair[0] in ids)
    if ids and not yes and not no:
        return None
    alerts, day = answer.get("alerts"), answer.get("day")
    ok = isinstance(alerts, dict) and alerts.get("ok") is True
    why = alerts.get("why") if isinstance(alerts, dict) else None
    trading = day.get("trading") if isinstance(day, dict) else None
    return Taken(
        yes,
        no,
        now,
        ok,
        "" if ok else (why if isinstance(why, str) and why else "接收端没有说明原因")[:200],
        trading if isinstance(trading, bool) else None,
    )


def _refusal(item: Any) -> tuple[str, str] | None:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return None
    return item["id"], str(item.get("error") or "接收端没有说明原因")


def _time(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and value > 0 else None


def _why(status: int) -> str:
    if 300 <= status < 400:
        return f"网址被转到别处（HTTP {status}），请核对 sentry.ini 的 receiver"
    if status == 404:
        return "这个网址上没有接收端（HTTP 404），请核对 sentry.ini 的 receiver"
    return f"接收端或代理回答 HTTP {status}"
