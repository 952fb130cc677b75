"""挂着不成交：过时撤单再试，一天最多三次，之后不再下；每次都告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS, fill_timeout=10)
ATTEMPTS = 3
GIVEN_UP = 30  # s from the last cancel to the phone
QUIET = 8


def drill(stage):
    trading.begin(stage, "no_fills")
    for number in range(1, ATTEMPTS + 1):
        call = trading.wait_for_call(stage, number)
        if call is None:
            return
        trading.wait_for_state(stage, call["remark"], "cancelled")
    first = trading.calls(stage)[0]
    told = [m for m in stage.with_title("没有", first["at"]) if first["remark"] in m["shown"]["body"]]
    stage.check({m["channel"] for m in told} >= set(stage.road.channels), "每个通道都说了第一笔没有按时成交")
    third = stage.did("第三次也撤了；价格又能成交了")
    stage.road.tell_qmt("behaviour no_fills=no")
    enough = stage.expect_on_every_channel("达到下单上限", third, GIVEN_UP)
    stage.expect_words(enough, [f"已有 {ATTEMPTS} 次委托", "达到上限"])
    stage.watch(QUIET)
    trading.judge(stage, ATTEMPTS, "委托没有按时成交", "委托没有全部成交", "委托有结果了", "达到下单上限")
