"""The last resort: when it speaks, what it says, what it remembers; the robot's key stays out of the log."""

import gzip
import json
import queue
import threading

import pytest

from tests.tray_app.helpers import MONDAY_10_00 as NOW
from tests.tray_app.helpers import StubReceiver, settings, short
from tests.tray_app.test_tray_decide import well
from tray_app import config, last_resort, logs, pushplus, state, vendor, wecom
from tray_app.app import TrayApp
from tray_app.config import ConfigError
from tray_app.last_resort import BACK, DOWN, STILL, LastResort, Look, Memory, decide, text_of, told
from tray_app.sender import Link
from tray_app.watch import qmt

AFTER, EVERY = 300.0, 3600.0
WEBHOOK = "https://robot.example/cgi-bin/webhook/send?key=KEY-0001"
PUSHPLUS = "0123456789abcdef0123456789abcdef"
RETRY = Link(state="retry", why="连不上接收端")


def look(now, ok_at=None, passed=1.0, in_session=True, paused=False):
    return Look(now, ok_at, passed, in_session, paused, AFTER, EVERY)


def waiting(waited, **changes):
    """A memory one second old."""
    return Memory(ok_at=NOW - 400, waited=waited, looked_at=NOW - 1, **changes)


TABLE = [
    # memory, look, the word
    ("all is well", waiting(0), look(NOW, NOW), ""),
    ("a wait that is still short", waiting(298), look(NOW), ""),
    ("the wait is over", waiting(299), look(NOW), DOWN),
    ("a yes in the last second", waiting(299), look(NOW, NOW), ""),
    ("the same yes as before is no new one", waiting(299), look(NOW, NOW - 400), DOWN),
    ("paused", waiting(299), look(NOW, paused=True), ""),
    ("out of session", waiting(300), look(NOW, in_session=False, passed=0), ""),
    ("the machine slept: nobody waited", waiting(299)._replace(looked_at=NOW - 3600), look(NOW, passed=3600), ""),
    ("the clock was set back", waiting(299)._replace(looked_at=NOW + 60), look(NOW, passed=0), ""),
    ("the first look after a start", Memory(), look(NOW, passed=0), ""),
    ("told a minute ago", waiting(300, told_at=NOW - 60, words=1), look(NOW), ""),
    ("told an hour ago", waiting(300, told_at=NOW - 3600, words=1), look(NOW), STILL),
    ("told an hour ago, at night", waiting(300, told_at=NOW - 3600, words=1), look(NOW, in_session=False), ""),
    ("told an hour ago, paused", waiting(300, told_at=NOW - 3600, words=1), look(NOW, paused=True), ""),
    ("told by a clock that ran ahead", waiting(300, told_at=NOW + 86400, words=1), look(NOW), STILL),
    ("a yes after it was told", waiting(300, told_at=NOW - 60, words=1), look(NOW, NOW), BACK),
    ("a yes at night", waiting(300, told_at=NOW - 60, words=1), look(NOW, NOW, in_session=False), BACK),
    ("a yes while paused", waiting(300, told_at=NOW - 60, words=1), look(NOW, NOW, paused=True), ""),
    ("an older yes, still to be told", waiting(20, told_at=NOW - 60, words=1, well=True), look(NOW), BACK),
    ("gone again before that was told", waiting(299, told_at=NOW - 60, words=1, well=True), look(NOW), ""),
    ("gone again for an hour", waiting(299, told_at=NOW - 3600, words=1, well=True), look(NOW), STILL),
    ("the first look of a run in an outage that was told", waiting(300, told_at=NOW - 60), look(NOW, passed=0), ""),
]


