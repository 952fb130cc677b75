"""The two old posts of people's own scripts, as events (docs/protocol.md section 4). Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Sequence

from tray_app import events, trading_time
from tray_app.events import Event

LARGEST_FILE, MOST_FILES = 256 * 1024, 20
LARGEST_EVENT = 1_000_000  # bytes as JSON; the receiver takes 1 MiB, of which the envelope needs some
LONGEST_NAME = 100
NAMES = ("qmt", "server")


class BadPost(ValueError):
    """Answered with 400; str() is Chinese."""

    status = 400


class TooLarge(BadPost):
    """Answered with 413."""

    status = 413


def heartbeat_events(post: Any, now: float) -> list[Event]:
    """The old JSON heartbeat -> its events: deals are split off, so that no later heartbeat replaces them."""
    if not isinstance(post, dict):
        raise BadPost("内容不是一个 JSON 对象")
    name = _action_and_name(post.get("action"), post.get("name"))
    info = post.get("info")
    if not isinstance(info, list) or not all(
        isinstance(part, dict) and isinstance(part.get("name"), str) for part in info
    ):
        raise BadPost("info 应为列表，每项有 name 和 data")
    found = []
    deals = [row for part in info if part["name"] == "deals" for row in _rows(part.get("data"))]
    if deals:
        rows = events.clean(deals)
        text = json.dumps([name, trading_time.day_of(now), rows], sort_keys=True)
        # Scripts post all of a day's deals each time: the same list is the same event.
        found.append(events.make("old.deals", {"name": name, "deals": rows}, now, events.named_id("old-deals:" + text)))
    rest = [part for part in info if part["name"] != "deals"]
    found.append(events.make("old.heartbeat", {"name": name, "info": rest}, now))
    return found


def form_events(action: Any, name: Any, files: Sequence[tuple[str, bytes]], now: float) -> list[Event]:
    """The old multipart form -> its events; files are (name, content)."""
    name = _action_and_name(action, name)
    if len(files) > MOST_FILES:
        raise BadPost(f"一次最多 {MOST_FILES} 个文件")
    found = []
    for file_name, content in files:
        if len(content) > LARGEST_FILE:
            raise TooLarge(f"文件 {label(file_name)} 超过 256 KiB")
        text, is_text = _decode(content)
        if len(text.encode("utf-8")) > LARGEST_FILE:
            raise TooLarge(f"文件 {label(file_name)} 转成 UTF-8 文本后超过 256 KiB")
        sha256 = hashlib.sha256(content).hexdigest()
        data: dict[str, Any] = {"name": label(file_name), "sha256": sha256, "content": text, "source": "old." + name}
        if not is_text:
            data["binary"] = True
        # Scripts post the same files each time: the same file on the same day is the same event.
        key = json.dumps([name, label(file_name), trading_time.day_of(now), sha256])
        found.append(events.make("file", data, now, events.named_id("old-file:" + key)))
    found.append(events.make("old.heartbeat", {"name": name, "info": []}, now))
    return found


def label(name: str) -> str:
    """A file's name as a mere label: the last part of a path, without control characters, at most 100 characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(char for char in last if char.isprintable()).strip(". ")[:LONGEST_NAME] or "unnamed"


def _action_and_name(action: Any, name: Any) -> str:
    if action != "heartbeat":
        raise BadPost("action 不认识，应为 heartbeat")
    if name not in NAMES:
        raise BadPost("name 不认识，应为 qmt 或 server")
    return str(name)


def _rows(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise BadPost("deals 的 data 应为列表")
    return data


def _decode(content: bytes) -> tuple[str, bool]:
    """The text, and whether it is one: of anything else what can be shown is kept."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), True
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", "replace"), False


def check_sizes(found: Sequence[Event]) -> None:
    """TooLarge where an event would be more than the receiver takes: better no yes than one that cannot be kept."""
    for event in found:
        if len(events.dumps(event)) > LARGEST_EVENT:
            raise TooLarge("内容转成 JSON 后太大，接收端收不下：请减少内容或分几次发送")
