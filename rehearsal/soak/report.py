"""The soak's report as lines of text, for the screen and for docs/soak/. Pure."""

import platform
import time
from collections import Counter

from rehearsal import oracle
from rehearsal.bench.figures import table
from rehearsal.soak import judge_memory
from rehearsal.soak.troubles import KINDS


def lines(record, found, load=None):
    """`found`: judge.findings of the record; `load`: the machine's load averages at the end."""
    unit = "天" if record["mode"] == "days" else "小时"
    said = [
        f"长跑（{record['mode']}）：提交 {record['commit'] or '未知'}，种子 {record['seed']}，"
        f"真实时间 {record['real_seconds'] / 60:.0f} 分钟，结束于 {day_time(record['real_ended'])} UTC",
        f"机器：{platform.system()}，Python {platform.python_version()}，负载 {load or '未知'}",
        "",
    ]
    counts = Counter(trouble["kind"] for trouble in record["troubles"] if trouble["kind"] in KINDS)
    said += table(
        [("故障", "次数")] + [(f"{name}（{KINDS[name].what}）", counts[name]) for name in KINDS if counts[name]]
    )
    said += ["", f"故障共 {sum(counts.values())} 次，{len(counts)} 种"]
    met = [trouble["met"] for trouble in record["troubles"] if "met" in trouble]
    if met:
        said.append(f"要赶上委托的故障 {len(met)} 次，赶上了 {sum(met)} 次")
    orders = record["counter"]
    ended = Counter(oracle.FINAL.get(order["status"], "其余") for order in orders)
    said.append(f"委托：调用 passorder {len(record['calls'])} 次，柜台 {len(orders)} 笔（{words(ended)}）")
    kinds = Counter(event["kind"] for event in record["stored"])
    said.append(f"发出：策略 {len(record['posted'])} 条；接收端存下 {len(record['stored'])} 条（{words(kinds)}）")
    channels = Counter(message["channel"] for message in record["messages"])
    said += [
        f"消息：{len(record['messages'])} 条（{words(channels)}）",
        "",
        f"内存（MB）和句柄，按直线算每{unit}的增长：",
    ]
    rows = [("进程", "样本", "先", "后", f"MB/{unit}", f"句柄/{unit}")]
    for name, (count, first, last, mb, handles) in sorted(
        judge_memory.growth(record["samples"], record["mode"]).items()
    ):
        rows.append((name, count, first, last, mb, handles))
    said += table(rows)
    said += [""] + [f"没有做到：{finding}" for finding in found]
    said.append("结论：" + ("PASS，没有发现问题" if not found else f"FAIL，{len(found)} 处"))
    return said


def words(counter):
    return "，".join(f"{name} {count}" for name, count in counter.most_common())


def day_time(at):
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