@pytest.mark.parametrize("memory, seen, word", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_when_it_speaks(memory, seen, word):
    assert decide(memory, seen)[1] == word


def test_a_yes_begins_the_wait_anew_and_a_pause_does_not_lengthen_it():
    assert decide(waiting(250), look(NOW, NOW))[0].waited == 0
    assert decide(waiting(250), look(NOW, paused=True))[0].waited == 250
    assert decide(waiting(300), look(NOW))[0].waited == AFTER  # no more than is needed: nothing to write each minute


def test_an_outage_is_told_once_then_hourly_and_its_end_once():
    memory, words = Memory(), []
    for second in range(0, 3 * 3600, 10):
        ok = second < 600 or second >= 8400
        seen = look(NOW + second, NOW + second if ok else None, passed=10.0)
        memory, word = decide(memory, seen)
        if word:
            words.append((second, word))
            memory = told(memory, word, seen.now)
    assert words == [(890, DOWN), (4490, STILL), (8090, STILL), (8400, BACK)]


def test_what_the_robot_did_not_take_is_not_told():
    memory, word = decide(waiting(299), look(NOW))
    assert word == DOWN
    assert decide(memory, look(NOW + 1))[1] == DOWN


# What it says --------------------------------------------------------------------------------------------------------


def say(word, memory=None, link=RETRY):
    return text_of(word, memory or waiting(300, told_at=NOW - 60, words=1), link, "QMT 在运行", "mini-pc", EVERY, NOW)


def test_the_first_word_says_what_since_when_and_what_to_do():
    text = say(DOWN)
    title, todo, good, reason, *_ = text.splitlines()
    assert title == "❗ 接收端联系不上 · mini-pc" and todo.startswith("怎么办：")
    assert (good, reason) == ("最后一次正常：09:53。", "原因：连不上接收端。")
    assert all(part in text for part in ("QMT 在运行", "怎么办", "每 1 小时提醒一次"))
    assert len(text.encode("utf-8")) < wecom.MOST_BYTES


def test_a_reminder_differs_and_counts():
    assert say(STILL).startswith("❗ 接收端仍然联系不上（第 2 次提醒） · mini-pc")


def test_a_receiver_that_answers_but_reaches_nobody_is_told_as_that():
    text = say(DOWN, link=Link(state="ok", alerts_ok=False, alerts_why="通道都用不了"))
    assert "接收端发不出告警" in text and "通道都用不了" in text


def test_a_receiver_that_has_just_stopped_answering_is_told_as_out_of_reach():
    text = say(DOWN, link=Link(state="ok", alerts_ok=True))
    assert "接收端联系不上" in text and "原因：没有回答。" in text


def test_a_refused_token_says_to_pair_again():
    assert "配对码" in say(DOWN, link=Link(state="denied", why="接收端不认这个 token"))


def test_the_end_says_how_long_it_was():
    memory = Memory(ok_at=NOW, told_at=NOW - 3000, since=NOW - 3600, words=1, well=True)
    assert say(BACK, memory).startswith("✅ 已恢复：接收端又能告警了 · mini-pc\n历时 1 小时（09:00 – 10:00）。")


def test_qmt_and_unknown_orders_are_told_without_fund_or_amount():
    from tests.tray_app.test_tray_owner import UNKNOWN

    assert state.in_short(qmt.Seen(), ()) == "还没有看到 QMT"
    text = state.in_short(qmt.Seen(state=qmt.MISSING), (UNKNOWN,))
    assert text == "QMT 不在运行，有 1 笔委托结果不明"


# The robot's answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (200, b'{"errcode":0,"errmsg":"ok"}', vendor.Sent),
        (200, b'{"errcode":93000,"errmsg":"invalid webhook url"}', vendor.Never),
        (200, b'{"errcode":93008}', vendor.Never),
        (200, b'{"errcode":40058}', vendor.Never),
        (200, b'{"errcode":45009,"errmsg":"api freq out of limit"}', vendor.Later),
        (200, b'{"errcode":-1}', vendor.Later),
        (200, b'{"errcode":false}', vendor.Later),
        (200, b'{"errmsg":"ok"}', vendor.Later),
        (200, b"<html>", vendor.Later),
        (200, b"[" * 100000, vendor.Later),
        (502, b'{"errcode":0}', vendor.Later),
        (302, b"", vendor.Later),
    ],
    ids=short,
)
def test_errcode_decides_and_never_the_status_alone(status, body, kind):
    assert isinstance(wecom.judge(status, body), kind)


def test_a_message_is_cut_at_its_bytes_and_never_inside_a_character():
    for text in ("哨" * 1000, "😀" * 600, "a" * 2049):
        cut = wecom.cut(text, wecom.MOST_BYTES)
        assert 2040 < len(cut.encode("utf-8")) <= 2048
    assert wecom.cut("a" * 2048, wecom.MOST_BYTES) == "a" * 2048


class Robot(StubReceiver):
    """A WeCom robot on loopback: answers `errcode`, keeps the texts."""

    def __init__(self):
        super().__init__()
        self.errcode = 0
        self.answers = [lambda message: (200, {}, json.dumps({"errcode": self.errcode, "errmsg": "x"}).encode())]
        self.webhook = self.url + "/cgi-bin/webhook/send?key=SECRET-KEY-77"

    @property
    def texts(self):
        return [message["text"]["content"] for message in self.posts]


@pytest.fixture
def robot():
    made = Robot()
    yield made
    made.close()


def test_a_message_reaches_the_robot(robot):
    assert isinstance(wecom.send(robot.webhook, "你好"), vendor.Sent)
    assert robot.texts == ["你好"]


