"""The simulated account: an order's way, money and shares, other people's orders, days (qmt-facts 1.4, 1.5)."""

import pickle
import random

import pytest

from rehearsal import market
from rehearsal.qmt import times
from rehearsal.qmt.adjust import Event
from rehearsal.qmt.broker import Broker

CODE = "510300.SH"
SOON = {"sysid_after": (0.1, 0.1), "fill_after": (0.1, 0.3)}


def statuses(made):
    return [booked.status for kind, booked in made.broker.events_since(0)[1] if kind == "order"]


def buy(made, shares=1000, factor=1.0, buying=True):
    tick = made.tick(CODE)
    made.owner_order(CODE, buying, shares, round((tick.ask[1] if buying else tick.bid[1]) * factor, 3))
    return made.broker.orders[-1]


def wait(made, seconds=10):
    made.run_to(made.now() + seconds)
    return made


def test_an_order_goes_from_accepted_over_partly_to_filled(world):
    for seed in range(5):
        made = world(seed=seed, **SOON)
        order = buy(made)
        found = statuses(wait(made))
        assert found[0] == 50 and found[-1] == 56 and set(found[1:-1]) <= {55}
        assert sum(deal.shares for deal in made.broker.deals) == 1000 == order.traded
        assert len({deal.trade_id for deal in made.broker.deals}) == len(made.broker.deals)


def test_a_large_order_walks_up_the_book_at_the_prices_of_its_levels(world):
    made = world(thin_book=True, most_deals=1, **SOON)
    tick = made.tick(CODE)
    made.owner_order(CODE, True, 1000, tick.ask[4])
    wait(made, 0.3)
    assert [deal.price for deal in made.broker.deals][:2] == list(tick.ask[:2])
    assert [deal.shares for deal in made.broker.deals][0] == 100 * tick.ask_volume[0]


def test_a_resting_order_trades_at_its_own_limit_when_the_market_comes(world):
    made = world(most_deals=1, **SOON)
    bar = made.market.bars[CODE][made.market.index(CODE, "20260105")]
    limit = round((bar.open + bar.low) / 2, 3)
    made.owner_order(CODE, True, 1000, limit)
    wait(made, 20)
    assert made.broker.orders[0].status == 50
    made.run_to(times.at("20260105", "11:00"))
    assert made.broker.orders[0].status == 56
    assert made.broker.deals[0].price == limit


@pytest.mark.parametrize(
    "buying, words", [(True, "[COUNTER][260200][可用资金不足]"), (False, "[COUNTER][251005][证券可用数量不足]")]
)
def test_too_little_money_or_shares_is_refused_in_the_counters_words(world, buying, words):
    made = world(cash=1000.0, shares={CODE: (500, 4.0)}, **SOON)
    order = buy(made, buying=buying)
    wait(made)
    assert order.status == 57 and order.reason.startswith(words)
    assert made.broker.holdings.frozen_cash == 0


def test_shares_bought_today_can_be_sold_tomorrow(world):
    made = world(shares={CODE: (20000, 4.0)}, **SOON)
    buy(made)
    wait(made)
    assert made.broker.holdings.sellable(CODE) == 20000
    made.run_to(times.at("20260106", "09:00"))
    assert made.broker.holdings.sellable(CODE) == 21000


def test_cash_is_frozen_while_a_buy_lives_and_given_back_after_a_cancel(world):
    made = world(**SOON)
    order = buy(made, factor=0.99)
    wait(made, 2)
    assert made.broker.holdings.available == pytest.approx(500000 - 1000 * order.request.price * 1.0002)
    assert made.broker.cancel(order.sysid, made.now())
    wait(made, 3)
    assert statuses(made) == [50, 51, 54]
    assert made.broker.holdings.available == pytest.approx(500000)


def test_the_rest_of_a_partly_filled_order_can_be_cancelled(world):
    made = world(half_fills=True, **SOON)
    order = buy(made)
    wait(made, 2)
    made.broker.cancel(order.sysid, made.now())
    wait(made, 3)
    assert (order.status, order.traded) == (53, 500)
    assert statuses(made) == [50, 55, 52, 53]
    assert made.broker.holdings.frozen_cash == pytest.approx(0)


def test_what_is_final_cannot_be_cancelled(world):
    made = world(**SOON)
    order = buy(made)
    wait(made)
    assert made.broker.cancel(order.sysid, made.now()) is True
    assert made.broker.cancel("", made.now()) is False
    assert made.broker.cancel("nothing", made.now()) is False
    assert order.status == 56


