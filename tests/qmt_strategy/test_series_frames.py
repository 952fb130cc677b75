"""Daily bars out of whatever QMT answers."""

import math

import numpy
import pandas
import pytest

from qmt_strategy.dingtou import series

CODE = "512690.SH"
TODAY = "20240131"
DAYS = ["20240126", "20240129", "20240130"]


def frame(closes=(1.0, 1.1, 1.2, 1.3), index=tuple(DAYS) + (TODAY,), column="close"):
    return pandas.DataFrame({column: list(closes)}, index=pandas.Index(list(index), name="stime"))


def read(answer, count=10):
    return series.from_answer(answer, CODE, count, TODAY)


class Context:
    def __init__(self, answer):
        self.answer = answer
        self.asked = None

    def get_market_data_ex(self, *args, **named):
        self.asked = (args, named)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def get_trading_dates(self, *args):
        self.asked = args
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_todays_forming_bar_is_dropped():
    assert read({CODE: frame()}) == series.Series(DAYS, [1.0, 1.1, 1.2], "")


def test_a_frame_without_todays_bar_loses_nothing():
    assert read({CODE: frame((1.0, 1.1, 1.2), DAYS)}) == series.Series(DAYS, [1.0, 1.1, 1.2], "")


def test_no_more_than_count_bars_come_back_with_or_without_todays():
    assert read({CODE: frame()}, 2).dates == DAYS[1:]
    assert read({CODE: frame((1.0, 1.1, 1.2), DAYS)}, 2).dates == DAYS[1:]


@pytest.mark.parametrize(
    "index",
    [
        [day + "150000" for day in DAYS],
        [day[:4] + "-" + day[4:6] + "-" + day[6:] for day in DAYS],
        [int(day) for day in DAYS],
        [int(day + "000000") for day in DAYS],
        pandas.to_datetime(DAYS),
        [1706198400000, 1706457600000, 1706544000000],  # midnights in China as epoch milliseconds
        [1706198400000.0, 1706457600000.0, 1706544000000.0],
    ],
)
def test_dates_in_other_dress_are_understood(index):
    assert read({CODE: frame((1.0, 1.1, 1.2), index)}).dates == DAYS


@pytest.mark.parametrize("close", [float("nan"), None, "x", 1.7976931348623157e308, float("inf")])
def test_what_is_no_number_becomes_nan(close):
    found = read({CODE: pandas.DataFrame({"close": [1.0, close, 1.2]}, index=DAYS, dtype=object)})
    assert math.isnan(found.closes[1])
    assert (found.closes[0], found.closes[2], found.why_not) == (1.0, 1.2, "")


def test_zeros_are_handed_on_for_the_plan_to_refuse():
    assert read({CODE: frame((0.0, 0, 0.0), DAYS)}).closes == [0.0, 0.0, 0.0]


def test_numbers_are_plain_and_not_rounded():
    found = read({CODE: frame(numpy.array([1.123456789, 2.0, 3.0], dtype="float64"), DAYS)})
    assert found.closes[0] == 1.123456789
    assert {type(close) for close in found.closes} == {float}
    assert {type(day) for day in found.dates} == {str}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        -1,
        {},
        [],
        "",
        {CODE: None},
        {CODE: -1},
        {"512580.SH": frame()},
        {CODE: frame(column="open")},
        {CODE: pandas.DataFrame()},
        {CODE: frame((), ())},
        {CODE: frame((1.0,), (TODAY,))},
        {CODE: frame((1.0, 1.1), ("20240130", "x"))},
        {CODE: frame((1.0, 1.1), (0, 1))},
        {CODE: frame((1.0, 1.1), (12345678, 12345679))},
        {CODE: frame((1.0, 1.1), (pandas.NaT, pandas.NaT))},
        {CODE: [1.0, 1.1]},
        frame(),
    ],
    ids=str,
)
def test_an_answer_without_bars_is_a_sentence(answer):
    found = read(answer)
    assert (found.dates, found.closes) == ([], [])
    assert found.why_not.startswith("QMT ")


def test_a_bar_of_tomorrow_means_a_wrong_clock():
    assert "20240201" in read({CODE: frame((1.0, 1.1), ("20240130", "20240201"))}).why_not


def test_qmt_is_asked_for_front_ratio_and_one_bar_more():
    context = Context({CODE: frame()})
    series.daily(context, CODE, 3249, TODAY, subscribe=False)
    assert context.asked == (
        (["close"], [CODE]),
        {"period": "1d", "count": 3250, "dividend_type": "front_ratio", "subscribe": False},
    )


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyError(CODE), AttributeError("get_market_data_ex")])
def test_a_call_that_raises_is_a_sentence(error):
    assert "取日线出错" in series.daily(Context(error), CODE, 10, TODAY).why_not


def test_a_client_without_the_call_is_a_sentence():
    assert "取日线出错" in series.daily(object(), CODE, 10, TODAY).why_not


@pytest.mark.parametrize(
    "answer, expected",
    [
        (["20240129", "20240130", "20240131"], "20240130"),
        (["20240130", "20240129"], "20240130"),
        ([20240129, 20240130, 20240201], "20240130"),
        (["20240131"], ""),
        ([], ""),
        (None, ""),
        (-1, ""),
        (RuntimeError("no"), ""),
    ],
)
def test_the_previous_trading_day(answer, expected):
    assert series.previous_trading_day(Context(answer), CODE, TODAY) == expected


def test_a_field_of_a_tick_is_a_number_or_nothing():
    assert series.field({"lastClose": "1.05"}, "lastClose") == 1.05
    assert series.field({"lastClose": 1.7976931348623157e308}, "lastClose") is None
    assert series.field({}, "lastClose") is None
    assert series.field(None, "lastClose") is None
    assert series.field(-1, "PreClose") is None
