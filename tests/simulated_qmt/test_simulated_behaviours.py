"""Each named behaviour, switched on and off (qmt-facts 1.10, points 1 to 23; 24 to 26 from the issue)."""

import sys

import pytest

from rehearsal import market
from rehearsal.qmt import behaviours, times
from rehearsal.qmt.adjust import Event
from rehearsal.qmt.book import ACCEPTED, CANCELLED, FILLED, PARTLY, REJECTED, WAITING

CODE = "510300.SH"
ABOUT = set()  # the behaviours that have a test here


def about(*names):
    ABOUT.update(names)
    return lambda function: function


GRID = """
sent = [0]
def init(C):
    C.set_account(account)
def handlebar(C):
    if sent[0] < {times} and C.is_last_bar():
        sent[0] += 1
        seen.append(('returned', {call}))
    seen.append(('order', [(o.m_strRemark, o.m_nOrderStatus, o.m_strOrderSysID, o.m_strCancelInfo)
                           for o in get_trade_detail_data(account, 'STOCK', 'ORDER')]))
    rows = get_trade_detail_data(account, 'STOCK', 'ACCOUNT')
    seen.append(('cash', rows[0].m_dAvailable if rows else None))
def order_callback(C, o):
    seen.append(('pushed', o.m_nOrderStatus))
def deal_callback(C, d):
    seen.append(('deal', d.m_strTradeID))
def orderError_callback(C, args, words):
    seen.append(('error', words))
"""
BUY = "passorder(23, 1101, account, '510300.SH', 3, 0, 1000, 'grid', 1, 'my-id', C)"


@pytest.fixture
def trading(client):
    """trading(behaviour=value, ...): a client whose script buys 1,000 once."""

    def make(call=BUY, orders=1, **chosen):
        return client(GRID.format(times=orders, call=call), **dict(FAST, **chosen)).started()

    return make


FAST = {"visible_after": (0.05, 0.05), "cash_after": (0.05, 0.05), "sysid_after": (0.1, 0.1), "fill_after": (0.1, 0.1)}


def of(made, kind):
    return [what for name, what in made.seen if name == kind]


def resting(made, buy=True, shares=1000):
    """An order that waits in the book, 1 % off the market. Returns the booked order."""
    tick = made.world.tick(CODE)
    price = round(tick.bid[0] * 0.99, 3) if buy else round(tick.ask[0] * 1.01, 3)
    made.world.owner_order(CODE, buy, shares, price)
    made.wait(1.5)
    return made.orders()[-1]


def cancelling(client, **chosen):
    """A client with an order that rests, and a script that asks once to cancel it, and then what it does not know."""
    text = """
    def handlebar(C):
        if clock.now > 1e9 and len(seen) == 1:
            sysid = seen[0]
            seen.append(cancel(sysid, account, 'STOCK', C))
            seen.append(cancel('unknown', account, 'STOCK', C))
    """
    made = client(text, **dict(dict(FAST, cancel_after=(0.1, 0.1)), **chosen)).started()
    order = resting(made)
    made.seen.append(order.sysid)
    made.ticks(1).wait(2)
    return made, order


# ---- 1 to 3: the run


@about("rollback")
@pytest.mark.parametrize("on, last", [(True, 4), (False, 5)])
def test_1_rollback_drops_what_was_set_between_two_ticks_of_a_bar(client, on, last):
    text = """
    def init(C):
        C.count = 0
    def handlebar(C):
        C.count += 1
        seen.append(C.count)
    """
    made = client(text, rollback=on).started().ticks(3)
    assert made.seen[-1] == (3 if on else last)


@about("history_bars")
@pytest.mark.parametrize("bars", [0, 7])
def test_2_history_is_replayed_before_the_first_tick(client, bars):
    made = client("def handlebar(C):\n    seen.append(C.is_last_bar())\n", history_bars=bars).started().ticks(1)
    assert made.seen == [False] * bars + [True]


@about("reinit_on_new_day")
@pytest.mark.parametrize("on", [True, False])
def test_3_a_new_trading_day_runs_the_scripts_again_from_init(client, on):
    made = client("def init(C):\n    seen.append(clock.now)\n", reinit_on_new_day=on).started()
    made.run_to(times.at("20260106", "09:00:01"))
    assert len(made.seen) == (2 if on else 1)


