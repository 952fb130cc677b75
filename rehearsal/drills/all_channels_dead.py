"""三个通道全都拒收：接收端对哨兵说告警送不出去，页面变红；一个通道修好后，欠着的告警立刻补到手机。"""

import time

from rehearsal.drills import vps

TIMES = {"companions": 1}
FLAG = "20260105-510300-B-01"
REFUSALS = (("wecom", 93000), ("pushplus", 903), ("mail", 550))
SAID = 10  # s until the tray is told that alerts cannot be delivered


def drill(stage):
    vps.start(stage)
    for channel, code in REFUSALS:
        stage.road.phone_fault(channel, "errcode", code=code)
    begun = stage.did("三个通道都拒收（93000、903、550），然后有一笔废单")
    vps.post_until_yes(stage, vps.rejected(FLAG, time.time(), "可用资金不足"))
    bad = lambda: (vps.post(stage) or {}).get("alerts", {}).get("ok") is False  # noqa: E731
    stage.until(bad, 60, "哨兵得知告警送不出去")
    stage.timed("哨兵得知告警送不出去", time.time() - begun, SAID)
    why = vps.post(stage)["alerts"]["why"]
    stage.say(f"  接收端说：{why}")
    stage.check(all(channel in why for channel, _ in REFUSALS), "说出了每个通道为什么不能用")
    stage.check(not stage.road.messages(), "手机什么也没有收到")
    repaired = stage.did("邮箱修好，发一条测试告警")
    stage.road.phone_fault("mail", "ok")
    vps.post_until_yes(stage, vps.event("host.test_alert", time.time(), text="演练"))
    stage.until(lambda: vps.naming(stage, FLAG, "mail"), 60, "欠着的告警补到邮箱")
    vps.print_phone(stage)
    stage.timed("补到手机", time.time() - repaired, 10)
    stage.check(len(vps.naming(stage, FLAG, "mail")) == 1, "只补一次")
    well = lambda: (vps.post(stage) or {}).get("alerts", {}).get("ok") is True  # noqa: E731
    stage.until(well, 15, "哨兵得知告警又能送出去")
