"""deals/transaction.csv: each deal once, however it comes; what is half written is dropped, what is garbled is told."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmt_strategy.dingtou import ledger, rows


@pytest.fixture
def book(home):
    found = ledger.Ledger(home)
    found.load()
    return found


def entry(number="1", sysid="77", buy=True, volume=100, day="20260105", remark="20260105-510300-B-01", code="510300"):
    return ledger.Entry(code, buy, sysid, day, "093001", 4.5, volume, 0.09, 450.0, remark, number)


def book_all(found, *entries):
    new = found.take(entries)
    found.flush()
    return new


def again(home):
    found = ledger.Ledger(home)
    found.load()
    return found


def test_the_columns_are_the_customers_in_a_file_that_excel_opens(book):
    book_all(book, entry())
    with open(book.path, "rb") as file:
        raw = file.read()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.decode("utf-8-sig").splitlines() == [
        "证券代码,买/卖,合同编号,成交日期,成交时间,成交价格,成交数量,手续费,成交额,备注,成交编号",
        "510300,买,77,20260105,093001,4.5,100,0.09,450,20260105-510300-B-01,1",
    ]


def test_a_deal_is_booked_once_over_replays_and_restarts(book, home):
    assert book_all(book, entry(), entry()) == [entry()]
    assert book_all(again(home), entry(), entry("2")) == [entry("2")]
    assert len(again(home).entries) == 2


def test_the_key_is_day_trade_id_and_contract_number(book):
    others = [entry("2"), entry(sysid="78"), entry(day="20260106")]
    assert len(book_all(book, entry(), *others)) == 4


def test_the_offset_flag_decides_the_side_and_sentinels_are_no_value(deal):
    row = rows.deal(deal(m_nOffsetFlag=49, m_nDirection=48, m_dPrice=1.7976931348623157e308, m_dComssion=0.2))
    found = ledger.from_deal(row, "20260105")
    assert not found.buy and found.price is None and found.fee == 0.2


@pytest.mark.parametrize("name", ["m_dComssion", "m_dCommission", "m_dComission"])
def test_all_three_spellings_of_the_commission_are_read(deal, name):
    assert ledger.from_deal(rows.deal(deal(**{name: 0.3})), "20260105").fee == 0.3


@pytest.mark.parametrize("lacks", ["m_strOrderSysID", "m_strTradeID", "m_nVolume", "m_nOffsetFlag"])
def test_a_deal_without_what_makes_it_one_deal_waits_for_the_deal_list(deal, lacks):
    assert ledger.from_deal(rows.deal(deal(**{lacks: None})), "20260105") is None


def test_sums_are_by_order_and_by_day(book):
    book_all(book, entry("1", volume=100), entry("2", volume=200), entry("3", "78", False, 50, remark=""))
    assert book.volume_of("510300.SH", "20260105-510300-B-01", "77", "20260105") == (300, 4.5)
    assert book.volume_of("510300.SH", "20260105-510300-S-02", "78", "20260105") == (50, 4.5)
    assert book.volume_of("510300.SH", "20260105-510300-S-02", "78", "20260106") == (0, 0.0)
    assert book.signed("510300.SH", "20260105", "20260105") == 250
    assert book.signed("510300.SH", "20260106", "20260106") == 0


def test_a_half_written_last_row_is_dropped_and_booked_again(book, home):
    book_all(book, entry(), entry("27"))
    with open(book.path, "rb") as file:
        raw = file.read()
    for size in range(len(raw) - 8, len(raw)):
        with open(book.path, "wb") as file:
            file.write(raw[:size])
        found = again(home)
        assert found.entries == [entry()] and not found.problem
        assert book_all(found, entry("27")) == [entry("27")]
        with open(book.path, "rb") as file:
            assert file.read() == raw


@pytest.mark.parametrize("raw", [b"garbage", b"a,b,c\r\n", b"\xff\x00\xfe" * 20 + b"\n"])
def test_a_file_that_is_no_ledger_is_a_problem_and_is_left_alone(book, home, raw):
    with open(book.path, "wb") as file:
        file.write(raw)
    found = again(home)
    assert found.problem
    with open(book.path, "rb") as file:
        assert file.read() == raw


def test_a_row_that_cannot_be_read_is_a_problem(book, home):
    book_all(book, entry())
    with open(book.path, "ab") as file:
        file.write("510300,买,77,heute,,,,,,,\r\n".encode())
    assert "第 3 行" in again(home).problem


def test_a_file_that_was_saved_by_excel_still_reads(book, home):
    book_all(book, entry(code="000123"))
    with open(book.path, "rb") as file:
        raw = file.read()
    with open(book.path, "wb") as file:
        file.write(raw.replace(b"000123", b"123"))
    assert again(home).entries == [entry(code="000123")]


def test_while_the_disk_refuses_rows_wait_and_are_written_later(book, home, monkeypatch):
    book_all(book, entry())
    monkeypatch.setattr(
        ledger.disk, "append", lambda path, raw: (_ for _ in ()).throw(PermissionError(13, "open in Excel"))
    )
    book.take([entry("2")])
    with pytest.raises(OSError):
        book.flush()
    monkeypatch.undo()
    assert book.written == 1
    book.flush()
    assert len(again(home).entries) == 2


def test_a_write_that_stopped_half_way_is_mended(book, home, monkeypatch):
    book_all(book, entry())
    append = ledger.disk.append

    def half(path, raw):
        append(path, raw[: len(raw) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.disk, "append", half)
    book.take([entry("2")])
    with pytest.raises(OSError):
        book.flush()
    monkeypatch.undo()
    book.flush()
    assert again(home).entries == [entry(), entry("2")] and os.path.getsize(book.path) > 0


ODD = st.text(max_size=12) | st.sampled_from(["\ud800", "2026-01-05", "a\r\nb", "\0", '"x,', " 7 ", "00700.HK"])
NUMBERS = st.none() | st.floats(-1e12, 1e12).map(lambda value: round(value, 6))


@settings(max_examples=300, deadline=None)
@given(ODD, ODD, ODD, ODD, ODD, ODD, st.integers(-300, 300), NUMBERS, st.sampled_from(["买", "卖"]))
def test_whatever_a_deal_row_says_the_file_reads_back_as_written(
    code, sysid, day, time, remark, number, volume, yuan, side
):
    deal = {
        "代码": code,
        "合同编号": sysid,
        "订单编号": number,
        "买卖": side,
        "成交量": volume,
        "日期": day,
        "时间": time,
    }
    deal.update({"成交均价": yuan, "手续费": yuan, "成交额": yuan, "投资备注": remark})
    made = ledger.from_deal(deal, "20260105")
    if made is None:
        assert volume <= 0 or not all(ledger._clean(text) for text in (code, rows.contract(sysid), number))
        return
    found, problem = ledger.parse((ledger._line(ledger.COLUMNS) + ledger._line(ledger._texts(made))).encode("utf-8"))
    assert (found, problem) == ([made], "")


def test_the_same_number_on_both_exchanges_is_two_deals(book):
    assert len(book_all(book, entry(), entry(code="159915", remark=""))) == 2
