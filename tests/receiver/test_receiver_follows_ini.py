"""Machines come and go in receiver.ini while the receiver runs."""

import requests

from receiver import receiver as program


def rewrite(bench, old, new):
    path = bench.config.path
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def post_as(served, token):
    headers = {"Authorization": "Bearer " + token}
    return requests.post(served.events_url, json=served.envelope(), headers=headers, timeout=30).status_code


def test_a_new_token_takes_the_place_of_the_old_one(served):
    assert post_as(served, "machine-token") == 200
    rewrite(served, "machine-token", program.hashed_token("newer"))
    served.receiver.follow_ini()
    assert [post_as(served, token) for token in ("machine-token", "newer")] == [401, 200]


def test_an_ini_that_cannot_be_read_changes_nothing_until_it_is_mended(served):
    whole = served.config.path.read_text(encoding="utf-8")
    served.config.path.write_text(whole + "\n[machine:second]\ntokn = half-typed\n", encoding="utf-8")
    served.receiver.follow_ini()
    assert post_as(served, "machine-token") == 200
    rewrite(served, "tokn = half-typed", "token = second-token")
    served.receiver.follow_ini()
    assert list(served.receiver.config.machines) == ["mini-pc", "second"]


def test_of_a_machine_that_is_gone_nothing_stays_open(bench):
    bench.post("qmt.process", state="missing", name="XtItClient.exe", since=bench.time)
    assert bench.incidents()
    rewrite(bench, "[machine:mini-pc]", "[machine:other]")
    bench.receiver.follow_ini()
    assert bench.incidents() == []


def test_what_is_not_a_machine_waits_for_the_next_start(bench):
    before = bench.receiver.config
    rewrite(bench, "password = page-password", "password = another")
    bench.receiver.follow_ini()
    assert bench.receiver.config is before