def test_3_a_weekend_is_no_new_trading_day(client):
    made = client("def init(C):\n    seen.append(1)\n", day="20260109").started()
    made.run_to(times.at("20260111", "12:00"))
    assert made.seen == [1]


@about("timers_survive_reinit")
@pytest.mark.parametrize("on", [True, False])
def test_3_the_timers_of_the_run_before_go_on(client, on):
    text = "def init(C):\n    C.run_time('f', '1nSecond', '2019-10-14 13:20:00')\ndef f(C):\n    seen.append(1)\n"
    made = client(text, timers_survive_reinit=on).started()
    made.reinit()
    made.wait(3.5)
    assert len(made.seen) == (6 if on else 3)


# ---- 4, 5: what is seen and when


@about("visible_after")
def test_4_an_order_shows_only_after_a_while(trading):
    slow = trading(visible_after=(6.0, 6.0), most_deals=1).ticks(2)
    assert of(slow, "order")[-1] == []
    slow.ticks(2)
    assert of(slow, "order")[-1][0][:2] == ("my-id", FILLED)


def test_4_without_the_delay_it_shows_at_the_next_look(trading):
    made = trading(visible_after=(0.0, 0.0), sysid_after=(60.0, 60.0)).ticks(1).wait(0.01)
    made.ticks(1, every=0.01)
    assert of(made, "order")[-1] == [("my-id", WAITING, "", "")]


@about("sysid_after")
def test_4_its_number_is_empty_at_first(trading):
    made = trading(sysid_after=(4.0, 4.0)).ticks(2)
    assert of(made, "order")[-1] == [("my-id", WAITING, "", "")]
    made.ticks(2)
    assert of(made, "order")[-1][0][2] != ""


@about("unseen_orders")
def test_4_an_order_may_never_be_seen_though_it_fills(trading):
    made = trading(unseen_orders=True).ticks(10)
    assert of(made, "order")[-1] == [] and of(made, "deal") == of(made, "pushed") == []
    assert made.orders()[0].status == FILLED
    assert of(made, "cash")[-1] < 500000


@about("cash_after")
def test_5_cash_is_the_old_one_until_it_is_refreshed(trading):
    made = trading(cash_after=(20.0, 20.0), visible_after=(0.1, 0.1)).ticks(3)
    assert of(made, "order")[-1] != [] and of(made, "cash")[-1] == 500000
    made.ticks(8)
    assert of(made, "cash")[-1] < 500000


# ---- 6: fills and rejects


@about("most_deals")
def test_6_an_order_fills_in_one_or_several_deals(trading):
    assert len(of(trading(most_deals=1).ticks(3), "deal")) == 1
    counts = {len(of(trading(most_deals=3, seed=seed).ticks(3), "deal")) for seed in range(6)}
    assert counts == {1, 2, 3}


@about("fill_after")
def test_6_deals_take_their_time(trading):
    made = trading(fill_after=(20.0, 20.0), most_deals=1).ticks(3)
    assert made.orders()[0].status == ACCEPTED
    assert made.wait(30).orders()[0].status == FILLED


@about("thin_book")
def test_6_a_thin_book_makes_many_small_deals(trading):
    call = BUY.replace("1000", "20000")
    assert len(of(trading(call, thin_book=True, most_deals=1).ticks(4), "deal")) > 3
    assert len(of(trading(call, most_deals=1).ticks(4), "deal")) == 1


@about("half_fills")
def test_6_an_order_may_stay_partly_filled(trading):
    made = trading(half_fills=True).ticks(10)
    assert (made.orders()[0].status, made.orders()[0].traded) == (PARTLY, 500)


@about("no_fills")
def test_6_an_order_may_stay_without_a_fill(trading):
    made = trading(no_fills=True).ticks(10)
    assert (made.orders()[0].status, made.orders()[0].traded) == (ACCEPTED, 0)


@about("reject")
def test_6_every_order_is_rejected_with_the_counters_text(trading):
    made = trading(reject=behaviours.MONEY).ticks(4)
    assert of(made, "order")[-1][0][1::2] == (REJECTED, behaviours.MONEY)
    assert of(made, "pushed") == [REJECTED]
    assert made.world.broker.holdings.frozen_cash == 0


@about("reject_late")
def test_6_a_reject_may_come_after_the_order_was_accepted(trading):
    made = trading(reject=behaviours.MONEY, reject_late=True).ticks(4)
    assert of(made, "pushed") == [ACCEPTED, REJECTED]


