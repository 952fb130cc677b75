"""What becomes a finding: each sign at its edges, and how long it has to last."""

import pytest

from tests.tray_app.helpers import settings
from tray_app.watch import findings
from tray_app.watch.findings import GB, MB, Brood, Sign, clock, dialog, disk, growing, restart, settle
from tray_app.watch.growth import History, Sample

DIALOGS = settings().qmt_dialogs
WATCHED = ("miniquote.exe",)
RUN = (10, 1000.0)


def codes(signs):
    return [sign.code for sign in signs]


def test_a_sign_becomes_a_finding_when_it_has_lasted():
    sign = Sign("x", "text", "todo", 30.0)
    since, found = settle({}, [sign], 1000.0)
    assert found == ()
    since, found = settle(since, [sign], 1029.0)
    assert found == ()
    since, found = settle(since, [sign], 1030.0)
    assert [(one.code, one.since, one.text, one.todo) for one in found] == [("x", 1000.0, "text", "todo")]


def test_a_sign_that_goes_and_comes_begins_anew():
    sign = Sign("x", "text", "todo", 30.0)
    since, _ = settle({"x": 1000.0}, [], 1020.0)
    assert settle(since, [sign], 1031.0)[1] == ()


@pytest.mark.parametrize("title", ["国金证券QMT交易端 登录", "用户登陆", "升级程序", "QMT Login", "AutoUpdate 1.2"])
def test_a_window_that_speaks_of_login_or_upgrade_is_seen(title):
    (sign,) = dialog(["国金证券QMT交易端 1.0.0.29456", title], DIALOGS, 30.0)
    assert sign.code == "qmt-dialog" and title in sign.text and sign.patience == 30.0


@pytest.mark.parametrize("titles", [[], ["国金证券QMT交易端 1.0.0.29456"], ["迅投极速策略交易系统"], [""]])
def test_the_main_window_is_no_login(titles):
    assert dialog(titles, DIALOGS, 30.0) == []


def test_without_patterns_no_window_is_told():
    assert dialog(["登录"], (), 30.0) == []


def watch_children(*looks, every=10.0):
    """Codes after each look; a look is (run, names of its children)."""
    brood, told = Brood(), []
    for number, (run, names) in enumerate(looks):
        brood, signs = findings.children(brood, run, names, WATCHED, 5000.0 + every * number)
        told.append(codes(signs))
    return told


def test_a_child_that_qmt_kept_and_lost_is_told_until_it_is_back():
    here, gone = (RUN, ["MiniQuote.exe", "other.exe"]), (RUN, ["other.exe"])
    looks = [here] * 7 + [gone, gone, here]
    told = watch_children(*looks)
    assert told[-3:] == [["qmt-child"], ["qmt-child"], []]


def test_a_child_that_only_came_and_went_is_not_told():
    assert watch_children((RUN, WATCHED), (RUN, WATCHED), (RUN, []), (RUN, []))[-1] == []


def test_a_child_that_was_never_there_is_not_told():
    assert watch_children(*[(RUN, [])] * 20)[-1] == []


def test_the_children_of_another_run_are_forgotten():
    other = (11, 9000.0)
    assert watch_children(*[(RUN, WATCHED)] * 7, (other, []), (other, []))[-1] == []
    assert watch_children(*[(RUN, WATCHED)] * 7, (None, []))[-1] == []


def test_memory_and_handles_that_grow_are_told_each_on_its_own():
    def history(memory, handles):
        return History(RUN, tuple(Sample(60.0 * n, memory * n, handles * n, None) for n in range(61)))

    assert codes(growing(history(5.1 * MB, 1), 300 * MB, 2000, ())) == ["qmt-memory"]
    assert codes(growing(history(1, 40), 300 * MB, 2000, ())) == ["qmt-handles"]
    assert codes(growing(history(1, 1), 300 * MB, 2000, ())) == []
    (sign,) = growing(history(10 * MB, 1), 300 * MB, 2000, ())
    assert "每小时约 600 MB" in sign.text


@pytest.mark.parametrize(
    "free, was, expected",
    [
        (2 * GB, (), []),
        (2 * GB - 1, (), ["disk"]),
        (2.1 * GB, ("disk",), ["disk"]),
        (2.3 * GB, ("disk",), []),
        (150 * MB, (), ["disk", "disk-full"]),
        (210 * MB, ("disk", "disk-full"), ["disk", "disk-full"]),
        (230 * MB, ("disk", "disk-full"), ["disk"]),
        (None, (), []),
    ],
)
def test_a_disk_that_runs_full_is_told_and_not_again_and_again(free, was, expected):
    assert codes(disk("disk", "磁盘", None if free is None else int(free), 2 * GB, was)) == expected


@pytest.mark.parametrize(
    "offset, was, expected",
    [
        (None, (), []),
        (2.9, (), []),
        (-3.0, (), ["clock"]),
        (2.5, ("clock",), ["clock"]),
        (1.9, ("clock",), []),
        (30.0, (), ["clock", "clock-far"]),
    ],
)
def test_a_clock_that_is_wrong_is_told(offset, was, expected):
    assert codes(clock(offset, was)) == expected


@pytest.mark.parametrize("was, expected", [((), 1), (("clock", "clock-far"), 2)], ids=["new", "told"])
def test_a_clock_that_wavers_about_the_second_limit_is_told_once(was, expected):
    assert len(findings.clock(29.0, was)) == expected


def test_which_way_the_clock_is_wrong_is_said():
    assert "慢 5 秒" in clock(5.0, ())[0].text
    assert "快 5 秒" in clock(-5.0, ())[0].text


def test_a_pending_restart_is_told():
    assert codes(restart(True)) == ["restart-pending"]
    assert restart(False) == []


def test_every_finding_says_what_was_seen_and_what_to_do_as_sentences():
    signs = [
        *dialog(["登录"], DIALOGS, 0),
        *disk("disk", "磁盘", 1, 2 * GB, ()),
        *clock(40.0, ()),
        *restart(True),
        *findings.outbox("发件箱不能写入。"),
    ]
    for sign in signs:
        assert sign.text.endswith("。") and sign.todo.endswith("。"), sign


def test_of_a_clock_that_is_45_seconds_off_nobody_is_told_that_no_order_goes_out():
    far = clock(45.0, ())[-1]  # with tick_max_age = 60 the strategy still trades then
    assert far.code == "clock-far" and "因此不下单" not in far.text and "差得太多时策略不下单" in far.text
