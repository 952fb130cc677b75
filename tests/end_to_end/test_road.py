"""The joined parts over real sockets, as other people's programs meet them."""

import json
import socket
import subprocess
import sys

import psutil
import pytest
import requests

from rehearsal.road import ROOT, Road

pytestmark = pytest.mark.drill
HEARTBEAT = {"action": "heartbeat", "name": "qmt", "info": [{"name": "accounts", "data": [{"总资产": 1.0}]}]}


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    # Two folders deep, so that what climbs out of the road's own is still in no other test's.
    with Road(tmp_path_factory.mktemp("road") / "its" / "own", channels=("wecom",)) as road:
        yield road.start()


@pytest.fixture(params=["receiver", "inbox"])
def door(request, road):
    return road.receiver_url if request.param == "receiver" else f"http://127.0.0.1:{road.inbox_port}"


def test_an_existing_scripts_plain_post_works(door, road):
    answer = requests.post(f"{door}/api?token={road.old_token}", json=HEARTBEAT, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})


def test_an_existing_scripts_form_with_files_works(door, road):
    files = {"a": ("../../x", b"1"), "b": ("deals.csv", "代码,股数\n".encode("gbk"))}
    form = {"action": "heartbeat", "name": "server"}
    answer = requests.post(f"{door}/api?token={road.old_token}", data=form, files=files, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})
    assert not list(road.folder.parent.parent.rglob("x"))


def test_a_wrong_token_gets_400(door):
    assert requests.post(f"{door}/api?token=wrong", json=HEARTBEAT, timeout=30).status_code == 400


def test_idle_connections_do_not_block_anyone(door, road):
    port = int(door.rsplit(":", 1)[1])
    # More than the threads of either door (the receiver's 16, the inbox's 10, which an idle one holds for 5 s).
    idle = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(17)]
    try:
        answer = requests.post(f"{door}/api?token={road.old_token}", json=HEARTBEAT, timeout=20)
        assert answer.status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_the_old_queries_answer(road):
    url = f"{road.receiver_url}/api?token={road.old_token}&action="
    assert requests.get(url + "heartbeat_query&name=qmt", timeout=30).json()["code"] == 0
    for action in ("query_qmt", "query_server", "market_value", "portfolio"):
        answer = requests.get(url + action, timeout=30).json()
        assert (answer["code"], answer["msg"]) == (0, "ok")
        assert all(set(block) == {"title", "type", "data"} for block in answer["data"])


def test_the_receiver_is_healthy(road):
    answer = requests.get(road.receiver_url + "/healthz", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["ok"] is True


def test_nothing_listens_beyond_this_machine(road):
    for child in road.children():
        for connection in psutil.Process(child.pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", child.name


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """What the README's rehearsal reports."""
    report = tmp_path_factory.mktemp("report") / "r.json"
    command = [sys.executable, "-m", "rehearsal", "--for", "50", "--headless", "--report", str(report)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300)
    assert answer.returncode == 0, answer.stdout.decode("utf-8") + answer.stderr.decode("utf-8")
    return json.loads(report.read_text(encoding="utf-8"))


def test_the_rehearsal_of_the_readme_keeps_its_word(figures):
    assert figures["lost"] == figures["duplicates"] == 0
    assert figures["events"]["qmt.heartbeat"] > 2
    assert figures["events"]["host.heartbeat"] > 1
    assert figures["latency_p99"] is not None
    told = [alert["title"] for alert in figures["alerts"] if "QMT" in alert["title"]]
    assert len(told) == 6  # QMT is killed and comes back, on three channels


def test_the_rehearsal_trades_at_any_hour_and_every_order_is_told_as_it_ended(figures):
    assert figures["orders"] >= 2
    assert figures["orders_filled"] >= 1
    assert figures["fills"] >= figures["orders_filled"]
    assert figures["orders_wrong"] == []
