"""Prices and quotes: where they come from, the path of a day, adjustment, the shapes of frames (qmt-facts 1.8)."""

import csv
import os

import pandas
import pytest

from rehearsal import market
from rehearsal.qmt import frames, times
from rehearsal.qmt.adjust import Event
from rehearsal.qmt.hours import AlwaysOpen, ExchangeHours
from rehearsal.qmt.quotes import Quotes

CODE = "510300.SH"
DAY = "20260105"
GOOD = "date,open,high,low,close,volume\n2024-01-30,1.0,1.2,0.9,1.1,5\n2024-01-31,1.1,1.3,1.0,1.2,5\n"


@pytest.fixture
def quotes(world):
    return Quotes(world().exchange)


def at(clock, day=DAY):
    return times.at(day, clock)


# ---- the path of a day


def test_a_day_goes_from_open_to_low_to_high_to_close_in_twenty_ticks_each():
    walked = market.path(market.Bar("x", 2.0, 3.0, 1.0, 2.5))
    assert len(walked) == 61
    assert (walked[0], walked[20], walked[40], walked[60]) == (2.0, 1.0, 3.0, 2.5)
    assert walked[10] == 1.5 and walked[30] == 2.0


def test_a_thinned_day_meets_the_same_prices_as_a_full_one(world):
    made = world()
    bar = made.market.bars[CODE][made.market.index(CODE, DAY)]
    full = market.path(bar, 1580)
    assert len(full) == 4741
    assert full[::79] == market.path(bar)
    thin = [made.exchange.quote(CODE, moment).last for moment in made.hours.tick_times(DAY, 61)]
    assert thin == market.path(bar)


def test_the_days_extremes_are_those_of_the_path_so_far():
    bar = market.Bar("x", 2.0, 3.0, 1.0, 2.5)
    walked = market.path(bar)
    for step in range(61):
        assert market.extremes_at(bar, step, 60) == (max(walked[: step + 1]), min(walked[: step + 1]))


def test_ticks_of_a_day_lie_in_its_sessions(world):
    made = world().hours.tick_times(DAY, 4741)
    assert (made[0], made[2399], made[2400], made[-1]) == (at("09:30"), at("11:29:57"), at("13:00"), at("14:57"))


@pytest.mark.parametrize(
    "clock, open_int, tick",
    [
        ("08:00", 11, "20260102 15:00:00"),
        ("09:20", 12, "20260105 09:20:00"),
        ("10:00:02", 13, "20260105 10:00:00"),
        ("12:00", 14, "20260105 11:30:00"),
        ("14:58", 18, "20260105 14:58:00"),
        ("18:00", 15, "20260105 15:00:00"),
    ],
)
def test_a_tick_tells_the_phase_of_the_day(quotes, clock, open_int, tick):
    entry = quotes.full_tick([CODE], at(clock))[CODE]
    assert (entry["openInt"], entry["timetag"]) == (open_int, tick)


def test_before_the_opening_price_there_is_none(quotes):
    entry = quotes.full_tick([CODE], at("09:20"))[CODE]
    assert (entry["lastPrice"], entry["askPrice"][0], entry["bidPrice"][0]) == (0.0, 0.0, 0.0)
    assert entry["lastClose"] > 0
    assert (
        quotes.full_tick([CODE], at("09:26"))[CODE]["lastPrice"] == quotes.full_tick([CODE], at("09:30"))[CODE]["open"]
    )


def test_on_a_sunday_the_last_ticks_are_fridays(quotes):
    assert quotes.full_tick([CODE], at("10:00", "20260111"))[CODE]["timetag"] == "20260109 15:00:00"


def test_the_book_has_five_levels_around_the_last_price(world):
    tick = world(at="10:00").tick(CODE)
    assert list(tick.ask) == sorted(tick.ask) and len(tick.ask) == 5
    assert list(tick.bid) == sorted(tick.bid, reverse=True) and len(tick.bid) == 5
    assert tick.bid[0] == tick.last < tick.ask[0]
    assert all(abs(price * 1000 - round(price * 1000)) < 1e-6 for price in tick.ask + tick.bid)


def test_always_open_walks_the_day_again_and_again():
    hours = AlwaysOpen(1000.0, 0.5)
    assert [hours.moment(1000.0 + 0.5 * number).step for number in (0, 1, 60, 61)] == [0, 1, 60, 0]
    assert hours.moment(1000.7).tick_at == 1000.5


