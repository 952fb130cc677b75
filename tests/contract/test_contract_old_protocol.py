"""Section 4: people's existing scripts are answered the same by the receiver and by the tray's inbox."""

import json
import random

import pytest
import requests

from rehearsal.powercut import pc, vps
from rehearsal.powercut.inprocess import call

NOW = 1767578400.0
HEARTBEAT = {
    "action": "heartbeat",
    "name": "qmt",
    "info": [
        {"name": "accounts", "data": [{"总资产": 100000.0, "可用金额": 5.0, "总市值": 99995.0, "总盈亏": 1.0}]},
        {"name": "positions", "data": [{"代码": "510300", "股数": 100}]},
        {"name": "deals", "data": [{"代码": "510300", "订单编号": "13", "合同编号": "24500", "日期": "20260105"}]},
    ],
}


class Door:
    """One of the two programs that speak the old protocol."""

    def __init__(self, app, token):
        self.app, self.token = app, token

    def send(self, token=None, **request):
        """A request made by `requests`, as the scripts make theirs."""
        url = f"http://x/api?token={self.token if token is None else token}"
        made = requests.Request("POST", url, **request).prepare()
        body = made.body if isinstance(made.body, bytes) else (made.body or "").encode()
        return call(self.app, "POST", made.path_url, body, dict(made.headers))


@pytest.fixture(params=["receiver", "inbox"])
def door(request, tmp_path):
    if request.param == "receiver":
        vps.prepare(tmp_path)
        running = vps.Vps(tmp_path, lambda: NOW)
        yield Door(running.app, pc.OLD_TOKEN)
    else:
        pc.prepare(tmp_path)
        running = pc.Tray(tmp_path, pc.Clock(NOW), random.Random(1))
        yield Door(running.inbox, pc.OLD_TOKEN)
    running.close()


def said(answer):
    return answer.status, json.loads(answer.body.decode("utf-8"))


def test_the_json_heartbeat_is_taken(door):
    assert said(door.send(json=HEARTBEAT)) == (200, {"code": 0, "msg": "ok"})


def test_the_form_with_any_number_of_files_is_taken(door):
    form = {"action": "heartbeat", "name": "server"}
    for count in (0, 1, 3):
        files = [("file", (f"log{n}.txt", b"text")) for n in range(count)] or {"none": ("", b"")}
        assert said(door.send(data=form, files=files)) == (200, {"code": 0, "msg": "ok"})


def test_a_path_as_file_name_is_only_a_label(door, tmp_path):
    form = {"action": "heartbeat", "name": "server"}
    assert door.send(data=form, files={"file": ("../../x", b"text")}).status == 200
    assert not list(tmp_path.parent.glob("x"))
    assert not list(tmp_path.parent.parent.glob("x"))


@pytest.mark.parametrize("token", ["wrong", ""])
def test_a_wrong_token_gets_400(door, token):
    status, body = said(door.send(token=token, json=HEARTBEAT))
    assert status == 400
    assert body["code"] != 0


@pytest.mark.parametrize(
    "request_", [
        {"data": b"{nonsense", "headers": {"Content-Type": "application/json"}},
        {"data": b"[1]", "headers": {"Content-Type": "application/json"}},
        {"data": b"", "headers": {"Content-Type": "application/json"}},
        {"json": {"action": "dance", "name": "qmt"}},
        {"json": {"action": "heartbeat", "name": 5}},
        {"json": {"action": "heartbeat", "name": "qmt", "info": 5}},
        {"data": b"x" * (10 << 20), "headers": {"Content-Type": "application/json"}},
    ],
)  # fmt: skip
def test_a_bad_post_gets_a_clear_no(door, request_):
    answer = door.send(**request_)
    assert answer.status in (400, 413)
    assert json.loads(answer.body.decode("utf-8"))["code"] != 0
    assert b"Traceback" not in answer.body


def test_numbers_that_are_none_do_no_harm(door):
    bad = (
        '{"action":"heartbeat","name":"qmt","info":[{"name":"accounts","data":[{"a":NaN,"b":Infinity,"c":1.797e308}]}]}'
    )
    answer = door.send(data=bad.encode(), headers={"Content-Type": "application/json"})
    assert answer.status in (200, 400)
    assert door.send(json=HEARTBEAT).status == 200
