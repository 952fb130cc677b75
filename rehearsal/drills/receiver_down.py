"""接收端在发告警时被 kill -9 再启动：没有一条告警丢失，重复只可能在厂商说好与我们记下之间。"""

import time

from rehearsal.drills.flagfiles import append_state, flag_id
from rehearsal.promised import TOLERANCE

TIMES = {"companions": 1}
ROUNDS = 4
FULL_ROUNDS = 100
SLOW = 0.6  # s that the phone takes to answer, so that the kill falls into the sending
GAP = 0.2 * TOLERANCE  # s after the vendor's yes in which a kill excuses a repeat: our mark needs a moment
TOLD = 30  # s from the restart until all channels have the message


def drill(stage):
    stage.start_road()
    for channel in stage.road.channels:
        stage.road.phone_fault(channel, "slow", delay=SLOW)
    kills, flags, amid = [], [], 0
    for number in range(1, (FULL_ROUNDS if stage.full else ROUNDS) + 1):
        flag = flag_id(number % 100, time.time(), code=f"{510000 + number // 100 * 100 + number}")
        append_state(stage.road.home, flag, "rejected", time.time(), reason="可用资金不足")
        stage.did(f"废单 {flag}")
        if number % 2:  # every other kill falls into a sending for certain, the others at random moments
            stage.until(stage.road.phone_busy, TOLD * TOLERANCE, "接收端正在发告警")
            time.sleep(stage.random.uniform(0.0, SLOW / 2))
            amid += bool(stage.road.phone_busy())
        else:
            time.sleep(stage.random.uniform(0.2, 1.5 + 2 * SLOW + TIMES["companions"]))
        kills.append(stage.road.receiver.kill())
        stage.did("kill -9 接收端，再启动")
        stage.road.start_receiver()
        flags.append(flag)
        everywhere = lambda: set(stage.road.channels) <= channels_told(stage, flag)  # noqa: E731, B023 (used at once)
        if stage.until(everywhere, TOLD * TOLERANCE, f"{flag} 的告警到达每个通道"):
            stage.timed(f"{flag} 告警到全部通道", time.time() - kills[-1], TOLD)
    stage.check(amid > 0, f"{len(kills)} 次 kill -9 中至少有 {amid} 次正在发送")
    repeats, excused = 0, 0
    for flag in flags:
        for channel in stage.road.channels:
            got = [m for m in telling(stage, flag) if m["channel"] == channel]
            for number, again in enumerate(got):
                earlier = [m for m in got[:number] if m["shown"] == again["shown"]]
                repeats += bool(earlier)
                excused += any(m["at"] <= kill <= m["answered_at"] + GAP for m in earlier for kill in kills)
    stage.check(repeats == excused, f"重复 {repeats} 条，都在厂商说好与我们记下之间")
    stage.nothing_lost()


def telling(stage, flag):
    """The phone's messages that name this order."""
    return [m for m in stage.road.messages() if flag in m["shown"]["title"] + m["shown"]["body"]]


def channels_told(stage, flag):
    return {m["channel"] for m in telling(stage, flag)}
