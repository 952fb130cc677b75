"""The soak's oracle finds each kind of fault in a record that is otherwise without one."""

import copy

import pytest

from rehearsal.soak import judge, judge_memory, judge_messages

FUND, FLAG = "510300.SH", "20260105-510300-B-01"
CHANNELS = ("wecom", "mail")
T = 1767576000.0  # epoch s, the begin
MB = 1024 * 1024


def message(channel, title, at, number, body="自 10:00:00 起"):
    shown = {"title": f"{title} · mini-pc", "body": f"{body}\nhttp://127.0.0.1:1 #{number}"}
    return {"channel": channel, "at": T + at, "answered_at": T + at + 0.1, "shown": shown}


def on_all(title, at, number, body="自 10:00:00 起"):
    return [message(channel, title, at, number, body) for channel in CHANNELS]


def trouble(kind, at, told=(), well=(), may=()):
    lists = {"told": list(told), "well": list(well), "may": list(may)}
    return dict(lists, kind=kind, day=1, at=T + at, until=T + at + 50)


def line(number, state, filled=0):
    data = {"flag": FLAG, "line": number, "state": state, "filled": filled}
    return {"id": f"l{number}", "kind": "order.state", "at": T + number, "received": T + number, "data": data}


def beat(name, n):
    return {"id": name, "kind": "qmt.heartbeat", "at": T, "received": T, "data": {"instance": "i", "n": n}}


def sample(name, day, mb, handles):
    return {"at": T, "day": day, "name": name, "pid": day, "rss": int(mb * MB), "handles": handles}


def good():
    """Of one day: QMT is killed once, one order fills."""
    order = {"flag": FLAG, "code": FUND, "buy": True, "shares": 200, "status": 56, "traded": 200, "deals": 1, "at": T}
    return {
        "mode": "days",
        "channels": list(CHANNELS),
        "troubles": [trouble("qmt-killed", 100, ["QMT 不在运行"], ["QMT 在运行"]), trouble("reinit", 200)],
        "receiver_kills": [],
        "samples": [sample("tray", day, 50, 20) for day in range(1, 20)],
        "books": [
            {
                "day": 1,
                "at": T + 900,
                "holdings": {FUND: 20200},
                "ledger": [{"code": "510300", "flag": FLAG, "shares": 200}],
            }
        ],
        "messages": on_all("ℹ️ 成交", 20, 1, f"10:00:00 委托 {FLAG} 成交 200 股")
        + on_all("❗ QMT 不在运行", 105, 2)
        + on_all("✅ 已恢复：QMT 在运行", 120, 2),
        "posted": [{"id": "h1", "kind": "qmt.heartbeat"}, {"id": "n1", "kind": "strategy.notice"}],
        "stored": [
            beat("h1", 1),
            {"id": "n1", "kind": "strategy.notice", "at": T, "received": T, "data": {}},
            line(1, "intent"),
            line(2, "filled", 200),
        ],
        "calls": [{"script": "etf_grid", "code": FUND, "remark": FLAG, "at": T}],
        "counter": [order],
        "started_with": {FUND: 20000},
        "ended": T + 1000,
    }


def found(**changes):
    """The oracle's findings on a good record in which some parts are replaced."""
    return judge.findings(dict(good(), **changes))


def test_a_good_record_has_no_finding():
    assert found() == []


# ---- orders


def test_an_intent_that_called_passorder_twice_is_found():
    assert found(calls=good()["calls"] * 2)


def test_an_order_of_which_passorder_knows_nothing_is_found():
    assert found(calls=[])


def test_more_shares_traded_than_ordered_is_found():
    record = good()
    record["counter"][0]["shares"] = 100
    assert judge.findings(record)


def test_an_order_that_is_not_at_the_receiver_is_found():
    assert found(stored=good()["stored"][:2])


