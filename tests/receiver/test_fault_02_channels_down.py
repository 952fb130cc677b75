"""Fault test, points 2 and 3: channels that are away, say no, or hang: for 6 s, 10 min, 8 h, alone and together."""

import threading

import pytest

from receiver import receiver as program
from receiver.receiver import Later, Never, Sent
from tests.receiver.receiver_bench import MAIL, PUSHPLUS, WECOM, Bench, FakeChannel, wait_until

ALL = ("wecom", "pushplus", "mail")
ALWAYS = "[calendar]\nevery_day = yes\ntell = 00:00-24:00\nsessions = 00:00-24:00"


class Vendor(FakeChannel):
    """Out of reach until `back`; counts every request."""

    def __init__(self, config, clock):
        super().__init__(config)
        self.clock, self.back, self.asked, self.no = clock, 0.0, [], None

    def send(self, message):
        self.asked.append(self.clock())
        if self.clock() < self.back:
            return self.no or Later(None, "连不上对方服务器（超时）")
        self.got.append(message)
        return Sent("1")


def chain(tmp_path, channels=WECOM + PUSHPLUS + MAIL, **ini):
    bench = Bench(tmp_path, channels=channels, **ini)
    for name, sender in bench.receiver.senders.items():
        bench.phones[name] = sender.channel = Vendor(bench.config.channels[name], lambda: bench.time)
    return bench


def rejected(bench, number):
    bench.post(
        "order.state", flag=f"20260105-{number:06}-B-01", line=1, state="rejected", reason="资金" + "不" * number
    )


@pytest.mark.parametrize("seconds", [6, 600, 8 * 3600])
@pytest.mark.parametrize("down", [("wecom",), ("mail",), ("wecom", "pushplus"), ALL])
def test_a_channel_that_comes_back_gets_all_it_missed_in_few_messages(tmp_path, seconds, down):
    bench = chain(tmp_path, alerts="[alerts]\nreminders =", calendar=ALWAYS)
    for name in down:
        bench.phones[name].back = bench.time + seconds
    for number in range(1, 9):
        rejected(bench, number)
        bench.run(max(seconds / 8, 25), step=5 if seconds < 3600 else 30)
    bench.run(300, step=5)
    for name in ALL:
        told = "\n".join(text.title + text.body for text in bench.texts(name))
        assert [n for n in range(1, 9) if f"20260105-{n:06}-B-01" not in told and "委托被拒" not in told] == []
        if name in down and seconds > 1000:
            assert len([t for t in bench.told(name) if "委托被拒" in t or "积压" in t]) <= 8
    assert bench.rows("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')") == [(0,)]


def test_after_four_hours_the_only_channel_gets_digests_that_name_all_not_the_whole_backlog(tmp_path):
    bench = chain(tmp_path, channels=MAIL, alerts="[alerts]\nreminders =", calendar=ALWAYS)
    bench.phones["mail"].back = bench.time + 4 * 3600
    for number in range(20):
        bench.post("strategy.error", strategy=f"grid-{number}", where="init", traceback="ValueError: x")
        bench.run(720, every=bench.alive, step=30)
    bench.run(300, every=bench.alive, step=10)
    missed = [title for title in bench.told("mail") if "积压" in title or "出错" in title]
    assert len(missed) <= 3
    everything = "\n".join(text.title + text.body for text in bench.texts("mail"))
    assert [n for n in range(20) if f"grid-{n} " not in everything] == []


def test_a_channel_that_hangs_holds_up_no_other(tmp_path):
    """With real threads: the second has its message while the first still hangs in the vendor's hands."""
    bench = Bench(tmp_path, channels=WECOM + MAIL, alerts="[alerts]\ncompanions = 0")
    hanging, released = threading.Event(), threading.Event()

    class Stuck(FakeChannel):
        def send(self, message):
            hanging.set()
            released.wait(20)
            return super().send(message)

    bench.receiver.senders["wecom"].channel = Stuck(bench.config.channels["wecom"])
    bench.receiver.start()
    try:
        bench.post("strategy.error", strategy="one", where="init", traceback="E: x")
        assert hanging.wait(10)
        bench.post("strategy.error", strategy="two", where="init", traceback="E: y")
        wait_until(lambda: len(bench.told("mail")) == 2)
        assert not released.is_set()
    finally:
        released.set()
        bench.receiver.stop()