def test_no_failure_puts_the_key_into_the_log(robot, tmp_path, home, lease, board):
    robot.close()
    logs.start(tmp_path)
    try:
        part = Part(home, lease, robot.webhook, send=last_resort.send)
        part.out_of_reach(AFTER + 1)
    finally:
        logs.stop()
    log = (tmp_path / "tray.log").read_text(encoding="utf-8")
    assert "not told" in log
    assert "SECRET-KEY-77" not in log


# pushplus ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, body, result",
    [
        (200, b'{"code":200,"msg":"ok","data":"x"}', vendor.Sent),
        (200, b'{"code":900}', vendor.Tomorrow),
        (200, b'{"code":903}', vendor.Never),
        (200, b'{"code":905}', vendor.Never),
        (200, b'{"code":600}', vendor.Never),
        (200, b'{"code":500}', vendor.Later),
        (200, b'{"code":true}', vendor.Later),
        (200, b"<html>", vendor.Later),
        (502, b'{"code":200}', vendor.Later),
    ],
    ids=short,
)
def test_pushplus_says_by_its_code_what_became_of_it(status, body, result):
    assert isinstance(pushplus.judge(status, body), result)


def test_a_message_reaches_pushplus_with_its_first_line_as_title(robot):
    robot.answers = [lambda message: (200, {}, b'{"code":200}')]
    assert isinstance(pushplus.send(PUSHPLUS, "\u2757 标题\n内容", robot.url), vendor.Sent)
    sent = robot.posts[0]
    assert (sent["token"], sent["title"], sent["content"]) == (PUSHPLUS, "\u2757 标题", "\u2757 标题\n内容")


def test_a_vendor_that_would_pack_its_answer_is_understood(robot):
    """An answer that is not understood counts as not taken: the same message would come again and again."""

    def answer(message):
        packed = "gzip" in robot.headers[-1].get("Accept-Encoding", "")
        body = b'{"code":200,"errcode":0}'
        return (200, {"Content-Encoding": "gzip"}, gzip.compress(body)) if packed else (200, {}, body)

    robot.answers = [answer]
    assert isinstance(pushplus.send(PUSHPLUS, "text", robot.url), vendor.Sent)
    assert isinstance(wecom.send(robot.webhook, "text"), vendor.Sent)