def test_an_order_that_ended_otherwise_at_the_receiver_is_found():
    record = good()
    record["stored"][-1]["data"]["state"] = "cancelled"
    assert judge.findings(record)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_fill_that_one_channel_does_not_tell_is_found(channel):
    left = [m for m in good()["messages"] if not (m["channel"] == channel and "成交" in m["shown"]["title"])]
    assert found(messages=left)


def test_an_unknown_order_that_is_not_told_is_found():
    record = good()
    record["stored"][-1]["data"].update(state="unknown", filled=0)
    record["counter"] = []
    record["messages"] = [m for m in record["messages"] if "成交" not in m["shown"]["title"]]
    record["books"] = []
    assert len(judge.findings(record)) == len(CHANNELS)
    record["messages"] += on_all("❗ 委托状态不明", 130, 7, f"10:00:00 委托 {FLAG}：结果不明")
    record["troubles"][0]["may"].append("委托状态不明")
    assert judge.findings(record) == []


def test_a_refusal_that_is_not_told_is_found():
    record = good()
    record["counter"][0].update(status=57, traded=0)
    record["stored"][-1]["data"].update(state="rejected", filled=0)
    record["books"][0].update(holdings={FUND: 20000}, ledger=[])
    assert len(judge.findings(record)) == len(CHANNELS)
    record["messages"] += on_all("❗ 委托被拒", 25, 7)
    record["troubles"].insert(0, trouble("rejects", 0, may=["委托被拒"]))
    assert judge.findings(record) == []


# ---- posts


def test_a_lost_post_is_found():
    record = good()
    del record["stored"][1]
    assert judge.findings(record)


def test_a_post_that_is_stored_twice_is_found():
    assert found(stored=[*good()["stored"], beat("h2", 1)])


def test_a_run_without_posts_is_found():
    assert found(posted=[])


# ---- messages


@pytest.mark.parametrize("mark", ["❗", "✅"])
def test_a_trouble_or_its_end_that_one_channel_does_not_tell_is_found(mark):
    left = [m for m in good()["messages"] if not (m["channel"] == "mail" and m["shown"]["title"].startswith(mark))]
    assert found(messages=left)


def test_a_trouble_that_is_told_twice_is_found():
    assert found(messages=[*good()["messages"], message("mail", "❗ QMT 不在运行", 107, 3)])


def test_a_trouble_that_is_told_only_before_it_happened_is_found():
    moved = copy.deepcopy(good()["messages"])
    for entry in moved:
        entry["at"] -= 90 if "QMT" in entry["shown"]["title"] else 0
    assert found(messages=moved)


def test_a_message_that_no_trouble_explains_is_found():
    assert found(messages=good()["messages"] + on_all("❗ 哨兵没有消息", 210, 4))
    assert found(messages=good()["messages"] + on_all("❗ QMT 不在运行", 210, 4))  # it was so, but not then


def test_a_reminder_is_explained_by_what_it_reminds_of_and_by_nothing_else():
    late = 210
    assert found(messages=good()["messages"] + on_all("⏰ 仍未恢复：QMT 不在运行", late, 2)) == []
    assert found(messages=good()["messages"] + on_all("⏰ 仍未恢复：哨兵没有消息", late, 4))


def test_a_fund_that_is_no_longer_stopped_must_have_been_stopped():
    stopped, again = on_all("❗ 有基金停止下单", 110, 5), on_all("✅ 已恢复：510300.SH 不再停止", 210, 5)
    record = good()
    record["troubles"][0]["may"].append("有基金停止下单")
    record["messages"] += again
    assert judge.findings(record)
    record["messages"][-len(again) : -len(again)] = stopped
    assert judge.findings(record) == []


