"""下单后委托列表里一直没有（QMT 弹框拒绝，不回报）：一分多钟后告知结果不明，停这只基金，绝不重发。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS, decide="minute")
PROMISED = 90  # s from passorder to the phone: 60 s of looking, a minute's look may be missed, 5 s for companions


def drill(stage):
    trading.begin(stage, "silent_refusals", clock=trading.BEFORE_A_MINUTE)
    call = trading.wait_for_call(stage)
    if call is None:
        return
    told = stage.expect_on_every_channel("委托结果不明", call["at"], PROMISED)
    stage.expect_words(told, [call["remark"], "不会重发", "处理未知委托"])
    trading.wait_for_state(stage, call["remark"], "unknown")
    stage.did("QMT 不再弹框")
    stage.road.tell_qmt("behaviour silent_refusals=no")
    trading.watch_a_decision(stage)
    trading.judge(stage, 1, "委托结果不明", "有基金停止下单")
