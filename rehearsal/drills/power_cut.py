"""停电：托盘和 QMT 在随机时刻被 kill -9；再用“丢掉未落盘写入”的磁盘重放 200 次断电。答应过的每一条最终各在接收端一次。

kill -9 alone cannot show a missing fsync, because the kernel keeps what was written; the second half can.
"""

import threading
import time

import requests

from rehearsal import oracle
from rehearsal.powercut.replay import replay

TIMES = {"heartbeat_every": 1, "host_silent": 600, "script_silent": 600}
ROUNDS = 5
FULL_ROUNDS = 50
CUTS = 200
FULL_CUTS = 5000
BACK = 60  # s for everything to arrive after the last start


class OldScript(threading.Thread):
    """Somebody's existing script: posts to the tray's inbox and remembers what was answered yes."""

    def __init__(self, road):
        super().__init__(daemon=True)
        self.road, self.sent, self.yes, self.stopped = road, 0, [], threading.Event()

    def run(self):
        while not self.stopped.wait(0.15):
            self.sent += 1
            deal = {
                "代码": "510300",
                "成交量": 100,
                "日期": "20260105",
                "订单编号": f"old-{self.sent}",
                "合同编号": "1",
            }
            info = [{"name": "deals", "data": [deal]}]
            url = f"http://127.0.0.1:{self.road.inbox_port}/api?token={self.road.old_token}"
            try:
                answer = requests.post(url, json={"action": "heartbeat", "name": "qmt", "info": info}, timeout=5)
            except requests.RequestException:
                continue  # the power is off: no yes, no promise
            if answer.status_code == 200 and answer.json().get("code") == 0:
                self.yes.append(deal["订单编号"])


def stored_old_deals(stage):
    return [
        deal["订单编号"]
        for event in stage.road.stored()
        if event["kind"] == "old.deals"
        for deal in event["data"]["deals"]
        if str(deal.get("订单编号", "")).startswith("old-")
    ]


def drill(stage):
    stage.start_road()
    script = OldScript(stage.road)
    script.start()
    for _ in range(FULL_ROUNDS if stage.full else ROUNDS):
        stage.road.tell_qmt("raise")
        time.sleep(stage.random.uniform(1.0, 4.0))
        stage.did("断电：kill -9 托盘和 QMT，再启动")
        stage.road.tray.kill()
        stage.road.qmt.kill()
        stage.road.start_tray()
        stage.road.start_qmt()
    script.stopped.set()
    script.join(10)
    stage.until(lambda: set(script.yes) <= set(stored_old_deals(stage)), BACK, "答应过的旧协议成交全部到达")
    stored = stored_old_deals(stage)
    stage.check(script.yes and set(script.yes) <= set(stored), f"收件口答应过 {len(script.yes)} 条，都在接收端")
    twice = [name for name in set(stored) if stored.count(name) > 1 and name in script.yes]
    stage.check(not twice, f"答应过的没有一条入库两次（{len(twice)}）")
    stage.nothing_lost()
    cuts = FULL_CUTS if stage.full else CUTS
    stage.did(f"用丢掉未落盘写入的磁盘重放 {cuts} 次断电")
    result = replay(cuts=cuts, seed=stage.seed, work_dir=stage.road.folder / "replay")
    stage.say(f"  {result}")
    stage.check(result.passed, f"{result.cuts} 次断电：丢失 {result.lost}，重复 {result.doubled}")
    stage.check(not oracle.doubled_messages(stage.road.messages()), "手机没有收到重复的消息")
