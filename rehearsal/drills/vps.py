"""What the drills about the receiver share: only phone and receiver run, and the drill itself posts as a tray would."""

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid

from rehearsal.clock import clock_text
from rehearsal.road import MACHINE


def start(stage):
    """Phone and receiver, without a mini PC."""
    stage.road.start_phone()
    stage.road.write_receiver_ini()
    stage.road.start_receiver()


def event(kind, now, **data):
    return {"id": str(uuid.uuid4()), "seq": 1, "kind": kind, "at": now, "data": data}


def rejected(flag, now, reason):
    return event("order.state", now, flag=flag, line=1, state="rejected", reason=reason)


def post(stage, *events, timeout=15):
    """One v1 post. Returns the answer, or None where there is no yes of ours."""
    body = {"machine": MACHINE, "run": "drill", "sent_at": time.time(), "waiting": 0, "events": list(events)}
    head = {"Authorization": "Bearer " + stage.road.token, "Content-Type": "application/json"}
    request = urllib.request.Request(stage.road.receiver_url + "/api/v1/events", json.dumps(body).encode(), head)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read().decode("utf-8"))
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ):  # refused, reset, 503: a tray comes again
        return None


def post_until_yes(stage, posted, seconds=60):
    """As the tray: the same event again until its id stands in `accepted`. Returns whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = post(stage, posted)
        if answer is not None and posted["id"] in answer["accepted"]:
            return True
        time.sleep(0.1)
    return False


def health(stage):
    """(HTTP status, body) of /healthz."""
    try:
        with urllib.request.urlopen(stage.road.receiver_url + "/healthz", timeout=10) as answer:
            return answer.status, json.loads(answer.read().decode("utf-8"))
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read().decode("utf-8"))


def naming(stage, text, channel):
    """What this channel's phone shows that names the text."""
    return [m for m in stage.road.messages() if m["channel"] == channel and text in shown(m)]


def shown(message):
    return message["shown"]["title"] + "\n" + message["shown"]["body"]


def print_phone(stage):
    """Everything that the phone got, with its time."""
    for message in stage.road.messages():
        stage.say(f"  {clock_text(message['at'])} 手机·{message['channel']}：{message['shown']['title']}")
