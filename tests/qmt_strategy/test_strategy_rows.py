"""QMT's objects as rows: sentinels, spellings, sides, and what never leaves QMT."""

import json

import pytest

from qmt_strategy.dingtou import rows

UNSET_DOUBLE = 1.7976931348623157e308
UNSET_INT = 2147483647


@pytest.mark.parametrize(
    "value", [UNSET_DOUBLE, -UNSET_DOUBLE, float("nan"), float("inf"), float("-inf"), None, "x", []]
)
def test_a_number_that_qmt_does_not_know_is_none(value):
    assert rows.number(value) is None


@pytest.mark.parametrize("value", [UNSET_INT, float(UNSET_INT), UNSET_DOUBLE, float("nan"), None, ""])
def test_an_int_that_qmt_does_not_know_is_none(value):
    assert rows.whole(value) is None


def test_real_values_stay():
    assert rows.number(0.1964) == 0.1964
    assert rows.number(0) == 0.0
    assert rows.whole(-1) == -1
    assert rows.text("  沪深300ETF ") == "沪深300ETF"


def test_an_empty_text_is_none():
    assert rows.text("") is None
    assert rows.text("   ") is None


def test_bytes_from_an_older_client_are_gbk():
    assert rows.text("招商银行".encode("gbk")) == "招商银行"


def test_a_long_text_is_cut():
    assert len(rows.text("原" * 5000)) == 300


@pytest.mark.parametrize("name", ["m_dComssion", "m_dCommission", "m_dComission"])
def test_the_commission_is_found_under_each_of_its_spellings(thing, name):
    assert rows.deal(thing(**{name: 0.1964}))["手续费"] == 0.1964


@pytest.mark.parametrize("flag, side", [(48, "买"), (49, "卖"), (UNSET_INT, None), (50, None)])
def test_the_offset_flag_decides_the_side_and_the_direction_does_not(thing, flag, side):
    assert rows.deal(thing(m_nOffsetFlag=flag, m_nDirection=48))["买卖"] == side


def test_of_an_account_number_only_the_last_four_digits_leave_qmt(thing):
    row = rows.account(thing(m_strAccountID="8800012345", m_strAccountKey="2____8800012345____"))
    assert row["账号"] == "2345"
    assert "8800012345" not in json.dumps(row)


def test_the_tag_that_raises_is_never_read(thing):
    class Tagged:
        m_strTradeID = "13"

        @property
        def m_xtTag(self):
            raise AssertionError("m_xtTag was read")

    assert rows.deal(Tagged())["订单编号"] == "13"
    assert rows.order(Tagged())["状态"] is None


def test_an_attribute_that_raises_is_none_and_the_others_stay():
    class Broken:
        m_strInstrumentID = "510300"

        @property
        def m_dPrice(self):
            raise RuntimeError("C++ says no")

    row = rows.deal(Broken())
    assert (row["代码"], row["成交均价"]) == ("510300", None)


def test_a_value_whose_text_raises_is_none():
    class Unspeakable:
        def __str__(self):
            raise RuntimeError("no")

    class Order:
        m_strRemark = Unspeakable()
        m_strInstrumentID = "510300"

    row = rows.order(Order())
    assert (row["代码"], row["投资备注"]) == ("510300", None)


@pytest.mark.parametrize("code, text", [(55, "部成"), (57, "废单"), (255, "未知"), (99, "未知(99)"), (UNSET_INT, None)])
def test_an_order_status_is_told_in_words(thing, code, text):
    assert rows.order(thing(m_nOrderStatus=code))["状态"] == text


def test_every_row_has_the_keys_of_the_protocol_even_of_an_empty_object():
    keys = {
        rows.account: "账号 总资产 可用金额 总市值 总盈亏",
        rows.position: "代码 名称 市场 日期 股数 可用股数 持仓成本 成本价 最新价 盈亏 市值 盈亏比例",
        rows.order: "代码 名称 投资备注 合同编号 买卖 委托价 委托量 成交量 成交均价 状态 状态码 时间 日期 原因",
        rows.deal: "代码 名称 投资备注 合同编号 订单编号 合约编号 成交均价 成交量 成交额 买卖 时间 日期 手续费",
    }
    for convert, expected in keys.items():
        row = convert(object())
        assert sorted(row) == sorted(expected.split())
        assert set(row.values()) == {None}


def test_the_newest_rows_are_kept_and_the_rest_counted():
    given = [{"日期": "20260105", "时间": "%06d" % i} for i in (3, 1, 2, 5, 4)]
    kept, left_out = rows.newest(given, 2)
    assert ([row["时间"] for row in kept], left_out) == (["000004", "000005"], 3)


def test_rows_without_a_time_can_be_sorted_too():
    kept, left_out = rows.newest([{"日期": None, "时间": None}, {"日期": "20260105", "时间": "1"}], 1)
    assert (kept[0]["时间"], left_out) == ("1", 1)


def test_a_deal_is_read_once(thing, deal):
    finished = rows.Finished()
    first = deal("1")
    assert finished.deal(first)["成交量"] == 100
    first.m_nVolume = 999
    assert finished.deal(first)["成交量"] == 100
    finished.forget()
    assert finished.deal(first)["成交量"] == 999


def test_a_live_order_is_read_every_time_and_a_final_one_once(thing):
    finished = rows.Finished()
    order = thing(
        m_strInstrumentID="510300",
        m_strInsertDate="20260105",
        m_strOrderSysID="7",
        m_nOrderStatus=55,
        m_nVolumeTraded=100,
    )
    assert finished.order(order)["成交量"] == 100
    order.m_nVolumeTraded = 200
    assert finished.order(order)["成交量"] == 200
    order.m_nOrderStatus = 56
    order.m_nVolumeTraded = 300
    assert finished.order(order)["成交量"] == 300
    order.m_nVolumeTraded = 1
    assert finished.order(order)["成交量"] == 300


def test_orders_of_two_exchanges_with_one_number_are_two(thing):
    finished = rows.Finished()
    for code in ("510300", "159915"):
        order = thing(m_strInstrumentID=code, m_strInsertDate="20260105", m_strOrderSysID="7", m_nOrderStatus=56)
        assert finished.order(order)["代码"] == code


def test_two_orders_without_a_number_yet_are_not_mixed_up(thing):
    finished = rows.Finished()
    rejected = [thing(m_strOrderSysID="", m_nOrderStatus=57, m_strInstrumentID=code) for code in ("510300", "159915")]
    assert [finished.order(order)["代码"] for order in rejected] == ["510300", "159915"]
