"""同一个策略挂了两份：每只基金只有一笔委托，每个通道各告知一次。"""

from rehearsal.drills import trading
from rehearsal.drills.prices import BUYS, SELLS
from rehearsal.road import ROOT

TRADE = trading.settings(BUYS, SELLS)
PROMISED = 20  # s from the start of QMT: the older copy finds out at its next call
QUIET = 10


def drill(stage):
    stage.road.qmt_options = ["--script", ROOT / "qmt_strategy" / "etf_grid.py"]
    began = trading.begin(stage)
    told = stage.expect_on_every_channel("同一策略运行了两份", began, PROMISED)
    stage.expect_words(told, ["旧的一份已停止工作", "怎么办"])
    if trading.wait_for_call(stage, 2) is None:
        return
    for call in trading.calls(stage):
        trading.wait_for_state(stage, call["remark"], "filled")
    stage.watch(QUIET)
    trading.judge(stage, 2, "同一策略运行了两份")