def come_and_go():
    """QMT is killed four times within an hour; the fourth time nothing is told but an hour later."""
    record = good()
    record["troubles"] = [trouble("qmt-killed", 100 * n, ["QMT 不在运行"], ["QMT 在运行"]) for n in range(1, 5)]
    record["ended"] = T + 9000
    record["messages"] = record["messages"][: len(CHANNELS)]
    for n in range(1, 4):
        record["messages"] += on_all("❗ QMT 不在运行", 100 * n + 5, 10 + n)
        record["messages"] += on_all("✅ 已恢复：QMT 在运行", 100 * n + 9, 10 + n)
    return record


def test_what_comes_and_goes_is_to_be_summed_up():
    record = come_and_go()
    assert len(judge.findings(record)) == len(CHANNELS)
    record["messages"] += on_all("📊 时断时续：QMT 不在运行", 4003, 14)
    assert judge.findings(record) == []


def test_a_summing_up_of_nothing_is_found():
    assert found(messages=good()["messages"] + on_all("📊 时断时续：QMT 不在运行", 4003, 14))


def test_what_only_ends_like_a_routine_message_is_none():
    assert found(messages=good()["messages"] + on_all("ℹ️ 别人的成交", 210, 4))


def test_a_heading_in_a_digest_that_no_trouble_explains_is_found():
    digest = message("mail", "📋 积压的 2 条通知", 110, 9, "10:00:01 ❗ 哨兵没有消息 #8\n  自 10:00:00 起")
    assert found(messages=[*good()["messages"], digest])


def test_one_incident_that_is_told_twice_under_its_number_is_found():
    again = message("mail", "ℹ️ 成交", 30, 1, f"10:00:00 委托 {FLAG} 成交 200 股")
    assert found(messages=[*good()["messages"], again])


def test_a_repeat_is_excused_only_by_a_kill_between_the_vendors_yes_and_our_mark():
    messages = [*good()["messages"], message("mail", "❗ QMT 不在运行", 107, 2)]
    messages.sort(key=lambda m: m["at"])
    assert found(messages=messages, receiver_kills=[T + 105.05]) == []
    assert found(messages=messages, receiver_kills=[T + 104.0])
    assert found(messages=messages, receiver_kills=[T + 105.1 + judge_messages.GAP + 0.1])


# ---- books


def test_a_ledger_that_differs_from_the_brokers_book_is_found():
    record = good()
    record["books"][0]["holdings"][FUND] = 20100
    assert judge.findings(record)


def test_an_order_whose_deals_are_not_in_the_ledger_is_found():
    record = good()
    record["books"][0]["ledger"][0]["flag"] = ""
    assert judge.findings(record)


def test_a_fund_whose_order_had_not_ended_is_left_out_on_that_day_only():
    record = good()
    early = dict(record["books"][0], at=T + 1.5, ledger=[])
    record["books"].insert(0, early)
    assert judge.findings(record) == []
    early["at"] = T + 900
    assert judge.findings(record)


# ---- memory


def test_memory_that_grows_from_day_to_day_is_found():
    assert found(samples=[sample("receiver", day, 50 + 1.5 * day, 20) for day in range(1, 20)])


def test_handles_that_grow_from_day_to_day_are_found():
    assert found(samples=[sample("tray", day, 50, 20 + 2 * day) for day in range(1, 20)])


def test_what_grows_in_the_first_days_only_is_not_growth():
    assert found(samples=[sample("tray", day, 50 + 30 * min(day, 3), 20) for day in range(1, 20)]) == []


def test_of_hours_the_longest_life_of_a_process_is_judged_after_it_is_warm():
    def life(pid, begin, count, mb):
        for number in range(count):
            at = begin + 60 * number
            yield {"at": at, "day": 1, "name": "tray", "pid": pid, "rss": int(mb(number) * MB), "handles": 9}

    flat = list(life(2, 5000, 90, lambda number: 40 + min(number, 14)))
    assert judge_memory.findings([*life(1, 0, 60, lambda n: 40 + n), *flat], "hours") == []
    assert judge_memory.findings(list(life(2, 5000, 90, lambda n: 40 + n / 10)), "hours")
