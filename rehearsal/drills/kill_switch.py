"""停止下单：挂着的委托撤掉，马上不再下新单；恢复下单后接着做。两次都告知。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS
from tray_app import stop

TRADE = trading.settings(BUYS, fill_timeout=600)  # so that only STOP cancels
PROMISED = 15
QUIET = 18  # s: without STOP the next attempt would come within 12 of the cancel


def drill(stage):
    trading.begin(stage, "no_fills")
    call = trading.wait_for_call(stage)
    if call is None:
        return
    trading.wait_for_state(stage, call["remark"], "working")
    control = stage.road.home / "control"
    stopped = stage.did("托盘菜单：停止下单")
    stop.turn_on(control, stage.road.now())
    stage.expect_on_every_channel("已停止下单", stopped, PROMISED)
    trading.wait_for_state(stage, call["remark"], "cancelled")
    stage.road.tell_qmt("behaviour no_fills=no")
    stage.watch(QUIET)
    stage.check(len(trading.calls(stage)) == 1, "停止期间没有新委托")
    resumed = stage.did("托盘菜单：恢复下单")
    stop.turn_off(control)
    again = trading.wait_for_call(stage, 2)
    if again is None:
        return
    trading.wait_for_state(stage, again["remark"], "filled")
    stage.expect_on_every_channel("已恢复", resumed, PROMISED)
    trading.judge(stage, 2, "已停止下单", "已恢复", "委托没有成交", "委托没有成交")
