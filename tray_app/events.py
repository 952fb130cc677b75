"""What an event is: its shape, its grade (may it be dropped?) and the key under which a newer one replaces it.

docs/protocol.md sections 1 and 3. Pure: no files, no clock.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import Any, Dict

from tray_app import trading_time

Event = Dict[str, Any]

# Numbers beyond this never go on the wire; QMT's "no value" is 1.7976931348623157e308 (qmt-facts.md 1.5).
LARGEST = 1e300
SMALLEST_TIME, LARGEST_TIME = 946684800.0, 4102444800.0  # the years 2000 to 2100: anything else is no time of ours
DEEPEST = 50

HEARTBEAT, OTHER, NEVER_DROPPED = 0, 1, 2
_HEARTBEATS = ("host.heartbeat", "qmt.heartbeat", "old.heartbeat")
_NEVER_DROPPED = ("order.state", "strategy.error", "old.deals")
_KIND = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)*\Z")


class BadEvent(ValueError):
    """Not an event of docs/protocol.md; the text is Chinese and says what is wrong."""


def make(kind: str, data: dict[str, Any], at: float, event_id: str | None = None) -> Event:
    """An event of the tray's own. `at` epoch seconds; the id is random unless given."""
    return {"id": event_id or str(uuid.uuid4()), "kind": kind, "at": round(at, 3), "data": clean(data)}


def trouble(code: str, what: str, at: float, event_id: str | None = None) -> Event:
    """A host.trouble: `what` is one Chinese sentence for the owner."""
    return make("host.trouble", {"code": code, "what": what}, at, event_id)


def named_id(name: str) -> str:
    """The same id for the same name, whenever it is made: a crash anywhere repeats it instead of doubling."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "qmt-sentry:" + name))


def parse(raw: bytes) -> Any:
    """JSON text (UTF-8, a BOM is tolerated) -> value. BadEvent where it is none."""
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadEvent("不是 JSON 文本") from error


def check(value: Any) -> Event:
    """A posted value -> event with the four fields we know, numbers cleaned. BadEvent where it is none."""
    if not isinstance(value, dict):
        raise BadEvent("不是一个 JSON 对象")
    event_id, kind, at, data = (value.get(key) for key in ("id", "kind", "at", "data"))
    if not isinstance(event_id, str) or not 1 <= len(event_id) <= 100 or not event_id.isprintable():
        raise BadEvent("id 不对")
    if not isinstance(kind, str) or len(kind) > 60 or not _KIND.match(kind):
        raise BadEvent("kind 不对")
    if time_of(at) is None:
        raise BadEvent("at 不是时间")
    if not isinstance(data, dict):
        raise BadEvent("data 不是一个 JSON 对象")
    return {"id": event_id, "kind": kind, "at": at, "data": clean(data)}


def time_of(value: Any) -> float | None:
    """A posted value as epoch seconds; None where it is no time of ours."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and SMALLEST_TIME <= value <= LARGEST_TIME else None


def clean(value: Any, depth: int = 0) -> Any:
    """The same value as strict JSON can carry it: NaN, infinities and numbers beyond 1e300 become None, and
    so do half surrogates' characters (a lone one cannot be written as UTF-8)."""
    if depth > DEEPEST:
        raise BadEvent("嵌套太深")
    if isinstance(value, dict):
        return {_text(str(key)): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, float) and not (math.isfinite(value) and abs(value) <= LARGEST):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        return None
    if isinstance(value, str):
        return _text(value)
    return value


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def dumps(event: Event) -> bytes:
    """One event as compact strict JSON."""
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def is_periodic(event: Event) -> bool:
    """Heartbeats, and qmt.process posts that only repeat what was already told."""
    kind = event["kind"]
    return kind in _HEARTBEATS or (kind == "qmt.process" and event["data"].get("change") is False)


def grade(event: Event) -> int:
    """HEARTBEAT goes first when the outbox is full, OTHER next, NEVER_DROPPED never."""
    if is_periodic(event):
        return HEARTBEAT
    if event["kind"] in _NEVER_DROPPED:
        return NEVER_DROPPED
    if event["kind"] == "host.trouble" and event["data"].get("code") == "order-set-aside":
        return NEVER_DROPPED
    return OTHER


def replace_key(event: Event) -> str | None:
    """Events with the same key: only the newest is worth sending. None: keep each.

    The day is part of it so that a day's last deals are never replaced by the next day's.
    """
    if not is_periodic(event):
        return None
    data = event["data"]
    return json.dumps([event["kind"], data.get("strategy"), data.get("name"), trading_time.day_of(event["at"])])


def is_older(event: Event, waiting: bytes) -> bool:
    """Whether a heartbeat comes after a newer one with the same key: its file was held while the next one was read.

    Only strategies' posts pass through files. The tray's own are stored in the order in which they were made, which
    holds even when the clock is set back.
    """
    if event["kind"] != "qmt.heartbeat":
        return False
    try:
        other = check(parse(waiting))
    except BadEvent:
        return False  # rotten on disk: the new one is better
    instance, n, other_n = event["data"].get("instance"), event["data"].get("n"), other["data"].get("n")
    if instance is not None and instance == other["data"].get("instance") and _is_int(n) and _is_int(other_n):
        return bool(n < other_n)
    return bool(event["at"] < other["at"])


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
