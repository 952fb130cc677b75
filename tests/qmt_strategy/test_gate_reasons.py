"""The gate: one fact against an intent at a time, and nothing against it when all is well. Sizes too."""

import pytest

from qmt_strategy.dingtou import gate, sizing

TEN = 1767578400.0  # 2026-01-05 10:00:00 in China
GOOD = gate.Facts(
    live=True, newest_copy=True, stop=False, disk_ok=True, free_space=10 ** 9, logged_in=True, second=10 * 3600,
    now=TEN, today="20260105", tick_at=TEN - 2, tick_day="20260105", trading_date="", phase=13, suspended=False,
    bid=1.0, ask=1.001, price=1.002, up_limit=1.1, down_limit=0.9, buy=True, shares=1000, yuan=1000.0, own_live=False,
    other_live=False, attempts=0, day_yuan=0.0, free_cash=2000.0, stopped="", waiting="",
)  # fmt: skip
LIMITS = gate.Limits()

AGAINST = [
    ("observe", {"live": False}),
    ("second-copy", {"newest_copy": False}),
    ("stop", {"stop": True}),
    ("disk", {"disk_ok": False}),
    ("space", {"free_space": 200 * 1024 * 1024 - 1}),
    ("hours", {"second": 9 * 3600 + 30 * 60 - 1}),
    ("hours", {"second": 11 * 3600 + 30 * 60 + 1}),
    ("hours", {"second": 13 * 3600 - 1}),
    ("hours", {"second": 14 * 3600 + 54 * 60 + 1}),
    ("logged-out", {"logged_in": False}),
    ("trading-date", {"trading_date": "20260104"}),
    ("stopped-fund", {"stopped": "why"}),
    ("waiting", {"waiting": "why"}),
    ("own-live", {"own_live": True}),
    ("other-live", {"other_live": True}),
    ("attempts", {"attempts": 3}),
    ("tick-day", {"tick_at": None}),
    ("tick-day", {"tick_day": "20260104"}),
    ("tick-age", {"tick_at": TEN - 61}),
    ("tick-age", {"tick_at": TEN + 61}),
    ("tick-age", {"tick_at": float("nan")}),
    ("halted", {"phase": 1}),
    ("halted", {"phase": 17}),
    ("halted", {"phase": 20}),
    ("halted", {"suspended": True}),
    ("hours", {"tick_at": TEN - 1801.0, "now": TEN - 1790.0}),
    ("hours", {"tick_at": TEN + 17641.0, "now": TEN + 17640.0}),
    ("phase", {"phase": 12}),
    ("phase", {"phase": 14}),
    ("phase", {"phase": 18}),
    ("far", {"bid": 1.002}),
    ("far", {"last": 0.98}),
    ("far", {"last": 1.03}),
    ("no-quote", {"bid": 0.0}),
    ("no-quote", {"ask": 0.0}),
    ("no-quote", {"price": 0.0}),
    ("price-limit", {"price": 1.101}),
    ("price-limit", {"price": 0.899}),
    ("zero-shares", {"shares": 0}),
    ("no-shares", {"shares": 0, "buy": False}),
    ("cap", {"yuan": 100000.01, "free_cash": 1e9}),
    ("cap", {"yuan": float("nan")}),
    ("day-cap", {"day_yuan": 299000.01}),
    ("cash", {"free_cash": 1000.99}),
]


def test_when_all_is_well_nothing_speaks_against_it():
    assert gate.refuse(GOOD, LIMITS) is None


@pytest.mark.parametrize("code, change", AGAINST, ids=["%s %s" % (code, sorted(change)) for code, change in AGAINST])
def test_one_thing_wrong_is_one_reason(code, change):
    reason = gate.refuse(GOOD._replace(**change), LIMITS)
    assert reason.code == code and reason.words


@pytest.mark.parametrize(
    "change",
    [
        {"second": 34200}, {"second": 41400}, {"second": 46800}, {"second": 53640}, {"trading_date": "20260105"},
        {"phase": None}, {"up_limit": 0.0, "price": 9.0}, {"attempts": 2}, {"yuan": 100000.0, "free_cash": 100100.0},
        {"day_yuan": 299000.0}, {"buy": False, "free_cash": 0.0}, {"tick_at": TEN - 60}, {"tick_at": TEN + 60},
    ],
)  # fmt: skip
def test_the_edge_itself_is_allowed(change):
    assert gate.refuse(GOOD._replace(**change), LIMITS) is None


def test_cash_of_orders_that_are_not_seen_yet_is_set_aside_with_its_fee():
    assert gate.free_cash(10000.0, 2000.0) == 10000.0 - 2002.0
    assert gate.free_cash(None, 0.0) == 0.0


def test_attempts_are_the_larger_of_flag_files_and_all_orders():
    assert gate.attempts(1, 3) == 3 and gate.attempts(2, 0) == 2


def test_a_buy_is_by_yuan_in_lots_of_a_hundred():
    ticket = sizing.buy(7000.0, 0.932)
    assert (ticket.op, ticket.order_type, ticket.price_type, ticket.volume, ticket.shares) == (
        23,
        1102,
        3,
        7000.0,
        7500,
    )


def test_a_buy_of_less_than_a_lot_has_no_shares():
    assert sizing.buy(99.0, 1.0).shares == 0
    assert sizing.buy(100.0, 1.0).shares == 100


@pytest.mark.parametrize(
    "yuan, held, sellable, order_type, shares",
    [
        (1000.0, 5000, 5000, 1102, 1000),
        (9000.0, 5000, 5000, 1101, 5000),  # binds
        (9000.0, 5050, 5050, 1101, 5050),  # the odd lot goes with it
        (4960.0, 5000, 5000, 1102, 4900),
        (5000.0, 5050, 5050, 1101, 5050),  # would leave 50
        (5000.0, 5050, 4000, 1101, 4000),  # some was bought today
        (5000.0, 5050, 4050, 1101, 4000),  # an odd part of what may be sold stays
        (5000.0, 5000, 0, 1101, 0),
        (50.0, 5000, 5000, 1102, 0),
        (5000.0, 50, 50, 1101, 50),
    ],
)
def test_a_sale_takes_what_may_be_sold_and_leaves_no_odd_lot(yuan, held, sellable, order_type, shares):
    ticket = sizing.sell(yuan, 1.0, held, sellable)
    assert (ticket.order_type, ticket.shares) == (order_type, shares)
    assert ticket.volume == (shares if order_type == 1101 else yuan)


def test_a_sale_never_asks_for_more_than_may_be_sold():
    for held in range(0, 1300, 50):
        for sellable in range(0, held + 1, 50):
            for yuan in range(50, 1500, 50):
                ticket = sizing.sell(float(yuan), 1.0, held, sellable)
                most = ticket.shares if ticket.order_type == 1101 else sizing.most_shares(ticket.shares, True)
                assert ticket.shares <= sellable and (ticket.shares == 0 or most <= sellable)
