"""What counts as an event, and what happens to numbers that JSON cannot carry."""

import pytest

from tests.tray_app.helpers import MONDAY_10_00, heartbeat, short
from tray_app import events

GOOD = {"id": "a-1", "kind": "qmt.heartbeat", "at": MONDAY_10_00, "data": {}}


def test_a_good_event_is_taken_and_unknown_fields_are_dropped():
    assert events.check({**GOOD, "seq": 3}) == GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": 7},
        {"id": "x" * 101},
        {"kind": "Bad Kind"},
        {"kind": None},
        {"at": "now"},
        {"at": True},
        {"at": float("nan")},
        {"at": -1},
        {"data": []},
        {"data": None},
    ],
)
def test_a_bad_field_is_refused(change):
    with pytest.raises(events.BadEvent):
        events.check({**GOOD, **change})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nonsense"], ids=short)
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(events.BadEvent):
        events.parse(raw)


def test_nan_infinity_and_qmts_no_value_become_null():
    raw = b'{"id":"a","kind":"x.y","at":1767578400,"data":{"a":NaN,"b":[Infinity,1.797e308,-1e301],"c":1e300,"d":1}}'
    data = events.check(events.parse(raw))["data"]
    assert data == {"a": None, "b": [None, None, None], "c": 1e300, "d": 1}
    assert b"NaN" not in events.dumps({**GOOD, "data": data})


def test_half_a_surrogate_can_be_written_as_utf_8():
    event = events.check(events.parse(b'{"id":"a","kind":"x.y","at":1767578400,"data":{"t":"\\ud83d"}}'))
    assert events.dumps(event).decode("utf-8")


def test_nesting_has_a_limit():
    with pytest.raises(events.BadEvent):
        events.check({**GOOD, "data": events.parse(b'{"a":' * 60 + b"1" + b"}" * 60)})


def test_a_days_last_heartbeat_is_not_replaced_by_the_next_days():
    assert events.replace_key(heartbeat(at=MONDAY_10_00)) == events.replace_key(heartbeat(at=MONDAY_10_00 + 3600))
    assert events.replace_key(heartbeat(at=MONDAY_10_00)) != events.replace_key(heartbeat(at=MONDAY_10_00 + 86400))


def test_strategies_do_not_replace_each_other():
    assert events.replace_key(heartbeat("a")) != events.replace_key(heartbeat("b"))


def test_a_change_of_the_qmt_process_is_kept_and_its_repeat_is_replaced():
    change = events.make("qmt.process", {"state": "missing", "change": True}, MONDAY_10_00)
    repeat = events.make("qmt.process", {"state": "missing", "change": False}, MONDAY_10_00)
    assert events.replace_key(change) is None
    assert events.replace_key(repeat) is not None


def test_grades_of_what_may_be_dropped():
    def grade(kind, **data):
        return events.grade(events.make(kind, data, MONDAY_10_00))

    assert grade("host.heartbeat") == events.HEARTBEAT
    assert grade("strategy.notice") == events.OTHER
    for kind in ("order.state", "strategy.error", "old.deals"):
        assert grade(kind) == events.NEVER_DROPPED
    assert grade("host.trouble", code="order-set-aside") == events.NEVER_DROPPED