@pytest.mark.parametrize(
    ("channel", "answer", "asked_in_an_hour"),
    [
        ("wecom", Never("93000"), 1),
        ("pushplus", Never("903"), 1),
        ("pushplus", Never("905"), 1),
        ("mail", Never("535"), 1),
    ],
)
def test_a_channel_that_says_never_is_left_alone_red_and_told_by_the_others(
    tmp_path, channel, answer, asked_in_an_hour
):
    bench = chain(tmp_path)
    phone = bench.phones[channel]
    phone.back, phone.no = bench.time + 10**6, answer
    for number in range(1, 7):
        rejected(bench, number)
        bench.run(600, every=bench.alive, step=10)
    assert len(phone.asked) == asked_in_an_hour
    for other in set(ALL) - {channel}:
        assert bench.told(other).count(f"❗ 告警通道 {channel} 不能用") == 1
    with bench.receiver.store.read() as db:
        assert program.channel_trouble(db, channel, bench.time)


def test_after_pushplus_900_it_is_asked_at_most_once_more_until_midnight(tmp_path):
    bench = chain(tmp_path)
    phone = bench.phones["pushplus"]
    phone.back, phone.no = bench.time + 10**6, Later(program.UNTIL_MIDNIGHT, "900")
    for number in range(1, 10):
        rejected(bench, number)
        bench.run(1500, every=bench.alive, step=15)
    assert len(phone.asked) == 1
    bench.jump("2026-01-06 00:00:05")
    phone.back = 0.0
    bench.run(60)
    assert len(phone.asked) > 1


def test_what_every_channel_refused_is_told_as_soon_as_one_works_again(tmp_path):
    bench = chain(tmp_path, channels=WECOM + MAIL)
    for phone in bench.phones.values():
        phone.back, phone.no = bench.time + 10**6, Never("93000")
    rejected(bench, 1)
    bench.run(60, every=bench.alive)
    assert bench.told("wecom") == bench.told("mail") == []
    bench.phones["mail"].back = 0.0
    with bench.receiver.transaction() as tx:
        program.send_test(tx, "")
    bench.run(30, every=bench.alive)
    assert "20260105-000001-B-01" in str(bench.texts("mail"))


@pytest.mark.parametrize("code", [45009, -1])
def test_wecoms_busy_answers_are_paced(code):
    seconds, _ = program.WECOM_LATER[code]
    assert seconds >= (60 if code == 45009 else 10)


def test_no_sliding_minute_holds_more_than_twenty_whatever_is_thrown_at_it(tmp_path):
    """Ten minutes of more than it can send, with restarts, through the real pace of the robot."""
    bench, asked = chain(tmp_path, channels=WECOM), []
    for tick in range(1200):
        if tick % 300 == 0:
            bench.restart()
            phone = bench.phones["wecom"] = Vendor(bench.config.channels["wecom"], lambda: bench.time)
            phone.asked, phone.pace = asked, program.WeComRobot(bench.config.channels["wecom"]).pace
            bench.receiver.senders["wecom"].channel = phone
        if tick % 6 == 0:
            with bench.receiver.transaction() as tx:
                program.send_test(tx, "", str(tick))
        bench.time += 0.5
        bench.deliver()
    assert len(asked) > 120
    assert max(sum(1 for at in asked if start <= at < start + 60) for start in asked) <= 20


def test_a_day_of_storms_keeps_within_pushplus_quota_and_grave_news_still_go(tmp_path):
    bench = chain(tmp_path, channels=PUSHPLUS, calendar=ALWAYS)
    phone = bench.phones["pushplus"]
    phone.pace = program.PushPlus(bench.config.channels["pushplus"]).pace
    bench.jump("2026-01-05 00:00:10")
    for number in range(400):
        with bench.receiver.transaction() as tx:
            program.post_message(tx, "alert", "", program.LOW, program.Text(f"{number}", "", ""), ["pushplus"], tx.now)
        bench.time += 200
        bench.deliver()
    quiet = len(phone.asked)
    assert quiet == program.PUSHPLUS_PER_DAY - program.PUSHPLUS_RESERVE
    for number in range(1, 100):
        with bench.receiver.transaction() as tx:
            program.post_message(
                tx, "alert", "", program.GRAVE, program.Text(f"{number}", "", ""), ["pushplus"], tx.now
            )
        bench.time += 20
        bench.deliver()
    assert len(phone.asked) == program.PUSHPLUS_PER_DAY
