"""What scripts can call: passorder, cancel, get_trade_detail_data (qmt-facts 1.1 to 1.3)."""

import pytest

from rehearsal import market
from rehearsal.qmt import passorder

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


def call(**changes):
    usual = passorder.read((23, 1101, "2000567", "510300.SH", 11, 4.0, 1000, "grid", 1, "note", None))
    return usual._replace(**changes)


def test_passorder_takes_eight_nine_or_eleven_arguments():
    eight = passorder.read((23, 1101, "a", "510300.SH", 5, 0, 1000, None))
    nine = passorder.read((23, 1101, "a", "510300.SH", 5, 0, 1000, 2, None))
    eleven = call()
    assert (eight.quick_trade, nine.quick_trade) == (0, 2)
    assert (eleven.strategy, eleven.quick_trade, eleven.remark) == ("grid", 1, "note")
    with pytest.raises(TypeError):
        passorder.read((23, 1101, "a"))


@pytest.mark.parametrize(
    "price_type, price",
    [
        (0, 4.005),
        (3, 4.002),
        (4, 4.001),
        (5, 4.0),
        (6, 4.0),
        (7, 3.999),
        (10, 3.996),
        (11, 4.0),
        (13, 4.0),
        (14, 4.001),
    ],
)
def test_each_price_type_takes_its_price_from_the_book(price_type, price):
    assert passorder.price_of(call(price_type=price_type), TICK) == price


def test_a_sellers_own_and_opposite_side_are_the_other_way_round():
    assert passorder.price_of(call(op_type=24, price_type=13), TICK) == 4.001
    assert passorder.price_of(call(op_type=24, price_type=14), TICK) == 4.0


def test_an_amount_is_floored_to_whole_lots():
    made = passorder.to_request(call(order_type=1102, volume=10000, price_type=3), TICK, "f")
    assert (made.shares, made.price) == (2400, 4.002)


def test_an_amount_below_one_lot_makes_a_dialog_and_no_order():
    made = passorder.to_request(call(order_type=1102, volume=300), TICK, "f")
    assert made.dialog_only and "下单数量/金额/比例为0" in made.words


def test_a_limit_price_of_zero_is_refused_in_qmts_words():
    made = passorder.to_request(call(price=0.0), TICK, "f")
    assert made.words == "[函数交易]　函数: passorder,　证券 [SH510300] 指定价 无效, 无法下单!"
    assert not made.dialog_only


ORDERING = """
sent = [0]
def init(ContextInfo):
    ContextInfo.set_account(account)
def handlebar(ContextInfo):
    if not sent[0] and ContextInfo.is_last_bar() == {last}:
        sent[0] = 1
        seen.append(passorder(23, 1101, account, '510300.SH', {price_type}, {price}, 100,
                              'grid', {quick}, 'my-id', ContextInfo))
        seen.append(len(get_trade_detail_data(account, 'stock', 'Order')))
def order_callback(ContextInfo, orderInfo):
    seen.append((orderInfo.m_nOrderStatus, orderInfo.m_strRemark, orderInfo.m_strSource))
def orderError_callback(ContextInfo, orderArgs, errMsg):
    seen.append((orderArgs['orderCode'], orderArgs['strategyName'], errMsg))
"""


def ordering(last=True, quick=1, price_type=4, price=0):
    return ORDERING.format(last=last, quick=quick, price_type=price_type, price=price)


def test_passorder_returns_none_and_the_order_is_not_visible_yet(client):
    made = client(ordering()).start().run(0.25)
    assert made.seen == [None, 0]
    made.run(6)
    assert made.seen[2] == (50, "my-id", "script0")


@pytest.mark.parametrize("quick, last, orders", [(1, True, 1), (1, False, 0), (2, False, 1), (0, False, 0)])
def test_quick_trade_one_ignores_history_bars_and_two_does_not(client, quick, last, orders):
    made = client(ordering(last=last, quick=quick)).start().run(10)
    assert len(made.host.broker.orders) == orders


