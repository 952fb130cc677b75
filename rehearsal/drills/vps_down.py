"""云服务器整个没了：小主机自己把消息发到手机，一次，之后按间隔提醒，重启哨兵也不重复、不忘记；服务器回来再说一次。"""

import time

from rehearsal.clock import clock_text
from tray_app import last_resort, pause

TIMES = {"companions": 1, "host_silent": 600, "last_resort_after": 10, "last_resort_every": 12}
TOLD = 5  # s beyond the time at which a word is due
BACK = 25  # s: the sender's longest pause is 20 s
PATIENCE = 60  # s for what needs no promise
FIRST, AGAIN, OVER = "❗ 接收端联系不上", "❗ 接收端仍然联系不上", "✅ 已恢复：接收端又能告警了"


def drill(stage):
    road, after, every = stage.road, TIMES["last_resort_after"], TIMES["last_resort_every"]
    stage.start_road()
    gone = stage.did("云服务器没了：接收端被杀，线路上的包也没有回音")
    road.receiver.kill()
    road.line.cut("swallow")
    first = arrives(stage, FIRST, 1, gone, after + TOLD)
    stage.expect_words(first, ["最后一次正常", "QMT 在运行", "怎么办", "mini-pc"])
    # The phone has it before our mark is on the disk; a kill between the two may repeat it: not the question here.
    stage.until(lambda: words_kept(road.home) >= 1, PATIENCE, "哨兵记下已通知")
    stage.did("kill -9 托盘程序，再启动")
    road.tray.kill()
    road.start_tray()
    second = arrives(stage, AGAIN, 1, told_at(first, gone), every + TOLD)
    stage.expect_words(second, ["第 2 次提醒"])
    stage.did("暂停：这段时间不许再提醒")
    # As the menu does it, which a headless tray does not have.
    paused = road.home / "control" / "paused.json"
    paused_at = time.time()
    pause.write(paused, paused_at + 3600, paused_at)
    stage.watch(every + TOLD)
    stage.check(not stage.with_title(AGAIN, paused_at + 1), "暂停时没有提醒")
    continued = stage.did("继续")
    pause.end(paused)
    third = arrives(stage, AGAIN, 2, continued, TOLD + after)
    stage.expect_words(third, ["第 3 次提醒"])
    back = stage.did("云服务器回来")
    road.start_receiver()
    road.line.restore()
    over = arrives(stage, OVER, 1, back, BACK)
    stage.expect_words(over, ["历时", "补送"])
    stage.watch(every + TOLD)
    told = stage.with_title(FIRST) + stage.with_title(AGAIN)
    times = [message["at"] for message in told]
    stage.check({message["channel"] for message in told} == {"wecom"}, f"{len(told)} 条都由小主机发到企业微信")
    stage.check(len(stage.with_title(FIRST)) == 1, "第一条只有一次")
    close = [round(later - sooner, 1) for sooner, later in zip(times, times[1:]) if later - sooner < every / 2]
    stage.check(not close, f"提醒之间都隔着 {every} 秒左右{close or ''}")
    stage.check(len(stage.with_title(OVER)) == 1, "恢复只说一次")
    stage.check(over is not None and max(times) < over["at"], "恢复之后不再提醒")
    stage.only_these(
        FIRST, AGAIN, OVER, "哨兵重新启动过"
    )  # the last is the receiver's word about our kill -9, and true
    stage.nothing_lost()


def arrives(stage, title, count, cause, promised):
    """Wait for the count-th message of that title; the time counts from `cause`. Returns it, or None."""
    if not stage.until(lambda: len(stage.with_title(title)) >= count, 3 * promised + 10, f"“{title}”到手机"):
        return None
    message = stage.with_title(title)[count - 1]
    stage.say(f"  {clock_text(message['at'])} 手机·{message['channel']}：{message['shown']['title']}")
    stage.timed(f"“{title}”到手机", message["at"] - cause, promised)
    return message


def words_kept(home):
    """How many words about this outage the tray program will still know after a restart."""
    return last_resort.read(home / "control" / "last_resort.json").words


def told_at(message, otherwise):
    return otherwise if message is None else message["at"]