def test_a_replayed_market_has_a_bar_for_today_and_for_the_days_after():
    made = market.synthetic(1, days=300).replayed_from("20270103")
    assert made.index(CODE, "20270103") is not None and made.index(CODE, "20270104") is not None
    assert made.day_before("20270103") == "20270101"
    assert made.bars[CODE][-1].close == market.synthetic(1, days=300).bars[CODE][-1].close


# ---- where bars come from


def test_a_synthetic_market_says_so_and_is_the_same_for_the_same_seed():
    first, again, other = market.synthetic(1, 50), market.synthetic(1, 50), market.synthetic(2, 50)
    assert first.bars == again.bars != other.bars
    assert first.synthetic and "合成行情" in first.source and "种子 1" in first.source


def test_a_synthetic_market_is_the_same_on_every_python():
    bar = market.synthetic(1, 3, last_day="20260105").bars[CODE][2]
    assert bar == market.Bar("20260105", 4.002, 4.007, 3.975, 3.986)


def test_synthetic_bars_are_possible_bars():
    for bars in market.synthetic(3, 500).bars.values():
        assert all(0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_given_prices_are_read_and_named(tmp_path):
    (tmp_path / "510300.SH.csv").write_text(GOOD)
    (tmp_path / "events.csv").write_text(
        "code,ex_date,kind,value\n510300,2024-01-31,dividend,0.1\n512690,2024-01-31,split,2\n"
    )
    made = market.from_folder(str(tmp_path))
    assert made.codes == (CODE,)
    assert made.bars[CODE][1] == market.Bar("20240131", 1.1, 1.3, 1.0, 1.2)
    assert made.events == {CODE: [Event(1, "dividend", 0.1)]}
    assert not made.synthetic and str(tmp_path) in made.source


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


@pytest.mark.parametrize(
    "line", ["510300,2024-01-31,gift,1", "510300,2024-01-31,split,-1", "510300,never,split,2", "x"]
)
def test_events_that_cannot_be_used_are_refused_with_file_and_line(tmp_path, line):
    (tmp_path / "510300.SH.csv").write_text(GOOD)
    (tmp_path / "events.csv").write_text("code,ex_date,kind,value\n%s\n" % line)
    with pytest.raises(market.PriceError, match="events.csv 第 2 行"):
        market.from_folder(str(tmp_path))


def test_a_folder_without_prices_is_refused(tmp_path):
    with pytest.raises(market.PriceError, match="没有"):
        market.from_folder(str(tmp_path))
    with pytest.raises(market.PriceError, match="不存在"):
        market.from_folder(str(tmp_path / "none"))


# ---- splits and dividends


def eventful():
    """Four days; 0.2 a share is paid on the second, the third is split in two. All prices at each day's close."""
    closes = (4.0, 3.8, 1.9, 2.0)
    bars = [market.Bar("2026010%d" % (5 + n), c, c, c, c) for n, c in enumerate(closes)]
    return market.Market({CODE: bars}, "x", True, {CODE: [Event(1, "dividend", 0.2), Event(2, "split", 2.0)]})


@pytest.mark.parametrize(
    "kind, closes",
    [
        ("none", [4.0, 3.8, 1.9]),
        ("front", [1.9, 1.9, 1.9]),
        ("front_ratio", [1.9, 1.9, 1.9]),
        ("back", [4.0, 4.0, 4.0]),
        ("back_ratio", [4.0, 4.0, 4.0]),
    ],
)
def test_a_holder_whose_worth_did_not_change_sees_a_flat_line_in_every_adjustment(kind, closes):
    found = eventful().adjusted(CODE, kind, "20260108")
    assert [bar.close for bar in found] == pytest.approx(closes)


def test_additive_and_ratio_adjustment_differ_away_from_the_ex_date():
    bars = [market.Bar("2026010%d" % (5 + n), c, c, c, c) for n, c in enumerate((2.0, 4.0, 3.0, 3.0))]
    made = market.Market({CODE: bars}, "x", True, {CODE: [Event(2, "dividend", 1.0)]})
    assert [bar.close for bar in made.adjusted(CODE, "front", "20260108")] == pytest.approx([1.0, 3.0, 3.0])
    assert [bar.close for bar in made.adjusted(CODE, "front_ratio", "20260108")] == pytest.approx([1.5, 3.0, 3.0])


def test_on_an_ex_date_the_last_close_is_the_reference_price():
    made = eventful()
    assert [made.last_close(CODE, day) for day in ("20260106", "20260107", "20260108")] == [3.8, 1.9, 1.9]


def test_front_ratio_ends_at_the_last_close_on_every_real_ex_date(real_prices):
    made = market.from_folder(real_prices)
    for code, events in made.events.items():
        for event in events:
            day = made.bars[code][event.at].date
            on_time = made.adjusted(code, "front_ratio", day)[-1].close
            late = made.adjusted(code, "front_ratio", day, late_factors=True)[-1].close
            last_close = made.last_close(code, day)
            assert abs(on_time - last_close) <= 0.0006
            assert abs(late - last_close) > max(0.001, 0.001 * last_close)


def test_front_is_the_additive_kind_of_an_independent_source(real_prices):
    folder = os.path.join(os.path.dirname(real_prices), "etf_front")
    made = market.from_folder(real_prices)
    for code in (CODE, "159928.SZ", "510500.SH"):
        ours = {bar.date: bar.close for bar in made.adjusted(code, "front", "20230307")}
        with open(os.path.join(folder, code + ".csv")) as file:
            theirs = {row["date"].replace("-", ""): float(row["close"]) for row in csv.DictReader(file)}
        common = sorted(set(ours) & set(theirs))
        close = [day for day in common if abs(ours[day] - theirs[day]) <= 0.005]
        assert len(common) > 1000 and len(close) > 0.98 * len(common)


# ---- ticks


def test_a_code_without_quotes_is_left_out(quotes):
    assert list(quotes.full_tick([CODE, "600000.SH"], at("10:00"))) == [CODE]


def test_frozen_quotes_keep_their_time_and_price_until_they_thaw(quotes):
    before = quotes.full_tick([CODE], at("10:00"))
    quotes.freeze(at("10:00"))
    assert quotes.full_tick([CODE], at("10:30")) == before
    quotes.thaw()
    assert quotes.full_tick([CODE], at("10:30")) != before


def test_an_instruments_limits_are_ten_percent_and_twenty_for_chinext(quotes):
    for code, rate in ((CODE, 0.1), ("159915.SZ", 0.2)):
        detail = quotes.instrument_detail(code, at("10:00"))
        assert detail["UpStopPrice"] == round(detail["PreClose"] * (1 + rate), 3)
        assert detail["DownStopPrice"] == round(detail["PreClose"] * (1 - rate), 3)
    assert quotes.instrument_detail("600000.SH", at("10:00")) == {}


# ---- frames


def data(quotes, fields, codes, count=-1, start="", end="", period="1d", clock="10:00", kind="none"):
    return frames.market_data(quotes, fields, codes, period, start, end, count, kind, at(clock))


def ex(quotes, fields=("close",), count=-1, start="", end="", period="1d", clock="10:00", kind="none", code=CODE):
    return frames.market_data_ex(quotes, fields, [code], period, start, end, count, kind, at(clock))[code]


def test_one_code_and_one_field_is_a_number_and_minus_one_without_data(quotes):
    assert data(quotes, ["close"], [CODE]) == quotes.tick(CODE, at("10:00")).last
    assert data(quotes, ["close"], ["600000.SH"]) == -1


def test_one_code_and_several_fields_is_a_series(quotes):
    found = data(quotes, ["open", "close"], [CODE])
    assert isinstance(found, pandas.Series) and list(found.index) == ["open", "close"]


def test_several_codes_are_a_frame_by_code_with_nan_for_the_missing(quotes):
    found = data(quotes, ["close"], [CODE, "600000.SH"])
    assert list(found.index) == [CODE, "600000.SH"]
    assert found["close"].isnull().tolist() == [False, True]


def test_a_count_gives_a_frame_by_date(quotes):
    found = data(quotes, ["open", "close"], [CODE], count=3)
    assert list(found.index) == ["20260101", "20260102", "20260105"]
    assert list(found.columns) == ["open", "close"]


def test_a_range_gives_a_frame_from_day_to_day(quotes):
    assert list(data(quotes, ["close"], [CODE], start="20251230", end="20260102").index) == [
        "20251230",
        "20251231",
        "20260101",
        "20260102",
    ]


def test_several_codes_and_a_range_are_a_panel_or_a_dict(quotes):
    found = data(quotes, ["close"], [CODE, "510500.SH"], count=3)
    assert sorted(found.keys() if isinstance(found, dict) else found.items) == [CODE, "510500.SH"]
    assert isinstance(found, dict) or type(found).__name__ == "Panel"


def test_get_market_data_ex_gives_a_frame_named_stime(quotes):
    found = ex(quotes, count=5)
    assert found.index.name == "stime" and len(found) == 5 and found["close"].dtype == float
    assert len(ex(quotes, count=5, code="600000.SH")) == 0
    assert list(ex(quotes, fields=(), count=1).columns) == list(frames.FIELDS)


def test_todays_bar_is_still_forming_and_is_missing_before_the_open(quotes):
    fields = ("open", "high", "low", "close")
    early, late = ex(quotes, fields, 1, clock="09:40").iloc[0], ex(quotes, fields, 1, clock="14:00").iloc[0]
    assert early["open"] == late["open"] and late["low"] < early["low"] and late["close"] > late["low"]
    assert ex(quotes, count=1, clock="09:20").index[0] == "20260102"


@pytest.mark.parametrize(
    "period, last, bars",
    [
        ("1m", "20260105100100", 31),
        ("5m", "20260105100500", 7),
        ("30m", "20260105103000", 2),
        ("1h", "20260105103000", 1),
    ],
)
def test_intraday_bars_are_labelled_by_their_end(quotes, period, last, bars):
    found = ex(quotes, ("open", "close"), period=period, start=DAY)
    assert found.index[-1] == last and len(found) == bars
    assert found["close"].iloc[-1] == quotes.tick(CODE, at("10:00")).last
    assert found["open"].iloc[0] == quotes.tick(CODE, at("10:00")).open


def test_a_days_minutes_are_240_and_join(quotes):
    found = ex(quotes, ("open", "high", "low", "close"), period="1m", start=DAY, clock="15:00")
    assert len(found) == 240 and found.index[0] == "20260105093100" and found.index[-1] == "20260105150000"
    assert (found["close"].iloc[:-1].values == found["open"].iloc[1:].values).all()
    day = quotes.tick(CODE, at("15:00"))
    assert (found["high"].max(), found["low"].min(), found["close"].iloc[-1]) == (day.high, day.low, day.last)


def test_longer_periods_are_gathered_from_days(quotes):
    weeks = ex(quotes, ("open", "close"), count=2, period="1w")
    assert list(weeks.index) == ["20260102", "20260105"]
    assert ex(quotes, count=2, period="1mon").index[0] == "20251231"


def test_minutes_of_a_past_day_are_adjusted_as_its_day_is(world):
    made = Quotes(world(prices=eventful(), day="20260107").exchange)
    found = frames.market_data_ex(made, ("close",), [CODE], "1m", "", "", -1, "front_ratio", at("10:00", "20260107"))
    assert found[CODE]["close"].iloc[0] == pytest.approx(1.9)


def test_history_bars_of_the_chart_get_history_values(client):
    text = """
    def handlebar(C):
        seen.append((C.get_bar_timetag(C.barpos), C.get_market_data(['close'], [C.stockcode + '.' + C.market])))
    """
    made = client(text, at="10:00", history_bars=10, named={"code": CODE}).started()
    exchange = made.world.exchange
    assert [close for _, close in made.seen] == [exchange.quote(CODE, tag / 1000 + 60).last for tag, _ in made.seen]


@pytest.mark.parametrize("period, kind", [("2d", "none"), ("1d", "forward")])
def test_an_unknown_period_or_adjustment_is_a_value_error(quotes, period, kind):
    with pytest.raises(ValueError):
        ex(quotes, period=period, kind=kind)


def test_exchange_hours_know_when_the_next_auction_is_fixed(world):
    hours = ExchangeHours(world().market)
    assert [hours.next_fixing(at(clock)) for clock in ("09:00", "09:25", "15:00")] == [
        at("09:25"),
        at("15:00"),
        float("inf"),
    ]
