"""Prices and quotes: where they come from, the path of a day, the shapes of frames (qmt-facts 1.8)."""

import os

import pandas
import pytest

from rehearsal import market
from rehearsal.qmt.quotes import Quotes

REAL = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "data", "etf")
START = 1767576600.0  # 2026-01-05 09:30:00 in China
GOOD = "date,open,high,low,close,volume\n2024-01-30,1.0,1.2,0.9,1.1,5\n2024-01-31,1.1,1.3,1.0,1.2,5\n"


@pytest.fixture
def quotes():
    return Quotes(market.synthetic(1, days=300), START, 3.0)


def test_a_day_goes_from_open_to_low_to_high_to_close_in_twenty_ticks_each():
    walked = market.path(market.Bar("x", 2.0, 3.0, 1.0, 2.5))
    assert len(walked) == 61
    assert (walked[0], walked[20], walked[40], walked[60]) == (2.0, 1.0, 3.0, 2.5)
    assert walked[10] == 1.5 and walked[30] == 2.0


def test_days_follow_each_other_and_begin_again_after_the_last(tmp_path):
    (tmp_path / "510300.SH.csv").write_text(GOOD)
    made = market.from_folder(str(tmp_path))
    assert [made.tick("510300.SH", n).last for n in (0, 60, 61, 121)] == [1.1, 1.2, 1.1, 1.2]
    assert made.tick("510300.SH", 5).last_close == 1.1


def test_tick_numbers_may_be_negative():
    made = market.synthetic(1, days=300)
    code = made.codes[0]
    assert made.tick(code, -1).last == made.bars[code][made.day_index(code, -1)].close
    assert made.day_index(code, -1) == made.day_index(code, 0) - 1


def test_the_book_has_five_levels_around_the_last_price(quotes):
    tick = quotes.market.tick("510300.SH", 30)
    assert list(tick.ask) == sorted(tick.ask) and len(tick.ask) == 5
    assert list(tick.bid) == sorted(tick.bid, reverse=True) and len(tick.bid) == 5
    assert tick.bid[0] == tick.last < tick.ask[0]
    assert all(abs(price * 1000 - round(price * 1000)) < 1e-6 for price in tick.ask + tick.bid)


def test_a_synthetic_market_says_so_and_is_the_same_for_the_same_seed():
    first, again, other = market.synthetic(1, 50), market.synthetic(1, 50), market.synthetic(2, 50)
    assert first.bars == again.bars != other.bars
    assert first.synthetic and "合成行情" in first.source and "种子 1" in first.source
    assert first.tick("510300.SH", 7) == again.tick("510300.SH", 7)


def test_a_synthetic_market_is_the_same_on_every_python():
    assert market.synthetic(1, 3).bars["510300.SH"][2] == market.Bar("D00002", 4.002, 4.007, 3.975, 3.986)


def test_synthetic_bars_are_possible_bars():
    for bars in market.synthetic(3, 500).bars.values():
        assert all(0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_given_prices_are_read_and_named(tmp_path):
    (tmp_path / "510300.SH.csv").write_text(GOOD)
    (tmp_path / "events.csv").write_text("code,ex_date,kind,value\n")
    made = market.from_folder(str(tmp_path))
    assert made.codes == ("510300.SH",)
    assert made.bars["510300.SH"][1] == market.Bar("20240131", 1.1, 1.3, 1.0, 1.2)
    assert not made.synthetic and str(tmp_path) in made.source


@pytest.mark.skipif(not os.path.isdir(REAL), reason="the real prices (../shared/data/etf) are not on this machine")
def test_the_real_prices_can_be_replayed():
    made = market.from_folder(REAL)
    assert "510300.SH" in made.codes
    assert all(made.tick(code, n).last > 0 for code in made.codes for n in range(0, 61 * 300, 61))


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "至少要有两天"),
        ("date,open\n2024-01-30,1\n", "第 2 行"),
        (GOOD.replace("1.3", "x"), "第 3 行"),
        (GOOD.replace("1.1,1.3", "-1,1.3"), "第 3 行"),
        (GOOD.replace("1.1,1.3", "nan,1.3"), "第 3 行"),
        (GOOD.replace("2024-01-31", "2024-01-30"), "日期没有递增"),
        (GOOD.replace("2024-01-31", "31.1.2024"), "31.1.2024"),
    ],
)
def test_prices_that_cannot_be_used_are_refused_with_file_and_line(tmp_path, text, words):
    (tmp_path / "510300.SH.csv").write_text(text)
    with pytest.raises(market.PriceError) as refusal:
        market.from_folder(str(tmp_path))
    assert "510300.SH.csv" in str(refusal.value) and words in str(refusal.value)


