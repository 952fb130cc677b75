"""断网 60 秒：之后除被更新的心跳外全部到达，委托和错误次序不变，不因积压误报 QMT。"""

import time

from qmt_strategy.dingtou.spool import Spool
from rehearsal.drills.flagfiles import append_state, flag_id
from rehearsal.promised import TOLERANCE

CUT = 60  # s
ORDERS = 6
ERRORS_AFTER_EACH = 2
DRAINED = 30  # s after the line is back; the sender's longest pause is 20 s


def drill(stage):
    stage.start_road()
    home = stage.road.home
    other_strategy = Spool(str(home), "drill", "drill-instance")
    errors = 0
    stage.did(f"断网 {CUT} 秒（先不通，后拒绝）")
    stage.road.line.cut("swallow")
    began = time.monotonic()
    for number in range(1, ORDERS + 1):
        flag = flag_id(number, time.time())
        for state in ("intent", "sent", "working", "filled"):
            append_state(home, flag, state, time.time())
        for _ in range(ERRORS_AFTER_EACH):
            errors += 1
            other_strategy.post("strategy.error", {"where": f"step {errors}", "traceback": f"Error{errors}: drill"})
        time.sleep(3)
    stage.did("断网期间重开 QMT")
    stage.road.qmt.kill()
    time.sleep(6)  # long enough for the sentry to see it gone
    stage.road.start_qmt()
    stage.road.line.cut("refuse")
    time.sleep(max(0.0, CUT - (time.monotonic() - began)))
    back = stage.did("网络恢复")
    stage.road.line.restore()
    wanted = [(flag_id(n, back), line) for n in range(1, ORDERS + 1) for line in (1, 2, 3, 4)]

    def orders():
        return [(e["data"]["flag"], e["data"]["line"]) for e in stage.road.stored() if e["kind"] == "order.state"]

    if stage.until(lambda: len(orders()) >= len(wanted), TOLERANCE * DRAINED, "委托状态全部到达"):
        stage.timed("积压送完", time.time() - back, DRAINED)
    stage.check(orders() == wanted, f"{len(wanted)} 条委托状态各一次、次序不变")
    told = [e["data"]["where"] for e in stage.road.stored() if e["kind"] == "strategy.error"]
    stage.check(told == [f"step {n + 1}" for n in range(errors)], f"{errors} 条策略错误各一次、次序不变")
    stage.watch(10)
    stage.only_these("策略 drill 出错")  # the errors are true; 60 s are less than 90, so nothing else may be told
    stage.nothing_lost()
