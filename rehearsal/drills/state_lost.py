"""盘中 state/ 被删：从那一刻起没有一笔委托，重开 QMT 也没有；告知。"""

import shutil

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS, SELLS

TRADE = trading.settings(BUYS, SELLS)
PROMISED = 30  # s: the files are looked at once a minute and before each intent
QUIET = 15  # s: the strategy would have ordered within 12 s of its start


def drill(stage):
    trading.begin(stage)
    lost = stage.did("删掉 state/（策略马上就要下单）")
    shutil.rmtree(stage.road.home / "state")
    told = stage.expect_on_every_channel("有基金停止下单", lost, PROMISED)
    stage.expect_words(told, ["state/", "怎么办"])
    stage.watch(QUIET)
    stage.check(not trading.calls(stage), "没有下单")
    stage.did("重开 QMT")
    stage.road.qmt.stop()
    stage.road.start_qmt()
    stage.watch(QUIET)
    trading.judge(stage, 0, "有基金停止下单", "策略的记录", "QMT 不在运行", "已恢复", "QMT 重新启动过")
