"""接收端的检查线程死了，网页还在：/healthz 变 503，哨兵得知告警不可靠；重启后一切恢复。"""

import sys
import time

from rehearsal.drills import vps

TIMES = {"companions": 1}
DIES_AFTER = 3
NOTICED = 33  # s after its death: 30 s without a completed round, and a look


def drill(stage):
    road = stage.road
    road.start_phone()
    road.write_receiver_ini()
    command = [sys.executable, "-m", "rehearsal.checkerless", DIES_AFTER, "serve", "--config", road.receiver_ini]
    road.receiver = road._child("receiver", command)
    road.receiver.wait_for("listening on")
    stage.check(vps.health(stage)[0] == 200, "开始时 /healthz 是 200")
    died = stage.did(f"检查线程在 {DIES_AFTER} 秒后死去，别的线程都还在") + DIES_AFTER
    stage.until(lambda: vps.health(stage)[0] == 503, NOTICED * 3, "/healthz 变 503")
    stage.timed("/healthz 变 503", time.time() - died, NOTICED)
    status, body = vps.health(stage)
    stage.say(f"  /healthz：{status} {body}")
    stage.check(body["checker"] is False and body["database"] is True, "说出是检查线程")
    answer = vps.post(stage) or {"alerts": {}}
    stage.say(f"  接收端对哨兵说：{answer['alerts']}")
    stage.check(answer["alerts"].get("ok") is False, "哨兵得知告警不可靠（托盘图标变红）")
    stage.did("重启接收端")
    road.receiver.stop()
    road.start_receiver()
    stage.until(lambda: vps.health(stage)[0] == 200, 30, "/healthz 又是 200")
    stage.until(lambda: (vps.post(stage) or {"alerts": {}})["alerts"].get("ok"), 30, "哨兵得知告警恢复")
    stage.check(not stage.road.messages(), "手机没有收到任何冤枉的消息")