@about("push_after")
def test_6_callbacks_come_late_and_in_order(trading):
    made = trading(push_after=(10.0, 12.0), most_deals=1).ticks(3)
    assert of(made, "pushed") == []
    made.wait(15)
    assert of(made, "pushed") == [ACCEPTED, FILLED]


# ---- 7 to 10


@about("silent_refusals")
def test_7_a_refusal_may_end_in_a_dialog_only(trading):
    made = trading(silent_refusals=True).ticks(5)
    assert made.orders() == [] and of(made, "pushed") == of(made, "error") == []
    assert "对话框" in made.client_log()


@about("replay_on_reconnect")
@pytest.mark.parametrize("on, times_each", [(True, 2), (False, 1)])
def test_8_a_reconnect_pushes_all_of_today_again(trading, on, times_each):
    made = trading(replay_on_reconnect=on).ticks(5)
    made.disconnect()
    made.reconnect()
    made.ticks(2)
    deals = of(made, "deal")
    assert deals and all(deals.count(deal) == times_each for deal in deals)


@about("cancel_lies", "cancel_after")
@pytest.mark.parametrize(
    "lie, answers, status", [("", (True, False), 54), ("no", (False, False), 54), ("yes", (True, True), 50)]
)
def test_9_cancel_may_say_no_and_do_it_or_yes_and_not(client, lie, answers, status):
    made, order = cancelling(client, cancel_lies=lie)
    assert tuple(made.seen[1:]) == answers
    assert order.status == status


def test_9_a_cancel_takes_its_time(client):
    made, order = cancelling(client, cancel_after=(5.0, 5.0))
    assert order.status == 51
    assert made.wait(5).world.broker.orders[0].status == CANCELLED


@about("cancel_too_late")
def test_9_what_is_being_cancelled_may_fill_first(client):
    text = "def handlebar(C):\n    if seen:\n        cancel(seen.pop(), account, 'STOCK', C)\n"
    made = client(text, cancel_too_late=True, fill_after=(60.0, 60.0), **{k: FAST[k] for k in ("sysid_after",)})
    made.started().world.owner_order(CODE, True, 1000)
    made.wait(1)
    made.seen.append(made.orders()[0].sysid)
    made.ticks(1).wait(5)
    assert made.orders()[0].status == FILLED


@about("logged_out", "login_after")
@pytest.mark.parametrize("chosen", [{"logged_out": True}, {"login_after": (60.0, 60.0)}])
def test_10_while_not_logged_in_tables_are_empty_and_no_order_leaves(trading, chosen):
    made = trading(**chosen).ticks(3)
    assert set(of(made, "cash")) == {None}
    assert made.orders() == []


def test_10_the_login_may_come_later(trading):
    made = trading(login_after=(10.0, 10.0)).ticks(5)
    assert of(made, "cash")[0] is None and of(made, "cash")[-1] == 500000


@about("zero_totals")
def test_10_off_hours_totals_may_be_zero_while_positions_are_right(client):
    text = (
        "def init(C):\n    seen.append([get_trade_detail_data(account, 'STOCK', k) for k in ('account', 'position')])\n"
    )
    accounts, positions = client(text, at="20:00", zero_totals=True).started().seen[0]
    assert (accounts[0].m_dBalance, accounts[0].m_dAvailable) == (0.0, 0.0)
    assert positions[0].m_nVolume == 20000
    assert client(text, zero_totals=True).started().seen[0][0][0].m_dBalance > 0


# ---- 11 to 14: orders


@about("quick_trade_rules")
@pytest.mark.parametrize("on, orders", [(True, 0), (False, 1)])
def test_11_a_signal_of_a_history_bar_is_not_sent(client, on, orders):
    text = "def handlebar(C):\n    if not C.is_last_bar() and not seen:\n        seen.append(1)\n        %s\n" % BUY
    assert len(client(text, quick_trade_rules=on).started().orders()) == orders


@about("settle_next_day")
@pytest.mark.parametrize("on, sellable", [(True, 20000), (False, 21000)])
def test_12_shares_bought_today_cannot_be_sold_today(client, on, sellable):
    text = "def f(C):\n    seen[:] = get_trade_detail_data(account, 'STOCK', 'POSITION')\nhandlebar = f\n"
    made = client(text, settle_next_day=on, most_deals=1, shares={CODE: (20000, 4.0)}, **FAST).started()
    made.world.owner_order(CODE, True, 1000)
    made.ticks(3)
    held = next(row for row in made.seen if row.m_strInstrumentID == "510300")
    assert (held.m_nVolume, held.m_nCanUseVolume) == (21000, sellable)
    made.run_to(times.at("20260106", "09:30"))
    assert made.world.broker.holdings.sellable(CODE) == 21000


