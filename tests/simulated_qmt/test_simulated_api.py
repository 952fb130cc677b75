"""What scripts can call: passorder, cancel, get_trade_detail_data (qmt-facts 1.1 to 1.3)."""

import pytest

from rehearsal import market
from rehearsal.qmt import passorder, times

TICK = market.Tick(
    last=4.0,
    open=4.0,
    high=4.1,
    low=3.9,
    last_close=4.0,
    volume=1,
    ask=(4.001, 4.002, 4.003, 4.004, 4.005),
    bid=(4.0, 3.999, 3.998, 3.997, 3.996),
    ask_volume=(1,) * 5,
    bid_volume=(1,) * 5,
)
STATE = passorder.State(tick=TICK, limits=(3.6, 4.4), assets=100000.0, available=50000.0, sellable=7350)


def call(**changes):
    usual = passorder.read((23, 1101, "2000567", "510300.SH", 11, 4.0, 1000, "grid", 1, "note", None))
    return usual._replace(**changes)


def request(**changes):
    return passorder.to_request(call(**changes), STATE, "file", 7)


def test_passorder_takes_eight_nine_or_eleven_arguments():
    eight = passorder.read((23, 1101, "a", "510300.SH", 5, 0, 1000, None))
    nine = passorder.read((23, 1101, "a", "510300.SH", 5, 0, 1000, 2, None))
    eleven = call()
    assert (eight.quick_trade, nine.quick_trade) == (0, 2)
    assert (eleven.strategy, eleven.quick_trade, eleven.remark) == ("grid", 1, "note")
    with pytest.raises(TypeError):
        passorder.read((23, 1101, "a"))


def test_a_number_that_is_none_is_a_type_error():
    with pytest.raises(TypeError):
        passorder.read(("buy", 1101, "a", "510300.SH", 5, 0, 1000, None))


@pytest.mark.parametrize(
    "price_type, price",
    [
        (0, 4.005),
        (1, 4.004),
        (2, 4.003),
        (3, 4.002),
        (4, 4.001),
        (5, 4.0),
        (6, 4.0),
        (7, 3.999),
        (8, 3.998),
        (9, 3.997),
        (10, 3.996),
        (11, 4.0),
        (12, 4.4),
        (13, 4.0),
        (14, 4.001),
        (-1, 0.0),
    ],
)
def test_each_price_type_takes_its_price_from_the_book(price_type, price):
    assert passorder.price_of(call(price_type=price_type), STATE) == price


@pytest.mark.parametrize("price_type, price", [(12, 3.6), (13, 4.001), (14, 4.0)])
def test_a_sellers_own_and_opposite_side_are_the_other_way_round(price_type, price):
    assert passorder.price_of(call(op_type=24, price_type=price_type), STATE) == price


@pytest.mark.parametrize(
    "price_type, code, kind, price",
    [
        (42, "510300.SH", "rest-cancelled", 4.005),
        (43, "510300.SH", "limit", 4.005),
        (44, "159915.SZ", "limit", 4.001),
        (45, "159915.SZ", "limit", 4.0),
        (46, "159915.SZ", "rest-cancelled", 4.005),
        (47, "159915.SZ", "rest-cancelled", 4.005),
        (48, "159915.SZ", "all-or-none", 4.005),
    ],
)
def test_market_orders_reach_into_the_book(price_type, code, kind, price):
    made = request(price_type=price_type, code=code, price=-1)
    assert (made.kind, made.price) == (kind, price)


def test_a_market_orders_price_protects_it():
    assert request(price_type=42, price=4.003).price == 4.003


@pytest.mark.parametrize("price_type, code", [(42, "159915.SZ"), (46, "510300.SH"), (49, "510300.SH")])
def test_a_market_order_of_the_other_exchange_is_refused(price_type, code):
    assert request(price_type=price_type, code=code).dialog_only


@pytest.mark.parametrize("op_type, buy", [(23, True), (24, False), (33, True), (34, False)])
def test_op_types_are_sides(op_type, buy):
    assert request(op_type=op_type).buy is buy


