"""挂着不成交：过时撤单再试，一天最多三次，之后不再下；每次都告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS

TRADE = trading.settings(BUYS, fill_timeout=10)
ATTEMPTS = 3
PROMISED = 20  # s from passorder to the phone: fill_timeout, then 10 s
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
    stage.did("价格又能成交了：当天的三次已用完")
    stage.road.tell_qmt("behaviour no_fills=no")
    stage.watch(QUIET)
    trading.judge(stage, ATTEMPTS, "委托没有按时成交", "委托没有全部成交", "委托有结果了", "应下单而没有下单")
