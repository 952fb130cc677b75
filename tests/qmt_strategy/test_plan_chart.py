"""The chart post: closes, average and bands as CSV, never too large."""

import hashlib

import pytest

from qmt_strategy.dingtou import chart, grid, plan
from qmt_strategy.dingtou.rule import Rule

RULE = Rule(ma=2)
SOUND = plan.from_bounds(RULE, 1.0, 1.0, 20, -8, 500, 500)
DAYS = ["20240126", "20240129", "20240130"]


def test_the_bands_are_the_prices_where_the_rule_begins_to_buy_and_sell():
    text = chart.chart_csv(DAYS, [1.0, 1.1, 0.9], SOUND, RULE)
    assert text == (
        "date,close,average,lower,upper\n"
        "20240126,1.0000,,,\n"
        "20240129,1.1000,1.0500,0.9660,1.2600\n"
        "20240130,0.9000,1.0000,0.9200,1.2000\n"
    )
    assert plan.wish(SOUND, RULE, 0.9199, 0).side == 1
    assert plan.wish(SOUND, RULE, 0.92, 0).side == 0
    assert grid.decide(grid.cell(1.2, 1.0, 0.01), 0, -8, 20) == -1
    assert grid.decide(grid.cell(1.1999, 1.0, 0.01), 0, -8, 20) == 0


def test_a_side_without_a_threshold_has_no_band():
    one_sided = SOUND._replace(hi=grid.NEVER)
    assert chart.chart_csv(DAYS, [1.0, 1.1, 0.9], one_sided, RULE).endswith("20240130,0.9000,1.0000,0.9200,\n")
    one_sided = SOUND._replace(lo=-grid.NEVER)
    assert chart.chart_csv(DAYS, [1.0, 1.1, 0.9], one_sided, RULE).endswith("20240130,0.9000,1.0000,,1.2000\n")


def test_a_refused_funds_closes_are_still_drawn():
    assert chart.chart_csv(DAYS, [1.0, 0.0, float("nan")], plan.refused("x"), RULE) == (
        "date,close,average,lower,upper\n20240126,1.0000,,,\n20240129,,,,\n20240130,,,,\n"
    )


def test_the_newest_days_are_kept():
    text = chart.chart_csv(DAYS, [1.0, 1.1, 0.9], SOUND, RULE, days=2)
    assert [line[:8] for line in text.splitlines()[1:]] == DAYS[1:]


@pytest.mark.parametrize("days, kept", [(10, 10), (4000, 4000), (20000, 7084)])
def test_the_text_is_never_larger_than_a_file_post_may_be(days, kept):
    dates, closes = ["20240130"] * days, [1.0 + 0.001 * (i % 7) for i in range(days)]
    text = chart.chart_csv(dates, closes, SOUND, RULE, days=days)
    assert len(text.encode("utf-8")) <= 256 * 1024
    assert len(text.splitlines()) == kept + 1
    assert text.startswith(chart.HEADER) and text.endswith("\n")


def test_the_post_carries_name_and_checksum():
    found = chart.chart_file("512690.SH", DAYS, [1.0, 1.1, 0.9], SOUND, RULE)
    assert (found["name"], found["source"]) == ("chart-512690.SH.csv", "strategy")
    assert found["sha256"] == hashlib.sha256(found["content"].encode("utf-8")).hexdigest()


def test_no_bars_are_a_file_with_a_header():
    assert chart.chart_csv([], [], plan.refused("x"), RULE) == chart.HEADER
