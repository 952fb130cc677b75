"""柜台拒单（可用资金不足）：原话到手机，当天不再重试，重开 QMT 也不重试。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS)
PROMISED = 10  # s from passorder to the phone
QUIET = 18  # s after the restart: the strategy would order within 12


def drill(stage):
    trading.begin(stage, "reject")
    call = trading.wait_for_call(stage)
    if call is None:
        return
    told = stage.expect_on_every_channel("委托被拒", call["at"], PROMISED)
    stage.expect_words(told, [call["remark"], "可用资金不足", "怎么办"])
    trading.wait_for_state(stage, call["remark"], "rejected")
    stage.did("柜台恢复正常，重开 QMT")
    stage.road.qmt.stop()
    trading.behave(stage)
    stage.road.start_qmt()
    stage.watch(QUIET)
    trading.judge(stage, 1, "委托被拒", "QMT 不在运行", "已恢复", "QMT 重新启动过")
