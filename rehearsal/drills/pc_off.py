"""小主机断电再也没有起来：一条“哨兵没有消息”，列出 QMT 和策略为未知，此后不再刷屏；按间隔提醒。"""

TIMES = {"companions": 2, "host_silent": 15}
PROMISED = 9  # s beyond the timeout: companions, 2 s detection, sending
QUIET = 20  # s: the script and QMT, as silent as the tray, would be told in this time


def drill(stage):
    road = stage.road
    stage.start_road()
    off = stage.did("小主机断电：QMT、策略、托盘程序同时没了")
    road.qmt.kill()
    road.tray.kill()
    told = stage.expect_on_every_channel("哨兵没有消息", off, TIMES["host_silent"] + PROMISED)
    stage.expect_words(told, [" 起", "怎么办", "QMT 进程", "策略 heartbeat", "未知", "分不清"])
    stage.watch(QUIET)
    stage.only_these("哨兵没有消息")