def test_quick_trade_zero_sends_with_the_first_tick_of_the_next_bar(client, clock):
    made = client(ordering(quick=0)).start()
    clock.now += 57  # the bar's last tick
    made.host.step()
    assert made.host.broker.orders == []
    clock.now += 3
    made.host.step()
    assert len(made.host.broker.orders) == 1


def test_of_quick_trade_zero_only_the_signals_of_the_bars_last_tick_are_sent(client):
    text = """
    def handlebar(ContextInfo):
        seconds = int(clock.now) % 60
        if seconds in (3, 57):
            passorder(23, 1101, account, '510300.SH', 4, 0, 100 + seconds, ContextInfo)
    """
    made = client(text, history_bars=0).start().run(80, step=1)
    assert [order.request.shares for order in made.host.broker.orders] == [157]


def test_keywords_are_refused(client):
    text = (
        "def handlebar(C):\n    passorder(opType=23, orderType=1101, accountID=account, orderCode='510300.SH',"
        " prType=5, price=0, volume=100, ContextInfo=C)\n"
    )
    made = client(text).start().run(3)
    assert "TypeError" in made.log()


def test_a_refused_price_comes_to_the_error_callback(client):
    made = client(ordering(price_type=11)).start().run(3)
    code, names, words = made.seen[2]
    assert (code, names) == ("SH510300", "grid_&&&_my-id")
    assert "指定价 无效" in words
    assert made.host.broker.orders == []


@pytest.mark.parametrize("code", ["SH.510300", "510300", "600000.SH"])
def test_a_wrong_code_makes_no_order(client, code):
    made = client(ordering().replace("510300.SH", code)).start().run(10)
    assert made.host.broker.orders == []
    assert "不合法" in made.log("XtClient")


def test_tables_are_filtered_by_the_exact_strategy_name(client):
    text = ordering() + (
        "def stop(C):\n    seen.append([len(get_trade_detail_data(account, 'STOCK', 'ORDER', name))"
        " for name in ('', 'grid', 'other')])\n"
    )
    made = client(text, visible_after=(0.1, 0.1)).start().run(6)
    made.host.owner._seconds = 0
    made.host.broker.submit(made.host.broker.orders[0].request._replace(strategy=""), made.clock.now)
    made.run(3)
    made.host.close()
    assert made.seen[-1] == [2, 1, 0]


def test_off_the_strategy_thread_every_table_is_empty(client):
    text = """
    def init(C):
        seen.append(get_trade_detail_data)
        seen.append(len(get_trade_detail_data(account, 'STOCK', 'ACCOUNT')))
    """
    made = client(text).start()
    outside = made.seen[0]
    assert made.seen[1] == 1
    assert outside("2000567", "STOCK", "ACCOUNT") == []


def test_another_account_gets_nothing(client):
    text = "def init(C):\n    seen.append(get_trade_detail_data('1', 'STOCK', 'ACCOUNT'))\n"
    assert client(text).start().seen == [[]]


def test_what_a_script_changes_in_an_object_changes_nothing_else(client):
    text = (
        "def handlebar(C):\n    a = get_trade_detail_data(account, 'STOCK', 'ACCOUNT')[0]\n"
        "    seen.append(a.m_strStatus)\n    a.m_strStatus = 'mine'\n"
    )
    assert set(client(text).start().run(3).seen) == {"准备登录"}


def test_cancel_works_by_the_orders_number(client):
    made = client("def handlebar(C):\n    seen.append(cancel(seen.pop(), account, 'STOCK', C) if seen else None)\n")
    made.start()
    order = made.host.broker.submit(passorder.to_request(call(price=0.5, code="510300.SH"), TICK, ""), made.clock.now)
    made.run(2.5)
    made.seen[:] = [order.sysid]
    made.run(0.5)
    assert made.seen == [True]
    made.seen[:] = ["none"]
    made.run(3)
    assert made.seen[-1] is False
    assert order.status == 54