def test_an_answer_that_is_packed_unasked_is_unpacked(robot):
    robot.answers = [lambda message: (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"code":200}'))]
    assert isinstance(pushplus.send(PUSHPLUS, "text", robot.url), vendor.Sent)


def test_by_pushplus_goes_what_sentry_ini_gives_to_pushplus(robot, monkeypatch):
    monkeypatch.setattr(pushplus, "URL", robot.url)
    robot.answers = [lambda message: (200, {}, b'{"code":200}')]
    with_token = settings(last_resort=f"pushplus_token = {PUSHPLUS}")
    assert last_resort.is_set(with_token) and isinstance(last_resort.send(with_token, "你好"), vendor.Sent)
    assert robot.posts[0]["content"] == "你好"


def test_a_restricted_pushplus_is_left_alone_until_midnight(home, lease):
    part = Part(home, lease, PUSHPLUS, way="pushplus_token")
    part.answers = [vendor.Tomorrow("今天停发")]
    part.out_of_reach(13 * 3600)  # until eleven at night
    assert len(part.sent) == 1
    part.out_of_reach(11 * 3600)  # the next morning
    assert len(part.sent) == 2


@pytest.mark.parametrize("errcode, sent", [(0, ["robot"]), (93000, ["robot", "pushplus"])], ids=["works", "fails"])
def test_where_both_ways_are_set_pushplus_stands_in_for_a_robot_that_fails(robot, monkeypatch, errcode, sent):
    """Refusing to start would leave QMT unwatched because somebody wanted to be told twice."""
    asked = []
    robot.answers = [
        lambda message: asked.append("robot") or (200, {}, b'{"errcode":%d}' % errcode),
        lambda message: asked.append("pushplus") or (200, {}, b'{"code":200}'),
    ]
    monkeypatch.setattr(pushplus, "URL", robot.url)
    both = settings(last_resort=f"webhook = {WEBHOOK}\npushplus_token = {PUSHPLUS}")
    assert isinstance(last_resort.send(both._replace(last_resort_webhook=robot.webhook), "你好"), vendor.Sent)
    assert asked == sent


@pytest.mark.parametrize(
    "robot_says, pushplus_says, both",
    [
        (vendor.Later("a"), vendor.Never("b"), vendor.Later("a；b", pushplus.PAUSE)),
        (vendor.Never("a"), vendor.Later("b"), vendor.Later("a；b", pushplus.PAUSE)),
        (vendor.Later("a"), vendor.Tomorrow("b"), vendor.Never("a；b")),
        (vendor.Never("a"), vendor.Never("b"), vendor.Never("a；b")),
    ],
    ids=short,
)
def test_where_both_ways_fail_neither_makes_the_other_wait_for_long(monkeypatch, robot_says, pushplus_says, both):
    monkeypatch.setattr(wecom, "send", lambda webhook, text: robot_says)
    monkeypatch.setattr(pushplus, "send", lambda token, text: pushplus_says)
    ways = settings(last_resort=f"webhook = {WEBHOOK}\npushplus_token = {PUSHPLUS}")
    found = last_resort.send(ways, "text")
    assert (type(found), found) == (type(both), both)


def test_a_pushplus_token_that_is_none_is_refused_without_repeating_it():
    with pytest.raises(ConfigError) as caught:
        settings(last_resort="pushplus_token = https://SECRET")
    assert "pushplus_token" in str(caught.value) and "SECRET" not in str(caught.value)


# The test in the menu ------------------------------------------------------------------------------------------------


def trial(result, let_go=None):
    """(Trial, what was sent, what was told late)."""
    sent, late = [], queue.Queue()

    def send(config, text):
        if let_go is not None:
            assert let_go.wait(60)
        sent.append(text)
        return result

    return last_resort.Trial(settings(last_resort=f"webhook = {WEBHOOK}"), late.put, send), sent, late


def test_the_test_in_the_menu_says_whether_the_last_resort_took_it():
    taken, sent, _ = trial(vendor.Sent())
    assert taken.words(60) == "最后手段也发了一条。"
    assert "不经过接收端" in sent[0]
    refused, _, _ = trial(vendor.Never("机器人不在群里（errcode 93008）"))
    assert refused.words(60) == "最后手段没有发出：机器人不在群里（errcode 93008）。"


def test_a_slow_last_resort_does_not_hold_the_menu_and_is_told_when_it_is_known():
    let_go = threading.Event()
    slow, _, late = trial(vendor.Sent(), let_go)
    assert slow.words(0) == ""
    let_go.set()
    assert late.get(timeout=60) == "最后手段也发了一条。"


def test_without_a_last_resort_the_test_says_nothing_of_it():
    assert last_resort.Trial(settings(), pytest.fail).words(60) == ""


# The worker's part ---------------------------------------------------------------------------------------------------


class Part:
    """A LastResort with everything around it at hand."""

    def __init__(self, home, lease, webhook=WEBHOOK, send=None, start=NOW, way="webhook", **sentry):
        self.link, self.paused, self.sent, self.now, self.answers = RETRY, False, [], start, []
        self.config = settings(sentry="every_day = yes\n", last_resort=f"{way} = {webhook}", **sentry)
        args = (lambda: self.config, lambda: self.link, lambda: self.paused, lambda epoch: True, lambda: "QMT 在运行")
        self.part = LastResort(home.last_resort, lease, *args, send or self.take, lambda: self.now)

    def take(self, config, text):
        self.sent.append(text.partition(" · ")[0])
        return self.answers.pop(0) if self.answers else vendor.Sent()

    def out_of_reach(self, seconds):
        for _ in range(int(seconds)):
            self.now += 1
            self.part.round(self.now)

    def heard(self):
        self.link = Link(state="ok", alerts_ok=True, alerts_ok_at=self.now)
        self.out_of_reach(1)
        self.link = RETRY._replace(alerts_ok_at=self.now - 1)


def test_it_tells_once_again_after_an_hour_and_when_it_is_over(home, lease):
    part = Part(home, lease)
    part.heard()
    part.out_of_reach(AFTER + 3700)
    part.heard()
    part.out_of_reach(60)
    assert part.sent == ["❗ 接收端联系不上", "❗ 接收端仍然联系不上（第 2 次提醒）", "✅ 已恢复：接收端又能告警了"]


def test_a_restart_neither_repeats_nor_forgets(home, lease):
    first = Part(home, lease)
    first.out_of_reach(AFTER + 10)
    second = Part(home, lease, start=first.now)
    second.out_of_reach(600)
    assert (len(first.sent), second.sent) == (1, [])
    third = Part(home, lease, start=second.now)
    third.heard()
    assert third.sent == ["✅ 已恢复：接收端又能告警了"]
    fourth = Part(home, lease, start=third.now)
    fourth.heard()
    fourth.out_of_reach(60)
    assert fourth.sent == []


def test_a_machine_that_restarts_every_few_minutes_still_tells(home, lease):
    now, sent = NOW, []
    for _ in range(4):
        part = Part(home, lease, start=now)
        part.out_of_reach(130)
        now, sent = part.now, sent + part.sent
    assert sent == ["❗ 接收端联系不上"]


def test_while_paused_nothing_is_told_and_later_what_is_still_true(home, lease):
    part = Part(home, lease)
    part.paused = True
    part.out_of_reach(AFTER + 600)
    assert part.sent == []
    part.paused = False
    part.out_of_reach(AFTER + 2)
    assert part.sent == ["❗ 接收端联系不上"]


def test_without_a_pairing_there_is_nothing_to_miss(home, lease):
    part = Part(home, lease)
    part.config = part.config._replace(receiver="", token="")
    part.out_of_reach(AFTER + 10)
    assert part.sent == []


def test_a_busy_robot_is_asked_again_after_a_minute(home, lease):
    part = Part(home, lease)
    part.answers = [vendor.Later("errcode 45009"), vendor.Later("errcode -1")]
    part.out_of_reach(AFTER + 50)
    assert len(part.sent) == 1
    part.out_of_reach(200)
    assert len(part.sent) == 3  # two that it did not take, and one


def test_a_robot_that_refuses_for_good_is_shown_and_asked_hourly(home, lease, board):
    part = Part(home, lease)
    part.answers = [vendor.Never("机器人的网址不对（errcode 93000）")]
    part.out_of_reach(AFTER + 1000)
    assert len(part.sent) == 1
    view = state.decide(well(last_resort_why=board.get("last_resort_why")), NOW)
    assert view.icon == state.ATTENTION
    assert "93000" in view.lines[0] and "[last_resort]" in view.lines[0]
    part.out_of_reach(3000)
    assert (len(part.sent), board.get("last_resort_why")) == (2, "")


def test_a_heartbeat_that_comes_seldom_is_no_outage(home, lease):
    part = Part(home, lease, host="every = 300")
    for _ in range(10):
        part.heard()
        part.out_of_reach(320)
    assert part.sent == []


def test_a_disk_that_refuses_does_not_silence_it(home, lease, monkeypatch):
    def refuse(*args):
        raise OSError(28, "no space")

    monkeypatch.setattr(last_resort, "write_whole", refuse)
    part = Part(home, lease)
    part.out_of_reach(AFTER + 600)
    assert part.sent == ["❗ 接收端联系不上"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"told_at": "x", "waited": -1, "words": 1.5}', '{"told_at": 1e300, "waited": 1e999}']
)
def test_a_damaged_memory_is_an_empty_one(home, text):
    home.last_resort.write_text(text, encoding="utf-8")
    assert last_resort.read(home.last_resort) == Memory()


