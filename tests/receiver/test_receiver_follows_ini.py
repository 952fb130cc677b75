"""Machines come and go in receiver.ini while the receiver runs."""

import pytest
import requests

from receiver import receiver as program
from tests.receiver.receiver_bench import wait_until


def rewrite(bench, old, new):
    path = bench.config.path
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def follow(bench):
    """What counts was the same at two looks."""
    bench.receiver.follow_ini()
    bench.receiver.follow_ini()


def post_as(served, token):
    headers = {"Authorization": "Bearer " + token}
    return requests.post(served.events_url, json=served.envelope(), headers=headers, timeout=30).status_code


def test_a_new_token_takes_the_place_of_the_old_one(served):
    assert post_as(served, "machine-token") == 200
    rewrite(served, "machine-token", program.hashed_token("newer"))
    follow(served)
    assert [post_as(served, token) for token in ("machine-token", "newer")] == [401, 200]


def test_an_ini_that_cannot_be_read_changes_nothing_until_it_is_mended(served):
    whole = served.config.path.read_text(encoding="utf-8")
    served.config.path.write_text(whole + "\n[machine:second]\ntokn = half-typed\n", encoding="utf-8")
    follow(served)
    assert post_as(served, "machine-token") == 200
    rewrite(served, "tokn = half-typed", "token = second-token")
    follow(served)
    assert list(served.receiver.config.machines) == ["mini-pc", "second"]


def test_of_a_machine_that_is_gone_nothing_stays_open(bench):
    bench.post("qmt.process", state="missing", name="XtItClient.exe", since=bench.time)
    assert bench.incidents()
    rewrite(bench, "[machine:mini-pc]", "[machine:other]")
    follow(bench)
    bench.receiver.check_once()
    assert bench.incidents() == []
    bench.post("strategy.error", strategy="s", where="i", traceback="E: x")  # it was let in before
    bench.receiver.check_once()
    assert bench.incidents() == []


def test_what_is_not_a_machine_waits_for_the_next_start(bench):
    before = bench.receiver.config
    rewrite(bench, "password = page-password", "password = another")
    follow(bench)
    assert bench.receiver.config is before


def test_a_database_that_refuses_meanwhile_leaves_nothing_open_either(bench, monkeypatch):
    def refuse():
        raise program.StoreRefused("disk full")

    bench.post("qmt.process", state="missing", name="XtItClient.exe", since=bench.time)
    rewrite(bench, "[machine:mini-pc]", "[machine:other]")
    with monkeypatch.context() as patch:
        patch.setattr(bench.receiver.store, "write", refuse)
        follow(bench)
        with pytest.raises(program.StoreRefused):
            bench.receiver.check_once()
    bench.receiver.check_once()
    assert bench.incidents() == []


def test_an_ini_that_is_being_written_takes_no_machine_out(served):
    follow(served)
    whole = served.config.path.read_text(encoding="utf-8")
    served.config.path.write_text(whole.replace("[machine:mini-pc]", "[machine:m]"), encoding="utf-8")
    served.receiver.follow_ini()
    assert post_as(served, "machine-token") == 200
    served.config.path.write_text(whole, encoding="utf-8")
    follow(served)
    assert list(served.receiver.config.machines) == ["mini-pc"]


def test_rights_that_are_put_right_count_as_a_change(bench):
    path, before = bench.config.path, program.mark_of(bench.config.path)
    wait_until(lambda: path.chmod(0o600) or program.mark_of(path) != before)  # the file system's clock is coarse


def test_an_ini_that_breaks_its_reader_does_not_stop_the_watch(bench, monkeypatch):
    rounds = []

    def round_():
        rounds.append(1)
        if len(rounds) == 3:
            bench.receiver.stop_event.set()

    monkeypatch.setattr(bench.receiver, "check_once", round_)
    monkeypatch.setattr(bench.receiver, "follow_ini", lambda: 1 / 0)
    monkeypatch.setattr(bench.receiver.stop_event, "wait", lambda _seconds: bench.receiver.stop_event.is_set())
    bench.receiver.run_checker()
    assert len(rounds) == 3