def test_a_folder_without_prices_is_refused(tmp_path):
    with pytest.raises(market.PriceError, match="没有"):
        market.from_folder(str(tmp_path))
    with pytest.raises(market.PriceError, match="不存在"):
        market.from_folder(str(tmp_path / "none"))


# ---- get_full_tick


def test_a_tick_has_the_older_clients_time_in_chinas_zone(quotes):
    entry = quotes.full_tick(["510300.SH"], START + 4)["510300.SH"]
    assert entry["timetag"] == "20260105 09:30:03"
    assert len(entry["askPrice"]) == len(entry["bidVol"]) == 5


def test_or_the_newer_clients(quotes):
    newer = Quotes(quotes.market, START, 3.0, "time")
    entry = newer.full_tick(["510300.SH"], START + 4)["510300.SH"]
    assert (entry["time"], entry["stime"]) == (int((START + 3) * 1000), "20260105093003")
    assert "timetag" not in entry


def test_a_code_without_quotes_is_left_out(quotes):
    assert list(quotes.full_tick(["510300.SH", "600000.SH"], START)) == ["510300.SH"]


def test_frozen_quotes_keep_their_time_and_price_until_they_thaw(quotes):
    before = quotes.full_tick(["510300.SH"], START + 9)
    quotes.freeze(START + 9)
    assert quotes.full_tick(["510300.SH"], START + 600) == before
    quotes.thaw()
    assert quotes.full_tick(["510300.SH"], START + 600) != before


# ---- frames


def test_one_code_and_one_field_is_a_number_and_minus_one_without_data(quotes):
    last = quotes.market.tick("510300.SH", 0).last
    assert quotes.market_data(["close"], ["510300.SH"], START, False, -1) == last
    assert quotes.market_data(["close"], ["600000.SH"], START, False, -1) == -1


def test_one_code_and_several_fields_is_a_series(quotes):
    found = quotes.market_data(["open", "close"], ["510300.SH"], START, False, -1)
    assert isinstance(found, pandas.Series) and list(found.index) == ["open", "close"]


def test_several_codes_are_a_frame_by_code_with_nan_for_the_missing(quotes):
    found = quotes.market_data(["close"], ["510300.SH", "600000.SH"], START, False, -1)
    assert list(found.index) == ["510300.SH", "600000.SH"]
    assert found["close"].isnull().tolist() == [False, True]


def test_a_count_gives_a_frame_by_date(quotes):
    found = quotes.market_data(["open", "close"], ["510300.SH"], START, False, 3)
    assert list(found.index) == ["20260101", "20260102", "20260105"]
    assert list(found.columns) == ["open", "close"]


def test_get_market_data_ex_gives_a_frame_for_each_code_named_stime(quotes):
    found = quotes.frame(["close"], "510300.SH", START, 5)
    assert found.index.name == "stime" and len(found) == 5
    assert len(quotes.frame(["close"], "600000.SH", START, 5)) == 0


def test_todays_bar_is_still_forming(quotes):
    early = quotes.frame([], "510300.SH", START + 30, 1).iloc[0]
    late = quotes.frame([], "510300.SH", START + 150, 1).iloc[0]
    assert early["open"] == late["open"]
    assert late["high"] > early["high"]
