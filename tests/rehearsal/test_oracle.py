"""The oracle finds what was lost and what was doubled."""

from rehearsal import oracle


def post(name, kind="strategy.error"):
    return {"id": name, "kind": kind}


def message(channel, title, at=0.0):
    return {"channel": channel, "at": at, "shown": {"title": title, "body": ""}}


def test_an_event_that_is_not_stored_is_lost():
    assert oracle.lost_posts([post("a"), post("b")], {"a"}) == ["b"]


def test_a_heartbeat_is_lost_only_if_it_is_the_newest():
    posts = [post("1", "qmt.heartbeat"), post("2", "qmt.heartbeat")]
    assert oracle.lost_posts(posts, {"2"}) == []
    assert oracle.lost_posts(posts, {"1"}) == ["2"]


def test_the_same_running_number_under_two_ids_is_doubled():
    def beat(instance, n):
        return {"kind": "qmt.heartbeat", "data": {"instance": instance, "n": n}}

    assert oracle.doubled_posts([beat("x", 1), beat("x", 2), beat("y", 1)]) == []
    assert oracle.doubled_posts([beat("x", 1), beat("x", 1)]) == [("x", 1)]


def test_the_same_text_twice_on_one_channel_is_doubled():
    assert oracle.doubled_messages([message("wecom", "a"), message("mail", "a")]) == []
    assert len(oracle.doubled_messages([message("wecom", "a"), message("wecom", "a")])) == 1


def test_seconds_are_counted_from_the_last_cause_before_the_message():
    causes = [(10.0, "QMT"), (50.0, "QMT")]
    assert oracle.seconds_since_cause(message("wecom", "QMT 不在运行", at=14.5), causes) == 4.5
    assert oracle.seconds_since_cause(message("wecom", "别的", at=14.5), causes) is None


def test_a_percentile_is_one_of_the_values():
    assert oracle.percentile([3, 1, 2], 0.5) == 2
    assert oracle.percentile(list(range(100)), 0.99) == 99
    assert oracle.percentile([], 0.5) is None


def test_a_line_that_is_still_being_written_is_not_read(tmp_path):
    path = tmp_path / "posted.jsonl"
    path.write_text('{"id": "a"}\n{"id": ', encoding="utf-8")
    assert oracle.read_lines(path) == [{"id": "a"}]


FLAG = "20260105-510300-B-01"


def line(number, state, filled=0):
    return {"kind": "order.state", "data": {"flag": FLAG, "line": number, "state": state, "filled": filled}}


def at_counter(status, traded=0):
    return [{"flag": FLAG, "code": "510300.SH", "shares": 200, "status": status, "traded": traded, "deals": 1}]


def test_an_order_that_is_told_as_it_ended_is_right():
    stored = [line(1, "intent"), line(2, "filled", 200)]
    assert oracle.wrong_orders([{"remark": FLAG}], at_counter(56, 200), stored) == []


def test_an_order_that_is_still_open_is_not_judged_by_its_state():
    assert oracle.wrong_orders([{"remark": FLAG}], at_counter(50), [line(1, "intent")]) == []


def test_an_order_that_the_receiver_does_not_know_is_wrong():
    assert oracle.wrong_orders([{"remark": FLAG}], at_counter(56, 200), []) == [f"{FLAG} 没有到接收端"]


def test_another_end_than_the_counters_is_wrong():
    stored = [line(1, "intent"), line(2, "cancelled")]
    assert len(oracle.wrong_orders([{"remark": FLAG}], at_counter(56, 200), stored)) == 1


def test_a_line_that_came_twice_is_wrong():
    stored = [line(1, "intent"), line(2, "filled", 200), line(2, "filled", 200)]
    assert len(oracle.wrong_orders([{"remark": FLAG}], at_counter(56, 200), stored)) == 1


def test_an_intent_ordered_twice_is_wrong():
    calls = [{"remark": FLAG}, {"remark": FLAG}]
    assert oracle.wrong_orders(calls, [], []) == [f"{FLAG} 调用了 2 次 passorder"]
