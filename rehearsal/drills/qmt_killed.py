"""QMT 被强行结束：10 秒内每个通道各收到一条，恢复后各一条。"""

PROMISED = 10  # s from kill -9 to the phone
RECOVERY = 15  # s from the new start to the phone


def drill(stage):
    stage.start_road()
    stage.did("kill -9 QMT")
    killed = stage.road.qmt.kill()
    told = stage.expect_on_every_channel("QMT 不在运行", killed, PROMISED)
    stage.expect_words(told, ["XtItClient.exe", " 起", "怎么办"])
    back = stage.did("重新打开 QMT")
    stage.road.start_qmt()
    stage.expect_words(stage.expect_on_every_channel("已恢复", back, RECOVERY), ["QMT", "历时"])
    stage.watch(6)  # longer than the wait for companions: a second message would have come by now
    stage.only_these("QMT 不在运行", "已恢复")
    stage.nothing_lost()
