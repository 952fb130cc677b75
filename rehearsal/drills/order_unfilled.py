"""挂着不成交：过时撤单再试，一天最多三次，之后不再下；每次都告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS, fill_timeout=10)
ATTEMPTS = 3
GIVEN_UP = 40  # s from the last passorder to the phone
QUIET = 8


def drill(stage):
    trading.begin(stage, "no_fills")
    for number in range(1, ATTEMPTS + 1):
        call = trading.wait_for_call(stage, number)
        if call is None:
            return
        trading.wait_for_state(stage, call["remark"], "cancelled")
    for call in trading.calls(stage):
        trading.expect_told(stage, call["remark"], "没有成交，已撤单")
    stage.did("价格又能成交了")
    stage.road.tell_qmt("behaviour no_fills=no")
    enough = stage.expect_on_every_channel("达到下单上限", call["at"], GIVEN_UP)
    stage.expect_words(enough, [f"已有 {ATTEMPTS} 次委托", "达到上限"])
    stage.watch(QUIET)
    trading.judge(stage, ATTEMPTS, "委托没有按时成交", "委托没有成交", "委托有结果了", "达到下单上限")
