"""接收端的时钟慢一小时：小主机和交易所的时间一致反对它，它承认自己不准并改按他们的时间判断，不冤枉任何人。"""

import sys
import time

from rehearsal.network import Line
from rehearsal.road import ROOT

TIMES = {"companions": 1, "host_silent": 20}
BEHIND = 3600
TOLD = 60  # s: two heartbeats with ticks that move, then its next look


def drill(stage):
    road = stage.road
    road.start_phone()
    road.write_receiver_ini()
    begun = stage.did(f"接收端启动，它的时钟慢 {BEHIND} 秒")
    command = [sys.executable, "-m", "rehearsal.shifted", -BEHIND]
    command += [ROOT / "receiver" / "receiver.py", "serve", "--config", road.receiver_ini]
    road.receiver = road._child("receiver", command)
    road.receiver.wait_for("listening on")
    road.line = Line(road.receiver_port)
    road.write_sentry_ini()
    road.start_tray()
    road.start_qmt()
    told = stage.expect_on_every_channel("接收端的时钟不准", begun, TOLD)
    stage.expect_words(told, ["慢 ", "小时", "怎么办", "timedatectl"])
    killed = stage.did("kill -9 托盘程序：改按他们的时间判断后，真死的照样被发现")
    road.tray.kill()
    told = stage.expect_on_every_channel("哨兵没有消息", killed, TIMES["host_silent"] + 15)
    right = time.strftime("%H:%M", time.gmtime(killed + 8 * 3600))
    stage.expect_words(told, [f"{right} 起"])
    stage.only_these("接收端的时钟不准", "哨兵没有消息")
