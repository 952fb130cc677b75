"""哨兵程序被强行结束而 QMT 还在：消息说哨兵没有消息，不说电脑关机；期间的报告一条不丢。"""

from rehearsal import oracle

TIMES = {"host_silent": 15}
PROMISED = 12  # s beyond the timeout: 5 s wait for companions, 2 s detection, sending
RECOVERY = 15


def drill(stage):
    stage.start_road()
    killed = stage.did("kill -9 托盘程序")
    stage.road.tray.kill()
    posts_so_far = len(oracle.post_costs(stage.road.qmt_folder))
    stage.road.tell_qmt("raise")  # an error posted while nobody collects: it must not be lost
    told = stage.expect_on_every_channel("哨兵没有消息", killed, TIMES["host_silent"] + PROMISED)
    stage.expect_words(told, [" 起", "怎么办", "未知"])
    text = "" if told is None else told["shown"]["title"] + told["shown"]["body"]
    stage.check("已关机" not in text and "电脑关机了" not in text, "没有断言电脑关机")
    stage.check(not stage.with_title("不在运行") and not stage.with_title("策略没有心跳"), "没有把 QMT 或策略说成出错")
    stage.cost_of_posts(posts_so_far)
    back = stage.did("重新启动托盘程序")
    stage.road.start_tray()
    stage.expect_words(stage.expect_on_every_channel("已恢复", back, RECOVERY), ["哨兵", "历时"])
    stage.until(lambda: "strategy.error" in stage.kinds(), 60, "期间的策略错误到达接收端")
    stage.watch(stage.road.times["script_silent"] + 8)  # a false alarm about QMT or the script would come in this time
    stage.only_these("哨兵没有消息", "已恢复", "策略 heartbeat 出错")
    stage.nothing_lost()
