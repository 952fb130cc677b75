"""What is drawn: pure functions, series in, text out."""

import math
import re
from xml.etree import ElementTree

import pytest

from receiver import receiver as program
from receiver.receiver import ChartRow, Curve, Frame, Mark

FRAME = Frame(0.0, 10.0, 0.0, 100.0)


def drawn(curves, **more):
    """The chart as XML: a malformed one fails here."""
    text = program.draw(program.frame_of(curves), curves, [(0.0, "<a>")], "说明 <b>", **more)
    return ElementTree.fromstring(text)


def test_the_corners_of_a_frame_are_the_corners_of_the_plot():
    assert (FRAME.x(0), FRAME.x(10)) == (program.CHART_LEFT, program.CHART_RIGHT)
    assert (FRAME.y(0), FRAME.y(100)) == (program.CHART_HEIGHT - program.CHART_BOTTOM, program.CHART_TOP)


def test_a_line_is_broken_where_nobody_knows():
    assert program.path_of(FRAME, [(0, 0), (5, 50), (6, None), (8, 10), (10, 20)]).count("M") == 2


def test_a_single_point_is_seen():
    assert program.path_of(FRAME, [(5, 50)]).endswith("h.1")


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 0.0], [-1e12, 1e12], [1e-9, 2e-9]])
def test_any_series_gives_a_chart_of_finite_numbers(values):
    root = drawn([Curve("l0", list(enumerate(values)))])
    text = ElementTree.tostring(root, encoding="unicode")
    assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)


def test_a_chart_says_what_it_shows_and_escapes_it():
    root = drawn([Curve("l0", [(0, 1), (1, 2)])])
    assert root.get("role") == "img"
    assert root.get("aria-label") == "说明 <b>"
    assert "<a>" in [node.text for node in root.iter("text")]


def test_without_a_point_there_is_no_chart():
    curves = [Curve("l0", [(0, None)])]
    assert program.frame_of(curves) is None
    assert program.draw(None, curves, [], "") == ""


def test_a_buy_points_up_from_below_and_a_sell_down_from_above():
    def tip_and_foot(buys):
        numbers = [float(n) for n in re.findall(r"[\d.]+", program.triangle(FRAME, Mark(5, 50, buys)))]
        return numbers[1], numbers[3]

    here = FRAME.y(50)
    assert here < tip_and_foot(True)[0] < tip_and_foot(True)[1]
    assert here > tip_and_foot(False)[0] > tip_and_foot(False)[1]


@pytest.mark.parametrize(
    "low, high, wanted", [(0, 10, [0, 2.5, 5, 7.5, 10]), (759_000, 769_000, [760_000, 762_500, 765_000, 767_500])]
)
def test_ticks_are_round_and_few(low, high, wanted):
    assert program.nice_ticks(low, high) == wanted


def test_ticks_are_as_exact_as_their_steps():
    ticks = program.nice_ticks(759_000, 769_000)
    assert program.axis_text(762_500, ticks) == "76.25万"
    assert program.axis_text(2.6, [2.4, 2.6]) == "2.6"
    assert program.axis_text(0, [0, 50]) == "0"


@pytest.mark.parametrize("span", [600, 3600, 6 * 3600, 86400, 5 * 86400, 31 * 86400, 366 * 86400, 3660 * 86400])
def test_the_time_axis_has_two_to_five_ticks_for_every_span(span):
    end = 1_770_000_000.0
    ticks = program.linear_ticks(end - span, end)
    assert 2 <= len(ticks) <= 6
    assert all(end - span <= at <= end for at, _ in ticks)
    assert len({text for _, text in ticks}) == len(ticks)


def test_a_gap_longer_than_allowed_breaks_the_line():
    assert program.broken([(0, 1.0), (10, 2.0), (100, 3.0)], 60) == [(0, 1.0), (10, 2.0), (100, None), (100, 3.0)]


FRIDAY = program.day_number(program.datetime(2026, 6, 5, 12, tzinfo=program.SHANGHAI).timestamp())


def hour(day, value=1.0):
    return [day * 86400 - 8 * 3600 + 10 * 3600, value]


def test_a_weekend_breaks_no_line_and_a_missing_working_day_does():
    monday, wednesday = FRIDAY + 3, FRIDAY + 5
    points = [hour(FRIDAY), hour(monday), hour(wednesday)]
    values = [value for _, value in program.trading_points(points, [FRIDAY, monday, wednesday])]
    assert values == [1.0, 1.0, None, 1.0]


def test_thinning_keeps_the_peak_the_trough_and_the_last_day():
    rows = [ChartRow(f"{20260101 + n}", 10 + math.sin(n)) for n in range(1000)]
    rows[501] = ChartRow("x", 99.0)
    rows[777] = ChartRow("y", 0.5)
    kept = program.thin(rows, 100)
    assert len(kept) <= 101
    assert {99.0, 0.5} <= {row.close for row in kept}
    assert kept[-1] == rows[-1]


def test_a_days_deals_are_one_mark_a_side_on_the_drawn_day():
    deals = [{"day": "20260105", "买卖": "买入"}] * 3 + [{"day": "20260106", "买卖": "卖出"}]
    marks = program.deal_marks(deals, ["20260105", "20260108"], {"20260105": 4.0, "20260108": 5.0})
    assert marks == [Mark(0.0, 4.0, True), Mark(0.0, 4.0, False)]


def test_the_bars_of_an_allocation_are_as_long_as_their_shares():
    parts = [{"name": "甲", "code": "1", "share": 0.75}, {"name": "<乙>", "code": "2", "share": 0.25}]
    root = ElementTree.fromstring(program.draw_shares(parts, "配置"))
    bars = [node.get("d") for node in root.iter("path") if node.get("class") == "bar"]
    widths = [float(re.search(r"h([\d.]+)", bar).group(1)) for bar in bars]
    assert widths[0] == pytest.approx(3 * widths[1], abs=0.2)
    assert "<乙>" in [node.text for node in root.iter("text")]
