"""接收端在随机时刻被 kill -9，通道同时出各种毛病：告警一条不丢，重复只在厂商说好与我们记下之间；一个死通道不拖累别的。

The schedule comes from the seed. The oracle knows nothing of the receiver: a flag that was answered yes must stand on
every channel's phone; it may stand there again only where a kill fell between the vendor's yes and our mark.
"""

import threading
import time

from rehearsal.drills import vps
from rehearsal.promised import TOLERANCE

TIMES = {"companions": 0}
CHANNELS = ("wecom", "mail")  # pushplus's daily quota would end the long form after 150 messages
KILLS, FULL_KILLS = 40, 1000
SLOW = 0.3  # s that the phone takes to answer: room for a kill in the middle
GAP = 0.2 * TOLERANCE  # s after the vendor's yes in which a kill excuses a repeat: until our thread runs again
TOLD = 90  # s for the backlog of all that was held up
FAULTS = (
    ("wecom", "http500", {}),
    ("wecom", "close", {}),
    ("wecom", "not-json", {}),
    ("wecom", "errcode", {"code": -1}),
    ("mail", "errcode", {"code": 421}),
)
DEAD_DELAYS = 1.0  # s by which a dead channel may delay another


def drill(stage):
    stage.road.channels = CHANNELS
    vps.start(stage)
    flags, kills, faults = [], [], 0
    count = FULL_KILLS if stage.full else KILLS
    for number in range(1, count + 1):
        for channel in CHANNELS:
            stage.road.phone_fault(channel, "slow", delay=SLOW)
        if stage.random.random() < 0.3:
            channel, mode, more = stage.random.choice(FAULTS)
            stage.road.phone_fault(channel, mode, seconds=stage.random.uniform(0.5, 2.0), **more)
            faults += 1
        flag = f"20260105-{510000 + number:06}-B-01"
        posted = vps.rejected(flag, time.time(), f"资金不足之{chr(0x4E00 + number)}")
        yes = []
        tray = threading.Thread(target=lambda p=posted, y=yes: y.append(vps.post_until_yes(stage, p)), daemon=True)
        tray.start()
        wait_for_the_moment(stage, number)
        kills.append(stage.road.receiver.kill())
        stage.road.start_receiver()
        tray.join(60)
        if not yes or not yes[0]:
            stage.check(False, f"{flag} 的报告 60 秒里没有得到回答")
            return
        flags.append(flag)
        if number % 10 == 0:
            stage.did(f"已 kill -9 {number} 次，其间 {faults} 次通道故障")
    for channel in CHANNELS:
        stage.road.phone_fault(channel, "ok")
    missing = lambda: [(f, c) for c, told in phones(stage).items() for f in flags if f not in told]  # noqa: E731
    stage.until(lambda: not missing(), TOLD + count / 4, "所有告警到达每个通道")
    stage.check(
        not missing(), f"{count} 次 kill -9，{len(flags)} 条告警 × {len(CHANNELS)} 个通道，丢失 {len(missing())} 条"
    )
    judge_repeats(stage, flags, kills)
    stored = [e["data"]["flag"] for e in stage.road.stored() if e["kind"] == "order.state"]
    stage.check(sorted(stored) == sorted(flags), f"收下的 {len(flags)} 条报告各存了一次")
    dead_channel(stage)


def wait_for_the_moment(stage, number):
    """Every other kill falls into a sending, the others at any moment from the post on."""
    if number % 2:
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline and not stage.road.phone_busy():
            time.sleep(0.02)
        time.sleep(stage.random.uniform(0.0, SLOW * 1.5))
    else:
        time.sleep(stage.random.uniform(0.0, 1.0))


def phones(stage):
    """{channel: all that its phone shows, as one text}"""
    found = dict.fromkeys(CHANNELS, "")
    for message in stage.road.messages():
        found[message["channel"]] += vps.shown(message)
    return found


def judge_repeats(stage, flags, kills):
    """A message (a digest names many flags) that says again what an earlier one said is excused by a kill between the
    vendor's beginning to answer the earlier one and our mark; one kill excuses one message of each channel."""
    repeated, unexcused, most = 0, 0, 0
    for channel in CHANNELS:
        own = [m for m in stage.road.messages() if m["channel"] == channel]
        cut = dict.fromkeys(kills, 0)
        for number, earlier in enumerate(own):
            later = "".join(vps.shown(m) for m in own[number + 1 :])
            if not any(flag in vps.shown(earlier) and flag in later for flag in flags):
                continue
            repeated += 1
            guilty = [kill for kill in kills if earlier["at"] <= kill <= earlier["answered_at"] + GAP]
            unexcused += not guilty
            for kill in guilty[:1]:
                cut[kill] += 1
        most = max(most, *cut.values())
    stage.check(unexcused == 0, f"重复的消息 {repeated} 条，不在厂商说好与我们记下之间的 {unexcused} 条")
    stage.check(most <= 1, f"一次 kill -9 在一个通道上最多让 {most} 条消息重复")


def dead_channel(stage):
    """Mail's time from post to phone, with the robot well and with the robot hanging."""
    times = 3 if stage.full else 2
    usual = min(time_to_mail(stage, f"a{n}") for n in range(times))
    stage.road.phone_fault("wecom", "hang")
    stage.did("企业微信挂起不答")
    beside = min(time_to_mail(stage, f"b{n}") for n in range(times))
    stage.say(f"  邮件从报告到手机：平时 {usual:.1f} 秒，企业微信挂起时 {beside:.1f} 秒")
    stage.timed("死通道给别的通道添的延误", max(0.0, beside - usual), DEAD_DELAYS)


def time_to_mail(stage, name):
    """Seconds; 60 where it never came. Waits first until the mail's pace is free."""
    time.sleep(3)
    begun = time.time()
    posted = vps.event("strategy.error", begun, strategy=f"drill-{name}", where="init", traceback="ValueError: x")
    vps.post_until_yes(stage, posted)
    stage.until(lambda: vps.naming(stage, f"drill-{name}", "mail"), 60, f"drill-{name} 到邮箱")
    found = vps.naming(stage, f"drill-{name}", "mail")
    return found[0]["at"] - begun if found else 60.0