@about("freeze_cash")
@pytest.mark.parametrize("on", [True, False])
def test_12_the_money_of_a_live_buy_is_frozen(client, on):
    made = client("", freeze_cash=on, **FAST).started()
    resting(made)
    assert (made.world.broker.holdings.available < 500000) is on


def refusal_of(world, buy=True, shares=1000, factor=1.0, at=None, code=CODE, **chosen):
    """The counter's words for one order, its price `factor` times the best price of the other side."""
    held = chosen.pop("shares_held", 20000)
    made = world(at=at or "09:31", shares={CODE: (held, 4.0)}, **dict(FAST, **chosen))
    tick = made.exchange.quote(code, times.at("20260105", "09:31"))
    price = round((tick.ask[0] if buy else tick.bid[0] or tick.last) * factor, 3)
    made.owner_order(code, buy, shares, price)
    made.run_to(made.now() + 1)
    return made.broker.orders[0].reason


@about("lots")
def test_13_lots_of_a_hundred(world):
    assert "整手" in refusal_of(world, shares=150)
    assert refusal_of(world, shares=150, lots=False) == ""
    assert "整手" in refusal_of(world, buy=False, shares=150)
    assert refusal_of(world, buy=False, shares=150, shares_held=20050) == ""


@about("price_cage")
@pytest.mark.parametrize("buy, factor", [(True, 1.021), (False, 0.979)])
def test_13_a_price_outside_the_cage_is_refused(world, buy, factor):
    assert "有效申报价格范围" in refusal_of(world, buy, factor=factor)
    assert refusal_of(world, buy, factor=factor, price_cage=False) == ""
    assert refusal_of(world, buy, factor=1 + (factor - 1) * 0.9) == ""


@about("price_limits")
@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_13_a_price_beyond_the_days_limits_is_refused(world, factor):
    assert "涨跌幅限制" in refusal_of(world, factor=factor, price_cage=False)
    assert refusal_of(world, factor=factor, price_cage=False, price_limits=False) == ""


@about("phases")
@pytest.mark.parametrize("at", ["09:10", "15:01", "20:00"])
def test_13_outside_hours_the_counter_refuses(world, at):
    assert "非交易时间" in refusal_of(world, at=at)
    assert refusal_of(world, at=at, phases=False, price_cage=False) == ""


def test_13_at_lunch_an_order_waits_for_the_afternoon(world):
    made = world(at="11:40", most_deals=1, **FAST)
    made.owner_order(CODE, True, 1000)
    made.run_to(times.at("20260105", "12:59:59"))
    assert made.broker.orders[0].status == ACCEPTED
    made.run_to(times.at("20260105", "13:00:10"))
    assert made.broker.orders[0].status == FILLED


@pytest.mark.parametrize("at, fixed, price", [("09:20", "09:25", "open"), ("14:58", "15:00", "close")])
def test_13_an_auction_trades_at_one_price(world, at, fixed, price):
    made = world(at=at, **FAST)
    bar = made.market.bars[CODE][made.market.index(CODE, "20260105")]
    made.owner_order(CODE, True, 1000, round(getattr(bar, price) * 1.01, 3))
    made.run_to(times.at("20260105", fixed) - 0.5)
    assert made.broker.orders[0].traded == 0
    made.run_to(times.at("20260105", fixed) + 1)
    assert (made.broker.orders[0].status, made.broker.deals[0].price) == (FILLED, getattr(bar, price))


@about("halted")
def test_13_a_halted_code_takes_no_order_and_shows_it(world):
    assert "停牌" in refusal_of(world, halted=CODE)
    assert refusal_of(world, halted="512690.SH") == ""


@about("limit_up", "limit_down")
def test_13_at_the_limit_one_side_of_the_book_is_empty(world):
    made = world(limit_up=CODE, limit_down="512690.SH")
    up, down = made.tick(CODE), made.tick("512690.SH")
    assert up.ask == (0.0,) * 5 and up.bid[0] == up.last >= made.market.limits(CODE, "20260105")[1]
    assert down.bid == (0.0,) * 5 and down.ask[0] == down.last <= made.market.limits("512690.SH", "20260105")[0]


