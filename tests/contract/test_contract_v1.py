"""Both sides of docs/protocol.md section 3: what the real tray sends, the receiver takes, and back."""

import json
import random
import re
import sqlite3
import uuid
from pathlib import Path

import pytest

from rehearsal.powercut import pc, vps
from rehearsal.powercut.inprocess import Line, call
from tray_app import verdict

NOW = 1767578400.0  # 2026-01-05 10:00 in Shanghai
PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
FLAG = "20260105-510300-B-01"

# One event of each kind that section 3 lists, as its row describes the data.
SAMPLES = {
    "host.heartbeat": {
        "cpu": 3.5, "memory": 40.0, "disk_free": 10**11, "boot_at": NOW - 3600, "clock_offset": None,
        "outbox": {"waiting": 0, "oldest_age": 0, "dropped": 0, "superseded": 0, "rejected": 0},
        "workers": {"spool": 0.1}, "limits": {"spool": 5}, "restarts": {}, "paused_until": None,
        "stop_orders": False, "version": "1", "every": 30,
        "findings": [{"code": "disk", "since": NOW - 60, "text": "磁盘只剩 900 MB。", "todo": "请清理磁盘。"}],
    },
    "host.started": {"reason": "first", "boot_at": NOW - 3600, "version": "1", "last_seen": None},
    "host.stopping": {"reason": "menu"},
    "host.resumed": {"slept": 40.0},
    "host.paused": {"until": NOW + 600},
    "host.stop_orders": {"on": True},
    "host.test_alert": {"text": "测试"},
    "host.trouble": {"what": "一句话", "code": "outbox-salvaged"},
    "qmt.process": {
        "state": "running", "name": "XtItClient.exe", "pid": 1, "started": NOW - 60, "since": NOW - 60,
        "last_ok": NOW, "rss": 1, "cpu": 0.0, "path": "D:\\QMT\\bin.x64\\XtItClient.exe", "change": True,
        "children": [{"name": "miniquote.exe", "pid": 2}], "memory": 1e9, "handles": 900.0, "tree_cpu": 1.0,
        "titles": ["QMT"], "memory_per_hour": None, "handles_per_hour": None, "cpu_per_hour": None,
    },
    "qmt.log": {"file": "XtClient_20260105.log", "line": "登录失败", "pattern": "登录失败", "count": 1,
        "lasting": True},
    "qmt.heartbeat": {
        "strategy": "heartbeat", "instance": "i", "n": 1, "pruned": 0, "day": "20260105", "tick_at": NOW,
        "tick_code": "510300.SH", "logged_in": True, "accounts": [], "positions": [], "orders": [], "deals": [],
        "every": 60,
    },
    "strategy.error": {"strategy": "heartbeat", "instance": "i", "where": "handlebar", "traceback": "ValueError: x"},
    "strategy.notice": {"strategy": "heartbeat", "instance": "i", "what": "cash_low", "text": "可用资金不足"},
    "order.state": {"flag": FLAG, "line": 1, "state": "intent"},
    "file": {"name": "deals.csv", "sha256": "0" * 64, "content": "a,b\n", "source": "heartbeat"},
    "old.heartbeat": {"name": "qmt", "info": []},
    "old.deals": {"name": "qmt", "deals": []},
}  # fmt: skip


@pytest.fixture
def server(tmp_path):
    vps.prepare(tmp_path / "vps")
    running = vps.Vps(tmp_path / "vps", lambda: NOW)
    yield running
    running.close()


def post(server, events, **more):
    envelope = dict({"machine": pc.MACHINE, "run": "r", "sent_at": NOW, "waiting": 0, "events": events}, **more)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + pc.TOKEN}
    return call(server.app, "POST", "/api/v1/events", json.dumps(envelope).encode(), headers)


def event(kind, data, seq=1):
    return {"id": str(uuid.uuid4()), "seq": seq, "kind": kind, "at": NOW, "data": data}


