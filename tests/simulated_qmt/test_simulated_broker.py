"""The simulated account: an order's way, what the client sees of it and when, money and shares."""

import random

import pytest

from rehearsal import market
from rehearsal.qmt.behaviours import Behaviours, from_words
from rehearsal.qmt.broker import Broker, Request
from rehearsal.qmt.objects import UNSET_DOUBLE, UNSET_INT

START = 1767576600.0
MARKET = market.synthetic(1, days=300)
CODE = MARKET.codes[0]
PRICE = MARKET.tick(CODE, 0).ask[0]


class Book:
    """A broker whose clock is moved by hand; the market stands at tick 0."""

    def __init__(self, seed=1, **behaviours):
        self.now = START
        self.broker = Broker("2000567", MARKET, Behaviours(**behaviours), random.Random(seed), START)
        self.pushes = self.broker.advance(self.now, 0)

    def send(self, buy=True, shares=1000, price=PRICE, **more):
        return self.broker.submit(Request(CODE, buy, shares, price, **more), self.now)

    def run(self, seconds, step=0.05):
        for _ in range(int(round(seconds / step))):
            self.now += step
            self.pushes += self.broker.advance(self.now, 0)
        return self

    def statuses(self):
        return [obj.m_nOrderStatus for kind, obj in self.pushes if kind == "order"]

    def deals(self):
        return [obj for kind, obj in self.pushes if kind == "deal"]


def test_an_order_goes_from_reported_over_partly_to_filled():
    book = Book(seed=3)
    book.send()
    statuses = book.run(10).statuses()
    assert statuses[0] == 50 and statuses[-1] == 56
    assert set(statuses[1:-1]) == {55}


def test_an_order_may_have_several_deals_which_add_up_to_it():
    counts = set()
    for seed in range(12):
        book = Book(seed=seed)
        order = book.send()
        deals = book.run(10).deals()
        counts.add(len(deals))
        assert sum(deal.m_nVolume for deal in deals) == 1000 == order.traded
        assert len({deal.m_strTradeID for deal in deals}) == len(deals)
        assert {deal.m_strOrderSysID for deal in deals} == {order.sysid}
    assert counts == {1, 2, 3}


def test_most_deals_one_means_no_partial_fills():
    book = Book(most_deals=1)
    book.send()
    assert book.run(10).statuses() == [50, 56]


def test_an_order_is_not_visible_until_the_clients_copy_is_refreshed():
    book = Book(visible_after=(2.0, 2.0), sysid_after=(0.1, 0.1), fill_after=(0.1, 0.1))
    available = book.broker.view("account")[0].m_dAvailable
    book.send()
    book.run(1.5)
    assert book.statuses()[-1] == 56
    assert book.broker.view("order") == []
    assert book.broker.view("account")[0].m_dAvailable == available
    book.run(1.0)
    assert [order.m_nOrderStatus for order in book.broker.view("order")] == [56]
    assert book.broker.view("account")[0].m_dAvailable < available


def test_an_orders_number_is_empty_at_first():
    book = Book(visible_after=(0.1, 0.1), sysid_after=(1.0, 1.0))
    book.send()
    book.run(0.5)
    (order,) = book.broker.view("order")
    assert (order.m_nOrderStatus, order.m_strOrderSysID) == (49, "")
    book.run(1.0)
    assert book.broker.view("order")[0].m_strOrderSysID != ""


def test_a_price_off_the_market_waits_alive():
    book = Book()
    order = book.send(price=round(PRICE * 0.9, 3))
    book.run(20)
    assert (order.status, order.alive, order.traded) == (50, True, 0)


def test_too_little_money_is_refused_in_the_counters_words():
    book = Book(visible_after=(0.1, 0.1))
    book.send(shares=10000000)
    book.run(5)
    assert book.statuses() == [57]
    (order,) = book.broker.view("order")
    assert order.m_strCancelInfo.startswith("[COUNTER][260200][可用资金不足]")
    assert book.broker.holdings.frozen_cash == 0


def test_more_shares_than_can_be_sold_are_refused_in_the_counters_words():
    book = Book(visible_after=(0.1, 0.1))
    book.send(buy=False, shares=20100, price=0.001)
    book.run(5)
    assert book.broker.view("order")[0].m_strCancelInfo.startswith("[COUNTER][251005][证券可用数量不足]")


def test_shares_bought_today_can_be_sold_tomorrow():
    book = Book(visible_after=(0.1, 0.1))
    book.send(shares=1000)
    book.run(10)
    held = book.broker.view("position")[0]
    assert (held.m_nVolume, held.m_nCanUseVolume, held.m_nOnRoadVolume) == (21000, 20000, 1000)
    book.now += 86400
    book.run(1)
    held = book.broker.view("position")[0]
    assert (held.m_nVolume, held.m_nCanUseVolume, held.m_nOnRoadVolume) == (21000, 21000, 0)
    assert book.broker.view("order") == [] and book.broker.view("deal") == []


def test_without_the_rule_they_can_be_sold_at_once():
    book = Book(settle_next_day=False)
    book.send(shares=1000)
    book.run(10)
    assert book.broker.holdings.sellable(CODE) == 21000


def test_cash_is_frozen_while_a_buy_lives_and_given_back_after_a_cancel():
    book = Book()
    order = book.send(price=round(PRICE * 0.9, 3))
    book.run(2)
    assert book.broker.holdings.available == pytest.approx(500000 - 1000 * order.request.price * 1.0002)
    assert book.broker.cancel(order.sysid, book.now)
    book.run(3)
    assert book.statuses() == [50, 51, 54]
    assert book.broker.holdings.available == pytest.approx(500000)


