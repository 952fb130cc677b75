"""QMT 还在但没有响应：到时间就告警，恢复响应后再通知。"""

import os

import psutil

TIMES = {"hung_after": 6}
PROMISED = 10  # s beyond hung_after
RECOVERY = 15


def cannot_run():
    """Why this drill says nothing here; empty where it can run."""
    if os.name == "nt":
        return "模拟的 QMT 没有窗口，Windows 上看不出它有没有响应；请在 Linux 上运行"
    return ""


def drill(stage):
    stage.start_road()
    frozen = stage.did("冻结 QMT 进程（SIGSTOP）")
    psutil.Process(stage.road.qmt.pid).suspend()
    told = stage.expect_on_every_channel("没有响应", frozen, TIMES["hung_after"] + PROMISED)
    stage.expect_words(told, ["QMT", " 起", "怎么办"])
    back = stage.did("解冻")
    psutil.Process(stage.road.qmt.pid).resume()
    stage.expect_words(stage.expect_on_every_channel("已恢复", back, RECOVERY), ["QMT"])
    stage.watch(6)
    stage.check(not stage.with_title("不在运行"), "没有把没有响应说成不在运行")
    stage.only_these("没有响应", "已恢复")
    stage.nothing_lost()
