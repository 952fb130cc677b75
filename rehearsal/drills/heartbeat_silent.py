"""QMT 进程还在，策略没有心跳：到时间后 10 秒内告警，恢复后再通知。"""

TIMES = {"script_silent": 20}
PROMISED = 10  # s beyond the timeout
RECOVERY = 15


def drill(stage):
    stage.start_road()
    silent = stage.did("让策略停止心跳（QMT 进程不动）")
    stage.road.tell_qmt("silent")
    told = stage.expect_on_every_channel("策略没有心跳", silent, TIMES["script_silent"] + PROMISED)
    stage.expect_words(told, [" 起", "怎么办"])
    stage.check(not stage.with_title("不在运行"), "没有把 QMT 说成不在运行")
    back = stage.did("策略恢复心跳")
    stage.road.tell_qmt("speak")
    stage.expect_words(stage.expect_on_every_channel("已恢复", back, RECOVERY), ["策略", "历时"])
    stage.watch(6)
    stage.only_these("策略没有心跳", "已恢复")
    stage.nothing_lost()