def test_the_rest_of_a_partly_filled_order_can_be_cancelled():
    for seed in range(20):
        book = Book(seed=seed)
        order = book.send(buy=False, price=MARKET.tick(CODE, 0).bid[0])
        while order.status not in (55, 56):
            book.run(0.05)
        if order.status == 55:
            book.broker.cancel(order.sysid, book.now)
            book.run(3)
            assert book.statuses()[-2:] == [52, 53]
            assert book.broker.holdings.sellable(CODE) == 20000 - order.traded
            return
    pytest.fail("no seed gave a partly filled order")


def test_a_cancel_of_an_unknown_or_finished_order_changes_nothing():
    book = Book()
    order = book.send()
    book.run(10)
    assert book.broker.cancel(order.sysid, book.now) is True
    assert book.broker.cancel("", book.now) is False
    assert book.broker.cancel("nothing", book.now) is False
    assert order.status == 56


def test_money_and_shares_add_up_whatever_is_traded():
    book = Book(seed=5)
    chance = random.Random(7)
    for _ in range(60):
        buy = chance.random() < 0.5
        tick = MARKET.tick(CODE, 0)
        book.send(buy, 100 * chance.randint(1, 30), tick.ask[1] if buy else tick.bid[1])
        book.run(0.5)
    book.run(20)
    deals = book.broker.deals
    spent = sum(deal.shares * deal.price * (1 if deal.order.request.buy else -1) for deal in deals)
    fees = sum(deal.fee for deal in deals)
    moved = sum(deal.shares * (1 if deal.order.request.buy else -1) for deal in deals)
    assert book.broker.holdings.cash == pytest.approx(500000 - spent - fees)
    assert book.broker.holdings.shares[CODE].volume == 20000 + moved
    assert book.broker.holdings.frozen_cash == pytest.approx(0, abs=1e-6)
    assert book.broker.holdings.shares[CODE].frozen == 0


def test_a_reconnect_pushes_todays_orders_and_deals_again_with_the_same_numbers():
    book = Book()
    book.send()
    first = [deal.m_strTradeID for deal in book.run(10).deals()]
    book.pushes = []
    book.broker.replay()
    assert [deal.m_strTradeID for deal in book.run(0.05).deals()] == first
    assert book.statuses() == [56]


def test_while_logged_out_every_table_is_empty_and_nothing_is_pushed():
    book = Book(visible_after=(0.1, 0.1))
    book.send()
    book.broker.connected = False
    book.run(5)
    assert [book.broker.view(kind) for kind in ("account", "position", "order", "deal")] == [[], [], [], []]
    assert book.statuses() == []
    book.broker.connected = True
    assert len(book.broker.view("order")) == 1


def test_a_restarted_client_does_not_use_the_same_numbers_again():
    book = Book()
    first = book.send()
    book.run(10)
    later = Broker("2000567", MARKET, Behaviours(), random.Random(1), book.now)
    again = later.submit(Request(CODE, True, 100, PRICE), book.now)
    later.advance(book.now + 2, 0)
    assert int(again.sysid) > int(first.sysid)


# ---- the objects


def test_unknown_values_are_qmts_sentinels():
    book = Book(visible_after=(0.1, 0.1))
    book.send()
    book.run(10)
    order, account = book.broker.view("order")[0], book.broker.view("account")[0]
    assert (order.m_nErrorID, order.m_nTaskId) == (UNSET_INT, UNSET_INT)
    assert account.m_dLoanValue == UNSET_DOUBLE
    assert Book(sentinels=False).broker.view("account")[0].m_dLoanValue == 0


def test_the_tag_raises_on_orders_and_deals_and_is_none_on_positions():
    book = Book(visible_after=(0.1, 0.1))
    book.send()
    book.run(10)
    for kind in ("order", "deal"):
        with pytest.raises(TypeError):
            book.broker.view(kind)[0].m_xtTag  # noqa: B018
    assert book.broker.view("position")[0].m_xtTag is None


@pytest.mark.parametrize("name", ["m_dComssion", "m_dCommission", "m_dComission"])
def test_a_deal_has_one_spelling_of_the_commission(name):
    book = Book(commission_name=name)
    book.send()
    deal = book.run(10).deals()[0]
    assert [n for n in vars(deal) if n.startswith("m_dCom")] == [name]
    assert getattr(deal, name) == pytest.approx(deal.m_dTradeAmount * 0.0002, abs=1e-4)


def test_the_offset_flag_tells_the_side_and_the_direction_is_always_48():
    book = Book()
    book.send()
    book.send(buy=False, price=0.001)
    deals = book.run(10).deals()
    assert {deal.m_nOffsetFlag for deal in deals} == {48, 49}
    assert {deal.m_nDirection for deal in deals} == {48}


def test_a_deal_has_no_status_and_no_op_type():
    book = Book()
    book.send()
    deal = book.run(10).deals()[0]
    assert not hasattr(deal, "m_nOpType") and not hasattr(deal, "m_nOrderStatus")


# ---- behaviours by name


def test_behaviours_are_set_by_name():
    chosen = from_words(["rollback=no", "history_bars=7", "visible_after=0.5,6", "forbidden=requests"])
    assert (chosen.rollback, chosen.history_bars, chosen.visible_after) == (False, 7, (0.5, 6.0))
    assert chosen.forbidden == "requests"


@pytest.mark.parametrize("word", ["nothing=1", "rollback", "rollback=maybe", "history_bars=x", "visible_after=6,0.5"])
def test_a_wrong_behaviour_is_refused_in_a_sentence(word):
    with pytest.raises(ValueError, match="行为"):
        from_words([word])