@pytest.mark.parametrize(
    "order_type, volume, price_type, shares",
    [
        (1101, 250, 11, 250),
        (1102, 10000, 3, 2400),
        (1113, 0.5, 11, 12500),
        (1123, 0.5, 11, 6200),
    ],
)
def test_volume_is_shares_yuan_or_a_share_of_the_money(order_type, volume, price_type, shares):
    assert request(order_type=order_type, volume=volume, price_type=price_type).shares == shares


def test_a_share_of_what_can_be_sold():
    assert request(op_type=24, order_type=1123, volume=0.5).shares == 3600


@pytest.mark.parametrize("order_type", [1201, 2101, 0])
def test_other_order_types_are_refused(order_type):
    assert request(order_type=order_type).dialog_only


def test_an_amount_below_one_lot_makes_a_dialog_and_no_order():
    made = request(order_type=1102, volume=300)
    assert made.dialog_only and "下单数量/金额/比例为0" in made.words


def test_a_limit_price_of_zero_is_refused_in_qmts_words():
    made = request(price=0.0)
    assert made.words == "[函数交易]　函数: passorder,　证券 [SH510300] 指定价 无效, 无法下单!"
    assert not made.dialog_only


ORDERING = """
sent = [0]
def init(ContextInfo):
    ContextInfo.set_account(account)
def handlebar(ContextInfo):
    if not sent[0] and ContextInfo.is_last_bar() == {last}:
        sent[0] = 1
        seen.append(passorder(23, 1101, account, '510300.SH', 4, 0, 100,
                              'grid', {quick}, 'my-id', ContextInfo))
        seen.append(len(get_trade_detail_data(account, 'stock', 'Order')))
def order_callback(ContextInfo, orderInfo):
    seen.append((orderInfo.m_nOrderStatus, orderInfo.m_strRemark, orderInfo.m_strSource))
"""


def ordering(last=True, quick=1):
    return ORDERING.format(last=last, quick=quick)


def test_passorder_returns_none_and_the_order_is_not_visible_yet(client):
    made = client(ordering()).started().ticks(1)
    assert made.seen == [None, 0]
    assert made.ticks(2).seen[2] == (50, "my-id", "script0")


@pytest.mark.parametrize("quick, last, orders", [(1, True, 1), (1, False, 0), (2, False, 1), (0, False, 0)])
def test_quick_trade_one_ignores_history_bars_and_two_does_not(client, quick, last, orders):
    made = client(ordering(last=last, quick=quick)).started().ticks(3)
    assert len(made.orders()) == orders


def test_quick_trade_zero_sends_with_the_first_tick_of_the_next_bar(client):
    made = client(ordering(quick=0)).started().ticks(1, every=57)
    assert made.orders() == []
    assert len(made.ticks(1).orders()) == 1


def test_of_quick_trade_zero_only_the_signals_of_the_bars_last_tick_are_sent(client):
    text = """
    def handlebar(ContextInfo):
        seconds = int(clock.now) % 60
        if seconds in (3, 57):
            passorder(23, 1101, account, '510300.SH', 4, 0, 100 + seconds, ContextInfo)
    """
    made = client(text, history_bars=0).started().ticks(21)
    assert [order.request.shares for order in made.orders()] == [157]


@pytest.mark.parametrize("quick, orders", [(1, 0), (2, 1)])
def test_a_timer_must_use_quick_trade_two(client, quick, orders):
    text = """
    def init(C):
        C.run_time('f', '1nSecond', '2019-10-14 13:20:00')
    def f(C):
        if not seen:
            seen.append(1)
            passorder(23, 1101, account, '510300.SH', 4, 0, 100, 'grid', %d, 'my-id', C)
    """
    assert len(client(text % quick).started().wait(3).orders()) == orders


def test_on_a_daily_chart_quick_trade_zero_never_sends_on_the_day(client):
    text = "def handlebar(C):\n    passorder(23, 1101, account, '510300.SH', 4, 0, 100, C)\n"
    made = client(text, named={"period": "1d"}, reinit_on_new_day=False).started().ticks(20, every=600)
    assert made.orders() == []
    made.run_to(times.at("20260106", "09:31"))
    made.ticks(5)
    assert len(made.orders()) == 1


@pytest.mark.parametrize("code", ["SH.510300", "510300", "600000.SH"])
def test_a_wrong_code_makes_no_order(client, code):
    made = client(ordering().replace("510300.SH", code)).started().ticks(3)
    assert made.orders() == []
    assert "不合法" in made.client_log()


