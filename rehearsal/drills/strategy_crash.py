"""下单之后、成交之前 QMT 被强行结束：重开后认出这笔委托，不下第二笔，成交照常告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS, decide="minute", fill_timeout=600)  # no slow machine makes a second attempt of it
RECOVERY = 15  # s from the new start to the phone


def drill(stage):
    trading.begin(stage, "no_fills", clock=trading.BEFORE_A_MINUTE)
    call = trading.wait_for_call(stage)
    if call is None or not trading.wait_for_counter(stage, call["remark"]):
        return
    stage.did("kill -9 QMT")
    killed = stage.road.now()
    stage.road.qmt.kill()
    stage.expect_on_every_channel("QMT 不在运行", killed, 10)
    back = stage.did("重新打开 QMT，委托还挂着")
    stage.road.start_qmt()
    stage.expect_on_every_channel("已恢复", back, RECOVERY)
    trading.watch_a_decision(stage)
    stage.check(len(trading.calls(stage)) == 1, "没有第二笔")
    stage.did("价格能成交了")
    stage.road.tell_qmt("behaviour no_fills=no")
    trading.wait_for_state(stage, call["remark"], "filled")
    trading.judge(stage, 1, "QMT 不在运行", "已恢复")