def test_what_was_kept_is_read_back(home):
    memory = Memory(NOW, 60.0, NOW, NOW, NOW, 3, True)
    home.last_resort.write_text(json.dumps(memory._asdict()), encoding="utf-8")
    assert last_resort.read(home.last_resort) == memory


def test_on_a_good_day_the_disk_is_left_alone(home, lease, monkeypatch):
    part = Part(home, lease)
    part.heard()
    written = []
    monkeypatch.setattr(last_resort, "write_whole", lambda *args: written.append(args))
    for _ in range(19):
        part.out_of_reach(29)
        part.heard()
    assert written == []


# In the program ------------------------------------------------------------------------------------------------------


def test_the_program_has_the_worker_only_with_a_webhook(home):
    with_one = TrayApp(home, settings(last_resort=f"webhook = {WEBHOOK}"))
    without = TrayApp(home, settings())
    names = [[worker.name for worker in app.parts.all] for app in (with_one, without)]
    assert ["last-resort" in found for found in names] == [True, False]


@pytest.mark.parametrize(
    "webhook",
    [
        "SECRET-KEY-77",
        "http://robot.example/send?key=SECRET-KEY-77",
        "https://robot.example/send",
        "https://a:SECRET-KEY-77@x/?key=k",
    ],
)
def test_an_address_that_is_no_robots_is_refused_without_repeating_it(webhook):
    with pytest.raises(ConfigError) as caught:
        settings(last_resort=f"webhook = {webhook}")
    assert "[last_resort] webhook" in str(caught.value)
    assert "SECRET-KEY-77" not in str(caught.value)


def test_the_address_as_wecom_shows_it_is_taken():
    assert settings(last_resort=f"webhook = {WEBHOOK}").last_resort_webhook == WEBHOOK
    assert config.parse("", "x").last_resort_webhook == ""