def test_tables_are_filtered_by_the_exact_strategy_name(client):
    text = ordering() + (
        "def stop(C):\n    seen.append([len(get_trade_detail_data(account, 'STOCK', 'ORDER', name))"
        " for name in ('', 'grid', 'other')])\n"
    )
    made = client(text).started().ticks(1)
    made.world.owner_order("510300.SH", True, 100)
    made.wait(10)
    made.stop()
    assert made.seen[-1] == [2, 1, 0]


def test_off_the_strategy_thread_every_table_is_empty(client):
    text = """
    import threading
    def init(C):
        seen.append(get_trade_detail_data)
        seen.append(len(get_trade_detail_data(account, 'STOCK', 'ACCOUNT')))
        thread = threading.Thread(target=lambda: seen.append(get_trade_detail_data(account, 'STOCK', 'ACCOUNT')))
        thread.start()
        thread.join(10)
    """
    made = client(text).started()
    outside = made.seen[0]
    assert made.seen[1:] == [1, []]
    assert outside("2000567", "STOCK", "ACCOUNT") == []


@pytest.mark.parametrize(
    "args", ["'1', 'STOCK', 'ACCOUNT'", "account, 'FUTURE', 'ACCOUNT'", "account, 'STOCK', 'NONE'"]
)
def test_another_account_or_table_gives_nothing(client, args):
    text = "def init(C):\n    seen.append(get_trade_detail_data(%s))\n" % args
    assert client(text).started().seen == [[]]


def test_what_a_script_changes_in_an_object_changes_nothing_else(client):
    text = (
        "def handlebar(C):\n    for o in get_trade_detail_data(account, 'STOCK', 'ORDER'):\n"
        "        seen.append(o.m_strCancelInfo)\n        o.m_strCancelInfo = 'mine'\n"
    )
    made = client(text).started()
    made.world.owner_order("510300.SH", True, 100)
    assert set(made.ticks(5).seen) == {""}


def test_an_order_and_its_deals_are_found_by_their_number(client):
    text = (
        ordering()
        + """
def stop(C):
    order, deal = [get_last_order_id(account, 'STOCK', kind) for kind in ('order', 'deal')]
    seen.append((order == deal, get_value_by_order_id(order, account, 'STOCK', 'ORDER').m_strRemark,
                 get_value_by_order_id(order, account, 'STOCK', 'DEAL').m_strRemark,
                 can_cancel_order(order, account, 'STOCK'), get_last_order_id(account, 'STOCK', 'order', 'other')))
"""
    )
    made = client(text).started().ticks(1).wait(20)
    made.stop()
    assert made.seen[-1] == (True, "my-id", "my-id", False, "-1")


def test_past_days_can_be_asked_for(client):
    text = ordering() + (
        "def stop(C):\n    seen.append([[o.m_strRemark for o in get_history_trade_detail_data(account, 'STOCK', kind,"
        " '20260105', '20260105')] for kind in ('order', 'deal')])\n"
    )
    made = client(text, most_deals=1).started().ticks(1)
    made.run_to(made.world.now() + 86400)
    made.stop()
    assert made.seen[-1] == [["my-id"], ["my-id"]]


def test_an_algo_order_has_a_task_that_ends_with_it(client):
    text = """
    def handlebar(C):
        if C.is_last_bar() and not seen:
            seen.append(1)
            algo_passorder(23, 1101, account, '510300.SH', -1, 0, 1000, 'grid', 1, 'my-id', {}, C)
    def stop(C):
        seen.extend(get_trade_detail_data(account, 'STOCK', 'TASK'))
    """
    made = client(text, visible_after=(0.05, 0.05)).started().ticks(1).wait(120)
    made.stop()
    task = made.seen[1]
    assert (task.m_nTaskId, task.m_strRemark, task.m_stockCode) == ("1", "my-id", "510300.SH")


def test_the_family_of_order_value_never_leaves_in_live_trading(client):
    made = client("def handlebar(C):\n    order_value('510300.SH', 10000, C, account)\n").started().ticks(2)
    assert made.orders() == [] and "order_value 在实盘中不会下单" in made.client_log()
