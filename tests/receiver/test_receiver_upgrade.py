"""From the version before: a database that it wrote (database_v5.sql, made by running it), and plain secrets."""

import sqlite3

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import MAIL, OLD_TOKEN, PASSWORD, TOKEN, WECOM, Bench, at, event, write_ini
from tests.receiver.served import Served

WRITTEN_UNTIL = 1767578470.0  # by that version: 2026-01-05 10:01:10


@pytest.fixture
def old(tmp_path):
    """A receiver of today over the database of yesterday, five seconds later."""
    script = (tmp_path / "receiver.db", program.Path(__file__).with_name("database_v5.sql").read_text("utf-8"))
    with program.closing(sqlite3.connect(str(script[0]))) as db:
        db.executescript(script[1])
        db.execute("PRAGMA user_version = 5")
    bench = Bench(tmp_path, now="2026-01-05 10:01:15", channels=WECOM + MAIL)
    yield bench
    bench.receiver.store.close()


def test_it_is_upgraded_and_nothing_in_it_is_lost(old):
    assert at("2026-01-05 10:01:15") == WRITTEN_UNTIL + 5
    assert old.rows("PRAGMA user_version") == [(len(program.MIGRATIONS),)]
    counts = {
        table: old.rows(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("event", "deal", "file", "orders", "source", "incident", "message")
    }
    assert counts == {"event": 13, "deal": 1, "file": 1, "orders": 2, "source": 2, "incident": 2, "message": 2}


def test_what_was_open_stays_open_and_is_told_once_on_every_channel(old):
    old.run(30, every=old.alive)
    for phone in ("wecom", "mail"):
        assert [title for title in old.told(phone) if "ℹ️" not in title] == ["❗ 策略 grid 出错 · mini-pc"]
    assert ("order", "20260105-510300-B-02") in old.incidents()
    old.post("order.state", flag="20260105-510300-B-02", line=2, state="filled", filled=200)
    old.run(3)
    assert old.told()[-1] == "✅ 已恢复：委托有结果了 · mini-pc"


def test_a_machine_that_is_silent_after_the_upgrade_is_accused(old):
    old.run(180)
    assert "❗ 哨兵没有消息 · mini-pc" in old.told()


def test_an_ini_with_plain_secrets_still_opens_every_door(tmp_path):
    served = Served(tmp_path)
    try:
        old_post = {"action": "heartbeat", "name": "qmt", "info": []}
        assert requests.post(served.old_url, json=old_post, timeout=60).json() == {"code": 0, "msg": "ok"}
        body = served.envelope(event("host.heartbeat", served.time))
        assert requests.post(served.events_url, json=body, headers=served.bearer, timeout=60).status_code == 200
        served.log_in(requests.Session())
    finally:
        served.close()


def test_hash_puts_digests_in_the_place_of_plain_secrets_that_stay_valid(tmp_path, capsys):
    path = write_ini(tmp_path)
    before = program.load_config(path)
    assert program.main(["hash", "--config", str(path)]) == 0
    text, after = path.read_text(encoding="utf-8"), program.load_config(path)
    assert not any(secret in text for secret in (TOKEN, OLD_TOKEN, PASSWORD))
    assert after.machines == before.machines
    assert program.right_password(PASSWORD, after.password)
    assert "password" in capsys.readouterr().out
    assert program.main(["hash", "--config", str(path)]) == 0
    assert "不用改" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == text


def test_plain_secrets_are_told_by_check(tmp_path, capsys):
    program.main(["check", "--config", str(write_ini(tmp_path))])
    assert "receiver.py hash" in capsys.readouterr().out