@about("floor_to_lots")
def test_14_amounts_are_floored_to_lots_and_zero_is_a_message(trading):
    call = "passorder(23, 1102, account, '510300.SH', 3, 0, {}, 'grid', 1, 'my-id', C)"
    bought = trading(call.format(10000)).ticks(3).orders()[0].request
    assert bought.shares == int(10000 / bought.price) // 100 * 100
    exact = trading(call.format(10000), floor_to_lots=False, lots=False).ticks(3).orders()[0].request
    assert exact.shares == int(10000 / exact.price)
    none = trading(call.format(300)).ticks(3)
    assert none.orders() == [] and of(none, "error") == []
    assert "下单数量/金额/比例为0" in none.client_log()


# ---- 15 to 21: objects, the thread, the language


@about("sentinels")
@pytest.mark.parametrize("on, value", [(True, 2147483647), (False, 0)])
def test_15_unknown_values_are_sentinels(client, on, value):
    text = "def handlebar(C):\n    seen.extend(get_trade_detail_data(account, 'STOCK', 'ORDER'))\n"
    made = client(text, sentinels=on, **FAST).started()
    made.world.owner_order(CODE, True, 100)
    assert made.ticks(3).seen[-1].m_nErrorID == value


@about("commission_name")
@pytest.mark.parametrize("name", ["m_dComssion", "m_dCommission", "m_dComission"])
def test_16_a_deal_has_one_spelling_of_the_commission(client, name):
    text = "def init(C):\n    C.set_account(account)\ndef deal_callback(C, d):\n    seen.append(d)\n"
    made = client(text, commission_name=name, **FAST).started()
    made.world.owner_order(CODE, True, 1000)
    deal = made.wait(5).seen[0]
    assert [n for n in vars(deal) if n.startswith("m_dCom")] == [name]
    assert getattr(deal, name) == pytest.approx(deal.m_dTradeAmount * 0.0002, abs=1e-4)


@about("one_thread")
@pytest.mark.parametrize("on, late", [(True, 20.0), (False, 0.0)])
def test_17_one_strategy_that_sleeps_holds_up_the_others(client, on, late):
    slow = "import time\ndef handlebar(C):\n    if C.is_last_bar():\n        time.sleep(20)\n"
    other = "def handlebar(C):\n    if C.is_last_bar():\n        seen.append(clock.now)\n"
    made = client(slow, other, one_thread=on).started()
    began = made.world.now()
    made.tick(began + 3)
    assert made.seen == [began + 3 + late]


@about("strict_source")
@pytest.mark.skipif(sys.version_info < (3, 8), reason="this Python is too old to know better")
@pytest.mark.parametrize(
    "text",
    [
        "if (n := 3): pass",
        "def f(a, /): pass",
        "from __future__ import annotations",
        "import dataclasses",
        "breakpoint",
    ],
)
def test_18_what_python_36_does_not_know_is_refused(client, text):
    assert client(text + "\n").started().scripts[0].stopped
    assert not client(text + "\n", strict_source=False).started().scripts[0].stopped


@about("file_name")
@pytest.mark.parametrize("on", [True, False])
def test_18_there_is_no_file(client, on):
    made = client("def init(C):\n    seen.append('__file__' in globals())\n", file_name=on).started()
    assert made.seen == [on]


@about("passorder_returns")
@pytest.mark.parametrize("value, returned", [("None", None), ("0", 0)])
def test_19_passorder_returns_nothing_of_use(trading, value, returned):
    assert of(trading(passorder_returns=value).ticks(1), "returned") == [returned]


def test_19_passorder_takes_no_keywords(trading):
    made = trading("passorder(opType=23, orderType=1101, accountID=account, orderCode='510300.SH', prType=5, price=0)")
    assert "TypeError" in made.ticks(1).log()


@about("callbacks_need_set_account")
@pytest.mark.parametrize("on", [True, False])
def test_20_callbacks_come_only_after_set_account(client, on):
    text = "def order_callback(C, o):\n    seen.append(o)\n"
    made = client(text, callbacks_need_set_account=on, **FAST).started()
    made.world.owner_order(CODE, True, 1000)
    assert bool(made.wait(5).seen) is not on