def test_an_order_that_lives_at_the_close_is_gone_the_next_day(world):
    made = world(**SOON)
    buy(made, factor=0.98)
    made.run_to(times.at("20260105", "20:00"))
    assert made.broker.orders[0].status == 50
    made.run_to(times.at("20260106", "09:00"))
    assert made.broker.orders == [] and made.broker.holdings.available == 500000
    assert made.broker.past["20260105"][0][0].status == 50


def test_money_and_shares_add_up_whatever_is_traded(world):
    made = world(seed=5, shares={CODE: (20000, 4.0)}, **SOON)
    chance = random.Random(7)
    for _ in range(60):
        buy(made, 100 * chance.randint(1, 30), buying=chance.random() < 0.5)
        wait(made, 0.5)
    wait(made, 20)
    deals = made.broker.deals
    spent = sum(deal.shares * deal.price * (1 if deal.request.buy else -1) for deal in deals)
    moved = sum(deal.shares * (1 if deal.request.buy else -1) for deal in deals)
    fees = sum(deal.fee for deal in deals)
    assert made.broker.holdings.cash == pytest.approx(500000 - spent - fees)
    assert made.broker.holdings.shares[CODE].volume == 20000 + moved
    assert made.broker.holdings.frozen_cash == pytest.approx(0, abs=1e-6)
    assert made.broker.holdings.shares[CODE].frozen == 0


@pytest.mark.parametrize(
    "kind, status, traded", [("rest-cancelled", 53, None), ("all-or-none", 54, 0), ("limit", 55, None)]
)
def test_what_becomes_of_a_market_orders_rest(world, kind, status, traded):
    made = world(thin_book=True, most_deals=1, price_cage=False, **SOON)
    made.owner_order(CODE, True, 100000, made.tick(CODE).ask[4])
    made.broker.orders[0].request = made.broker.orders[0].request._replace(kind=kind)
    wait(made, 1)
    assert made.broker.orders[0].status == status
    assert traded is None or made.broker.orders[0].traded == traded


def test_splits_and_dividends_change_shares_and_cash_on_the_ex_date(world):
    base = market.synthetic(1, days=30, last_day="20260130")
    at = [bar.date for bar in base.bars[CODE]].index("20260106")
    events = {CODE: [Event(at, "dividend", 0.1), Event(at, "split", 2.0)]}
    prices = market.Market(base.bars, "x", True, events)
    made = world(prices=prices, shares={CODE: (1000, 4.0)}, cash=0.0)
    made.run_to(times.at("20260106", "09:00"))
    assert made.broker.holdings.cash == pytest.approx(100.0)
    assert made.broker.holdings.shares[CODE].volume == 2000


def test_the_book_can_be_saved_and_taken_up_again(world):
    made = world(**SOON)
    order = buy(made, factor=0.99)
    wait(made, 2)
    again = world(**SOON)
    again.restore(made.save())
    again.clock.set(made.now())
    assert again.broker.orders[0].sysid == order.sysid
    assert again.broker.holdings.frozen_cash == made.broker.holdings.frozen_cash
    assert again.broker.cancel(order.sysid, again.now())
    wait(again, 3)
    assert again.broker.orders[0].status == 54


def test_a_snapshot_does_not_change_with_the_book_and_can_be_pickled(world):
    made = world(**SOON)
    buy(made)
    wait(made, 0.15)
    before = made.broker.snapshot()
    wait(made)
    assert before.orders[0].status == 50 and made.broker.snapshot().orders[0].status == 56
    assert pickle.loads(pickle.dumps(before)).orders[0].status == 50


def test_the_same_seed_makes_the_same_day(world):
    books = []
    for _ in range(2):
        made = world(seed=3)
        for number in range(10):
            buy(made, 1000 + 100 * number)
            wait(made, 7)
        books.append([(deal.shares, deal.price, deal.at) for deal in made.broker.deals])
    assert books[0] == books[1]


def test_two_brokers_of_one_day_do_not_use_the_same_numbers(world):
    made = world(**SOON)
    order = buy(made)
    wait(made)
    later = Broker("2000567", made.exchange, random.Random(1), made.now())
    assert later.submit(order.request, made.now()) > int(order.sysid)
