"""到收盘还不知道结果的委托：第二天由主人在托盘里答复、与持仓核对后了结；不重发，告知。"""

from rehearsal import oracle
from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS
from tray_app import answers

TRADE = trading.settings(BUYS)
PROMISED = 90
MORNING = 30
QUIET = 8


def drill(stage):
    road = stage.road
    trading.begin(stage, "unseen_orders", clock="14:50:00", days_ago=1)
    call = trading.wait_for_call(stage)
    if call is None:
        return
    stage.expect_on_every_channel("委托结果不明", call["at"], PROMISED)
    trading.wait_for_state(stage, call["remark"], "unknown")
    stage.deliveries_marked()
    stage.did("断电过夜：所有程序结束，第二天 09:31 再启动")
    for child in (
        road.receiver,
        road.tray,
        road.qmt,
    ):  # the receiver first: it has nothing to say about the others' end
        child.kill()
    order = oracle.counter_orders(road.qmt_folder)[0]
    stage.check(order["traded"] > 0, f"其实它在柜台成交了 {order['traded']} 股")
    road.set_clock("09:31:00")
    trading.behave(stage)
    road.start_receiver()
    road.start_tray()
    stage.did(f"主人在托盘里答复：成交 {order['traded']} 股")
    answer = answers.Answer(answers.ALL, order["traded"], 0.0)
    answers.write(road.home / "control" / "answers", call["remark"], answer, road.now())
    began = stage.did("打开 QMT")
    road.start_qmt()
    told = stage.expect_on_every_channel("委托已核清", began, MORNING)
    stage.expect_words(told, [call["remark"], str(order["traded"]), "答复"])
    trading.wait_for_state(stage, call["remark"], "filled")
    stage.watch(QUIET)
    told_besides = ("已恢复", "委托已核清", "委托有结果了", "有基金停止下单", "哨兵重新启动过", "账户", "接收端中断过")
    trading.judge(stage, 1, "委托结果不明", *told_besides)
