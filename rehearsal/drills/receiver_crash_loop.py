"""接收端一分钟里被杀五次又起来：只说一次“反复重启”，不冤枉小主机；它安静下来后真死的哨兵照样被发现。"""

import time

TIMES = {"companions": 1, "host_silent": 15}
TOLD = 15
SETTLES = 95  # s: after an outage of its own the receiver gives everybody this long at least


def drill(stage):
    stage.start_road()
    begun = time.time()
    for number in range(5):
        stage.deliveries_marked()
        stage.road.receiver.kill()
        stage.did(f"第 {number + 1} 次 kill -9 接收端，再启动")
        stage.road.start_receiver()
        stage.watch(6)
    stage.expect_on_every_channel("接收端反复重启", begun, TOLD * 3)
    stage.check(not stage.with_title("没有消息") and not stage.with_title("没有心跳"), "没有冤枉小主机和策略")
    killed = stage.did("kill -9 托盘程序")
    stage.road.tray.kill()
    stage.expect_on_every_channel("哨兵没有消息", killed, TIMES["host_silent"] + SETTLES)
    stage.only_these("接收端反复重启", "哨兵没有消息")
