"""What the tray found not well with QMT or the machine: told once, with what to do, and its end."""

import pytest

from receiver import receiver as program
from tests.receiver.receiver_bench import Bench, event


def finding(code="qmt-memory", since=None, **more):
    return {"code": code, "since": since, "text": "看到了情况。", "todo": "请处理一下。", **more}


def beats(bench, *found, **beat):
    return lambda: bench.alive(findings=list(found), **beat)


def test_of_two_steps_of_one_thing_the_phone_hears_the_graver_and_then_what_is_left(bench):
    low = finding("disk", bench.time)
    bench.run(10, every=beats(bench, low, finding("disk-full", bench.time)))
    assert bench.told() == ["❗ 小主机的磁盘满了 · mini-pc"]
    bench.run(20, every=beats(bench, low))
    assert bench.told()[1:] == ["✅ 已恢复：小主机的磁盘能用了 · mini-pc", "❗ 小主机的磁盘快满了 · mini-pc"]
    bench.run(20, every=beats(bench, low, finding("disk-full", bench.time)))
    assert bench.incidents() == [("finding", "disk"), ("finding", "disk-full")]  # the first one goes on


def test_a_finding_is_told_with_what_was_seen_and_what_to_do_and_so_is_its_end(bench):
    bench.run(60, every=beats(bench))
    bench.run(10, every=beats(bench, finding("qmt-dialog", bench.time)))
    assert bench.told() == ["❗ QMT 的登录或升级窗口在等人 · mini-pc"]
    body = bench.texts()[0].body
    assert "看到了情况。" in body and "怎么办：请处理一下。" in body and "10:01 起" in body
    assert body.startswith("怎么办：") and bench.began() == "10:01:00"
    bench.run(10, every=beats(bench))
    assert bench.told()[1:] == ["✅ 已恢复：QMT 的登录或升级窗口关了 · mini-pc"]


@pytest.mark.parametrize("code", sorted(program.FINDINGS))
def test_every_finding_of_the_tray_has_a_name_and_a_recovery(bench, code):
    bench.run(10, every=beats(bench, finding(code, bench.time)))
    bench.run(10, every=beats(bench))
    kind = program.FINDINGS[code]
    assert bench.told() == [f"❗ {kind.what} · mini-pc", f"✅ 已恢复：{kind.well} · mini-pc"]
    assert bench.rows("SELECT priority FROM incident") == [(kind.priority,)]


def test_a_finding_of_a_newer_tray_is_told_in_its_own_words(bench):
    bench.run(10, every=beats(bench, finding("brand-new", bench.time)))
    assert bench.told() == ["❗ 小主机有情况 · mini-pc"]
    assert "看到了情况。" in bench.texts()[0].body


def test_only_a_grave_finding_is_told_again(bench):
    bench.run(4000, every=beats(bench, finding("qmt-memory", bench.time), finding("qmt-dialog", bench.time)), step=10)
    again = [title for title in bench.told() if title.startswith("⏰")]
    assert again == ["⏰ 仍未恢复：QMT 的登录或升级窗口在等人 · mini-pc"]


def test_a_tray_that_has_not_looked_yet_ends_nothing(bench):
    bench.run(30, every=beats(bench, finding("disk", bench.time)))
    bench.run(30, every=lambda: bench.alive(findings=None))
    assert bench.incidents() == [("finding", "disk")]
    bench.run(30, every=beats(bench))
    assert bench.incidents() == []


def test_a_child_that_is_lost_is_not_called_back_when_qmt_itself_is_gone(bench):
    bench.run(30, every=beats(bench, finding("qmt-child", bench.time)))
    bench.run(60, every=beats(bench, qmt="missing", script=False))
    assert bench.told() == ["❗ QMT 的子程序不见了 · mini-pc", "❗ QMT 不在运行 · mini-pc"]
    bench.run(60, every=beats(bench))
    assert ("finding", "qmt-child") not in bench.incidents()


def test_an_old_tray_that_knows_of_no_findings_ends_them(bench):
    bench.run(30, every=beats(bench, finding("disk", bench.time)))
    bench.run(30, every=bench.alive)
    assert bench.incidents() == []


def test_at_night_nothing_is_found_that_could_not_wait(tmp_path):
    bench = Bench(tmp_path, now="2026-01-05 20:00:00")
    bench.run(60, every=beats(bench, finding("qmt-dialog", bench.time)))
    assert bench.told() == [] and bench.incidents() == []


def test_while_the_receivers_own_clock_is_the_wrong_one_the_pc_is_not_accused(bench):
    def round_():
        found = [finding("clock", bench.time), finding("clock-far", bench.time), finding("disk", bench.time)]
        sent = bench.time + 60
        beat = event("host.heartbeat", sent, findings=found)
        script = event("qmt.heartbeat", sent, strategy="heartbeat", tick_at=sent - 2)
        bench.batch(beat, event("qmt.process", sent, state="running", change=False), script, sent_at=sent)

    round_()
    bench.receiver.check_once()
    assert ("finding", "disk") in bench.incidents()
    assert not [name for kind, name in bench.incidents() if kind == "finding" and name.startswith("clock")]


@pytest.mark.parametrize("given", [7, "x", {"code": "disk"}, [7, None, {}, {"code": 5}, {"code": ""}]])
def test_findings_that_are_none_are_borne(bench, given):
    bench.run(10, every=lambda: bench.alive(findings=given))
    assert bench.incidents() == []


def test_a_flood_of_findings_is_bounded(bench):
    bench.run(2, every=beats(bench, *[finding(f"made-up-{n}", bench.time) for n in range(500)]))
    assert len(bench.incidents()) == program.FINDINGS_MOST


def test_what_a_missing_qmt_left_behind_is_named(bench):
    bench.alive()
    bench.post("qmt.process", state="missing", name="XtItClient.exe", left=["miniquote.exe", 7], change=True)
    bench.run(10)
    assert "它的子程序还在：miniquote.exe" in bench.texts()[0].body


def test_the_page_shows_findings_at_the_lamp_they_belong_to(bench):
    bench.alive(findings=[finding("qmt-memory", bench.time), finding("disk", bench.time)])
    with bench.receiver.store.read() as db:
        data = program.status_data(bench.receiver, db, bench.time)
    lamps = {one["kind"]: one for one in data["machines"][0]["lamps"]}
    assert lamps["qmt.process"]["state"] == lamps["host"]["state"] == program.LATE
    assert "QMT 的内存一直在涨" in lamps["qmt.process"]["detail"]
    assert "小主机的磁盘快满了" in lamps["host"]["detail"] and "请处理" in lamps["host"]["todo"]