@about("simulation_mode", "editor_mode")
@pytest.mark.parametrize("mode, has_account", [("simulation_mode", True), ("editor_mode", False)])
def test_20_outside_live_trading_no_order_leaves_and_no_callback_comes(client, mode, has_account):
    text = """
    seen.append('account' in globals())
    account = '2000567'
    """ + GRID.format(times=1, call=BUY).replace("\n", "\n    ")
    made = client(text, **dict(FAST, **{mode: True})).started().ticks(3)
    assert made.seen[0] is has_account
    made.world.owner_order(CODE, True, 1000)
    made.wait(5)
    assert len(made.orders()) == 1 and ("pushed", ACCEPTED) not in made.seen
    assert "start simulation mode" in made.client_log()


@about("forbidden")
def test_21_a_module_outside_the_whitelist_is_refused_in_the_brokers_words(client):
    made = client("import json, requests\n", forbidden="requests, colorsys").started()
    assert "ImportError: Forbidden: Module requests not in whitelist!" in made.log()
    assert "colorsys" in client("import json\nimport colorsys\n", forbidden="colorsys").started().log()
    import colorsys

    assert colorsys is sys.modules["colorsys"]


# ---- 22 to 26: quotes, factors, remarks, cancels

LOOK = """
def handlebar(C):
    seen.append(C.get_full_tick(['510300.SH'])['510300.SH'])
"""


@about("quotes_frozen")
def test_22_frozen_quotes_stop_handlebar(client):
    made = client(LOOK, history_bars=0).started().ticks(2)
    made.behaviours.on("quotes_frozen")
    made.ticks(3)
    assert len(made.seen) == 2
    made.behaviours.off("quotes_frozen")
    assert made.ticks(1).seen[-1]["timetag"] == "20260105 09:30:18"


@about("stale_ticks")
def test_22_ticks_may_stand_still_while_handlebar_goes_on(client):
    made = client(LOOK, history_bars=0).started().ticks(2)
    made.behaviours.on("stale_ticks")
    made.ticks(3)
    assert [tick["timetag"] for tick in made.seen[2:]] == ["20260105 09:30:09"] * 3


@about("zero_prices")
def test_22_prices_may_be_zero(client):
    made = client(LOOK, zero_prices=CODE).started().ticks(1)
    assert made.seen[-1]["lastPrice"] == made.seen[-1]["lastClose"] == 0 and made.seen[-1]["askPrice"] == [0.0] * 5


@about("one_level")
def test_22_without_five_levels_the_opposite_price_is_invalid(trading):
    made = trading(BUY.replace(", 3, 0,", ", 14, -1,"), one_level=True).ticks(3)
    assert of(made, "error") == ["[函数交易]　函数: passorder,　证券 [SH510300] 对手价 无效, 无法下单!"]


@about("no_data")
def test_23_without_local_data_there_is_minus_one_or_an_empty_frame(client):
    text = """
    def init(C):
        seen.append(C.get_market_data(['close'], ['510300.SH'], period='1d'))
        seen.append(len(C.get_market_data_ex(['close'], ['510300.SH'], '1d', count=5)['510300.SH']))
    """
    assert client(text, no_data=CODE).started().seen == [-1, 0]
    assert client(text).started().seen[1] == 5


@about("zero_frames")
def test_23_adjusted_frames_may_be_all_zeros(client):
    text = """
    def init(C):
        for kind in ('front_ratio', 'none'):
            frame = C.get_market_data_ex(['close'], ['510300.SH'], '1d', count=5, dividend_type=kind)['510300.SH']
            seen.append(float(frame['close'].abs().sum()))
    """
    adjusted, raw = client(text, zero_frames=True).started().seen
    assert adjusted == 0 and raw > 0


def split_on_monday():
    """One code that is split in two at the open of 20260105."""
    base = market.synthetic(1, days=30, last_day="20260130").bars[CODE]
    at = [bar.date for bar in base].index("20260105")
    halves = [bar._replace(open=bar.open / 2, high=bar.high / 2, low=bar.low / 2, close=bar.close / 2) for bar in base]
    return market.Market({CODE: base[:at] + halves[at:]}, "拆分", True, {CODE: [Event(at, "split", 2.0)]})


