"""盘中 state/ 被删：从那一刻起没有一笔委托，重开 QMT 也没有；告知。"""

import shutil

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS, SELLS

TRADE = trading.settings(BUYS, SELLS)
PROMISED = 30  # s: the files are looked at once a minute and before each intent
QUIET = 18  # s: the strategy would have ordered within 12 s of its start


def drill(stage):
    trading.begin(stage, "logged_out")  # the strategy has read its state and waits for the account
    charts = lambda: sum(event["kind"] == "file" for event in stage.road.stored())  # noqa: E731
    stage.until(lambda: charts() >= 2, trading.PATIENCE, "策略已读了当天的数据")
    lost = stage.did("删掉 state/，然后账号登录：没有这件事，策略就会下单")
    shutil.rmtree(stage.road.home / "state")
    stage.road.tell_qmt("behaviour logged_out=no")
    told = stage.expect_on_every_channel("有基金停止下单", lost, PROMISED)
    stage.expect_words(told, ["丢了或被改动", "哨兵文件夹里的 state", "怎么办"])
    stage.watch(QUIET)
    stage.check(not trading.calls(stage), "没有下单")
    stage.did("重开 QMT")
    stage.road.qmt.stop()
    trading.behave(stage)
    stage.road.start_qmt()
    stage.watch(QUIET)
    trading.judge(stage, 0, "有基金停止下单", "策略的记录", "QMT 不在运行", "已恢复", "QMT 重新启动过")
