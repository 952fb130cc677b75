"""下单之后、成交之前 QMT 被强行结束：重开后认出这笔委托，不下第二笔，成交照常告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS)
RECOVERY = 15  # s from the new start to the phone
QUIET = 15  # s: a second order would come within 12 of the new start


def drill(stage):
    trading.begin(stage, "no_fills")
    call = trading.wait_for_call(stage)
    if call is None:
        return
    stage.did("kill -9 QMT")
    killed = stage.road.now()
    stage.road.qmt.kill()
    stage.expect_on_every_channel("QMT 不在运行", killed, 10)
    back = stage.did("重新打开 QMT，价格能成交")
    trading.behave(stage)
    stage.road.start_qmt()
    stage.expect_on_every_channel("已恢复", back, RECOVERY)
    trading.wait_for_state(stage, call["remark"], "filled")
    stage.watch(QUIET)
    trading.judge(stage, 1, "QMT 不在运行", "已恢复")
