"""The table of an order's life: every state against every observation, and what the statuses of QMT mean."""

import pytest

from qmt_strategy.dingtou import orders
from qmt_strategy.dingtou.orders import Order, Seen, kind_of, step

STATES = sorted(orders.STATES)


def order(state, **more):
    more.setdefault("by", orders.COUNTER if state in orders.ENDED else "")
    return Order(state, 1000, **more)


@pytest.mark.parametrize(
    "status, kind",
    [(status, orders.ALIVE) for status in (48, 49, 50, 51, 52, 55, 86, 255, 0, 99, None)]
    + [(53, orders.WITHDRAWN), (54, orders.WITHDRAWN), (56, orders.DONE), (57, orders.REFUSED)],
)
def test_only_53_54_56_and_57_are_final(status, kind):
    assert kind_of(status) == kind


def test_the_table_has_a_row_for_every_state_and_names_only_states_and_observations():
    assert set(orders.TABLE) == orders.STATES | {orders.CLAIMED, orders.PAST_CLOSE}
    for row in orders.TABLE.values():
        assert set(row) <= set(orders.OBSERVATIONS)
        assert {state for state, _ in row.values()} <= orders.STATES


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", orders.OBSERVATIONS)
def test_every_pair_gives_a_state_and_loses_no_volume(state, kind):
    before = order(state, filled=300, sysid="7")
    after = step(before, Seen(kind, 500)).order
    assert after.state in orders.STATES and after.filled >= 300 and after.sysid == "7"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", orders.OBSERVATIONS)
def test_the_same_observation_twice_changes_nothing_the_second_time(state, kind):
    once = step(order(state), Seen(kind, 500, 1.5, "7", "words")).order
    again = step(once, Seen(kind, 500, 1.5, "7", "words"))
    assert again.order == once and not again.changed and again.actions == ()


@pytest.mark.parametrize("state", sorted(orders.ENDED))
@pytest.mark.parametrize("kind", orders.OBSERVATIONS)
def test_what_the_counter_ended_is_never_opened_again(state, kind):
    assert step(order(state, filled=500), Seen(kind, 500)).order.state in orders.ENDED


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", orders.OBSERVATIONS)
def test_nothing_leads_back_to_before_the_call(state, kind):
    after = step(order(state), Seen(kind)).order.state
    assert after not in (orders.INTENT, orders.VOID) or after == state
    assert after != orders.SENT or state in (orders.INTENT, orders.SENT)


LIVES = [
    ("intent", [orders.RETURNED], "sent"),
    ("intent", [orders.RETURNED, orders.ALIVE, orders.DONE], "filled"),
    ("intent", [orders.ALIVE], "working"),  # a callback inside passorder
    ("intent", [orders.ERROR, orders.RETURNED], "rejected"),
    ("intent", [orders.LOST], "unknown"),
    ("sent", [orders.LOST], "unknown"),
    ("sent", [orders.REFUSED], "rejected"),
    ("sent", [orders.DEALT], "working"),
    ("sent", [orders.CLOSED], "unknown"),
    ("working", [orders.WITHDRAWN], "cancelled"),
    ("working", [orders.REFUSED], "rejected"),
    ("working", [orders.CLOSED], "expired"),
    ("working", [orders.LOST], "unknown"),
    ("working", [orders.ERROR], "working"),  # the counter has it: its row says more
    ("unknown", [orders.ALIVE], "working"),
    ("unknown", [orders.LOST], "unknown"),
    ("unknown", [orders.CLOSED], "unknown"),
    ("unknown", [orders.OWNER_NOTHING], "cancelled"),
    ("unknown", [orders.OWNER_FILLED], "filled"),
    ("unknown", [orders.OWNER_NOTHING, orders.ALIVE], "working"),  # the owner was wrong
    ("unknown", [orders.POSITION], "expired"),
    ("sent", [orders.ERROR, orders.ALIVE], "working"),  # so was orderError
    ("sent", [orders.ERROR, orders.REFUSED], "rejected"),
    ("expired", [orders.ALIVE], "expired"),  # the list goes on saying so after 15:00
    ("void", [orders.LOST], "void"),
    ("void", [orders.ALIVE], "working"),  # it was called after all: the file was damaged
    ("filled", [orders.ALIVE], "filled"),  # a row older than the callback
    ("working", [orders.OWNER_NOTHING], "working"),  # nobody asked the owner
]


@pytest.mark.parametrize("state, kinds, end", LIVES, ids=["-".join([s] + k) for s, k, _ in LIVES])
def test_a_life(state, kinds, end):
    found = order(state)
    for kind in kinds:
        found = step(found, Seen(kind)).order
    assert found.state == end


@pytest.mark.parametrize(
    "kind", [orders.ALIVE, orders.DONE, orders.WITHDRAWN, orders.REFUSED, orders.DEALT, orders.ERROR]
)
def test_what_is_seen_of_an_unknown_order_is_told_and_stops_the_fund(kind):
    actions = step(order("unknown"), Seen(kind, 100)).actions
    assert orders.TELL_LATE in actions and orders.STOP_FUND in actions


def test_unknown_is_told_and_stops_the_fund():
    assert step(order("sent"), Seen(orders.LOST)).actions == (orders.TELL_UNKNOWN, orders.STOP_FUND)


def test_more_volume_after_the_end_is_booked_told_and_stops_the_fund():
    found = step(order("cancelled", filled=300), Seen(orders.DEALT, 500))
    assert (found.order.state, found.order.filled) == ("cancelled", 500)
    assert found.actions == (orders.TELL_LATE, orders.STOP_FUND)


def test_the_owners_number_yields_to_the_counters():
    claimed = step(order("unknown"), Seen(orders.OWNER_FILLED, 900)).order
    assert claimed.filled == 900
    assert step(claimed, Seen(orders.DONE, 700)).order.filled == 700
    assert not step(claimed, Seen(orders.DEALT, 700)).changed  # the rest of its deals may come yet
    assert step(claimed, Seen(orders.ALIVE, 100)).order.filled == 100


def test_the_counters_words_are_kept():
    found = step(order("sent"), Seen(orders.REFUSED, reason="[COUNTER][260200]")).order
    assert found.reason == "[COUNTER][260200]" and found.by == orders.COUNTER