def test_the_samples_are_the_kinds_of_the_protocol_page():
    section = PROTOCOL.read_text(encoding="utf-8").split("### Kinds")[1].split("## 4.")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {kind for row in rows for kind in re.findall(r"`([a-z._]+)`", row)} | {"host.stopping"} == set(SAMPLES)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_the_receiver_takes_every_kind(kind, server):
    sent = event(kind, SAMPLES[kind])
    answer = json.loads(post(server, [sent]).body.decode("utf-8"))
    assert answer["accepted"] == [sent["id"]], answer["rejected"]


def test_the_tray_understands_the_receivers_yes(server):
    good, bad = event("host.stopping", {"reason": "menu"}), event("no.such.kind", {})
    answer = post(server, [good, bad])
    found = verdict.judge(answer.status, {}, answer.body, [good["id"], bad["id"]], NOW)
    assert isinstance(found, verdict.Taken)
    assert found.accepted == [good["id"]]
    assert list(found.rejected) == [bad["id"]]
    assert found.now == NOW
    assert found.trading is True


def test_the_answer_has_exactly_the_fields_of_the_page(server):
    answer = json.loads(post(server, []).body.decode("utf-8"))
    assert set(answer) == {"accepted", "rejected", "now", "alerts", "day"}
    assert set(answer["alerts"]) == {"ok", "why"}
    assert set(answer["day"]) == {"trading", "covered_until"}


def test_the_tray_understands_the_receivers_no(server):
    denied = call(server.app, "POST", "/api/v1/events", b"{}", {"Authorization": "Bearer wrong"})
    assert isinstance(verdict.judge(denied.status, {}, denied.body, ["x"], NOW), verdict.Denied)
    headers = {"Authorization": "Bearer " + pc.TOKEN, "Content-Type": "application/json"}
    bad = call(server.app, "POST", "/api/v1/events", b"[1, 2", headers)
    assert isinstance(verdict.judge(bad.status, {}, bad.body, ["x"], NOW), verdict.TooBad)


def test_what_is_posted_on_the_pc_stands_in_the_receiver_as_it_was_posted(tmp_path, server):
    """Through the real spool, flag file, outbox and sender."""
    home = tmp_path / "pc"
    pc.prepare(home)
    clock = pc.Clock(NOW)
    tray = pc.Tray(home, clock, random.Random(1))
    strategy = pc.start_strategy(home, clock)
    strategy.post("strategy.error", {"where": "handlebar", "traceback": "ValueError: 一"})
    strategy.post("qmt.heartbeat", dict(SAMPLES["qmt.heartbeat"]))
    flags = home / "flags" / "20260105"
    flags.mkdir(parents=True)
    (flags / f"{FLAG}.jsonl").write_text('{"state": "intent"}\n{"state": "sent"}\n{"state": "wor', encoding="utf-8")
    line = Line(lambda answer: None)
    line.app = server.app
    with line.carries_requests():
        tray.look()
        tray.send()
    tray.close()
    stored = dict(read_events(tmp_path / "vps" / "receiver.db"))
    by_kind = [data for data in stored.values() if data.get("where") == "handlebar"]
    assert by_kind[0]["traceback"] == "ValueError: 一"
    assert any(data.get("tick_code") == "510300.SH" for data in stored.values())
    for number, state in ((1, "intent"), (2, "sent")):
        same_everywhere = str(uuid.uuid5(uuid.NAMESPACE_URL, f"qmt-sentry:flag:{FLAG}:{number}"))
        assert stored[same_everywhere]["state"] == state
    assert not any(data.get("line") == 3 for data in stored.values())  # torn: not a line yet


def read_events(database):
    with sqlite3.connect(str(database)) as db:
        rows = db.execute("SELECT id, data FROM event").fetchall()
    db.close()
    return [(row_id, json.loads(data)) for row_id, data in rows]