@about("late_factors")
def test_24_factors_may_come_a_day_after_the_ex_date(client):
    prices = split_on_monday()
    text = """
    def init(C):
        frame = C.get_market_data_ex(['close'], ['510300.SH'], '1d', count=2, dividend_type='front_ratio')['510300.SH']
        detail = C.get_instrument_detail('510300.SH')
        seen.append((float(frame['close'].iloc[0]), detail['PreClose'], len(C.get_divid_factors('510300.SH'))))
    """
    on_time = client(text, prices=prices).started().seen[0]
    late = client(text, prices=prices, late_factors=True).started().seen[0]
    day_after = client(text, prices=prices, late_factors=True, day="20260106").started().seen[0]
    assert on_time[0] == pytest.approx(on_time[1], abs=0.001) and on_time[2] == 1
    assert late[0] == pytest.approx(2 * late[1], abs=0.002) and late[2] == 0
    assert day_after[2] == 1


@about("remarks_lost")
@pytest.mark.parametrize("on, remark", [(True, ""), (False, "my-id")])
def test_25_after_a_restart_of_the_client_remarks_may_be_empty(trading, on, remark):
    made = trading(remarks_lost=on).ticks(3)
    assert of(made, "order")[-1][0][0] == "my-id"
    made.kill()
    made.more_globals["BUYING"] = False
    made.sources[0] = made.sources[0]._replace(raw=made.sources[0].raw.replace(b"sent[0] < 1", b"False"))
    made.start()
    made.ticks(1)
    assert [row[0] for row in of(made, "order")[-1]] == [remark]


@about("no_cancel_in_auctions")
@pytest.mark.parametrize(
    "at, on, status",
    [
        ("09:20", True, 50),
        ("09:24:50", True, 50),
        ("14:57", True, 50),
        ("17:30", True, 50),
        ("09:16", True, 54),
        ("14:56", True, 54),
        ("14:57", False, 54),
        ("15:38", True, 54),
    ],
)
def test_26_no_cancels_in_the_auctions_and_in_the_evening(client, at, on, status):
    text = "def f(C):\n    if seen:\n        cancel(seen.pop(), account, 'STOCK', C)\nhandlebar = f\n"
    before = "09:15:30" if at < "09:30" else "14:50"
    made = client(text, at=before, no_cancel_in_auctions=on, cancel_after=(0.1, 0.1), **FAST).started()
    base = made.world.market.last_close(CODE, "20260105")
    made.world.owner_order(CODE, True, 100, round(base * 0.985, 3))
    order = made.wait(1).orders()[0]
    made.go(at)
    made.seen.append(order.sysid)
    made.tick()
    made.wait(1)
    assert order.status == status


# ---- beyond


@about("tick_time")
def test_a_tick_has_the_older_or_the_newer_clients_time(client):
    assert client(LOOK).started().ticks(1).seen[-1]["timetag"] == "20260105 09:30:03"
    newer = client(LOOK, tick_time="time").started().ticks(1).seen[-1]
    assert (newer["time"], newer["stime"]) == (1767576603000, "20260105093003")


@about("pc_clock_off")
def test_the_pcs_clock_may_be_wrong(client):
    text = "import time\ndef handlebar(C):\n    seen.append(time.time() - clock.now)\n"
    assert client(text, pc_clock_off=-90.0).started().ticks(1).seen[-1] == -90.0


def test_every_behaviour_has_a_test_here():
    assert set(behaviours.names()) - ABOUT == set()


def test_every_point_of_the_checklist_has_a_behaviour():
    assert {behaviour.point for behaviour in behaviours.TABLE} == set(range(27))


@pytest.mark.parametrize("name", behaviours.names())
def test_each_behaviour_can_be_switched_on_and_off_by_name(name):
    made = behaviours.Behaviours()
    described = next(behaviour for behaviour in behaviours.TABLE if behaviour.name == name)
    made.switch(name.replace("_", "-"))
    assert getattr(made, name) == described.on
    made.switch(name + "=no")
    assert getattr(made, name) == described.off


def test_behaviours_take_values_by_name():
    chosen = behaviours.from_words(["rollback=no", "history_bars=7", "visible-after=0.5,6", "forbidden=requests"])
    assert (chosen.rollback, chosen.history_bars, chosen.visible_after) == (False, 7, (0.5, 6.0))
    assert chosen.forbidden == "requests"


@pytest.mark.parametrize("word", ["nothing=1", "rollback=maybe", "history_bars=x", "visible_after=6,0.5"])
def test_a_wrong_behaviour_is_refused_in_a_sentence(word):
    with pytest.raises(ValueError, match="行为"):
        behaviours.from_words([word])
