"""The drills: each takes one thing away on purpose and judges what the owner was told and what was lost.

A drill is a module with `drill(stage)`; its docstring's first line is what it shows. Add one by naming it here.
"""

from rehearsal.drills import (
    double_instance,
    heartbeat_silent,
    kill_switch,
    network_cut,
    order_rejected,
    order_unfilled,
    order_unseen,
    overnight_unknown,
    power_cut,
    qmt_frozen,
    qmt_killed,
    receiver_down,
    state_lost,
    strategy_crash,
    tray_killed,
)
from rehearsal.drills.stage import Stage

DRILLS = {
    "qmt-killed": qmt_killed,
    "qmt-frozen": qmt_frozen,
    "heartbeat-silent": heartbeat_silent,
    "network-cut": network_cut,
    "receiver-down": receiver_down,
    "tray-killed": tray_killed,
    "power-cut": power_cut,
    "order-rejected": order_rejected,
    "order-unseen": order_unseen,
    "order-unfilled": order_unfilled,
    "strategy-crash": strategy_crash,
    "double-instance": double_instance,
    "kill-switch": kill_switch,
    "state-lost": state_lost,
    "overnight-unknown": overnight_unknown,
}


def run_drill(name, folder, seed=1, report=None, full=False):
    """Run one drill in an empty folder; prints what happened; returns whether it passed."""
    module = DRILLS[name]
    reason = module.cannot_run() if hasattr(module, "cannot_run") else ""
    if reason:
        print(f"{name}: SKIPPED（{reason}）")
        return True
    stage = Stage(name, folder, seed, full, dict(getattr(module, "TIMES", {})), getattr(module, "TRADE", None))
    stage.say(f"演练 {name}：{(module.__doc__ or '').splitlines()[0]}")
    try:
        module.drill(stage)
    finally:
        stage.road.stop()
    return stage.finish(report)
