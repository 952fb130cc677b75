"""The soak's oracle: what the record of a run shows that should not be. Each finding is one Chinese sentence. Pure."""

from rehearsal import oracle
from rehearsal.soak import judge_memory, judge_messages, judge_orders, judge_pairs


def findings(record):
    """All that was not kept; [] is a pass."""
    return (
        posts(record["posted"], record["stored"])
        + judge_orders.findings(record)
        + judge_messages.findings(record)
        + judge_pairs.findings(record)
        + judge_memory.findings(record["samples"], record["mode"])
    )


def posts(posted, stored):
    """Posts that were lost, and posts that stand in the receiver twice."""
    ids = [event["id"] for event in stored]
    found = [f"策略发出的 {name} 没有到接收端" for name in oracle.lost_posts(posted, set(ids))]
    found += [f"心跳 {instance} 第 {n} 条入库两次" for instance, n in oracle.doubled_posts(stored)]
    found += [f"{name} 入库两次" for name in sorted({name for name in ids if ids.count(name) > 1})]
    if not posted:
        found.append("策略一条也没有发出")
    return found
